//! What the tasks of one WebSocket connection share: its queue of answers, and what it may have in flight.

use std::sync::Arc;

use okibi_protocol::guard::Right;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    connection_id::ConnectionId,
    core::Core,
    limits::Limits,
    peer::Peer,
    place::Place,
    service::BackgroundCount,
    unread::ConnectionOutput,
    writer::{InFlight, Outgoing},
};

/// What the tasks of one connection share.
pub(crate) struct Session<S> {
    pub(crate) core: Arc<Core<S>>,
    pub(crate) id: ConnectionId,
    pub(crate) peer: Arc<Peer>,
    pub(crate) place: Place,
    pub(crate) right: Right,
    pub(crate) queue: mpsc::Sender<Outgoing>,
    /// Cancelled when the connection is over, on whichever side: every task of it ends then.
    pub(crate) gone: CancellationToken,
    pub(crate) background: Arc<BackgroundCount>,
    /// A permit for each batch that may be open.
    pub(crate) batches: Arc<Semaphore>,
    /// A permit for each call that may be in flight.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) output: Arc<ConnectionOutput>,
}

impl<S> Session<S> {
    pub(crate) fn new(
        core: Arc<Core<S>>,
        peer: Arc<Peer>,
        place: Place,
        right: Right,
        queue: mpsc::Sender<Outgoing>,
        output: Arc<ConnectionOutput>,
    ) -> Arc<Self> {
        Arc::new(Self {
            id: peer.connection,
            peer,
            place,
            right,
            queue,
            gone: core.life.abort.child_token(),
            background: BackgroundCount::new(core.limits.max_background),
            batches: Arc::new(Semaphore::new(Limits::MAX_OPEN_BATCHES)),
            room: Arc::new(Semaphore::new(core.limits.max_in_flight)),
            output,
            core,
        })
    }

    /// Waits for room for one more call, and until the peer has read so much that another answer can wait.
    pub(crate) async fn admit(&self) -> InFlight {
        self.output.room().await;
        self.admit_element().await
    }

    /// Waits for room for one more call of a batch, whose answers leave together: they cannot wait for each other.
    pub(crate) async fn admit_element(&self) -> InFlight {
        InFlight {
            _held: None,
            _permit: self.room.clone().acquire_owned().await.ok(),
            _counted: self.core.life.calls.token(),
        }
    }

    /// Waits until every answer has left, which no call is admitted meanwhile to delay.
    pub(crate) async fn all_sent(&self) {
        let all = u32::try_from(self.core.limits.max_in_flight).unwrap_or(u32::MAX);
        // All the permits there are. The semaphore is never closed.
        drop(self.room.acquire_many(all).await);
    }

    /// Queues a message and counts it as unread output.
    pub(crate) async fn send(&self, mut outgoing: Outgoing) {
        if let Outgoing::Send { message, unread, .. } = &mut outgoing {
            *unread = Some(self.output.hold(message.len()));
        }
        // An error means that the connection is over, and that nobody waits for the message any more.
        let _ = self.queue.send(outgoing).await;
    }

    /// Runs a task until it ends or the connection does, whereupon it is dropped.
    pub(crate) fn spawn<F>(&self, task: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.core
            .life
            .tasks
            .spawn(self.gone.clone().run_until_cancelled_owned(task))
    }
}
