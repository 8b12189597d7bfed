//! Whether a lower precision is good enough for a model: both are computed, and compared.
//!
//! What a user notices of rounding is another order of the results of a search. So besides the cosine of each text's two
//! vectors it counts how many of a text's nearest neighbors stay its nearest.

use crate::{Encoder, RunError};

/// How many of a text's nearest are compared.
pub const NEAREST: usize = 10;

/// How well the vectors of two precisions agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// How many texts there were.
    pub texts: usize,
    /// The lowest cosine of a text's two vectors; NaN where a vector has none.
    pub worst_cosine: f64,
    /// The mean of them.
    pub mean_cosine: f64,
    /// The share of each text's [`NEAREST`] others that are among its nearest with either precision.
    pub neighbors: f64,
}

/// What an agreement has to be at least; see [`Agreement::is_good`].
///
/// Measured with `examples/compare.rs` on all-MiniLM-L6-v2 in int8 and sentences of manual pages, half of them Japanese; the
/// lowest of all proofs of thirty texts:
///
/// | the model | proofs | worst cosine | mean cosine | neighbors | good |
/// | --- | --- | --- | --- | --- | --- |
/// | as it is | 66 | 0.9903 | 0.9963 | 95.0 % | 66 |
/// | outliers × 16 | 10 | 0.9914 | 0.9960 | 95.7 % | 10 |
/// | outliers × 64 | 10 | 0.9398 | 0.9841 | 92.3 % | 0 |
/// | outliers × 256 | 10 | 0.5638 | 0.7790 | 74.3 % | 0 |
///
/// Outliers are six channels of each layer's values, enlarged by the factor and made smaller again by the product after
/// them, so that f32 stays the same. For this table they were quantized as they are, as all outliers are that the learned
/// values do not tell. As it is, 91 % of the nearest ten among 2,000 texts stayed; with × 64, 84 % among 300 (as it is:
/// 93 %).
const WORST_COSINE: f64 = 0.98;
const MEAN_COSINE: f64 = 0.99;
const NEIGHBORS: f64 = 0.9;

impl Agreement {
    /// Compares vectors, a text's two at the same place.
    pub fn of(exact: &[Vec<f32>], other: &[Vec<f32>]) -> Self {
        let (exact, other): (Vec<_>, Vec<_>) = (
            exact.iter().map(|vector| unit(vector)).collect(),
            other.iter().map(|vector| unit(vector)).collect(),
        );
        let cosines: Vec<f64> = exact.iter().zip(&other).map(|(a, b)| dot(a, b)).collect();
        let count = cosines.len().max(1) as f64;
        // Not `f64::min`, which would pass over NaN.
        let lower = |worst: f64, cosine: f64| if worst <= cosine { worst } else { cosine };
        let lowest = cosines
            .iter()
            .copied()
            .reduce(|worst, cosine| match worst.is_nan() {
                true => worst,
                false => lower(worst, cosine),
            });
        let mut same = 0;
        let mut all = 0;
        for text in 0..exact.len().min(other.len()) {
            let (a, b) = (nearest(&exact, text), nearest(&other, text));
            same += a.iter().filter(|near| b.contains(near)).count();
            all += a.len();
        }
        Self {
            texts: cosines.len(),
            worst_cosine: lowest.unwrap_or(f64::NAN),
            mean_cosine: cosines.iter().sum::<f64>() / count,
            neighbors: same as f64 / all.max(1) as f64,
        }
    }

    /// Whether the lower precision is good enough to be chosen without being asked for.
    pub fn is_good(&self) -> bool {
        self.worst_cosine >= WORST_COSINE && self.mean_cosine >= MEAN_COSINE && self.neighbors >= NEIGHBORS
    }
}

/// Compares two precisions of a model on texts of token ids, by the mean of each text's rows.
///
/// Thirty texts of several languages and lengths, as real ones are, say enough.
///
/// Errors: those of a run.
pub fn prove(
    exact: &mut Encoder,
    other: &mut Encoder,
    texts: &[&[u32]],
    broken_off: &(dyn Fn() -> bool + Sync),
) -> Result<Agreement, RunError> {
    let exact = means(exact, texts, broken_off)?;
    let other = means(other, texts, broken_off)?;
    Ok(Agreement::of(&exact, &other))
}

fn means(
    encoder: &mut Encoder,
    texts: &[&[u32]],
    broken_off: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Vec<f32>>, RunError> {
    let hidden = encoder.description().hidden;
    let rows = encoder.run(texts, broken_off)?;
    Ok(rows.iter().map(|rows| mean(rows, hidden)).collect())
}

/// The mean of rows.
fn mean(rows: &[f32], hidden: usize) -> Vec<f32> {
    let mut sums = vec![0.0f64; hidden];
    for row in rows.chunks_exact(hidden) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += f64::from(*value);
        }
    }
    let count = (rows.len() / hidden).max(1) as f64;
    sums.iter().map(|sum| (sum / count) as f32).collect()
}

fn unit(vector: &[f32]) -> Vec<f64> {
    let length = vector
        .iter()
        .map(|value| f64::from(*value).powi(2))
        .sum::<f64>()
        .sqrt();
    vector.iter().map(|value| f64::from(*value) / length).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The nearest other texts, the nearest first.
fn nearest(vectors: &[Vec<f64>], text: usize) -> Vec<usize> {
    let mut others: Vec<_> = (0..vectors.len())
        .filter(|other| *other != text)
        .map(|other| (dot(&vectors[text], &vectors[other]), other))
        .collect();
    others.sort_by(|a, b| b.0.total_cmp(&a.0));
    others.truncate(NEAREST);
    others.into_iter().map(|(_, other)| other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors on a circle, each a little turned by `turn` times its number.
    fn circle(turn: f32) -> Vec<Vec<f32>> {
        let angle = |number: usize| number as f32 * 0.2 + turn * (number % 5) as f32;
        (0..30)
            .map(|number| vec![angle(number).cos(), angle(number).sin()])
            .collect()
    }

    #[test]
    fn the_same_vectors_agree() {
        let agreement = Agreement::of(&circle(0.0), &circle(0.0));
        assert_eq!((agreement.texts, agreement.neighbors), (30, 1.0));
        assert!(agreement.worst_cosine > 0.999_999 && agreement.is_good());
    }

    #[test]
    fn the_length_of_a_vector_does_not_count() {
        let longer: Vec<Vec<f32>> = circle(0.0)
            .iter()
            .map(|one| one.iter().map(|v| v * 7.0).collect())
            .collect();
        assert!(Agreement::of(&circle(0.0), &longer).worst_cosine > 0.999_999);
    }

    #[test]
    fn other_neighbors_are_counted_and_refused() {
        let agreement = Agreement::of(&circle(0.0), &circle(0.3));
        assert!(
            agreement.neighbors < 0.9 && agreement.worst_cosine < 0.5 && !agreement.is_good(),
            "{agreement:?}"
        );
    }

    #[test]
    fn one_vector_of_nothing_is_refused() {
        for at in [0, 13, 29] {
            for value in [f32::NAN, 0.0, f32::INFINITY] {
                let mut other = circle(0.0);
                other[at] = vec![value; 2];
                let agreement = Agreement::of(&circle(0.0), &other);
                assert!(
                    agreement.worst_cosine.is_nan() && !agreement.is_good(),
                    "{agreement:?}"
                );
            }
        }
        assert!(!Agreement::of(&[], &[]).is_good());
    }
}
