//! A model of the shape of a large one, with random weights: it costs the same, and its vectors mean nothing.
//!
//! ModernBERT's layers, with a norm before each half and a gated feed-forward network, less its rotary positions, which
//! cost next to nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::json;

use crate::{
    corpus,
    onnx::{Attribute, Dimension, FLOAT, Graph, INT32, INT64},
};

/// The file with the weights, beside the graph.
const DATA_FILE: &str = "model.onnx_data";

/// Files of the tests' tiny model that are taken as they are. Its token ids are below any vocabulary here.
const COPIED: [&str; 6] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "modules.json",
];

/// Padding in that tokenizer.
const PAD_ID: u32 = 3;

/// Sizes of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) layers: usize,
    pub(crate) hidden: usize,
    pub(crate) heads: usize,
    /// Values between the two feed-forward layers; the first makes twice as many, one half of them the gates.
    pub(crate) feed_forward: usize,
    pub(crate) vocabulary: usize,
}

/// `cl-nagoya/ruri-v3-310m`. Source: its `config.json`.
pub(crate) const RURI_310M: Shape = Shape {
    layers: 25,
    hidden: 768,
    heads: 12,
    feed_forward: 3072,
    vocabulary: 102_400,
};

/// The folder of a model of this shape below `parent`, created if it does not exist.
pub(crate) fn ensure(parent: &Path, name: &str, shape: &Shape) -> Result<PathBuf> {
    let folder = parent.join(name);
    let graph = graph(shape);
    let (model, data) = (folder.join("model.onnx"), folder.join(DATA_FILE));
    let file = graph.file(name);
    let is_there = fs::metadata(&data).is_ok_and(|data| data.len() == graph.data_bytes())
        && fs::read(&model).is_ok_and(|present| present == file);
    if is_there {
        return Ok(folder);
    }
    println!(
        "making {} ({:.2} GB)",
        folder.display(),
        graph.data_bytes() as f64 / 1e9
    );
    fs::create_dir_all(folder.join("1_Pooling")).with_context(|| format!("make {}", folder.display()))?;
    let tiny = corpus::root().join("tests/data/tiny-ruri");
    for file in COPIED {
        fs::copy(tiny.join(file), folder.join(file)).with_context(|| format!("copy {file}"))?;
    }
    let config = json!({
        "model_type": "modernbert",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.feed_forward,
        "max_position_embeddings": 8192,
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "pad_token_id": PAD_ID,
        "vocab_size": shape.vocabulary,
    });
    let pooling = json!({ "word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": true });
    fs::write(folder.join("config.json"), config.to_string())?;
    fs::write(folder.join("1_Pooling/config.json"), pooling.to_string())?;
    graph.write_data(&data)?;
    // Written last, so that an interrupted folder is made again.
    fs::write(&model, file).with_context(|| format!("write {}", model.display()))?;
    Ok(folder)
}

fn graph(shape: &Shape) -> Graph {
    let &Shape {
        layers,
        hidden,
        heads,
        feed_forward,
        vocabulary,
    } = shape;
    let mut graph = Graph::new(DATA_FILE);
    let [batch, tokens] = ["batch", "tokens"].map(Dimension::Named);
    for name in ["input_ids", "attention_mask"] {
        graph.input(name, INT64, &[batch, tokens]);
    }
    let output = [batch, tokens, Dimension::Fixed(hidden)];
    graph.output("last_hidden_state", FLOAT, &output);

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
    let scale = graph.ones(hidden);
    let attributes = [("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(1e-5))];
    graph.standard("LayerNormalization", &[input, &scale], &attributes)
}

#[cfg(test)]
mod tests {
    use okibi_engine::{EmbedRequest, LoadOptions, load};

    use super::*;
    use crate::daemon::assets;

    #[test]
    fn shaped_model_gives_unit_vectors_alone_and_in_a_batch() {
        let shape = Shape {
            layers: 2,
            hidden: 64,
            heads: 4,
            feed_forward: 128,
            vocabulary: 2000,
        };
        let parent = tempfile::tempdir().unwrap();
        let folder = ensure(parent.path(), "tiny", &shape).unwrap();
        let data = folder.join(DATA_FILE);
        let made = fs::metadata(&data).unwrap().modified().unwrap();
        ensure(parent.path(), "tiny", &shape).unwrap();
        let modified = fs::metadata(&data).unwrap().modified().unwrap();
        assert_eq!(modified, made, "what is there is used again");

        let options = LoadOptions {
            model: folder.display().to_string(),
            assets: vec![assets()],
            cache_folder: parent.path().join("cache"),
            ..LoadOptions::default()
        };
        let engine = load(&options, &|_| {}).unwrap();
        assert_eq!(engine.info().dimension, shape.hidden);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let embed = |texts: &[&str]| {
            let request = EmbedRequest::new(texts.iter().copied());
            let pending = engine.submit(engine.prepare(request).unwrap()).unwrap();
            runtime.block_on(pending.wait()).unwrap().vectors
        };
        let texts = ["熾火が朝まで残る理由", "短い"];
        let together = embed(&texts);
        let difference =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        for (text, vector) in texts.iter().zip(&together) {
            let length: f32 = vector.iter().map(|value| value * value).sum();
            assert!((length - 1.0).abs() < 1e-4, "{text}: {length}");
            let alone = &embed(&[text])[0];
            assert!(difference(alone, vector) < 1e-5, "{text} depends on its batch");
        }
        assert!(
            difference(&together[0], &together[1]) > 1e-2,
            "texts are told apart"
        );
    }

    #[test]
    fn large_shape_has_the_size_of_the_original() {
        let bytes = graph(&RURI_310M).data_bytes();
        assert!((1_250_000_000..1_270_000_000).contains(&bytes), "{bytes}");
    }
}
