//! What a processor must offer: sixteen numbers at a time, and something that is computed on them.

/// How many numbers [`Lanes`] holds.
pub(crate) const WIDTH: usize = 16;

/// A cache line of packed weights.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u8; 64]);

/// Sixteen numbers at a time.
pub(crate) trait Lanes: Copy + Send + Sync + 'static {
    /// Sixteen `f32`.
    type F32: Copy;
    /// Sixteen `i32`.
    type I32: Copy;
    /// The int8 weights of sixteen outputs for one word of activations.
    type Weights: Copy;
    /// The words of activations that meet one line of int8 weights: `[u32; 4 / GROUP]`.
    type Words: Copy + AsRef<[u32]>;
    /// Panels of sixteen outputs that a tile of a product computes together, so that its sums fill the registers.
    const PANELS: usize;
    /// Integers of one activation word: the products that one [`dot`](Self::dot) adds to each lane.
    const GROUP: usize;
    /// What is added to each quantized activation in its word.
    const OFFSET: i32;

    /// Runs `work` compiled for this processor.
    ///
    /// `work` is inlined into a function that has the processor's features; everything that it calls on lanes must be
    /// `#[inline(always)]`, or be run by a `run` of its own.
    fn run<W: Work>(self, work: W) -> W::Output;

    /// Asks for a line that is read soon. Nothing else happens, whether there is one at this address or not.
    #[inline(always)]
    fn prefetch(self, _: *const Line) {}

    fn splat(self, value: f32) -> Self::F32;
    fn load(self, values: &[f32; WIDTH]) -> Self::F32;
    fn store(self, values: Self::F32, out: &mut [f32; WIDTH]);
    /// Sixteen little-endian numbers.
    fn load_line(self, line: &Line) -> Self::F32;
    /// Sixteen little-endian bf16 numbers: the first or the second half of a line.
    fn load_half_line(self, line: &Line, half: usize) -> Self::F32;
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a · b + c`, rounded once.
    fn mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    /// `c − a · b`, rounded once.
    fn neg_mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    /// `a` where `a > b`, `b` elsewhere: also where one is NaN.
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a` where `a < b`, `b` elsewhere: also where one is NaN.
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn abs(self, a: Self::F32) -> Self::F32;
    /// `then` where `a < b`, `otherwise` elsewhere: also where one is NaN.
    fn select_less(self, a: Self::F32, b: Self::F32, then: Self::F32, otherwise: Self::F32) -> Self::F32;
    /// The nearest integer, the even one of two. Only for magnitudes below 2³¹; NaN gives any integer.
    fn round(self, a: Self::F32) -> Self::I32;
    /// The nearest number.
    fn to_f32(self, a: Self::I32) -> Self::F32;
    /// `2^a`, for −126 ≤ `a` ≤ 127; any number elsewhere.
    fn exp2(self, a: Self::I32) -> Self::F32;
    /// `((0+8)+(4+12)) + ((2+10)+(6+14))` plus the same of the odd lanes: halves are added until one is left.
    fn sum(self, a: Self::F32) -> f32;
    /// The largest of the lanes, found as [`max`](Self::max) of halves.
    fn largest(self, a: Self::F32) -> f32;

    fn splat_i32(self, value: i32) -> Self::I32;
    fn load_i32(self, values: &[i32; WIDTH]) -> Self::I32;
    fn store_i32(self, values: Self::I32, out: &mut [i32; WIDTH]);
    /// The difference, wrapping.
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// The larger of each lane of `bits` and of the bits of `a` without its sign. Bits of positive numbers are ordered as
    /// the numbers are, with infinity and NaN above all.
    fn max_magnitude(self, bits: Self::I32, a: Self::F32) -> Self::I32;
    /// The largest lane.
    fn largest_i32(self, a: Self::I32) -> i32;
    /// Writes integers from −127 to 127 as `WIDTH / GROUP` words, with [`OFFSET`](Self::OFFSET) added.
    fn store_words(self, integers: Self::I32, out: &mut [u32]);
    /// Words by the line of weights that they meet.
    fn words_of_lines(words: &[u32]) -> &[Self::Words];
    /// The weights of sixteen outputs for one word of activations, from a line that has those of `4 / GROUP` words.
    fn load_weights(self, line: &Line, word: usize) -> Self::Weights;
    /// Adds to each lane the products of a word's integers with the lane's weights. The sum is exact; it wraps as `i32`.
    fn dot(self, sums: Self::I32, word: u32, weights: Self::Weights) -> Self::I32;
}

/// Something that is computed on lanes.
pub(crate) trait Work {
    /// What it gives.
    type Output;
    /// Computes it. Implementations are `#[inline(always)]`.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}
