//! What the OS knows about this process.

use okibi_protocol::units::ByteCount;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Resident memory of this process, where the OS tells it.
pub(crate) fn resident_memory() -> Option<ByteCount> {
    let pid = Pid::from_u32(std::process::id());
    let mut system = System::new().ok()?;
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        false,
        ProcessRefreshKind::nothing().with_memory(),
    );
    system.process(pid).map(|process| ByteCount(process.memory()))
}

/// The process that started this one, where the OS tells it.
pub(crate) fn parent() -> Option<u32> {
    let pid = Pid::from_u32(std::process::id());
    let mut system = System::new().ok()?;
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        false,
        ProcessRefreshKind::nothing(),
    );
    Some(system.process(pid)?.parent()?.as_u32())
}

/// The process that listens on a port, where the OS tells it.
pub(crate) async fn listener_on(port: u16) -> Option<u32> {
    // It reads through all processes.
    let find = move || {
        let holder = listeners::get_process_by_port(port, listeners::Protocol::TCP).ok()?;
        Some(holder.pid)
    };
    tokio::task::spawn_blocking(find).await.ok()?
}

/// Lets this process have as many sockets as the OS allows it: the usual limit is below the connections it takes.
pub(crate) fn raise_socket_limit() {
    #[cfg(unix)]
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::debug!(limit, "files and sockets"),
        Err(error) => tracing::warn!(%error, "the limit of files and sockets stays as it is"),
    }
}
