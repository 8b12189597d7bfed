//! What can be wrong with the settings, and where.

use std::{net::IpAddr, path::PathBuf};

use crate::settings::{declaration::Expected, table::Key};

/// A place in the configuration file, counted from 1; the column counts characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Where a value that was set came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// The environment.
    Environment,
    /// The configuration file.
    File(Place),
}

/// Something about the settings that is wrong; the setting falls back to the next source.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A value does not fit its setting.
    #[error("the value {value:?} does not fit the setting {key}")]
    BadValue {
        /// The setting.
        key: Key,
        /// Where the value came from.
        origin: Origin,
        /// The value as it was written.
        value: String,
        /// What it has to be.
        expected: Expected,
    },
    /// An address beyond this machine was set without `require_token`. Only this machine is served.
    #[error("listening on {host} needs a token")]
    RemoteHostNeedsToken {
        /// The address.
        host: IpAddr,
        /// Whether the user has just asked for it, by a flag or the environment.
        is_asked: bool,
    },
    /// All requests together may hold less than two of them: each is counted as it came and as it was read. The
    /// default applies.
    #[error("{buffered} MB for all requests are less than twice the {request} MB of one")]
    BufferedTooSmall {
        /// `max_buffered_mb`.
        buffered: usize,
        /// `max_request_mb`.
        request: usize,
        /// Whether the user has just asked for it, by a flag or the environment.
        is_asked: bool,
    },
    /// The file has a key that no setting has.
    #[error("there is no setting {key:?}")]
    UnknownKey {
        /// Where it is.
        place: Place,
        /// The key.
        key: String,
        /// The setting it may be meant for.
        nearest: Option<Key>,
    },
    /// The file is not TOML. Nothing of it is used.
    #[error("the configuration file is broken: {reason}")]
    BrokenFile {
        /// Where it stops being TOML.
        place: Place,
        /// What the parser said.
        reason: String,
    },
    /// The file is there but cannot be read.
    #[error("the configuration file {file} cannot be read")]
    UnreadableFile {
        /// The file.
        file: PathBuf,
        /// What the OS said.
        source: std::io::Error,
    },
}

impl Problem {
    /// Whether the user has just asked for it (flag, environment), so that going on with another value would be
    /// wrong. A mistake in the file is only warned about.
    pub fn is_error(&self) -> bool {
        matches!(
            self,
            Self::BadValue {
                origin: Origin::Flag | Origin::Environment,
                ..
            } | Self::RemoteHostNeedsToken { is_asked: true, .. }
                | Self::BufferedTooSmall { is_asked: true, .. }
        )
    }

    /// Whether a flag's value does not fit.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::BadValue {
                origin: Origin::Flag,
                ..
            }
        )
    }
}
