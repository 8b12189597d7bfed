//! Who is let in.
#![cfg(unix)]

use std::{ffi::OsStr, net::Ipv4Addr};

use okibi_tests::{Machine, eventually, http, model, within};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[tokio::test]
async fn only_loopback_names_and_listed_origins_are_let_in() {
    let machine =
        Machine::tiny_with("allowed_origins = ['app://obsidian.md']\nallowed_hosts = ['okibi.lan']\n").await;
    let port = machine.port();
    for host in [
        "127.0.0.1",
        "LocalHost",
        "localhost.",
        "[::1]",
        "127.1.2.3",
        "okibi.lan",
        "OKIBI.LAN.",
    ] {
        let head = format!("GET /v1/models HTTP/1.1\r\nHost: {host}:{port}\r\n");
        assert_eq!(http::status(machine.port(), &head).await, 200, "{host}");
    }
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "0.0.0.0",
        "192.168.0.7",
        "[::2]",
        "EVIL.EXAMPLE",
        "evil.example.",
        "evil.example:8765",
        "192.168.0.7:8765",
        "[fe80::1]:8765",
        "[::ffff:192.168.0.7]",
        "::1",
        "localhost..",
        "localhost:x",
        "",
    ] {
        let head = format!("GET /v1/models HTTP/1.1\r\nHost: {host}\r\n");
        assert_eq!(http::status(machine.port(), &head).await, 403, "{host:?}");
    }
    assert_eq!(
        http::status(machine.port(), "GET /v1/models HTTP/1.1\r\n").await,
        400,
        "no Host"
    );
    for (path, upgrade) in [
        ("/v1/models", ""),
        (
            "/",
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        ),
    ] {
        for origin in [
            "http://evil.example",
            "null",
            "https://127.0.0.1:1",
            "HTTP://EVIL.EXAMPLE.",
            "http://[::2]:8765",
            "http://192.168.0.7",
            "app://obsidian.md.evil",
        ] {
            let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{upgrade}Origin: {origin}\r\n");
            let reply = http::send(port, &head).await;
            assert_eq!(reply.status, 403, "{path} {origin}");
            assert!(
                reply.body.contains("allowed_origins"),
                "it says how: {}",
                reply.body
            );
            assert!(reply.header("access-control-allow-origin").is_none());
        }
    }
    let own = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nOrigin: app://obsidian.md\r\n";
    let reply = http::send(port, own).await;
    assert_eq!(
        (
            reply.status,
            reply.header("access-control-allow-origin").as_deref()
        ),
        (200, Some("app://obsidian.md"))
    );
    let preflight = "OPTIONS /api/delete HTTP/1.1\r\nHost: localhost\r\nOrigin: app://obsidian.md\r\n\
                     Access-Control-Request-Method: DELETE\r\nAccess-Control-Request-Private-Network: true\r\n\
                     Access-Control-Request-Headers: authorization,content-type,x-stainless-os\r\n";
    let reply = http::send(port, preflight).await;
    for (name, value) in [
        ("access-control-allow-origin", "app://obsidian.md"),
        (
            "access-control-allow-headers",
            "authorization,content-type,x-stainless-os",
        ),
        ("access-control-allow-private-network", "true"),
        ("access-control-allow-methods", "GET, HEAD, POST, DELETE"),
    ] {
        assert_eq!(reply.header(name).as_deref(), Some(value), "{}", reply.head);
    }
    let foreign = preflight.replace("app://obsidian.md", "http://evil.example");
    let reply = http::send(port, &foreign).await;
    assert!(
        reply.status == 403 && !reply.head.to_lowercase().contains("access-control-allow"),
        "{}",
        reply.head
    );
    let preflight = "OPTIONS /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nOrigin: app://obsidian.md\r\n\
                     Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n";
    let reply = http::send(port, preflight).await;
    assert!(
        reply.status == 204 && reply.header("access-control-allow-methods").is_some(),
        "{}",
        reply.head
    );
}

/// A daemon that requires a token, and its tokens.
async fn with_tokens() -> (Machine, Value) {
    let machine = Machine::new();
    machine.write_config("require_token = true\n");
    let tiny = model::tiny();
    machine
        .run([OsStr::new("start"), "-m".as_ref(), tiny.as_ref()])
        .await
        .expect(0);
    let file = std::fs::read_to_string(machine.path("data/token.json")).unwrap();
    (machine, serde_json::from_str(&file).unwrap())
}

#[tokio::test]
async fn a_token_is_asked_for_and_each_gives_its_right() {
    let (machine, tokens) = with_tokens().await;
    let port = machine.port();
    let (for_use, manage) = (
        tokens["use"].as_str().unwrap(),
        tokens["manage"].as_str().unwrap(),
    );
    let reply = http::get(port, "/v1/models").await;
    assert_eq!(
        (reply.status, reply.header("www-authenticate").as_deref()),
        (401, Some("Bearer"))
    );
    let with = |token: &str| {
        format!("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n")
    };
    assert_eq!(http::status(machine.port(), &with("wrong")).await, 401);
    for token in [for_use, manage] {
        assert_eq!(http::status(machine.port(), &with(token)).await, 200);
    }
    assert_eq!(
        http::get(port, "/livez").await.status,
        200,
        "whether anybody is there is no secret"
    );
    let stop = json!({"jsonrpc": "2.0", "id": 1, "method": "stop_server"}).to_string();
    let head = format!("POST /rpc HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {for_use}\r\n");
    let refused = http::exchange(port, &head, &stop).await;
    assert_eq!(refused.json()["error"]["code"], -32004, "{}", refused.body);
    let metrics = http::send(port, &with(for_use).replace("/v1/models", "/metrics"))
        .await
        .body;
    // None, a wrong one, and one without the right.
    assert_eq!(http::refused_by(&metrics, "token"), 3, "{metrics}");
    let head = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let upgrade = async |query: &str| {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let request = head.replacen("GET /", &format!("GET /{query}"), 1);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        within("an answer to the upgrade", stream.read_exact(&mut start))
            .await
            .unwrap();
        String::from_utf8_lossy(&start).into_owned()
    };
    assert_eq!(upgrade("").await, "HTTP/1.1 401");
    assert_eq!(upgrade(&format!("?token={for_use}")).await, "HTTP/1.1 101");
    // The command line brings the token by itself.
    machine.run(["status"]).await.expect(0);
    machine.run(["stop"]).await.expect(0);
    machine.nothing_left().await;
}

#[tokio::test]
async fn every_route_asks_for_its_right_by_every_method() {
    let (machine, tokens) = with_tokens().await;
    let port = machine.port();
    let with = |name: &str| format!("Authorization: Bearer {}\r\n", tokens[name].as_str().unwrap());
    let description = http::send(
        port,
        &format!("GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n{}", with("use")),
    )
    .await;
    let description = description.json();
    let mut paths: Vec<String> = description["paths"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert!(paths.len() > 15, "{paths:?}");
    paths.extend(
        [
            "/nothing",
            "/docs",
            "/openapi.json",
            "/rpc",
            "/events",
            "//",
            "/livez/",
            "/%6civez",
        ]
        .map(String::from),
    );
    for path in paths {
        let path = path.replace(['{', '}'], "");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let reads = method == "GET" || method == "HEAD";
            let is_open = reads && ["/", "/livez", "/readyz"].contains(&path.as_str());
            let managed = ["/api/pull", "/api/delete", "/api/generate", "/api/chat"];
            let is_managed = managed.contains(&path.as_str());
            for (token, header, is_refused) in [
                ("none", String::new(), !is_open),
                ("wrong", "Authorization: Bearer wrong\r\n".into(), !is_open),
                ("use", with("use"), is_managed),
                ("manage", with("manage"), false),
            ] {
                let status = first_status(
                    port,
                    &format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{header}"),
                )
                .await;
                let by_token = match token {
                    "use" => 403,
                    _ => 401,
                };
                assert_eq!(
                    status == by_token,
                    is_refused,
                    "{method} {path} with the token {token}: {status}"
                );
                assert!(!is_refused || status == by_token);
            }
        }
    }
    machine.run(["stop"]).await.expect(0);
    machine.nothing_left().await;
}

/// The status of an answer that may never end.
async fn first_status(port: u16, head: &str) -> u16 {
    let asking = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let request = format!("{head}Content-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.unwrap();
        String::from_utf8_lossy(&start[9..]).parse().unwrap()
    };
    within("the status of an answer", asking).await
}

#[tokio::test]
async fn a_name_that_cannot_be_one_is_refused_at_once() {
    let machine = Machine::tiny_with("").await;
    let port = machine.port();
    for name in [
        "x".repeat(5000),
        "x".repeat(8 << 20),
        "a\nb".into(),
        "\u{1b}]0;owned\u{7}".into(),
    ] {
        for (path, body) in [
            ("/v1/embeddings", json!({"model": name, "input": "a"})),
            ("/api/embed", json!({"model": name, "input": "a"})),
            ("/api/show", json!({"model": name})),
            ("/api/pull", json!({"model": name})),
        ] {
            let reply = http::json(port, "POST", path, &body).await;
            assert_eq!(reply.status, 400, "{path}: {}", reply.body);
            assert!(
                reply.body.len() < 1000 && reply.body.contains("name"),
                "{path}: {}",
                reply.body
            );
        }
        for method in [
            "model_info",
            "load_model",
            "unload_model",
            "pull_model",
            "remove_model",
        ] {
            let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"model": name}});
            let reply = http::json(port, "POST", "/rpc", &call).await;
            assert_eq!(reply.json()["error"]["code"], -32602, "{method}: {}", reply.body);
        }
    }
    let status = machine.status().await;
    assert_eq!(status.models.len(), 1, "{:?}", status.models);
}

#[tokio::test]
async fn names_that_nobody_has_leave_little_in_the_status() {
    let machine = Machine::tiny_with("").await;
    for number in 0..60 {
        for model in [
            format!("/nobody/has/this-{number}"),
            format!("nobody-has-this-{number}"),
        ] {
            let call = json!({"jsonrpc": "2.0", "id": 1, "method": "load_model", "params": {"model": model}});
            let reply = http::json(machine.port(), "POST", "/rpc", &call).await;
            assert!(reply.json()["error"]["code"].is_i64(), "{}", reply.body);
        }
    }
    let status = machine.status().await;
    assert!(status.models.len() <= 9, "{:?}", status.models);
}

#[tokio::test]
async fn at_debug_each_request_leaves_a_line_without_its_text() {
    let machine = Machine::tiny_with("log = \"debug\"\n").await;
    let port = machine.port();
    let body = json!({"model": "nobody-has-this", "input": "a private text"}).to_string();
    let head = "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nUser-Agent: an-app/1\r\n";
    http::exchange(port, head, &body).await;
    http::get(port, "/nothing?token=a-secret").await;
    let mut wire = machine.wire().await;
    wire.call("embed", json!({"input": ["a private text"]})).await;
    let log = eventually("three lines in the log", || {
        let log = machine.log();
        let has = |words: &[&str]| {
            log.lines()
                .any(|line| words.iter().all(|word| line.contains(word)))
        };
        (has(&["POST", "/v1/embeddings", "openai", "404", "an-app/1", "ms="])
            && has(&["GET", "/nothing", "404"])
            && has(&["embed", "jsonrpc", "ms="]))
        .then(|| log.clone())
    })
    .await;
    for secret in ["a private text", "a-secret"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn another_address_needs_a_token() {
    let machine = Machine::new();
    machine
        .run(["start", "--host", "0.0.0.0"])
        .await
        .expect(1)
        .says("require_token");
    assert!(machine.daemons().is_empty());
}
