//! Making sure that a daemon runs.

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use okibi_client::ClientError;
use okibi_listener::bind_on;
use okibi_protocol::method::RunState;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    attach::{Followed, follow},
    lead::lead,
    logtail::LogMark,
    outcome::{LaunchSpec, LaunchUpdate, StartError, Started},
    port,
};

/// Time between two looks at a port that is in use although nobody answers on it.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// So long a port may be in use with nobody listening before it counts as taken: far longer than a handover.
const HANDOVER_LIMIT: Duration = Duration::from_secs(2);

/// Makes sure that a daemon runs on the port: launches one, or attaches to a launch under way.
///
/// `on_update` is told what happens on the way. Of several starts at the same time one launches and the others
/// attach: binding 127.0.0.1 decides. Dropping the future gives the port up; a daemon already spawned goes on.
///
/// Errors: [`StartError`].
pub async fn start(
    spec: LaunchSpec,
    mut on_update: impl FnMut(LaunchUpdate) + Send,
) -> Result<Started, StartError> {
    let port = spec.port;
    let log = LogMark::now(spec.log_file.clone());
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unanswered: Option<Instant> = None;
    loop {
        looks.tick().await;
        // In a handover the port is free for an instant, which is not ours to take: a second look at who answers
        // comes before a second try to bind.
        if unanswered.is_none() {
            match bind_on(spec.host, port) {
                Ok(sockets) => match lead(&spec, sockets, &mut on_update).await? {
                    Some(started) => return Ok(started),
                    None => continue,
                },
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    return Err(StartError::PortReserved {
                        port,
                        next_free: port::next_free(port),
                    });
                }
                Err(source) => return Err(StartError::Bind { port, source }),
            }
        }
        match port::ask(port).await {
            Ok(status) if status.ready => return Ok(Started::AlreadyRunning(status)),
            Ok(status) if status.status == RunState::Starting => {
                unanswered = None;
                on_update(LaunchUpdate::Attached);
                if let Followed::Ready(status) = follow(port, &log, &mut on_update).await? {
                    return Ok(Started::Attached(*status));
                }
            }
            // It is about to end, and then the port is ours.
            Ok(_) => unanswered = None,
            Err(ClientError::Refused | ClientError::Closed | ClientError::Io(_)) => {
                let since = *unanswered.get_or_insert_with(Instant::now);
                if since.elapsed() >= HANDOVER_LIMIT {
                    unanswered = None;
                    if bind_on(spec.host, port).is_err() {
                        return Err(taken(port).await);
                    }
                }
            }
            Err(
                ClientError::Rejected { .. }
                | ClientError::NotOkibi(_)
                | ClientError::Timeout
                | ClientError::Rpc(_),
            ) => {
                return Err(taken(port).await);
            }
        }
    }
}

async fn taken(port: u16) -> StartError {
    StartError::PortTaken {
        port,
        holder: port::holder(port).await,
        next_free: port::next_free(port),
    }
}
