//! A commit's folder of links to the blobs, and what says which commit a branch is at.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{error::ModelError, space};

/// Says that a snapshot is not whole.
const MARKER: &str = ".incomplete";

/// A snapshot that is being put together.
pub(super) struct Linking<'a> {
    snapshot: &'a Path,
}

impl<'a> Linking<'a> {
    /// Begins: until [`Linking::end`], the snapshot does not count as complete.
    pub(super) fn begin(snapshot: &'a Path) -> Result<Self, ModelError> {
        fs::create_dir_all(snapshot).map_err(|cause| space::unwritable(snapshot, 0, cause))?;
        let marker = snapshot.join(MARKER);
        fs::write(&marker, "").map_err(|cause| space::unwritable(&marker, 0, cause))?;
        Ok(Self { snapshot })
    }

    /// Links a file to its blob, which lies in the folder `blobs` beside `snapshots`.
    pub(super) fn link(&self, name: &str, blob: &Path) -> Result<(), ModelError> {
        let path = self.snapshot.join(name);
        let write = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            clear(&path)?;
            // The way up: from the file's folder to the commit's, to `snapshots`, to the repository's.
            let mut target: PathBuf = name.split('/').map(|_| "..").collect();
            target.extend(["..", "blobs"]);
            target.push(blob.file_name().unwrap_or_default());
            // On Windows links want a privilege that few have, and Wine says that it has made one when it has not.
            let linked = platform::symlink(&target, &path).and_then(|()| fs::metadata(&path));
            if linked.is_ok() {
                return Ok(());
            }
            clear(&path)?;
            fs::hard_link(blob, &path).or_else(|_| fs::copy(blob, &path).map(drop))
        };
        write()
            .map_err(|cause| space::unwritable(&path, fs::metadata(blob).map_or(0, |file| file.len()), cause))
    }

    /// Ends: the snapshot is whole.
    pub(super) fn end(self) -> Result<(), ModelError> {
        let marker = self.snapshot.join(MARKER);
        fs::remove_file(&marker).map_err(|cause| space::unwritable(&marker, 0, cause))
    }
}

/// Makes room for a file: what was there is gone.
fn clear(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}

/// Writes down which commit a revision is at.
pub(super) fn write_ref(repository: &Path, revision: &str, commit: &str) -> Result<(), ModelError> {
    let path = repository.join("refs").join(revision);
    okibi_files::write_atomically(&path, commit.as_bytes())
        .map_err(|cause| space::unwritable(&path, 0, cause))
}

#[cfg(unix)]
mod platform {
    pub(super) use std::os::unix::fs::symlink;
}

#[cfg(windows)]
mod platform {
    pub(super) use std::os::windows::fs::symlink_file as symlink;
}
