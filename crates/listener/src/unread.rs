//! Bytes of answers that wait for their clients to read them, over all connections.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::service::ConnectionId;

/// What waits on every connection, and how much of it there may be.
///
/// Over the bound of all connections, the one that holds most is cut (of equals the one that has waited longest), and
/// again until the bound holds. One answer alone may be of any size, so all of them hold at most one answer more than the bound.
#[derive(Debug)]
pub(crate) struct Unread {
    max: usize,
    max_of_connection: usize,
    waiting: Mutex<Waiting>,
}

/// See [`Unread`].
#[derive(Debug, Default)]
struct Waiting {
    /// Bytes of all connections that are not cut.
    bytes: usize,
    /// The last `since`.
    turn: u64,
    connections: HashMap<u64, OfConnection>,
}

#[derive(Debug)]
struct OfConnection {
    bytes: usize,
    answers: usize,
    /// Counts up over all connections each time one begins to have something that waits.
    since: u64,
    /// Ends the connection; cancelled when it is cut.
    end: CancellationToken,
    is_cut: bool,
}

impl Unread {
    pub(crate) fn new(max: usize, max_of_connection: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            max_of_connection,
            waiting: Mutex::default(),
        })
    }

    /// A new connection, which `end` ends.
    pub(crate) fn enter(self: &Arc<Self>, connection: ConnectionId, end: CancellationToken) -> Arc<Share> {
        let entry = OfConnection {
            bytes: 0,
            answers: 0,
            since: 0,
            end,
            is_cut: false,
        };
        self.lock().connections.insert(connection.0, entry);
        Arc::new(Share {
            connection: connection.0,
            read: Notify::new(),
            unread: Arc::clone(self),
        })
    }

    /// Bytes that wait now.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// The state, which no panic leaves half-changed.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Counts an answer, and keeps to `max`.
    fn add(&mut self, connection: u64, bytes: usize, max: usize) {
        let Some(own) = self.connections.get_mut(&connection) else {
            return;
        };
        if own.answers == 0 {
            self.turn += 1;
            own.since = self.turn;
        }
        own.bytes += bytes;
        own.answers += 1;
        if !own.is_cut {
            self.bytes += bytes;
            self.keep_to(max);
        }
    }

    /// No longer counts an answer.
    fn remove(&mut self, connection: u64, bytes: usize) {
        let Some(own) = self.connections.get_mut(&connection) else {
            return;
        };
        own.bytes -= bytes;
        own.answers -= 1;
        if !own.is_cut {
            self.bytes -= bytes;
        }
    }

    /// Cuts the connections that hold most until at most `max` bytes wait, beside one answer.
    fn keep_to(&mut self, max: usize) {
        while self.bytes > max {
            let held = self.connections.iter_mut().filter(|(_, held)| !held.is_cut);
            let Some((connection, largest)) = held.max_by_key(|(_, held)| (held.bytes, Reverse(held.since)))
            else {
                return;
            };
            if largest.answers <= 1 && self.bytes - largest.bytes <= max {
                return;
            }
            tracing::warn!(
                connection,
                bytes = largest.bytes,
                "a client was cut: of all answers that wait, the most were its own"
            );
            largest.is_cut = true;
            largest.end.cancel();
            self.bytes -= largest.bytes;
        }
    }
}

/// What waits on one connection.
#[derive(Debug)]
pub(crate) struct Share {
    connection: u64,
    /// Told when an answer has left.
    read: Notify,
    unread: Arc<Unread>,
}

impl Share {
    /// Counts an answer of `bytes` until the guard is dropped; cuts whoever holds most where that is too much.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> UnreadAnswer {
        self.unread.lock().add(self.connection, bytes, self.unread.max);
        UnreadAnswer {
            bytes,
            share: Arc::clone(self),
        }
    }

    /// As [`Self::hold`], but `None` where the connection holds its bound already.
    pub(crate) fn try_hold(self: &Arc<Self>, bytes: usize) -> Option<UnreadAnswer> {
        self.has_room().then(|| self.hold(bytes))
    }

    /// Bytes that wait on all connections.
    pub(crate) fn of_all(&self) -> usize {
        self.unread.bytes()
    }

    /// Waits until the client has read so much that its connection is under its bound.
    pub(crate) async fn room(&self) {
        loop {
            let mut read = std::pin::pin!(self.read.notified());
            // From here on no notice is missed.
            read.as_mut().enable();
            if self.has_room() {
                return;
            }
            read.await;
        }
    }

    /// Whether its connection has been cut.
    pub(crate) fn is_cut(&self) -> bool {
        let waiting = self.unread.lock();
        waiting
            .connections
            .get(&self.connection)
            .is_some_and(|own| own.is_cut)
    }

    fn has_room(&self) -> bool {
        let waiting = self.unread.lock();
        let own = waiting.connections.get(&self.connection);
        own.is_none_or(|own| own.bytes < self.unread.max_of_connection)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.unread.lock().connections.remove(&self.connection);
    }
}

/// An answer that waits to be read; no longer counted when it is dropped.
#[derive(Debug)]
pub(crate) struct UnreadAnswer {
    bytes: usize,
    share: Arc<Share>,
}

impl Drop for UnreadAnswer {
    fn drop(&mut self) {
        self.share.unread.lock().remove(self.share.connection, self.bytes);
        self.share.read.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(unread: &Arc<Unread>, connection: u64) -> (Arc<Share>, CancellationToken) {
        let end = CancellationToken::new();
        (unread.enter(ConnectionId(connection), end.clone()), end)
    }

    #[test]
    fn the_connection_that_holds_most_is_cut() {
        let unread = Unread::new(100, 50);
        let (small, small_end) = enter(&unread, 1);
        let (large, large_end) = enter(&unread, 2);
        let _small = small.hold(30);
        let first = large.hold(40);
        assert_eq!(unread.bytes(), 70);
        let second = large.hold(40);
        assert!(large_end.is_cancelled() && !small_end.is_cancelled());
        assert_eq!(unread.bytes(), 30, "what it holds is as good as gone");
        drop((first, second, large));
        assert_eq!(unread.bytes(), 30);
    }

    #[test]
    fn one_answer_may_be_of_any_size() {
        let unread = Unread::new(100, 50);
        let (large, large_end) = enter(&unread, 1);
        let (small, small_end) = enter(&unread, 2);
        let (other, other_end) = enter(&unread, 3);
        let whole = large.hold(1000);
        let _small = small.hold(60);
        assert!(!large_end.is_cancelled() && !small_end.is_cancelled());
        let _other = other.hold(60);
        assert!(large_end.is_cancelled(), "beside it there is more than the bound");
        assert!(!small_end.is_cancelled() && !other_end.is_cancelled());
        drop(whole);
        assert_eq!(unread.bytes(), 120, "one answer more than the bound");
    }

    #[tokio::test]
    async fn a_connection_waits_until_it_is_under_its_bound() {
        let unread = Unread::new(100, 50);
        let (share, _end) = enter(&unread, 1);
        let answer = share.hold(50);
        assert!(share.try_hold(1).is_none());
        let waiting = tokio::spawn({
            let share = Arc::clone(&share);
            async move { share.room().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(answer);
        waiting.await.unwrap();
        assert!(share.try_hold(1).is_some());
    }
}
