//! Loading a model in stages.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, Scope, ScopedJoinHandle},
    time::Instant,
};

use okibi_models::{
    DEFAULT_MODEL, HubModel, Library, ModelError, ModelFiles, Network, Precisions, Snapshot, Source, Wanted,
    describe, describe_with,
};
use okibi_protocol::{
    models::Variant,
    stage::{Measure, Stage, StageEvent, StageState, Unit},
    units::Millis,
};

use crate::{
    device::DevicePreference,
    encoder::{self, Backend, Precision},
    engine::{Engine, ModelInfo},
    error::LoadError,
    memory, proof,
    queue::{Bounds, Queue},
    runtime,
    sequence::Sequence,
    session::{Output, Session},
    space::{self, Contents},
    tokenizer::{Overflow, Tokenizer},
};

/// Padded tokens of a batch, where nothing else is asked for. Larger ones gain nothing on a desktop's CPU (their
/// activations leave its caches) and make a query wait longer.
pub const DEFAULT_BATCH_TOKENS: usize = 512;

/// Texts that may wait, where nothing else is asked for.
pub const DEFAULT_QUEUED_TEXTS: usize = 50_000;

/// Which model to load, and how.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The embedded default, an absolute path of a folder, or a name of the catalog.
    pub model: String,
    /// Where models are.
    pub library: Library,
    /// Which weights of a repository are taken.
    pub variant: Variant,
    /// Folders with ONNX Runtime, in order of precedence.
    pub assets: Vec<PathBuf>,
    /// The ONNX Runtime library; where it is `None`, `assets` is searched for it.
    pub runtime_library: Option<PathBuf>,
    /// The folder of the model metadata cache.
    pub cache_folder: PathBuf,
    /// Threads that compute a batch; all physical cores where it is `None`.
    pub threads: Option<usize>,
    /// Which device computes.
    pub device: DevicePreference,
    /// What computes.
    pub backend: Backend,
    /// Padded tokens of a batch; [`DEFAULT_BATCH_TOKENS`] where it is `None`.
    pub batch_tokens: Option<usize>,
    /// Asked before the weights are opened; every model is admitted where it is `None`.
    pub admission: Option<Admission>,
    /// Texts that may wait; [`DEFAULT_QUEUED_TEXTS`] where it is `None`.
    pub max_queued_texts: Option<usize>,
}

/// Asked before a model is opened whether there is memory for it.
#[derive(Clone)]
pub struct Admission(Arc<Admit>);

/// Gets the bytes of a model's weights; may block until there is room.
type Admit = dyn Fn(u64) -> Result<(), LoadError> + Send + Sync;

impl Admission {
    /// Creates one that asks `admit`.
    pub fn new(admit: impl Fn(u64) -> Result<(), LoadError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(admit))
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Admission")
    }
}

/// Receives each step of a load; called from several threads.
pub type Observer<'a> = &'a (dyn Fn(StageEvent) + Sync);

/// Loads a model and runs it once, reporting every step to `observer`. Blocks; cancel by ending the process.
///
/// Errors: [`LoadError`]; the stage that failed has been reported as failed.
pub fn load(options: &LoadOptions, observer: Observer<'_>) -> Result<Engine, LoadError> {
    let files = find_files(options, observer)?;
    if let Some(Admission(admit)) = &options.admission {
        admit(space::weight_bytes(&files))?;
    }
    let threads = options.threads.unwrap_or_else(default_threads);
    // What only a network of our own is asked for.
    let known = Precisions::read(&options.library.precisions_file);
    let precision = match files.pipeline.network {
        Network::Encoder => {
            encoder::precision(options.variant).or_else(|| known.of(&files).map(proof::precision))
        }
        Network::Graph | Network::Table => Some(Precision::F32),
    };
    let Parts {
        tokenizer,
        session,
        contents,
    } = open(options, &files, threads, precision, observer)?;
    let (session, (dimension, token_dimension)) = staged(Stage::Warmup, observer, |_| {
        let mut session = match precision {
            Some(_) => session,
            None => session.settle_precision(&files, &tokenizer, threads, known, &options.cache_folder)?,
        };
        let lengths = warm_up(&tokenizer, &mut session)?;
        Ok((session, lengths))
    })?;
    contents.check_unchanged()?;
    memory::return_unused();
    let info = ModelInfo {
        space: contents.space(
            &files,
            session.output(),
            session.precision(),
            tokenizer.is_adjusted(),
            dimension,
        ),
        weight_bytes: contents.weight_bytes,
        digest: contents.digest(),
        modified: contents.modified,
        name: files.name,
        dimension,
        token_dimension,
        max_tokens: tokenizer.max_tokens(),
        prompts: files.prompts,
        pooling: files.pipeline.pooling,
        architecture: files.architecture,
        threads,
        device: session.device(),
        missed_device: options.device.missed(session.device()),
    };
    let bounds = Bounds {
        batch_tokens: options.batch_tokens.unwrap_or(DEFAULT_BATCH_TOKENS),
        texts: options.max_queued_texts.unwrap_or(DEFAULT_QUEUED_TEXTS),
    };
    let queue = Queue::start(session, bounds)?;
    Ok(Engine {
        info,
        tokenizer,
        queue,
    })
}

/// What a model consists of once its files are open.
struct Parts {
    tokenizer: Tokenizer,
    session: Session,
    contents: Contents,
}

/// Opens a model's files, the slow ones at the same time: the tokenizer takes longest and depends on nothing, so it is read
/// while the runtime and the session open. Where no `precision` is known, the exact one is opened.
fn open(
    options: &LoadOptions,
    files: &ModelFiles,
    threads: usize,
    precision: Option<Precision>,
    observer: Observer<'_>,
) -> Result<Parts, LoadError> {
    thread::scope(|scope| {
        let contents = spawn(scope, || Contents::read(files, &options.cache_folder))?;
        let tokenizer = spawn(scope, || {
            staged(Stage::Tokenizer, observer, |_| {
                Tokenizer::load(files, &options.cache_folder)
            })
        })?;
        let session = match files.pipeline.network {
            Network::Graph => staged(Stage::Runtime, observer, |_| {
                runtime::open(&runtime::find(
                    options.runtime_library.as_deref(),
                    &options.assets,
                )?)
            })
            .and_then(|environment| {
                staged(Stage::Model, observer, |_| {
                    Session::of_graph(&environment, files, threads, options.device)
                })
            }),
            Network::Encoder | Network::Table => staged(Stage::Model, observer, |_| {
                Session::of_weights(
                    files,
                    threads,
                    precision.unwrap_or(Precision::F32),
                    &options.cache_folder,
                )
            }),
        };
        // Some broken files make the tokenizer library panic.
        let tokenizer = tokenizer.join().unwrap_or_else(|_| {
            let source = "the tokenizer library panicked".into();
            Err(LoadError::Tokenizer {
                path: files.tokenizer.clone(),
                source,
            })
        });
        let contents = contents
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Both outcomes stand before either is looked at, so that no stage is left begun.
        Ok(Parts {
            tokenizer: tokenizer?,
            session: session?,
            contents: contents?,
        })
    })
}

/// Starts a thread of `scope`. [`Scope::spawn`] would panic where the system starts none.
fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, ModelError> {
    let spawned = thread::Builder::new().spawn_scoped(scope, work);
    spawned.map_err(|source| ModelError::Thread { source })
}

/// Finds the model's files, which are fetched where they are not on this machine.
fn find_files(options: &LoadOptions, observer: Observer<'_>) -> Result<ModelFiles, LoadError> {
    let hub = &options.library.hub;
    let wanted = options.backend.wanted(options.device);
    let found = staged(Stage::Resolve, observer, |_| {
        let source = okibi_models::resolve(&options.model, options.variant, &options.library)?;
        Ok(match source {
            Source::Embedded { folder } => Ok(described(DEFAULT_MODEL, &folder, wanted)?),
            Source::Folder {
                name,
                folder,
                model_file,
            } => {
                let file = model_file.as_deref().map(|file| [Wanted::File(file)]);
                Ok(described(
                    &name,
                    &folder,
                    file.as_ref().map_or(wanted, |file| file.as_slice()),
                )?)
            }
            Source::Hub(model) => {
                let model = match wanted {
                    [Wanted::Onnx, ..] => model.by_onnx(),
                    _ => model,
                };
                match okibi_models::find_here(&model, hub)? {
                    Some(snapshot) => Ok(of_snapshot(&model, &snapshot)?),
                    None => Err(model),
                }
            }
        })
    })?;
    let model = match found {
        Ok(files) => return Ok(files),
        Err(model) => model,
    };
    staged(Stage::Download, observer, |advance| {
        let on_bytes = |done, total| {
            advance(Measure {
                done,
                total: Some(total),
                unit: Unit::Bytes,
            });
        };
        let snapshot = okibi_models::fetch(&model, hub, &on_bytes, &|| false)?;
        of_snapshot(&model, &snapshot)
    })
}

/// Describes the model of a folder by the first of `wanted` that it has, and that can be computed: one of a network that Okibi
/// computes, but not with everything that this model's configuration says, is taken from an ONNX export where there is one.
///
/// Errors: those of the first.
fn described(name: &str, folder: &Path, wanted: &[Wanted<'_>]) -> Result<ModelFiles, LoadError> {
    let describe = |wanted: &Wanted<'_>| -> Result<ModelFiles, LoadError> {
        let files = describe_with(name, folder, *wanted, None)?;
        encoder::check(&files)?;
        Ok(files)
    };
    let (first, others) = wanted.split_first().unwrap_or((&Wanted::Best, &[]));
    describe(first).or_else(|refused| {
        others
            .iter()
            .find_map(|wanted| describe(wanted).ok())
            .ok_or(refused)
    })
}

fn of_snapshot(model: &HubModel, snapshot: &Snapshot) -> Result<ModelFiles, LoadError> {
    let file = Some(snapshot.model_file.as_str());
    Ok(describe(&model.name, &snapshot.folder, file, model.known)?)
}

/// Embeds one short text, so that the first query does not pay for what a session puts off until its first run.
/// Returns the length of a vector, and that of a token's where the model gives such vectors.
fn warm_up(tokenizer: &Tokenizer, session: &mut Session) -> Result<(usize, Option<usize>), LoadError> {
    let tokens = tokenizer
        .encode(&["warm-up".into()], None, Overflow::Truncate)
        .map_err(|error| LoadError::WarmUp { source: error.into() })?;
    let texts: Vec<Sequence> = tokens
        .into_iter()
        .flat_map(|text| text.windows)
        .map(Sequence::from)
        .collect();
    let mut run = |output| session.run(&[(&texts[0], output)]);
    let vectors = run(Output::Text).map_err(|source| LoadError::WarmUp { source })?;
    let of_tokens = run(Output::Tokens).ok();
    let token_dimension = of_tokens.map(|vectors| vectors[0].len() / texts[0].ids.len().max(1));
    Ok((vectors[0].len(), token_dimension))
}

/// Runs one stage and reports its start and its end, with the time it took.
fn staged<T>(
    stage: Stage,
    observer: Observer<'_>,
    work: impl FnOnce(&(dyn Fn(Measure) + Sync)) -> Result<T, LoadError>,
) -> Result<T, LoadError> {
    let began = Instant::now();
    let report = |state, measure| {
        observer(StageEvent {
            stage,
            state,
            elapsed_ms: Millis::from(began.elapsed()),
            measure,
        });
    };
    report(StageState::Started, None);
    let outcome = work(&|measure| report(StageState::Advanced, Some(measure)));
    report(
        if outcome.is_ok() {
            StageState::Finished
        } else {
            StageState::Failed
        },
        None,
    );
    outcome
}

/// Physical cores, or fewer where the process may not use them all.
fn default_threads() -> usize {
    let usable = std::thread::available_parallelism().map_or(1, usize::from);
    num_cpus::get_physical().clamp(1, usable)
}
