//! A small model and a large one, in the daemon and bare: load, memory, query, bulk; and a change from one to the other.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use okibi_client::Client;
use okibi_models::DEFAULT_MODEL;
use okibi_protocol::{
    method::{EmbedParams, Input},
    models::ModelState,
    stage::Stage,
    vector::Encoding,
};
use tokio::runtime::Runtime;

use crate::{
    bare::Bare,
    corpus,
    daemon::{Okibi, assets},
    pieces,
    report::{self, Report, median},
    shaped,
};

/// Texts after which memory is looked at again.
const USED: usize = 200;

/// Characters of a text, so that the large model is done with hundreds of them in minutes.
const TEXT_CHARACTERS: usize = 32;

/// The query.
const QUERY: &str = "熾火が朝まで残る理由";

/// How long the model that was left may take to leave memory.
const LEAVE_LIMIT: Duration = Duration::from_secs(60);

/// A model to measure, and how often.
struct Subject {
    /// Begins its values' keys and labels.
    name: &'static str,
    folder: PathBuf,
    launches: usize,
    queries: usize,
    /// Texts of the bulk run.
    bulk: usize,
    /// Times that the bulk run is repeated.
    rounds: usize,
}

pub(crate) fn run() -> Result<()> {
    let place = std::path::absolute(report::target().join("bench-models"))?;
    let subjects = [
        Subject {
            name: "small",
            folder: assets().join("models").join(DEFAULT_MODEL),
            launches: 9,
            queries: 30,
            bulk: 512,
            rounds: 3,
        },
        Subject {
            name: "large",
            folder: shaped::ensure(&place, "shaped-like-ruri-v3-310m", &shaped::RURI_310M)?,
            launches: 3,
            queries: 10,
            bulk: 64,
            rounds: 1,
        },
    ];
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = Report::new("models");
    for subject in &subjects {
        load(&runtime, subject, &mut report)?;
        runtime.block_on(serve(subject, &mut report))?;
    }
    let [_, large] = &subjects;
    runtime.block_on(change(&large.folder, &mut report))?;
    report.finish()
}

/// From `okibi start` to ready, beside the bare runtime, session and tokenizer.
fn load(runtime: &Runtime, subject: &Subject, report: &mut Report) -> Result<()> {
    let name = subject.name;
    let okibi = Okibi::new()?;
    let folder = text_of(&subject.folder)?;
    let mut stages: BTreeMap<Stage, Vec<Duration>> = BTreeMap::new();
    let mut launch = || -> Result<Duration> {
        let took = okibi.run(&["start", "-m", folder])?;
        let status = runtime.block_on(async { Client::connect(okibi.port).await?.get_status().await })?;
        for event in status.stages.stages() {
            stages
                .entry(event.stage)
                .or_default()
                .push(event.elapsed_ms.into());
        }
        okibi.run(&["stop"])?;
        Ok(took)
    };
    let piece = |piece| pieces::measure_of(piece, Some(&subject.folder));
    // Untimed: fills the page cache, and the daemon's own with what it learns about a model once.
    launch()?;
    piece("tokenizer")?;
    piece("session")?;
    let (mut starts, mut tokenizer, mut session) = (Vec::new(), Vec::new(), Vec::new());
    // One after the other, so that whatever else the machine does meets all of them.
    for _ in 0..subject.launches {
        starts.push(launch()?);
        tokenizer.push(piece("tokenizer")?);
        session.push(piece("session")?);
    }
    let (start, tokenizer, session) = (median(&mut starts), median(&mut tokenizer), median(&mut session));
    report.time(
        &format!("{name}_start_ms"),
        &format!("{name}: start to ready"),
        start,
    );
    for (stage, mut times) in stages {
        // Without the untimed launch, which comes first.
        let stage = (stage.name(), median(times.get_mut(1..).unwrap_or_default()));
        report.time(
            &format!("{name}_stage_{}_ms", stage.0),
            &format!("{name}: stage {}", stage.0),
            stage.1,
        );
    }
    report.time(
        &format!("{name}_bare_tokenizer_ms"),
        &format!("{name}, bare: tokenizer"),
        tokenizer,
    );
    report.time(
        &format!("{name}_bare_session_ms"),
        &format!("{name}, bare: runtime and session"),
        session,
    );
    report.number(
        &format!("{name}_start_per_bare"),
        &format!("{name}: start / bare tokenizer + session"),
        ratio(start, tokenizer + session),
        "x",
    );
    Ok(())
}

/// Memory, one query and many texts, beside a bare process that holds the same model.
async fn serve(subject: &Subject, report: &mut Report) -> Result<()> {
    let name = subject.name;
    let okibi = Okibi::new()?;
    okibi.run(&["start", "-m", text_of(&subject.folder)?])?;
    let client = Client::connect(okibi.port).await?;
    let mut bare = Bare::open(&subject.folder)?;
    let pids = [client.get_status().await?.pid, bare.pid()];
    let used = texts(USED)?;
    memory(report, name, "loaded", "after load", pids);
    let served = embed(&client, Input::Many(used.clone())).await?;
    let took = bare.embed(&used)?;
    ensure!(
        served == took.tokens,
        "the daemon has {served} tokens, the bare tokenizer {}",
        took.tokens
    );
    memory(report, name, "used", &format!("after {USED} texts"), pids);

    let (mut queries, mut runs) = (Vec::new(), Vec::new());
    for _ in 0..subject.queries {
        let began = Instant::now();
        embed(&client, Input::One(QUERY.into())).await?;
        queries.push(began.elapsed());
        runs.push(bare.embed(&[QUERY.to_owned()])?.runs);
    }
    let (query, run) = (median(&mut queries), median(&mut runs));
    report.time(&format!("{name}_query_ms"), &format!("{name}: query, p50"), query);
    report.time(
        &format!("{name}_bare_run_ms"),
        &format!("{name}, bare: session.run of the same tokens, p50"),
        run,
    );
    report.number(
        &format!("{name}_query_per_bare"),
        &format!("{name}: query / bare run"),
        ratio(query, run),
        "x",
    );

    let texts = texts(subject.bulk)?;
    let (mut bulk, mut by_hand) = (Vec::new(), Vec::new());
    for _ in 0..subject.rounds {
        let began = Instant::now();
        embed(&client, Input::Many(texts.clone())).await?;
        bulk.push(began.elapsed());
        by_hand.push(bare.embed(&texts)?.whole);
    }
    let (bulk, by_hand) = (median(&mut bulk), median(&mut by_hand));
    let rate = |time: Duration| texts.len() as f64 / time.as_secs_f64();
    report.number(
        &format!("{name}_bulk_texts_per_s"),
        &format!("{name}: {} texts at once", texts.len()),
        rate(bulk),
        "texts/s",
    );
    report.number(
        &format!("{name}_bare_texts_per_s"),
        &format!("{name}, bare: the same, sorted by hand"),
        rate(by_hand),
        "texts/s",
    );
    report.number(
        &format!("{name}_bulk_per_bare"),
        &format!("{name}: bulk / bare"),
        ratio(by_hand, bulk),
        "x",
    );
    Ok(())
}

/// `okibi use` from the small model to the large one and back: time, and whether the memory comes back.
async fn change(large: &Path, report: &mut Report) -> Result<()> {
    let okibi = Okibi::new()?;
    okibi.run(&["start", "-m", DEFAULT_MODEL])?;
    let client = Client::connect(okibi.port).await?;
    let texts = texts(USED)?;
    embed(&client, Input::Many(texts.clone())).await?;
    let pid = client.get_status().await?.pid;
    let mut levels = vec![resident(pid)];
    for (key, label, model) in [
        ("to_large", "use: small to large", text_of(large)?),
        ("to_small", "use: large to small", DEFAULT_MODEL),
    ] {
        report.time(&format!("use_{key}_ms"), label, okibi.run(&["use", model])?);
        alone(&client).await?;
        embed(&client, Input::Many(texts.iter().take(8).cloned().collect())).await?;
        levels.push(resident(pid));
    }
    if let [Some(before), Some(during), Some(after)] = levels[..] {
        for (key, label, level) in [
            ("before", "memory before", before),
            ("large", "memory with the large one", during),
            ("after", "memory afterwards", after),
        ] {
            report.number(
                &format!("use_memory_{key}_mb"),
                &format!("use: {label}"),
                level / 1e6,
                "MB",
            );
        }
        let returned = after / before;
        report.number(
            "use_memory_after_per_before",
            "use: memory afterwards / before",
            returned,
            "x",
        );
    }
    Ok(())
}

/// Waits until one model is in memory and no more.
async fn alone(client: &Client) -> Result<()> {
    let mut changes = client.subscribe().await?;
    let left = async {
        while let Some(status) = changes.next().await {
            let held = status
                .models
                .iter()
                .filter(|model| matches!(model.state, ModelState::Ready | ModelState::Loading));
            if held.count() == 1 {
                return Ok(());
            }
        }
        anyhow::bail!("the daemon has ended")
    };
    tokio::time::timeout(LEAVE_LIMIT, left)
        .await
        .context("the model that was left is still in memory")?
}

/// Embeds in the daemon; returns how many tokens that were.
async fn embed(client: &Client, input: Input) -> Result<usize> {
    let params = EmbedParams {
        encoding: Encoding::Base64,
        ..EmbedParams::new(input)
    };
    Ok(client.embed(params).await?.tokens.iter().sum())
}

/// `count` short texts, no two of them the same.
fn texts(count: usize) -> Result<Vec<String>> {
    let texts = corpus::texts(count)?.into_iter().enumerate();
    Ok(texts
        .map(|(index, text)| {
            let start: String = text.chars().take(TEXT_CHARACTERS).collect();
            format!("{index} {}", start.trim_end())
        })
        .collect())
}

/// The memory of the daemon and of the bare process, where the system tells it.
fn memory(report: &mut Report, name: &str, key: &str, when: &str, pids: [u32; 2]) {
    let [Some(daemon), Some(bare)] = pids.map(resident) else {
        return;
    };
    report.number(
        &format!("{name}_memory_{key}_mb"),
        &format!("{name}: memory {when}"),
        daemon / 1e6,
        "MB",
    );
    report.number(
        &format!("{name}_bare_memory_{key}_mb"),
        &format!("{name}, bare: memory {when}"),
        bare / 1e6,
        "MB",
    );
    report.number(
        &format!("{name}_memory_{key}_per_bare"),
        &format!("{name}: memory {when} / bare"),
        daemon / bare,
        "x",
    );
}

/// Resident bytes of a process.
#[cfg(target_os = "linux")]
fn resident(pid: u32) -> Option<f64> {
    okibi_tests::proc::resident_bytes(pid)
}

#[cfg(not(target_os = "linux"))]
fn resident(_pid: u32) -> Option<f64> {
    None
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

fn text_of(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}
