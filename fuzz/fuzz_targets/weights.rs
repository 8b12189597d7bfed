//! Files of weights and configurations of models: none of them may panic, or ask for memory that it does not have.

#![no_main]

use libfuzzer_sys::fuzz_target;
use okibi_encoder::{
    families,
    weights::{Weights, assemble},
};

/// A family with a name for most parts; its sizes are small, so that a file of a few hundred bytes can have a part.
const CONFIG: &str = r#"{"model_type": "gemma3_text", "hidden_size": 2, "num_attention_heads": 1, "num_hidden_layers": 1,
    "num_key_value_heads": 1, "head_dim": 2, "intermediate_size": 1, "vocab_size": 1}"#;

fuzz_target!(|data: &[u8]| {
    if let Ok(weights) = Weights::from_bytes(data.to_vec()) {
        let model = families::read(CONFIG).expect("it is computed");
        // Most files lack a part, which is an error.
        drop(assemble(&weights, &model.description, model.names));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        drop(families::read(text));
    }
});
