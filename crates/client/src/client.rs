//! One connection that many calls share.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use okibi_protocol::{
    jsonrpc::{Id, Request},
    method::Method,
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    connect::{self, ConnectOptions, Socket},
    dispatch::{Chunk, Dispatch, Fault},
    error::ClientError,
};

/// Requests that wait for the writer; callers wait beyond it.
const QUEUE: usize = 32;

/// Time between two pings.
const PING_EVERY: Duration = Duration::from_secs(30);

/// Pings in a row after which a server from which nothing comes counts as dead. Together they take far longer than the
/// suspension of a machine's program that a user does not notice; a long answer is not silence, since pings are answered
/// meanwhile.
const UNANSWERED_PINGS: u32 = 6;

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
        Ok(Self::on(connect::connect(&options.into()).await?, PING_EVERY))
    }

    /// A client on a connection, which pings the server this often.
    fn on(socket: Socket, ping_every: Duration) -> Self {
        let (sink, stream) = socket.split();
        let (requests, asked) = mpsc::channel(QUEUE);
        let dispatch = Arc::new(Dispatch::new());
        let reading = dispatch.clone();
        let writing = dispatch.clone();
        Self {
            shared: Arc::new(Shared {
                dispatch,
                requests,
                _reader: AbortOnDropHandle::new(tokio::spawn(async move { reading.read(stream).await })),
                _writer: AbortOnDropHandle::new(tokio::spawn(write(sink, asked, writing, ping_every))),
            }),
        }
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

/// Writes requests until the connection ends or its last owner is dropped, and pings a server that is silent.
async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut asked: mpsc::Receiver<Message>,
    dispatch: Arc<Dispatch>,
    ping_every: Duration,
) {
    let writing = async {
        let mut pings = interval_at(Instant::now() + ping_every, ping_every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut received, mut unanswered) = (0, 0);
        loop {
            let message = tokio::select! {
                request = asked.recv() => match request {
                    Some(request) => request,
                    None => return None,
                },
                _ = pings.tick() => {
                    let now = dispatch.received();
                    unanswered = if now == received { unanswered + 1 } else { 0 };
                    received = now;
                    if unanswered > UNANSWERED_PINGS {
                        return Some(Fault::Silence);
                    }
                    Message::Ping(Bytes::new())
                }
            };
            // A server that takes nothing is as silent as one that says nothing.
            match timeout(ping_every * UNANSWERED_PINGS, sink.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    // The server's reason may still be there to be read: the reader ends the calls.
                    tracing::debug!(%error, "writing a request failed");
                    return None;
                }
                Err(_) => return Some(Fault::Silence),
            }
        }
    };
    // The socket closes when both its halves are dropped, and the server waits for that.
    let fault = dispatch.closed.run_until_cancelled(writing).await.flatten();
    if fault.is_some() {
        dispatch.end(fault);
    }
}

#[cfg(test)]
mod tests {
    use okibi_protocol::method::{GetStatus, NoParams};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_tungstenite::{accept_async, client_async};

    use super::*;

    const TEST_LIMIT: Duration = Duration::from_secs(30);

    /// A client, and the server's side of its connection.
    async fn connected(ping_every: Duration) -> (Client, Socket) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let opening = async {
            let stream = TcpStream::connect(address).await.unwrap();
            client_async(format!("ws://{address}/"), stream).await.unwrap().0
        };
        let accepting = async { accept_async(listener.accept().await.unwrap().0).await.unwrap() };
        let (socket, server) = tokio::join!(opening, accepting);
        (Client::on(socket, ping_every), server)
    }

    #[tokio::test]
    async fn a_server_that_falls_silent_ends_the_calls_that_wait_for_it() {
        let (client, _silent) = connected(Duration::from_millis(5)).await;
        let outcome = timeout(TEST_LIMIT, client.call::<GetStatus>(NoParams {})).await;
        assert!(matches!(outcome, Ok(Err(ClientError::Timeout))), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_server_that_answers_pings_may_take_its_time() {
        // Long enough that a busy machine's pauses are no silence of seven pings.
        let (client, mut server) = connected(Duration::from_millis(100)).await;
        let call = tokio::spawn(async move { client.call::<GetStatus>(NoParams {}).await });
        let mut pings = 0;
        while pings < 2 * UNANSWERED_PINGS {
            // Reading answers a ping.
            match timeout(TEST_LIMIT, server.next()).await.unwrap() {
                Some(Ok(Message::Ping(_))) => pings += 1,
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(!call.is_finished(), "the call waits on");
    }
}
