//! The daemon's half of a launch: telling the front how the load goes.

use std::time::Duration;

use okibi_client::{ClientError, ConnectOptions, send_notice};
use okibi_protocol::notice::{LaunchId, Notice, NoticeReply};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Notices that may wait to be sent; a front that is that slow misses the ones between.
const QUEUE: usize = 256;

/// A front that takes longer than this for one notice is passed over.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(2);

/// Sends notices from a task of its own, in order, each on a connection of its own; the load never waits for it.
pub(crate) struct NoticeSender {
    launch: LaunchId,
    queue: mpsc::Sender<Message>,
    task: JoinHandle<()>,
}

enum Message {
    Notice(Notice),
    /// Sent after all before it; whoever sends it waits for the outcome.
    Last(Notice, oneshot::Sender<Delivery>),
}

/// What became of a notice.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// The front took it.
    Acknowledged,
    /// The front leads another launch.
    Superseded,
    /// There is no front; nobody listens on the port.
    NobodyThere,
    /// Somebody is there who is no front.
    Refused(ClientError),
}

impl NoticeSender {
    /// Starts the task. `superseded` is cancelled when a front says that it leads another launch.
    pub(crate) fn start(front: ConnectOptions, launch: LaunchId, superseded: CancellationToken) -> Self {
        let (queue, mut messages) = mpsc::channel(QUEUE);
        let task = tokio::spawn(async move {
            while let Some(message) = messages.recv().await {
                let (notice, outcome) = match message {
                    Message::Notice(notice) => (notice, None),
                    Message::Last(notice, outcome) => (notice, Some(outcome)),
                };
                let delivery = deliver(&front, &notice).await;
                match &delivery {
                    Delivery::Acknowledged => {}
                    Delivery::Superseded => superseded.cancel(),
                    Delivery::NobodyThere => tracing::info!("no front listens any more; loading goes on"),
                    Delivery::Refused(error) => tracing::info!(%error, "a notice was not taken"),
                }
                if let Some(outcome) = outcome {
                    // Whoever waited may have been stopped meanwhile.
                    let _ = outcome.send(delivery);
                }
            }
        });
        Self { launch, queue, task }
    }

    /// The launch the notices belong to.
    pub(crate) fn launch(&self) -> LaunchId {
        self.launch.clone()
    }

    /// Queues a notice, without ever blocking the caller.
    pub(crate) fn queue(&self, notice: Notice) {
        if self.queue.try_send(Message::Notice(notice)).is_err() {
            tracing::debug!("a notice was left out: the front is slow");
        }
    }

    /// Sends a notice after all the others and waits for what becomes of it.
    pub(crate) async fn send_last(&self, notice: Notice) -> Delivery {
        let (outcome, delivery) = oneshot::channel();
        if self.queue.send(Message::Last(notice, outcome)).await.is_err() {
            return Delivery::NobodyThere;
        }
        delivery.await.unwrap_or(Delivery::NobodyThere)
    }
}

impl Drop for NoticeSender {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends one notice.
pub(crate) async fn deliver(front: &ConnectOptions, notice: &Notice) -> Delivery {
    match timeout(NOTICE_TIMEOUT, send_notice(front, notice)).await {
        Ok(Ok(NoticeReply::Ack)) => Delivery::Acknowledged,
        Ok(Ok(NoticeReply::Superseded)) => Delivery::Superseded,
        Ok(Err(ClientError::Refused)) => Delivery::NobodyThere,
        Ok(Err(error)) => Delivery::Refused(error),
        Err(_) => Delivery::Refused(ClientError::Timeout),
    }
}
