//! Configuration files of JSON.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::ModelError;

/// Returns the file's content, or `None` where it does not exist.
///
/// Errors: [`ModelError::Unreadable`], [`ModelError::Configuration`].
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ModelError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(ModelError::Unreadable {
                path: path.to_owned(),
                source,
            });
        }
    };
    // Some editors put a byte order mark before it.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    serde_json::from_slice(bytes)
        .map(Some)
        .map_err(|error| invalid(path, error.to_string()))
}

/// Returns the error of a configuration file that is wrong.
pub(crate) fn invalid(path: &Path, reason: String) -> ModelError {
    ModelError::Configuration {
        path: path.to_owned(),
        reason,
    }
}
