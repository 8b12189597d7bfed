//! What no client can do to the daemon.
#![cfg(unix)]

use std::{net::Ipv4Addr, time::Duration};

use okibi_tests::{Machine, eventually, http, model, proc, within};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What the daemon may grow by while it is attacked.
const GROWTH: u64 = 400 << 20;

/// Clients that do not read their answers.
const DEAF: u64 = 8;

/// A well-behaved client is answered, now.
async fn answers(machine: &Machine) {
    let body = json!({"input": "熾火"});
    let answering = http::json(machine.port(), "POST", "/v1/embeddings", &body);
    let reply = within("a well-behaved client's answer", answering).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

fn memory(machine: &Machine) -> u64 {
    let daemons = machine.daemons().into_iter();
    daemons
        .filter_map(proc::resident_bytes)
        .map(|bytes| bytes as u64)
        .sum()
}

#[tokio::test]
async fn malformed_requests_are_refused_and_harm_nobody() {
    let machine = Machine::tiny_with("").await;
    let port = machine.port();
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: [(&str, &[u8]); 8] = [
        ("deep JSON", deep.as_bytes()),
        ("no JSON", b"{\"input\": "),
        ("duplicate keys", br#"{"input": "a", "input": "b"}"#),
        ("not UTF-8", b"{\"input\": \"\xff\xfe\"}"),
        ("nothing", b""),
        ("null", b"null"),
        ("a number too large", br#"{"input": "a", "dimensions": 1e400}"#),
        ("a list of everything", br#"{"input": [1, "a", null, {}]}"#),
    ];
    for path in ["/v1/embeddings", "/api/embed", "/embed", "/rpc"] {
        for (what, body) in bodies {
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n",
                body.len()
            );
            let sent = [format!("{head}Connection: close\r\n\r\n").as_bytes(), body].concat();
            let reply = http::raw(port, &sent).await;
            let is_told = match path {
                // JSON-RPC has its errors in the answer.
                "/rpc" => reply.status == 200 && reply.body.contains("\"error\""),
                _ => (400..500).contains(&reply.status) && reply.body.contains("\"error\""),
            };
            assert!(is_told, "{path}: {what}: {} {}", reply.status, reply.body);
        }
    }
    let nul = json!({"input": "a\u{0}b"});
    assert_eq!(
        http::json(port, "POST", "/v1/embeddings", &nul).await.status,
        200,
        "NUL is a letter"
    );
    for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip", "GZIP"] {
        let head =
            format!("POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: {encoding}\r\n");
        let reply = http::exchange(port, &head, "x").await;
        assert_eq!(reply.status, 415, "{encoding}: nothing is unpacked");
    }
    let head = "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n";
    assert_eq!(http::exchange(port, head, "x").await.status, 413);
    let long = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n",
        "a".repeat(200 << 10)
    );
    assert_eq!(http::send(port, &long).await.status, 431);
    let emoji = json!({"input": "🦀".repeat(250_000)});
    let reply = http::json(port, "POST", "/v1/embeddings", &emoji).await;
    assert_eq!(reply.status, 200, "1 MB of one emoji: {}", reply.body);
    answers(&machine).await;
}

#[tokio::test]
async fn a_body_without_an_end_is_ended() {
    let machine = Machine::tiny_with("max_request_mb = 4\n").await;
    let before = memory(&machine);
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, machine.port()))
        .await
        .unwrap();
    let head = "POST /embed HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let (mut reading, mut writing) = stream.split();
    let mut answer = [0; 12];
    let endless = async {
        loop {
            // It fails once the connection is closed.
            if writing.write_all(chunk.as_bytes()).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let answered = async {
        tokio::select! {
            read = reading.read_exact(&mut answer) => read.map(drop),
            () = endless => Ok(()),
        }
    };
    within("an answer before the end", answered).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    assert!(memory(&machine) < before + GROWTH / 4);
    answers(&machine).await;
}

#[tokio::test]
async fn a_websocket_is_not_compressed() {
    let machine = Machine::tiny_with("").await;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, machine.port()))
        .await
        .unwrap();
    let head = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // A text frame that says it is compressed (RFC 7692, section 6), masked with zeros.
    stream.write_all(&[0xc1, 0x81, 0, 0, 0, 0, b'x']).await.unwrap();
    let mut answer = Vec::new();
    within("the end", stream.read_to_end(&mut answer)).await.unwrap();
    let head = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    assert!(!head.contains("sec-websocket-extensions"), "{head}");
    let protocol_error = 1002u16.to_be_bytes();
    assert!(answer.windows(2).any(|two| two == protocol_error), "{answer:?}");
    answers(&machine).await;
}

#[tokio::test]
async fn what_each_bound_refuses_is_counted() {
    let machine = Machine::tiny_with(
        "max_request_mb = 1\nmax_buffered_mb = 2\nmax_inputs = 2\nmax_request_tokens = 40\nmax_batch = 2\n\
         header_seconds = 1\nbody_seconds = 1\nping_seconds = 1\n",
    )
    .await;
    let port = machine.port();
    // A WebSocket that answers no ping, a head and a body that do not come to their end.
    let mut slow = Vec::new();
    let post = "POST /embed HTTP/1.1\r\nHost: localhost\r\n";
    for begun in [
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: loc",
        &format!("{post}Content-Length: 100\r\n\r\n{{"),
    ] {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    assert_eq!(
        http::status(machine.port(), "GET / HTTP/1.1\r\nHost: evil.example\r\n").await,
        403
    );
    assert_eq!(http::status(machine.port(), "GET / HTTP/1.1\r\n").await, 400);
    let foreign = "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n";
    assert_eq!(http::status(machine.port(), foreign).await, 403);
    let long = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n",
        "a".repeat(200 << 10)
    );
    assert_eq!(http::status(machine.port(), &long).await, 431);
    assert_eq!(
        http::status(machine.port(), &format!("{post}Content-Length: 2000000\r\n")).await,
        413
    );
    let embed = async |inputs: Value| http::json(port, "POST", "/embed", &json!({"inputs": inputs})).await;
    assert!(
        embed(json!(["a", "b", "c"]))
            .await
            .body
            .contains("over the limit of 2")
    );
    assert!(
        embed(json!("word ".repeat(100)))
            .await
            .body
            .contains("over the limit of 40")
    );
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "get_status"});
    let batch = json!([call, call, call]);
    let mut wire = machine.wire().await;
    assert_eq!(wire.ask(batch.clone()).await["error"]["code"], -32600);
    let reply = http::json(port, "POST", "/rpc", &batch).await;
    assert_eq!(reply.json()["error"]["code"], -32600);
    wire.send(" ".repeat((1 << 20) + 1)).await;
    assert_eq!(wire.answer().await.unwrap()["error"]["code"], -32600);
    for mut stream in slow {
        let mut answer = Vec::new();
        // Cut, with an answer or without.
        let _ = within("a slow client is cut", stream.read_to_end(&mut answer)).await;
    }
    let metrics = http::get(port, "/metrics").await.body;
    for (bound, count) in [
        ("host", 2),
        ("origin", 1),
        ("header_size", 1),
        ("body_size", 1),
        ("inputs", 1),
        ("request_tokens", 1),
        ("batch", 2),
        ("frame_size", 1),
        ("header_time", 1),
        ("body_time", 1),
        ("ping", 1),
        ("write_time", 0),
        ("queue", 0),
        ("connections", 0),
        ("buffered", 0),
        ("unread", 0),
        ("token", 0),
    ] {
        assert_eq!(http::refused_by(&metrics, bound), count, "{bound}: {metrics}");
    }
}

#[tokio::test]
async fn a_flood_of_silent_sockets_keeps_nobody_out() {
    let machine = Machine::tiny_with("max_connections = 200\n").await;
    let before = memory(&machine);
    let mut silent = Vec::new();
    for _ in 0..1000 {
        if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, machine.port())).await {
            silent.push(stream);
        }
    }
    answers(&machine).await;
    machine.run(["status"]).await.expect(0);
    let metrics = http::get(machine.port(), "/metrics").await.body;
    assert!(http::refused_by(&metrics, "connections") >= 800, "{metrics}");
    assert!(memory(&machine) < before + GROWTH);
}

#[tokio::test]
async fn half_requests_hold_no_memory_for_long() {
    let machine = Machine::tiny_with("").await;
    let before = memory(&machine);
    let mut stuck = Vec::new();
    // 40 requests of 31 MB of which the last byte never comes.
    for _ in 0..40 {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, machine.port()))
            .await
            .unwrap();
        let size = 31 << 20;
        let head =
            format!("POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = vec![b' '; size - 1];
        // Refused in the middle, as soon as too much is held.
        let _ = tokio::time::timeout(Duration::from_secs(2), stream.write_all(&chunk)).await;
        stuck.push(stream);
    }
    let grown = memory(&machine).saturating_sub(before);
    assert!(grown < 2 * GROWTH, "{} MB", grown >> 20);
    answers(&machine).await;
    let metrics = http::get(machine.port(), "/metrics").await.body;
    assert!(http::refused_by(&metrics, "buffered") > 0, "{metrics}");
    drop(stuck);
}

#[tokio::test]
async fn a_client_that_has_gone_is_computed_no_further() {
    let machine = Machine::new();
    machine.run(["start"]).await.expect(0);
    let texts = model::mixed_texts(8000, 3);
    let body = json!({"input": texts}).to_string();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, machine.port()))
        .await
        .unwrap();
    let head = format!(
        "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let metric = async |name: &str| -> Option<u64> {
        let text = http::get(machine.port(), "/metrics").await.body;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    let until = async |name: &str, least: u64| {
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        within(name, async {
            while metric(name).await.is_none_or(|value| value < least) {
                looks.tick().await;
            }
        })
        .await;
    };
    until("okibi_queued_texts ", 1000).await;
    drop(stream);
    until("okibi_abandoned_requests_total ", 1).await;
    assert_eq!(
        metric("okibi_queued_texts ").await,
        Some(0),
        "the rest is not computed"
    );
    answers(&machine).await;
}

#[tokio::test]
async fn a_short_request_overtakes_bulk() {
    let machine = Machine::new();
    machine.run(["start"]).await.expect(0);
    let port = machine.port();
    let bulk = tokio::spawn(async move {
        let body = json!({"input": model::mixed_texts(1500, 4)});
        http::json(port, "POST", "/v1/embeddings", &body).await.status
    });
    let queued = async || {
        http::get(port, "/metrics")
            .await
            .body
            .contains("okibi_queued_texts 0\n")
    };
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    while queued().await {
        looks.tick().await;
    }
    for _ in 0..5 {
        answers(&machine).await;
    }
    assert!(!bulk.is_finished(), "the short ones were answered first");
    assert_eq!(bulk.await.unwrap(), 200);
}

#[tokio::test]
async fn answers_that_nobody_reads_stay_within_their_bound() {
    /// Clients, each with an answer of about 8 MB: five times the bound.
    const CLIENTS: usize = 40;
    let machine = Machine::tiny_with("max_buffered_mb = 64\nmax_queued_texts = 1000000\n").await;
    let before = memory(&machine);
    let body = json!({"inputs": vec!["a"; 10_000]}).to_string();
    let head = format!(
        "POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    // A request that has not arrived yet is not in flight, but neither is it answered.
    async fn computed(machine: &Machine) -> usize {
        let metrics = http::get(machine.port(), "/metrics").await.body;
        let of_dialect = "okibi_requests_total{dialect=\"tei\"";
        let lines = metrics.lines().filter(|line| line.starts_with(of_dialect));
        lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok())
            .sum()
    }
    let mut deaf = Vec::new();
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    for asked in 1..=CLIENTS {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, machine.port()))
            .await
            .unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        deaf.push(stream);
        if asked % 8 == 0 {
            within("what they ask for is computed", async {
                while computed(&machine).await < asked {
                    looks.tick().await;
                }
            })
            .await;
            answers(&machine).await;
            let grown = memory(&machine).saturating_sub(before);
            assert!(grown < GROWTH / 2, "{} MB after {asked} clients", grown >> 20);
        }
    }
    let metrics = http::get(machine.port(), "/metrics").await.body;
    assert!(http::refused_by(&metrics, "unread") >= 20, "{metrics}");
    drop(deaf);
}

#[tokio::test]
async fn a_client_that_does_not_read_costs_no_one_else() {
    let machine = Machine::tiny_with("").await;
    let before = memory(&machine);
    let mut deaf = Vec::new();
    for _ in 0..DEAF {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, machine.port()))
            .await
            .unwrap();
        let body = json!({"input": vec!["a"; 3000]}).to_string();
        let head = format!(
            "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        deaf.push(stream);
    }
    answers(&machine).await;
    let served = async || machine.status().await.requests_served;
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    within("the deaf clients' requests are computed", async {
        while served().await <= DEAF {
            looks.tick().await;
        }
    })
    .await;
    answers(&machine).await;
    assert!(memory(&machine) < before + GROWTH);
    drop(deaf);
    eventually("their connections end", || {
        (memory(&machine) < before + GROWTH).then_some(())
    })
    .await;
}
