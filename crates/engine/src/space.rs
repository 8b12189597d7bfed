//! Which space a model's vectors are in, so that an index of vectors can tell whether new ones belong to it.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use okibi_models::{ModelFiles, Prompts};

use crate::error::LoadError;

/// Hexadecimal digits of an id: 64 bits, so that two spaces of one user never meet.
const DIGITS: usize = 16;

/// File of the cache folder that remembers what files hold, so that a large one is not read twice.
const DIGESTS: &str = "digests.json";

/// The space of a model's vectors: a short hash of weights, tokenizer, pooling, prompts, limit and length.
///
/// Vectors that were cut to fewer values, or are not of unit length, are in spaces of their own; their ids end in
/// `-d128` and `-raw`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpaceId(String);

impl SpaceId {
    /// The space of vectors cut to `keep` of `dimension` values, of unit length or not.
    pub(crate) fn of(&self, keep: usize, dimension: usize, normalize: bool) -> Self {
        let mut id = self.0.clone();
        if keep != dimension {
            id.push_str(&format!("-d{keep}"));
        }
        if !normalize {
            id.push_str("-raw");
        }
        Self(id)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SpaceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What a model's files hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Of the ONNX file and the external data beside it.
    weights: Vec<blake3::Hash>,
    tokenizer: blake3::Hash,
    pub(crate) weight_bytes: u64,
    /// When the ONNX file was last changed.
    pub(crate) modified: Option<SystemTime>,
}

impl Contents {
    /// Reads the files of a model, or remembers what they held when size and time are still the same.
    ///
    /// Errors: [`LoadError::Unreadable`].
    pub(crate) fn read(files: &ModelFiles, cache_folder: &Path) -> Result<Self, LoadError> {
        let mut digests = Digests::open(cache_folder);
        let mut weights = Vec::new();
        let mut weight_bytes = 0;
        for path in weight_files(&files.model) {
            let (hash, bytes) = digests.of(&path)?;
            weights.push(hash);
            weight_bytes += bytes;
        }
        let (tokenizer, _) = digests.of(&files.tokenizer)?;
        digests.keep();
        Ok(Self {
            weights,
            tokenizer,
            weight_bytes,
            modified: fs::metadata(&files.model).and_then(|file| file.modified()).ok(),
        })
    }

    /// A hash of weights and tokenizer, 64 hexadecimal digits.
    pub(crate) fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for hash in self.weights.iter().chain([&self.tokenizer]) {
            hasher.update(hash.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The space of the model's whole vectors, of unit length.
    pub(crate) fn space(&self, files: &ModelFiles, dimension: usize) -> SpaceId {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.digest().as_bytes());
        let Prompts { query, document, .. } = &files.prompts;
        let manner = serde_json::json!([
            files.pooling,
            query,
            document,
            files.max_tokens,
            files.special_tokens,
            dimension
        ]);
        hasher.update(manner.to_string().as_bytes());
        SpaceId(hasher.finalize().to_hex()[..DIGITS].to_owned())
    }
}

/// The ONNX file and the external data that lies beside it under names that begin with its own.
fn weight_files(model: &Path) -> Vec<PathBuf> {
    let mut files = vec![model.to_owned()];
    if let (Some(folder), Some(stem)) = (model.parent(), model.file_stem()) {
        // `model.onnx_data`, `model.data`; not `model_q4.onnx_data`, which is a neighbour's.
        let start = format!("{}.", stem.to_string_lossy());
        let mut data: Vec<PathBuf> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                path != model && name.starts_with(&start) && name.contains("data")
            })
            .collect();
        data.sort();
        files.extend(data);
    }
    files
}

/// Bytes of a model's weights on disk.
pub(crate) fn weight_bytes(files: &ModelFiles) -> u64 {
    let each = weight_files(&files.model).into_iter();
    each.filter_map(|path| Some(fs::metadata(path).ok()?.len())).sum()
}

/// A file as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    bytes: u64,
    /// Time of its last change, in nanoseconds since 1970.
    changed: u128,
    hash: String,
}

/// What is known of files.
struct Digests {
    file: PathBuf,
    seen: BTreeMap<PathBuf, Seen>,
    is_new: bool,
}

impl Digests {
    fn open(folder: &Path) -> Self {
        let file = folder.join(DIGESTS);
        // What cannot be read is computed anew.
        let seen = fs::read(&file)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Self {
            file,
            seen,
            is_new: false,
        }
    }

    /// The hash and the size of a file.
    fn of(&mut self, path: &Path) -> Result<(blake3::Hash, u64), LoadError> {
        let unreadable = |source| LoadError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            // A pipe can be read only once, and not by us.
            return Ok((blake3::hash(path.as_os_str().as_encoded_bytes()), 0));
        }
        let changed = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .map_or(0, |since| since.as_nanos());
        let known = self
            .seen
            .get(path)
            .filter(|seen| changed > 0 && (seen.bytes, seen.changed) == (metadata.len(), changed));
        if let Some(hash) = known.and_then(|seen| blake3::Hash::from_hex(&seen.hash).ok()) {
            return Ok((hash, metadata.len()));
        }
        let mut hasher = blake3::Hasher::new();
        hasher
            .update_reader(File::open(path).map_err(unreadable)?)
            .map_err(unreadable)?;
        let hash = hasher.finalize();
        let seen = Seen {
            bytes: metadata.len(),
            changed,
            hash: hash.to_hex().to_string(),
        };
        self.seen.insert(path.to_owned(), seen);
        self.is_new = true;
        Ok((hash, metadata.len()))
    }

    /// Writes what has been learnt; where that is not possible it is learnt again next time.
    fn keep(&mut self) {
        if !self.is_new || self.file == Path::new(DIGESTS) {
            return;
        }
        self.seen.retain(|path, _| path.exists());
        if let Err(error) = self.write() {
            tracing::debug!(%error, file = %self.file.display(), "the digests are not kept");
        }
    }

    fn write(&self) -> io::Result<()> {
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        // Two daemons may write at the same time; each writes a whole file.
        let aside = self.file.with_extension(format!("{}.tmp", std::process::id()));
        fs::write(&aside, serde_json::to_vec(&self.seen)?)?;
        fs::rename(&aside, &self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_and_raw_vectors_are_in_spaces_of_their_own() {
        let whole = SpaceId("0123456789abcdef".into());
        assert_eq!(whole.of(384, 384, true), whole);
        assert_eq!(whole.of(128, 384, true).as_str(), "0123456789abcdef-d128");
        assert_eq!(whole.of(128, 384, false).as_str(), "0123456789abcdef-d128-raw");
    }

    #[test]
    fn a_changed_file_is_read_again_and_an_unchanged_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.onnx");
        fs::write(&file, b"one").unwrap();
        let first = |digests: &mut Digests| digests.of(&file).unwrap().0;
        let mut digests = Digests::open(folder.path());
        let one = first(&mut digests);
        digests.keep();
        let mut again = Digests::open(folder.path());
        assert_eq!(first(&mut again), one);
        assert!(!again.is_new, "it was remembered");
        fs::write(&file, b"another").unwrap();
        assert_ne!(first(&mut again), one);
    }

    #[test]
    fn external_data_is_part_of_the_weights() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "model.onnx",
            "model.onnx_data",
            "other.onnx_data",
            "model_q4.onnx_data",
            "model_q4.onnx",
        ] {
            fs::write(folder.path().join(name), b"x").unwrap();
        }
        let names: Vec<_> = weight_files(&folder.path().join("model.onnx"))
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["model.onnx", "model.onnx_data"]);
    }
}
