//! What a daemon is asked for: counts since its start, and how long the requests of the last minute took.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use okibi_protocol::method::Latency;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Requests older than this no longer count for the latency.
const WINDOW: Duration = Duration::from_secs(60);

/// The maximum number of requests kept for the latency. In a busier minute only the latest count.
const KEPT: usize = 4096;

/// Counts requests for embeddings.
#[derive(Default)]
pub(crate) struct Activity {
    served: AtomicU64,
    texts: AtomicU64,
    in_flight: AtomicU64,
    recent: Mutex<VecDeque<(Instant, Duration)>>,
    /// Notified when the daemon becomes busy and when it becomes idle again.
    turned: Notify,
}

impl Activity {
    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> RequestGuard {
        if self.in_flight.fetch_add(1, Relaxed) == 0 {
            self.turned.notify_one();
        }
        RequestGuard {
            activity: Arc::clone(self),
            began: Instant::now(),
        }
    }

    /// Waits until the daemon has begun to be busy, or to be idle, since the last wait.
    pub(crate) async fn turn(&self) {
        self.turned.notified().await;
    }

    /// Requests answered.
    pub(crate) fn served(&self) -> u64 {
        self.served.load(Relaxed)
    }

    /// Texts embedded.
    pub(crate) fn texts(&self) -> u64 {
        self.texts.load(Relaxed)
    }

    /// Requests being worked on.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    /// Latency of the last minute before `now`; `None` where there was no request.
    pub(crate) fn latency(&self, now: Instant) -> Option<Latency> {
        let mut times: Vec<Duration> = {
            let mut recent = self.recent.lock();
            while recent
                .front()
                .is_some_and(|(at, _)| now.saturating_duration_since(*at) > WINDOW)
            {
                recent.pop_front();
            }
            recent.iter().map(|(_, took)| *took).collect()
        };
        times.sort_unstable();
        Some(Latency {
            p50_ms: percentile(&times, 50)?,
            p99_ms: percentile(&times, 99)?,
        })
    }

    fn record(&self, at: Instant, took: Duration) {
        let mut recent = self.recent.lock();
        if recent.len() == KEPT {
            recent.pop_front();
        }
        recent.push_back((at, took));
    }
}

/// The nearest-rank percentile of sorted times, in milliseconds.
fn percentile(sorted: &[Duration], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map(|time| time.as_secs_f64() * 1e3)
}

/// A request for embeddings being worked on.
pub(crate) struct RequestGuard {
    activity: Arc<Activity>,
    began: Instant,
}

impl RequestGuard {
    /// Counts the request as answered with vectors of `texts` texts.
    pub(crate) fn served(self, texts: usize) {
        self.activity.served.fetch_add(1, Relaxed);
        self.activity.texts.fetch_add(texts as u64, Relaxed);
        let now = Instant::now();
        self.activity.record(now, now - self.began);
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        if self.activity.in_flight.fetch_sub(1, Relaxed) == 1 {
            self.activity.turned.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_is_of_the_last_minute_only() {
        let activity = Arc::new(Activity::default());
        let now = Instant::now();
        assert_eq!(activity.latency(now), None);
        for millis in 1..=100 {
            activity.record(now, Duration::from_millis(millis));
        }
        let latency = activity.latency(now).unwrap();
        assert_eq!((latency.p50_ms, latency.p99_ms), (50.0, 99.0));
        assert_eq!(activity.latency(now + WINDOW + Duration::from_secs(1)), None);
    }

    #[test]
    fn a_dropped_request_is_no_longer_in_flight_and_not_served() {
        let activity = Arc::new(Activity::default());
        let dropped = activity.begin();
        activity.begin().served(3);
        drop(dropped);
        assert_eq!(
            (activity.in_flight(), activity.served(), activity.texts()),
            (0, 1, 3)
        );
    }
}
