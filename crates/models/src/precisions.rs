//! The precision that each model is computed in where nobody asks for one, and what that was found out from.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use okibi_protocol::models::PrecisionProof;
use serde::{Deserialize, Serialize};

use crate::{files::ModelFiles, json::read_json, stamp::FileStamp, store};

/// A file of a model's folder with what its makers have found out: such a model need not prove itself again.
const SHIPPED: &str = "precision.json";

/// What was found out about models, by the path of the file that their weights are opened by.
#[derive(Debug, Default)]
pub struct Precisions {
    file: PathBuf,
    outcomes: BTreeMap<PathBuf, Outcome>,
}

/// What came out for a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Outcome {
    /// The files, as they were.
    files: Vec<(PathBuf, FileStamp)>,
    #[serde(flatten)]
    proof: PrecisionProof,
}

impl Precisions {
    /// Reads what is remembered in `file`: nothing, where it cannot be read.
    pub fn read(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            outcomes: store::read(file),
        }
    }

    /// Returns what is known about a model whose files are still the same, from here or from its makers.
    pub fn of(&self, files: &ModelFiles) -> Option<PrecisionProof> {
        self.remembered(&files.model).or_else(|| shipped(&files.folder))
    }

    /// The same for the model of a folder.
    pub(crate) fn of_folder(&self, folder: &Path) -> Option<PrecisionProof> {
        let here = self.outcomes.keys().filter(|model| model.starts_with(folder));
        let mut here = here.filter_map(|model| self.remembered(model));
        here.next().or_else(|| shipped(folder))
    }

    fn remembered(&self, model: &Path) -> Option<PrecisionProof> {
        let outcome = self.outcomes.get(model)?;
        let is_same = |(path, then): &(PathBuf, FileStamp)| stamp(path).as_ref() == Some(then);
        outcome.files.iter().all(is_same).then_some(outcome.proof)
    }

    /// Remembers what was found out about a model; of models that are gone, nothing. Where a file was changed just now,
    /// another change might not show: then nothing is remembered.
    ///
    /// Errors: the system's, where the file cannot be written.
    pub fn keep(mut self, files: &ModelFiles, proof: PrecisionProof) -> io::Result<()> {
        let now = SystemTime::now();
        let all = files.weights.iter().chain([&files.config_file, &files.tokenizer]);
        let stamps = all.map(|path| {
            let stamp = stamp(path).filter(|stamp| stamp.is_settled(now))?;
            Some((path.clone(), stamp))
        });
        let Some(files_then) = stamps.collect() else {
            return Ok(());
        };
        if self.file == Path::new("") {
            return Ok(());
        }
        self.outcomes.retain(|model, _| model.exists());
        let outcome = Outcome {
            files: files_then,
            proof,
        };
        self.outcomes.insert(files.model.clone(), outcome);
        store::write(&self.file, &self.outcomes)
    }
}

fn stamp(path: &Path) -> Option<FileStamp> {
    FileStamp::of(&fs::metadata(path).ok()?)
}

fn shipped(folder: &Path) -> Option<PrecisionProof> {
    read_json(&folder.join(SHIPPED)).ok().flatten()
}
