//! Sixteen numbers in one register of AVX-512, with its products of int8 (VNNI).

use std::arch::x86_64::*;

use super::sixteen::{Lanes, Line, WIDTH, Work};

/// The proof that this processor has AVX-512 with F, BW, DQ, VL and VNNI, and AVX2 and FMA.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// The proof, where this processor has the instructions.
    pub(crate) fn detect() -> Option<Self> {
        let has_all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni");
        has_all.then_some(Self(()))
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    fn with_features<W: Work>(self, work: W) -> W::Output {
        work.run(self)
    }
}

/// Combines halves of a register until one lane is left.
macro_rules! fold {
    ($a:expr, $wide:ident, $narrow:ident) => {{
        let a = $a;
        let eight = $wide(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps::<1>(a));
        let four = $narrow(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = $narrow(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32($narrow(two, _mm_shuffle_ps::<1>(two, two)))
    }};
}

// SAFETY (of every block below): a value of this type exists only after `detect` found the features that the block's
// instructions need. They read and write nothing but their arguments; the addresses that loads and stores get are those of
// references to as many bytes, and none of these instructions asks for alignment.
impl Lanes for Avx512 {
    type F32 = __m512;
    type I32 = __m512i;
    type Weights = __m512i;
    type Words = [u32; 1];
    const PANELS: usize = 4;
    const GROUP: usize = 4;
    const OFFSET: i32 = 128;

    #[inline(always)]
    fn run<W: Work>(self, work: W) -> W::Output {
        // SAFETY: `self` proves the features.
        unsafe { self.with_features(work) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, values: &[f32; WIDTH]) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_loadu_ps(values.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, values: __m512, out: &mut [f32; WIDTH]) {
        // SAFETY: as above.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), values) }
    }

    #[inline(always)]
    fn load_line(self, line: &Line) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_loadu_ps(line.0.as_ptr().cast()) }
    }

    #[inline(always)]
    fn load_half_line(self, line: &Line, half: usize) -> __m512 {
        let bytes: &[u8; 32] = &line.0.as_chunks::<32>().0[half];
        // SAFETY: as above.
        unsafe {
            let numbers = _mm512_cvtepu16_epi32(_mm256_loadu_si256(bytes.as_ptr().cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(numbers))
        }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn neg_mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }

    // `vmaxps` and `vminps` give their second argument where one is NaN, as the trait asks.
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    fn abs(self, a: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_abs_ps(a) }
    }

    #[inline(always)]
    fn select_less(self, a: __m512, b: __m512, then: __m512, otherwise: __m512) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), otherwise, then) }
    }

    // By the rounding mode, which is to the nearest, even of two.
    #[inline(always)]
    fn round(self, a: __m512) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_cvtps_epi32(a) }
    }

    #[inline(always)]
    fn to_f32(self, a: __m512i) -> __m512 {
        // SAFETY: as above.
        unsafe { _mm512_cvtepi32_ps(a) }
    }

    #[inline(always)]
    fn exp2(self, a: __m512i) -> __m512 {
        // SAFETY: as above.
        unsafe {
            _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_add_epi32(
                a,
                _mm512_set1_epi32(127),
            )))
        }
    }

    #[inline(always)]
    fn sum(self, a: __m512) -> f32 {
        // SAFETY: as above.
        unsafe { fold!(a, _mm256_add_ps, _mm_add_ps) }
    }

    #[inline(always)]
    fn largest(self, a: __m512) -> f32 {
        // SAFETY: as above.
        unsafe { fold!(a, _mm256_max_ps, _mm_max_ps) }
    }

    #[inline(always)]
    fn splat_i32(self, value: i32) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_set1_epi32(value) }
    }

    #[inline(always)]
    fn load_i32(self, values: &[i32; WIDTH]) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store_i32(self, values: __m512i, out: &mut [i32; WIDTH]) {
        // SAFETY: as above.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), values) }
    }

    #[inline(always)]
    fn sub_i32(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_sub_epi32(a, b) }
    }

    #[inline(always)]
    fn max_magnitude(self, bits: __m512i, a: __m512) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_max_epi32(bits, _mm512_castps_si512(_mm512_abs_ps(a))) }
    }

    #[inline(always)]
    fn largest_i32(self, a: __m512i) -> i32 {
        // SAFETY: as above.
        unsafe { _mm512_reduce_max_epi32(a) }
    }

    #[inline(always)]
    fn store_words(self, integers: __m512i, out: &mut [u32]) {
        let Some(out) = out.first_chunk_mut::<4>() else {
            unreachable!("four words of four integers")
        };
        // SAFETY: as above.
        unsafe {
            let bytes = _mm_xor_si128(_mm512_cvtepi32_epi8(integers), _mm_set1_epi8(-128));
            _mm_storeu_si128(out.as_mut_ptr().cast(), bytes);
        }
    }

    #[inline(always)]
    fn words_of_lines(words: &[u32]) -> &[[u32; 1]] {
        words.as_chunks().0
    }

    #[inline(always)]
    fn load_weights(self, line: &Line, _: usize) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_loadu_si512(line.0.as_ptr().cast()) }
    }

    #[inline(always)]
    fn dot(self, sums: __m512i, word: u32, weights: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_dpbusd_epi32(sums, _mm512_set1_epi32(word as i32), weights) }
    }
}
