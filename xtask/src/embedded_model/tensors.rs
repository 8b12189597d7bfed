//! The model's weights as its makers name them, in one file of safetensors.
//!
//! Matrices stay in their 4-bit blocks: as a row of blocks each, of type U8, which `"matrices": "q4_0"` in the metadata says.
//! Everything else is f32.

use std::collections::HashMap;

use anyhow::{Context, Result};
use safetensors::{Dtype, serialize, tensor::TensorView};

use super::quantize::{BLOCK, BLOCK_BYTES};
use super::weights::{Shape, WeightFile};

/// A layer's products: their names in the weight file and in the result.
const PRODUCTS: [(&str, &str); 6] = [
    ("q", "attention.self.query"),
    ("k", "attention.self.key"),
    ("v", "attention.self.value"),
    ("ao", "attention.output.dense"),
    ("fi", "intermediate.dense"),
    ("fo", "output.dense"),
];

/// A layer's norms, likewise.
const NORMS: [(&str, &str); 2] = [("aln", "attention.output.LayerNorm"), ("oln", "output.LayerNorm")];

/// Builds the file from the weight file.
///
/// Errors: a tensor that is missing or of another size.
pub(crate) fn safetensors(weights: &WeightFile) -> Result<Vec<u8>> {
    let Shape {
        hidden,
        layers,
        feed_forward,
        vocabulary,
        positions,
        ..
    } = weights.shape;
    let mut tensors = Tensors {
        weights,
        all: Vec::new(),
    };
    tensors.blocks(
        "emb.word",
        "embeddings.word_embeddings.weight",
        vocabulary,
        hidden,
    )?;
    tensors.floats(
        "emb.pos",
        "embeddings.position_embeddings.weight",
        &[positions, hidden],
    )?;
    tensors.floats(
        "emb.type",
        "embeddings.token_type_embeddings.weight",
        &[2, hidden],
    )?;
    tensors.norm("emb.ln", "embeddings.LayerNorm", hidden)?;
    for layer in 0..layers {
        let names =
            |from: &str, to: &str| (format!("l{layer}.{from}"), format!("encoder.layer.{layer}.{to}"));
        for (from, to) in PRODUCTS {
            let (inputs, outputs) = match from {
                "fi" => (hidden, feed_forward),
                "fo" => (feed_forward, hidden),
                _ => (hidden, hidden),
            };
            let (from, to) = names(from, to);
            tensors.blocks(&format!("{from}.w"), &format!("{to}.weight"), outputs, inputs)?;
            tensors.floats(&format!("{from}.b"), &format!("{to}.bias"), &[outputs])?;
        }
        for (from, to) in NORMS {
            let (from, to) = names(from, to);
            tensors.norm(&from, &to, hidden)?;
        }
    }
    let views = tensors.all.iter().map(|tensor| {
        let view = TensorView::new(tensor.number_type, tensor.shape.clone(), &tensor.bytes);
        Ok((tensor.name.as_str(), view?))
    });
    let views: Vec<(&str, TensorView<'_>)> = views.collect::<Result<_>>()?;
    let metadata = HashMap::from([("matrices".to_owned(), "q4_0".to_owned())]);
    serialize(views, Some(metadata)).context("write the weights")
}

struct Tensor {
    name: String,
    number_type: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

struct Tensors<'a> {
    weights: &'a WeightFile,
    all: Vec<Tensor>,
}

impl Tensors<'_> {
    fn blocks(&mut self, from: &str, to: &str, rows: usize, columns: usize) -> Result<()> {
        let blocks = self.weights.blocks(from, rows, columns)?;
        let shape = vec![rows, columns / BLOCK * BLOCK_BYTES];
        self.add(to, Dtype::U8, shape, blocks.as_flattened().to_vec());
        Ok(())
    }

    fn floats(&mut self, from: &str, to: &str, shape: &[usize]) -> Result<()> {
        let values = self.weights.floats(from, shape.iter().product())?;
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.add(to, Dtype::F32, shape.to_vec(), bytes);
        Ok(())
    }

    fn norm(&mut self, from: &str, to: &str, hidden: usize) -> Result<()> {
        self.floats(&format!("{from}.w"), &format!("{to}.weight"), &[hidden])?;
        self.floats(&format!("{from}.b"), &format!("{to}.bias"), &[hidden])
    }

    fn add(&mut self, name: &str, number_type: Dtype, shape: Vec<usize>, bytes: Vec<u8>) {
        self.all.push(Tensor {
            name: name.to_owned(),
            number_type,
            shape,
            bytes,
        });
    }
}
