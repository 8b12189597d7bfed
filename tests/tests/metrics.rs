//! What `/metrics` counts, of requests that fail too.

use okibi_tests::{Machine, http};
use serde_json::{Value, json};

/// Asserts that each of these lines is in the metrics.
#[track_caller]
fn assert_has(metrics: &str, lines: &[&str]) {
    for line in lines {
        assert!(
            metrics.lines().any(|known| known == *line),
            "{line} is not in\n{metrics}"
        );
    }
}

async fn metrics(machine: &Machine) -> String {
    http::get(machine.port(), "/metrics").await.body
}

#[tokio::test]
async fn every_answer_is_counted_also_one_that_fails_before_the_engine() {
    let machine = Machine::tiny_with("").await;
    let unknown = json!({"model": "no-such-model", "input": "熾火"});
    for path in ["/v1/embeddings", "/api/embed", "/api/embeddings"] {
        let reply = http::json(machine.port(), "POST", path, &unknown).await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.body);
    }
    let not_json = http::exchange(machine.port(), "POST /embed HTTP/1.1\r\nHost: localhost\r\n", "{").await;
    assert_eq!(not_json.status, 400);
    let mut wire = machine.wire().await;
    let wrong: [Value; 3] = [
        json!({"input": ["a", ""], "stream": true}),
        json!({"input": "a", "model": "no-such-model"}),
        json!({"inputs": "a"}),
    ];
    for params in wrong {
        let response = wire.response("embed", params).await;
        assert!(response["error"].is_object(), "{response}");
    }
    assert_has(
        &metrics(&machine).await,
        &[
            "okibi_requests_total{dialect=\"openai\",outcome=\"invalid\"} 1",
            "okibi_requests_total{dialect=\"ollama\",outcome=\"invalid\"} 2",
            "okibi_requests_total{dialect=\"tei\",outcome=\"invalid\"} 1",
            "okibi_requests_total{dialect=\"jsonrpc\",outcome=\"invalid\"} 3",
            "okibi_texts_total 0",
        ],
    );
}

#[tokio::test]
async fn a_streamed_answer_is_one_request() {
    let machine = Machine::tiny_with("").await;
    let mut wire = machine.wire().await;
    let texts = vec!["a"; 3000];
    let id = wire.begin("embed", json!({"input": texts, "stream": true})).await;
    loop {
        let chunk = wire.answer().await.expect("it is answered to its end");
        assert_eq!(chunk["id"], id);
        if chunk["more"] == json!(false) {
            break;
        }
    }
    assert_has(
        &metrics(&machine).await,
        &[
            "okibi_requests_total{dialect=\"jsonrpc\",outcome=\"ok\"} 1",
            "okibi_request_seconds_count{dialect=\"jsonrpc\"} 1",
            "okibi_texts_total 3000",
        ],
    );
}

#[tokio::test]
async fn what_only_grows_is_a_counter() {
    let machine = Machine::tiny_with("").await;
    let metrics = metrics(&machine).await;
    for name in [
        "connections_accepted",
        "connections_turned_away",
        "websockets_opened",
        "clients_dropped",
        "refused",
    ] {
        assert_has(&metrics, &[&format!("# TYPE okibi_{name} counter")]);
        assert!(
            metrics
                .lines()
                .any(|line| line.starts_with(&format!("okibi_{name}_total"))),
            "{name} is not in\n{metrics}"
        );
    }
    assert!(
        !metrics.contains("okibi_requests_refused"),
        "`okibi_refused_total` has it"
    );
}
