//! Error objects and their codes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An error object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct RpcError {
    /// One of the codes in [`code`].
    pub code: i64,
    /// What went wrong, for people.
    pub message: String,
    /// Details for programs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub data: Option<Value>,
}

/// Error codes: the five of the specification and Okibi's own.
pub mod code {
    /// The text is not JSON.
    pub const PARSE_ERROR: i64 = -32700;
    /// The JSON is not a request.
    pub const INVALID_REQUEST: i64 = -32600;
    /// There is no such method.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The parameters do not fit the method.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The server failed at something that is not the client's fault.
    pub const INTERNAL_ERROR: i64 = -32603;
    /// The model is still loading; `data` has the stage and the fraction done.
    pub const LOADING: i64 = -32001;
    /// The queue is full; try again after `data.retry_after_ms`.
    pub const BUSY: i64 = -32002;
    /// The server is stopping and takes no new work.
    pub const STOPPING: i64 = -32003;
    /// The token that came with the request does not allow this.
    pub const NOT_ALLOWED: i64 = -32004;
    /// The model is unavailable: `data.kind` says why.
    pub const MODEL: i64 = -32005;
}

impl RpcError {
    /// An error without details.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// Adds details for programs.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    /// −32602 with what does not fit.
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(code::INVALID_PARAMS, message)
    }

    /// −32601 for `method`.
    pub fn method_not_found(method: &str) -> Self {
        // Only as much of the client's text is repeated as can be a method's name.
        let name: String = method.chars().take(64).collect();
        Self::new(code::METHOD_NOT_FOUND, format!("there is no method {name:?}"))
    }
}
