//! Other processes: whether they live, what they are, ending them.

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, Signal, System, UpdateKind};

/// Reads what the OS knows about one process, and does something with it.
fn with_process<T>(pid: u32, use_it: impl FnOnce(&sysinfo::Process) -> T) -> Option<T> {
    let pid = Pid::from_u32(pid);
    let mut system = System::new().ok()?;
    let what = ProcessRefreshKind::nothing().with_exe(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
    let process = system.process(pid)?;
    let is_zombie = matches!(
        process.status(),
        sysinfo::ProcessStatus::Zombie | sysinfo::ProcessStatus::Dead
    );
    (!is_zombie).then(|| use_it(process))
}

/// Whether the process lives; one that has ended but was not waited for does not.
pub(crate) fn is_alive(pid: u32) -> bool {
    with_process(pid, |_| ()).is_some()
}

/// Whether the process runs the program Okibi, and not another one that was given its process id since.
pub(crate) fn is_okibi(pid: u32) -> bool {
    with_process(pid, |process| {
        let name = process
            .exe()
            .and_then(|exe| exe.file_stem())
            .unwrap_or(process.name());
        name.to_string_lossy().to_lowercase().starts_with("okibi")
    })
    .unwrap_or(false)
}

/// Asks the process to end; ends it where the OS has no signal for that (Windows).
pub(crate) fn ask_to_end(pid: u32) {
    let done = with_process(pid, |process| {
        process.kill_with(Signal::Term).unwrap_or_else(|| process.kill())
    });
    tracing::debug!(pid, ?done, "asked a process to end");
}

/// Ends the process.
pub(crate) fn kill(pid: u32) {
    let done = with_process(pid, sysinfo::Process::kill);
    tracing::debug!(pid, ?done, "killed a process");
}
