//! The port belongs to a program that is not Okibi, or says that it is one and does not behave like it: every command
//! ends within seconds and names the program.

use std::time::{Duration, Instant};

use okibi_tests::{
    Ended, Machine,
    foreign::{Foreign, Manner},
    within,
};
use serde_json::json;

/// What "within seconds" is on a machine that has much else to do.
const SECONDS: Duration = Duration::from_secs(40);

/// Every command that asks the program on the port.
const COMMANDS: [&[&str]; 8] = [
    &["start"],
    &["restart"],
    &["status"],
    &["stop"],
    &["embed", "x"],
    &["use", "multilingual-e5-small"],
    &["models"],
    &["models", "rm", "cl-nagoya/ruri-v3-30m"],
];

/// Runs every command beside a program of this manner, each to its end, and gives them in their order.
async fn beside(manner: Manner) -> Vec<Ended> {
    let machine = Machine::new();
    let program = Foreign::listen(machine.port(), manner.clone()).await;
    let began = Instant::now();
    // At once: each waits some seconds for a program that never answers.
    let running: Vec<_> = COMMANDS.iter().map(|command| machine.spawn(*command)).collect();
    let mut ended = Vec::new();
    for running in running {
        ended.push(running.ended().await);
    }
    assert!(began.elapsed() < SECONDS, "{manner:?} took {:?}", began.elapsed());
    assert!(
        program.lives() && program.served() >= COMMANDS.len(),
        "{manner:?} was asked by all of them and not harmed"
    );
    assert!(machine.daemons().is_empty(), "{manner:?}: nothing was started");
    ended
}

/// The words that name this test's own process.
fn holder() -> String {
    format!("(process {})", std::process::id())
}

async fn all_name_the_program(manner: Manner) {
    for (command, ended) in COMMANDS.iter().zip(beside(manner.clone()).await) {
        // The list is complete without a daemon.
        let code = i32::from(command != &["models"]);
        let ended = ended.expect(code).says("is used by").says(&holder());
        if command[0] == "start" {
            ended.says("okibi start --port");
        } else if command[0] == "stop" {
            ended.says("Nothing was stopped");
        }
    }
}

#[tokio::test]
async fn a_web_server() {
    all_name_the_program(Manner::Http).await;
}

#[tokio::test]
async fn a_program_that_never_answers() {
    all_name_the_program(Manner::Silent).await;
}

#[tokio::test]
async fn a_program_that_reads_and_never_answers() {
    all_name_the_program(Manner::Reads).await;
}

#[tokio::test]
async fn a_program_that_closes_every_connection() {
    all_name_the_program(Manner::Closes).await;
}

#[tokio::test]
async fn a_program_that_answers_with_nonsense() {
    all_name_the_program(Manner::Garbage).await;
}

#[tokio::test]
async fn a_websocket_server_that_only_reads() {
    all_name_the_program(Manner::WebSocketReads).await;
}

#[tokio::test]
async fn a_websocket_server_that_chats() {
    all_name_the_program(Manner::WebSocketSays("hello")).await;
}

#[tokio::test]
async fn a_websocket_server_that_sends_other_json() {
    all_name_the_program(Manner::WebSocketSays(r#"{"event":"hello"}"#)).await;
}

#[tokio::test]
async fn json_rpc_servers_that_are_not_okibi() {
    let unknown = json!({"code": -32601, "message": "no such method"});
    all_name_the_program(Manner::Error(unknown)).await;
    all_name_the_program(Manner::Result(json!({"status": "running", "ready": true}))).await;
}

#[tokio::test]
async fn a_server_that_is_stopping_for_ever() {
    let stopping = json!({"code": -32003, "message": "the server is stopping"});
    all_name_the_program(Manner::Error(stopping)).await;
}

/// The commands that wait for an Okibi to change; the others believe the program, and report what it says.
async fn stays(status: &str) {
    let ended = beside(Manner::okibi(status, false)).await;
    let mut ended = ended.into_iter();
    let (start, restart) = (ended.next().unwrap(), ended.next().unwrap());
    start.expect(1).says("is used by").says(&holder()).says("It says");
    assert_ne!(restart.code(), 0);
}

#[tokio::test]
async fn an_okibi_by_its_own_word_that_never_ends() {
    stays("stopping").await;
}

#[tokio::test]
async fn an_okibi_by_its_own_word_that_has_failed() {
    stays("failed").await;
}

#[tokio::test]
async fn an_okibi_by_its_own_word_that_is_never_ready() {
    stays("running").await;
}

#[tokio::test]
async fn a_start_says_at_once_what_it_waits_for() {
    let machine = Machine::new();
    let _program = Foreign::listen(machine.port(), Manner::okibi("stopping", false)).await;
    let mut start = machine.spawn(["start"]);
    start.line_with("is stopping; waiting for its end").await;
    start.kill().await;
}

#[tokio::test]
async fn a_program_that_leaves_the_port_lets_the_start_go_on() {
    let machine = Machine::new();
    let program = Foreign::listen(machine.port(), Manner::okibi("stopping", false)).await;
    let tiny = okibi_tests::model::tiny().display().to_string();
    let mut start = machine.spawn(["start", "-m", &tiny]);
    start.line_with("waiting for its end").await;
    drop(program);
    within("the start", start.ended())
        .await
        .expect(0)
        .shows("Ready in");
}

#[tokio::test]
async fn a_daemon_in_the_foreground_names_the_program_too() {
    let machine = Machine::new();
    let program = Foreign::listen(machine.port(), Manner::Http).await;
    machine
        .run(["serve"])
        .await
        .expect(1)
        .says("is used by")
        .says(&holder());
    drop(program);
    machine.nothing_left().await;
    let pid = machine.start_tiny().await.pid;
    machine
        .run(["serve"])
        .await
        .expect(1)
        .says("already running")
        .says(&format!("(process {pid})"));
}
