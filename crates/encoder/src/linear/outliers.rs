//! Inputs that are far larger than the others of their row.
//!
//! The integers of a row have one scale, so an input that is always large leaves few of them to all others. The learned
//! values tell which inputs those are: a norm multiplies each place by a weight of its own, and attention gives means of
//! the outputs of the product of values.
//!
//! Such an input is divided by a power of two when its row is quantized, and its weights are multiplied by the same before
//! they are. The power is about the square root of how much larger the input is than others, times how much smaller its
//! weights are: then neither spoils the scale that it shares. Powers of two change no digit of a float, and nothing here
//! depends on a text.

use super::groups::Groups;
use crate::norm::RowNorm;
use crate::parameters::{Matrix, Product};

/// An input is an outlier where it is so many times as large as the median of all inputs.
const OUTLIER: f32 = 4.0;

/// The largest divisor.
const MOST: f32 = 32_768.0;

/// What is known of the inputs that some products share.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// How they are padded.
    pub(crate) groups: Groups,
    /// What tells how large each becomes.
    pub(crate) source: Source<'a>,
    /// The weights of all products that take them.
    pub(crate) matrices: &'a [Matrix<'a>],
}

/// Where inputs come from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// From where no learned values tell how large they are.
    Unknown,
    /// From a norm.
    Norm(&'a RowNorm),
    /// From attention with these values, each of whose heads serves so many heads of queries.
    Attention(&'a Product<'a>, usize),
}

impl Source<'_> {
    /// How large each input becomes, compared with the others.
    fn sizes(self, groups: Groups) -> Option<Vec<f32>> {
        match self {
            Self::Unknown => None,
            Self::Norm(norm) => Some(norm.sizes()),
            Self::Attention(product, served) => {
                let mut row = vec![0.0; product.weights.columns()];
                let of_output = |output: usize| {
                    product.weights.read_row(output, &mut row);
                    let squares: f32 = row.iter().map(|weight| weight * weight).sum();
                    3.0 * squares.sqrt() + product.bias.as_ref().map_or(0.0, |bias| bias[output].abs())
                };
                let of_outputs: Vec<f32> = (0..product.weights.rows()).map(of_output).collect();
                let heads = of_outputs
                    .chunks(groups.width)
                    .flat_map(|head| std::iter::repeat_n(head, served));
                Some(heads.flatten().copied().collect())
            }
        }
    }
}

impl Inputs<'_> {
    /// Inputs whose sizes are not known.
    pub(crate) fn unknown(groups: Groups) -> Self {
        Self {
            groups,
            source: Source::Unknown,
            matrices: &[],
        }
    }

    /// What each input is divided by: powers of two; `None` where no input is an outlier.
    pub(super) fn divisors(&self) -> Option<Vec<f32>> {
        let sizes = self.source.sizes(self.groups)?;
        divisors(&sizes, self.matrices)
    }
}

/// What inputs of these sizes are divided by.
fn divisors(sizes: &[f32], matrices: &[Matrix<'_>]) -> Option<Vec<f32>> {
    let usual = median(sizes);
    if !sizes.iter().any(|size| *size > OUTLIER * usual) {
        return None;
    }
    let mut weights = vec![0.0f32; sizes.len()];
    let mut row = vec![0.0; sizes.len()];
    for matrix in matrices {
        for number in 0..matrix.rows() {
            matrix.read_row(number, &mut row);
            for (most, weight) in weights.iter_mut().zip(&row) {
                *most = most.max(weight.abs());
            }
        }
    }
    let usual_weight = median(&weights);
    let divisors = sizes.iter().zip(weights).map(|(size, weight)| {
        if *size > OUTLIER * usual {
            divisor((size / usual) / (weight / usual_weight))
        } else {
            1.0
        }
    });
    Some(divisors.collect())
}

/// The power of two that is the nearest to the square root of `ratio`, from 1 to [`MOST`].
fn divisor(ratio: f32) -> f32 {
    let (mut divisor, mut bound) = (1.0, 2.0);
    while ratio >= bound && divisor < MOST {
        divisor *= 2.0;
        bound *= 4.0;
    }
    divisor
}

fn median(values: &[f32]) -> f32 {
    let mut values = values.to_vec();
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::matrix_of;

    fn divisors(sizes: &[f32], weights: &[f32]) -> Option<Vec<f32>> {
        super::divisors(sizes, &[matrix_of(1, sizes.len(), weights)])
    }

    #[test]
    fn an_outlier_is_shared_between_its_input_and_its_weights() {
        let sizes = [1.0, 1.5, 64.0, 0.5, 1.0, 64.0, 64.0];
        let weights = [1.0, -1.0, 1.0, 0.3, -1.0, 1.0 / 64.0, 70.0];
        assert_eq!(
            divisors(&sizes, &weights),
            Some(vec![1.0, 1.0, 8.0, 1.0, 1.0, 64.0, 1.0])
        );
    }

    #[test]
    fn usual_sizes_are_left_alone() {
        assert_eq!(divisors(&[1.0, 3.9, 0.0, 2.0, 1.0], &[1.0; 5]), None);
        assert_eq!(divisors(&[f32::NAN, 1.0, 1.0], &[1.0; 3]), None);
    }

    #[test]
    fn heads_of_values_are_inputs_of_each_head_that_they_serve() {
        let product = Product {
            weights: matrix_of(4, 2, &[0.0, 0.0, 3.0, 4.0, 1.0, 0.0, 0.0, 0.0]),
            bias: Some(vec![1.0, 0.0, -2.0, 0.0]),
        };
        let heads = Groups { count: 4, width: 2 };
        assert_eq!(
            Source::Attention(&product, 2).sizes(heads),
            Some(vec![1.0, 15.0, 1.0, 15.0, 5.0, 0.0, 5.0, 0.0])
        );
    }

    #[test]
    fn weights_of_nothing_have_the_largest_divisor() {
        assert_eq!(
            divisors(&[1.0, 1.0, 8.0], &[1.0, 1.0, 0.0]),
            Some(vec![1.0, 1.0, MOST])
        );
    }
}
