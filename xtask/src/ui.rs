//! The windows' pages: their packages, their build, their checks.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    setup::{self, checksum},
    workspace::{Workspace, step},
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
    setup::once(&stamp, &sources_digest(&folder)?, || {
        step("pages", npm(workspace).args(["run", "build"]))
    })
}

/// Checks the pages: types, lints, tests, and accessibility in a browser.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    for check in CHECKS {
        step(&format!("pages: {check}"), npm(workspace).args(["run", check]))?;
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

/// Names the content of every source file.
fn sources_digest(folder: &Path) -> Result<String> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    files.sort();
    let mut lines = String::new();
    for file in files {
        lines.push_str(&format!("{} {}\n", checksum::sha256(&file)?, file.display()));
    }
    Ok(lines)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if !path.is_dir() {
            files.push(path);
        } else if !MADE.iter().any(|made| path.ends_with(made)) {
            list(&path, files)?;
        }
    }
    Ok(())
}
