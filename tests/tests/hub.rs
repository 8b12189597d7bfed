//! Models from the hub, through the real program: fetched, broken off, refused, described, deleted.

use okibi_tests::{Hub, Machine, Trouble, eventually, model, vector};
use serde_json::{Value, json};

/// A repository that is not in the table of known models.
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
async fn two_processes_fetch_a_model_once() {
    let hub = Hub::that_waits().await;
    let machine = machine(&hub);
    let both = [(); 2].map(|()| machine.spawn(["models", "--json", "pull", NAME]));
    eventually("both have asked what there is", || {
        (hub.requests_for_lists() == 2).then_some(())
    })
    .await;
    hub.go_on();
    let mut fetched = Vec::new();
    for pulling in both {
        let last = pulling.ended().await.expect(0).json_lines().pop().unwrap();
        fetched.push((
            last["fetched_bytes"].as_u64().unwrap(),
            last["size_bytes"].as_u64().unwrap(),
        ));
    }
    fetched.sort_unstable();
    let [(none, size), (all, _)] = fetched[..] else {
        panic!("two");
    };
    assert_eq!((none, all), (0, size));
    assert_eq!(hub.requests_for("onnx/model.onnx"), 1);
}

/// Waits until so many bytes are here.
#[cfg(target_os = "linux")]
async fn come_to(pulling: &mut okibi_tests::Running, bytes: u64) {
    let wanted = json!({"event": "stage", "stage": "download", "state": "advanced"});
    while pulling.event(wanted.clone()).await["done"].as_u64().unwrap() < bytes {}
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_download_that_is_interrupted_in_ten_ways_loses_nothing_and_is_whole() {
    let hub = Hub::open().await;
    let mut machine = machine(&hub);
    let disk = disk::Disk::mount(machine.path("cache"), 80);
    let args = ["models", "--json", "pull", NAME];

    hub.expect([Trouble::Garbled, Trouble::Garbled]);
    machine
        .run(args)
        .await
        .expect(1)
        .says("is not what the hub says it is");

    hub.expect([
        Trouble::Status(503),
        Trouble::CutAt(1),
        Trouble::CutAt(200_000),
        Trouble::EndsAt(400_000),
        Trouble::WaitsAt(600_000),
    ]);
    let mut pulling = machine.spawn(args);
    come_to(&mut pulling, 600_000).await;
    pulling.kill().await;

    hub.expect([Trouble::WaitsAt(900_000)]);
    let mut pulling = machine.spawn(args);
    come_to(&mut pulling, 900_000).await;
    okibi_tests::pty::signal(pulling.pid() as i32, libc::SIGINT);
    assert!(!pulling.ended().await.status.success());

    if let Some(disk) = &disk {
        hub.expect([Trouble::WaitsAt(1_100_000)]);
        let mut pulling = machine.spawn(args);
        come_to(&mut pulling, 1_100_000).await;
        disk.fill();
        hub.go_on();
        pulling.ended().await.expect(1).says("Make room");
        disk.empty();
    }

    hub.expect([Trouble::WaitsAt(1_300_000)]);
    let mut pulling = machine.spawn(args);
    come_to(&mut pulling, 1_300_000).await;
    drop(hub);
    pulling.ended().await.expect(1).says("cannot be reached");

    let hub = Hub::open().await;
    machine.set("HF_ENDPOINT", hub.endpoint());
    hub.expect([Trouble::CutAt(1_635_000)]);
    let pulled = pull(&machine).await;
    let (size, fetched) = (pulled["size_bytes"].as_u64(), pulled["fetched_bytes"].as_u64());
    assert!(size.unwrap() - fetched.unwrap() > 1_200_000, "{pulled}");
    assert_eq!(hub.requests_for("onnx/model.onnx"), 2);

    machine.run(["start", "-m", NAME]).await.expect(0);
    let entry = &model::tiny_reference()[0];
    let mut wire = machine.wire().await;
    let result = wire.call("embed_text", json!({"text": entry.text})).await;
    vector::assert_same(&vector::from_embed_text(&result), &entry.vector, &entry.text);
    machine.run(["stop"]).await.expect(0);
}

#[cfg(target_os = "linux")]
mod disk {
    use std::{
        fs,
        io::Write,
        path::{Path, PathBuf},
        process::Command,
    };

    /// A small disk of its own. Gone when it is dropped.
    pub(crate) struct Disk(PathBuf);

    impl Disk {
        /// `None` where nobody may mount one.
        pub(crate) fn mount(at: PathBuf, megabytes: u32) -> Option<Self> {
            fs::create_dir_all(&at).unwrap();
            let size = format!("size={megabytes}m");
            let mut mount = Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at);
            let is_mounted = mount.output().is_ok_and(|output| output.status.success());
            if !is_mounted {
                eprintln!("nine ways only: this user may not mount a disk");
            }
            is_mounted.then(|| Self(at))
        }

        fn filler(&self) -> PathBuf {
            Path::new(&self.0).join("filler")
        }

        /// Leaves no room.
        pub(crate) fn fill(&self) {
            let mut file = fs::File::create(self.filler()).unwrap();
            while file.write_all(&[0; 4096]).is_ok() {}
        }

        /// Makes room again.
        pub(crate) fn empty(&self) {
            fs::remove_file(self.filler()).unwrap();
        }
    }

    impl Drop for Disk {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
        }
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_hub_behind_tls_needs_an_authority_that_the_system_trusts() {
    let (hub, authority) = Hub::over_tls().await;
    let mut machine = machine(&hub);
    let stranger = machine.run(["models", "pull", NAME]).await.expect(1);
    stranger.says("certificate").says("certificates of this system");
    let file = machine.path("authority.pem");
    std::fs::write(&file, authority).unwrap();
    machine.set("SSL_CERT_FILE", &file);
    pull(&machine).await;
}

#[tokio::test]
async fn a_fetched_model_has_the_vectors_of_sentence_transformers_at_every_length() {
    let hub = Hub::open().await;
    let machine = machine(&hub);
    machine.run(["start", "-m", NAME]).await.expect(0);
    let mut wire = machine.wire().await;
    let reference = model::tiny_reference_of_lengths();
    assert_eq!(reference.last().map(|entry| entry.tokens), Some(8000));
    for kind in ["", "query", "document"] {
        let entries: Vec<_> = reference
            .iter()
            .filter(|entry| entry.kind.as_deref() == Some(kind))
            .collect();
        assert!(entries.len() > 3, "{kind:?}");
        let input_type = if kind.is_empty() { "none" } else { kind };
        let texts: Vec<&str> = entries.iter().map(|entry| entry.text.as_str()).collect();
        let together = wire
            .call("embed", json!({"input": texts, "input_type": input_type}))
            .await;
        for (at, entry) in entries.iter().enumerate() {
            let mut results = vec![(&together, at)];
            let alone;
            // A longer text is a batch of its own also in company.
            if entry.tokens <= 513 {
                let params = json!({"input": entry.text, "input_type": input_type});
                alone = wire.call("embed", params).await;
                results.push((&alone, 0));
            }
            for (result, at) in results {
                let what = format!("{} tokens, {kind:?}", entry.tokens);
                assert_eq!(result["tokens"][at], entry.tokens, "{what}");
                let likeness = vector::cosine(&vector::from_json(&result["vectors"][at]), &entry.vector);
                assert!(likeness > 0.999_999, "{what}: cosine {likeness}");
            }
        }
    }
    machine.run(["stop"]).await.expect(0);
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
        .says("list of models");
    let misspelled = machine.run(["models", "pull", "ruri-v3-310"]).await.expect(1);
    misspelled.says("Did you mean").says("cl-nagoya/ruri-v3-310m");
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
