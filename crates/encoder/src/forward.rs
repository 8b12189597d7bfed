//! One loop over the layers of any encoder.
//!
//! The tokens of all texts are packed as rows, without padding between them. A layer is two stages: attention, in pieces of
//! a text and a head; then everything that a row does alone, in blocks of rows that stay in the cache from the product
//! after the heads through feed-forward to the next layer's queries, keys and values.

use crate::arena::{Arena, BLOCK_ROWS, GROUP_TOKENS, RowScratch};
use crate::attention::{self, Piece};
use crate::linear::{Finish, Input, Linear, TILE_ROWS};
use crate::network::{Network, PackedLayer};
use crate::norm::{NormRows, RowNorm};
use crate::parameters::Matrix;
use crate::rotary::Rotate;
use crate::stages::{Clock, Stage};
use crate::threads::{Ending, Pool};

/// Rows that are worth a thread of their own, at least: fewer would read the weights for too little.
const LEAST_ROWS: usize = 3;

/// Where a row belongs.
#[derive(Clone, Copy)]
struct Place {
    /// Row of its text's first token.
    start: usize,
    /// Tokens of its text.
    tokens: usize,
    /// Its own number among them.
    position: usize,
    /// Row of its learned position, where there are such.
    learned: usize,
    /// Which token it is.
    token: u32,
}

/// What a pass over the layers works with.
struct Pass<'a> {
    network: &'a Network,
    table: Matrix<'a>,
}

/// Computes the rows of each text, `tokens × hidden`, after the final norm; `None` where it was broken off.
///
/// Every token is below the vocabulary, and no text is longer than the description allows.
pub(crate) fn forward(
    network: &mut Network,
    table: Matrix<'_>,
    texts: &[&[u32]],
    pool: &Pool,
    arena: &mut Arena,
    broken_off: &(dyn Fn() -> bool + Sync),
) -> Option<Vec<Vec<f32>>> {
    let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
    for rotation in &mut network.rotations {
        rotation.reach(longest);
    }
    if let Some(relative) = &mut network.relative {
        relative.reach(longest);
    }

    let mut results = Vec::with_capacity(texts.len());
    let mut rest = texts;
    while !rest.is_empty() {
        let mut tokens = 0;
        let count = rest
            .iter()
            .take_while(|text| {
                let is_first = tokens == 0;
                tokens += text.len();
                is_first || tokens <= GROUP_TOKENS
            })
            .count();
        let (group, others) = rest.split_at(count);
        results.extend(group_of_texts(network, table, group, pool, arena, broken_off)?);
        rest = others;
    }
    Some(results)
}

fn group_of_texts(
    network: &Network,
    table: Matrix<'_>,
    texts: &[&[u32]],
    pool: &Pool,
    arena: &mut Arena,
    broken_off: &(dyn Fn() -> bool + Sync),
) -> Option<Vec<Vec<f32>>> {
    let mut places: Vec<Place> = Vec::new();
    for text in texts {
        let start = places.len();
        let learned = network.description.embedding.positions;
        let mut next = learned.map_or(0, |positions| positions.first);
        places.extend(text.iter().enumerate().map(|(position, token)| {
            let is_counted = learned.and_then(|positions| positions.uncounted) != Some(*token);
            let row = if is_counted {
                next
            } else {
                learned.map_or(0, |positions| positions.first.saturating_sub(1))
            };
            next += usize::from(is_counted);
            Place {
                start,
                tokens: text.len(),
                position,
                learned: row,
                token: *token,
            }
        }));
    }
    let pass = Pass { network, table };

    let row = network.row();
    arena.reserve(network, places.len(), pool.threads());
    for number in 0..=network.layers.len() {
        let previous = number.checked_sub(1).map(|previous| &network.layers[previous]);
        let next = network.layers.get(number);
        if let Some(layer) = previous
            && pass.attend(layer, texts, pool, arena, broken_off) == Ending::BrokenOff
        {
            return None;
        }
        let query_key_value = next.map_or(0, |layer| layer.query_key_value.outputs());
        let blocks = Blocks {
            places: &places,
            rows: &mut arena.rows[..places.len() * row],
            row,
            query_key_value: &mut arena.query_key_value[..places.len() * query_key_value],
            query_key_value_row: query_key_value,
            share: Share {
                rows: places.len(),
                threads: pool.threads(),
            },
        };
        let context = &arena.context;
        let scratch = &arena.scratch;
        let ending = pool.run(blocks, broken_off, |thread, block: Block<'_>| {
            let scratch = &mut scratch[thread].lock().rows;
            scratch.clock.start();
            match previous {
                Some(layer) => pass.finish_layer(layer, context, block.rows, block.places, scratch),
                None => {
                    pass.embed(block.rows, block.places);
                    scratch.clock.end(Stage::Embed);
                }
            }
            match next {
                Some(layer) => {
                    pass.begin_layer(layer, block.rows, block.query_key_value, block.places, scratch);
                }
                None => {
                    pass.norm(network.final_norm.as_ref(), block.rows);
                    scratch.clock.end(Stage::Norm);
                }
            }
        });
        if ending == Ending::BrokenOff {
            return None;
        }
    }

    let hidden = network.description.hidden;
    let mut rows = arena.rows.chunks_exact(row);
    let results = texts.iter().map(|text| {
        let values = rows.by_ref().take(text.len()).flat_map(|row| &row[..hidden]);
        // Which NaN an operation gives differs between processors.
        values
            .map(|value| if value.is_nan() { f32::NAN } else { *value })
            .collect()
    });
    Some(results.collect())
}

/// Rows that a thread takes together, with their places.
struct Block<'a> {
    places: &'a [Place],
    rows: &'a mut [f32],
    query_key_value: &'a mut [f32],
}

/// The blocks of all rows, one after the other.
struct Blocks<'a> {
    places: &'a [Place],
    rows: &'a mut [f32],
    row: usize,
    query_key_value: &'a mut [f32],
    query_key_value_row: usize,
    share: Share,
}

/// How rows are shared.
#[derive(Clone, Copy)]
struct Share {
    rows: usize,
    threads: usize,
}

impl Share {
    /// Rows of the next block, where so many are left: smaller towards the end, so that the threads end together.
    fn next(self, left: usize) -> usize {
        let size = if self.threads == 1 {
            BLOCK_ROWS
        } else if self.rows <= self.threads * 2 * TILE_ROWS {
            self.rows.div_ceil(self.threads).max(LEAST_ROWS)
        } else {
            let share = left / (2 * self.threads);
            share.next_multiple_of(TILE_ROWS).clamp(2 * TILE_ROWS, BLOCK_ROWS)
        };
        left.min(size)
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        let count = self.share.next(self.places.len());
        if count == 0 {
            return None;
        }
        Some(Block {
            places: self.places.split_off(..count)?,
            rows: self.rows.split_off_mut(..count * self.row)?,
            query_key_value: self
                .query_key_value
                .split_off_mut(..count * self.query_key_value_row)?,
        })
    }
}

impl Pass<'_> {
    /// The first layer's input.
    fn embed(&self, rows: &mut [f32], places: &[Place]) {
        let embedding = &self.network.description.embedding;
        let hidden = self.network.description.hidden;
        let stride = self.network.row();
        for (row, place) in rows.chunks_mut(stride).zip(places) {
            self.table.read_row(place.token as usize, &mut row[..hidden]);
            row[hidden..].fill(0.0);
            for value in &mut *row {
                *value *= embedding.scale;
            }
            if let Some(values) = &self.network.token_type {
                add(row, values);
            }
            if embedding.positions.is_some() {
                add(row, &self.network.positions[place.learned * stride..][..stride]);
            }
        }
        self.norm(self.network.embedding_norm.as_ref(), rows);
    }

    /// Applies a norm to whole rows, where there is one.
    fn norm(&self, norm: Option<&RowNorm>, rows: &mut [f32]) {
        if let Some(norm) = norm {
            self.network.kernel.run(NormRows {
                norm,
                rows,
                stride: norm.padded(),
                first: 0,
                parts: 1,
            });
        }
    }

    /// Rows after a norm, in `memory`; as they are where there is no norm.
    fn normed<'a>(&self, norm: Option<&RowNorm>, rows: &'a [f32], memory: &'a mut [f32]) -> &'a [f32] {
        if norm.is_none() {
            return rows;
        }
        let memory = &mut memory[..rows.len()];
        memory.copy_from_slice(rows);
        self.norm(norm, memory);
        memory
    }

    /// All of a product.
    fn product(&self, linear: &Linear, input: Input<'_>, out: &mut [f32], finish: Finish) {
        linear.run(
            self.network.kernel,
            input,
            0..linear.panels(),
            out,
            linear.outputs(),
            finish,
        );
    }

    /// Queries, keys and values of a layer.
    fn begin_layer(
        &self,
        layer: &PackedLayer,
        rows: &[f32],
        query_key_value: &mut [f32],
        places: &[Place],
        scratch: &mut RowScratch,
    ) {
        let RowScratch {
            normed,
            integers,
            clock,
            ..
        } = scratch;
        let attention = &layer.layer.attention;
        let linear = &layer.query_key_value;
        let rows = self.normed(layer.before_attention.as_ref(), rows, normed);
        clock.end(Stage::Norm);
        let input = linear.input(self.network.kernel, rows, integers);
        clock.end(Stage::Quantize);
        self.product(linear, input, query_key_value, Finish::Store);
        clock.end(Stage::QueryKeyValue);

        let stride = linear.outputs();
        let padded = stride / (attention.heads + 2 * attention.key_value_heads);
        let norms = [
            (&layer.query_norm, 0, attention.heads),
            (&layer.key_norm, attention.heads, attention.key_value_heads),
        ];
        for (norm, first_head, parts) in norms {
            if let Some(norm) = norm {
                self.network.kernel.run(NormRows {
                    norm,
                    rows: query_key_value,
                    stride,
                    first: first_head * padded,
                    parts,
                });
            }
        }

        let Some(rotation) = layer.rotation else {
            clock.end(Stage::Norm);
            return;
        };
        let mut rest = (query_key_value, places);
        while let Some(place) = rest.1.first() {
            let count = rest.1.len().min(place.tokens - place.position);
            let (rows, others) = rest.0.split_at_mut(count * stride);
            self.network.kernel.run(Rotate {
                rotation: &self.network.rotations[rotation],
                rows,
                stride,
                position: place.position,
                heads: attention.heads + attention.key_value_heads,
                padded,
            });
            rest = (others, &rest.1[count..]);
        }
        clock.end(Stage::Norm);
    }

    /// Attention of a layer, from `query_key_value` to `context`: of a text after the other, of a key's heads after the other.
    fn attend(
        &self,
        layer: &PackedLayer,
        texts: &[&[u32]],
        pool: &Pool,
        arena: &mut Arena,
        broken_off: &(dyn Fn() -> bool + Sync),
    ) -> Ending {
        let attention = &layer.layer.attention;
        let stride = layer.query_key_value.outputs();
        let width = layer.output.inputs() / attention.key_value_heads;
        let mut rest = arena.context.as_mut_slice();
        let mut start = 0;
        let pieces = texts.iter().flat_map(|text| {
            let rows = &arena.query_key_value[start * stride..][..text.len() * stride];
            start += text.len();
            let mut pieces = Vec::new();
            for key_value_head in 0..attention.key_value_heads {
                let mut query = 0;
                while query < text.len() {
                    let end = text.len().min(query + attention::PIECE);
                    let (out, others) = std::mem::take(&mut rest).split_at_mut((end - query) * width);
                    rest = others;
                    pieces.push((rows, key_value_head, query..end, out));
                    query = end;
                }
            }
            pieces
        });
        let scratch = &arena.scratch;
        pool.run(
            pieces,
            broken_off,
            |thread, (rows, key_value_head, queries, out)| {
                let scratch = &mut *scratch[thread].lock();
                scratch.rows.clock.start();
                self.network.kernel.run(Piece {
                    attention,
                    rows,
                    stride,
                    key_value_head,
                    queries,
                    bias: self
                        .network
                        .relative
                        .as_ref()
                        .filter(|_| attention.relative.is_some()),
                    out,
                    scratch: &mut scratch.attention,
                });
                scratch.rows.clock.end(Stage::Attention);
            },
        )
    }

    /// What a layer does after its attention.
    fn finish_layer(
        &self,
        layer: &PackedLayer,
        context: &[f32],
        rows: &mut [f32],
        places: &[Place],
        scratch: &mut RowScratch,
    ) {
        let kernel = self.network.kernel;
        let RowScratch {
            normed,
            wide,
            integers,
            clock,
        } = scratch;
        let heads = &mut wide[..places.len() * layer.output.inputs()];
        gather(layer, context, places, heads);
        let input = layer.output.input(kernel, heads, integers);
        clock.end(Stage::Quantize);
        let last = LastProduct {
            linear: &layer.output,
            before: layer.before_attention.as_ref(),
            after: layer.after_attention.as_ref(),
            stage: Stage::Output,
        };
        self.add_last(last, input, rows, normed, clock);
        let input = self.normed(layer.before_feed_forward.as_ref(), rows, normed);
        clock.end(Stage::Norm);

        let input = layer.up.input(kernel, input, integers);
        clock.end(Stage::Quantize);
        let inner = &mut wide[..places.len() * layer.up.outputs()];
        let activate = Finish::Activate(layer.layer.feed_forward.activation);
        match &layer.gate {
            Some(gate) => {
                self.product(gate, input, inner, activate);
                self.product(&layer.up, input, inner, Finish::Multiply);
            }
            None => self.product(&layer.up, input, inner, activate),
        }
        clock.end(Stage::Up);

        let input = layer.down.input(kernel, inner, integers);
        clock.end(Stage::Quantize);
        let last = LastProduct {
            linear: &layer.down,
            before: layer.before_feed_forward.as_ref(),
            after: layer.after_feed_forward.as_ref(),
            stage: Stage::Down,
        };
        self.add_last(last, input, rows, normed, clock);
        clock.end(Stage::Norm);
    }

    /// Adds the last product of attention or of feed-forward to the rows, with the norm after it: of the product alone where
    /// there is a norm before it too, and of the sum elsewhere.
    fn add_last(
        &self,
        last: LastProduct<'_>,
        input: Input<'_>,
        rows: &mut [f32],
        room: &mut [f32],
        clock: &mut Clock,
    ) {
        if last.before.is_some() && last.after.is_some() {
            let product = &mut room[..rows.len()];
            self.product(last.linear, input, product, Finish::Store);
            clock.end(last.stage);
            self.norm(last.after, product);
            add(rows, product);
        } else {
            self.product(last.linear, input, rows, Finish::Add);
            clock.end(last.stage);
            self.norm(last.after, rows);
        }
    }
}

/// The last product of attention or of feed-forward, with the norms around that part of the layer.
struct LastProduct<'a> {
    linear: &'a Linear,
    before: Option<&'a RowNorm>,
    after: Option<&'a RowNorm>,
    stage: Stage,
}

/// Brings the heads of each row together.
fn gather(layer: &PackedLayer, context: &[f32], places: &[Place], out: &mut [f32]) {
    let row = layer.output.inputs();
    let width = row / layer.layer.attention.key_value_heads;
    for (out, place) in out.chunks_mut(row).zip(places) {
        let text = &context[place.start * row..][..place.tokens * row];
        let heads = text.chunks(place.tokens * width);
        for (out, head) in out.chunks_mut(width).zip(heads) {
            out.copy_from_slice(&head[place.position * width..][..width]);
        }
    }
}

/// Adds values in place.
fn add(to: &mut [f32], values: &[f32]) {
    for (to, value) in to.iter_mut().zip(values) {
        *to += value;
    }
}
