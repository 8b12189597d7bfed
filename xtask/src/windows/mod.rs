//! The Windows build: its installer, and its tests, the real executable through launch scenarios, under Wine or on
//! Windows itself.
//!
//! Not part of the plain `cargo xtask test`, which does not need it. Sockets under Wine are the machine's own, so
//! the tests play the foreign program and the silent hub themselves.

mod installed;
pub(crate) mod installer;
mod needs;
mod program;
mod run;
mod runner;
mod scenarios;
mod stage;

use std::{path::PathBuf, time::Instant};

use anyhow::{Result, bail, ensure};

use crate::{
    build::{OKIBI, TRAY},
    setup::{Platforms, setup},
    steps::timed,
    ui,
    workspace::{Profile, Workspace},
};
use runner::Runner;
use stage::Stage;

/// Makes the installer and returns its path; where it `is_tried`, also installs it in Wine and removes it again.
///
/// Errors: something that this needs is missing, or what is installed does not work or is not removed.
pub(crate) fn package(profile: Profile, is_tried: bool) -> Result<PathBuf> {
    let workspace = Workspace::find()?;
    let runner = is_tried.then(Runner::find).transpose()?;
    ensure!(
        !matches!(runner, Some(Runner::Itself)),
        "the installer is tried under Wine only: here it would change the user's own programs"
    );
    setup(&workspace.assets(), Platforms::HostAndWindows)?;
    ui::build(&workspace)?;
    let programs = [
        program::find(&workspace, OKIBI, profile)?,
        program::find(&workspace, TRAY, profile)?,
    ];
    let installer = installer::make(&workspace, &programs, profile)?;
    if let Some(runner) = runner {
        println!("installing it {runner}");
        let stage = Stage::with_installer(&workspace, &installer, runner)?;
        let scene = stage.scene("installed")?;
        timed("installed", || installed::test(&scene, &workspace.version()?))?;
    }
    Ok(installer)
}

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
    let program = program::find(&workspace, OKIBI, Profile::Debug)?;
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
