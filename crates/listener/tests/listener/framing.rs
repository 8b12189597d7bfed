//! Everything other than text messages: binary, too large, not UTF-8, silence, and peers that do not read.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use okibi_listener::Limits;
use okibi_protocol::jsonrpc::code;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::{
    MaybeTlsStream,
    tungstenite::{
        Bytes, Message,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

use crate::support::{reaches, serve, until, within};

#[tokio::test]
async fn a_binary_message_is_an_error_and_the_connection_stays() {
    let server = serve(Limits::default());
    let mut peer = server.connect().await;
    peer.send_message(Message::binary(vec![1, 2, 3])).await;
    let answer = peer.receive().await;
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&Value::Null, &json!(code::INVALID_REQUEST))
    );
    peer.call(1, "echo", json!(["here"])).await;
    assert_eq!(peer.receive().await["result"], "here");
}

#[tokio::test]
async fn an_oversize_message_is_refused_after_the_answers_in_flight() {
    let limits = Limits {
        max_message_bytes: 1 << 20,
        ..Limits::default()
    };
    let server = serve(limits);
    let peer = server.connect().await;
    let (mut sink, mut stream) = peer.0.split();
    let text = |value: Value| Message::text(value.to_string());
    within(sink.send(text(
        json!({"jsonrpc": "2.0", "method": "wait", "params": ["first"], "id": 1}),
    )))
    .await
    .unwrap();
    reaches(&server.echo.begun, 1).await;
    // Much more than the sockets hold: the server has to read it away, or this would never be sent.
    within(sink.send(Message::text("x".repeat(64 << 20))))
        .await
        .unwrap();
    server.echo.permits.add_permits(1);
    let mut received = Vec::new();
    let frame = loop {
        match within(stream.next())
            .await
            .expect("a close frame")
            .expect("no reset")
        {
            Message::Text(text) => received.push(serde_json::from_str::<Value>(&text).unwrap()),
            Message::Close(frame) => break frame.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(received[0]["result"], "first");
    assert_eq!(received[1]["error"]["code"], code::INVALID_REQUEST);
    assert!(
        received[1]["error"]["message"]
            .as_str()
            .unwrap()
            .contains("1048576"),
        "{received:?}"
    );
    assert_eq!((received.len(), u16::from(frame.code)), (2, 1009));
}

#[tokio::test]
async fn many_fragments_count_as_the_one_message_they_are() {
    let limits = Limits {
        max_message_bytes: 1000,
        ..Limits::default()
    };
    let server = serve(limits);
    let mut peer = server.connect().await;
    let fragment = |opcode| Message::Frame(Frame::message(vec![b' '; 400], OpCode::Data(opcode), false));
    peer.send_message(fragment(Data::Text)).await;
    peer.send_message(fragment(Data::Continue)).await;
    peer.send_message(fragment(Data::Continue)).await;
    assert_eq!(peer.receive().await["error"]["code"], code::INVALID_REQUEST);
    assert_eq!(peer.closed().await.0, 1009);
}

#[tokio::test]
async fn text_that_is_not_utf8_is_a_parse_error_and_closes_with_1007() {
    let server = serve(Limits::default());
    let mut peer = server.connect().await;
    let frame = Frame::message(vec![b'"', 0xff, b'"'], OpCode::Data(Data::Text), true);
    peer.send_message(Message::Frame(frame)).await;
    let answer = peer.receive().await;
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&Value::Null, &json!(code::PARSE_ERROR))
    );
    assert_eq!(peer.closed().await.0, 1007);
}

#[tokio::test]
async fn a_frame_without_a_mask_closes_with_1002() {
    let server = serve(Limits::default());
    let mut peer = server.connect().await;
    let MaybeTlsStream::Plain(stream) = peer.0.get_mut() else {
        panic!("no TLS here");
    };
    stream.write_all(&[0x81, 1, b'x']).await.unwrap();
    assert_eq!(peer.closed().await.0, 1002);
}

#[tokio::test]
async fn a_silent_peer_is_dropped_and_one_that_answers_pings_is_not() {
    let limits = Limits {
        ping_interval: Duration::from_millis(100),
        ..Limits::default()
    };
    let server = serve(limits);
    let mut lively = server.connect().await;
    let silent = server.connect().await;
    // The silent peer's program never reads, so no pong goes out; the connection itself is fine.
    within(async {
        while server.listener.connections() > 1 {
            lively
                .0
                .next()
                .await
                .expect("the lively peer stays")
                .expect("no error");
        }
    })
    .await;
    lively.call(1, "echo", json!(["still here"])).await;
    assert_eq!(lively.receive().await["result"], "still here");
    drop(silent);
}

#[tokio::test]
async fn a_message_that_trickles_is_not_waited_for() {
    let limits = Limits {
        body_read_timeout: Duration::from_millis(100),
        ..Limits::default()
    };
    let server = serve(limits);
    let mut steady = server.connect().await;
    let (mut sink, mut stream) = server.connect().await.0.split();
    let part = |opcode| Message::Frame(Frame::message(vec![b' '], OpCode::Data(opcode), false));
    sink.send(part(Data::Text)).await.unwrap();
    // A ping between two parts is no whole message either.
    let trickling = async {
        while sink.send(part(Data::Continue)).await.is_ok()
            && sink.send(Message::Ping(Bytes::new())).await.is_ok()
        {
            steady.call(1, "echo", json!([])).await;
            steady.receive().await;
        }
    };
    let reading = async {
        let mut texts = Vec::new();
        loop {
            match stream.next().await.expect("a close frame").expect("no error") {
                Message::Text(text) => texts.push(text.to_string()),
                Message::Close(frame) => break (texts, u16::from(frame.expect("a code").code)),
                _ => {}
            }
        }
    };
    let (texts, code) = within(async {
        tokio::select! {
            closed = reading => closed,
            () = trickling => panic!("the server has to say why it closes"),
        }
    })
    .await;
    assert!(
        texts.len() == 1 && texts[0].contains("did not arrive whole"),
        "{texts:?}"
    );
    assert_eq!(code, 1008);
    // One that sends whole messages stays; an earlier answer may not have been read yet.
    steady.call(2, "echo", json!(["here"])).await;
    while steady.receive().await["result"] != "here" {}
}

#[tokio::test]
async fn waiting_for_room_is_not_silence() {
    let limits = Limits {
        ping_interval: Duration::from_millis(50),
        max_in_flight: 1,
        ..Limits::default()
    };
    let server = serve(limits);
    let mut peer = server.connect().await;
    peer.call(1, "wait", json!([1])).await;
    peer.call(2, "wait", json!([2])).await;
    reaches(&server.echo.begun, 1).await;
    let mut pings = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..10 {
        pings.tick().await;
    }
    server.echo.permits.add_permits(2);
    assert_eq!(peer.receive().await["id"], 1);
    assert_eq!(peer.receive().await["id"], 2);
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_dropped_and_costs_no_more_than_its_room() {
    let limits = Limits {
        write_timeout: Duration::from_millis(200),
        max_in_flight: 4,
        ..Limits::default()
    };
    let server = serve(limits);
    let mut peer = server.connect().await;
    for id in 0..50 {
        peer.call(id, "big", json!([8 << 20])).await;
    }
    until(|| server.listener.connections() == 0).await;
    let calls = server.echo.calls.load(std::sync::atomic::Ordering::SeqCst);
    assert!(calls <= 8, "{calls} answers were made for a peer that takes none");
}

#[tokio::test]
async fn a_peer_that_reads_slowly_is_not_dropped() {
    let limits = Limits {
        write_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = serve(limits);
    let mut peer = server.connect().await;
    peer.call(1, "big", json!([24 << 20])).await;
    let MaybeTlsStream::Plain(stream) = peer.0.get_mut() else {
        panic!("no TLS here");
    };
    // Longer in total than the limit, but never without progress for that long.
    let mut beat = tokio::time::interval(Duration::from_millis(40));
    let mut part = vec![0; 1 << 20];
    for _ in 0..20 {
        beat.tick().await;
        within(stream.read_exact(&mut part))
            .await
            .expect("it still sends");
    }
}

#[tokio::test]
async fn many_pings_that_nobody_reads_the_pongs_of_end_the_connection() {
    let limits = Limits {
        write_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let server = serve(limits);
    let peer = server.connect().await;
    let (mut sink, _stream) = peer.0.split();
    within(async { while sink.send(Message::Ping(vec![b'x'; 125].into())).await.is_ok() {} }).await;
    until(|| server.listener.connections() == 0).await;
}
