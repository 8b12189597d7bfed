//! Ending a daemon, or a load.
//!
//! A process is ended only when it proves to be the daemon that was asked for: it listens on that very port, by what the
//! OS says, or it was started with the id of the launch that the discovery file names for that port. What a program on
//! the port says of itself proves nothing.

use std::time::{Duration, Instant};

use okibi_client::{Client, ClientError, ConnectOptions};
use okibi_protocol::{
    SERVER_TYPE_FRONT,
    method::{NoParams, StopServer},
};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::{
    outcome::{LaunchedDaemon, StatusError, StopError, Stopped},
    port, process,
};

/// Time between two checks whether it is gone: nobody is notified of the end of a process that is not their child.
const CHECK_EVERY: Duration = Duration::from_millis(5);

/// How long a daemon may take to end beyond its drain. It ends itself before that, whatever hangs in it.
const BEYOND_DRAIN: Duration = Duration::from_secs(5);

/// How long a process has to end after it was asked to by the OS, and again after it was killed.
const KILL_LIMIT: Duration = Duration::from_secs(3);

/// Ends the Okibi on a port, a daemon or a load, and returns when the port is free and the process gone.
///
/// `drain` is the time its requests in flight have. `known` is the daemon that the discovery file names; it counts only
/// where it is one for this port. Errors: [`StopError`].
pub async fn stop(
    server: impl Into<ConnectOptions>,
    drain: Duration,
    known: Option<&LaunchedDaemon>,
) -> Result<Stopped, StopError> {
    let server = server.into();
    let port = server.port;
    let known = known.filter(|daemon| daemon.port == port);
    let (client, status) = match port::connect(&server).await {
        Ok(reached) => reached,
        // Its front may have gone, so that nothing listens for it.
        Err(StatusError::NotRunning { .. }) => return stop_loading(known).await,
        Err(StatusError::Silent { port, holder }) => {
            // It is suspended, or it hangs: there is nobody to ask.
            let is_named = known.is_some_and(|daemon| daemon.pid == holder.pid);
            if is_named || known.is_some_and(process::is_launched) {
                end(known.map_or(holder.pid, |daemon| daemon.pid)).await?;
            }
            return if is_named {
                Ok(Stopped::Stopped)
            } else {
                Err(StopError::Silent { port, holder })
            };
        }
        Err(error) => return Err(error.into()),
    };
    // Asked before it closes the port: afterwards the OS no longer says whose it is.
    let listens = port::holder(port)
        .await
        .is_some_and(|holder| holder.pid == status.pid);
    match timeout(server.timeout, client.call::<StopServer>(NoParams {})).await {
        // It has gone between the two questions, or while it answered.
        Ok(Ok(_) | Err(ClientError::Refused | ClientError::Closed | ClientError::Io(_))) => {}
        Ok(Err(error)) => return Err(StopError::NoAnswer(error.into())),
        Err(_) => return Err(StopError::NoAnswer(ClientError::Timeout.into())),
    }
    drop(client);
    let outcome = wait_until_gone(status.pid, Some(&server), drain + BEYOND_DRAIN).await;
    let is_known = known.is_some_and(|daemon| daemon.pid == status.pid && process::is_launched(daemon));
    if outcome.is_err() && (is_known || listens && process::is_okibi(status.pid)) {
        end(status.pid).await?;
    } else {
        outcome?;
    }
    Ok(if status.server_type == SERVER_TYPE_FRONT {
        Stopped::LoadEnded
    } else {
        Stopped::Stopped
    })
}

/// Ends the daemon that loads although its front is gone, so that nothing listens for it on a port.
async fn stop_loading(known: Option<&LaunchedDaemon>) -> Result<Stopped, StopError> {
    match known {
        Some(daemon) if process::is_launched(daemon) => {
            end(daemon.pid).await?;
            Ok(Stopped::LoadEnded)
        }
        _ => Ok(Stopped::NotRunning),
    }
}

/// Asks a process that has proved to be a daemon of ours to end, and ends it if it does not.
async fn end(pid: u32) -> Result<(), StopError> {
    process::ask_to_end(pid);
    if wait_until_gone(pid, None, KILL_LIMIT).await.is_err() {
        process::kill(pid);
        wait_until_gone(pid, None, KILL_LIMIT).await?;
    }
    Ok(())
}

/// Waits until the process has ended and nobody answers on its port.
async fn wait_until_gone(
    pid: u32,
    server: Option<&ConnectOptions>,
    limit: Duration,
) -> Result<(), StopError> {
    let began = Instant::now();
    let mut checks = interval(CHECK_EVERY);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while began.elapsed() < limit {
        checks.tick().await;
        if process::is_alive(pid) {
            continue;
        }
        match server {
            // A front that led the launch closes the port after the daemon's end; a new daemon may have come.
            Some(server) => match Client::reach(server).await {
                Ok((_, status)) if status.pid == pid => {}
                Err(error) if port::is_closing(&error) => {}
                _ => return Ok(()),
            },
            None => return Ok(()),
        }
    }
    Err(StopError::StillRunning {
        pid,
        seconds: limit.as_secs(),
    })
}
