//! A daemon's whole life.

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use okibi_client::ConnectOptions;
use okibi_engine::{Device, Engine, LoadError, LoadOptions, canary::SpaceChange};
use okibi_listener::{Limits, Listener, Sockets, bind_on};
use okibi_protocol::{
    guard::Access,
    method::Status,
    notice::{LaunchId, Notice},
    stage::{Stage, StageEvent, StageState},
    units::Millis,
};
use tokio::sync::oneshot;

use crate::{
    daemon::{Daemon, DaemonService},
    handover,
    launch::NoticeSender,
    models::ModelOptions,
    process, signals,
};

/// What a daemon is told.
#[derive(Clone, Debug)]
pub struct DaemonOptions {
    /// A further address to listen on, beyond this machine.
    pub host: Option<IpAddr>,
    /// Port to serve on.
    pub port: u16,
    /// The model and how to load it.
    pub load: LoadOptions,
    /// The launch it belongs to; without one it runs in the foreground and takes the port before it loads.
    pub launch: Option<LaunchId>,
    /// Requests in flight at a stop are waited for so long.
    pub drain: Duration,
    /// Its log file, for its status.
    pub log_file: Option<PathBuf>,
    /// Bounds of its listener.
    pub limits: Limits,
    /// Who is let in.
    pub access: Access,
    /// The models it may hold.
    pub models: ModelOptions,
    /// Bounds and names of what it answers.
    pub serve: ServeOptions,
}

/// What a daemon answers, and how much of it.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Texts of a request that is answered at once; streamed ones may have [`MAX_TEXTS`](crate::MAX_TEXTS).
    pub max_inputs: usize,
    /// Tokens of a request, over all its texts.
    pub max_request_tokens: usize,
    /// Further names under which apps may ask for the loaded model; `*` stands for every name.
    pub model_names: Vec<String>,
    /// Tokens of a batch, where the user chose.
    pub batch_tokens: Option<usize>,
}

impl ServeOptions {
    /// Tokens of a batch.
    pub(crate) fn batch_tokens(&self) -> usize {
        self.batch_tokens.unwrap_or(okibi_engine::DEFAULT_BATCH_TOKENS)
    }
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            max_inputs: 10_000,
            max_request_tokens: 4_000_000,
            model_names: Vec::new(),
            batch_tokens: None,
        }
    }
}

/// What a daemon needs of the program around it: words, and somebody who wants to know that it serves.
pub trait Host: Send + Sync + 'static {
    /// One sentence about a step of the load, in the front's language.
    fn progress(&self, event: &StageEvent) -> String;
    /// Why a load failed and what to do, in the front's language.
    fn load_failed(&self, error: &LoadError) -> String;
    /// A device was asked for that is not to be had; in the front's language.
    fn device_missing(&self, asked: Device) -> String;
    /// A model's vectors are not those of its last load; in the front's language.
    fn drifted(&self, model: &str, drift: &SpaceChange) -> String;
    /// Requests that name no model are answered by this one from now on: a name, or the path of a folder.
    fn switched(&self, model: &str);
    /// The daemon serves from now on.
    fn serving(&self, status: &Status);
}

/// Why a daemon ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to stop, and everything it had accepted is answered.
    Stopped,
    /// It was asked to stop while it loaded.
    StoppedWhileLoading,
}

/// Why a daemon failed.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The model cannot be loaded.
    #[error("the model cannot be loaded: {message}")]
    Load {
        /// What the host says about it.
        message: String,
        /// The error itself.
        source: LoadError,
    },
    /// The port could not be taken.
    #[error("port {port} cannot be taken")]
    PortTaken {
        /// The port.
        port: u16,
        /// What the OS said.
        source: std::io::Error,
    },
    /// Another launch or another daemon has the port.
    #[error("another daemon has taken this one's place")]
    Superseded,
    /// Requests were still in flight when the time to finish them was over.
    #[error("{calls} requests were cut: they took longer than {seconds} s to finish")]
    Cut {
        /// Requests without an answer.
        calls: usize,
        /// The time they had.
        seconds: u64,
    },
    /// The load ended without a word.
    #[error("the loading thread ended unexpectedly")]
    LoaderDied,
}

/// Loads, serves and drains; returns when the daemon is to end.
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
    let is_loading = tokio::task::spawn_blocking(move || models.close()).await;
    let outcome = match outcome {
        Ok(Ended::Stopped) if is_loading.unwrap_or(true) => Ok(Ended::StoppedWhileLoading),
        outcome => outcome,
    };
    match &outcome {
        Ok(ended) => tracing::info!(?ended, "the daemon ends"),
        Err(error) => tracing::error!(error = error as &dyn std::error::Error, "the daemon ends"),
    }
    outcome
}

/// Started by a front: loads first, tells the front, then takes the port over.
async fn run_launched(
    options: &DaemonOptions,
    launch: LaunchId,
    daemon: &Arc<Daemon>,
    host: &Arc<dyn Host>,
) -> Result<Ended, DaemonError> {
    // The front requires the same token as this daemon will.
    let token = options.access.tokens.as_ref().map(|tokens| tokens.manage.clone());
    let server = ConnectOptions::from(options.port).with_token(token);
    let notices = NoticeSender::start(server.clone(), launch, daemon.stop.clone());
    let teller = teller(daemon, host, Some(&notices));
    let engine = match load(options, &teller, daemon, host).await {
        Ok(Some(engine)) => engine,
        Ok(None) => return Ok(Ended::StoppedWhileLoading),
        Err(error) => {
            if let DaemonError::Load { message, .. } = &error {
                let (launch, error) = (notices.launch(), message.clone());
                notices.send_last(Notice::InitError { launch, error }).await;
            }
            return Err(error);
        }
    };
    daemon.serve_with(engine);
    teller(listen(StageState::Started, Duration::ZERO));
    let handed = tokio::select! {
        handed = handover::take_port(options.host, &server, &notices) => handed,
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
        "handover: the port was taken so long after the front closed it"
    );
    let listener = open(options, handed.sockets, daemon);
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
    let listener = open(options, sockets, daemon);
    let Some(engine) = load(options, &teller(daemon, host, None), daemon, host).await? else {
        return Ok(Ended::StoppedWhileLoading);
    };
    daemon.serve_with(engine);
    daemon.record(listen(StageState::Finished, Duration::ZERO));
    serve_until_stopped(options, listener, daemon, host).await
}

/// Starts to answer on `sockets`.
fn open(options: &DaemonOptions, sockets: Sockets, daemon: &Arc<Daemon>) -> Listener {
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
        () = daemon.tell_activity() => {}
        () = Arc::clone(&daemon.models).rest_idle() => {}
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

/// Loads on a thread of its own, which ends with the process when the load is stopped (`None`).
async fn load(
    options: &DaemonOptions,
    teller: &Teller,
    daemon: &Daemon,
    host: &Arc<dyn Host>,
) -> Result<Option<Engine>, DaemonError> {
    let (sender, loaded) = oneshot::channel();
    let (load_options, teller) = (options.load.clone(), Arc::clone(teller));
    let spawned = std::thread::Builder::new()
        .name("okibi-load".into())
        .spawn(move || {
            let outcome = okibi_engine::load(&load_options, &|event| teller(event));
            // Nobody waits any more when the load was stopped.
            let _ = sender.send(outcome);
        });
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread could be started");
        return Err(DaemonError::LoaderDied);
    }
    tokio::select! {
        outcome = loaded => match outcome {
            Ok(Ok(engine)) => Ok(Some(engine)),
            Ok(Err(source)) => Err(DaemonError::Load { message: host.load_failed(&source), source }),
            Err(_) => Err(DaemonError::LoaderDied),
        },
        () = daemon.stop.cancelled() => Ok(None),
    }
}

/// Turns what the engine tells into the daemon's status and into notices.
type Teller = Arc<dyn Fn(StageEvent) + Send + Sync>;

/// Puts each step of the load into the status, the log and, for a front, a notice.
fn teller(daemon: &Arc<Daemon>, host: &Arc<dyn Host>, notices: Option<&NoticeSender>) -> Teller {
    let (daemon, host) = (Arc::clone(daemon), Arc::clone(host));
    let notify = notices.map(|notices| (notices.launch(), notices.handle()));
    Arc::new(move |event: StageEvent| {
        let elapsed_ms = event.elapsed_ms.0;
        match event.state {
            StageState::Advanced => tracing::debug!(stage = event.stage.name(), elapsed_ms, "advanced"),
            state => tracing::info!(stage = event.stage.name(), ?state, elapsed_ms, "stage"),
        }
        if let Some((launch, notify)) = &notify {
            notify(Notice::Progress {
                launch: launch.clone(),
                message: host.progress(&event),
                event: event.clone(),
            });
        }
        daemon.record(event);
    })
}

fn listen(state: StageState, elapsed: Duration) -> StageEvent {
    StageEvent {
        stage: Stage::Listen,
        state,
        elapsed_ms: Millis::from(elapsed),
        measure: None,
    }
}
