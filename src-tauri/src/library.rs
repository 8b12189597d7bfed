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

use okibi_models::{Library, ModelError, Source};
use okibi_protocol::models::{ModelEntry, Variant};
use parking_lot::Mutex;

/// Least time between two reports of a download's progress.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// The models on this machine as they were last listed, and the downloads under way. Shared by commands and tray.
#[derive(Debug, Default)]
pub(crate) struct ModelStore {
    entries: Mutex<Vec<ModelEntry>>,
    running: Mutex<HashMap<u64, Arc<AtomicBool>>>,
}

impl ModelStore {
    /// Returns the models as they were last listed.
    pub(crate) fn entries(&self) -> Vec<ModelEntry> {
        self.entries.lock().clone()
    }

    /// Replaces the list.
    pub(crate) fn keep(&self, entries: Vec<ModelEntry>) {
        *self.entries.lock() = entries;
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
