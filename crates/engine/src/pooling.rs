//! From token vectors to one vector per text.

pub use okibi_models::Pooling;

/// Pools one text: `rows` holds the vectors of its tokens, without padding, each `dimension` long.
pub fn pool(pooling: Pooling, rows: &[f32], dimension: usize) -> Vec<f32> {
    match pooling {
        Pooling::Cls => rows[..dimension].to_vec(),
        Pooling::LastToken => rows[rows.len() - dimension..].to_vec(),
        Pooling::Mean => {
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

/// Brings `vector` to unit length (L2); a zero vector stays as it is.
pub fn normalize(vector: &mut [f32]) {
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
        assert_eq!(pool(Pooling::Cls, &rows, 2), [1.0, 2.0]);
        assert_eq!(pool(Pooling::LastToken, &rows, 2), [8.0, 0.0]);
        assert_eq!(pool(Pooling::Mean, &rows, 2), [4.0, 2.0]);
    }

    #[test]
    fn normalized_vectors_have_length_one_and_zero_stays_zero() {
        let mut vector = [3.0, 4.0];
        normalize(&mut vector);
        assert_eq!(vector, [0.6, 0.8]);
        let mut zero = [0.0; 3];
        normalize(&mut zero);
        assert_eq!(zero, [0.0; 3]);
    }
}
