//! Whether there is memory for another model, and which one goes where there is not.

use std::{sync::Arc, time::Instant};

use okibi_engine::{Engine, LoadError};
use sysinfo::System;

use crate::models::{
    Models,
    slot::{SlotId, State},
};

/// Models in memory at once, where nobody says.
pub(super) const USUAL_MODELS: usize = 3;

/// What a session takes beside its weights: a share of them, for the copies it makes of some, and this many bytes for
/// the tokenizer and the room that a run needs.
const BESIDE_BYTES: u64 = 64 << 20;

/// Memory that a model with weights of so many bytes takes, roughly.
fn needed(weight_bytes: u64) -> u64 {
    weight_bytes + weight_bytes / 5 + BESIDE_BYTES
}

/// Memory that this process can still take, where the OS tells it.
fn free() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let of_machine = system.available_memory();
    // Files that the kernel keeps in memory count against a group, and make room when it is needed.
    let limits = system.cgroup_limits();
    let of_group = limits.map(|limits| limits.total_memory.saturating_sub(limits.rss));
    let free = of_group.map_or(of_machine, |of_group| of_group.min(of_machine));
    (free > 0).then_some(free)
}

/// What decides about room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Demand {
    /// Models in memory, and how many there may be, the new one included.
    models: (usize, usize),
    /// Bytes of weights in memory, and how many there may be, the new ones included.
    weights: (u64, Option<u64>),
    /// Memory that is needed, and what is free.
    memory: (u64, Option<u64>),
}

impl Demand {
    fn fits(&self) -> bool {
        let weights = self.weights.1.is_none_or(|limit| self.weights.0 <= limit);
        let memory = self.memory.1.is_none_or(|free| self.memory.0 <= free);
        self.models.0 <= self.models.1 && weights && memory
    }
}

impl Models {
    /// Makes room for the weights of the model that loads in `id`: the models not used for longest go, never one that
    /// works, and the current one only where it is to be `replaced`. Blocks until their memory is back.
    ///
    /// Errors: [`LoadError::NoMemory`].
    pub(super) fn make_room(&self, id: SlotId, weight_bytes: u64, replace: bool) -> Result<(), LoadError> {
        loop {
            let free = free();
            let demand = {
                let slots = self.lock();
                let ready = || {
                    slots
                        .list
                        .iter()
                        .filter(move |slot| slot.id != id && slot.is_ready())
                };
                Demand {
                    models: (ready().count() + 1, self.options.keep_models.max(1)),
                    weights: (
                        ready().map(|slot| slot.weight_bytes()).sum::<u64>() + weight_bytes,
                        self.options.max_bytes,
                    ),
                    memory: (needed(weight_bytes), free),
                }
            };
            if demand.fits() && !(replace && self.is_current_in_the_way(id)) {
                return Ok(());
            }
            let Some(engine) = self.evict(id, replace) else {
                // A model may be switched to although it and the present one are more than may stay: the present one
                // goes in a moment.
                let is_memory = demand.memory.1.is_some_and(|free| demand.memory.0 > free);
                let over_limit = demand.weights.1.is_some_and(|limit| weight_bytes > limit);
                if !is_memory && !over_limit {
                    return Ok(());
                }
                let limit = demand.weights.1.filter(|_| over_limit);
                return Err(LoadError::NoMemory {
                    needed: if over_limit { weight_bytes } else { demand.memory.0 },
                    free: limit.or(demand.memory.1).unwrap_or(0),
                });
            };
            close(engine);
        }
    }

    fn is_current_in_the_way(&self, id: SlotId) -> bool {
        let slots = self.lock();
        let mut others = slots.list.iter().filter(|slot| slot.id != id);
        others.any(|slot| Some(slot.id) == slots.current && slot.is_ready())
    }

    /// Takes the weights of one model out: the one not used for longest.
    fn evict(&self, id: SlotId, replace: bool) -> Option<Arc<Engine>> {
        let mut slots = self.lock();
        let current = slots.current;
        let candidates = slots.list.iter_mut().filter(|slot| {
            let may_go = if Some(slot.id) == current {
                replace
            } else {
                slot.usage.idle_since().is_some()
            };
            slot.id != id && slot.is_ready() && may_go
        });
        let oldest = candidates.min_by_key(|slot| slot.usage.idle_since().unwrap_or_else(Instant::now))?;
        tracing::info!(model = oldest.name(), "makes room for another model");
        match std::mem::replace(&mut oldest.state, State::Resting) {
            State::Ready(engine) => Some(engine),
            // It was looked at above.
            _ => None,
        }
    }
}

/// Ends an engine and waits until its memory is back, unless somebody works with it still: then the last one ends it.
pub(super) fn close(engine: Arc<Engine>) {
    if let Some(engine) = Arc::into_inner(engine) {
        engine.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_looked_at() {
        let fits = Demand {
            models: (3, 3),
            weights: (100, Some(100)),
            memory: (100, Some(100)),
        };
        assert!(fits.fits());
        let models = Demand {
            models: (4, 3),
            ..fits
        };
        let weights = Demand {
            weights: (101, Some(100)),
            ..fits
        };
        let memory = Demand {
            memory: (101, Some(100)),
            ..fits
        };
        assert!(![models, weights, memory].iter().any(Demand::fits));
        let unknown = Demand {
            weights: (101, None),
            memory: (101, None),
            ..fits
        };
        assert!(unknown.fits(), "what nobody says bounds nothing");
    }
}
