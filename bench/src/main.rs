//! `cargo xtask bench NAME…`: measures Okibi beside the bare libraries, in the same run, as ratios.
//!
//! - `launch`: from `okibi start` to ready, and its pieces; the handover gap; `okibi status`
//! - `serve`: one query, two thousand texts, memory
//! - `load`: requests per second, a query beside a bulk job, a soak of five minutes or of `--soak SECONDS`
//! - `models`: load, memory, query and bulk of the embedded model and of one of the shape of `ruri-v3-310m`; a change
//!   from one to the other. Makes the large one once, in `target/bench-models`: 1.3 GB
//! - `tray` (Linux): the tray app's start, memory and rest
//!
//! Each prints a table and writes `target/bench/NAME.json`. Figures are of the machine they were taken on, and move
//! with whatever else runs there.

mod bare;
mod batches;
mod corpus;
mod daemon;
mod launch;
mod load;
mod models;
mod onnx;
mod pieces;
mod report;
mod serve;
mod shaped;
#[cfg(target_os = "linux")]
mod tray;

use std::time::Duration;

use anyhow::{Context, Result, bail};

fn main() -> Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let soak = soak(&mut arguments)?;
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["piece", piece, ref folder @ ..] = names[..] {
        return pieces::run(piece, folder.first().copied());
    }
    if names.is_empty() {
        bail!("name at least one of: launch, serve, load, models, tray");
    }
    for name in names {
        match name {
            "launch" => launch::run()?,
            "serve" => serve::run()?,
            "load" => load::run(soak)?,
            "models" => models::run()?,
            #[cfg(target_os = "linux")]
            "tray" => tray::run()?,
            other => {
                bail!(
                    "there is no measurement {other:?}; there are: launch, serve, load, models, and on Linux tray"
                )
            }
        }
    }
    Ok(())
}

/// Takes `--soak SECONDS` out of the arguments.
fn soak(arguments: &mut Vec<String>) -> Result<Duration> {
    let Some(at) = arguments.iter().position(|argument| argument == "--soak") else {
        return Ok(load::SOAK);
    };
    let end = (at + 2).min(arguments.len());
    let given: Vec<String> = arguments.drain(at..end).collect();
    let seconds = given.get(1).and_then(|seconds| seconds.parse::<u64>().ok());
    let seconds = seconds.filter(|seconds| *seconds > 0);
    Ok(Duration::from_secs(
        seconds.context("--soak needs a number of seconds")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_the_soak_may_stand_anywhere() {
        let read = |line: &str| {
            let mut arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            soak(&mut arguments).map(|soak| (soak.as_secs(), arguments.join(" ")))
        };
        assert_eq!(read("load").unwrap(), (300, "load".into()));
        assert_eq!(read("--soak 60 load").unwrap(), (60, "load".into()));
        assert_eq!(read("serve load --soak 5").unwrap(), (5, "serve load".into()));
        for wrong in ["load --soak", "load --soak 0", "--soak load"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
