//! What the kernel knows about a process (Linux).

use std::{fs, path::PathBuf, time::Duration};

/// Session id of a process.
pub fn session(pid: u32) -> i32 {
    // SAFETY: the call takes no pointers.
    unsafe { libc::getsid(pid as libc::pid_t) }
}

/// Process group of a process.
pub fn group(pid: u32) -> i32 {
    // SAFETY: as above.
    unsafe { libc::getpgid(pid as libc::pid_t) }
}

/// What its descriptors are, in order: number and what it is open on.
pub fn descriptors(pid: u32) -> Vec<(u32, String)> {
    let mut found: Vec<(u32, String)> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let target = fs::read_link(entry.path()).ok()?;
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                target.display().to_string(),
            ))
        })
        .collect();
    found.sort_unstable();
    found
}

/// Its working directory.
pub fn working_directory(pid: u32) -> PathBuf {
    fs::read_link(format!("/proc/{pid}/cwd")).unwrap()
}

/// Its state letter (`R`, `S`, `Z` for a zombie); `None` when it is gone.
pub fn state(pid: u32) -> Option<char> {
    field(pid, 0)?.chars().next()
}

/// Its parent.
pub fn parent(pid: u32) -> Option<u32> {
    field(pid, 1)?.parse().ok()
}

/// Those whose parent it is.
pub fn children(pid: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap();
    all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|other| parent(*other) == Some(pid))
        .collect()
}

/// Returns the CPU time it has used so far, ended threads included; `None` when it is gone.
pub fn processor_time(pid: u32) -> Option<Duration> {
    let ticks = field(pid, 11)?.parse::<u64>().ok()? + field(pid, 12)?.parse::<u64>().ok()?;
    Some(Duration::from_secs_f64(ticks as f64 / system(libc::_SC_CLK_TCK)))
}

/// Its resident memory in bytes; `None` when it is gone.
pub fn resident_bytes(pid: u32) -> Option<f64> {
    let pages: f64 = field(pid, 21)?.parse().ok()?;
    Some(pages * system(libc::_SC_PAGESIZE))
}

/// A number that the system sets for all processes.
fn system(name: libc::c_int) -> f64 {
    // SAFETY: the call takes no pointers.
    unsafe { libc::sysconf(name) as f64 }
}

/// A field of `/proc/PID/stat`, counted from the state. Source: proc(5).
fn field(pid: u32, number: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may have spaces and brackets.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(number).map(str::to_owned)
}
