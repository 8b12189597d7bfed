//! What a program that means harm costs the others: memory, and the time of somebody's query and of the owner's commands.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use anyhow::Result;
use okibi_client::Client;
use okibi_protocol::method::{EmbedParams, GetStatus, Input, NoParams};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

use crate::{
    daemon::Okibi,
    report::{Report, percentile},
};

/// How long an attack has before the next one begins.
const SPAN: Duration = Duration::from_secs(8);

/// Connections that say nothing: more than the daemon takes at once.
const SILENT: usize = 1_100;

/// Measures and prints.
pub(crate) fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(measure())
}

/// One way to do harm: what it does on one of its connections, `number` of many, until it is cut off.
struct Attack {
    key: &'static str,
    label: &'static str,
    /// Connections at once.
    count: usize,
    begin: fn(number: usize) -> Vec<u8>,
    /// Whether each connection does it again as soon as it is answered.
    is_repeated: bool,
}

const ATTACKS: [Attack; 6] = [
    Attack {
        key: "long_name",
        label: "one name of 30 MB",
        count: 1,
        begin: |_| rpc("model_info", &json!({ "model": "n".repeat(30_000_000) })),
        is_repeated: true,
    },
    Attack {
        key: "long_loads",
        label: "40 loads of names of 8 MB",
        count: 40,
        begin: |number| {
            rpc(
                "load_model",
                &json!({ "model": format!("{number}{}", "n".repeat(8_000_000)) }),
            )
        },
        is_repeated: false,
    },
    Attack {
        key: "unknown",
        label: "unknown names without end, 8 at once",
        count: 8,
        begin: |number| {
            rpc(
                "load_model",
                &json!({ "model": format!("/nobody/has/this-{number}") }),
            )
        },
        is_repeated: true,
    },
    Attack {
        key: "pulls",
        label: "512 downloads from a hub that says nothing",
        count: 512,
        begin: |number| {
            rpc(
                "pull_model",
                &json!({ "model": format!("someone/model-{number}-ONNX") }),
            )
        },
        is_repeated: false,
    },
    Attack {
        key: "slow_heads",
        label: "500 requests whose heads never end",
        count: 500,
        begin: |_| b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".to_vec(),
        is_repeated: false,
    },
    Attack {
        key: "silent",
        label: "1,100 connections that say nothing",
        count: SILENT,
        begin: |_| Vec::new(),
        is_repeated: false,
    },
];

/// A call of JSON-RPC over HTTP, as bytes.
fn rpc(method: &str, params: &Value) -> Vec<u8> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let length = body.len();
    format!(
        "POST /rpc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

async fn measure() -> Result<()> {
    let hub = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = format!("http://{}", hub.local_addr()?);
    let silence = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = hub.accept().await {
            held.push(stream);
        }
    });
    let okibi = Okibi::new()?.with("HF_ENDPOINT", &address);
    okibi.run(&["start"])?;
    let port = okibi.port;
    let client = Client::connect(port).await?;
    let mut report = Report::new("attacks");
    let (alone, ..) = queries(&client, SPAN / 4).await?;
    report.time("alone_p99_ms", "a query alone, p99", alone);
    for attack in &ATTACKS {
        let before = memory(&client).await?;
        let mut attackers = JoinSet::new();
        for number in 0..attack.count {
            attackers.spawn(attacker(port, number, attack.begin, attack.is_repeated));
        }
        let (query, answered, failed) = queries(&client, SPAN).await?;
        let commands = [okibi.run(&["status"]), okibi.run(&["models"])];
        let after = memory(&client).await?;
        attackers.shutdown().await;
        let mut row = |name: &str, label: &str, value: f64, unit: &str| {
            let (key, label) = (
                format!("{}_{name}", attack.key),
                format!("{}: {label}", attack.label),
            );
            report.number(&key, &label, value, unit);
        };
        row("p99_ms", "a query, p99", query.as_secs_f64() * 1e3, "ms");
        row("answered", "queries answered", answered as f64, "");
        row("failed", "queries failed", failed as f64, "");
        row("memory_mb", "memory more than before", after - before, "MB");
        for (name, command) in ["status", "models"].iter().zip(commands) {
            match command {
                Ok(took) => row(name, &format!("`okibi {name}`"), took.as_secs_f64() * 1e3, "ms"),
                Err(error) => {
                    println!("{}: okibi {name}: {error:#}", attack.label);
                    row(name, &format!("`okibi {name}` failed"), f64::NAN, "ms");
                }
            }
        }
    }
    let models = client.call::<GetStatus>(NoParams {}).await?.models.len();
    report.number("models", "models in the status afterwards", models as f64, "");
    drop(client);
    report.time("stop_ms", "`okibi stop` afterwards", okibi.run(&["stop"])?);
    silence.abort();
    report.finish()
}

/// Connects, sends, and reads what comes until the other side has enough.
async fn attacker(port: u16, number: usize, begin: fn(usize) -> Vec<u8>, is_repeated: bool) {
    let mut number = number;
    loop {
        let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
            return;
        };
        // The daemon may close while it is being sent to.
        let _ = stream.write_all(&begin(number)).await;
        let mut answer = [0; 4096];
        if !is_repeated {
            while matches!(stream.read(&mut answer).await, Ok(count) if count > 0) {}
            return;
        }
        let _ = stream.read(&mut answer).await;
        number += 1_000;
    }
}

/// Somebody's queries, one after the other: the 99th percentile, how many were answered and how many were not.
async fn queries(client: &Client, span: Duration) -> Result<(Duration, usize, usize)> {
    let began = Instant::now();
    let (mut times, mut failed) = (Vec::new(), 0);
    while began.elapsed() < span {
        let asked = Instant::now();
        let query = client.embed(EmbedParams::new(Input::One("熾火が朝まで残る理由".into())));
        match timeout(span, query).await {
            Ok(Ok(_)) => times.push(asked.elapsed()),
            Ok(Err(_)) | Err(_) => failed += 1,
        }
    }
    Ok((percentile(&mut times, 0.99), times.len(), failed))
}

/// Resident memory of the daemon, in MB.
async fn memory(client: &Client) -> Result<f64> {
    let status = client.call::<GetStatus>(NoParams {}).await?;
    Ok(status.memory_bytes.map_or(0, |bytes| bytes.0) as f64 / 1e6)
}
