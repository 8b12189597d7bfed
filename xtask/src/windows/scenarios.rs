//! The scenarios.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{run::LIMIT, stage::Scene};

/// A scenario; it fails by an error.
pub(super) type Scenario = fn(&Scene<'_>) -> Result<()>;

/// Every scenario with its name.
pub(super) const ALL: [(&str, Scenario); 4] = [
    (
        "from_a_start_to_vectors_and_back_to_a_free_port",
        from_start_to_stop,
    ),
    ("daemon_killed_while_loading", daemon_killed),
    ("front_killed_while_loading", front_killed),
    ("foreign_program_on_the_port", foreign_program),
];

/// The cosine that a vector has to its reference at least.
const LEAST_COSINE: f64 = 0.997;

/// A model of the catalog, which is asked of a hub.
const HUB_MODEL: &str = "intfloat/multilingual-e5-small";

/// What the foreign program answers to every connection.
const FOREIGN_ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

fn from_start_to_stop(scene: &Scene<'_>) -> Result<()> {
    scene.run(&["status"])?.expect(3, "not running")?;
    let (start, pid) = scene.launch(&[], &[])?;
    let start = start.ended()?.expect(0, r#""outcome":"launched""#)?;
    for stage in ["resolve", "runtime", "tokenizer", "model", "warmup"] {
        let finished = format!(r#""stage":"{stage}","state":"finished""#);
        ensure!(
            start.out.contains(&finished),
            "{finished} is not in\n{}",
            start.out
        );
    }
    vectors_are_right(scene)?;
    scene.run(&["start"])?.expect(0, "Already running")?;
    let status = status(scene)?;
    ensure!(
        status["ready"] == true && status["pid"] == pid,
        "another status: {status}"
    );
    let japanese = [("OKIBI_LANG", "ja".into())];
    let status = scene.start(&["status"], &japanese, String::new())?.ended()?;
    status.expect(0, "準備ができています")?;
    scene.stop()?;
    scene.run(&["logs"])?.expect(0, "the daemon ends")?;
    scene.run(&["status"])?.expect(3, "not running")?;
    Ok(())
}

/// Embeds the reference's texts and compares.
pub(super) fn vectors_are_right(scene: &Scene<'_>) -> Result<()> {
    for (kind, input_type) in [("query", "query"), ("passage", "document")] {
        vectors_of_kind_are_right(scene, kind, input_type)?;
    }
    Ok(())
}

fn vectors_of_kind_are_right(scene: &Scene<'_>, kind: &str, input_type: &str) -> Result<()> {
    let mut entries = scene.reference()?;
    // A line is a text.
    let text = |entry: &Value| entry["text"].as_str().unwrap_or_default().to_owned();
    entries.retain(|entry| entry["kind"] == kind && !text(entry).contains(['\r', '\n']));
    ensure!(!entries.is_empty(), "the reference has no {kind}");
    let input: String = entries.iter().map(|entry| text(entry) + "\n").collect();
    let embed = scene.start(&["embed", "--input-type", input_type], &[], input)?;
    let embed = embed.ended()?.expect(0, "vector")?;
    let lines: Vec<&str> = embed.out.lines().collect();
    ensure!(
        lines.len() == entries.len(),
        "{} vectors for {} texts",
        lines.len(),
        entries.len()
    );
    for (line, entry) in lines.iter().zip(&entries) {
        let found: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
        let cosine = cosine(&numbers(&found["vector"])?, &numbers(&entry["vector"])?);
        ensure!(cosine >= LEAST_COSINE, "{}: cosine {cosine}", text(entry));
    }
    Ok(())
}

fn daemon_killed(scene: &Scene<'_>) -> Result<()> {
    // A hub that takes the connection and says nothing holds the load up for as long as it takes.
    let hub = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let endpoint = format!("http://{}", hub.local_addr()?);
    let (sender, asked) = mpsc::channel();
    thread::spawn(move || {
        // Ends with the first connection or, as one thread left over, with this program.
        if let Ok(connection) = hub.accept() {
            let _ = sender.send((hub, connection));
        }
    });
    let (start, pid) = scene.launch(&["-m", HUB_MODEL], &[("HF_ENDPOINT", endpoint)])?;
    let Ok(_held) = asked.recv_timeout(LIMIT) else {
        let start = start.kill()?;
        bail!("the daemon does not ask the hub\n{}{}", start.out, start.err);
    };
    scene.kill(pid)?;
    start
        .ended()?
        .expect(1, r#""event":"error""#)?
        .expect(1, "while loading")?;
    scene.ensure_port_is_free()?;
    scene.run(&["status"])?.expect(3, "not running")?;
    Ok(())
}

fn front_killed(scene: &Scene<'_>) -> Result<()> {
    let (mut start, pid) = scene.launch(&[], &[])?;
    start.event("stage")?;
    let start = start.kill()?;
    ensure!(
        !start.out.contains(r#""event":"ready""#),
        "killed too late:\n{}",
        start.out
    );
    let began = Instant::now();
    loop {
        let status = status(scene)?;
        if status["ready"] == true {
            ensure!(status["pid"] == pid, "another daemon: {status}");
            return scene.stop();
        }
        ensure!(
            began.elapsed() < LIMIT,
            "the daemon does not come up; its port says {status}"
        );
    }
}

fn foreign_program(scene: &Scene<'_>) -> Result<()> {
    let foreign = TcpListener::bind((Ipv4Addr::LOCALHOST, scene.port()))?;
    thread::spawn(move || {
        // Ends with this program; until then it keeps running like any foreign program.
        for connection in foreign.incoming() {
            let _ = connection.and_then(answer_as_foreigner);
        }
    });
    let port = scene.port().to_string();
    for command in ["start", "status", "stop"] {
        scene.run(&[command])?.expect(1, &port)?;
    }
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, scene.port()))?;
    connection.set_read_timeout(Some(LIMIT))?;
    connection.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    connection
        .read_to_string(&mut answer)
        .context("ask the foreign program")?;
    ensure!(
        answer == FOREIGN_ANSWER,
        "the foreign program is not what it was: {answer}"
    );
    Ok(())
}

fn answer_as_foreigner(mut connection: TcpStream) -> std::io::Result<()> {
    connection.set_read_timeout(Some(LIMIT))?;
    let mut request = [0; 4096];
    let _length = connection.read(&mut request)?;
    connection.write_all(FOREIGN_ANSWER.as_bytes())
}

fn status(scene: &Scene<'_>) -> Result<Value> {
    let status = scene.run(&["status", "--json"])?;
    serde_json::from_str(&status.out).with_context(|| format!("no JSON: {}{}", status.out, status.err))
}

fn numbers(value: &Value) -> Result<Vec<f64>> {
    let numbers = value.as_array().context("no list of numbers")?;
    numbers
        .iter()
        .map(|number| number.as_f64().context("no number"))
        .collect()
}

/// The cosine of the angle between two vectors; not a number, and so no pass, where they differ in length.
fn cosine(one: &[f64], other: &[f64]) -> f64 {
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    match one.len() == other.len() {
        true => product(one, other) / (product(one, one) * product(other, other)).sqrt(),
        false => f64::NAN,
    }
}
