//! The temporary notification server: answers on the port while the daemon loads.

use std::{future::Future, sync::Arc, time::Instant};

use axum::{
    Extension, Router,
    http::Uri,
    response::Response,
    routing::{any, get},
};
use okibi_dialects::{Dialect, HttpError, STATUS_EVENT, loading};
use okibi_listener::{Answer, CallContext, Caller, PortCloser, Refused, Service, subscribe};
use okibi_protocol::{
    SERVER_TYPE_FRONT,
    guard::{Refusal, Right},
    jsonrpc::{Call, RpcError, code, raw_result},
    method::{RunState, STATUS_CHANGED, STOP_SERVER, SUBSCRIBE, Status, Stopping},
    notice::{LaunchId, Notice, NoticeReply},
    stage::{StageBoard, StageEvent},
    units::Millis,
};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, watch};

/// Events that may wait for the launch. A daemon that sends more waits for its acknowledgment, and leaves out stages
/// meanwhile, so a client that floods the front with notices fills no memory.
pub(crate) const WAITING: usize = 64;

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
    heard: mpsc::Sender<Heard>,
    status: Mutex<Status>,
    changed: watch::Sender<()>,
}

impl Front {
    pub(crate) fn new(
        launch: LaunchId,
        model: String,
        closer: PortCloser,
        heard: mpsc::Sender<Heard>,
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
        change(&mut self.status.lock());
        self.changed.send_replace(());
    }

    fn status(&self) -> Status {
        let mut status = self.status.lock().clone();
        status.uptime_ms = Millis::from(self.began.elapsed());
        status
    }

    /// Passes on what happened; waits while the launch is behind by [`WAITING`] events.
    async fn tell(&self, heard: Heard) {
        // An error means that the launch is over: its receiver is gone, and nobody has to know.
        let _ = self.heard.send(heard).await;
    }

    async fn answer(self: Arc<Self>, call: &Call, context: &CallContext) -> Result<Box<RawValue>, RpcError> {
        match call.method.as_str() {
            // As in the daemon: a client that may only embed cannot end what runs here.
            STOP_SERVER if context.right < Right::Manage => {
                Err(RpcError::new(code::NOT_ALLOWED, Refusal::NotAllowed.to_string()))
            }
            STOP_SERVER => {
                // The listener's end waits for this answer.
                self.update(|status| status.status = RunState::Stopping);
                self.tell(Heard::StopAsked).await;
                raw_result(&Stopping::Stopping)
            }
            SUBSCRIBE => {
                let front = Arc::clone(&self);
                subscribe(context, STATUS_CHANGED, &self.changed, move || front.status())
            }
            method => loading::loading_answer(method, &self.status()),
        }
    }
}

/// The front as the listener asks it.
pub(crate) struct FrontService(pub(crate) Arc<Front>);

impl Service for FrontService {
    fn call(&self, call: Call, context: CallContext) -> impl Future<Output = Answer> + Send {
        let front = Arc::clone(&self.0);
        async move { Answer::Single(front.answer(&call, &context).await) }
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
                    front.tell(Heard::Stage { message, event }).await;
                }
                Notice::InitCompleted { .. } => {
                    // The daemon binds as soon as it has the answer, so the port has to be free before.
                    front.closer.close().await;
                    front.tell(Heard::Completed).await;
                }
                Notice::InitError { error, .. } => {
                    front.update(|status| {
                        status.status = RunState::Failed;
                        status.error = Some(error.clone());
                    });
                    front.tell(Heard::Failed { error }).await;
                }
            }
            Some(NoticeReply::Ack)
        }
    }

    fn refusal(&self, path: &str, refused: Refused) -> Response {
        HttpError::from(refused).response(Dialect::of(path))
    }

    fn is_open(&self, path: &str) -> bool {
        okibi_dialects::is_open(path)
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
    okibi_listener::events(&caller, STATUS_EVENT, &changes, move || front.status())
}

/// What else is asked over HTTP has to wait for the daemon.
async fn not_yet(front: Told, uri: Uri) -> Response {
    loading::not_ready_response(&front.status(), uri.path())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use okibi_client::{ClientError, send_notice};
    use okibi_listener::{Limits, Listener, bind, start};
    use okibi_protocol::{
        guard::{Access, Tokens},
        stage::{Stage, StageState},
    };
    use tokio::time::timeout;

    use super::*;

    const TEST_LIMIT: Duration = Duration::from_secs(30);

    struct Served {
        listener: Listener,
        front: Arc<Front>,
        heard: mpsc::Receiver<Heard>,
    }

    /// A front whose tokens are `one` for use and `two` to manage.
    fn serve() -> Served {
        let sockets = bind(0).expect("a free port");
        let (sender, heard) = mpsc::channel(WAITING);
        let front = Front::new(LaunchId("a1".into()), "m".into(), sockets.closer(), sender);
        let access = Access {
            tokens: Some(Tokens {
                for_use: "one".into(),
                manage: "two".into(),
            }),
            ..Access::default()
        };
        let service = FrontService(Arc::clone(&front));
        Served {
            listener: start(sockets, service, Limits::default(), access),
            front,
            heard,
        }
    }

    #[tokio::test]
    async fn only_who_may_manage_can_end_a_start() {
        let mut served = serve();
        let launch = served.front.launch.clone();
        let port = served.listener.local_port();
        let failed = || Notice::InitError {
            launch: launch.clone(),
            error: "on purpose".into(),
        };
        okibi_client::set_token(Some("one".into()));
        let refused = send_notice(port, &failed()).await;
        assert!(
            matches!(&refused, Err(ClientError::Rpc(error)) if error.code == code::NOT_ALLOWED),
            "{refused:?}"
        );
        let client = okibi_client::Client::connect(port).await.unwrap();
        let refused = client.stop_server().await;
        assert!(
            matches!(&refused, Err(ClientError::Rpc(error)) if error.code == code::NOT_ALLOWED),
            "{refused:?}"
        );
        assert_eq!(served.front.status().status, RunState::Starting);
        assert!(
            served.heard.try_recv().is_err(),
            "the launch has heard of neither"
        );
        okibi_client::set_token(Some("two".into()));
        assert_eq!(send_notice(port, &failed()).await.unwrap(), NoticeReply::Ack);
        assert!(matches!(served.heard.try_recv(), Ok(Heard::Failed { .. })));
    }

    #[tokio::test]
    async fn notices_wait_for_a_launch_that_is_behind() {
        let mut served = serve();
        let service = FrontService(Arc::clone(&served.front));
        let progress = || Notice::Progress {
            launch: LaunchId("a1".into()),
            message: String::new(),
            event: StageEvent {
                stage: Stage::Model,
                state: StageState::Advanced,
                elapsed_ms: Millis(0),
                measure: None,
            },
        };
        for _ in 0..WAITING {
            assert_eq!(service.notice(progress()).await, Some(NoticeReply::Ack));
        }
        let one_more = tokio::spawn(async move { service.notice(progress()).await });
        tokio::task::yield_now().await;
        assert!(!one_more.is_finished(), "there is room for no more");
        assert!(served.heard.recv().await.is_some());
        let acknowledged = timeout(TEST_LIMIT, one_more).await.expect("within the limit");
        assert_eq!(acknowledged.unwrap(), Some(NoticeReply::Ack));
    }
}
