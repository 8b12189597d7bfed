//! Loading a model in stages.

use std::{path::PathBuf, time::Instant};

use okibi_protocol::{
    stage::{Measure, Stage, StageEvent, StageState, Unit},
    units::Millis,
};

use crate::{
    engine::{Engine, ModelInfo},
    error::{EmbedError, LoadError},
    memory,
    queue::{Bounds, Queue},
    runtime,
    session::{Output, Session},
    source::{self, ModelFiles, Source},
    space::Contents,
    tokenizer::{Overflow, Tokenizer},
};

/// Padded tokens of a batch, where nothing else is asked for. Larger ones gain nothing on a desktop's processor
/// (their activations leave its caches) and make a query wait longer.
pub const DEFAULT_BATCH_TOKENS: usize = 512;

/// Texts that may wait, where nothing else is asked for.
pub const DEFAULT_QUEUED_TEXTS: usize = 50_000;

/// Which model to load, and how.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// The embedded default, an absolute path of a folder, or a name of the catalogue.
    pub model: String,
    /// Folders with the embedded model and ONNX Runtime, the first to be looked at first.
    pub assets: Vec<PathBuf>,
    /// The ONNX Runtime library, where it is not to be looked for.
    pub runtime_library: Option<PathBuf>,
    /// Where downloaded models go.
    pub cache_folder: PathBuf,
    /// Threads that compute a batch; all physical cores where it is `None`.
    pub threads: Option<usize>,
    /// Padded tokens of a batch; [`DEFAULT_BATCH_TOKENS`] where it is `None`.
    pub batch_tokens: Option<usize>,
    /// Texts that may wait; [`DEFAULT_QUEUED_TEXTS`] where it is `None`.
    pub max_queued_texts: Option<usize>,
}

/// Who is told of each step of a load; called from several threads.
pub type Observer<'a> = &'a (dyn Fn(StageEvent) + Sync);

/// Loads a model and runs it once, telling `observer` of every step. Blocks; cancel by ending the process.
///
/// Errors: [`LoadError`]; the stage that failed has been told as failed.
pub fn load(options: &LoadOptions, observer: Observer<'_>) -> Result<Engine, LoadError> {
    let (library, files) = find_files(options, observer)?;
    let threads = options.threads.unwrap_or_else(default_threads);
    // The tokenizer takes longest and needs nobody: it is read while the runtime and the session open.
    let (tokenizer, session, contents) = std::thread::scope(|scope| {
        let contents = scope.spawn(|| Contents::read(&files, &options.cache_folder));
        let tokenizer = scope.spawn(|| staged(Stage::Tokenizer, observer, |_| Tokenizer::load(&files)));
        let session = staged(Stage::Runtime, observer, |_| runtime::open(&library)).and_then(|environment| {
            staged(Stage::Model, observer, |_| {
                Session::open(&environment, &files, threads)
            })
        });
        let tokenizer = tokenizer.join().unwrap_or_else(|_| {
            let source = "the tokenizer library panicked".into();
            Err(LoadError::Tokenizer {
                path: files.tokenizer.clone(),
                source,
            })
        });
        (tokenizer, session, contents.join())
    });
    let (tokenizer, mut session) = (tokenizer?, session?);
    let contents = contents.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let dimension = staged(Stage::Warmup, observer, |_| warm_up(&tokenizer, &mut session))?;
    memory::return_unused();
    let info = ModelInfo {
        space: contents.space(&files, dimension),
        weight_bytes: contents.weight_bytes,
        digest: contents.digest(),
        modified: contents.modified,
        name: files.name,
        dimension,
        max_tokens: tokenizer.max_tokens(),
        prompts: files.prompts,
        pooling: files.pooling,
        threads,
    };
    let bounds = Bounds {
        batch_tokens: options.batch_tokens.unwrap_or(DEFAULT_BATCH_TOKENS),
        texts: options.max_queued_texts.unwrap_or(DEFAULT_QUEUED_TEXTS),
    };
    let queue = Queue::start(session, bounds).map_err(|error| {
        LoadError::WarmUp(EmbedError::Compute {
            reason: format!("no thread could be started: {error}"),
        })
    })?;
    Ok(Engine {
        info,
        tokenizer,
        queue,
    })
}

/// Finds the ONNX Runtime library and the model's files, which are fetched where they are not on this machine.
fn find_files(options: &LoadOptions, observer: Observer<'_>) -> Result<(PathBuf, ModelFiles), LoadError> {
    let (library, found) = staged(Stage::Resolve, observer, |_| {
        let library = runtime::find(options.runtime_library.as_deref(), &options.assets)?;
        let found = match source::resolve(&options.model, &options.assets)? {
            Source::Folder { name, folder } => Ok(source::describe(&name, &folder, None, None)?),
            Source::Hub(entry) => Err(entry),
        };
        Ok((library, found))
    })?;
    let entry = match found {
        Ok(files) => return Ok((library, files)),
        Err(entry) => entry,
    };
    let files = staged(Stage::Download, observer, |advance| {
        let folder = source::fetch(&entry, &options.cache_folder, &|done, total| {
            advance(Measure {
                done,
                total: Some(total),
                unit: Unit::Bytes,
            });
        })?;
        source::describe(
            &entry.repository,
            &folder,
            Some(&entry.model_file),
            Some(entry.pooling),
        )
    })?;
    Ok((library, files))
}

/// Embeds one short text, so that the first query does not pay for what a session puts off until its first run.
/// Returns the length of a vector.
fn warm_up(tokenizer: &Tokenizer, session: &mut Session) -> Result<usize, LoadError> {
    let tokens = tokenizer
        .encode(&["warm-up".into()], None, Overflow::Truncate)
        .map_err(LoadError::WarmUp)?;
    let ids: Vec<(&[u32], Output)> = tokens
        .iter()
        .map(|text| (text.windows[0].as_slice(), Output::Text))
        .collect();
    let vectors = session.run(&ids).map_err(|error| {
        LoadError::WarmUp(EmbedError::Compute {
            reason: error.to_string(),
        })
    })?;
    Ok(vectors[0].len())
}

/// Runs one stage and tells its start and its end, with the time it took.
fn staged<T>(
    stage: Stage,
    observer: Observer<'_>,
    work: impl FnOnce(&(dyn Fn(Measure) + Sync)) -> Result<T, LoadError>,
) -> Result<T, LoadError> {
    let began = Instant::now();
    let tell = |state, measure| {
        observer(StageEvent {
            stage,
            state,
            elapsed_ms: Millis::from(began.elapsed()),
            measure,
        });
    };
    tell(StageState::Started, None);
    let outcome = work(&|measure| tell(StageState::Advanced, Some(measure)));
    tell(
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
