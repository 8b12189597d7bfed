//! Ending the process at once, without the destructors of its libraries.

/// Ends the process with `code`; no other thread runs on, and nothing is cleaned up.
#[cfg(unix)]
pub(crate) fn now(code: i32) -> ! {
    // SAFETY: the call takes no pointer and does not return.
    unsafe { libc::_exit(code) }
}

/// Ends the process with `code`. Windows ends the other threads before it notifies any library.
#[cfg(not(unix))]
pub(crate) fn now(code: i32) -> ! {
    std::process::exit(code)
}
