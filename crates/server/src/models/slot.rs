//! A model that a daemon holds: what it is, how it stands, who works with it.

use std::{
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use okibi_engine::{Engine, ModelInfo};
use okibi_protocol::{
    models::{LoadedModel, ModelState, Variant},
    stage::{StageBoard, StageEvent},
};
use tokio::sync::{broadcast, watch};

use crate::{failure::ModelFailure, models::KeepAlive};

/// How long the embedded model stays in memory and how long another one does, where nobody says.
const USUAL: (KeepAlive, KeepAlive) = (KeepAlive::Always, KeepAlive::For(Duration::from_secs(30 * 60)));

/// Names a slot as long as the daemon lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SlotId(pub(super) u64);

/// A model as it is asked of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoadRequest {
    /// A name, or the path of a folder.
    pub(crate) model: String,
    /// Which weights.
    pub(crate) variant: Variant,
}

/// A model that is held, rests, or is being loaded.
pub(super) struct Slot {
    pub(super) id: SlotId,
    pub(super) request: LoadRequest,
    pub(super) state: State,
    /// Known since its first load.
    pub(super) info: Option<Arc<ModelInfo>>,
    pub(super) usage: Arc<Usage>,
    /// How long it stays, where a request said so.
    pub(super) keep_alive: Option<KeepAlive>,
    pub(super) stages: StageBoard,
    pub(super) warning: Option<String>,
}

pub(super) enum State {
    Loading(Load),
    Ready(Arc<Engine>),
    Resting,
    Failed(Arc<ModelFailure>, Instant),
}

/// A load under way.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) id: SlotId,
    /// Its steps from now on.
    pub(super) steps: broadcast::Sender<StageEvent>,
    /// How it ended, once it has.
    pub(super) end: watch::Receiver<Option<Result<(), Arc<ModelFailure>>>>,
}

impl Load {
    /// Its steps from now on; ends with the load.
    pub(crate) fn steps(&self) -> broadcast::Receiver<StageEvent> {
        self.steps.subscribe()
    }

    /// Waits for its end.
    pub(crate) async fn wait(mut self) -> Result<(), Arc<ModelFailure>> {
        match self.end.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or(Ok(())),
            Err(_) => Err(Arc::new(ModelFailure::interrupted())),
        }
    }
}

impl Slot {
    pub(super) fn new(id: SlotId, request: LoadRequest, state: State) -> Self {
        Self {
            id,
            request,
            state,
            info: None,
            usage: Arc::default(),
            keep_alive: None,
            stages: StageBoard::default(),
            warning: None,
        }
    }

    /// The name people read.
    pub(super) fn name(&self) -> &str {
        self.info.as_ref().map_or(&self.request.model, |info| &info.name)
    }

    pub(super) fn weight_bytes(&self) -> u64 {
        self.info.as_ref().map_or(0, |info| info.weight_bytes)
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready(_))
    }

    /// Whether its load failed longer ago than this.
    pub(super) fn has_failed_before(&self, time: Duration) -> bool {
        matches!(&self.state, State::Failed(_, at) if at.elapsed() > time)
    }

    /// How long it stays in memory after its last request; `None` for ever.
    pub(super) fn stays(&self, setting: Option<KeepAlive>) -> Option<Duration> {
        let usual = if self.request.model == okibi_models::DEFAULT_MODEL {
            USUAL.0
        } else {
            USUAL.1
        };
        match self.keep_alive.or(setting).unwrap_or(usual) {
            KeepAlive::Always => None,
            KeepAlive::For(time) => Some(time),
        }
    }

    /// As the status tells it.
    pub(super) fn told(&self, current: bool) -> LoadedModel {
        let (state, error) = match &self.state {
            State::Loading(_) => (ModelState::Loading, None),
            State::Ready(_) => (ModelState::Ready, None),
            State::Resting => (ModelState::Resting, None),
            State::Failed(failure, _) => (ModelState::Failed, Some(failure.message.clone())),
        };
        let info = self.info.as_ref();
        LoadedModel {
            name: self.name().to_owned(),
            state,
            current,
            space: info.map(|info| info.space.to_string()),
            dimension: info.map(|info| info.dimension),
            device: info.map(|info| info.device.name().to_owned()),
            stages: (state == ModelState::Loading).then(|| self.stages.clone()),
            error,
            warning: self.warning.clone(),
        }
    }
}

/// Who works with a model, and since when nobody does.
pub(crate) struct Usage {
    working: AtomicUsize,
    idle_since: Mutex<Instant>,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            working: AtomicUsize::new(0),
            idle_since: Mutex::new(Instant::now()),
        }
    }
}

impl Usage {
    /// Counts somebody as working until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> UsageGuard {
        self.working.fetch_add(1, SeqCst);
        UsageGuard(Arc::clone(self))
    }

    /// Since when nobody has worked with it; `None` while somebody does.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let since = *self.idle_since.lock().unwrap_or_else(PoisonError::into_inner);
        (self.working.load(SeqCst) == 0).then_some(since)
    }

    /// It was used just now.
    pub(super) fn touch(&self) {
        *self.idle_since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// Somebody who works with a model, or waits for it.
pub(crate) struct UsageGuard(Arc<Usage>);

impl Drop for UsageGuard {
    fn drop(&mut self) {
        self.0.touch();
        self.0.working.fetch_sub(1, SeqCst);
    }
}

/// A loaded model to work with: it stays in memory as long as this does.
pub(crate) struct Lease {
    pub(super) id: SlotId,
    pub(super) engine: Arc<Engine>,
    pub(super) guard: UsageGuard,
}

impl Lease {
    /// The engine, for work on another thread; the lease has to outlive it.
    pub(crate) fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.engine)
    }
}

impl Clone for Lease {
    fn clone(&self) -> Self {
        Self {
            id: self.id,
            engine: Arc::clone(&self.engine),
            guard: self.guard.0.begin(),
        }
    }
}

impl Deref for Lease {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_embedded_model_stays_for_ever_by_itself() {
        let slot = |model: &str| {
            let request = LoadRequest {
                model: model.into(),
                variant: Variant::Auto,
            };
            Slot::new(SlotId(0), request, State::Resting)
        };
        assert_eq!(slot(okibi_models::DEFAULT_MODEL).stays(None), None);
        assert_eq!(slot("a/b").stays(None), Some(Duration::from_secs(1800)));
        let second = KeepAlive::For(Duration::from_secs(1));
        assert_eq!(
            slot(okibi_models::DEFAULT_MODEL).stays(Some(second)),
            Some(Duration::from_secs(1))
        );
        let mut asked = slot("a/b");
        asked.keep_alive = Some(KeepAlive::Always);
        assert_eq!(asked.stays(Some(second)), None, "a request's own word goes first");
    }

    #[test]
    fn a_model_is_idle_when_the_last_one_has_gone() {
        let usage = Arc::new(Usage::default());
        let began = Instant::now();
        let (one, other) = (usage.begin(), usage.begin());
        drop(one);
        assert_eq!(usage.idle_since(), None);
        drop(other);
        assert!(usage.idle_since().is_some_and(|since| since >= began));
    }
}
