//! Sixteen numbers in four registers of NEON; and the same with products of int8 (`sdot`), which most processors have.
//!
//! Without them, as on a Raspberry Pi 4, integers are multiplied to sixteen bits and added in pairs: 127² · 2 is still below
//! 2¹⁵.

use std::arch::aarch64::*;
use std::arch::asm;

use super::sixteen::{Lanes, Line, WIDTH, Work};

/// The proof that this processor has NEON; with `DOT`, also dot products.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Neon<const DOT: bool>(());

impl<const DOT: bool> Neon<DOT> {
    /// The proof, where this processor has the instructions.
    pub(crate) fn detect() -> Option<Self> {
        let base = std::arch::is_aarch64_feature_detected!("neon");
        (base && (!DOT || std::arch::is_aarch64_feature_detected!("dotprod"))).then_some(Self(()))
    }

    #[target_feature(enable = "neon")]
    fn with_neon<W: Work>(self, work: W) -> W::Output {
        work.run(self)
    }

    #[target_feature(enable = "neon,dotprod")]
    fn with_dot<W: Work>(self, work: W) -> W::Output {
        work.run(self)
    }
}

/// The same of each of the four registers.
macro_rules! each {
    ($a:ident => $e:expr) => {
        [
            {
                let $a = $a[0];
                $e
            },
            {
                let $a = $a[1];
                $e
            },
            {
                let $a = $a[2];
                $e
            },
            {
                let $a = $a[3];
                $e
            },
        ]
    };
    ($a:ident, $b:ident => $e:expr) => {
        [
            {
                let ($a, $b) = ($a[0], $b[0]);
                $e
            },
            {
                let ($a, $b) = ($a[1], $b[1]);
                $e
            },
            {
                let ($a, $b) = ($a[2], $b[2]);
                $e
            },
            {
                let ($a, $b) = ($a[3], $b[3]);
                $e
            },
        ]
    };
    ($a:ident, $b:ident, $c:ident => $e:expr) => {
        [
            {
                let ($a, $b, $c) = ($a[0], $b[0], $c[0]);
                $e
            },
            {
                let ($a, $b, $c) = ($a[1], $b[1], $c[1]);
                $e
            },
            {
                let ($a, $b, $c) = ($a[2], $b[2], $c[2]);
                $e
            },
            {
                let ($a, $b, $c) = ($a[3], $b[3], $c[3]);
                $e
            },
        ]
    };
}

// SAFETY (of every block below): a value of this type exists only after `detect` found the features that the block's
// instructions need. They read and write nothing but their arguments; the addresses that loads and stores get are those of
// references to as many bytes, and none of these instructions asks for alignment.
impl<const DOT: bool> Lanes for Neon<DOT> {
    type F32 = [float32x4_t; 4];
    type I32 = [int32x4_t; 4];
    type Weights = [int8x16_t; 4];
    type Words = [u32; 1];
    const PANELS: usize = 1;
    const GROUP: usize = 4;
    const OFFSET: i32 = 0;

    #[inline(always)]
    fn run<W: Work>(self, work: W) -> W::Output {
        // SAFETY: `self` proves the features.
        unsafe {
            if DOT {
                self.with_dot(work)
            } else {
                self.with_neon(work)
            }
        }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { [vdupq_n_f32(value); 4] }
    }

    #[inline(always)]
    fn load(self, values: &[f32; WIDTH]) -> Self::F32 {
        let at = values.as_ptr();
        // SAFETY: as above.
        unsafe {
            [
                vld1q_f32(at),
                vld1q_f32(at.add(4)),
                vld1q_f32(at.add(8)),
                vld1q_f32(at.add(12)),
            ]
        }
    }

    #[inline(always)]
    fn store(self, values: Self::F32, out: &mut [f32; WIDTH]) {
        let at = out.as_mut_ptr();
        // SAFETY: as above.
        unsafe {
            vst1q_f32(at, values[0]);
            vst1q_f32(at.add(4), values[1]);
            vst1q_f32(at.add(8), values[2]);
            vst1q_f32(at.add(12), values[3]);
        }
    }

    #[inline(always)]
    fn load_line(self, line: &Line) -> Self::F32 {
        let at = line.0.as_ptr().cast::<f32>();
        // SAFETY: as above.
        unsafe {
            [
                vld1q_f32(at),
                vld1q_f32(at.add(4)),
                vld1q_f32(at.add(8)),
                vld1q_f32(at.add(12)),
            ]
        }
    }

    #[inline(always)]
    fn load_half_line(self, line: &Line, half: usize) -> Self::F32 {
        let bytes: &[u8; 32] = &line.0.as_chunks::<32>().0[half];
        let at = bytes.as_ptr().cast::<u16>();
        // SAFETY: as above.
        unsafe {
            let numbers = [
                vld1_u16(at),
                vld1_u16(at.add(4)),
                vld1_u16(at.add(8)),
                vld1_u16(at.add(12)),
            ];
            each!(numbers => vreinterpretq_f32_u32(vshll_n_u16::<16>(numbers)))
        }
    }

    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { each!(a, b => vaddq_f32(a, b)) }
    }

    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { each!(a, b => vsubq_f32(a, b)) }
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { each!(a, b => vmulq_f32(a, b)) }
    }

    #[inline(always)]
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { each!(a, b => vdivq_f32(a, b)) }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { each!(a, b, c => vfmaq_f32(c, a, b)) }
    }

    #[inline(always)]
    fn neg_mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { each!(a, b, c => vfmsq_f32(c, a, b)) }
    }

    // Not `fmax` and `fmin`, which give NaN where either is NaN.
    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { each!(a, b => vbslq_f32(vcgtq_f32(a, b), a, b)) }
    }

    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { each!(a, b => vbslq_f32(vcltq_f32(a, b), a, b)) }
    }

    #[inline(always)]
    fn abs(self, a: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { each!(a => vabsq_f32(a)) }
    }

    #[inline(always)]
    fn select_less(self, a: Self::F32, b: Self::F32, then: Self::F32, otherwise: Self::F32) -> Self::F32 {
        // SAFETY: as above.
        unsafe {
            let less = each!(a, b => vcltq_f32(a, b));
            each!(less, then, otherwise => vbslq_f32(less, then, otherwise))
        }
    }

    #[inline(always)]
    fn round(self, a: Self::F32) -> Self::I32 {
        // SAFETY: as above.
        unsafe { each!(a => vcvtnq_s32_f32(a)) }
    }

    #[inline(always)]
    fn to_f32(self, a: Self::I32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { each!(a => vcvtq_f32_s32(a)) }
    }

    #[inline(always)]
    fn exp2(self, a: Self::I32) -> Self::F32 {
        // SAFETY: as above.
        unsafe { each!(a => vreinterpretq_f32_s32(vshlq_n_s32::<23>(vaddq_s32(a, vdupq_n_s32(127))))) }
    }

    #[inline(always)]
    fn sum(self, a: Self::F32) -> f32 {
        // SAFETY: as above.
        unsafe {
            let four = vaddq_f32(vaddq_f32(a[0], a[2]), vaddq_f32(a[1], a[3]));
            let two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
            vget_lane_f32::<0>(two) + vget_lane_f32::<1>(two)
        }
    }

    #[inline(always)]
    fn largest(self, a: Self::F32) -> f32 {
        let mut lanes = [0.0; WIDTH];
        self.store(a, &mut lanes);
        for half in [8, 4, 2, 1] {
            for lane in 0..half {
                if lanes[lane] <= lanes[lane + half] || lanes[lane].is_nan() || lanes[lane + half].is_nan() {
                    lanes[lane] = lanes[lane + half];
                }
            }
        }
        lanes[0]
    }

    #[inline(always)]
    fn splat_i32(self, value: i32) -> Self::I32 {
        // SAFETY: as above.
        unsafe { [vdupq_n_s32(value); 4] }
    }

    #[inline(always)]
    fn load_i32(self, values: &[i32; WIDTH]) -> Self::I32 {
        let at = values.as_ptr();
        // SAFETY: as above.
        unsafe {
            [
                vld1q_s32(at),
                vld1q_s32(at.add(4)),
                vld1q_s32(at.add(8)),
                vld1q_s32(at.add(12)),
            ]
        }
    }

    #[inline(always)]
    fn store_i32(self, values: Self::I32, out: &mut [i32; WIDTH]) {
        let at = out.as_mut_ptr();
        // SAFETY: as above.
        unsafe {
            vst1q_s32(at, values[0]);
            vst1q_s32(at.add(4), values[1]);
            vst1q_s32(at.add(8), values[2]);
            vst1q_s32(at.add(12), values[3]);
        }
    }

    #[inline(always)]
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        // SAFETY: as above.
        unsafe { each!(a, b => vsubq_s32(a, b)) }
    }

    #[inline(always)]
    fn max_magnitude(self, bits: Self::I32, a: Self::F32) -> Self::I32 {
        // SAFETY: as above.
        unsafe { each!(bits, a => vmaxq_s32(bits, vreinterpretq_s32_f32(vabsq_f32(a)))) }
    }

    #[inline(always)]
    fn largest_i32(self, a: Self::I32) -> i32 {
        // SAFETY: as above.
        unsafe { vmaxvq_s32(vmaxq_s32(vmaxq_s32(a[0], a[1]), vmaxq_s32(a[2], a[3]))) }
    }

    #[inline(always)]
    fn store_words(self, integers: Self::I32, out: &mut [u32]) {
        let Some(out) = out.first_chunk_mut::<4>() else {
            unreachable!("four words of four integers")
        };
        // SAFETY: as above.
        unsafe {
            let low = vcombine_s16(vmovn_s32(integers[0]), vmovn_s32(integers[1]));
            let high = vcombine_s16(vmovn_s32(integers[2]), vmovn_s32(integers[3]));
            vst1q_s8(
                out.as_mut_ptr().cast(),
                vcombine_s8(vmovn_s16(low), vmovn_s16(high)),
            );
        }
    }

    #[inline(always)]
    fn words_of_lines(words: &[u32]) -> &[[u32; 1]] {
        words.as_chunks().0
    }

    #[inline(always)]
    fn load_weights(self, line: &Line, _: usize) -> Self::Weights {
        let at = line.0.as_ptr().cast::<i8>();
        // SAFETY: as above.
        unsafe {
            [
                vld1q_s8(at),
                vld1q_s8(at.add(16)),
                vld1q_s8(at.add(32)),
                vld1q_s8(at.add(48)),
            ]
        }
    }

    #[inline(always)]
    fn dot(self, sums: Self::I32, word: u32, weights: Self::Weights) -> Self::I32 {
        // SAFETY: as above.
        unsafe {
            let word = vreinterpretq_s8_u32(vdupq_n_u32(word));
            if DOT {
                each!(sums, weights => sdot(sums, word, weights))
            } else {
                each!(sums, weights => {
                    let low = vmull_s8(vget_low_s8(word), vget_low_s8(weights));
                    let high = vmull_high_s8(word, weights);
                    vpadalq_s16(sums, vpaddq_s16(low, high))
                })
            }
        }
    }
}

/// Adds to each of four sums the products of four integers. The standard library has no stable function for it.
///
/// # Safety
///
/// The processor has dot products.
#[inline(always)]
unsafe fn sdot(mut sums: int32x4_t, word: int8x16_t, weights: int8x16_t) -> int32x4_t {
    // SAFETY: the processor has the instruction, which changes nothing but the register of its sum.
    unsafe {
        asm!(
            ".arch_extension dotprod",
            "sdot {sums:v}.4s, {weights:v}.16b, {word:v}.16b",
            sums = inout(vreg) sums,
            weights = in(vreg) weights,
            word = in(vreg) word,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
