//! Ending a daemon, or a load.

use std::time::{Duration, Instant};

use okibi_client::{Client, ClientError};
use okibi_protocol::SERVER_TYPE_FRONT;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    outcome::{StopError, Stopped},
    port, process,
};

/// Time between two looks whether it is gone.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What a daemon may take beyond its drain to end.
const BEYOND_DRAIN: Duration = Duration::from_secs(3);

/// Ends whatever Okibi there is on `port` and returns when the port is free and the process gone.
///
/// `drain` is the time its requests in flight have. Errors: [`StopError`].
pub async fn stop(port: u16, drain: Duration) -> Result<Stopped, StopError> {
    let status = match port::ask(port).await {
        Ok(status) => status,
        Err(ClientError::Refused) => return Ok(Stopped::NotRunning),
        Err(ClientError::NotOkibi(_) | ClientError::Timeout) => {
            return Err(StopError::NotOkibi {
                port,
                holder: port::holder(port).await,
            });
        }
        Err(error) => return Err(StopError::NoAnswer(error.into())),
    };
    let asked = async { Client::connect(port).await?.stop_server().await };
    match asked.await {
        // It has gone between the two questions, or while it answered.
        Ok(_) | Err(ClientError::Refused | ClientError::Closed | ClientError::Io(_)) => {}
        Err(error) => return Err(StopError::NoAnswer(error.into())),
    }
    wait_until_gone(status.pid, Some(port), drain + BEYOND_DRAIN).await?;
    Ok(if status.server_type == SERVER_TYPE_FRONT {
        Stopped::LoadEnded
    } else {
        Stopped::Stopped
    })
}

/// Ends the daemon `pid` that loads although its front is gone, so that nothing listens for it on a port.
///
/// A process that is no Okibi, because the number was given anew, is left alone. Errors: [`StopError::StillRunning`].
pub async fn stop_loading(pid: u32) -> Result<Stopped, StopError> {
    if !process::is_okibi(pid) {
        return Ok(Stopped::NotRunning);
    }
    process::ask_to_end(pid);
    if wait_until_gone(pid, None, BEYOND_DRAIN).await.is_err() {
        process::kill(pid);
        wait_until_gone(pid, None, BEYOND_DRAIN).await?;
    }
    Ok(Stopped::LoadEnded)
}

/// Waits until the process has ended and nobody answers on its port.
async fn wait_until_gone(pid: u32, port: Option<u16>, limit: Duration) -> Result<(), StopError> {
    let began = Instant::now();
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while began.elapsed() < limit {
        looks.tick().await;
        if process::is_alive(pid) {
            continue;
        }
        match port {
            // A front that led the launch closes the port after the daemon's end; a new daemon may have come.
            Some(port) => match port::ask(port).await {
                Ok(status) if status.pid == pid => {}
                Err(ClientError::Closed | ClientError::Io(_)) => {}
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
