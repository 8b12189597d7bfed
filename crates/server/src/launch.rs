//! The daemon's half of a launch: telling the front how the load goes.

use std::time::Duration;

use okibi_client::{ClientError, ConnectOptions, send_notice, send_progress};
use okibi_protocol::notice::{LaunchId, LaunchSecret, Notice, NoticeReply, SignedNotice};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// Notices that may wait to be sent; a front that is that slow misses the ones between.
const QUEUE: usize = 256;

/// A front that takes longer than this for one step of a notice is passed over.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(2);

/// A launch as its daemon knows it: where the front is, and what shows that a notice is of this launch.
#[derive(Clone)]
pub(crate) struct Launch {
    front: ConnectOptions,
    id: LaunchId,
    /// Absent where the front has given none: it is not ours, and takes notices without.
    secret: Option<LaunchSecret>,
}

impl Launch {
    pub(crate) fn new(front: ConnectOptions, id: LaunchId, secret: Option<LaunchSecret>) -> Self {
        let front = front.within(NOTICE_TIMEOUT);
        Self { front, id, secret }
    }

    /// Its name.
    pub(crate) fn id(&self) -> LaunchId {
        self.id.clone()
    }

    /// How the front is reached.
    pub(crate) fn front(&self) -> &ConnectOptions {
        &self.front
    }

    fn sign(&self, notice: Notice) -> SignedNotice {
        SignedNotice::new(notice, self.secret.as_ref())
    }

    /// Sends one notice, and waits for the reply.
    pub(crate) async fn deliver(&self, notice: Notice) -> Delivery {
        let reply = send_notice(&self.front, &self.sign(notice)).await;
        Delivery::of(reply.map(Some))
    }

    /// Sends one notice of progress. A front may leave it without a reply, which is not waited for; one that does not
    /// even close its side is given no time for it from then on.
    async fn report(&self, notice: Notice, patience: &mut Duration) -> Delivery {
        let sent = send_progress(&self.front, &self.sign(notice), *patience).await;
        if let Ok((_, false)) = sent {
            *patience = Duration::ZERO;
        }
        Delivery::of(sent.map(|(reply, _)| reply))
    }
}

/// Sends notices from a task of its own, in order, each on a connection of its own; the load never waits for it.
pub(crate) struct NoticeSender {
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
    /// The front took it, as far as can be said.
    Acknowledged,
    /// The front leads another launch.
    Superseded,
    /// There is no front; nobody listens on the port.
    NobodyThere,
    /// Somebody is there who is no front.
    Refused(ClientError),
}

impl Delivery {
    fn of(sent: Result<Option<NoticeReply>, ClientError>) -> Self {
        match sent {
            Ok(None | Some(NoticeReply::Ack)) => Self::Acknowledged,
            Ok(Some(NoticeReply::Superseded)) => Self::Superseded,
            Err(ClientError::Refused) => Self::NobodyThere,
            Err(error) => Self::Refused(error),
        }
    }
}

impl NoticeSender {
    /// Starts the task. `superseded` is cancelled when a front says that it leads another launch.
    pub(crate) fn start(launch: Launch, superseded: CancellationToken) -> Self {
        let (queue, mut messages) = mpsc::channel(QUEUE);
        let task = tokio::spawn(async move {
            let mut patience = NOTICE_TIMEOUT;
            while let Some(message) = messages.recv().await {
                let (delivery, outcome) = match message {
                    Message::Notice(notice) => (launch.report(notice, &mut patience).await, None),
                    Message::Last(notice, outcome) => (launch.deliver(notice).await, Some(outcome)),
                };
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
        Self { queue, task }
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
