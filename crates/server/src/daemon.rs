//! A daemon's state: its models, its counts, its status.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use okibi_engine::ModelInfo;
use okibi_protocol::{
    SERVER_TYPE_DAEMON,
    method::{InputType, RunState, Status},
    notice::LaunchId,
    stage::StageEvent,
    units::Millis,
};
use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    activity::Activity,
    failure::Failure,
    metrics::Metrics,
    models::{Board, Lease, Load, Models},
    options::{DaemonOptions, Host, ServeOptions},
    process,
};

/// The shortest time between two notices of a status whose only news is that requests have come or ended.
const ACTIVITY_INTERVAL: Duration = Duration::from_millis(500);

/// A daemon from its first moment to its last.
pub(crate) struct Daemon {
    began: Instant,
    model: String,
    launch: Option<LaunchId>,
    log_file: Option<String>,
    load_time: OnceLock<Duration>,
    /// What its user should know about it.
    warnings: OnceLock<Vec<String>>,
    /// The steps of the first load, and of taking the port over.
    start: OnceLock<Board>,
    /// The models it holds.
    pub(crate) models: Arc<Models>,
    /// Notified whenever the status changes in a way that a subscriber wants to know.
    changed: watch::Sender<()>,
    /// Cancelled when the daemon is to end, by the first to ask for it.
    pub(crate) stop: CancellationToken,
    /// The requests for embeddings.
    pub(crate) activity: Arc<Activity>,
    /// Counts them, and what was refused.
    pub(crate) metrics: Metrics,
    /// Bounds and names of what is answered.
    pub(crate) options: ServeOptions,
}

impl Daemon {
    /// Has to be called on a runtime.
    pub(crate) fn new(options: &DaemonOptions, host: &Arc<dyn Host>) -> Arc<Self> {
        let changed = watch::Sender::new(());
        let metrics = Metrics::default();
        let stop = CancellationToken::new();
        let models = Models::new(
            options.models.clone(),
            options.serve.model_names.clone(),
            options.load.clone(),
            Arc::clone(host),
            metrics.meter(),
            changed.clone(),
            stop.clone(),
        );
        Arc::new(Self {
            began: Instant::now(),
            model: options.load.model.clone(),
            launch: options.launch.clone(),
            log_file: options.log_file.as_ref().map(|path| path.display().to_string()),
            load_time: OnceLock::new(),
            warnings: OnceLock::new(),
            start: OnceLock::new(),
            models,
            changed,
            stop,
            activity: Arc::default(),
            metrics,
            options: options.serve.clone(),
        })
    }

    /// Begins to load the model that the daemon was started with.
    pub(crate) fn begin(&self) -> Load {
        let load = self.models.begin_first();
        // A daemon begins once.
        let _ = self.start.set(load.board());
        load
    }

    /// Takes a step of the start that is not the model's into the status.
    pub(crate) fn record(&self, event: StageEvent) {
        if let Some(board) = self.start.get() {
            board.lock().record(event);
        }
        self.notify_change();
    }

    /// Takes what its user should know into the status: what is known once it has its port.
    pub(crate) fn warn(&self, warnings: Vec<String>) {
        // A daemon takes its port once.
        let _ = self.warnings.set(warnings);
    }

    /// Wakes the subscribers: the status has changed.
    fn notify_change(&self) {
        self.changed.send_replace(());
    }

    /// Says that the daemon is ready: from now on its status does.
    pub(crate) fn mark_ready(&self) -> Duration {
        let took = *self.load_time.get_or_init(|| self.began.elapsed());
        self.notify_change();
        took
    }

    /// The model that a request names, or the current one, loaded where that is needed and allowed; with the role that
    /// stood behind its name.
    pub(crate) async fn model(&self, asked: Option<&str>) -> Result<(Lease, Option<InputType>), Failure> {
        self.check_ready()?;
        // Some clients send an empty name where they mean none.
        self.models.lease(asked.filter(|name| !name.is_empty())).await
    }

    /// Metadata of the current model, loaded or idle.
    pub(crate) fn current(&self) -> Result<Arc<ModelInfo>, Failure> {
        self.check_ready()?;
        let loading = || Failure::NotReady(Box::new(self.status()));
        self.models.current().ok_or_else(loading)
    }

    pub(crate) fn check_ready(&self) -> Result<(), Failure> {
        if self.stop.is_cancelled() {
            return Err(Failure::Stopping);
        }
        if self.models.has_current() {
            return Ok(());
        }
        Err(Failure::NotReady(Box::new(self.status())))
    }

    /// Notified whenever the status changes.
    pub(crate) fn changes(&self) -> &watch::Sender<()> {
        &self.changed
    }

    /// Notifies subscribers when the daemon begins to be busy and when it is idle again, but not more often than every
    /// [`ACTIVITY_INTERVAL`]. Runs until it is dropped.
    pub(crate) async fn report_activity(&self) {
        let mut ticks = tokio::time::interval(ACTIVITY_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.activity.turn().await;
            ticks.tick().await;
            self.notify_change();
        }
    }

    /// Who is connected, what waits, and what the last requests were.
    pub(crate) fn recent_activity(&self) -> okibi_protocol::method::Activity {
        self.activity.report(self.models.queued_texts())
    }

    /// The status now.
    pub(crate) fn status(&self) -> Status {
        let info = self.models.current();
        let info = info.as_deref();
        let has_model = self.models.has_current();
        let is_stopping = self.stop.is_cancelled();
        Status {
            status: match () {
                _ if is_stopping => RunState::Stopping,
                _ if has_model => RunState::Running,
                _ => RunState::Starting,
            },
            ready: has_model && !is_stopping,
            server_type: SERVER_TYPE_DAEMON.into(),
            model: info.map_or_else(|| self.model.clone(), |info| info.name.clone()),
            dimension: info.map(|info| info.dimension),
            space: info.map(|info| info.space.to_string()),
            max_tokens: info.map(|info| info.max_tokens),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").into(),
            uptime_ms: Millis::from(self.began.elapsed()),
            memory_bytes: process::resident_memory(),
            threads: info.map(|info| info.threads),
            stages: self
                .start
                .get()
                .map(|board| board.lock().clone())
                .unwrap_or_default(),
            load_ms: self.load_time.get().copied().map(Millis::from),
            requests_served: self.activity.served(),
            requests_in_flight: self.activity.in_flight(),
            texts_embedded: self.activity.texts(),
            latency: self.activity.latency(Instant::now()),
            models: self.models.loaded_models(),
            launch: self.launch.clone(),
            warnings: self.warnings.get().cloned().unwrap_or_default(),
            error: None,
            log_file: self.log_file.clone(),
        }
    }
}
