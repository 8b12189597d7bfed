//! Closing the port, draining, dropping.

use std::time::Duration;

use okibi_listener::{Drained, Limits, bind};
use okibi_protocol::jsonrpc::code;
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::support::{TEST_LIMIT, reaches, serve, serve_on, until, within};

#[tokio::test]
async fn a_closed_port_can_be_bound_at_once_while_connections_live_on() {
    let first = serve(Limits::default());
    let mut old = first.connect().await;
    old.call(1, "wait", json!(["old"])).await;
    reaches(&first.echo.begun, 1).await;
    within(first.listener.close_port()).await;
    within(first.listener.close_port()).await;
    let second = serve_on(bind(first.port()).expect("free at once"), Limits::default());
    let mut new = second.connect().await;
    new.call(1, "echo", json!(["new"])).await;
    assert_eq!(new.receive().await["result"], "new");
    first.echo.permits.add_permits(1);
    assert_eq!(old.receive().await["result"], "old");
    old.call(2, "echo", json!(["again"])).await;
    assert_eq!(old.receive().await["result"], "again");
}

#[tokio::test]
async fn connections_made_before_the_port_is_closed_are_served() {
    let server = serve(Limits::default());
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(TcpStream::connect(("127.0.0.1", server.port())).await.unwrap());
    }
    within(server.listener.close_port()).await;
    assert_eq!(server.listener.connections(), 20);
    TcpStream::connect(("127.0.0.1", server.port()))
        .await
        .expect_err("closed");
}

#[tokio::test]
async fn a_drain_finishes_what_is_in_flight_refuses_what_is_new_and_closes_with_1001() {
    let server = serve(Limits::default());
    let mut peer = server.connect().await;
    let mut idle = server.connect().await;
    peer.call(1, "wait", json!(["accepted"])).await;
    reaches(&server.echo.begun, 1).await;
    let listener = server.listener;
    let port = listener.local_port();
    let permits = &server.echo.permits;
    let talk = async {
        // The port is closed before anything is waited for.
        until(|| bind(port).is_ok()).await;
        idle.call(5, "echo", json!([])).await;
        assert_eq!(idle.receive().await["error"]["code"], code::STOPPING);
        peer.send(json!([{"jsonrpc": "2.0", "method": "echo", "id": 2}]))
            .await;
        assert_eq!(peer.receive().await[0]["error"]["code"], code::STOPPING);
        permits.add_permits(1);
        assert_eq!(peer.receive().await["result"], "accepted");
        assert_eq!(peer.closed().await, (1001, "server stopping".to_owned()));
        assert_eq!(idle.closed().await.0, 1001);
    };
    let (drained, ()) = within(async { tokio::join!(listener.drain(TEST_LIMIT), talk) }).await;
    assert_eq!(drained, Drained { calls_cut: 0 });
    assert_eq!((listener.connections(), listener.calls_in_flight()), (0, 0));
}

#[tokio::test]
async fn a_drain_ends_subscriptions_idle_http_and_peers_that_answer_no_close_frame() {
    let server = serve(Limits::default());
    let mut subscriber = server.connect().await;
    subscriber.call(1, "subscribe", json!([])).await;
    subscriber.receive().await;
    let mute = server.connect().await;
    let http = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    until(|| server.listener.connections() == 3).await;
    let reading = async {
        subscriber.receive().await;
        subscriber.closed().await
    };
    let (drained, closed) = within(async { tokio::join!(server.listener.drain(TEST_LIMIT), reading) }).await;
    assert_eq!((drained.calls_cut, closed.0), (0, 1001));
    reaches(&server.echo.unsubscribed, 1).await;
    drop((mute, http));
}

#[tokio::test]
async fn a_drain_does_not_wait_for_the_other_half_of_a_request() {
    let server = serve(Limits {
        header_read_timeout: TEST_LIMIT * 2,
        ..Limits::default()
    });
    let mut half = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    half.write_all(b"GET /health HT").await.unwrap();
    until(|| server.listener.connections() == 1).await;
    let drained = within(server.listener.drain(TEST_LIMIT * 2)).await;
    assert_eq!(drained, Drained { calls_cut: 0 });
}

#[tokio::test]
async fn a_drain_cuts_what_is_left_at_its_deadline_and_says_how_much() {
    let server = serve(Limits::default());
    let mut peer = server.connect().await;
    for id in 0..3 {
        peer.call(id, "wait", json!([])).await;
    }
    reaches(&server.echo.begun, 3).await;
    let drained = within(server.listener.drain(Duration::from_millis(50))).await;
    assert_eq!(drained, Drained { calls_cut: 3 });
    assert_eq!(*server.echo.over.borrow(), 3, "the calls' futures are dropped");
    assert_eq!(server.listener.connections(), 0);
}

#[tokio::test]
async fn dropping_the_listener_ends_everything() {
    let server = serve(Limits::default());
    let port = server.port();
    let mut peer = server.connect().await;
    peer.call(1, "wait", json!([])).await;
    reaches(&server.echo.begun, 1).await;
    drop(server.listener);
    reaches(&server.echo.over, 1).await;
    until(|| bind(port).is_ok()).await;
}

#[tokio::test]
async fn a_port_closed_before_the_start_is_never_listened_on() {
    let sockets = bind(0).unwrap();
    let (port, closer) = (sockets.local_port(), sockets.closer());
    let (server, ()) = tokio::join!(
        async { serve_on(sockets, Limits::default()) },
        within(closer.close())
    );
    TcpStream::connect(("127.0.0.1", port)).await.expect_err("closed");
    drop(server);
}
