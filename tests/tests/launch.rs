//! From a cold start to a vector and back to a free port.

use okibi_tests::{Machine, eventually, http, model, vector, within};
use serde_json::json;

/// The arguments that start a daemon with the tiny model.
fn start_tiny() -> [String; 3] {
    ["start".into(), "-m".into(), model::tiny().display().to_string()]
}

#[tokio::test]
async fn a_cold_start_gives_a_vector_and_a_stop_gives_the_port_back() {
    let machine = Machine::new();
    let started = machine.run(start_tiny()).await.expect(0);
    assert!(started.out().contains("Ready in"), "{}", started.out());
    assert_eq!(started.err(), "", "nothing to complain about");

    let mut wire = machine.wire().await;
    for entry in model::tiny_reference() {
        let result = wire.call("embed_text", json!({"text": entry.text})).await;
        let found = vector::from_embed_text(&result);
        vector::assert_same(&found, &entry.vector, &entry.text);
        assert!((vector::length(&found) - 1.0).abs() < 1e-5, "unit length");
    }
    let status = machine.status().await;
    assert_eq!(machine.daemons(), [status.pid]);

    machine
        .run(["stop"])
        .await
        .expect(0)
        .shows(&format!("port {} is free", machine.port()));
    machine.assert_nothing_left();
    machine.run(["stop"]).await.expect(0).shows("not running");
}

#[tokio::test]
async fn the_embedded_model_starts_without_being_named() {
    let machine = Machine::new();
    machine
        .run(["start"])
        .await
        .expect(0)
        .shows("multilingual-e5-small");
    let mut wire = machine.wire().await;
    for entry in model::embedded_reference().iter().take(6) {
        let kind = entry.kind.as_deref().map_or("none", |kind| match kind {
            "passage" => "document",
            other => other,
        });
        let params = json!({"input": entry.text, "input_type": kind});
        let result = wire.call("embed", params).await;
        assert_eq!(result["tokens"], json!([entry.tokens]));
        let found = vector::from_json(&result["vectors"][0]);
        let cosine = vector::cosine(&found, &entry.vector);
        assert!(cosine >= 0.997, "{}: {cosine}", entry.text);
    }
    machine.run(["stop"]).await.expect(0);
    machine.assert_nothing_left();
}

#[tokio::test]
async fn a_second_start_says_that_it_runs_and_one_with_another_model_says_how_to_change() {
    let machine = Machine::new();
    let first = machine.start_tiny().await;
    machine.run(start_tiny()).await.expect(0).shows("Already running");
    machine.run(["start"]).await.expect(0).shows("tiny-ruri");
    machine
        .run(["start", "-m", "multilingual-e5-small"])
        .await
        .expect(1)
        .says("another model, tiny-ruri")
        .says("okibi restart -m multilingual-e5-small");
    assert_eq!(machine.status().await.pid, first.pid, "the daemon is left alone");
}

#[tokio::test]
async fn of_eight_starts_at_once_one_launches_and_all_end_well() {
    let machine = Machine::new();
    let starts: Vec<_> = (0..8).map(|_| machine.spawn(start_tiny())).collect();
    for start in starts {
        start.ended().await.expect(0);
    }
    let status = machine.status().await;
    eventually("one daemon", || (machine.daemons() == [status.pid]).then_some(())).await;
}

#[tokio::test]
async fn a_restart_keeps_the_model_and_gives_a_new_process() {
    let machine = Machine::new();
    let first = machine.start_tiny().await;
    machine.run(["restart"]).await.expect(0);
    let second = machine.status().await;
    assert_ne!(first.pid, second.pid);
    assert_eq!(first.model, second.model);
    assert_eq!(machine.daemons(), [second.pid]);
}

#[tokio::test]
async fn the_discovery_file_names_the_port_while_the_daemon_runs() {
    let machine = Machine::new();
    let status = machine.start_tiny().await;
    let file = machine.path("data/daemon.json");
    let read = |path| serde_json::from_slice::<serde_json::Value>(&std::fs::read(path).unwrap()).unwrap();
    let found = eventually("the file says running", || {
        let found = read(&file);
        (found["state"] == "running").then_some(found)
    })
    .await;
    assert_eq!(
        (&found["port"], &found["pid"]),
        (&json!(machine.port()), &json!(status.pid))
    );
    // Without a port of its own, a command finds the daemon by the file.
    let stranger = machine.without("OKIBI_PORT");
    stranger.run(["status"]).await.expect(0).shows("tiny-ruri");
    stranger.run(["stop"]).await.expect(0);
    assert!(!file.exists(), "a daemon that has ended takes its file along");
}

#[tokio::test]
async fn serve_takes_the_port_and_answers_while_it_loads() {
    let machine = Machine::new();
    let model = model::tiny().display().to_string();
    let serve = machine.spawn(["serve", "-m", &model]);
    let status = machine.ready().await;
    assert_eq!(status.pid, serve.pid());
    assert_eq!(http::get(machine.port(), "/health").await.status, 200);
    machine.run(["stop"]).await.expect(0);
    serve.ended().await.expect(0);
    machine.assert_nothing_left();
}

#[tokio::test]
async fn a_stop_answers_what_is_in_flight_and_refuses_what_is_new() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let texts = model::mixed_texts(1200, 1);
    let mut bulk = machine.wire().await;
    let mut other = machine.wire().await;
    let mut watcher = machine.client().await.subscribe().await.unwrap();
    bulk.begin("embed", json!({"input": texts})).await;
    let mut answers = vec![bulk.answer().await.expect("a first chunk")];
    assert_eq!(answers[0]["more"], true);

    let stop = machine.spawn(["stop"]);
    within("a subscriber sees the stop", async {
        while let Some(status) = watcher.next().await {
            if status.status == okibi_protocol::method::RunState::Stopping {
                return;
            }
        }
        panic!("the connection ended without a word");
    })
    .await;
    other.begin("embed_text", json!({"text": "too late"})).await;
    if let Some(refusal) = other.answer().await {
        assert_eq!(refusal["error"]["code"], -32003, "{refusal}");
    }
    while let Some(answer) = bulk.answer().await {
        let more = answer["more"] == true;
        answers.push(answer);
        if !more {
            break;
        }
    }
    let vectors: usize = answers
        .iter()
        .map(|answer| answer["result"]["vectors"].as_array().map_or(0, Vec::len))
        .sum();
    assert_eq!(vectors, texts.len(), "every text in flight has its vector");
    stop.ended().await.expect(0);
    machine.assert_nothing_left();
}

#[tokio::test]
async fn daemons_on_two_ports_know_nothing_of_each_other() {
    let (one, other) = (Machine::new(), Machine::new());
    assert_ne!(one.port(), other.port());
    one.start_tiny().await;
    other.run(["status"]).await.expect(3);
    assert_eq!(one.status().await.model, "tiny-ruri");
}

#[tokio::test]
async fn a_daemon_that_finds_its_port_taken_leaves_the_discovery_file_of_the_other() {
    let machine = Machine::new();
    let status = machine.start_tiny().await;
    let file = machine.path("data/daemon.json");
    let read = || std::fs::read_to_string(&file).unwrap();
    let before = eventually("the file says running", || {
        Some(read()).filter(|text| text.contains("\"running\""))
    })
    .await;
    machine.run(["serve"]).await.expect(1).says("already running");
    assert_eq!(read(), before);
    assert_eq!(machine.status().await.pid, status.pid);
}
