//! What can be wrong with the hub, the network, the disk, or the name.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use okibi_models::{Hub, ModelError, Snapshot, fetch_at};

use crate::{
    machine::{Machine, model},
    repository::{NAME, Repository},
    server::{Reply, Request, Then},
};

type Outcome = Result<Snapshot, ModelError>;

/// What becomes of a fetch whose hub answers everything so.
fn outcome_of(reply: Reply) -> (Outcome, Machine) {
    let machine = Machine::with(move |_| reply.clone());
    let outcome = machine.fetch();
    machine.assert_nothing_to_see();
    (outcome, machine)
}

#[test]
fn a_gated_repository_says_whether_a_token_was_sent() {
    for (status, token) in [(401, None), (403, Some("secret"))] {
        let mut machine = Machine::with(move |_| Reply::empty(status).with("X-Error-Code", "GatedRepo"));
        machine.token = token.map(str::to_owned);
        let outcome = machine.fetch();
        let is_so = |has_token: bool| has_token == token.is_some();
        assert!(
            matches!(outcome, Err(ModelError::Gated { has_token, .. }) if is_so(has_token)),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_repository_can_be_gated_behind_its_open_list() {
    let repository = Repository::tiny();
    let mut machine = Machine::with(move |request| {
        let is_let_in =
            request.authorization.as_deref() == Some("Bearer secret") || request.path.starts_with("/bytes/");
        if request.path.starts_with("/api/") || is_let_in {
            return repository.answer(request);
        }
        Reply::empty(401).with("X-Error-Code", "GatedRepo")
    });
    let outcome = machine.fetch();
    assert!(
        matches!(outcome, Err(ModelError::Gated { has_token: false, .. })),
        "{outcome:?}"
    );
    machine.assert_nothing_to_see();
    machine.token = Some("secret".into());
    machine.fetch().unwrap();
}

#[test]
fn an_unknown_repository_lists_names_like_it() {
    for reply in [
        Reply::empty(401),
        Reply::empty(404),
        Reply::empty(401).with("X-Error-Code", "RepoNotFound"),
    ] {
        let machine = Machine::with(move |_| reply.clone());
        let outcome = machine.fetch_model(&model("cl-nagoya/ruri-v3-310"));
        let Err(ModelError::NotOnHub { nearest, .. }) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(nearest[0], "cl-nagoya/ruri-v3-310m");
    }
}

#[test]
fn an_unknown_revision_is_named() {
    let machine = Machine::with(|_| Reply::empty(404).with("X-Error-Code", "RevisionNotFound"));
    let outcome = machine.fetch_model(&model("someone/tiny@v9"));
    assert!(
        matches!(&outcome, Err(ModelError::NoRevision { revision, .. }) if revision == "v9"),
        "{outcome:?}"
    );
}

#[test]
fn a_hub_in_trouble_is_asked_again() {
    let repository = Repository::tiny();
    let asked = AtomicUsize::new(0);
    let machine = Machine::with(move |request| match asked.fetch_add(1, SeqCst) {
        0 | 3 => Reply::empty(429).with("Retry-After", 1),
        1 => Reply::empty(503),
        4 => Reply::empty(500),
        5 => Reply::empty(502).with("Retry-After", "Wed, 25 Nov 2026 12:00:00 GMT"),
        _ => repository.answer(request),
    });
    machine.fetch().unwrap();
}

#[test]
fn the_wait_that_the_hub_asks_for_has_a_bound() {
    let mut machine = Machine::with(|_| Reply::empty(429).with("Retry-After", 86_400));
    machine.policy.longest_wait = Duration::from_millis(20);
    let began = Instant::now();
    let outcome = machine.fetch();
    assert!(matches!(outcome, Err(ModelError::Download { .. })), "{outcome:?}");
    assert_eq!(machine.server.requests().len(), machine.policy.tries as usize);
    assert!(
        began.elapsed() >= machine.policy.longest_wait * (machine.policy.tries - 1),
        "it is waited, though"
    );
}

#[test]
fn a_refusal_is_not_tried_again() {
    let (outcome, machine) = outcome_of(Reply::empty(418));
    assert!(matches!(outcome, Err(ModelError::Download { .. })), "{outcome:?}");
    assert_eq!(machine.server.requests().len(), 1);
}

#[test]
fn a_list_that_is_none_is_an_error() {
    for text in ["", "{}", "[]", "null", "<html>", r#"{"sha":1}"#] {
        let (outcome, _) = outcome_of(Reply::new(200, text));
        assert!(
            matches!(outcome, Err(ModelError::Download { .. })),
            "{text:?}: {outcome:?}"
        );
    }
    let (outcome, _) = outcome_of(Reply::new(200, r#"{"sha":"#).cut(4, Then::BreakOff));
    assert!(matches!(outcome, Err(ModelError::Download { .. })), "{outcome:?}");
}

#[test]
fn a_hub_that_nobody_answers_at_is_unreachable() {
    let machine = Machine::of(&Repository::tiny());
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for endpoint in [
        format!("http://{closed}"),
        "http://hub.invalid".into(),
        "hub".into(),
        "ftp://hub".into(),
    ] {
        let hub = Hub {
            endpoint: endpoint.clone(),
            ..machine.hub()
        };
        let outcome = fetch_at(&machine.policy, &model(NAME), &hub, &|_, _| {}, &|| false);
        assert!(
            matches!(&outcome, Err(ModelError::Unreachable { endpoint: named, .. }) if *named == endpoint),
            "{endpoint}: {outcome:?}"
        );
    }
}

#[test]
fn offline_takes_what_is_here_and_asks_nobody() {
    let mut machine = Machine::of(&Repository::tiny());
    machine.is_offline = true;
    let outcome = machine.fetch();
    assert!(matches!(outcome, Err(ModelError::Offline { .. })), "{outcome:?}");
    assert_eq!(machine.server.requests().len(), 0);
    machine.assert_nothing_to_see();
    machine.is_offline = false;
    let fetched = machine.fetch().unwrap();
    machine.is_offline = true;
    assert_eq!(machine.fetch().unwrap().folder, fetched.folder);
}

#[test]
fn a_repository_without_onnx_says_what_it_has() {
    let without = Repository::with_weights(10).without("onnx/model.onnx");
    let machine = Machine::of(&without);
    assert!(matches!(machine.fetch(), Err(ModelError::NoOnnx { .. })));
    let machine = Machine::of(&without.with("model.safetensors", "weights"));
    let outcome = machine.fetch();
    assert!(
        matches!(&outcome, Err(ModelError::OnlySafetensors { place, .. }) if place == NAME),
        "{outcome:?}"
    );
    let machine = Machine::of(&Repository::with_weights(10).without("tokenizer.json"));
    assert!(matches!(machine.fetch(), Err(ModelError::NoOnnx { .. })));
    machine.assert_nothing_to_see();
}

#[test]
fn two_at_once_fetch_once() {
    let repository = Repository::with_weights(2_000_000);
    let machine = Machine::of(&repository);
    let folders = thread::scope(|scope| {
        let fetches = [(); 4].map(|()| scope.spawn(|| machine.fetch().unwrap()));
        fetches.map(|fetch| fetch.join().unwrap())
    });
    assert!(
        folders
            .iter()
            .all(|snapshot| snapshot.folder == folders[0].folder)
    );
    assert_eq!(
        folders
            .iter()
            .filter(|snapshot| snapshot.fetched_bytes > 0)
            .count(),
        1
    );
    for file in ["onnx/model.onnx", "tokenizer.json", "config.json"] {
        assert_eq!(machine.server.requests_for(file).len(), 1, "{file}");
    }
}

#[test]
fn the_one_that_waits_can_be_cancelled_and_takes_over_when_the_other_ends() {
    let repository = Repository::with_weights(1_000_000);
    let asked = AtomicUsize::new(0);
    let machine = Machine::with(move |request| {
        let reply = repository.answer(request);
        let is_first = request.path.starts_with("/bytes/") && request.path.ends_with(".onnx");
        if is_first && asked.fetch_add(1, SeqCst) == 0 {
            reply.cut(600_000, Then::Stall)
        } else {
            reply
        }
    });
    let is_stalled =
        |request: &Request| request.path.starts_with("/bytes/") && request.path.ends_with(".onnx");
    let is_list = |request: &Request| request.path.starts_with("/api/");
    let lists = || {
        machine
            .server
            .requests()
            .iter()
            .filter(|request| is_list(request))
            .count()
    };
    let (is_over, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let on_bytes = |now, _| done.store(now, SeqCst);
    let is_cancelled = || is_over.load(SeqCst) && done.load(SeqCst) > 600_000;
    thread::scope(|scope| {
        let first = scope.spawn(|| {
            fetch_at(
                &machine.policy,
                &model(NAME),
                &machine.hub(),
                &on_bytes,
                &is_cancelled,
            )
        });
        machine.server.wait_for(1, is_stalled);
        // The second one stops waiting; the first one still has the lock.
        let second = machine.fetch_until(&|| lists() == 2);
        assert!(matches!(second, Err(ModelError::Cancelled)), "{second:?}");
        // The third one goes on where the first one is ended.
        let third = scope.spawn(|| machine.fetch());
        machine.server.wait_for(3, is_list);
        is_over.store(true, SeqCst);
        assert!(matches!(first.join().unwrap(), Err(ModelError::Cancelled)));
        let third = third.join().unwrap().unwrap();
        assert!(third.bytes - third.fetched_bytes >= 600_000, "{third:?}");
    });
}

#[test]
#[cfg(unix)]
fn a_cache_that_cannot_be_written_is_named() {
    use std::os::unix::fs::symlink;
    let machine = Machine::of(&Repository::tiny());
    // Root may write anywhere, so a folder that cannot be: a link into nothing that cannot be made.
    symlink("/proc/nowhere", machine.cache()).unwrap();
    let outcome = machine.fetch();
    assert!(
        matches!(outcome, Err(ModelError::CacheUnwritable { .. })),
        "{outcome:?}"
    );
}

/// A small disk of its own; gone when it is dropped.
#[cfg(target_os = "linux")]
struct Disk(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl Disk {
    /// `None` where nobody may mount one.
    fn mount(machine: &Machine, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(machine.cache()).unwrap();
        let size = format!("size={megabytes}m");
        let mut mount = std::process::Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(machine.cache());
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        if !is_mounted {
            eprintln!("skipped: this user may not mount a disk");
        }
        is_mounted.then(|| Self(machine.cache()))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_without_room_is_noticed_before_the_first_byte() {
    let machine = Machine::of(&Repository::tiny());
    let Some(_disk) = Disk::mount(&machine, 32) else {
        return;
    };
    let outcome = machine.fetch();
    assert!(
        matches!(outcome, Err(ModelError::NoSpace { needed, free, .. }) if needed > free && free < 33 << 20),
        "{outcome:?}"
    );
    assert_eq!(machine.server.requests().len(), 1, "only the list");
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_fills_up_meanwhile_is_named_and_what_came_is_kept() {
    let repository = Repository::with_weights(4_000_000);
    let filler: std::sync::Arc<std::sync::OnceLock<std::path::PathBuf>> = Default::default();
    let fills = std::sync::Arc::clone(&filler);
    let machine = Machine::with(move |request| {
        if request.path.ends_with(".onnx")
            && let Some(path) = fills.get()
        {
            let file = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .unwrap();
            // Leaves room for about half of the weights.
            let _ = std::io::Write::write_all(&mut &file, &vec![0; 68 << 20]);
        }
        repository.answer(request)
    });
    let Some(disk) = Disk::mount(&machine, 70) else {
        return;
    };
    filler.set(machine.cache().join("filler")).unwrap();
    let outcome = machine.fetch();
    assert!(matches!(outcome, Err(ModelError::NoSpace { .. })), "{outcome:?}");
    std::fs::remove_file(machine.cache().join("filler")).unwrap();
    let asked = machine.server.requests().len();
    assert!(!machine.repository().join("snapshots").exists());
    drop(disk);
    assert!(asked > 2);
}
