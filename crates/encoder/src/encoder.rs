//! An encoder that is ready to run.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::arena::Arena;
use crate::description::Description;
use crate::forward::forward;
use crate::lanes::Kernel;
use crate::linear::Precision;
use crate::network::Network;
use crate::packed::{PackedFile, PackedState, PackedWriter};
use crate::parameters::{Matrix, Parameters};
use crate::stages::Stages;
use crate::threads::Pool;

/// An encoder that is ready to run: packed weights, threads, and memory that is kept from run to run.
pub struct Encoder {
    network: Network,
    table: Box<dyn TokenTable>,
    packed: Option<Arc<PackedFile>>,
    packed_state: PackedState,
    precision: Precision,
    pool: Pool,
    arena: Arena,
}

/// Where the vectors of tokens are. They are looked up and never packed, so their file stays open.
pub trait TokenTable: Send + Sync {
    /// Vocabulary × hidden.
    fn tokens(&self) -> Matrix<'_>;

    /// Returns the file that is no longer the one that was opened. Asked before and after each run.
    fn changed_file(&self) -> Option<PathBuf> {
        None
    }
}

/// Why a run gave nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The model's file is no longer the one that was opened.
    #[error("the file {path} was changed after the model was loaded; load the model again", path = path.display())]
    FileChanged {
        /// Which file.
        path: PathBuf,
    },
    /// The caller broke it off.
    #[error("the run was broken off")]
    BrokenOff,
    /// A text is longer than the model's positions.
    #[error("text {text} has {tokens} tokens; the model takes at most {most}")]
    TooLong {
        /// Its number in the request.
        text: usize,
        /// How many it has.
        tokens: usize,
        /// How many it may have.
        most: usize,
    },
    /// A token that the model does not have.
    #[error("text {text} has the token {token}; the model has {vocabulary}, counted from 0")]
    UnknownToken {
        /// Its number in the request.
        text: usize,
        /// The first such token.
        token: u32,
        /// How many the model has.
        vocabulary: usize,
    },
}

/// Bytes of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Of the packed weights and the tables of positions.
    pub weights: usize,
    /// Of the values between the products, at present.
    pub arena: usize,
}

impl Encoder {
    /// Packs parameters that have the description's shapes, for some of this processor's instructions and so many threads.
    pub fn pack(
        description: &Description,
        parameters: &Parameters<'_>,
        table: Box<dyn TokenTable>,
        precision: Precision,
        kernel: Kernel,
        threads: usize,
    ) -> Self {
        Self::pack_from(description, parameters, table, precision, kernel, threads, None)
    }

    /// As [`pack`](Self::pack), with what is in a file of packed weights.
    pub(crate) fn pack_from(
        description: &Description,
        parameters: &Parameters<'_>,
        table: Box<dyn TokenTable>,
        precision: Precision,
        kernel: Kernel,
        threads: usize,
        packed: Option<Arc<PackedFile>>,
    ) -> Self {
        Self {
            network: Network::pack(description, parameters, precision, kernel, packed.as_ref()),
            packed,
            packed_state: PackedState::NotAsked,
            table,
            precision,
            pool: Pool::new(threads),
            arena: Arena::default(),
        }
    }

    /// Computes the vectors of each text's tokens, after the final norm: `tokens × hidden` values, row after row.
    ///
    /// `broken_off` is asked often, by any of the threads; once it says so, the run ends soon, with an error.
    pub fn run(
        &mut self,
        texts: &[&[u32]],
        broken_off: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<Vec<f32>>, RunError> {
        self.check(texts)?;
        self.check_file()?;
        let rows = forward(
            &mut self.network,
            self.table.tokens(),
            texts,
            &self.pool,
            &mut self.arena,
            broken_off,
        )
        .ok_or(RunError::BrokenOff)?;
        // After it too, so that nothing computed with another file's values is given out.
        self.check_file()?;
        Ok(rows)
    }

    fn check_file(&self) -> Result<(), RunError> {
        let packed = self.packed.as_ref().and_then(|packed| packed.changed());
        match self.table.changed_file().or(packed.map(Path::to_owned)) {
            None => Ok(()),
            Some(path) => Err(RunError::FileChanged { path }),
        }
    }

    fn check(&self, texts: &[&[u32]]) -> Result<(), RunError> {
        let description = &self.network.description;
        let vocabulary = description.vocabulary.min(self.table.tokens().rows());
        let positions = description
            .embedding
            .positions
            .map(|positions| positions.count.saturating_sub(positions.first));
        let most = description
            .max_tokens
            .unwrap_or(usize::MAX)
            .min(positions.unwrap_or(usize::MAX));
        for (index, text) in texts.iter().enumerate() {
            if text.len() > most {
                return Err(RunError::TooLong {
                    text: index,
                    tokens: text.len(),
                    most,
                });
            }
            if let Some(token) = text.iter().find(|token| **token as usize >= vocabulary) {
                return Err(RunError::UnknownToken {
                    text: index,
                    token: *token,
                    vocabulary,
                });
            }
        }
        Ok(())
    }

    /// Where the time of the runs since the last call went.
    pub fn take_stages(&mut self) -> Stages {
        self.arena.take_stages()
    }

    /// What it consists of.
    pub fn description(&self) -> &Description {
        &self.network.description
    }

    /// How its weights are kept.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The instructions that it is computed with.
    pub fn kernel(&self) -> Kernel {
        self.network.kernel
    }

    /// How many threads compute it.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Writes its packed weights for the next start.
    pub(crate) fn write(&self, path: &Path, key: u64) -> io::Result<()> {
        PackedWriter::write(path, key, |packed| self.network.write(packed))
    }

    /// What has become of the file of packed weights.
    pub fn packed_state(&self) -> &PackedState {
        &self.packed_state
    }

    pub(crate) fn set_packed_state(&mut self, state: PackedState) {
        self.packed_state = state;
    }

    /// The memory that it holds, without its file.
    pub fn memory(&self) -> Memory {
        Memory {
            weights: self.network.bytes(),
            arena: self.arena.bytes(),
        }
    }
}
