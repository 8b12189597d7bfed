//! When a daemon that died is restarted.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Waits before each restart within [`WINDOW`]; there are no more restarts than waits.
const WAITS: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(5),
    Duration::from_secs(30),
];

/// A restart longer ago than this no longer counts.
pub(crate) const WINDOW: Duration = Duration::from_secs(600);

/// The most restarts within [`WINDOW`].
pub(crate) const LIMIT: usize = WAITS.len();

/// The recent restarts.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    at: VecDeque<Instant>,
}

impl Restarts {
    /// A daemon died `now`. Returns when it is to be restarted, or `None` if it has died too often.
    pub(crate) fn after_death(&mut self, now: Instant) -> Option<Instant> {
        while self
            .at
            .front()
            .is_some_and(|at| now.saturating_duration_since(*at) > WINDOW)
        {
            self.at.pop_front();
        }
        let wait = *WAITS.get(self.at.len())?;
        self.at.push_back(now);
        Some(now + wait)
    }

    /// Forgets all restarts: the user has started or restarted the daemon.
    pub(crate) fn reset(&mut self) {
        self.at.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_times_in_ten_minutes_each_later_than_the_one_before() {
        let mut restarts = Restarts::default();
        let start = Instant::now();
        let waits: Vec<_> = (0..3)
            .map(|_| restarts.after_death(start).unwrap() - start)
            .collect();
        assert!(waits.is_sorted(), "{waits:?}");
        assert_eq!(restarts.after_death(start), None);
        let later = start + WINDOW + Duration::from_secs(1);
        assert_eq!(restarts.after_death(later), Some(later + WAITS[0]));
    }

    #[test]
    fn the_users_own_start_clears_the_count() {
        let mut restarts = Restarts::default();
        let now = Instant::now();
        while restarts.after_death(now).is_some() {}
        restarts.reset();
        assert!(restarts.after_death(now).is_some());
    }
}
