//! Whether there is memory for another model.

use okibi_engine::LoadError;
use sysinfo::System;

/// Models in memory at once, where the settings do not say.
pub(super) const DEFAULT_KEEP_MODELS: usize = 3;

/// What a session takes beside its weights: a share of them, for the copies it makes of some, and this many bytes for
/// the tokenizer and the buffers that a run needs.
const BESIDE_BYTES: u64 = 64 << 20;

/// About how much memory a model takes.
fn needed(weight_bytes: u64) -> u64 {
    weight_bytes + weight_bytes / 5 + BESIDE_BYTES
}

/// Memory that this process can still take, where the OS says.
pub(super) fn free_memory() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let of_machine = system.available_memory();
    // Files that the kernel keeps in memory count against a group, and make room when it is needed.
    let limits = system.cgroup_limits();
    let of_group = limits.map(|limits| limits.total_memory.saturating_sub(limits.rss));
    let free = of_group.map_or(of_machine, |of_group| of_group.min(of_machine));
    (free > 0).then_some(free)
}

/// What one more model demands, beside what is in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Demand {
    /// Models in memory with the new one, and how many there may be.
    pub(super) models: (usize, usize),
    /// Bytes of the weights in memory with the new ones, and how many there may be.
    pub(super) weights: (u64, Option<u64>),
    /// Bytes of the new weights.
    pub(super) weight_bytes: u64,
    /// Memory that is free, where that is known.
    pub(super) free: Option<u64>,
}

impl Demand {
    /// Whether every bound is kept. What has no bound is always kept.
    pub(super) fn fits(&self) -> bool {
        let weights = self.weights.1.is_none_or(|limit| self.weights.0 <= limit);
        self.models.0 <= self.models.1 && weights && !self.lacks_memory()
    }

    fn lacks_memory(&self) -> bool {
        self.free.is_some_and(|free| needed(self.weight_bytes) > free)
    }

    /// Decides where no other model can be unloaded any more.
    ///
    /// Errors: [`LoadError::NoMemory`].
    pub(super) fn admit_alone(&self) -> Result<(), LoadError> {
        // The new model and the current one may be more than the bounds allow: the current one goes in a moment, or the
        // new one as soon as it is idle. What does not fit by itself never will.
        let over_limit = self.weights.1.filter(|limit| self.weight_bytes > *limit);
        match (over_limit, self.free) {
            (Some(limit), _) => Err(LoadError::NoMemory {
                needed: self.weight_bytes,
                free: limit,
            }),
            (None, Some(free)) if self.lacks_memory() => Err(LoadError::NoMemory {
                needed: needed(self.weight_bytes),
                free,
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_looked_at() {
        let fits = Demand {
            models: (3, 3),
            weights: (200, Some(200)),
            weight_bytes: 100,
            free: Some(needed(100)),
        };
        assert!(fits.fits());
        let models = Demand {
            models: (4, 3),
            ..fits
        };
        let weights = Demand {
            weights: (201, Some(200)),
            ..fits
        };
        let memory = Demand {
            free: Some(needed(100) - 1),
            ..fits
        };
        assert!(![models, weights, memory].iter().any(Demand::fits));
        let unknown = Demand {
            weights: (201, None),
            free: None,
            ..fits
        };
        assert!(unknown.fits(), "what has no bound is always kept");
    }

    #[test]
    fn a_model_is_refused_for_what_it_needs_by_itself() {
        let over_count = Demand {
            models: (4, 3),
            weights: (300, Some(200)),
            weight_bytes: 100,
            free: None,
        };
        assert!(over_count.admit_alone().is_ok(), "the others go in a moment");
        let too_large = Demand {
            weight_bytes: 201,
            ..over_count
        };
        let no_memory = Demand {
            free: Some(1),
            ..over_count
        };
        for (demand, limit) in [(too_large, 200), (no_memory, 1)] {
            let outcome = demand.admit_alone();
            assert!(
                matches!(outcome, Err(LoadError::NoMemory { free, .. }) if free == limit),
                "{outcome:?}"
            );
        }
    }
}
