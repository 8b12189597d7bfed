//! The embedded model and the tiny one give the vectors of their references, alone and in any batch.

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails its test")]

use std::path::{Path, PathBuf};

use okibi_engine::{
    EmbedError, EmbedRequest, Embedded, Engine, LoadError, LoadOptions, Role, load,
    source::{DEFAULT_MODEL, describe},
    tokenizer::Tokenizer,
};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Entry {
    text: String,
    #[serde(default)]
    kind: String,
    tokens: usize,
    vector: Vec<f32>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

fn data(file: &str) -> PathBuf {
    root().join("tests/data").join(file)
}

fn open(model: &str) -> Engine {
    load(&options(model), &|_| {})
        .unwrap_or_else(|error| panic!("{error}; `cargo xtask setup` makes the assets"))
}

fn options(model: &str) -> LoadOptions {
    let assets = std::env::var_os("OKIBI_ASSETS").map_or_else(|| root().join("assets"), PathBuf::from);
    LoadOptions {
        model: model.to_owned(),
        assets: vec![assets],
        ..LoadOptions::default()
    }
}

fn embed(engine: &Engine, request: EmbedRequest) -> Result<Embedded, EmbedError> {
    let pending = engine.submit(engine.prepare(request)?)?;
    futures_executor::block_on(pending.wait())
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn entries(file: &str) -> Vec<Entry> {
    serde_json::from_slice(&std::fs::read(data(file)).unwrap()).unwrap()
}

#[test]
fn the_embedded_model_agrees_with_its_reference() {
    let engine = open(DEFAULT_MODEL);
    let reference = entries("multilingual-e5-small-q4-reference.json");
    assert_eq!(reference.len(), 40);
    assert_eq!((engine.info().dimension, engine.info().max_tokens), (384, 512));
    for (role, kind) in [(Role::Query, "query"), (Role::Document, "passage")] {
        let of_kind: Vec<&Entry> = reference.iter().filter(|entry| entry.kind == kind).collect();
        assert!(!of_kind.is_empty());
        let texts: Vec<String> = of_kind.iter().map(|entry| entry.text.clone()).collect();
        let together = embed(
            &engine,
            EmbedRequest {
                role,
                ..EmbedRequest::new(texts)
            },
        )
        .unwrap();
        for (at, entry) in of_kind.iter().enumerate() {
            assert_eq!(
                together.tokens[at],
                entry.tokens,
                "tokens of a {kind} of {} bytes",
                entry.text.len()
            );
            let likeness = cosine(&together.vectors[at], &entry.vector);
            assert!(likeness >= 0.997, "{likeness} to the reference at {at}");
            let alone = embed(
                &engine,
                EmbedRequest {
                    role,
                    ..EmbedRequest::new(vec![entry.text.clone()])
                },
            )
            .unwrap();
            let same = cosine(&together.vectors[at], &alone.vectors[0]);
            assert!(same >= 0.9999, "{same} alone and in a batch at {at}");
        }
    }
}

#[test]
fn the_tiny_model_agrees_with_its_reference() {
    let engine = open(data("tiny-ruri").to_str().unwrap());
    let reference = entries("tiny-ruri/reference.json");
    let texts = reference.iter().map(|entry| entry.text.clone()).collect();
    let embedded = embed(&engine, EmbedRequest::new(texts)).unwrap();
    for (at, entry) in reference.iter().enumerate() {
        assert_eq!(embedded.tokens[at], entry.tokens);
        let likeness = cosine(&embedded.vectors[at], &entry.vector);
        assert!(likeness >= 0.9999, "{likeness} at {at}");
    }
    assert_eq!(engine.info().prompts.query.as_deref(), Some("検索クエリ: "));
}

#[test]
fn tokens_are_those_of_the_library() {
    let folders = [
        options("").assets[0].join("models").join(DEFAULT_MODEL),
        data("tiny-ruri"),
    ];
    for folder in folders {
        let files = describe("x", &folder, None, None).unwrap();
        let ours = Tokenizer::load(&files).unwrap();
        let library = tokenizers::Tokenizer::from_file(&files.tokenizer).unwrap();
        let reference = entries("multilingual-e5-small-q4-reference.json");
        let texts = reference.iter().map(|entry| entry.text.clone()).chain(
            [
                " ",
                "\u{3000}全角　空白",
                "ｶﾞｷﾞｸﾞ ㍻",
                "🦀🦀 emoji 👩‍👩‍👧",
                "a\tb\nc",
                "𠮷野家",
                "<s> </s> <mask>",
                "\u{0}\u{7f}",
            ]
            .map(str::to_owned),
        );
        for text in texts {
            let expected = library.encode(text.as_str(), true).unwrap();
            let ids = ours
                .encode(std::slice::from_ref(&text), None, true)
                .unwrap()
                .remove(0)
                .ids;
            let kept = expected.get_ids().len().min(files.max_tokens);
            assert_eq!(ids.len(), kept, "{text:?}");
            assert_eq!(ids[..kept - 1], expected.get_ids()[..kept - 1], "{text:?}");
        }
    }
}

#[test]
fn long_texts_are_cut_and_reported_or_refused() {
    let engine = open(DEFAULT_MODEL);
    let long = "吾輩は猫である。名前はまだ無い。".repeat(200);
    let texts = vec!["短い".to_owned(), long.clone()];
    let embedded = embed(&engine, EmbedRequest::new(texts.clone())).unwrap();
    assert_eq!(embedded.tokens[1], 512);
    let [(1, found)] = embedded.truncated[..] else {
        panic!("{:?}", embedded.truncated)
    };
    assert!(found > 512);
    let refused = embed(
        &engine,
        EmbedRequest {
            truncate: false,
            ..EmbedRequest::new(texts)
        },
    )
    .unwrap_err();
    assert_eq!(
        refused,
        EmbedError::TooLong {
            index: 1,
            tokens: found,
            limit: 512
        }
    );
}

#[test]
fn a_wrong_request_is_an_error_of_its_own() {
    let engine = open(data("tiny-ruri").to_str().unwrap());
    let error = |request| embed(&engine, request).unwrap_err();
    assert_eq!(error(EmbedRequest::new(vec![])), EmbedError::NoInput);
    assert_eq!(
        error(EmbedRequest::new(vec!["a".into(), String::new()])),
        EmbedError::EmptyText { index: 1 }
    );
    for asked in [0, 65] {
        let request = EmbedRequest {
            dimensions: Some(asked),
            ..EmbedRequest::new(vec!["a".into()])
        };
        assert_eq!(error(request), EmbedError::Dimensions { asked, dimension: 64 });
    }
    let fewer = EmbedRequest {
        dimensions: Some(16),
        ..EmbedRequest::new(vec!["a".into()])
    };
    let vector = embed(&engine, fewer).unwrap().vectors.remove(0);
    let length: f32 = vector.iter().map(|value| value * value).sum();
    assert!(
        vector.len() == 16 && (length - 1.0).abs() < 1e-5,
        "cut, then normalised: {length}"
    );
}

#[test]
fn a_full_queue_says_so_and_keeps_what_it_has() {
    let model = data("tiny-ruri");
    let options = LoadOptions {
        max_queued_texts: Some(4),
        ..options(model.to_str().unwrap())
    };
    let engine = load(&options, &|_| {}).unwrap();
    let long = || EmbedRequest::new(vec!["長い文章です。".repeat(600); 4]);
    let pending = engine.submit(engine.prepare(long()).unwrap()).unwrap();
    let refused = engine.submit(engine.prepare(long()).unwrap());
    assert!(matches!(refused, Err(EmbedError::Busy { limit: 4 })));
    let first = futures_executor::block_on(pending.wait()).unwrap();
    assert_eq!(first.vectors.len(), 4);
}

#[test]
fn broken_files_are_load_errors_that_name_the_file() {
    let whole = data("tiny-ruri");
    let copy = |skip: &str| {
        let folder = tempfile::tempdir().unwrap();
        for file in ["onnx/model.onnx", "tokenizer.json", "config.json"] {
            let target = folder.path().join(file);
            std::fs::create_dir_all(target.parent().unwrap()).unwrap();
            if file != skip {
                std::fs::copy(whole.join(file), target).unwrap();
            }
        }
        folder
    };
    let error = |folder: &tempfile::TempDir| match load(&options(folder.path().to_str().unwrap()), &|_| {}) {
        Ok(_) => panic!("a broken model was loaded"),
        Err(error) => error,
    };
    assert!(
        matches!(error(&copy("tokenizer.json")), LoadError::MissingFile { file, .. } if file == "tokenizer.json")
    );
    let cut = copy("");
    let model = cut.path().join("onnx/model.onnx");
    let bytes = std::fs::read(&model).unwrap();
    std::fs::write(&model, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(error(&cut), LoadError::Model { path, .. } if path == model));
    let garbage = copy("");
    std::fs::write(
        garbage.path().join("tokenizer.json"),
        "{\"not\": \"a tokenizer\"}",
    )
    .unwrap();
    assert!(matches!(error(&garbage), LoadError::Tokenizer { .. }));
    let unknown = load(&options("multilingual-e5-smal"), &|_| {}).err();
    assert!(matches!(unknown, Some(LoadError::UnknownModel { nearest, .. }) if nearest[0] == DEFAULT_MODEL));
    let no_runtime = LoadOptions {
        runtime_library: Some("/no/such/library.so".into()),
        ..options(whole.to_str().unwrap())
    };
    assert!(matches!(
        load(&no_runtime, &|_| {}).err(),
        Some(LoadError::RuntimeNotFound { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_mix_of_lengths_gives_the_vectors_of_single_calls(lengths in prop::collection::vec(1_usize..120, 1..24)) {
        // One engine for all cases: loading is not what is tested.
        static ENGINE: std::sync::LazyLock<Engine> = std::sync::LazyLock::new(|| open(DEFAULT_MODEL));
        let words = ["猫", "検索", " note", "東京", " the", "ログ", "。", " 2026", "ありがとう", " tweet"];
        let text = |length: usize| (0..length).map(|at| words[(at * 7 + length) % words.len()]).collect::<String>();
        let texts: Vec<String> = lengths.iter().map(|length| text(*length)).collect();
        let together = embed(&ENGINE, EmbedRequest::new(texts.clone())).unwrap();
        for (text, vector) in texts.into_iter().zip(&together.vectors) {
            let alone = embed(&ENGINE, EmbedRequest::new(vec![text])).unwrap();
            let same = cosine(vector, &alone.vectors[0]);
            prop_assert!(same >= 0.9999, "{}", same);
        }
    }
}
