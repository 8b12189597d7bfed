//! Requests as the clients of other servers write them, row by row: one daemon with the tiny model, many requests.

use okibi_tests::{Machine, http, vector};
use serde_json::{Value, json};

/// The text that a request with half an emoji means.
const CUT: &str = "cut \u{fffd}";

/// Half an emoji, as clients write it that cut a text by UTF-16 units.
const HALF: &str = r"cut \ud83d";

/// The end of a text over the limit of the embedded model, and over it by itself.
fn end_of_long() -> String {
    "海と空 ".repeat(400)
}

/// A text over that limit, whose two ends differ.
fn long() -> String {
    format!("{}{}", "灰と熾火 ".repeat(400), end_of_long())
}

/// Asks as JSON and gives the whole reply.
async fn post(machine: &Machine, path: &str, body: &Value) -> http::Reply {
    http::json(machine.port(), "POST", path, body).await
}

/// The status of a field with a wrong value: text-embeddings-inference has one of its own.
fn invalid(path: &str) -> u16 {
    if path == "/embed" { 422 } else { 400 }
}

/// Sends `body` as it is.
async fn post_text(machine: &Machine, path: &str, body: &str) -> http::Reply {
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n");
    http::exchange(machine.port(), &head, body).await
}

/// The vectors that Okibi's own method gives.
async fn direct(machine: &Machine, params: Value) -> Vec<Vec<f32>> {
    let result = machine.wire().await.call("embed", params).await;
    vectors(&result["vectors"])
}

fn vectors(list: &Value) -> Vec<Vec<f32>> {
    let list = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    list.iter().map(floats).collect()
}

fn floats(value: &Value) -> Vec<f32> {
    let values = value.as_array().unwrap_or_else(|| panic!("no vector: {value}"));
    values
        .iter()
        .map(|value| value.as_f64().unwrap() as f32)
        .collect()
}

/// The vectors of an answer, in whichever dialect it is.
fn vectors_in(answer: &Value) -> Vec<Vec<f32>> {
    if let Some(data) = answer["data"].as_array() {
        return data.iter().map(|each| floats(&each["embedding"])).collect();
    }
    for list in ["/embeddings", "/result/vectors"] {
        if let Some(list) = answer.pointer(list) {
            return vectors(list);
        }
    }
    match answer.as_array() {
        Some(list) if list.iter().all(|each| each["embedding"].is_array()) => {
            list.iter().map(|each| floats(&each["embedding"][0])).collect()
        }
        _ => vectors(answer),
    }
}

/// The message of an error, in whichever dialect it is.
fn message_in(answer: &Value) -> String {
    let message = ["/error/message", "/error"]
        .iter()
        .find_map(|at| answer.pointer(at)?.as_str());
    message
        .unwrap_or_else(|| panic!("no message: {answer}"))
        .to_owned()
}

fn assert_near(found: &[Vec<f32>], expected: &[Vec<f32>], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let apart = vector::distance(found, expected);
        assert!(apart < 1e-5, "{what}: {apart} apart");
    }
}

#[tokio::test]
async fn half_an_emoji_and_a_byte_order_mark_cost_no_request_on_any_dialect() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let expected = direct(&machine, json!({"input": ["ok", CUT]})).await;
    let input = format!(r#"["ok", "{HALF}"]"#);
    for (path, body) in [
        ("/v1/embeddings", format!(r#"{{"input": {input}}}"#)),
        ("/embeddings", format!(r#"{{"input": {input}}}"#)),
        (
            "/api/embed",
            format!(r#"{{"model": "tiny-ruri", "input": {input}}}"#),
        ),
        ("/embed", format!(r#"{{"inputs": {input}}}"#)),
        ("/embedding", format!(r#"{{"content": {input}}}"#)),
        (
            "/rpc",
            format!(r#"{{"jsonrpc": "2.0", "id": 7, "method": "embed", "params": {{"input": {input}}}}}"#),
        ),
    ] {
        for mark in ["", "\u{feff}"] {
            let reply = post_text(&machine, path, &format!("{mark}{body}")).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.body);
            assert_near(&vectors_in(&reply.json()), &expected, path);
        }
    }
    // Over the WebSocket the call is answered by its id, whatever is wrong with the rest.
    let mut wire = machine.wire().await;
    for (message, is_answer) in [
        (
            format!(r#"{{"jsonrpc":"2.0","id":7,"method":"embed","params":{{"input":{input}}}}}"#),
            true,
        ),
        (
            format!(r#"{{"jsonrpc":"2.0","id":7,"method":"embed_text","params":["{HALF}"]}}"#),
            true,
        ),
        (
            format!(
                "\u{feff}{{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"embed\",\"params\":{{\"input\":{input}}}}}"
            ),
            true,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"embed","params":{"input":["a",]},"id":7}"#.to_owned(),
            false,
        ),
        (
            "{\"id\":7,\"jsonrpc\":\"2.0\",\"method\":\"embed\",\"params\":[\"a\nb\"]}".to_owned(),
            false,
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"embed","params":[NaN]}"#.to_owned(),
            false,
        ),
    ] {
        wire.send(message.clone()).await;
        let answer = wire.answer().await.expect("the connection lives");
        assert_eq!(answer["id"], 7, "{message}: {answer}");
        assert_eq!(answer.get("result").is_some(), is_answer, "{message}: {answer}");
    }
    let reply = http::raw(
        machine.port(),
        b"POST /rpc HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 42\r\n\r\n\
          {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"\xff\",\"a\":1}",
    )
    .await;
    assert_eq!(reply.json()["id"], 7, "{}", reply.body);
}

#[tokio::test]
async fn null_is_absence_and_a_wrong_type_is_named_on_every_dialect() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let expected = direct(&machine, json!({"input": "熾火"})).await;
    for (path, body) in [
        (
            "/v1/embeddings",
            json!({"input": "熾火", "model": null, "encoding_format": null, "dimensions": null, "user": null,
                "input_type": null, "truncate": null, "token_ids": null, "normalize": null, "unknown": null}),
        ),
        (
            "/api/embed",
            json!({"model": "tiny-ruri", "input": "熾火", "truncate": null, "keep_alive": null, "options": null,
                "dimensions": null}),
        ),
        (
            "/embed",
            json!({"inputs": "熾火", "normalize": null, "truncate": null, "prompt_name": null,
                "truncation_direction": null, "dimensions": null, "parameters": null}),
        ),
        ("/embedding", json!({"content": "熾火", "embd_normalize": null})),
        (
            "/rpc",
            json!({"jsonrpc": "2.0", "id": 1, "method": "embed", "params": {"input": ["熾火"], "input_type": null,
                "normalize": null, "truncate": null, "encoding": null, "stream": null, "overflow": null,
                "model": null, "dimensions": null}}),
        ),
        (
            "/rpc",
            json!({"jsonrpc": "2.0", "id": 1, "method": "embed", "params": [["熾火"], null, null, null, null, null]}),
        ),
    ] {
        let reply = post(&machine, path, &body).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        assert_near(&vectors_in(&reply.json()), &expected, path);
    }
    for (path, body, said) in [
        (
            "/v1/embeddings",
            json!({"input": ["a", {"secret": 1}]}),
            "input: invalid type: an object, expected a text or a list of token ids, at input[1]",
        ),
        (
            "/v1/embeddings",
            json!({"input": "a", "encoding_format": 3}),
            "encoding_format: ",
        ),
        (
            "/v1/embeddings",
            json!({"input": "a", "dimensions": "many"}),
            "dimensions: invalid type: a text, expected a whole number from 0",
        ),
        (
            "/v1/embeddings",
            json!({"model": "tiny-ruri"}),
            "missing field `input`",
        ),
        (
            "/api/embed",
            json!({"model": "tiny-ruri", "input": [1]}),
            "input: invalid type: integer `1`, expected a string, at input[0]",
        ),
        ("/api/embed", json!({"model": ["tiny-ruri"]}), "model: "),
        (
            "/embed",
            json!({"inputs": "a", "normalize": "yes"}),
            "normalize: invalid type: a text, expected a boolean",
        ),
        (
            "/embed",
            json!({"inputs": "a", "parameters": {"truncate": 1}}),
            "parameters: invalid type: integer `1`, expected a boolean",
        ),
    ] {
        let reply = post(&machine, path, &body).await;
        let message = message_in(&reply.json());
        assert_eq!(reply.status, invalid(path), "{path}: {message}");
        assert!(message.starts_with(said), "{path}: {message}");
        assert!(!message.contains("secret"), "{path}: {message}");
    }
    let error = post(
        &machine,
        "/v1/embeddings",
        &json!({"input": "a", "dimensions": "many"}),
    )
    .await;
    assert_eq!(error.json()["error"]["param"], "dimensions");
}

#[tokio::test]
async fn what_the_relatives_of_openai_say_is_done_or_refused_by_name() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let plain = direct(&machine, json!({"input": "熾火"})).await;
    let query = direct(&machine, json!({"input": "熾火", "input_type": "query"})).await;
    let document = direct(&machine, json!({"input": "熾火", "input_type": "document"})).await;
    let raw = direct(&machine, json!({"input": "熾火", "normalize": false})).await;
    let cut = direct(&machine, json!({"input": "熾火", "dimensions": 8})).await;
    for (path, fields, expected) in [
        (
            "/v1/embeddings",
            json!({"dimensions": 0, "modality": "text"}),
            &plain,
        ),
        (
            "/embeddings",
            json!({"model": "text-embeddings-inference"}),
            &plain,
        ),
        ("/v1/embeddings", json!({"model": "TEI"}), &plain),
        ("/embeddings", json!({"model": "default/not-specified"}), &plain),
        ("/v1/embeddings", json!({"model": "tei:query"}), &query),
        ("/v1/embeddings", json!({"model": "tiny-ruri:Query"}), &query),
        (
            "/v1/embeddings",
            json!({"model": "Tiny-Ruri:DOCUMENT"}),
            &document,
        ),
        (
            "/openai/deployments/tiny-ruri:query/embeddings?api-version=2024-10-21",
            json!({}),
            &query,
        ),
        (
            "/openai/deployments/tiny-ruri/embeddings",
            json!({"model": "gpt-9"}),
            &plain,
        ),
        ("/openai/v1/embeddings", json!({"model": "tiny-ruri"}), &plain),
        // NIM.
        (
            "/v1/embeddings",
            json!({"input_type": "passage", "truncate": "NONE", "embedding_type": "float"}),
            &document,
        ),
        // Voyage.
        (
            "/v1/embeddings",
            json!({"input_type": "query", "truncation": true, "output_dtype": "float"}),
            &query,
        ),
        ("/v1/embeddings", json!({"output_dimension": 8}), &cut),
        // Jina.
        (
            "/v1/embeddings",
            json!({"task": "retrieval.query", "late_chunking": false, "embedding_type": "float"}),
            &query,
        ),
        (
            "/v1/embeddings",
            json!({"task": "retrieval.passage", "normalized": true}),
            &document,
        ),
        ("/v1/embeddings", json!({"normalized": false}), &raw),
        // What has no effect.
        (
            "/v1/embeddings",
            json!({"user": {"any": 1}, "drop_params": true, "metadata": {"a": 1}, "timeout": 5}),
            &plain,
        ),
    ] {
        let mut body = fields.clone();
        body["input"] = "熾火".into();
        let reply = post(&machine, path, &body).await;
        assert_eq!(reply.status, 200, "{path} {fields}: {}", reply.body);
        assert_near(&vectors_in(&reply.json()), expected, &format!("{path} {fields}"));
    }
    for (fields, named) in [
        (json!({"output_dtype": "ubinary"}), "output_dtype"),
        (json!({"task": "text-matching"}), "task"),
        (json!({"late_chunking": true}), "late_chunking"),
        (json!({"truncate": "SOMETIMES"}), "truncate"),
        (json!({"embedding_type": "int8"}), "embedding_type"),
        (json!({"truncate_prompt_tokens": 4}), "truncate_prompt_tokens"),
        (json!({"instruction": "find"}), "instruction"),
    ] {
        let mut body = fields.clone();
        body["input"] = "熾火".into();
        let reply = post(&machine, "/v1/embeddings", &body).await;
        let message = message_in(&reply.json());
        assert!(
            reply.status == 400 && message.contains(named),
            "{fields}: {}",
            reply.body
        );
    }
    // Token ids of OpenAI's vocabulary that cut a character, as clients send them that split by tokens.
    let reply = post(
        &machine,
        "/v1/embeddings",
        &json!({"input": [[163, 228, 122], [163, 228]]}),
    )
    .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let expected = direct(&machine, json!({"input": "\u{fffd}"})).await;
    assert_near(
        &vectors_in(&reply.json())[1..],
        &expected,
        "what is left of a character",
    );
    for path in ["/models", "/v1/models", "/openai/v1/models", "/models/tiny-ruri"] {
        assert_eq!(http::get(machine.port(), path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn tei_has_the_statuses_and_the_words_of_its_original() {
    let machine = Machine::new();
    machine.start_tiny().await;
    for (path, body, status, kind) in [
        ("/embed", json!({"inputs": []}), 400, "Empty"),
        ("/embed", json!({"inputs": ["a", ""]}), 400, "Empty"),
        ("/embed", json!({}), 422, "Validation"),
        (
            "/embed",
            json!({"inputs": "a", "dimensions": 65}),
            422,
            "Validation",
        ),
        ("/embed", json!({"inputs": [[99_999_999]]}), 422, "Validation"),
        (
            "/similarity",
            json!({"inputs": {"source_sentence": "a", "sentences": []}}),
            400,
            "Empty",
        ),
        (
            "/tokenize",
            json!({"inputs": ["a"], "prompt_name": "poem"}),
            422,
            "Validation",
        ),
        ("/rerank", json!({"query": "a", "texts": ["b"]}), 424, "Backend"),
    ] {
        let reply = post(&machine, path, &body).await;
        let answer = reply.json();
        assert_eq!(reply.status, status, "{path} {body}: {answer}");
        assert_eq!(answer["error_type"], kind, "{path} {body}: {answer}");
        assert!(answer["error"].is_string(), "{path} {body}: {answer}");
    }
    assert_eq!(post_text(&machine, "/embed", "{").await.status, 400);
    // Each token id counts as a character.
    let reply = post(&machine, "/invocations", &json!({"inputs": ["熾火", [4, 5, 6]]})).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.header("x-compute-characters").as_deref(), Some("5"));
}

#[tokio::test]
async fn tei_slices_its_tokens_from_the_text_and_llama_cpp_shares_the_path() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let info = http::get(machine.port(), "/info").await.json();
    assert_eq!(info["auto_truncate"], true, "{info}");
    assert_eq!(info["max_client_batch_size"], 32, "{info}");
    for (fields, named, status) in [
        (
            json!({"truncation_direction": "middle"}),
            "truncation_direction",
            422,
        ),
        // The original ignores it.
        (json!({"raw_scores": true}), "raw_scores", 400),
        (json!({"parameters": {"clean_up": 1}}), "parameters", 422),
    ] {
        let mut body = fields.clone();
        body["inputs"] = "a".into();
        let reply = post(&machine, "/embed", &body).await;
        assert!(
            reply.status == status && message_in(&reply.json()).contains(named),
            "{fields}: {}",
            reply.body
        );
    }
    // The parts of the tokens make the text again, special ones aside.
    let text = "熾火は灰の下で Embers 😀 残る";
    for (body, whole) in [
        (json!({"inputs": text}), text.to_owned()),
        (
            json!({"inputs": [text], "prompt_name": "query"}),
            format!("検索クエリ: {text}"),
        ),
        (
            json!({"inputs": text, "add_special_tokens": false}),
            text.to_owned(),
        ),
    ] {
        let tokens = post(&machine, "/tokenize", &body).await.json();
        let tokens = tokens[0].as_array().unwrap().clone();
        let mut reached = 0;
        for token in tokens.iter().filter(|token| token["special"] == false) {
            let (start, stop) = (&token["start"], &token["stop"]);
            let (start, stop) = (start.as_u64().unwrap() as usize, stop.as_u64().unwrap() as usize);
            let part = String::from_utf8_lossy(&whole.as_bytes()[start..stop]).into_owned();
            assert_eq!(token["text"], part, "{body}");
            assert!(
                start <= reached + 1,
                "nothing but spaces is left out: {token} of {whole}"
            );
            reached = reached.max(stop);
        }
        assert_eq!(reached, whole.len(), "offsets count bytes: {body}");
    }
    // llama.cpp has the same path, and says `content`.
    let ids = post(&machine, "/tokenize", &json!({"content": text}))
        .await
        .json();
    assert!(
        ids["tokens"].as_array().unwrap().iter().all(Value::is_u64),
        "{ids}"
    );
    let pieces = post(
        &machine,
        "/tokenize",
        &json!({"content": "Embers", "with_pieces": true}),
    )
    .await;
    let pieces = pieces.json()["tokens"].as_array().unwrap().clone();
    let joined: String = pieces
        .iter()
        .map(|token| token["piece"].as_str().unwrap())
        .collect();
    assert_eq!(joined, "Embers");
    let again = post(&machine, "/detokenize", &json!({"tokens": ids["tokens"]}))
        .await
        .json();
    assert!(
        again["content"].as_str().unwrap().contains("の下で Embers"),
        "{again}"
    );
    let embedding = post(
        &machine,
        "/embedding",
        &json!({"content": ["熾火", "灰"], "embd_normalize": 2}),
    )
    .await;
    let expected = direct(&machine, json!({"input": ["熾火", "灰"]})).await;
    assert_near(&vectors_in(&embedding.json()), &expected, "llama.cpp");
    assert_eq!(embedding.json()[1]["index"], 1);
    let norm = post(
        &machine,
        "/embedding",
        &json!({"content": "a", "embd_normalize": 0}),
    )
    .await;
    assert!(
        norm.status == 400 && message_in(&norm.json()).contains("embd_normalize"),
        "{}",
        norm.body
    );
}

#[tokio::test]
async fn texts_over_the_limit_are_cut_or_refused_as_each_server_says_it() {
    let machine = Machine::new();
    machine.run(["start"]).await.expect(0);
    let of_start = direct(&machine, json!({"input": [long()]})).await.remove(0);
    let of_end = json!({"inputs": end_of_long(), "truncation_direction": "left"});
    let of_end = vectors_in(&post(&machine, "/embed", &of_end).await.json()).remove(0);
    assert!(vector::distance(&of_start, &of_end) > 1e-2);
    for (path, fields, expected) in [
        // Version 1.8 of the original and later ones cut by default.
        ("/embed", json!({}), &of_start),
        (
            "/embed",
            json!({"truncate": true, "truncation_direction": "Right"}),
            &of_start,
        ),
        ("/embed", json!({"truncation_direction": "left"}), &of_end),
        (
            "/embed",
            json!({"parameters": {"truncation_direction": "Left", "truncate": true}}),
            &of_end,
        ),
        (
            "/embed",
            json!({"overflow": "truncate", "truncation_direction": "left"}),
            &of_end,
        ),
        ("/v1/embeddings", json!({}), &of_start),
        // NIM.
        ("/v1/embeddings", json!({"truncate": "END"}), &of_start),
        ("/v1/embeddings", json!({"truncate": "START"}), &of_end),
        // Voyage.
        ("/v1/embeddings", json!({"truncation": true}), &of_start),
        ("/api/embed", json!({"model": "multilingual-e5-small"}), &of_start),
    ] {
        let mut body = fields.clone();
        body[if path == "/embed" { "inputs" } else { "input" }] = json!([long()]);
        let reply = post(&machine, path, &body).await;
        assert_eq!(reply.status, 200, "{path} {fields}: {}", reply.body);
        assert!(
            reply.header("x-okibi-truncated").is_some(),
            "{path} {fields}: {}",
            reply.head
        );
        let apart = vector::distance(&vectors_in(&reply.json())[0], expected);
        assert!(apart < 1e-5, "{path} {fields}: {apart} apart");
    }
    for (path, fields) in [
        ("/embed", json!({"truncate": false})),
        (
            "/embed",
            json!({"truncate": false, "truncation_direction": "left"}),
        ),
        ("/v1/embeddings", json!({"truncate": false})),
        ("/v1/embeddings", json!({"truncate": "NONE"})),
        ("/v1/embeddings", json!({"truncation": false})),
        (
            "/api/embed",
            json!({"model": "multilingual-e5-small", "truncate": false}),
        ),
    ] {
        let mut body = fields.clone();
        body[if path == "/embed" { "inputs" } else { "input" }] = json!([long()]);
        let reply = post(&machine, path, &body).await;
        let message = message_in(&reply.json());
        assert!(
            reply.status == invalid(path) && message.contains("512"),
            "{path} {fields}: {message}"
        );
    }
    // The prompt stays where the beginning of a text is cut off.
    let body = json!({"inputs": long(), "truncation_direction": "left", "prompt_name": "query"});
    let with_prompt = post(&machine, "/embed", &body).await;
    assert_eq!(with_prompt.header("x-okibi-prompt").as_deref(), Some("query: "));
    let apart = vector::distance(&vectors_in(&with_prompt.json())[0], &of_end);
    assert!(apart > 1e-3, "{apart} apart");
}

#[tokio::test]
async fn ollamas_clients_find_load_and_unload_a_model_by_every_name_it_has() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let port = machine.port();
    let tags = http::get(port, "/api/tags").await.json();
    let names: Vec<&str> = tags["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["name"].as_str().unwrap())
        .collect();
    // Clients take names with one digest for names of one model.
    let digest = |name: &str| {
        let models = tags["models"].as_array().unwrap();
        let named = models.iter().find(|model| model["name"] == name).unwrap();
        named["digest"].as_str().unwrap().to_owned()
    };
    let digests = [
        "tiny-ruri",
        "tiny-ruri:query",
        "tiny-ruri:document",
        "multilingual-e5-small",
    ]
    .map(digest);
    assert!(digests.iter().all(|digest| digest.len() == 64), "{digests:?}");
    assert_eq!(
        std::collections::BTreeSet::from(digests.clone()).len(),
        digests.len(),
        "{digests:?}"
    );
    assert_eq!(digest("tiny-ruri:latest"), digests[0]);
    for model in ["tiny-ruri", "multilingual-e5-small"] {
        for tag in ["", ":latest", ":query", ":document"] {
            let name = format!("{model}{tag}");
            assert!(names.contains(&name.as_str()), "{name} is not in {names:?}");
            let shown = post(&machine, "/api/show", &json!({"model": name})).await;
            assert_eq!(shown.status, 200, "{name}");
            // It is here: there is nothing to fetch, and that is a success.
            let pulled = post(&machine, "/api/pull", &json!({"model": name, "stream": false})).await;
            assert_eq!(
                (pulled.status, &pulled.json()["status"]),
                (200, &json!("success")),
                "{name}: {}",
                pulled.body
            );
        }
    }
    let pulled = post(
        &machine,
        "/api/pull",
        &json!({"name": "tiny-ruri", "insecure": true}),
    )
    .await;
    assert!(pulled.body.contains(r#"{"status":"success"}"#), "{}", pulled.body);

    let role = post(
        &machine,
        "/api/embed",
        &json!({"model": "tiny-ruri:Query", "input": "熾火"}),
    )
    .await;
    let expected = direct(&machine, json!({"input": "熾火", "input_type": "query"})).await;
    assert_near(&vectors_in(&role.json()), &expected, "a role");
    let ask = async |fields: Value| {
        let mut body = fields.clone();
        body["model"] = "tiny-ruri".into();
        let reply = post(&machine, "/api/embed", &body).await;
        assert_eq!(reply.status, 200, "{fields}: {}", reply.body);
        vectors_in(&reply.json())
    };
    let plain = direct(&machine, json!({"input": ["a", "b"]})).await;
    // An empty text of a list gets a vector, an empty text alone none.
    let with_empty = ask(json!({"input": ["a", "", "b"]})).await;
    assert_near(
        &[with_empty[0].clone(), with_empty[2].clone()],
        &plain,
        "beside an empty text",
    );
    assert!((vector::length(&with_empty[1]) - 1.0).abs() < 1e-5);
    assert!(ask(json!({"input": ""})).await.is_empty() && ask(json!({})).await.is_empty());
    for dimensions in [0, 64, 65, 4096] {
        assert_near(
            &ask(json!({"input": ["a", "b"], "dimensions": dimensions})).await,
            &plain,
            "all of them",
        );
    }
    assert_eq!(ask(json!({"input": "a", "dimensions": 8})).await[0].len(), 8);

    for (path, body) in [
        ("/api/embed", json!({"model": "llama3:8b", "input": "a"})),
        ("/api/embeddings", json!({"model": "llama3:8b", "prompt": "a"})),
        ("/api/show", json!({"model": "llama3:8b"})),
        ("/api/generate", json!({"model": "llama3:8b"})),
        ("/api/generate", json!({"model": "llama3:8b", "prompt": "hello"})),
        (
            "/api/chat",
            json!({"model": "llama3:8b", "messages": [{"role": "user", "content": "hello"}]}),
        ),
        ("/api/generate", json!({"model": "llama3:8b", "keep_alive": 0})),
        ("/api/pull", json!({"model": "llama3:8b", "stream": false})),
    ] {
        let reply = post(&machine, path, &body).await;
        let message = message_in(&reply.json());
        assert_eq!(reply.status, 404, "{path}: {message}");
        assert!(
            message.starts_with("model 'llama3:8b' not found"),
            "{path}: {message}"
        );
        assert!(
            message.contains("/api/") && !message.contains("-m ./"),
            "{path}: {message}"
        );
    }

    let state = async || {
        let status = machine.status().await;
        status.current().expect("a current model").state
    };
    for (path, empty) in [
        ("/api/generate", json!({"prompt": ""})),
        ("/api/generate", json!({})),
        ("/api/chat", json!({"messages": []})),
    ] {
        for (keep_alive, reason) in [
            (json!(0), "unload"),
            (Value::Null, "load"),
            (json!("0s"), "unload"),
            (json!("5m"), "load"),
        ] {
            let mut body = empty.clone();
            body["model"] = "tiny-ruri:latest".into();
            body["keep_alive"] = keep_alive;
            let reply = post(&machine, path, &body).await;
            let answer = reply.json();
            assert_eq!(
                (reply.status, &answer["done_reason"]),
                (200, &json!(reason)),
                "{path}: {answer}"
            );
            assert_eq!(
                (&answer["done"], &answer["model"]),
                (&json!(true), &json!("tiny-ruri:latest"))
            );
            let is_loaded = state().await == okibi_protocol::models::ModelState::Ready;
            assert_eq!(is_loaded, reason == "load", "{path}: {answer}");
        }
    }
}

#[tokio::test]
async fn what_a_server_of_embeddings_cannot_do_is_refused_with_a_sentence_that_helps() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let chat = json!({"model": "tiny-ruri", "messages": [{"role": "user", "content": "hello"}]});
    for (path, body, status, said) in [
        (
            "/v1/chat/completions",
            &chat,
            400,
            "tiny-ruri is an embedding model",
        ),
        (
            "/v1/completions",
            &json!({"prompt": "a"}),
            400,
            "tiny-ruri is an embedding model",
        ),
        (
            "/v1/responses",
            &json!({"input": "a"}),
            400,
            "POST /v1/embeddings",
        ),
        (
            "/openai/deployments/gpt-9/chat/completions",
            &chat,
            400,
            "tiny-ruri is an embedding model",
        ),
        (
            "/api/chat",
            &chat,
            400,
            "\"tiny-ruri\" does not support chat: tiny-ruri is an embedding model",
        ),
        (
            "/api/generate",
            &json!({"model": "tiny-ruri", "prompt": "hello"}),
            400,
            "\"tiny-ruri\" does not support generate: tiny-ruri is an embedding model",
        ),
        ("/api/create", &json!({"model": "a"}), 400, "/api/pull"),
        (
            "/rerank",
            &json!({"query": "a", "texts": ["b"]}),
            424,
            "not a re-ranker model",
        ),
        (
            "/v1/rerank",
            &json!({"query": "a", "documents": ["b"]}),
            424,
            "/similarity",
        ),
        (
            "/predict",
            &json!({"inputs": "a"}),
            424,
            "tiny-ruri is an embedding model",
        ),
        ("/embed_sparse", &json!({"inputs": "a"}), 424, "POST /embed"),
        (
            "/embed_all",
            &json!({"inputs": "a", "dimensions": 8}),
            422,
            "dimensions",
        ),
    ] {
        let reply = post(&machine, path, body).await;
        let message = message_in(&reply.json());
        assert_eq!(reply.status, status, "{path}: {message}");
        assert!(message.contains(said), "{path}: {message}");
    }
}

#[tokio::test]
async fn every_prompt_of_the_models_file_can_be_named() {
    let machine = Machine::new();
    machine.start_tiny().await;
    for (name, prompt) in [
        ("query", "検索クエリ: "),
        ("document", "検索文書: "),
        ("topic", "トピック: "),
    ] {
        let expected = direct(&machine, json!({"input": format!("{prompt}熾火")})).await;
        for (path, body) in [
            ("/v1/embeddings", json!({"input": ["熾火"], "prompt_name": name})),
            (
                "/api/embed",
                json!({"model": "tiny-ruri", "input": ["熾火"], "prompt_name": name}),
            ),
            ("/embed", json!({"inputs": ["熾火"], "prompt_name": name})),
            (
                "/embed",
                json!({"inputs": ["熾火"], "parameters": {"prompt_name": name}}),
            ),
        ] {
            let reply = post(&machine, path, &body).await;
            assert_eq!(reply.status, 200, "{path} {name}: {}", reply.body);
            assert_near(&vectors_in(&reply.json()), &expected, &format!("{path} {name}"));
        }
    }
    let reply = post(&machine, "/embed", &json!({"inputs": "a", "prompt_name": "poem"})).await;
    let message = message_in(&reply.json());
    assert!(
        reply.status == 422 && message.contains("document, query, topic"),
        "{message}"
    );
}

#[tokio::test]
async fn azures_header_carries_the_token() {
    let machine = Machine::new();
    machine.write_config("require_token = true\n");
    let tiny = okibi_tests::model::tiny();
    let args = ["start".as_ref(), "-m".as_ref(), tiny.as_os_str()];
    machine.run(args).await.expect(0);
    let tokens = std::fs::read_to_string(machine.path("data").join("token.json")).unwrap();
    let tokens: Value = serde_json::from_str(&tokens).unwrap();
    let path = "/openai/deployments/tiny-ruri/embeddings?api-version=2024-10-21";
    for (key, status) in [(tokens["use"].as_str().unwrap(), 200), ("wrong", 401)] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\napi-key: {key}\r\n");
        let reply = http::exchange(machine.port(), &head, r#"{"input": "a", "model": "tiny-ruri"}"#).await;
        assert_eq!(reply.status, status, "{}", reply.body);
    }
}

#[tokio::test]
async fn a_container_is_let_in_by_the_line_of_the_documentation() {
    let page = std::fs::read_to_string(okibi_tests::repository().join("docs/apps.md")).unwrap();
    let docker = page.split_once("## Docker").expect("a section").1;
    let settings = docker.split_once("```toml\n").expect("its settings").1;
    let settings = settings.split_once("```").unwrap().0;
    let ask = async |machine: &Machine| {
        let head = "POST /v1/embeddings HTTP/1.1\r\nHost: host.docker.internal:8765\r\n";
        http::exchange(machine.port(), head, r#"{"input": "a"}"#)
            .await
            .status
    };
    assert_eq!(ask(&Machine::tiny_with(settings).await).await, 200, "{settings}");
    assert_eq!(ask(&Machine::tiny_with("").await).await, 403);
}
