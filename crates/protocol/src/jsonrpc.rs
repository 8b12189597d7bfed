//! JSON-RPC 2.0 framing: text in, calls out; results in, text out.
//!
//! Source: the JSON-RPC 2.0 specification (jsonrpc.org/specification). One extension, used only by methods
//! whose documentation says so: a large result may come as several responses with the same `id`, each with a
//! top-level `"more": true` until the last one has `"more": false`.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, value::RawValue};

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

impl Id {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Null),
            Value::Number(number) => Some(Self::Number(number.clone())),
            Value::String(text) => Some(Self::String(text.clone())),
            _ => None,
        }
    }
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

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
    /// A model cannot be had: `data.kind` says why.
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
        // A caller's word is echoed only so far as it can be a method's name.
        let name: String = method.chars().take(64).collect();
        Self::new(code::METHOD_NOT_FOUND, format!("there is no method {name:?}"))
    }
}

/// The `params` of a call.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Params {
    /// Left out.
    #[default]
    None,
    /// By position.
    Positional(Vec<Value>),
    /// By name.
    Named(Map<String, Value>),
}

impl Params {
    /// Reads the parameters as `T`, whose fields by position are `names`.
    ///
    /// Errors: −32602 that says which parameter is wrong.
    pub fn parse<T: DeserializeOwned>(self, names: &[&str]) -> Result<T, RpcError> {
        let named = match self {
            Self::None => Map::new(),
            Self::Named(named) => named,
            Self::Positional(values) if values.len() > names.len() => {
                return Err(RpcError::invalid_params(format!(
                    "{} parameters are too many: this method takes {} ({})",
                    values.len(),
                    names.len(),
                    names.join(", ")
                )));
            }
            Self::Positional(values) => names.iter().map(|name| (*name).to_owned()).zip(values).collect(),
        };
        serde_json::from_value(Value::Object(named))
            .map_err(|error| RpcError::invalid_params(without_texts(&error)))
    }
}

/// Bytes of an unknown name that a message repeats: a name is short, a text may be private.
const REPEATED: usize = 32;

/// What is wrong with JSON, without the values that stand in it: a user's text belongs in no message and no log.
pub fn without_texts(error: &serde_json::Error) -> String {
    let message = error.to_string();
    // serde's wording: `invalid type: string "…", expected a number`.
    if let Some((before, rest)) = message.split_once("string \"") {
        let after = rest.rfind("\", expected").map_or("", |at| &rest[at + 1..]);
        return format!("{before}a text{after}");
    }
    // `unknown variant `…`, expected one of …`, `unknown field `…`, expected …`.
    for (start, kind) in [("unknown variant `", "value"), ("unknown field `", "field")] {
        if let Some(rest) = message.strip_prefix(start)
            && let Some(end) = rest.rfind("`, expected")
        {
            let name = &rest[..end];
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
            if kind == "value" || name.len() > REPEATED || !name.chars().all(is_name) {
                return format!("unknown {kind}{}", &rest[end + 1..]);
            }
        }
    }
    message
}

/// A request that is well-formed; without an id it is a notification and gets no response.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The id to answer to.
    pub id: Option<Id>,
    /// The method's name.
    pub method: String,
    /// Its parameters.
    pub params: Params,
}

/// One element of a message: a call, or the response that says why it is none.
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

/// Parses a message.
///
/// What is wrong with it comes back as the response to send: −32700 for text that is not JSON, −32600 for JSON
/// that is no request, an empty batch included. The others of a batch are not touched by a wrong one.
pub fn parse(text: &str, max_batch: usize) -> Message {
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value) => value,
        Err(error) => {
            let error = RpcError::new(code::PARSE_ERROR, format!("the message is not JSON: {error}"));
            return Message::Single(Err(Response::new(Id::Null, Err(error))));
        }
    };
    match value {
        Value::Array(elements) if elements.is_empty() => {
            Message::Single(Err(invalid(Id::Null, "the batch is empty")))
        }
        Value::Array(elements) if elements.len() > max_batch => Message::TooLong(invalid(
            Id::Null,
            &format!(
                "a batch of {} requests is over the limit of {max_batch}",
                elements.len()
            ),
        )),
        Value::Array(elements) => Message::Batch(elements.into_iter().map(parse_element).collect()),
        single => Message::Single(parse_element(single)),
    }
}

fn parse_element(value: Value) -> Element {
    let Value::Object(mut object) = value else {
        return Err(invalid(Id::Null, "a request is a JSON object"));
    };
    let id = match object.get("id").map(Id::from_value) {
        Some(None) => return Err(invalid(Id::Null, "id must be a string, a number or null")),
        Some(id) => id,
        None => None,
    };
    let answer_to = id.clone().unwrap_or(Id::Null);
    if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(invalid(answer_to, "jsonrpc must be \"2.0\""));
    }
    let Some(Value::String(method)) = object.remove("method") else {
        return Err(invalid(answer_to, "method must be a string"));
    };
    let params = match object.remove("params") {
        None | Some(Value::Null) => Params::None,
        Some(Value::Array(values)) => Params::Positional(values),
        Some(Value::Object(named)) => Params::Named(named),
        Some(_) => return Err(invalid(answer_to, "params must be an object or an array")),
    };
    Ok(Call { id, method, params })
}

fn invalid(id: Id, message: &str) -> Response {
    Response::new(id, Err(RpcError::new(code::INVALID_REQUEST, message)))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers as a server with one method `echo` would, to compare with the specification's own examples.
    fn serve(text: &str) -> Option<String> {
        let answer = |element: Element| match element {
            Err(response) => Some(response),
            Ok(call) => {
                let outcome = match call.method.as_str() {
                    "echo" => call
                        .params
                        .parse::<Value>(&["a", "b"])
                        .and_then(|params| raw_result(&params)),
                    other => Err(RpcError::method_not_found(other)),
                };
                call.id.map(|id| Response::new(id, outcome))
            }
        };
        match parse(text, 10) {
            Message::Single(element) => answer(element).map(|response| response.to_text()),
            Message::TooLong(response) => Some(response.to_text()),
            Message::Batch(elements) => {
                let responses: Vec<_> = elements.into_iter().filter_map(answer).collect();
                (!responses.is_empty()).then(|| batch_text(&responses))
            }
        }
    }

    #[test]
    fn single_calls_by_name_by_position_and_without_parameters() {
        for (request, response) in [
            (
                r#"{"jsonrpc":"2.0","method":"echo","params":{"a":1},"id":1}"#,
                r#"{"jsonrpc":"2.0","result":{"a":1},"id":1}"#,
            ),
            (
                r#"{"jsonrpc":"2.0","method":"echo","params":[1,"x"],"id":"s"}"#,
                r#"{"jsonrpc":"2.0","result":{"a":1,"b":"x"},"id":"s"}"#,
            ),
            (
                r#"{"jsonrpc":"2.0","method":"echo","id":null}"#,
                r#"{"jsonrpc":"2.0","result":{},"id":null}"#,
            ),
            (
                r#"{"jsonrpc":"2.0","method":"echo","id":1.5}"#,
                r#"{"jsonrpc":"2.0","result":{},"id":1.5}"#,
            ),
        ] {
            assert_eq!(serve(request).as_deref(), Some(response));
        }
    }

    #[test]
    fn notifications_get_no_response_even_when_wrong() {
        assert_eq!(serve(r#"{"jsonrpc":"2.0","method":"echo"}"#), None);
        assert_eq!(serve(r#"{"jsonrpc":"2.0","method":"no_such"}"#), None);
        assert_eq!(
            serve(r#"[{"jsonrpc":"2.0","method":"echo"},{"jsonrpc":"2.0","method":"echo"}]"#),
            None
        );
    }

    #[test]
    fn errors_have_the_codes_of_the_specification() {
        let code_and_id = |text: &str| {
            let response: Value = serde_json::from_str(&serve(text).unwrap()).unwrap();
            (
                response["error"]["code"].as_i64().unwrap(),
                response["id"].clone(),
            )
        };
        assert_eq!(
            code_and_id(r#"{"jsonrpc":"2.0","method"#),
            (code::PARSE_ERROR, Value::Null)
        );
        assert_eq!(
            code_and_id(r#"{"jsonrpc":"2.0","method":"echo","params":["\ud800"],"id":1}"#).0,
            code::PARSE_ERROR
        );
        assert_eq!(code_and_id("[]"), (code::INVALID_REQUEST, Value::Null));
        assert_eq!(code_and_id("3"), (code::INVALID_REQUEST, Value::Null));
        assert_eq!(
            code_and_id(r#"{"jsonrpc":"2.0","method":1,"params":"bar"}"#),
            (code::INVALID_REQUEST, Value::Null)
        );
        assert_eq!(
            code_and_id(r#"{"jsonrpc":"2.0","method":"echo","params":"bar","id":7}"#),
            (code::INVALID_REQUEST, 7.into())
        );
        assert_eq!(
            code_and_id(r#"{"jsonrpc":"1.0","method":"echo","id":7}"#),
            (code::INVALID_REQUEST, 7.into())
        );
        assert_eq!(
            code_and_id(r#"{"jsonrpc":"2.0","method":"echo","id":{}}"#),
            (code::INVALID_REQUEST, Value::Null)
        );
        assert_eq!(
            code_and_id(r#"{"jsonrpc":"2.0","method":"x","id":7}"#),
            (code::METHOD_NOT_FOUND, 7.into())
        );
        assert_eq!(
            code_and_id(r#"{"jsonrpc":"2.0","method":"echo","params":[1,2,3],"id":7}"#),
            (code::INVALID_PARAMS, 7.into())
        );
    }

    #[test]
    fn wrong_elements_of_a_batch_touch_no_other() {
        let answers: Value = serde_json::from_str(
            &serve(r#"[1,{"jsonrpc":"2.0","method":"echo","id":2},{"foo":"boo"}]"#).unwrap(),
        )
        .unwrap();
        assert_eq!(answers.as_array().unwrap().len(), 3);
        assert_eq!(answers[0]["error"]["code"], code::INVALID_REQUEST);
        assert_eq!(answers[1]["id"], 2);
        assert_eq!(answers[2]["error"]["code"], code::INVALID_REQUEST);
    }

    #[test]
    fn a_batch_over_the_limit_is_one_error() {
        let big = format!("[{}]", ["1"; 11].join(","));
        let answer: Value = serde_json::from_str(&serve(&big).unwrap()).unwrap();
        assert_eq!(answer["error"]["code"], code::INVALID_REQUEST);
    }

    #[test]
    fn a_streamed_response_says_whether_more_follow() {
        let response = Response::new(Id::from(4), raw_result(&[1])).with_more(true);
        assert_eq!(
            response.to_text(),
            r#"{"jsonrpc":"2.0","result":[1],"id":4,"more":true}"#
        );
        let received: Received = serde_json::from_str(&response.to_text()).unwrap();
        assert!(received.more && received.error.is_none() && received.id == Some(Id::from(4)));
    }

    #[test]
    fn what_a_user_wrote_is_in_no_message() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        #[expect(dead_code, reason = "only its errors are looked at")]
        struct Read {
            number: u32,
            choice: Choice,
        }
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Choice {
            One,
        }
        for json in [
            r#"{"number": "山と川, expected", "choice": "one"}"#,
            r#"{"number": 1, "choice": "山と川"}"#,
            r#"{"number": 1, "choice": "one", "山と川": 1}"#,
        ] {
            let message = without_texts(&serde_json::from_str::<Read>(json).unwrap_err());
            assert!(
                !message.contains('山') && message.contains("expected"),
                "{message}"
            );
        }
        let named = serde_json::from_str::<Read>(r#"{"nubmer": 1}"#).unwrap_err();
        assert!(without_texts(&named).contains("nubmer"));
    }
}
