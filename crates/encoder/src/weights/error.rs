//! Why weights are not what they have to be.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why weights are not what they have to be.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The system does not give the file.
    #[error("cannot read {path}", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not in the one format that is read.
    #[error(
        "{path} is a file of PyTorch, which runs the code in it when it is read; only safetensors are read",
        path = path.display()
    )]
    RunsCode {
        /// Which file.
        path: PathBuf,
    },
    /// The file contradicts itself, or is not whole.
    #[error("{path} is broken: {reason}", path = path.display())]
    Broken {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The index of shards names a file that does not stand beside it.
    #[error("{path} names the shard {shard:?}, which is not a file in its folder", path = path.display())]
    ShardOutside {
        /// The index.
        path: PathBuf,
        /// What it names.
        shard: String,
    },
    /// The configuration says that there is a tensor, and there is none.
    #[error("the weights lack the tensor {name}")]
    Missing {
        /// What the family calls it.
        name: String,
    },
    /// A tensor does not fit the configuration.
    #[error("the tensor {name} has the shape {found:?}, and the configuration says {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// As the file has it.
        found: Vec<u64>,
        /// As it has to be.
        expected: Vec<u64>,
    },
    /// A tensor's numbers are of a type that is not computed, as those of quantized weights.
    #[error("the tensor {name} has numbers of the type {found}; F32, F16 and BF16 are computed")]
    NumberType {
        /// Its name.
        name: String,
        /// As the file has it.
        found: String,
    },
    /// The weights have several encoders.
    #[error("the weights have several encoders: {first} and {second}")]
    Ambiguous {
        /// The table of tokens of one.
        first: String,
        /// And of another.
        second: String,
    },
    /// A layer has a part that its family does not.
    #[error("the weights have the tensor {name}, which is not computed here")]
    Foreign {
        /// Its name.
        name: String,
    },
}

pub(super) fn unreadable(path: &Path, source: io::Error) -> WeightsError {
    WeightsError::Unreadable {
        path: path.to_owned(),
        source,
    }
}

pub(super) fn broken(path: &Path, reason: String) -> WeightsError {
    WeightsError::Broken {
        path: path.to_owned(),
        reason,
    }
}
