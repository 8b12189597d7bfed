//! The embedded model and the tiny one give the vectors of their references, alone and in any batch.

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails its test")]

use std::path::{Path, PathBuf};

use okibi_engine::{
    EmbedError, EmbedRequest, Embedded, Engine, LoadError, LoadOptions, Output, Overflow, Role, Text, load,
    tokenizer::Tokenizer,
};
use okibi_models::{DEFAULT_MODEL, Library, ModelError, describe};
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
        library: Library {
            assets: vec![assets.clone()],
            ..Library::default()
        },
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
    let texts = reference.iter().map(|entry| entry.text.clone());
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
        let ours = Tokenizer::load(&files, Path::new("")).unwrap();
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
                .encode(&[text.as_str().into()], None, Overflow::Truncate)
                .unwrap()
                .remove(0)
                .windows
                .remove(0);
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
            overflow: Overflow::Refuse,
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
    assert_eq!(error(EmbedRequest::new([] as [&str; 0])), EmbedError::NoInput);
    assert_eq!(
        error(EmbedRequest::new(["a", ""])),
        EmbedError::EmptyText { index: 1 }
    );
    for asked in [0, 65] {
        let request = EmbedRequest {
            dimensions: Some(asked),
            ..EmbedRequest::new(["a"])
        };
        assert_eq!(error(request), EmbedError::Dimensions { asked, dimension: 64 });
    }
    let fewer = EmbedRequest {
        dimensions: Some(16),
        ..EmbedRequest::new(["a"])
    };
    let vector = embed(&engine, fewer).unwrap().vectors.remove(0);
    let length: f32 = vector.iter().map(|value| value * value).sum();
    assert!(
        vector.len() == 16 && (length - 1.0).abs() < 1e-5,
        "cut, then normalized: {length}"
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
        matches!(error(&copy("tokenizer.json")), LoadError::Source(ModelError::MissingFile { file, .. }) if file == "tokenizer.json")
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
    assert!(
        matches!(unknown, Some(LoadError::Source(ModelError::UnknownModel { nearest, .. })) if nearest[0] == DEFAULT_MODEL)
    );
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

#[test]
fn a_long_text_in_windows_is_near_all_its_parts() {
    let engine = open(DEFAULT_MODEL);
    let part = "吾輩は猫である。名前はまだ無い。".repeat(20);
    let long = format!("{part}{}", "今日は株価が大きく下がった。".repeat(60));
    let embed_with = |overflow| {
        let request = EmbedRequest {
            role: Role::Document,
            overflow,
            ..EmbedRequest::new([long.as_str(), part.as_str()])
        };
        embed(&engine, request).unwrap()
    };
    let (cut, whole) = (embed_with(Overflow::Truncate), embed_with(Overflow::Mean));
    let [(0, windows)] = whole.windowed[..] else {
        panic!("{:?}", whole.windowed)
    };
    assert!(windows >= 2 && whole.truncated.is_empty() && whole.tokens[0] > 512);
    assert_eq!(cut.truncated.len(), 1);
    let alike = cosine(&whole.vectors[1], &cut.vectors[1]);
    assert!(alike > 0.9999, "a short text stays as it is: {alike}");
    let stocks = embed(
        &engine,
        EmbedRequest {
            role: Role::Document,
            ..EmbedRequest::new(["今日は株価が大きく下がった。"])
        },
    )
    .unwrap()
    .vectors
    .remove(0);
    let (by_cut, by_whole) = (
        cosine(&cut.vectors[0], &stocks),
        cosine(&whole.vectors[0], &stocks),
    );
    assert!(by_whole > by_cut, "its end counts too: {by_whole} {by_cut}");
}

#[test]
fn ids_give_the_vector_of_their_text_with_and_without_special_tokens() {
    let engine = open(DEFAULT_MODEL);
    let text = "熾火は灰の下で朝まで残る";
    let expected = embed(&engine, EmbedRequest::new([text]))
        .unwrap()
        .vectors
        .remove(0);
    for with_special in [true, false] {
        let tokens = engine.tokenize(text, with_special).unwrap();
        let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
        let found = embed(&engine, EmbedRequest::new([Text::Ids(ids.clone())])).unwrap();
        assert_eq!(found.vectors[0], expected);
        assert_eq!(engine.decode(&ids, true).unwrap(), text);
    }
    let unknown = embed(&engine, EmbedRequest::new([Text::Ids(vec![5_000_000])])).unwrap_err();
    assert!(
        matches!(unknown, EmbedError::UnknownId { id: 5_000_000, .. }),
        "{unknown}"
    );
}

#[test]
fn vectors_of_tokens_pool_to_the_vector_of_their_text() {
    let engine = open(DEFAULT_MODEL);
    let request = || EmbedRequest {
        normalize: false,
        ..EmbedRequest::new(["熾火は残る"])
    };
    let whole = embed(&engine, request()).unwrap();
    let tokens = embed(
        &engine,
        EmbedRequest {
            output: Output::Tokens,
            ..request()
        },
    )
    .unwrap();
    let dimension = engine.info().dimension;
    assert_eq!(tokens.vectors[0].len(), whole.tokens[0] * dimension);
    let mean: Vec<f32> = (0..dimension)
        .map(|at| {
            let of_tokens = tokens.vectors[0].iter().skip(at).step_by(dimension);
            of_tokens.sum::<f32>() / whole.tokens[0] as f32
        })
        .collect();
    assert!(cosine(&mean, &whole.vectors[0]) > 0.99999);
}

#[test]
fn spaces_differ_by_model_and_stay_the_same_from_load_to_load() {
    let (tiny, again) = (data("tiny-ruri"), data("tiny-ruri"));
    let one = open(tiny.to_str().unwrap()).info().space.clone();
    assert_eq!(open(again.to_str().unwrap()).info().space, one);
    assert_ne!(open(DEFAULT_MODEL).info().space, one);
    assert_eq!(one.as_str().len(), 16);
}

#[test]
fn a_text_of_megabytes_is_cut_and_counted() {
    let engine = open(DEFAULT_MODEL);
    let long = "猫🦀".repeat(150_000);
    let embedded = embed(&engine, EmbedRequest::new([long.as_str()])).unwrap();
    assert_eq!(embedded.tokens, [512]);
    let (0, found) = embedded.truncated[0] else {
        panic!("{:?}", embedded.truncated)
    };
    assert!(found > 100_000, "{found}");
}
