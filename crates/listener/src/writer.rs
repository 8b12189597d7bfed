//! The one writer of a WebSocket: a bounded queue, and a limit for peers that do not read.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use futures_util::{Sink, SinkExt};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::timeout,
};
use tokio_tungstenite::tungstenite::{Error, Message, protocol::CloseFrame};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::{budget::Reserved, unread::UnreadAnswer, wire::Link};

/// Messages that wait for the writer; their senders wait beyond it.
pub(crate) const QUEUE: usize = 8;

/// Messages after which what is buffered is sent, though more are waiting.
const FLUSH_AFTER: usize = 64;

/// A call from its arrival until its answer has left.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// The bytes of its message, where they are many.
    pub(crate) _held: Option<Arc<Reserved>>,
    /// Its part of what its connection may have in flight.
    pub(crate) _permit: Option<OwnedSemaphorePermit>,
    /// What a drain waits for.
    pub(crate) _counted: TaskTrackerToken,
}

/// What the writer is to send.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Send a message; `done` and `unread` are dropped once the system has taken it.
    Send {
        message: Message,
        done: Option<InFlight>,
        unread: Option<UnreadAnswer>,
    },
    /// Send what the protocol itself has queued: pongs.
    Flush,
    /// Send a close frame and end.
    Close(CloseFrame),
}

impl Outgoing {
    pub(crate) fn text(text: String) -> Self {
        Self::Send {
            message: Message::text(text),
            done: None,
            unread: None,
        }
    }

    pub(crate) fn answer(text: String, done: InFlight) -> Self {
        Self::Send {
            message: Message::text(text),
            done: Some(done),
            unread: None,
        }
    }
}

/// Why a writer ended before its close frame.
#[derive(Debug)]
pub(crate) enum WriteEnd {
    /// The peer has taken no byte for the limit.
    Stalled,
    /// The connection is broken or closed.
    Broken(Error),
}

/// Writes what `queue` gives until its close frame is sent or its senders are gone.
pub(crate) async fn write<S>(
    mut sink: S,
    mut queue: mpsc::Receiver<Outgoing>,
    link: &Link,
    limit: Duration,
) -> Result<(), WriteEnd>
where
    S: Sink<Message, Error = Error> + Unpin,
{
    while let Some(first) = queue.recv().await {
        let mut written = Vec::new();
        let mut next = Some(first);
        let (mut count, mut closing) = (0, false);
        while let Some(outgoing) = next.take() {
            match outgoing {
                Outgoing::Send {
                    message,
                    done,
                    unread,
                } => {
                    unless_stalled(sink.feed(message), link, limit).await?;
                    written.push((done, unread));
                }
                Outgoing::Flush => {}
                Outgoing::Close(frame) => {
                    unless_stalled(sink.feed(Message::Close(Some(frame))), link, limit).await?;
                    closing = true;
                }
            }
            count += 1;
            if !closing && count < FLUSH_AFTER {
                next = queue.try_recv().ok();
            }
        }
        unless_stalled(sink.flush(), link, limit).await?;
        drop(written);
        if closing {
            break;
        }
    }
    Ok(())
}

/// Waits for `writing` as long as the peer takes some bytes within each `limit`.
async fn unless_stalled(
    writing: impl Future<Output = Result<(), Error>>,
    link: &Link,
    limit: Duration,
) -> Result<(), WriteEnd> {
    let mut writing = pin!(writing);
    loop {
        let before = link.bytes_written();
        match timeout(limit, &mut writing).await {
            Ok(outcome) => return outcome.map_err(WriteEnd::Broken),
            Err(_) if link.bytes_written() == before => return Err(WriteEnd::Stalled),
            Err(_) => {}
        }
    }
}
