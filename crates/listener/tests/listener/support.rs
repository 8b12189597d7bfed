//! The service the tests listen with, and what they speak to it with.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing,
};
use futures_util::{SinkExt, StreamExt};
use okibi_listener::{
    Answer, CallContext, Chunk, Limits, Listener, PortCloser, Refused, Service, Sockets, bind, start,
};
use okibi_protocol::guard::Access;
use okibi_protocol::{
    jsonrpc::{Call, RpcError, raw_result},
    notice::{Notice, NoticeReply, SignedNotice},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Semaphore, mpsc, watch},
    time::timeout,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// No test waits longer than this for anything.
pub(crate) const TEST_LIMIT: Duration = Duration::from_secs(30);

/// A service whose calls wait for permits the test gives, so that nothing depends on time.
pub(crate) struct Echo {
    /// Each `wait` takes one.
    pub(crate) permits: Arc<Semaphore>,
    /// Calls of `wait` that have begun.
    pub(crate) begun: watch::Sender<usize>,
    /// Calls of `wait` that were dropped or are over.
    pub(crate) over: watch::Sender<usize>,
    /// Calls of any kind.
    pub(crate) calls: AtomicUsize,
    /// What `subscribe` pushes.
    pub(crate) news: watch::Sender<usize>,
    /// Subscriptions that have ended.
    pub(crate) unsubscribed: watch::Sender<usize>,
    port: PortCloser,
}

struct Over(watch::Sender<usize>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count += 1);
    }
}

impl Service for Echo {
    async fn call(&self, call: Call, context: CallContext) -> Answer {
        self.calls.fetch_add(1, SeqCst);
        let params = call.params.text().map(serde_json::from_str::<Value>);
        let first = match params.map(|params| params.expect("JSON")) {
            Some(Value::Array(values)) => values.into_iter().next().unwrap_or(Value::Null),
            Some(named) => named,
            None => Value::Null,
        };
        Answer::Single(match call.method.as_str() {
            "echo" => raw_result(&first),
            "wait" => {
                let _over = Over(self.over.clone());
                self.begun.send_modify(|count| *count += 1);
                match self.permits.acquire().await {
                    Ok(permit) => permit.forget(),
                    Err(closed) => panic!("{closed}"),
                }
                raw_result(&first)
            }
            "big" => raw_result(&"x".repeat(first.as_u64().unwrap_or(0) as usize)),
            "panic" => panic!("on purpose"),
            "stream" => {
                let (sender, receiver) = mpsc::channel(1);
                let count = first.as_u64().unwrap_or(0);
                tokio::spawn(async move {
                    for chunk in 0..count {
                        let result = raw_result(&chunk);
                        let chunk = match result {
                            Ok(result) if chunk + 1 < count || count > 3 => Chunk::More(result),
                            result => Chunk::Last(result),
                        };
                        if sender.send(chunk).await.is_err() {
                            return;
                        }
                    }
                    if count == 4 {
                        let last = Err(RpcError::new(-1, "four"));
                        let _ = sender.send(Chunk::Last(last)).await;
                    }
                });
                return Answer::Stream(receiver);
            }
            "trickle" => {
                let (sender, receiver) = mpsc::channel(1);
                let (permits, first) = (self.permits.clone(), raw_result(&first));
                tokio::spawn(async move {
                    if let Ok(first) = first {
                        let _ = sender.send(Chunk::More(first)).await;
                    }
                    permits.acquire().await.expect("it stays open").forget();
                    let _ = sender.send(Chunk::Last(raw_result(&"over"))).await;
                });
                return Answer::Stream(receiver);
            }
            "subscribe" => {
                let mut news = self.news.subscribe();
                let notifier = context.notifier.clone();
                let over = Over(self.unsubscribed.clone());
                let pump = async move {
                    let _over = over;
                    loop {
                        let now = *news.borrow_and_update();
                        if notifier.notify("news", &json!([now])).await.is_err()
                            || news.changed().await.is_err()
                        {
                            return;
                        }
                    }
                };
                context.spawn(pump).and_then(|()| raw_result(&"subscribed"))
            }
            other => Err(RpcError::method_not_found(other)),
        })
    }

    async fn notice(&self, notice: SignedNotice) -> Option<NoticeReply> {
        match notice.notice {
            Notice::InitCompleted { .. } => {
                self.port.close().await;
                Some(NoticeReply::Ack)
            }
            Notice::Progress { .. } => Some(NoticeReply::Ack),
            Notice::InitError { .. } => None,
        }
    }

    fn refusal(&self, _path: &str, refused: Refused) -> Response {
        (refused.status(), Json(json!({ "error": refused.to_string() }))).into_response()
    }

    fn routes(&self) -> Router {
        Router::new()
            .route("/hello", routing::get(|| async { "hello" }))
            .route("/big", routing::get(|| async { "x".repeat(BIG) }))
            .route("/panic", routing::get(panics))
            .route(
                "/length",
                routing::post(|body: String| async move { body.len().to_string() }),
            )
    }
}

/// Bytes of what `GET /big` gives: more than the system takes for a peer that does not read.
pub(crate) const BIG: usize = 16 << 20;

async fn panics() -> &'static str {
    panic!("on purpose")
}

pub(crate) struct Server {
    pub(crate) listener: Listener,
    pub(crate) echo: Arc<Echo>,
}

pub(crate) fn serve(limits: Limits) -> Server {
    serve_on(bind(0).expect("a free port"), limits)
}

pub(crate) fn serve_on(sockets: Sockets, limits: Limits) -> Server {
    let echo = Arc::new(Echo {
        permits: Arc::new(Semaphore::new(0)),
        begun: watch::Sender::new(0),
        over: watch::Sender::new(0),
        calls: AtomicUsize::new(0),
        news: watch::Sender::new(0),
        unsubscribed: watch::Sender::new(0),
        port: sockets.closer(),
    });
    Server {
        listener: start(sockets, echo.clone(), limits, Access::default()),
        echo,
    }
}

impl Server {
    pub(crate) fn port(&self) -> u16 {
        self.listener.local_port()
    }

    pub(crate) async fn connect(&self) -> Peer {
        let connecting = connect_async(format!("ws://127.0.0.1:{}/", self.port()));
        Peer(within(connecting).await.expect("the upgrade is accepted").0)
    }
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(TEST_LIMIT, future).await.expect("done within TEST_LIMIT")
}

/// Waits until a counter has reached `count`.
pub(crate) async fn reaches(counter: &watch::Sender<usize>, count: usize) {
    let mut counter = counter.subscribe();
    within(counter.wait_for(|now| *now >= count))
        .await
        .expect("the service lives");
}

/// Looks again and again until `happened`: for what has no event of its own.
pub(crate) async fn until(mut happened: impl FnMut() -> bool) {
    let mut look = tokio::time::interval(Duration::from_millis(2));
    within(async {
        while !happened() {
            look.tick().await;
        }
    })
    .await;
}

/// A client's end of a WebSocket.
pub(crate) struct Peer(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Peer {
    pub(crate) async fn send(&mut self, value: Value) {
        self.send_message(Message::text(value.to_string())).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        within(self.0.send(message)).await.expect("the message is sent");
    }

    pub(crate) async fn call(&mut self, id: u64, method: &str, params: Value) {
        self.send(json!({"jsonrpc": "2.0", "method": method, "params": params, "id": id}))
            .await;
    }

    /// The next text, as JSON.
    pub(crate) async fn receive(&mut self) -> Value {
        loop {
            match within(self.0.next()).await.expect("open").expect("no error") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?} where a text was expected"),
            }
        }
    }

    /// The code and reason the server closes with, after which the connection ends.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        let frame = loop {
            match within(self.0.next())
                .await
                .expect("a close frame")
                .expect("no error")
            {
                Message::Close(frame) => break frame.expect("a close frame with a code"),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?} where a close frame was expected"),
            }
        };
        while let Some(Ok(_)) = within(self.0.next()).await {}
        (frame.code.into(), frame.reason.to_string())
    }
}

/// Sends `request` as it is and reads until the server closes.
pub(crate) async fn raw(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.expect("text");
    answer
}
