//! Messages: what a server reads, and what a client writes.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{error::Category, value::RawValue};

use super::{
    error::{RpcError, code},
    id::readable_id,
    params::Params,
    response::{Id, Response},
};
use crate::json;

/// A request that is well-formed; without an id it is a notification and gets no response.
#[derive(Clone, Debug)]
pub struct Call {
    /// The id to answer to.
    pub id: Option<Id>,
    /// The method's name.
    pub method: String,
    /// Its parameters.
    pub params: Params,
}

/// One element of a message: a call, or the response that says why it is not one.
pub type Element = Result<Call, Response>;

/// A message, parsed.
#[derive(Debug)]
pub enum Message {
    /// A single request.
    Single(Element),
    /// A batch over the limit, and its only response.
    TooLong(Response),
    /// A batch; its responses are sent as one array.
    Batch(Vec<Element>),
}

/// Parses a message. The parameters of its calls stay text until their method is known.
///
/// What is wrong with it comes back as the response to send: −32700 for text that is not JSON, −32600 for JSON
/// that is not a request, an empty batch included. The others of a batch are not touched by a wrong one. An id that can
/// be read is answered whatever else is wrong, because a client waits for it.
pub fn parse(text: &str, max_batch: usize) -> Message {
    let text = json::without_mark(text);
    let message = match serde_json::from_str::<&RawValue>(text) {
        Ok(message) => message,
        Err(error) => {
            let error = RpcError::new(code::PARSE_ERROR, format!("the message is not JSON: {error}"));
            return Message::Single(Err(Response::new(readable_id(text), Err(error))));
        }
    };
    if !message.get().starts_with('[') {
        return Message::Single(parse_element(message));
    }
    match serde_json::from_str::<Vec<&RawValue>>(message.get()) {
        Ok(elements) if elements.is_empty() => Message::Single(Err(invalid(Id::Null, "the batch is empty"))),
        Ok(elements) if elements.len() > max_batch => Message::TooLong(invalid(
            Id::Null,
            &format!(
                "a batch of {} requests is over the limit of {max_batch}",
                elements.len()
            ),
        )),
        Ok(elements) => Message::Batch(elements.into_iter().map(parse_element).collect()),
        Err(error) => Message::Single(Err(unreadable(Id::Null, &error, "a batch is a JSON array"))),
    }
}

/// The response to bytes that are no text.
pub fn not_text(bytes: &[u8]) -> Response {
    let error = RpcError::new(code::PARSE_ERROR, "the message is not UTF-8");
    Response::new(readable_id(&String::from_utf8_lossy(bytes)), Err(error))
}

fn parse_element(element: &RawValue) -> Element {
    let object: HashMap<String, &RawValue> = serde_json::from_str(element.get()).map_err(|error| {
        let id = readable_id(element.get());
        unreadable(id, &error, "a request is a JSON object")
    })?;
    let id: Option<Id> = match object.get("id").map(|id| json::read_value(id.get())) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(error)) => {
            return Err(unreadable(
                Id::Null,
                &error,
                "id must be a string, a number or null",
            ));
        }
    };
    let answer_to = || id.clone().unwrap_or(Id::Null);
    let text = |member: &str| {
        let value = object.get(member)?;
        json::read_value::<String>(value.get()).ok()
    };
    if text("jsonrpc").as_deref() != Some("2.0") {
        return Err(invalid(answer_to(), "jsonrpc must be \"2.0\""));
    }
    let Some(method) = text("method") else {
        return Err(invalid(answer_to(), "method must be a string"));
    };
    match Params::new(object.get("params").copied()) {
        Ok(params) => Ok(Call { id, method, params }),
        Err(_) => Err(invalid(answer_to(), "params must be an object or an array")),
    }
}

fn invalid(id: Id, message: &str) -> Response {
    Response::new(id, Err(RpcError::new(code::INVALID_REQUEST, message)))
}

/// −32600 for JSON of another shape; −32700 where a text in it turns out to be broken.
fn unreadable(id: Id, error: &serde_json::Error, message: &str) -> Response {
    match error.classify() {
        Category::Data => invalid(id, message),
        Category::Syntax | Category::Eof | Category::Io => {
            let message = format!("the message is not JSON: {error}");
            Response::new(id, Err(RpcError::new(code::PARSE_ERROR, message)))
        }
    }
}

/// A request as a client writes it.
#[derive(Debug, Serialize)]
pub struct Request<'a, P> {
    jsonrpc: &'static str,
    method: &'a str,
    params: P,
    id: Id,
}

impl<'a, P: Serialize> Request<'a, P> {
    /// A call of `method` with by-name `params`.
    pub fn new(id: Id, method: &'a str, params: P) -> Self {
        Self {
            jsonrpc: "2.0",
            method,
            params,
            id,
        }
    }
}
