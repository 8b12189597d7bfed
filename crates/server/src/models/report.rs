//! What is held, for the status and for the dialects that list models.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use okibi_engine::{Engine, ModelInfo};
use okibi_protocol::models::{LoadedModel, ModelState};

use crate::models::{
    loading::Models,
    slot::{Slot, State},
};

/// A batch that takes longer than this may never end: the largest ones take seconds.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// How long a batch has been computed, where that is so long that it may never end.
fn hanging(since: Option<Instant>, now: Instant) -> Option<Duration> {
    let time = now.saturating_duration_since(since?);
    (time >= HANGS_AFTER).then_some(time)
}

impl Slot<Engine> {
    /// Its state, as the wire calls it.
    pub(super) fn model_state(&self) -> ModelState {
        match &self.state {
            State::Loading { .. } => ModelState::Loading,
            State::Ready { .. } => ModelState::Ready,
            State::Idle => ModelState::Resting,
            State::Failed { .. } => ModelState::Failed,
        }
    }

    fn to_loaded_model(&self, current: bool) -> LoadedModel {
        let info = self.info.as_ref();
        let (stages, error) = match &self.state {
            State::Loading { board, .. } => (Some(board.lock().clone()), None),
            State::Failed { why, .. } => (None, Some(why.message.clone())),
            State::Ready { .. } | State::Idle => (None, None),
        };
        LoadedModel {
            name: self.name().to_owned(),
            state: self.model_state(),
            current,
            space: info.map(|info| info.space.to_string()),
            dimension: info.map(|info| info.dimension),
            device: info.map(|info| info.device.name().to_owned()),
            stages,
            error,
            warning: self.warning.clone(),
        }
    }
}

impl Models {
    /// Metadata of the current model, loaded or idle; `None` before the first is loaded.
    pub(crate) fn current(&self) -> Option<Arc<ModelInfo>> {
        self.slots.lock().current()?.info.clone()
    }

    /// Whether there is a current model, loaded or idle.
    pub(crate) fn has_current(&self) -> bool {
        self.slots.lock().current().is_some()
    }

    /// Metadata of every model that has been loaded and is held, the current one first.
    pub(super) fn infos(&self) -> Vec<Arc<ModelInfo>> {
        let slots = self.slots.lock();
        slots
            .all()
            .into_iter()
            .filter_map(|slot| slot.info.clone())
            .collect()
    }

    /// Metadata of the models in memory, and when each is to be unloaded, where it is.
    pub(crate) fn in_memory(&self) -> Vec<(Arc<ModelInfo>, Option<SystemTime>)> {
        let setting = self.keep_alive();
        let slots = self.slots.lock();
        let ready = slots.all().into_iter().filter(|slot| slot.is_ready());
        let expiring = ready.filter_map(|slot| {
            let keep_alive = slot.keep_alive(setting);
            let idle = slot.idle_since().map_or(Duration::ZERO, |since| since.elapsed());
            let expires = keep_alive.map(|time| SystemTime::now() + time.saturating_sub(idle));
            Some((slot.info.clone()?, expires))
        });
        expiring.collect()
    }

    /// Every model that is held, the current one first.
    pub(crate) fn loaded_models(&self) -> Vec<LoadedModel> {
        let now = Instant::now();
        let slots = self.slots.lock();
        let is_shown = |slot: &&Slot<Engine>| slots.is_current(slot.id) || slot.is_shown(now);
        let shown = slots.all().into_iter().filter(is_shown);
        shown
            .map(|slot| {
                let mut model = slot.to_loaded_model(slots.is_current(slot.id));
                if let State::Ready { engine, .. } = &slot.state
                    && let Some(since) = hanging(engine.computing_since(), now)
                {
                    model.warning = Some(self.host.hangs(&model.name, since));
                }
                model
            })
            .collect()
    }

    /// Texts that wait or are being computed, over all models.
    pub(crate) fn queued_texts(&self) -> usize {
        let slots = self.slots.lock();
        let each = slots.all().into_iter().map(|slot| match &slot.state {
            State::Ready { engine, .. } => engine.queued_texts(),
            _ => 0,
        });
        each.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_hangs_when_it_takes_far_longer_than_any_other() {
        let now = Instant::now();
        let since = |time| now.checked_sub(time).unwrap();
        assert_eq!(hanging(None, now), None);
        assert_eq!(hanging(Some(since(HANGS_AFTER / 2)), now), None);
        assert_eq!(hanging(Some(since(HANGS_AFTER * 3)), now), Some(HANGS_AFTER * 3));
    }
}
