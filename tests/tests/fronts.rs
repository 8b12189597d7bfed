//! Fronts that are not ours, programs that pretend to be a daemon or its front, and daemons that a stop has to find
//! (Unix).
#![cfg(unix)]

use std::{
    ffi::OsString,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use okibi_config::{Flags, FolderOverrides, Folders, LangChoice, Settings, daemon_args};
use okibi_tests::{Machine, endless, eventually, model, model::StuckModel, pty, within};
use serde_json::{Value, json};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

/// The arguments of a daemon with the tiny model, as the front of another program gives them.
fn daemon(machine: &Machine) -> Vec<OsString> {
    let command = machine.command([] as [&str; 0]);
    let environment = |name: &str| -> Option<OsString> {
        let mut all = command.as_std().get_envs();
        all.find_map(|(known, value)| (known == name).then(|| value.map(Into::into))?)
    };
    let folders = Folders::find(&FolderOverrides::default(), &environment).unwrap();
    let mut settings = Settings::load(&Flags::default(), &environment, &folders.config_file).settings;
    settings.model.value = model::tiny().display().to_string();
    let mut args = daemon_args(&settings, &folders, LangChoice::En);
    args.extend(["--launch".into(), "theirs".into()]);
    args
}

/// The arguments of a process, the first being the program.
fn arguments(pid: u32) -> Vec<String> {
    let pid = Pid::from_u32(pid);
    let mut system = System::new().unwrap();
    let what = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
    let arguments = system.process(pid).expect("it lives").cmd().iter();
    arguments.map(|arg| arg.to_string_lossy().into_owned()).collect()
}

/// The id of the launch of a daemon, which its command line shows to every user of the machine.
fn launch_of(daemon: u32) -> String {
    let arguments = arguments(daemon);
    let at = arguments
        .iter()
        .position(|arg| arg == "--launch")
        .expect("a launch");
    arguments[at + 1].clone()
}

#[tokio::test]
async fn a_front_that_acknowledges_only_the_end_waits_for_nothing_and_sees_each_connection_closed() {
    let machine = Machine::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, machine.port()))
        .await
        .unwrap();
    let began = Instant::now();
    let _daemon = machine.spawn(daemon(&machine));
    let mut kinds = Vec::new();
    let mut closes = Vec::new();
    let mut listener = Some(listener);
    while let Some(open) = &listener {
        let (stream, _) = within("a notice", open.accept()).await.unwrap();
        let mut socket = accept_async(stream).await.unwrap();
        let Some(Ok(Message::Text(text))) = within("a notice", socket.next()).await else {
            panic!("a connection without a notice");
        };
        let notice: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(notice["launch"], "theirs");
        assert!(
            notice.get("proof").is_none(),
            "there is no secret to prove: {notice}"
        );
        let kind = notice["type"].as_str().unwrap().to_owned();
        if kind == "init_completed" {
            listener = None;
            socket.send(Message::text(r#"{"type":"ack"}"#)).await.unwrap();
        } else {
            assert!(!notice["message"].as_str().unwrap().is_empty(), "{notice}");
        }
        kinds.push(kind);
        // As the library of the original does, this answers the close frame and nothing else.
        closes.push(tokio::spawn(async move {
            matches!(
                within("the end", socket.next()).await,
                Some(Ok(Message::Close(_)))
            )
        }));
    }
    machine.ready().await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(15), "ready after {took:?}: {kinds:?}");
    assert!(
        kinds.iter().filter(|kind| *kind == "progress").count() >= 8,
        "{kinds:?}"
    );
    for close in closes {
        assert!(close.await.unwrap(), "each connection ends with a close frame");
    }
    machine.run(["stop"]).await.expect(0);
    machine.nothing_left().await;
}

#[tokio::test]
async fn a_notice_of_somebody_else_neither_fails_nor_ends_a_launch() {
    let machine = Machine::new();
    let model = StuckModel::make(&machine.path("model"));
    let folder = model.folder().display().to_string();
    let front = machine.spawn(["start", "-m", &folder]);
    let hold = model.hold().await;
    let status = machine.status().await;
    assert_eq!(
        status.launch, None,
        "the front does not say the name of its launch"
    );
    // Another user of the machine sees it all the same, on the daemon's command line.
    let launch = launch_of(status.pid);
    for fake in [
        json!({"type": "init_error", "launch": launch, "error": "send 100 coins to …"}),
        json!({"type": "init_completed", "launch": launch}),
        json!({"type": "init_error", "launch": launch, "error": "x", "proof": "0".repeat(64)}),
        json!({"type": "init_completed", "launch": launch, "proof": ""}),
    ] {
        let mut wire = machine.wire().await;
        assert_eq!(
            wire.ask(fake.clone()).await,
            json!({"type": "superseded"}),
            "{fake}"
        );
    }
    let after = machine.status().await;
    assert_eq!((after.pid, after.error), (status.pid, None));
    model.feed().await;
    drop(hold);
    front.ended().await.expect(0).shows("Ready in");
    assert_eq!(machine.status().await.pid, status.pid);
}

#[tokio::test]
async fn a_start_that_is_suspended_over_the_end_of_its_load_goes_on_where_it_was() {
    let machine = Machine::new();
    let model = StuckModel::make(&machine.path("model"));
    let folder = model.folder().display().to_string();
    let front = machine.spawn(["start", "-m", &folder]);
    let hold = model.hold().await;
    let daemon = machine.status().await.pid;
    pty::signal(front.pid() as i32, libc::SIGSTOP);
    model.feed().await;
    drop(hold);
    // Longer than a daemon tries for a port that another program has.
    eventually("the daemon waits on for its front", || {
        machine
            .log()
            .contains("the front still holds the port")
            .then_some(())
    })
    .await;
    // Other commands say whose port it is, and do not wait for ever.
    let ended = machine.run(["status"]).await.expect(1);
    ended
        .says("does not answer")
        .says(&format!("(process {})", front.pid()));
    pty::signal(front.pid() as i32, libc::SIGCONT);
    front.ended().await.expect(0).shows("Ready in");
    assert_eq!(machine.status().await.pid, daemon);
}

#[tokio::test]
async fn a_stop_for_one_port_leaves_the_load_on_another_alone() {
    let machine = Machine::new();
    let model = StuckModel::make(&machine.path("model"));
    let folder = model.folder().display().to_string();
    let front = machine.spawn(["start", "-m", &folder]);
    let hold = model.hold().await;
    let daemon = machine.status().await.pid;
    front.kill().await;
    let other = (machine.port() + 1).to_string();
    machine
        .run(["stop", "--port", &other])
        .await
        .expect(0)
        .shows("not running");
    assert_eq!(machine.daemons(), [daemon], "the load on another port goes on");
    model.feed().await;
    drop(hold);
    assert_eq!(machine.ready().await.pid, daemon);
}

/// Writes a discovery file that says that a daemon is loading.
fn discovery(machine: &Machine, port: u16, pid: u32, launch: Option<&str>) {
    let mut file = json!({
        "port": port, "address": "", "http": "", "pid": pid, "version": "0", "model": "m", "state": "starting",
    });
    if let Some(launch) = launch {
        file["launch"] = launch.into();
    }
    std::fs::create_dir_all(machine.path("data")).unwrap();
    std::fs::write(machine.path("data/daemon.json"), file.to_string()).unwrap();
}

#[tokio::test]
async fn an_old_discovery_file_ends_nobody() {
    // A program of another name, one that is called like ours, and another daemon of ours, each of which has been given
    // the process id that an old file names.
    let machine = Machine::new();
    let foreign = machine.path("okibi-notes");
    std::fs::copy("/bin/sleep", &foreign).unwrap();
    let namesake = machine.path("okibi");
    std::fs::copy("/bin/sleep", &namesake).unwrap();
    let neighbor = Machine::new();
    let ready = neighbor.start_tiny().await.pid;
    let mut programs = Vec::new();
    for program in [foreign, namesake] {
        let mut command = machine.command_of(program);
        programs.push(command.arg("600").kill_on_drop(true).spawn().unwrap());
    }
    let mut pids: Vec<u32> = programs.iter().map(|program| program.id().unwrap()).collect();
    pids.push(ready);
    for pid in &pids {
        for launch in [Some("0123456789abcdef"), None] {
            discovery(&machine, machine.port(), *pid, launch);
            machine.run(["stop"]).await.expect(0).shows("not running");
        }
    }
    for program in &mut programs {
        assert!(program.try_wait().unwrap().is_none(), "it was not ended");
    }
    assert_eq!(neighbor.status().await.pid, ready);
    // The launch of another daemon proves nothing for this port.
    discovery(&machine, neighbor.port(), ready, Some(&launch_of(ready)));
    machine
        .run(["stop", "--port", &machine.port().to_string()])
        .await
        .expect(0);
    assert_eq!(neighbor.status().await.pid, ready);
}

#[tokio::test]
async fn a_run_that_never_returns_does_not_keep_a_daemon_from_its_end() {
    for by_signal in [false, true] {
        let machine = Machine::new();
        machine.write_config("drain_seconds = 1\n");
        let folder = endless::make(&machine.path("model")).display().to_string();
        machine.run(["start", "-m", &folder]).await.expect(0);
        let pid = machine.status().await.pid;
        let mut wire = machine.wire().await;
        wire.call("embed", json!({"input": "ember"})).await;
        wire.begin("embed", json!({"input": endless::WORD})).await;
        within("the run", async {
            while machine.status().await.requests_in_flight == 0 {}
        })
        .await;
        let began = Instant::now();
        if by_signal {
            pty::signal(pid as i32, libc::SIGTERM);
        } else {
            machine.run(["stop"]).await.expect(0).shows("Stopped");
        }
        machine.nothing_left().await;
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        let log = machine.log();
        // The sentences that are embedded after a load may wait behind the run, and then it is they that use the model.
        let sentences = [
            "a run of a model has not ended in time",
            "a model is still in use",
        ];
        assert!(sentences.iter().any(|sentence| log.contains(sentence)), "{log}");
        machine.run(["status"]).await.expect(3);
    }
}

#[tokio::test]
async fn a_suspended_daemon_is_named_as_one_and_a_stop_ends_it() {
    let machine = Machine::new();
    let pid = machine.start_tiny().await.pid;
    pty::signal(pid as i32, libc::SIGSTOP);
    let holder = format!("(process {pid})");
    let (status, start, embed) = tokio::join!(
        machine.run(["status"]),
        machine.run(["start"]),
        machine.run(["embed", "x"])
    );
    for ended in [status, start, embed] {
        let ended = ended
            .expect(1)
            .says(&holder)
            .says("does not answer")
            .says("end the process");
        assert!(!ended.err().contains("Use another one"), "it is no other program");
    }
    machine.run(["stop"]).await.expect(0);
    machine.nothing_left().await;
}

#[tokio::test]
async fn a_load_that_is_stopped_is_never_another_program() {
    let machine = Machine::new();
    let model = StuckModel::make(&machine.path("model"));
    let folder = model.folder().display().to_string();
    let front = machine.spawn(["start", "-m", &folder]);
    let _hold = model.hold().await;
    let stop = machine.spawn(["stop"]);
    // Some come before the stop, some in its middle, some after it.
    for _ in 0..4 {
        let asking: Vec<_> = (0..6).map(|_| machine.spawn(["status"])).collect();
        for asking in asking {
            let ended = asking.ended().await;
            assert!(
                [0, 3].contains(&ended.code()) && !ended.err().contains("is used by"),
                "{ended:?}"
            );
        }
    }
    stop.ended().await.expect(0).shows("load was ended");
    front.ended().await.expect(1);
    machine.nothing_left().await;
}

#[tokio::test]
async fn a_program_on_the_port_never_gets_the_token() {
    let machine = Machine::new();
    machine.write_config("require_token = true\n");
    let tiny = model::tiny().display().to_string();
    machine.run(["start", "-m", &tiny]).await.expect(0);
    machine.run(["status"]).await.expect(0);
    machine.run(["embed", "x"]).await.expect(0);
    machine.run(["stop"]).await.expect(0);
    machine.nothing_left().await;
    let tokens: Value =
        serde_json::from_slice(&std::fs::read(machine.path("data/token.json")).unwrap()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, machine.port()))
        .await
        .unwrap();
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let program = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = vec![0; 8192];
            let read = stream.read(&mut bytes).await.unwrap_or(0);
            let _ = sender.send(String::from_utf8_lossy(&bytes[..read]).into_owned());
            // It says that it is an Okibi which wants a token.
            let answer = "HTTP/1.1 401 Unauthorized\r\nServer: okibi/0.1.0\r\nContent-Length: 0\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    // Whether or not a token is required by now.
    for required in [true, false] {
        machine.write_config(&format!("require_token = {required}\n"));
        let commands: [&[&str]; 7] = [
            &["status"],
            &["start"],
            &["restart"],
            &["stop"],
            &["embed", "x"],
            &["use", "multilingual-e5-small"],
            &["models", "rm", "multilingual-e5-small"],
        ];
        for command in commands {
            machine.run(command).await.expect(1).says("requires a token");
        }
        machine.run(["models"]).await.expect(0);
    }
    program.abort();
    let mut requests = 0;
    while let Ok(request) = heard.try_recv() {
        requests += 1;
        for token in ["use", "manage"] {
            let token = tokens[token].as_str().unwrap();
            assert!(!request.contains(token), "{request}");
        }
        assert!(!request.to_lowercase().contains("authorization:"), "{request}");
    }
    assert!(requests >= 16, "{requests} commands have asked");
}

#[tokio::test]
async fn another_program_on_the_ipv6_address_is_told_to_the_user() {
    let machine = Machine::new();
    // Whoever connects to `localhost` is sent there first.
    let address = (std::net::Ipv6Addr::LOCALHOST, machine.port());
    let Ok(other) = std::net::TcpListener::bind(address) else {
        println!("this machine has no IPv6");
        return;
    };
    let folder = model::tiny().display().to_string();
    let told = format!("Another program has [::1]:{}.", machine.port());
    machine
        .run(["start", "-m", &folder])
        .await
        .expect(0)
        .shows("Ready in")
        .says(&told);
    machine.run(["status"]).await.expect(0).shows(&told);
    assert!(machine.status().await.warnings[0].contains(&told));
    drop(other);
    machine.run(["restart"]).await.expect(0);
    assert!(machine.status().await.warnings.is_empty());
}
