//! A small model and a large one, in the daemon and bare: load, memory, query, bulk; and a switch from one to the
//! other.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use okibi_client::Client;
use okibi_models::DEFAULT_MODEL;
use okibi_protocol::{
    method::{EmbedParams, GetStatus, Input, NoParams},
    models::ModelState,
    stage::Stage,
    vector::Encoding,
};
use tokio::runtime::Runtime;

use crate::{
    bare::Bare,
    corpus,
    daemon::{Okibi, assets},
    memory::resident,
    pieces::{self, Piece},
    report::{self, Report, median},
    shaped,
};

/// Texts after which memory is measured again.
const USED: usize = 200;

/// Characters of a text, so that the large model embeds hundreds of them in minutes.
const TEXT_CHARACTERS: usize = 32;

/// The query.
const QUERY: &str = "熾火が朝まで残る理由";

/// How long memory has to stay the same before it counts.
const SETTLED: Duration = Duration::from_secs(2);

/// How long the previous model may take to leave memory.
const LEAVE_LIMIT: Duration = Duration::from_secs(60);

/// A model to measure, and how often.
struct Subject {
    /// Prefix of the keys and labels of its values.
    name: &'static str,
    folder: PathBuf,
    /// The folder of the same for the bare libraries.
    peer: PathBuf,
    launches: usize,
    queries: usize,
    /// Texts of the bulk run.
    bulk: usize,
    /// Times that the bulk run is repeated.
    rounds: usize,
}

pub(crate) fn run() -> Result<()> {
    let place = std::path::absolute(report::target().join("bench-models"))?;
    let large = shaped::ensure(&place, "shaped-like-ruri-v3-310m", &shaped::RURI_310M)?;
    let subjects = [
        Subject {
            name: "small",
            folder: assets().join("models").join(DEFAULT_MODEL),
            peer: pieces::peer_folder(),
            launches: 9,
            queries: 30,
            bulk: 512,
            rounds: 3,
        },
        Subject {
            name: "large",
            folder: large.clone(),
            peer: large,
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
        let status = runtime.block_on(async {
            Client::connect(okibi.port)
                .await?
                .call::<GetStatus>(NoParams {})
                .await
        })?;
        for event in status.stages.stages() {
            stages
                .entry(event.stage)
                .or_default()
                .push(event.elapsed_ms.into());
        }
        okibi.run(&["stop"])?;
        Ok(took)
    };
    let piece = |piece| pieces::measure_of(piece, Some(&subject.peer));
    // Untimed: fills the page cache, and the daemon's own with what it learns about a model once.
    launch()?;
    piece(Piece::Tokenizer)?;
    piece(Piece::Session)?;
    let (mut starts, mut tokenizer, mut session) = (Vec::new(), Vec::new(), Vec::new());
    // In turn, so that other load on the machine affects all of them.
    for _ in 0..subject.launches {
        starts.push(launch()?);
        tokenizer.push(piece(Piece::Tokenizer)?);
        session.push(piece(Piece::Session)?);
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

/// What holding a model and embedding with it costs one process.
struct Cost {
    /// Resident bytes after the load and after [`USED`] texts, where the system reports it.
    memory: [Option<f64>; 2],
    /// Tokens of those texts.
    tokens: usize,
    /// The median of the queries.
    query: Duration,
    /// The median of the bulk runs.
    bulk: Duration,
}

/// Memory, one query and many texts, in the daemon and then in a bare process: one after the other, because the library
/// keeps its threads spinning for a while after each run unless configured otherwise, and would take CPU time from
/// what is measured at the same time.
async fn serve(subject: &Subject, report: &mut Report) -> Result<()> {
    let name = subject.name;
    let served = of_daemon(subject).await?;
    let bare = of_bare(subject)?;
    ensure!(
        served.tokens == bare.tokens,
        "the daemon has {} tokens, the bare tokenizer {}",
        served.tokens,
        bare.tokens
    );
    let used = format!("after {USED} texts");
    for (at, key, when) in [(0, "loaded", "after load"), (1, "used", used.as_str())] {
        memory(report, name, key, when, served.memory[at].zip(bare.memory[at]));
    }
    let (query, run) = (served.query, bare.query);
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

    let (bulk, by_hand) = (served.bulk, bare.bulk);
    let rate = |time: Duration| subject.bulk as f64 / time.as_secs_f64();
    report.number(
        &format!("{name}_bulk_texts_per_s"),
        &format!("{name}: {} texts at once", subject.bulk),
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

async fn of_daemon(subject: &Subject) -> Result<Cost> {
    let okibi = Okibi::new()?;
    okibi.run(&["start", "-m", text_of(&subject.folder)?])?;
    let client = Client::connect(okibi.port).await?;
    let pid = client.call::<GetStatus>(NoParams {}).await?.pid;
    let loaded = resident(pid);
    let tokens = embed(&client, Input::Many(texts(USED)?)).await?;
    let used = resident(pid);
    let mut queries = Vec::new();
    for _ in 0..subject.queries {
        let began = Instant::now();
        embed(&client, Input::One(QUERY.into())).await?;
        queries.push(began.elapsed());
    }
    let texts = texts(subject.bulk)?;
    let mut bulk = Vec::new();
    for _ in 0..subject.rounds {
        let began = Instant::now();
        embed(&client, Input::Many(texts.clone())).await?;
        bulk.push(began.elapsed());
    }
    Ok(Cost {
        memory: [loaded, used],
        tokens,
        query: median(&mut queries),
        bulk: median(&mut bulk),
    })
}

/// The same without a server: for a query, only the run counts.
fn of_bare(subject: &Subject) -> Result<Cost> {
    let mut bare = Bare::open(&subject.peer)?;
    let loaded = resident(bare.pid());
    let tokens = bare.embed(&texts(USED)?)?.tokens;
    let used = resident(bare.pid());
    let mut queries = Vec::new();
    for _ in 0..subject.queries {
        queries.push(bare.embed(&[QUERY.to_owned()])?.runs);
    }
    let texts = texts(subject.bulk)?;
    let mut bulk = Vec::new();
    for _ in 0..subject.rounds {
        bulk.push(bare.embed(&texts)?.whole);
    }
    Ok(Cost {
        memory: [loaded, used],
        tokens,
        query: median(&mut queries),
        bulk: median(&mut bulk),
    })
}

/// `okibi use` from the small model to the large one and back: time, and whether the memory is released.
async fn change(large: &Path, report: &mut Report) -> Result<()> {
    let okibi = Okibi::new()?;
    okibi.run(&["start", "-m", DEFAULT_MODEL])?;
    let client = Client::connect(okibi.port).await?;
    let texts = texts(USED)?;
    embed(&client, Input::Many(texts.clone())).await?;
    let pid = client.call::<GetStatus>(NoParams {}).await?.pid;
    let mut levels = vec![settled(pid).await];
    for (key, label, model) in [
        ("to_large", "use: small to large", text_of(large)?),
        ("to_small", "use: large to small", DEFAULT_MODEL),
    ] {
        report.time(&format!("use_{key}_ms"), label, okibi.run(&["use", model])?);
        alone(&client).await?;
        embed(&client, Input::Many(texts.iter().take(8).cloned().collect())).await?;
        levels.push(settled(pid).await);
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

/// Resident bytes once they have not fallen for [`SETTLED`]: a model ends after it has left the list.
async fn settled(pid: u32) -> Option<f64> {
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let (mut lowest, mut since) = (f64::MAX, Instant::now());
    loop {
        looks.tick().await;
        let level = resident(pid)?;
        if level < lowest * 0.99 {
            (lowest, since) = (level, Instant::now());
        } else if since.elapsed() > SETTLED {
            return Some(level);
        }
    }
}

/// Embeds in the daemon; returns the number of tokens.
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

/// The memory of the daemon and of the bare process, where the system reports it.
fn memory(report: &mut Report, name: &str, key: &str, when: &str, levels: Option<(f64, f64)>) {
    let Some((daemon, bare)) = levels else {
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

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

fn text_of(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))
}
