//! One query, two thousand texts, memory.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use fastembed::{InitOptionsUserDefined, Pooling, TextEmbedding, UserDefinedEmbeddingModel};
use okibi_client::Client;
use okibi_engine::{Output, Overflow, Sequence, Text, session::Session, tokenizer::Tokenizer};
use okibi_protocol::{
    method::{CheckInit, EmbedParams, GetStatus, Input, NoParams},
    vector::Encoding,
};

use crate::{
    corpus,
    daemon::Okibi,
    pieces,
    report::{Report, median, percentile},
};

/// Queries of each kind.
const QUERIES: usize = 400;

/// Texts of the bulk run.
const BULK: usize = 2000;

/// Times that the bulk run is repeated.
const ROUNDS: usize = 5;

/// Budgets (padded tokens per batch) of the comparison sorted by hand.
const BUDGETS: [usize; 2] = [512, 1024];

/// Ten tokens of the embedded model.
const QUERY: &str = "東京の天気と明日の予定";

pub(crate) fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let okibi = Okibi::new()?;
    okibi.run(&["start"])?;
    let mut report = Report::new("serve");
    let texts = corpus::texts(BULK)?;
    runtime.block_on(measure(&okibi, &texts, &mut report))?;
    report.finish()
}

async fn measure(okibi: &Okibi, texts: &[String], report: &mut Report) -> Result<()> {
    let client = Client::connect(okibi.port).await?;
    let memory = |status: okibi_protocol::method::Status| {
        status.memory_bytes.map_or(0.0, |bytes| bytes.0 as f64 / 1e6)
    };
    report.number(
        "memory_loaded_mb",
        "daemon's memory after load",
        memory(client.call::<GetStatus>(NoParams {}).await?),
        "MB",
    );

    let environment = pieces::environment()?;
    let files = pieces::model_files()?;
    let tokenizer = Tokenizer::load(&files, Path::new(""))?;
    let mut session = Session::of_graph(&environment, &files, pieces::threads(), Default::default())?;

    let query = tokenizer
        .encode(&[QUERY.into()], None, Overflow::Truncate)?
        .remove(0);
    let query: Sequence = query.windows.into_iter().next().unwrap_or_default().into();
    let (mut served, mut bare, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..QUERIES {
        let began = Instant::now();
        client.call::<CheckInit>(NoParams {}).await?;
        asked.push(began.elapsed());
        let began = Instant::now();
        let params = EmbedParams {
            encoding: Encoding::Base64,
            ..EmbedParams::new(Input::One(QUERY.into()))
        };
        client.embed(params).await?;
        served.push(began.elapsed());
        let began = Instant::now();
        session
            .run(&[(&query, Output::Text)])
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        bare.push(began.elapsed());
    }
    report.number("query_tokens", "tokens of the query", query.ids.len() as f64, "");
    let (served_in, run) = (median(&mut served), median(&mut bare));
    report.time("query_ms", "query over WebSocket, median", served_in);
    report.time(
        "query_p99_ms",
        "query over WebSocket, 99 of 100",
        percentile(&mut served, 0.99),
    );
    report.time("bare_run_ms", "bare session.run, median", run);
    report.time(
        "round_trip_ms",
        "check_init over WebSocket, median",
        median(&mut asked),
    );
    report.number(
        "query_overhead_ms",
        "query less bare run",
        (served_in.as_secs_f64() - run.as_secs_f64()) * 1e3,
        "ms",
    );

    // In turn, so that other load on the machine affects all of them.
    let mut bulk = Vec::new();
    let mut hand = BUDGETS.map(|_| Vec::new());
    let mut mean = 0.0;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let params = EmbedParams {
            encoding: Encoding::Base64,
            ..EmbedParams::new(Input::Many(texts.to_vec()))
        };
        let result = client.embed(params).await?;
        bulk.push(began.elapsed());
        anyhow::ensure!(result.tokens.len() == texts.len(), "every text has an answer");
        mean = result.tokens.iter().sum::<usize>() as f64 / texts.len() as f64;
        for (budget, times) in BUDGETS.into_iter().zip(&mut hand) {
            times.push(by_hand(&tokenizer, &mut session, texts, budget)?);
        }
    }
    report.number("bulk_mean_tokens", "tokens of a bulk text, on average", mean, "");
    let rate = |time: Duration| texts.len() as f64 / time.as_secs_f64();
    let served = median(&mut bulk);
    report.number("bulk_texts_per_s", "bulk over WebSocket", rate(served), "texts/s");
    report.number(
        "memory_bulk_mb",
        "daemon's memory after the bulk",
        memory(client.call::<GetStatus>(NoParams {}).await?),
        "MB",
    );
    let mut best = Duration::MAX;
    for (budget, times) in BUDGETS.into_iter().zip(&mut hand) {
        let took = median(times);
        report.number(
            &format!("hand_{budget}"),
            &format!("sorted by hand, {budget} tokens a batch"),
            rate(took),
            "texts/s",
        );
        best = best.min(took);
    }
    report.number(
        "bulk_per_hand",
        "bulk / best sorted by hand",
        best.as_secs_f64() / served.as_secs_f64(),
        "x",
    );
    drop(session);

    let took = by_fastembed(&files, texts)?;
    report.number(
        "fastembed",
        "fastembed, its default batches",
        rate(took),
        "texts/s",
    );
    report.number(
        "bulk_per_fastembed",
        "bulk / fastembed",
        took.as_secs_f64() / served.as_secs_f64(),
        "x",
    );
    Ok(())
}

/// The best that a program could do with the bare libraries: tokenize once, sort, cut by padded tokens, run.
fn by_hand(
    tokenizer: &Tokenizer,
    session: &mut Session,
    texts: &[String],
    budget: usize,
) -> Result<Duration> {
    let began = Instant::now();
    let texts: Vec<Text> = texts.iter().map(|text| text.as_str().into()).collect();
    let encoded = tokenizer.encode(&texts, None, Overflow::Truncate)?;
    let windows = encoded.into_iter().flat_map(|text| text.windows);
    let mut encoded: Vec<Sequence> = windows.map(Sequence::from).collect();
    encoded.sort_by_key(|text| std::cmp::Reverse(text.ids.len()));
    let mut rest = encoded.as_slice();
    while let Some(longest) = rest.first() {
        let count = (budget / longest.ids.len()).clamp(1, rest.len());
        let (batch, after) = rest.split_at(count);
        let batch: Vec<(&Sequence, Output)> = batch.iter().map(|text| (text, Output::Text)).collect();
        session.run(&batch).map_err(|error| anyhow::anyhow!("{error}"))?;
        rest = after;
    }
    Ok(began.elapsed())
}

/// fastembed called directly, with its own batches.
fn by_fastembed(files: &okibi_models::ModelFiles, texts: &[String]) -> Result<Duration> {
    let folder = files.tokenizer.parent().context("the tokenizer is in a folder")?;
    let tokenizer_files = pieces::tokenizer_files(folder)?;
    let mut model = UserDefinedEmbeddingModel::new(std::fs::read(&files.model)?, tokenizer_files)
        .with_pooling(Pooling::Mean);
    let data = files.model.with_extension("onnx_data");
    if data.is_file() {
        model = model.with_external_initializer("model.onnx_data".into(), std::fs::read(data)?);
    }
    let options = InitOptionsUserDefined::new()
        .with_environment(pieces::environment()?)
        .with_max_length(files.max_tokens);
    let mut library = TextEmbedding::try_new_from_user_defined(model, options)?;
    let began = Instant::now();
    library.embed(texts, None)?;
    Ok(began.elapsed())
}
