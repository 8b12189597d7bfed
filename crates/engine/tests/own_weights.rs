//! Models that Okibi computes itself, from their makers' weights, beside references of the original and beside an export.
#![allow(clippy::unwrap_used, reason = "what fails in a helper fails its test")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use okibi_engine::{
    Backend, BatchRecord, Device, DevicePreference, EmbedRequest, Engine, LoadError, LoadOptions, Meter,
    Output, Role, load,
};
use okibi_models::{DEFAULT_MODEL, Feature, Library, ModelError, Precisions, describe};
use okibi_protocol::models::Variant;
use serde::Deserialize;

#[derive(Deserialize)]
struct Entry {
    text: String,
    /// What the text is for: nothing, a query or a document.
    #[serde(default)]
    kind: String,
    tokens: usize,
    vector: Vec<f32>,
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data")
        .join(name)
}

fn entries(file: &str) -> Vec<Entry> {
    serde_json::from_str(&fs::read_to_string(data(file)).unwrap()).unwrap()
}

/// The tiny model as its makers have it, without an export.
fn of_makers(folder: &Path) {
    fs::create_dir_all(folder.join("1_Pooling")).unwrap();
    for file in [
        "1_Pooling/config.json",
        "config.json",
        "config_sentence_transformers.json",
        "modules.json",
        "sentence_bert_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ] {
        fs::copy(data("tiny-ruri").join(file), folder.join(file)).unwrap();
    }
    fs::copy(
        data("tiny-ruri-weights/model.safetensors"),
        folder.join("model.safetensors"),
    )
    .unwrap();
}

/// The same with its export.
fn with_export(folder: &Path) {
    of_makers(folder);
    fs::create_dir_all(folder.join("onnx")).unwrap();
    fs::copy(data("tiny-ruri/onnx/model.onnx"), folder.join("onnx/model.onnx")).unwrap();
}

fn options(folder: &Path) -> LoadOptions {
    let assets = std::env::var_os("OKIBI_ASSETS").map_or_else(|| data("../../assets"), PathBuf::from);
    LoadOptions {
        model: folder.display().to_string(),
        library: Library::default(),
        assets: vec![assets],
        variant: Variant::Fp32,
        ..LoadOptions::default()
    }
}

fn open(options: &LoadOptions) -> Engine {
    load(options, &|_| {}).unwrap()
}

fn embed(engine: &Engine, texts: &[String]) -> Vec<Vec<f32>> {
    embed_as(Role::None, engine, texts)
}

fn embed_as(role: Role, engine: &Engine, texts: &[String]) -> Vec<Vec<f32>> {
    let request = EmbedRequest {
        role,
        ..EmbedRequest::new(texts.to_vec())
    };
    let ready = engine.prepare(request).unwrap();
    futures_executor::block_on(engine.submit(ready).unwrap().wait())
        .unwrap()
        .vectors
}

/// How far vectors of unit length are apart: 1 less their cosine, and their largest difference.
fn apart(one: &[f32], other: &[f32]) -> (f64, f32) {
    let pairs = || one.iter().zip(other);
    let cosine: f64 = pairs().map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    (
        1.0 - cosine,
        pairs().map(|(a, b)| (a - b).abs()).fold(0.0, f32::max),
    )
}

#[test]
fn vectors_of_the_makers_weights_are_those_of_the_original_at_every_length() {
    let folder = tempfile::tempdir().unwrap();
    of_makers(folder.path());
    // No ONNX Runtime is needed.
    let engine = open(&LoadOptions {
        assets: Vec::new(),
        ..options(folder.path())
    });
    let mut compared = 0;
    for file in ["tiny-ruri/reference.json", "tiny-ruri/reference-lengths.json"] {
        let entries = entries(file);
        for (kind, role) in [
            ("", Role::None),
            ("query", Role::Query),
            ("document", Role::Document),
        ] {
            let of_kind: Vec<&Entry> = entries.iter().filter(|entry| entry.kind == kind).collect();
            let texts: Vec<String> = of_kind.iter().map(|entry| entry.text.clone()).collect();
            if texts.is_empty() {
                continue;
            }
            for (entry, vector) in of_kind.iter().zip(embed_as(role, &engine, &texts)) {
                let (angle, difference) = apart(&vector, &entry.vector);
                assert!(
                    angle <= 1e-6 && difference <= 2e-6,
                    "{file}, {} tokens: {angle} and {difference}",
                    entry.tokens
                );
                compared += 1;
            }
        }
    }
    assert!(compared >= 10, "{compared}");
}

#[test]
fn a_vector_is_the_same_to_the_bit_alone_in_a_batch_and_with_any_threads() {
    let folder = tempfile::tempdir().unwrap();
    of_makers(folder.path());
    let texts: Vec<String> = entries("tiny-ruri/reference.json")
        .into_iter()
        .map(|entry| entry.text)
        .collect();
    for variant in [Variant::Fp32, Variant::Bf16, Variant::Int8] {
        let with_threads = |threads| {
            open(&LoadOptions {
                threads: Some(threads),
                variant,
                ..options(folder.path())
            })
        };
        let (one, three) = (with_threads(1), with_threads(3));
        let together = embed(&three, &texts);
        for (text, vector) in texts.iter().zip(&together) {
            let alone = embed(&one, std::slice::from_ref(text));
            assert_eq!(&alone[0], vector, "{text:?} in {variant:?}");
        }
        assert_eq!(one.info().space, three.info().space);
    }
}

#[test]
fn each_way_to_compute_a_model_has_a_space_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    with_export(folder.path());
    let base = options(folder.path());
    let spaces = [
        (Variant::Fp32, Backend::Auto),
        (Variant::Bf16, Backend::Auto),
        (Variant::Int8, Backend::Auto),
        (Variant::Auto, Backend::Onnx),
    ]
    .map(|(variant, backend)| {
        let engine = open(&LoadOptions {
            variant,
            backend,
            ..base.clone()
        });
        engine.info().space.clone()
    });
    for (at, space) in spaces.iter().enumerate() {
        assert!(!spaces[..at].contains(space), "{spaces:?}");
    }
}

#[test]
fn what_is_not_computed_goes_to_the_export_or_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    with_export(folder.path());
    let config = folder.path().join("config.json");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains(r#""hidden_activation": "gelu""#));
    fs::write(
        &config,
        text.replace(
            r#""hidden_activation": "gelu""#,
            r#""hidden_activation": "snake""#,
        ),
    )
    .unwrap();
    let engine = open(&options(folder.path()));
    assert_eq!(
        embed(&engine, &["x".into()])[0].len(),
        64,
        "the export has it inside"
    );
    fs::remove_dir_all(folder.path().join("onnx")).unwrap();
    let Err(LoadError::Source(ModelError::Unsupported {
        feature: Feature::Network(what),
        path,
    })) = load(&options(folder.path()), &|_| {})
    else {
        panic!("nobody computes it");
    };
    assert!(what.contains("snake") && path == config, "{what} in {path:?}");
}

#[test]
fn weights_that_are_cut_or_are_not_those_of_the_configuration_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    of_makers(folder.path());
    let file = folder.path().join("model.safetensors");
    let whole = fs::read(&file).unwrap();
    for broken in [&whole[..whole.len() / 2], &whole[..4], b"", &[0xff; 64]] {
        fs::write(&file, broken).unwrap();
        let outcome = load(&options(folder.path()), &|_| {});
        assert!(
            matches!(outcome, Err(LoadError::Model { .. })),
            "{} bytes",
            broken.len()
        );
    }
    fs::write(&file, &whole).unwrap();
    let config = folder.path().join("config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace(r#""hidden_size": 64"#, r#""hidden_size": 128"#),
    )
    .unwrap();
    let outcome = load(&options(folder.path()), &|_| {});
    assert!(matches!(outcome, Err(LoadError::Model { .. })));
}

#[test]
fn a_model_without_an_export_is_computed_here_where_another_device_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    of_makers(folder.path());
    let on = |device| LoadOptions {
        device,
        ..options(folder.path())
    };
    let engine = open(&on(DevicePreference::Only(Device::Cuda)));
    assert_eq!(engine.info().device, Device::Cpu);
    assert_eq!(engine.info().missed_device, Some(Device::Cuda));
    let of_onnx = LoadOptions {
        backend: Backend::Onnx,
        ..options(folder.path())
    };
    assert!(load(&of_onnx, &|_| {}).is_err(), "asked for by name");
}

/// Counts the batches that gave no vectors.
#[derive(Default)]
struct Failures(AtomicUsize);

impl Meter for Failures {
    fn batch(&self, batch: &BatchRecord) {
        self.0.fetch_add(usize::from(!batch.is_ok), Ordering::SeqCst);
    }
    fn queued(&self, _: Duration) {}
    fn abandoned(&self) {}
}

#[test]
fn a_run_that_nobody_waits_for_any_more_is_broken_off() {
    let folder = tempfile::tempdir().unwrap();
    of_makers(folder.path());
    let engine = open(&options(folder.path()));
    let meter = Arc::new(Failures::default());
    engine.set_meter(meter.clone());
    let submit = |text: String| {
        let ready = engine.prepare(EmbedRequest::new(vec![text])).unwrap();
        engine.submit(ready).unwrap()
    };
    // A run may end before its client has gone, so several go.
    let mut clients = 0;
    while meter.0.load(Ordering::SeqCst) == 0 {
        clients += 1;
        assert!(clients <= 50, "no run was broken off");
        let pending = submit(format!("{clients} {}", "熾火が朝まで残る理由。".repeat(2000)));
        while engine.computing_since().is_none() && engine.queued_texts() > 0 {
            std::thread::yield_now();
        }
        drop(pending);
        while engine.queued_texts() > 0 {
            std::thread::yield_now();
        }
    }
    let vectors = embed(&engine, &["熾火".into()]);
    assert_eq!(vectors[0].len(), 64, "the next one is answered");
}

/// The embedded model's folder comes with what its proof found out, so that no machine has to find out again.
#[cfg(unix)]
#[test]
fn the_proof_that_comes_with_the_embedded_model_is_what_it_proves() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = options("".as_ref()).assets[0].join("models").join(DEFAULT_MODEL);
    for entry in fs::read_dir(&embedded).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "precision.json" {
            std::os::unix::fs::symlink(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    let file = tempfile::tempdir().unwrap();
    let precisions_file = file.path().join("precisions.json");
    open(&LoadOptions {
        variant: Variant::Auto,
        library: Library {
            precisions_file: precisions_file.clone(),
            ..Library::default()
        },
        ..options(folder.path())
    });
    let proof = |folder: &Path| {
        let files = describe("x", folder, None, None).unwrap();
        Precisions::read(&precisions_file).of(&files).unwrap()
    };
    assert_eq!(proof(folder.path()), proof(&embedded));
}

#[test]
fn tokens_have_vectors_too() {
    let folder = tempfile::tempdir().unwrap();
    of_makers(folder.path());
    let engine = open(&options(folder.path()));
    let ready = engine
        .prepare(EmbedRequest {
            output: Output::Tokens,
            ..EmbedRequest::new(vec!["熾火".to_owned()])
        })
        .unwrap();
    let embedded = futures_executor::block_on(engine.submit(ready).unwrap().wait()).unwrap();
    assert_eq!(embedded.vectors[0].len(), embedded.tokens[0] * 64);
}

#[cfg(unix)]
#[test]
fn integers_are_taken_where_they_have_proved_themselves_and_that_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    // Links, since a file that was made just now may change again without that it shows.
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    for entry in fs::read_dir(data("tiny-ruri")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "onnx" {
            std::os::unix::fs::symlink(entry.path(), model.join(entry.file_name())).unwrap();
        }
    }
    let weights = data("tiny-ruri-weights/model.safetensors");
    std::os::unix::fs::symlink(weights, model.join("model.safetensors")).unwrap();
    let precisions_file = folder.path().join("precisions.json");
    let load = |variant| {
        open(&LoadOptions {
            variant,
            library: Library {
                precisions_file: precisions_file.clone(),
                ..Library::default()
            },
            ..options(&model)
        })
    };
    let of_auto = load(Variant::Auto).info().space.clone();
    let outcomes = fs::read_to_string(&precisions_file).unwrap();
    let is_good = outcomes.contains(r#""int8":true"#);
    let expected = if is_good { Variant::Int8 } else { Variant::Fp32 };
    assert_eq!(load(expected).info().space, of_auto, "{outcomes}");
    // What is kept decides, without another comparison.
    let (from, to) = (is_good.to_string(), (!is_good).to_string());
    let other = outcomes.replace(&format!(r#""int8":{from}"#), &format!(r#""int8":{to}"#));
    fs::write(&precisions_file, other).unwrap();
    assert_ne!(load(Variant::Auto).info().space, of_auto);
    // And not for other files.
    fs::remove_file(model.join("config.json")).unwrap();
    fs::copy(data("tiny-ruri/config.json"), model.join("config.json")).unwrap();
    assert_eq!(load(Variant::Auto).info().space, of_auto);
}
