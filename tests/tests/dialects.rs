//! The dialects of other servers over HTTP, right and wrong, against a real daemon with the tiny model.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use okibi_tests::{Machine, http, model, vector};
use serde_json::{Value, json};

/// Asks for JSON and gives status and body.
async fn post(machine: &Machine, path: &str, body: Value) -> (u16, Value) {
    let reply = http::json(machine.port(), "POST", path, &body).await;
    (reply.status, reply.json())
}

async fn get(machine: &Machine, path: &str) -> (u16, Value) {
    let reply = http::get(machine.port(), path).await;
    (reply.status, reply.json())
}

/// The vector of a text, as the WebSocket gives it.
async fn direct(machine: &Machine, text: &str, role: &str) -> Vec<f32> {
    let params = json!({"input": [text], "input_type": role});
    let result = machine.wire().await.call("embed", params).await;
    floats(&result["vectors"][0])
}

fn floats(value: &Value) -> Vec<f32> {
    let values = value.as_array().unwrap_or_else(|| panic!("{value}"));
    values
        .iter()
        .map(|value| value.as_f64().unwrap() as f32)
        .collect()
}

#[tokio::test]
async fn openai_gives_the_same_vectors_as_floats_and_as_base64() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let expected = direct(&machine, "熾火", "query").await;
    let body = json!({"model": "tiny-ruri:query", "input": ["熾火", "ember"]});
    let (status, answer) = post(&machine, "/v1/embeddings", body).await;
    assert_eq!(
        (status, &answer["object"], &answer["model"]),
        (200, &json!("list"), &json!("tiny-ruri"))
    );
    assert_eq!(floats(&answer["data"][0]["embedding"]), expected);
    assert_eq!(answer["data"][1]["index"], 1);
    assert_eq!(answer["usage"]["prompt_tokens"], answer["usage"]["total_tokens"]);
    assert_eq!(answer["prompt"], "検索クエリ: ");

    let body = json!({"input": "熾火", "encoding_format": "base64", "input_type": "query"});
    let (_, answer) = post(&machine, "/v1/embeddings", body).await;
    let bytes = STANDARD
        .decode(answer["data"][0]["embedding"].as_str().unwrap())
        .unwrap();
    let values: Vec<f32> = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|value| f32::from_le_bytes(*value))
        .collect();
    assert_eq!(values, expected);

    let (_, tokens) = post(&machine, "/tokenize", json!({"inputs": "熾火"})).await;
    let ids: Vec<&Value> = tokens[0]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| &token["id"])
        .collect();
    let body = json!({"input": ids, "token_ids": "model"});
    let (_, by_ids) = post(&machine, "/v1/embeddings", body).await;
    assert_eq!(
        floats(&by_ids["data"][0]["embedding"]),
        direct(&machine, "熾火", "none").await
    );
    // "hello world" in OpenAI's own vocabulary.
    let (_, by_openai) = post(&machine, "/v1/embeddings", json!({"input": [15339, 1917]})).await;
    assert_eq!(
        floats(&by_openai["data"][0]["embedding"]),
        direct(&machine, "hello world", "none").await
    );
}

#[tokio::test]
async fn openai_errors_have_its_shape() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let wrong = [
        (json!({"input": "a", "model": "gpt-9"}), 404, "model_not_found"),
        (json!({"input": ""}), 400, "empty_input"),
        (json!({"input": []}), 400, "empty_input"),
        (json!({"input": {"a": 1}}), 400, "invalid_request"),
        (json!({"input": "a", "dimensions": 65}), 400, "invalid_dimensions"),
        (json!({"input": "a", "dimensions": -1}), 400, "invalid_request"),
        (
            json!({"input": "a", "prompt_name": "poem"}),
            400,
            "invalid_request",
        ),
        (json!({"input": [99_999_999]}), 400, "invalid_request"),
        (
            json!({"input": [99_999_999], "token_ids": "model"}),
            400,
            "unknown_token_id",
        ),
    ];
    for (body, status, code) in wrong {
        let (found, answer) = post(&machine, "/v1/embeddings", body.clone()).await;
        let error = &answer["error"];
        assert_eq!(
            (found, &error["code"]),
            (status, &json!(code)),
            "{body}: {answer}"
        );
        assert_eq!(error["type"], "invalid_request_error");
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{answer}"
        );
    }
    let (_, models) = get(&machine, "/v1/models").await;
    let ids: Vec<&str> = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|model| model["id"].as_str())
        .collect();
    let askable = [
        "tiny-ruri",
        "tiny-ruri:query",
        "tiny-ruri:document",
        // It is not loaded, and would be.
        "multilingual-e5-small",
    ];
    assert_eq!(ids, askable);
    for id in [
        "tiny-ruri",
        "cl-nagoya/tiny-ruri",
        "cl-nagoya%2Ftiny-ruri",
        "tiny-ruri%3Aquery",
    ] {
        assert_eq!(get(&machine, &format!("/v1/models/{id}")).await.0, 200, "{id}");
    }
    assert_eq!(get(&machine, "/v1/models/other").await.0, 404);
}

#[tokio::test]
async fn ollama_embeds_lists_and_shows() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let expected = direct(&machine, "熾火", "none").await;
    let body =
        json!({"model": "tiny-ruri:latest", "input": ["熾火", "ember"], "keep_alive": "5m", "options": {}});
    let (status, answer) = post(&machine, "/api/embed", body).await;
    assert_eq!(
        (status, floats(&answer["embeddings"][0])),
        (200, expected.clone())
    );
    assert!(
        answer["total_duration"].as_u64() > Some(1000),
        "nanoseconds: {answer}"
    );
    let (_, old) = post(
        &machine,
        "/api/embeddings",
        json!({"model": "tiny-ruri", "prompt": "熾火"}),
    )
    .await;
    assert_eq!(floats(&old["embedding"]), expected);
    let (_, empty) = post(&machine, "/api/embed", json!({"model": "tiny-ruri", "input": ""})).await;
    assert_eq!(empty["embeddings"], json!([]));
    let (status, unknown) = post(&machine, "/api/embed", json!({"model": "llama3", "input": "a"})).await;
    assert!(
        status == 404 && unknown["error"].as_str().unwrap().contains("llama3"),
        "{unknown}"
    );
    for (path, list) in [("/api/tags", "models"), ("/api/ps", "models")] {
        let (_, answer) = get(&machine, path).await;
        assert_eq!(answer[list][0]["name"], "tiny-ruri", "{path}");
    }
    let (_, shown) = post(&machine, "/api/show", json!({"model": "tiny-ruri"})).await;
    assert_eq!(shown["capabilities"], json!(["embedding"]));
    assert_eq!(
        (
            &shown["model_info"]["general.architecture"],
            &shown["details"]["family"]
        ),
        (&json!("modernbert"), &json!("modernbert")),
        "as its config.json says: {shown}"
    );
    assert!(
        shown["model_info"]["modernbert.embedding_length"].is_u64(),
        "{shown}"
    );
    assert!(
        get(&machine, "/api/version").await.1["version"]
            .as_str()
            .unwrap()
            .starts_with("0.")
    );
    let root = http::get(machine.port(), "/").await;
    assert!(root.body.contains("Ollama is running"), "{}", root.body);
    assert_eq!(
        http::send(machine.port(), "HEAD / HTTP/1.1\r\nHost: localhost\r\n")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn tei_embeds_tokenizes_and_compares() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let expected = direct(&machine, "熾火", "none").await;
    for path in ["/embed", "/"] {
        let (_, answer) = post(&machine, path, json!({"inputs": ["熾火", "ember"]})).await;
        assert_eq!(floats(&answer[0]), expected, "{path}");
    }
    let (_, raw) = post(&machine, "/embed", json!({"inputs": "熾火", "normalize": false})).await;
    assert!((vector::length(&floats(&raw[0])) - 1.0).abs() > 1e-3);
    let (_, tokens) = post(&machine, "/tokenize", json!({"inputs": ["熾火", "a"]})).await;
    let ids: Vec<&Value> = tokens[0]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| &token["id"])
        .collect();
    let (_, texts) = post(
        &machine,
        "/decode",
        json!({"ids": ids, "skip_special_tokens": false}),
    )
    .await;
    assert!(texts[0].as_str().is_some_and(|text| !text.is_empty()), "{texts}");
    let (_, all) = post(&machine, "/embed_all", json!({"inputs": "熾火"})).await;
    assert_eq!(all[0].as_array().unwrap().len(), ids.len());
    let body = json!({"inputs": {"source_sentence": "火", "sentences": ["火", "車"]}});
    let (_, cosines) = post(&machine, "/similarity", body).await;
    let cosines = floats(&cosines);
    assert!(
        cosines.len() == 2 && (cosines[0] - 1.0).abs() < 1e-4,
        "{cosines:?}"
    );
    let (_, info) = get(&machine, "/info").await;
    assert_eq!(
        (&info["model_id"], &info["dimension"]),
        (&json!("tiny-ruri"), &json!(64))
    );
    let reply = http::json(
        machine.port(),
        "POST",
        "/embed",
        &json!({"inputs": "熾火", "prompt_name": "query"}),
    )
    .await;
    let tokens: usize = reply.header("x-compute-tokens").unwrap().parse().unwrap();
    assert!(tokens > 2 && reply.header("x-inference-time").is_some());
    assert_eq!(
        reply.header("x-okibi-prompt").as_deref(),
        Some("%E6%A4%9C%E7%B4%A2%E3%82%AF%E3%82%A8%E3%83%AA: ")
    );
}

#[tokio::test]
async fn long_texts_are_told_refused_or_averaged_on_every_dialect() {
    let machine = Machine::new();
    // The embedded model, whose limit is soon reached.
    machine.run(["start"]).await.expect(0);
    let long = "吾輩は猫である。".repeat(150);
    let truncated = |reply: &http::Reply| {
        reply
            .header("x-okibi-truncated")
            .is_some_and(|told| told.starts_with("1:"))
    };
    let asked = [
        ("/v1/embeddings", json!({"input": ["a", long]}), 400),
        (
            "/api/embed",
            json!({"model": "multilingual-e5-small", "input": ["a", long]}),
            400,
        ),
        ("/embed", json!({"inputs": ["a", long]}), 422),
    ];
    for (path, body, refused) in asked {
        let reply = http::json(machine.port(), "POST", path, &body).await;
        assert!(reply.status == 200 && truncated(&reply), "{path}: {}", reply.head);
        let mut strict = body.clone();
        strict["truncate"] = json!(false);
        let (status, answer) = post(&machine, path, strict).await;
        let text = answer.to_string();
        assert!(
            status == refused && text.contains("512"),
            "{path}: the limit is told: {text}"
        );
        let mut mean = body.clone();
        mean["overflow"] = json!("mean");
        let reply = http::json(machine.port(), "POST", path, &mean).await;
        assert!(
            reply.header("x-okibi-windowed").is_some() && !truncated(&reply),
            "{path}: {}",
            reply.head
        );
    }
}

#[tokio::test]
async fn vectors_come_as_bytes_where_they_are_asked_for() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let expected = direct(&machine, "熾火", "none").await;
    let body = json!({"inputs": ["熾火", "熾火"]}).to_string();
    for (accept, skipped) in [("application/octet-stream", 0), ("application/x-npy", 128)] {
        let head = format!("POST /embed HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n");
        let reply = http::exchange(machine.port(), &head, &body).await;
        assert_eq!(reply.header("x-okibi-shape").as_deref(), Some("2,64"));
        let values = &reply.bytes[skipped..];
        let values: Vec<f32> = values
            .as_chunks::<4>()
            .0
            .iter()
            .map(|value| f32::from_le_bytes(*value))
            .collect();
        assert_eq!(values, [expected.clone(), expected.clone()].concat(), "{accept}");
    }
}

#[tokio::test]
async fn the_space_is_the_same_everywhere_and_differs_for_cut_vectors() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let mut wire = machine.wire().await;
    let status = wire.call("get_status", json!({})).await;
    let space = status["space"].as_str().unwrap();
    assert_eq!(space.len(), 16);
    assert_eq!(wire.call("embed", json!({"input": "a"})).await["space"], space);
    assert_eq!(get(&machine, "/info").await.1["space"], space);
    assert_eq!(
        post(&machine, "/v1/embeddings", json!({"input": "a"})).await.1["space"],
        space
    );
    let body = json!({"inputs": "a", "dimensions": 8});
    let reply = http::json(machine.port(), "POST", "/embed", &body).await;
    assert_eq!(reply.header("x-okibi-space"), Some(format!("{space}-d8")));
}

#[tokio::test]
async fn json_rpc_by_post_and_what_it_cannot() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let call =
        |method: &str, params: Value| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let (_, answer) = post(
        &machine,
        "/rpc",
        call("embed", json!({"input": ["a", "b"], "stream": true})),
    )
    .await;
    assert_eq!(
        answer["result"]["vectors"].as_array().unwrap().len(),
        2,
        "in one answer"
    );
    let (_, answer) = post(&machine, "/rpc", call("subscribe", json!({}))).await;
    assert!(
        answer["error"]["message"].as_str().unwrap().contains("/events"),
        "{answer}"
    );
    let batch = json!([call("get_status", json!({})), 7, {"jsonrpc": "2.0", "method": "get_status"}]);
    let (_, answers) = post(&machine, "/rpc", batch).await;
    assert_eq!(answers.as_array().unwrap().len(), 2, "{answers}");
    let quiet = json!({"jsonrpc": "2.0", "method": "get_status"});
    assert_eq!(
        http::json(machine.port(), "POST", "/rpc", &quiet).await.status,
        204
    );
    let (_, answer) = post(&machine, "/rpc", call("stop_server", json!({}))).await;
    assert_eq!(answer["result"]["status"], "stopping");
    machine.nothing_left().await;
}

#[tokio::test]
async fn events_tell_the_load_from_a_front_and_the_end_from_the_daemon() {
    let machine = Machine::new();
    let stuck = model::StuckModel::make(&machine.path("model"));
    let start = machine.spawn([
        std::ffi::OsStr::new("start"),
        "-m".as_ref(),
        stuck.folder().as_ref(),
    ]);
    let hold = stuck.hold().await;
    let mut events = http::Events::open(machine.port(), "/events").await;
    let status = events.next().await.unwrap();
    assert_eq!(
        (&status["status"], &status["server_type"]),
        (&json!("starting"), &json!("okibi-front"))
    );
    for (path, shape) in [
        ("/v1/embeddings", "/error/message"),
        ("/api/embed", "/error"),
        ("/embed", "/error"),
    ] {
        let reply = http::json(machine.port(), "POST", path, &json!({"input": "a"})).await;
        let told = reply
            .json()
            .pointer(shape)
            .and_then(Value::as_str)
            .map(str::to_owned);
        assert_eq!(told.as_deref(), Some("model is loading"), "{path}");
        assert_eq!(
            (reply.status, reply.header("retry-after").as_deref()),
            (503, Some("1")),
            "{path}"
        );
    }
    assert_eq!(http::get(machine.port(), "/readyz").await.status, 503);
    assert_eq!(http::get(machine.port(), "/livez").await.status, 200);
    stuck.feed().await;
    drop(hold);
    start.ended().await.expect(0);
    assert_eq!(http::get(machine.port(), "/readyz").await.status, 200);
    let mut events = http::Events::open(machine.port(), "/events").await;
    assert_eq!(events.next().await.unwrap()["ready"], true);
    machine.run(["stop"]).await.expect(0);
    let mut last = Value::Null;
    while let Some(status) = events.next().await {
        last = status;
    }
    assert_eq!(last["status"], "stopping", "the last word before the end");
}

#[tokio::test]
async fn the_description_names_every_path_and_the_page_shows_it() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let (_, description) = get(&machine, "/openapi.json").await;
    let paths = description["paths"].as_object().unwrap();
    for path in [
        "/v1/embeddings",
        "/api/embed",
        "/embed",
        "/tokenize",
        "/health",
        "/metrics",
    ] {
        assert!(paths.contains_key(path), "{path} is not in {:?}", paths.keys());
    }
    let page = http::get(machine.port(), "/docs").await;
    assert!(page.status == 200 && page.body.contains("/openapi.json"));
}

#[tokio::test]
async fn metrics_count_what_was_asked_and_the_log_has_no_text() {
    let machine = Machine::new().with("OKIBI_LOG", "debug");
    machine.start_tiny().await;
    let secret = "合言葉は山と川";
    for (path, input) in [
        ("/v1/embeddings", "input"),
        ("/api/embed", "input"),
        ("/embed", "inputs"),
    ] {
        let body = json!({input: secret, "model": "tiny-ruri"});
        assert_eq!(post(&machine, path, body).await.0, 200, "{path}");
    }
    for (path, wrong) in [
        ("/v1/embeddings", json!({"input": {"x": secret}, "model": secret})),
        (
            "/v1/embeddings",
            json!({"input": "a", "input_type": secret, secret: secret}),
        ),
        ("/api/embed", json!({"input": {"x": secret}, "model": secret})),
        ("/api/embed", json!({"model": "tiny-ruri", "input": [secret, 1]})),
        ("/embed", json!({"inputs": {"x": secret}})),
        ("/embed", json!({"inputs": "a", "parameters": {secret: secret}})),
        ("/tokenize", json!({"inputs": {"x": secret}})),
        (
            "/similarity",
            json!({"inputs": {"source_sentence": secret, "sentences": secret}}),
        ),
    ] {
        let (status, answer) = post(&machine, path, wrong).await;
        assert!(
            status >= 400 && !answer.to_string().contains(secret),
            "{path}: {answer}"
        );
    }
    let metrics = http::get(machine.port(), "/metrics").await;
    for line in [
        "okibi_requests_total{dialect=\"openai\",outcome=\"ok\"} 1",
        "okibi_requests_total{dialect=\"ollama\",outcome=\"ok\"} 1",
        "okibi_requests_total{dialect=\"tei\",outcome=\"ok\"} 1",
        "okibi_texts_total 3",
        "okibi_ready 1",
    ] {
        assert!(
            metrics.body.lines().any(|known| known == line),
            "{line} is not in\n{}",
            metrics.body
        );
    }
    assert!(metrics.body.ends_with("# EOF\n") && metrics.body.contains("okibi_padding_tokens_total"));
    let status = machine.status().await;
    assert_eq!(
        (status.requests_served, status.texts_embedded),
        (3, 3),
        "the status has the same numbers"
    );
    assert!(!machine.log().contains(secret) && !metrics.body.contains(secret));
}
