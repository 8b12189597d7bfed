//! The parameters of a call: kept as JSON text, and read from it straight into their type.
//!
//! Lists of texts are the main load of the server, so no tree of values is built in between.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::error::{RpcError, code};
use crate::json;

/// The `params` of a call: an array by position, an object by name, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Params(Option<Box<RawValue>>);

/// `params` that are neither an array nor an object.
#[derive(Debug)]
pub(super) struct NotParams;

impl Params {
    /// Takes `params` as they stand in a message; `null` is the same as none.
    pub(super) fn new(params: Option<&RawValue>) -> Result<Self, NotParams> {
        match params.map(|params| (params, params.get().as_bytes()[0])) {
            None | Some((_, b'n')) => Ok(Self(None)),
            Some((params, b'[' | b'{')) => Ok(Self(Some(params.to_owned()))),
            Some(_) => Err(NotParams),
        }
    }

    /// The parameters as JSON text, where there are any.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref().map(RawValue::get)
    }

    /// Reads the parameters as `T`, whose fields in their order are the parameters by position.
    ///
    /// Errors: −32602 that names the parameter that is wrong; −32700 for a text with a broken escape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, RpcError> {
        let read = match self.text() {
            Some(text) if text.starts_with('[') => json::read_list(text),
            text => json::read(text.unwrap_or("{}").as_bytes()),
        };
        read.map_err(|error| {
            let code = match error.is_syntax {
                // The message was scanned for its structure only; a broken escape in a text shows here.
                true => code::PARSE_ERROR,
                false => code::INVALID_PARAMS,
            };
            RpcError::new(code, error.to_string())
        })
    }
}
