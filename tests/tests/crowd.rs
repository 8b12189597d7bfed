//! Many clients at once: right answers, fair turns, no harm done to others.

use std::path::PathBuf;

use okibi_engine::{EmbedRequest, Engine, LoadOptions};
use okibi_tests::{Machine, http, model, vector, within};
use serde_json::json;

/// The same model, loaded in this process, for answers to compare with.
fn direct() -> Engine {
    let assets = std::env::var_os("OKIBI_ASSETS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../assets"),
        PathBuf::from,
    );
    let options = LoadOptions {
        model: model::tiny().display().to_string(),
        assets: vec![assets],
        ..LoadOptions::default()
    };
    okibi_engine::load(&options, &|_| {}).expect("the tiny model loads")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_clients_at_once_get_the_answers_of_a_direct_call() {
    const CLIENTS: usize = 200;
    let machine = Machine::new();
    machine.start_tiny().await;
    let port = machine.port();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let texts = model::mixed_texts([1, 3, 17, 40][client % 4], 100 + client);
            tokio::spawn(async move {
                let mut wire = okibi_tests::Wire::connect(port).await;
                let result = wire.call("embed", json!({"input": texts})).await;
                let vectors: Vec<Vec<f32>> = serde_json::from_value(result["vectors"].clone()).unwrap();
                assert_eq!(vectors.len(), texts.len());
                (texts, vectors)
            })
        })
        .collect();
    let engine = tokio::task::spawn_blocking(direct).await.unwrap();
    for client in clients {
        let (texts, vectors) = within("a client's answer", client).await.unwrap();
        for (text, found) in texts.iter().zip(&vectors) {
            // One text alone: no batch, no neighbors, no padding.
            let prepared = engine.prepare(EmbedRequest::new(vec![text.clone()])).unwrap();
            let alone = engine.submit(prepared).unwrap().wait().await.unwrap();
            vector::assert_same(found, &alone.vectors[0], text);
        }
    }
    let status = machine.status().await;
    assert_eq!(
        (status.requests_served, status.requests_in_flight),
        (CLIENTS as u64, 0)
    );
}

#[tokio::test]
async fn a_query_does_not_wait_for_somebody_elses_bulk() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let mut bulk = machine.wire().await;
    let mut query = machine.wire().await;
    let texts = model::mixed_texts(6_000, 4);
    bulk.begin("embed", json!({"input": texts, "encoding": "base64"}))
        .await;
    let first = bulk.answer().await.expect("a first chunk");
    assert_eq!(first["more"], true);
    query.call("embed_text", json!({"text": "between"})).await;
    let status = machine.status().await;
    assert_eq!(
        (status.requests_served, status.requests_in_flight),
        (1, 1),
        "the query is answered while the bulk is still under way"
    );
    let mut last = first;
    while last["more"] == true {
        last = bulk.answer().await.expect("the bulk goes on");
        assert!(last.get("error").is_none(), "{last}");
    }
    let count = last["result"]["vectors"].as_array().unwrap().len();
    assert_eq!(
        last["result"]["offset"].as_u64().unwrap() as usize + count,
        texts.len()
    );
}

#[tokio::test]
async fn wrong_requests_among_many_touch_no_other() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let mut wire = machine.wire().await;
    let long = "長い".repeat(20_000);
    let mut asked = Vec::new();
    for round in 0..10 {
        for (params, is_right) in [
            (json!({"input": [format!("right {round}"), "also right"]}), true),
            (json!({"input": ["right", ""]}), false),
            (json!({"input": [long], "truncate": false}), false),
            (json!({"input": []}), false),
            (json!({"input": "x", "dimensions": 0}), false),
            (json!({"input": "x", "inptu_type": "query"}), false),
        ] {
            asked.push((wire.begin("embed", params).await, is_right));
        }
    }
    let mut answered = std::collections::HashMap::new();
    while answered.len() < asked.len() {
        let answer = wire.answer().await.expect("an answer to each");
        answered.insert(answer["id"].as_u64().unwrap(), answer);
    }
    for (id, is_right) in asked {
        let answer = &answered[&id];
        match is_right {
            true => assert_eq!(
                answer["result"]["tokens"].as_array().map(Vec::len),
                Some(2),
                "{answer}"
            ),
            false => assert_eq!(answer["error"]["code"], -32602, "{answer}"),
        }
    }
    // A client that disconnects in the middle of its work does not affect the others.
    let mut gone = machine.wire().await;
    gone.begin("embed", json!({"input": model::mixed_texts(5000, 5)}))
        .await;
    drop(gone);
    wire.call("embed_text", json!({"text": "still served"})).await;
}

/// A number in `/metrics`.
async fn metric(machine: &Machine, name: &str) -> u64 {
    let text = http::get(machine.port(), "/metrics").await.body;
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let number: f64 = found
        .unwrap_or_else(|| panic!("{name}: {text}"))
        .parse()
        .expect("a number");
    number as u64
}

#[tokio::test]
async fn the_work_of_a_websocket_that_goes_away_stops() {
    const TEXTS: usize = 10_000;
    let machine = Machine::new();
    machine.start_tiny().await;
    let mut gone = machine.wire().await;
    gone.begin(
        "embed",
        json!({"input": model::mixed_texts(TEXTS, 6), "stream": false}),
    )
    .await;
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(5));
    // All of its texts, not any: the daemon has sentences of its own in the queue after a load.
    within("it is being computed", async {
        while metric(&machine, "okibi_queued_texts").await < TEXTS as u64 {
            looks.tick().await;
        }
    })
    .await;
    drop(gone);
    within("it is given up", async {
        while metric(&machine, "okibi_abandoned_requests_total").await == 0 {
            looks.tick().await;
        }
    })
    .await;
    assert_eq!(metric(&machine, "okibi_queued_texts").await, 0);
    assert_eq!(
        metric(&machine, "okibi_texts_total").await,
        0,
        "nothing of it was answered"
    );
}

#[cfg(target_os = "linux")]
mod idle {
    use std::{net::Ipv4Addr, time::Duration};

    use okibi_tests::{Machine, eventually, proc, within};
    use serde_json::json;
    use tokio::net::TcpStream;

    use super::metric;

    /// Sockets at once, if the system's hard limit allows that many.
    const SOCKETS: usize = 10_000;

    /// Files that this process needs beside them.
    const SPARE: usize = 200;

    /// What one of them may cost the daemon.
    const BYTES_OF_ONE: usize = 32 << 10;

    /// Raises this process's limit of files as far as it goes, and gives it.
    fn raise_file_limit() -> usize {
        let mut limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: the pointer is to a value of the right type that lives as long as the call.
        let known = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
        assert_eq!(known, 0, "{}", std::io::Error::last_os_error());
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: as above; the call reads it only.
        let raised = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
        assert_eq!(raised, 0, "{}", std::io::Error::last_os_error());
        usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
    }

    fn memory(machine: &Machine) -> usize {
        let daemons = machine.daemons();
        let bytes = daemons.into_iter().filter_map(proc::resident_bytes);
        bytes.map(|bytes| bytes as usize).sum()
    }

    #[tokio::test]
    async fn ten_thousand_idle_sockets_cost_little_and_give_it_back() {
        let sockets = SOCKETS.min(raise_file_limit().saturating_sub(SPARE));
        if sockets < SOCKETS {
            eprintln!("the system's hard limit of files allows {sockets} sockets, not {SOCKETS}");
        }
        let machine = Machine::new();
        machine.write_config("max_connections = 12000\nheader_seconds = 600\n");
        machine.start_tiny().await;
        let mut good = machine.wire().await;
        good.call("embed_text", json!({"text": "before"})).await;
        let before = memory(&machine);
        let mut idle = Vec::with_capacity(sockets);
        while idle.len() < sockets {
            let connecting = TcpStream::connect((Ipv4Addr::LOCALHOST, machine.port()));
            idle.push(within("a connection", connecting).await.unwrap());
            if idle.len().is_multiple_of(1000) {
                let began = std::time::Instant::now();
                good.call("embed_text", json!({"text": "between"})).await;
                assert!(began.elapsed() < Duration::from_secs(5), "{} sockets", idle.len());
                let grown = memory(&machine).saturating_sub(before);
                assert!(
                    grown < idle.len() * BYTES_OF_ONE + (32 << 20),
                    "{grown} bytes for {} sockets",
                    idle.len()
                );
            }
        }
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        within("all of them are open", async {
            while metric(&machine, "okibi_connections").await < sockets as u64 {
                looks.tick().await;
            }
        })
        .await;
        let peak = memory(&machine).saturating_sub(before);
        drop(idle);
        within("all of them are gone", async {
            while metric(&machine, "okibi_connections").await > 10 {
                looks.tick().await;
            }
        })
        .await;
        good.call("embed_text", json!({"text": "after"})).await;
        eventually("memory falls again", || {
            let grown = memory(&machine).saturating_sub(before);
            (grown < peak / 2 + (8 << 20)).then_some(())
        })
        .await;
    }
}
