//! Models that nobody asks for leave memory; the next request loads them again.

use std::{sync::Arc, time::Instant};

use tokio::time::timeout_at;

use crate::models::{
    KeepAlive, Models, end_state,
    slot::{Lease, State},
};

impl Models {
    /// Puts models to rest when their time has come. Runs until it is dropped.
    pub(crate) async fn rest_idle(self: Arc<Self>) {
        loop {
            let changed = self.idle.notified();
            match self.put_to_rest(Instant::now()) {
                // Both mean the same: look again.
                Some(next) => drop(timeout_at(next.into(), changed).await),
                None => changed.await,
            }
        }
    }

    /// Puts those to rest whose time has come, and gives the time of the next look, where there will be one.
    fn put_to_rest(&self, now: Instant) -> Option<Instant> {
        let mut rested = Vec::new();
        let mut next: Option<Instant> = None;
        {
            let mut slots = self.lock();
            for slot in slots.list.iter_mut().filter(|slot| slot.is_ready()) {
                let Some(stays) = slot.stays(self.options.keep_alive) else {
                    continue;
                };
                let due = match slot.usage.idle_since() {
                    Some(since) => since + stays,
                    // Somebody works with it; it stays so long from then on.
                    None => now + stays.max(LOOK_AGAIN),
                };
                if due <= now {
                    tracing::info!(model = slot.name(), "nobody asks for the model: it rests");
                    rested.push(std::mem::replace(&mut slot.state, State::Resting));
                } else {
                    next = Some(next.map_or(due, |next| next.min(due)));
                }
            }
        }
        if !rested.is_empty() {
            self.tell_change();
        }
        for state in rested {
            end_state(Some(state));
        }
        next
    }

    /// Has a model that was loaded for requests stay so long after the last one, as a request asked for. The current
    /// model stays as long as the settings say: no client puts it away from under the others.
    pub(crate) fn keep(&self, lease: &Lease, keep_alive: KeepAlive) {
        {
            let mut slots = self.lock();
            if slots.current == Some(lease.id) {
                return;
            }
            if let Some(slot) = slots.get_mut(lease.id) {
                slot.keep_alive = Some(keep_alive);
            }
        }
        self.idle.notify_one();
    }
}

/// A model in use that is to rest at once is looked at again after this.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(200);
