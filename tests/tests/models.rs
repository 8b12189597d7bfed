//! Models are loaded, unloaded and switched while the daemon serves.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use okibi_protocol::{
    method::{EmbedParams, Input, LoadModel, Status},
    models::{LoadModelParams, ModelState, ModelStep},
    stage::Stage,
    vector::Vectors,
};
use okibi_tests::{
    Hub, Machine, eventually,
    foreign::{Foreign, Manner},
    http, model, vector, within,
};
use serde_json::json;

/// Changes of the model while clients embed.
const CHANGES: usize = 20;

/// Clients that embed meanwhile.
const CLIENTS: usize = 8;

/// A machine with two folders of models, `tiny-ruri` and `tiny-cls`, whose vectors have nothing in common.
fn machine() -> Machine {
    let machine = Machine::new();
    let tiny = model::copy_tiny(&machine.path("tiny-ruri"));
    let cls = tiny_cls(&machine);
    machine.write_config(&format!("model_folders = [{tiny:?}, {cls:?}]\n"));
    machine
}

/// A copy of the tiny model that takes the first token's vector.
fn tiny_cls(machine: &Machine) -> PathBuf {
    let folder = model::copy_tiny(&machine.path("tiny-cls"));
    let pooling = json!({ "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false });
    fs::write(folder.join("1_Pooling/config.json"), pooling.to_string()).unwrap();
    folder
}

async fn started() -> Machine {
    let machine = machine();
    let tiny = machine.path("tiny-ruri");
    machine
        .run(["start".as_ref(), "-m".as_ref(), tiny.as_os_str()])
        .await
        .expect(0);
    machine
}

/// Changes over to `model` and gives the space of its vectors.
async fn change_to(machine: &Machine, params: LoadModelParams) -> String {
    let client = machine.client().await;
    let mut steps = client.stream::<LoadModel>(params).await.unwrap();
    within("the model answers", async {
        loop {
            match steps.next().await.expect("a step").expect("the model is loaded") {
                ModelStep::Stage { .. } => {}
                ModelStep::Loaded { space, .. } => return space,
                other => panic!("{other:?}"),
            }
        }
    })
    .await
}

async fn vector_of(machine: &Machine, text: &str, asked: Option<&str>) -> (String, Vec<f32>) {
    let client = machine.client().await;
    let params = EmbedParams {
        model: asked.map(str::to_owned),
        ..EmbedParams::new(Input::One(text.into()))
    };
    let result = within("a vector", client.embed(params)).await.unwrap();
    let Vectors::Float(mut vectors) = result.vectors else {
        panic!("numbers");
    };
    (result.space, vectors.remove(0).expect("a vector"))
}

fn state_of(status: &Status, name: &str) -> Option<ModelState> {
    // Until a folder's model has been loaded, the status has the folder's path.
    let is_meant = |model: &str| model.rsplit('/').next() == Some(name);
    let model = status.models.iter().find(|model| is_meant(&model.name))?;
    Some(model.state)
}

fn memory(status: &Status) -> u64 {
    status.memory_bytes.expect("this system tells it").0
}

#[tokio::test]
async fn eight_clients_embed_without_pause_while_the_model_changes_twenty_times() {
    let machine = Arc::new(started().await);
    let text = "灰をかぶせると熾火は朝まで残る";
    let mut expected = BTreeMap::new();
    for name in ["tiny-cls", "tiny-ruri"] {
        change_to(&machine, LoadModelParams::switch_to(name)).await;
        let (space, vector) = vector_of(&machine, text, None).await;
        expected.insert(space, vector);
    }
    assert_eq!(expected.len(), 2, "two spaces");
    let expected = Arc::new(expected);
    let before = memory(&machine.status().await);

    let is_over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (machine, expected, is_over) = (machine.clone(), expected.clone(), is_over.clone());
            tokio::spawn(async move {
                let client = machine.client().await;
                let mut seen = BTreeMap::<String, usize>::new();
                while !is_over.load(Relaxed) {
                    let params = EmbedParams::new(Input::Many(vec![text.into(), "x".repeat(50)]));
                    let result = client.embed(params).await.expect("no request fails");
                    let Vectors::Float(vectors) = result.vectors else {
                        panic!("numbers");
                    };
                    let of_space = expected.get(&result.space).expect("a known space");
                    vector::assert_same(vectors[0].as_ref().expect("a vector"), of_space, &result.space);
                    *seen.entry(result.space).or_default() += 1;
                }
                seen
            })
        })
        .collect();
    for change in 0..CHANGES {
        let name = if change % 2 == 0 { "tiny-cls" } else { "tiny-ruri" };
        change_to(&machine, LoadModelParams::switch_to(name)).await;
    }
    is_over.store(true, Relaxed);
    for client in clients {
        let seen = within("a client ends", client).await.unwrap();
        assert_eq!(seen.len(), 2, "each client was answered by both models: {seen:?}");
    }
    let status = machine.status().await;
    assert_eq!(
        status.models.len(),
        1,
        "the model that was left is gone: {:?}",
        status.models
    );
    // Each model takes some megabytes; twenty that stayed would show.
    let after = memory(&status);
    assert!(after < before + (30 << 20), "{before} became {after}");
}

#[tokio::test]
async fn a_model_that_rests_gives_its_memory_back_and_the_next_request_wakes_it() {
    let machine = machine();
    let tiny = machine.path("tiny-ruri");
    let args = ["start", "--keep-alive", "0s", "-m"].map(std::ffi::OsStr::new);
    machine
        .run(args.into_iter().chain([tiny.as_os_str()]))
        .await
        .expect(0);
    let client = machine.client().await;
    let mut changes = client.subscribe().await.unwrap();
    let mut highest = 0;
    let mut first = 0;
    for round in 0..50 {
        within("it rests", async {
            loop {
                let status = changes.next().await.expect("the daemon lives");
                if status.is_resting() {
                    assert!(status.ready, "a request is answered");
                    return;
                }
            }
        })
        .await;
        let (_, vector) = vector_of(&machine, "熾火", None).await;
        assert_eq!(vector.len(), 64);
        let now = memory(&machine.status().await);
        if round == 10 {
            first = now;
        }
        highest = highest.max(now);
    }
    assert!(
        highest < first + (20 << 20),
        "memory stays flat: {first}, {highest}"
    );
    eventually("it rests again", || {
        let log = machine.log();
        (log.matches("the model is idle").count() > 50).then_some(())
    })
    .await;
    machine.run(["status"]).await.expect(0).shows("idle (unloaded)");
}

#[tokio::test]
async fn a_request_may_name_a_model_that_is_here_and_waits_for_its_load() {
    let machine = started().await;
    let (of_current, _) = vector_of(&machine, "x", None).await;
    let (space, _) = vector_of(&machine, "x", Some("tiny-cls:query")).await;
    assert_ne!(space, of_current);
    assert_eq!(
        vector_of(&machine, "x", None).await.0,
        of_current,
        "the current one stays"
    );
    let status = machine.status().await;
    assert_eq!(state_of(&status, "tiny-cls"), Some(ModelState::Ready));
    assert!(status.current().is_some_and(|model| model.name == "tiny-ruri"));

    let port = machine.port();
    let body = json!({ "model": "tiny-cls", "input": "x" });
    let answer = http::json(port, "POST", "/v1/embeddings", &body).await;
    assert_eq!(
        (answer.status, answer.json()["space"].as_str()),
        (200, Some(space.as_str()))
    );
    let listed = http::get(port, "/v1/models").await.json();
    let names: Vec<&str> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    for name in ["tiny-ruri", "tiny-cls", "multilingual-e5-small"] {
        assert!(names.contains(&name), "{names:?}");
    }
    for (name, says) in [
        ("no-such-model", "not loaded"),
        ("ruri-v3-30m", "okibi models pull"),
    ] {
        let body = json!({ "model": name, "input": "x" });
        let answer = http::json(port, "POST", "/v1/embeddings", &body).await;
        assert_eq!(answer.status, 404, "{answer:?}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(says), "{message}");
    }
    let mut wire = machine.wire().await;
    let unloaded = wire.call("unload_model", json!({ "model": "tiny-cls" })).await;
    assert_eq!(unloaded, json!({ "model": "tiny-cls", "was_loaded": true }));
    assert_eq!(state_of(&machine.status().await, "tiny-cls"), None);
}

#[tokio::test]
async fn nothing_is_loaded_for_a_request_where_the_settings_say_so() {
    let machine = machine();
    let tiny = machine.path("tiny-ruri");
    let args = ["start", "--load-on-demand", "false", "-m"].map(std::ffi::OsStr::new);
    machine
        .run(args.into_iter().chain([tiny.as_os_str()]))
        .await
        .expect(0);
    let mut wire = machine.wire().await;
    let error = wire
        .error("embed", json!({ "input": "x", "model": "tiny-cls" }))
        .await;
    assert_eq!(
        (error["code"].as_i64(), error["data"]["kind"].as_str()),
        (Some(-32005), Some("not_loaded"))
    );
    assert_eq!(machine.status().await.models.len(), 1);
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_leaves_the_present_one_at_work() {
    let machine = started().await;
    let (space, _) = vector_of(&machine, "x", None).await;
    fs::write(machine.path("tiny-cls").join("tokenizer.json"), "{").unwrap();
    machine.run(["use", "tiny-cls"]).await.expect(1).says("tokenizer");
    assert_eq!(vector_of(&machine, "x", None).await.0, space);
    // With the current one unloaded first, it comes back.
    machine
        .run(["use", "--replace", "tiny-cls"])
        .await
        .expect(1)
        .says("tokenizer");
    assert_eq!(vector_of(&machine, "x", None).await.0, space);
    let status = machine.status().await;
    assert_eq!(state_of(&status, "tiny-ruri"), Some(ModelState::Ready));
    assert!(status.current().is_some_and(|model| model.name == "tiny-ruri"));
}

#[tokio::test]
async fn a_model_that_replaces_the_current_one_is_alone_in_memory_afterwards() {
    let machine = machine();
    let tiny = machine.path("tiny-ruri");
    let args = ["start", "--keep-models", "2", "-m"].map(std::ffi::OsStr::new);
    machine
        .run(args.into_iter().chain([tiny.as_os_str()]))
        .await
        .expect(0);
    machine.run(["use", "--replace", "tiny-cls"]).await.expect(0);
    let status = machine.status().await;
    let held: Vec<(&str, ModelState)> = status
        .models
        .iter()
        .map(|model| (model.name.as_str(), model.state))
        .collect();
    assert_eq!(held, [("tiny-cls", ModelState::Ready)]);
    machine.run(["restart"]).await.expect(0);
    assert_eq!(machine.status().await.model, "tiny-cls");
}

/// Waits until the status is as `look` wants it.
async fn status_where(machine: &Machine, what: &str, look: impl Fn(&Status) -> bool) -> Status {
    let mut changes = machine.client().await.subscribe().await.unwrap();
    within(what, async {
        loop {
            let status = changes.next().await.expect("the daemon lives");
            if look(&status) {
                return status;
            }
        }
    })
    .await
}

/// Whether `tiny-ruri` has given its memory up for `tiny-cls`, which loads.
fn is_replacing(status: &Status) -> bool {
    let states = ["tiny-ruri", "tiny-cls"].map(|name| state_of(status, name));
    states == [Some(ModelState::Resting), Some(ModelState::Loading)]
}

#[tokio::test]
async fn a_busy_model_that_is_replaced_finishes_first_and_requests_wait_for_the_next_one() {
    let machine = started().await;
    let (space, _) = vector_of(&machine, "x", None).await;
    // Nobody reads the stream, so it stays in the middle.
    let mut busy = machine.wire().await;
    let texts = model::mixed_texts(10_000, 1);
    busy.begin("embed", json!({ "input": texts, "stream": true }))
        .await;
    let first = busy.answer().await.expect("the stream begins");
    assert_eq!(first["result"]["space"], space.as_str());
    let replacing = machine.spawn(["use", "--replace", "tiny-cls"]);
    status_where(&machine, "the current model is let go", is_replacing).await;
    let waiting = {
        let client = machine.client().await;
        tokio::spawn(async move { client.embed(EmbedParams::new(Input::One("x".into()))).await })
    };
    // A while in which a load that does not wait would be over.
    machine.run(["models", "--json"]).await.expect(0);
    let status = machine.status().await;
    assert!(is_replacing(&status), "{:?}", status.models);
    let stages = status
        .models
        .iter()
        .find_map(|model| model.stages.clone())
        .unwrap();
    let is_open = |stage: Stage| stages.stages().iter().any(|event| event.stage == stage);
    assert!(is_open(Stage::Resolve) && !is_open(Stage::Model), "{stages:?}");
    assert!(!waiting.is_finished(), "a request waits");

    let mut count = first["result"]["tokens"].as_array().unwrap().len();
    let mut more = first["more"] == true;
    while more {
        let chunk = busy.answer().await.expect("the stream goes on");
        assert_eq!(
            chunk["result"]["space"],
            space.as_str(),
            "one model answers a request"
        );
        count += chunk["result"]["tokens"].as_array().unwrap().len();
        more = chunk["more"] == true;
    }
    assert_eq!(count, texts.len());
    replacing.ended().await.expect(0).shows("Switched to tiny-cls");
    let answer = within("the request that waited", waiting).await.unwrap().unwrap();
    assert_ne!(answer.space, space, "the next model answers it");
    assert_eq!(machine.status().await.models.len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_replaced_model_comes_back_when_the_next_one_cannot_be_loaded() {
    use std::io::Write;

    let machine = Machine::new();
    let tiny = model::copy_tiny(&machine.path("tiny-ruri"));
    let stuck = model::StuckModel::make(&machine.path("tiny-cls"));
    machine.write_config(&format!("model_folders = [{tiny:?}, {:?}]\n", stuck.folder()));
    machine
        .run(["start".as_ref(), "-m".as_ref(), tiny.as_os_str()])
        .await
        .expect(0);
    let (space, _) = vector_of(&machine, "x", None).await;
    let replacing = machine.spawn(["use", "--replace", "tiny-cls"]);
    let mut hold = stuck.hold().await;
    status_where(&machine, "the current model is unloaded", is_replacing).await;
    let waiting = {
        let client = machine.client().await;
        tokio::spawn(async move { client.embed(EmbedParams::new(Input::One("x".into()))).await })
    };
    hold.write_all(b"{").unwrap();
    drop(hold);
    replacing.ended().await.expect(1).says("tokenizer");
    let status = status_where(&machine, "it is back", |status| {
        state_of(status, "tiny-ruri") == Some(ModelState::Ready)
    })
    .await;
    assert!(status.current().is_some_and(|model| model.name == "tiny-ruri"));
    assert_eq!(state_of(&status, "tiny-cls"), Some(ModelState::Failed));
    let answer = within("the request that waited", waiting).await.unwrap().unwrap();
    assert_eq!(answer.space, space, "the model that came back answers it");
}

#[tokio::test]
async fn a_model_in_use_is_found_and_not_deleted_by_whatever_name() {
    let hub = Hub::open().await;
    let machine = Machine::new().with("HF_ENDPOINT", hub.endpoint());
    let name = "cl-nagoya/ruri-v3-30m";
    machine.run(["start", "-m", name]).await.expect(0);
    let port = machine.port();
    let mut wire = machine.wire().await;
    for asked in [
        name,
        "ruri-v3-30m",
        "Ruri-V3-30M",
        "onnx-community/ruri-v3-30m-ONNX",
        "cl-nagoya/ruri-v3-30m@main",
        "ruri-v3-30m:latest",
    ] {
        let info = wire.call("model_info", json!({ "model": asked })).await;
        assert_eq!(
            (&info["state"], &info["current"]),
            (&json!("ready"), &json!(true)),
            "{asked}"
        );
        let error = wire.error("remove_model", json!({ "model": asked })).await;
        assert_eq!(error["data"]["kind"], "in_use", "{asked}: {error}");
        let deleted = http::json(port, "DELETE", "/api/delete", &json!({ "model": asked })).await;
        assert_eq!(deleted.status, 409, "{asked}: {deleted:?}");
        machine
            .run(["models", "rm", asked])
            .await
            .expect(1)
            .says("in use");
    }
    machine.run(["restart"]).await.expect(0);
    assert_eq!(machine.status().await.model, name, "its files are all there");
}

#[tokio::test]
async fn nothing_is_deleted_without_the_daemon_unless_nobody_listens() {
    let machine = started().await;
    let folder = model::copy_tiny(&machine.path("elsewhere"));
    machine.run(["use".as_ref(), folder.as_os_str()]).await.expect(0);
    machine.run(["stop"]).await.expect(0);
    machine.nothing_left().await;
    let foreign = Foreign::listen(machine.port(), Manner::Http).await;
    machine
        .run(["models", "rm", "elsewhere"])
        .await
        .expect(1)
        .says("is used by");
    machine.run(["models"]).await.expect(0).shows("elsewhere");
    drop(foreign);
    machine.nothing_left().await;
    machine
        .run(["models", "rm", "elsewhere"])
        .await
        .expect(0)
        .shows("its files were not deleted");
}

#[tokio::test]
async fn a_folder_is_taken_up_when_its_user_names_it_and_from_nobody_else() {
    let machine = started().await;
    let folder = model::copy_tiny(&machine.path("elsewhere"));
    let mut wire = machine.wire().await;
    let error = wire.error("load_model", json!({ "model": folder })).await;
    assert_eq!(error["code"], -32602, "{error}");
    assert!(
        error["message"].as_str().unwrap().contains("okibi use"),
        "{error}"
    );

    let before = machine.status().await.pid;
    let file = folder.join("onnx/model_quantized.onnx");
    machine.run(["use".as_ref(), file.as_os_str()]).await.expect(0);
    let status = machine.status().await;
    assert_eq!((status.model.as_str(), status.pid), ("elsewhere", before));
    machine.run(["models"]).await.expect(0).shows("elsewhere");
    machine.run(["use", "tiny-cls"]).await.expect(0);
    machine.run(["use", "elsewhere"]).await.expect(0);

    machine.run(["use", "tiny-cls"]).await.expect(0);
    machine
        .run(["models", "rm", "elsewhere"])
        .await
        .expect(0)
        .shows("its files were not deleted");
    assert!(folder.join("tokenizer.json").exists());
    let listed = machine.run(["models"]).await.expect(0);
    assert!(!listed.out().contains("elsewhere"), "{}", listed.out());
    let empty = machine.path("empty");
    fs::create_dir(&empty).unwrap();
    machine
        .run(["use".as_ref(), empty.as_os_str()])
        .await
        .expect(1)
        .says("model.onnx");
}

#[tokio::test]
async fn where_there_is_no_room_for_both_the_user_decides() {
    let machine = machine();
    let tiny = machine.path("tiny-ruri");
    // Room for one of the two, each of 1.6 MB.
    let args = ["start", "--max-model-mb", "2", "-m"].map(std::ffi::OsStr::new);
    machine
        .run(args.into_iter().chain([tiny.as_os_str()]))
        .await
        .expect(0);
    machine
        .run(["use", "multilingual-e5-small"])
        .await
        .expect(1)
        .says("--replace");
    assert!(
        machine
            .status()
            .await
            .current()
            .is_some_and(|model| model.name == "tiny-ruri")
    );
    machine
        .run(["use", "tiny-cls"])
        .await
        .expect(0)
        .shows("Switched to tiny-cls");
    let status = machine.status().await;
    assert_eq!(status.model, "tiny-cls");
    assert_eq!(state_of(&status, "tiny-ruri"), None, "it gave its memory up");
}

#[tokio::test]
async fn a_changed_file_and_a_device_that_is_not_there_are_told() {
    let machine = started().await;
    machine.run(["stop"]).await.expect(0);
    fs::write(
        machine.path("tiny-ruri/1_Pooling/config.json"),
        json!({ "pooling_mode_cls_token": true }).to_string(),
    )
    .unwrap();
    let tiny = machine.path("tiny-ruri");
    machine
        .run(["start".as_ref(), "-m".as_ref(), tiny.as_os_str()])
        .await
        .expect(0);
    let warning = async |machine: &Machine| {
        let mut changes = machine.client().await.subscribe().await.unwrap();
        within("a warning", async {
            loop {
                let status = changes.next().await.expect("the daemon lives");
                if let Some(warning) = status.current().and_then(|model| model.warning.clone()) {
                    return warning;
                }
            }
        })
        .await
    };
    let told = warning(&machine).await;
    assert!(told.contains("have changed"), "{told}");
    machine.run(["status"]).await.expect(0).shows("have changed");
    machine.run(["stop"]).await.expect(0);

    let args = ["start", "--device", "cuda", "-m"].map(std::ffi::OsStr::new);
    machine
        .run(args.into_iter().chain([tiny.as_os_str()]))
        .await
        .expect(0);
    let told = warning(&machine).await;
    assert!(told.contains("cuda"), "{told}");
    let status = machine.status().await;
    assert_eq!(
        status.current().and_then(|model| model.device.as_deref()),
        Some("cpu")
    );
}

#[tokio::test]
async fn a_restart_keeps_the_model_that_was_changed_to() {
    let machine = started().await;
    machine.run(["use", "tiny-cls"]).await.expect(0);
    machine.run(["restart"]).await.expect(0);
    assert_eq!(machine.status().await.model, "tiny-cls");
}

#[tokio::test]
async fn the_list_and_the_details_say_what_is_here_and_from_where() {
    let machine = machine();
    let list = machine.run(["models", "--json"]).await.expect(0);
    let list: serde_json::Value = serde_json::from_str(&list.out()).unwrap();
    let models = list["models"].as_array().unwrap();
    let named = |name: &str| models.iter().find(|model| model["name"] == name).unwrap();
    assert_eq!(named("multilingual-e5-small")["origin"], "embedded");
    assert_eq!(named("tiny-cls")["presence"], "here");
    assert_eq!(named("cl-nagoya/ruri-v3-310m")["presence"], "absent");
    let info = machine
        .run(["models", "info", "tiny-cls", "--json"])
        .await
        .expect(0);
    let info: serde_json::Value = serde_json::from_str(&info.out()).unwrap();
    assert_eq!(
        (&info["pooling"], &info["prompts"]["topic"]),
        (&json!("cls"), &json!("トピック: "))
    );
    assert_eq!(info["found_in"]["pooling"], "1_Pooling/config.json");
    machine
        .run(["models", "rm", "tiny-cls"])
        .await
        .expect(1)
        .says("nothing to delete");
    assert!(machine.path("tiny-cls").is_dir());
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_again_is_not_ready_until_it_can() {
    let machine = Machine::new();
    let folder = model::copy_tiny(&machine.path("own"));
    let args = ["start".as_ref(), "-m".as_ref(), folder.as_os_str()];
    machine.run(args).await.expect(0);
    let port = machine.port();
    let mut wire = machine.wire().await;
    wire.call("unload_model", json!({ "model": folder })).await;
    assert_eq!(http::get(port, "/readyz").await.status, 200, "it rests");
    let tokenizer = folder.join("tokenizer.json");
    let whole = fs::read(&tokenizer).unwrap();
    fs::write(&tokenizer, "{").unwrap();
    wire.error("embed", json!({ "input": "x" })).await;
    for path in ["/readyz", "/health"] {
        assert_eq!(http::get(port, path).await.status, 503, "{path}");
    }
    machine
        .run(["status"])
        .await
        .expect(0)
        .shows("could not be loaded again")
        .shows("tokenizer.json");
    fs::write(&tokenizer, whole).unwrap();
    change_to(&machine, LoadModelParams::switch_to(folder.display().to_string())).await;
    wire.call("embed", json!({ "input": "x" })).await;
    assert_eq!(http::get(port, "/readyz").await.status, 200);
}

#[tokio::test]
async fn the_folder_that_a_daemon_was_started_with_is_listed_and_known_by_its_name() {
    let machine = Machine::new();
    let folder = model::copy_tiny(&machine.path("my-notes-model"));
    let args = ["start".as_ref(), "-m".as_ref(), folder.as_os_str()];
    machine.run(args).await.expect(0);
    let list = machine.run(["models", "--json"]).await.expect(0);
    let list: serde_json::Value = serde_json::from_str(&list.out()).unwrap();
    let models = list["models"].as_array().unwrap();
    let own = models.iter().find(|model| model["name"] == "my-notes-model");
    assert_eq!(own.expect("it is listed")["current"], true, "{list}");
    for name in ["my-notes-model", "My-Notes-Model"] {
        machine.run(["use", name]).await.expect(0);
        let (space, _) = vector_of(&machine, "x", Some(name)).await;
        assert_eq!(Some(space), machine.status().await.space);
    }
    machine
        .run(["models", "info", "my-notes-model"])
        .await
        .expect(0)
        .shows("my-notes-model");
}
