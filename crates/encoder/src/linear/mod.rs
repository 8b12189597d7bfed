//! Linear layers: `y = weights · x + bias` of many rows.
//!
//! Weights are packed once, as panels of sixteen outputs: a panel's lines follow each other as its sums need them. An
//! element of the result is one sum over the inputs in ascending order, so it does not depend on the tile that computed it.

mod finish;
mod float;
mod groups;
mod int8;
mod outliers;
mod panel;
mod tile;

use std::io;
use std::marker::PhantomData;
use std::ops::Range;

pub(crate) use finish::Finish;
use float::{Floats, Halves, Whole};
pub(crate) use groups::Groups;
use int8::Quantize;
pub(crate) use outliers::{Inputs, Source};
use tile::Panels;
pub(crate) use tile::{TILE_ROWS, tile_rows};

use crate::lanes::{Kernel, WIDTH, Words};
use crate::packed::{Lines, PackedReader, PackedWriter};
use crate::parameters::{Matrix, Product};

/// How the weights of linear layers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// As 32-bit floats: exact.
    F32,
    /// As the upper half of 32-bit floats, computed in 32 bits.
    Bf16,
    /// As 8-bit integers with a scale for each output; activations with a scale for each row.
    Int8,
}

/// A linear layer, packed.
#[derive(Debug)]
pub(crate) struct Linear {
    inputs: usize,
    outputs: usize,
    weights: Weights,
    bias: Vec<f32>,
}

/// Packed weights: the panels' lines, one panel after the other.
#[derive(Debug)]
enum Weights {
    /// A line is an input of sixteen outputs.
    F32(Lines),
    /// A line is two inputs of sixteen outputs.
    Bf16(Lines),
    /// A line is four inputs of sixteen outputs.
    Int8 {
        lines: Lines,
        /// Of each output.
        scales: Vec<f32>,
        /// Of each output: what the words' offset adds to its sum.
        excess: Vec<i32>,
        /// What each input is multiplied by before it is quantized, where there are outliers: the weights have the inverse.
        factors: Option<Vec<f32>>,
    },
}

/// Rows of a product's input, as the product wants them.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    /// One after the other.
    Floats(&'a [f32]),
    /// Quantized, with the scale of each.
    Integers(&'a [u32], &'a [f32]),
}

/// Memory of quantized rows.
#[derive(Default)]
pub(crate) struct IntegerMemory {
    words: Vec<u32>,
    scales: Vec<f32>,
}

impl Weights {
    /// Packs rows of weights, where `None` pads.
    fn pack(
        rows: &[Option<(Matrix<'_>, usize)>],
        inputs: Inputs<'_>,
        precision: Precision,
        words: Words,
    ) -> Self {
        let groups = inputs.groups;
        let divisors = match precision {
            Precision::F32 | Precision::Bf16 => None,
            Precision::Int8 => inputs.divisors(),
        };
        let mut stored = vec![0.0; groups.count * groups.width];
        let mut padded = vec![[0.0; WIDTH]; groups.total()];
        let mut lines = Vec::new();
        let (mut scales, mut excess) = (Vec::new(), Vec::new());
        for panel in rows.chunks(WIDTH) {
            for (lane, row) in panel.iter().enumerate() {
                match row {
                    Some((matrix, row)) => matrix.read_row(*row, &mut stored),
                    None => stored.fill(0.0),
                }
                for (value, divisor) in stored.iter_mut().zip(divisors.iter().flatten()) {
                    *value *= divisor;
                }
                for (place, values) in padded.iter_mut().enumerate() {
                    values[lane] = groups.value(place).map_or(0.0, |value| stored[value]);
                }
            }
            match precision {
                Precision::F32 => panel::pack_f32(&padded, &mut lines),
                Precision::Bf16 => panel::pack_bf16(&padded, &mut lines),
                Precision::Int8 => {
                    let quantized = panel::pack_int8(&padded, words, &mut lines);
                    scales.extend(quantized.scales);
                    excess.extend(quantized.sums.map(|sum| sum.wrapping_mul(words.offset)));
                }
            }
        }
        let lines = Lines::Own(lines);
        match precision {
            Precision::F32 => Weights::F32(lines),
            Precision::Bf16 => Weights::Bf16(lines),
            Precision::Int8 => Weights::Int8 {
                lines,
                scales,
                excess,
                factors: divisors.map(|divisors| {
                    let factor = |place| groups.value(place).map_or(1.0, |value| 1.0 / divisors[value]);
                    (0..groups.total()).map(factor).collect()
                }),
            },
        }
    }

    /// Takes packed weights from a file, where it has them.
    fn read(packed: &mut PackedReader, inputs: usize, outputs: usize, precision: Precision) -> Option<Self> {
        let panels = outputs / WIDTH;
        Some(match precision {
            Precision::F32 => Self::F32(packed.lines(panels * inputs)?),
            Precision::Bf16 => Self::Bf16(packed.lines(panels * (inputs / 2))?),
            Precision::Int8 => {
                let lines = packed.lines(panels * (inputs / int8::INPUTS))?;
                let scales = packed.fours(outputs)?;
                let excess = packed.fours(outputs)?;
                let factors = packed.fours(inputs)?;
                let factors: Vec<f32> = factors.into_iter().map(f32::from_le_bytes).collect();
                Self::Int8 {
                    lines,
                    scales: scales.into_iter().map(f32::from_le_bytes).collect(),
                    excess: excess.into_iter().map(i32::from_le_bytes).collect(),
                    factors: factors.iter().any(|factor| *factor != 1.0).then_some(factors),
                }
            }
        })
    }

    /// Writes what [`read`](Self::read) takes.
    fn write(&self, packed: &mut PackedWriter, inputs: usize) -> io::Result<()> {
        match self {
            Self::F32(lines) | Self::Bf16(lines) => packed.lines(lines),
            Self::Int8 {
                lines,
                scales,
                excess,
                factors,
            } => {
                packed.lines(lines)?;
                packed.fours(scales.iter().map(|scale| scale.to_le_bytes()))?;
                packed.fours(excess.iter().map(|excess| excess.to_le_bytes()))?;
                let factor = |place: usize| factors.as_ref().map_or(1.0, |factors| factors[place]);
                packed.fours((0..inputs).map(|place| factor(place).to_le_bytes()))
            }
        }
    }
}

impl Linear {
    /// Packs products that share their input, one after the other, each with its groups of outputs.
    ///
    /// The matrices have as many rows and columns as the groups say. What `packed` has is taken from there.
    pub(crate) fn pack(
        products: &[(&Product<'_>, Groups)],
        inputs: Inputs<'_>,
        precision: Precision,
        kernel: Kernel,
        packed: Option<&mut PackedReader>,
    ) -> Self {
        let width = inputs.groups.total();
        let outputs = products.iter().map(|(_, groups)| groups.total()).sum();
        let mut bias = vec![0.0; outputs];
        let mut rows: Vec<Option<(Matrix<'_>, usize)>> = Vec::with_capacity(outputs);
        for (product, groups) in products {
            for place in 0..groups.total() {
                let value = groups.value(place);
                if let (Some(value), Some(values)) = (value, &product.bias) {
                    bias[rows.len()] = values[value];
                }
                rows.push(value.map(|value| (product.weights, value)));
            }
        }

        let read = packed.and_then(|packed| Weights::read(packed, width, outputs, precision));
        let weights = read.unwrap_or_else(|| Weights::pack(&rows, inputs, precision, kernel.words()));
        Self {
            inputs: width,
            outputs,
            weights,
            bias,
        }
    }

    /// Values of an input row, with those that pad.
    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    /// Values of an output row, with those that pad.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Panels of sixteen outputs.
    pub(crate) fn panels(&self) -> usize {
        self.outputs / WIDTH
    }

    /// Writes its weights for the next start.
    pub(crate) fn write(&self, packed: &mut PackedWriter) -> io::Result<()> {
        self.weights.write(packed, self.inputs)
    }

    /// Bytes of its weights.
    pub(crate) fn bytes(&self) -> usize {
        let (Weights::F32(lines) | Weights::Bf16(lines) | Weights::Int8 { lines, .. }) = &self.weights;
        size_of_val(&**lines) + size_of_val(self.bias.as_slice())
    }

    /// Rows as this product wants them, quantized into `integers` where it computes with such.
    pub(crate) fn input<'a>(
        &self,
        kernel: Kernel,
        rows: &'a [f32],
        integers: &'a mut IntegerMemory,
    ) -> Input<'a> {
        let Weights::Int8 { factors, .. } = &self.weights else {
            return Input::Floats(rows);
        };
        let count = rows.len() / self.inputs;
        let words = rows.len() / kernel.words().group;
        integers.words.resize(words.max(integers.words.len()), 0);
        integers.scales.resize(count.max(integers.scales.len()), 0.0);
        kernel.run(Quantize {
            rows,
            inputs: self.inputs,
            factors: factors.as_deref(),
            words: &mut integers.words[..words],
            scales: &mut integers.scales[..count],
        });
        Input::Integers(&integers.words[..words], &integers.scales[..count])
    }

    /// Computes some panels of all rows of `input` into `out`, whose rows are `stride` apart and begin with the first panel.
    pub(crate) fn run(
        &self,
        kernel: Kernel,
        input: Input<'_>,
        panels: Range<usize>,
        out: &mut [f32],
        stride: usize,
        finish: Finish,
    ) {
        let bias = self.bias.as_slice();
        match (&self.weights, input) {
            (Weights::F32(lines), Input::Floats(values)) => kernel.run(Panels {
                arithmetic: Floats::<Whole> {
                    bias,
                    layout: PhantomData,
                },
                lines,
                lines_of_panel: self.inputs,
                values,
                rows: values.len() / self.inputs,
                panels,
                out,
                stride,
                finish,
            }),
            (Weights::Bf16(lines), Input::Floats(values)) => kernel.run(Panels {
                arithmetic: Floats::<Halves> {
                    bias,
                    layout: PhantomData,
                },
                lines,
                lines_of_panel: self.inputs / 2,
                values,
                rows: values.len() / self.inputs,
                panels,
                out,
                stride,
                finish,
            }),
            (
                Weights::Int8 {
                    lines,
                    scales,
                    excess,
                    ..
                },
                Input::Integers(values, row_scales),
            ) => kernel.run(Panels {
                arithmetic: int8::Integers {
                    row_scales,
                    scales,
                    excess,
                    bias,
                },
                lines,
                lines_of_panel: self.inputs / int8::INPUTS,
                values,
                rows: row_scales.len(),
                panels,
                out,
                stride,
                finish,
            }),
            _ => unreachable!("an input that `input` made for this product"),
        }
    }
}
