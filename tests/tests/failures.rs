//! What cannot work says why, in the user's language, and leaves nothing behind.

use std::{fs, path::Path};

use okibi_tests::{
    Hub, Machine,
    foreign::{Foreign, Manner},
    model, vector, within,
};
use serde_json::json;
use tokio::io::AsyncReadExt;

/// Starts with `args` and checks that it fails with `english` and, by a second start, with `japanese`.
async fn fails(machine: Machine, args: &[&str], english: &[&str], japanese: &[&str]) {
    let ended = machine.run(args).await.expect(1);
    for part in english {
        assert!(ended.err().contains(part), "{part:?} is not in: {}", ended.err());
    }
    machine.assert_nothing_left();
    let machine = machine.with("OKIBI_LANG", "ja");
    let ended = machine.run(args).await.expect(1);
    for part in japanese {
        assert!(ended.err().contains(part), "{part:?} is not in: {}", ended.err());
    }
    machine.assert_nothing_left();
}

/// Starts with a copy of the tiny model that `spoil` has changed.
async fn spoilt(spoil: impl FnOnce(&Path), english: &[&str], japanese: &[&str]) {
    let machine = Machine::new();
    let folder = model::copy_tiny(&machine.path("model"));
    spoil(&folder);
    let folder = folder.display().to_string();
    fails(machine, &["start", "-m", &folder], english, japanese).await;
}

/// Cuts a file to its first half.
fn truncate(file: &Path) {
    let content = fs::read(file).unwrap();
    fs::write(file, &content[..content.len() / 2]).unwrap();
}

#[tokio::test]
async fn a_model_folder_without_a_model_says_which_file_is_missing() {
    let remove = |folder: &Path| fs::remove_dir_all(folder.join("onnx")).unwrap();
    spoilt(remove, &["has no model.onnx"], &["model.onnx がありません"]).await;
}

#[tokio::test]
async fn a_model_folder_without_a_tokenizer_says_so() {
    let remove = |folder: &Path| fs::remove_file(folder.join("tokenizer.json")).unwrap();
    spoilt(
        remove,
        &["has no tokenizer.json"],
        &["tokenizer.json がありません"],
    )
    .await;
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let machine = Machine::new();
    let folder = machine.path("nowhere").display().to_string();
    fails(
        machine,
        &["start", "-m", &folder],
        &["There is no model folder", "nowhere"],
        &["モデルフォルダー", "nowhere がありません"],
    )
    .await;
}

#[tokio::test]
async fn truncated_and_garbage_models_are_broken() {
    let english = ["model.onnx is broken or is not a text-embedding model"];
    let japanese = ["model.onnx が壊れているか"];
    spoilt(
        |folder| truncate(&folder.join("onnx/model.onnx")),
        &english,
        &japanese,
    )
    .await;
    let garbage = |folder: &Path| fs::write(folder.join("onnx/model.onnx"), b"\x00garbage\xff").unwrap();
    spoilt(garbage, &english, &japanese).await;
}

#[tokio::test]
async fn truncated_and_garbage_tokenizers_are_broken() {
    let (english, japanese) = (["tokenizer.json is broken"], ["tokenizer.json が壊れています"]);
    spoilt(
        |folder| truncate(&folder.join("tokenizer.json")),
        &english,
        &japanese,
    )
    .await;
    let garbage = |folder: &Path| fs::write(folder.join("tokenizer.json"), b"{\"garbage\":1}").unwrap();
    spoilt(garbage, &english, &japanese).await;
}

#[tokio::test]
async fn a_broken_model_configuration_is_named() {
    let garbage = |folder: &Path| fs::write(folder.join("1_Pooling/config.json"), "{").unwrap();
    spoilt(
        garbage,
        &["is not a valid configuration"],
        &["モデルの設定として正しくありません"],
    )
    .await;
}

#[tokio::test]
async fn an_unknown_model_lists_the_nearest_names() {
    fails(
        Machine::new(),
        &["start", "-m", "multilingual-e5-smal"],
        &["no model \"multilingual-e5-smal\"", "multilingual-e5-small"],
        &["「multilingual-e5-smal」はありません", "近い名前"],
    )
    .await;
}

#[tokio::test]
async fn a_missing_or_garbage_onnx_runtime_is_named() {
    let tiny = model::tiny().display().to_string();
    let args = ["start", "-m", tiny.as_str()];
    let machine = Machine::new();
    let missing = machine.path("no-runtime.so");
    let machine = machine.with("OKIBI_ONNXRUNTIME", missing);
    fails(
        machine,
        &args,
        &["ONNX Runtime", "no-runtime.so"],
        &["ONNX Runtime", "no-runtime.so"],
    )
    .await;

    let machine = Machine::new();
    let garbage = machine.path("garbage.so");
    fs::write(&garbage, "not a library").unwrap();
    let machine = machine.with("OKIBI_ONNXRUNTIME", garbage);
    fails(
        machine,
        &args,
        &["garbage.so cannot be used", "onnxruntime"],
        &["garbage.so を使えません"],
    )
    .await;
}

#[tokio::test]
async fn a_cache_folder_that_cannot_be_written_is_named() {
    let hub = Hub::open().await;
    let machine = Machine::new().with("HF_ENDPOINT", hub.endpoint());
    fs::write(machine.path("cache"), "a file in the folder's place").unwrap();
    fails(
        machine,
        &["start", "-m", "intfloat/multilingual-e5-small"],
        &["cannot be written", "permissions"],
        &["書き込めません", "権限"],
    )
    .await;
}

#[tokio::test]
async fn without_a_log_or_a_data_folder_it_starts_all_the_same() {
    let machine = Machine::new();
    fs::write(machine.path("data"), "a file in the folder's place").unwrap();
    let status = machine.start_tiny().await;
    assert_eq!(status.log_file, None, "no log is claimed that is not there");
    machine.run(["status"]).await.expect(0);
    machine.run(["logs"]).await.expect(1);
    machine.run(["stop"]).await.expect(0);
    machine.assert_nothing_left();

    let tiny = model::tiny().display().to_string();
    let mut serve = machine.spawn(["serve", "-m", &tiny]);
    serve.error_line_with("warning:").await;
    machine.ready().await;
    machine.run(["stop"]).await.expect(0);
    serve.ended().await.expect(0);
}

#[tokio::test]
async fn a_taken_port_is_told_in_japanese_too() {
    let machine = Machine::new();
    let port = machine.port();
    let _program = Foreign::listen(port, Manner::Http).await;
    let offered = format!("okibi start --port {}", port + 1);
    let japanese = machine.run(["--lang", "ja", "start"]).await;
    japanese.expect(1).says("使用しています").says(&offered);
}

#[tokio::test]
async fn a_catalog_model_is_fetched_once_and_then_works_without_the_hub() {
    let hub = Hub::that_waits().await;
    let machine = Machine::new().with("HF_ENDPOINT", hub.endpoint());
    let name = "intfloat/multilingual-e5-small";
    let mut start = machine.spawn(["start", "--json", "-m", name]);
    let begun = start
        .event(json!({"event": "stage", "stage": "download", "state": "started"}))
        .await;
    assert!(begun["message"].is_string());
    let moved = start
        .event(json!({"event": "stage", "stage": "download", "state": "advanced"}))
        .await;
    assert_eq!(moved["unit"], "bytes");
    let total = moved["total"].as_u64().expect("the total is known");
    assert!(
        total > 1_000_000 && moved["done"].as_u64().unwrap() < total,
        "{moved}"
    );
    let during = machine.status().await;
    assert!(!during.ready);
    hub.go_on();
    start
        .event(json!({"event": "stage", "stage": "download", "state": "finished"}))
        .await;
    start.event(json!({"event": "ready"})).await;
    start.ended().await.expect(0);
    assert_eq!(machine.status().await.model, name);
    check_vector(&machine).await;
    machine.run(["stop"]).await.expect(0);

    let requests = hub.requests();
    drop(hub);
    machine.run(["start", "-m", name]).await.expect(0);
    check_vector(&machine).await;
    assert!(requests > 0);
}

/// Checks that the tiny model answers.
async fn check_vector(machine: &Machine) {
    let entry = &model::tiny_reference()[0];
    let mut wire = machine.wire().await;
    let result = wire.call("embed_text", json!({"text": entry.text})).await;
    vector::assert_same(&vector::from_embed_text(&result), &entry.vector, &entry.text);
}

#[tokio::test]
async fn a_hub_that_breaks_off_is_an_error_and_the_next_start_mends_it() {
    let hub = Hub::that_breaks_off().await;
    let machine = Machine::new().with("HF_ENDPOINT", hub.endpoint());
    let args = ["start", "-m", "intfloat/multilingual-e5-small"];
    machine
        .run(args)
        .await
        .expect(1)
        .says("onnx/model.onnx of intfloat/multilingual-e5-small cannot be downloaded")
        .says("try again");
    machine.assert_nothing_left();
    hub.go_on();
    machine.run(args).await.expect(0);
    check_vector(&machine).await;
}

#[tokio::test]
async fn a_hub_that_is_not_there_is_an_error() {
    let machine = Machine::new();
    let nobody = format!("http://127.0.0.1:{}", machine.port() + 1);
    let machine = machine.with("HF_ENDPOINT", nobody);
    fails(
        machine,
        &["start", "-m", "intfloat/multilingual-e5-small"],
        &["cannot be reached", "network"],
        &["接続できません", "ネットワーク"],
    )
    .await;
}

#[tokio::test]
async fn an_okibi_that_wants_another_token_is_named_as_one() {
    let owner = Machine::new();
    owner.write_config("require_token = true\n");
    let tiny = model::tiny().display().to_string();
    owner.run(["start", "-m", &tiny]).await.expect(0);
    // Another user of this machine, with a data folder of their own: the same port, and no token.
    let stranger = Machine::new().with("OKIBI_PORT", owner.port().to_string());
    let commands: [&[&str]; 8] = [
        &["start"],
        &["restart"],
        &["stop"],
        &["status"],
        &["embed", "x"],
        &["use", "multilingual-e5-small"],
        // A daemon that lets nobody in may have the model loaded, so nothing is deleted behind its back.
        &["models", "rm", "multilingual-e5-small"],
        &["models", "rm", "no-such-model"],
    ];
    for command in commands {
        stranger.run(command).await.expect(1).says("requires a token");
    }
    let json = stranger.run(["start", "--json"]).await.expect(1);
    assert!(json.out().contains(r#""kind":"wrong_token""#), "{}", json.out());
    owner.run(["stop"]).await.expect(0);
    owner.assert_nothing_left();
}

#[tokio::test]
async fn an_okibi_without_room_for_a_connection_is_named_as_one() {
    let machine = Machine::tiny_with("max_connections = 1\nheader_seconds = 600\n").await;
    let mut only = machine.wire().await;
    only.call("get_status", json!({})).await;
    // More than there are places for the status and a stop. Once one is turned away, all places are taken and stay so.
    let (turned_away, mut is_full) = tokio::sync::mpsc::unbounded_channel();
    let mut silent = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (turned_away, address) = (
            turned_away.clone(),
            (std::net::Ipv4Addr::LOCALHOST, machine.port()),
        );
        silent.spawn(async move {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            // The answer to one that has asked nothing.
            stream.read_exact(&mut [0]).await.unwrap();
            turned_away.send(()).unwrap();
            std::future::pending::<()>().await;
        });
    }
    within("a connection that is turned away", is_full.recv()).await;
    for command in ["start", "restart", "stop", "status"] {
        machine.run([command]).await.expect(1).says("too busy");
    }
    silent.shutdown().await;
    machine.run(["status"]).await.expect(0);
    machine.run(["stop"]).await.expect(0);
}
