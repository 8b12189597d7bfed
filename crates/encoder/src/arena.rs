//! Memory of the values between the products, kept from run to run.

use parking_lot::Mutex;

use crate::attention;
use crate::linear::IntegerMemory;
use crate::network::Network;
use crate::stages::{Clock, Stages};

/// Rows that go through a layer together, at most.
pub(crate) const BLOCK_ROWS: usize = 48;

/// Tokens that are computed together, unless one text is longer.
pub(crate) const GROUP_TOKENS: usize = 2048;

/// The memory of a run.
#[derive(Default)]
pub(crate) struct Arena {
    /// A row of each token, as long as the hidden size.
    pub(crate) rows: Vec<f32>,
    /// Queries, keys and values of each token.
    pub(crate) query_key_value: Vec<f32>,
    /// What attention gives, of a text after the other, of a key's heads after the other.
    pub(crate) context: Vec<f32>,
    /// Of each thread.
    pub(crate) scratch: Vec<Mutex<Scratch>>,
}

/// The memory of a thread.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) attention: attention::Scratch,
    pub(crate) rows: RowScratch,
}

/// A thread's memory for a block of rows.
#[derive(Default)]
pub(crate) struct RowScratch {
    /// As wide as the hidden size.
    pub(crate) normed: Vec<f32>,
    /// As wide as feed-forward, or as all heads.
    pub(crate) wide: Vec<f32>,
    pub(crate) integers: IntegerMemory,
    pub(crate) clock: Clock,
}

/// How much a token needs.
struct Widths {
    row: usize,
    query_key_value: usize,
    context: usize,
    wide: usize,
}

impl Widths {
    fn of(network: &Network) -> Self {
        let most = |width: fn(&crate::network::PackedLayer) -> usize| {
            network.layers.iter().map(width).max().unwrap_or(0)
        };
        Self {
            row: network.row(),
            query_key_value: most(|layer| layer.query_key_value.outputs()),
            context: most(|layer| layer.output.inputs()),
            wide: most(|layer| layer.up.outputs().max(layer.output.inputs())),
        }
    }
}

impl Arena {
    /// Makes room for the tokens of a run, and gives back what a much longer text before it needed.
    pub(crate) fn reserve(&mut self, network: &Network, tokens: usize, threads: usize) {
        let widths = Widths::of(network);
        let kept = tokens.max(GROUP_TOKENS);
        fit(&mut self.rows, tokens * widths.row, kept * widths.row);
        fit(
            &mut self.query_key_value,
            tokens * widths.query_key_value,
            kept * widths.query_key_value,
        );
        fit(&mut self.context, tokens * widths.context, kept * widths.context);
        self.scratch.resize_with(threads, Mutex::default);
        for scratch in &mut self.scratch {
            let rows = &mut scratch.get_mut().rows;
            fit(&mut rows.normed, BLOCK_ROWS * widths.row, usize::MAX);
            fit(&mut rows.wide, BLOCK_ROWS * widths.wide, usize::MAX);
        }
    }

    /// The times of the threads' stages since they were taken last.
    pub(crate) fn take_stages(&mut self) -> Stages {
        let mut stages = Stages::default();
        for scratch in &mut self.scratch {
            stages.add(&scratch.get_mut().rows.clock.take());
        }
        stages
    }

    /// Bytes that it holds.
    pub(crate) fn bytes(&self) -> usize {
        let floats = [&self.rows, &self.query_key_value, &self.context].map(Vec::capacity);
        let scratch = self.scratch.iter().map(|scratch| {
            let scratch = scratch.lock();
            let rows = scratch.rows.normed.capacity() + scratch.rows.wide.capacity();
            rows * size_of::<f32>() + scratch.attention.bytes()
        });
        floats.iter().sum::<usize>() * size_of::<f32>() + scratch.sum::<usize>()
    }
}

/// Makes a vector at least `needed` long, and not longer than `kept`.
fn fit(values: &mut Vec<f32>, needed: usize, kept: usize) {
    if values.len() < needed {
        values.resize(needed, 0.0);
    } else if values.len() > kept {
        values.truncate(kept);
        values.shrink_to_fit();
    }
}
