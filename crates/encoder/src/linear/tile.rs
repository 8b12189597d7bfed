//! The loops of a product: panels of outputs, chunks of their inputs, tiles of rows.

use std::ops::Range;

use super::finish::Finish;
use crate::activation::Activate;
use crate::lanes::{Lanes, Line, WIDTH, Work};

/// Rows that a tile computes together, at most.
pub(crate) const TILE_ROWS: usize = 6;

/// Panels that a tile computes together, at most.
const TILE_PANELS: usize = 4;

/// Rows whose sums are kept between the chunks of a panel.
const KEPT_ROWS: usize = 48;

/// Lines of a chunk: they stay in the first cache while all tiles pass.
const CHUNK: usize = 384;

/// How many lines ahead of the sums weights are asked for: a processor's own looking ahead ends with a page of memory.
const AHEAD: usize = 32;

/// Asks for the weights that follow these lines.
///
/// The arithmetics do that between the parts of a line: at its beginning, a compiler was seen to put sums of six rows on the
/// stack.
#[inline(always)]
pub(super) fn ask_ahead<L: Lanes, const P: usize>(l: L, lines: [&Line; P]) {
    for line in lines {
        l.prefetch(std::ptr::from_ref(line).wrapping_add(AHEAD));
    }
}

/// How sums are made of lines of weights and the values of rows.
pub(super) trait Arithmetic: Copy {
    /// A value of a row.
    type Value: Copy;
    /// The values of a row that meet one line of weights: an array.
    type Values<L: Lanes>: Copy;
    /// Sums of sixteen outputs.
    type Sums<L: Lanes>: Copy;
    /// These, between two chunks.
    type Kept: Copy;
    /// Nothing summed.
    const ZERO: [Self::Kept; WIDTH];

    /// Values by the line of weights that they meet.
    fn of_lines<L: Lanes>(values: &[Self::Value]) -> &[Self::Values<L>];
    /// How many values of a row meet one line of weights.
    #[inline(always)]
    fn values_of_line<L: Lanes>() -> usize {
        size_of::<Self::Values<L>>() / size_of::<Self::Value>()
    }
    /// Goes on with sums that were kept.
    fn load<L: Lanes>(l: L, kept: &[Self::Kept; WIDTH]) -> Self::Sums<L>;
    /// Keeps sums.
    fn keep<L: Lanes>(l: L, sums: Self::Sums<L>, kept: &mut [Self::Kept; WIDTH]);
    /// Adds the products of some panels' lines with the values of rows, in ascending order.
    fn add<L: Lanes, const R: usize, const P: usize>(
        l: L,
        sums: &mut [[Self::Sums<L>; P]; R],
        lines: [&Line; P],
        values: [&Self::Values<L>; R],
    );
    /// What belongs to the outputs of a panel.
    type Outputs<L: Lanes>: Copy;
    /// That of one panel.
    fn outputs<L: Lanes>(&self, l: L, panel: usize) -> Self::Outputs<L>;
    /// The factor of a row, and 1 where rows have none.
    fn factor(&self, row: usize) -> f32;
    /// What sums are as floats, with the bias.
    fn result<L: Lanes>(l: L, sums: Self::Sums<L>, factor: f32, outputs: Self::Outputs<L>) -> L::F32;
}

/// Some panels of a product.
pub(super) struct Panels<'a, A: Arithmetic> {
    pub(super) arithmetic: A,
    /// Of all panels.
    pub(super) lines: &'a [Line],
    /// Of one panel.
    pub(super) lines_of_panel: usize,
    pub(super) values: &'a [A::Value],
    pub(super) rows: usize,
    pub(super) panels: Range<usize>,
    pub(super) out: &'a mut [f32],
    pub(super) stride: usize,
    pub(super) finish: Finish,
}

impl<A: Arithmetic> Work for Panels<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let values_of_row = self.lines_of_panel * A::values_of_line::<L>();
        let mut kept = [A::ZERO; KEPT_ROWS * TILE_PANELS];
        let mut block = 0;
        while block < self.rows {
            let end = self.rows.min(block + KEPT_ROWS);
            let mut panel = self.panels.start;
            while panel < self.panels.end {
                let fills = panel + L::PANELS <= self.panels.end;
                let together = if fills { L::PANELS } else { 1 };
                let column = (panel - self.panels.start) * WIDTH;
                let mut line = 0;
                while line < self.lines_of_panel {
                    let chunk = line..self.lines_of_panel.min(line + CHUNK);
                    let mut row = block;
                    while row < end {
                        let rows = tile_rows(end - row);
                        let first = row;
                        while row < end && tile_rows(end - row) == rows {
                            row += rows;
                        }
                        let tiles = Tiles {
                            arithmetic: &self.arithmetic,
                            lines: &self.lines[panel * self.lines_of_panel..]
                                [..together * self.lines_of_panel],
                            lines_of_panel: self.lines_of_panel,
                            chunk: chunk.clone(),
                            panel,
                            together,
                            values: &self.values[first * values_of_row..row * values_of_row],
                            row: first,
                            kept: &mut kept[(first - block) * TILE_PANELS..],
                            out: &mut self.out[first * self.stride + column..],
                            stride: self.stride,
                            finish: self.finish,
                        };
                        const { assert!(TILE_ROWS == 6, "a case for each number of rows") };
                        match rows {
                            6 => l.run(TilesOf::<A, 6>(tiles)),
                            5 => l.run(TilesOf::<A, 5>(tiles)),
                            4 => l.run(TilesOf::<A, 4>(tiles)),
                            3 => l.run(TilesOf::<A, 3>(tiles)),
                            2 => l.run(TilesOf::<A, 2>(tiles)),
                            1 => l.run(TilesOf::<A, 1>(tiles)),
                            rows => unreachable!("a tile of {rows} rows"),
                        }
                    }
                    line = chunk.end;
                }
                panel += together;
            }
            block = end;
        }
    }
}

/// Rows of the next tile, where so many are left: six, unless two tiles of about the same size are all that follows.
pub(crate) fn tile_rows(left: usize) -> usize {
    match left {
        ..=TILE_ROWS => left,
        7..12 => left.div_ceil(2),
        _ => TILE_ROWS,
    }
}

/// Tiles of as many rows each, below each other: a chunk of one panel, or of as many as fill the registers.
struct Tiles<'a, A: Arithmetic> {
    arithmetic: &'a A,
    /// Of the panels, one after the other.
    lines: &'a [Line],
    lines_of_panel: usize,
    /// The lines of each panel that are added.
    chunk: Range<usize>,
    /// The first panel.
    panel: usize,
    together: usize,
    /// Of all rows of these tiles.
    values: &'a [A::Value],
    /// The first row.
    row: usize,
    /// Begins with the first row's.
    kept: &'a mut [[A::Kept; WIDTH]],
    /// Begins with the first row's place of the first panel.
    out: &'a mut [f32],
    stride: usize,
    finish: Finish,
}

struct TilesOf<'a, A: Arithmetic, const R: usize>(Tiles<'a, A>);

impl<A: Arithmetic, const R: usize> Work for TilesOf<'_, A, R> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        if L::PANELS > 1 && self.0.together == L::PANELS {
            self.compute::<L, TILE_PANELS>(l);
        } else {
            self.compute::<L, 1>(l);
        }
    }
}

impl<A: Arithmetic, const R: usize> TilesOf<'_, A, R> {
    #[inline(always)]
    fn compute<L: Lanes, const P: usize>(self, l: L) {
        const { assert!(L::PANELS == 1 || L::PANELS == TILE_PANELS) };
        let tiles = self.0;
        let length = tiles.chunk.len();
        let panels: [&[Line]; P] = std::array::from_fn(|panel| {
            &tiles.lines[panel * tiles.lines_of_panel + tiles.chunk.start..][..length]
        });
        let mut outputs = [tiles.arithmetic.outputs(l, tiles.panel); P];
        for (panel, outputs) in outputs.iter_mut().enumerate().skip(1) {
            *outputs = tiles.arithmetic.outputs(l, tiles.panel + panel);
        }
        let values = A::of_lines::<L>(tiles.values);
        for (tile, values) in values.chunks_exact(R * tiles.lines_of_panel).enumerate() {
            let first = tile * R;
            let rows: [&[A::Values<L>]; R] = std::array::from_fn(|row| {
                &values[row * tiles.lines_of_panel + tiles.chunk.start..][..length]
            });
            let kept = &mut tiles.kept[first * TILE_PANELS..][..R * P];

            let mut sums = [[A::load(l, &A::ZERO); P]; R];
            if tiles.chunk.start > 0 {
                for (sums, kept) in sums.as_flattened_mut().iter_mut().zip(&*kept) {
                    *sums = A::load(l, kept);
                }
            }
            for (line, of_first) in panels[0].iter().enumerate() {
                let mut of_panels = [of_first; P];
                for panel in 1..P {
                    of_panels[panel] = &panels[panel][line];
                }
                // By reference: a value is read where it is multiplied, straight into all lanes.
                let mut values = [&rows[0][line]; R];
                for row in 1..R {
                    values[row] = &rows[row][line];
                }
                A::add(l, &mut sums, of_panels, values);
            }

            if tiles.chunk.end < tiles.lines_of_panel {
                for (sums, kept) in sums.into_iter().flatten().zip(kept) {
                    A::keep(l, sums, kept);
                }
                continue;
            }
            let out = &mut tiles.out[first * tiles.stride..][..(R - 1) * tiles.stride + P * WIDTH];
            for (row, sums) in sums.into_iter().enumerate() {
                let factor = tiles.arithmetic.factor(tiles.row + first + row);
                let (out, _) = out[row * tiles.stride..][..P * WIDTH].as_chunks_mut::<WIDTH>();
                for ((sums, outputs), out) in sums.into_iter().zip(outputs).zip(out) {
                    let value = A::result(l, sums, factor, outputs);
                    let value = match tiles.finish {
                        // An activation follows when the whole tile is there.
                        Finish::Store | Finish::Activate(_) => value,
                        Finish::Multiply => l.mul(value, l.load(out)),
                        Finish::Add => l.add(value, l.load(out)),
                    };
                    l.store(value, out);
                }
            }
            if let Finish::Activate(activation) = tiles.finish {
                l.run(Activate {
                    activation,
                    rows: out,
                    stride: tiles.stride,
                    first: 0,
                    columns: P * WIDTH,
                });
            }
        }
    }
}
