//! Why a model is unavailable, and why one cannot be loaded.
//!
//! [`LoadError`] is the engine's. It lies here because everything that puts errors into words or onto the wire knows
//! this crate, and not everything that does should link the engine.

use std::path::PathBuf;

use strum::{EnumString, IntoStaticStr, VariantArray};

/// A cause that is only shown, never branched on.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// One word for programs, which the APIs send and their documentation lists. Several errors share a kind: it says what
/// a program can do about it, and the message says the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum ErrorKind {
    /// No source knows the name.
    ModelNotFound,
    /// The repository has no such revision.
    RevisionNotFound,
    /// The repository wants its terms agreed to.
    Gated,
    /// The hub may not be asked.
    Offline,
    /// The hub did not answer, or not with the file.
    DownloadFailed,
    /// The disk has too little room.
    NoSpace,
    /// There is too little memory.
    NoMemory,
    /// The repository asks for something that an honest one never does.
    Unsafe,
    /// There are no weights that can be used.
    NoOnnx,
    /// The model cannot be deleted.
    NotRemovable,
    /// The model's files are being written.
    InUse,
    /// The client has canceled the download.
    Cancelled,
    /// Everything else that keeps a model from loading.
    LoadFailed,
}

impl ErrorKind {
    /// Returns its word.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns the kind with this word.
    pub fn from_name(name: &str) -> Option<Self> {
        name.parse().ok()
    }
}

/// Something that a model's files ask for and that is not supported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Feature {
    /// A module of sentence-transformers, or a class of the model's own code.
    #[error("the module {0} is not supported")]
    Module(String),
    /// The modules come in an order that gives no vector, or gives several.
    #[error("modules in this order are not supported")]
    ModuleOrder,
    /// A module that works on something else than a text's vector.
    #[error("a module of {0} is not supported")]
    ModuleOf(String),
    /// A pooling.
    #[error("the pooling {0} is not supported")]
    PoolingMode(String),
    /// What a layer applies to each value.
    #[error("the activation {0} is not supported")]
    Activation(String),
    /// The weights of a layer are there only as Python's pickles.
    #[error("the layer has its weights only as pytorch_model.bin, which is not read")]
    PickledWeights,
    /// Another kind of model of sentence-transformers.
    #[error("a model of the kind {0} is not supported")]
    ModelType(String),
    /// The network has another task than vectors.
    #[error("the task {0} is not supported")]
    Task(String),
    /// The module takes something else than the last hidden state.
    #[error("vectors from {0} are not supported")]
    HiddenState(String),
    /// The prompt is to be left out of the pooling, which the graph does by itself.
    #[error("the graph pools by itself, and the prompt's tokens should be left out")]
    PromptInGraph,
    /// The graph gives scores of pairs of texts.
    #[error("it is a reranker, not an embedding model")]
    Reranker,
    /// The graph gives scores of classes.
    #[error("it is a classifier, not an embedding model")]
    Classifier,
    /// The graph gives scores of words.
    #[error("it is a language model, not an embedding model")]
    LanguageModel,
    /// The graph takes what it has computed of the text before.
    #[error("it is a text-generation export, with a key-value cache")]
    TextGeneration,
    /// A part of the network's configuration.
    #[error("{0} is not supported")]
    Network(String),
    /// The graph gives only the vector of a network that its embeddings do not come from.
    #[error("its only output is pooler_output, which is not the vector of a text")]
    Pooler,
    /// The graph has no output with vectors.
    #[error("none of its outputs {0} holds vectors")]
    Outputs(String),
    /// The graph wants an input that is not known.
    #[error("its input {0} is not supported")]
    Input(String),
    /// A graph's vectors have another length than the model's files say.
    #[error("its vectors have {found} values, and the modules give {expected}")]
    Length {
        /// The graph's.
        found: usize,
        /// The files'.
        expected: usize,
    },
}

/// Why a model's files are unavailable, or cannot be used.
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
    /// The folder does not exist, or is not a folder.
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
    /// There are weights, but not as ONNX, and Okibi does not compute the network, or an export is asked for.
    #[error("{place} has safetensors weights but no ONNX export")]
    OnlySafetensors {
        /// The folder, or the repository.
        place: String,
        /// A repository with an export of the same weights.
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
    /// A file was written while the model was loading: what was loaded of it is uncertain.
    #[error("{path} was changed while the model was loading")]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A configuration file of the model is not what it should be.
    #[error("{path} is not a valid configuration: {reason}")]
    Configuration {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The model needs something that is not supported. Without it its vectors would be others.
    #[error("{path}: {feature}")]
    Unsupported {
        /// The file that says so.
        path: PathBuf,
        /// What it needs.
        feature: Feature,
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
    #[error("{repository} is not on this machine, and the hub may not be asked")]
    Offline {
        /// The repository.
        repository: String,
    },
    /// Nothing answers at the hub's address.
    #[error("the hub {endpoint} cannot be reached")]
    Unreachable {
        /// Its address.
        endpoint: String,
        /// Why.
        source: Cause,
    },
    /// This machine does not trust the issuer of the hub's certificate.
    #[error("the certificate of {endpoint} is not trusted")]
    UntrustedCertificate {
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
    /// The repository asks for something that an honest one never does; nothing of it was kept.
    #[error("{repository} is not safe to use: {what}")]
    UntrustedRepository {
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
    /// A repository in the shared cache that is not a model Okibi can use: another tool's.
    #[error("{repository} in {folder} is not a model that can be used")]
    NotOurs {
        /// The repository.
        repository: String,
        /// Its folder.
        folder: PathBuf,
    },
    /// A download writes the model's files right now.
    #[error("{name} is being downloaded")]
    InUse {
        /// Its name.
        name: String,
    },
    /// The system starts no thread for the work.
    #[error("no thread can be started")]
    Thread {
        /// What the OS said.
        source: std::io::Error,
    },
    /// The client canceled the download; what has come is kept.
    #[error("the download was cancelled")]
    Cancelled,
}

impl ModelError {
    /// Returns the word for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownModel { .. } | Self::NotOnHub { .. } => ErrorKind::ModelNotFound,
            Self::NoRevision { .. } => ErrorKind::RevisionNotFound,
            Self::Gated { .. } => ErrorKind::Gated,
            Self::Offline { .. } => ErrorKind::Offline,
            Self::Unreachable { .. }
            | Self::UntrustedCertificate { .. }
            | Self::Download { .. }
            | Self::WrongHash { .. } => ErrorKind::DownloadFailed,
            Self::NoSpace { .. } => ErrorKind::NoSpace,
            Self::UntrustedRepository { .. } => ErrorKind::Unsafe,
            Self::OnlySafetensors { .. } | Self::NoOnnx { .. } | Self::NoVariant { .. } => ErrorKind::NoOnnx,
            Self::NotRemovable { .. } | Self::NotOurs { .. } => ErrorKind::NotRemovable,
            Self::InUse { .. } => ErrorKind::InUse,
            Self::Cancelled => ErrorKind::Cancelled,
            Self::MissingFolder { .. }
            | Self::MissingFile { .. }
            | Self::EmbeddedModelNotFound { .. }
            | Self::Unreadable { .. }
            | Self::Changed { .. }
            | Self::Configuration { .. }
            | Self::Unsupported { .. }
            | Self::CacheUnwritable { .. }
            | Self::Thread { .. } => ErrorKind::LoadFailed,
        }
    }
}

/// Why a model cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The model's files are unavailable, or cannot be used.
    #[error(transparent)]
    Source(#[from] ModelError),
    /// No ONNX Runtime library was found.
    #[error("no ONNX Runtime library was found")]
    RuntimeNotFound {
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// The ONNX Runtime library cannot be used.
    #[error("the ONNX Runtime library {path} cannot be used")]
    Runtime {
        /// The library.
        path: PathBuf,
        /// What it said.
        source: Cause,
    },
    /// The tokenizer file is broken.
    #[error("the tokenizer {path} cannot be read")]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What the library said.
        source: Cause,
    },
    /// The model file is broken or is not a text-embedding model.
    #[error("the model {path} cannot be opened")]
    Model {
        /// The file.
        path: PathBuf,
        /// What the runtime said.
        source: Cause,
    },
    /// There is not enough memory for the model.
    #[error("the model needs {needed} bytes of memory, and {free} are free")]
    NoMemory {
        /// What it needs.
        needed: u64,
        /// What is free.
        free: u64,
    },
    /// The system gave the runtime no more memory while it opened the model.
    #[error("memory ran out while the model {path} was opened")]
    OutOfMemory {
        /// The file.
        path: PathBuf,
        /// What the runtime said.
        source: Cause,
    },
    /// The loaded model failed at its first run.
    #[error("the model does not run")]
    WarmUp {
        /// Why.
        source: Cause,
    },
}

impl LoadError {
    /// Returns the word for programs.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Source(error) => error.kind(),
            Self::NoMemory { .. } | Self::OutOfMemory { .. } => ErrorKind::NoMemory,
            Self::RuntimeNotFound { .. }
            | Self::Runtime { .. }
            | Self::Tokenizer { .. }
            | Self::Model { .. }
            | Self::WarmUp { .. } => ErrorKind::LoadFailed,
        }
    }
}
