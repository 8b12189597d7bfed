//! Locks in the hub's cache, which hold across all processes of this machine.
//!
//! ```text
//! .locks/models--OWNER--NAME/fetch.lock   Okibi's: one fetch of the repository, from its list of files to the last link
//! .locks/models--OWNER--NAME/HASH.lock    every tool's: one writer of blobs/HASH.incomplete
//! ```
//!
//! The second kind is the one that huggingface_hub and hf-hub take, so that a download in Python and one of ours never write
//! the same file at the same time. The order is always first the fetch's lock and then one blob's, and a thread holds at
//! most one blob's, so that nobody waits in a circle. The system takes a lock back from a process that dies.
//!
//! The files stay when a repository is deleted: a process that waits for a lock has its file open, and a new file of the
//! same name would be another lock.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use crate::{
    error::ModelError,
    library::{Hub, folder_name},
    space,
};

/// A lock, held until it is dropped.
pub(crate) struct CacheLock {
    /// `None` where the file system knows no locks.
    _file: Option<File>,
    /// Whether another process or thread had it before.
    pub(crate) has_waited: bool,
}

/// The locks of one repository.
pub(crate) struct RepositoryLocks {
    folder: PathBuf,
}

impl RepositoryLocks {
    /// Returns the locks of a repository. Takes none yet.
    pub(crate) fn of(hub: &Hub, repository: &str) -> Self {
        Self {
            folder: hub.cache.join(".locks").join(folder_name(repository)),
        }
    }

    /// Takes the lock of a fetch, calling `wait` between tries while another one has it.
    ///
    /// Errors: [`ModelError::CacheUnwritable`], and those of `wait`.
    pub(crate) fn fetch(
        &self,
        wait: impl FnMut() -> Result<(), ModelError>,
    ) -> Result<CacheLock, ModelError> {
        self.take("fetch.lock", wait)
    }

    /// Takes the lock of the blob `hash`, as [`fetch`](Self::fetch) does.
    ///
    /// Errors: as [`fetch`](Self::fetch).
    pub(crate) fn blob(
        &self,
        hash: &str,
        wait: impl FnMut() -> Result<(), ModelError>,
    ) -> Result<CacheLock, ModelError> {
        self.take(&format!("{hash}.lock"), wait)
    }

    /// Takes every lock of the repository; `None` where somebody has one of them, and so is writing there.
    ///
    /// Errors: [`ModelError::CacheUnwritable`].
    pub(crate) fn all(&self) -> Result<Option<Vec<CacheLock>>, ModelError> {
        // With the fetch's lock first, none of our own fetches can begin meanwhile.
        let Some(fetch) = self.attempt("fetch.lock")? else {
            return Ok(None);
        };
        let mut locks = vec![fetch];
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "fetch.lock" || !name.ends_with(".lock") {
                continue;
            }
            match self.attempt(&name)? {
                Some(lock) => locks.push(lock),
                None => return Ok(None),
            }
        }
        Ok(Some(locks))
    }

    fn take(
        &self,
        name: &str,
        mut wait: impl FnMut() -> Result<(), ModelError>,
    ) -> Result<CacheLock, ModelError> {
        let mut has_waited = false;
        loop {
            if let Some(lock) = self.attempt(name)? {
                return Ok(CacheLock { has_waited, ..lock });
            }
            has_waited = true;
            // The system has no wait for a lock that can be given up, so it is looked at again and again.
            wait()?;
        }
    }

    fn attempt(&self, name: &str) -> Result<Option<CacheLock>, ModelError> {
        let path = self.folder.join(name);
        let file = self
            .open(&path)
            .map_err(|cause| space::unwritable(&path, 0, cause))?;
        let file = match file.try_lock() {
            Ok(()) => Some(file),
            Err(TryLockError::WouldBlock) => return Ok(None),
            // Some network folders know no locks. What two fetches at once write is verified all the same.
            Err(TryLockError::Error(cause)) => {
                tracing::warn!(%cause, path = %path.display(), "the model cache cannot be locked");
                None
            }
        };
        Ok(Some(CacheLock {
            _file: file,
            has_waited: false,
        }))
    }

    fn open(&self, path: &Path) -> std::io::Result<File> {
        fs::create_dir_all(&self.folder)?;
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
    }
}
