//! The framing against the specification's own examples.

use serde_json::Value;

use super::*;

/// The parameters of the method `echo`.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Echo {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    a: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    b: Option<Value>,
}

/// Answers as a server with one method `echo` would, to compare with the specification's own examples.
fn serve(text: &str) -> Option<String> {
    let answer = |element: Element| match element {
        Err(response) => Some(response),
        Ok(call) => {
            let outcome = match call.method.as_str() {
                "echo" => call.params.parse::<Echo>().and_then(|params| raw_result(&params)),
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
    // One letter too few in an escape.
    assert_eq!(
        code_and_id(r#"{"jsonrpc":"2.0","method":"echo","params":["\ud80"],"id":1}"#),
        (code::PARSE_ERROR, 1.into())
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
fn an_id_that_can_be_read_is_answered_whatever_else_is_wrong() {
    for (request, id) in [
        // A comma too many, before the id and behind it.
        (r#"{"method":"echo","params":{"a":[1,]},"id":7}"#, Value::from(7)),
        (
            r#"{"id":"seven","method":"echo","params":{"a":[1,]}}"#,
            "seven".into(),
        ),
        // A line break in a text, and the end of the message missing.
        (
            "{\"params\":[\"a\nb\"], \"id\" : 7, \"jsonrpc\":\"2.0\"",
            7.into(),
        ),
        // Python's way to write what is no number.
        (
            r#"{"jsonrpc":"2.0","id":-7.5,"method":"echo","params":{"a":NaN}}"#,
            (-7.5).into(),
        ),
        // Half a surrogate pair in the id itself, in a name and beside it.
        (
            r#"{"jsonrpc":"2.0","id":"\ud83d","method":"no_such"}"#,
            "\u{fffd}".into(),
        ),
        (
            r#"{"\udc00":1,"jsonrpc":"2.0","id":7,"method":"no_such"}"#,
            7.into(),
        ),
        // An id that stands elsewhere is not one, nor is a text that looks like one.
        (r#"{"params":{"id":7},}"#, Value::Null),
        (r#"{"params":["\"id\":7"],"id" 7}"#, Value::Null),
        (r#"{"id":,"method":"echo"}"#, Value::Null),
        (r#"{"id":[7],"method":}"#, Value::Null),
    ] {
        let response: Value = serde_json::from_str(&serve(request).unwrap()).unwrap();
        assert_eq!(response["id"], id, "{request}: {response}");
        assert!(response["error"]["code"].is_i64(), "{request}: {response}");
    }
    let response = not_text(b"{\"id\":7,\"method\":\"echo\",\"params\":[\"\xff\"]}").to_text();
    let response: Value = serde_json::from_str(&response).unwrap();
    assert_eq!(
        (&response["id"], &response["error"]["code"]),
        (&7.into(), &code::PARSE_ERROR.into())
    );
}

#[test]
fn half_a_surrogate_pair_and_a_byte_order_mark_hinder_no_call() {
    for (request, response) in [
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"echo","params":{"a":["ok","cut \ud83d"]}}"#,
            r#"{"jsonrpc":"2.0","result":{"a":["ok","cut \u{fffd}"]},"id":7}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"echo","params":["\ude00\ud83d\ude00\ud83d"]}"#,
            r#"{"jsonrpc":"2.0","result":{"a":"\u{fffd}😀\u{fffd}"},"id":7}"#,
        ),
        (
            "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"echo\"}",
            r#"{"jsonrpc":"2.0","result":{},"id":7}"#,
        ),
    ] {
        assert_eq!(
            serve(request).unwrap(),
            response.replace("\\u{fffd}", "\u{fffd}"),
            "{request}"
        );
    }
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
