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
//!   ├─ stopping, failed, or running and not ready → again ◄───────────────────────────┘
//!   │                   for as long as that takes at most; then the port is taken
//!   ├─ nobody answers → again, for as long as a handover takes at most; then the port is taken
//!   ├─ refuses us     → an Okibi that wants a token, or has no room
//!   └─ not Okibi      → the port is taken, or its Okibi is suspended
//! ```

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use okibi_client::ClientError;
use okibi_listener::bind_on;
use okibi_protocol::method::{RunState, Status};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    attach::{Followed, follow},
    lead::lead,
    logtail::LogMark,
    outcome::{LaunchSpec, LaunchUpdate, StartError, Started},
    port::{self, HANDOVER_LIMIT},
};

/// Time between two passes of the loop: no event says that a port has become free.
const RETRY_EVERY: Duration = Duration::from_millis(5);

/// How long an Okibi may be about to end beyond its drain before it counts as one that stays.
const BEYOND_DRAIN: Duration = Duration::from_secs(5);

/// How long an Okibi whose load has failed, or that is neither ready nor loading, may stay.
const FAILED_LIMIT: Duration = Duration::from_secs(8);

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
    let mut ending: Option<Ending> = None;
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
                (unanswered_since, ending) = (None, None);
                on_update(LaunchUpdate::Attached);
                if let Followed::Ready(status) = follow(&server, &log, &mut on_update).await? {
                    return Ok(Started::Attached(*status));
                }
            }
            // It is about to end, and then the port is ours.
            Ok(status) => {
                unanswered_since = None;
                if ending.is_none() && status.status == RunState::Stopping {
                    on_update(LaunchUpdate::Waiting { pid: status.pid });
                }
                let since = ending.get_or_insert_with(Ending::now);
                since.check(&spec, &status).await?;
            }
            Err(error) if error_is_gap(&error) => {
                let since = *unanswered_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= HANDOVER_LIMIT {
                    unanswered_since = None;
                    // Free after all: the program that had it died in the handover. The next pass binds it.
                    if bind_on(spec.host, port).is_err() {
                        return Err(port::taken(port, &error).await);
                    }
                }
            }
            Err(ClientError::Rejected { status }) => {
                let why = status.into();
                return Err(StartError::Rejected { port, why });
            }
            Err(error) => return Err(port::taken(port, &error).await),
        }
    }
}

/// Whether the port may be between two programs, or its program is about to end.
fn error_is_gap(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused | ClientError::Io(_)) || port::is_closing(error)
}

/// Since when the program on the port says that it is about to end.
struct Ending(Instant);

impl Ending {
    fn now() -> Self {
        Self(Instant::now())
    }

    /// Errors: [`StartError::Stuck`] once it has taken longer than an Okibi does.
    async fn check(&self, spec: &LaunchSpec, status: &Status) -> Result<(), StartError> {
        let limit = match status.status {
            RunState::Stopping => spec.drain + BEYOND_DRAIN,
            _ => FAILED_LIMIT,
        };
        if self.0.elapsed() < limit {
            return Ok(());
        }
        Err(StartError::Stuck {
            port: spec.port,
            holder: port::holder(spec.port).await,
            state: status.status,
            seconds: limit.as_secs(),
        })
    }
}
