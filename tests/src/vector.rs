//! Comparing vectors, and reading them as a client in another language does.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// The cosine of the angle between two vectors.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "vectors of one model");
    let dot = |x: &[f32], y: &[f32]| {
        x.iter()
            .zip(y)
            .map(|(x, y)| f64::from(*x) * f64::from(*y))
            .sum::<f64>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The length of a vector.
pub fn length(vector: &[f32]) -> f64 {
    vector
        .iter()
        .map(|value| f64::from(*value).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// How far two vectors are apart, in the value in which they differ most.
pub fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "vectors of one length");
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Checks that two vectors are one.
#[track_caller]
pub fn assert_same(a: &[f32], b: &[f32], what: &str) {
    let cosine = cosine(a, b);
    assert!(cosine >= 0.9999, "{what}: cosine {cosine}");
}

/// The one vector in the answer of `embed_text`, read by the format's description and not by our own code.
pub fn from_embed_text(result: &Value) -> Vec<f32> {
    let file = STANDARD
        .decode(result["vector"].as_str().expect("a text"))
        .unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    assert_eq!(tensors.names(), ["vector"]);
    let tensor = tensors.tensor("vector").unwrap();
    assert_eq!((tensor.dtype(), tensor.shape()[0]), (Dtype::F32, 1));
    let values = floats(tensor.data());
    assert_eq!(tensor.shape(), [1, values.len()]);
    values
}

/// Little-endian f32 values.
pub fn floats(bytes: &[u8]) -> Vec<f32> {
    let (values, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty(), "whole values");
    values.iter().map(|value| f32::from_le_bytes(*value)).collect()
}

/// A vector that is a JSON array.
pub fn from_json(value: &Value) -> Vec<f32> {
    serde_json::from_value(value.clone()).unwrap()
}
