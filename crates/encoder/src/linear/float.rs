//! Products of floats.

use std::marker::PhantomData;

use super::tile::{Arithmetic, ask_ahead};
use crate::lanes::{Lanes, Line, WIDTH};

/// How a line holds the weights of sixteen outputs.
pub(super) trait Layout: Copy {
    /// The values of a line's inputs.
    type Values: Copy + AsRef<[f32]>;
    /// Inputs in a line.
    const INPUTS: usize;
    /// Values by the line of weights that they meet.
    fn of_lines(values: &[f32]) -> &[Self::Values];
    /// The weights of one of its inputs.
    fn load<L: Lanes>(l: L, line: &Line, input: usize) -> L::F32;
}

/// 32-bit floats, one input a line.
#[derive(Clone, Copy)]
pub(super) struct Whole;

impl Layout for Whole {
    type Values = [f32; 1];
    const INPUTS: usize = 1;

    #[inline(always)]
    fn of_lines(values: &[f32]) -> &[[f32; 1]] {
        values.as_chunks().0
    }

    #[inline(always)]
    fn load<L: Lanes>(l: L, line: &Line, _: usize) -> L::F32 {
        l.load_line(line)
    }
}

/// The upper halves of 32-bit floats, two inputs a line.
#[derive(Clone, Copy)]
pub(super) struct Halves;

impl Layout for Halves {
    type Values = [f32; 2];
    const INPUTS: usize = 2;

    #[inline(always)]
    fn of_lines(values: &[f32]) -> &[[f32; 2]] {
        values.as_chunks().0
    }

    #[inline(always)]
    fn load<L: Lanes>(l: L, line: &Line, input: usize) -> L::F32 {
        l.load_half_line(line, input)
    }
}

/// Sums of floats.
#[derive(Clone, Copy)]
pub(super) struct Floats<'a, F> {
    /// Of each output.
    pub(super) bias: &'a [f32],
    pub(super) layout: PhantomData<F>,
}

impl<F: Layout> Arithmetic for Floats<'_, F> {
    type Value = f32;
    type Sums<L: Lanes> = L::F32;
    type Values<L: Lanes> = F::Values;
    type Kept = f32;
    const ZERO: [f32; WIDTH] = [0.0; WIDTH];

    #[inline(always)]
    fn of_lines<L: Lanes>(values: &[f32]) -> &[F::Values] {
        F::of_lines(values)
    }

    #[inline(always)]
    fn load<L: Lanes>(l: L, kept: &[f32; WIDTH]) -> L::F32 {
        l.load(kept)
    }

    #[inline(always)]
    fn keep<L: Lanes>(l: L, sums: L::F32, kept: &mut [f32; WIDTH]) {
        l.store(sums, kept);
    }

    #[inline(always)]
    fn add<L: Lanes, const R: usize, const P: usize>(
        l: L,
        sums: &mut [[L::F32; P]; R],
        lines: [&Line; P],
        values: [&F::Values; R],
    ) {
        for input in 0..F::INPUTS {
            let mut weights = [F::load(l, lines[0], input); P];
            for panel in 1..P {
                weights[panel] = F::load(l, lines[panel], input);
            }
            for row in 0..R {
                let value = l.splat(values[row].as_ref()[input]);
                for panel in 0..P {
                    sums[row][panel] = l.mul_add(value, weights[panel], sums[row][panel]);
                }
            }
            if input == 0 {
                ask_ahead(l, lines);
            }
        }
    }

    type Outputs<L: Lanes> = L::F32;

    #[inline(always)]
    fn outputs<L: Lanes>(&self, l: L, panel: usize) -> L::F32 {
        l.load(&self.bias.as_chunks().0[panel])
    }

    #[inline(always)]
    fn factor(&self, _: usize) -> f32 {
        1.0
    }

    #[inline(always)]
    fn result<L: Lanes>(l: L, sums: L::F32, _: f32, bias: L::F32) -> L::F32 {
        l.add(sums, bias)
    }
}
