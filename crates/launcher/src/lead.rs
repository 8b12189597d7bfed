//! A launch of our own: temporary server, spawn, watch, hand over.
//!
//! The front opens the port before the daemon exists, so that a client is answered from the first moment. The daemon
//! loads in the background and reports each step to the front. When it is ready it asks for the port: the front closes
//! it *before* it acknowledges, and the daemon binds it as soon as it has the acknowledgment.
//!
//! ```text
//!   front   bind ─ spawn ─ answer "loading" …………………… close ─ ack ─ drain ──────► ask until ready
//!                    │          ▲    ▲    ▲              ▲      │                        ▲
//!                    ▼          │    │    │ progress     │      ▼                        │
//!   daemon         begin ── load the model ───── init_completed ─ bind ─ answer "ready" ─┘
//! ```
//!
//! The launch ends early when the daemon reports a failure, when its process ends, or when a client asks for a stop.

use std::{
    hash::{BuildHasher, RandomState},
    io,
    time::{Duration, Instant},
};

use okibi_client::{ClientError, ConnectOptions};
use okibi_listener::{Limits, Listener, Sockets};
use okibi_protocol::{
    method::Status,
    notice::{LaunchId, LaunchSecret, SECRET_BYTES},
};
use tokio::{
    process::Child,
    sync::mpsc,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    detach,
    front::{EVENTS, Front, FrontEvent, FrontService, LaunchIdentity},
    logtail::LogMark,
    outcome::{Exit, LaunchSpec, LaunchUpdate, StartError, Started},
    port::{self, HANDOVER_LIMIT},
    process,
};

/// Time between two questions to a daemon that is taking the port: no event says that another process has bound it.
const ASK_EVERY: Duration = Duration::from_millis(2);

/// Time the connections of the temporary server have to end after the handover or a failure.
const FAREWELL: Duration = Duration::from_millis(300);

/// How long a daemon that was asked to end while loading has before it is killed: ONNX Runtime may not be interrupted.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// How long a daemon that has reported its failure has to end by itself.
const EXIT_GRACE: Duration = Duration::from_secs(5);

/// Leads a launch on the port that `sockets` holds; `None` when another Okibi has the port afterwards.
///
/// Errors: [`StartError::Spawn`], [`StartError::Load`], [`StartError::Died`], [`StartError::Stopped`].
pub(crate) async fn lead(
    spec: &LaunchSpec,
    sockets: Sockets,
    on_update: &mut (impl FnMut(LaunchUpdate) + Send),
) -> Result<Option<Started>, StartError> {
    let launch = new_launch_id();
    let spawn_failed = |source| StartError::Spawn {
        program: spec.program.clone(),
        source,
    };
    let secret = new_secret().map_err(spawn_failed)?;
    let (sender, events) = mpsc::channel(EVENTS);
    let identity = LaunchIdentity {
        id: launch.clone(),
        secret: secret.clone(),
    };
    let front = Front::new(identity, spec.model.clone(), sockets.closer(), sender);
    let listener = okibi_listener::start(
        sockets,
        FrontService(front.clone()),
        Limits::default(),
        spec.access.clone(),
    );
    let log = LogMark::now(spec.log_file.clone());
    let mut args = spec.daemon_args.clone();
    args.extend(["--launch".into(), launch.0.into()]);
    let child = detach::spawn(&spec.program, &args, &secret).map_err(spawn_failed)?;
    let mut daemon = Daemon {
        pid: child.id().unwrap_or(0),
        child,
    };
    front.update(|status| status.pid = daemon.pid);
    on_update(LaunchUpdate::Spawned { pid: daemon.pid });
    let outcome = watch(&mut daemon, events, &log, on_update).await;
    // Subscribers get the last status, however the launch went, before their connections close.
    let farewell = async {
        listener.drain(FAREWELL).await;
        drop::<Listener>(listener);
    };
    let outcome = match outcome {
        Ok(()) => {
            let server = spec.server();
            let (outcome, ()) = tokio::join!(wait_until_ready(&mut daemon, &server, &log), farewell);
            outcome
        }
        Err(error) => {
            farewell.await;
            Err(error)
        }
    };
    daemon.reap();
    outcome
}

/// The daemon as our child.
struct Daemon {
    pid: u32,
    child: Child,
}

impl Daemon {
    async fn exit(&mut self) -> Exit {
        match self.child.wait().await {
            Ok(status) => exit_of(status),
            Err(_) => Exit::Unknown,
        }
    }

    /// Asks it to end, and ends it if it does not.
    async fn end(&mut self) {
        process::ask_to_end(self.pid);
        if timeout(STOP_GRACE, self.child.wait()).await.is_err() {
            process::kill(self.pid);
            self.exit().await;
        }
    }

    /// Leaves the daemon alone, and still waits for its end, so that no zombie stays while we live.
    fn reap(mut self) {
        // The task ends with the daemon, which outlives this launch, so nothing waits for its handle.
        tokio::spawn(async move { self.child.wait().await });
    }
}

/// Follows the load until the daemon is loaded and the port is given up.
async fn watch(
    daemon: &mut Daemon,
    mut events: mpsc::Receiver<FrontEvent>,
    log: &LogMark,
    on_update: &mut (impl FnMut(LaunchUpdate) + Send),
) -> Result<(), StartError> {
    loop {
        let next = tokio::select! {
            // What the daemon reported before it ended comes first: its own words say more than its exit code.
            biased;
            next = events.recv() => next,
            exit = daemon.exit() => match events.try_recv() {
                Ok(next) => Some(next),
                Err(_) => return Err(StartError::Died { exit, log_tail: log.tail() }),
            },
        };
        match next {
            Some(FrontEvent::Stage { message, event }) => on_update(LaunchUpdate::Stage { message, event }),
            Some(FrontEvent::Completed) => return Ok(()),
            Some(FrontEvent::Failed { error }) => {
                if timeout(EXIT_GRACE, daemon.exit()).await.is_err() {
                    daemon.end().await;
                }
                return Err(StartError::Load {
                    error,
                    log_tail: log.tail(),
                });
            }
            Some(FrontEvent::StopAsked) | None => {
                daemon.end().await;
                return Err(StartError::Stopped);
            }
        }
    }
}

/// Asks the port until our daemon answers that it is ready.
async fn wait_until_ready(
    daemon: &mut Daemon,
    server: &ConnectOptions,
    log: &LogMark,
) -> Result<Option<Started>, StartError> {
    let mut ticks = interval(ASK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut foreign_since: Option<Instant> = None;
    loop {
        tokio::select! {
            exit = daemon.exit() => {
                // It gave way to an Okibi that took the port in the gap, or it failed at the last step.
                return match port::ask(server).await {
                    Ok(_) => Ok(None),
                    Err(error) if is_foreign(&error) => Err(port::taken(server.port, &error).await),
                    Err(_) => Err(StartError::Died { exit, log_tail: log.tail() }),
                };
            }
            _ = ticks.tick() => {}
        }
        match port::ask(server).await {
            Ok(status) if is_of(daemon, &status) && status.ready => {
                return Ok(Some(Started::Launched(status)));
            }
            // Another program was faster than our daemon, which waits for the port much longer.
            Err(error) if is_foreign(&error) => {
                let since = *foreign_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= HANDOVER_LIMIT && !listens(daemon, server.port).await {
                    daemon.end().await;
                    return Err(port::taken(server.port, &error).await);
                }
            }
            // Another Okibi answers, or nobody yet: our daemon notices the former by itself and ends.
            Ok(_) | Err(_) => foreign_since = None,
        }
    }
}

fn is_foreign(error: &ClientError) -> bool {
    matches!(error, ClientError::NotOkibi(_) | ClientError::Timeout)
}

/// Whether the daemon itself has the port: then it is only slow to answer.
async fn listens(daemon: &Daemon, port: u16) -> bool {
    port::holder(port)
        .await
        .is_some_and(|holder| holder.pid == daemon.pid)
}

fn is_of(daemon: &Daemon, status: &Status) -> bool {
    status.pid == daemon.pid
}

/// A name no other launch has: 64 random bits.
fn new_launch_id() -> LaunchId {
    LaunchId(format!(
        "{:016x}",
        RandomState::new().hash_one(std::process::id())
    ))
}

/// A secret that no other launch has. Errors: the OS has no random numbers.
fn new_secret() -> io::Result<LaunchSecret> {
    let mut random = [0; SECRET_BYTES];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(LaunchSecret::new(random))
}

#[cfg(unix)]
fn exit_of(status: std::process::ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Unknown,
    }
}

#[cfg(not(unix))]
fn exit_of(status: std::process::ExitStatus) -> Exit {
    status.code().map_or(Exit::Unknown, Exit::Code)
}
