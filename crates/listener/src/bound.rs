//! Which bounds have refused what, for metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use strum::{IntoStaticStr, VariantArray};

/// A bound, or a guard, that has refused something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Bound {
    /// Bytes of an HTTP request's body.
    BodySize,
    /// Bytes of a WebSocket message.
    FrameSize,
    /// Bytes of an HTTP request's line and headers.
    HeaderSize,
    /// Texts of a request.
    Inputs,
    /// Tokens of a request.
    RequestTokens,
    /// Texts that wait.
    Queue,
    /// Connections at once.
    Connections,
    /// Time for the line and headers of an HTTP request.
    HeaderTime,
    /// Time for the body of an HTTP request.
    BodyTime,
    /// Time in which a client reads nothing.
    WriteTime,
    /// Time in which nothing comes from a WebSocket, not even a pong.
    Ping,
    /// Requests of a JSON-RPC batch.
    Batch,
    /// Bytes of all requests together.
    Buffered,
    /// Bytes of answers that wait to be read.
    Unread,
    /// `Host`, missing or foreign.
    Host,
    /// `Origin`.
    Origin,
    /// The token: missing, wrong, or without the right.
    Token,
}

impl Bound {
    /// Every bound.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// How often each bound has refused something.
#[derive(Debug, Default)]
pub struct Refusals([AtomicU64; Bound::ALL.len()]);

impl Refusals {
    /// Counts one refusal.
    pub fn count(&self, bound: Bound) {
        self.0[bound as usize].fetch_add(1, Relaxed);
    }

    /// Returns how often `bound` has refused something.
    pub fn of(&self, bound: Bound) -> u64 {
        self.0[bound as usize].load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_has_a_count_of_its_own() {
        let refusals = Refusals::default();
        for (at, bound) in Bound::ALL.iter().enumerate() {
            assert_eq!(*bound as usize, at);
            refusals.count(*bound);
            assert_eq!(refusals.of(*bound), 1, "{}", bound.name());
        }
    }
}
