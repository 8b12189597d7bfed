//! The command line: exit codes, output for programs, languages, settings.

use okibi_tests::{Machine, model, vector};
use serde_json::json;

#[tokio::test]
async fn exit_codes_are_those_of_the_help() {
    let machine = Machine::new();
    machine.run(["status"]).await.expect(3).shows("not running");
    machine.run([] as [&str; 0]).await.expect(3);
    machine.run(["embed", "x"]).await.expect(3);
    machine
        .run(["--no-such-flag"])
        .await
        .expect(2)
        .says("--no-such-flag");
    machine.run(["strat"]).await.expect(2).says("strat");
    machine
        .run(["start", "--port", "seven"])
        .await
        .expect(2)
        .says("seven");
    machine.run(["logs"]).await.expect(1).says("no log");
    machine.run(["stop"]).await.expect(0);
    machine
        .run(["--version"])
        .await
        .expect(0)
        .shows(env!("CARGO_PKG_VERSION"));
    machine.run(["--help"]).await.expect(0).shows("start");
    machine.start_tiny().await;
    machine
        .run(["status"])
        .await
        .expect(0)
        .shows("tiny-ruri is ready");
    machine
        .run([] as [&str; 0])
        .await
        .expect(0)
        .shows("tiny-ruri is ready");
    machine.run(["embed", "--dimensions", "65", "x"]).await.expect(2);
}

#[tokio::test]
async fn output_for_programs_is_json_line_by_line() {
    let machine = Machine::new();
    let tiny = model::tiny().display().to_string();
    let stopped = machine.run(["status", "--json"]).await.expect(3).json_lines();
    assert_eq!(
        stopped,
        [json!({"status": "stopped", "ready": false, "port": machine.port()})]
    );
    let events = machine
        .run(["start", "--json", "-m", &tiny])
        .await
        .expect(0)
        .json_lines();
    assert_eq!(events[0]["event"], "spawned");
    let last = events.last().unwrap();
    assert_eq!(
        (&last["event"], &last["outcome"]),
        (&json!("ready"), &json!("launched"))
    );
    for stage in ["resolve", "runtime", "tokenizer", "model", "warmup"] {
        let found = events
            .iter()
            .any(|event| event["stage"] == stage && event["state"] == "finished");
        assert!(found, "{stage} is told: {events:?}");
    }
    let status = machine.run(["status", "--json"]).await.expect(0).json_lines();
    assert_eq!(
        (&status[0]["ready"], &status[0]["dimension"]),
        (&json!(true), &json!(64))
    );
    let again = machine.run(["start", "--json"]).await.expect(0).json_lines();
    assert_eq!(again.last().unwrap()["outcome"], "already_running");
    let other = machine.run(["start", "--json", "-m", "other"]).await.expect(1);
    assert_eq!(other.json_lines().last().unwrap()["kind"], "other_model");
}

#[tokio::test]
async fn embed_writes_every_format_in_order_from_arguments_and_from_lines() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let reference = model::tiny_reference();
    let texts: Vec<&str> = reference.iter().map(|entry| entry.text.as_str()).collect();
    let args = |format: &'static str| {
        ["embed", "--format", format]
            .into_iter()
            .chain(texts.iter().copied())
    };

    let lines = machine.run(args("jsonl")).await.expect(0).json_lines();
    let array: serde_json::Value =
        serde_json::from_slice(&machine.run(args("json")).await.expect(0).stdout).unwrap();
    assert_eq!(
        (lines.len(), array.as_array().map(Vec::len)),
        (texts.len(), Some(texts.len()))
    );
    for (index, entry) in reference.iter().enumerate() {
        assert_eq!(
            (&lines[index]["index"], &lines[index]["tokens"]),
            (&json!(index), &json!(entry.tokens))
        );
        vector::assert_same(
            &vector::from_json(&lines[index]["vector"]),
            &entry.vector,
            &entry.text,
        );
        assert_eq!(array[index]["index"], json!(index));
    }
    let npy = machine.run(args("npy")).await.expect(0).stdout;
    assert_eq!(&npy[..6], b"\x93NUMPY");
    let header = String::from_utf8_lossy(&npy[10..128]).into_owned();
    assert!(
        header.contains(&format!("'shape': ({}, 64)", texts.len())),
        "{header}"
    );
    for (entry, row) in reference.iter().zip(vector::floats(&npy[128..]).chunks(64)) {
        vector::assert_same(row, &entry.vector, &entry.text);
    }
    let input = format!("{}\n", texts.join("\r\n"));
    let piped = machine.run_with(["embed"], input).await.expect(0).json_lines();
    assert_eq!(piped.len(), texts.len());
    vector::assert_same(
        &vector::from_json(&piped[1]["vector"]),
        &reference[1].vector,
        "a line of stdin",
    );
}

#[tokio::test]
async fn embed_keeps_the_order_of_thousands_of_lines() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let texts = model::mixed_texts(1500, 6);
    let lines = machine
        .run_with(["embed"], texts.join("\n"))
        .await
        .expect(0)
        .json_lines();
    assert_eq!(lines.len(), texts.len());
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(line["index"], json!(index));
    }
    let alone = machine.run(["embed", &texts[1234]]).await.expect(0).json_lines();
    let (a, b) = (&lines[1234]["vector"], &alone[0]["vector"]);
    vector::assert_same(
        &vector::from_json(a),
        &vector::from_json(b),
        "one of many and alone",
    );
}

#[tokio::test]
async fn bad_lines_are_told_in_their_place_and_cost_no_other_its_vector() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let input = b"good\n\n\xff\xfe\nalso good\n";
    let ended = machine.run_with(["embed"], input).await.expect(1);
    let lines = ended.json_lines();
    assert_eq!(lines.len(), 4);
    for (index, is_good) in [true, false, false, true].into_iter().enumerate() {
        assert_eq!(lines[index]["index"], json!(index));
        assert_eq!(lines[index]["vector"].is_array(), is_good, "{}", lines[index]);
        assert_eq!(lines[index]["error"].is_string(), !is_good, "{}", lines[index]);
    }
    // Formats without a place for an error write nothing.
    let ended = machine
        .run_with(["embed", "--format", "npy"], input)
        .await
        .expect(1);
    assert!(ended.stdout.is_empty());
    assert!(ended.err().contains("2"), "the line is named: {}", ended.err());
}

#[tokio::test]
async fn prompts_and_dimensions_work_on_the_command_line() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let query = machine
        .run(["embed", "--input-type", "query", "港"])
        .await
        .expect(0)
        .json_lines();
    let typed = machine
        .run(["embed", "検索クエリ: 港"])
        .await
        .expect(0)
        .json_lines();
    let of = |lines: &[serde_json::Value]| vector::from_json(&lines[0]["vector"]);
    vector::assert_same(&of(&query), &of(&typed), "the prompt typed by hand");
    let short = machine
        .run(["embed", "--dimensions", "8", "港"])
        .await
        .expect(0)
        .json_lines();
    assert_eq!(of(&short).len(), 8);
}

#[tokio::test]
async fn nothing_is_colored_without_a_terminal() {
    let machine = Machine::new().with("TERM", "xterm-256color");
    let tiny = model::tiny().display().to_string();
    for ended in [
        machine.run(["start", "-m", &tiny]).await.expect(0),
        machine.run(["status"]).await.expect(0),
        machine.run(["embed", "--no-such"]).await.expect(2),
        machine.run(["--help"]).await.expect(0),
    ] {
        let all = ended.out() + &ended.err();
        assert!(!all.contains('\u{1b}'), "{all:?}");
    }
}

#[tokio::test]
async fn messages_are_japanese_where_japanese_is_asked_for() {
    let machine = Machine::new().with("OKIBI_LANG", "ja");
    machine.run(["status"]).await.expect(3).shows("起動していません");
    let tiny = model::tiny().display().to_string();
    machine
        .run(["start", "-m", &tiny])
        .await
        .expect(0)
        .shows("準備ができました");
    machine
        .run(["status"])
        .await
        .expect(0)
        .shows("準備ができています");
    machine.run(["stop"]).await.expect(0).shows("停止しました");
    machine
        .run(["--lang", "en", "stop"])
        .await
        .expect(0)
        .shows("not running");
    let machine = machine
        .without("OKIBI_LANG")
        .with("LC_ALL", "ja_JP.UTF-8")
        .with("LANG", "ja_JP.UTF-8");
    machine.run(["status"]).await.expect(3).shows("起動していません");
}

#[tokio::test]
async fn logs_show_the_life_of_the_daemon() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let secret = "a text that is nobody's business";
    machine.run(["embed", secret]).await.expect(0);
    let mut follow = machine.spawn(["logs", "-f", "-n", "1000"]);
    follow.line_with("the daemon begins").await;
    follow.line_with("ready").await;
    machine.run(["stop"]).await.expect(0);
    follow.line_with("the daemon ends").await;
    follow.kill().await;
    let all = machine.run(["logs", "-n", "1000"]).await.expect(0).out();
    assert!(all.contains("handover") && all.contains("gap_ms"), "{all}");
    assert!(!all.contains(secret), "texts never reach the log");
    assert_eq!(
        machine
            .run(["logs", "-n", "3"])
            .await
            .expect(0)
            .out()
            .lines()
            .count(),
        3
    );
}

#[tokio::test]
async fn completions_are_written_for_every_shell() {
    let machine = Machine::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = machine
            .run(["completions", shell])
            .await
            .expect(0)
            .shows("okibi")
            .shows("restart");
        assert!(
            !ended.out().contains("--launch"),
            "the hidden command stays hidden in {shell}"
        );
    }
    machine.run(["completions", "cmd"]).await.expect(2);
}

#[tokio::test]
async fn a_broken_settings_file_is_warned_about_with_its_place() {
    let machine = Machine::new();
    machine.write_config("threads = 1\nmodel = = 3\n");
    machine
        .run(["status"])
        .await
        .expect(3)
        .says("warning:")
        .says("config.toml:2:9");
    machine.write_config("modle = \"x\"\n");
    machine
        .run(["status"])
        .await
        .expect(3)
        .says("config.toml:1:1")
        .says("`model`");
    // A good one is obeyed, and flags go before it.
    let tiny = model::tiny().display().to_string();
    machine.write_config(&format!("model = {tiny:?}\nthreads = 1\n"));
    machine.run(["start"]).await.expect(0).shows("tiny-ruri");
    assert_eq!(machine.status().await.threads, Some(1));
    machine.run(["restart", "--threads", "2"]).await.expect(0);
    assert_eq!(machine.status().await.threads, Some(2));
}

#[cfg(unix)]
#[tokio::test]
async fn a_terminal_obeys_nothing_that_a_models_name_says() {
    let machine = Machine::new();
    let folder = model::copy_tiny(&machine.path("m\u{1b}]0;owned\u{7}\u{9b}2Jx"));
    for args in [["start", "-m"], ["models", "info"]] {
        let mut terminal = okibi_tests::pty::Terminal::open().unwrap();
        let mut command = machine.command(args);
        command.arg(&folder).env("TERM", "xterm");
        terminal.attach(&mut command).unwrap();
        let mut running = command.spawn().unwrap();
        drop(command);
        terminal.shows("owned").await;
        okibi_tests::within("the end", running.wait()).await.unwrap();
        let seen = terminal.seen();
        for obeyed in ["\u{1b}]0;", "\u{7}", "\u{9b}"] {
            assert!(!seen.contains(obeyed), "{seen:?}");
        }
        assert!(seen.contains("\\u{1b}]0;owned"), "it is written out: {seen:?}");
    }
}

#[tokio::test]
async fn a_start_knows_the_running_folder_by_every_path_and_no_other_folder_by_its_name() {
    let machine = Machine::new();
    let folder = model::copy_tiny(&machine.path("m"));
    model::copy_tiny(&machine.path("other/m"));
    machine
        .run(["start", "-m", "./m"])
        .await
        .expect(0)
        .shows("Ready in");
    let absolute = folder.display().to_string();
    for asked in [
        "./m",
        "m/",
        "./m:query",
        "./m/onnx/model.onnx",
        "./other/../m",
        absolute.as_str(),
    ] {
        machine
            .run(["start", "-m", asked])
            .await
            .expect(0)
            .shows("Already running");
    }
    for asked in ["./other/m", "other/m/", "multilingual-e5-small"] {
        machine
            .run(["start", "-m", asked])
            .await
            .expect(1)
            .says("another model");
    }
}

#[tokio::test]
async fn a_start_knows_the_running_model_by_every_name_it_has() {
    let hub = okibi_tests::Hub::open().await;
    let machine = Machine::new().with("HF_ENDPOINT", hub.endpoint());
    machine
        .run(["start", "-m", "ruri-v3-30m"])
        .await
        .expect(0)
        .shows("Ready in");
    for asked in [
        "ruri-v3-30m",
        "RURI-v3-30M",
        "cl-nagoya/ruri-v3-30m",
        "cl-nagoya/ruri-v3-30m@main",
        "onnx-community/ruri-v3-30m-ONNX",
        "ruri-v3-30m:query",
        "ruri-v3-30m:latest",
    ] {
        machine
            .run(["start", "-m", asked])
            .await
            .expect(0)
            .shows("Already running");
    }
    machine
        .run(["start", "-m", "ruri-v3-70m"])
        .await
        .expect(1)
        .says("another model");
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_stored_is_the_users_alone_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;

    let machine = Machine::new();
    let (okibi, tiny) = (okibi_tests::okibi_binary().display(), model::tiny());
    let script = format!("umask 0; exec '{okibi}' start -m '{}'", tiny.display());
    let mut shell = machine.command_of("sh");
    let ended = okibi_tests::within("the start", shell.args(["-c", &script]).output())
        .await
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for folder in ["data", "data/logs"] {
        assert_eq!(mode(&machine.path(folder)), 0o700, "{folder}");
    }
    assert_eq!(mode(&machine.log_file()), 0o600, "the log");
    assert_eq!(mode(&machine.path("data/daemon.json")), 0o600);
}

#[tokio::test]
async fn a_deleted_log_is_begun_again() {
    let machine = Machine::new();
    machine.start_tiny().await;
    std::fs::remove_file(machine.log_file()).unwrap();
    machine.run(["stop"]).await.expect(0);
    assert!(machine.log().contains("the daemon ends"), "{}", machine.log());
}

/// A user without a home: one that the system does not know. Only root can become one.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn without_a_home_one_sentence_says_what_to_set_and_the_daemon_can_be_asked() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("skipped: only root can run a program as another user");
        return;
    }
    let mut machine = Machine::new();
    for variable in ["HOME", "OKIBI_DATA_DIR", "OKIBI_CACHE_DIR", "OKIBI_CONFIG"] {
        machine.unset(variable);
    }
    let okibi = machine.path("okibi");
    std::fs::copy(okibi_tests::okibi_binary(), &okibi).unwrap();
    std::fs::set_permissions(machine.root(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = async |args: &[&str]| {
        let mut command = machine.command_of(&okibi);
        let ended = command.args(args).uid(54_321).gid(54_321).output();
        let ended = okibi_tests::within("the command", ended).await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (ended.status.code(), text(&ended.stdout), text(&ended.stderr))
    };
    for args in [["start", "--json"].as_slice(), &["models"], &["serve"], &["logs"]] {
        let (code, out, err) = run(args).await;
        let said = out + &err;
        assert_eq!((code, said.lines().count()), (Some(1), 1), "{args:?}: {said}");
        for part in ["HOME", "OKIBI_CONFIG", "OKIBI_DATA_DIR", "OKIBI_CACHE_DIR"] {
            assert!(said.contains(part), "{args:?}: {said}");
        }
    }
    let (code, out, _) = run(&["status"]).await;
    assert!(code == Some(3) && out.contains("not running"), "{out}");
    let (code, out, _) = run(&["stop"]).await;
    assert!(code == Some(0) && out.contains("not running"), "{out}");
    // A daemon of somebody who has a home.
    let owner = Machine::new().with("OKIBI_PORT", machine.port().to_string());
    owner
        .run([
            std::ffi::OsStr::new("start"),
            "-m".as_ref(),
            model::tiny().as_os_str(),
        ])
        .await
        .expect(0);
    let (code, out, err) = run(&["status"]).await;
    assert!(
        code == Some(0) && out.contains("tiny-ruri is ready"),
        "{out}{err}"
    );
    let (code, out, err) = run(&["embed", "x"]).await;
    assert!(code == Some(0) && out.contains("vector"), "{out}{err}");
}
