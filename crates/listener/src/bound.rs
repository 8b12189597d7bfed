//! Which bounds have refused what, for metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! bounds {
    ($($(#[$doc:meta])* $name:ident: $word:literal,)*) => {
        /// A bound, or a guard, that has refused something.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Bound {
            $($(#[$doc])* $name,)*
        }

        impl Bound {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in metrics.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

bounds! {
    /// Bytes of an HTTP request's body.
    BodySize: "body_size",
    /// Bytes of a WebSocket message.
    FrameSize: "frame_size",
    /// Bytes of an HTTP request's line and headers.
    HeaderSize: "header_size",
    /// Texts of a request.
    Inputs: "inputs",
    /// Tokens of a request.
    RequestTokens: "request_tokens",
    /// Texts that wait.
    Queue: "queue",
    /// Connections at once.
    Connections: "connections",
    /// Time for the line and headers of an HTTP request.
    HeaderTime: "header_time",
    /// Time for the body of an HTTP request.
    BodyTime: "body_time",
    /// Time in which a client takes no byte.
    WriteTime: "write_time",
    /// Time in which nothing comes from a WebSocket, pongs neither.
    Ping: "ping",
    /// Requests of a JSON-RPC batch.
    Batch: "batch",
    /// Bytes of all requests together.
    Buffered: "buffered",
    /// Bytes of answers that wait to be read.
    Unread: "unread",
    /// `Host`, missing or foreign.
    Host: "host",
    /// `Origin`.
    Origin: "origin",
    /// The token, missing, wrong or without the right.
    Token: "token",
}

/// How often each bound has refused something.
#[derive(Debug, Default)]
pub struct Refusals([AtomicU64; Bound::ALL.len()]);

impl Refusals {
    /// Counts one.
    pub fn count(&self, bound: Bound) {
        self.0[bound as usize].fetch_add(1, Relaxed);
    }

    /// So many so far.
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
