//! Who is let in.
#![cfg(unix)]

use std::{ffi::OsStr, net::Ipv4Addr};

use okibi_tests::{Machine, http, model, within};
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
    let preflight = "OPTIONS /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nOrigin: app://obsidian.md\r\n\
                     Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n";
    let reply = http::send(port, preflight).await;
    assert!(
        reply.status == 204 && reply.header("access-control-allow-methods").is_some(),
        "{}",
        reply.head
    );
}

#[tokio::test]
async fn a_token_is_asked_for_and_each_gives_its_right() {
    let machine = Machine::new();
    machine.write_config("require_token = true\n");
    let tiny = model::tiny();
    machine
        .run([OsStr::new("start"), "-m".as_ref(), tiny.as_ref()])
        .await
        .expect(0);
    let port = machine.port();
    let file = std::fs::read_to_string(machine.path("data/token.json")).unwrap();
    let tokens: Value = serde_json::from_str(&file).unwrap();
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
async fn another_address_needs_a_token() {
    let machine = Machine::new();
    machine
        .run(["start", "--host", "0.0.0.0"])
        .await
        .expect(1)
        .says("require_token");
    assert!(machine.daemons().is_empty());
}
