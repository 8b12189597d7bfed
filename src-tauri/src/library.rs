//! The models of this machine: lists, downloads and deletes them. The only file that calls `okibi-models`, whose calls
//! block: run them on a thread for blocking work.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use okibi_models::{Library, ModelError, OnHub, Source};
use okibi_protocol::models::{ModelEntry, Variant};
use parking_lot::Mutex;

/// Least time between two reports of a download's progress.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// The models on this machine as they were last listed, and the downloads under way. Shared by commands and tray.
#[derive(Debug, Default)]
pub(crate) struct ModelStore {
    entries: Mutex<Vec<ModelEntry>>,
    running: Mutex<HashMap<u64, Arc<AtomicBool>>>,
    /// Models of the hub that the user has looked up and that are not here.
    looked_up: Mutex<Vec<ModelEntry>>,
}

impl ModelStore {
    /// Returns the models as they were last listed.
    pub(crate) fn entries(&self) -> Vec<ModelEntry> {
        self.entries.lock().clone()
    }

    /// Replaces the list. What was looked up stays in it until it is here.
    pub(crate) fn keep(&self, mut entries: Vec<ModelEntry>) -> Vec<ModelEntry> {
        let mut looked_up = self.looked_up.lock();
        looked_up.retain(|found| !entries.iter().any(|entry| entry.repository == found.repository));
        entries.extend(looked_up.iter().cloned());
        self.entries.lock().clone_from(&entries);
        entries
    }

    /// Adds a model that was looked up.
    pub(crate) fn add(&self, found: ModelEntry) {
        let mut entries = self.entries.lock();
        if !entries.iter().any(|entry| entry.repository == found.repository) {
            entries.push(found.clone());
            self.looked_up.lock().push(found);
        }
    }

    /// Registers a download, which is to end when the returned flag turns true.
    pub(crate) fn begin(&self, run: u64) -> Arc<AtomicBool> {
        let cancelled = Arc::new(AtomicBool::new(false));
        self.running.lock().insert(run, cancelled.clone());
        cancelled
    }

    /// Cancels a download.
    pub(crate) fn cancel(&self, run: u64) {
        if let Some(cancelled) = self.running.lock().get(&run) {
            cancelled.store(true, Relaxed);
        }
    }

    /// Cancels all downloads.
    pub(crate) fn cancel_all(&self) {
        for cancelled in self.running.lock().values() {
            cancelled.store(true, Relaxed);
        }
    }

    /// Removes a download that has ended.
    pub(crate) fn end(&self, run: u64) {
        self.running.lock().remove(&run);
    }
}

/// Lists the models that are here, and those that are known.
pub(crate) fn read(library: &Library) -> Vec<ModelEntry> {
    okibi_models::inventory(library)
}

/// Asks the hub for a model that the user has named; nothing where the name leads to a model that is here.
///
/// Errors: those of [`okibi_models::look_up`].
pub(crate) fn look_up(name: &str, variant: Variant, library: &Library) -> Result<Option<OnHub>, ModelError> {
    match okibi_models::resolve(name, variant, library)? {
        Source::Hub(model) => okibi_models::look_up(&model, &library.hub).map(Some),
        Source::Embedded { .. } | Source::Folder { .. } => Ok(None),
    }
}

/// Downloads a model's files, and reports a few times a second how many bytes of how many are here.
///
/// Errors: [`ModelError::Cancelled`] soon after `cancelled` has turned true.
pub(crate) fn fetch(
    model: &str,
    variant: Variant,
    library: &Library,
    on_progress: impl Fn(u64, u64) + Sync,
    cancelled: &AtomicBool,
) -> Result<(), ModelError> {
    let last = Mutex::new(None::<Instant>);
    let on_bytes = |done: u64, total: u64| {
        let mut last = last.lock();
        if done == total || last.is_none_or(|at| at.elapsed() >= REPORT_EVERY) {
            *last = Some(Instant::now());
            on_progress(done, total);
        }
    };
    match okibi_models::resolve(model, variant, library) {
        Ok(Source::Hub(hub)) => {
            okibi_models::fetch(&hub, &library.hub, &on_bytes, &|| cancelled.load(Relaxed)).map(drop)
        }
        // It is on this machine already.
        Ok(Source::Embedded { .. } | Source::Folder { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Deletes a model's files and returns how many bytes that frees.
pub(crate) fn delete(model: &str, library: &Library) -> Result<u64, ModelError> {
    okibi_models::remove(model, library).map(|removed| removed.freed_bytes.0)
}

/// Adds a folder with a model to the list.
pub(crate) fn remember(folder: &str, library: &Library) -> Result<(), ModelError> {
    okibi_models::remember_folder(Path::new(folder), None, library)
}

/// Takes a folder from the list; its files stay.
pub(crate) fn forget(folder: &str, library: &Library) -> Result<(), ModelError> {
    // Whether it was in the list makes no difference to the user.
    okibi_models::forget_folder(Path::new(folder), library).map(drop)
}
