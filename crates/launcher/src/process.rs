//! Other processes: whether they live, what they are, ending them.

use std::ffi::OsStr;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, Signal, System, UpdateKind};

use crate::outcome::LaunchedDaemon;

/// The name of the programs of ours that hold a port, without the ending that some systems have.
const PROGRAMS: [&str; 2] = ["okibi", "okibi-tray"];

/// Reads what the OS knows about one process, and does something with it.
fn with_process<T>(pid: u32, use_it: impl FnOnce(&sysinfo::Process) -> T) -> Option<T> {
    let pid = Pid::from_u32(pid);
    let mut system = System::new().ok()?;
    let what = ProcessRefreshKind::nothing()
        .with_exe(UpdateKind::Always)
        .with_cmd(UpdateKind::Always);
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

/// Whether the process runs one of our programs, by its name: for messages, and never a reason to end it.
pub(crate) fn is_okibi(pid: u32) -> bool {
    with_process(pid, runs_okibi).unwrap_or(false)
}

fn runs_okibi(process: &sysinfo::Process) -> bool {
    let name = process
        .exe()
        .and_then(|exe| exe.file_stem())
        .unwrap_or(process.name());
    // Linux adds this to the name of a program whose file was replaced, as an update does.
    let name = name.to_string_lossy().to_lowercase();
    let name = name.strip_suffix(" (deleted)").unwrap_or(&name);
    PROGRAMS.contains(&name)
}

/// Whether the process is the daemon of the launch that `daemon` names: our program, started with the id of the launch.
///
/// The id is 64 random bits among the process's own arguments, so that a process which was given the same process id
/// since, be it another daemon, is never taken for it; this is stronger than its time of start, which moves with the
/// system's clock.
pub fn is_launched(daemon: &LaunchedDaemon) -> bool {
    let Some(launch) = &daemon.launch else {
        return false;
    };
    with_process(daemon.pid, |process| {
        let args = process.cmd();
        let names_launch = args
            .windows(2)
            .any(|pair| pair[0] == OsStr::new("--launch") && pair[1] == OsStr::new(&launch.0));
        runs_okibi(process) && names_launch
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
