//! The OS's ways of asking a process to end.

use tokio_util::sync::CancellationToken;

/// Cancels `stop` at the first request of the OS to end: SIGTERM or SIGINT, Ctrl-C or the console's close.
///
/// SIGHUP is ignored by a daemon, which has no terminal, and ends one in the foreground.
pub(crate) async fn watch(stop: CancellationToken, is_foreground: bool) {
    match platform::wait(is_foreground).await {
        Ok(name) => {
            tracing::info!(signal = name, "asked to stop by the system");
            stop.cancel();
        }
        Err(error) => tracing::warn!(%error, "signals cannot be watched; only stop_server ends this daemon"),
    }
}

#[cfg(unix)]
mod platform {
    use tokio::signal::unix::{SignalKind, signal};

    pub(super) async fn wait(is_foreground: bool) -> std::io::Result<&'static str> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok("SIGTERM"),
                _ = interrupt.recv() => return Ok("SIGINT"),
                _ = hang_up.recv() => if is_foreground { return Ok("SIGHUP") },
            }
        }
    }
}

#[cfg(windows)]
mod platform {
    use tokio::signal::windows;

    pub(super) async fn wait(_is_foreground: bool) -> std::io::Result<&'static str> {
        let mut interrupt = windows::ctrl_c()?;
        let mut brk = windows::ctrl_break()?;
        let mut close = windows::ctrl_close()?;
        let mut shutdown = windows::ctrl_shutdown()?;
        Ok(tokio::select! {
            _ = interrupt.recv() => "Ctrl-C",
            _ = brk.recv() => "Ctrl-Break",
            _ = close.recv() => "console closed",
            _ = shutdown.recv() => "shutdown",
        })
    }
}
