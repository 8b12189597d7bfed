//! How a listener ends, in order.
//!
//! Each step cancels a token, and the next one waits for a tracker to be empty:
//!
//! ```text
//! drain()
//!   │  draining    new calls are refused; each subscription queues its last status
//!   │  (the port is closed)
//!   ▼  calls ───── wait until every call and HTTP request has sent its answer
//!   ▼  subscriptions ─── wait until every last status is queued
//!   │  closing     WebSockets send close code 1001, HTTP connections end after their answer
//!   ▼  tasks ───── wait until every connection is over
//!   │  abort       cuts what is left: at the deadline, or now that nothing is
//!   ▼  tasks ───── wait a moment for the cut tasks to drop what they hold
//! ```
//!
//! `subscriptions` comes after `calls` because a call may still open one, and before `closing` because a socket that
//! is closing sends nothing more.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The steps in which a listener ends, and what each waits for.
#[derive(Clone, Default)]
pub(crate) struct Life {
    /// New calls are refused.
    pub(crate) draining: CancellationToken,
    /// No call is in flight any more: WebSockets are closed.
    pub(crate) closing: CancellationToken,
    /// Everything ends now.
    pub(crate) abort: CancellationToken,
    /// Holds a token for each call and HTTP request until its answer has been sent.
    pub(crate) calls: TaskTracker,
    /// Holds a token for each subscription until its last status is queued.
    pub(crate) subscriptions: TaskTracker,
    /// Owns every task of every connection.
    pub(crate) tasks: TaskTracker,
}

impl std::fmt::Debug for Life {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Life")
            .field("draining", &self.draining.is_cancelled())
            .field("closing", &self.closing.is_cancelled())
            .field("calls", &self.calls.len())
            .finish_non_exhaustive()
    }
}
