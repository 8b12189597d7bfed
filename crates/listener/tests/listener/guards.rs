//! HTTP on the same port: the guard, the limits, what is answered where there is nothing.

use std::time::Duration;

use futures_util::StreamExt;
use okibi_listener::{Limits, bind};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{raw, serve, within};

const UPGRADE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\n{headers}\r\n")
}

const CLOSE: &str = "Connection: close\r\n";

#[tokio::test]
async fn foreign_hosts_and_origins_are_refused_on_http_and_on_the_upgrade() {
    let server = serve(Limits::default());
    let port = server.port();
    let own = format!("Host: 127.0.0.1:{port}\r\n");
    for (headers, status) in [
        ("Host: evil.example\r\n".to_owned(), 403),
        (format!("Host: 192.168.0.1:{port}\r\n"), 403),
        (String::new(), 400),
        (format!("{own}Host: evil.example\r\n"), 403),
        (format!("{own}{own}"), 403),
        (format!("{own}Origin: http://evil.example\r\n"), 403),
        (format!("{own}Origin: null\r\n"), 403),
        (
            format!("{own}Origin: http://127.0.0.1:{port}\r\nOrigin: http://evil.example\r\n"),
            403,
        ),
        (format!("{own}Origin: http://127.0.0.1:1\r\n"), 403),
        ("Host: \u{e9}\r\n".to_owned(), 403),
    ] {
        for request in [
            get("/hello", &format!("{headers}{CLOSE}")),
            get("/nothing", &format!("{headers}{CLOSE}")),
            get("/", &format!("{headers}{UPGRADE}")).replace("keep-alive, ", "close, "),
        ] {
            let answer = raw(port, &request).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{request}\n{answer}"
            );
            assert!(answer.contains("\"error\":\""), "{answer}");
        }
    }
    let answer = raw(port, &get("http://evil.example/hello", &format!("{own}{CLOSE}"))).await;
    assert!(
        answer.starts_with("HTTP/1.1 403 "),
        "a whole address overrules Host: {answer}"
    );
    assert_eq!(server.echo.calls.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn own_names_and_own_origin_are_admitted() {
    let server = serve(Limits::default());
    let port = server.port();
    for headers in [
        format!("Host: 127.0.0.1:{port}\r\n"),
        format!("Host: LOCALHOST:{port}\r\n"),
        format!("Host: [::1]:{port}\r\n"),
        format!("Host: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n"),
    ] {
        let answer = raw(port, &get("/hello", &format!("{headers}{CLOSE}"))).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello"),
            "{answer}"
        );
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream
            .write_all(get("/", &format!("{headers}{UPGRADE}")).as_bytes())
            .await
            .unwrap();
        let mut status = [0; 12];
        within(stream.read_exact(&mut status)).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 101");
    }
}

#[tokio::test]
async fn paths_and_methods_without_an_answer_say_so_in_json() {
    let server = serve(Limits::default());
    let headers = format!("Host: localhost\r\n{CLOSE}");
    let hello = raw(server.port(), &get("/hello", &headers)).await;
    assert!(
        hello.to_ascii_lowercase().contains("\r\nserver: okibi/"),
        "{hello}"
    );
    for (request, status) in [
        (get("/nothing", &headers), 404),
        (
            get("/nothing", &format!("Host: localhost\r\n{UPGRADE}")).replace("keep-alive, ", "close, "),
            404,
        ),
        (format!("POST / HTTP/1.1\r\n{headers}\r\n"), 404),
        (format!("DELETE /hello HTTP/1.1\r\n{headers}\r\n"), 405),
        (get("/panic", &headers), 500),
        (
            get("/", &format!("Host: localhost\r\n{}", UPGRADE.replace("13", "8")))
                .replace("keep-alive, ", "close, "),
            426,
        ),
    ] {
        let answer = raw(server.port(), &request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}\n{answer}"
        );
        assert!(answer.contains("\"error\":\""), "{answer}");
    }
}

#[tokio::test]
async fn bodies_and_headers_over_their_limit_are_refused() {
    let limits = Limits {
        max_body_bytes: 100,
        max_header_bytes: 10_000,
        ..Limits::default()
    };
    let server = serve(limits);
    let post = |length: usize| {
        let body = "x".repeat(length);
        format!("POST /length HTTP/1.1\r\nHost: localhost\r\n{CLOSE}Content-Length: {length}\r\n\r\n{body}")
    };
    assert!(raw(server.port(), &post(100)).await.ends_with("100"));
    assert!(raw(server.port(), &post(101)).await.starts_with("HTTP/1.1 413 "));
    assert!(
        raw(server.port(), &post(4 << 20))
            .await
            .starts_with("HTTP/1.1 413 "),
        "no reset"
    );
    for (length, status) in [(20_000, 431), (10_100, 431), (9_000, 200)] {
        let header = format!("Host: localhost\r\nX: {}\r\n{CLOSE}", "x".repeat(length));
        let answer = raw(server.port(), &get("/hello", &header)).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{length}: {answer}"
        );
    }
}

#[tokio::test]
async fn slow_and_missing_headers_are_not_waited_for() {
    let limits = Limits {
        header_read_timeout: Duration::from_millis(100),
        ..Limits::default()
    };
    let server = serve(limits);
    for begun in [
        "",
        "GET / HTTP/1.1\r\nHost: loc",
        "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        raw(server.port(), begun).await;
    }
}

#[tokio::test]
async fn beyond_the_limit_only_the_status_and_a_stop_are_answered() {
    let limits = Limits {
        max_connections: 2,
        ..Limits::default()
    };
    let server = serve(limits);
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    for client in [&mut first, &mut second] {
        client.call(1, "echo", json!([])).await;
        client.receive().await;
    }
    let answer = raw(
        server.port(),
        &get("/hello", &format!("Host: localhost\r\n{CLOSE}")),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let mut beyond = server.connect().await;
    beyond.call(2, "echo", json!([])).await;
    let refused = beyond.receive().await;
    assert_eq!(refused["error"]["code"], -32002, "{refused}");
    assert!(refused.to_string().contains("max_connections"), "{refused}");
    beyond.call(3, "get_status", json!([])).await;
    // The service of this test has no such method: its own answer shows that it was asked.
    assert_eq!(beyond.receive().await["error"]["code"], -32601);
    first.call(4, "echo", json!([1])).await;
    assert_eq!(first.receive().await["result"], 1, "the others are left alone");
}

#[tokio::test]
async fn a_place_beyond_the_limit_is_not_kept() {
    let limits = Limits {
        max_connections: 1,
        header_read_timeout: Duration::from_millis(100),
        ..Limits::default()
    };
    let server = serve(limits);
    let mut only = server.connect().await;
    only.call(1, "echo", json!([])).await;
    only.receive().await;
    let mut beyond = server.connect().await;
    while let Some(Ok(_)) = within(beyond.0.next()).await {}
    only.call(2, "echo", json!([])).await;
    only.receive().await;
}

#[tokio::test]
async fn a_connection_without_any_place_is_told_so_and_leaves_the_others_alone() {
    let limits = Limits {
        max_connections: 2,
        ..Limits::default()
    };
    let server = serve(limits);
    let mut first = server.connect().await;
    let second = server.connect().await;
    assert_eq!(server.listener.connections(), 2);
    let mut reserved = Vec::new();
    for _ in 0..16 {
        reserved.push(TcpStream::connect(("127.0.0.1", server.port())).await.unwrap());
    }
    let answer = raw(server.port(), "").await;
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("\"}"),
        "{answer}"
    );
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{answer}"
    );
    first.call(1, "echo", json!([])).await;
    first.receive().await;
    drop(second);
    crate::support::until(|| server.listener.connections() == 1).await;
    server.connect().await.call(1, "echo", json!([])).await;
}

#[tokio::test]
async fn both_addresses_answer_and_a_taken_port_says_so() {
    let server = serve(Limits::default());
    if let Ok(mut stream) = TcpStream::connect(("::1", server.port())).await {
        let request = get("/hello", &format!("Host: [::1]:{}\r\n{CLOSE}", server.port()));
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within(stream.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.ends_with("hello"));
    }
    let taken = bind(server.port()).expect_err("the port is taken");
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
}
