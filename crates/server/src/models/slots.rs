//! The models of a daemon as a state machine. It knows no thread, no file and no clock: each transition is a function
//! that changes the slots and says in its [`Effects`] what is left to do.
//!
//! ```text
//!                 begin, lease             settle(Ok)
//!   not held ───────────────────► Loading ───────────► Ready ─────┐
//!      ▲                            ▲ │                  ▲        │ idle for its keep-alive;
//!      │ unload, or left            │ │ settle(Err)      │        │ evicted; unloaded as the
//!      │ for another model          │ ▼                  │        │ current model
//!      ├──────────────────────── Failed                  │        ▼
//!      └────────────────────────────┼──────── Loading ◄──┴────── Idle
//!                                   └── begin; lease after RETRY_AFTER
//! ```
//!
//! `current` names the model for requests that name none, `incoming` the one that is to become it. The current model
//! changes in one place, when the load of the incoming one is settled, so a load that fails leaves it as it was. Where
//! the incoming model replaces the current one, the current one is unloaded before the weights of the other are opened
//! (`evict`), requests that name no model wait for the incoming one, and if its load fails the current one is loaded
//! again and answers them.
//!
//! Whoever waits for a load is a [`Waiter`] of the slot. `settle` gives each a lease or the reason, under the same lock
//! as the change of state, so that no model is unloaded between its load and its first use. A slot that is dropped drops
//! its waiters, who see that.

use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use okibi_protocol::{model_ref::ModelRef, stage::StageEvent};
use tokio::sync::{Notify, oneshot};

use crate::{
    failure::ModelFailure,
    models::{
        lease::{Lease, Retired, Usage},
        load::Load,
        request::{LoadRequest, Purpose, SlotId},
        slot::{Effects, Loaded, Model, Slot, State, Waiter},
    },
    options::KeepAlive,
};

/// A load that has failed is not tried again for a request before this has passed: the next request would fail after the
/// same long time.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Loads that may go on at the same time. Each has a thread, and a daemon has few models worth having in memory: more of
/// them are asked for by a program that goes through names.
pub(crate) const MAX_LOADS: usize = 8;

/// Loads that have failed and are remembered: a client may ask for any number of models that do not exist.
const MAX_FAILURES: usize = 8;

/// The model that is to become the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Incoming {
    id: SlotId,
    replace: bool,
    keep: bool,
    /// The current model was unloaded for it, and comes back if the load fails.
    has_unloaded_current: bool,
}

/// What was unloaded.
pub(super) struct Unloaded<E> {
    pub(super) name: String,
    pub(super) was_loaded: bool,
    pub(super) effects: Effects<E>,
}

/// See the module.
pub(super) struct Slots<E: Model> {
    list: Vec<Slot<E>>,
    current: Option<SlotId>,
    incoming: Option<Incoming>,
    last: u64,
}

impl<E: Model> Default for Slots<E> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            current: None,
            incoming: None,
            last: 0,
        }
    }
}

/// Names that stand for whichever model a server has: clients of text-embeddings-inference and of infinity send them.
const NAMES_OF_SERVERS: [&str; 3] = ["tei", "text-embeddings-inference", "default/not-specified"];

// What is held.
impl<E: Model> Slots<E> {
    /// Every slot, the current one first.
    pub(super) fn all(&self) -> Vec<&Slot<E>> {
        let mut all: Vec<&Slot<E>> = self.list.iter().collect();
        all.sort_by_key(|slot| !self.is_current(slot.id));
        all
    }

    pub(super) fn get(&self, id: SlotId) -> Option<&Slot<E>> {
        self.list.iter().find(|slot| slot.id == id)
    }

    pub(super) fn get_mut(&mut self, id: SlotId) -> Option<&mut Slot<E>> {
        self.list.iter_mut().find(|slot| slot.id == id)
    }

    /// The model for requests that name none: ready, idle, or being loaded again.
    pub(super) fn current(&self) -> Option<&Slot<E>> {
        self.get(self.current?)
    }

    pub(super) fn is_current(&self, id: SlotId) -> bool {
        self.current == Some(id)
    }

    /// The model that is to become the current one.
    #[cfg(test)]
    pub(super) fn incoming(&self) -> Option<SlotId> {
        self.incoming.map(|incoming| incoming.id)
    }

    /// The held model that a reference means; the current one is looked at first.
    pub(super) fn find(&self, asked: &ModelRef) -> Option<&Slot<E>> {
        self.all().into_iter().find(|slot| slot.is_meant_by(asked))
    }

    /// The held model that a request means: one that [`find`](Self::find) finds, or the current one by one of the
    /// `further` names that the user gave it (`*` is every name), or by a name that servers give to the one they have.
    pub(super) fn find_for_request(&self, asked: &ModelRef, further: &[String]) -> Option<&Slot<E>> {
        let is_asked = |name: &str| name.eq_ignore_ascii_case(&asked.name);
        let is_further = |name: &String| name == "*" || is_asked(name);
        let is_current = |_: &&Slot<E>| {
            further.iter().any(is_further) || NAMES_OF_SERVERS.iter().any(|name| is_asked(name))
        };
        self.find(asked).or_else(|| self.current().filter(is_current))
    }

    /// A held model with the files that a reference leads to, whatever revision it names: deleting them deletes every
    /// revision.
    pub(super) fn find_by_files(&self, asked: &ModelRef) -> Option<&Slot<E>> {
        self.all().into_iter().find(|slot| slot.has_files_of(asked))
    }

    /// How many models are in memory beside `id`, and the bytes of their weights.
    pub(super) fn in_memory_beside(&self, id: SlotId) -> (usize, u64) {
        let ready = || {
            self.list
                .iter()
                .filter(move |slot| slot.id != id && slot.is_ready())
        };
        (ready().count(), ready().map(Slot::weight_bytes).sum())
    }

    /// Where a request that names no model goes: to the incoming model where there is no current one, or none that
    /// stays.
    fn target_of_unnamed(&self) -> Option<SlotId> {
        let waits_for = |incoming: &Incoming| incoming.replace || self.current.is_none();
        let incoming = self.incoming.filter(waits_for).map(|incoming| incoming.id);
        incoming.or(self.current)
    }
}

// The transitions.
impl<E: Model> Slots<E> {
    /// Has a model loaded, or joins the load that goes on.
    pub(super) fn begin(
        &mut self,
        request: &LoadRequest,
        purpose: Purpose,
        now: Instant,
    ) -> (Load<E>, Effects<E>) {
        let mut effects = Effects::default();
        let current = self.current;
        self.list
            .retain(|slot| Some(slot.id) == current || slot.is_shown(now));
        let of_request = self.list.iter().find(|slot| slot.request == *request);
        let id = match of_request {
            Some(slot) => slot.id,
            None if self.list.iter().filter(|slot| slot.is_loading()).count() >= MAX_LOADS => {
                return (Load::failed(ModelFailure::too_many_loads(MAX_LOADS)), effects);
            }
            None => {
                self.last += 1;
                let id = SlotId(self.last);
                self.list.push(Slot::new(id, request.clone()));
                id
            }
        };
        if let Purpose::Switch { replace, keep } = purpose {
            // The latest wish counts: a model that was incoming until now is loaded and does not become current.
            let before = self.incoming.take();
            if current != Some(id) {
                self.incoming = Some(Incoming {
                    id,
                    replace,
                    keep,
                    has_unloaded_current: before.is_some_and(|before| before.has_unloaded_current),
                });
            }
            if self.get(id).is_some_and(Slot::is_ready) {
                self.complete_switch(id, &mut effects);
            }
        }
        // Somebody who asks for a load expressly is not put off by a failure a moment ago.
        let is_retried = purpose != Purpose::Request;
        let load = self.join(id, false, is_retried, now, &mut effects);
        (load, effects)
    }

    /// A lease of the model that a request names, or of the current one; loads it where it is idle. `None` where the
    /// model is not held.
    pub(super) fn lease(
        &mut self,
        asked: Option<&ModelRef>,
        further: &[String],
        now: Instant,
    ) -> Option<(Load<E>, Effects<E>)> {
        let id = match asked {
            None => self.target_of_unnamed()?,
            Some(asked) => self.find_for_request(asked, further)?.id,
        };
        let mut effects = Effects::default();
        let load = self.join(id, asked.is_none(), false, now, &mut effects);
        Some((load, effects))
    }

    fn join(
        &mut self,
        id: SlotId,
        wants_current: bool,
        is_retried: bool,
        now: Instant,
        effects: &mut Effects<E>,
    ) -> Load<E> {
        let (reply, outcome) = oneshot::channel();
        let waiter = Waiter { reply, wants_current };
        self.attach(id, waiter, is_retried, now, effects);
        let steps = match self.get(id).map(|slot| &slot.state) {
            Some(State::Loading { board, steps, .. }) => Some((Arc::clone(board), steps.subscribe())),
            _ => None,
        };
        Load { steps, outcome }
    }

    /// Answers a waiter by the model, or as soon as that is loaded.
    fn attach(
        &mut self,
        id: SlotId,
        waiter: Waiter<E>,
        is_retried: bool,
        now: Instant,
        effects: &mut Effects<E>,
    ) {
        let Some(slot) = self.get_mut(id) else {
            // Dropped, it sees that nobody answers.
            return;
        };
        if let State::Ready { engine, .. } = &slot.state
            && engine.is_outdated()
        {
            tracing::info!(
                model = slot.name(),
                "its files were changed: the model is loaded again"
            );
            effects.retired.extend(slot.retire());
        }
        match &mut slot.state {
            State::Ready { engine, usage } => waiter.answer(Ok(Lease::new(id, engine, usage))),
            State::Loading { waiters, .. } => waiters.push(waiter),
            State::Failed { why, at } if !is_retried && now.duration_since(*at) < RETRY_AFTER => {
                let why = Arc::clone(why);
                waiter.answer(Err(why));
            }
            State::Idle | State::Failed { .. } => slot.start(vec![waiter], effects),
        }
    }

    /// A step of a load.
    pub(super) fn step(&mut self, id: SlotId, event: &StageEvent) {
        if let Some(State::Loading { board, steps, .. }) = self.get(id).map(|slot| &slot.state) {
            board.lock().record(event.clone());
            // There may be no reader.
            let _ = steps.send(event.clone());
        }
    }

    /// A load has ended.
    pub(super) fn settle(
        &mut self,
        id: SlotId,
        outcome: Result<Loaded<E>, Arc<ModelFailure>>,
        now: Instant,
    ) -> Effects<E> {
        let mut effects = Effects::default();
        let Some(slot) = self.get_mut(id).filter(|slot| slot.is_loading()) else {
            // It was let go in the middle of its load.
            effects.retired.extend(outcome.ok().map(|loaded| Retired {
                engine: loaded.engine,
                usage: Usage::new(now),
            }));
            return effects;
        };
        let (next, failure) = match outcome {
            Ok(Loaded {
                engine,
                info,
                warning,
            }) => {
                let usage = Usage::new(now);
                effects.loaded = Some(Lease::background(id, &engine, &usage));
                slot.info = Some(info);
                slot.warning = warning;
                (State::Ready { engine, usage }, None)
            }
            Err(why) => {
                let failure = Some(Arc::clone(&why));
                (State::Failed { why, at: now }, failure)
            }
        };
        let State::Loading { waiters, .. } = mem::replace(&mut slot.state, next) else {
            // It was looked at above.
            return effects;
        };
        match &failure {
            None => self.complete_switch(id, &mut effects),
            Some(_) => self.cancel_switch(id, &mut effects),
        }
        for waiter in waiters {
            let target = self.target_of_unnamed().filter(|_| waiter.wants_current);
            match (&failure, target) {
                // The model is not the current one, or is it no longer.
                (_, Some(target)) if target != id => self.attach(target, waiter, false, now, &mut effects),
                (Some(why), _) => waiter.answer(Err(Arc::clone(why))),
                (None, _) => self.attach(id, waiter, false, now, &mut effects),
            }
        }
        self.forget_failures();
        effects
    }

    /// Forgets the loads that failed first, where there are more than [`MAX_FAILURES`].
    fn forget_failures(&mut self) {
        let kept = [self.current, self.incoming.map(|incoming| incoming.id)];
        let mut failed: Vec<(Instant, SlotId)> = self
            .list
            .iter()
            .filter(|slot| !kept.contains(&Some(slot.id)))
            .filter_map(|slot| Some((slot.failed_at()?, slot.id)))
            .collect();
        failed.sort_unstable();
        let count = failed.len().saturating_sub(MAX_FAILURES);
        for (_, id) in failed.drain(..count) {
            self.list.retain(|slot| slot.id != id);
        }
    }

    /// Makes a model that is ready the current one, if it is the incoming one. The one that was current is let go,
    /// unless it is to be kept.
    fn complete_switch(&mut self, id: SlotId, effects: &mut Effects<E>) {
        let Some(incoming) = self.incoming.take_if(|incoming| incoming.id == id) else {
            if self.incoming.is_none() && self.current.is_none() {
                // Where the first model could not be loaded, any other is better than none.
                self.current = Some(id);
            }
            return;
        };
        let before = self.current.replace(id);
        if let Some(before) = before
            && before != id
            && !incoming.keep
            // Requests that named it wait for a load; it stays as any other model does.
            && !self.get(before).is_some_and(Slot::is_loading)
        {
            self.remove(before, effects);
        }
    }

    /// The incoming model does not come: the current one stays, and is loaded again if it was unloaded for the other.
    fn cancel_switch(&mut self, id: SlotId, effects: &mut Effects<E>) {
        let incoming = self.incoming.take_if(|incoming| incoming.id == id);
        let current = self.current;
        if incoming.is_some_and(|incoming| incoming.has_unloaded_current)
            && let Some(slot) = current.and_then(|id| self.get_mut(id))
            && matches!(slot.state, State::Idle)
        {
            slot.start(Vec::new(), effects);
        }
    }

    fn remove(&mut self, id: SlotId, effects: &mut Effects<E>) -> Option<Slot<E>> {
        let at = self.list.iter().position(|slot| slot.id == id)?;
        let mut slot = self.list.remove(at);
        effects.retired.extend(slot.retire());
        Some(slot)
    }

    /// Takes the model that a request means out of memory: the current one becomes idle, another one is forgotten, with
    /// its load if it is being loaded. `None` where the model is not held.
    pub(super) fn unload(
        &mut self,
        asked: &ModelRef,
        further: &[String],
        now: Instant,
    ) -> Option<Unloaded<E>> {
        let id = self.find_for_request(asked, further)?.id;
        let mut effects = Effects::default();
        let name = if self.is_current(id) {
            let slot = self.get_mut(id)?;
            effects.retired.extend(slot.retire());
            slot.name().to_owned()
        } else {
            let slot = self.remove(id, &mut effects)?;
            let name = slot.name().to_owned();
            self.cancel_switch(id, &mut effects);
            if let State::Loading { waiters, .. } = slot.state
                && let Some(target) = self.target_of_unnamed()
            {
                // The others named the model; dropped, they see that it is gone.
                for waiter in waiters.into_iter().filter(|waiter| waiter.wants_current) {
                    self.attach(target, waiter, false, now, &mut effects);
                }
            }
            name
        };
        Some(Unloaded {
            name,
            was_loaded: !effects.retired.is_empty(),
            effects,
        })
    }

    /// Whether the current model has to be unloaded before the weights of `id` are opened.
    pub(super) fn must_unload_current_first(&self, id: SlotId) -> bool {
        let replaces = self
            .incoming
            .is_some_and(|incoming| incoming.id == id && incoming.replace);
        replaces && self.current().is_some_and(Slot::is_ready)
    }

    /// Lets one engine go to make room for the model that loads in `id`: the current one, busy or not, where it is to be
    /// unloaded first; else the one not used for longest, never one that is busy and never the current one.
    pub(super) fn evict(&mut self, id: SlotId) -> Option<Retired<E>> {
        let current = self.current;
        let victim = if self.must_unload_current_first(id) {
            if let Some(incoming) = &mut self.incoming {
                incoming.has_unloaded_current = true;
            }
            self.get_mut(current?)?
        } else {
            let others = self
                .list
                .iter_mut()
                .filter(|slot| slot.id != id && Some(slot.id) != current);
            let idle = others.filter_map(|slot| Some((slot.idle_since()?, slot)));
            idle.min_by_key(|(since, _)| *since)?.1
        };
        tracing::info!(model = victim.name(), "makes room for another model");
        victim.retire()
    }

    /// Unloads the models whose time has come, and gives the time of the next look, where there will be one. `wake` is
    /// notified where a busy model may be due when its last request ends.
    pub(super) fn unload_idle(
        &mut self,
        now: Instant,
        setting: Option<KeepAlive>,
        wake: &Arc<Notify>,
    ) -> (Vec<Retired<E>>, Option<Instant>) {
        let mut retired = Vec::new();
        let mut next: Option<Instant> = None;
        for slot in &mut self.list {
            let (Some(keep_alive), State::Ready { usage, .. }) = (slot.keep_alive(setting), &slot.state)
            else {
                continue;
            };
            let Some(due) = usage.idle_since_or_wake(wake).map(|since| since + keep_alive) else {
                continue;
            };
            if due <= now {
                tracing::info!(model = slot.name(), "the model is idle: unloaded");
                retired.extend(slot.retire());
            } else {
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        (retired, next)
    }

    /// Has a model that was loaded for requests stay this long after the last one. The current model stays as long as
    /// the settings say: no client takes it away from the others.
    pub(super) fn set_keep_alive(&mut self, id: SlotId, keep_alive: KeepAlive) {
        if self.is_current(id) {
            return;
        }
        if let Some(slot) = self.get_mut(id) {
            slot.keep_alive = Some(keep_alive);
        }
    }

    /// Lets every model go. Gives the engines, and whether a load still goes on.
    pub(super) fn close(&mut self) -> (Vec<Retired<E>>, bool) {
        let Self { mut list, .. } = mem::take(self);
        let is_loading = list.iter().any(Slot::is_loading);
        (list.iter_mut().filter_map(Slot::retire).collect(), is_loading)
    }
}
