//! Bytes of answers that wait for their clients to read them, over all connections.
//!
//! Each answer is counted from the moment it is queued until the system has taken it. Two bounds hold:
//!
//! ```text
//!                     ┌─ connection 1: ConnectionOutput ── answers ──▶ its WebSocket or HTTP body
//! Unread (all bytes) ─┼─ connection 2: ConnectionOutput ── answers ──▶ …
//!                     └─ connection 3: ConnectionOutput ── answers ──▶ …
//!
//! one connection over its bound   nothing more is read from it until its client has read some answers
//! all of them over the bound      the connection that holds most is cut, and again until the bound holds
//! ```
//!
//! So a client that does not read stops itself, and many of them together cannot use up the memory.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::connection_id::ConnectionId;

/// What waits on every connection, and how much of it there may be.
///
/// Of connections that hold the same, the one that has waited longest is cut. A single answer may be of any size, so all
/// connections together hold at most one answer more than the bound.
#[derive(Debug)]
pub(crate) struct Unread {
    max: usize,
    max_of_connection: usize,
    /// Every change takes this one lock: a sum over atomics could not tell which connection holds most.
    waiting: Mutex<Waiting>,
}

/// See [`Unread`].
#[derive(Debug, Default)]
struct Waiting {
    /// Bytes of all connections that are not cut.
    bytes: usize,
    /// The last `since`.
    turn: u64,
    connections: HashMap<u64, Held>,
}

#[derive(Debug)]
struct Held {
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

    /// Adds a connection. `end` is cancelled when it is cut.
    pub(crate) fn enter(
        self: &Arc<Self>,
        connection: ConnectionId,
        end: CancellationToken,
    ) -> Arc<ConnectionOutput> {
        let entry = Held {
            bytes: 0,
            answers: 0,
            since: 0,
            end,
            is_cut: false,
        };
        self.waiting.lock().connections.insert(connection.0, entry);
        Arc::new(ConnectionOutput {
            connection: connection.0,
            read: Notify::new(),
            unread: Arc::clone(self),
        })
    }

    /// Bytes that wait now.
    pub(crate) fn bytes(&self) -> usize {
        self.waiting.lock().bytes
    }
}

impl Waiting {
    /// Counts an answer; cuts connections when more than `max` bytes wait.
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

    /// Stops counting an answer. The bytes of a connection that was cut left the sum when it was.
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
                "disconnected the client with the most unread output"
            );
            largest.is_cut = true;
            largest.end.cancel();
            self.bytes -= largest.bytes;
        }
    }
}

/// What waits on one connection.
#[derive(Debug)]
pub(crate) struct ConnectionOutput {
    connection: u64,
    /// Notified when an answer has been sent.
    read: Notify,
    unread: Arc<Unread>,
}

impl ConnectionOutput {
    /// Counts an answer of `bytes` until the guard is dropped; cuts the connection that holds most when that is too much.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> UnreadAnswer {
        self.unread
            .waiting
            .lock()
            .add(self.connection, bytes, self.unread.max);
        UnreadAnswer {
            bytes,
            output: Arc::clone(self),
        }
    }

    /// As [`Self::hold`], but returns `None` when the connection already holds its bound.
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
            // Registered before the check, so that an answer sent between the two is not missed.
            read.as_mut().enable();
            if self.has_room() {
                return;
            }
            read.await;
        }
    }

    /// Whether its connection has been cut.
    pub(crate) fn is_cut(&self) -> bool {
        let waiting = self.unread.waiting.lock();
        waiting
            .connections
            .get(&self.connection)
            .is_some_and(|own| own.is_cut)
    }

    fn has_room(&self) -> bool {
        let waiting = self.unread.waiting.lock();
        let own = waiting.connections.get(&self.connection);
        own.is_none_or(|own| own.bytes < self.unread.max_of_connection)
    }
}

impl Drop for ConnectionOutput {
    fn drop(&mut self) {
        self.unread.waiting.lock().connections.remove(&self.connection);
    }
}

/// An answer that waits to be read, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct UnreadAnswer {
    bytes: usize,
    output: Arc<ConnectionOutput>,
}

impl Drop for UnreadAnswer {
    fn drop(&mut self) {
        self.output
            .unread
            .waiting
            .lock()
            .remove(self.output.connection, self.bytes);
        self.output.read.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(unread: &Arc<Unread>, connection: u64) -> (Arc<ConnectionOutput>, CancellationToken) {
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
        let (output, _end) = enter(&unread, 1);
        let answer = output.hold(50);
        assert!(output.try_hold(1).is_none());
        let waiting = tokio::spawn({
            let output = Arc::clone(&output);
            async move { output.room().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(answer);
        waiting.await.unwrap();
        assert!(output.try_hold(1).is_some());
    }
}
