//! Answers: what a server writes, and what a client reads.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::{RpcError, code};

/// The `id` of a request, echoed in its response.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// JSON `null`: allowed, though discouraged by the specification; not the same as no id.
    Null,
    /// A number.
    Number(serde_json::Number),
    /// A string.
    String(String),
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

/// A response. `result` is JSON text, so that a large one is written once.
#[derive(Debug, Serialize)]
pub struct Response {
    jsonrpc: &'static str,
    #[serde(flatten)]
    outcome: Outcome,
    id: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Result(Box<RawValue>),
    Error(RpcError),
}

impl Response {
    /// The only response to a call.
    pub fn new(id: Id, outcome: Result<Box<RawValue>, RpcError>) -> Self {
        let outcome = match outcome {
            Ok(result) => Outcome::Result(result),
            Err(error) => Outcome::Error(error),
        };
        Self {
            jsonrpc: "2.0",
            outcome,
            id,
            more: None,
        }
    }

    /// Marks this as one of several responses to the same call.
    #[must_use]
    pub fn with_more(mut self, more: bool) -> Self {
        self.more = Some(more);
        self
    }

    /// The response as JSON text.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a response has only string keys")
    }
}

/// The responses of a batch as JSON text: one array.
pub fn batch_text(responses: &[Response]) -> String {
    serde_json::to_string(responses).expect("a response has only string keys")
}

/// Writes a result as JSON text.
pub fn raw_result<T: Serialize>(result: &T) -> Result<Box<RawValue>, RpcError> {
    serde_json::value::to_raw_value(result).map_err(|error| {
        RpcError::new(
            code::INTERNAL_ERROR,
            format!("the result cannot be written: {error}"),
        )
    })
}

/// What a client receives: a response, or a notification of a subscription.
#[derive(Debug, Deserialize)]
pub struct Received {
    /// The id of the call it answers; absent in a notification.
    #[serde(default)]
    pub id: Option<Id>,
    /// The result, where there is one.
    #[serde(default)]
    pub result: Option<Box<RawValue>>,
    /// The error, where there is one.
    #[serde(default)]
    pub error: Option<RpcError>,
    /// Whether more responses with this id follow.
    #[serde(default)]
    pub more: bool,
    /// The method, in a notification.
    #[serde(default)]
    pub method: Option<String>,
    /// The parameters, in a notification.
    #[serde(default)]
    pub params: Option<Box<RawValue>>,
}
