//! ONNX files, written field by field: small models that do what no real one does.
//!
//! Field numbers are those of `onnx.proto`.

use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) const FLOAT: u64 = 1;
pub(crate) const INT64: u64 = 7;
pub(crate) const BOOL: u64 = 9;

/// Writes a model into `folder`, and returns the folder.
pub(crate) fn write(folder: &Path, model: &[u8], tokenizer: &str) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("model.onnx"), model).unwrap();
    fs::write(folder.join("tokenizer.json"), tokenizer).unwrap();
    folder.to_owned()
}

/// The file of a model from `input_ids` to a `last_hidden_state` of two values a token.
pub(crate) fn model(name: &str, nodes: &[Vec<u8>], constants: &[Vec<u8>]) -> Vec<u8> {
    let fields = |field, values: &[Vec<u8>]| {
        values
            .iter()
            .map(|value| bytes(field, value))
            .collect::<Vec<_>>()
            .concat()
    };
    let (batch, tokens) = (named_size("batch"), named_size("tokens"));
    let input = port("input_ids", INT64, &[&batch, &tokens]);
    let output = port("last_hidden_state", FLOAT, &[&batch, &tokens, &int(1, 2)]);
    let graph = [
        fields(1, nodes),
        bytes(2, name.as_bytes()),
        fields(5, constants),
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
