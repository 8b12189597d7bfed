//! Detects when a burst of connections has ended, so that the memory it took can be given back to the system.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Connections that have to close for it to count as the end of a burst. Fewer take too little memory to matter.
const LARGE: usize = 1000;

/// The most connections that were open at once since the last burst ended.
#[derive(Debug, Default)]
pub(crate) struct ConnectionPeak(AtomicUsize);

impl ConnectionPeak {
    /// A connection was opened; `open` are open now.
    pub(crate) fn opened(&self, open: usize) {
        self.0.fetch_max(open, Relaxed);
    }

    /// A connection was closed. Returns whether a burst has ended with it: [`LARGE`] have closed since the peak, and at
    /// most half of them are left.
    pub(crate) fn closed(&self, open: usize) -> bool {
        let peak = self.0.load(Relaxed);
        let has_ended = peak.saturating_sub(open) >= LARGE && open <= peak / 2;
        // Several connections may close at the same time; exactly one of them reports the end.
        has_ended && self.0.compare_exchange(peak, open, Relaxed, Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_burst_is_reported_once_for_each_half_that_closes() {
        let peak = ConnectionPeak::default();
        (1..=10_000).for_each(|open| peak.opened(open));
        let reported: Vec<usize> = (0..10_000).rev().filter(|open| peak.closed(*open)).collect();
        assert_eq!(reported, [5000, 2500, 1250, 250]);
        (1..=999).for_each(|open| peak.opened(open));
        assert!(
            !(0..999).rev().any(|open| peak.closed(open)),
            "a few connections are not a burst"
        );
    }
}
