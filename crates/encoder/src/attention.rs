//! How a text's tokens look at each other.
//!
//! A block of queries at a time: its scores against all keys that it can see, their softmax, and the sum of values. So
//! memory grows with the text and never with its square. Blocks begin at multiples of their size within the text, keys and
//! sums are ordered by their place in the text, and a key out of a query's sight has the weight 0: what surrounds a text in
//! its batch, or which thread has the block, changes nothing.

use std::ops::Range;

use crate::activation::exp;
use crate::description::{Attention, Relative};
use crate::lanes::{Lanes, WIDTH, Work};
use crate::linear::{TILE_ROWS, tile_rows};

/// Queries whose scores are computed together.
pub(crate) const BLOCK: usize = 2 * TILE_ROWS;

/// Queries of a piece of work, unless the text is shorter: a multiple of [`BLOCK`].
pub(crate) const PIECE: usize = 16 * BLOCK;

/// Heads of one key and value, and a range of a text's queries.
pub(crate) struct Piece<'a> {
    pub(crate) attention: &'a Attention,
    /// The text's rows: queries, keys and values of all heads, each padded to whole lanes.
    pub(crate) rows: &'a [f32],
    /// From one row to the next.
    pub(crate) stride: usize,
    pub(crate) key_value_head: usize,
    /// Begins at a multiple of [`PIECE`].
    pub(crate) queries: Range<usize>,
    pub(crate) bias: Option<&'a RelativeBias>,
    /// Rows of the queries, each with the heads that share the key.
    pub(crate) out: &'a mut [f32],
    pub(crate) scratch: &'a mut Scratch,
}

/// Memory of a thread's attention, kept between pieces.
#[derive(Default)]
pub(crate) struct Scratch {
    /// Panels of sixteen keys: a line is one place of theirs.
    keys: Vec<Sixteen>,
    /// Panels of sixteen places: a line is one value.
    values: Vec<Sixteen>,
    queries: Vec<f32>,
    scores: Vec<f32>,
}

impl Scratch {
    /// Bytes that it holds.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Sixteen>() * (self.keys.capacity() + self.values.capacity())
            + size_of::<f32>() * (self.queries.capacity() + self.scores.capacity())
    }
}

/// Keys that a query sees.
fn sight(attention: &Attention, query: usize, tokens: usize) -> Range<usize> {
    let reach = attention.reach.unwrap_or(tokens);
    let end = if attention.is_causal {
        query + 1
    } else {
        query.saturating_add(reach).saturating_add(1).min(tokens)
    };
    query.saturating_sub(reach)..end
}

impl Work for Piece<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self {
            attention,
            rows,
            stride,
            queries,
            scratch,
            ..
        } = self;
        let tokens = rows.len() / stride;
        let width = attention.head_width;
        let padded = width.next_multiple_of(WIDTH);
        let heads = attention.heads / attention.key_value_heads;
        let all_queries = attention.heads * padded;
        let key_column = all_queries + self.key_value_head * padded;
        let value_column = key_column + attention.key_value_heads * padded;

        // Keys and values from the first that a query of this piece sees, in whole lanes.
        let first = sight(attention, queries.start, tokens).start / WIDTH * WIDTH;
        let last = sight(attention, queries.end - 1, tokens).end;
        let groups = (last - first).div_ceil(WIDTH);
        let row = |token: usize| &rows[token * stride..][..stride];
        scratch.keys.clear();
        scratch.keys.resize(groups * width, Sixteen([0.0; WIDTH]));
        scratch.values.clear();
        scratch
            .values
            .resize(padded / WIDTH * groups * WIDTH, Sixteen([0.0; WIDTH]));
        for token in first..last {
            let (group, lane) = ((token - first) / WIDTH, (token - first) % WIDTH);
            let key = &row(token)[key_column..][..width];
            for (line, value) in scratch.keys[group * width..][..width].iter_mut().zip(key) {
                line.0[lane] = *value;
            }
            let (values, _) = row(token)[value_column..][..padded].as_chunks::<WIDTH>();
            for (panel, value) in values.iter().enumerate() {
                scratch.values[panel * groups * WIDTH + token - first] = Sixteen(*value);
            }
        }

        for head in 0..heads {
            let number = self.key_value_head * heads + head;
            let mut start = queries.start;
            while start < queries.end {
                let end = queries.end.min(start + BLOCK);
                scratch.queries.clear();
                for query in start..end {
                    let values = &row(query)[number * padded..][..width];
                    scratch
                        .queries
                        .extend(values.iter().map(|value| value * attention.scale));
                }
                let out = &mut self.out[(start - queries.start) * heads * padded..];
                l.run(Block {
                    attention,
                    tokens,
                    queries: start..end,
                    first,
                    groups,
                    width,
                    bias: self.bias.map(|bias| bias.of_head(number)),
                    packed_queries: &scratch.queries,
                    keys: &scratch.keys,
                    values: &scratch.values,
                    scores: &mut scratch.scores,
                    out,
                    stride: heads * padded,
                    column: head * padded,
                });
                start = end;
            }
        }
    }
}

/// A block of queries of one head.
struct Block<'a> {
    attention: &'a Attention,
    tokens: usize,
    queries: Range<usize>,
    /// The token of the first packed key.
    first: usize,
    /// Sixteens of packed keys.
    groups: usize,
    width: usize,
    bias: Option<HeadBias<'a>>,
    packed_queries: &'a [f32],
    keys: &'a [Sixteen],
    values: &'a [Sixteen],
    scores: &'a mut Vec<f32>,
    out: &'a mut [f32],
    stride: usize,
    column: usize,
}

impl Work for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self {
            attention,
            tokens,
            first,
            width,
            ..
        } = self;
        let count = self.queries.len();
        // Sixteens of keys that some query of the block sees, counted from the first packed one.
        let start = (sight(attention, self.queries.start, tokens).start - first) / WIDTH;
        let end = (sight(attention, self.queries.end - 1, tokens).end - first).div_ceil(WIDTH);
        let length = (end - start) * WIDTH;
        let base = first + start * WIDTH;
        if self.scores.len() < count * length {
            self.scores.resize(count * length, 0.0);
        }
        let scores = &mut self.scores[..count * length];

        let mut row = 0;
        while row < count {
            let rows = tile_rows(count - row);
            Tiles {
                rows: Tiles::rows(self.packed_queries, width, row, rows),
                factors: [1.0; TILE_ROWS],
                lines: &self.keys[start * width..end * width],
                lines_of_panel: width,
                panels: end - start,
                out: &mut scores[row * length..],
                stride: length,
            }
            .run(l, rows);
            row += rows;
        }

        let mut factors = [0.0; BLOCK];
        for (row, scores) in scores.chunks_mut(length).enumerate() {
            let query = self.queries.start + row;
            let seen = sight(attention, query, tokens);
            scores[..seen.start - base].fill(f32::NEG_INFINITY);
            scores[seen.end - base..].fill(f32::NEG_INFINITY);
            let (groups, _) = scores.as_chunks_mut::<WIDTH>();
            if let Some(bias) = self.bias {
                for (index, group) in groups.iter_mut().enumerate() {
                    let bias = bias.sixteen(query, base + index * WIDTH);
                    l.store(l.add(l.load(group), l.load(bias)), group);
                }
            }
            let mut most = l.splat(f32::NEG_INFINITY);
            for group in &*groups {
                most = l.max(most, l.load(group));
            }
            let most = l.splat(l.largest(most));
            let mut sum = l.splat(0.0);
            for group in groups {
                let weight = exp(l, l.sub(l.load(group), most));
                sum = l.add(sum, weight);
                l.store(weight, group);
            }
            factors[row] = 1.0 / l.sum(sum);
        }

        let mut row = 0;
        while row < count {
            let rows = tile_rows(count - row);
            let mut tile_factors = [0.0; TILE_ROWS];
            tile_factors[..rows].copy_from_slice(&factors[row..][..rows]);
            Tiles {
                rows: Tiles::rows(scores, length, row, rows),
                factors: tile_factors,
                lines: &self.values[start * WIDTH..],
                lines_of_panel: self.groups * WIDTH,
                panels: width.div_ceil(WIDTH),
                out: &mut self.out[row * self.stride + self.column..],
                stride: self.stride,
            }
            .run(l, rows);
            row += rows;
        }
    }
}

/// Sixteen floats, kept aligned.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Sixteen([f32; WIDTH]);

/// The products of a few rows with panels of a line for each value of a row; each row of the result times its factor.
struct Tiles<'a> {
    /// At most [`TILE_ROWS`].
    rows: [&'a [f32]; TILE_ROWS],
    factors: [f32; TILE_ROWS],
    /// Panels, one after the other.
    lines: &'a [Sixteen],
    /// From one panel to the next.
    lines_of_panel: usize,
    panels: usize,
    out: &'a mut [f32],
    stride: usize,
}

impl<'a> Tiles<'a> {
    #[inline(always)]
    fn run<L: Lanes>(self, l: L, rows: usize) {
        match rows {
            6 => l.run(TilesOf::<6>(self)),
            5 => l.run(TilesOf::<5>(self)),
            4 => l.run(TilesOf::<4>(self)),
            3 => l.run(TilesOf::<3>(self)),
            2 => l.run(TilesOf::<2>(self)),
            1 => l.run(TilesOf::<1>(self)),
            rows => unreachable!("a tile of {rows} rows"),
        }
    }

    /// `count` rows of `width` values, from `first` on.
    fn rows(values: &'a [f32], width: usize, first: usize, count: usize) -> [&'a [f32]; TILE_ROWS] {
        std::array::from_fn(|row| {
            if row < count {
                &values[(first + row) * width..][..width]
            } else {
                &[]
            }
        })
    }
}

struct TilesOf<'a, const R: usize>(Tiles<'a>);

impl<const R: usize> Work for TilesOf<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let tiles = self.0;
        let mut rows: [&[f32]; R] = [&[]; R];
        rows.copy_from_slice(&tiles.rows[..R]);
        let length = rows[0].len();
        for row in rows {
            assert!(row.len() == length, "rows are of one length");
        }
        for panel in 0..tiles.panels {
            let lines = &tiles.lines[panel * tiles.lines_of_panel..][..length];
            let mut sums = [l.splat(0.0); R];
            for (line, weights) in lines.iter().enumerate() {
                let weights = l.load(&weights.0);
                for row in 0..R {
                    sums[row] = l.mul_add(l.splat(rows[row][line]), weights, sums[row]);
                }
            }
            for (row, sum) in sums.into_iter().enumerate() {
                let out = &mut tiles.out[row * tiles.stride + panel * WIDTH..];
                if let Some(out) = out.first_chunk_mut::<WIDTH>() {
                    l.store(l.mul(sum, l.splat(tiles.factors[row])), out);
                }
            }
        }
    }
}

/// Positions as a bias of the scores, for each head and distance.
#[derive(Debug)]
pub(crate) struct RelativeBias {
    relative: Relative,
    /// Buckets × heads.
    table: Vec<f32>,
    heads: usize,
    /// Tokens of the longest text that `distances` serves.
    tokens: usize,
    /// Of a head after the other: the biases of keys from `tokens` before the query to so many behind it.
    distances: Vec<f32>,
}

impl RelativeBias {
    /// Biases from a table of buckets × heads; [`reach`](Self::reach) adds distances.
    pub(crate) fn new(relative: Relative, table: Vec<f32>, heads: usize) -> Self {
        Self {
            relative,
            table,
            heads,
            tokens: 0,
            distances: Vec::new(),
        }
    }

    /// Lays out the biases of texts up to `tokens` long, where they are not there yet.
    pub(crate) fn reach(&mut self, tokens: usize) {
        let tokens = tokens.next_multiple_of(WIDTH);
        if tokens <= self.tokens {
            return;
        }
        self.tokens = tokens;
        self.distances.clear();
        for head in 0..self.heads {
            for index in 0..2 * tokens {
                let bucket = self.bucket(index as i64 - tokens as i64);
                self.distances.push(self.table[bucket * self.heads + head]);
            }
        }
    }

    /// The bucket of a key that is `distance` behind its query. Half of the buckets are for keys behind, and half of those
    /// for one distance each; the rest grow like the logarithm, rounded as 32-bit floats are, which decides at their edges.
    fn bucket(&self, distance: i64) -> usize {
        let half = self.relative.buckets / 2;
        let single = half / 2;
        let behind = if distance > 0 { half } else { 0 };
        let distance = distance.unsigned_abs() as usize;
        if distance < single {
            return behind + distance;
        }
        let ratio = libm::logf(distance as f32 / single as f32)
            / libm::logf(self.relative.max_distance as f32 / single as f32);
        behind + (single + (ratio * (half - single) as f32) as usize).min(half - 1)
    }

    fn of_head(&self, head: usize) -> HeadBias<'_> {
        HeadBias {
            distances: &self.distances[head * 2 * self.tokens..][..2 * self.tokens],
            tokens: self.tokens,
        }
    }
}

/// The biases of one head.
#[derive(Clone, Copy)]
struct HeadBias<'a> {
    distances: &'a [f32],
    tokens: usize,
}

impl HeadBias<'_> {
    /// Those of a query and sixteen keys, from `key` on.
    #[inline(always)]
    fn sixteen(&self, query: usize, key: usize) -> &[f32; WIDTH] {
        let place = self.tokens + key - query;
        self.distances[place..]
            .first_chunk()
            .expect("distances reach over the longest text, in whole lanes")
    }
}
