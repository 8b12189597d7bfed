//! Who uses a loaded model, and since when nobody does.
//!
//! A [`Lease`] keeps its engine in memory. The engine of a slot that has let it go ends with the last lease; whoever needs
//! its memory waits for that by [`Usage::wait_until_unused`].

use std::{
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};

use okibi_engine::Engine;
use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use crate::models::request::SlotId;

/// The users of one loaded engine.
pub(super) struct Usage {
    state: Mutex<State>,
    /// Notified when the last user of any kind is gone.
    unused: Condvar,
}

struct State {
    /// Requests that work with the model, or are about to.
    requests: usize,
    /// Uses that do not count as work: the comparison of a model with its last load.
    background: usize,
    /// When the last request ended.
    idle_since: Instant,
    /// Notified when the last request ends, if somebody asked for that.
    wake: Option<Arc<Notify>>,
}

impl Usage {
    /// Nobody uses it, as of `now`.
    pub(super) fn new(now: Instant) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                requests: 0,
                background: 0,
                idle_since: now,
                wake: None,
            }),
            unused: Condvar::new(),
        })
    }

    /// Since when no request uses it; `None` while one does.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state.lock();
        (state.requests == 0).then_some(state.idle_since)
    }

    /// As [`idle_since`](Self::idle_since); where a request uses it, `wake` is notified when the last one has ended.
    pub(super) fn idle_since_or_wake(&self, wake: &Arc<Notify>) -> Option<Instant> {
        let mut state = self.state.lock();
        if state.requests == 0 {
            return Some(state.idle_since);
        }
        state.wake = Some(Arc::clone(wake));
        None
    }

    /// Blocks until nobody uses it, for at most `limit`; returns whether nobody does. No new use begins meanwhile where
    /// the slot has let the engine go.
    pub(super) fn wait_until_unused(&self, limit: Option<Duration>) -> bool {
        let deadline = limit.map(|limit| Instant::now() + limit);
        let mut state = self.state.lock();
        while state.requests + state.background > 0 {
            match deadline {
                None => self.unused.wait(&mut state),
                Some(deadline) if self.unused.wait_until(&mut state, deadline).timed_out() => break,
                Some(_) => {}
            }
        }
        state.requests + state.background == 0
    }
}

/// One use, until it is dropped.
struct UsageGuard {
    usage: Arc<Usage>,
    is_background: bool,
}

impl UsageGuard {
    fn new(usage: &Arc<Usage>, is_background: bool) -> Self {
        let mut state = usage.state.lock();
        if is_background {
            state.background += 1;
        } else {
            state.requests += 1;
        }
        drop(state);
        Self {
            usage: Arc::clone(usage),
            is_background,
        }
    }
}

impl Drop for UsageGuard {
    fn drop(&mut self) {
        let mut state = self.usage.state.lock();
        if self.is_background {
            state.background -= 1;
        } else {
            state.requests -= 1;
            state.idle_since = Instant::now();
        }
        if state.requests == 0
            && let Some(wake) = state.wake.take()
        {
            wake.notify_one();
        }
        if state.requests + state.background == 0 {
            self.usage.unused.notify_all();
        }
    }
}

/// A loaded model to work with: it stays in memory at least as long as this does.
pub(crate) struct Lease<E = Engine> {
    pub(super) id: SlotId,
    // The order counts: fields are dropped from the top, and a thread that waits until the engine is unused may end it then.
    engine: Arc<E>,
    guard: UsageGuard,
}

impl<E> Lease<E> {
    /// A lease for a request.
    pub(super) fn new(id: SlotId, engine: &Arc<E>, usage: &Arc<Usage>) -> Self {
        Self {
            id,
            engine: Arc::clone(engine),
            guard: UsageGuard::new(usage, false),
        }
    }

    /// A lease that does not keep the model from being unloaded as idle, or for another one.
    pub(super) fn background(id: SlotId, engine: &Arc<E>, usage: &Arc<Usage>) -> Self {
        Self {
            id,
            engine: Arc::clone(engine),
            guard: UsageGuard::new(usage, true),
        }
    }
}

impl<E> Clone for Lease<E> {
    fn clone(&self) -> Self {
        Self {
            id: self.id,
            engine: Arc::clone(&self.engine),
            guard: UsageGuard::new(&self.guard.usage, self.guard.is_background),
        }
    }
}

impl<E> Deref for Lease<E> {
    type Target = E;

    fn deref(&self) -> &E {
        &self.engine
    }
}

/// An engine that its slot has let go: it ends when its last lease has.
pub(super) struct Retired<E = Engine> {
    pub(super) engine: Arc<E>,
    pub(super) usage: Arc<Usage>,
}

impl Retired {
    /// Ends the engine and waits until its memory is back: for its users first, for at most `limit`.
    pub(super) fn close(self, limit: Option<Duration>) {
        if !self.usage.wait_until_unused(limit) {
            tracing::warn!("a model is still in use; it ends with its last request");
        }
        // Somebody else holds it only where the time was over. Then the last lease ends it.
        if let Some(engine) = Arc::into_inner(self.engine) {
            engine.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_idle_when_its_last_request_has_ended() {
        let began = Instant::now();
        let usage = Usage::new(began);
        let (id, engine) = (SlotId(1), Arc::new(()));
        assert_eq!(usage.idle_since(), Some(began));
        let one = Lease::new(id, &engine, &usage);
        let other = one.clone();
        drop(one);
        assert_eq!(usage.idle_since(), None);
        drop(other);
        assert!(usage.idle_since().is_some_and(|since| since >= began));
    }

    #[tokio::test]
    async fn who_asks_while_it_is_busy_is_woken_by_the_last_request() {
        let usage = Usage::new(Instant::now());
        let (id, engine, wake) = (SlotId(1), Arc::new(()), Arc::new(Notify::new()));
        let lease = Lease::new(id, &engine, &usage);
        assert_eq!(usage.idle_since_or_wake(&wake), None);
        drop(lease);
        wake.notified().await;
        assert!(usage.idle_since_or_wake(&wake).is_some());
    }

    #[test]
    fn background_use_is_waited_for_and_is_not_work() {
        let usage = Usage::new(Instant::now());
        let (id, engine) = (SlotId(1), Arc::new(()));
        let lease = Lease::background(id, &engine, &usage);
        assert!(usage.idle_since().is_some());
        assert!(!usage.wait_until_unused(Some(Duration::ZERO)));
        let waiting = std::thread::spawn({
            let usage = Arc::clone(&usage);
            move || usage.wait_until_unused(None)
        });
        drop(lease);
        assert!(waiting.join().unwrap());
    }
}
