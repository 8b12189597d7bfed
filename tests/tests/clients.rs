//! Programs that know nothing of Okibi, pointed at it: clients of other servers, also in a browser, schemathesis,
//! Prometheus, curl.
#![cfg(unix)]

use std::{collections::BTreeMap, fs, path::PathBuf, process::Stdio, time::Duration};

use okibi_tests::{Machine, PortLease, http, repository};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

/// How long a program may take: some import a hundred packages.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where the clients are.
fn clients() -> PathBuf {
    std::env::var_os("OKIBI_TEST_CLIENTS")
        .expect("`cargo xtask test` installs the clients and names their folder")
        .into()
}

/// A daemon with the embedded model.
pub(crate) async fn machine() -> Machine {
    let machine = Machine::new();
    machine.run(["start"]).await.expect(0);
    machine
}

/// What every client has to give: texts, many texts and a long one, with the vectors of each by its role.
pub(crate) async fn expected(machine: &Machine) -> Value {
    let texts = [
        "熾火は灰の下で朝まで残る",
        "An ember under the ash",
        "Où est la gare ?",
    ];
    let many: Vec<String> = (0..130).map(|at| format!("{at} 番目の熾火 ember")).collect();
    // Over the model's limit: it is cut, by every API's default.
    let long = "吾輩は猫である。".repeat(150);
    let mut all: Vec<String> = texts.map(str::to_owned).to_vec();
    all.extend(many.iter().cloned().chain([long.clone()]));
    let mut wire = machine.wire().await;
    let mut of_role = async |role: &str, texts: &[String]| {
        let params = json!({"input": texts, "input_type": role});
        let result = wire.call("embed", params).await;
        let vectors = result["vectors"].as_array().unwrap().clone();
        texts
            .iter()
            .cloned()
            .zip(vectors)
            .collect::<BTreeMap<String, Value>>()
    };
    json!({
        "texts": texts,
        "many": many,
        "long": long,
        "none": of_role("none", &all).await,
        "query": of_role("query", &all[..texts.len()]).await,
        "document": of_role("document", &all).await,
    })
}

/// A command of Python that finds the clients.
fn python(machine: &Machine) -> Command {
    let folder = clients().join("python");
    let vocabulary = machine.path("vocabulary");
    fs::create_dir_all(&vocabulary).unwrap();
    // The name under which tiktoken looks for cl100k_base in its cache: the SHA-1 of the address it comes from.
    let cached = vocabulary.join("9b5ad71b2ce5302211f9c61530b329a4922fc6a4");
    fs::copy(std::env::var_os("OKIBI_TEST_VOCABULARY").unwrap(), cached).unwrap();
    let mut command = machine.command_of("python3");
    command
        .env("PYTHONPATH", folder)
        .env("TIKTOKEN_CACHE_DIR", vocabulary);
    command
}

/// A command of Node.js with a script of these clients, beside the packages.
fn node(machine: &Machine, script: &str) -> Command {
    let folder = clients().join("node");
    for entry in fs::read_dir(repository().join("tests/clients/node")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|ending| ending == "mjs") {
            let copy = folder.join(file.file_name().unwrap());
            // Whole or not at all: another test may be reading it.
            let unfinished = copy.with_extension(std::process::id().to_string());
            fs::copy(&file, &unfinished).unwrap();
            fs::rename(&unfinished, &copy).unwrap();
        }
    }
    let mut command = machine.command_of("node");
    command.arg(folder.join(script)).arg(machine.port().to_string());
    command
}

/// Checks that a script said of this many clients that they work.
pub(crate) fn all_work(printed: &str, count: usize) {
    let working = printed.lines().filter(|line| line.ends_with(" ok")).count();
    assert_eq!(working, count, "{printed}");
}

/// Runs a command with `input`; what it printed is shown where it fails.
pub(crate) async fn succeeds(mut command: Command, input: &str) -> String {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // One that reads nothing has its reasons.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = timeout(PATIENCE, child.wait_with_output())
        .await
        .expect("the program ends")
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{:?}: {}\n{printed}\n{errors}",
        command.as_std(),
        output.status
    );
    printed
}

#[tokio::test]
#[ignore = "needs the clients, which `cargo xtask test` installs"]
async fn python_clients_of_other_servers_work_unchanged() {
    let machine = machine().await;
    let mut command = python(&machine);
    command
        .arg(repository().join("tests/clients/python/clients.py"))
        .arg(machine.port().to_string());
    let printed = succeeds(command, &expected(&machine).await.to_string()).await;
    all_work(&printed, 24);
}

#[tokio::test]
#[ignore = "needs the clients, which `cargo xtask test` installs"]
async fn javascript_clients_of_other_servers_work_unchanged() {
    let machine = machine().await;
    let command = node(&machine, "clients.mjs");
    let printed = succeeds(command, &expected(&machine).await.to_string()).await;
    all_work(&printed, 11);
}

#[tokio::test]
#[ignore = "needs the clients and Chromium, which `cargo xtask test` installs"]
async fn a_browser_lets_pages_of_an_allowed_origin_in_and_no_others() {
    let machine = Machine::new();
    let (allowed, foreign) = (PortLease::take(), PortLease::take());
    machine.write_config(&format!(
        "allowed_origins = ['http://127.0.0.1:{}']\n",
        allowed.port
    ));
    machine.run(["start"]).await.expect(0);
    let mut command = node(&machine, "browser.mjs");
    command
        .arg(allowed.port.to_string())
        .arg(foreign.port.to_string());
    let printed = succeeds(command, &expected(&machine).await.to_string()).await;
    all_work(&printed, 5);
}

#[tokio::test]
#[ignore = "needs schemathesis, which `cargo xtask test` installs"]
async fn what_the_description_says_is_what_is_answered() {
    let machine = Machine::new();
    machine.start_tiny().await;
    let mut command = python(&machine);
    command
        .args([
            "-c",
            "from schemathesis.cli import schemathesis; schemathesis()",
            "run",
        ])
        .arg(format!("http://127.0.0.1:{}/openapi.json", machine.port()))
        .args(["--max-examples", "40", "--checks"])
        .arg(
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        );
    succeeds(command, "").await;
    machine.run(["status"]).await.expect(0);
}

#[tokio::test]
#[ignore = "needs Prometheus, which `cargo xtask test` installs"]
async fn prometheus_reads_the_metrics() {
    let machine = machine().await;
    let reply = http::json(
        machine.port(),
        "POST",
        "/v1/embeddings",
        &json!({"input": ["a", "b"]}),
    )
    .await;
    assert_eq!(reply.status, 200);
    let lease = PortLease::take();
    let config = machine.path("prometheus.yml");
    let target = machine.port();
    let text = format!(
        "global: {{scrape_interval: 200ms}}\nscrape_configs:\n- job_name: okibi\n  static_configs:\n  - targets: ['127.0.0.1:{target}']\n"
    );
    fs::write(&config, text).unwrap();
    let mut command = machine.command_of("prometheus");
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            machine.path("prometheus").display()
        ))
        .arg(format!("--web.listen-address=127.0.0.1:{}", lease.port))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut prometheus = command.spawn().unwrap();
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    let scraped = async {
        loop {
            looks.tick().await;
            if tokio::net::TcpStream::connect(("127.0.0.1", lease.port))
                .await
                .is_err()
            {
                continue;
            }
            let reply = http::get(lease.port, "/api/v1/query?query=okibi_texts_total").await;
            if reply.status != 200 {
                continue;
            }
            if let Some(value) = reply.json().pointer("/data/result/0/value/1") {
                return value.clone();
            }
        }
    };
    let value = timeout(PATIENCE, scraped).await.expect("Prometheus has scraped");
    assert_eq!(value, json!("2"));
    prometheus.kill().await.unwrap();
}

#[tokio::test]
#[ignore = "needs curl, which `cargo xtask test` installs"]
async fn the_examples_of_the_documentation_work() {
    let machine = machine().await;
    for file in ["http.md", "openai.md", "ollama.md", "tei.md"] {
        let text = fs::read_to_string(repository().join("docs").join(file)).unwrap();
        let mut tried = 0;
        for (language, program) in [("sh", "sh"), ("python", "python3")] {
            for block in text.split(&format!("```{language}\n")).skip(1) {
                let code = block.split("```").next().unwrap();
                let code = code.replace("8765", &machine.port().to_string());
                let mut command = match program {
                    "sh" => machine.command_of("sh"),
                    _ => python(&machine),
                };
                command.arg(if program == "sh" { "-ec" } else { "-c" }).arg(&code);
                succeeds(command, "").await;
                tried += 1;
            }
        }
        assert!(tried > 0, "{file} has examples");
    }
}
