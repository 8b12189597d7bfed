//! The models a daemon holds: which one answers, which rest, which are being loaded.
//!
//! - `slot`: one model, and who works with it
//! - `room`: memory for another one
//! - `idle`: models that nobody asks for leave memory
//! - `asked`: from the name in a request to a model
//! - `methods`: the JSON-RPC methods that load, fetch, list and delete
//!
//! A request holds a [`Lease`]: a model that is switched away from, or put to rest, ends when its last lease does.

mod asked;
mod idle;
mod methods;
mod room;
mod slot;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant, SystemTime},
};

use okibi_engine::{Admission, Engine, LoadError, LoadOptions, Meter, ModelInfo};
use okibi_models::Library;
use okibi_protocol::{
    models::{LoadedModel, ModelState},
    stage::{StageBoard, StageEvent, StageState},
};
use tokio::{
    runtime::Handle,
    sync::{Notify, broadcast, watch},
};

pub(crate) use self::asked::Askable;
pub(crate) use self::methods::{Step, answer};
pub(crate) use self::slot::{Lease, Load, LoadRequest};
use self::slot::{Slot, SlotId, State};
use tokio_util::sync::CancellationToken;

use crate::{failure::ModelFailure, run::Host};

/// Steps of a load that a slow listener may be behind; it misses those before.
const STEPS: usize = 256;

/// A load that has failed is not tried again for a request before this has passed.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A load that has failed is told in the status for so long.
const TELL_FAILURE: Duration = Duration::from_secs(60);

/// How long a model that nobody asks for stays in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// As long as the daemon runs.
    Always,
    /// So long.
    For(Duration),
}

/// What a daemon may do with models.
#[derive(Clone, Debug)]
pub struct ModelOptions {
    /// Where they are.
    pub library: Library,
    /// How long one that nobody asks for stays; the usual time where it is `None`.
    pub keep_alive: Option<KeepAlive>,
    /// How many may be in memory at once; three where it is `None`.
    pub keep_models: Option<usize>,
    /// Bytes of weights in memory at once.
    pub max_bytes: Option<u64>,
    /// Whether a request that names a model which is here and not loaded has it loaded.
    pub load_on_demand: bool,
}

/// The same with the usual values filled in.
struct Options {
    library: Library,
    keep_alive: Option<KeepAlive>,
    keep_models: usize,
    max_bytes: Option<u64>,
    load_on_demand: bool,
    /// Further names of the current model.
    model_names: Vec<String>,
}

/// See the module.
pub(crate) struct Models {
    options: Options,
    load: LoadOptions,
    host: Arc<dyn Host>,
    meter: Arc<dyn Meter>,
    runtime: Handle,
    slots: Mutex<Slots>,
    /// Told when something about the models changes.
    changed: watch::Sender<()>,
    /// Cancelled when the daemon is to end.
    stop: CancellationToken,
    /// Told when the time at which a model is to rest may have changed.
    idle: Notify,
}

#[derive(Default)]
struct Slots {
    list: Vec<Slot>,
    current: Option<SlotId>,
    last: u64,
}

impl Slots {
    fn get(&self, id: SlotId) -> Option<&Slot> {
        self.list.iter().find(|slot| slot.id == id)
    }

    fn get_mut(&mut self, id: SlotId) -> Option<&mut Slot> {
        self.list.iter_mut().find(|slot| slot.id == id)
    }

    fn of_request(&self, request: &LoadRequest) -> Option<SlotId> {
        let mut slots = self.list.iter();
        slots.find(|slot| slot.request == *request).map(|slot| slot.id)
    }

    fn add(&mut self, request: LoadRequest, state: State) -> SlotId {
        self.last += 1;
        let id = SlotId(self.last);
        self.list.push(Slot::new(id, request, state));
        id
    }

    fn remove(&mut self, id: SlotId) -> Option<Slot> {
        let at = self.list.iter().position(|slot| slot.id == id)?;
        Some(self.list.remove(at))
    }
}

/// What began when a load was asked for.
pub(crate) enum Begun {
    /// It is loaded already.
    Ready(SlotId),
    /// It loads, perhaps since before.
    Loading(Load),
}

impl Models {
    /// Has to be called on a runtime, which watches over the models.
    pub(crate) fn new(
        options: ModelOptions,
        model_names: Vec<String>,
        load: LoadOptions,
        host: Arc<dyn Host>,
        meter: Arc<dyn Meter>,
        changed: watch::Sender<()>,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let ModelOptions {
            library,
            keep_alive,
            keep_models,
            max_bytes,
            load_on_demand,
        } = options;
        Arc::new(Self {
            options: Options {
                library,
                keep_alive,
                keep_models: keep_models.unwrap_or(room::USUAL_MODELS),
                max_bytes,
                load_on_demand,
                model_names,
            },
            load,
            host,
            meter,
            runtime: Handle::current(),
            slots: Mutex::default(),
            changed,
            stop,
            idle: Notify::new(),
        })
    }

    /// The state, which no panic leaves half-changed.
    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_change(&self) {
        self.changed.send_replace(());
    }

    /// Takes in the model that the daemon was started with; requests that name none are answered by it.
    pub(crate) fn adopt(self: &Arc<Self>, engine: Engine) {
        let request = LoadRequest {
            model: self.load.model.clone(),
            variant: self.load.variant,
        };
        let id = {
            let mut slots = self.lock();
            let id = slots.add(request, State::Resting);
            slots.current = Some(id);
            id
        };
        self.serve_with(id, engine);
    }

    /// Puts a loaded engine to work in its slot; ends it where the slot has gone meanwhile.
    fn serve_with(self: &Arc<Self>, id: SlotId, engine: Engine) {
        engine.set_meter(Arc::clone(&self.meter));
        okibi_models::mark_used(&engine.info().name, &self.options.library);
        let engine = Arc::new(engine);
        {
            let mut slots = self.lock();
            let Some(slot) = slots.get_mut(id) else {
                return;
            };
            let info = engine.info();
            let missed = info.missed_device.map(|asked| self.host.device_missing(asked));
            slot.warning = missed.or(slot.warning.take());
            slot.info = Some(Arc::new(info.clone()));
            slot.usage.touch();
            slot.state = State::Ready(Arc::clone(&engine));
        }
        self.idle.notify_one();
        self.tell_change();
        // It ends by itself; a daemon that ends does not wait for it.
        drop(self.runtime.spawn(self.clone().look_at_canary(id, engine)));
    }

    /// Compares what the model gives with what it gave at its last load, and says when it is something else.
    async fn look_at_canary(self: Arc<Self>, id: SlotId, engine: Arc<Engine>) {
        let request = okibi_engine::EmbedRequest::new(okibi_engine::canary::SENTENCES);
        let submitted = engine.prepare(request).and_then(|ready| engine.submit(ready));
        let embedded = match submitted {
            Ok(pending) => pending.wait().await,
            Err(error) => Err(error),
        };
        let info = engine.info().clone();
        drop(engine);
        let Ok(embedded) = embedded else {
            return;
        };
        let folder = self.load.cache_folder.clone();
        let drift = okibi_engine::canary::check(&folder, &info.name, info.space.as_str(), embedded.vectors);
        let Some(drift) = drift else {
            return;
        };
        tracing::warn!(
            model = info.name,
            ?drift,
            "the model's vectors are not those of its last load"
        );
        let words = self.host.drifted(&info.name, &drift);
        if let Some(slot) = self.lock().get_mut(id) {
            slot.warning = Some(words);
        }
        self.tell_change();
    }

    /// What is to be known about the current model, loaded or resting; `None` before the first is loaded.
    pub(crate) fn current(&self) -> Option<Arc<ModelInfo>> {
        let slots = self.lock();
        let current = slots.get(slots.current?)?;
        // While a model is replaced, nothing is known of the new one yet.
        current.info.clone()
    }

    /// Whether there is a model for requests that name none, loaded or resting or on its way.
    pub(crate) fn has_current(&self) -> bool {
        self.lock().current.is_some()
    }

    /// What is to be known about every model that is held, the current one first.
    pub(crate) fn infos(&self) -> Vec<Arc<ModelInfo>> {
        let slots = self.lock();
        let mut held: Vec<&Slot> = slots.list.iter().collect();
        held.sort_by_key(|slot| Some(slot.id) != slots.current);
        held.into_iter().filter_map(|slot| slot.info.clone()).collect()
    }

    /// What is in memory, and when each is to rest, where it is.
    pub(crate) fn in_memory(&self) -> Vec<(Arc<ModelInfo>, Option<SystemTime>)> {
        let slots = self.lock();
        let ready = slots.list.iter().filter(|slot| slot.is_ready());
        let told = ready.filter_map(|slot| {
            let stays = slot.stays(self.options.keep_alive);
            let idle = slot
                .usage
                .idle_since()
                .map_or(Duration::ZERO, |since| since.elapsed());
            let expires = stays.map(|stays| SystemTime::now() + stays.saturating_sub(idle));
            Some((slot.info.clone()?, expires))
        });
        told.collect()
    }

    /// Every model that is held, rests or loads, the current one first.
    pub(crate) fn told(&self) -> Vec<LoadedModel> {
        let slots = self.lock();
        let mut told: Vec<LoadedModel> = slots
            .list
            .iter()
            .filter(|slot| Some(slot.id) == slots.current || !slot.has_failed_before(TELL_FAILURE))
            .map(|slot| slot.told(Some(slot.id) == slots.current))
            .collect();
        told.sort_by_key(|model| !model.current);
        told
    }

    /// Texts that wait or are being computed, over all models.
    pub(crate) fn queued_texts(&self) -> usize {
        let slots = self.lock();
        let each = slots.list.iter().map(|slot| match &slot.state {
            State::Ready(engine) => engine.queued_texts(),
            _ => 0,
        });
        each.sum()
    }

    /// Has a model loaded, or follows the load that goes on. With `replace` requests that name no model wait for it
    /// from now on, and the present one gives its memory up first.
    pub(crate) fn begin(
        self: &Arc<Self>,
        request: &LoadRequest,
        replace: bool,
    ) -> Result<Begun, ModelFailure> {
        let mut slots = self.lock();
        let current = slots.current;
        slots
            .list
            .retain(|slot| Some(slot.id) == current || !slot.has_failed_before(TELL_FAILURE));
        let id = slots
            .of_request(request)
            .unwrap_or_else(|| slots.add(request.clone(), State::Resting));
        let previous = slots.current;
        let slot = slots.get_mut(id).expect("it was found or added");
        match &slot.state {
            State::Ready(_) => return Ok(Begun::Ready(id)),
            State::Loading(load) => return Ok(Begun::Loading(load.clone())),
            State::Resting | State::Failed(..) => {}
        }
        let (steps, _) = broadcast::channel(STEPS);
        let (end, ended) = watch::channel(None);
        let load = Load {
            id,
            steps: steps.clone(),
            end: ended,
        };
        slot.state = State::Loading(load.clone());
        slot.stages = StageBoard::default();
        slot.warning = None;
        if replace {
            slots.current = Some(id);
        }
        drop(slots);
        let job = Job {
            models: Arc::downgrade(self),
            id,
            steps,
            end,
            previous: previous.filter(|_| replace),
        };
        let options = LoadOptions {
            model: request.model.clone(),
            variant: request.variant,
            admission: Some(self.admission(id, replace)),
            ..self.load.clone()
        };
        let spawned = std::thread::Builder::new()
            .name("okibi-load".into())
            .spawn(move || job.run(&options));
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread could be started");
            self.failed(
                id,
                previous.filter(|_| replace),
                Arc::new(ModelFailure::interrupted()),
            );
            return Err(ModelFailure::interrupted());
        }
        self.tell_change();
        Ok(Begun::Loading(load))
    }

    fn admission(self: &Arc<Self>, id: SlotId, replace: bool) -> Admission {
        let models = Arc::downgrade(self);
        Admission::new(move |weight_bytes| match models.upgrade() {
            Some(models) => models.make_room(id, weight_bytes, replace),
            None => Ok(()),
        })
    }

    /// A step of a load.
    fn step(&self, id: SlotId, event: &StageEvent) {
        if let Some(slot) = self.lock().get_mut(id) {
            slot.stages.record(event.clone());
        }
        if event.state != StageState::Advanced {
            tracing::info!(stage = event.stage.name(), state = ?event.state, "stage of a further model");
        }
        self.tell_change();
    }

    /// A load has failed; requests that were to wait for it go back to the `previous` model.
    fn failed(&self, id: SlotId, previous: Option<SlotId>, failure: Arc<ModelFailure>) {
        tracing::warn!(message = failure.message, "a model was not loaded");
        {
            let mut slots = self.lock();
            if previous.is_some() && slots.current == Some(id) {
                slots.current = previous;
            }
            if let Some(slot) = slots.get_mut(id) {
                slot.state = State::Failed(failure, Instant::now());
            }
        }
        self.tell_change();
    }

    /// Has requests that name no model answered by this one. The one that answered until now leaves memory when its
    /// last request is answered, unless it is to be kept.
    pub(crate) fn switch_to(&self, id: SlotId, keep: bool) {
        let left = {
            let mut slots = self.lock();
            let Some(request) = slots.get(id).map(|slot| slot.request.clone()) else {
                return;
            };
            let before = slots.current.replace(id);
            self.host.switched(&request.model);
            match before {
                Some(before) if before != id && !keep => slots.remove(before),
                _ => None,
            }
        };
        self.idle.notify_one();
        self.tell_change();
        end(left);
    }

    /// Takes a model out of memory; the current one rests, another one is forgotten. Gives its name and whether it was
    /// loaded; `None` where it is not held.
    pub(crate) fn unload(&self, asked: &str) -> Option<(String, bool)> {
        let left = {
            let mut slots = self.lock();
            let id = self.held(&slots, asked)?;
            if slots.current == Some(id) {
                let slot = slots.get_mut(id)?;
                let name = slot.name().to_owned();
                let before = if slot.is_ready() {
                    Some(std::mem::replace(&mut slot.state, State::Resting))
                } else {
                    None
                };
                (name, before)
            } else {
                let slot = slots.remove(id)?;
                let name = slot.name().to_owned();
                (
                    name,
                    Some(slot.state).filter(|state| matches!(state, State::Ready(_))),
                )
            }
        };
        let (name, state) = left;
        let was_loaded = state.is_some();
        self.tell_change();
        end_state(state);
        Some((name, was_loaded))
    }

    /// What is held of the model with this very name or folder, and whether it is the current one.
    pub(crate) fn state_of(&self, asked: &str) -> (ModelState, bool) {
        let slots = self.lock();
        let mut held = slots.list.iter();
        let slot = held.find(|slot| slot.request.model == asked || slot.name().eq_ignore_ascii_case(asked));
        slot.map_or((ModelState::Unloaded, false), |slot| {
            let current = Some(slot.id) == slots.current;
            (slot.told(current).state, current)
        })
    }

    /// Ends every engine, waiting for batches under way. Gives whether a load was still going on, which ends with the
    /// process.
    pub(crate) fn close(&self) -> bool {
        let slots = std::mem::take(&mut self.lock().list);
        let mut is_loading = false;
        for slot in slots {
            match slot.state {
                State::Ready(engine) => room::close(engine),
                State::Loading(_) => is_loading = true,
                State::Resting | State::Failed(..) => {}
            }
        }
        is_loading
    }
}

/// Ends what a slot held, away from the callers: closing a large session takes its time.
fn end(slot: Option<Slot>) {
    end_state(slot.map(|slot| slot.state));
}

fn end_state(state: Option<State>) {
    if let Some(State::Ready(engine)) = state {
        // The engine's thread closes the session when the last lease is dropped; nobody waits for it.
        drop(engine);
    }
}

/// A load on its thread.
struct Job {
    models: Weak<Models>,
    id: SlotId,
    steps: broadcast::Sender<StageEvent>,
    end: watch::Sender<Option<Result<(), Arc<ModelFailure>>>>,
    previous: Option<SlotId>,
}

impl Job {
    fn run(self, options: &LoadOptions) {
        let observer = |event: StageEvent| {
            if let Some(models) = self.models.upgrade() {
                models.step(self.id, &event);
            }
            // Nobody may be listening.
            let _ = self.steps.send(event);
        };
        let outcome = okibi_engine::load(options, &observer);
        let Some(models) = self.models.upgrade() else {
            return;
        };
        let told = match outcome {
            Ok(engine) => {
                models.serve_with(self.id, engine);
                Ok(())
            }
            Err(error) => {
                let failure = Arc::new(models.failure(&error));
                models.failed(self.id, self.previous, Arc::clone(&failure));
                Err(failure)
            }
        };
        self.end.send_replace(Some(told));
    }
}

impl Models {
    /// A failed load as it is told.
    fn failure(&self, error: &LoadError) -> ModelFailure {
        ModelFailure::new(error, self.host.load_failed(error))
    }
}
