//! Models fetched, deleted and loaded through a running daemon.

use okibi_tests::{Hub, Machine, Wire, http, model, within};
use serde_json::{Value, json};

const NAME: &str = "someone/tiny-ruri-ONNX";

/// A daemon that serves its own folder, and a hub.
async fn started(hub: &Hub) -> Machine {
    let machine = Machine::new().with("HF_ENDPOINT", hub.endpoint());
    let folder = model::copy_tiny(&machine.path("own"));
    machine
        .run(["start".as_ref(), "-m".as_ref(), folder.as_os_str()])
        .await
        .expect(0);
    machine
}

/// Calls a method whose answer is streamed, and gives its steps.
async fn steps(wire: &mut Wire, method: &str, params: Value) -> Vec<Value> {
    let call = json!({ "jsonrpc": "2.0", "id": 77, "method": method, "params": params });
    wire.send(call.to_string()).await;
    let mut steps = Vec::new();
    loop {
        let answer = within("a step", wire.answer())
            .await
            .expect("the connection lives");
        assert_eq!(answer["id"], 77, "{answer}");
        steps.push(answer["result"].clone());
        if answer["more"] != true {
            return steps;
        }
    }
}

#[tokio::test]
async fn a_model_is_fetched_with_its_progress_used_and_deleted_over_the_wire() {
    let hub = Hub::open().await;
    let machine = started(&hub).await;
    let mut wire = machine.wire().await;
    let pulled = steps(&mut wire, "pull_model", json!({ "model": NAME })).await;
    assert_eq!(pulled[0]["stage"], "download", "{pulled:?}");
    let measured = pulled
        .iter()
        .rfind(|step| step["total"].is_u64())
        .expect("a measure");
    assert_eq!(measured["done"], measured["total"]);
    let last = pulled.last().unwrap();
    assert_eq!((&last["type"], &last["model"]), (&json!("pulled"), &json!(NAME)));
    assert!(last["fetched_bytes"].as_u64().unwrap() > 1_000_000, "{last}");

    let loaded = steps(&mut wire, "load_model", json!({ "model": NAME })).await;
    let last = loaded.last().unwrap();
    assert_eq!(
        (&last["type"], &last["current"]),
        (&json!("loaded"), &json!(true))
    );
    let error = wire.error("remove_model", json!({ "model": NAME })).await;
    assert_eq!(error["data"]["kind"], "in_use", "{error}");
    let own = machine.path("own");
    steps(&mut wire, "load_model", json!({ "model": own })).await;
    let removed = wire.call("remove_model", json!({ "model": NAME })).await;
    assert!(removed["freed_bytes"].as_u64().unwrap() > 1_000_000, "{removed}");
    let error = wire.error("embed", json!({ "input": "x", "model": NAME })).await;
    assert_eq!(error["code"], -32602, "nothing is fetched for a request: {error}");
}

#[tokio::test]
async fn a_pull_ends_with_its_client_and_goes_on_where_it_was() {
    let hub = Hub::that_waits().await;
    let machine = started(&hub).await;
    let mut wire = machine.wire().await;
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "pull_model", "params": { "model": NAME } });
    wire.send(call.to_string()).await;
    within("something has come", async {
        loop {
            let step = wire.answer().await.expect("the connection lives");
            if step["result"]["done"].as_u64().is_some_and(|done| done > 500_000) {
                return;
            }
        }
    })
    .await;
    drop(wire);
    hub.go_on();
    let pulled = machine.run(["models", "pull", NAME, "--json"]).await.expect(0);
    let last: Value = serde_json::from_str(pulled.out().lines().last().unwrap()).unwrap();
    let (size, fetched) = (
        last["size_bytes"].as_u64().unwrap(),
        last["fetched_bytes"].as_u64().unwrap(),
    );
    assert!(fetched < size, "what had come was not fetched again: {last}");
}

#[tokio::test]
async fn ollamas_clients_pull_and_delete_too() {
    let hub = Hub::open().await;
    let machine = started(&hub).await;
    let port = machine.port();
    // A role behind the name means the model.
    let role = json!({ "model": format!("{NAME}:query") });
    let pull = http::json(port, "POST", "/api/pull", &role).await;
    assert_eq!(pull.status, 200, "{pull:?}");
    let statuses: Vec<Value> = json_lines(&pull.body);
    assert!(
        statuses.iter().any(|line| line["completed"].is_u64()),
        "{statuses:?}"
    );
    assert_eq!(statuses.last().unwrap()["status"], "success");
    let tags = http::get(port, "/api/tags").await.json();
    let names: Vec<&str> = tags["models"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["name"].as_str())
        .collect();
    assert!(names.contains(&NAME), "{names:?}");
    let again = json!({ "model": format!("{NAME}:latest"), "stream": false });
    let again = http::json(port, "POST", "/api/pull", &again).await;
    assert_eq!((again.status, &again.json()["status"]), (200, &json!("success")));
    let embedded = http::json(
        port,
        "POST",
        "/api/embed",
        &json!({ "model": NAME, "input": "x", "keep_alive": 0 }),
    )
    .await;
    assert_eq!(embedded.status, 200, "{embedded:?}");
    http::json(
        port,
        "POST",
        "/rpc",
        &json!({ "jsonrpc": "2.0", "id": 1, "method": "unload_model", "params": [NAME] }),
    )
    .await;
    let deleted = http::json(port, "DELETE", "/api/delete", &json!({ "model": NAME })).await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    let again = http::json(port, "DELETE", "/api/delete", &json!({ "model": NAME })).await;
    assert_eq!(again.status, 404, "{again:?}");
    let unknown = http::json(
        port,
        "POST",
        "/api/pull",
        &json!({ "model": "nonsense", "stream": false }),
    )
    .await;
    assert_eq!(unknown.status, 404, "{unknown:?}");
}

/// The lines of NDJSON, from a body that came in chunks.
fn json_lines(body: &str) -> Vec<Value> {
    body.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(Value::is_object)
        .collect()
}

#[tokio::test]
async fn a_hub_that_says_nothing_holds_up_nobody_but_those_who_wait_for_it() {
    /// Texts of more bytes than are tokenized at once.
    const LONG: usize = 8000;
    let hub = Hub::that_waits().await;
    let machine = started(&hub).await;
    let port = machine.port();
    let mut pulling = Vec::new();
    for number in 0..64 {
        let mut wire = machine.wire().await;
        let model = format!("someone/tiny-ruri-{number}-ONNX");
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "pull_model", "params": { "model": model } });
        wire.send(call.to_string()).await;
        pulling.push(wire);
    }
    let mut refused = 0;
    let mut waiting = Vec::new();
    for mut wire in pulling {
        let first = within("a step or a refusal", wire.answer()).await.unwrap();
        match first["error"]["data"]["kind"].as_str() {
            Some("busy") => refused += 1,
            None => waiting.push(wire),
            other => panic!("{other:?}: {first}"),
        }
    }
    assert_eq!((waiting.len(), refused), (4, 60));
    let long = "灰 ".repeat(LONG / 4);
    let embedded = http::json(port, "POST", "/v1/embeddings", &json!({ "input": [long] })).await;
    assert_eq!(embedded.status, 200, "{}", embedded.body);
    assert_eq!(http::get(port, "/api/tags").await.status, 200);
    machine.run(["models"]).await.expect(0);
    // Those who leave make room for others.
    drop(waiting);
    hub.go_on();
    machine.run(["models", "pull", NAME]).await.expect(0);
}
