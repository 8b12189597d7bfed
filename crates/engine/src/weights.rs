//! Keeps what happens to a model's files on disk away from the model that is loaded.
//!
//! ONNX Runtime maps files beside the ONNX file into memory. A program that writes over such a file would change the
//! vectors of a running daemon without a word, and one that cuts it would end the daemon: the system kills a process that
//! reads a mapped page that is no longer there. Two measures:
//!
//! - files of [`COPIED_BYTES`] together are given to the runtime as memory of their own, so nothing on disk reaches them;
//! - larger ones stay mapped, because a copy would double the memory of a large model while it loads. They are watched:
//!   before and after each run the file has to be the one that was opened, or the run is refused. Before, so that a page
//!   that is gone is not read; after, so that no vector of changed weights is given out.
//!
//! What is left is a file that is cut within a run. The ONNX file itself is read and not mapped, as are the tokenizer and
//! the weights of layers after the pooling.

use std::{
    fs::{self, Metadata},
    path::PathBuf,
    sync::Arc,
};

use okibi_models::{FileStamp, ModelError, ModelFiles};

use crate::error::EmbedError;

/// External weights of at most this many bytes together are copied.
const COPIED_BYTES: u64 = 64 << 20;

/// The external weights of a model.
#[derive(Debug, Default)]
pub(crate) struct ExternalWeights {
    /// Each file's name in the graph, with what it had when it was opened.
    copies: Vec<(String, Arc<[u8]>)>,
    watched: Vec<(PathBuf, FileStamp)>,
    bytes: u64,
}

impl ExternalWeights {
    /// Reads or begins to watch the files that a model's graph names.
    ///
    /// Errors: [`ModelError::Unreadable`].
    pub(crate) fn open(files: &ModelFiles) -> Result<Self, ModelError> {
        let mut weights = Self::watched(files)?;
        let folder = files.model.parent().unwrap_or(&files.model);
        if weights.bytes > COPIED_BYTES || weights.watched.len() < files.external.len() {
            return Ok(weights);
        }
        weights.watched.clear();
        for name in &files.external {
            let path = folder.join(name);
            let copy = fs::read(&path).map_err(|source| ModelError::Unreadable { path, source })?;
            weights.copies.push((name.clone(), copy.into()));
        }
        Ok(weights)
    }

    /// Begins to watch the files that a model's graph names, small ones too.
    ///
    /// Errors: [`ModelError::Unreadable`].
    pub(crate) fn watched(files: &ModelFiles) -> Result<Self, ModelError> {
        let folder = files.model.parent().unwrap_or(&files.model);
        let mut weights = Self::default();
        for name in &files.external {
            let path = folder.join(name);
            let metadata = fs::metadata(&path).map_err(|source| ModelError::Unreadable {
                path: path.clone(),
                source,
            })?;
            weights.bytes += metadata.len();
            weights
                .watched
                .extend(stamp(&metadata).map(|stamp| (path, stamp)));
        }
        Ok(weights)
    }

    /// Takes the copies, for the runtime: each file's name in the graph and its bytes.
    pub(crate) fn take_copies(&mut self) -> Vec<(String, Arc<[u8]>)> {
        std::mem::take(&mut self.copies)
    }

    /// Checks that the files that are mapped are those that were opened.
    ///
    /// Errors: [`EmbedError::WeightsChanged`] where one is not.
    pub(crate) fn check(&self) -> Result<(), EmbedError> {
        let is_other = |(path, opened): &&(PathBuf, FileStamp)| {
            fs::metadata(path)
                .ok()
                .and_then(|metadata| stamp(&metadata))
                .as_ref()
                != Some(opened)
        };
        match self.watched.iter().find(is_other) {
            None => Ok(()),
            Some((path, _)) => Err(EmbedError::WeightsChanged { path: path.clone() }),
        }
    }
}

/// Returns the stamp of a file; a pipe has none.
fn stamp(metadata: &Metadata) -> Option<FileStamp> {
    metadata.is_file().then(|| FileStamp::of(metadata))?
}

#[cfg(test)]
mod tests {
    use std::{fs::File, path::Path};

    use okibi_models::describe;

    use super::*;

    /// A model whose graph names the file `weights.bin` of `bytes` zeros.
    fn model(folder: &Path, bytes: u64) -> ModelFiles {
        // ModelProto.graph.initializer.external_data { key: "location", value: "weights.bin" }.
        let field = |number: u8, content: &[u8]| [&[number << 3 | 2, content.len() as u8], content].concat();
        let entry = [field(1, b"location"), field(2, b"weights.bin")].concat();
        fs::write(folder.join("model.onnx"), field(7, &field(5, &field(13, &entry)))).unwrap();
        fs::write(folder.join("tokenizer.json"), "{}").unwrap();
        File::create(folder.join("weights.bin"))
            .unwrap()
            .set_len(bytes)
            .unwrap();
        describe("m", folder, None, None).unwrap()
    }

    #[test]
    fn small_files_are_copied_and_nothing_on_disk_reaches_them() {
        let folder = tempfile::tempdir().unwrap();
        let files = model(folder.path(), 3);
        let mut weights = ExternalWeights::open(&files).unwrap();
        fs::write(folder.path().join("weights.bin"), "other").unwrap();
        weights.check().unwrap();
        let copies = weights.take_copies();
        let [(name, bytes)] = copies.as_slice() else {
            panic!("one file");
        };
        assert_eq!((name.as_str(), &bytes[..]), ("weights.bin", &[0; 3][..]));
    }

    #[test]
    fn large_files_are_watched_for_every_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.bin");
        let changes: [&dyn Fn(); 3] = [
            &|| {
                File::options()
                    .write(true)
                    .open(&path)
                    .unwrap()
                    .set_len(COPIED_BYTES)
                    .unwrap()
            },
            &|| {
                fs::rename(&path, folder.path().join("old")).unwrap();
                File::create(&path).unwrap().set_len(COPIED_BYTES + 1).unwrap();
            },
            &|| fs::remove_file(&path).unwrap(),
        ];
        for change in changes {
            let files = model(folder.path(), COPIED_BYTES + 1);
            let mut weights = ExternalWeights::open(&files).unwrap();
            weights.check().unwrap();
            change();
            assert_eq!(
                weights.check(),
                Err(EmbedError::WeightsChanged { path: path.clone() })
            );
            assert!(weights.take_copies().is_empty());
        }
    }
}
