//! Norms of rows.

use crate::description::{Norm, NormKind};
use crate::lanes::{Lanes, WIDTH, Work};
use crate::parameters::NormParameters;

/// A norm and its learned values, padded to whole lanes.
#[derive(Clone, Debug)]
pub(crate) struct RowNorm {
    centers: bool,
    epsilon: f32,
    width: usize,
    weight: Vec<f32>,
    bias: Vec<f32>,
    /// 1 at the places of the last sixteen that are values, 0 at those that pad.
    last: [f32; WIDTH],
}

impl RowNorm {
    /// Pads the learned values of a norm.
    pub(crate) fn new(norm: Norm, parameters: &NormParameters) -> Self {
        let width = parameters.weight.len();
        let padded = width.next_multiple_of(WIDTH);
        let pad = |values: &[f32]| {
            let mut values = values.to_vec();
            values.resize(padded, 0.0);
            values
        };
        let plus = if norm.kind == NormKind::RmsPlusOne {
            1.0
        } else {
            0.0
        };
        let weight: Vec<f32> = parameters.weight.iter().map(|weight| plus + weight).collect();
        Self {
            centers: matches!(norm.kind, NormKind::Layer | NormKind::LayerWithoutBias),
            epsilon: norm.epsilon,
            width,
            weight: pad(&weight),
            bias: pad(parameters.bias.as_deref().unwrap_or(&[])),
            last: std::array::from_fn(|lane| if padded - WIDTH + lane < width { 1.0 } else { 0.0 }),
        }
    }

    /// How large each value of a row becomes, compared with the others: hardly any is further than three deviations from its
    /// mean, and the bias is added to all.
    pub(crate) fn sizes(&self) -> Vec<f32> {
        let values = self.weight.iter().zip(&self.bias).take(self.width);
        values
            .map(|(weight, bias)| 3.0 * weight.abs() + bias.abs())
            .collect()
    }

    /// Values of a row, with those that pad.
    pub(crate) fn padded(&self) -> usize {
        self.weight.len()
    }

    #[inline(always)]
    fn apply<L: Lanes>(&self, l: L, row: &mut [f32]) {
        let (groups, _) = row.as_chunks_mut::<WIDTH>();
        let count = self.width as f32;
        let mean = if self.centers {
            let mut sum = l.splat(0.0);
            for group in &*groups {
                sum = l.add(sum, l.load(group));
            }
            l.sum(sum) / count
        } else {
            0.0
        };
        let mean = l.splat(mean);

        let mut squares = l.splat(0.0);
        if let Some((last, others)) = groups.split_last() {
            for group in others {
                let difference = l.sub(l.load(group), mean);
                squares = l.mul_add(difference, difference, squares);
            }
            let difference = l.mul(l.sub(l.load(last), mean), l.load(&self.last));
            squares = l.mul_add(difference, difference, squares);
        }
        let deviation = (l.sum(squares) / count + self.epsilon).sqrt();
        let factor = l.splat(1.0 / deviation);

        let (weights, _) = self.weight.as_chunks::<WIDTH>();
        let (biases, _) = self.bias.as_chunks::<WIDTH>();
        for ((group, weight), bias) in groups.iter_mut().zip(weights).zip(biases) {
            let scaled = l.mul(l.sub(l.load(group), mean), factor);
            l.store(l.mul_add(scaled, l.load(weight), l.load(bias)), group);
        }
    }
}

/// Applies a norm to rows in place; the rows follow each other at `stride`, and begin at `first`.
pub(crate) struct NormRows<'a> {
    pub(crate) norm: &'a RowNorm,
    pub(crate) rows: &'a mut [f32],
    pub(crate) stride: usize,
    pub(crate) first: usize,
    /// How many parts of a row are normed, one after the other: the heads of a query.
    pub(crate) parts: usize,
}

impl Work for NormRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let padded = self.norm.padded();
        for row in self.rows.chunks_mut(self.stride) {
            for part in row[self.first..][..self.parts * padded].chunks_mut(padded) {
                self.norm.apply(l, part);
            }
        }
    }
}
