//! Spawning a process that outlives its parent: no terminal, no stdio, no inherited handles, a group of its own.
//!
//! The child gets a session (Unix) or a process group without a console (Windows) of its own, null for stdin,
//! stdout and stderr, and a working directory that will not be unmounted or deleted. It is still the parent's
//! child, so a parent that lives on has to wait for it.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::{ffi::OsString, io, path::Path, process::Stdio};

use okibi_protocol::notice::{LaunchSecret, SECRET_VARIABLE};
use tokio::process::{Child, Command};

#[cfg(unix)]
use unix as platform;
#[cfg(windows)]
use windows as platform;

/// Spawns `program` with `args`, detached, and gives it `secret` in its environment: arguments are shown to every user of
/// the machine, the environment only to this one.
///
/// Errors: those of the OS, such as a program that is not there.
pub(crate) fn spawn(program: &Path, args: &[OsString], secret: &LaunchSecret) -> io::Result<Child> {
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir(platform::neutral_folder())
        // The daemon sets this too; where a C library reads the environment only once (Windows), that is too late.
        .env("ORT_DISABLE_TELEMETRY", "1")
        .env(SECRET_VARIABLE, secret.as_str())
        .kill_on_drop(false);
    platform::spawn_detached(&mut command)
}
