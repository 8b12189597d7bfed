//! A model that has no finite vector for some words, as a broken or badly converted one does.

use std::path::{Path, PathBuf};

use crate::onnx::{FLOAT, INT64, attribute, constant, model, node, write};

/// The folder of the model, made in `folder`. Its vectors are of two values. A text with the word `nan` comes to NaN,
/// one with `infinite` to an infinity; others have a vector.
pub fn make(folder: &Path) -> PathBuf {
    write(folder, &graph(), TOKENIZER)
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

/// `log(id - 3)`, twice for each token, as an ONNX file.
fn graph() -> Vec<u8> {
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
    model("not_finite", &nodes, &constants)
}
