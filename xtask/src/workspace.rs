//! Where the workspace is, and cargo and the project's programs run inside it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The optimisation that a program is built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Debug,
    Release,
}

/// The folders that the chores work in.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The workspace that this program belongs to.
    pub(crate) fn find() -> Result<Self> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = package
            .parent()
            .context("the package xtask stands at the root of the file system")?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// The root of the source tree.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The git-ignored folder with the runtime and the model.
    pub(crate) fn assets(&self) -> PathBuf {
        self.root.join("assets")
    }

    /// The folder of the windows' pages.
    pub(crate) fn ui(&self) -> PathBuf {
        self.root.join("ui")
    }

    /// The fuzzer's package.
    pub(crate) fn fuzz(&self) -> PathBuf {
        self.root.join("fuzz")
    }

    /// The folder of the end-to-end tests.
    pub(crate) fn tests(&self) -> PathBuf {
        self.root.join("tests")
    }

    /// The folder of the documentation's pictures.
    pub(crate) fn screenshots(&self) -> PathBuf {
        self.root.join("docs/screenshots")
    }

    /// The cargo that started this program, at the root and with the assets in its environment.
    pub(crate) fn cargo(&self) -> Command {
        self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// A program started at the root, with the assets in its environment.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("OKIBI_ASSETS", self.assets());
        command
    }

    /// The embedded model's reference: texts with their vectors.
    pub(crate) fn embedded_reference(&self) -> PathBuf {
        self.root
            .join("tests/data/multilingual-e5-small-q4-reference.json")
    }

    /// Where cargo puts the executable `name`, wherever the environment and its configuration send it.
    pub(crate) fn executable(&self, name: &str, profile: Profile) -> Result<PathBuf> {
        let folder = self.output_folder(None, profile)?;
        Ok(folder.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
    }

    /// Where cargo puts what it builds for `target`; for the usual one where none is given.
    pub(crate) fn output_folder(&self, target: Option<&str>, profile: Profile) -> Result<PathBuf> {
        let mut command = self.cargo();
        let output = command
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output();
        let output = output.with_context(|| format!("run {command:?}"))?;
        if !output.status.success() {
            bail!(
                "cargo metadata failed:\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let metadata: Value = serde_json::from_slice(&output.stdout).context("read cargo's metadata")?;
        let root = metadata["target_directory"]
            .as_str()
            .context("cargo names no target directory")?;
        let mut folder = PathBuf::from(root);
        match target {
            Some(target) => folder.push(target),
            None => folder.extend(env::var_os("CARGO_BUILD_TARGET")),
        }
        folder.push(match profile {
            Profile::Debug => "debug",
            Profile::Release => "release",
        });
        Ok(folder)
    }
}

/// Runs one step of a chore and says how long it took.
///
/// Errors: the command does not start or ends with anything but success.
pub(crate) fn step(name: &str, command: &mut Command) -> Result<()> {
    println!("==> {name}");
    let started = Instant::now();
    let status = command.status().with_context(|| format!("run {command:?}"))?;
    let seconds = started.elapsed().as_secs_f64();
    if !status.success() {
        bail!("{name} failed after {seconds:.1} s ({status})");
    }
    println!("==> {name}: {seconds:.1} s");
    Ok(())
}
