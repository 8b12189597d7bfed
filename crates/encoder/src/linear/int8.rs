//! Products of 8-bit integers.

use super::tile::{Arithmetic, ask_ahead};
use crate::lanes::{Lanes, Line, WIDTH, Work};

/// Integers that a line of weights has for each output.
pub(super) const INPUTS: usize = 4;

/// Quantizes rows: the largest magnitude of a row becomes 127.
pub(crate) struct Quantize<'a> {
    pub(crate) rows: &'a [f32],
    /// Values of a row.
    pub(crate) inputs: usize,
    /// What each value of a row is multiplied by first, where that is not 1 for all.
    pub(crate) factors: Option<&'a [f32]>,
    /// Of a row after the other.
    pub(crate) words: &'a mut [u32],
    /// What an integer is worth, for each row. NaN where a value is infinite or NaN.
    pub(crate) scales: &'a mut [f32],
}

impl Work for Quantize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        // Below it, the factor would be beyond the range of floats.
        const LEAST: f32 = 1e-30;

        let factors = self.factors.map(|factors| factors.as_chunks::<WIDTH>().0);
        let words = self.words.chunks_mut(self.inputs / L::GROUP);
        for ((row, words), scale) in self.rows.chunks(self.inputs).zip(words).zip(self.scales) {
            let (groups, _) = row.as_chunks::<WIDTH>();
            let mut most = l.splat_i32(0);
            for (index, group) in groups.iter().enumerate() {
                most = l.max_magnitude(most, scaled(l, group, factors, index));
            }
            let most = f32::from_bits(l.largest_i32(most) as u32);
            let factor = if most >= LEAST && most.is_finite() {
                *scale = most / 127.0;
                127.0 / most
            } else {
                *scale = if most < LEAST { 0.0 } else { f32::NAN };
                words.fill(u32::from_le_bytes([L::OFFSET as u8; 4]));
                continue;
            };
            let factor = l.splat(factor);
            let words = words.chunks_mut(WIDTH / L::GROUP);
            for ((index, group), words) in groups.iter().enumerate().zip(words) {
                let value = scaled(l, group, factors, index);
                l.store_words(l.round(l.mul(value, factor)), words);
            }
        }
    }
}

/// Sixteen values of a row, times their factors.
#[inline(always)]
fn scaled<L: Lanes>(l: L, group: &[f32; WIDTH], factors: Option<&[[f32; WIDTH]]>, index: usize) -> L::F32 {
    let values = l.load(group);
    match factors {
        None => values,
        Some(factors) => l.mul(values, l.load(&factors[index])),
    }
}

/// Sums of integers.
#[derive(Clone, Copy)]
pub(super) struct Integers<'a> {
    /// Of each row.
    pub(super) row_scales: &'a [f32],
    /// Of each output.
    pub(super) scales: &'a [f32],
    /// Of each output: what the words' offset adds to its sum.
    pub(super) excess: &'a [i32],
    /// Of each output.
    pub(super) bias: &'a [f32],
}

impl Arithmetic for Integers<'_> {
    type Value = u32;
    type Sums<L: Lanes> = L::I32;
    type Values<L: Lanes> = L::Words;
    type Kept = i32;
    const ZERO: [i32; WIDTH] = [0; WIDTH];

    #[inline(always)]
    fn of_lines<L: Lanes>(values: &[u32]) -> &[L::Words] {
        L::words_of_lines(values)
    }

    #[inline(always)]
    fn load<L: Lanes>(l: L, kept: &[i32; WIDTH]) -> L::I32 {
        l.load_i32(kept)
    }

    #[inline(always)]
    fn keep<L: Lanes>(l: L, sums: L::I32, kept: &mut [i32; WIDTH]) {
        l.store_i32(sums, kept);
    }

    #[inline(always)]
    fn add<L: Lanes, const R: usize, const P: usize>(
        l: L,
        sums: &mut [[L::I32; P]; R],
        lines: [&Line; P],
        values: [&L::Words; R],
    ) {
        for word in 0..INPUTS / L::GROUP {
            let mut weights = [l.load_weights(lines[0], word); P];
            for panel in 1..P {
                weights[panel] = l.load_weights(lines[panel], word);
            }
            for row in 0..R {
                let value = values[row].as_ref()[word];
                for panel in 0..P {
                    sums[row][panel] = l.dot(sums[row][panel], value, weights[panel]);
                }
            }
            if word == 0 {
                ask_ahead(l, lines);
            }
        }
    }

    /// The excess, the scales and the bias.
    type Outputs<L: Lanes> = (L::I32, L::F32, L::F32);

    #[inline(always)]
    fn outputs<L: Lanes>(&self, l: L, panel: usize) -> Self::Outputs<L> {
        (
            l.load_i32(&self.excess.as_chunks().0[panel]),
            l.load(&self.scales.as_chunks().0[panel]),
            l.load(&self.bias.as_chunks().0[panel]),
        )
    }

    #[inline(always)]
    fn factor(&self, row: usize) -> f32 {
        self.row_scales[row]
    }

    #[inline(always)]
    fn result<L: Lanes>(l: L, sums: L::I32, factor: f32, outputs: Self::Outputs<L>) -> L::F32 {
        let (excess, scales, bias) = outputs;
        let sums = if L::OFFSET == 0 {
            sums
        } else {
            l.sub_i32(sums, excess)
        };
        l.mul_add(l.to_f32(sums), l.mul(l.splat(factor), scales), bias)
    }
}
