//! Connections that have asked nothing yet: the first to be closed when there are too many.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::connection_id::ConnectionId;

/// The open connections on which no request has arrived.
///
/// Several tasks accept connections, so two of them may enter here in another order than they took their ids. The map
/// keeps them by id: whatever the order, each can be found again, and the oldest is the first.
#[derive(Default)]
pub(crate) struct IdleConnections(Mutex<BTreeMap<ConnectionId, CancellationToken>>);

impl IdleConnections {
    /// Adds a new connection. The token is cancelled when the connection has to make room.
    pub(crate) fn enter(&self, id: ConnectionId) -> CancellationToken {
        let token = CancellationToken::new();
        self.0.lock().insert(id, token.clone());
        token
    }

    /// Removes a connection that has asked something or has ended.
    pub(crate) fn leave(&self, id: ConnectionId) {
        self.0.lock().remove(&id);
    }

    /// Closes the oldest, if there is one.
    pub(crate) fn end_oldest(&self) {
        let oldest = self.0.lock().pop_first();
        // Outside of the lock: cancelling wakes the connection's task.
        if let Some((_, token)) = oldest {
            token.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every order of `0..count`.
    fn orders(count: u64) -> Vec<Vec<u64>> {
        if count == 0 {
            return vec![Vec::new()];
        }
        let with_last = |order: Vec<u64>| {
            (0..=order.len()).map(move |at| {
                let mut order = order.clone();
                order.insert(at, count - 1);
                order
            })
        };
        orders(count - 1).into_iter().flat_map(with_last).collect()
    }

    #[test]
    fn a_connection_leaves_in_whatever_order_it_entered() {
        let orders = orders(4);
        assert_eq!(orders.len(), 24);
        for entered in &orders {
            for left in &orders {
                let idle = IdleConnections::default();
                let tokens: Vec<_> = entered
                    .iter()
                    .map(|id| (*id, idle.enter(ConnectionId(*id))))
                    .collect();
                let (last, first) = left.split_last().unwrap();
                for id in first {
                    idle.leave(ConnectionId(*id));
                }
                idle.end_oldest();
                idle.end_oldest();
                for (id, token) in tokens {
                    assert_eq!(
                        token.is_cancelled(),
                        id == *last,
                        "{id}, entered as {entered:?}, left as {left:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_oldest_is_closed_first_in_whatever_order_they_entered() {
        for entered in orders(4) {
            let idle = IdleConnections::default();
            let mut tokens: Vec<_> = entered
                .iter()
                .map(|id| (*id, idle.enter(ConnectionId(*id))))
                .collect();
            tokens.sort_unstable_by_key(|(id, _)| *id);
            for (id, token) in tokens {
                assert!(!token.is_cancelled());
                idle.end_oldest();
                assert!(token.is_cancelled(), "{id}, entered as {entered:?}");
            }
        }
    }
}
