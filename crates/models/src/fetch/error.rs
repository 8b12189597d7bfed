//! Why one try of a request failed, and whether another may succeed.

use std::time::Duration;

use crate::error::ModelError;

/// Why a try failed.
pub(super) enum FetchError {
    /// Retrying may succeed.
    Transient {
        /// What to report when it does not.
        error: ModelError,
        /// How long the hub asks to wait.
        wait: Option<Duration>,
    },
    /// Retrying will not help.
    Permanent(ModelError),
}

impl FetchError {
    /// Returns an error that may pass by itself, with the usual wait.
    pub(super) fn transient(error: ModelError) -> Self {
        Self::Transient { error, wait: None }
    }
}

impl From<ModelError> for FetchError {
    fn from(error: ModelError) -> Self {
        Self::Permanent(error)
    }
}

/// Why an answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Reason {
    /// An error of the hub.
    #[error("the hub answered with status {0}")]
    Status(u16),
    /// Redirects without an end.
    #[error("it is redirected again and again")]
    Redirects,
    /// Fewer bytes than there should be.
    #[error("the hub broke off after {got} bytes of {size}")]
    Short {
        /// Bytes that came.
        got: u64,
        /// Bytes of the file.
        size: u64,
    },
    /// Another part than the one asked for.
    #[error("the hub sent another part of the file than the one asked for")]
    OtherPart,
    /// Nothing says which version of the file this is.
    #[error("the hub does not say which file it sent")]
    NoName,
    /// The list is not what it should be.
    #[error("the hub's list of files cannot be read")]
    List(#[source] serde_json::Error),
}
