//! The bare libraries, each in a process of its own: what a launch could not do without.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use okibi_engine::{
    runtime,
    source::{self, DEFAULT_MODEL, ModelFiles, Source},
};

use crate::daemon::assets;

/// Measures `piece` in this process and prints the milliseconds.
pub(crate) fn run(piece: &str) -> Result<()> {
    let files = model_files()?;
    let began = Instant::now();
    match piece {
        // The library's own tokenizer, as any program would open it.
        "tokenizer" => drop(tokenizers::Tokenizer::from_file(&files.tokenizer).map_err(anyhow::Error::msg)?),
        "session" => drop(open_session(&files, threads())?),
        other => bail!("there is no piece {other:?}"),
    }
    println!("{}", began.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

/// Measures `piece` in a fresh process.
pub(crate) fn measure(piece: &str) -> Result<Duration> {
    let output = Command::new(std::env::current_exe()?)
        .args(["piece", piece])
        .output()?;
    if !output.status.success() {
        bail!("piece {piece}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let millis: f64 = String::from_utf8(output.stdout)?
        .trim()
        .parse()
        .context("a piece prints milliseconds")?;
    Ok(Duration::from_secs_f64(millis / 1e3))
}

/// The embedded model's files.
pub(crate) fn model_files() -> Result<ModelFiles> {
    match source::resolve(DEFAULT_MODEL, &[assets()])? {
        Source::Folder { name, folder } => Ok(source::describe(&name, &folder, None, None)?),
        Source::Hub(_) => bail!("the embedded model is a folder"),
    }
}

/// Opens ONNX Runtime and the model with nothing set but the threads.
pub(crate) fn open_session(files: &ModelFiles, threads: usize) -> Result<ort::session::Session> {
    let environment = runtime::open(&runtime::find(None, &[assets()])?)?;
    let mut builder = ort::session::Session::builder(&environment)?
        .with_intra_threads(threads)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(builder.commit_from_file(&files.model)?)
}

/// Threads that the daemon computes with on this machine, by default.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
