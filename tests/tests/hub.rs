//! Models from the hub, through the real program: fetched, broken off, refused, described, deleted.
// Helpers fail by panicking, as the tests do.
#![allow(clippy::unwrap_used)]

use okibi_tests::{Hub, Machine};
use serde_json::{Value, json};

/// A repository that nobody knows.
const NAME: &str = "someone/tiny";

/// A machine whose hub this one is.
fn machine(hub: &Hub) -> Machine {
    Machine::new().with("HF_ENDPOINT", hub.endpoint())
}

/// Fetches the model to its end; gives the last line of what it said.
async fn pull(machine: &Machine) -> Value {
    let ended = machine.run(["models", "--json", "pull", NAME]).await.expect(0);
    ended.json_lines().pop().unwrap()
}

#[tokio::test]
async fn a_model_is_fetched_described_started_and_deleted() {
    let hub = Hub::open().await;
    let machine = machine(&hub);
    let pulled = pull(&machine).await;
    assert_eq!(pulled["model"], NAME);
    assert_eq!(pulled["size_bytes"], pulled["fetched_bytes"]);
    let requests = hub.requests();
    let again = pull(&machine).await;
    assert_eq!(
        (again["fetched_bytes"].as_u64(), hub.requests()),
        (Some(0), requests)
    );
    machine.run(["models", "info", NAME]).await.expect(0).shows(NAME);
    machine.run(["start", "-m", NAME]).await.expect(0);
    assert_eq!(machine.status().await.model, NAME);
    assert_eq!(hub.requests(), requests, "what is here is not asked for");
    machine.run(["stop"]).await.expect(0);
    machine.run(["models", "rm", NAME]).await.expect(0);
    let folder = machine.path("cache").join("hub/models--someone--tiny");
    let other = machine.path("cache").join("models--someone--tiny");
    assert!(!folder.exists() && !other.exists());
}

#[tokio::test]
async fn a_fetch_that_is_killed_goes_on_where_it_was() {
    let hub = Hub::that_waits().await;
    let machine = machine(&hub);
    let mut pulling = machine.spawn(["models", "--json", "pull", NAME]);
    let half = 800_000;
    loop {
        let wanted = json!({"event": "stage", "stage": "download", "state": "advanced"});
        let event = pulling.event(wanted).await;
        assert_eq!(event["unit"], "bytes");
        if event["done"].as_u64().unwrap() > half {
            break;
        }
    }
    pulling.kill().await;
    hub.go_on();
    let pulled = pull(&machine).await;
    let (size, fetched) = (pulled["size_bytes"].as_u64(), pulled["fetched_bytes"].as_u64());
    assert!(size.unwrap() - fetched.unwrap() > half / 2, "{pulled}");
}

#[tokio::test]
async fn wrong_bytes_are_not_kept() {
    let hub = Hub::that_garbles().await;
    let machine = machine(&hub);
    let ended = machine.run(["models", "pull", NAME]).await.expect(1);
    ended
        .says("onnx/model.onnx")
        .says("is not what the hub says it is");
    hub.go_on();
    pull(&machine).await;
}

#[tokio::test]
async fn a_gated_model_says_what_to_do() {
    let hub = Hub::open().await;
    let machine = machine(&hub);
    let args = ["models", "pull", "someone/gated"];
    machine.run(args).await.expect(1).says("terms").says("HF_TOKEN");
    machine.with("HF_TOKEN", "secret").run(args).await.expect(0);
}

#[tokio::test]
async fn an_unknown_name_has_others_near_to_it() {
    let hub = Hub::open().await;
    let machine = machine(&hub);
    let unknown = machine.run(["models", "pull", "someone/unknown"]).await.expect(1);
    unknown
        .says("has no repository someone/unknown")
        .says("Near to it");
    let misspelt = machine.run(["models", "pull", "ruri-v3-310"]).await.expect(1);
    misspelt.says("cl-nagoya/ruri-v3-310m");
}

#[tokio::test]
async fn offline_only_what_is_here_is_taken() {
    let hub = Hub::open().await;
    let mut machine = machine(&hub).with("HF_HUB_OFFLINE", "1");
    machine
        .run(["models", "pull", NAME])
        .await
        .expect(1)
        .says("HF_HUB_OFFLINE");
    assert_eq!(hub.requests(), 0);
    machine.unset("HF_HUB_OFFLINE");
    pull(&machine).await;
    machine.set("HF_HUB_OFFLINE", "1");
    machine.run(["start", "-m", NAME]).await.expect(0);
    machine.run(["stop"]).await.expect(0);
}
