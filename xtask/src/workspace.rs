//! Where the workspace is, and cargo and the project's programs run inside it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The optimization that a program is built with.
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

    /// A file's path below the root, with `/` on every system.
    pub(crate) fn name_of(&self, file: &Path) -> String {
        let path = file.strip_prefix(&self.root).unwrap_or(file);
        path.to_string_lossy().replace('\\', "/")
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

    /// What cargo knows of the workspace's own packages.
    fn metadata(&self) -> Result<Value> {
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
        serde_json::from_slice(&output.stdout).context("read cargo's metadata")
    }

    /// The version of all packages.
    pub(crate) fn version(&self) -> Result<String> {
        let metadata = self.metadata()?;
        let version = metadata["packages"][0]["version"].as_str();
        Ok(version.context("cargo names no version")?.to_owned())
    }

    /// The root file of every library and program of the workspace.
    pub(crate) fn crate_roots(&self) -> Result<Vec<PathBuf>> {
        let metadata = self.metadata()?;
        let packages = metadata["packages"].as_array().into_iter().flatten();
        let targets = packages.flat_map(|package| package["targets"].as_array().into_iter().flatten());
        let is_shipped = |target: &&Value| {
            let mut kinds = target["kind"].as_array().into_iter().flatten();
            kinds.any(|kind| kind == "lib" || kind == "bin")
        };
        let roots = targets
            .filter(is_shipped)
            .filter_map(|target| target["src_path"].as_str());
        Ok(roots.map(PathBuf::from).collect())
    }

    /// The folders of the workspace's packages that the package `name` is compiled from, its own included.
    pub(crate) fn folders_of(&self, name: &str) -> Result<Vec<PathBuf>> {
        let metadata = self.metadata()?;
        let packages = metadata["packages"].as_array().into_iter().flatten();
        let packages: Vec<&Value> = packages.collect();
        let mut names = vec![name];
        let mut folders = Vec::new();
        let mut next = 0;
        while let Some(name) = names.get(next).copied() {
            next += 1;
            let package = packages.iter().find(|package| package["name"] == name);
            let package = package.with_context(|| format!("the workspace has no package {name}"))?;
            let manifest = package["manifest_path"]
                .as_str()
                .context("cargo names no manifest")?;
            folders.push(Path::new(manifest).with_file_name(""));
            let dependencies = package["dependencies"].as_array().into_iter().flatten();
            let is_inside =
                |dependency: &&Value| dependency["path"].is_string() && dependency["kind"].is_null();
            let inside = dependencies.filter(is_inside);
            for name in inside.filter_map(|dependency| dependency["name"].as_str()) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        Ok(folders)
    }

    /// Every Rust file of the source tree, tests included.
    pub(crate) fn rust_sources(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for folder in ["bench", "crates", "fuzz", "src-tauri", "tests", "xtask"] {
            found.extend(files_below(&self.root.join(folder), &["target"])?);
        }
        found.retain(|file| file.extension().is_some_and(|ending| ending == "rs"));
        Ok(found)
    }

    /// Where cargo puts the executable `name`, wherever the environment and its configuration send it.
    pub(crate) fn executable(&self, name: &str, profile: Profile) -> Result<PathBuf> {
        let folder = self.output_folder(None, profile)?;
        Ok(folder.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
    }

    /// Where cargo puts what it builds for `target`; for the usual one where none is given.
    pub(crate) fn output_folder(&self, target: Option<&str>, profile: Profile) -> Result<PathBuf> {
        let metadata = self.metadata()?;
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

/// Every file below `folder`, sorted; folders that have one of the names in `skipped` are left out.
pub(crate) fn files_below(folder: &Path, skipped: &[&str]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if !path.is_dir() {
                files.push(path);
            } else if !skipped.iter().any(|name| path.ends_with(name)) {
                folders.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
