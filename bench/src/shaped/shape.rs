//! Sizes of models, and what every graph of one has.

use crate::onnx::{Attribute, Dimension, FLOAT, Graph, INT64};

/// The file with the weights, beside the graph.
pub(super) const DATA_FILE: &str = "model.onnx_data";

/// What a model's layers consist of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Bert,
    ModernBert,
}

/// Sizes of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) family: Family,
    pub(crate) layers: usize,
    pub(crate) hidden: usize,
    pub(crate) heads: usize,
    /// Values between the two feed-forward layers; ModernBERT's first makes twice as many, one half of them the gates.
    pub(crate) feed_forward: usize,
    pub(crate) vocabulary: usize,
}

/// `cl-nagoya/ruri-v3-310m`. Source: its `config.json`.
pub(crate) const RURI_310M: Shape = Shape {
    family: Family::ModernBert,
    layers: 25,
    hidden: 768,
    heads: 12,
    feed_forward: 3072,
    vocabulary: 102_400,
};

/// `sentence-transformers/all-MiniLM-L6-v2`. Source: its `config.json`.
pub(crate) const MINILM: Shape = Shape {
    family: Family::Bert,
    layers: 6,
    hidden: 384,
    heads: 12,
    feed_forward: 1536,
    vocabulary: 30_522,
};

/// `intfloat/multilingual-e5-small`. Source: its `config.json`.
pub(crate) const E5_SMALL: Shape = Shape {
    layers: 12,
    vocabulary: 250_037,
    ..MINILM
};

impl Shape {
    /// Multiply-adds of a token in the linear layers.
    pub(crate) fn linear_products(&self) -> usize {
        let up = match self.family {
            Family::Bert => 1,
            Family::ModernBert => 2,
        };
        self.layers * (4 * self.hidden * self.hidden + (up + 1) * self.hidden * self.feed_forward)
    }
}

/// How the numbers of a graph's products are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    Floats,
    /// In 8 bits, and activations with a scale of each run, as ONNX Runtime's own tools make them. Of BERT only.
    Integers,
}

/// Declares what every graph here takes and gives.
pub(super) fn inputs_and_output(graph: &mut Graph, hidden: usize) {
    let [batch, tokens] = ["batch", "tokens"].map(Dimension::Named);
    for name in ["input_ids", "attention_mask"] {
        graph.input(name, INT64, &[batch, tokens]);
    }
    let output = [batch, tokens, Dimension::Fixed(hidden)];
    graph.output("last_hidden_state", FLOAT, &output);
}

/// `input` normed, with a bias where there is one.
pub(super) fn norm_of(graph: &mut Graph, input: &str, hidden: usize, bias: Option<&str>) -> String {
    let scale = graph.ones(hidden);
    let attributes = [("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(1e-5))];
    let operands: Vec<&str> = [input, &scale].into_iter().chain(bias).collect();
    graph.standard("LayerNormalization", &operands, &attributes)
}
