//! Unix: a new session, and no file descriptors beyond the three.

use std::{io, path::PathBuf};

use tokio::process::{Child, Command};

pub(super) fn neutral_folder() -> PathBuf {
    "/".into()
}

pub(super) fn spawn_detached(command: &mut Command) -> io::Result<Child> {
    // SAFETY: between fork and exec the closure makes system calls only, takes no lock and allocates nothing.
    unsafe {
        command.pre_exec(|| {
            if libc::setsid() == -1 {
                return Err(io::Error::last_os_error());
            }
            close_on_exec_from(3);
            Ok(())
        });
    }
    command.spawn()
}

/// Marks every descriptor from `first` on as not to be inherited: a pipe of the shell that ran the front, held by
/// the daemon, would keep a reader of that pipe waiting for as long as the daemon lives.
#[cfg(target_os = "linux")]
fn close_on_exec_from(first: libc::c_uint) {
    // SAFETY: the call takes no pointers. Kernels before 5.11 refuse it, and the fallback does the same slowly.
    let refused = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        ) != 0
    };
    if refused {
        mark_each_from(first);
    }
}

#[cfg(not(target_os = "linux"))]
fn close_on_exec_from(first: libc::c_uint) {
    mark_each_from(first);
}

fn mark_each_from(first: libc::c_uint) {
    /// Descriptors looked at, at most: the limit may be "none", and a front has few.
    const MOST: libc::c_int = 4096;
    // SAFETY: neither call takes a pointer; descriptors that are not open are refused, which does not matter.
    unsafe {
        let limit = libc::sysconf(libc::_SC_OPEN_MAX).clamp(0, MOST.into()) as libc::c_int;
        for descriptor in first as libc::c_int..limit {
            libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}
