//! Locks that other processes and other tools hold.

use std::{
    fs::{self, File},
    path::PathBuf,
    thread,
};

use okibi_models::{Library, ModelError, remove};

use crate::{
    machine::{Machine, model},
    repository::{NAME, Repository, sha256},
};

const WEIGHTS: &str = "onnx/model.onnx";

/// Holds a lock as another process would: a lock is of an open file, not of a process.
fn hold(machine: &Machine, name: &str) -> File {
    let path = lock_path(machine, name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::create(path).unwrap();
    file.lock().unwrap();
    file
}

fn lock_path(machine: &Machine, name: &str) -> PathBuf {
    machine.cache().join(".locks/models--someone--tiny").join(name)
}

/// The lock that huggingface_hub takes before it writes the weights' `HASH.incomplete`.
fn of_weights(repository: &Repository) -> String {
    sha256(repository.file(WEIGHTS)) + ".lock"
}

#[test]
fn a_blob_that_another_tool_downloads_is_waited_for() {
    let repository = Repository::with_weights(100_000);
    let machine = Machine::of(&repository);
    let held = hold(&machine, &of_weights(&repository));
    let snapshot = thread::scope(|scope| {
        let fetch = scope.spawn(|| machine.fetch().unwrap());
        // The small files are not locked, and come after the weights would have been asked for.
        machine
            .server
            .wait_for(1, |request| request.path.ends_with("tokenizer.json"));
        let blobs = machine.repository().join("blobs");
        let weights = repository.file(WEIGHTS);
        fs::write(blobs.join(sha256(weights)), weights).unwrap();
        drop(held);
        fetch.join().unwrap()
    });
    assert_eq!(
        machine.server.requests_for(WEIGHTS).len(),
        0,
        "the other tool had them"
    );
    assert_eq!(
        fs::read(snapshot.folder.join(WEIGHTS)).unwrap(),
        repository.file(WEIGHTS)
    );
}

#[test]
fn waiting_for_another_tool_can_be_cancelled() {
    let repository = Repository::with_weights(100_000);
    let machine = Machine::of(&repository);
    let _held = hold(&machine, &of_weights(&repository));
    let outcome = machine.fetch_until(&|| !machine.server.requests_for("tokenizer.json").is_empty());
    assert!(matches!(outcome, Err(ModelError::Cancelled)), "{outcome:?}");
    assert_eq!(machine.server.requests_for(WEIGHTS).len(), 0);
}

#[test]
fn a_model_is_not_deleted_while_something_downloads_it() {
    let repository = Repository::with_weights(1000);
    let machine = Machine::of(&repository);
    machine.fetch().unwrap();
    let library = Library {
        hub: machine.hub(),
        ..Library::default()
    };
    for lock in ["fetch.lock".to_owned(), of_weights(&repository)] {
        let held = hold(&machine, &lock);
        let outcome = remove(NAME, &library);
        assert!(
            matches!(&outcome, Err(ModelError::InUse { name }) if name == NAME),
            "{lock}: {outcome:?}"
        );
        assert!(
            machine.fetch_model(&model(NAME)).unwrap().fetched_bytes == 0,
            "the files are all there"
        );
        drop(held);
    }
    remove(NAME, &library).unwrap();
    assert!(!machine.repository().exists());
    // A process that waits for the lock has this very file open.
    assert!(lock_path(&machine, "fetch.lock").exists());
}
