//! What a user's machine says about Okibi: settings, folders, the log file and the discovery file.
//!
//! Reads and writes files, prints nothing. Everything that comes from the environment is passed in, so that
//! tests need not touch the process's own.
//!
//! - [`folders`]: where configuration, models and logs are
//! - [`key`]: the settings' names in the file, the environment and on the command line
//! - [`model_choice`]: values of the settings that are about models
//! - [`settings`]: their values, by precedence flag, environment, file, default
//! - [`problem`]: what can be wrong with them, and where
//! - [`mod@file`]: the configuration file, with line and column of every value
//! - [`edit`]: changes to the configuration file that leave the rest of it alone
//! - [`daemon_args`]: the settings as arguments of the hidden daemon command
//! - [`discovery`]: the small file that tells local apps where the daemon is
//! - [`assets`]: where ONNX Runtime and the embedded model are
//! - [`mod@access`]: who is let in, by the settings
//! - [`token`]: the secrets that requests bring where they have to
//! - [`rotation`]: a log file that is bounded in size
//! - [`logfile`]: the log of a daemon

use std::ffi::OsString;

pub mod access;
pub mod assets;
pub mod daemon_args;
pub mod discovery;
pub mod edit;
pub mod file;
pub mod folders;
pub mod key;
pub mod logfile;
pub mod model_choice;
pub mod problem;
pub mod rotation;
pub mod settings;
pub mod token;

pub use access::access;
pub use discovery::{Discovery, DiscoveryState};
pub use folders::{FolderError, FolderOverrides, Folders};
pub use key::Key;
pub use model_choice::{DeviceChoice, KeepAlive};
pub use problem::{Origin, Place, Problem, Wanted};
pub use settings::{
    Flags, LangChoice, Loaded, NotificationChoice, ProgressChoice, Setting, Settings, Source,
};

/// Looks an environment variable up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The process's own environment; an empty variable counts as absent.
pub fn process_environment(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
