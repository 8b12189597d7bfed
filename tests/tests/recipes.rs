//! What a model's folder says about its vectors is applied, or the model is refused by name, through the real programs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use okibi_tests::Machine;
use serde_json::{Value, json};

/// A graph of `tests/data/references/graphs`, as a model of the machine.
fn graph(machine: &Machine, name: &str) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/references/graphs");
    let folder = machine.path(name);
    fs::create_dir_all(&folder).unwrap();
    fs::copy(from.join(format!("{name}.onnx")), folder.join("model.onnx")).unwrap();
    fs::copy(from.join("tokenizer.json"), folder.join("tokenizer.json")).unwrap();
    fs::copy(from.join("weights.bin"), folder.join("weights.bin")).unwrap();
    folder
}

async fn start(machine: &Machine, folder: &Path) {
    let args = ["start".as_ref(), "-m".as_ref(), folder.as_os_str()];
    machine.run(args).await.expect(0);
}

#[tokio::test]
async fn a_model_that_is_something_else_is_refused_by_what_it_is() {
    for (name, english, japanese) in [
        ("reranker", "is a reranker, not an embedding model", "リランカー"),
        (
            "language-model",
            "is a language model, not an embedding model",
            "言語モデル",
        ),
        (
            "text-generation",
            "is a text-generation export",
            "テキスト生成用エクスポート",
        ),
        ("images", "has the input \"images\"", "入力 \"images\""),
    ] {
        for (lang, words) in [("en", english), ("ja", japanese)] {
            let machine = Machine::new().with("OKIBI_LANG", lang);
            let folder = graph(&machine, name);
            let args = ["start".as_ref(), "-m".as_ref(), folder.as_os_str()];
            machine.run(args).await.expect(1).says(words);
        }
    }
}

#[tokio::test]
async fn a_module_that_is_not_supported_is_named_also_by_the_details() {
    let machine = Machine::new();
    let folder = graph(&machine, "plain");
    let modules = json!([
        { "idx": 0, "path": "", "type": "sentence_transformers.models.Transformer" },
        { "idx": 1, "path": "1_WordWeights", "type": "sentence_transformers.models.WordWeights" },
    ]);
    fs::write(folder.join("modules.json"), modules.to_string()).unwrap();
    for command in [vec!["start", "-m"], vec!["models", "info"]] {
        let args = command
            .iter()
            .map(|arg| (*arg).as_ref())
            .chain([folder.as_os_str()]);
        machine.run(args).await.expect(1).says("the module WordWeights");
    }
}

#[tokio::test]
async fn the_details_say_which_output_is_taken_and_why() {
    let machine = Machine::new();
    for (name, output, reason) in [
        ("whole", "sentence_embedding", "the whole pipeline"),
        ("plain", "last_hidden_state", "the vectors of tokens"),
    ] {
        let folder = graph(&machine, name);
        let args = ["models", "info", "--json"].map(AsRef::as_ref);
        let ended = machine
            .run(args.into_iter().chain([folder.as_os_str()]))
            .await
            .expect(0);
        let info: Value = serde_json::from_str(&ended.out()).unwrap();
        assert_eq!(
            (&info["output"], &info["modules"]),
            (&json!(output), &json!(["pooling: mean"]))
        );
        let why = info["found_in"]["output"].as_str().unwrap();
        assert!(why.contains(reason), "{why}");
        let args = ["models", "info"].map(AsRef::as_ref);
        let ended = machine
            .run(args.into_iter().chain([folder.as_os_str()]))
            .await
            .expect(0);
        ended.shows(output).shows(reason);
    }
}

#[tokio::test]
async fn a_line_that_makes_the_model_fail_has_its_place_and_the_others_their_vectors() {
    let machine = Machine::new();
    let folder = graph(&machine, "plain");
    start(&machine, &folder).await;
    let ended = machine
        .run_with(["embed"], "w1\nw2 <img> w3\nw4\n")
        .await
        .expect(1);
    let lines = ended.json_lines();
    let has_vector: Vec<bool> = lines.iter().map(|line| line["vector"].is_array()).collect();
    assert_eq!(has_vector, [true, false, true], "{lines:?}");
    // Also where a request has nothing but such lines, as those that come slowly have.
    let ended = machine.run(["embed", "w2 <img> w3", "<img>"]).await.expect(1);
    let lines = ended.json_lines();
    assert!(
        lines.len() == 2 && lines.iter().all(|line| line["error"].is_string()),
        "{lines:?}"
    );
    let mut wire = machine.wire().await;
    let result = wire
        .call("embed", json!({ "input": ["w1", "<img>", "w4"] }))
        .await;
    assert_eq!(result["failed"][0]["index"], 1, "{result}");
}

#[tokio::test]
async fn weights_that_change_under_a_daemon_change_no_vector_and_do_not_end_it() {
    let machine = Machine::new();
    let folder = graph(&machine, "external");
    start(&machine, &folder).await;
    let mut wire = machine.wire().await;
    let ask = json!({ "input": ["w1 w2", "w3"] });
    let before = wire.call("embed", ask.clone()).await;
    let weights = folder.join("weights.bin");
    let other: Vec<u8> = fs::read(&weights)
        .unwrap()
        .chunks(4)
        .rev()
        .flatten()
        .copied()
        .collect();
    for content in [other.as_slice(), &[]] {
        fs::write(&weights, content).unwrap();
        let after = wire.call("embed", ask.clone()).await;
        assert_eq!(
            (&after["vectors"], &after["space"]),
            (&before["vectors"], &before["space"])
        );
    }
}

#[tokio::test]
async fn weights_too_large_to_copy_that_change_on_disk_are_loaded_again_by_the_next_request() {
    let machine = Machine::new();
    let folder = graph(&machine, "external");
    let weights = folder.join("weights.bin");
    let content = fs::read(&weights).unwrap();
    // What is behind the tensors is a hole in the file.
    let pad = |path: &Path| {
        fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_len(65 << 20)
            .unwrap()
    };
    pad(&weights);
    start(&machine, &folder).await;
    let mut wire = machine.wire().await;
    let ask = json!({ "input": ["w1 w2", "w3"] });
    let before = wire.call("embed", ask.clone()).await;
    let other: Vec<u8> = content.chunks(4).rev().flatten().copied().collect();
    fs::write(&weights, other).unwrap();
    pad(&weights);
    let error = wire.error("embed", ask.clone()).await;
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("weights.bin") && message.contains("ask once more"),
        "{error}"
    );
    let after = wire.call("embed", ask).await;
    assert_ne!(after["vectors"], before["vectors"]);
    assert_ne!(after["space"], before["space"], "they are of another space");
}
