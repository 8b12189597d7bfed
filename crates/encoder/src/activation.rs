//! The functions between a feed-forward's products, and the exponential function that they and attention share.
//!
//! Their polynomials are fitted for this crate: the relative error of [`exp`] is below 2⁻²³, the absolute error of GELU below
//! 2⁻²⁴ of its argument. They use nothing but multiply-add, so they give the same bits on each processor.

use crate::description::Activation;
use crate::lanes::{Lanes, WIDTH, Work};

/// `e^x`; 0 below −87, and about 2¹²⁷ from 88 on. NaN stays NaN.
#[inline(always)]
pub(crate) fn exp<L: Lanes>(l: L, x: L::F32) -> L::F32 {
    const LEAST: f32 = -87.0;
    const MOST: f32 = 88.0;
    // ln 2 in two parts, so that `x − n · ln 2` is exact enough.
    const LN_2_HIGH: f32 = std::f32::consts::LN_2;
    const LN_2_LOW: f32 = -1.904_654_3e-9;

    // In this order of arguments, NaN passes.
    let bounded = l.max(l.splat(LEAST), l.min(l.splat(MOST), x));
    let n = l.round(l.mul(bounded, l.splat(std::f32::consts::LOG2_E)));
    let whole = l.to_f32(n);
    let rest = l.neg_mul_add(whole, l.splat(LN_2_HIGH), bounded);
    let rest = l.neg_mul_add(whole, l.splat(LN_2_LOW), rest);

    let polynomial = polynomial(
        l,
        rest,
        [0.001_395_161_4, 0.008_369_592, 0.041_666_187, 0.166_665_14, 0.5],
    );
    let power = l.add(l.mul_add(polynomial, l.mul(rest, rest), rest), l.splat(1.0));
    let result = l.mul(power, l.exp2(n));
    l.select_less(x, l.splat(LEAST), l.splat(0.0), result)
}

/// A polynomial by Horner's rule; the coefficient of the highest power comes first.
#[inline(always)]
fn polynomial<L: Lanes, const N: usize>(l: L, x: L::F32, coefficients: [f32; N]) -> L::F32 {
    let mut sum = l.splat(coefficients[0]);
    for coefficient in &coefficients[1..] {
        sum = l.mul_add(sum, x, l.splat(*coefficient));
    }
    sum
}

/// `x · Φ(x)`, as `max(x, 0) − |x| · Q(|x|)`, where `Q(t) = exp(q(t) − t²/2)` is the normal distribution's upper tail
/// and `q` a polynomial.
#[inline(always)]
fn gelu<L: Lanes>(l: L, x: L::F32) -> L::F32 {
    // Above it the polynomial is not fitted, and the tail is below 10⁻⁹.
    const MOST: f32 = 6.0;

    let magnitude = l.abs(x);
    let q = polynomial(
        l,
        l.min(l.splat(MOST), magnitude),
        [
            9.645_757_6e-8,
            -2.400_448_2e-6,
            2.346_035_6e-5,
            -9.390_143e-5,
            -0.000_207_566_44,
            0.005_078_096_4,
            -0.036_544_908,
            0.181_771_03,
            -0.797_899_25,
            -0.693_146_3,
        ],
    );
    let exponent = l.mul_add(l.mul(magnitude, l.splat(-0.5)), magnitude, q);
    l.neg_mul_add(magnitude, exp(l, exponent), l.max(l.splat(0.0), x))
}

/// `x · sigmoid(2u)` with `u = √(2/π) · (x + 0.044715 x³)`, which is `x/2 · (1 + tanh u)`.
#[inline(always)]
fn gelu_tanh<L: Lanes>(l: L, x: L::F32) -> L::F32 {
    /// `2 √(2/π)`.
    const FACTOR: f32 = 1.595_769_2;
    const CUBIC: f32 = 0.044_715;

    let cube = l.mul_add(l.mul(l.mul(x, x), l.splat(CUBIC)), x, x);
    let power = exp(l, l.mul(cube, l.splat(-FACTOR)));
    l.div(x, l.add(power, l.splat(1.0)))
}

/// `x · sigmoid(x)`.
#[inline(always)]
fn silu<L: Lanes>(l: L, x: L::F32) -> L::F32 {
    let power = exp(l, l.mul(x, l.splat(-1.0)));
    l.div(x, l.add(power, l.splat(1.0)))
}

/// Applies an activation to columns of rows, in place.
pub(crate) struct Activate<'a> {
    pub(crate) activation: Activation,
    pub(crate) rows: &'a mut [f32],
    /// From one row to the next.
    pub(crate) stride: usize,
    /// Where the columns begin.
    pub(crate) first: usize,
    /// A multiple of [`WIDTH`].
    pub(crate) columns: usize,
}

impl Work for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        for row in self.rows.chunks_mut(self.stride) {
            let (groups, _) = row[self.first..][..self.columns].as_chunks_mut::<WIDTH>();
            for group in groups {
                let x = l.load(group);
                let y = match self.activation {
                    Activation::Gelu => gelu(l, x),
                    Activation::GeluTanh => gelu_tanh(l, x),
                    Activation::Silu => silu(l, x),
                    Activation::Relu => l.max(l.splat(0.0), x),
                };
                l.store(y, group);
            }
        }
    }
}
