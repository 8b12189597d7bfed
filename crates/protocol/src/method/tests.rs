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
