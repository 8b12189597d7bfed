//! Calls, batches, streams, notices, notifications.

use okibi_listener::Limits;
use okibi_protocol::jsonrpc::code;
use serde_json::json;

use crate::support::{Server, reaches, serve, until};

#[tokio::test]
async fn pipelined_calls_answer_when_they_are_done() {
    let server = serve(Limits::default());
    let mut peer = server.connect().await;
    peer.call(1, "wait", json!(["slow"])).await;
    peer.call(2, "echo", json!(["quick"])).await;
    let quick = peer.receive().await;
    assert_eq!((&quick["id"], &quick["result"]), (&json!(2), &json!("quick")));
    server.echo.permits.add_permits(1);
    assert_eq!(peer.receive().await["result"], "slow");
}

#[tokio::test]
async fn a_batch_is_answered_in_one_array_when_all_are_done() {
    let server = serve(Limits::default());
    let mut peer = server.connect().await;
    let request =
        |method: &str, id: u64| json!({"jsonrpc": "2.0", "method": method, "params": [id], "id": id});
    let notification = json!({"jsonrpc": "2.0", "method": "echo"});
    peer.send(json!([
        request("wait", 1),
        request("echo", 2),
        notification,
        3,
        request("stream", 4),
        request("panic", 5)
    ]))
    .await;
    peer.call(9, "echo", json!(["between"])).await;
    assert_eq!(
        peer.receive().await["id"],
        9,
        "the batch waits for its slowest call"
    );
    server.echo.permits.add_permits(1);
    let answers = peer.receive().await;
    let ids: Vec<_> = answers
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| answer["id"].clone())
        .collect();
    assert_eq!(ids, [json!(1), json!(2), json!(null), json!(4), json!(5)]);
    assert_eq!(answers[0]["result"], 1);
    assert_eq!(answers[2]["error"]["code"], code::INVALID_REQUEST);
    assert_eq!(
        answers[3]["error"]["code"],
        code::INTERNAL_ERROR,
        "a stream in a batch"
    );
    assert_eq!(
        answers[4]["error"]["code"],
        code::INTERNAL_ERROR,
        "a panic in a batch"
    );
}

#[tokio::test]
async fn a_batch_larger_than_the_room_for_calls_is_answered_whole() {
    let limits = Limits {
        max_in_flight: 2,
        ..Limits::default()
    };
    let server = serve(limits);
    let mut peer = server.connect().await;
    let batch: Vec<_> = (0..100)
        .map(|id| json!({"jsonrpc": "2.0", "method": "echo", "params": [id], "id": id}))
        .collect();
    for _ in 0..6 {
        peer.send(json!(batch)).await;
    }
    for _ in 0..6 {
        assert_eq!(peer.receive().await.as_array().unwrap().len(), 100);
    }
}

#[tokio::test]
async fn notifications_get_no_answer_alone_or_in_a_batch() {
    let server = serve(Limits::default());
    let mut peer = server.connect().await;
    let notification = json!({"jsonrpc": "2.0", "method": "echo"});
    peer.send(notification.clone()).await;
    peer.send(json!([notification, notification])).await;
    until(|| server.echo.calls.load(std::sync::atomic::Ordering::SeqCst) == 3).await;
    peer.call(1, "echo", json!([])).await;
    assert_eq!(peer.receive().await["id"], 1);
}

#[tokio::test]
async fn a_stream_says_more_on_all_but_the_last() {
    let server = serve(Limits::default());
    let mut peer = server.connect().await;
    peer.call(7, "stream", json!([3])).await;
    for chunk in 0..3 {
        let answer = peer.receive().await;
        assert_eq!(
            answer,
            json!({"jsonrpc": "2.0", "result": chunk, "id": 7, "more": chunk < 2})
        );
    }
    peer.call(8, "stream", json!([4])).await;
    for _ in 0..4 {
        assert_eq!(peer.receive().await["more"], true);
    }
    let last = peer.receive().await;
    assert_eq!(
        (&last["error"]["code"], &last["more"]),
        (&json!(-1), &json!(false))
    );
    peer.call(9, "stream", json!([0])).await;
    assert_eq!(
        peer.receive().await["error"]["code"],
        code::INTERNAL_ERROR,
        "a stream of nothing"
    );
}

#[tokio::test]
async fn each_part_of_a_stream_is_sent_when_it_comes() {
    let server = serve(Limits::default());
    let mut peer = server.connect().await;
    peer.call(7, "trickle", json!(["first"])).await;
    let first = peer.receive().await;
    assert_eq!(
        (&first["result"], &first["more"]),
        (&json!("first"), &json!(true))
    );
    server.echo.permits.add_permits(1);
    let last = peer.receive().await;
    assert_eq!((&last["result"], &last["more"]), (&json!("over"), &json!(false)));
}

#[tokio::test]
async fn a_panic_is_an_error_of_its_call_alone() {
    let server = serve(Limits::default());
    let mut peer = server.connect().await;
    peer.call(1, "wait", json!(["other"])).await;
    peer.call(2, "panic", json!([])).await;
    let answer = peer.receive().await;
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&json!(2), &json!(code::INTERNAL_ERROR))
    );
    assert!(
        !answer.to_string().contains("on purpose"),
        "a panic's text stays inside"
    );
    server.echo.permits.add_permits(1);
    assert_eq!(peer.receive().await["result"], "other");
}

#[tokio::test]
async fn reading_pauses_while_too_much_is_in_flight() {
    let limits = Limits {
        max_in_flight: 3,
        ..Limits::default()
    };
    let server = serve(limits);
    let mut peer = server.connect().await;
    for id in 0..10 {
        peer.call(id, "wait", json!([id])).await;
    }
    reaches(&server.echo.begun, 3).await;
    // Another connection is served meanwhile: the pause is the first one's alone.
    let mut other = server.connect().await;
    other.call(1, "echo", json!([])).await;
    other.receive().await;
    assert_eq!(*server.echo.begun.borrow(), 3);
    server.echo.permits.add_permits(10);
    for _ in 0..10 {
        assert!(peer.receive().await["error"].is_null());
    }
}

#[tokio::test]
async fn a_peer_that_vanishes_takes_its_calls_along() {
    let server = serve(Limits::default());
    let mut peer = server.connect().await;
    peer.call(1, "wait", json!([])).await;
    peer.send(json!([{"jsonrpc": "2.0", "method": "wait", "id": 2}]))
        .await;
    reaches(&server.echo.begun, 2).await;
    drop(peer);
    reaches(&server.echo.over, 2).await;
    until(|| server.listener.connections() == 0).await;
    assert_eq!(server.listener.calls_in_flight(), 0);
}

#[tokio::test]
async fn a_subscription_follows_its_answer_and_ends_with_the_connection() {
    let server = serve(Limits::default());
    let mut peer = server.connect().await;
    peer.call(1, "subscribe", json!([])).await;
    assert_eq!(
        peer.receive().await["result"],
        "subscribed",
        "the answer comes before the first news"
    );
    assert_eq!(
        peer.receive().await,
        json!({"jsonrpc": "2.0", "method": "news", "params": [0]})
    );
    server.echo.news.send_replace(1);
    assert_eq!(peer.receive().await["params"], json!([1]));
    drop(peer);
    reaches(&server.echo.unsubscribed, 1).await;
}

#[tokio::test]
async fn subscriptions_of_one_connection_are_bounded() {
    let limits = Limits {
        max_background: 1,
        ..Limits::default()
    };
    let server = serve(limits);
    let mut peer = server.connect().await;
    peer.call(1, "subscribe", json!([])).await;
    peer.receive().await;
    peer.receive().await;
    peer.call(2, "subscribe", json!([])).await;
    assert_eq!(peer.receive().await["error"]["code"], code::BUSY);
}

async fn notice(server: &Server, notice: serde_json::Value) -> serde_json::Value {
    let mut peer = server.connect().await;
    peer.send(notice).await;
    peer.receive().await
}

#[tokio::test]
async fn launch_notices_reach_the_service_and_what_it_refuses_is_an_invalid_request() {
    let server = serve(Limits::default());
    let progress = json!({"type": "progress", "launch": "a", "message": "…", "stage": "model", "state": "started",
        "elapsed_ms": 0, "unknown": 1});
    assert_eq!(notice(&server, progress).await, json!({"type": "ack"}));
    for refused in [
        json!({"type": "init_error", "launch": "a", "error": "no"}),
        json!({"type": "init_completed"}),
        json!({"type": "init_completed", "launch": "a", "jsonrpc": "2.0"}),
        json!({"type": "other"}),
    ] {
        let answer = notice(&server, refused.clone()).await;
        assert_eq!(answer["error"]["code"], code::INVALID_REQUEST, "{refused}");
    }
    let completed = json!({"type": "init_completed", "launch": "a"});
    assert_eq!(notice(&server, completed).await, json!({"type": "ack"}));
    okibi_listener::bind(server.port()).expect("the port was free before the ack was sent");
}
