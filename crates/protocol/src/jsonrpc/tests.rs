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
