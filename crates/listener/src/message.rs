//! One text message: finds out what it is, and starts what it asks for.
//!
//! ```text
//! websocket ──text──▶ take ─┬─ one call ───▶ answer ──────────────┐
//!                           ├─ a batch ────▶ start_batch ─ collect ┤──▶ send ──▶ queue ──▶ writer
//!                           ├─ a notice ───▶ acknowledge ─────────┤
//!                           └─ neither ────▶ the error ───────────┘
//! ```
//!
//! Each call runs in a task of its own and keeps an [`InFlight`] until its answer has been
//! sent. `take` waits for it before it starts the call, and nothing more is read meanwhile: a client with too much in
//! flight, or with too many answers that it has not read, is slowed down and not refused.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use okibi_protocol::{
    guard::Right,
    jsonrpc::{self, Id, Message, Response},
    notice::SignedNotice,
};
use serde::{Deserialize, de::IgnoredAny};
use tokio::task::spawn_blocking;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    bound::Bound,
    refusal::{internal_error, not_allowed, too_much_held},
    service::Service,
    session::Session,
    writer::{InFlight, Outgoing},
};

/// Bytes of a message above which it is parsed on a thread that may block: it would keep other connections waiting.
const PARSE_ASIDE_BYTES: usize = 256 << 10;

/// Bytes of a message above which it counts among those that requests hold.
const HELD_BYTES: usize = 16 << 10;

impl<S: Service> Session<S> {
    /// Starts what a text message asks for. Waits while the connection has too much in flight.
    pub(crate) async fn take(self: &Arc<Self>, text: Utf8Bytes) {
        let max_batch = self.core.limits.max_batch;
        let held = if text.len() > HELD_BYTES {
            let Some(held) = self.core.budget.reserve(text.len()) else {
                self.core.counters.refusals.count(Bound::Buffered);
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
                // As above: the connection ends the task, and the answer goes to its writer.
                self.spawn(self.clone().answer(call, in_flight));
            }
            Message::Single(Err(response)) => {
                let in_flight = self.admit().await;
                match notice_in(&text) {
                    // Nothing more is read until the reply has left: the sender may close the connection behind its
                    // notice, and the notice counts all the same.
                    Some(notice) => {
                        self.acknowledge(notice, response, in_flight).await;
                        self.all_sent().await;
                    }
                    None => self.send(Outgoing::answer(response.to_text(), in_flight)).await,
                }
            }
            Message::TooLong(response) => {
                self.core.counters.refusals.count(Bound::Batch);
                let in_flight = self.admit().await;
                self.send(Outgoing::answer(response.to_text(), in_flight)).await;
            }
            Message::Batch(elements) => self.start_batch(elements, held).await,
        }
    }

    /// Answers a launch notice, or sends `refusal` when the service takes none.
    ///
    /// A notice can end a start, so it needs the right to manage, which every process of the user's that launches has.
    async fn acknowledge(&self, notice: SignedNotice, refusal: Response, in_flight: InFlight) {
        if self.right < Right::Manage {
            self.core.counters.refusals.count(Bound::Token);
            let refusal = Response::new(Id::Null, Err(not_allowed()));
            self.send(Outgoing::answer(refusal.to_text(), in_flight)).await;
            return;
        }
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
}

/// Reads a text as a launch notice: an object with `type` and without `jsonrpc`.
fn notice_in(text: &str) -> Option<SignedNotice> {
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
