//! Unread answers: they wait within their limit and do not affect other clients.

use std::sync::atomic::Ordering::SeqCst;

use okibi_listener::Limits;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{BIG, Peer, reaches, serve, until, within};

/// Four large answers for all connections, half of one for each.
fn limits() -> Limits {
    Limits {
        max_buffered_bytes: 4 * BIG,
        max_in_flight: 1000,
        ..Limits::default()
    }
}

const GET_BIG: &[u8] = b"GET /big HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

async fn get_big(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("the port is open");
    stream.write_all(GET_BIG).await.expect("the request is taken");
    stream
}

async fn echoes(peer: &mut Peer) {
    peer.call(1, "echo", json!([1])).await;
    assert_eq!(peer.receive().await["result"], 1);
}

#[tokio::test]
async fn reading_from_a_client_that_does_not_read_pauses() {
    let server = serve(limits());
    let mut deaf = server.connect().await;
    const CALLS: usize = 40;
    const SIZE: usize = BIG / 8;
    for id in 0..CALLS / 2 {
        deaf.call(id as u64, "big", json!([SIZE])).await;
    }
    // They fill what the system takes, and more than the bound of the connection.
    until(|| server.echo.calls.load(SeqCst) == CALLS / 2).await;
    for id in CALLS / 2..CALLS {
        deaf.call(id as u64, "big", json!([SIZE])).await;
    }
    let mut other = server.connect().await;
    for _ in 0..100 {
        echoes(&mut other).await;
    }
    assert_eq!(
        server.echo.calls.load(SeqCst),
        CALLS / 2 + 100,
        "no more are asked"
    );
    let mut ids = Vec::new();
    for _ in 0..CALLS {
        let answer = deaf.receive().await;
        assert_eq!(answer["result"].as_str().unwrap().len(), SIZE);
        ids.push(answer["id"].as_u64().unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..CALLS as u64).collect::<Vec<_>>(), "none is lost");
}

#[tokio::test]
async fn the_largest_is_cut_where_all_together_hold_too_much() {
    let server = serve(limits());
    let mut other = server.connect().await;
    let mut over_http = Vec::new();
    let mut sockets = Vec::new();
    for _ in 0..6 {
        over_http.push(get_big(server.port()).await);
        let mut deaf = server.connect().await;
        deaf.call(1, "big", json!([BIG])).await;
        sockets.push(deaf);
        echoes(&mut other).await;
    }
    // Five that wait, and the one that is well-behaved.
    until(|| server.listener.connections() <= 6).await;
    echoes(&mut other).await;
    let mut whole = Vec::new();
    let mut reading = get_big(server.port()).await;
    within(reading.read_to_end(&mut whole)).await.unwrap();
    assert!(whole.len() > BIG, "a client that reads has its answer");
    assert!(server.listener.connections() > 1, "not all are cut");
}

#[tokio::test]
async fn a_batch_whose_answers_are_too_large_together_has_errors_in_their_places() {
    let server = serve(limits());
    let mut peer = server.connect().await;
    let calls: Vec<Value> = (0..8)
        .map(|id| json!({"jsonrpc": "2.0", "id": id, "method": "big", "params": [BIG / 4]}))
        .chain([json!({"jsonrpc": "2.0", "id": 8, "method": "wait", "params": [7]})])
        .collect();
    peer.send(Value::Array(calls)).await;
    reaches(&server.echo.begun, 1).await;
    until(|| server.echo.calls.load(SeqCst) == 9).await;
    server.echo.permits.add_permits(1);
    let answers = peer.receive().await;
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 9);
    let whole = answers
        .iter()
        .filter(|answer| answer["result"].is_string())
        .count();
    assert_eq!(whole, 2, "two reach the bound of the connection");
    for answer in answers {
        assert!(answer["result"].is_string() || answer["error"]["code"] == -32002);
    }
    echoes(&mut peer).await;
}
