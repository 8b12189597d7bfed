//! The windows' pages: their packages, their build, their checks.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{
    setup::{self, checksum},
    steps::{step, step_beside},
    workspace::{Workspace, files_below},
};

/// What is checked, in the order in which it fails fastest.
const CHECKS: [&str; 4] = ["check", "lint", "test", "axe"];

/// Folders of `ui` whose content is made from the rest.
const MADE: [&str; 3] = ["node_modules", "dist", "dist-fake"];

/// Builds the pages, unless nothing has changed since they were built.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    ensure_packages(workspace)?;
    let folder = workspace.ui();
    let stamp = folder.join("dist/.stamp");
    setup::once(
        &stamp,
        &checksum::of_files(&files_below(&folder, &MADE)?)?,
        || step("pages", npm(workspace).args(["run", "build"])),
    )
}

/// Checks the pages: types, lints, tests, and accessibility in a browser. Leaves out what has passed on these sources.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let folder = workspace.ui();
    let sources = checksum::of_files(&files_below(&folder, &MADE)?)?;
    for check in CHECKS {
        // Among the packages, so that it goes when other packages are installed.
        let stamp = folder.join(format!("node_modules/.passed-{check}"));
        setup::once(&stamp, &sources, || {
            step_beside(&format!("pages: {check}"), npm(workspace).args(["run", check]))
        })?;
    }
    Ok(())
}

/// Installs the packages of the lock file, which has the hash of each, and what they run on.
pub(crate) fn ensure_packages(workspace: &Workspace) -> Result<()> {
    setup::ensure_app_tools()?;
    let folder = workspace.ui();
    let stamp = folder.join("node_modules/.stamp");
    let lock = checksum::sha256(&folder.join("package-lock.json"))?;
    setup::once(&stamp, &lock, || {
        step(
            "pages: packages",
            npm(workspace).args(["ci", "--no-audit", "--no-fund"]),
        )
    })
}

fn npm(workspace: &Workspace) -> Command {
    npm_in(&workspace.ui())
}

/// npm in a folder.
pub(crate) fn npm_in(folder: &Path) -> Command {
    // On Windows npm is a script, which only its full name starts.
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.current_dir(folder);
    command
}
