//! The status of a server as it changes.

use okibi_protocol::method::Status;
use tokio::sync::watch;

use crate::client::Client;

/// Yields a server's status: what it was at the subscription, then each change. A slow reader skips to the latest.
///
/// Keeps the connection open.
#[derive(Debug)]
pub struct Subscription {
    client: Client,
    snapshot: Option<Status>,
    changes: watch::Receiver<Option<Status>>,
}

impl Subscription {
    pub(crate) fn new(client: Client, now: Status, changes: watch::Receiver<Option<Status>>) -> Self {
        Self {
            client,
            snapshot: Some(now),
            changes,
        }
    }

    /// The next status; `None` when the connection has ended. What a cancelled wait would have given is not lost.
    pub async fn next(&mut self) -> Option<Status> {
        if let Some(snapshot) = self.snapshot.take() {
            return Some(snapshot);
        }
        tokio::select! {
            biased;
            changed = self.changes.changed() => changed.ok()?,
            () = self.client.closed() => {
                // The last change may have come in the same moment as the end.
                if !self.changes.has_changed().unwrap_or(false) {
                    return None;
                }
            }
        }
        self.changes.borrow_and_update().clone()
    }
}
