//! What the kernel knows about a process (Linux).

use std::{fs, path::PathBuf};

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

/// A field of `/proc/PID/stat`, counted from the state. Source: proc(5).
fn field(pid: u32, number: usize) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may have spaces and brackets.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(number).map(str::to_owned)
}
