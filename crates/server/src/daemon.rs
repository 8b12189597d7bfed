//! What a daemon knows about itself, and how it answers each method.

use std::{
    future::Future,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use axum::{Router, response::Response};
use okibi_dialects::{Dialect, HttpError, loading};
use okibi_engine::{Engine, ModelInfo, Role};
use okibi_listener::{Answer, Bound, CallContext, ConnectionId, Refused, Service, subscribe};
use okibi_protocol::{
    SERVER_TYPE_DAEMON,
    guard::{Refusal, Right},
    jsonrpc::{Call, RpcError, code, raw_result},
    method::{
        self, Embed, EmbedText, ListModels, LoadModel, Method, PullModel, RemoveModel, RunState,
        STATUS_CHANGED, Status, StopServer, Stopping, Subscribe, UnloadModel,
    },
    models::{LoadModelParams, ModelParams, PullModelParams},
    notice::LaunchId,
    stage::{StageBoard, StageEvent},
    units::Millis,
};
use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    activity::Activity,
    embed,
    failure::Failure,
    http,
    metrics::Metrics,
    models::{self, Lease, Models},
    process,
    run::{DaemonOptions, Host, ServeOptions},
};

/// Texts of one streamed request at the most.
pub const MAX_TEXTS: usize = 100_000;

/// Time between two notices of a status whose only news is that requests come or have ended.
const ACTIVITY_EVERY: Duration = Duration::from_millis(500);

/// A daemon from its first moment to its last.
pub(crate) struct Daemon {
    began: Instant,
    model: String,
    launch: Option<LaunchId>,
    log_file: Option<String>,
    load_time: OnceLock<Duration>,
    board: Mutex<StageBoard>,
    /// The models it holds.
    pub(crate) models: Arc<Models>,
    /// Told whenever the status changes in a way that a subscriber wants to know.
    changed: watch::Sender<()>,
    /// Cancelled when the daemon is to end, by whoever asks first.
    pub(crate) stop: CancellationToken,
    /// The requests for embeddings.
    pub(crate) activity: Arc<Activity>,
    /// What is counted of them.
    pub(crate) metrics: Metrics,
    /// What is answered, and how much of it.
    pub(crate) options: ServeOptions,
}

/// Who asks for the answer to a call.
pub(crate) struct Asker<'a> {
    pub(crate) connection: ConnectionId,
    pub(crate) right: Right,
    /// Whether an answer can come in several messages.
    pub(crate) may_stream: bool,
    /// The WebSocket's end of it, where there is one.
    pub(crate) context: Option<&'a CallContext>,
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
            board: Mutex::default(),
            models,
            changed,
            stop,
            activity: Arc::default(),
            metrics,
            options: options.serve.clone(),
        })
    }

    /// Takes a step of the load into the status.
    pub(crate) fn record(&self, event: StageEvent) {
        self.board
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .record(event);
        self.tell_change();
    }

    /// Tells the subscribers that the status has changed.
    fn tell_change(&self) {
        self.changed.send_replace(());
    }

    /// Puts the loaded engine to work.
    pub(crate) fn serve_with(&self, engine: Engine) {
        self.models.adopt(engine);
    }

    /// Says that the daemon is ready: from now on its status does.
    pub(crate) fn mark_ready(&self) -> Duration {
        let took = *self.load_time.get_or_init(|| self.began.elapsed());
        self.tell_change();
        took
    }

    /// The model that a request names, or the current one, loaded where that is needed and allowed; with the role that
    /// stood behind its name.
    pub(crate) async fn model(&self, asked: Option<&str>) -> Result<(Lease, Option<Role>), Failure> {
        self.check_ready()?;
        // An empty name is no name.
        self.models.lease(asked.filter(|name| !name.is_empty())).await
    }

    /// What is to be known about the current model, loaded or resting.
    pub(crate) fn current(&self) -> Result<Arc<ModelInfo>, Failure> {
        self.check_ready()?;
        let loading = || Failure::NotReady(Box::new(self.status()));
        self.models.current().ok_or_else(loading)
    }

    /// Whether a caller with this right may change what runs here.
    pub(crate) fn check_manage(&self, right: Right) -> Result<(), Failure> {
        if right < Right::Manage {
            return Err(Failure::NotAllowed);
        }
        self.check_ready()
    }

    fn check_ready(&self) -> Result<(), Failure> {
        if self.stop.is_cancelled() {
            return Err(Failure::Stopping);
        }
        if self.models.has_current() {
            return Ok(());
        }
        Err(Failure::NotReady(Box::new(self.status())))
    }

    /// Told whenever the status changes.
    pub(crate) fn changes(&self) -> &watch::Sender<()> {
        &self.changed
    }

    /// Tells subscribers when the daemon begins to be busy and when it is idle again, but not more often than
    /// [`ACTIVITY_EVERY`]. Runs until it is dropped.
    pub(crate) async fn tell_activity(&self) {
        let mut ticks = tokio::time::interval(ACTIVITY_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.activity.turn().await;
            ticks.tick().await;
            self.tell_change();
        }
    }

    /// The present status.
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
            stages: self.board.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            load_ms: self.load_time.get().copied().map(Millis::from),
            requests_served: self.activity.served(),
            requests_in_flight: self.activity.in_flight(),
            texts_embedded: self.activity.texts(),
            latency: self.activity.latency(Instant::now()),
            models: self.models.told(),
            launch: self.launch.clone(),
            error: None,
            log_file: self.log_file.clone(),
        }
    }

    /// Answers a JSON-RPC call.
    pub(crate) async fn answer(self: Arc<Self>, call: Call, asker: Asker<'_>) -> Result<Answer, RpcError> {
        let single = |result| Ok(Answer::Single(result));
        match call.method.as_str() {
            EmbedText::NAME | Embed::NAME => embed::answer(&self, call, &asker).await,
            StopServer::NAME | LoadModel::NAME | UnloadModel::NAME | PullModel::NAME | RemoveModel::NAME
                if asker.right < Right::Manage =>
            {
                self.metrics.refused(Bound::Token);
                Err(RpcError::new(code::NOT_ALLOWED, Refusal::NotAllowed.to_string()))
            }
            StopServer::NAME => {
                tracing::info!("asked to stop by a client");
                // The drain that follows waits for this answer too.
                self.stop.cancel();
                single(raw_result(&Stopping::Stopping))
            }
            ListModels::NAME => single(raw_result(&self.models.list().await)),
            method::ModelInfo::NAME => {
                let ModelParams { model } = call.params.parse()?;
                let details = self.models.details(model).await;
                single(
                    details
                        .map_err(|failure| failure.rpc())
                        .and_then(|it| raw_result(&it)),
                )
            }
            LoadModel::NAME => {
                let params: LoadModelParams = call.params.parse()?;
                self.check_ready().map_err(|failure| failure.rpc())?;
                let steps = self.models.load_model(params).await;
                models::answer(steps.map_err(|failure| failure.rpc())?, asker.may_stream).await
            }
            UnloadModel::NAME => {
                let ModelParams { model } = call.params.parse()?;
                let unloaded = self.models.unload_model(&model);
                single(
                    unloaded
                        .map_err(|failure| failure.rpc())
                        .and_then(|it| raw_result(&it)),
                )
            }
            PullModel::NAME => {
                let params: PullModelParams = call.params.parse()?;
                let steps = self.models.pull(params);
                models::answer(steps.map_err(|failure| failure.rpc())?, asker.may_stream).await
            }
            RemoveModel::NAME => {
                let ModelParams { model } = call.params.parse()?;
                let removed = self.models.remove(model).await;
                single(
                    removed
                        .map_err(|failure| failure.rpc())
                        .and_then(|it| raw_result(&it)),
                )
            }
            Subscribe::NAME => {
                let Some(context) = asker.context else {
                    let message = "a subscription needs a WebSocket; over HTTP there is GET /events";
                    return Err(RpcError::new(code::INVALID_REQUEST, message));
                };
                let daemon = Arc::clone(&self);
                single(subscribe(context, STATUS_CHANGED, &self.changed, move || {
                    daemon.status()
                }))
            }
            method => single(loading::loading_answer(method, &self.status())),
        }
    }
}

/// The daemon as the listener asks it.
pub(crate) struct DaemonService(pub(crate) Arc<Daemon>);

impl Service for DaemonService {
    fn call(&self, call: Call, context: CallContext) -> impl Future<Output = Answer> + Send {
        let daemon = Arc::clone(&self.0);
        async move {
            let asker = Asker {
                connection: context.connection,
                right: context.right,
                may_stream: !context.in_batch,
                context: Some(&context),
            };
            let answer = daemon.answer(call, asker).await;
            answer.unwrap_or_else(|error| Answer::Single(Err(error)))
        }
    }

    fn refusal(&self, path: &str, refused: Refused) -> Response {
        HttpError::from(refused).response(Dialect::of(path))
    }

    fn is_open(&self, path: &str) -> bool {
        okibi_dialects::is_open(path)
    }

    fn on_burst_ended(&self) {
        // It takes milliseconds, and nobody waits for it.
        drop(tokio::task::spawn_blocking(okibi_engine::return_unused_memory));
    }

    fn routes(&self) -> Router {
        http::routes(Arc::clone(&self.0))
    }
}
