//! From token vectors to one vector per text.

pub use okibi_models::{Pooling, PoolingMode};

/// Pools one text: `rows` holds the vectors of its tokens, without padding, each `dimension` long. The first `left_out`
/// tokens take no part.
///
/// Source: sentence-transformers 6.2, `Pooling`. Where no token takes part, which gives no number there for some modes, the
/// vector is 0.
pub fn pool(pooling: &Pooling, rows: &[f32], dimension: usize, left_out: usize) -> Vec<f32> {
    let skipped = (left_out * dimension).min(rows.len());
    let rows = &rows[skipped..];
    let mut pooled = Vec::with_capacity(pooling.modes.len() * dimension);
    for mode in &pooling.modes {
        match rows.get(..dimension) {
            Some(first) => pool_by(*mode, first, rows, skipped / dimension, &mut pooled),
            None => pooled.resize(pooled.len() + dimension, 0.0),
        }
    }
    pooled
}

/// Appends the result of one mode; `before` is how many tokens come before the first of `rows`.
fn pool_by(mode: PoolingMode, first: &[f32], rows: &[f32], before: usize, pooled: &mut Vec<f32>) {
    let dimension = first.len();
    let at = pooled.len();
    let count = rows.len() / dimension;
    match mode {
        PoolingMode::Cls => pooled.extend_from_slice(first),
        PoolingMode::LastToken => pooled.extend_from_slice(&rows[rows.len() - dimension..]),
        PoolingMode::Max => {
            pooled.extend_from_slice(first);
            combine(&mut pooled[at..], &rows[dimension..], |_, most, value| {
                most.max(value)
            });
        }
        PoolingMode::Mean | PoolingMode::MeanSqrtLen => {
            pooled.extend_from_slice(first);
            combine(&mut pooled[at..], &rows[dimension..], |_, sum, value| sum + value);
            let count = count as f32;
            let divisor = if mode == PoolingMode::Mean {
                count
            } else {
                count.sqrt()
            };
            pooled[at..].iter_mut().for_each(|total| *total /= divisor);
        }
        PoolingMode::WeightedMean => {
            pooled.resize(at + dimension, 0.0);
            // A token keeps the weight of its position also where the prompt before it is left out.
            let weight = |token: usize| (before + token + 1) as f32;
            combine(&mut pooled[at..], rows, |token, sum, value| {
                weight(token).mul_add(value, sum)
            });
            let total: f32 = (0..count).map(weight).sum();
            pooled[at..].iter_mut().for_each(|value| *value /= total);
        }
    }
}

/// Takes the rows into `result` one after the other, value by value.
fn combine(result: &mut [f32], rows: &[f32], take: impl Fn(usize, f32, f32) -> f32) {
    for (token, row) in rows.chunks_exact(result.len()).enumerate() {
        for (total, value) in result.iter_mut().zip(row) {
            *total = take(token, *total, *value);
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

    const ROWS: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 8.0, 0.0];

    #[test]
    fn each_pooling_takes_its_tokens() {
        let of = |mode: PoolingMode| pool(&mode.into(), &ROWS, 2, 0);
        assert_eq!(of(PoolingMode::Cls), [1.0, 2.0]);
        assert_eq!(of(PoolingMode::LastToken), [8.0, 0.0]);
        assert_eq!(of(PoolingMode::Mean), [4.0, 2.0]);
        assert_eq!(of(PoolingMode::Max), [8.0, 4.0]);
        assert_eq!(
            of(PoolingMode::MeanSqrtLen),
            [12.0 / 3_f32.sqrt(), 6.0 / 3_f32.sqrt()]
        );
        assert_eq!(of(PoolingMode::WeightedMean), [31.0 / 6.0, 10.0 / 6.0]);
    }

    #[test]
    fn several_stand_one_after_the_other() {
        let pooling = Pooling {
            modes: vec![PoolingMode::Max, PoolingMode::Cls],
            ..PoolingMode::Mean.into()
        };
        assert_eq!(pool(&pooling, &ROWS, 2, 0), [8.0, 4.0, 1.0, 2.0]);
        assert_eq!(pool(&pooling, &ROWS, 2, 2), [8.0, 0.0, 8.0, 0.0]);
    }

    #[test]
    fn tokens_that_are_left_out_count_for_nothing_but_positions() {
        let of = |mode: PoolingMode, left_out| pool(&mode.into(), &ROWS, 2, left_out);
        assert_eq!(of(PoolingMode::Mean, 1), [5.5, 2.0]);
        assert_eq!(of(PoolingMode::Cls, 1), [3.0, 4.0]);
        assert_eq!(of(PoolingMode::WeightedMean, 1), [30.0 / 5.0, 8.0 / 5.0]);
        for mode in [
            PoolingMode::Mean,
            PoolingMode::Max,
            PoolingMode::LastToken,
            PoolingMode::WeightedMean,
        ] {
            assert_eq!(of(mode, 3), [0.0, 0.0], "nothing is left");
            assert_eq!(of(mode, 7), [0.0, 0.0], "nothing is left");
        }
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
