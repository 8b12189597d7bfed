//! Notices when a model's vectors are no longer what they were: another file, another runtime, another CPU.
//!
//! Three fixed sentences are embedded after each load, and compared with what the last load of the same model gave.
//! This runs after the model is already serving, so that no request waits for it.

use std::{collections::BTreeMap, path::Path};

use okibi_models::store;
use serde::{Deserialize, Serialize};

use crate::pooling::normalize;

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
pub enum SpaceChange {
    /// Its files changed, or how they are used: an index made before no longer fits.
    Space,
    /// The files are the same, but the vectors are not: ONNX Runtime, a driver or the CPU is another one.
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
/// `model` names it across loads. A file that cannot be read or written is not an error: it is logged.
pub fn check(folder: &Path, model: &str, space: &str, mut vectors: Vec<Vec<f32>>) -> Option<SpaceChange> {
    vectors.iter_mut().for_each(|vector| normalize(vector));
    let file = folder.join(FILE);
    let mut kept: BTreeMap<String, Canary> = store::read(&file);
    let now = Canary {
        space: space.to_owned(),
        vectors,
    };
    let before = kept.get(model);
    let change = before.and_then(|before| change(before, &now));
    if before.is_none() || change.is_some() {
        while kept.len() >= MODELS {
            kept.pop_first();
        }
        kept.insert(model.to_owned(), now);
        if let Err(error) = store::write(&file, &kept) {
            tracing::debug!(%error, file = %file.display(), "the canaries are not kept");
        }
    }
    change
}

fn change(before: &Canary, now: &Canary) -> Option<SpaceChange> {
    if before.space != now.space {
        return Some(SpaceChange::Space);
    }
    let cosines = before.vectors.iter().zip(&now.vectors).map(|(one, other)| {
        let products = one.iter().zip(other);
        products
            .map(|(one, other)| f64::from(*one) * f64::from(*other))
            .sum::<f64>()
    });
    let cosine = cosines.fold(1.0, f64::min);
    (cosine < SAME).then_some(SpaceChange::Vectors { cosine })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_gives_other_vectors_or_another_space_is_noticed_once() {
        let folder = tempfile::tempdir().unwrap();
        let look = |space, vector: [f32; 2]| check(folder.path(), "m", space, vec![vector.to_vec()]);
        assert_eq!(look("a", [1.0, 0.0]), None, "nothing is known yet");
        assert_eq!(look("a", [1.0, 0.001]), None, "rounding is not a change");
        let Some(SpaceChange::Vectors { cosine }) = look("a", [1.0, 1.0]) else {
            panic!("a change of the vectors is noticed");
        };
        assert!((cosine - 0.5_f64.sqrt()).abs() < 1e-3, "{cosine}");
        assert_eq!(look("a", [1.0, 1.0]), None, "it is the usual now");
        assert_eq!(look("b", [1.0, 1.0]), Some(SpaceChange::Space));
    }

    #[test]
    fn models_do_not_meet() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check(folder.path(), "m", "a", vec![vec![1.0]]), None);
        assert_eq!(check(folder.path(), "n", "b", vec![vec![-1.0]]), None);
        assert_eq!(check(folder.path(), "m", "a", vec![vec![1.0]]), None);
    }
}
