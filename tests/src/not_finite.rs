//! A model that has no finite vector for some words, as a broken or badly converted one does.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folder of the model, made in `folder`. Its vectors are of two values. A text with the word `nan` comes to NaN,
/// one with `infinite` to an infinity; others have a vector.
pub fn make(folder: &Path) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("model.onnx"), graph()).unwrap();
    fs::write(folder.join("tokenizer.json"), TOKENIZER).unwrap();
    folder.to_owned()
}

/// Words and the ids from which the graph takes 3 before it takes the logarithm.
const TOKENIZER: &str = r#"{
  "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
  "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
  "model": {
    "type": "WordLevel", "unk_token": "[UNK]",
    "vocab": {"[PAD]": 0, "nan": 1, "[UNK]": 5, "infinite": 3, "ember": 6, "ash": 9}
  }
}"#;

/// `log(id - 3)`, twice for each token, as an ONNX file. Field numbers are those of `onnx.proto`.
fn graph() -> Vec<u8> {
    const FLOAT: u64 = 1;
    const INT64: u64 = 7;
    let nodes = [
        node("Cast", &["input_ids"], "as_float", &attribute("to", FLOAT)),
        node("Sub", &["as_float", "three"], "less", &[]),
        node("Log", &["less"], "log", &[]),
        node("Unsqueeze", &["log", "axis"], "column", &[]),
        node("Mul", &["column", "pair"], "last_hidden_state", &[]),
    ];
    let constants = [
        constant("three", FLOAT, &[], &3f32.to_le_bytes()),
        constant("axis", INT64, &[1], &2i64.to_le_bytes()),
        constant(
            "pair",
            FLOAT,
            &[2],
            &[1f32.to_le_bytes(), 2f32.to_le_bytes()].concat(),
        ),
    ];
    let batch = named_size("batch");
    let tokens = named_size("tokens");
    let input = port("input_ids", INT64, &[&batch, &tokens]);
    let output = port("last_hidden_state", FLOAT, &[&batch, &tokens, &int(1, 2)]);
    let graph = [
        nodes.map(|node| bytes(1, &node)).concat(),
        bytes(2, b"not_finite"),
        constants.map(|constant| bytes(5, &constant)).concat(),
        bytes(11, &input),
        bytes(12, &output),
    ]
    .concat();
    [int(1, 8), bytes(7, &graph), bytes(8, &int(2, 13))].concat()
}

pub(crate) fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[u8]) -> Vec<u8> {
    let inputs: Vec<Vec<u8>> = inputs.iter().map(|input| bytes(1, input.as_bytes())).collect();
    [
        inputs.concat(),
        bytes(2, output.as_bytes()),
        bytes(4, operator.as_bytes()),
        attributes.to_vec(),
    ]
    .concat()
}

/// An attribute of a node that is a whole number.
pub(crate) fn attribute(name: &str, value: u64) -> Vec<u8> {
    const KIND_INT: u64 = 2;
    let attribute = [bytes(1, name.as_bytes()), int(3, value), int(20, KIND_INT)].concat();
    bytes(5, &attribute)
}

pub(crate) fn constant(name: &str, kind: u64, shape: &[u64], values: &[u8]) -> Vec<u8> {
    let shape: Vec<Vec<u8>> = shape.iter().map(|size| int(1, *size)).collect();
    [
        shape.concat(),
        int(2, kind),
        bytes(8, name.as_bytes()),
        bytes(9, values),
    ]
    .concat()
}

/// An input or output of the graph.
pub(crate) fn port(name: &str, kind: u64, sizes: &[&[u8]]) -> Vec<u8> {
    let shape: Vec<Vec<u8>> = sizes.iter().map(|size| bytes(1, size)).collect();
    let tensor = [int(1, kind), bytes(2, &shape.concat())].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat()
}

/// A size that each run decides.
pub(crate) fn named_size(name: &str) -> Vec<u8> {
    bytes(2, name.as_bytes())
}

/// A protobuf field that is a whole number.
pub(crate) fn int(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// A protobuf field that has a length: text, bytes, a message.
pub(crate) fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut written = Vec::new();
    while value >= 0x80 {
        written.push(value as u8 | 0x80);
        value >>= 7;
    }
    written.push(value as u8);
    written
}
