//! One fetch of a repository at a time, across all processes of this machine.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    path::PathBuf,
    time::Duration,
};

use super::watch::Watch;
use crate::{cache::folder_name, error::ModelError, library::Hub, space};

/// How often it is looked whether the other one is ready: the system tells nobody who wants to be able to stop waiting.
const LOOK: Duration = Duration::from_millis(100);

/// Holds the lock until it is dropped; the system takes it back from a process that dies.
pub(super) struct FetchLock {
    _file: Option<File>,
    /// Whether another one had it before.
    pub(super) has_waited: bool,
}

impl FetchLock {
    /// Waits until nobody else fetches the repository; `look` is called while it waits.
    ///
    /// Errors: [`ModelError::CacheUnwritable`], [`ModelError::Cancelled`].
    pub(super) fn take(
        hub: &Hub,
        repository: &str,
        watch: &Watch,
        look: impl Fn(),
    ) -> Result<Self, ModelError> {
        let folder: PathBuf = hub.cache.join(".locks").join(folder_name(repository));
        let path = folder.join("fetch.lock");
        let unwritable = |cause| space::unwritable(&path, 0, cause);
        fs::create_dir_all(&folder).map_err(unwritable)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(unwritable)?;
        let mut has_waited = false;
        loop {
            if watch.is_stopped() {
                return Err(ModelError::Cancelled);
            }
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    has_waited = true;
                    look();
                    watch.wait(LOOK);
                }
                // Some network folders know no locks. What two fetches at once write is verified all the same.
                Err(TryLockError::Error(cause)) => {
                    tracing::warn!(%cause, path = %path.display(), "the model cache cannot be locked");
                    return Ok(Self {
                        _file: None,
                        has_waited,
                    });
                }
            }
        }
        Ok(Self {
            _file: Some(file),
            has_waited,
        })
    }
}
