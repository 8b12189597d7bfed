//! A text for which the model has no finite vector fails alone.

use okibi_protocol::vector::Vectors;
use okibi_tests::{Machine, http, not_finite};
use serde_json::{Value, json};

/// A machine whose daemon has the model.
async fn started() -> Machine {
    let machine = Machine::new();
    let folder = not_finite::make(&machine.path("model"));
    machine
        .run(["start".as_ref(), "-m".as_ref(), folder.as_os_str()])
        .await
        .expect(0);
    machine
}

#[tokio::test]
async fn over_json_rpc_such_a_text_has_null_and_the_others_their_vectors() {
    let machine = started().await;
    let mut wire = machine.wire().await;
    let input = ["ember", "nan", "ash", "ash infinite", "ash"];
    for encoding in ["float", "base64"] {
        for stream in [false, true] {
            let params = json!({"input": input, "encoding": encoding, "stream": stream});
            let result = wire.call("embed", params).await;
            let failed = json!([
                {"index": 1, "message": "text 1 has no finite vector"},
                {"index": 3, "message": "text 3 has no finite vector"},
            ]);
            assert_eq!(result["failed"], failed, "{encoding}");
            assert_eq!(result["tokens"], json!([1, 1, 1, 2, 1]));
            let nulls: Vec<bool> = result["vectors"]
                .as_array()
                .unwrap()
                .iter()
                .map(Value::is_null)
                .collect();
            assert_eq!(nulls, [false, true, false, true, false]);
            let vectors: Vectors = serde_json::from_value(result["vectors"].clone()).unwrap();
            for vector in vectors.decode_each().unwrap().into_iter().flatten() {
                let length: f32 = vector.iter().map(|value| value * value).sum();
                assert!((length - 1.0).abs() < 1e-5, "{vector:?}");
            }
        }
    }
    let fine = wire.call("embed", json!({"input": ["ember"]})).await;
    assert!(fine.get("failed").is_none(), "{fine}");
}

#[tokio::test]
async fn a_chunk_counts_over_the_whole_input() {
    let machine = started().await;
    let mut wire = machine.wire().await;
    let mut input = vec!["ember"; 1500];
    input[1200] = "nan";
    let id = wire.begin("embed", json!({"input": input})).await;
    let first = wire.answer().await.unwrap();
    assert_eq!((&first["id"], first["result"].get("failed")), (&json!(id), None));
    let second = wire.answer().await.unwrap();
    assert_eq!(second["result"]["failed"][0]["index"], 1200);
    assert!(second["result"]["vectors"][1200 - 1024].is_null());
}

#[tokio::test]
async fn where_there_is_no_place_for_it_the_request_fails_and_names_the_text() {
    let machine = started().await;
    let port = machine.port();
    let mut wire = machine.wire().await;
    let input = ["ember", "ash", "nan"];
    for stream in [false, true] {
        let params = json!({"input": input, "encoding": "safetensors", "stream": stream});
        let error = wire.error("embed", params).await;
        assert_eq!(
            (&error["code"], &error["data"]["index"]),
            (&json!(-32603), &json!(2))
        );
    }
    let error = wire.error("embed_text", json!({"text": "nan"})).await;
    assert_eq!(error["code"], -32603);
    for (path, field) in [
        ("/v1/embeddings", "input"),
        ("/api/embed", "input"),
        ("/embed", "inputs"),
    ] {
        let mut body = json!({"model": "model"});
        body[field] = json!(input);
        let reply = http::json(port, "POST", path, &body).await;
        assert_eq!(reply.status, 500, "{path}: {}", reply.body);
        assert!(
            reply.body.contains("text 2 has no finite vector"),
            "{path}: {}",
            reply.body
        );
    }
}

#[tokio::test]
async fn requests_beside_it_in_a_batch_are_not_touched() {
    let machine = started().await;
    let asks = (0..64).map(|at| {
        let port = machine.port();
        tokio::spawn(async move {
            let text = if at % 2 == 0 { "ash ember" } else { "nan" };
            let mut wire = okibi_tests::Wire::connect(port).await;
            (
                at,
                wire.call("embed", json!({"input": text, "normalize": false}))
                    .await,
            )
        })
    });
    for ask in asks.collect::<Vec<_>>() {
        let (at, result) = ask.await.unwrap();
        let is_whole = result.get("failed").is_none();
        assert_eq!(is_whole, at % 2 == 0, "{result}");
        if is_whole {
            let first = result["vectors"][0][0].as_f64().unwrap();
            let expected = (3f64.ln() + 6f64.ln()) / 2.0;
            assert!((first - expected).abs() < 1e-5, "{first} is not {expected}");
        }
    }
}

#[tokio::test]
async fn the_command_line_tells_it_in_its_place() {
    let machine = started().await;
    let ended = machine.run_with(["embed"], "ember\nnan\nash\n").await.expect(1);
    let lines = ended.json_lines();
    assert_eq!(lines.len(), 3);
    for (index, is_good) in [true, false, true].into_iter().enumerate() {
        assert_eq!(lines[index]["vector"].is_array(), is_good, "{}", lines[index]);
    }
    let error = lines[1]["error"].as_str().unwrap();
    assert!(error.contains("has no finite vector"), "{error}");
}
