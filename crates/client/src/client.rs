//! One connection that many calls share.

use std::{marker::PhantomData, sync::Arc};

use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use okibi_protocol::{
    jsonrpc::{Id, Request},
    method::Method,
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    connect::{self, ConnectOptions, Socket},
    dispatch::{Chunk, Dispatch},
    error::ClientError,
};

/// Requests that wait for the writer; callers wait beyond it.
const QUEUE: usize = 32;

/// A connection to a server. Clones share it; it closes when the last of them, and the last [`Chunks`] and
/// [`Subscription`](crate::Subscription) made from them, is dropped.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) dispatch: Arc<Dispatch>,
    requests: mpsc::Sender<Message>,
    _reader: AbortOnDropHandle<()>,
    _writer: AbortOnDropHandle<()>,
}

impl Client {
    /// Connects to a server on this machine: a port alone stands for its [`ConnectOptions`] without a token.
    ///
    /// Errors: `Refused`, `Rejected`, `NotOkibi`, `Timeout`, `Io` (a reset, as in the moment of a handover).
    pub async fn connect(options: impl Into<ConnectOptions>) -> Result<Self, ClientError> {
        let (sink, stream) = connect::connect(&options.into()).await?.split();
        let (requests, asked) = mpsc::channel(QUEUE);
        let dispatch = Arc::new(Dispatch::new());
        let reading = dispatch.clone();
        let closed = dispatch.closed.clone();
        Ok(Self {
            shared: Arc::new(Shared {
                dispatch,
                requests,
                _reader: AbortOnDropHandle::new(tokio::spawn(async move { reading.read(stream).await })),
                _writer: AbortOnDropHandle::new(tokio::spawn(write(sink, asked, closed))),
            }),
        })
    }

    /// Calls a method and waits for its one result.
    ///
    /// Errors: `Rpc` for the server's own, `Closed` when the connection ends first, `NotOkibi` for a result that
    /// cannot be read or comes in chunks.
    pub async fn call<M: Method>(&self, params: M::Params) -> Result<M::Output, ClientError> {
        let mut chunks = self.stream::<M>(params).await?;
        let result = chunks.next().await.unwrap_or(Err(ClientError::Closed))?;
        if chunks.ended {
            Ok(result)
        } else {
            let method = M::NAME;
            Err(ClientError::NotOkibi(format!(
                "its answer to {method} comes in chunks"
            )))
        }
    }

    /// Calls a method whose result may come in chunks. Returns when the request is queued.
    pub async fn stream<M: Method>(&self, params: M::Params) -> Result<Chunks<M::Output>, ClientError> {
        let (id, responses) = self.shared.dispatch.enter()?;
        let chunks = Chunks {
            client: self.clone(),
            id,
            responses,
            ended: false,
            result: PhantomData,
        };
        let request = connect::message(&Request::new(Id::from(id), M::NAME, params))?;
        // Where the writer has ended, the call has its error from the end of the connection.
        let _ = self.shared.requests.send(request).await;
        Ok(chunks)
    }

    /// Ends when the connection has.
    pub async fn closed(&self) {
        self.shared.dispatch.closed.cancelled().await;
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let closed = self.shared.dispatch.closed.is_cancelled();
        formatter
            .debug_struct("Client")
            .field("closed", &closed)
            .finish_non_exhaustive()
    }
}

/// The chunks of a call's result, in order. Dropping it lets the rest of the answer go by.
#[derive(Debug)]
pub struct Chunks<R> {
    client: Client,
    id: u64,
    responses: mpsc::UnboundedReceiver<Chunk>,
    ended: bool,
    result: PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned> Chunks<R> {
    /// The next chunk; `None` after the last one, or after an error.
    pub async fn next(&mut self) -> Option<Result<R, ClientError>> {
        if self.ended {
            return None;
        }
        let Some(chunk) = self.responses.recv().await else {
            self.ended = true;
            return Some(Err(ClientError::Closed));
        };
        let outcome = chunk.outcome.and_then(|result| read(result.as_deref()));
        self.ended = !chunk.more || outcome.is_err();
        Some(outcome)
    }
}

impl<R> Drop for Chunks<R> {
    fn drop(&mut self) {
        self.client.shared.dispatch.leave(self.id);
    }
}

fn read<R: DeserializeOwned>(result: Option<&RawValue>) -> Result<R, ClientError> {
    serde_json::from_str(result.map_or("null", RawValue::get))
        .map_err(|error| ClientError::NotOkibi(format!("its result cannot be read: {error}")))
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Chunk")
            .field("more", &self.more)
            .finish_non_exhaustive()
    }
}

/// Writes requests until the connection ends or its last owner is dropped.
async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut asked: mpsc::Receiver<Message>,
    closed: CancellationToken,
) {
    let writing = async {
        while let Some(request) = asked.recv().await {
            if let Err(error) = sink.send(request).await {
                // The server's reason may still be there to be read: the reader ends the calls.
                tracing::debug!(%error, "writing a request failed");
                return;
            }
        }
    };
    // The socket closes when both its halves are dropped, and the server waits for that.
    closed.run_until_cancelled(writing).await;
}
