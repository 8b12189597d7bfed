//! Which output of a graph is taken, and what is refused by what it is.

use std::{fs, path::Path};

use okibi_engine::{EmbedError, EmbedRequest, LoadError, Output};
use okibi_models::{Feature, ModelError};
use serde::Deserialize;
use tempfile::TempDir;

use crate::harness::{compare, data, embed, open, try_embed, try_open};

#[derive(Deserialize)]
struct Expected {
    texts: Vec<String>,
    mean: Vec<Vec<f64>>,
    whole: Vec<Vec<f64>>,
    dense: Vec<Vec<f64>>,
}

fn expected() -> Expected {
    serde_json::from_slice(&fs::read(data().join("graphs/expected.json")).unwrap()).unwrap()
}

/// A folder with a graph, its tokenizer, and further files.
fn folder(graph: &str, files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = data().join("graphs");
    fs::copy(
        from.join(format!("{graph}.onnx")),
        folder.path().join("model.onnx"),
    )
    .unwrap();
    fs::copy(from.join("tokenizer.json"), folder.path().join("tokenizer.json")).unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn modules(classes: &[&str]) -> String {
    let modules = classes.iter().enumerate().map(|(at, class)| {
        let path = if at == 0 { String::new() } else { format!("{at}_{class}") };
        serde_json::json!({ "idx": at, "path": path, "type": format!("sentence_transformers.models.{class}") })
    });
    serde_json::Value::Array(modules.collect()).to_string()
}

/// Checks the vectors of a folder's model, alone and together.
fn check(folder: &Path, vectors: impl Fn(&Expected) -> &Vec<Vec<f64>>) {
    let (engine, expected) = (open(folder), expected());
    let request = |texts: &[String]| EmbedRequest::new(texts.iter().map(String::as_str));
    let (together, _) = embed(&engine, request(&expected.texts));
    for (at, wanted) in vectors(&expected).iter().enumerate() {
        compare("together", &together[at], wanted);
        compare(
            "alone",
            &embed(&engine, request(&expected.texts[at..=at])).0[0],
            wanted,
        );
    }
}

fn refused(folder: &TempDir) -> Feature {
    match try_open(folder.path()) {
        Err(LoadError::Source(ModelError::Unsupported { feature, .. })) => feature,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was loaded"),
    }
}

const DENSE: &str = r#"{"in_features":8,"out_features":4,"bias":true,"activation_function":"torch.nn.modules.activation.Tanh"}"#;

#[test]
fn a_graph_with_the_whole_pipeline_gives_the_vectors_of_texts() {
    let list = modules(&["Transformer", "Pooling", "Dense", "Dense", "Normalize"]);
    // Neither has the folder of an export the layers, nor need they be there.
    for files in [
        vec![],
        vec![
            ("modules.json", list.as_str()),
            ("1_Pooling/config.json", r#"{"pooling_mode_mean_tokens":true}"#),
        ],
    ] {
        check(folder("whole", &files).path(), |expected| &expected.whole);
    }
}

#[test]
fn a_graph_with_the_whole_pipeline_still_has_vectors_of_tokens() {
    let (whole, plain) = (
        open(folder("whole", &[]).path()),
        open(folder("plain", &[]).path()),
    );
    let of_tokens = || EmbedRequest {
        output: Output::Tokens,
        ..EmbedRequest::new(["w1 w2 w3", "w4"])
    };
    assert_eq!(embed(&whole, of_tokens()).0, embed(&plain, of_tokens()).0);
    assert_eq!(whole.info().token_dimension, Some(8));
}

#[test]
fn vectors_of_tokens_go_through_the_layers() {
    let list = modules(&["Transformer", "Pooling", "Dense"]);
    let pooling = ("1_Pooling/config.json", "{}");
    let files = [
        ("modules.json", list.as_str()),
        pooling,
        ("2_Dense/config.json", DENSE),
    ];
    let folder = folder("plain", &files);
    let weights = folder.path().join("2_Dense/model.safetensors");
    let missing = try_open(folder.path()).err();
    assert!(
        matches!(missing, Some(LoadError::Source(ModelError::MissingFile { ref file, .. })) if file == "2_Dense/model.safetensors"),
        "{missing:?}"
    );
    fs::write(folder.path().join("2_Dense/pytorch_model.bin"), "").unwrap();
    assert_eq!(refused(&folder), Feature::PickledWeights);
    fs::copy(data().join("graphs/dense.safetensors"), &weights).unwrap();
    check(folder.path(), |expected| &expected.dense);
    let engine = open(folder.path());
    assert_eq!(
        (engine.info().dimension, engine.info().token_dimension),
        (4, Some(8))
    );
    let of_tokens = EmbedRequest {
        output: Output::Tokens,
        ..EmbedRequest::new(["w1 w2 w3"])
    };
    assert_eq!(embed(&engine, of_tokens).0[0].len(), 3 * 8);

    fs::write(folder.path().join("2_Dense/config.json"), DENSE.replace("8", "9")).unwrap();
    let other = try_open(folder.path()).err();
    assert!(
        matches!(other, Some(LoadError::Model { ref path, .. }) if *path == weights),
        "{other:?}"
    );
}

#[test]
fn layers_that_a_graph_has_left_out_are_not_passed_over() {
    // Its vectors of texts have 8 values, and the layer gives 4.
    let list = modules(&["Transformer", "Pooling", "Dense"]);
    let folder = folder(
        "whole",
        &[
            ("modules.json", list.as_str()),
            ("1_Pooling/config.json", "{}"),
            ("2_Dense/config.json", DENSE),
        ],
    );
    fs::copy(
        data().join("graphs/dense.safetensors"),
        folder.path().join("2_Dense/model.safetensors"),
    )
    .unwrap();
    check(folder.path(), |expected| &expected.dense);
}

#[test]
fn other_numbers_in_and_out_are_converted() {
    for graph in ["plain", "int32", "double"] {
        check(folder(graph, &[]).path(), |expected| &expected.mean);
    }
    let (engine, expected) = (open(folder("half", &[]).path()), expected());
    let (vectors, _) = embed(
        &engine,
        EmbedRequest::new(expected.texts.iter().map(String::as_str)),
    );
    for (vector, expected) in vectors.iter().zip(&expected.mean) {
        let difference = vector
            .iter()
            .zip(expected)
            .map(|(a, b)| (f64::from(*a) - b).abs());
        assert!(difference.fold(0.0, f64::max) < 1e-3, "16 bits are near");
    }
}

#[test]
fn what_is_not_an_embedding_model_is_refused_by_what_it_is() {
    let class = |class: &str| format!(r#"{{"architectures":["{class}"]}}"#);
    let reranker = class("XLMRobertaForSequenceClassification");
    assert_eq!(
        refused(&folder("reranker", &[("config.json", &reranker)])),
        Feature::Reranker
    );
    assert_eq!(refused(&folder("reranker", &[])), Feature::Reranker);
    assert_eq!(refused(&folder("language-model", &[])), Feature::LanguageModel);
    assert_eq!(refused(&folder("text-generation", &[])), Feature::TextGeneration);
    let images = refused(&folder("images", &[]));
    assert!(
        matches!(images, Feature::Input(ref input) if input.contains("images")),
        "{images:?}"
    );
    let router = modules(&["Router"]);
    let router = refused(&folder("plain", &[("modules.json", &router)]));
    assert_eq!(router, Feature::Module("Router".into()));
}

#[test]
fn a_text_that_makes_the_model_fail_fails_alone() {
    let engine = open(folder("plain", &[]).path());
    let texts = ["w1", "w2 <img> w3", "w3 w4", "<img>"];
    let embedded = try_embed(&engine, EmbedRequest::new(texts)).unwrap();
    assert_eq!(embedded.failed, [1, 3]);
    for (at, text) in [(0, texts[0]), (2, texts[2])] {
        assert_eq!(
            embedded.vectors[at],
            embed(&engine, EmbedRequest::new([text])).0[0],
            "{text}"
        );
    }
    assert!(embedded.vectors.iter().all(|vector| vector.len() == 8));
    let alone = try_embed(&engine, EmbedRequest::new(["<img>"])).unwrap_err();
    assert!(matches!(alone, EmbedError::Compute { .. }), "{alone:?}");
    let none = try_embed(&engine, EmbedRequest::new(["<img>", "<img> w1"])).unwrap_err();
    assert!(matches!(none, EmbedError::Compute { .. }), "{none:?}");
}

#[test]
fn weights_that_change_on_disk_do_not_reach_a_loaded_model() {
    let folder = folder("external", &[]);
    let weights = folder.path().join("weights.bin");
    let before = fs::read(data().join("graphs/weights.bin")).unwrap();
    fs::write(&weights, &before).unwrap();
    let engine = open(folder.path());
    let vectors = |engine: &okibi_engine::Engine| embed(engine, EmbedRequest::new(["w3", "w1 w2"])).0;
    let as_loaded = vectors(&engine);
    let other: Vec<u8> = before.chunks(4).rev().flatten().copied().collect();
    fs::write(&weights, &other).unwrap();
    assert_eq!(vectors(&engine), as_loaded, "written over");
    fs::write(&weights, "").unwrap();
    assert_eq!(vectors(&engine), as_loaded, "cut");
    fs::write(&weights, &other).unwrap();
    let again = open(folder.path());
    assert_ne!(vectors(&again), as_loaded, "a new load has the new weights");
    assert_ne!(again.info().space, engine.info().space);
}

#[test]
fn weights_too_large_to_copy_are_watched() {
    let folder = folder("large", &[]);
    let weights = folder.path().join("weights.bin");
    let table = fs::read(data().join("graphs/weights.bin")).unwrap();
    let write = || {
        // Mostly a hole, which takes no room.
        fs::write(&weights, &table).unwrap();
        fs::File::options()
            .write(true)
            .open(&weights)
            .unwrap()
            .set_len(2_200_000 * 8 * 4)
            .unwrap();
    };
    let refusal = |change: &dyn Fn()| {
        write();
        let engine = open(folder.path());
        embed(&engine, EmbedRequest::new(["w3"]));
        change();
        let error = try_embed(&engine, EmbedRequest::new(["w3"])).unwrap_err();
        assert!(error.to_string().contains("was changed on disk"), "{error}");
    };
    refusal(&|| fs::File::create(&weights).unwrap().set_len(0).unwrap());
    refusal(&write);
}
