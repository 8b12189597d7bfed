//! Models of the shape of known ones, with random weights: they cost the same, and their vectors mean nothing.

mod bert;
mod modernbert;
mod safetensors;
mod shape;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

pub(crate) use self::shape::{E5_SMALL, Family, MINILM, Numbers, RURI_310M, Shape};
use self::{safetensors::Tensors, shape::DATA_FILE};
use crate::{corpus, onnx::Graph};

/// Files of the tokenizer's folder that are taken as they are.
const COPIED: [&str; 6] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "modules.json",
];

/// Padding, where the tokenizer's folder does not say.
const PAD_ID: u64 = 3;

/// What a model is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Onnx(Numbers),
    Safetensors,
}

/// The folder of a model of this shape below `parent`, for ONNX Runtime and in floats, created if it does not exist.
pub(crate) fn ensure(parent: &Path, name: &str, shape: &Shape) -> Result<PathBuf> {
    let file = ensure_as(parent, name, shape, Form::Onnx(Numbers::Floats), &tiny())?;
    Ok(file.with_file_name(""))
}

/// The tests' tiny model. Its token ids are below any vocabulary here.
pub(crate) fn tiny() -> PathBuf {
    corpus::root().join("tests/data/tiny-ruri")
}

/// The file of a model of this shape in a folder below `parent`, with the tokenizer of another folder; created if it does
/// not exist.
pub(crate) fn ensure_as(
    parent: &Path,
    name: &str,
    shape: &Shape,
    form: Form,
    tokenizer: &Path,
) -> Result<PathBuf> {
    let folder = parent.join(name);
    let content = Content::of(name, shape, form);
    let file = folder.join(content.file_name());
    if content.is_in(&folder)? {
        return Ok(file);
    }
    let gigabytes = content.bytes() as f64 / 1e9;
    println!("making {} ({gigabytes:.2} GB)", folder.display());
    fs::create_dir_all(folder.join("1_Pooling")).with_context(|| format!("make {}", folder.display()))?;
    for copied in COPIED {
        fs::copy(tokenizer.join(copied), folder.join(copied)).with_context(|| format!("copy {copied}"))?;
    }
    let pooling = json!({ "word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": true });
    fs::write(
        folder.join("config.json"),
        config(shape, pad_of(tokenizer)?).to_string(),
    )?;
    fs::write(folder.join("1_Pooling/config.json"), pooling.to_string())?;
    content.write(&folder)?;
    Ok(file)
}

/// The `config.json` of a model of this shape.
fn config(shape: &Shape, pad: u64) -> Value {
    let mut config = json!({
        "model_type": "modernbert",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.feed_forward,
        "max_position_embeddings": 8192,
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "pad_token_id": pad,
        "vocab_size": shape.vocabulary,
    });
    if shape.family == Family::Bert {
        config["model_type"] = "bert".into();
        config["max_position_embeddings"] = bert::POSITIONS.into();
    }
    config
}

/// The id of padding in a model's folder.
fn pad_of(folder: &Path) -> Result<u64> {
    let file = folder.join("config.json");
    let text = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
    let config: Value = serde_json::from_slice(&text)?;
    Ok(config["pad_token_id"].as_u64().unwrap_or(PAD_ID))
}

/// What is written into a model's folder.
enum Content {
    Graph { graph: Graph, file: Vec<u8> },
    Tensors(Tensors),
}

impl Content {
    fn of(name: &str, shape: &Shape, form: Form) -> Self {
        let graph = match (form, shape.family) {
            (Form::Safetensors, Family::Bert) => return Self::Tensors(bert::tensors(shape)),
            (Form::Safetensors, Family::ModernBert) => return Self::Tensors(modernbert::tensors(shape)),
            (Form::Onnx(numbers), Family::Bert) => bert::graph(shape, numbers),
            (Form::Onnx(_), Family::ModernBert) => modernbert::graph(shape),
        };
        let file = graph.file(name);
        Self::Graph { graph, file }
    }

    fn file_name(&self) -> &'static str {
        match self {
            Self::Graph { .. } => "model.onnx",
            Self::Tensors(_) => "model.safetensors",
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Graph { graph, .. } => graph.data_bytes(),
            Self::Tensors(tensors) => tensors.bytes(),
        }
    }

    /// Whether it is there already, whole.
    fn is_in(&self, folder: &Path) -> Result<bool> {
        let path = folder.join(self.file_name());
        match self {
            Self::Graph { graph, file } => Ok(fs::metadata(folder.join(DATA_FILE))
                .is_ok_and(|data| data.len() == graph.data_bytes())
                && fs::read(path).is_ok_and(|present| present == *file)),
            Self::Tensors(tensors) => tensors.are_in(&path),
        }
    }

    /// Writes it; what says that it is whole comes last, so that an interrupted folder is made again.
    fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(self.file_name());
        match self {
            Self::Graph { graph, file } => {
                graph.write_data(&folder.join(DATA_FILE))?;
                fs::write(&path, file).with_context(|| format!("write {}", path.display()))
            }
            Self::Tensors(tensors) => tensors.write(&path),
        }
    }
}

#[cfg(test)]
mod tests {
    use okibi_engine::{EmbedRequest, LoadOptions, load};

    use super::*;
    use crate::daemon::assets;

    #[test]
    fn shaped_model_gives_unit_vectors_alone_and_in_a_batch() {
        let shape = Shape {
            family: Family::ModernBert,
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
        for form in [Form::Onnx(Numbers::Floats), Form::Safetensors] {
            let bytes = Content::of("large", &RURI_310M, form).bytes();
            assert!((1_250_000_000..1_270_000_000).contains(&bytes), "{bytes}");
        }
    }

    #[test]
    fn each_form_of_a_shape_is_a_model_that_runs() {
        let small = Shape {
            layers: 2,
            hidden: 64,
            heads: 4,
            feed_forward: 128,
            vocabulary: 2000,
            ..MINILM
        };
        let gated = Shape {
            family: Family::ModernBert,
            ..small
        };
        let parent = tempfile::tempdir().unwrap();
        for (name, shape, form) in [
            ("weights", small, Form::Safetensors),
            ("floats", small, Form::Onnx(Numbers::Floats)),
            ("integers", small, Form::Onnx(Numbers::Integers)),
            ("gated", gated, Form::Safetensors),
        ] {
            let file = ensure_as(parent.path(), name, &shape, form, &tiny()).unwrap();
            let made = fs::metadata(&file).unwrap().modified().unwrap();
            ensure_as(parent.path(), name, &shape, form, &tiny()).unwrap();
            let modified = fs::metadata(&file).unwrap().modified().unwrap();
            assert_eq!(modified, made, "what is there is used again");
            let options = LoadOptions {
                model: parent.path().join(name).display().to_string(),
                assets: vec![assets()],
                cache_folder: parent.path().join("cache"),
                ..LoadOptions::default()
            };
            let engine = load(&options, &|_| {}).unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert_eq!(engine.info().dimension, shape.hidden, "{name}");
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let request = EmbedRequest::new(["熾火が朝まで残る理由"]);
            let pending = engine.submit(engine.prepare(request).unwrap()).unwrap();
            let vectors = runtime.block_on(pending.wait()).unwrap().vectors;
            assert!(vectors[0].iter().all(|value| value.is_finite()), "{name}");
        }
    }
}
