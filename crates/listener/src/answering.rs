//! From a message to its answers: one call, one task.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use okibi_protocol::{
    jsonrpc::{self, Call, Id, Message, Response, RpcError, code},
    notice::Notice,
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;
use tokio::{sync::mpsc, task::spawn_blocking};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    bound::Bound,
    service::{Answer, Background, CallContext, Chunk, Notifier, Service},
    session::Session,
    writer::{InFlight, Outgoing},
};

/// Bytes of a message above which its parsing would keep other connections waiting.
const PARSE_ASIDE_BYTES: usize = 256 << 10;

/// Bytes of a message above which it counts among those that requests hold.
const HELD_BYTES: usize = 16 << 10;

/// What a client is told to wait.
const RETRY_AFTER_MS: u64 = 1000;

/// −32002 for a message that there is no memory for.
fn too_much_held() -> Response {
    let error = RpcError::new(code::BUSY, "too many large requests at once; try again");
    let error = error.with_data(json!({ "retry_after_ms": RETRY_AFTER_MS }));
    Response::new(Id::Null, Err(error))
}

impl<S: Service> Session<S> {
    /// Starts what a text message asks for; waits for room where the connection has too much in flight.
    pub(crate) async fn take(self: &Arc<Self>, text: Utf8Bytes) {
        let max_batch = self.core.limits.max_batch;
        let held = if text.len() > HELD_BYTES {
            let Some(held) = self.core.budget.reserve(text.len()) else {
                self.core.counts.refusals.count(Bound::Buffered);
                let in_flight = self.admit().await;
                self.send(Outgoing::answer(too_much_held().to_text(), in_flight))
                    .await;
                return;
            };
            Some(Arc::new(held))
        } else {
            None
        };
        let message = if text.len() > PARSE_ASIDE_BYTES {
            let aside = text.clone();
            match spawn_blocking(move || jsonrpc::parse(&aside, max_batch)).await {
                Ok(message) => message,
                Err(error) => {
                    tracing::error!(%error, "parsing a message failed");
                    Message::Single(Err(Response::new(Id::Null, Err(internal_error()))))
                }
            }
        } else {
            jsonrpc::parse(&text, max_batch)
        };
        match message {
            Message::Single(Ok(call)) => {
                let mut in_flight = self.admit().await;
                in_flight._held = held;
                self.spawn(self.clone().answer(call, in_flight));
            }
            Message::Single(Err(response)) => {
                let in_flight = self.admit().await;
                match notice_in(&text) {
                    Some(notice) => drop(self.spawn(self.clone().acknowledge(notice, response, in_flight))),
                    None => self.send(Outgoing::answer(response.to_text(), in_flight)).await,
                }
            }
            Message::TooLong(response) => {
                self.core.counts.refusals.count(Bound::Batch);
                let in_flight = self.admit().await;
                self.send(Outgoing::answer(response.to_text(), in_flight)).await;
            }
            Message::Batch(elements) => self.take_batch(elements, held).await,
        }
    }

    /// Answers a call that came alone.
    async fn answer(self: Arc<Self>, call: Call, in_flight: InFlight) {
        let id = call.id.clone();
        let background = Background::new(self.background.clone());
        let answer = self.ask(call, false, background.clone()).await;
        match (id, answer) {
            (None, _) => {}
            (Some(id), Answer::Single(outcome)) => {
                let text = Response::new(id, outcome).to_text();
                self.send(Outgoing::answer(text, in_flight)).await;
            }
            (Some(id), Answer::Stream(chunks)) => self.stream(id, chunks, in_flight).await,
        }
        background.start(&self.core.life.tasks, &self.gone);
    }

    /// Sends a result that comes in chunks.
    async fn stream(&self, id: Id, mut chunks: mpsc::Receiver<Chunk>, in_flight: InFlight) {
        let last = loop {
            match chunks.recv().await {
                Some(Chunk::More(result)) => {
                    let response = Response::new(id.clone(), Ok(result)).with_more(true);
                    self.send(Outgoing::text(response.to_text())).await;
                }
                Some(Chunk::Last(outcome)) => break outcome,
                None => break Err(internal_error()),
            }
        };
        let response = Response::new(id, last).with_more(false);
        self.send(Outgoing::answer(response.to_text(), in_flight)).await;
    }

    /// Answers a launch notice, or sends `refusal` where the service takes none.
    async fn acknowledge(self: Arc<Self>, notice: Notice, refusal: Response, in_flight: InFlight) {
        let replying = AssertUnwindSafe(async { self.core.service.notice(notice).await }).catch_unwind();
        let text = match replying.await {
            Ok(Some(reply)) => serde_json::to_string(&reply).expect("a reply is plain JSON"),
            Ok(None) => refusal.to_text(),
            Err(_) => {
                tracing::error!("the handler of a launch notice panicked");
                Response::new(Id::Null, Err(internal_error())).to_text()
            }
        };
        self.send(Outgoing::answer(text, in_flight)).await;
    }

    /// Asks the service; refuses while draining, and turns a panic into an error.
    pub(crate) async fn ask(&self, call: Call, in_batch: bool, background: Background) -> Answer {
        if self.core.life.draining.is_cancelled() {
            return Answer::Single(Err(RpcError::new(code::STOPPING, "the server is stopping")));
        }
        let context = CallContext {
            connection: self.id,
            right: self.right,
            in_batch,
            notifier: Notifier {
                queue: self.queue.clone(),
                gone: self.gone.clone(),
            },
            background,
            life: self.core.life.clone(),
        };
        let method = call.method.clone();
        let asking = AssertUnwindSafe(async { self.core.service.call(call, context).await });
        asking.catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(method, connection = self.id.0, "a call panicked");
            Answer::Single(Err(internal_error()))
        })
    }
}

/// −32603 for what only the log explains.
pub(crate) fn internal_error() -> RpcError {
    RpcError::new(
        code::INTERNAL_ERROR,
        "the server failed at this call; its log says more",
    )
}

/// The launch notice a text is, if it is one: an object with `type` and without `jsonrpc`.
fn notice_in(text: &str) -> Option<Notice> {
    #[derive(Deserialize)]
    struct Shape {
        #[serde(rename = "type")]
        _tag: IgnoredAny,
        jsonrpc: Option<IgnoredAny>,
    }
    let shape: Shape = serde_json::from_str(text).ok()?;
    if shape.jsonrpc.is_some() {
        return None;
    }
    serde_json::from_str(text).ok()
}
