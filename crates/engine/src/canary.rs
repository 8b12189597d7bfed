//! Notices when a model's vectors are no longer what they were: another file, another runtime, another processor.
//!
//! Three fixed sentences are embedded after each load, and compared with what the last load of the same model gave.
//! Whoever loads does that when the model serves already: the run takes as long as a query, and nobody shall wait.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::pooling::normalise;

/// What is embedded: Japanese, English, and both with figures and a sign of several bytes.
pub const SENTENCES: [&str; 3] = [
    "灰をかぶせると熾火は朝まで残る。",
    "An ember under the ash stays hot until morning.",
    "okibi 0.85秒 → 12 ms, 熱い 🔥",
];

/// Vectors with a smaller cosine than this differ by more than rounding: other thread counts give 0.999999.
const SAME: f64 = 0.9999;

/// File of the cache folder that keeps the vectors.
const FILE: &str = "canaries.json";

/// Models that are remembered; of more, any are forgotten.
const MODELS: usize = 200;

/// How a model's vectors have changed since its last load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Drift {
    /// Its files, or how they are used, have: an index made before no longer fits.
    Space,
    /// The files are the same, and the vectors are not: the runtime, a driver or the processor is another one.
    Vectors {
        /// The smallest cosine between a sentence's vectors of then and now.
        cosine: f64,
    },
}

/// A model as it was at its last load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Canary {
    space: String,
    vectors: Vec<Vec<f32>>,
}

/// Compares `vectors` of [`SENTENCES`] with those that `folder` keeps for the model, and keeps them in their place.
///
/// `model` names it across loads. What cannot be read or kept is no reason not to load: it is logged.
pub fn check(folder: &Path, model: &str, space: &str, mut vectors: Vec<Vec<f32>>) -> Option<Drift> {
    vectors.iter_mut().for_each(|vector| normalise(vector));
    let file = folder.join(FILE);
    let mut kept: BTreeMap<String, Canary> = fs::read(&file)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let now = Canary {
        space: space.to_owned(),
        vectors,
    };
    let before = kept.get(model);
    let drift = before.and_then(|before| drift(before, &now));
    if before.is_none() || drift.is_some() {
        while kept.len() >= MODELS {
            kept.pop_first();
        }
        kept.insert(model.to_owned(), now);
        if let Err(error) = write(&file, &kept) {
            tracing::debug!(%error, file = %file.display(), "the canaries are not kept");
        }
    }
    drift
}

fn drift(before: &Canary, now: &Canary) -> Option<Drift> {
    if before.space != now.space {
        return Some(Drift::Space);
    }
    let cosines = before.vectors.iter().zip(&now.vectors).map(|(one, other)| {
        let products = one.iter().zip(other);
        products
            .map(|(one, other)| f64::from(*one) * f64::from(*other))
            .sum::<f64>()
    });
    let cosine = cosines.fold(1.0, f64::min);
    (cosine < SAME).then_some(Drift::Vectors { cosine })
}

fn write(file: &PathBuf, kept: &BTreeMap<String, Canary>) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    // Two daemons may write at the same time; each writes a whole file.
    let aside = file.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&aside, serde_json::to_vec(kept)?)?;
    fs::rename(&aside, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_gives_other_vectors_or_another_space_is_noticed_once() {
        let folder = tempfile::tempdir().unwrap();
        let look = |space, vector: [f32; 2]| check(folder.path(), "m", space, vec![vector.to_vec()]);
        assert_eq!(look("a", [1.0, 0.0]), None, "nothing is known yet");
        assert_eq!(look("a", [1.0, 0.001]), None, "rounding is no change");
        let Some(Drift::Vectors { cosine }) = look("a", [1.0, 1.0]) else {
            panic!("a change of the vectors is noticed");
        };
        assert!((cosine - 0.5_f64.sqrt()).abs() < 1e-3, "{cosine}");
        assert_eq!(look("a", [1.0, 1.0]), None, "it is the usual now");
        assert_eq!(look("b", [1.0, 1.0]), Some(Drift::Space));
    }

    #[test]
    fn models_do_not_meet() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check(folder.path(), "m", "a", vec![vec![1.0]]), None);
        assert_eq!(check(folder.path(), "n", "b", vec![vec![-1.0]]), None);
        assert_eq!(check(folder.path(), "m", "a", vec![vec![1.0]]), None);
    }
}
