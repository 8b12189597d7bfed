//! What a processor could do at most: multiply-adds of registers, without any memory.

use std::hint::black_box;
use std::time::Instant;

use super::{
    Kernel,
    sixteen::{Lanes, Line, WIDTH, Work},
};

/// Sums that are computed beside each other, so that none waits for its predecessor. They take twelve registers where a
/// register has eight lanes.
const SUMS: usize = 6;

impl Kernel {
    /// Multiply-adds a second of one thread, of 32-bit floats or of 8-bit integers: the limit of any product.
    pub fn peak(self, integers: bool) -> f64 {
        const ROUNDS: usize = 200_000;
        let mut best = 0.0f64;
        for _ in 0..10 {
            let start = Instant::now();
            let products = if integers {
                self.run(Integers(ROUNDS))
            } else {
                self.run(Floats(ROUNDS))
            };
            best = best.max(products as f64 / start.elapsed().as_secs_f64());
        }
        best
    }
}

struct Floats(usize);

impl Work for Floats {
    type Output = usize;

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> usize {
        let (a, b) = (l.splat(black_box(0.5)), l.splat(black_box(0.25)));
        let mut sums = [l.splat(0.0); SUMS];
        for _ in 0..self.0 {
            for sum in &mut sums {
                *sum = l.mul_add(a, b, *sum);
            }
        }
        let sum = sums.into_iter().fold(l.splat(0.0), |a, b| l.add(a, b));
        black_box(l.sum(sum));
        self.0 * SUMS * WIDTH
    }
}

struct Integers(usize);

impl Work for Integers {
    type Output = usize;

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) -> usize {
        let word = black_box(0x0203_0101);
        let weights = l.load_weights(black_box(&Line([1; 64])), 0);
        let mut sums = [l.splat_i32(0); SUMS];
        for round in 0..self.0 {
            for (index, sum) in sums.iter_mut().enumerate() {
                // Without the round, the product would be computed once.
                *sum = l.dot(*sum, word ^ ((round + index) as u32 & 1), weights);
            }
        }
        let sum = sums.into_iter().fold(l.splat_i32(0), |a, b| l.sub_i32(a, b));
        black_box(l.largest_i32(sum));
        self.0 * SUMS * WIDTH * L::GROUP
    }
}
