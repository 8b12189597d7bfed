//! Which models there are and where their files come from: names, the known ones, the hub and its cache.
//!
//! Command line, tray app and daemon list, fetch and delete models through it. It opens no model: that is the
//! engine's work.
//!
//! - [`resolve()`]: from a name to a [`Source`]
//! - [`known()`]: the table of well-known models
//! - [`fetch()`] and [`find_here()`]: from the hub, or the cache that mirrors it, to a [`Snapshot`]
//! - [`pull()`]: the same, with the steps that a front shows
//! - [`describe()`]: what a folder's files say about its model
//! - [`inventory()`], [`details()`], [`remove()`]: what is here
//! - [`remember_folder()`], [`forget_folder()`]: folders that the user has named
//! - [`store`]: small files that are remembered
//! - [`free_bytes()`]: how much room there is for more

mod cache;
mod describe;
mod details;
mod error;
mod families;
mod fetch;
mod files;
mod inventory;
mod json;
mod known;
mod library;
mod limits;
mod lock;
mod onnx;
mod output;
mod own_folders;
mod pipeline;
mod precisions;
mod prompts;
mod pull;
mod removal;
mod resolve;
mod safe;
mod space;
mod stamp;
pub mod store;
mod tokenizer_config;
mod usage;
mod variant;

pub use cache::{Snapshot, find_here};
pub use describe::{Wanted, describe, describe_with};
pub use details::details;
pub use error::{Cause, ErrorKind, Feature, LoadError, ModelError};
pub use families::COMPUTED;
pub use fetch::{OnHub, fetch, look_up};
#[doc(hidden)]
pub use fetch::{RetryPolicy, fetch_at};
pub use files::ModelFiles;
pub use inventory::{folder_bytes, inventory, inventory_of};
pub use known::{KnownModel, known, known_markdown};
pub use library::{Hub, Library};
pub use okibi_protocol::models::{DEFAULT_MODEL, is_path};
pub use onnx::{Port, Signature};
pub use output::{ChosenOutput, Holds};
pub use own_folders::{forget_folder, remember_folder};
pub use pipeline::{
    Activation, Dense, LayerNorm, ModuleWeights, Network, Pipeline, Pooling, PoolingMode, Step,
};
pub use precisions::Precisions;
pub use prompts::Prompts;
pub use pull::pull;
pub use removal::remove;
pub use resolve::{HubModel, Source, repository, resolve};
pub use space::free_bytes;
pub use stamp::FileStamp;
pub use tokenizer_config::{BertNormalization, TokenizerConfig};
pub use usage::mark_used;
