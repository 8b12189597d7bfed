//! The builds of the workspace.

use std::process::Command;

use anyhow::Result;

use crate::{
    compiler,
    steps::step,
    workspace::{Profile, Workspace},
};

/// The headless executable: command line and daemon.
pub(crate) const OKIBI: &str = "okibi";
/// The tray app.
pub(crate) const TRAY: &str = "okibi-tray";
/// The program that measures them.
pub(crate) const BENCH: &str = "okibi-bench";

/// Builds everything that the tests run and start; lints and documents it on the way, with every warning an error.
pub(crate) fn debug(workspace: &Workspace) -> Result<()> {
    let mut build = workspace.cargo();
    compiler::check_with(workspace, &mut build)?;
    step(
        "lints, documentation, build",
        build.args(["build", "--workspace", "--all-targets"]),
    )
}

/// Builds these packages as users get them: in one build, so that they share libraries with the same features.
pub(crate) fn release(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    let mut build = workspace.cargo();
    build.args(["build", "--release"]);
    for package in packages {
        build.args(["--package", package]);
    }
    step("release build", &mut build)
}

/// Adds to the environment of `command` the programs that tests and measurements start.
pub(crate) fn name_programs(workspace: &Workspace, profile: Profile, command: &mut Command) -> Result<()> {
    command.env("OKIBI_TEST_BIN", workspace.executable(OKIBI, profile)?);
    command.env("OKIBI_TEST_TRAY_BIN", workspace.executable(TRAY, profile)?);
    Ok(())
}
