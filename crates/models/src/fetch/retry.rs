//! How patient a fetch is, and how often something is tried.

use std::time::Duration;

use super::{control::Control, error::FetchError};
use crate::error::ModelError;

/// How patient a fetch is.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// How long a connection may take.
    pub connect: Duration,
    /// How long a connection may be silent.
    pub stall: Duration,
    /// The wait before the second try; each further one is twice as long.
    pub backoff: Duration,
    /// The longest wait, also where the hub asks for a longer one.
    pub longest_wait: Duration,
    /// Tries in a row that get no further.
    pub tries: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            backoff: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
            tries: 5,
        }
    }
}

/// Counts tries that got no further than those before.
///
/// A download that gains a byte each time is never given up: only tries without progress count.
pub(super) struct Retries<'a> {
    policy: &'a RetryPolicy,
    control: &'a Control,
    failed: u32,
    /// The most bytes that were here.
    reached: u64,
}

impl<'a> Retries<'a> {
    /// Begins before the first try.
    pub(super) fn new(policy: &'a RetryPolicy, control: &'a Control) -> Self {
        Self {
            policy,
            control,
            failed: 0,
            reached: 0,
        }
    }

    /// Waits until the next try; `reached` bytes are here.
    ///
    /// Errors: that of `failure` where another try will not help, [`ModelError::Cancelled`].
    pub(super) fn wait(&mut self, failure: FetchError, reached: u64) -> Result<(), ModelError> {
        if self.control.is_stopped() {
            // Stopping cuts connections, whose errors then say nothing about the hub.
            return Err(ModelError::Cancelled);
        }
        let (error, wait) = match failure {
            FetchError::Transient { error, wait } => (error, wait),
            FetchError::Permanent(error) => return Err(error),
        };
        if reached > self.reached {
            self.reached = reached;
            self.failed = 0;
        } else {
            self.failed += 1;
        }
        if self.failed >= self.policy.tries {
            return Err(error);
        }
        let doubled = self
            .policy
            .backoff
            .saturating_mul(1 << self.failed.saturating_sub(1).min(16));
        let wait: Duration = wait.unwrap_or(doubled).min(self.policy.longest_wait);
        tracing::debug!(%error, ?wait, "retrying");
        self.control.wait(wait);
        Ok(())
    }
}
