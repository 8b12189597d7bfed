//! Ending a daemon, or a load.

use std::time::{Duration, Instant};

use okibi_client::{Client, ClientError, ConnectOptions};
use okibi_protocol::{
    SERVER_TYPE_FRONT,
    method::{NoParams, StopServer},
};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    outcome::{StopError, Stopped},
    port, process,
};

/// Time between two checks whether it is gone: nobody is notified of the end of a process that is not their child.
const CHECK_EVERY: Duration = Duration::from_millis(5);

/// How long a daemon may take to end beyond its drain: a batch in ONNX Runtime cannot be interrupted.
const BEYOND_DRAIN: Duration = Duration::from_secs(3);

/// Ends the Okibi on a port, a daemon or a load, and returns when the port is free and the process gone.
///
/// `drain` is the time its requests in flight have. Errors: [`StopError`].
pub async fn stop(server: impl Into<ConnectOptions>, drain: Duration) -> Result<Stopped, StopError> {
    let server = server.into();
    let port = server.port;
    let status = match port::ask(&server).await {
        Ok(status) => status,
        Err(ClientError::Refused) => return Ok(Stopped::NotRunning),
        Err(ClientError::Rejected { status }) => {
            let why = status.into();
            return Err(StopError::Rejected { port, why });
        }
        Err(ClientError::NotOkibi(_) | ClientError::Timeout) => {
            return Err(StopError::NotOkibi {
                port,
                holder: port::holder(port).await,
            });
        }
        Err(error) => return Err(StopError::NoAnswer(error.into())),
    };
    let asked = async {
        let client = Client::connect(&server).await?;
        client.call::<StopServer>(NoParams {}).await
    };
    match asked.await {
        // It has gone between the two questions, or while it answered.
        Ok(_) | Err(ClientError::Refused | ClientError::Closed | ClientError::Io(_)) => {}
        Err(error) => return Err(StopError::NoAnswer(error.into())),
    }
    wait_until_gone(status.pid, Some(&server), drain + BEYOND_DRAIN).await?;
    Ok(if status.server_type == SERVER_TYPE_FRONT {
        Stopped::LoadEnded
    } else {
        Stopped::Stopped
    })
}

/// Ends the daemon `pid` that loads although its front is gone, so that nothing listens for it on a port.
///
/// If the process id was reused by another program, that process is left alone. Errors: [`StopError::StillRunning`].
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
            Some(server) => match port::ask(server).await {
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
