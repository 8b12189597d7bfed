//! A model that is a table: one vector for each token, whatever stands around it.
//!
//! Source: sentence-transformers 6.2, `StaticEmbedding`.

use std::path::Path;

use crate::{
    error::{Cause, LoadError},
    tensors::TensorFile,
};

/// The tensor of sentence-transformers.
const WEIGHTS: &str = "embedding.weight";

/// That of the models it was taken from, and the tensors beside it that it would have to be combined with.
const OTHER_WEIGHTS: &str = "embeddings";
const COMBINED: [&str; 2] = ["mapping", "weights"];

/// A vector for each token.
pub(crate) struct Table {
    values: Vec<f32>,
    dimension: usize,
}

impl Table {
    /// Reads a table from a file of safetensors.
    ///
    /// Errors: [`LoadError`].
    pub(crate) fn load(path: &Path) -> Result<Self, LoadError> {
        let file = TensorFile::open(path)?;
        let tensors = file.tensors()?;
        let name = if tensors.has(WEIGHTS) {
            WEIGHTS
        } else {
            OTHER_WEIGHTS
        };
        if let Some(beside) = COMBINED.into_iter().find(|beside| tensors.has(beside)) {
            return Err(tensors.broken(format!("it has the tensor {beside}, which is not supported")));
        }
        match tensors.shape(name)?[..] {
            [rows, dimension] if dimension > 0 => Ok(Self {
                values: tensors.take(name, &[rows, dimension])?,
                dimension,
            }),
            ref other => Err(tensors.broken(format!("its {name} has the shape {other:?}"))),
        }
    }

    /// Length of a vector.
    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    /// Returns the vectors of tokens, one after the other.
    ///
    /// Errors: an id without a row.
    pub(crate) fn rows(&self, ids: &[u32]) -> Result<Vec<f32>, Cause> {
        let mut rows = Vec::with_capacity(ids.len() * self.dimension);
        for id in ids {
            let first = *id as usize * self.dimension;
            let row = self.values.get(first..first + self.dimension);
            rows.extend_from_slice(row.ok_or_else(|| format!("the table has no row for the token id {id}"))?);
        }
        Ok(rows)
    }
}
