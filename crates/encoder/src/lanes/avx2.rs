//! Sixteen numbers in two registers of AVX2, with FMA; and the same with AVX-VNNI's products of int8.
//!
//! AVX2 has no exact product of eight-bit integers with signs, so without VNNI they are widened to sixteen bits, two to a
//! word, and multiplied in pairs (`vpmaddwd`): 127² · 2 is far from the limits of 32 bits.

use std::arch::x86_64::*;

use super::sixteen::{Lanes, Line, WIDTH, Work};

/// The proof that this processor has AVX2 and FMA; with `VNNI`, also AVX-VNNI.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Avx2<const VNNI: bool>(());

impl<const VNNI: bool> Avx2<VNNI> {
    /// The proof, where this processor has the instructions.
    pub(crate) fn detect() -> Option<Self> {
        let base = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        (base && (!VNNI || is_x86_feature_detected!("avxvnni"))).then_some(Self(()))
    }

    #[target_feature(enable = "avx2,fma")]
    fn with_avx2<W: Work>(self, work: W) -> W::Output
    where
        Self: Lanes,
    {
        work.run(self)
    }

    #[target_feature(enable = "avx2,fma,avxvnni")]
    fn with_vnni<W: Work>(self, work: W) -> W::Output
    where
        Self: Lanes,
    {
        work.run(self)
    }
}

/// How many words meet a line of weights.
pub(crate) trait WordLayout {
    type Words: Copy + AsRef<[u32]>;
    fn of_lines(words: &[u32]) -> &[Self::Words];
}

impl WordLayout for Avx2<false> {
    type Words = [u32; 2];

    #[inline(always)]
    fn of_lines(words: &[u32]) -> &[[u32; 2]] {
        words.as_chunks().0
    }
}

impl WordLayout for Avx2<true> {
    type Words = [u32; 1];

    #[inline(always)]
    fn of_lines(words: &[u32]) -> &[[u32; 1]] {
        words.as_chunks().0
    }
}

// SAFETY (of every block below): a value of this type exists only after `detect` found the features that the block's
// instructions need. They read and write nothing but their arguments; the addresses that loads and stores get are those of
// references to as many bytes, and none of these instructions asks for alignment.
impl<const VNNI: bool> Lanes for Avx2<VNNI>
where
    Self: WordLayout,
{
    type F32 = [__m256; 2];
    type I32 = [__m256i; 2];
    type Weights = [__m256i; 2];
    type Words = <Self as WordLayout>::Words;
    const PANELS: usize = 1;
    const GROUP: usize = if VNNI { 4 } else { 2 };
    const OFFSET: i32 = if VNNI { 128 } else { 0 };

    #[inline(always)]
    fn run<W: Work>(self, work: W) -> W::Output {
        // SAFETY: `self` proves the features.
        unsafe {
            if VNNI {
                self.with_vnni(work)
            } else {
                self.with_avx2(work)
            }
        }
    }

    #[inline(always)]
    fn prefetch(self, line: *const Line) {
        // SAFETY: the instruction is a hint. It gives nothing to the program, and does nothing where there is no memory.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    fn load(self, values: &[f32; WIDTH]) -> Self::F32 {
        let at = values.as_ptr();
        // SAFETY: as above.
        unsafe { [_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8))] }
    }

    #[inline(always)]
    fn store(self, values: Self::F32, out: &mut [f32; WIDTH]) {
        let at = out.as_mut_ptr();
        // SAFETY: as above.
        unsafe {
            _mm256_storeu_ps(at, values[0]);
            _mm256_storeu_ps(at.add(8), values[1]);
        }
    }

    #[inline(always)]
    fn load_line(self, line: &Line) -> Self::F32 {
        let at = line.0.as_ptr().cast::<f32>();
        // SAFETY: as above.
        unsafe { [_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8))] }
    }

    #[inline(always)]
    fn load_half_line(self, line: &Line, half: usize) -> Self::F32 {
        let bytes: &[u8; 32] = &line.0.as_chunks::<32>().0[half];
        let at = bytes.as_ptr().cast::<__m128i>();
        // SAFETY: as above.
        unsafe {
            let first = _mm256_cvtepu16_epi32(_mm_loadu_si128(at));
            let second = _mm256_cvtepu16_epi32(_mm_loadu_si128(at.add(1)));
            [
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(first)),
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(second)),
            ]
        }
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { [_mm256_div_ps(a[0], b[0]), _mm256_div_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe {
            [
                _mm256_fmadd_ps(a[0], b[0], c[0]),
                _mm256_fmadd_ps(a[1], b[1], c[1]),
            ]
        }
    }

    #[inline(always)]
    fn neg_mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe {
            [
                _mm256_fnmadd_ps(a[0], b[0], c[0]),
                _mm256_fnmadd_ps(a[1], b[1], c[1]),
            ]
        }
    }

    // `vmaxps` and `vminps` give their second argument where one is NaN, as the trait asks.
    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { [_mm256_min_ps(a[0], b[0]), _mm256_min_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn abs(self, a: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe {
            let sign = _mm256_set1_ps(-0.0);
            [_mm256_andnot_ps(sign, a[0]), _mm256_andnot_ps(sign, a[1])]
        }
    }

    #[inline(always)]
    fn select_less(self, a: Self::F32, b: Self::F32, then: Self::F32, otherwise: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe {
            let less = [
                _mm256_cmp_ps::<_CMP_LT_OQ>(a[0], b[0]),
                _mm256_cmp_ps::<_CMP_LT_OQ>(a[1], b[1]),
            ];
            [
                _mm256_blendv_ps(otherwise[0], then[0], less[0]),
                _mm256_blendv_ps(otherwise[1], then[1], less[1]),
            ]
        }
    }

    // By the rounding mode, which is to the nearest, even of two.
    #[inline(always)]
    fn round(self, a: Self::F32) -> Self::I32 {
        // SAFETY: as above.
        unsafe { [_mm256_cvtps_epi32(a[0]), _mm256_cvtps_epi32(a[1])] }
    }

    #[inline(always)]
    fn to_f32(self, a: Self::I32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { [_mm256_cvtepi32_ps(a[0]), _mm256_cvtepi32_ps(a[1])] }
    }

    #[inline(always)]
    fn exp2(self, a: Self::I32) -> Self::F32 {
        // SAFETY: as above.
        unsafe {
            let bias = _mm256_set1_epi32(127);
            [
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_add_epi32(a[0], bias))),
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_add_epi32(a[1], bias))),
            ]
        }
    }

    #[inline(always)]
    fn sum(self, a: Self::F32) -> f32 {
        // SAFETY: as above.
        unsafe {
            let eight = _mm256_add_ps(a[0], a[1]);
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ps(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }

    #[inline(always)]
    fn largest(self, a: Self::F32) -> f32 {
        // SAFETY: as above.
        unsafe {
            let eight = _mm256_max_ps(a[0], a[1]);
            let four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ps(two, _mm_shuffle_ps::<1>(two, two)))
        }
    }

    #[inline(always)]
    fn splat_i32(self, value: i32) -> Self::I32 {
        // SAFETY: as above.
        unsafe { [_mm256_set1_epi32(value); 2] }
    }

    #[inline(always)]
    fn load_i32(self, values: &[i32; WIDTH]) -> Self::I32 {
        let at = values.as_ptr().cast::<__m256i>();
        // SAFETY: as above.
        unsafe { [_mm256_loadu_si256(at), _mm256_loadu_si256(at.add(1))] }
    }

    #[inline(always)]
    fn store_i32(self, values: Self::I32, out: &mut [i32; WIDTH]) {
        let at = out.as_mut_ptr().cast::<__m256i>();
        // SAFETY: as above.
        unsafe {
            _mm256_storeu_si256(at, values[0]);
            _mm256_storeu_si256(at.add(1), values[1]);
        }
    }

    #[inline(always)]
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: as above.
        unsafe { [_mm256_sub_epi32(a[0], b[0]), _mm256_sub_epi32(a[1], b[1])] }
    }

    #[inline(always)]
    fn max_magnitude(self, bits: Self::I32, a: Self::F32) -> Self::I32 {
        // SAFETY: as above.
        unsafe {
            let magnitude = self.abs(a);
            [
                _mm256_max_epi32(bits[0], _mm256_castps_si256(magnitude[0])),
                _mm256_max_epi32(bits[1], _mm256_castps_si256(magnitude[1])),
            ]
        }
    }

    #[inline(always)]
    fn largest_i32(self, a: Self::I32) -> i32 {
        // SAFETY: as above.
        unsafe {
            let eight = _mm256_max_epi32(a[0], a[1]);
            let four = _mm_max_epi32(
                _mm256_castsi256_si128(eight),
                _mm256_extracti128_si256::<1>(eight),
            );
            let two = _mm_max_epi32(four, _mm_shuffle_epi32::<0b1110>(four));
            _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32::<1>(two)))
        }
    }

    #[inline(always)]
    fn store_words(self, integers: Self::I32, out: &mut [u32]) {
        // SAFETY: as above.
        unsafe {
            // The pack works within halves of a register; the permutation puts their quarters in order.
            let narrow = _mm256_packs_epi32(integers[0], integers[1]);
            let narrow = _mm256_permute4x64_epi64::<0b11_01_10_00>(narrow);
            if VNNI {
                let out: &mut [u32; 4] = (&mut out[..4]).try_into().expect("four words");
                let bytes = _mm_packs_epi16(
                    _mm256_castsi256_si128(narrow),
                    _mm256_extracti128_si256::<1>(narrow),
                );
                let bytes = _mm_xor_si128(bytes, _mm_set1_epi8(-128));
                _mm_storeu_si128(out.as_mut_ptr().cast(), bytes);
            } else {
                let out: &mut [u32; 8] = (&mut out[..8]).try_into().expect("eight words");
                _mm256_storeu_si256(out.as_mut_ptr().cast(), narrow);
            }
        }
    }

    #[inline(always)]
    fn words_of_lines(words: &[u32]) -> &[Self::Words] {
        <Self as WordLayout>::of_lines(words)
    }

    #[inline(always)]
    fn load_weights(self, line: &Line, word: usize) -> Self::Weights {
        let at = line.0.as_ptr();
        // SAFETY: as above; there are two words in a line without VNNI, one with it.
        unsafe {
            if VNNI {
                [
                    _mm256_loadu_si256(at.cast()),
                    _mm256_loadu_si256(at.add(32).cast()),
                ]
            } else {
                let at = line.0.as_chunks::<32>().0[word].as_ptr();
                [
                    _mm256_cvtepi8_epi16(_mm_loadu_si128(at.cast())),
                    _mm256_cvtepi8_epi16(_mm_loadu_si128(at.add(16).cast())),
                ]
            }
        }
    }

    #[inline(always)]
    fn dot(self, sums: Self::I32, word: u32, weights: Self::Weights) -> Self::I32 {
        // SAFETY: as above.
        unsafe {
            let word = _mm256_set1_epi32(word as i32);
            if VNNI {
                [
                    _mm256_dpbusd_avx_epi32(sums[0], word, weights[0]),
                    _mm256_dpbusd_avx_epi32(sums[1], word, weights[1]),
                ]
            } else {
                [
                    _mm256_add_epi32(sums[0], _mm256_madd_epi16(word, weights[0])),
                    _mm256_add_epi32(sums[1], _mm256_madd_epi16(word, weights[1])),
                ]
            }
        }
    }
}
