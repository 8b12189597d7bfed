//! What is stored about Okibi on a user's machine: settings, folders, the log file and the discovery file.
//!
//! Reads and writes files, prints nothing. Everything that comes from the environment is passed in, so that
//! tests need not touch the process's own.
//!
//! - [`folders`]: where configuration, models and logs are
//! - [`settings`]: every setting in one table, and their values by precedence flag, environment, file, default
//! - [`problem`]: what can be wrong with them, and where
//! - [`mod@file`]: the configuration file, with line and column of every value
//! - [`edit`]: changes to the configuration file that leave the rest of it alone
//! - [`discovery`]: the small file that tells local apps where the daemon is
//! - [`assets`]: where ONNX Runtime and the embedded model are
//! - [`mod@access`]: who may send requests, by the settings
//! - [`token`]: the tokens that requests must bring if they are required
//! - [`rotation`]: a log file that is bounded in size
//! - [`logfile`]: the log of a daemon

use std::ffi::OsString;

pub mod access;
pub mod assets;
pub mod discovery;
pub mod edit;
pub mod file;
pub mod folders;
pub mod logfile;
pub mod problem;
pub mod rotation;
pub mod settings;
pub mod token;

pub use access::access;
pub use discovery::{Discovery, DiscoveryState};
pub use folders::{FolderError, FolderOverrides, Folders};
pub use problem::{Origin, Place, Problem};
pub use settings::{
    choices::{BackendChoice, DeviceChoice, KeepAlive, LangChoice, NotificationChoice, ProgressChoice},
    declaration::{Declaration, Expected, Scope, Words},
    document::daemon_args,
    load::{Flags, Loaded},
    setting::{Setting, Source},
    table::{Key, Settings},
};

/// Looks an environment variable up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The process's own environment; an empty variable counts as absent.
pub fn process_environment(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
