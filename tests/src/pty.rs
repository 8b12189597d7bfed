//! A terminal whose window can be closed, and signals (Unix).

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    process::Stdio,
    ptr,
};

use tokio::{process::Command, sync::mpsc, task::JoinHandle};

use crate::limit::within;

/// A terminal. Dropping it closes its window: programs in it get SIGHUP.
pub struct Terminal {
    master: OwnedFd,
    inside: Option<OwnedFd>,
    output: mpsc::UnboundedReceiver<Vec<u8>>,
    seen: String,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Opens one.
    pub fn open() -> io::Result<Self> {
        let (mut master, mut inside) = (-1, -1);
        let size = libc::winsize {
            ws_row: 40,
            ws_col: 120,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        // SAFETY: the first two point to integers of ours, null is allowed for the rest, and `size` outlives the call.
        let opened = unsafe {
            libc::openpty(
                &mut master,
                &mut inside,
                ptr::null_mut(),
                ptr::null_mut(),
                (&raw const size).cast_mut(),
            )
        };
        if opened == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call has opened both, and nobody else has them.
        let (master, inside) = unsafe { (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(inside)) };
        for end in [&master, &inside] {
            // SAFETY: no pointers. Other children must not hold this terminal open.
            unsafe { libc::fcntl(end.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
        }
        let (output, reader) = read(&master)?;
        Ok(Self {
            master,
            inside: Some(inside),
            output,
            seen: String::new(),
            reader,
        })
    }

    /// Makes `command` the leader of a session in this terminal; only one.
    pub fn attach(&mut self, command: &mut Command) -> io::Result<()> {
        let inside = self.inside.take().expect("one command a terminal");
        command
            .stdin(Stdio::from(inside.try_clone()?))
            .stdout(Stdio::from(inside.try_clone()?))
            .stderr(Stdio::from(inside));
        // SAFETY: between fork and exec the closure makes system calls without pointers and allocates nothing.
        unsafe {
            command.pre_exec(|| {
                if libc::setsid() == -1 || libc::ioctl(0, libc::TIOCSCTTY as _, 0) == -1 {
                    return Err(io::Error::last_os_error());
                }
                Ok(())
            });
        }
        Ok(())
    }

    /// Waits until the terminal has shown `part`.
    pub async fn shows(&mut self, part: &str) {
        let what = format!("{part:?} in the terminal");
        while !self.seen.contains(part) {
            let Some(bytes) = within(&what, self.output.recv()).await else {
                panic!("the program ended without {what}: {}", self.seen)
            };
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// Everything it has shown up to the last wait.
    pub fn seen(&self) -> &str {
        &self.seen
    }

    /// Closes its window.
    pub async fn close(self) {
        let Self { master, reader, .. } = self;
        reader.abort();
        // Until the reader's copy of the descriptor is dropped the window is open.
        let _ = reader.await;
        drop(master);
    }
}

/// Reads what is shown. The task polls, so that aborting it closes its copy of the descriptor.
fn read(master: &OwnedFd) -> io::Result<(mpsc::UnboundedReceiver<Vec<u8>>, JoinHandle<()>)> {
    let mut file = File::from(master.try_clone()?);
    // SAFETY: no pointers.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    let (sender, output) = mpsc::unbounded_channel();
    let reader = tokio::spawn(async move {
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(5));
        loop {
            looks.tick().await;
            let mut bytes = [0; 4096];
            match file.read(&mut bytes) {
                Ok(0) => return,
                Ok(count) => {
                    if sender.send(bytes[..count].to_vec()).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The last program in the terminal has ended.
                Err(_) => return,
            }
        }
    });
    Ok((output, reader))
}

/// Sends a signal to a process, or with a negative number to a process group.
#[track_caller]
pub fn signal(pid: i32, signal: i32) {
    // SAFETY: no pointers.
    let sent = unsafe { libc::kill(pid, signal) };
    assert_eq!(
        sent,
        0,
        "signal {signal} to {pid}: {}",
        io::Error::last_os_error()
    );
}
