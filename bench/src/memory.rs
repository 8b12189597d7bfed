//! The memory of a process.

/// Resident bytes of a process, where the system reports it.
#[cfg(target_os = "linux")]
pub(crate) fn resident(pid: u32) -> Option<f64> {
    okibi_tests::proc::resident_bytes(pid)
}

/// Resident bytes of a process, where the system reports it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn resident(_pid: u32) -> Option<f64> {
    None
}
