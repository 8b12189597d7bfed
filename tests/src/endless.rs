//! A model whose run never returns for some words, as a broken one does.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::not_finite::{attribute, bytes, constant, int, named_size, node, port};

/// The word that the model never comes to an end with.
pub const WORD: &str = "endless";

const FLOAT: u64 = 1;
const INT64: u64 = 7;
const BOOL: u64 = 9;

/// The folder of the model, made in `folder`. Its vectors are of two values.
pub fn make(folder: &Path) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("model.onnx"), graph()).unwrap();
    fs::write(folder.join("tokenizer.json"), TOKENIZER).unwrap();
    folder.to_owned()
}

const TOKENIZER: &str = r#"{
  "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
  "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
  "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[PAD]": 0, "[UNK]": 1, "ember": 2, "endless": 9}}
}"#;

/// Each token's id, twice; and a loop around it that goes on for ever where an id is 9. Field numbers are those of
/// `onnx.proto`.
fn graph() -> Vec<u8> {
    let body = [
        bytes(1, &node("Identity", &["go_on"], "go_on_again", &[])),
        bytes(1, &node("Identity", &["carried"], "carried_on", &[])),
        bytes(2, b"body"),
        bytes(11, &port("iteration", INT64, &[])),
        bytes(11, &port("go_on", BOOL, &[])),
        bytes(
            11,
            &port(
                "carried",
                FLOAT,
                &[&named_size("a"), &named_size("b"), &int(1, 2)],
            ),
        ),
        bytes(12, &port("go_on_again", BOOL, &[])),
        bytes(
            12,
            &port(
                "carried_on",
                FLOAT,
                &[&named_size("a"), &named_size("b"), &int(1, 2)],
            ),
        ),
    ]
    .concat();
    const KIND_GRAPH: u64 = 5;
    let body = bytes(
        5,
        &[bytes(1, b"body"), bytes(6, &body), int(20, KIND_GRAPH)].concat(),
    );
    let nodes = [
        node("ReduceMax", &["input_ids"], "highest", &attribute("keepdims", 0)),
        node("Equal", &["highest", "nine"], "has_nine", &[]),
        node("Cast", &["input_ids"], "as_float", &attribute("to", FLOAT)),
        node("Unsqueeze", &["as_float", "axis"], "column", &[]),
        node("Mul", &["column", "pair"], "vectors", &[]),
        node("Loop", &["", "has_nine", "vectors"], "last_hidden_state", &body),
    ];
    let constants = [
        constant("nine", INT64, &[], &9i64.to_le_bytes()),
        constant("axis", INT64, &[1], &2i64.to_le_bytes()),
        constant(
            "pair",
            FLOAT,
            &[2],
            &[1f32.to_le_bytes(), 2f32.to_le_bytes()].concat(),
        ),
    ];
    let sizes = [named_size("batch"), named_size("tokens")];
    let input = port("input_ids", INT64, &[&sizes[0], &sizes[1]]);
    let output = port("last_hidden_state", FLOAT, &[&sizes[0], &sizes[1], &int(1, 2)]);
    let graph = [
        nodes.map(|node| bytes(1, &node)).concat(),
        bytes(2, b"endless"),
        constants.map(|constant| bytes(5, &constant)).concat(),
        bytes(11, &input),
        bytes(12, &output),
    ]
    .concat();
    [int(1, 8), bytes(7, &graph), bytes(8, &int(2, 13))].concat()
}
