//! Hubs and repositories that mean harm: refused, with nothing written outside the cache.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use okibi_models::ModelError;
use serde_json::{Value, json};

use crate::{
    machine::Machine,
    repository::{COMMIT, Repository, noise},
    server::{Length, Reply, Request},
};

/// Checks that a fetch from this machine's hub is refused as unsafe; gives the reason.
#[track_caller]
fn assert_refused(machine: &Machine) -> String {
    let outcome = machine.fetch();
    let Err(ModelError::UntrustedRepository { what, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    machine.assert_nothing_to_see();
    what
}

/// A hub whose list is changed.
fn listing(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Machine {
    let repository = Repository::with_weights(100_000);
    Machine::with(move |request| {
        if request.path.starts_with("/api/") {
            let mut list = repository.list();
            change(&mut list);
            return Reply::new(200, list.to_string());
        }
        repository.answer(request)
    })
}

/// A hub whose answers about the weights are changed.
fn sending(change: impl Fn(&Request, Reply) -> Reply + Send + Sync + 'static) -> Machine {
    let repository = Repository::with_weights(100_000);
    Machine::with(move |request| {
        let reply = repository.answer(request);
        if request.path.ends_with("/onnx/model.onnx") {
            change(request, reply)
        } else {
            reply
        }
    })
}

fn is_first(request: &Request) -> bool {
    request.path.contains("/resolve/")
}

#[test]
fn file_names_that_lead_elsewhere() {
    for name in [
        "../evil.json",
        "onnx/../../../evil.onnx",
        "/etc/evil.json",
        "onnx//model.onnx",
        "onnx\\..\\..\\evil.onnx",
        "a\0b",
        "",
        "onnx/model.onnx_data/../../../../../evil",
        "onnx/model.onnx_data/C:/evil",
    ] {
        let machine = listing(move |list| {
            let siblings = list["siblings"].as_array_mut().unwrap();
            siblings.push(
                json!({"rfilename": name, "size": 4, "blobId": "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"}),
            );
        });
        assert_refused(&machine);
        assert_eq!(machine.server.requests().len(), 1, "{name:?}: nothing is fetched");
    }
}

#[test]
fn commits_that_are_none() {
    for commit in [
        "",
        "main",
        "../../../evil",
        "0123456789abcdef0123456789abcdef0123456g",
        &"0".repeat(64),
    ] {
        let commit = commit.to_owned();
        assert_refused(&listing(move |list| list["sha"] = json!(commit)));
    }
}

#[test]
fn sizes_that_are_too_large() {
    for (file, size) in [
        ("config.json", 17_u64 << 20),
        ("tokenizer.json", 257 << 20),
        ("onnx/model.onnx", 65 << 30),
        ("onnx/model.onnx", u64::MAX),
    ] {
        let machine = listing(move |list| {
            for sibling in list["siblings"].as_array_mut().unwrap() {
                if sibling["rfilename"] == file {
                    sibling["size"] = json!(size);
                    sibling.as_object_mut().unwrap().remove("lfs");
                }
            }
        });
        assert!(assert_refused(&machine).contains(file));
        assert_eq!(machine.server.requests().len(), 1);
    }
}

#[test]
fn a_list_without_an_end() {
    let machine = Machine::with(|_| Reply::new(200, vec![b' '; (32 << 20) + 1]));
    assert_refused(&machine);
}

#[test]
fn bodies_that_are_longer_than_listed() {
    // Announced, in a header of the hub, and unannounced.
    assert_refused(&sending(|request, reply| {
        if is_first(request) {
            reply
        } else {
            Reply::new(200, noise(100_001))
        }
    }));
    assert_refused(&sending(|_, reply| reply.with("X-Linked-Size", 100_001)));
    assert_refused(&sending(|request, mut reply| {
        if !is_first(request) {
            reply.body = noise(3_000_000);
            reply.length = Length::Chunked;
        }
        reply
    }));
    // As a part.
    assert_refused(&sending(|request, reply| {
        match (is_first(request), request.from) {
            (true, _) => reply,
            (_, None) => reply.cut(1000, crate::server::Then::BreakOff),
            _ => Reply::new(206, noise(50)).with("Content-Range", "bytes 1000-1049/100001"),
        }
    }));
}

#[test]
fn names_of_bytes_that_are_paths() {
    for etag in ["../../../evil", "/etc/evil", "a/b", "..", ".", "a\\b", ""] {
        let machine = {
            let repository = Repository::with_weights(1000);
            Machine::with(move |request| {
                let mut reply = repository.answer(request);
                if request.path.starts_with("/api/") {
                    let mut list = repository.list();
                    for sibling in list["siblings"].as_array_mut().unwrap() {
                        *sibling = json!({"rfilename": sibling["rfilename"], "size": sibling["size"]});
                    }
                    reply.body = list.to_string().into_bytes();
                } else if is_first(request) {
                    let name = if request.path.ends_with(".onnx") {
                        "X-Linked-ETag"
                    } else {
                        "ETag"
                    };
                    reply = reply.with(name, format!("\"{etag}\""));
                }
                reply
            })
        };
        assert_refused(&machine);
    }
}

#[test]
fn redirects_out_of_the_web() {
    for location in [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1/x",
        "http:///x",
    ] {
        let machine = sending(move |_, reply| reply.with("Location", location));
        assert_refused(&machine);
    }
}

#[test]
fn redirects_without_an_end() {
    let count = AtomicUsize::new(0);
    let machine = sending(move |request, reply| {
        let number = count.fetch_add(1, SeqCst);
        assert!(number < 6, "five are followed");
        if is_first(request) {
            reply.with("Location", &request.path)
        } else {
            reply
        }
    });
    let outcome = machine.fetch();
    assert!(matches!(outcome, Err(ModelError::Download { .. })), "{outcome:?}");
    assert_eq!(machine.server.requests_for("model.onnx").len(), 6);
}

#[test]
fn files_of_another_commit() {
    assert_refused(&sending(|request, reply| {
        if is_first(request) {
            reply.with("X-Repo-Commit", COMMIT.replace('0', "1"))
        } else {
            reply
        }
    }));
}

#[test]
fn weights_from_elsewhere() {
    for location in [
        "../../../../../../etc/passwd",
        "/etc/passwd",
        "a/../../b",
        "C:\\x",
        "c:x",
        "..\\x",
    ] {
        let field = |number: u8, content: &[u8]| [&[number << 3 | 2, content.len() as u8], content].concat();
        let entry = [field(1, b"location"), field(2, location.as_bytes())].concat();
        let tensor = field(5, &field(13, &entry));
        let attribute = field(5, &field(5, &field(13, &entry)));
        // As an initializer, and as the constant of a node.
        for part in [tensor, field(1, &attribute)] {
            let repository = Repository::with_weights(1).with("onnx/model.onnx", field(7, &part));
            let what = assert_refused(&Machine::of(&repository));
            assert!(what.contains("weights"), "{what}");
        }
    }
}

#[test]
fn a_revision_that_is_a_path() {
    for revision in ["../../../evil", "a//b", "a\\b", "c:evil"] {
        let machine = Machine::of(&Repository::with_weights(10));
        let mut model = crate::machine::model(crate::repository::NAME);
        model.revision = revision.into();
        let outcome = machine.fetch_model(&model);
        assert!(
            matches!(outcome, Err(ModelError::NoRevision { .. })),
            "{outcome:?}"
        );
        assert_eq!(machine.server.requests().len(), 0);
        machine.assert_nothing_to_see();
    }
}
