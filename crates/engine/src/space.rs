//! Which space a model's vectors are in, so that an app sees whether new vectors belong to its index.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use okibi_models::{ModelError, ModelFiles, Prompts, store};

/// Hexadecimal digits of an id: 64 bits, so that two spaces of one user never meet.
const DIGITS: usize = 16;

/// File of the cache folder with the hashes of files.
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
    /// Of each file with weights, the ONNX file first.
    weights: Vec<blake3::Hash>,
    tokenizer: blake3::Hash,
    pub(crate) weight_bytes: u64,
    /// When the ONNX file was last changed.
    pub(crate) modified: Option<SystemTime>,
}

impl Contents {
    /// Reads the files of a model, or takes the hashes of the last time where size and time of a file are still the same.
    ///
    /// Errors: [`ModelError::Unreadable`].
    pub(crate) fn read(files: &ModelFiles, cache_folder: &Path) -> Result<Self, ModelError> {
        let mut digests = Digests::open(cache_folder);
        let mut weights = Vec::new();
        let mut weight_bytes = 0;
        for path in &files.weights {
            let (hash, bytes) = digests.of(path)?;
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

    /// Returns a hash of weights and tokenizer, 64 hexadecimal digits.
    pub(crate) fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for hash in self.weights.iter().chain([&self.tokenizer]) {
            hasher.update(hash.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Returns the space of the model's whole vectors, of unit length.
    pub(crate) fn space(&self, files: &ModelFiles, dimension: usize) -> SpaceId {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.digest().as_bytes());
        // All that goes into a vector, in an order that stays: users keep ids beside their indexes. Padding is left out, since
        // the model does not attend to it.
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

/// Returns the bytes of a model's weights on disk.
pub(crate) fn weight_bytes(files: &ModelFiles) -> u64 {
    let each = files.weights.iter();
    each.filter_map(|path| Some(fs::metadata(path).ok()?.len())).sum()
}

/// A file as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileStamp {
    bytes: u64,
    /// Time of its last change, in nanoseconds since 1970.
    changed: u128,
    hash: String,
}

/// The hashes of files, by path.
struct Digests {
    file: PathBuf,
    stamps: BTreeMap<PathBuf, FileStamp>,
    is_new: bool,
}

impl Digests {
    fn open(folder: &Path) -> Self {
        let file = folder.join(DIGESTS);
        Self {
            stamps: store::read(&file),
            file,
            is_new: false,
        }
    }

    /// Returns the hash and the size of a file. A file of the same size and time as when it was read is not read again: some
    /// have gigabytes.
    fn of(&mut self, path: &Path) -> Result<(blake3::Hash, u64), ModelError> {
        let unreadable = |source| ModelError::Unreadable {
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
            .stamps
            .get(path)
            .filter(|stamp| changed > 0 && (stamp.bytes, stamp.changed) == (metadata.len(), changed));
        if let Some(hash) = known.and_then(|stamp| blake3::Hash::from_hex(&stamp.hash).ok()) {
            return Ok((hash, metadata.len()));
        }
        let mut hasher = blake3::Hasher::new();
        hasher
            .update_reader(File::open(path).map_err(unreadable)?)
            .map_err(unreadable)?;
        let hash = hasher.finalize();
        let stamp = FileStamp {
            bytes: metadata.len(),
            changed,
            hash: hash.to_hex().to_string(),
        };
        self.stamps.insert(path.to_owned(), stamp);
        self.is_new = true;
        Ok((hash, metadata.len()))
    }

    /// Writes new hashes; where that is not possible, they are computed again next time.
    fn keep(&mut self) {
        if !self.is_new || self.file == Path::new(DIGESTS) {
            return;
        }
        self.stamps.retain(|path, _| path.exists());
        if let Err(error) = store::write(&self.file, &self.stamps) {
            tracing::debug!(%error, file = %self.file.display(), "the digests are not kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use okibi_models::describe;

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
    fn every_file_with_weights_is_part_of_the_space_whatever_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
        // ModelProto.graph.initializer.external_data { key: "location", value: "weights.bin" }.
        let field = |number: u8, content: &[u8]| [&[number << 3 | 2, content.len() as u8], content].concat();
        let entry = [field(1, b"location"), field(2, b"weights.bin")].concat();
        write("model.onnx", &field(7, &field(5, &field(13, &entry))));
        write("tokenizer.json", b"{}");
        write("weights.bin", b"one");
        let look = || {
            let files = describe("m", folder.path(), None, None).unwrap();
            let contents = Contents::read(&files, Path::new("")).unwrap();
            assert_eq!(
                contents.weight_bytes,
                weight_bytes(&files),
                "admission counts the same files"
            );
            (contents.space(&files, 4), contents.weight_bytes)
        };
        let (space, bytes) = look();
        write("model.onnx_data", b"another model's, or a leftover");
        assert_eq!(look(), (space.clone(), bytes), "the graph does not name it");
        write("weights.bin", b"three");
        let (changed, more) = look();
        assert_ne!(changed, space);
        assert_eq!(more, bytes + 2);
    }
}
