//! Downloads that break off, and go on where they were.

use std::{
    fs,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use okibi_models::{ModelError, fetch_at};

use crate::{
    machine::{Machine, model},
    repository::{NAME, Repository, part, sha256},
    server::{LIMIT, Length, Reply, Request, Then},
};

const WEIGHTS: &str = "onnx/model.onnx";
const SIZE: usize = 1_000_000;

/// A hub whose weights come by what `send` makes of the honest answer and the number of the request for them.
fn hub(send: impl Fn(Reply, &Request, usize) -> Reply + Send + Sync + 'static) -> Machine {
    let repository = Repository::with_weights(SIZE);
    let asked = AtomicUsize::new(0);
    Machine::with(move |request| {
        let reply = repository.answer(request);
        if is_bytes(request) {
            send(reply, request, asked.fetch_add(1, SeqCst))
        } else {
            reply
        }
    })
}

fn is_bytes(request: &Request) -> bool {
    request.path.starts_with("/bytes/") && request.path.ends_with(WEIGHTS)
}

/// What went out of the weights: where each answer began, and its bytes.
fn sent(machine: &Machine) -> Vec<(usize, usize)> {
    let requests = machine.server.requests();
    let sent = requests.iter().filter(|request| is_bytes(request));
    sent.map(|request| (request.from.unwrap_or(0), request.sent))
        .collect()
}

#[track_caller]
fn assert_whole(machine: &Machine) {
    let weights = Repository::with_weights(SIZE).file(WEIGHTS).to_vec();
    let path = machine.repository().join("blobs").join(sha256(&weights));
    assert!(fs::read(path).unwrap() == weights, "the weights are whole");
}

#[test]
fn no_byte_comes_twice_however_often_the_stream_breaks() {
    // Ends of the answers: at the first byte, around the sizes of buffers, before the last byte.
    const ENDS: [usize; 10] = [
        1,
        1000,
        65_535,
        65_536,
        131_072,
        131_073,
        400_000,
        400_001,
        999_998,
        SIZE - 1,
    ];
    let machine = hub(|reply, request, number| match ENDS.get(number) {
        Some(end) => reply.cut(end - request.from.unwrap_or(0), Then::BreakOff),
        None => reply,
    });
    let snapshot = machine.fetch().unwrap();
    assert_whole(&machine);
    let sent = sent(&machine);
    assert_eq!(sent.len(), ENDS.len() + 1);
    let mut here = 0;
    for (from, bytes) in sent {
        assert_eq!(from, here, "each answer goes on where the last one ended");
        here += bytes;
    }
    assert_eq!(here, SIZE);
    assert_eq!(snapshot.fetched_bytes, snapshot.bytes);
}

#[test]
fn progress_makes_it_patient_and_none_makes_it_give_up() {
    // Ten bytes at a time, far more often than it tries without progress; from byte 300 on nothing comes.
    let machine = hub(|reply, request, _| {
        let from = request.from.unwrap_or(0);
        reply.cut(if from < 300 { 10 } else { 0 }, Then::BreakOff)
    });
    let outcome = machine.fetch();
    assert!(
        matches!(&outcome, Err(ModelError::Download { file, .. }) if file == WEIGHTS),
        "{outcome:?}"
    );
    let sent = sent(&machine);
    assert_eq!(sent.len(), 30 + machine.policy.tries as usize);
    machine.assert_nothing_to_see();
}

#[test]
fn a_stalled_stream_is_taken_up_again() {
    let mut machine = hub(|reply, _, number| {
        if number < 2 {
            reply.cut(100_000, Then::Stall)
        } else {
            reply
        }
    });
    machine.policy.stall = Duration::from_millis(300);
    machine.fetch().unwrap();
    assert_whole(&machine);
    assert_eq!(
        sent(&machine),
        [(0, 100_000), (100_000, 100_000), (200_000, 800_000)]
    );
}

#[test]
fn a_body_that_is_too_short_is_completed() {
    let machine = hub(|mut reply, _, number| {
        if number == 0 {
            reply.body.truncate(500_000);
        }
        reply
    });
    machine.fetch().unwrap();
    assert_whole(&machine);
    assert_eq!(sent(&machine), [(0, 500_000), (500_000, 500_000)]);
}

#[test]
fn a_file_that_is_shorter_than_listed_ends_the_fetch() {
    let repository = Repository::with_weights(SIZE);
    let machine = hub(move |_, request, _| part(&repository.file(WEIGHTS)[..1000], request.from));
    let outcome = machine.fetch();
    assert!(matches!(outcome, Err(ModelError::Download { .. })), "{outcome:?}");
}

#[test]
fn a_server_without_ranges_sends_the_file_again() {
    let repository = Repository::with_weights(SIZE);
    let machine = hub(move |_, _, number| {
        let whole = part(repository.file(WEIGHTS), None);
        if number == 0 {
            whole.cut(600_000, Then::BreakOff)
        } else {
            whole
        }
    });
    machine.fetch().unwrap();
    assert_whole(&machine);
    assert_eq!(sent(&machine), [(0, 600_000), (600_000, SIZE)]);
}

#[test]
fn another_part_than_the_one_asked_for_starts_over() {
    let repository = Repository::with_weights(SIZE);
    let machine = hub(move |reply, _, number| match number {
        0 => reply.cut(600_000, Then::BreakOff),
        1 => part(repository.file(WEIGHTS), Some(500_000)),
        _ => reply,
    });
    machine.fetch().unwrap();
    assert_whole(&machine);
}

#[test]
fn a_range_that_is_refused_starts_over() {
    let machine = hub(|reply, _, number| match number {
        0 => reply.cut(600_000, Then::BreakOff),
        1 => Reply::empty(416),
        _ => reply,
    });
    machine.fetch().unwrap();
    assert_whole(&machine);
    assert_eq!(sent(&machine).len(), 3);
}

#[test]
fn what_was_cancelled_goes_on_later() {
    let machine = hub(|reply, _, number| {
        if number == 0 {
            reply.cut(700_000, Then::Stall)
        } else {
            reply
        }
    });
    let done = Mutex::new(0);
    let on_bytes = |now, _| *done.lock().unwrap() = now;
    // The stall lasts until the fetch gives up by itself, so only the cancelling ends it in time.
    let is_cancelled = || *done.lock().unwrap() >= 700_000;
    let began = std::time::Instant::now();
    let outcome = fetch_at(
        &machine.policy,
        &model(NAME),
        &machine.hub(),
        &on_bytes,
        &is_cancelled,
    );
    assert!(matches!(outcome, Err(ModelError::Cancelled)), "{outcome:?}");
    assert!(
        began.elapsed() < machine.policy.stall,
        "a request under way is cut"
    );
    machine.assert_nothing_to_see();
    machine.fetch().unwrap();
    assert_whole(&machine);
    assert_eq!(sent(&machine), [(0, 700_000), (700_000, 300_000)]);
}

#[test]
fn waiting_is_cancelled_too() {
    let mut machine = Machine::with(|_| Reply::empty(503));
    machine.policy.backoff = LIMIT;
    machine.policy.longest_wait = LIMIT;
    let began = std::time::Instant::now();
    let outcome = machine.fetch_until(&|| !machine.server.requests().is_empty());
    assert!(matches!(outcome, Err(ModelError::Cancelled)), "{outcome:?}");
    assert!(began.elapsed() < LIMIT);
}

#[test]
fn wrong_bytes_are_fetched_once_more() {
    let machine = hub(|mut reply, _, number| {
        if number == 0 {
            reply.body[SIZE / 2] ^= 1;
        }
        reply
    });
    let snapshot = machine.fetch().unwrap();
    assert_whole(&machine);
    assert_eq!(sent(&machine), [(0, SIZE), (0, SIZE)]);
    assert_eq!(snapshot.fetched_bytes, snapshot.bytes + SIZE as u64);
}

#[test]
fn bytes_that_are_wrong_twice_are_not_kept() {
    let machine = hub(|mut reply, _, _| {
        reply.body[SIZE / 2] ^= 1;
        reply
    });
    let outcome = machine.fetch();
    assert!(
        matches!(&outcome, Err(ModelError::WrongHash { file, .. }) if file == WEIGHTS),
        "{outcome:?}"
    );
    assert_eq!(sent(&machine).len(), 2);
    machine.assert_nothing_to_see();
    let weights = sha256(Repository::with_weights(SIZE).file(WEIGHTS));
    assert!(!machine.blobs().contains(&weights));
    assert!(
        !machine
            .repository()
            .join("blobs")
            .join(weights + ".incomplete")
            .exists()
    );
}

#[test]
fn what_came_whole_before_a_crash_is_only_verified() {
    let machine = hub(|reply, _, _| reply);
    let weights = Repository::with_weights(SIZE).file(WEIGHTS).to_vec();
    let blobs = machine.repository().join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    let partial = blobs.join(sha256(&weights) + ".incomplete");
    fs::write(&partial, &weights).unwrap();
    machine.fetch().unwrap();
    assert_whole(&machine);
    assert_eq!(sent(&machine), []);
    assert!(!partial.exists());
}

#[test]
fn what_came_wrong_before_a_crash_is_thrown_away() {
    let machine = hub(|reply, _, _| reply);
    let weights = sha256(Repository::with_weights(SIZE).file(WEIGHTS));
    let blobs = machine.repository().join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    // Longer than the file can be, so nothing of it is believed.
    fs::write(blobs.join(weights + ".incomplete"), vec![0; SIZE + 1]).unwrap();
    machine.fetch().unwrap();
    assert_whole(&machine);
    assert_eq!(sent(&machine), [(0, SIZE)]);
}

#[test]
fn a_body_in_chunks_of_no_announced_length_is_fine() {
    let machine = hub(|mut reply, _, _| {
        reply.length = Length::Chunked;
        reply
    });
    machine.fetch().unwrap();
    assert_whole(&machine);
}
