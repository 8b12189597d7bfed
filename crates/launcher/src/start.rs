//! Making sure that a daemon runs: the decision between launching one and waiting for one.
//!
//! Binding 127.0.0.1 decides: of several starts at the same time the one that gets the port leads the launch, and the
//! others ask the port who has it. Each pass of the loop either ends the start or learns something new.
//!
//! ```text
//!            ┌────────── bind the port ──────────┐
//!            │ taken                       bound │
//!            ▼                                   ▼
//!   ask for its status                  lead a launch ── somebody else got the port ──┐
//!   ├─ ready          → already running          └─ ready → launched                  │
//!   ├─ loading        → follow it ── ready → attached                                 │
//!   ├─ stopping       → again ◄───────────────────────────────────────────────────────┘
//!   ├─ nobody answers → again, for as long as a handover takes at most; then the port is taken
//!   ├─ refuses us     → an Okibi that wants a token, or has no room
//!   └─ not Okibi      → the port is taken
//! ```

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

/// Time between two passes of the loop: no event says that a port has become free.
const RETRY_EVERY: Duration = Duration::from_millis(5);

/// How long a port may be in use with nobody answering before it counts as taken: far longer than a handover, in
/// which the front has closed the port and the daemon has not opened it yet.
const HANDOVER_LIMIT: Duration = Duration::from_secs(2);

/// Makes sure that a daemon runs on the port: launches one, or attaches to a launch under way.
///
/// `on_update` is called with what happens on the way. Dropping the future gives the port up; a daemon already spawned
/// goes on.
///
/// Errors: [`StartError`].
pub async fn start(
    spec: LaunchSpec,
    mut on_update: impl FnMut(LaunchUpdate) + Send,
) -> Result<Started, StartError> {
    let (port, server) = (spec.port, spec.server());
    let log = LogMark::now(spec.log_file.clone());
    let mut passes = interval(RETRY_EVERY);
    passes.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unanswered_since: Option<Instant> = None;
    loop {
        passes.tick().await;
        // In a handover the port is free for an instant, which is not ours to take: once nobody has answered, the port
        // is asked again before it is bound again.
        if unanswered_since.is_none() {
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
        match port::ask(&server).await {
            Ok(status) if status.ready => return Ok(Started::AlreadyRunning(status)),
            Ok(status) if status.status == RunState::Starting => {
                unanswered_since = None;
                on_update(LaunchUpdate::Attached);
                if let Followed::Ready(status) = follow(&server, &log, &mut on_update).await? {
                    return Ok(Started::Attached(*status));
                }
            }
            // It is about to end, and then the port is ours.
            Ok(_) => unanswered_since = None,
            Err(ClientError::Refused | ClientError::Closed | ClientError::Io(_)) => {
                let since = *unanswered_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= HANDOVER_LIMIT {
                    unanswered_since = None;
                    // Free after all: the program that had it died in the handover. The next pass binds it.
                    if bind_on(spec.host, port).is_err() {
                        return Err(taken(port).await);
                    }
                }
            }
            Err(ClientError::Rejected { status }) => {
                let why = status.into();
                return Err(StartError::Rejected { port, why });
            }
            Err(ClientError::NotOkibi(_) | ClientError::Timeout | ClientError::Rpc(_)) => {
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
