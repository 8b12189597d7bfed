//! Files of weights: opened, checked, and looked at without copying.
//!
//! Only safetensors are read, whole or in shards with an index. Everything that a file says about itself is checked against
//! its real size before it is used, so a file that lies is an error and never memory that is asked for.
//!
//! A mapped file has a danger: the system kills a process that reads a mapped page that is no longer there, and a program
//! that writes over the file would change the vectors of a running daemon without a word. As with the files beside an ONNX
//! file: small weights are read into memory of our own, large ones are mapped and watched ([`Weights::changed_file`], before and
//! after each run). What is left is a file that is cut within a run.

mod assembly;
mod error;
mod header;
mod index;
mod storage;

use std::{
    collections::HashMap,
    fs::File,
    io::Read,
    ops::Range,
    path::{Path, PathBuf},
};

pub use self::assembly::{Parts, assemble};
pub use self::error::WeightsError;
use self::error::{broken, unreadable};
pub(crate) use self::storage::Mapped;
use self::storage::Storage;
use crate::parameters::{Kind, Matrix};

/// Weights of at most this many bytes together are read into memory of our own.
const COPIED_BYTES: u64 = 32 << 20;

/// A file of weights, or several that belong together.
#[derive(Debug)]
pub struct Weights {
    files: Vec<(PathBuf, Storage)>,
    tensors: HashMap<String, Place>,
}

/// Where a tensor is.
#[derive(Clone, Debug)]
struct Place {
    file: usize,
    bytes: Range<usize>,
    shape: Vec<u64>,
    /// As the file says it.
    number_type: String,
}

impl Weights {
    /// Opens a file of safetensors, or all that an index (`….safetensors.index.json`) names.
    ///
    /// Errors: [`WeightsError`], before memory is asked for that the files do not have.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase());
        let name = name.unwrap_or_default();
        let is_pickled = [".bin", ".pt", ".pth", ".ckpt", ".bin.index.json"];
        if is_pickled.iter().any(|end| name.ends_with(end)) {
            return Err(WeightsError::RunsCode {
                path: path.to_owned(),
            });
        }
        if !name.ends_with(".json") {
            let file = open(path)?;
            let is_copied = file.1 <= COPIED_BYTES;
            let mut weights = Self::empty();
            for (name, place) in weights.add(path, file, is_copied)? {
                weights.tensors.insert(name, place);
            }
            return Ok(weights);
        }
        let text = read_small(path)?;
        let shards = index::read(path, &text)?;
        let mut files = Vec::with_capacity(shards.len());
        for shard in shards.keys() {
            let path = path.with_file_name(shard);
            let file = open(&path)?;
            files.push((path, file));
        }
        let is_copied = files.iter().map(|(_, (_, bytes))| bytes).sum::<u64>() <= COPIED_BYTES;
        let mut weights = Self::empty();
        for ((shard, names), (path, file)) in shards.into_iter().zip(files) {
            let mut found = weights.add(&path, file, is_copied)?;
            for name in names {
                let Some(place) = found.remove(&name) else {
                    return Err(broken(
                        &path,
                        format!("the index says that it has the tensor {name}"),
                    ));
                };
                weights.tensors.insert(name, place);
            }
            if let Some(name) = found.into_keys().min() {
                let reason =
                    format!("the shard {shard} has the tensor {name}, which the index does not have there");
                return Err(broken(&path, reason));
            }
        }
        Ok(weights)
    }

    /// Looks at bytes as a file of safetensors, for what has no file.
    ///
    /// Errors: [`WeightsError::Broken`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, WeightsError> {
        let mut weights = Self::empty();
        let tensors = weights.check_in(Path::new("(memory)"), Storage::Copied(bytes, None))?;
        weights.tensors.extend(tensors);
        Ok(weights)
    }

    fn empty() -> Self {
        Self {
            files: Vec::new(),
            tensors: HashMap::new(),
        }
    }

    /// Adds a file, and returns its tensors.
    fn add(
        &mut self,
        path: &Path,
        (file, bytes): (File, u64),
        is_copied: bool,
    ) -> Result<HashMap<String, Place>, WeightsError> {
        let storage = if is_copied {
            Storage::read(file, bytes)
        } else {
            Storage::map(&file)
        };
        let storage = storage.map_err(|source| unreadable(path, source))?;
        self.check_in(path, storage)
    }

    fn check_in(&mut self, path: &Path, storage: Storage) -> Result<HashMap<String, Place>, WeightsError> {
        let entries = header::read(storage.bytes()).map_err(|reason| broken(path, reason))?;
        let file = self.files.len();
        self.files.push((path.to_owned(), storage));
        let place = |entry: header::Entry| Place {
            file,
            bytes: entry.bytes,
            shape: entry.shape,
            number_type: entry.number_type,
        };
        Ok(entries
            .into_iter()
            .map(|(name, entry)| (name, place(entry)))
            .collect())
    }

    /// Returns the names of all tensors, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether there is a tensor of this name.
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Returns a tensor of two dimensions, or one of one dimension as a single row.
    ///
    /// Errors: [`WeightsError::Missing`], [`WeightsError::Shape`], [`WeightsError::NumberType`].
    pub fn matrix(&self, name: &str, shape: &[usize]) -> Result<Matrix<'_>, WeightsError> {
        let missing = || WeightsError::Missing {
            name: name.to_owned(),
        };
        let place = self.tensors.get(name).ok_or_else(missing)?;
        let expected: Vec<u64> = shape.iter().map(|size| *size as u64).collect();
        if place.shape != expected {
            return Err(WeightsError::Shape {
                name: name.to_owned(),
                found: place.shape.clone(),
                expected,
            });
        }
        let kind = match place.number_type.as_str() {
            "F32" => Kind::F32,
            "F16" => Kind::F16,
            "BF16" => Kind::Bf16,
            header::BLOCKS => Kind::Q4,
            other => {
                return Err(WeightsError::NumberType {
                    name: name.to_owned(),
                    found: other.to_owned(),
                });
            }
        };
        let bytes = &self.files[place.file].1.bytes()[place.bytes.clone()];
        let (rows, columns) = match *shape {
            [columns] => (1, columns),
            [rows, columns] => (rows, columns),
            _ => (0, 0),
        };
        Matrix::new(rows, columns, kind, bytes).ok_or_else(|| WeightsError::NumberType {
            name: name.to_owned(),
            found: place.number_type.clone(),
        })
    }

    /// Returns a file that is no longer the one that was opened; those in memory of our own always are.
    pub fn changed_file(&self) -> Option<&Path> {
        let is_changed = |(path, storage): &&(PathBuf, Storage)| !storage.is_unchanged(path);
        self.files.iter().find(is_changed).map(|(path, _)| path.as_path())
    }

    /// Returns what tells these files from any others; `None` where that cannot be told.
    pub(crate) fn identity(&self) -> Option<String> {
        let identities = self
            .files
            .iter()
            .map(|(path, storage)| Some((path, storage.identity()?)));
        let identities: Vec<_> = identities.collect::<Option<_>>()?;
        Some(format!("{identities:?}"))
    }

    /// Returns how many bytes are in memory of our own.
    pub fn copied_bytes(&self) -> usize {
        let copied = self.files.iter().filter(|(_, storage)| !storage.is_mapped());
        copied.map(|(_, storage)| storage.bytes().len()).sum()
    }
}

/// Opens a file; a folder or a pipe is none.
fn open(path: &Path) -> Result<(File, u64), WeightsError> {
    let file = File::open(path).map_err(|source| unreadable(path, source))?;
    let metadata = file.metadata().map_err(|source| unreadable(path, source))?;
    if metadata.is_file() {
        Ok((file, metadata.len()))
    } else {
        Err(broken(path, "it is not a file".to_owned()))
    }
}

/// Reads a file that is small where it is what it should be.
fn read_small(path: &Path) -> Result<String, WeightsError> {
    const MOST: u64 = 32 << 20;
    let (file, bytes) = open(path)?;
    if bytes > MOST {
        return Err(broken(
            path,
            format!("it has {bytes} bytes, and at most {MOST} are read"),
        ));
    }
    let mut text = String::new();
    file.take(MOST)
        .read_to_string(&mut text)
        .map_err(|source| unreadable(path, source))?;
    Ok(text)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
