use serde_json::{Value, json};

use super::*;
use crate::{
    jsonrpc::{Call, Message, RpcError, code, parse},
    vector::Encoding,
};

/// The parameters of a call, read as the server reads them.
fn read<M: Method>(params: &Value) -> Result<M::Params, RpcError> {
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": M::NAME, "params": params});
    let Message::Single(Ok(Call { params, .. })) = parse(&request.to_string(), 1) else {
        panic!("{request} is a call")
    };
    params.parse()
}

#[test]
fn embed_takes_one_text_or_a_list_by_name_and_by_position() {
    let one = read::<Embed>(&json!(["text", "query"])).unwrap();
    assert_eq!(one.input.into_texts(), ["text"]);
    assert_eq!(one.input_type, InputType::Query);
    let many = read::<Embed>(&json!({"input": ["a", "b"], "encoding": "base64"})).unwrap();
    assert_eq!(
        (many.normalize, many.truncate, many.encoding),
        (true, true, Encoding::Base64)
    );
    assert_eq!(many.input.into_texts(), ["a", "b"]);
}

#[test]
fn a_wrong_parameter_is_named_and_no_text_is_repeated() {
    for (params, named) in [
        (json!({"input": "a", "inptu_type": "query"}), "inptu_type"),
        (
            json!({"input": "a", "input_type": "question"}),
            "input_type: unknown value",
        ),
        (
            json!({"input": 3}),
            "input: invalid type: integer `3`, expected a string or a list of strings",
        ),
        (
            json!({"input": ["a", 7]}),
            "input: invalid type: integer `7`, expected a string",
        ),
        (json!({"normalize": true}), "`input`"),
        // By position, a value that stands where another parameter belongs.
        (
            json!(["a", "none", true, null, true, "float", "mean"]),
            "stream: invalid type: a text, expected a boolean",
        ),
        (
            json!(["a", "none", "秘密"]),
            "normalize: invalid type: a text, expected a boolean",
        ),
        (json!([]), "`input`"),
        (
            json!(["a", "none", true, null, true, "float", false, null, null, 10]),
            "10 parameters are too many: this method takes 9 (input, input_type, normalize, dimensions, truncate, \
             encoding, stream, overflow, model)",
        ),
    ] {
        let error = read::<Embed>(&params).unwrap_err();
        assert_eq!(error.code, code::INVALID_PARAMS, "{params}");
        assert!(error.message.contains(named), "{params}: {}", error.message);
        for hidden in ["question", "秘密", "line 1"] {
            assert!(!error.message.contains(hidden), "{params}: {}", error.message);
        }
    }
    let error = read::<LoadModel>(&json!(["e5", "int9"])).unwrap_err();
    assert!(error.message.contains("variant: "), "{error}");
}

#[test]
fn a_method_without_parameters_ignores_those_that_come() {
    for params in [json!([1, 2]), json!({"a": 1}), json!([]), Value::Null] {
        read::<GetStatus>(&params).unwrap();
    }
}

#[test]
fn every_method_is_found_by_its_own_name() {
    for method in AnyMethod::ALL {
        assert_eq!(AnyMethod::find(method.name()), Some(*method));
    }
    assert_eq!(AnyMethod::find("no_such"), None);
}

#[test]
fn small_results_have_the_original_json() {
    assert_eq!(
        serde_json::to_string(&InitState::InitInProgress).unwrap(),
        r#"{"status":"init_in_progress"}"#
    );
    assert_eq!(
        serde_json::to_string(&Stopping::Stopping).unwrap(),
        r#"{"status":"stopping"}"#
    );
}

#[test]
fn an_activity_has_the_json_that_clients_read() {
    let activity = json!({
        "clients": [{
            "client": "openai-python", "program": "python3", "pid": 7, "address": "127.0.0.1", "dialect": "openai",
            "connections": 1, "last_seen_ms": 3, "requests": 2, "texts": 5, "tokens": 40, "errors": 1,
            "models": [{"model": "e5", "space": "0123", "last_used_ms": 3}],
        }],
        "queue": {"requests": 1, "texts": 100},
        "jobs": [{"client": "indexer", "model": "e5", "done": 64, "total": 100, "began_ms": 1}],
        "requests": [
            {"at_ms": 3, "client": "openai-python", "dialect": "openai", "model": "e5", "texts": 5, "tokens": 40,
             "truncated": 0, "took_ms": 1.5, "status": 200},
            {"at_ms": 2, "client": "Firefox", "dialect": "ollama", "texts": 0, "tokens": 0, "truncated": 0,
             "took_ms": 0.0, "status": 403, "error": "foreign_origin", "refusal": "origin",
             "origin": "https://example.org"},
        ],
    });
    let read: Activity = serde_json::from_value(activity.clone()).unwrap();
    assert_eq!(read.requests[1].refusal, Some(Refusal::Origin));
    assert_eq!(serde_json::to_value(&read).unwrap(), activity);
}
