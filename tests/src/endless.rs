//! A model whose run never returns for some words, as a broken one does.

use std::path::{Path, PathBuf};

use crate::onnx::{
    BOOL, FLOAT, INT64, attribute, bytes, constant, int, model, named_size, node, port, write,
};

/// The word that the model never comes to an end with.
pub const WORD: &str = "endless";

/// The folder of the model, made in `folder`. Its vectors are of two values.
pub fn make(folder: &Path) -> PathBuf {
    write(folder, &graph(), TOKENIZER)
}

const TOKENIZER: &str = r#"{
  "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
  "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
  "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[PAD]": 0, "[UNK]": 1, "ember": 2, "endless": 9}}
}"#;

/// Each token's id, twice; and a loop around it that goes on for ever where an id is 9.
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
    model("endless", &nodes, &constants)
}
