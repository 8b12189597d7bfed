//! The packages to install: `cargo xtask dist`.
//!
//! Tauri's bundler makes those of Linux and macOS around the tray app, NSIS that of Windows. What it cannot know from `tauri.conf.json`, because it is built or
//! fetched here, is passed to it in a second configuration: the command line as sidecar, ONNX Runtime, the embedded
//! model, and on Linux what all of these need of the system.

pub(crate) mod contents;
mod requirements;

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
    setup::{self, checksum, is_on_path},
    steps::step,
    windows::installer,
    workspace::{Profile, Workspace, files_below},
};
use contents::beside_programs;

/// Files of `src-tauri` that desktops of Linux look for, with their places.
const DESKTOP_FILES: [(&str, &str); 2] = [
    (
        "linux/dev.okibi.Okibi.metainfo.xml",
        "/usr/share/metainfo/dev.okibi.Okibi.metainfo.xml",
    ),
    (
        "icons/okibi.svg",
        "/usr/share/icons/hicolor/scalable/apps/okibi-tray.svg",
    ),
];

/// The icons that are kept of those Tauri makes.
const ICONS: [&str; 5] = [
    "32x32.png",
    "128x128.png",
    "128x128@2x.png",
    "icon.icns",
    "icon.ico",
];

/// Makes this system's packages from the builds of the command line and the tray app, and returns their paths.
///
/// On Linux a `.deb` comes first, where the system has the packages that say what it needs, and then an `.rpm`.
pub(crate) fn bundle(workspace: &Workspace, profile: Profile) -> Result<Vec<PathBuf>> {
    if cfg!(windows) {
        let programs = [
            workspace.executable(OKIBI, profile)?,
            workspace.executable(TRAY, profile)?,
        ];
        return Ok(vec![installer::make(workspace, &programs, profile)?]);
    }
    setup::ensure_bundler_tools()?;
    // What the bundler makes, each with the folder and the ending of the package.
    let kinds: &[(&str, &str, &str)] = match env::consts::OS {
        "linux" if is_on_path("dpkg") => &[("deb", "deb", "deb"), ("rpm", "rpm", "rpm")],
        "linux" => &[("rpm", "rpm", "rpm")],
        "macos" => &[("app,dmg", "dmg", "dmg")],
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
    let text = configuration(workspace, &stage, profile)?.to_string();
    fs::write(&config, text).with_context(|| format!("write {}", config.display()))?;

    // So that no package of an earlier version is taken for this one's.
    let made = output.join("bundle");
    setup::remove_folder(&made)?;
    let names: Vec<_> = kinds.iter().map(|(name, ..)| *name).collect();
    let mut command = tauri(workspace);
    command
        .args(["bundle", "--bundles", &names.join(","), "--config"])
        .arg(&config);
    if profile == Profile::Debug {
        command.arg("--debug");
    }
    step("bundle", &mut command)?;
    let packages = kinds
        .iter()
        .map(|(_, folder, ending)| package_in(&made.join(folder), ending));
    packages.collect()
}

/// The file that the bundler has made in `folder`.
fn package_in(folder: &Path, ending: &str) -> Result<PathBuf> {
    for file in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
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
    setup::ensure_package_checks()?;
    let packages = bundle(workspace, profile)?;
    let [debian, rpm] = packages.as_slice() else {
        bail!("the tests are about a .deb and an .rpm");
    };
    let root = tempfile::Builder::new().prefix("okibi-installed-").tempdir();
    let root = root.context("make a folder to install the package in")?;
    install(debian, root.path())?;
    let programs = root.path().join("usr/bin");
    let tests = nextest::run(workspace, "package", Tests::Prepared("package"), |command| {
        command.env("OKIBI_TEST_BIN", programs.join(OKIBI));
        command.env("OKIBI_TEST_TRAY_BIN", programs.join(TRAY));
        command.env("OKIBI_TEST_DEB", debian);
        command.env("OKIBI_TEST_RPM", rpm);
        Ok(())
    })?;
    describe(&packages)?;
    Ok(tests)
}

/// Prints what was made: path, size, SHA-256.
pub(crate) fn describe(packages: &[PathBuf]) -> Result<()> {
    for package in packages {
        let size = package
            .metadata()
            .with_context(|| format!("read {}", package.display()))?
            .len();
        println!("{} ({:.1} MB)", package.display(), size as f64 / 1e6);
        println!("  sha256 {}", checksum::sha256(package)?);
    }
    Ok(())
}

/// Returns what the bundler gets on top of `tauri.conf.json`; `stage` has the sidecar.
fn configuration(workspace: &Workspace, stage: &Path, profile: Profile) -> Result<Value> {
    let sidecar = stage.join(OKIBI);
    let parts = setup::host_parts()?;
    if cfg!(target_os = "linux") {
        let files = beside_programs(workspace, &parts, "/usr/lib/okibi", "/usr/share/doc/okibi");
        let programs = programs(workspace, profile)?;
        let source = workspace.root().join("src-tauri");
        let desktop = DESKTOP_FILES.map(|(name, inside)| (source.join(name), PathBuf::from(inside)));
        // The bundler's Linux parts map the other way round than its resources do.
        let files: Map<String, Value> = files
            .into_iter()
            .chain(desktop)
            .map(|(source, inside)| (slashes(&inside), slashes(&source).into()))
            .collect();
        let mut rpm = json!({ "files": files, "depends": requirements::of_rpm(&programs)? });
        let mut linux = json!({});
        if is_on_path("dpkg") {
            let depends = requirements::of_debian(stage, &programs)?;
            linux["deb"] = json!({ "files": files, "depends": depends });
        }
        if profile == Profile::Debug {
            // A package that is only tried need not be small.
            rpm["compression"] = json!({ "type": "none" });
        }
        linux["rpm"] = rpm;
        return Ok(json!({ "bundle": { "externalBin": [sidecar], "linux": linux } }));
    }
    let files: Map<String, Value> = beside_programs(workspace, &parts, "assets", "licenses")
        .into_iter()
        .map(|(source, inside)| (slashes(&source), slashes(&inside).into()))
        .collect();
    Ok(json!({ "bundle": { "externalBin": [sidecar], "resources": files } }))
}

/// What is in the package and linked with libraries of the system.
fn programs(workspace: &Workspace, profile: Profile) -> Result<Vec<PathBuf>> {
    let mut programs = vec![
        workspace.executable(OKIBI, profile)?,
        workspace.executable(TRAY, profile)?,
    ];
    let [runtime, _] = setup::host_parts()?;
    let libraries = files_below(&workspace.assets().join(runtime), &[])?;
    programs.extend(
        libraries
            .into_iter()
            .filter(|file| file.extension().is_some_and(|ending| ending == "so")),
    );
    Ok(programs)
}

fn slashes(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of `src-tauri`, as text.
    fn text_of(name: &str) -> String {
        let path = Workspace::find().unwrap().root().join("src-tauri").join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn settings() -> Value {
        serde_json::from_str(&text_of("tauri.conf.json")).unwrap()
    }

    /// What follows a key in a property list.
    fn property<'a>(list: &'a str, key: &str) -> &'a str {
        let (_, rest) = list.split_once(&format!("<key>{key}</key>")).unwrap();
        rest.trim_start().lines().next().unwrap()
    }

    #[test]
    fn the_mac_app_is_in_the_menu_bar_and_may_open_its_library() {
        let mac = &settings()["bundle"]["macOS"];
        assert_eq!(property(&text_of("Info.plist"), "LSUIElement"), "<true/>");
        let entitlements = text_of(mac["entitlements"].as_str().unwrap());
        let key = "com.apple.security.cs.disable-library-validation";
        assert_eq!(property(&entitlements, key), "<true/>");
    }

    #[test]
    fn the_mac_app_asks_for_no_older_system_than_its_library() {
        let oldest = &settings()["bundle"]["macOS"]["minimumSystemVersion"];
        let runtime = setup::mac_runtime().unwrap();
        let (tag, library) = runtime;
        let version = oldest.as_str().unwrap().replace('.', "_");
        assert_eq!(tag, format!("macosx_{version}_arm64"));
        // Where the engine looks for it, without the version that its maker gives it.
        assert_eq!(library, "libonnxruntime.dylib");
    }

    #[test]
    fn every_icon_of_the_packages_is_there() {
        let settings = settings();
        let icons = settings["bundle"]["icon"].as_array().unwrap();
        let names: Vec<_> = icons.iter().filter_map(Value::as_str).collect();
        let folder = Workspace::find().unwrap().root().join("src-tauri");
        for ending in ["png", "icns", "ico"] {
            assert!(names.iter().any(|name| name.ends_with(ending)), "{ending}");
        }
        for name in names {
            assert!(folder.join(name).is_file(), "{name}");
        }
    }
}
