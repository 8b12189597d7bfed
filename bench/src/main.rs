//! `cargo xtask bench NAME…`: measures Okibi beside the bare libraries, in the same run, as ratios.
//!
//! - `launch`: from `okibi start` to ready, and its pieces; the handover gap; `okibi status`
//! - `serve`: one query, two thousand texts, memory
//! - `load`: requests per second, a query beside a bulk job, a soak of five minutes
//! - `tray` (Linux): the tray app's start, memory and rest
//!
//! Each prints a table and writes `target/bench/NAME.json`. Figures are of the machine they were taken on, and move
//! with whatever else runs there.

mod corpus;
mod daemon;
mod launch;
mod load;
mod pieces;
mod report;
mod serve;
#[cfg(target_os = "linux")]
mod tray;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["piece", piece] = names[..] {
        return pieces::run(piece);
    }
    if names.is_empty() {
        bail!("name at least one of: launch, serve, load, tray");
    }
    for name in names {
        match name {
            "launch" => launch::run()?,
            "serve" => serve::run()?,
            "load" => load::run()?,
            #[cfg(target_os = "linux")]
            "tray" => tray::run()?,
            other => {
                bail!("there is no measurement {other:?}; there are: launch, serve, load, and on Linux tray")
            }
        }
    }
    Ok(())
}
