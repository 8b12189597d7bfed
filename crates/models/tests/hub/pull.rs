//! What a fetch brings, and where it puts it.

use std::{collections::BTreeMap, fs, sync::Mutex};

use okibi_models::{ModelError, PoolingMode, describe, fetch_at, find_here};
use okibi_protocol::models::Variant;

use crate::{
    machine::{Machine, model, names_in, variant},
    repository::{COMMIT, NAME, Repository, blob, noise},
    server::{Request, Server},
};

#[test]
fn a_whole_model_lies_as_all_tools_of_the_hub_expect() {
    let repository = Repository::tiny();
    let machine = Machine::of(&repository);
    let snapshot = machine.fetch().unwrap();
    assert_eq!(snapshot.commit, COMMIT);
    assert_eq!(snapshot.model_file, "onnx/model.onnx");
    assert_eq!(
        snapshot.folder,
        machine.repository().join("snapshots").join(COMMIT)
    );
    let taken: BTreeMap<_, _> = repository
        .files
        .iter()
        .filter(|(name, _)| *name != "onnx/model_quantized.onnx")
        .collect();
    let bytes: usize = taken.values().map(|content| content.len()).sum();
    assert_eq!(
        (snapshot.bytes, snapshot.fetched_bytes),
        (bytes as u64, bytes as u64)
    );
    for (name, content) in &taken {
        let path = snapshot.folder.join(name);
        assert_eq!(&&fs::read(&path).unwrap(), content, "{name}");
        let of_blob = machine.repository().join("blobs").join(blob(name, content));
        assert_eq!(
            fs::canonicalize(&path).unwrap(),
            fs::canonicalize(of_blob).unwrap(),
            "{name}"
        );
        #[cfg(unix)]
        assert!(
            fs::read_link(&path).unwrap().is_relative(),
            "{name}: the cache can be moved"
        );
    }
    let mut names: Vec<String> = taken.iter().map(|(name, content)| blob(name, content)).collect();
    names.sort();
    names.dedup();
    assert_eq!(names_in(&machine.repository().join("blobs")), names);
    assert_eq!(
        fs::read_to_string(machine.repository().join("refs/main")).unwrap(),
        COMMIT
    );
    assert_eq!(names_in(&machine.repository().join("refs")), ["main"]);
    assert!(!snapshot.folder.join(".incomplete").exists());
    let files = describe(NAME, &snapshot.folder, Some(&snapshot.model_file), None).unwrap();
    assert_eq!(files.pipeline.pooling.modes, [PoolingMode::Mean]);
}

#[test]
fn the_folders_that_the_list_of_modules_names_come_along() {
    let modules = serde_json::json!([
        { "path": "", "type": "sentence_transformers.models.Transformer" },
        { "path": "1_Pooling", "type": "sentence_transformers.models.Pooling" },
        { "path": "layer", "type": "sentence_transformers.models.Dense" },
    ]);
    let dense =
        r#"{"in_features":64,"out_features":4,"activation_function":"torch.nn.modules.linear.Identity"}"#;
    let repository = Repository::tiny()
        .with("modules.json", modules.to_string())
        .with("layer/config.json", dense)
        .with("layer/model.safetensors", "weights")
        .with("other/model.safetensors", "not named");
    let machine = Machine::of(&repository);
    let snapshot = machine.fetch().unwrap();
    let files = describe(NAME, &snapshot.folder, Some(&snapshot.model_file), None).unwrap();
    assert_eq!(files.dimension, Some(4));
    assert!(
        files
            .weights
            .iter()
            .any(|file| file.ends_with("layer/model.safetensors"))
    );
    assert!(!snapshot.folder.join("other").exists());
    // Where a tool has left a part of it out, it is not taken for whole.
    fs::remove_file(snapshot.folder.join("layer/model.safetensors")).unwrap();
    assert_eq!(find_here(&model(NAME), &machine.hub()).unwrap(), None);
    machine.fetch().unwrap();
    assert!(snapshot.folder.join("layer/model.safetensors").exists());
}

#[test]
fn what_is_here_is_not_asked_for() {
    let machine = Machine::of(&Repository::tiny());
    let first = machine.fetch().unwrap();
    let requests = machine.server.requests().len();
    let second = machine.fetch().unwrap();
    assert_eq!(machine.server.requests().len(), requests);
    assert_eq!((second.folder, second.fetched_bytes), (first.folder, 0));
}

#[test]
fn only_the_missing_files_of_another_variant_come() {
    let repository = Repository::tiny();
    let machine = Machine::of(&repository);
    machine.fetch().unwrap();
    let before = machine.server.requests().len();
    let snapshot = machine.fetch_model(&variant(NAME, Variant::Int8)).unwrap();
    assert_eq!(snapshot.model_file, "onnx/model_quantized.onnx");
    let quantized = repository.file("onnx/model_quantized.onnx").len();
    assert_eq!(snapshot.fetched_bytes, quantized as u64);
    // The list, the address, the bytes.
    assert_eq!(machine.server.requests().len(), before + 3);
}

#[test]
fn the_token_goes_to_the_hub_alone() {
    let mut repository = Repository::tiny();
    let stored = repository.clone();
    let store = Server::open(move |request| stored.answer(request));
    repository.elsewhere = Some(store.endpoint());
    let mut machine = Machine::of(&repository);
    machine.token = Some("secret".into());
    machine.fetch().unwrap();
    let sent = |request: &Request| request.authorization.clone();
    assert!(
        machine
            .server
            .requests()
            .iter()
            .all(|request| sent(request).as_deref() == Some("Bearer secret"))
    );
    assert!(store.requests().len() >= 2, "the large files lie there");
    assert!(store.requests().iter().all(|request| sent(request).is_none()));
    assert!(machine.server.requests()[0].user_agent.starts_with("okibi/"));
}

#[test]
fn progress_only_grows_and_ends_whole() {
    let repository = Repository::with_weights(3_000_000);
    let machine = Machine::of(&repository);
    let reported = Mutex::new(Vec::new());
    let on_bytes = |done, total| reported.lock().unwrap().push((done, total));
    let snapshot = fetch_at(&machine.policy, &model(NAME), &machine.hub(), &on_bytes, &|| {
        false
    })
    .unwrap();
    let reported = reported.into_inner().unwrap();
    assert_eq!(reported.last(), Some(&(snapshot.bytes, snapshot.bytes)));
    assert!(reported.is_sorted(), "{reported:?}");
    assert!(reported.iter().all(|(done, total)| done <= total));
}

#[test]
fn revisions_are_followed_and_commits_pinned() {
    let machine = Machine::of(&Repository::tiny());
    let snapshot = machine.fetch_model(&model("someone/tiny@refs/pr/1")).unwrap();
    assert!(
        machine.server.requests()[0]
            .path
            .contains("/revision/refs%2Fpr%2F1?blobs=true")
    );
    assert_eq!(
        fs::read_to_string(machine.repository().join("refs/refs/pr/1")).unwrap(),
        COMMIT
    );
    let pinned = model(&format!("{NAME}@{COMMIT}"));
    assert_eq!(machine.fetch_model(&pinned).unwrap().folder, snapshot.folder);
    assert_eq!(
        names_in(&machine.repository().join("refs")),
        ["refs"],
        "a commit needs no ref"
    );
}

#[test]
fn external_data_comes_along_whatever_its_name() {
    // ModelProto.graph.initializer.external_data { key: "location", value: … }, twice.
    let field = |number: u8, content: &[u8]| [&[number << 3 | 2, content.len() as u8], content].concat();
    let tensor = |location: &str| {
        let entry = [field(1, b"location"), field(2, location.as_bytes())].concat();
        field(5, &field(13, &entry))
    };
    let graph = field(7, &[tensor("weights.bin"), tensor("./model.onnx_data")].concat());
    let repository = Repository::with_weights(1)
        .with("onnx/model.onnx", graph)
        .with("onnx/model.onnx_data", noise(5000))
        .with("onnx/weights.bin", noise(4000))
        .with("onnx/other.bin", noise(3000));
    let machine = Machine::of(&repository);
    let snapshot = machine.fetch().unwrap();
    let names = names_in(&snapshot.folder.join("onnx"));
    assert_eq!(names, ["model.onnx", "model.onnx_data", "weights.bin"]);
}

#[test]
fn the_weights_asked_for_are_those_that_come() {
    let machine = Machine::of(&Repository::tiny());
    let outcome = machine.fetch_model(&variant(NAME, Variant::Q4));
    let Err(ModelError::NoVariant { asked, available, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(
        (asked.as_str(), available),
        ("q4", vec!["fp32".to_owned(), "int8".to_owned()])
    );
    let snapshot = machine.fetch_model(&variant(NAME, Variant::Int8)).unwrap();
    assert_eq!(names_in(&snapshot.folder.join("onnx")), ["model_quantized.onnx"]);
    assert_eq!(
        find_here(&variant(NAME, Variant::Fp32), &machine.hub()).unwrap(),
        None
    );
}

#[test]
fn a_hub_that_lists_no_hashes_is_taken_at_the_word_of_its_headers() {
    let repository = Repository::tiny();
    let answering = repository.clone();
    let machine = Machine::with(move |request| {
        let mut reply = answering.answer(request);
        if request.path.starts_with("/api/") {
            let mut list = answering.list();
            for sibling in list["siblings"].as_array_mut().unwrap() {
                *sibling = serde_json::json!({"rfilename": sibling["rfilename"]});
            }
            reply.body = list.to_string().into_bytes();
        }
        reply
    });
    let snapshot = machine.fetch().unwrap();
    let content = repository.file("onnx/model.onnx");
    let path = machine
        .repository()
        .join("blobs")
        .join(blob("onnx/model.onnx", content));
    assert_eq!(fs::read(path).unwrap(), content);
    assert_eq!(snapshot.bytes, snapshot.fetched_bytes);
}

/// A repository of its makers: weights of a network that Okibi computes, and an export.
fn of_makers() -> Repository {
    Repository::with_weights(1000)
        .with("config.json", r#"{"model_type":"modernbert"}"#)
        .with("model.safetensors", noise(3000))
}

#[test]
fn the_makers_weights_are_taken_where_okibi_computes_the_network() {
    let machine = Machine::of(&of_makers());
    let snapshot = machine.fetch().unwrap();
    assert_eq!(snapshot.model_file, "model.safetensors");
    assert!(!snapshot.folder.join("onnx/model.onnx").exists());
    assert_eq!(
        find_here(&model(NAME), &machine.hub()).unwrap().unwrap().folder,
        snapshot.folder
    );
    let machine = Machine::of(&of_makers());
    for asked in [model(NAME).by_onnx(), variant(NAME, Variant::Fp32).by_onnx()] {
        assert_eq!(machine.fetch_model(&asked).unwrap().model_file, "onnx/model.onnx");
    }
    let other = of_makers().with("config.json", r#"{"model_type":"t5"}"#);
    assert_eq!(Machine::of(&other).fetch().unwrap().model_file, "onnx/model.onnx");
    let only_exported = Machine::of(&of_makers().with("onnx/model_q4.onnx", noise(500)));
    let q4 = only_exported.fetch_model(&variant(NAME, Variant::Q4)).unwrap();
    assert_eq!(q4.model_file, "onnx/model_q4.onnx");
}

#[test]
fn weights_in_several_files_come_all_and_from_nowhere_else() {
    let list = |file: &str| format!(r#"{{"weight_map":{{"a":"model-1.safetensors","b":"{file}"}}}}"#);
    let index = "model.safetensors.index.json";
    let spread = of_makers()
        .without("model.safetensors")
        .with("model-1.safetensors", noise(2000))
        .with("model-2.safetensors", noise(2500))
        .with("model-3.safetensors", noise(10));
    let machine = Machine::of(&spread.clone().with(index, list("model-2.safetensors")));
    let snapshot = machine.fetch().unwrap();
    assert_eq!(snapshot.model_file, index);
    let has = |number: u32| {
        snapshot
            .folder
            .join(format!("model-{number}.safetensors"))
            .exists()
    };
    assert_eq!([1, 2, 3].map(has), [true, true, false]);
    let files = describe(NAME, &snapshot.folder, Some(index), None).unwrap();
    assert_eq!(files.weights.len(), 3, "the list and the two files");
    fs::remove_file(snapshot.folder.join("model-2.safetensors")).unwrap();
    assert_eq!(
        find_here(&model(NAME), &machine.hub()).unwrap(),
        None,
        "it is not whole"
    );
    let machine = Machine::of(&spread.with(index, list("../../model-2.safetensors")));
    let outcome = machine.fetch();
    assert!(
        matches!(outcome, Err(ModelError::UntrustedRepository { .. })),
        "{outcome:?}"
    );
    machine.assert_nothing_to_see();
}
