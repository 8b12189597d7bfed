//! A daemon is detached: no terminal, no parent that waits, no descriptors of the front's (Linux).
#![cfg(target_os = "linux")]

use std::{
    ffi::OsString,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    path::Path,
};

use okibi_config::{
    Flags, FolderOverrides, Folders, LangChoice, Settings, daemon_args, logfile::daemon_log_path,
};
use okibi_launcher::{LaunchSpec, Started};
use okibi_protocol::guard::Access;
use okibi_tests::{
    Machine, eventually,
    model::{self, StuckModel},
    okibi_binary, proc, pty, within,
};
use tokio::io::AsyncReadExt;

#[tokio::test]
async fn the_daemon_has_a_session_null_stdio_and_nothing_inherited() {
    let machine = Machine::new();
    let (mut ours, theirs) = inheritable_pipe();
    let mut command = machine.command(["start", "-m"]);
    command.arg(model::tiny());
    // The front inherits the writing end, as it does a shell's; the daemon must not.
    let ended = within("the start", command.output()).await.unwrap();
    assert!(ended.status.success(), "{ended:?}");
    drop(theirs);
    let mut rest = Vec::new();
    within(
        "the pipe's end, which the daemon would hold open",
        ours.read_to_end(&mut rest),
    )
    .await
    .unwrap();

    let pid = machine.status().await.pid;
    assert_eq!(proc::session(pid), pid as i32, "a session of its own");
    assert_ne!(proc::session(pid), proc::session(std::process::id()));
    assert_eq!(proc::group(pid), pid as i32);
    assert_eq!(proc::working_directory(pid), Path::new("/"));
    let descriptors = proc::descriptors(pid);
    for (number, target) in &descriptors[..3] {
        assert_eq!(target, "/dev/null", "descriptor {number}");
    }
    for (number, target) in &descriptors[3..] {
        let is_own = ["anon_inode:", "socket:"]
            .iter()
            .any(|kind| target.starts_with(kind))
            || target.starts_with(&*machine.root().to_string_lossy());
        // A signal pipe of its own runtime is a socket pair; a pipe would be somebody else's.
        assert!(is_own, "descriptor {number} is {target}");
    }
    let parent = proc::parent(pid).unwrap();
    assert_ne!(
        parent,
        std::process::id(),
        "the front has gone, and somebody else has it"
    );
}

/// A pipe whose writing end children inherit.
fn inheritable_pipe() -> (tokio::net::unix::pipe::Receiver, OwnedFd) {
    let mut ends = [-1; 2];
    // SAFETY: the call fills the two integers.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    // SAFETY: the call has opened both, and nobody else has them.
    let (reader, writer) = unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
    // SAFETY: no pointers. Only the writing end is to be inherited.
    unsafe {
        libc::fcntl(reader.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC);
        libc::fcntl(reader.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK);
    }
    (
        tokio::net::unix::pipe::Receiver::from_owned_fd(reader).unwrap(),
        writer,
    )
}

#[tokio::test]
async fn a_shell_whose_output_is_piped_returns() {
    let machine = Machine::new();
    let okibi = okibi_binary().display();
    let tiny = model::tiny();
    let script = format!(
        "'{okibi}' start -m '{}' 2>&1 | cat; echo returned",
        tiny.display()
    );
    let mut shell = tokio::process::Command::new("sh");
    let front = machine.command([] as [&str; 0]);
    shell.arg("-c").arg(script).env_clear();
    shell.envs(
        front
            .as_std()
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let ended = within("the shell", shell.output()).await.unwrap();
    let out = String::from_utf8_lossy(&ended.stdout);
    assert!(out.contains("Ready in") && out.contains("returned"), "{out}");
    assert_eq!(machine.daemons().len(), 1);
}

#[tokio::test]
async fn a_terminal_closed_in_the_middle_of_a_load_leaves_the_daemon() {
    let machine = Machine::new();
    let model = StuckModel::make(&machine.path("model"));
    let mut terminal = pty::Terminal::open().unwrap();
    let mut command = machine.command(["start", "-m"]);
    command.arg(model.folder()).env("TERM", "xterm");
    terminal.attach(&mut command).unwrap();
    let mut front = command.spawn().unwrap();
    drop(command);
    let hold = model.hold().await;
    let daemon = machine.status().await.pid;
    terminal.shows("Loading the tokenizer").await;
    terminal.close().await;
    within("the hang-up ends the front", front.wait()).await.unwrap();
    assert_eq!(machine.daemons(), [daemon]);
    model.feed().await;
    drop(hold);
    assert_eq!(machine.ready().await.pid, daemon);
}

#[tokio::test]
async fn a_terminal_closed_after_the_start_leaves_the_daemon() {
    let machine = Machine::new();
    let mut terminal = pty::Terminal::open().unwrap();
    let mut command = machine.command(["start", "-m"]);
    command.arg(model::tiny()).env("TERM", "xterm");
    terminal.attach(&mut command).unwrap();
    let mut front = command.spawn().unwrap();
    drop(command);
    terminal.shows("Ready in").await;
    let seen = terminal.seen();
    assert!(seen.contains('\u{1b}'), "colors on a terminal");
    // The end of the last stage is not reported; its spinner must disappear all the same.
    if let Some(spinner) = seen.rfind("Taking the port over") {
        assert!(seen[spinner..].contains("\u{1b}[2K"), "a spinner stays: {seen:?}");
    }
    within("the start", front.wait()).await.unwrap();
    let daemon = machine.status().await.pid;
    terminal.close().await;
    assert_eq!(machine.status().await.pid, daemon);
}

#[tokio::test]
async fn the_end_of_the_fronts_process_group_leaves_the_daemon() {
    let machine = Machine::new();
    let model = StuckModel::make(&machine.path("model"));
    let mut command = machine.command(["start", "-m"]);
    command.arg(model.folder()).process_group(0);
    let mut front = command.spawn().unwrap();
    let hold = model.hold().await;
    let daemon = machine.status().await.pid;
    pty::signal(-(front.id().unwrap() as i32), libc::SIGKILL);
    within("the front's end", front.wait()).await.unwrap();
    assert_eq!(machine.daemons(), [daemon]);
    model.feed().await;
    drop(hold);
    assert_eq!(machine.ready().await.pid, daemon);
}

#[tokio::test]
async fn a_front_that_lives_on_keeps_no_zombie() {
    let machine = Machine::new();
    let spec = launch_spec(&machine);
    let started = within("the start", okibi_launcher::start(spec, |_| {}))
        .await
        .unwrap();
    let Started::Launched(status) = started else {
        panic!("{started:?}")
    };
    assert_eq!(
        proc::parent(status.pid),
        Some(std::process::id()),
        "a child of this very process"
    );
    machine.run(["stop"]).await.expect(0);
    eventually("no zombie", || proc::state(status.pid).is_none().then_some(())).await;
}

/// A launch as the tray does it: from a process that lives on.
fn launch_spec(machine: &Machine) -> LaunchSpec {
    let command = machine.command([] as [&str; 0]);
    let environment = |name: &str| -> Option<OsString> {
        let mut all = command.as_std().get_envs();
        all.find_map(|(known, value)| (known == name).then(|| value.map(Into::into))?)
    };
    let folders = Folders::find(&FolderOverrides::default(), &environment).unwrap();
    let loaded = Settings::load(&Flags::default(), &environment, &folders.config_file);
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let mut settings = loaded.settings;
    settings.model.value = model::tiny().display().to_string();
    LaunchSpec {
        program: okibi_binary().to_owned(),
        daemon_args: daemon_args(&settings, &folders, LangChoice::En),
        host: None,
        access: Access::default(),
        port: machine.port(),
        token: None,
        model: settings.model.value.clone(),
        log_file: daemon_log_path(&folders, machine.port()),
        drain: std::time::Duration::from_secs(10),
    }
}

#[tokio::test]
async fn sigterm_drains_like_a_stop() {
    let machine = Machine::new();
    let status = machine.start_tiny().await;
    let mut wire = machine.wire().await;
    let texts = model::mixed_texts(1200, 2);
    wire.begin("embed", serde_json::json!({"input": texts})).await;
    let first = wire.answer().await.expect("a first chunk");
    let mut vectors = first["result"]["vectors"].as_array().map_or(0, Vec::len);
    pty::signal(status.pid as i32, libc::SIGTERM);
    while let Some(answer) = wire.answer().await {
        vectors += answer["result"]["vectors"].as_array().map_or(0, Vec::len);
    }
    assert_eq!(vectors, texts.len(), "what is in flight is answered");
    machine.nothing_left().await;
    assert!(machine.log().contains("SIGTERM"), "the log says who asked");
}
