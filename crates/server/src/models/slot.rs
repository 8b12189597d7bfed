//! One model that is held, and its state.

use std::{
    mem,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use okibi_engine::{Engine, ModelInfo};
use okibi_protocol::{model_ref::ModelRef, stage::StageEvent};
use tokio::sync::{broadcast, oneshot};

use crate::{
    failure::ModelFailure,
    models::{
        lease::{Lease, Retired, Usage},
        load::{Board, Outcome},
        request::{LoadRequest, SlotId},
    },
    options::KeepAlive,
};

/// Steps of a load that a slow reader may be behind; it misses those before.
const STEPS: usize = 256;

/// How long the status shows a load that has failed.
const SHOW_FAILURE: Duration = Duration::from_secs(60);

/// How long the embedded model stays in memory and how long another one does, where neither the settings nor a request
/// say.
const DEFAULT_KEEP_ALIVE: (KeepAlive, KeepAlive) =
    (KeepAlive::Always, KeepAlive::For(Duration::from_secs(30 * 60)));

/// What the slots have to know about a loaded model, so that tests need none.
pub(super) trait Model {
    /// Its metadata, which stays when the engine goes.
    type Info;

    /// The name that people read.
    fn name(info: &Self::Info) -> &str;

    /// Bytes of its weights.
    fn weight_bytes(info: &Self::Info) -> u64;

    /// Whether its files are no longer those that it was loaded from, so that it has to be loaded again.
    fn is_outdated(&self) -> bool {
        false
    }
}

impl Model for Engine {
    type Info = ModelInfo;

    fn name(info: &ModelInfo) -> &str {
        &info.name
    }

    fn weight_bytes(info: &ModelInfo) -> u64 {
        info.weight_bytes
    }

    fn is_outdated(&self) -> bool {
        Self::is_outdated(self)
    }
}

/// A model that is held: loading, loaded, idle, or failed a moment ago.
pub(super) struct Slot<E: Model> {
    pub(super) id: SlotId,
    pub(super) request: LoadRequest,
    /// What the request's text says.
    target: ModelRef,
    /// The repository that its files are in.
    repository: Option<String>,
    pub(super) state: State<E>,
    /// Known since its first load.
    pub(super) info: Option<Arc<E::Info>>,
    /// How long it stays in memory, where a request said so.
    pub(super) keep_alive: Option<KeepAlive>,
    pub(super) warning: Option<String>,
}

pub(super) enum State<E> {
    Loading {
        board: Board,
        steps: broadcast::Sender<StageEvent>,
        waiters: Vec<Waiter<E>>,
    },
    Ready {
        engine: Arc<E>,
        usage: Arc<Usage>,
    },
    /// Unloaded; the next request loads it again.
    Idle,
    Failed {
        why: Arc<ModelFailure>,
        at: Instant,
    },
}

/// Somebody who waits for a load.
pub(super) struct Waiter<E> {
    pub(super) reply: oneshot::Sender<Outcome<E>>,
    /// A request that names no model: it is answered by the current one, whichever that is when the load ends.
    pub(super) wants_current: bool,
}

impl<E> Waiter<E> {
    pub(super) fn answer(self, outcome: Outcome<E>) {
        // One that waits no more has dropped its receiver; a lease goes with it.
        let _ = self.reply.send(outcome);
    }
}

/// An engine that has been loaded.
pub(super) struct Loaded<E: Model> {
    pub(super) engine: Arc<E>,
    pub(super) info: Arc<E::Info>,
    pub(super) warning: Option<String>,
}

/// What is left to do after a transition, when the lock is released.
#[must_use]
pub(super) struct Effects<E> {
    /// Loads to start.
    pub(super) start: Vec<(SlotId, LoadRequest)>,
    /// Engines that were let go.
    pub(super) retired: Vec<Retired<E>>,
    /// The model that has just been loaded, for the comparison with its last load.
    pub(super) loaded: Option<Lease<E>>,
}

impl<E> Default for Effects<E> {
    fn default() -> Self {
        Self {
            start: Vec::new(),
            retired: Vec::new(),
            loaded: None,
        }
    }
}

impl<E: Model> Slot<E> {
    pub(super) fn new(id: SlotId, request: LoadRequest) -> Self {
        let target = ModelRef::parse(&request.model);
        Self {
            id,
            repository: okibi_models::repository(&target),
            target,
            request,
            state: State::Idle,
            info: None,
            keep_alive: None,
            warning: None,
        }
    }

    /// The name people read.
    pub(super) fn name(&self) -> &str {
        self.info
            .as_ref()
            .map_or(&self.request.model, |info| E::name(info))
    }

    pub(super) fn weight_bytes(&self) -> u64 {
        self.info.as_ref().map_or(0, |info| E::weight_bytes(info))
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready { .. })
    }

    pub(super) fn is_loading(&self) -> bool {
        matches!(self.state, State::Loading { .. })
    }

    /// When its load failed, if its last one did.
    pub(super) fn failed_at(&self) -> Option<Instant> {
        match self.state {
            State::Failed { at, .. } => Some(at),
            _ => None,
        }
    }

    /// Whether its load failed longer ago than this.
    fn has_failed_before(&self, time: Duration, now: Instant) -> bool {
        self.failed_at().is_some_and(|at| now.duration_since(at) > time)
    }

    /// Whether the status shows it: a failure is forgotten after a while.
    pub(super) fn is_shown(&self, now: Instant) -> bool {
        !self.has_failed_before(SHOW_FAILURE, now)
    }

    /// Since when it is loaded and unused.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        match &self.state {
            State::Ready { usage, .. } => usage.idle_since(),
            _ => None,
        }
    }

    /// How long it stays in memory after its last request; `None` for ever.
    pub(super) fn keep_alive(&self, setting: Option<KeepAlive>) -> Option<Duration> {
        let (of_embedded, of_others) = DEFAULT_KEEP_ALIVE;
        let by_default = if self.request.model == okibi_models::DEFAULT_MODEL {
            of_embedded
        } else {
            of_others
        };
        match self.keep_alive.or(setting).unwrap_or(by_default) {
            KeepAlive::Always => None,
            KeepAlive::For(time) => Some(time),
        }
    }

    pub(super) fn is_meant_by(&self, asked: &ModelRef) -> bool {
        asked.allows_revision(self.target.revision.as_deref())
            && (asked.means(self.name()) || asked.means(&self.target.name) || self.has_files_of(asked))
    }

    /// Whether the files of the model are those that a reference leads to, whatever revision it names.
    pub(super) fn has_files_of(&self, asked: &ModelRef) -> bool {
        let (own, other) = (Path::new(&self.target.name), Path::new(&asked.name));
        match (self.target.is_path, asked.is_path) {
            // One of the two may name a file in the folder.
            (true, true) => own.starts_with(other) || other.starts_with(own),
            // A folder of the user's is called by its own name too.
            (true, false) => {
                let is_called = |name: &str| name.eq_ignore_ascii_case(&asked.name);
                let folder = own.file_name().map(|name| name.to_string_lossy());
                is_called(self.name()) || folder.is_some_and(|folder| is_called(&folder))
            }
            (false, true) => false,
            (false, false) => match (&self.repository, okibi_models::repository(asked)) {
                (Some(own), Some(other)) => own.eq_ignore_ascii_case(&other),
                (None, None) => asked.name.eq_ignore_ascii_case(&self.target.name),
                _ => false,
            },
        }
    }

    /// Begins to load; the caller starts the thread.
    pub(super) fn start(&mut self, waiters: Vec<Waiter<E>>, effects: &mut Effects<E>) {
        self.state = State::Loading {
            board: Board::default(),
            steps: broadcast::channel(STEPS).0,
            waiters,
        };
        self.warning = None;
        effects.start.push((self.id, self.request.clone()));
    }

    /// Lets the engine go, where there is one.
    pub(super) fn retire(&mut self) -> Option<Retired<E>> {
        if !self.is_ready() {
            return None;
        }
        match mem::replace(&mut self.state, State::Idle) {
            State::Ready { engine, usage } => Some(Retired { engine, usage }),
            _ => None,
        }
    }
}
