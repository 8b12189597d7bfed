//! The JSON-RPC methods about models.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use okibi_engine::LoadError;
use okibi_listener::{Answer, Chunk};
use okibi_models::{ModelError, Source};
use okibi_protocol::{
    jsonrpc::{RpcError, raw_result},
    models::{
        LoadModelParams, ModelDetails, ModelList, ModelStep, PullModelParams, RemovedModel, UnloadedModel,
        Variant,
    },
    stage::{Measure, Stage, StageEvent, StageState, Unit},
    units::{ByteCount, Millis},
};
use tokio::sync::{broadcast::error::RecvError, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    failure::{Failure, ModelFailure},
    models::{Begun, LoadRequest, Models},
};

/// Steps of a load or a download that a slow client may be behind.
const STEPS: usize = 64;

/// At most so often is a download's measure told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// A step, or the error that ends them.
pub(crate) type Step = Result<ModelStep, Failure>;

impl Models {
    /// `list_models`.
    pub(crate) async fn list(self: &Arc<Self>) -> ModelList {
        let library = self.options.library.clone();
        let inventory = tokio::task::spawn_blocking(move || okibi_models::inventory(&library));
        let mut models = inventory.await.unwrap_or_default();
        for entry in &mut models {
            let by = entry.folder.as_deref().unwrap_or(&entry.name);
            let (state, current) = match self.state_of(&entry.name) {
                (okibi_protocol::models::ModelState::Unloaded, _) => self.state_of(by),
                known => known,
            };
            (entry.state, entry.current) = (state, current);
        }
        ModelList { models }
    }

    /// `model_info`.
    pub(crate) async fn details(self: &Arc<Self>, model: String) -> Result<ModelDetails, Failure> {
        self.check_path(&model)?;
        let library = self.options.library.clone();
        let name = model.clone();
        let mut details = self
            .blocking(move || okibi_models::details(&name, &library))
            .await?;
        (details.entry.state, details.entry.current) = self.state_of(&model);
        Ok(details)
    }

    /// `remove_model`. A model that is held is not deleted under the daemon's feet.
    pub(crate) async fn remove(self: &Arc<Self>, model: String) -> Result<RemovedModel, Failure> {
        self.check_path(&model)?;
        let (state, _) = self.state_of(&model);
        if state != okibi_protocol::models::ModelState::Unloaded {
            return Err(Failure::InUse { name: model });
        }
        let library = self.options.library.clone();
        self.blocking(move || okibi_models::remove(&model, &library))
            .await
    }

    /// `unload_model`.
    ///
    /// Errors: [`Failure::UnknownModel`] for one that is not held.
    pub(crate) fn unload_model(&self, model: &str) -> Result<UnloadedModel, Failure> {
        match self.unload(model) {
            Some((model, was_loaded)) => Ok(UnloadedModel { model, was_loaded }),
            None => Err(Failure::UnknownModel {
                asked: model.to_owned(),
                loaded: self.current().map(|info| info.name.clone()).unwrap_or_default(),
            }),
        }
    }

    /// `load_model`: its steps, the last of which says that it answers.
    ///
    /// The load goes on when nobody reads the steps any more.
    pub(crate) async fn load_model(
        self: &Arc<Self>,
        params: LoadModelParams,
    ) -> Result<mpsc::Receiver<Step>, Failure> {
        self.check_path(&params.model)?;
        let began = Instant::now();
        // A name of the list is loaded as the list has it, so that one model is not held twice under two names.
        let listed = self
            .listed(&params.model)
            .await
            .filter(|_| params.variant == Variant::Auto);
        let request = match listed {
            Some(entry) => super::asked::request_for(&entry),
            None => LoadRequest {
                model: params.model.clone(),
                variant: params.variant,
            },
        };
        let begun = self.begin(&request, params.replace)?;
        let (steps, receiver) = mpsc::channel(STEPS);
        let models = Arc::clone(self);
        let work = async move {
            let id = match begun {
                Begun::Ready(id) => id,
                Begun::Loading(load) => {
                    let mut told = load.steps();
                    let end = load.clone().wait();
                    tokio::pin!(end);
                    let outcome = loop {
                        tokio::select! {
                            biased;
                            event = told.recv() => match event {
                                // A client that is slow or gone misses steps.
                                Ok(event) => drop(steps.try_send(Ok(ModelStep::Stage { event }))),
                                Err(RecvError::Lagged(_)) => {}
                                Err(RecvError::Closed) => break end.await,
                            },
                            outcome = &mut end => break outcome,
                        }
                    };
                    if let Err(failure) = outcome {
                        // As above.
                        let _ = steps.send(Err(Failure::Model(failure))).await;
                        return;
                    }
                    load.id
                }
            };
            if params.switch {
                models.switch_to(id, params.keep);
            }
            let step = models.loaded(id, began).ok_or_else(|| {
                // It was unloaded in the same moment.
                Failure::Model(Arc::new(ModelFailure::interrupted()))
            });
            let _ = steps.send(step).await;
        };
        // The load has to be switched to also when the client that asked for it has gone.
        drop(self.runtime.spawn(work));
        Ok(receiver)
    }

    fn loaded(&self, id: super::SlotId, began: Instant) -> Option<ModelStep> {
        let slots = self.lock();
        let info = slots.get(id)?.info.clone()?;
        Some(ModelStep::Loaded {
            model: info.name.clone(),
            dimension: info.dimension,
            space: info.space.to_string(),
            took_ms: Millis::from(began.elapsed()),
            current: slots.current == Some(id),
        })
    }

    /// `pull_model`: its steps, the last of which says where the files are. Ends when nobody reads them any more.
    pub(crate) fn pull(self: &Arc<Self>, params: PullModelParams) -> Result<mpsc::Receiver<Step>, Failure> {
        self.check_path(&params.model)?;
        let library = self.options.library.clone();
        let source = okibi_models::resolve(&params.model, params.variant, &library);
        let model = match source.map_err(|error| self.model_failure(error))? {
            Source::Hub(model) => model,
            Source::Embedded { .. } | Source::Folder { .. } => {
                return Err(Failure::invalid(
                    "model",
                    "the model is on this machine; there is nothing to fetch",
                ));
            }
        };
        let (steps, receiver) = mpsc::channel(STEPS);
        let is_over = Arc::new(AtomicBool::new(false));
        let models = Arc::clone(self);
        let watched = (steps.clone(), Arc::clone(&is_over));
        let ended = CancellationToken::new();
        let at_end = ended.clone().drop_guard();
        let work = move || {
            let _at_end = at_end;
            let began = Instant::now();
            let tell = |state, measure| {
                let elapsed_ms = Millis::from(began.elapsed());
                let event = StageEvent {
                    stage: Stage::Download,
                    state,
                    elapsed_ms,
                    measure,
                };
                // A client that is slow or gone misses steps.
                drop(steps.try_send(Ok(ModelStep::Stage { event })));
            };
            let last = std::sync::Mutex::new(None::<Instant>);
            let on_bytes = |done, total| {
                let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if done < total && last.is_some_and(|at| at.elapsed() < TELL_EVERY) {
                    return;
                }
                *last = Some(Instant::now());
                let measure = Measure {
                    done,
                    total: Some(total),
                    unit: Unit::Bytes,
                };
                tell(StageState::Advanced, Some(measure));
            };
            tell(StageState::Started, None);
            let is_cancelled = || is_over.load(Relaxed) || models.stop.is_cancelled();
            let fetched = okibi_models::fetch(&model, &library.hub, &on_bytes, &is_cancelled);
            let step = match fetched {
                Ok(snapshot) => {
                    tell(StageState::Finished, None);
                    Ok(ModelStep::Pulled {
                        model: model.name.clone(),
                        folder: snapshot.folder.display().to_string(),
                        size_bytes: ByteCount(snapshot.bytes),
                        fetched_bytes: ByteCount(snapshot.fetched_bytes),
                    })
                }
                Err(error) => {
                    tell(StageState::Failed, None);
                    Err(models.model_failure(error))
                }
            };
            drop(steps.blocking_send(step));
        };
        // Ends with the download, or when the client has gone, which ends the download.
        drop(self.runtime.spawn(async move {
            let (steps, is_over) = watched;
            // Whoever reads the steps waits for the last one to let go of them, which may not be this one.
            if ended.run_until_cancelled(steps.closed()).await.is_some() {
                is_over.store(true, Relaxed);
            }
        }));
        drop(self.runtime.spawn_blocking(work));
        Ok(receiver)
    }

    /// A path in a request leads into one of the folders that the user has named, or nowhere.
    fn check_path(&self, model: &str) -> Result<(), Failure> {
        let path = Path::new(model);
        let is_path = path.is_absolute() || model.starts_with(['.', '~']) || model.contains('\\');
        if !is_path || self.load.model == model || self.options.library.is_own(path) {
            return Ok(());
        }
        let message = "the path is none of the user's model folders: `okibi use PATH`, the app's Models page and the \
                       setting `model_folders` add one";
        Err(Failure::invalid("model", message))
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> Result<T, ModelError> + Send + 'static,
    ) -> Result<T, Failure> {
        match tokio::task::spawn_blocking(work).await {
            Ok(outcome) => outcome.map_err(|error| self.model_failure(error)),
            Err(_) => Err(Failure::Model(Arc::new(ModelFailure::interrupted()))),
        }
    }

    fn model_failure(&self, error: ModelError) -> Failure {
        let error = LoadError::from(error);
        Failure::Model(Arc::new(self.failure(&error)))
    }
}

/// Steps as the answer to a call: a stream where the call can have one, else the last step alone.
pub(crate) async fn answer(mut steps: mpsc::Receiver<Step>, may_stream: bool) -> Result<Answer, RpcError> {
    let written = |step: Step| {
        step.map_err(|failure| failure.rpc())
            .and_then(|step| raw_result(&step))
    };
    if may_stream {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(step) = steps.recv().await {
                let is_last = !matches!(step, Ok(ModelStep::Stage { .. }));
                let chunk = match written(step) {
                    Ok(step) if !is_last => Chunk::More(step),
                    last => Chunk::Last(last),
                };
                if sender.send(chunk).await.is_err() {
                    return;
                }
            }
        });
        return Ok(Answer::Stream(receiver));
    }
    let mut last = None;
    while let Some(step) = steps.recv().await {
        last = Some(step);
    }
    let step = last.unwrap_or_else(|| Err(Failure::Model(Arc::new(ModelFailure::interrupted()))));
    written(step).map(|result| Answer::Single(Ok(result)))
}
