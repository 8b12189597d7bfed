//! The models of this machine: which there are, and how they are fetched and deleted. The one file that asks
//! `okibi-models`, which blocks: callers are on a thread of their own.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use okibi_messages::{Lang, LoadProblem, Message, chain};
use okibi_models::{Library, ModelError, Source};
use okibi_protocol::models::{ModelEntry, ModelOrigin, Variant};

use crate::models::PullEnd;

/// Least time between two words about a download's bytes.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// What is known of the models on this machine, and the downloads under way. Shared by commands and tray.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    entries: Mutex<Vec<ModelEntry>>,
    running: Mutex<HashMap<u64, Arc<AtomicBool>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shelf {
    /// The models as they were last read.
    pub(crate) fn entries(&self) -> Vec<ModelEntry> {
        lock(&self.entries).clone()
    }

    /// Keeps what was read.
    pub(crate) fn keep(&self, entries: Vec<ModelEntry>) {
        *lock(&self.entries) = entries;
    }

    /// Begins a download, which ends when the answer turns true.
    pub(crate) fn begin(&self, run: u64) -> Arc<AtomicBool> {
        let cancelled = Arc::new(AtomicBool::new(false));
        lock(&self.running).insert(run, cancelled.clone());
        cancelled
    }

    /// Ends a download.
    pub(crate) fn cancel(&self, run: u64) {
        if let Some(cancelled) = lock(&self.running).get(&run) {
            cancelled.store(true, Relaxed);
        }
    }

    /// Ends all downloads.
    pub(crate) fn cancel_all(&self) {
        for cancelled in lock(&self.running).values() {
            cancelled.store(true, Relaxed);
        }
    }

    /// Forgets a download that has ended.
    pub(crate) fn end(&self, run: u64) {
        lock(&self.running).remove(&run);
    }
}

/// The models that are here, and those that are known.
pub(crate) fn read(library: &Library) -> Vec<ModelEntry> {
    okibi_models::inventory(library)
}

/// Fetches a model's files, and tells how many bytes are here of how many, a few times a second.
pub(crate) fn fetch(
    model: &str,
    variant: Variant,
    library: &Library,
    lang: Lang,
    tell: impl Fn(u64, u64) + Sync,
    cancelled: &AtomicBool,
) -> PullEnd {
    let told = Mutex::new(None::<Instant>);
    let on_bytes = |done: u64, total: u64| {
        let mut told = lock(&told);
        if done == total || told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            *told = Some(Instant::now());
            tell(done, total);
        }
    };
    let fetched = match okibi_models::resolve(model, variant, library) {
        Ok(Source::Hub(hub)) => {
            okibi_models::fetch(&hub, &library.hub, &on_bytes, &|| cancelled.load(Relaxed)).map(drop)
        }
        // It is here, wherever it comes from.
        Ok(Source::Embedded { .. } | Source::Folder { .. }) => Ok(()),
        Err(error) => Err(error),
    };
    match fetched {
        Ok(()) => PullEnd::Done,
        Err(ModelError::Cancelled) => PullEnd::Cancelled,
        Err(error) => {
            tracing::warn!(model, error = chain(&error), "a download failed");
            PullEnd::Failed(words(&error, lang))
        }
    }
}

/// Deletes a model's files and says how many bytes are free again. The error is a sentence.
pub(crate) fn delete(model: &str, library: &Library, lang: Lang) -> Result<u64, String> {
    match okibi_models::remove(model, library) {
        Ok(removed) => Ok(removed.freed_bytes.0),
        Err(error) => {
            tracing::warn!(model, error = chain(&error), "a model was not deleted");
            Err(words(&error, lang))
        }
    }
}

/// Remembers a folder with a model. The error is a sentence.
pub(crate) fn remember(folder: &str, library: &Library, lang: Lang) -> Result<(), String> {
    let remembered = okibi_models::remember_folder(Path::new(folder), None, library);
    remembered.map_err(|error| words(&error, lang))
}

/// Forgets a folder with a model; its files stay. The error is a sentence.
pub(crate) fn forget(folder: &str, library: &Library, lang: Lang) -> Result<(), String> {
    let forgotten = okibi_models::forget_folder(Path::new(folder), library);
    forgotten.map(drop).map_err(|error| words(&error, lang))
}

fn words(error: &ModelError, lang: Lang) -> String {
    Message::Load(LoadProblem::from(error)).text(lang)
}

/// What commands and the setting `model` call a model: its name, or its folder's path.
pub(crate) fn value(entry: &ModelEntry) -> String {
    match (&entry.folder, entry.origin) {
        (Some(folder), ModelOrigin::Folder) => folder.clone(),
        _ => entry.name.clone(),
    }
}

/// Whether a folder is one with a model's files, as far as its name tells.
pub(crate) fn is_folder(model: &str) -> bool {
    Path::new(model).is_absolute()
}
