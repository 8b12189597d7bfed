//! Small random models of every kind give the vectors that sentence-transformers gives, alone and in batches.
//!
//! `tests/references/generate.py` makes the models and the vectors, and says how they lie in `tests/data/references`.

use std::{collections::BTreeMap, fs, path::Path};

use okibi_engine::{EmbedRequest, Role};
use serde::Deserialize;

use crate::harness::{compare, data, embed, length, open};

#[derive(Deserialize)]
struct Reference {
    /// Where there is none, the model is a table.
    network: Option<String>,
    normalizes: bool,
    texts: Vec<String>,
    tokens: Vec<usize>,
    /// By the name of the prompt; without one where it is empty.
    vectors: BTreeMap<String, Vec<Vec<f64>>>,
}

/// Copies the files below a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Puts a model's network and its modules into one folder.
fn assemble(name: &str, folder: &Path) -> Reference {
    let model = data().join("models").join(name);
    copy(&model, folder);
    let reference: Reference =
        serde_json::from_slice(&fs::read(model.join("reference.json")).unwrap()).unwrap();
    let Some(network) = &reference.network else {
        return reference;
    };
    let network = data().join("networks").join(network);
    // An old layout has the Transformer in a folder of its own; exports lie beside it.
    let own = folder.join("0_Transformer");
    let own = if own.is_dir() { own } else { folder.to_owned() };
    for entry in fs::read_dir(network).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let target = if name == "model.onnx" {
            folder.join(&name)
        } else {
            own.join(&name)
        };
        if !target.exists() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
    reference
}

fn names() -> Vec<String> {
    let models = fs::read_dir(data().join("models")).unwrap();
    let mut names: Vec<String> = models
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn every_kind_of_model_gives_the_vectors_of_sentence_transformers() {
    let names = names();
    assert!(names.len() >= 20, "{names:?}");
    for name in names {
        let folder = tempfile::tempdir().unwrap();
        let reference = assemble(&name, folder.path());
        let engine = open(folder.path());
        for (prompt_name, expected) in &reference.vectors {
            let prompts = &engine.info().prompts;
            let request = |texts: &[String]| EmbedRequest {
                prompt: match prompt_name.as_str() {
                    "" => None,
                    name => Some(prompts.of_name(name).unwrap().to_owned()),
                },
                ..EmbedRequest::new(texts.iter().map(String::as_str))
            };
            let (together, tokens) = embed(&engine, request(&reference.texts));
            if prompt_name.is_empty() && prompts.of_no_role().is_none() {
                assert_eq!(tokens, reference.tokens, "{name}");
            }
            for (at, expected) in expected.iter().enumerate() {
                let what = format!("{name}, prompt {prompt_name:?}, text {at}");
                compare(&what, &together[at], expected);
                let (alone, _) = embed(&engine, request(&reference.texts[at..=at]));
                compare(&format!("{what} alone"), &alone[0], expected);
            }
            if !reference.normalizes {
                let raw = EmbedRequest {
                    normalize: false,
                    ..request(&reference.texts)
                };
                for (found, expected) in embed(&engine, raw).0.iter().zip(expected) {
                    let found: Vec<f64> = found.iter().map(|value| f64::from(*value)).collect();
                    let ratio = length(&found) / length(expected);
                    assert!((ratio - 1.0).abs() < 1e-5, "{name}: lengths differ by {ratio}");
                }
            }
        }
        engine.close();
    }
}

#[test]
fn roles_have_the_prompts_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let reference = assemble("prompts", folder.path());
    let engine = open(folder.path());
    // An empty `document` goes before `passage`, as in sentence-transformers; no role means the default prompt.
    for (role, name) in [
        (Role::Query, "query"),
        (Role::Document, "document"),
        (Role::None, "clustering"),
    ] {
        let request = EmbedRequest {
            role,
            ..EmbedRequest::new(reference.texts.iter().map(String::as_str))
        };
        for (found, expected) in embed(&engine, request).0.iter().zip(&reference.vectors[name]) {
            compare(name, found, expected);
        }
    }
    assert_eq!(reference.vectors[""], reference.vectors["clustering"]);
}

/// Changes a file of a folder.
type Change = Box<dyn Fn(&Path)>;

/// Replaces a text in a file that has it.
fn replaced(file: &'static str, from: &'static str, to: &'static str) -> (&'static str, Change) {
    let change = move |folder: &Path| {
        let path = folder.join(file);
        let before = fs::read_to_string(&path).unwrap();
        let after = before.replace(from, to);
        assert_ne!(before, after, "{file} has no {from}");
        fs::write(path, after).unwrap();
    };
    (file, Box::new(change))
}

/// Changes the last byte of a file: a weight.
fn weight(file: &'static str) -> (&'static str, Change) {
    let change = move |folder: &Path| {
        let path = folder.join(file);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 0x02;
        fs::write(path, bytes).unwrap();
    };
    (file, Box::new(change))
}

#[test]
fn whatever_goes_into_a_vector_goes_into_the_id_of_its_space() {
    let space = |name: &str, change: Option<&Change>| {
        let folder = tempfile::tempdir().unwrap();
        assemble(name, folder.path());
        if let Some(change) = change {
            change(folder.path());
        }
        let engine = open(folder.path());
        let space = engine.info().space.clone();
        engine.close();
        space
    };
    let chain = [
        weight("2_Dense/model.safetensors"),
        weight("3_Dense/model.safetensors"),
        replaced("3_Dense/config.json", "Tanh", "Sigmoid"),
        replaced("1_Pooling/config.json", "\"mean\"", "\"max\""),
        replaced("config_sentence_transformers.json", "query: ", "search: "),
        replaced(
            "config_sentence_transformers.json",
            "Represent this",
            "Represent that",
        ),
        replaced(
            "config_sentence_transformers.json",
            "\"default_prompt_name\": null",
            "\"default_prompt_name\": \"query\"",
        ),
        replaced("tokenizer.json", "\"NFKC\"", "\"NFC\""),
        replaced(
            "config.json",
            "\"max_position_embeddings\": 34",
            "\"max_position_embeddings\": 33",
        ),
        replaced(
            "modules.json",
            "sentence_transformers.base.modules.normalize.Normalize",
            "sentence_transformers.models.Normalize",
        ),
    ];
    let before = space("dense-chain", None);
    assert_eq!(space("dense-chain", None), before, "an id stays the same");
    for (file, change) in &chain[..chain.len() - 1] {
        assert_ne!(space("dense-chain", Some(change)), before, "{file}");
    }
    let (file, change) = &chain[chain.len() - 1];
    assert_eq!(
        space("dense-chain", Some(change)),
        before,
        "{file}: another spelling of the same class"
    );

    let left_out = replaced(
        "1_Pooling/config.json",
        "\"include_prompt\": false",
        "\"include_prompt\": true",
    );
    assert_ne!(
        space("without-prompt", Some(&left_out.1)),
        space("without-prompt", None)
    );
    let lower = replaced(
        "sentence_bert_config.json",
        "\"do_lower_case\": true",
        "\"do_lower_case\": false",
    );
    assert_ne!(space("lower-case", Some(&lower.1)), space("lower-case", None));
    let limit = replaced(
        "sentence_bert_config.json",
        "\"max_seq_length\": 8",
        "\"max_seq_length\": 9",
    );
    assert_ne!(space("short-limit", Some(&limit.1)), space("short-limit", None));
    for (model, from, to) in [
        (
            "lower-case-of-the-configuration",
            "\"do_lower_case\": true",
            "\"do_lower_case\": false",
        ),
        ("cut-at-the-beginning", "\"left\"", "\"right\""),
    ] {
        let change = replaced("tokenizer_config.json", from, to);
        assert_ne!(space(model, Some(&change.1)), space(model, None), "{model}");
    }
    let table = weight("model.safetensors");
    assert_ne!(
        space("static-embedding", Some(&table.1)),
        space("static-embedding", None)
    );
    let norm = weight("2_LayerNorm/model.safetensors");
    assert_ne!(space("layer-norm", Some(&norm.1)), space("layer-norm", None));
    let order = replaced(
        "1_Pooling/config.json",
        "\"mean\",\n        \"max\"",
        "\"max\",\n        \"mean\"",
    );
    assert_ne!(
        space("pooling-in-another-order", Some(&order.1)),
        space("pooling-in-another-order", None)
    );
}
