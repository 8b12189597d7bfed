//! From files to an encoder that is ready to run.

use std::{
    env::consts::ARCH,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Encoder, Kernel, Precision, TokenTable,
    families::{self, ConfigError, Model},
    packed::{self, PackedFile, PackedState},
    parameters::{Kind, Matrix},
    weights::{Parts, Weights, WeightsError, assemble},
};

/// What is opened, and how it is computed.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The model's `config.json`.
    pub config: &'a Path,
    /// Its file of safetensors, or the index of several.
    pub weights: &'a Path,
    /// How its weights are kept.
    pub precision: Precision,
    /// How many threads compute.
    pub threads: usize,
    /// The file in which packed weights are kept for the next start, of this model in this precision; made again where it is
    /// not about these files. The folder is there.
    pub cache: Option<&'a Path>,
    /// The instructions; `None` for those that `OKIBI_KERNEL` names, or the fastest.
    pub kernel: Option<Kernel>,
}

/// Why there is no encoder.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system does not give the configuration.
    #[error("cannot read {path}", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The configuration says something that is not computed.
    #[error("the model of {path} is not computed here", path = path.display())]
    Config {
        /// Which file.
        path: PathBuf,
        /// What it says.
        source: ConfigError,
    },
    /// The weights are not what they have to be.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The variable names a kernel that this processor does not have.
    #[error("OKIBI_KERNEL is {name:?}; this processor has {available}")]
    Kernel {
        /// What it says.
        name: String,
        /// Those that it could name.
        available: String,
    },
}

/// Names the instructions, for tests and for who looks for a fault in them.
const KERNEL_VARIABLE: &str = "OKIBI_KERNEL";

/// A configuration longer than this is not read; real ones have some thousand bytes.
const MOST_CONFIG_BYTES: u64 = 4 << 20;

impl Encoder {
    /// Opens a model's files and packs its weights.
    ///
    /// Errors: [`OpenError`], whatever the files say.
    pub fn open(options: &Options<'_>) -> Result<Self, OpenError> {
        let model = read_config(options.config)?;
        let kernel = match options.kernel {
            Some(kernel) => kernel,
            None => kernel_of_variable()?,
        };
        let weights = Arc::new(Weights::open(options.weights)?);
        let parts = assemble(&weights, &model.description, model.names)?;
        let table = Box::new(Tokens::new(&weights, &parts));
        // No file where the weights were changed just now: another change might not show.
        let cache = options.cache.and_then(|path| {
            let identity = weights.identity()?;
            let description = format!("{:?}", model.description);
            let layout = format!("{:?} {:?} {ARCH}", options.precision, kernel.words());
            Some((path, packed::key(&[&identity, &description, &layout])))
        });
        let packed = cache.and_then(|(path, key)| PackedFile::open(path, key));
        let is_packed = packed.is_some();
        let mut encoder = Self::pack_from(
            &model.description,
            &parts.parameters,
            table,
            options.precision,
            kernel,
            options.threads,
            packed.map(Arc::new),
        );
        if let Some((path, key)) = cache {
            encoder.set_packed_state(match is_packed {
                true => PackedState::Used,
                false => match encoder.write(path, key) {
                    Ok(()) => PackedState::Written,
                    Err(error) => PackedState::NotWritten(error.to_string()),
                },
            });
        }
        Ok(encoder)
    }
}

/// Reads a `config.json`.
fn read_config(path: &Path) -> Result<Model, OpenError> {
    let unreadable = |source| OpenError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(MOST_CONFIG_BYTES)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    families::read(&text).map_err(|source| OpenError::Config {
        path: path.to_owned(),
        source,
    })
}

/// Returns the kernel that the variable names, or else the fastest.
fn kernel_of_variable() -> Result<Kernel, OpenError> {
    let Some(name) = std::env::var_os(KERNEL_VARIABLE).filter(|name| !name.is_empty()) else {
        return Ok(Kernel::best());
    };
    let name = name.to_string_lossy();
    Kernel::by_name(&name).ok_or_else(|| OpenError::Kernel {
        name: name.into_owned(),
        available: Kernel::available()
            .into_iter()
            .map(Kernel::name)
            .collect::<Vec<_>>()
            .join(", "),
    })
}

/// The table of tokens, which is looked up row by row and stays as its file has it.
enum Tokens {
    /// Of a file that is mapped, and is watched.
    Mapped {
        weights: Arc<Weights>,
        name: String,
        shape: [usize; 2],
    },
    /// In memory of our own: the rest of its file is packed, and can go.
    Copied {
        bytes: Vec<u8>,
        kind: Kind,
        shape: [usize; 2],
    },
}

impl Tokens {
    fn new(weights: &Arc<Weights>, parts: &Parts<'_>) -> Self {
        let tokens = parts.parameters.tokens;
        let shape = [tokens.rows(), tokens.columns()];
        if weights.copied_bytes() > 0 {
            Self::Copied {
                bytes: tokens.bytes().to_vec(),
                kind: tokens.kind(),
                shape,
            }
        } else {
            Self::Mapped {
                weights: Arc::clone(weights),
                name: parts.tokens.clone(),
                shape,
            }
        }
    }
}

impl TokenTable for Tokens {
    fn tokens(&self) -> Matrix<'_> {
        match self {
            Self::Mapped { weights, name, shape } => weights
                .matrix(name, shape)
                .expect("it was there when it was opened"),
            Self::Copied { bytes, kind, shape } => {
                Matrix::new(shape[0], shape[1], *kind, bytes).expect("it has the size of its original")
            }
        }
    }

    fn changed_file(&self) -> Option<PathBuf> {
        match self {
            Self::Mapped { weights, .. } => weights.changed_file().map(Path::to_owned),
            Self::Copied { .. } => None,
        }
    }
}
