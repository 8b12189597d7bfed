//! BERT's shape: learned positions, a norm after each half, biases everywhere.
//!
//! The graph has ONNX Runtime's own operators as its exporters fuse them, so that it is at its best.

use super::{
    safetensors::Tensors,
    shape::{DATA_FILE, Numbers, Shape, inputs_and_output, norm_of},
};
use crate::onnx::{Attribute, Graph, INT32};

/// Positions of the table.
pub(crate) const POSITIONS: usize = 512;

const EPSILON: (&str, Attribute) = ("epsilon", Attribute::Float(1e-12));

/// The graph, its products as `numbers` says.
pub(super) fn graph(shape: &Shape, numbers: Numbers) -> Graph {
    let &Shape {
        layers,
        hidden,
        heads,
        feed_forward,
        ..
    } = shape;
    let mut graph = Graph::new(DATA_FILE);
    inputs_and_output(&mut graph, hidden);
    let mask = graph.standard("Cast", &["attention_mask"], &[("to", Attribute::Int(INT32))]);
    let mut state = embeddings(&mut graph, shape);
    for _ in 0..layers {
        let joint = product(&mut graph, &state, hidden, 3 * hidden, numbers);
        let [query, key, value] = graph.split(&joint);
        let bias = graph.weight(&[3 * hidden]);
        let operands: [&str; 5] = [&query, &key, &value, &bias, &mask];
        let heads = [("num_heads", Attribute::Int(heads as i64))];
        let context = graph.microsoft("MultiHeadAttention", &operands, &heads);
        let attended = product(&mut graph, &context, hidden, hidden, numbers);
        state = add_and_norm(&mut graph, &attended, &state, hidden);

        let inner = product(&mut graph, &state, hidden, feed_forward, numbers);
        let bias = graph.weight(&[feed_forward]);
        let inner = graph.microsoft("BiasGelu", &[&inner, &bias], &[]);
        let outer = product(&mut graph, &inner, feed_forward, hidden, numbers);
        state = add_and_norm(&mut graph, &outer, &state, hidden);
    }
    graph.publish(&state, "last_hidden_state");
    graph
}

fn embeddings(graph: &mut Graph, shape: &Shape) -> String {
    let words = graph.weight(&[shape.vocabulary, shape.hidden]);
    let words = graph.standard("Gather", &[&words, "input_ids"], &[]);
    let places = graph.weight(&[POSITIONS, shape.hidden]);
    let [zero, one] = [0, 1].map(|value| graph.number(value));
    let sizes = graph.standard("Shape", &["input_ids"], &[]);
    let tokens = graph.standard("Gather", &[&sizes, &one], &[]);
    let places = graph.standard("Slice", &[&places, &zero, &tokens, &zero], &[]);
    let sum = graph.standard("Add", &[&words, &places], &[]);
    let bias = graph.weight(&[shape.hidden]);
    norm_of(graph, &sum, shape.hidden, Some(&bias))
}

/// `input` times a weight; its bias is added by what comes next.
fn product(graph: &mut Graph, input: &str, inputs: usize, outputs: usize, numbers: Numbers) -> String {
    match numbers {
        Numbers::Floats => {
            let weight = graph.weight(&[inputs, outputs]);
            graph.standard("MatMul", &[input, &weight], &[])
        }
        Numbers::Integers => {
            let [values, scale, zero] = graph.quantize(input);
            let weight = graph.integers(&[inputs, outputs]);
            let scales = graph.scales(outputs);
            let operands: [&str; 5] = [&values, &weight, &scale, &scales, &zero];
            graph.microsoft("MatMulIntegerToFloat", &operands, &[])
        }
    }
}

/// `input` plus a bias plus `residual`, normed.
fn add_and_norm(graph: &mut Graph, input: &str, residual: &str, hidden: usize) -> String {
    let scale = graph.ones(hidden);
    let [shift, bias] = [(); 2].map(|()| graph.weight(&[hidden]));
    let operands: [&str; 5] = [input, residual, &scale, &shift, &bias];
    graph.microsoft("SkipLayerNormalization", &operands, &[EPSILON])
}

/// The weights, by the names that transformers gives them.
pub(super) fn tensors(shape: &Shape) -> Tensors {
    let hidden = shape.hidden;
    let mut tensors = Tensors::default();
    for (table, rows) in [
        ("word", shape.vocabulary),
        ("position", POSITIONS),
        ("token_type", 2),
    ] {
        tensors.weight(&format!("embeddings.{table}_embeddings.weight"), &[rows, hidden]);
    }
    tensors.norm("embeddings.LayerNorm", hidden);
    for layer in 0..shape.layers {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        for part in ["query", "key", "value"] {
            tensors.product(&name(&format!("attention.self.{part}")), hidden, hidden);
        }
        tensors.product(&name("attention.output.dense"), hidden, hidden);
        tensors.norm(&name("attention.output.LayerNorm"), hidden);
        tensors.product(&name("intermediate.dense"), shape.feed_forward, hidden);
        tensors.product(&name("output.dense"), hidden, shape.feed_forward);
        tensors.norm(&name("output.LayerNorm"), hidden);
    }
    tensors
}
