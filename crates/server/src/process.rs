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

/// Lets this process have as many sockets as the OS allows it: the usual limit is below the connections it takes.
pub(crate) fn raise_socket_limit() {
    #[cfg(unix)]
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::debug!(limit, "files and sockets"),
        Err(error) => tracing::warn!(%error, "the limit of files and sockets stays as it is"),
    }
}
