//! `cargo xtask bench NAME…`: measures Okibi and the bare libraries in the same run, and prints ratios.
//!
//! - `launch`: from `okibi start` to ready, and its pieces; the handover gap; `okibi status`
//! - `serve`: one query, two thousand texts, memory
//! - `load`: requests per second, a query beside a bulk job, a soak of five minutes or of `--soak SECONDS`
//! - `models`: load, memory, query and bulk of the embedded model and of one of the shape of `ruri-v3-310m`; a switch
//!   from one to the other. Makes the large one once, in `target/bench-models`: 1.3 GB
//! - `encoder`: ours beside ONNX Runtime, fastembed and, where they are installed, sentence-transformers,
//!   text-embeddings-inference and llama.cpp: speed at several lengths, a query, memory, start, and the processor's limit. Makes
//!   models of random weights once, in `target/bench-models`: 1.2 GB, and 2.6 GB more for the large one, which `--small` leaves
//!   out. `--chart` draws the last run into `docs/pictures`
//! - `attacks`: what a program that means harm costs the others
//! - `tray` (Linux): start, memory and idle CPU time of the tray app
//!
//! Each prints a table and writes `target/bench/NAME.json`. Figures are for the machine they were measured on, and vary
//! with its other load.

mod attacks;
mod bare;
mod batches;
mod corpus;
mod daemon;
mod encoder;
mod launch;
mod load;
mod memory;
mod models;
mod onnx;
mod pieces;
mod report;
mod serve;
mod shaped;
#[cfg(target_os = "linux")]
mod tray;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use crate::{encoder::library::Kept, pieces::Piece};

/// Measures Okibi beside the bare libraries
#[derive(Debug, Parser)]
#[command(
    name = "okibi-bench",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
struct Arguments {
    /// What to measure
    #[arg(required = true)]
    names: Vec<Measurement>,
    /// Seconds of the soak in `load`
    #[arg(long, default_value_t = load::SOAK.as_secs(), value_parser = clap::value_parser!(u64).range(1..))]
    soak: u64,
    /// `encoder` without the large model
    #[arg(long)]
    small: bool,
    /// Draw the last run of `encoder` instead of measuring it
    #[arg(long)]
    chart: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Measurement {
    Launch,
    Serve,
    Load,
    Models,
    Encoder,
    Attacks,
    #[cfg(target_os = "linux")]
    Tray,
}

/// What a measurement has done in a process of its own.
#[derive(Debug, Subcommand)]
enum Part {
    #[command(hide = true)]
    Piece { piece: Piece, folder: Option<PathBuf> },
    /// Keeps the bare libraries loaded, for [`bare::Bare`].
    #[command(hide = true)]
    Stay { folder: PathBuf },
    /// Keeps a library open, for [`encoder`].
    #[command(hide = true)]
    Keep(Kept),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.part {
        Some(Part::Piece { piece, folder }) => return pieces::run(piece, folder.as_deref()),
        Some(Part::Stay { folder }) => return bare::stay(&folder),
        Some(Part::Keep(kept)) => return encoder::library::stay(&kept),
        None => {}
    }
    for measurement in arguments.names {
        match measurement {
            Measurement::Launch => launch::run()?,
            Measurement::Serve => serve::run()?,
            Measurement::Load => load::run(Duration::from_secs(arguments.soak))?,
            Measurement::Models => models::run()?,
            Measurement::Encoder if arguments.chart => encoder::draw()?,
            Measurement::Encoder => encoder::run(!arguments.small)?,
            Measurement::Attacks => attacks::run()?,
            #[cfg(target_os = "linux")]
            Measurement::Tray => tray::run()?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_the_soak_may_stand_anywhere() {
        let read = |line: &str| {
            let words = std::iter::once("okibi-bench").chain(line.split_whitespace());
            Arguments::try_parse_from(words).map(|arguments| (arguments.soak, arguments.names))
        };
        assert_eq!(read("load").unwrap(), (300, vec![Measurement::Load]));
        assert_eq!(read("--soak 60 load").unwrap(), (60, vec![Measurement::Load]));
        assert_eq!(
            read("serve load --soak 5").unwrap(),
            (5, vec![Measurement::Serve, Measurement::Load])
        );
        for wrong in ["load --soak", "load --soak 0", "--soak load", ""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_encoder_is_measured_or_its_last_run_is_drawn() {
        let read = |line: &str| {
            let words = std::iter::once("okibi-bench").chain(line.split_whitespace());
            let arguments = Arguments::try_parse_from(words).unwrap();
            (arguments.names, arguments.small, arguments.chart)
        };
        let encoder = || vec![Measurement::Encoder];
        assert_eq!(read("encoder"), (encoder(), false, false));
        assert_eq!(read("encoder --small"), (encoder(), true, false));
        assert_eq!(read("--chart encoder"), (encoder(), false, true));
    }

    #[test]
    fn a_measurement_starts_its_parts_by_name() {
        let part = |words: &[&str]| Arguments::try_parse_from(words).unwrap().part.unwrap();
        assert!(matches!(
            part(&["okibi-bench", "piece", "session"]),
            Part::Piece {
                piece: Piece::Session,
                folder: None
            }
        ));
        assert!(matches!(
            part(&["okibi-bench", "stay", "/a/model"]),
            Part::Stay { .. }
        ));
        let kept = part(&["okibi-bench", "keep", "int8", "/a/model", "2", "--packed", "/b"]);
        assert!(matches!(
            kept,
            Part::Keep(Kept {
                library: encoder::library::Library::Int8,
                threads: 2,
                packed: Some(_),
                ..
            })
        ));
    }
}
