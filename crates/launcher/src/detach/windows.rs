//! Windows: no console, a process group of its own, out of the parent's job where that is allowed.

use std::{io, path::PathBuf};

use tokio::process::{Child, Command};
use windows_sys::Win32::{
    Foundation::{ERROR_ACCESS_DENIED, HANDLE_FLAG_INHERIT, INVALID_HANDLE_VALUE, SetHandleInformation},
    System::{
        Console::{GetStdHandle, STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE},
        Threading::{CREATE_BREAKAWAY_FROM_JOB, CREATE_NEW_PROCESS_GROUP, DETACHED_PROCESS},
    },
};

pub(super) fn neutral_folder() -> PathBuf {
    // The root of the system's drive: it always exists and is not deleted.
    let drive = std::env::var_os("SystemDrive").unwrap_or_else(|| "C:".into());
    let mut root = drive;
    root.push("\\");
    root.into()
}

pub(super) fn spawn_detached(command: &mut Command) -> io::Result<Child> {
    keep_own_handles();
    // A job that ends its processes when it is closed (a terminal in an editor, a build agent) would end the
    // daemon too. Some jobs do not let their processes go; then the daemon shares the job's fate.
    command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP | CREATE_BREAKAWAY_FROM_JOB);
    match command.spawn() {
        Err(error) if error.raw_os_error() == Some(ERROR_ACCESS_DENIED as i32) => {
            command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP);
            command.spawn()
        }
        other => other,
    }
}

/// Marks our own stdio as not to be inherited. Rust spawns with inheritance on, so the daemon would otherwise hold
/// the pipe that a caller reads our output from, and the caller would wait for as long as the daemon lives.
/// Source: github.com/rust-lang/rust/issues/54760.
fn keep_own_handles() {
    for which in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        // SAFETY: the handle is the process's own, or null or invalid, which is checked; no pointer is kept.
        unsafe {
            let handle = GetStdHandle(which);
            if !handle.is_null() && handle != INVALID_HANDLE_VALUE {
                SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0);
            }
        }
    }
}
