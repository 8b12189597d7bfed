//! `cargo xtask bench NAME…`: measures Okibi and the bare libraries in the same run, and prints ratios.
//!
//! - `launch`: from `okibi start` to ready, and its pieces; the handover gap; `okibi status`
//! - `serve`: one query, two thousand texts, memory
//! - `load`: requests per second, a query beside a bulk job, a soak of five minutes or of `--soak SECONDS`
//! - `models`: load, memory, query and bulk of the embedded model and of one of the shape of `ruri-v3-310m`; a switch
//!   from one to the other. Makes the large one once, in `target/bench-models`: 1.3 GB
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

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use crate::pieces::Piece;

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
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Measurement {
    Launch,
    Serve,
    Load,
    Models,
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
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.part {
        Some(Part::Piece { piece, folder }) => return pieces::run(piece, folder.as_deref()),
        Some(Part::Stay { folder }) => return bare::stay(&folder),
        None => {}
    }
    for measurement in arguments.names {
        match measurement {
            Measurement::Launch => launch::run()?,
            Measurement::Serve => serve::run()?,
            Measurement::Load => load::run(Duration::from_secs(arguments.soak))?,
            Measurement::Models => models::run()?,
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
    }
}
