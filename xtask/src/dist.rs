//! The packages to install: `cargo xtask dist`.
//!
//! Tauri's bundler makes them around the tray app. What it cannot know from `tauri.conf.json`, because it is built or
//! fetched here, is passed to it in a second configuration: the command line as sidecar, ONNX Runtime, the embedded
//! model.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::{
    build::{OKIBI, TRAY},
    nextest::{self, Tests, TimedTest},
    setup::{self, checksum},
    steps::step,
    workspace::{Profile, Workspace},
};

/// Files that a package has beside the programs.
const NOTICES: [&str; 3] = ["LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.md"];

/// The icons that are kept of those Tauri makes.
const ICONS: [&str; 5] = [
    "32x32.png",
    "128x128.png",
    "128x128@2x.png",
    "icon.icns",
    "icon.ico",
];

/// Makes this system's package from the builds of the command line and the tray app, and returns its path.
pub(crate) fn bundle(workspace: &Workspace, profile: Profile) -> Result<PathBuf> {
    setup::ensure_bundler_tools()?;
    let (bundles, folder, ending) = match env::consts::OS {
        "linux" => ("deb", "deb", "deb"),
        "windows" => ("nsis", "nsis", "exe"),
        "macos" => ("app,dmg", "dmg", "dmg"),
        other => bail!("there is no package for {other}, only for Linux, Windows and macOS"),
    };
    let output = workspace.output_folder(None, profile)?;
    let stage = output.join("dist");
    fs::create_dir_all(&stage).with_context(|| format!("create {}", stage.display()))?;
    // The bundler wants a sidecar's file to end in the target, and takes the ending off.
    let staged = stage.join(format!("{OKIBI}-{}{}", target()?, env::consts::EXE_SUFFIX));
    let program = workspace.executable(OKIBI, profile)?;
    fs::copy(&program, &staged).with_context(|| format!("copy {}", program.display()))?;
    let config = stage.join("tauri.conf.json");
    let text = configuration(workspace, &stage.join(OKIBI))?.to_string();
    fs::write(&config, text).with_context(|| format!("write {}", config.display()))?;

    // So that no package of an earlier version is taken for this one's.
    let made = output.join("bundle");
    setup::remove_folder(&made)?;
    let mut command = tauri(workspace);
    command
        .args(["bundle", "--bundles", bundles, "--config"])
        .arg(&config);
    if profile == Profile::Debug {
        command.arg("--debug");
    }
    step("bundle", &mut command)?;
    let folder = made.join(folder);
    for file in fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
        let file = file?.path();
        if file.extension().is_some_and(|found| found == ending) {
            return Ok(file);
        }
    }
    bail!("the bundler made no package in {}", folder.display())
}

/// Installs the package away from the source tree and runs the tests that are about it; returns their times.
///
/// The package holds the builds of `profile`. Whatever they are optimized for, what is tested is that all is there.
pub(crate) fn test(workspace: &Workspace, profile: Profile) -> Result<Vec<TimedTest>> {
    let package = bundle(workspace, profile)?;
    let root = tempfile::Builder::new().prefix("okibi-installed-").tempdir();
    let root = root.context("make a folder to install the package in")?;
    install(&package, root.path())?;
    let programs = root.path().join("usr/bin");
    let tests = nextest::run(workspace, "package", Tests::Prepared("package"), |command| {
        command.env("OKIBI_TEST_BIN", programs.join(OKIBI));
        command.env("OKIBI_TEST_TRAY_BIN", programs.join(TRAY));
        Ok(())
    })?;
    describe(&package)?;
    Ok(tests)
}

/// Prints what was made: path, size, SHA-256.
pub(crate) fn describe(package: &Path) -> Result<()> {
    let size = package
        .metadata()
        .with_context(|| format!("read {}", package.display()))?
        .len();
    println!("{} ({:.1} MB)", package.display(), size as f64 / 1e6);
    println!("  sha256 {}", checksum::sha256(package)?);
    Ok(())
}

/// Returns what the bundler gets on top of `tauri.conf.json`.
fn configuration(workspace: &Workspace, sidecar: &Path) -> Result<Value> {
    let linux = cfg!(target_os = "linux");
    // Where the programs look for their assets: see `okibi`'s module `assets`.
    let (home, notices) = if linux {
        ("/usr/lib/okibi", "/usr/share/doc/okibi")
    } else {
        ("assets", "licenses")
    };
    let assets =
        setup::host_parts()?.map(|part| (workspace.assets().join(&part), Path::new(home).join(part)));
    let notices = NOTICES.map(|name| (workspace.root().join(name), Path::new(notices).join(name)));
    let slashes = |path: PathBuf| path.to_string_lossy().replace('\\', "/");
    let files: Map<String, Value> = assets
        .into_iter()
        .chain(notices)
        .map(|(source, inside)| {
            let (source, inside) = (slashes(source), slashes(inside));
            // The bundler's Debian part maps the other way round than its resources do.
            if linux {
                (inside, source.into())
            } else {
                (source, inside.into())
            }
        })
        .collect();
    let mut bundle = json!({ "externalBin": [sidecar] });
    if linux {
        bundle["linux"] = json!({ "deb": { "files": files } });
    } else {
        bundle["resources"] = files.into();
    }
    Ok(json!({ "bundle": bundle }))
}

/// Installs a Debian package below `root`, which is empty, without touching the system's own packages.
fn install(package: &Path, root: &Path) -> Result<()> {
    for folder in ["var/lib/dpkg/info", "var/lib/dpkg/updates"] {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    }
    let status = root.join("var/lib/dpkg/status");
    fs::write(&status, "").with_context(|| format!("write {}", status.display()))?;
    let mut command = Command::new("dpkg");
    // The libraries it depends on are the system's, which this root does not have; and a test needs no root rights.
    command.args(["--force-depends", "--force-not-root"]);
    command.arg(format!("--root={}", root.display()));
    step("install", command.arg("--install").arg(package))
}

/// Draws the icons of the programs from their SVG.
pub(crate) fn icons(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root().join("src-tauri/icons");
    let made = workspace.output_folder(None, Profile::Release)?.join("icons");
    let mut command = tauri(workspace);
    command.arg("icon").arg(folder.join("okibi.svg"));
    step("icons", command.arg("--output").arg(&made))?;
    for name in ICONS {
        let (from, to) = (made.join(name), folder.join(name));
        fs::copy(&from, &to).with_context(|| format!("copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}

/// Tauri's command line, which the pages' lock file pins.
fn tauri(workspace: &Workspace) -> Command {
    let mut command = workspace.command("node");
    command.arg(workspace.ui().join("node_modules/@tauri-apps/cli/tauri.js"));
    command
}

/// The target that cargo builds for, as rustc names it.
fn target() -> Result<String> {
    if let Ok(target) = env::var("CARGO_BUILD_TARGET") {
        return Ok(target);
    }
    setup::rust::host()
}
