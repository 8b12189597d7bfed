//! Files of safetensors: the weights of what is computed here.

use std::path::{Path, PathBuf};

use okibi_models::ModelError;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::{
    error::{Cause, LoadError},
    numbers::{self, Numbers},
};

/// A file of safetensors, in memory.
pub(crate) struct TensorFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// The tensors of a file.
pub(crate) struct Tensors<'a> {
    path: &'a Path,
    tensors: SafeTensors<'a>,
}

impl TensorFile {
    /// Reads a file.
    ///
    /// Errors: [`ModelError::Unreadable`].
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let bytes = std::fs::read(path).map_err(|source| ModelError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            bytes,
        })
    }

    /// Returns its tensors.
    ///
    /// Errors: [`LoadError::Model`] for a file that is broken.
    pub(crate) fn tensors(&self) -> Result<Tensors<'_>, LoadError> {
        let tensors =
            SafeTensors::deserialize(&self.bytes).map_err(|error| broken(&self.path, error.into()))?;
        Ok(Tensors {
            path: &self.path,
            tensors,
        })
    }
}

impl<'a> Tensors<'a> {
    /// Whether there is a tensor of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.tensor(name).is_ok()
    }

    /// Returns the shape of a tensor.
    ///
    /// Errors: [`LoadError::Model`] where it is not there.
    pub(crate) fn shape(&self, name: &str) -> Result<Vec<usize>, LoadError> {
        Ok(self.find(name)?.shape().to_vec())
    }

    /// Returns the values of a tensor of this shape.
    ///
    /// Errors: [`LoadError::Model`] where it is not there, or is another.
    pub(crate) fn take(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        let tensor = self.find(name)?;
        if tensor.shape() != shape {
            let found = tensor.shape();
            return Err(self.broken(format!(
                "its {name} has the shape {found:?}, and {shape:?} is expected"
            )));
        }
        let numbers = match tensor.dtype() {
            Dtype::F32 => Numbers::F32,
            Dtype::F16 => Numbers::F16,
            Dtype::BF16 => Numbers::BF16,
            Dtype::F64 => Numbers::F64,
            other => return Err(self.broken(format!("its {name} has the type {other:?}"))),
        };
        Ok(numbers::read(numbers, tensor.data()))
    }

    /// Returns the error of a file that is not what it should be.
    pub(crate) fn broken(&self, reason: String) -> LoadError {
        broken(self.path, reason.into())
    }

    fn find(&self, name: &str) -> Result<TensorView<'a>, LoadError> {
        let found = self.tensors.tensor(name);
        found.map_err(|error| broken(self.path, error.into()))
    }
}

fn broken(path: &Path, source: Cause) -> LoadError {
    LoadError::Model {
        path: path.to_owned(),
        source,
    }
}
