//! JSON-RPC over the wire, right and wrong, against a real daemon.

use std::net::Ipv4Addr;

use okibi_tests::{Machine, Wire, http, model, vector, within};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{Bytes, Message};

#[tokio::test]
async fn requests_by_the_specification_and_its_five_errors() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let mut wire = machine.wire().await;
    // Ids of every kind, parameters by name and by position.
    for id in [json!(7), json!("seven"), json!(null), json!(-1.5)] {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": "embed_text", "params": ["text"]});
        let answer = wire.ask(request).await;
        assert_eq!(answer["id"], id);
        assert_eq!(answer["jsonrpc"], "2.0");
        assert!(answer["result"]["vector"].is_string(), "{answer}");
    }
    // A notification gets no answer: the next answer is the next request's.
    let quiet = json!({"jsonrpc": "2.0", "method": "embed_text", "params": {"text": "quiet"}});
    wire.send(quiet.to_string()).await;
    assert_eq!(
        wire.call("check_init", json!({})).await,
        json!({"status": "init_completed"})
    );

    let code = |answer: &Value| (answer["error"]["code"].clone(), answer["id"].clone());
    wire.send("{\"jsonrpc\": \"2.0\", \"method\"").await;
    assert_eq!(code(&wire.answer().await.unwrap()), (json!(-32700), Value::Null));
    for wrong in [
        json!(1),
        json!({"id": 1}),
        json!({"jsonrpc": "1.0", "id": 1, "method": "x"}),
        json!([]),
    ] {
        assert_eq!(wire.ask(wrong.clone()).await["error"]["code"], -32600, "{wrong}");
    }
    assert_eq!(wire.error("no_such", json!({})).await["code"], -32601);
    for wrong in [json!({}), json!({"text": 3}), json!(["a", "b"])] {
        assert_eq!(
            wire.error("embed_text", wrong.clone()).await["code"],
            -32602,
            "{wrong}"
        );
    }
    let wrong = wire.error("embed", json!(["text", "none", "yes"])).await;
    assert_eq!(wrong["code"], -32602);
    assert!(
        wrong["message"].as_str().unwrap().starts_with("normalize: "),
        "{wrong}"
    );
    // The connection is still open.
    assert_eq!(wire.call("get_status", json!({})).await["ready"], true);
}

#[tokio::test]
async fn a_batch_has_an_answer_for_each_request_and_none_for_notifications() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let mut wire = machine.wire().await;
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "embed", "params": {"input": "one"}},
        {"jsonrpc": "2.0", "method": "check_init"},
        {"jsonrpc": "2.0", "id": "two", "method": "check_init"},
        {"jsonrpc": "2.0", "id": 3, "method": "no_such"},
        7,
    ]);
    let answers = wire.ask(batch).await;
    let answers = answers
        .as_array()
        .expect("a batch is answered by a batch")
        .clone();
    assert_eq!(answers.len(), 4, "{answers:?}");
    let of = |id: Value| answers.iter().find(|answer| answer["id"] == id).unwrap().clone();
    assert_eq!(of(json!(1))["result"]["dimension"], 64);
    assert_eq!(of(json!("two"))["result"]["status"], "init_completed");
    assert_eq!(of(json!(3))["error"]["code"], -32601);
    assert_eq!(of(Value::Null)["error"]["code"], -32600);
    // Only notifications: silence.
    wire.send(json!([{"jsonrpc": "2.0", "method": "check_init"}]).to_string())
        .await;
    wire.call("check_init", json!({})).await;
}

#[tokio::test]
async fn binary_and_giant_frames_harm_nobody_else() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let mut other = machine.wire().await;
    let mut binary = machine.wire().await;
    binary
        .send(Message::Binary(Bytes::from_static(b"\x00\x01")))
        .await;
    assert_eq!(binary.answer().await.unwrap()["error"]["code"], -32600);
    binary.call("check_init", json!({})).await;

    let mut giant = machine.wire().await;
    let text = "x".repeat(100 << 20);
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "embed_text", "params": {"text": text}});
    giant.send(request.to_string()).await;
    let refusal = giant.answer().await.expect("an error before the end");
    assert_eq!(refusal["error"]["code"], -32600, "{refusal}");
    let frame = giant.closed().await.expect("a close frame");
    assert_eq!(u16::from(frame.code), 1009);
    other.call("embed_text", json!({"text": "unharmed"})).await;
    let status = machine.status().await;
    let memory = status.memory_bytes.expect("memory is told").0;
    assert!(memory < 1 << 30, "{memory} bytes after a message of 100 MB");
}

#[tokio::test]
async fn half_open_connections_hold_nobody_up() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let mut kept = Vec::new();
    for _ in 0..20 {
        // Half a request line, and an upgrade that says nothing more.
        let mut half = TcpStream::connect((Ipv4Addr::LOCALHOST, machine.port()))
            .await
            .unwrap();
        half.write_all(b"GET / HT").await.unwrap();
        kept.push(half);
    }
    let silent = machine.wire().await;
    let mut wire = machine.wire().await;
    wire.call("embed_text", json!({"text": "not held up"})).await;
    machine.run(["stop"]).await.expect(0);
    machine.assert_nothing_left();
    drop(silent);
    for mut half in kept {
        let mut rest = Vec::new();
        // The end may come as a reset; either way it comes.
        let _ = within("its end", half.read_to_end(&mut rest)).await;
    }
}

#[tokio::test]
async fn foreign_pages_and_names_are_refused_on_http_and_on_the_upgrade() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let port = machine.port();
    for origin in ["https://evil.example", "null", "http://127.0.0.1.evil.example"] {
        let refused = Wire::connect_with(port, &[("origin", origin)]).await;
        assert_eq!(refused.err().map(|status| status.as_u16()), Some(403), "{origin}");
        let head = format!("GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {origin}\r\n");
        assert_eq!(http::send(port, &head).await.status, 403, "{origin}");
    }
    let rebound = format!("evil.example:{port}");
    let refused = Wire::connect_with(port, &[("host", &rebound)]).await;
    assert_eq!(refused.err().map(|status| status.as_u16()), Some(403));
    let head = format!("GET /health HTTP/1.1\r\nHost: {rebound}\r\n");
    assert_eq!(http::send(port, &head).await.status, 403);
    let neighbor = format!("http://127.0.0.1:{}", port + 1);
    let refused = Wire::connect_with(port, &[("origin", &neighbor)]).await;
    assert_eq!(
        refused.err().map(|status| status.as_u16()),
        Some(403),
        "a page of another local server"
    );
    let own = format!("http://127.0.0.1:{port}");
    let Ok(mut wire) = Wire::connect_with(port, &[("origin", &own)]).await else {
        panic!("the daemon's own page is not foreign")
    };
    wire.call("check_init", json!({})).await;
    assert_eq!(http::get(port, "/health").await.json()["ready"], true);
}

#[tokio::test]
async fn a_subscriber_is_told_of_the_stop() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let mut wire = machine.wire().await;
    assert_eq!(wire.call("subscribe", json!({})).await["ready"], true);
    let mut other = machine.wire().await;
    assert_eq!(
        other.call("stop_server", json!({})).await,
        json!({"status": "stopping"})
    );
    let mut last = Value::Null;
    while let Some(told) = wire.answer().await {
        assert_eq!(told["method"], "status_changed");
        last = told["params"].clone();
    }
    assert_eq!(
        (&last["status"], &last["ready"]),
        (&json!("stopping"), &json!(false))
    );
    machine.nothing_left().await;
}

#[tokio::test]
async fn prompts_lengths_and_encodings_are_as_asked() {
    // A small limit: a text of 8,192 tokens takes half a minute.
    const LIMIT: usize = 256;
    let machine = Machine::new();
    let folder = model::copy_tiny(&machine.path("model"));
    let limit = json!({"max_seq_length": LIMIT, "do_lower_case": false});
    std::fs::write(folder.join("sentence_bert_config.json"), limit.to_string()).unwrap();
    let folder = folder.display().to_string();
    machine.run(["start", "-m", &folder]).await.expect(0);
    let mut wire = machine.wire().await;
    let one = wire
        .call(
            "embed",
            json!({"input": "埋め込みデーモン", "input_type": "query"}),
        )
        .await;
    let typed = wire
        .call("embed", json!({"input": ["検索クエリ: 埋め込みデーモン"]}))
        .await;
    let of = |result: &Value, index: usize| vector::from_json(&result["vectors"][index]);
    vector::assert_same(&of(&one, 0), &of(&typed, 0), "the prompt typed by hand");
    assert_eq!(
        (&one["tokens"], &one["prompt"]),
        (&typed["tokens"], &json!("検索クエリ: "))
    );
    let document = wire
        .call(
            "embed",
            json!({"input": "埋め込みデーモン", "input_type": "document"}),
        )
        .await;
    assert!(
        vector::cosine(&of(&one, 0), &of(&document, 0)) < 0.9999,
        "another prompt"
    );

    let raw = wire
        .call("embed", json!({"input": "x", "normalize": false}))
        .await;
    assert!(
        (vector::length(&of(&raw, 0)) - 1.0).abs() > 1e-3,
        "not of unit length"
    );
    let unit = wire.call("embed", json!({"input": "x"})).await;
    vector::assert_same(&of(&raw, 0), &of(&unit, 0), "the same direction");
    let short = wire.call("embed", json!({"input": "x", "dimensions": 16})).await;
    assert_eq!((of(&short, 0).len(), &short["dimension"]), (16, &json!(16)));
    assert!(
        (vector::length(&of(&short, 0)) - 1.0).abs() < 1e-5,
        "of unit length again"
    );
    vector::assert_same(&of(&short, 0), &of(&unit, 0)[..16], "the first sixteen values");
    assert_eq!(
        wire.error("embed", json!({"input": "x", "dimensions": 65})).await["code"],
        -32602
    );

    let texts = json!(["one", "二つ"]);
    let floats = wire.call("embed", json!({"input": texts})).await;
    for encoding in ["base64", "safetensors"] {
        let other = wire
            .call("embed", json!({"input": texts, "encoding": encoding}))
            .await;
        let read: okibi_protocol::vector::Vectors = serde_json::from_value(other["vectors"].clone()).unwrap();
        for (index, found) in read.decode().unwrap().iter().enumerate() {
            vector::assert_same(found, &of(&floats, index), encoding);
        }
    }

    let long = "長い文章です。".repeat(400);
    let cut = wire.call("embed", json!({"input": ["x", long]})).await;
    assert_eq!(
        (&cut["truncated"][0]["index"], &cut["tokens"][1]),
        (&json!(1), &json!(LIMIT))
    );
    let refused = wire
        .error("embed", json!({"input": ["x", long], "truncate": false}))
        .await;
    assert_eq!(
        (&refused["code"], &refused["data"]["index"]),
        (&json!(-32602), &json!(1))
    );
    assert_eq!(refused["data"]["limit"], LIMIT);
    assert!(
        refused["data"]["tokens"].as_u64() > Some(LIMIT as u64),
        "{refused}"
    );
}

#[tokio::test]
async fn two_thousand_texts_come_in_chunks_in_order() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let texts = model::mixed_texts(2000, 3);
    let mut wire = machine.wire().await;
    let id = wire.begin("embed", json!({"input": texts})).await;
    let mut vectors = Vec::new();
    let mut chunks = 0;
    loop {
        let answer = wire.answer().await.expect("a chunk");
        assert_eq!(answer["id"], id);
        assert_eq!(answer["result"]["offset"], vectors.len());
        vectors.extend(answer["result"]["vectors"].as_array().unwrap().clone());
        chunks += 1;
        if answer["more"] == false {
            break;
        }
    }
    assert!(chunks > 1, "it is streamed");
    assert_eq!(vectors.len(), texts.len());
    for index in [0, 511, 512, 1234, 1999] {
        let alone = wire.call("embed", json!({"input": texts[index]})).await;
        let (a, b) = (
            vector::from_json(&vectors[index]),
            vector::from_json(&alone["vectors"][0]),
        );
        vector::assert_same(&a, &b, &texts[index]);
    }
}
