//! A launch of our own: temporary server, spawn, watch, hand over.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use okibi_listener::{Limits, Listener, Sockets};
use okibi_protocol::{method::Status, notice::LaunchId};
use tokio::{
    process::Child,
    sync::mpsc,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    detach,
    front::{Front, FrontService, Heard, WAITING},
    logtail::LogMark,
    outcome::{Exit, LaunchSpec, LaunchUpdate, StartError, Started},
    port, process,
};

/// Time between two questions to a daemon that is taking the port.
const ASK_EVERY: Duration = Duration::from_millis(2);

/// Time the connections of the temporary server have to end after the handover or a failure.
const FAREWELL: Duration = Duration::from_millis(300);

/// A daemon that is asked to end while loading has so long before it is killed.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// A daemon that has told its failure has so long to end by itself.
const EXIT_GRACE: Duration = Duration::from_secs(5);

/// Leads a launch on the port that `sockets` holds; `None` when somebody else has the port afterwards.
///
/// Errors: [`StartError::Spawn`], [`StartError::Load`], [`StartError::Died`], [`StartError::Stopped`].
pub(crate) async fn lead(
    spec: &LaunchSpec,
    sockets: Sockets,
    on_update: &mut (impl FnMut(LaunchUpdate) + Send),
) -> Result<Option<Started>, StartError> {
    let launch = new_launch_id();
    let (sender, heard) = mpsc::channel(WAITING);
    let front = Front::new(launch.clone(), spec.model.clone(), sockets.closer(), sender);
    let listener = okibi_listener::start(
        sockets,
        FrontService(front.clone()),
        Limits::default(),
        spec.access.clone(),
    );
    let log = LogMark::now(spec.log_file.clone());
    let mut args = spec.daemon_args.clone();
    args.extend(["--launch".into(), launch.0.into()]);
    let child = detach::spawn(&spec.program, &args).map_err(|source| StartError::Spawn {
        program: spec.program.clone(),
        source,
    })?;
    let mut daemon = Daemon {
        pid: child.id().unwrap_or(0),
        child,
    };
    front.update(|status| status.pid = daemon.pid);
    on_update(LaunchUpdate::Spawned { pid: daemon.pid });
    let outcome = watch(&mut daemon, heard, &log, on_update).await;
    // Those who watched through us are told that it is over, however it is.
    let farewell = async {
        listener.drain(FAREWELL).await;
        drop::<Listener>(listener);
    };
    let outcome = match outcome {
        Ok(()) => {
            let (outcome, ()) = tokio::join!(wait_until_ready(&mut daemon, spec.port, &log), farewell);
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
        tokio::spawn(async move { self.child.wait().await });
    }
}

/// Follows the load until the daemon is loaded and the port is given up.
async fn watch(
    daemon: &mut Daemon,
    mut heard: mpsc::Receiver<Heard>,
    log: &LogMark,
    on_update: &mut (impl FnMut(LaunchUpdate) + Send),
) -> Result<(), StartError> {
    loop {
        let next = tokio::select! {
            // What the daemon said before it ended is heard first: its own words say more than its exit.
            biased;
            next = heard.recv() => next,
            exit = daemon.exit() => match heard.try_recv() {
                Ok(next) => Some(next),
                Err(_) => return Err(StartError::Died { exit, log_tail: log.tail() }),
            },
        };
        match next {
            Some(Heard::Stage { message, event }) => on_update(LaunchUpdate::Stage { message, event }),
            Some(Heard::Completed) => return Ok(()),
            Some(Heard::Failed { error }) => {
                if timeout(EXIT_GRACE, daemon.exit()).await.is_err() {
                    daemon.end().await;
                }
                return Err(StartError::Load {
                    error,
                    log_tail: log.tail(),
                });
            }
            Some(Heard::StopAsked) | None => {
                daemon.end().await;
                return Err(StartError::Stopped);
            }
        }
    }
}

/// Asks the port until our daemon answers that it is ready.
async fn wait_until_ready(
    daemon: &mut Daemon,
    port: u16,
    log: &LogMark,
) -> Result<Option<Started>, StartError> {
    let mut ticks = interval(ASK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            exit = daemon.exit() => {
                // It gave way to somebody who took the port in the gap, or it failed at the last step.
                return match port::ask(port).await {
                    Ok(_) => Ok(None),
                    Err(_) => Err(StartError::Died { exit, log_tail: log.tail() }),
                };
            }
            _ = ticks.tick() => {}
        }
        match port::ask(port).await {
            Ok(status) if is_of(daemon, &status) && status.ready => {
                return Ok(Some(Started::Launched(status)));
            }
            // Another answers, or none yet: our daemon notices the first by itself and ends.
            Ok(_) | Err(_) => {}
        }
    }
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
