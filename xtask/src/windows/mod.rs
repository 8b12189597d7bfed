//! The Windows build's tests: its real executable through launch scenarios, under Wine or on Windows itself.
//!
//! Not part of the plain `cargo xtask test`, which does not need it. Sockets under Wine are the machine's own, so
//! the tests play the foreign program and the silent hub themselves.

mod needs;
mod program;
mod run;
mod runner;
mod scenarios;
mod stage;

use std::time::Instant;

use anyhow::{Result, bail, ensure};

use crate::{
    setup::{Platforms, setup},
    workspace::Workspace,
};
use runner::Runner;
use stage::Stage;

/// Runs the scenarios whose names contain one of `filters`; all of them without filters.
///
/// Errors: something that they need is missing, no scenario has such a name, or one fails.
pub(crate) fn test(filters: &[String]) -> Result<()> {
    let chosen: Vec<_> = scenarios::ALL
        .iter()
        .filter(|(name, _)| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str())))
        .collect();
    ensure!(
        !chosen.is_empty(),
        "no scenario is named like {}",
        filters.join(" or ")
    );
    let workspace = Workspace::find()?;
    let runner = Runner::find()?;
    let program = program::find(&workspace)?;
    setup(&workspace.assets(), Platforms::HostAndWindows)?;
    println!("running {} scenarios {runner}", chosen.len());
    let stage = Stage::set(&workspace, &program, runner)?;
    let mut failed = 0;
    for (name, play) in &chosen {
        let started = Instant::now();
        let ended = stage.scene(name).and_then(|scene| play(&scene));
        let seconds = started.elapsed().as_secs_f64();
        match ended {
            Ok(()) => println!("{name} ... ok ({seconds:.1} s)"),
            Err(error) => {
                failed += 1;
                println!("{name} ... FAILED ({seconds:.1} s)\n{error:#}\n");
            }
        }
    }
    println!("{} passed, {failed} failed", chosen.len() - failed);
    if failed > 0 {
        bail!("the Windows build fails {failed} of its scenarios");
    }
    Ok(())
}
