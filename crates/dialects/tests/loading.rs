//! The answers while a model loads.
// Helpers fail by panicking, as the tests do.
#![allow(clippy::unwrap_used)]

use okibi_dialects::loading::{health_response, loading_answer};
use okibi_protocol::{
    jsonrpc::code,
    method::{RunState, Status},
};
use serde_json::json;

fn status(state: RunState) -> Status {
    serde_json::from_value(json!({
        "status": state, "ready": state == RunState::Running, "server_type": "okibi-front", "model": "m", "pid": 1,
        "version": "0", "uptime_ms": 5,
        "stages": [{"stage": "tokenizer", "state": "finished", "elapsed_ms": 3},
            {"stage": "model", "state": "started", "elapsed_ms": 1}],
    }))
    .expect("a status")
}

#[test]
fn methods_get_the_state_of_the_load() {
    let loading = status(RunState::Starting);
    assert!(
        loading_answer("get_status", &loading)
            .unwrap()
            .get()
            .contains("\"starting\"")
    );
    assert_eq!(
        loading_answer("check_init", &loading).unwrap().get(),
        r#"{"status":"init_in_progress"}"#
    );
    for method in ["embed", "embed_text"] {
        let error = loading_answer(method, &loading).unwrap_err();
        let data = error.data.unwrap();
        assert_eq!((error.code, &data["stage"]), (code::LOADING, &json!("model")));
        let thousandths = data["fraction"].as_f64().unwrap() * 1000.0;
        assert!(
            thousandths > 0.0 && (thousandths - thousandths.round()).abs() < 1e-9,
            "{data}"
        );
        assert_eq!(data["stages"].as_array().unwrap().len(), 2);
    }
    assert_eq!(
        loading_answer("other", &loading).unwrap_err().code,
        code::METHOD_NOT_FOUND
    );
    assert_eq!(
        loading_answer("embed", &status(RunState::Stopping))
            .unwrap_err()
            .code,
        code::STOPPING
    );
    let failed = Status {
        error: Some("no such file".into()),
        ..status(RunState::Failed)
    };
    assert!(
        loading_answer("embed", &failed)
            .unwrap_err()
            .message
            .contains("no such file")
    );
}

#[test]
fn health_is_503_with_a_retry_hint_until_ready() {
    let loading = health_response(&status(RunState::Starting));
    assert_eq!(
        (loading.status().as_u16(), &loading.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    let ready = health_response(&status(RunState::Running));
    assert_eq!(
        (ready.status().as_u16(), ready.headers().get("retry-after")),
        (200, None)
    );
}
