//! Real clients of other servers, from the package registries, and the tests that point them at Okibi.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    build,
    nextest::{self, Tests, TimedTest},
    setup::{self, checksum},
    steps::step_beside,
    ui,
    workspace::{Profile, Workspace},
};

/// What the pinned Python wheels are made for.
const PYTHON: (u32, u32) = (3, 11);

/// The clients, installed.
pub(crate) struct Clients {
    folder: PathBuf,
    /// OpenAI's vocabulary, which its Python library would download.
    vocabulary: PathBuf,
}

/// Points these clients at the daemon, and other programs that know nothing of it; returns the times of the tests.
pub(crate) fn test(workspace: &Workspace, clients: &Clients) -> Result<Vec<TimedTest>> {
    nextest::run(workspace, "clients", Tests::Prepared("clients"), |command| {
        command.env("OKIBI_TEST_CLIENTS", &clients.folder);
        command.env("OKIBI_TEST_VOCABULARY", &clients.vocabulary);
        build::name_programs(workspace, Profile::Debug, command)
    })
}

/// Points the clients at the daemon that are large to install, after installing them unless they are there.
pub(crate) fn test_heavy(workspace: &Workspace) -> Result<()> {
    let lock = workspace.tests().join("clients/python/requirements-heavy.txt");
    let folder = workspace.assets().join("clients/python-heavy");
    // Two of the packages are only published as sources.
    fill_once(&folder, &lock, |target, lock| pip_install(target, lock, &[]))?;
    let named = |command: &mut Command| {
        command.env("OKIBI_TEST_HEAVY_CLIENTS", &folder);
        build::name_programs(workspace, Profile::Debug, command)
    };
    nextest::run(
        workspace,
        "heavy clients",
        Tests::Prepared("heavy_clients"),
        named,
    )
    .map(drop)
}

/// Installs the clients, unless they are there; `None` where their pinned wheels do not fit this machine.
pub(crate) fn install(workspace: &Workspace) -> Result<Option<Clients>> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) || setup::python_version()? != PYTHON {
        println!(
            "the real clients are not tried: their pinned wheels are those of CPython {}.{} on Linux x86-64",
            PYTHON.0, PYTHON.1
        );
        return Ok(None);
    }
    setup::ensure_peers()?;
    setup::ensure_browser()?;
    let folder = workspace.assets().join("clients");
    let sources = workspace.tests().join("clients");
    fill_once(
        &folder.join("python"),
        &sources.join("python/requirements.txt"),
        |target, lock| pip_install(target, lock, &["--only-binary", ":all:"]),
    )?;
    fill_once(
        &folder.join("node"),
        &sources.join("node/package-lock.json"),
        |target, lock| {
            for file in ["package.json", "package-lock.json"] {
                fs::copy(lock.with_file_name(file), target.join(file))
                    .with_context(|| format!("copy {file}"))?;
            }
            let mut npm = ui::npm_in(target);
            step_beside("clients: JavaScript", npm.args(["ci", "--no-audit", "--no-fund"]))
        },
    )?;
    let vocabulary = vocabulary(workspace)?;
    Ok(Some(Clients { folder, vocabulary }))
}

/// Installs what a lock file lists into `target`. It lists everything, so that pip chooses nothing.
fn pip_install(target: &Path, lock: &Path, more: &[&str]) -> Result<()> {
    let mut pip = setup::pip()?;
    pip.args(["install", "--quiet", "--no-deps", "--require-hashes"])
        .args(more)
        .arg("--target")
        .arg(target)
        .arg("--requirement")
        .arg(lock);
    step_beside("clients: Python", &mut pip)
}

/// Fills `target` unless it was filled by this lock file.
fn fill_once(target: &Path, lock: &Path, fill: impl FnOnce(&Path, &Path) -> Result<()>) -> Result<()> {
    setup::once(&target.join(".stamp"), &checksum::sha256(lock)?, || {
        setup::remove_folder(target)?;
        fs::create_dir_all(target).with_context(|| format!("make {}", target.display()))?;
        fill(target, lock)
    })
}

/// The file with OpenAI's vocabulary: the library that reads its ids brings it along.
fn vocabulary(workspace: &Workspace) -> Result<PathBuf> {
    let output = workspace
        .cargo()
        .args(["metadata", "--format-version", "1"])
        .output()
        .context("run cargo metadata")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("read cargo metadata")?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let manifest = packages
        .filter(|package| package["name"] == "tiktoken-rs")
        .find_map(|package| package["manifest_path"].as_str())
        .context("tiktoken-rs is a dependency")?;
    Ok(PathBuf::from(manifest).with_file_name("assets/cl100k_base.tiktoken"))
}
