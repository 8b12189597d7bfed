//! Positions as a rotation of queries and keys.

use crate::description::{Pairs, Rotary};
use crate::lanes::{Lanes, Work};

/// Cosines and sines of each position's pairs.
#[derive(Debug)]
pub(crate) struct Rotation {
    rotary: Rotary,
    /// Of a position after the other: the cosines of its pairs, then their sines.
    table: Vec<f32>,
}

impl Rotation {
    /// A rotation without positions; [`reach`](Self::reach) adds them.
    pub(crate) fn new(rotary: Rotary) -> Self {
        Self {
            rotary,
            table: Vec::new(),
        }
    }

    /// What it was made from.
    pub(crate) fn rotary(&self) -> Rotary {
        self.rotary
    }

    /// Computes positions up to `count`, where they are not there yet.
    ///
    /// Frequencies and angles are rounded to 32 bits where the makers' own code does, so that long texts agree with it;
    /// the functions themselves are computed in 64 bits, by code that is the same on every system.
    pub(crate) fn reach(&mut self, count: usize) {
        let pairs = self.rotary.width / 2;
        let known = self.table.len() / (2 * pairs).max(1);
        for position in known..count {
            let angle = |pair: usize| {
                let exponent = (2 * pair) as f32 / self.rotary.width as f32;
                let frequency = 1.0 / libm::pow(self.rotary.theta, f64::from(exponent)) as f32;
                let frequency = frequency / self.rotary.divisor as f32;
                f64::from(position as f32 * frequency)
            };
            for pair in 0..pairs {
                self.table.push(libm::cos(angle(pair)) as f32);
            }
            for pair in 0..pairs {
                self.table.push(libm::sin(angle(pair)) as f32);
            }
        }
    }

    /// Bytes of its table.
    pub(crate) fn bytes(&self) -> usize {
        std::mem::size_of_val(self.table.as_slice())
    }
}

/// Rotates heads of rows in place.
pub(crate) struct Rotate<'a> {
    pub(crate) rotation: &'a Rotation,
    /// Of a text, one after the other.
    pub(crate) rows: &'a mut [f32],
    pub(crate) stride: usize,
    /// Of the first row.
    pub(crate) position: usize,
    /// How many heads, from the row's begin on.
    pub(crate) heads: usize,
    /// From one head to the next.
    pub(crate) padded: usize,
}

impl Work for Rotate<'_> {
    type Output = ();

    // Each value is computed for itself, so the compiler's own vectors give the same bits.
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Rotary { width, pairs, .. } = self.rotation.rotary;
        for (index, row) in self.rows.chunks_mut(self.stride).enumerate() {
            let table = &self.rotation.table[(self.position + index) * width..][..width];
            let (cosines, sines) = table.split_at(width / 2);
            for head in row[..self.heads * self.padded].chunks_mut(self.padded) {
                let head = &mut head[..width];
                match pairs {
                    Pairs::Halves => {
                        let (first, second) = head.split_at_mut(width / 2);
                        for ((a, b), (cosine, sine)) in
                            first.iter_mut().zip(second).zip(cosines.iter().zip(sines))
                        {
                            turn(a, b, *cosine, *sine);
                        }
                    }
                    Pairs::Neighbours => {
                        let (pairs, _) = head.as_chunks_mut::<2>();
                        for ([a, b], (cosine, sine)) in pairs.iter_mut().zip(cosines.iter().zip(sines)) {
                            turn(a, b, *cosine, *sine);
                        }
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn turn(a: &mut f32, b: &mut f32, cosine: f32, sine: f32) {
    let (x, y) = (*a, *b);
    *a = x.mul_add(cosine, -(y * sine));
    *b = y.mul_add(cosine, x * sine);
}
