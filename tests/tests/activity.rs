//! Who is connected and what the last requests were, as the daemon tells it: names, counts and times, and no text.

use std::net::Ipv4Addr;

use okibi_tests::{Machine, Wire, http, model, within};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// An HTTP client that keeps its connection.
struct KeptConnection {
    stream: BufReader<TcpStream>,
    agent: &'static str,
}

impl KeptConnection {
    async fn open(machine: &Machine, agent: &'static str) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, machine.port())).await;
        let stream = BufReader::new(stream.unwrap());
        Self { stream, agent }
    }

    /// Sends a body as JSON and returns the status of the answer, which is read to its end.
    async fn post(&mut self, path: &str, body: &Value) -> u16 {
        let (agent, body) = (self.agent, body.to_string());
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {agent}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        within("an answer", async {
            self.stream.write_all(request.as_bytes()).await.unwrap();
            let (mut status, mut length) = (0, 0);
            loop {
                let mut line = String::new();
                self.stream.read_line(&mut line).await.unwrap();
                let line = line.trim_end().to_ascii_lowercase();
                if let Some(rest) = line.strip_prefix("http/1.1 ") {
                    status = rest[..3].parse().unwrap();
                }
                if let Some(rest) = line.strip_prefix("content-length: ") {
                    length = rest.parse().unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).await.unwrap();
            status
        })
        .await
    }
}

async fn activity(machine: &Machine) -> Value {
    http::get(machine.port(), "/activity").await.json()
}

/// Asks for the activity until it is as wanted.
async fn activity_where(machine: &Machine, what: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    within(what, async {
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(5));
        loop {
            looks.tick().await;
            let found = activity(machine).await;
            if is_wanted(&found) {
                return found;
            }
        }
    })
    .await
}

/// The client that calls itself so.
fn client<'a>(activity: &'a Value, name: &str) -> &'a Value {
    let clients = activity["clients"].as_array().unwrap();
    let found = clients.iter().find(|client| client["client"] == name);
    found.unwrap_or_else(|| panic!("{name} is not in {activity}"))
}

/// Whether the programs of all clients are known, where the system tells them.
fn programs_are_known(activity: &Value) -> bool {
    let mut clients = activity["clients"].as_array().unwrap().iter();
    !cfg!(target_os = "linux") || clients.all(|client| client["pid"].is_u64())
}

#[tokio::test]
async fn clients_of_every_kind_appear_with_their_programs_and_counts() {
    let machine = Machine::new();
    let space = machine.start_tiny().await.space;
    let mut http_client = KeptConnection::open(&machine, "openai-python/1.2 (linux)").await;
    let two = json!({"model": "tiny-ruri", "input": ["one", "two"]});
    assert_eq!(http_client.post("/v1/embeddings", &two).await, 200);
    let unknown = json!({"model": "no-such-model", "input": "three"});
    assert_eq!(http_client.post("/v1/embeddings", &unknown).await, 404);
    let agent = [("user-agent", "indexer/3.1")];
    let mut wire = Wire::connect_with(machine.port(), &agent).await.unwrap();
    wire.call("embed", json!({"input": ["four", "five", "six"]}))
        .await;
    wire.call("embed_text", json!({"text": "seven"})).await;
    let wrong = wire.error("embed", json!({"inputs": "eight"})).await;
    assert_eq!(wrong["code"], -32602);

    let found = activity_where(&machine, "the programs", programs_are_known).await;
    for (name, dialect, requests, texts) in [("openai-python", "openai", 2, 2), ("indexer", "jsonrpc", 3, 4)]
    {
        let client = client(&found, name);
        assert_eq!(
            (&client["dialect"], &client["requests"], &client["texts"]),
            (&json!(dialect), &json!(requests), &json!(texts)),
            "{client}"
        );
        assert_eq!(
            (&client["connections"], &client["errors"], &client["address"]),
            (&json!(1), &json!(1), &json!("127.0.0.1")),
            "{client}"
        );
        assert!(client["tokens"].as_u64() >= Some(texts), "{client}");
        let used = &client["models"][0];
        assert_eq!(
            (&used["model"], &used["space"]),
            (&json!("tiny-ruri"), &json!(space))
        );
        if cfg!(target_os = "linux") {
            let program = std::env::current_exe().unwrap();
            let program = program.file_name().unwrap().to_str();
            let program = program.unwrap().chars().take(64).collect::<String>();
            assert_eq!(
                (&client["pid"], &client["program"]),
                (&json!(std::process::id()), &json!(program))
            );
        }
    }
    assert_eq!(found["queue"], json!({"requests": 0, "texts": 0}));
    let of = |at: usize| {
        let request = &found["requests"][at];
        let fields = ["client", "dialect", "model", "texts", "status", "error"];
        fields.map(|field| request[field].clone())
    };
    let expected = [
        json!(["indexer", "jsonrpc", null, 0, 400, "invalid_request"]),
        json!(["indexer", "jsonrpc", "tiny-ruri", 1, 200, null]),
        json!(["indexer", "jsonrpc", "tiny-ruri", 3, 200, null]),
        json!(["openai-python", "openai", null, 0, 404, "model_not_found"]),
        json!(["openai-python", "openai", "tiny-ruri", 2, 200, null]),
    ];
    for (at, expected) in expected.into_iter().enumerate() {
        assert_eq!(json!(of(at)), expected, "{found}");
    }
    assert_eq!(found["requests"].as_array().map(Vec::len), Some(5), "{found}");

    // The same over both doors, since nothing has happened in between; and one that has gone stays in sight, behind the other.
    let over_wire = wire.call("get_activity", json!({})).await;
    assert_eq!(over_wire["requests"], found["requests"]);
    drop(wire);
    let is_alone = |found: &Value| client(found, "indexer")["connections"] == 0;
    let found = activity_where(&machine, "the end of a connection", is_alone).await;
    assert_eq!(found["clients"][0]["client"], "openai-python");
    assert_eq!(found["clients"][1]["client"], "indexer");
}

#[tokio::test]
async fn a_client_without_a_name_is_called_like_its_program() {
    let machine = Machine::tiny_with("").await;
    let mut wire = machine.wire().await;
    wire.call("embed", json!({"input": "one"})).await;
    // A second connection is the same client.
    let mut other = machine.wire().await;
    other.call("embed", json!({"input": "two"})).await;
    let is_one = |found: &Value| programs_are_known(found) && found["clients"].as_array().unwrap().len() == 1;
    let found = activity_where(&machine, "one client", is_one).await;
    let client = &found["clients"][0];
    assert_eq!(
        (&client["requests"], &client["connections"]),
        (&json!(2), &json!(2)),
        "{client}"
    );
    if cfg!(target_os = "linux") {
        assert_eq!(client["client"], client["program"]);
        assert_eq!(found["requests"][0]["client"], client["program"]);
    }
}

#[tokio::test]
async fn what_the_guards_refuse_is_told_with_its_origin() {
    let machine = Machine::new();
    machine.write_config("require_token = true\n");
    let tiny = model::tiny().display().to_string();
    machine.run(["start", "-m", &tiny]).await.expect(0);
    let port = machine.port();
    let tokens = std::fs::read_to_string(machine.path("data/token.json")).unwrap();
    let tokens: Value = serde_json::from_str(&tokens).unwrap();
    let token = tokens["use"].as_str().unwrap();
    let head = |path: &str, more: &str| {
        format!("POST {path} HTTP/1.1\r\nUser-Agent: Mozilla/5.0 (X11) Gecko/1 Firefox/1.0\r\n{more}")
    };
    let page = head(
        "/api/embed",
        "Host: localhost\r\nOrigin: https://evil.example\r\n",
    );
    assert_eq!(http::exchange(port, &page, "{}").await.status, 403);
    let rebound = head("/v1/embeddings", "Host: evil.example\r\n");
    assert_eq!(http::exchange(port, &rebound, "{}").await.status, 403);
    let nameless = head("/embed", "Host: localhost\r\n");
    assert_eq!(http::exchange(port, &nameless, "{}").await.status, 401);
    let from_page = [("origin", "https://evil.example")];
    let refused = Wire::connect_with(port, &from_page).await;
    assert_eq!(refused.err().map(|status| status.as_u16()), Some(403));

    let ask = format!("GET /activity HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n");
    let found = http::send(port, &ask).await.json();
    let of = |at: usize| {
        let request = &found["requests"][at];
        let fields = ["client", "dialect", "status", "error", "refusal", "origin"];
        json!(fields.map(|field| request[field].clone()))
    };
    let origin = "https://evil.example";
    assert_eq!(
        of(0),
        json!(["", "jsonrpc", 403, "foreign_origin", "origin", origin])
    );
    assert_eq!(
        of(1),
        json!(["Firefox", "tei", 401, "missing_token", "token", null])
    );
    assert_eq!(
        of(2),
        json!(["Firefox", "openai", 403, "foreign_host", "host", null])
    );
    assert_eq!(
        of(3),
        json!(["Firefox", "ollama", 403, "foreign_origin", "origin", origin])
    );
    assert_eq!(found["clients"], json!([]), "nobody was let in");
    // It needs a token itself, like the status.
    let open = http::get(port, "/activity").await;
    assert_eq!(open.status, 401);
}

#[tokio::test]
async fn no_text_is_told_whatever_becomes_of_its_request() {
    const SECRET: &str = "合言葉は熾火";
    let machine = Machine::tiny_with("max_inputs = 3\n").await;
    for (path, body) in [
        ("/v1/embeddings", json!({"input": SECRET})),
        ("/v1/embeddings", json!({"input": vec![SECRET; 4]})),
        ("/v1/embeddings", json!({"input": {"a": SECRET}})),
        (
            "/api/embed",
            json!({"model": "tiny-ruri", "input": SECRET, SECRET: 1}),
        ),
        ("/embed", json!({"inputs": [SECRET, ""]})),
        (
            "/rpc",
            json!({"jsonrpc": "2.0", "id": 1, "method": "embed", "params": [SECRET, SECRET]}),
        ),
    ] {
        http::json(machine.port(), "POST", path, &body).await;
    }
    let reply = http::get(machine.port(), "/activity").await;
    assert_eq!(reply.json()["requests"].as_array().map(Vec::len), Some(6));
    assert!(!reply.body.contains("熾火"), "{}", reply.body);
}

#[tokio::test]
async fn the_last_two_hundred_requests_are_kept() {
    let machine = Machine::tiny_with("").await;
    let mut wire = machine.wire().await;
    for number in 0..300 {
        let texts = vec!["a"; 1 + usize::from(number == 99) + 2 * usize::from(number == 299)];
        wire.call("embed", json!({"input": texts})).await;
    }
    let found = activity(&machine).await;
    let requests = found["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 200);
    assert_eq!(requests[0]["texts"], 3, "the newest comes first");
    assert_eq!(requests[199]["texts"], 1, "the hundredth is forgotten");
    let times = requests.iter().map(|request| request["at_ms"].as_u64());
    assert!(times.is_sorted_by(|newer, older| newer >= older));
    assert_eq!(found["clients"][0]["requests"], 300);
}

#[tokio::test]
async fn a_long_request_is_seen_on_its_way_and_is_gone_at_its_end() {
    const TEXTS: usize = 6000;
    let machine = Machine::tiny_with("").await;
    let agent = [("user-agent", "indexer")];
    let mut wire = Wire::connect_with(machine.port(), &agent).await.unwrap();
    let texts = model::mixed_texts(TEXTS, 3);
    wire.begin("embed", json!({"input": texts})).await;
    let is_on_its_way = |found: &Value| {
        let done = found["jobs"][0]["done"].as_u64();
        done > Some(0) && done < Some(TEXTS as u64)
    };
    let found = activity_where(&machine, "a job on its way", is_on_its_way).await;
    let job = &found["jobs"][0];
    assert_eq!(
        (&job["client"], &job["model"], &job["total"]),
        (&json!("indexer"), &json!("tiny-ruri"), &json!(TEXTS))
    );
    assert_eq!(found["queue"]["requests"], 1);
    assert!(found["queue"]["texts"].as_u64() > Some(0), "{found}");
    while wire.answer().await.expect("it is answered to its end")["more"] == true {}
    let is_over = |found: &Value| found["jobs"] == json!([]);
    let found = activity_where(&machine, "the end of the job", is_over).await;
    assert_eq!(found["requests"][0]["texts"], TEXTS);

    // One whose client goes is gone too.
    wire.begin("embed", json!({"input": texts})).await;
    activity_where(&machine, "another job", |found| !is_over(found)).await;
    drop(wire);
    activity_where(&machine, "the end of that job", is_over).await;
}

#[tokio::test]
async fn the_command_line_shows_it_in_both_languages() {
    let machine = Machine::new();
    machine.run(["activity"]).await.expect(3).says("not running");
    machine.start_tiny().await;
    machine
        .run(["activity"])
        .await
        .expect(0)
        .shows("No requests yet.");
    let mut client = KeptConnection::open(&machine, "openai-python/1.2").await;
    let text = json!({"input": "ember"});
    for _ in 0..3 {
        assert_eq!(client.post("/v1/embeddings", &text).await, 200);
    }
    assert_eq!(client.post("/v1/embeddings", &json!({"input": []})).await, 400);
    activity_where(&machine, "the programs", programs_are_known).await;

    let shown = machine.run(["activity", "--limit", "2"]).await.expect(0).out();
    for part in [
        "● openai-python",
        "Queue: 0 requests, 0 texts",
        "Last requests",
        "400 empty_input",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    assert!(!shown.contains("ember"), "{shown}");
    let requests = shown
        .lines()
        .skip_while(|line| !line.starts_with("Last requests"));
    assert_eq!(requests.count(), 2 + 2, "two headings and two requests:\n{shown}");
    let shown = machine.run(["activity", "--lang", "ja"]).await.expect(0).out();
    for part in [
        "● openai-python",
        "待ち行列: リクエスト 0 件、テキスト 0 件",
        "最近のリクエスト",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    let json = machine.run(["activity", "--json"]).await.expect(0).json_lines();
    assert_eq!(json.len(), 1);
    assert_eq!(json[0]["requests"], activity(&machine).await["requests"]);

    let mut follower = machine.spawn(["activity", "--follow"]);
    follower.line_with("400 empty_input").await;
    let mut late = KeptConnection::open(&machine, "late-comer/1").await;
    assert_eq!(late.post("/embed", &json!({"inputs": ["a", "b"]})).await, 200);
    follower.line_with("late-comer").await;
    follower.kill().await;
}

#[cfg(unix)]
#[tokio::test]
async fn while_a_model_loads_nobody_has_asked_for_anything() {
    let machine = Machine::new();
    let model = okibi_tests::model::StuckModel::make(&machine.path("model"));
    let folder = model.folder().display().to_string();
    let front = machine.spawn(["start", "-m", &folder]);
    let hold = model.hold().await;
    let mut wire = machine.wire().await;
    let found = wire.call("get_activity", json!({})).await;
    let nothing = json!({"clients": [], "queue": {"requests": 0, "texts": 0}, "jobs": [], "requests": []});
    assert_eq!(found, nothing);
    drop((hold, front));
}
