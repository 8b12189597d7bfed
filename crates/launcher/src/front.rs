//! The temporary notification server: answers on the port while the daemon loads.

use std::{future::Future, sync::Arc, time::Instant};

use axum::{
    Extension, Router,
    http::{Method, Uri},
    response::Response,
    routing::{any, get},
};
use okibi_dialects::{Dialect, HttpError, STATUS_EVENT, loading};
use okibi_listener::{Answer, CallContext, Caller, PortCloser, Refused, Service, subscribe};
use okibi_protocol::{
    SERVER_TYPE_FRONT,
    guard::{Refusal, Right},
    jsonrpc::{Call, RpcError, code, raw_result},
    loading::loading_answer,
    method::{AnyMethod, RunState, STATUS_CHANGED, Status, Stopping},
    notice::{LaunchId, LaunchSecret, Notice, NoticeReply, SignedNotice},
    stage::{StageBoard, StageEvent},
    units::Millis,
};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, watch};

/// What the temporary server receives during the launch it belongs to.
#[derive(Debug)]
pub(crate) enum FrontEvent {
    /// A stage moved on.
    Stage { message: String, event: StageEvent },
    /// The model is loaded, and the port is closed already.
    Completed,
    /// The load failed.
    Failed { error: String },
    /// A client asked for an end.
    StopAsked,
}

/// Events that may wait for the launch to take them. More wait in the connections that bring them, so that no client
/// can make this grow.
pub(crate) const EVENTS: usize = 64;

/// By what the daemon of a launch is known.
#[derive(Clone, Debug)]
pub(crate) struct LaunchIdentity {
    /// Its name, for logs and for the daemon's status. It is on the daemon's command line, so it proves nothing.
    pub(crate) id: LaunchId,
    /// What only the daemon was given.
    pub(crate) secret: LaunchSecret,
}

/// A launch as the temporary server shows it.
pub(crate) struct Front {
    launch: LaunchIdentity,
    began: Instant,
    closer: PortCloser,
    events: mpsc::Sender<FrontEvent>,
    /// Held to copy or to change the status, never over an `await`.
    status: Mutex<Status>,
    changed: watch::Sender<()>,
}

impl Front {
    pub(crate) fn new(
        launch: LaunchIdentity,
        model: String,
        closer: PortCloser,
        events: mpsc::Sender<FrontEvent>,
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
            // Told to nobody while the launch goes on: whoever knew it could try to speak for the daemon.
            launch: None,
            warnings: Vec::new(),
            error: None,
            log_file: None,
        };
        Arc::new(Self {
            launch,
            began: Instant::now(),
            closer,
            events,
            status: Mutex::new(status),
            changed: watch::Sender::new(()),
        })
    }

    /// Changes the status and notifies the subscribers.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status.lock());
        // After the lock is gone: a subscriber that wakes up reads the status.
        self.changed.send_replace(());
    }

    fn status(&self) -> Status {
        let mut status = self.status.lock().clone();
        status.uptime_ms = Millis::from(self.began.elapsed());
        status
    }

    async fn report(&self, event: FrontEvent) {
        // The receiver is gone when the launch is over; then there is nothing left to report to.
        let _ = self.events.send(event).await;
    }

    async fn answer(self: Arc<Self>, call: Call, context: CallContext) -> Result<Box<RawValue>, RpcError> {
        match AnyMethod::find(&call.method) {
            Some(AnyMethod::StopServer) if context.right < AnyMethod::StopServer.right() => {
                Err(RpcError::new(code::NOT_ALLOWED, Refusal::NotAllowed.to_string()))
            }
            Some(AnyMethod::StopServer) => {
                // The listener's end waits for this answer.
                self.update(|status| status.status = RunState::Stopping);
                self.report(FrontEvent::StopAsked).await;
                raw_result(&Stopping::Stopping)
            }
            Some(AnyMethod::Subscribe) => {
                let front = Arc::clone(&self);
                subscribe(&context, STATUS_CHANGED, &self.changed, move || front.status())
            }
            _ => loading_answer(&call.method, &self.status()),
        }
    }
}

/// The front as the listener asks it.
pub(crate) struct FrontService(pub(crate) Arc<Front>);

impl Service for FrontService {
    fn call(&self, call: Call, context: CallContext) -> impl Future<Output = Answer> + Send {
        let answer = Arc::clone(&self.0).answer(call, context);
        async move { Answer::Single(answer.await) }
    }

    fn notice(&self, notice: SignedNotice) -> impl Future<Output = Option<NoticeReply>> + Send {
        let front = Arc::clone(&self.0);
        async move {
            let is_ours =
                *notice.notice.launch() == front.launch.id && notice.is_signed_with(&front.launch.secret);
            if !is_ours {
                tracing::info!("a notice is not of this launch: its sender has to end");
                return Some(NoticeReply::Superseded);
            }
            match notice.notice {
                Notice::Progress { message, event, .. } => {
                    front.update(|status| status.stages.record(event.clone()));
                    front.report(FrontEvent::Stage { message, event }).await;
                }
                Notice::InitCompleted { .. } => {
                    // The daemon binds as soon as it has the answer, so the port has to be free before.
                    front.closer.close().await;
                    front.report(FrontEvent::Completed).await;
                }
                Notice::InitError { error, .. } => {
                    front.update(|status| {
                        status.status = RunState::Failed;
                        status.error = Some(error.clone());
                    });
                    front.report(FrontEvent::Failed { error }).await;
                }
            }
            Some(NoticeReply::Ack)
        }
    }

    fn refusal(&self, path: &str, refused: Refused) -> Response {
        HttpError::from(refused).response(Dialect::of(path))
    }

    fn answers_when_full(&self, method: &Method, path: &str) -> bool {
        okibi_dialects::answers_when_full(method, path)
    }

    fn needed_right(&self, method: &Method, path: &str) -> Option<Right> {
        okibi_dialects::needed_right(method, path)
    }

    fn routes(&self) -> Router {
        Router::new()
            .route(
                "/health",
                get(async |front: ReportedState| loading::health_response(&front.status())),
            )
            .route(
                "/readyz",
                get(async |front: ReportedState| loading::readiness(&front.status())),
            )
            .route("/livez", get(async || "ok\n"))
            .route("/events", get(events))
            .route("/", any(not_yet))
            .route("/{*path}", any(not_yet))
            .layer(Extension(Arc::clone(&self.0)))
    }
}

/// The front as its HTTP handlers take it: the state that they report.
type ReportedState = Extension<Arc<Front>>;

/// The status as it changes.
async fn events(Extension(front): ReportedState, Extension(caller): Extension<Caller>) -> Response {
    let changes = front.changed.clone();
    okibi_listener::events(&caller, STATUS_EVENT, &changes, move || front.status())
}

/// What else is asked over HTTP has to wait for the daemon.
async fn not_yet(front: ReportedState, uri: Uri) -> Response {
    loading::not_ready_response(&front.status(), uri.path())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use okibi_client::{Client, ClientError, ConnectOptions, send_notice};
    use okibi_listener::{Limits, Listener, bind, start};
    use okibi_protocol::{
        guard::{Access, Tokens},
        method::{NoParams, StopServer},
        stage::{Stage, StageState},
    };
    use tokio::time::timeout;

    use super::*;

    const TEST_LIMIT: Duration = Duration::from_secs(30);

    struct Served {
        listener: Listener,
        front: Arc<Front>,
        events: mpsc::Receiver<FrontEvent>,
    }

    fn identity() -> LaunchIdentity {
        LaunchIdentity {
            id: LaunchId("a1".into()),
            secret: LaunchSecret::from_text("secret".into()),
        }
    }

    /// A notice as the daemon of that launch signs it.
    fn signed(notice: Notice) -> SignedNotice {
        SignedNotice::new(notice, Some(&identity().secret))
    }

    fn failed() -> Notice {
        Notice::InitError {
            launch: identity().id,
            error: "on purpose".into(),
        }
    }

    /// A front whose tokens are `one` for use and `two` to manage.
    fn serve() -> Served {
        let sockets = bind(0).expect("a free port");
        let (sender, events) = mpsc::channel(EVENTS);
        let front = Front::new(identity(), "m".into(), sockets.closer(), sender);
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
            events,
        }
    }

    #[tokio::test]
    async fn only_who_may_manage_can_end_a_start() {
        let mut served = serve();
        let port = served.listener.local_port();
        let failed = || signed(failed());
        let with = |token: &str| ConnectOptions::from(port).with_token(Some(token.into()));
        let refused = send_notice(&with("one"), &failed()).await;
        assert!(
            matches!(&refused, Err(ClientError::Rpc(error)) if error.code == code::NOT_ALLOWED),
            "{refused:?}"
        );
        let client = Client::connect(with("one")).await.unwrap();
        let refused = client.call::<StopServer>(NoParams {}).await;
        assert!(
            matches!(&refused, Err(ClientError::Rpc(error)) if error.code == code::NOT_ALLOWED),
            "{refused:?}"
        );
        assert_eq!(served.front.status().status, RunState::Starting);
        assert!(
            served.events.try_recv().is_err(),
            "the launch has heard of neither"
        );
        let reply = send_notice(&with("two"), &failed()).await;
        assert_eq!(reply.unwrap(), NoticeReply::Ack);
        assert!(matches!(served.events.try_recv(), Ok(FrontEvent::Failed { .. })));
    }

    #[tokio::test]
    async fn only_the_daemon_that_has_the_secret_can_end_a_launch() {
        let mut served = serve();
        let front = ConnectOptions::from(served.listener.local_port()).with_token(Some("two".into()));
        let completed = || Notice::InitCompleted {
            launch: identity().id,
        };
        let other = LaunchSecret::from_text("guessed".into());
        for fake in [
            SignedNotice::new(failed(), None),
            SignedNotice::new(failed(), Some(&other)),
            SignedNotice::new(completed(), None),
            // The proof of another notice of the same launch.
            SignedNotice {
                notice: completed(),
                proof: signed(failed()).proof,
            },
        ] {
            let reply = send_notice(&front, &fake).await;
            assert_eq!(reply.unwrap(), NoticeReply::Superseded, "{fake:?}");
        }
        let (_, status) = Client::reach(&front).await.expect("the port was not given away");
        assert_eq!(
            (status.status, status.error, status.launch),
            (RunState::Starting, None, None),
            "nobody is told the name of the launch"
        );
        assert!(served.events.try_recv().is_err(), "the launch has heard of none");
        let reply = send_notice(&front, &signed(completed())).await;
        assert_eq!(reply.unwrap(), NoticeReply::Ack);
        assert!(matches!(served.events.try_recv(), Ok(FrontEvent::Completed)));
    }

    #[tokio::test]
    async fn notices_wait_for_a_launch_that_is_behind() {
        let mut served = serve();
        let service = FrontService(Arc::clone(&served.front));
        let progress = || {
            signed(Notice::Progress {
                launch: identity().id,
                message: String::new(),
                event: StageEvent {
                    stage: Stage::Model,
                    state: StageState::Advanced,
                    elapsed_ms: Millis(0),
                    measure: None,
                },
            })
        };
        for _ in 0..EVENTS {
            assert_eq!(service.notice(progress()).await, Some(NoticeReply::Ack));
        }
        let one_more = tokio::spawn(async move { service.notice(progress()).await });
        tokio::task::yield_now().await;
        assert!(!one_more.is_finished(), "there is room for no more");
        assert!(served.events.recv().await.is_some());
        let acknowledged = timeout(TEST_LIMIT, one_more).await.expect("within the limit");
        assert_eq!(acknowledged.unwrap(), Some(NoticeReply::Ack));
    }
}
