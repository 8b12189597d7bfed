//! Has models loaded: the threads, files and sentences around the state machine in `slots`.
//!
//! Every load goes the same way, the daemon's first one too: `begin` changes the slots, then `perform` starts a thread
//! for each load that the change asks for. The thread reports each step and, at its end, settles the slot; a thread that
//! panics settles it too. Nothing but `slots` decides, and no lock is held while anything else is done.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use okibi_engine::{Admission, Engine, LoadError, LoadOptions, Meter, Observer, canary};
use okibi_models::{Library, ModelError};
use okibi_protocol::{
    model_ref::ModelRef,
    stage::{StageEvent, StageState},
};
use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::{Notify, Semaphore, watch},
    time::timeout_at,
};
use tokio_util::sync::CancellationToken;

use crate::{
    failure::ModelFailure,
    models::{
        admission::{DEFAULT_KEEP_MODELS, Demand, free_memory},
        lease::Lease,
        load::Load,
        request::{LoadRequest, Purpose, SlotId},
        slot::{Effects, Loaded},
        slots::Slots,
    },
    options::{Host, KeepAlive, ModelOptions},
};

/// How long the end of a daemon waits for the users of a model: those of connections that were cut are about to end.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Models that are fetched at the same time.
pub(crate) const MAX_PULLS: usize = 4;

/// Loads a model; the engine's function, and another one in tests.
type Loader = fn(&LoadOptions, Observer<'_>) -> Result<Engine, LoadError>;

/// The models of a daemon.
pub(crate) struct Models {
    pub(super) library: Library,
    keep_alive: Option<KeepAlive>,
    keep_models: usize,
    max_bytes: Option<u64>,
    pub(super) load_on_demand: bool,
    /// Further names of the current model.
    pub(super) model_names: Vec<String>,
    /// How models are loaded; its model is the daemon's first.
    pub(super) load: LoadOptions,
    loader: Loader,
    pub(super) host: Arc<dyn Host>,
    meter: Arc<dyn Meter>,
    pub(super) runtime: Handle,
    /// Taken for each request, so never held during I/O.
    pub(super) slots: Mutex<Slots<Engine>>,
    /// Held while the host is notified of the current model, so that its last notice names the current one.
    announcing: Mutex<()>,
    /// Notified when something about the models changes.
    changed: watch::Sender<()>,
    /// Cancelled when the daemon is to end.
    pub(super) stop: CancellationToken,
    /// A permit for each download that may go on.
    pub(super) pulls: Arc<Semaphore>,
    /// Notified when the time at which a model is to be unloaded may have changed.
    idle: Arc<Notify>,
}

impl Models {
    /// Has to be called on a runtime.
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
            // A folder that the daemon was started with is listed and known by its name like one of the settings.
            library: library.with_model(&load.model),
            keep_alive,
            keep_models: keep_models.unwrap_or(DEFAULT_KEEP_MODELS).max(1),
            max_bytes,
            load_on_demand,
            model_names,
            load,
            loader: okibi_engine::load,
            host,
            meter,
            runtime: Handle::current(),
            slots: Mutex::default(),
            announcing: Mutex::default(),
            changed,
            stop,
            pulls: Arc::new(Semaphore::new(MAX_PULLS)),
            idle: Arc::default(),
        })
    }

    /// Begins to load the model that the daemon was started with.
    pub(crate) fn begin_first(self: &Arc<Self>) -> Load {
        let request = LoadRequest {
            model: self.load.model.clone(),
            variant: self.load.variant,
        };
        let switch = Purpose::Switch {
            replace: false,
            keep: false,
        };
        self.begin(&request, switch)
    }

    /// Has a model loaded, or joins the load that goes on.
    pub(crate) fn begin(self: &Arc<Self>, request: &LoadRequest, purpose: Purpose) -> Load {
        let (load, effects) = self.slots.lock().begin(request, purpose, Instant::now());
        self.perform(effects);
        load
    }

    /// Joins or begins the load of the model that a request names, or of the current one; `None` where it is not held.
    pub(super) fn join(self: &Arc<Self>, asked: Option<&ModelRef>) -> Option<Load> {
        let now = Instant::now();
        let (load, effects) = self.slots.lock().lease(asked, &self.model_names, now)?;
        // A request that finds its model ready changes nothing, and nobody has to be woken for it.
        if !effects.start.is_empty() {
            self.perform(effects);
        }
        Some(load)
    }

    /// Takes a model out of memory. Gives its name and whether it was loaded; `None` where it is not held.
    pub(super) fn unload(self: &Arc<Self>, asked: &ModelRef) -> Option<(String, bool)> {
        let now = Instant::now();
        let unloaded = self.slots.lock().unload(asked, &self.model_names, now)?;
        self.perform(unloaded.effects);
        Some((unloaded.name, unloaded.was_loaded))
    }

    /// Does what a transition has left to do.
    fn perform(self: &Arc<Self>, effects: Effects<Engine>) {
        let Effects {
            start,
            retired,
            loaded: _,
        } = effects;
        // An engine closes its session on its own thread when the last lease is gone; nobody waits for that here.
        drop(retired);
        for (id, request) in start {
            self.spawn(id, request);
        }
        self.idle.notify_one();
        self.changed.send_replace(());
    }

    /// Starts the thread of a load. Nobody joins it: it settles its slot, and a daemon that ends during a load ends the
    /// process.
    fn spawn(self: &Arc<Self>, id: SlotId, request: LoadRequest) {
        let job = Job {
            models: Arc::downgrade(self),
            id,
            is_settled: false,
        };
        let admission = {
            let models = Arc::downgrade(self);
            Admission::new(move |weight_bytes| match models.upgrade() {
                Some(models) => models.make_room(id, weight_bytes),
                None => Ok(()),
            })
        };
        let options = LoadOptions {
            model: request.model,
            variant: request.variant,
            admission: Some(admission),
            ..self.load.clone()
        };
        let loader = self.loader;
        let spawned = std::thread::Builder::new()
            .name("okibi-load".into())
            .spawn(move || job.run(loader, &options));
        if let Err(error) = spawned {
            // The job was dropped with the closure, which settled the slot.
            tracing::error!(%error, "no thread could be started");
        }
    }

    /// A step of a load.
    fn step(&self, id: SlotId, event: &StageEvent) {
        let elapsed_ms = event.elapsed_ms.0;
        match event.state {
            StageState::Advanced => tracing::debug!(stage = event.stage.name(), elapsed_ms, "advanced"),
            state => tracing::info!(stage = event.stage.name(), ?state, elapsed_ms, "stage"),
        }
        self.slots.lock().step(id, event);
        self.changed.send_replace(());
    }

    /// A load has ended. Gives a lease of the model for the comparison with its last load.
    fn settle(
        self: &Arc<Self>,
        id: SlotId,
        outcome: Result<Loaded<Engine>, Arc<ModelFailure>>,
    ) -> Option<Lease> {
        let mut effects = self.slots.lock().settle(id, outcome, Instant::now());
        let loaded = effects.loaded.take();
        self.perform(effects);
        loaded
    }

    /// What has been loaded, ready for its slot.
    fn loaded(&self, engine: Engine) -> Loaded<Engine> {
        engine.set_meter(Arc::clone(&self.meter));
        let info = engine.info().clone();
        okibi_models::mark_used(&info.name, &self.library);
        let warning = info.missed_device.map(|asked| self.host.device_missing(asked));
        Loaded {
            engine: Arc::new(engine),
            info: Arc::new(info),
            warning,
        }
    }

    /// A failed load as it is reported.
    pub(super) fn failure(&self, error: LoadError) -> ModelFailure {
        let message = self.host.load_failed(&error);
        ModelFailure::new(error, message)
    }

    /// An error of the files as it is reported.
    pub(super) fn model_failure(&self, error: ModelError) -> ModelFailure {
        self.failure(LoadError::from(error))
    }

    /// Compares what a model gives with what it gave at its last load, and warns where it is something else. Blocks;
    /// the model serves meanwhile.
    fn compare_with_last_load(&self, lease: Lease) {
        let request = okibi_engine::EmbedRequest::new(canary::SENTENCES);
        let submitted = lease.prepare(request).and_then(|ready| lease.submit(ready));
        // A model that cannot embed fails its requests, which say so; one that is being unloaded says nothing.
        let Ok(embedded) = submitted.and_then(|pending| self.runtime.block_on(pending.wait())) else {
            return;
        };
        let (id, info) = (lease.id, lease.info().clone());
        drop(lease);
        let folder = &self.load.cache_folder;
        let Some(drift) = canary::check(folder, &info.name, info.space.as_str(), embedded.vectors) else {
            return;
        };
        tracing::warn!(
            model = info.name,
            ?drift,
            "the model's vectors are not those of its last load"
        );
        let warning = self.host.drifted(&info.name, &drift);
        if let Some(slot) = self.slots.lock().get_mut(id) {
            slot.warning = Some(warning);
        }
        self.changed.send_replace(());
    }

    /// Makes room for the weights of the model that loads in `id`: unloads the current model where it is to be replaced,
    /// then those not used for longest. Blocks until their memory is back, which for a busy current model is when its
    /// last request has ended.
    ///
    /// Errors: [`LoadError::NoMemory`]; [`ModelError::Cancelled`] where the load is no longer wanted.
    fn make_room(&self, id: SlotId, weight_bytes: u64) -> Result<(), LoadError> {
        loop {
            // Asked outside of the lock: it reads files.
            let free = free_memory();
            let (demand, evicted) = {
                let mut slots = self.slots.lock();
                if !slots.get(id).is_some_and(|slot| slot.is_loading()) {
                    return Err(ModelError::Cancelled.into());
                }
                let (count, bytes) = slots.in_memory_beside(id);
                let demand = Demand {
                    models: (count + 1, self.keep_models),
                    weights: (bytes + weight_bytes, self.max_bytes),
                    weight_bytes,
                    free,
                };
                if demand.fits() && !slots.must_unload_current_first(id) {
                    return Ok(());
                }
                (demand, slots.evict(id))
            };
            match evicted {
                Some(retired) => {
                    self.changed.send_replace(());
                    retired.close(None);
                }
                None => return demand.admit_alone(),
            }
        }
    }

    /// Tells the host which model is current. Blocks: the host may write a file.
    pub(super) fn announce_current(&self) {
        let _order = self.announcing.lock();
        let current = self.slots.lock().current().map(|slot| slot.request.model.clone());
        if let Some(model) = current {
            self.host.switched(&model);
        }
    }

    /// Unloads models that are idle when their time has come; the next request loads them again. Runs until it is
    /// dropped.
    pub(crate) async fn unload_idle(self: Arc<Self>) {
        loop {
            let changed = self.idle.notified();
            let (retired, next) = self
                .slots
                .lock()
                .unload_idle(Instant::now(), self.keep_alive, &self.idle);
            if !retired.is_empty() {
                drop(retired);
                self.changed.send_replace(());
            }
            match next {
                // Over or woken: both mean to look again.
                Some(next) => drop(timeout_at(next.into(), changed).await),
                None => changed.await,
            }
        }
    }

    /// Has a model that was loaded for requests stay this long after its last one.
    pub(crate) fn set_keep_alive(&self, lease: &Lease, keep_alive: KeepAlive) {
        self.slots.lock().set_keep_alive(lease.id, keep_alive);
        self.idle.notify_one();
    }

    /// How long a model stays in memory where no request said otherwise.
    pub(super) fn keep_alive(&self) -> Option<KeepAlive> {
        self.keep_alive
    }

    /// Ends every engine and waits for that. Says whether a load still goes on, which ends with the process.
    pub(crate) fn close(&self) -> bool {
        let (retired, is_loading) = self.slots.lock().close();
        for engine in retired {
            engine.close(Some(CLOSE_WAIT));
        }
        is_loading
    }
}

/// A load on its thread. Dropping it settles the slot, so that a load that panics, or never begins, answers those who
/// wait for it.
struct Job {
    models: Weak<Models>,
    id: SlotId,
    is_settled: bool,
}

impl Job {
    fn run(mut self, loader: Loader, options: &LoadOptions) {
        let observer = |event: StageEvent| {
            if let Some(models) = self.models.upgrade() {
                models.step(self.id, &event);
            }
        };
        let outcome = loader(options, &observer);
        // Without models there is no slot, and nobody waits.
        let Some(models) = self.models.upgrade() else {
            return;
        };
        let outcome = outcome.map(|engine| models.loaded(engine)).map_err(|error| {
            let failure = models.failure(error);
            tracing::warn!(message = failure.message, "a model was not loaded");
            Arc::new(failure)
        });
        self.is_settled = true;
        if let Some(lease) = models.settle(self.id, outcome) {
            models.compare_with_last_load(lease);
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if !self.is_settled
            && let Some(models) = self.models.upgrade()
        {
            tracing::error!("a load ended unexpectedly");
            models.settle(self.id, Err(Arc::new(ModelFailure::load_died())));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use okibi_engine::Device;
    use okibi_protocol::method::Status;

    use super::*;
    use crate::metrics::Metrics;

    struct Silent;

    impl Host for Silent {
        fn progress(&self, _: &StageEvent) -> String {
            String::new()
        }

        fn load_failed(&self, error: &LoadError) -> String {
            error.to_string()
        }

        fn hangs(&self, _: &str, _: Duration) -> String {
            String::new()
        }

        fn device_missing(&self, _: Device) -> String {
            String::new()
        }

        fn drifted(&self, _: &str, _: &canary::SpaceChange) -> String {
            String::new()
        }

        fn v6_taken(&self, _: u16) -> String {
            String::new()
        }

        fn listening(&self) {}

        fn switched(&self, _: &str) {}

        fn serving(&self, _: &Status) {}
    }

    fn models(loader: Loader) -> Arc<Models> {
        let options = ModelOptions {
            library: Library::default(),
            keep_alive: None,
            keep_models: None,
            max_bytes: None,
            load_on_demand: true,
        };
        let load = LoadOptions {
            model: "a/b".into(),
            ..LoadOptions::default()
        };
        let meter = Metrics::default().meter();
        let (changed, stop) = (watch::Sender::new(()), CancellationToken::new());
        let mut models = Models::new(options, Vec::new(), load, Arc::new(Silent), meter, changed, stop);
        Arc::get_mut(&mut models).expect("nobody else has it yet").loader = loader;
        models
    }

    #[tokio::test]
    async fn a_load_that_panics_answers_those_who_wait_and_can_be_tried_again() {
        static LOADS: AtomicUsize = AtomicUsize::new(0);
        let models = models(|_, _| {
            LOADS.fetch_add(1, SeqCst);
            panic!("as a fault in a library does");
        });
        for round in 1..3 {
            let (one, other) = (models.begin_first(), models.begin_first());
            for load in [one, other] {
                let Err(failure) = load.wait().await else {
                    panic!("there is no model");
                };
                assert_eq!((failure.kind, failure.source.is_none()), ("load_failed", true));
            }
            assert!(!models.has_current());
            assert!(LOADS.load(SeqCst) >= round);
        }
    }

    #[tokio::test]
    async fn a_load_that_fails_says_why() {
        let models = models(|options, _| {
            Err(LoadError::from(ModelError::NotRemovable {
                name: options.model.clone(),
            }))
        });
        let Err(failure) = models.begin_first().wait().await else {
            panic!("there is no model");
        };
        assert!(
            failure.source.is_some() && failure.message.contains("a/b"),
            "{failure:?}"
        );
    }
}
