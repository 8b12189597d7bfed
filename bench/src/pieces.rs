//! The bare libraries, each in a process of its own: the minimum cost of a launch.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use fastembed::TokenizerFiles;
use okibi_engine::runtime;
use okibi_models::{DEFAULT_MODEL, ModelFiles, describe};

use crate::daemon::assets;

/// A part of a launch that is measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, clap::ValueEnum)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Piece {
    Tokenizer,
    Session,
}

/// Measures `piece` of the model in `folder` (the embedded one by default) in this process and prints the
/// milliseconds.
pub(crate) fn run(piece: Piece, folder: Option<&Path>) -> Result<()> {
    let files = match folder {
        Some(folder) => model_files_in(folder)?,
        None => model_files()?,
    };
    let began = Instant::now();
    match piece {
        Piece::Tokenizer => drop(open_tokenizer(&files)?),
        Piece::Session => drop(open_session(&files, threads())?),
    }
    println!("{}", began.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

/// Measures `piece` of the embedded model in a fresh process.
pub(crate) fn measure(piece: Piece) -> Result<Duration> {
    measure_of(piece, None)
}

/// Measures `piece` of the model in `folder` in a fresh process.
pub(crate) fn measure_of(piece: Piece, folder: Option<&Path>) -> Result<Duration> {
    let output = Command::new(std::env::current_exe()?)
        .args(["piece", piece.into()])
        .args(folder)
        .output()?;
    if !output.status.success() {
        bail!("piece {piece:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let millis: f64 = String::from_utf8(output.stdout)?
        .trim()
        .parse()
        .context("a piece prints milliseconds")?;
    Ok(Duration::from_secs_f64(millis / 1e3))
}

/// The files of the model in `folder`.
pub(crate) fn model_files_in(folder: &Path) -> Result<ModelFiles> {
    Ok(describe(&folder.to_string_lossy(), folder, None, None)?)
}

/// The embedded model as ONNX Runtime takes it: what Okibi is measured beside.
pub(crate) fn peer_folder() -> PathBuf {
    assets().join("peers").join(DEFAULT_MODEL)
}

/// Its files.
pub(crate) fn model_files() -> Result<ModelFiles> {
    Ok(describe(DEFAULT_MODEL, &peer_folder(), None, None)?)
}

/// The library's own tokenizer, as any program would open it.
pub(crate) fn open_tokenizer(files: &ModelFiles) -> Result<tokenizers::Tokenizer> {
    tokenizers::Tokenizer::from_file(&files.tokenizer).map_err(anyhow::Error::msg)
}

/// The files that fastembed opens a tokenizer by.
pub(crate) fn tokenizer_files(folder: &Path) -> Result<TokenizerFiles> {
    let read = |name: &str| std::fs::read(folder.join(name)).with_context(|| format!("read {name}"));
    Ok(TokenizerFiles {
        tokenizer_file: read("tokenizer.json")?,
        config_file: read("config.json")?,
        special_tokens_map_file: read("special_tokens_map.json")?,
        tokenizer_config_file: read("tokenizer_config.json")?,
    })
}

/// Opens ONNX Runtime and the model with nothing set but the threads.
pub(crate) fn open_session(files: &ModelFiles, threads: usize) -> Result<ort::session::Session> {
    open_graph(&files.model, threads)
}

/// The same for a graph's file.
pub(crate) fn open_graph(file: &Path, threads: usize) -> Result<ort::session::Session> {
    let mut builder = ort::session::Session::builder(&environment()?)?
        .with_intra_threads(threads)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(builder.commit_from_file(file)?)
}

/// Opens ONNX Runtime.
pub(crate) fn environment() -> Result<ort::environment::Environment> {
    Ok(runtime::open(&runtime::find(None, &[assets()])?)?)
}

/// Threads that the daemon computes with on this machine, by default.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
