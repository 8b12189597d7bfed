//! Bytes of requests that are held at the same time, over all connections.
//!
//! Bytes are counted twice over: as they are read from a socket ([`Budget::receive`], up to twice the limit), and again
//! when a whole message is worked on ([`Budget::reserve`], up to the limit). Between the two a large message can still
//! be refused with an answer rather than by closing the connection.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// How many bytes are held, and may be.
#[derive(Debug)]
pub(crate) struct Budget {
    held: AtomicUsize,
    max: usize,
}

impl Budget {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            held: AtomicUsize::new(0),
            max,
        })
    }

    /// Bytes held now.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    /// Counts `bytes` of a message that is being received. Returns false when so much is held that it must not be received
    /// any further. That is twice the limit: up to there the message can still be refused with an answer.
    pub(crate) fn receive(&self, bytes: usize) -> bool {
        self.add(bytes) <= 2 * self.max
    }

    fn add(&self, bytes: usize) -> usize {
        self.held.fetch_add(bytes, Relaxed) + bytes
    }

    pub(crate) fn remove(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Relaxed);
    }

    /// Reserves a part of the budget; `None` when it is used up.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Reserved> {
        let reserved = Reserved {
            budget: self.clone(),
            bytes,
        };
        (self.add(bytes) <= self.max).then_some(reserved)
    }
}

/// A part of a budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.remove(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_comes_back() {
        let budget = Budget::new(10);
        let first = budget.reserve(6).unwrap();
        assert!(budget.reserve(6).is_none());
        assert_eq!(budget.held(), 6, "a refused part is not held");
        drop(first);
        assert!(budget.reserve(6).is_some());
    }
}
