//! From a model's name to its files and how they are to be used.
//!
//! A name is the embedded default, a folder, or a name of fastembed's catalogue. Whichever it is, the files end
//! up in one layout, that of a sentence-transformers repository, and are read by [`folder::describe`].

mod catalogue;
mod folder;
mod hub;

use std::path::{Path, PathBuf};

pub use catalogue::{CatalogueEntry, catalogue};
pub use folder::describe;
pub use hub::fetch;

use crate::{error::LoadError, pooling::Pooling};

/// Name of the model that comes with Okibi.
pub const DEFAULT_MODEL: &str = "multilingual-e5-small";

/// Where a model's name leads.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A folder on this machine.
    Folder {
        /// The model's name for people.
        name: String,
        /// The folder.
        folder: PathBuf,
    },
    /// A repository on the hub, or in the cache that mirrors it.
    Hub(CatalogueEntry),
}

/// The files of a model on this machine, and how they are to be used.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFiles {
    /// The model's name for people.
    pub name: String,
    /// The ONNX file; external data files lie beside it.
    pub model: PathBuf,
    /// `tokenizer.json`.
    pub tokenizer: PathBuf,
    /// How token vectors become one.
    pub pooling: Pooling,
    /// What is put before a text, by its role.
    pub prompts: Prompts,
    /// Tokens of a text that the model reads, special tokens included.
    pub max_tokens: usize,
    /// Id that fills the shorter texts of a batch up.
    pub pad_id: u32,
    /// Special tokens the configuration names, in case the tokenizer file lacks them.
    pub special_tokens: Vec<String>,
}

/// What is put before a text, by its role. Source: `config_sentence_transformers.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompts {
    /// Before a text that is searched for.
    pub query: Option<String>,
    /// Before a text that is to be found.
    pub document: Option<String>,
}

/// Finds out where `name` leads, without touching the network.
///
/// Errors: [`LoadError::UnknownModel`] with the nearest names, [`LoadError::EmbeddedModelNotFound`].
pub fn resolve(name: &str, assets: &[PathBuf]) -> Result<Source, LoadError> {
    if name == DEFAULT_MODEL {
        return embedded(assets);
    }
    let path = Path::new(name);
    if path.is_absolute() || name.starts_with('.') {
        return Ok(Source::Folder {
            name: folder_name(path),
            folder: path.to_owned(),
        });
    }
    catalogue::find(name).map(Source::Hub)
}

fn embedded(assets: &[PathBuf]) -> Result<Source, LoadError> {
    let searched: Vec<PathBuf> = assets
        .iter()
        .map(|folder| folder.join("models").join(DEFAULT_MODEL))
        .collect();
    match searched.iter().find(|folder| folder.is_dir()) {
        Some(folder) => Ok(Source::Folder {
            name: DEFAULT_MODEL.into(),
            folder: folder.clone(),
        }),
        None => Err(LoadError::EmbeddedModelNotFound { searched }),
    }
}

fn folder_name(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}
