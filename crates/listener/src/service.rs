//! The service behind a listener: what the daemon and a front's temporary server each implement.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use axum::{
    http::Method,
    response::{IntoResponse, Response},
};
use futures_util::future::BoxFuture;
use okibi_protocol::{
    guard::Right,
    jsonrpc::{Call, RpcError, code},
    notice::{NoticeReply, SignedNotice},
};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    connection_id::ConnectionId,
    life::Life,
    peer::Peer,
    refusal::{Refused, RefusedRequest},
    writer::Outgoing,
};

/// Answers what a listener receives.
///
/// Calls run at the same time, each in a task of its own; their futures are dropped when the peer goes or the
/// drain's deadline passes. A panic becomes that call's error −32603.
pub trait Service: Send + Sync + 'static {
    /// Answers a JSON-RPC call; the answer to a notification (no id) is thrown away.
    fn call(&self, call: Call, context: CallContext) -> impl Future<Output = Answer> + Send;

    /// Answers a launch notice of a caller with the right to manage. `None`, which is the default, refuses it as an
    /// invalid request.
    fn notice(&self, notice: SignedNotice) -> impl Future<Output = Option<NoticeReply>> + Send {
        let _ = notice;
        async { None }
    }

    /// Called when thousands of connections have closed: a time to give their memory back. Must not block.
    fn on_burst_ended(&self) {}

    /// The response to a request that the listener refuses, in the shape that the clients of `path` understand. Plain
    /// text by default.
    fn refusal(&self, path: &str, refused: Refused) -> Response {
        let _ = path;
        (refused.status(), refused.to_string()).into_response()
    }

    /// Called when the guard has refused a request, before its body is read. Must not block.
    fn on_refused(&self, refused: &RefusedRequest<'_>) {
        let _ = refused;
    }

    /// What a plain HTTP request has to be allowed to do, where tokens are required; `None` needs no token. By default
    /// everything needs the right to use.
    fn needed_right(&self, method: &Method, path: &str) -> Option<Right> {
        let _ = (method, path);
        Some(Right::Use)
    }

    /// Whether a plain HTTP request is answered also on a connection beyond the limit, which is for the status and a stop.
    fn answers_when_full(&self, method: &Method, path: &str) -> bool {
        let _ = (method, path);
        false
    }

    /// The name of the dialect that the clients of `path` speak, for the log.
    fn dialect(&self, path: &str) -> &'static str {
        let _ = path;
        "http"
    }

    /// HTTP routes beside the WebSocket at `/`. Called once, at the start. The guard stands before them.
    fn routes(&self) -> axum::Router {
        axum::Router::new()
    }
}

impl<S: Service> Service for Arc<S> {
    fn call(&self, call: Call, context: CallContext) -> impl Future<Output = Answer> + Send {
        S::call(self, call, context)
    }

    fn notice(&self, notice: SignedNotice) -> impl Future<Output = Option<NoticeReply>> + Send {
        S::notice(self, notice)
    }

    fn on_burst_ended(&self) {
        S::on_burst_ended(self);
    }

    fn refusal(&self, path: &str, refused: Refused) -> Response {
        S::refusal(self, path, refused)
    }

    fn on_refused(&self, refused: &RefusedRequest<'_>) {
        S::on_refused(self, refused);
    }

    fn needed_right(&self, method: &Method, path: &str) -> Option<Right> {
        S::needed_right(self, method, path)
    }

    fn answers_when_full(&self, method: &Method, path: &str) -> bool {
        S::answers_when_full(self, method, path)
    }

    fn dialect(&self, path: &str) -> &'static str {
        S::dialect(self, path)
    }

    fn routes(&self) -> axum::Router {
        S::routes(self)
    }
}

/// The answer to a call.
#[derive(Debug)]
pub enum Answer {
    /// One response.
    Single(Result<Box<RawValue>, RpcError>),
    /// Several responses with the call's id, each sent as it comes, with `"more": true` on all but the last. A channel
    /// that ends without a last one has failed, and the client gets an error. Not for calls in a batch.
    Stream(mpsc::Receiver<Chunk>),
}

/// One response of several.
#[derive(Debug)]
pub enum Chunk {
    /// Others follow.
    More(Box<RawValue>),
    /// The last one.
    Last(Result<Box<RawValue>, RpcError>),
}

/// Where a call comes from.
#[derive(Debug)]
pub struct CallContext {
    /// The connection it came on.
    pub connection: ConnectionId,
    /// Who is at its other end.
    pub peer: Arc<Peer>,
    /// What it may do.
    pub right: Right,
    /// Whether it is an element of a batch, whose answers cannot be streamed.
    pub in_batch: bool,
    /// Pushes notifications to the connection.
    pub notifier: Notifier,
    pub(crate) background: Background,
    pub(crate) life: Life,
}

impl CallContext {
    /// Runs `future` beside the call, from the moment its answer is on its way until the connection closes.
    ///
    /// Errors: −32002 when the connection has [`max_background`](crate::Limits::max_background) of them already.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> Result<(), RpcError> {
        self.background.add(Box::pin(future))
    }
}

/// The connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionClosed;

/// Pushes JSON-RPC notifications to one connection.
#[derive(Clone, Debug)]
pub struct Notifier {
    pub(crate) queue: mpsc::Sender<Outgoing>,
    pub(crate) gone: CancellationToken,
}

/// A notification as a server writes it.
#[derive(Serialize)]
struct Notification<'a, P> {
    jsonrpc: &'static str,
    method: &'a str,
    params: &'a P,
}

impl Notifier {
    /// Sends a notification; waits while the peer is slow to read.
    ///
    /// Errors: [`ConnectionClosed`], also for `params` that JSON cannot express (a map with keys that are not text).
    pub async fn notify<P: Serialize + Sync>(
        &self,
        method: &str,
        params: &P,
    ) -> Result<(), ConnectionClosed> {
        let notification = Notification {
            jsonrpc: "2.0",
            method,
            params,
        };
        let text = serde_json::to_string(&notification).map_err(|error| {
            tracing::error!(method, %error, "a notification cannot be written");
            ConnectionClosed
        })?;
        let sent = self
            .gone
            .run_until_cancelled(self.queue.send(Outgoing::text(text)));
        sent.await.and_then(Result::ok).ok_or(ConnectionClosed)
    }

    /// Returns when the connection is closed.
    pub async fn closed(&self) {
        self.gone.cancelled().await;
    }
}

/// The futures that one call has given to its connection. They wait here until the answer is queued, so that no
/// notification of a subscription comes before the answer that opens it.
#[derive(Clone)]
pub(crate) struct Background {
    waiting: Arc<Mutex<Vec<BoxFuture<'static, ()>>>>,
    count: Arc<BackgroundCount>,
}

/// How many futures run or wait on one connection.
#[derive(Debug)]
pub(crate) struct BackgroundCount {
    now: AtomicUsize,
    max: usize,
}

impl BackgroundCount {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            now: AtomicUsize::new(0),
            max,
        })
    }
}

/// One future's place in the count.
struct Place(Arc<BackgroundCount>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Relaxed);
    }
}

impl Background {
    pub(crate) fn new(count: Arc<BackgroundCount>) -> Self {
        Self {
            waiting: Arc::default(),
            count,
        }
    }

    fn add(&self, future: BoxFuture<'static, ()>) -> Result<(), RpcError> {
        let max = self.count.max;
        if self.count.now.fetch_add(1, Relaxed) >= max {
            self.count.now.fetch_sub(1, Relaxed);
            let message = format!("this connection has {max} subscriptions, which is the limit");
            return Err(RpcError::new(code::BUSY, message));
        }
        let place = Place(self.count.clone());
        let placed = async move {
            let _place = place;
            future.await;
        };
        let mut waiting = self.waiting.lock();
        waiting.push(Box::pin(placed));
        Ok(())
    }

    /// Starts what has been given, each until it ends or `gone`.
    pub(crate) fn start(&self, tasks: &TaskTracker, gone: &CancellationToken) {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        for future in waiting {
            // The tracker waits for the task, and the connection ends it.
            tasks.spawn(gone.clone().run_until_cancelled_owned(future));
        }
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.count.fmt(formatter)
    }
}
