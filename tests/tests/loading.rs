//! What happens in the middle of a load: questions, deaths, stops. The load waits on a named pipe (Unix).
#![cfg(unix)]

use okibi_protocol::{
    method::RunState,
    stage::{Stage, StageState},
};
use okibi_tests::{Ended, Machine, Running, eventually, http, model::StuckModel, pty, within};
use serde_json::json;

/// A machine with a load that waits in the tokenizer stage.
struct Stuck {
    machine: Machine,
    model: StuckModel,
    front: Running,
    daemon: u32,
    // Keeps the load where it is: while this end of the pipe is open, the reader waits.
    _hold: std::fs::File,
}

impl Stuck {
    async fn start() -> Self {
        let machine = Machine::new();
        let model = StuckModel::make(&machine.path("model"));
        let front = machine.spawn(start(&model));
        let hold = model.hold().await;
        let daemon = machine.status().await.pid;
        Self {
            machine,
            model,
            front,
            daemon,
            _hold: hold,
        }
    }

    /// Lets the load go on.
    async fn feed(&mut self) {
        let hold = self.model.hold().await;
        self._hold = hold;
        let feeding = self.model.feed();
        feeding.await;
        // The reader sees the end when the last writer has closed.
        self._hold = std::fs::File::open("/dev/null").unwrap();
    }
}

fn start(model: &StuckModel) -> [String; 3] {
    ["start".into(), "-m".into(), model.folder().display().to_string()]
}

fn assert_died(ended: Ended) {
    ended
        .expect(1)
        .says("signal 9")
        .says("End of the log:")
        .says("the daemon begins");
}

#[tokio::test]
async fn requests_during_a_load_are_answered_with_how_far_it_is() {
    let mut stuck = Stuck::start().await;
    let port = stuck.machine.port();
    let mut changes = stuck.machine.client().await.subscribe().await.unwrap();
    let status = within("the session is open while the tokenizer waits", async {
        loop {
            let status = changes.next().await.expect("the front lives");
            let is = |stage, state| {
                status
                    .stages
                    .stages()
                    .iter()
                    .any(|event| (event.stage, event.state) == (stage, state))
            };
            if is(Stage::Model, StageState::Finished) && is(Stage::Tokenizer, StageState::Started) {
                return status;
            }
        }
    })
    .await;
    assert_eq!((status.status, status.ready), (RunState::Starting, false));
    assert_eq!(status.server_type, "okibi-front");

    let mut wire = stuck.machine.wire().await;
    assert_eq!(
        wire.call("check_init", json!({})).await,
        json!({"status": "init_in_progress"})
    );
    for (method, params) in [
        ("embed_text", json!({"text": "x"})),
        ("embed", json!({"input": "x"})),
    ] {
        let error = wire.error(method, params).await;
        assert_eq!(error["code"], -32001, "{error}");
        assert_eq!(error["data"]["stage"], "tokenizer", "{error}");
        let fraction = error["data"]["fraction"].as_f64().unwrap();
        assert!(fraction > 0.0 && fraction < 1.0, "{error}");
    }
    assert_eq!(wire.error("no_such_method", json!({})).await["code"], -32601);
    let health = http::get(port, "/health").await;
    assert_eq!(
        (health.status, &health.json()["status"]),
        (503, &json!("starting"))
    );
    assert!(health.head.contains("retry-after"), "{health:?}");

    let shown = stuck.machine.run(["status"]).await;
    assert!(shown.out().contains("loading"), "{shown:?}");
    stuck.machine.run(["embed", "x"]).await.expect(1).says("load");

    let mut second = stuck.machine.spawn(["start", "--json"]);
    second.event(json!({"event": "attached"})).await;
    second
        .event(json!({"event": "stage", "stage": "model", "state": "finished"}))
        .await;
    stuck.feed().await;
    let end = second.event(json!({"event": "ready"})).await;
    assert_eq!(end["outcome"], "attached");
    second.ended().await.expect(0);
    stuck.front.ended().await.expect(0).shows("Ready in");
    assert_eq!(stuck.machine.status().await.pid, stuck.daemon);
}

#[tokio::test]
async fn a_daemon_killed_in_the_middle_of_a_load_is_told_with_its_signal_and_its_log() {
    let stuck = Stuck::start().await;
    pty::signal(stuck.daemon as i32, libc::SIGKILL);
    assert_died(stuck.front.ended().await);
    stuck.machine.assert_nothing_left();
}

#[tokio::test]
async fn those_attached_to_a_launch_whose_daemon_dies_do_not_wait_for_ever() {
    let stuck = Stuck::start().await;
    let mut second = stuck.machine.spawn(start(&stuck.model));
    second.line_with("already under way").await;
    pty::signal(stuck.daemon as i32, libc::SIGKILL);
    assert_died(stuck.front.ended().await);
    // It may try a launch of its own, which waits for the same pipe: then it can be stopped.
    eventually("the second start leads or ends", || {
        let again = stuck.machine.daemons();
        again.iter().all(|pid| *pid != stuck.daemon).then_some(())
    })
    .await;
    stuck.machine.run(["stop"]).await.expect(0);
    let code = second.ended().await.code();
    assert_eq!(code, 1, "no daemon runs, and it says so");
    stuck.machine.nothing_left().await;
}

#[tokio::test]
async fn a_daemon_whose_front_is_killed_comes_up_and_serves() {
    let mut stuck = Stuck::start().await;
    let front = std::mem::replace(&mut stuck.front, stuck.machine.spawn(["--version"]));
    front.kill().await;
    stuck.feed().await;
    let status = stuck.machine.ready().await;
    assert_eq!(status.pid, stuck.daemon);
    let mut wire = stuck.machine.wire().await;
    wire.call("embed_text", json!({"text": "still here"})).await;
    stuck.machine.run(["stop"]).await.expect(0);
    stuck.machine.assert_nothing_left();
}

/// Waits until the load has nothing left to do but its tokenizer, and kills its front.
async fn orphan(stuck: &mut Stuck) {
    let machine = &stuck.machine;
    // As the front has it: then no notice is on its way that another front could take for one of an old launch.
    within("the rest of the model is loaded", async {
        let mut changes = machine.client().await.subscribe().await.unwrap();
        while let Some(status) = changes.next().await {
            let mut stages = status.stages.stages().iter();
            if stages.any(|event| (event.stage, event.state) == (Stage::Model, StageState::Finished)) {
                return;
            }
        }
        panic!("the front has ended");
    })
    .await;
    std::mem::replace(&mut stuck.front, machine.spawn(["--version"]))
        .kill()
        .await;
}

#[tokio::test]
async fn an_orphaned_load_gives_way_to_a_daemon_that_was_started_meanwhile() {
    let mut stuck = Stuck::start().await;
    orphan(&mut stuck).await;
    let status = stuck.machine.start_tiny().await;
    assert_ne!(status.pid, stuck.daemon);
    // Its load ends only now, when the port is somebody else's.
    stuck.feed().await;
    eventually("the orphan gives way", || {
        (stuck.machine.daemons() == [status.pid]).then_some(())
    })
    .await;
    assert_eq!(stuck.machine.status().await.pid, status.pid);
    assert!(
        stuck
            .machine
            .log()
            .contains("another daemon has taken this one's place"),
        "it says why it ends"
    );
}

#[tokio::test]
async fn an_orphaned_load_gives_way_to_another_launch() {
    let mut stuck = Stuck::start().await;
    orphan(&mut stuck).await;
    let other = StuckModel::make(&stuck.machine.path("other"));
    let second = stuck.machine.spawn(start(&other));
    let hold = other.hold().await;
    let leader = stuck.machine.status().await;
    stuck.feed().await;
    eventually("the orphan gives way", || {
        (stuck.machine.daemons() == [leader.pid]).then_some(())
    })
    .await;
    other.feed().await;
    drop(hold);
    second.ended().await.expect(0).shows("Ready in");
    assert_eq!(stuck.machine.status().await.pid, leader.pid);
}

#[tokio::test]
async fn an_orphaned_load_can_be_stopped() {
    let mut stuck = Stuck::start().await;
    let front = std::mem::replace(&mut stuck.front, stuck.machine.spawn(["--version"]));
    front.kill().await;
    assert_eq!(stuck.machine.daemons(), [stuck.daemon]);
    stuck
        .machine
        .run(["stop"])
        .await
        .expect(0)
        .shows("load was ended");
    stuck.machine.assert_nothing_left();
}

#[tokio::test]
async fn a_stop_during_a_load_ends_it_and_the_front_says_so() {
    let stuck = Stuck::start().await;
    stuck
        .machine
        .run(["stop"])
        .await
        .expect(0)
        .shows("load was ended");
    stuck.machine.assert_nothing_left();
    stuck.front.ended().await.expect(1).says("stopped");
}

#[tokio::test]
async fn serve_answers_while_it_loads_and_ends_on_a_signal() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let machine = Machine::new();
        let model = StuckModel::make(&machine.path("model"));
        let folder = model.folder().display().to_string();
        let serve = machine.spawn(["serve", "-m", &folder]);
        let _hold = model.hold().await;
        let mut wire = machine.wire().await;
        assert_eq!(wire.call("get_status", json!({})).await["status"], "starting");
        assert_eq!(
            wire.error("embed_text", json!({"text": "x"})).await["code"],
            -32001
        );
        pty::signal(serve.pid() as i32, signal);
        serve.ended().await.expect(0);
        machine.assert_nothing_left();
    }
}

#[tokio::test]
async fn ctrl_c_in_a_terminal_ends_the_front_and_leaves_the_daemon() {
    let mut stuck = Stuck::start().await;
    pty::signal(stuck.front.pid() as i32, libc::SIGINT);
    let front = std::mem::replace(&mut stuck.front, stuck.machine.spawn(["--version"]));
    let ended = front.ended().await;
    assert!(!ended.status.success(), "{ended:?}");
    stuck.feed().await;
    assert_eq!(stuck.machine.ready().await.pid, stuck.daemon);
}
