//! A daemon's whole life, in one of two orders.
//!
//! ```text
//! launched by a front    load ──► take the port over ──► ready ──► drain ──► end
//!                          └─ each step is a notice to the front, which holds the port until then
//! in the foreground      take the port ──► load ──► ready ──► drain ──► end
//!                                            └─ callers get −32001 with the progress
//! ```
//!
//! A daemon with a front loads first, because the front answers on the port meanwhile and goes on answering if the load
//! fails. A stop is possible at each arrow. A load that is stopped goes on in its thread, which nothing can interrupt, so
//! [`run`] then returns [`Ended::StoppedWhileLoading`] and the caller ends the process.

use std::{sync::Arc, time::Duration};

use okibi_client::ConnectOptions;
use okibi_listener::{Listener, Sockets, bind_on};
use okibi_protocol::{
    notice::{LaunchId, Notice},
    stage::{Stage, StageEvent, StageState},
    units::Millis,
};
use tokio::time::timeout;

use crate::{
    daemon::Daemon,
    failure::ModelFailure,
    handover,
    launch::{Launch, NoticeSender},
    models::Lease,
    options::{DaemonError, DaemonOptions, Ended, Host},
    process,
    service::DaemonService,
    signals,
};

/// How long the models have to end once nothing is answered any more: a run of ONNX Runtime cannot be interrupted, and some
/// never return.
const MODELS_LIMIT: Duration = Duration::from_millis(2500);

/// Loads, serves and drains; returns when the daemon is to end, whatever hangs in it.
///
/// A load that is stopped goes on in its thread until the process ends, so the caller has to end it.
pub async fn run(options: DaemonOptions, host: impl Host) -> Result<Ended, DaemonError> {
    process::raise_socket_limit();
    let host: Arc<dyn Host> = Arc::new(host);
    let daemon = Daemon::new(&options, &host);
    let is_foreground = options.launch.is_none();
    let signals = tokio::spawn(signals::watch(daemon.stop.clone(), is_foreground));
    let outcome = match options.launch.clone() {
        Some(launch) => run_launched(&options, launch, &daemon, &host).await,
        None => run_foreground(&options, &daemon, &host).await,
    };
    signals.abort();
    // Batches under way end first: the runtime's own destructors would crash under them.
    let models = Arc::clone(&daemon.models);
    let closing = tokio::task::spawn_blocking(move || models.close());
    let outcome = match (timeout(MODELS_LIMIT, closing).await, outcome) {
        (Err(_), Ok(_) | Err(DaemonError::Cut { .. })) => Err(DaemonError::Hung),
        // One that panics has a load under way, for all that is known.
        (Ok(Ok(true) | Err(_)), Ok(Ended::Stopped)) => Ok(Ended::StoppedWhileLoading),
        (_, outcome) => outcome,
    };
    match &outcome {
        Ok(ended) => tracing::info!(?ended, "the daemon ends"),
        Err(error) => tracing::error!(error = error as &dyn std::error::Error, "the daemon ends"),
    }
    outcome
}

/// Started by a front: loads first, reports each step to the front, then takes the port over from it.
async fn run_launched(
    options: &DaemonOptions,
    launch: LaunchId,
    daemon: &Arc<Daemon>,
    host: &Arc<dyn Host>,
) -> Result<Ended, DaemonError> {
    // The front requires the same token as this daemon will.
    let token = options.access.tokens.as_ref().map(|tokens| tokens.manage.clone());
    let server = ConnectOptions::from(options.port).with_token(token);
    let launch = Launch::new(server, launch, options.launch_secret.clone());
    let front = process::parent();
    let notices = NoticeSender::start(launch.clone(), daemon.stop.clone());
    let notify = |event: StageEvent| {
        notices.queue(Notice::Progress {
            launch: launch.id(),
            message: host.progress(&event),
            event,
        });
    };
    match load(daemon, &notify).await {
        Ok(Some(_)) => {}
        Ok(None) => return Ok(Ended::StoppedWhileLoading),
        Err(failure) => {
            let (launch, error) = (launch.id(), failure.message.clone());
            notices.send_last(Notice::InitError { launch, error }).await;
            return Err(load_error(&failure));
        }
    }
    let started = listen(StageState::Started, Duration::ZERO);
    daemon.record(started.clone());
    notify(started);
    let handed = tokio::select! {
        handed = handover::take_port(options.host, &launch, &notices, front) => handed,
        () = daemon.stop.cancelled() => return Ok(Ended::StoppedWhileLoading),
    };
    if let Err(DaemonError::PortTaken { .. }) = handed {
        daemon.record(listen(StageState::Failed, Duration::ZERO));
    }
    let handed = handed?;
    drop(notices);
    daemon.record(listen(StageState::Finished, handed.gap));
    tracing::info!(
        gap_ms = handed.gap.as_secs_f64() * 1e3,
        attempts = handed.attempts,
        "handover: the time from the front's closing of the port to this daemon's taking it"
    );
    let listener = open(options, handed.sockets, daemon, host);
    serve_until_stopped(options, listener, daemon, host).await
}

/// In the foreground: takes the port first and answers with the progress of the load.
async fn run_foreground(
    options: &DaemonOptions,
    daemon: &Arc<Daemon>,
    host: &Arc<dyn Host>,
) -> Result<Ended, DaemonError> {
    let sockets = bind_on(options.host, options.port).map_err(|source| DaemonError::PortTaken {
        port: options.port,
        source,
    })?;
    let listener = open(options, sockets, daemon, host);
    host.listening();
    match load(daemon, &|_| {}).await {
        Ok(Some(_)) => {}
        Ok(None) => return Ok(Ended::StoppedWhileLoading),
        Err(failure) => return Err(load_error(&failure)),
    }
    daemon.record(listen(StageState::Finished, Duration::ZERO));
    serve_until_stopped(options, listener, daemon, host).await
}

/// Waits for the first load; `None` where the daemon is to stop before its end. The load then goes on in its thread
/// until the process ends.
async fn load(
    daemon: &Daemon,
    on_step: &(dyn Fn(StageEvent) + Sync),
) -> Result<Option<Lease>, Arc<ModelFailure>> {
    tokio::select! {
        outcome = daemon.begin().follow(on_step) => outcome.map(Some),
        () = daemon.stop.cancelled() => Ok(None),
    }
}

fn load_error(failure: &ModelFailure) -> DaemonError {
    match &failure.source {
        Some(source) => DaemonError::Load {
            message: failure.message.clone(),
            source: Arc::clone(source),
        },
        None => DaemonError::LoadDied,
    }
}

/// Starts to answer on `sockets`.
fn open(options: &DaemonOptions, sockets: Sockets, daemon: &Arc<Daemon>, host: &Arc<dyn Host>) -> Listener {
    let v6_taken = sockets.is_v6_taken().then(|| host.v6_taken(options.port));
    daemon.warn(v6_taken.into_iter().collect());
    let service = DaemonService(Arc::clone(daemon));
    okibi_listener::start(sockets, service, options.limits.clone(), options.access.clone())
}

async fn serve_until_stopped(
    options: &DaemonOptions,
    listener: Listener,
    daemon: &Arc<Daemon>,
    host: &Arc<dyn Host>,
) -> Result<Ended, DaemonError> {
    let took = daemon.mark_ready();
    let status = daemon.status();
    tracing::info!(
        port = listener.local_port(),
        model = status.model,
        dimension = status.dimension,
        load_ms = took.as_millis() as u64,
        "ready"
    );
    host.serving(&status);
    tokio::select! {
        () = daemon.stop.cancelled() => {}
        () = daemon.report_activity() => {}
        () = daemon.activity.find_programs() => {}
        () = Arc::clone(&daemon.models).unload_idle() => {}
    }
    tracing::info!(in_flight = listener.calls_in_flight(), "draining");
    let drained = listener.drain(options.drain).await;
    match drained.calls_cut {
        0 => Ok(Ended::Stopped),
        calls => Err(DaemonError::Cut {
            calls,
            seconds: options.drain.as_secs(),
        }),
    }
}

fn listen(state: StageState, elapsed: Duration) -> StageEvent {
    StageEvent {
        stage: Stage::Listen,
        state,
        elapsed_ms: Millis::from(elapsed),
        measure: None,
    }
}
