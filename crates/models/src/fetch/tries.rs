//! How often something is tried.

use std::time::Duration;

use super::{Pace, client::Trouble, watch::Watch};
use crate::error::ModelError;

/// Counts tries that got no further than those before.
pub(super) struct Tries<'a> {
    pace: &'a Pace,
    watch: &'a Watch,
    failed: u32,
    /// Bytes that were here at most.
    reached: u64,
}

impl<'a> Tries<'a> {
    /// No try yet.
    pub(super) fn new(pace: &'a Pace, watch: &'a Watch) -> Self {
        Self {
            pace,
            watch,
            failed: 0,
            reached: 0,
        }
    }

    /// Waits until the next try; `reached` bytes are here.
    ///
    /// Errors: that of `trouble` where another try is of no use, [`ModelError::Cancelled`].
    pub(super) fn again(&mut self, trouble: Trouble, reached: u64) -> Result<(), ModelError> {
        if self.watch.is_stopped() {
            // What a cut connection looks like from inside says nothing.
            return Err(ModelError::Cancelled);
        }
        let (error, wait) = match trouble {
            Trouble::Passing { error, wait } => (error, wait),
            Trouble::Settled(error) => return Err(error),
        };
        if reached > self.reached {
            self.reached = reached;
            self.failed = 0;
        } else {
            self.failed += 1;
        }
        if self.failed >= self.pace.tries {
            return Err(error);
        }
        let doubled = self
            .pace
            .backoff
            .saturating_mul(1 << self.failed.saturating_sub(1).min(16));
        let wait: Duration = wait.unwrap_or(doubled).min(self.pace.longest_wait);
        tracing::debug!(%error, ?wait, "it is tried again");
        self.watch.wait(wait);
        Ok(())
    }
}
