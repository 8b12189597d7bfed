//! JSON-RPC 2.0 framing: text in, calls out; results in, text out.
//!
//! - [`RpcError`] and [`code`]: error objects and their codes
//! - [`Params`]: the parameters of a call, read straight from the text into their type
//! - [`parse`]: a message as calls
//! - [`Response`], [`Request`], [`Received`]: what each side writes and reads
//!
//! Source: the JSON-RPC 2.0 specification (jsonrpc.org/specification). One extension, used only by methods
//! whose documentation says so: a large result may come as several responses with the same `id`, each with a
//! top-level `"more": true` until the last one has `"more": false`.

mod error;
mod id;
mod message;
mod params;
mod response;
#[cfg(test)]
mod tests;

pub use self::{
    error::{RpcError, code},
    message::{Call, Element, Message, Request, not_text, parse},
    params::Params,
    response::{Id, Received, Response, batch_text, raw_result},
};
