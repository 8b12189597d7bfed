//! Sixteen numbers without any instruction of a processor's own: the definition of right.

use super::sixteen::{Lanes, Line, WIDTH, Work};

/// Sixteen numbers in an array.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plain;

#[inline(always)]
fn map<T: Copy, U>(a: [T; WIDTH], each: impl Fn(T) -> U) -> [U; WIDTH] {
    a.map(each)
}

#[inline(always)]
fn zip<T: Copy, U>(a: [T; WIDTH], b: [T; WIDTH], each: impl Fn(T, T) -> U) -> [U; WIDTH] {
    std::array::from_fn(|lane| each(a[lane], b[lane]))
}

/// Combines halves until one is left.
#[inline(always)]
fn fold<T: Copy>(mut a: [T; WIDTH], each: impl Fn(T, T) -> T) -> T {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            a[lane] = each(a[lane], a[lane + half]);
        }
    }
    a[0]
}

fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

impl Lanes for Plain {
    type F32 = [f32; WIDTH];
    type I32 = [i32; WIDTH];
    type Weights = [u8; 64];
    type Words = [u32; 1];
    const PANELS: usize = 1;
    const GROUP: usize = 4;
    const OFFSET: i32 = 0;

    fn run<W: Work>(self, work: W) -> W::Output {
        work.run(self)
    }

    fn splat(self, value: f32) -> Self::F32 {
        [value; WIDTH]
    }

    fn load(self, values: &[f32; WIDTH]) -> Self::F32 {
        *values
    }

    fn store(self, values: Self::F32, out: &mut [f32; WIDTH]) {
        *out = values;
    }

    fn load_line(self, line: &Line) -> Self::F32 {
        let (numbers, _) = line.0.as_chunks::<4>();
        std::array::from_fn(|lane| f32::from_le_bytes(numbers[lane]))
    }

    fn load_half_line(self, line: &Line, half: usize) -> Self::F32 {
        let (numbers, _) = line.0.as_chunks::<2>();
        std::array::from_fn(|lane| {
            let number = u16::from_le_bytes(numbers[half * WIDTH + lane]);
            f32::from_bits(u32::from(number) << 16)
        })
    }

    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a + b)
    }

    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a - b)
    }

    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a * b)
    }

    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a / b)
    }

    fn mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        std::array::from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
    }

    fn neg_mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        std::array::from_fn(|lane| (-a[lane]).mul_add(b[lane], c[lane]))
    }

    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, larger)
    }

    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| if a < b { a } else { b })
    }

    fn abs(self, a: Self::F32) -> Self::F32 {
        map(a, f32::abs)
    }

    fn select_less(self, a: Self::F32, b: Self::F32, then: Self::F32, otherwise: Self::F32) -> Self::F32 {
        std::array::from_fn(|lane| {
            if a[lane] < b[lane] {
                then[lane]
            } else {
                otherwise[lane]
            }
        })
    }

    fn round(self, a: Self::F32) -> Self::I32 {
        map(a, |a| a.round_ties_even() as i32)
    }

    fn to_f32(self, a: Self::I32) -> Self::F32 {
        map(a, |a| a as f32)
    }

    fn exp2(self, a: Self::I32) -> Self::F32 {
        map(a, |a| f32::from_bits((a.wrapping_add(127) as u32) << 23))
    }

    fn sum(self, a: Self::F32) -> f32 {
        fold(a, |a, b| a + b)
    }

    fn largest(self, a: Self::F32) -> f32 {
        fold(a, larger)
    }

    fn splat_i32(self, value: i32) -> Self::I32 {
        [value; WIDTH]
    }

    fn load_i32(self, values: &[i32; WIDTH]) -> Self::I32 {
        *values
    }

    fn store_i32(self, values: Self::I32, out: &mut [i32; WIDTH]) {
        *out = values;
    }

    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        zip(a, b, i32::wrapping_sub)
    }

    fn max_magnitude(self, bits: Self::I32, a: Self::F32) -> Self::I32 {
        zip(bits, map(a, |a| a.abs().to_bits() as i32), i32::max)
    }

    fn largest_i32(self, a: Self::I32) -> i32 {
        fold(a, i32::max)
    }

    fn store_words(self, integers: Self::I32, out: &mut [u32]) {
        let (words, _) = integers.as_chunks::<4>();
        for (out, four) in out.iter_mut().zip(words) {
            *out = u32::from_le_bytes(four.map(|integer| integer as i8 as u8));
        }
    }

    fn words_of_lines(words: &[u32]) -> &[Self::Words] {
        words.as_chunks().0
    }

    fn load_weights(self, line: &Line, _: usize) -> Self::Weights {
        line.0
    }

    fn dot(self, sums: Self::I32, word: u32, weights: Self::Weights) -> Self::I32 {
        let inputs = word.to_le_bytes();
        let (weights, _) = weights.as_chunks::<4>();
        std::array::from_fn(|lane| {
            (0..4).fold(sums[lane], |sum, place| {
                sum.wrapping_add(i32::from(inputs[place] as i8) * i32::from(weights[lane][place] as i8))
            })
        })
    }
}
