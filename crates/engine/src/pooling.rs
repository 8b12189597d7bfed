//! From token vectors to one vector per text.

use serde::{Deserialize, Serialize};

/// How a text's token vectors become one. Source: sentence-transformers, `models/Pooling.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pooling {
    /// The mean of all tokens.
    Mean,
    /// The first token.
    Cls,
    /// The last token.
    LastToken,
}

impl Pooling {
    /// Pools one text: `rows` holds the vectors of its tokens, without padding, each `dimension` long.
    pub fn pool(self, rows: &[f32], dimension: usize) -> Vec<f32> {
        match self {
            Self::Cls => rows[..dimension].to_vec(),
            Self::LastToken => rows[rows.len() - dimension..].to_vec(),
            Self::Mean => {
                let mut sum = rows[..dimension].to_vec();
                for row in rows[dimension..].chunks_exact(dimension) {
                    for (total, value) in sum.iter_mut().zip(row) {
                        *total += value;
                    }
                }
                let count = (rows.len() / dimension) as f32;
                sum.iter_mut().for_each(|total| *total /= count);
                sum
            }
        }
    }
}

/// Brings `vector` to unit length (L2); a zero vector stays as it is.
pub fn normalise(vector: &mut [f32]) {
    let length = vector
        .iter()
        .map(|value| f64::from(*value).powi(2))
        .sum::<f64>()
        .sqrt();
    if length > 0.0 {
        let scale = (1.0 / length) as f32;
        vector.iter_mut().for_each(|value| *value *= scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pooling_takes_its_tokens() {
        let rows = [1.0, 2.0, 3.0, 4.0, 8.0, 0.0];
        assert_eq!(Pooling::Cls.pool(&rows, 2), [1.0, 2.0]);
        assert_eq!(Pooling::LastToken.pool(&rows, 2), [8.0, 0.0]);
        assert_eq!(Pooling::Mean.pool(&rows, 2), [4.0, 2.0]);
    }

    #[test]
    fn normalised_vectors_have_length_one_and_zero_stays_zero() {
        let mut vector = [3.0, 4.0];
        normalise(&mut vector);
        assert_eq!(vector, [0.6, 0.8]);
        let mut zero = [0.0; 3];
        normalise(&mut zero);
        assert_eq!(zero, [0.0; 3]);
    }
}
