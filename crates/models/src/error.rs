//! Why a model is not to be had.

use std::path::PathBuf;

/// A cause that is only shown, never branched on.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a model's files are not to be had, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// No source knows the name.
    #[error("there is no model {name:?}")]
    UnknownModel {
        /// The name asked for.
        name: String,
        /// Known names that look like it, the nearest first.
        nearest: Vec<String>,
    },
    /// The folder is not there, or is no folder.
    #[error("there is no model folder {folder}")]
    MissingFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder lacks a file that every model needs.
    #[error("the model folder {folder} has no {file}")]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The file, relative to it.
        file: String,
    },
    /// There are weights, but not as ONNX.
    #[error("{place} has safetensors weights but no ONNX export")]
    OnlySafetensors {
        /// The folder, or the repository.
        place: String,
        /// A known model with an export of the same weights.
        export: Option<String>,
    },
    /// The repository has no weights that can be used.
    #[error("{repository} has no ONNX file and tokenizer.json")]
    NoOnnx {
        /// The hub repository.
        repository: String,
    },
    /// The repository does not have the variant asked for.
    #[error("{repository} has no weights of the variant {asked}")]
    NoVariant {
        /// The hub repository.
        repository: String,
        /// The variant.
        asked: String,
        /// Those it has.
        available: Vec<String>,
    },
    /// The embedded model's files are not where they belong.
    #[error("the embedded model is not installed")]
    EmbeddedModelNotFound {
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// A file could not be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the OS said.
        source: std::io::Error,
    },
    /// A configuration file of the model is not what it should be.
    #[error("{path} is not a valid configuration: {reason}")]
    Configuration {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The model pools its token vectors in a way that is not supported.
    #[error("{path} asks for pooling {mode:?}, which is not supported")]
    Pooling {
        /// The file that says so.
        path: PathBuf,
        /// The pooling it asks for.
        mode: String,
    },
    /// The folder that downloads go to cannot be written.
    #[error("the model cache {path} cannot be written")]
    CacheUnwritable {
        /// The folder or the file.
        path: PathBuf,
        /// What the OS said.
        source: std::io::Error,
    },
    /// The hub has no such repository, or hides it.
    #[error("the hub has no repository {repository}")]
    NotOnHub {
        /// The repository.
        repository: String,
        /// Known names that look like it, the nearest first.
        nearest: Vec<String>,
    },
    /// The repository has no such revision.
    #[error("{repository} has no revision {revision}")]
    NoRevision {
        /// The repository.
        repository: String,
        /// The revision.
        revision: String,
    },
    /// The repository is open only to those who have agreed to its terms.
    #[error("{repository} is gated")]
    Gated {
        /// The repository.
        repository: String,
        /// Whether a token was sent, which then has no access.
        has_token: bool,
    },
    /// The hub may not be asked, and the files are not all here.
    #[error("{repository} is not on this machine, and the hub is not to be asked")]
    Offline {
        /// The repository.
        repository: String,
    },
    /// Nobody answers at the hub's address.
    #[error("the hub {endpoint} cannot be reached")]
    Unreachable {
        /// Its address.
        endpoint: String,
        /// Why.
        source: Cause,
    },
    /// Nobody whom this machine trusts vouches for the hub's certificate.
    #[error("the certificate of {endpoint} is not trusted")]
    Untrusted {
        /// Its address.
        endpoint: String,
        /// Why.
        source: Cause,
    },
    /// The hub answered with an error, or broke off again and again.
    #[error("{file} of {repository} cannot be downloaded")]
    Download {
        /// The repository.
        repository: String,
        /// The file in it.
        file: String,
        /// Why.
        source: Cause,
    },
    /// What came is not what the hub says the file is.
    #[error("{file} of {repository} was downloaded twice and is not what the hub says it is")]
    WrongHash {
        /// The repository.
        repository: String,
        /// The file in it.
        file: String,
    },
    /// The disk has too little room.
    #[error("{path} has room for {free} bytes; {needed} are needed")]
    NoSpace {
        /// The cache.
        path: PathBuf,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The repository asks for something that no honest one does; nothing of it was taken.
    #[error("{repository} is not safe to use: {what}")]
    Unsafe {
        /// The repository, or the folder.
        repository: String,
        /// What it asked for.
        what: String,
    },
    /// The model is not one that can be deleted: it comes with Okibi, or lies in the user's own folder.
    #[error("{name} is not in the cache of downloaded models")]
    NotRemovable {
        /// Its name.
        name: String,
    },
    /// The download was given up by whoever asked for it; what has come is kept.
    #[error("the download was cancelled")]
    Cancelled,
}
