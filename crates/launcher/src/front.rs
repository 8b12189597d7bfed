//! The temporary notification server: answers on the port while the daemon loads.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use axum::{
    Extension, Router,
    http::Uri,
    response::Response,
    routing::{any, get},
};
use okibi_listener::{Answer, CallContext, Caller, PortCloser, Service, loading, subscribe};
use okibi_protocol::{
    SERVER_TYPE_FRONT,
    jsonrpc::{Call, RpcError, raw_result},
    method::{RunState, STOP_SERVER, SUBSCRIBE, Status, Stopping},
    notice::{LaunchId, Notice, NoticeReply},
    stage::{StageBoard, StageEvent},
    units::Millis,
};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, watch};

/// What the temporary server hears, for the launch it belongs to.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A stage moved on.
    Stage { message: String, event: StageEvent },
    /// The model is loaded, and the port is closed already.
    Completed,
    /// The load failed.
    Failed { error: String },
    /// A client asked for an end.
    StopAsked,
}

/// A launch as the temporary server tells it.
pub(crate) struct Front {
    launch: LaunchId,
    began: Instant,
    closer: PortCloser,
    heard: mpsc::UnboundedSender<Heard>,
    status: Mutex<Status>,
    changed: watch::Sender<()>,
}

impl Front {
    pub(crate) fn new(
        launch: LaunchId,
        model: String,
        closer: PortCloser,
        heard: mpsc::UnboundedSender<Heard>,
    ) -> Arc<Self> {
        let status = Status {
            status: RunState::Starting,
            ready: false,
            server_type: SERVER_TYPE_FRONT.into(),
            model,
            dimension: None,
            space: None,
            max_tokens: None,
            pid: 0,
            version: env!("CARGO_PKG_VERSION").into(),
            uptime_ms: Millis(0),
            memory_bytes: None,
            threads: None,
            stages: StageBoard::default(),
            load_ms: None,
            requests_served: 0,
            requests_in_flight: 0,
            texts_embedded: 0,
            latency: None,
            models: Vec::new(),
            launch: Some(launch.clone()),
            error: None,
            log_file: None,
        };
        Arc::new(Self {
            launch,
            began: Instant::now(),
            closer,
            heard,
            status: Mutex::new(status),
            changed: watch::Sender::new(()),
        })
    }

    /// Changes the status and tells the subscribers.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.send_replace(());
    }

    fn status(&self) -> Status {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        status.uptime_ms = Millis::from(self.began.elapsed());
        status
    }

    fn tell(&self, heard: Heard) {
        // The launch is over when its receiver is gone; then there is nobody to tell.
        let _ = self.heard.send(heard);
    }

    fn answer(self: Arc<Self>, call: &Call, context: &CallContext) -> Result<Box<RawValue>, RpcError> {
        match call.method.as_str() {
            STOP_SERVER => {
                // The listener's end waits for this answer.
                self.update(|status| status.status = RunState::Stopping);
                self.tell(Heard::StopAsked);
                raw_result(&Stopping::Stopping)
            }
            SUBSCRIBE => {
                let front = Arc::clone(&self);
                subscribe(context, &self.changed, move || front.status())
            }
            method => loading::loading_answer(method, &self.status()),
        }
    }
}

/// The front as the listener asks it.
pub(crate) struct FrontService(pub(crate) Arc<Front>);

impl Service for FrontService {
    fn call(&self, call: Call, context: CallContext) -> impl Future<Output = Answer> + Send {
        let answer = Arc::clone(&self.0).answer(&call, &context);
        async move { Answer::Single(answer) }
    }

    fn notice(&self, notice: Notice) -> impl Future<Output = Option<NoticeReply>> + Send {
        let front = Arc::clone(&self.0);
        async move {
            if *notice.launch() != front.launch {
                tracing::info!(launch = %notice.launch().0, "another launch's daemon is told to end");
                return Some(NoticeReply::Superseded);
            }
            match notice {
                Notice::Progress { message, event, .. } => {
                    front.update(|status| status.stages.record(event.clone()));
                    front.tell(Heard::Stage { message, event });
                }
                Notice::InitCompleted { .. } => {
                    // The daemon binds as soon as it has the answer, so the port has to be free before.
                    front.closer.close().await;
                    front.tell(Heard::Completed);
                }
                Notice::InitError { error, .. } => {
                    front.update(|status| {
                        status.status = RunState::Failed;
                        status.error = Some(error.clone());
                    });
                    front.tell(Heard::Failed { error });
                }
            }
            Some(NoticeReply::Ack)
        }
    }

    fn routes(&self) -> Router {
        Router::new()
            .route(
                "/health",
                get(async |front: Told| loading::health_response(&front.status())),
            )
            .route(
                "/readyz",
                get(async |front: Told| loading::readiness(&front.status())),
            )
            .route("/livez", get(async || "ok\n"))
            .route("/events", get(events))
            .route("/", any(not_yet))
            .route("/{*path}", any(not_yet))
            .layer(Extension(Arc::clone(&self.0)))
    }
}

/// The front, as its HTTP handlers have it.
type Told = Extension<Arc<Front>>;

/// The status as it changes.
async fn events(Extension(front): Told, Extension(caller): Extension<Caller>) -> Response {
    let changes = front.changed.clone();
    okibi_listener::events(&caller, &changes, move || front.status())
}

/// What else is asked over HTTP has to wait for the daemon.
async fn not_yet(front: Told, uri: Uri) -> Response {
    loading::not_ready_response(&front.status(), uri.path())
}
