//! Waiting: for a future or a condition, never for time.

use std::{future::Future, time::Duration};

use tokio::time::{MissedTickBehavior, interval, timeout};

/// No test waits longer than this for anything; far more than anything takes.
pub const LIMIT: Duration = Duration::from_secs(60);

/// How often a condition is checked that sends no event when it changes.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Waits for `future`; panics with `what` when it takes longer than [`LIMIT`].
#[track_caller]
pub fn within<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> {
    let place = std::panic::Location::caller();
    async move {
        match timeout(LIMIT, future).await {
            Ok(output) => output,
            Err(_) => panic!("{what}: not within {LIMIT:?} ({place})"),
        }
    }
}

/// Waits until `look` gives something; panics with `what` when that takes longer than [`LIMIT`].
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> impl Future<Output = T> {
    within(what, async move {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if let Some(found) = look() {
                return found;
            }
        }
    })
}
