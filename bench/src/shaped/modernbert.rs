//! ModernBERT's shape: a norm before each half and a gated feed-forward network.
//!
//! The graph is without rotary positions, which cost next to nothing, and without windows of attention: up to 128 tokens
//! they are no difference.

use super::{
    safetensors::Tensors,
    shape::{DATA_FILE, Shape, inputs_and_output, norm_of},
};
use crate::onnx::{Attribute, Graph, INT32};

pub(super) fn graph(shape: &Shape) -> Graph {
    let &Shape {
        layers,
        hidden,
        heads,
        feed_forward,
        vocabulary,
        ..
    } = shape;
    let mut graph = Graph::new(DATA_FILE);
    inputs_and_output(&mut graph, hidden);
    let mask = graph.standard("Cast", &["attention_mask"], &[("to", Attribute::Int(INT32))]);
    let words = graph.weight(&[vocabulary, hidden]);
    let words = graph.standard("Gather", &[&words, "input_ids"], &[]);
    let mut state = norm(&mut graph, &words, hidden);
    for _ in 0..layers {
        let input = norm(&mut graph, &state, hidden);
        let joint = product(&mut graph, &input, hidden, 3 * hidden);
        let [query, key, value] = graph.split(&joint);
        let heads = [("num_heads", Attribute::Int(heads as i64))];
        let operands: [&str; 5] = [&query, &key, &value, "", &mask];
        let context = graph.microsoft("MultiHeadAttention", &operands, &heads);
        let attended = product(&mut graph, &context, hidden, hidden);
        state = graph.standard("Add", &[&state, &attended], &[]);

        let input = norm(&mut graph, &state, hidden);
        let inner = product(&mut graph, &input, hidden, 2 * feed_forward);
        let [inner, gates] = graph.split(&inner);
        let inner = graph.microsoft("Gelu", &[&inner], &[]);
        let gated = graph.standard("Mul", &[&inner, &gates], &[]);
        let inner = product(&mut graph, &gated, feed_forward, hidden);
        state = graph.standard("Add", &[&state, &inner], &[]);
    }
    let state = norm(&mut graph, &state, hidden);
    graph.publish(&state, "last_hidden_state");
    graph
}

/// `input` times a weight, without a bias, as in the original.
fn product(graph: &mut Graph, input: &str, inputs: usize, outputs: usize) -> String {
    let weight = graph.weight(&[inputs, outputs]);
    graph.standard("MatMul", &[input, &weight], &[])
}

fn norm(graph: &mut Graph, input: &str, hidden: usize) -> String {
    norm_of(graph, input, hidden, None)
}

/// The weights, by the names that transformers gives them.
pub(super) fn tensors(shape: &Shape) -> Tensors {
    let hidden = shape.hidden;
    let mut tensors = Tensors::default();
    tensors.weight("embeddings.tok_embeddings.weight", &[shape.vocabulary, hidden]);
    tensors.scales("embeddings.norm", hidden);
    for layer in 0..shape.layers {
        let name = |part: &str| format!("layers.{layer}.{part}");
        // What comes into the first layer was normed by the embeddings.
        if layer > 0 {
            tensors.scales(&name("attn_norm"), hidden);
        }
        tensors.weight(&name("attn.Wqkv.weight"), &[3 * hidden, hidden]);
        tensors.weight(&name("attn.Wo.weight"), &[hidden, hidden]);
        tensors.scales(&name("mlp_norm"), hidden);
        tensors.weight(&name("mlp.Wi.weight"), &[2 * shape.feed_forward, hidden]);
        tensors.weight(&name("mlp.Wo.weight"), &[hidden, shape.feed_forward]);
    }
    tensors.scales("final_norm", hidden);
    tensors
}
