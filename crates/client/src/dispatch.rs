//! The reader's side of a connection: which call waits for which answer.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use futures_util::{
    StreamExt,
    stream::{SplitStream, Stream},
};
use okibi_protocol::{
    jsonrpc::{Id, Received, RpcError},
    method::{STATUS_CHANGED, Status},
};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

use crate::{connect::Socket, error::ClientError};

/// One response to a call.
pub(crate) struct Chunk {
    pub(crate) outcome: Result<Option<Box<RawValue>>, ClientError>,
    pub(crate) more: bool,
}

/// Everything that waits for something from the server.
pub(crate) struct Dispatch {
    /// Held for the time of a lookup only, never over an `await`: callers enter and leave on any thread, while the
    /// reader hands the answers out.
    waiting: Mutex<Waiting>,
    pub(crate) status: watch::Sender<Option<Status>>,
    pub(crate) closed: CancellationToken,
    /// Messages that have come, pongs included.
    received: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    last_id: u64,
    calls: HashMap<u64, mpsc::UnboundedSender<Chunk>>,
    /// An error that names no call: the reason the server is about to close for.
    close_reason: Option<RpcError>,
    /// Why the connection was ended from here.
    fault: Option<Fault>,
    over: bool,
}

/// Why a connection is ended on this side.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The server sent something that is not JSON-RPC.
    Nonsense,
    /// Nothing came from the server for too long.
    Silence,
}

impl From<Fault> for ClientError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Nonsense => Self::NotOkibi("it sent something that is not JSON-RPC".into()),
            Fault::Silence => Self::Timeout,
        }
    }
}

impl Dispatch {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Mutex::default(),
            status: watch::Sender::new(None),
            closed: CancellationToken::new(),
            received: AtomicU64::new(0),
        }
    }

    /// Messages that have come so far, pongs included.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    /// Enters a call: its id, and where its responses arrive.
    ///
    /// The channel is not bounded: what it holds is what the call asked for, and one slow reader must not keep
    /// the answers of the others.
    pub(crate) fn enter(&self) -> Result<(u64, mpsc::UnboundedReceiver<Chunk>), ClientError> {
        let mut waiting = self.waiting.lock();
        if waiting.over {
            return Err(waiting.end_error());
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        waiting.last_id += 1;
        let id = waiting.last_id;
        waiting.calls.insert(id, sender);
        Ok((id, receiver))
    }

    /// Removes a call whose caller no longer waits.
    pub(crate) fn leave(&self, id: u64) {
        self.waiting.lock().calls.remove(&id);
    }

    /// Reads until the connection ends, and ends every wait.
    pub(crate) async fn read(&self, mut stream: SplitStream<Socket>) {
        let fault = self.closed.run_until_cancelled(self.read_all(&mut stream)).await;
        self.end(fault.flatten());
    }

    async fn read_all(
        &self,
        stream: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
    ) -> Option<Fault> {
        while let Some(received) = stream.next().await {
            self.received.fetch_add(1, Relaxed);
            match received {
                Ok(Message::Text(text)) => match serde_json::from_str(&text) {
                    Ok(received) => self.take(received),
                    Err(error) => {
                        tracing::debug!(%error, "the server sent something that is not a response");
                        return Some(Fault::Nonsense);
                    }
                },
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "the connection ended");
                    return None;
                }
            }
        }
        None
    }

    fn take(&self, received: Received) {
        if received.method.as_deref() == Some(STATUS_CHANGED) {
            let status = received
                .params
                .and_then(|params| serde_json::from_str(params.get()).ok());
            if status.is_some() {
                self.status.send_replace(status);
            }
            return;
        }
        let id = match received.id {
            Some(Id::Number(number)) => number.as_u64(),
            _ => None,
        };
        let mut waiting = self.waiting.lock();
        let Some(id) = id else {
            waiting.close_reason = received.error.or(waiting.close_reason.take());
            return;
        };
        let more = received.more;
        let outcome = match received.error {
            Some(error) => Err(ClientError::Rpc(error)),
            None => Ok(received.result),
        };
        let sender = if more {
            waiting.calls.get(&id).cloned()
        } else {
            waiting.calls.remove(&id)
        };
        if let Some(sender) = sender {
            // The caller may have gone in this very moment.
            let _ = sender.send(Chunk { outcome, more });
        }
    }

    /// Ends every wait: calls get the fault, else the reason the server gave, or `Closed`. Only the first fault counts.
    pub(crate) fn end(&self, fault: Option<Fault>) {
        let mut waiting = self.waiting.lock();
        waiting.fault = waiting.fault.or(fault);
        // Before the calls are taken out, under the same lock: a call that enters later sees that it is over.
        waiting.over = true;
        for (_, sender) in std::mem::take(&mut waiting.calls) {
            let outcome = Err(waiting.end_error());
            // The caller may have gone in this very moment.
            let _ = sender.send(Chunk { outcome, more: false });
        }
        drop(waiting);
        self.closed.cancel();
    }
}

impl Waiting {
    fn end_error(&self) -> ClientError {
        if let Some(fault) = self.fault {
            return fault.into();
        }
        self.close_reason
            .clone()
            .map_or(ClientError::Closed, ClientError::Rpc)
    }
}
