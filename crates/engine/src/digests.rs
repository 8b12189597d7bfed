//! The hashes of models' files, remembered as long as a file is the same.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    time::SystemTime,
};

use okibi_models::{FileStamp, ModelError, store};
use serde::{Deserialize, Serialize};

/// File of the cache folder with the hashes of files.
const DIGESTS: &str = "digests.json";

/// A file as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Digest {
    stamp: FileStamp,
    hash: String,
}

/// The hashes of files, by path.
pub(crate) struct Digests {
    file: PathBuf,
    digests: BTreeMap<PathBuf, Digest>,
    is_new: bool,
    /// When it was opened.
    now: SystemTime,
}

impl Digests {
    pub(crate) fn open(folder: &Path) -> Self {
        Self::open_at(folder, SystemTime::now())
    }

    fn open_at(folder: &Path, now: SystemTime) -> Self {
        let file = folder.join(DIGESTS);
        Self {
            digests: store::read(&file),
            file,
            is_new: false,
            now,
        }
    }

    /// Returns the hash and the size of a file. A file that is unchanged since it was read is not read again: some have
    /// gigabytes. One that was changed just now is not remembered, since a further change might not show.
    pub(crate) fn of(&mut self, path: &Path) -> Result<(blake3::Hash, u64), ModelError> {
        let unreadable = |source| ModelError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            // A pipe can be read only once, and not by us.
            return Ok((blake3::hash(path.as_os_str().as_encoded_bytes()), 0));
        }
        let stamp = FileStamp::of(&metadata).filter(|stamp| stamp.is_settled(self.now));
        let known = self
            .digests
            .get(path)
            .filter(|digest| stamp.as_ref() == Some(&digest.stamp));
        if let Some(hash) = known.and_then(|digest| blake3::Hash::from_hex(&digest.hash).ok()) {
            return Ok((hash, metadata.len()));
        }
        let mut hasher = blake3::Hasher::new();
        hasher
            .update_reader(File::open(path).map_err(unreadable)?)
            .map_err(unreadable)?;
        let hash = hasher.finalize();
        if let Some(stamp) = stamp {
            let hash = hash.to_hex().to_string();
            self.digests.insert(path.to_owned(), Digest { stamp, hash });
            self.is_new = true;
        }
        Ok((hash, metadata.len()))
    }

    /// Writes new hashes; where that is not possible, they are computed again next time.
    pub(crate) fn keep(&mut self) {
        if !self.is_new || self.file == Path::new(DIGESTS) {
            return;
        }
        self.digests.retain(|path, _| path.exists());
        if let Err(error) = store::write(&self.file, &self.digests) {
            tracing::debug!(%error, file = %self.file.display(), "the digests are not kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_changed_file_is_read_again_and_an_unchanged_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.onnx");
        let later = SystemTime::now() + Duration::from_secs(3600);
        let first = |digests: &mut Digests| digests.of(&file).unwrap().0;
        fs::write(&file, b"one").unwrap();
        let mut digests = Digests::open_at(folder.path(), later);
        let one = first(&mut digests);
        digests.keep();
        let mut again = Digests::open_at(folder.path(), later);
        assert_eq!(first(&mut again), one);
        assert!(!again.is_new, "it was remembered");
        fs::write(&file, b"another").unwrap();
        assert_ne!(first(&mut again), one);
    }

    #[test]
    fn a_file_that_was_changed_just_now_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.onnx");
        let mut digests = Digests::open(folder.path());
        for content in [b"one", b"two"] {
            fs::write(&file, content).unwrap();
            assert_eq!(digests.of(&file).unwrap().0, blake3::hash(content));
        }
        assert!(!digests.is_new);
    }

    #[cfg(unix)]
    #[test]
    fn other_contents_of_the_same_size_and_time_have_another_hash() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.onnx");
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let later = SystemTime::now() + Duration::from_secs(3600);
        let mut digests = Digests::open_at(folder.path(), later);
        for content in [b"one", b"two"] {
            fs::write(&file, content).unwrap();
            File::options()
                .write(true)
                .open(&file)
                .unwrap()
                .set_modified(then)
                .unwrap();
            assert_eq!(digests.of(&file).unwrap().0, blake3::hash(content));
        }
    }
}
