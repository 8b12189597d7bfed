//! Notices when a crowd of connections has gone, so that the memory they took can be given back to the system.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Connections that make a crowd.
const LARGE: usize = 1000;

/// The most connections that were open since a crowd last went.
#[derive(Debug, Default)]
pub(crate) struct Crowd(AtomicUsize);

impl Crowd {
    /// One has come; `open` are there now.
    pub(crate) fn come(&self, open: usize) {
        self.0.fetch_max(open, Relaxed);
    }

    /// One has gone; true where a crowd has by now: it was large, and at most half of it is left.
    pub(crate) fn gone(&self, open: usize) -> bool {
        let most = self.0.load(Relaxed);
        let has_gone = most.saturating_sub(open) >= LARGE && open <= most / 2;
        // Of several that go at the same time one tells it.
        has_gone && self.0.compare_exchange(most, open, Relaxed, Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_told_once_for_each_half_that_goes() {
        let crowd = Crowd::default();
        (1..=10_000).for_each(|open| crowd.come(open));
        let told: Vec<usize> = (0..10_000).rev().filter(|open| crowd.gone(*open)).collect();
        assert_eq!(told, [5000, 2500, 1250, 250]);
        (1..=999).for_each(|open| crowd.come(open));
        assert!(!(0..999).rev().any(|open| crowd.gone(open)), "a few are no crowd");
    }
}
