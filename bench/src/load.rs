//! What the daemon does under load: requests at once, a query beside a bulk job, a soak.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use okibi_client::Client;
use okibi_protocol::method::{EmbedParams, GetStatus, Input, NoParams};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{
    batches::Batches,
    corpus,
    daemon::Okibi,
    report::{Report, percentile},
};

/// The one short text.
const QUERY: &str = "熾火が朝まで残る理由";

/// Connections at once.
const CONNECTIONS: [usize; 3] = [1, 8, 64];

/// How long each number of connections is measured.
const SPAN: Duration = Duration::from_secs(5);

/// Texts of the bulk job.
const BULK: usize = 10_000;

/// How long the soak takes, unless `--soak` says otherwise.
pub(crate) const SOAK: Duration = Duration::from_secs(300);

/// How long the daemon idles after the soak while its CPU time is measured.
const IDLE: Duration = Duration::from_secs(10);

/// Measures and prints.
pub(crate) fn run(soak: Duration) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(measure(soak))
}

async fn measure(soaking: Duration) -> Result<()> {
    let okibi = Okibi::new()?;
    okibi.run(&["start"])?;
    let port = okibi.port;
    let mut report = Report::new("load");
    for connections in CONNECTIONS {
        for (kind, label) in [(Kind::Http, "http"), (Kind::WebSocket, "websocket")] {
            let (count, mut times) = many(port, kind, connections).await?;
            let rate = count as f64 / SPAN.as_secs_f64();
            let of = format!("{label}, {connections} connections");
            report.number(&format!("{label}_{connections}_rate"), &of, rate, "requests/s");
            for (share, name) in [(0.5, "p50"), (0.99, "p99")] {
                let key = format!("{label}_{connections}_{name}_ms");
                report.time(&key, &format!("{of}, {name}"), percentile(&mut times, share));
            }
        }
    }
    beside_bulk(port, &mut report).await?;
    soak(&okibi, soaking, &mut report).await?;
    report.finish()
}

#[derive(Clone, Copy)]
enum Kind {
    Http,
    WebSocket,
}

/// A connection that requests the vector of one short text.
enum Asker {
    Http(Box<BufReader<TcpStream>>),
    WebSocket(Client),
}

impl Asker {
    async fn open(port: u16, kind: Kind) -> Result<Self> {
        Ok(match kind {
            Kind::Http => {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
                stream.set_nodelay(true)?;
                Self::Http(Box::new(BufReader::new(stream)))
            }
            Kind::WebSocket => Self::WebSocket(Client::connect(port).await?),
        })
    }

    async fn ask(&mut self, text: &str) -> Result<()> {
        match self {
            Self::WebSocket(client) => drop(client.embed(EmbedParams::new(Input::One(text.into()))).await?),
            Self::Http(stream) => {
                let body = json!({ "input": text }).to_string();
                let head = format!(
                    "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                stream.write_all(format!("{head}{body}").as_bytes()).await?;
                let mut length = 0;
                let mut line = String::new();
                let mut is_first = true;
                loop {
                    line.clear();
                    stream.read_line(&mut line).await?;
                    let line = line.trim_end();
                    if std::mem::take(&mut is_first) && !line.contains(" 200 ") {
                        bail!("the daemon answered {line:?}");
                    }
                    if line.is_empty() {
                        break;
                    }
                    if let Some(value) = line.strip_prefix("content-length: ") {
                        length = value.parse().context("a content length")?;
                    }
                }
                let mut answer = vec![0; length];
                stream.read_exact(&mut answer).await?;
            }
        }
        Ok(())
    }
}

/// Requests answered within the span, and how long each took.
async fn many(port: u16, kind: Kind, connections: usize) -> Result<(usize, Vec<Duration>)> {
    let end = Instant::now() + SPAN;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(async move {
            let mut asker = Asker::open(port, kind).await?;
            let mut times = Vec::new();
            while Instant::now() < end {
                let began = Instant::now();
                asker.ask(QUERY).await?;
                times.push(began.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut all = Vec::new();
    while let Some(times) = tasks.join_next().await {
        all.extend(times??);
    }
    Ok((all.len(), all))
}

/// The times of a query alone, then while another client keeps a bulk job running; and how much longer the bulk job
/// takes for being overtaken, beyond the time of the queries themselves.
async fn beside_bulk(port: u16, report: &mut Report) -> Result<()> {
    let mut asker = Asker::open(port, Kind::WebSocket).await?;
    let mut alone = Vec::new();
    for _ in 0..300 {
        let began = Instant::now();
        asker.ask(QUERY).await?;
        alone.push(began.elapsed());
    }
    let texts = corpus::texts(BULK)?;
    let bulk_alone = bulk(port, texts.clone()).await?;
    let before = Batches::look(port).await?;
    let job = tokio::spawn(bulk(port, texts));
    let mut beside = Vec::new();
    while !job.is_finished() {
        let began = Instant::now();
        asker.ask(QUERY).await?;
        beside.push(began.elapsed());
    }
    let bulk_beside = job.await??;
    let batches = Batches::look(port).await?.since(&before);
    let usual = percentile(&mut alone, 0.5);
    let idle = percentile(&mut alone, 0.99);
    let busy = percentile(&mut beside, 0.99);
    report.time("idle_p50_ms", "a query alone, p50", usual);
    report.time("idle_p99_ms", "a query alone, p99", idle);
    report.time(
        "busy_p50_ms",
        "beside 10,000 texts, p50",
        percentile(&mut beside, 0.5),
    );
    report.time("busy_p99_ms", "beside 10,000 texts, p99", busy);
    let ratio = busy.as_secs_f64() / idle.as_secs_f64();
    report.number("busy_ratio", "p99 beside bulk / alone", ratio, "x");
    judge(idle, busy, &batches, report);
    report.time("bulk_alone_ms", "10,000 texts alone", bulk_alone);
    report.time("bulk_beside_ms", "10,000 texts beside queries", bulk_beside);
    let queries = usual * beside.len() as u32;
    report.number("beside_queries", "queries meanwhile", beside.len() as f64, "");
    let own = bulk_beside.saturating_sub(queries).as_secs_f64();
    report.number(
        "bulk_price",
        "the texts beside queries, without the queries' own time / alone",
        own / bulk_alone.as_secs_f64(),
        "x",
    );
    Ok(())
}

/// How long the bulk job takes.
async fn bulk(port: u16, texts: Vec<String>) -> Result<Duration> {
    let client = Client::connect(port).await?;
    let began = Instant::now();
    client.embed(EmbedParams::new(Input::Many(texts))).await?;
    Ok(began.elapsed())
}

/// Compares the times of the query with the goal: beside bulk at most three times as long as alone plus one batch, the
/// one that is running when the query arrives. The queries' own batches are among those counted, so the mean is on the
/// low side.
fn judge(idle: Duration, busy: Duration, batches: &Batches, report: &mut Report) {
    report.number("batches", "batches meanwhile", batches.count(), "");
    let kinds = [
        ("mean", "mean", batches.mean()),
        (
            "p99_bound",
            "p99, by the bound of its bucket",
            batches.p99_bound(),
        ),
    ];
    for (key, label, batch) in kinds {
        let Some(batch) = batch else { continue };
        report.time(&format!("batch_{key}_ms"), &format!("a batch, {label}"), batch);
        let aim = 3 * idle + batch;
        report.time(
            &format!("aim_{key}_ms"),
            &format!("the aim, 3 x alone p99 + one batch ({label})"),
            aim,
        );
        let of_aim = busy.as_secs_f64() / aim.as_secs_f64();
        report.number(
            &format!("of_aim_{key}"),
            "p99 beside bulk / the aim (at most 1)",
            of_aim,
            "x",
        );
    }
}

/// Clients of every kind for minutes, then none: memory at the quarters, errors, CPU time afterwards.
async fn soak(okibi: &Okibi, span: Duration, report: &mut Report) -> Result<()> {
    let port = okibi.port;
    let (over, answered, failed) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
    );
    let mut tasks = tokio::task::JoinSet::new();
    let texts = Arc::new(corpus::texts(200)?);
    for at in 0..8 {
        let texts = texts.clone();
        let (over, answered, failed) = (over.clone(), answered.clone(), failed.clone());
        tasks.spawn(async move {
            let kind = if at % 2 == 0 { Kind::Http } else { Kind::WebSocket };
            while !over.load(Relaxed) {
                // A connection for each round, so that opening and closing is measured too.
                let round = async {
                    let mut asker = Asker::open(port, kind).await?;
                    for text in texts.iter().skip(at).step_by(8) {
                        asker.ask(text).await?;
                        answered.fetch_add(1, Relaxed);
                    }
                    anyhow::Ok(())
                };
                if round.await.is_err() {
                    failed.fetch_add(1, Relaxed);
                }
            }
        });
    }
    let mut quarters = Vec::new();
    let mut ticks = tokio::time::interval(span / 4);
    ticks.tick().await;
    let client = Client::connect(port).await?;
    for _ in 0..4 {
        ticks.tick().await;
        let status = client.call::<GetStatus>(NoParams {}).await?;
        quarters.push(status.memory_bytes.map_or(0, |bytes| bytes.0) as f64 / 1e6);
    }
    over.store(true, Relaxed);
    while tasks.join_next().await.is_some() {}
    let pid = client.call::<GetStatus>(NoParams {}).await?.pid;
    report.number("soak_seconds", "soak", span.as_secs_f64(), "s");
    report.number(
        "soak_answered",
        "requests answered",
        answered.load(Relaxed) as f64,
        "",
    );
    report.number("soak_failed", "requests failed", failed.load(Relaxed) as f64, "");
    for (at, memory) in quarters.iter().enumerate() {
        let (key, label) = (
            format!("soak_memory_{at}_mb"),
            format!("memory after quarter {}", at + 1),
        );
        report.number(&key, &label, *memory, "MB");
    }
    idle(pid, report).await;
    Ok(())
}

/// CPU time of the daemon without requests.
#[cfg(target_os = "linux")]
async fn idle(pid: u32, report: &mut Report) {
    use okibi_tests::proc;
    let before = proc::processor_time(pid);
    let mut ticks = tokio::time::interval(IDLE);
    ticks.tick().await;
    ticks.tick().await;
    if let (Some(before), Some(after)) = (before, proc::processor_time(pid)) {
        let took = after.saturating_sub(before);
        report.time("idle_cpu_ms", "CPU time in 10 s of idling", took);
    }
}

#[cfg(not(target_os = "linux"))]
async fn idle(_pid: u32, _report: &mut Report) {
    let _ = IDLE;
}
