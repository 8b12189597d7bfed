//! The JSON-RPC methods that list, load, unload and delete models.

use std::{path::Path, sync::Arc, time::Instant};

use okibi_models::ModelError;
use okibi_protocol::{
    model_ref::ModelRef,
    models::{
        LoadModelParams, ModelDetails, ModelEntry, ModelList, ModelState, ModelStep, RemovedModel,
        UnloadedModel, Variant,
    },
    units::Millis,
};
use tokio::sync::mpsc;

use crate::{
    blocking::run_blocking,
    failure::Failure,
    models::{
        loading::Models,
        lookup::read_name,
        request::{LoadRequest, Purpose, SlotId},
    },
};

/// Steps of a load or a download that a slow client may be behind.
pub(super) const STEPS: usize = 64;

/// A step, or the error that ends them.
pub(crate) type Step = Result<ModelStep, Failure>;

impl Models {
    /// `list_models`.
    pub(crate) async fn list(self: &Arc<Self>) -> ModelList {
        let mut models = self.inventory().await;
        for entry in &mut models {
            let by = LoadRequest::for_entry(entry).model;
            self.fill_state(entry, &ModelRef::parse(&by));
        }
        ModelList { models }
    }

    /// `model_info`.
    pub(crate) async fn details(self: &Arc<Self>, model: String) -> Result<ModelDetails, Failure> {
        let asked = self.parse(&model).await?;
        let library = self.library.clone();
        let mut details = self
            .run_blocking(move || okibi_models::details(&model, &library))
            .await?;
        self.fill_state(&mut details.entry, &asked);
        Ok(details)
    }

    /// `remove_model`. Refuses to delete a model that is held, so that no load finds half of its files.
    pub(crate) async fn remove(self: &Arc<Self>, model: String) -> Result<RemovedModel, Failure> {
        let asked = self.parse(&model).await?;
        if self.slots.lock().find_by_files(&asked).is_some() {
            return Err(Failure::InUse { name: model });
        }
        let library = self.library.clone();
        self.run_blocking(move || okibi_models::remove(&model, &library))
            .await
    }

    /// `unload_model`.
    ///
    /// Errors: [`Failure::UnknownModel`] for one that is not held.
    pub(crate) fn unload_model(self: &Arc<Self>, model: &str) -> Result<UnloadedModel, Failure> {
        let asked = read_name(model)?;
        match self.unload(&asked) {
            Some((model, was_loaded)) => Ok(UnloadedModel { model, was_loaded }),
            None => Err(self.unknown(&asked)),
        }
    }

    /// `load_model`: its steps, the last of which says that the model is loaded.
    ///
    /// The load goes on when nobody reads the steps any more.
    pub(crate) async fn load_model(
        self: &Arc<Self>,
        params: LoadModelParams,
    ) -> Result<mpsc::Receiver<Step>, Failure> {
        let began = Instant::now();
        let asked = self.parse(&params.model).await?;
        // A name of the list is loaded as the list has it, so that one model is not held twice under two names.
        let listed = match params.variant {
            Variant::Auto => self.listed(&asked).await,
            _ => None,
        };
        let request = match listed {
            Some(entry) => LoadRequest::for_entry(&entry),
            None => LoadRequest {
                model: asked.to_string(),
                variant: params.variant,
            },
        };
        let is_switch = params.switch || params.replace;
        let purpose = if is_switch {
            Purpose::Switch {
                replace: params.replace,
                keep: params.keep,
            }
        } else {
            Purpose::Memory
        };
        let load = self.begin(&request, purpose);
        let (steps, receiver) = mpsc::channel(STEPS);
        let models = Arc::clone(self);
        let work = async move {
            let outcome = load
                // A client that is slow or gone misses steps.
                .follow(|event| drop(steps.try_send(Ok(ModelStep::Stage { event }))))
                .await;
            if outcome.is_ok() && is_switch {
                let models = Arc::clone(&models);
                // A host that panics has logged it.
                let _ = tokio::task::spawn_blocking(move || models.announce_current()).await;
            }
            let step = outcome.map_err(Failure::Model).map(|lease| ModelStep::Loaded {
                model: lease.info().name.clone(),
                dimension: lease.info().dimension,
                space: lease.info().space.to_string(),
                took_ms: Millis::from(began.elapsed()),
                current: models.is_current(lease.id),
            });
            // The client may have gone.
            let _ = steps.send(step).await;
        };
        // The host hears of the switch also when the client has gone, so nobody holds the handle; the task ends with
        // the load.
        drop(self.runtime.spawn(work));
        Ok(receiver)
    }

    fn is_current(&self, id: SlotId) -> bool {
        self.slots.lock().is_current(id)
    }

    /// What is held of the model with these files.
    fn fill_state(&self, entry: &mut ModelEntry, asked: &ModelRef) {
        let slots = self.slots.lock();
        (entry.state, entry.current) = match slots.find_by_files(asked) {
            Some(slot) => (slot.model_state(), slots.is_current(slot.id)),
            None => (ModelState::Unloaded, false),
        };
    }

    /// Reads the name of a model. A path leads into one of the folders that the user has named, or nowhere: who can
    /// connect to the port cannot have the daemon open whatever lies on the disk.
    pub(super) async fn parse(self: &Arc<Self>, model: &str) -> Result<ModelRef, Failure> {
        let asked = read_name(model)?;
        if !asked.is_path || self.load.model == model {
            return Ok(asked);
        }
        let (library, path) = (self.library.clone(), asked.name.clone());
        if self
            .run_blocking(move || Ok(library.is_own(Path::new(&path))))
            .await?
        {
            return Ok(asked);
        }
        let message = "the path is not in one of your model folders: `okibi use PATH`, the app's Models page and the \
                       setting `model_folders` add one";
        Err(Failure::invalid("model", message))
    }

    /// Runs what reads or writes files on a thread that may block.
    pub(super) async fn run_blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> Result<T, ModelError> + Send + 'static,
    ) -> Result<T, Failure> {
        let models = Arc::clone(self);
        run_blocking(move || work().map_err(|error| models.model_failure(error).into())).await
    }
}
