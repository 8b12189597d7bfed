//! The programs as a package installs them: with what came in the package, without the source tree.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use okibi_tests::{Machine, desktop::Desktop, okibi_binary};
use serde_json::Value;

/// What is in the package and linked with libraries of the system.
const LINKED: [&str; 4] = [
    "usr/bin/okibi",
    "usr/bin/okibi-tray",
    "libonnxruntime.so",
    "libonnxruntime_providers_shared.so",
];

const ENTRY: &str = "usr/share/applications/Okibi.desktop";
const METAINFO: &str = "usr/share/metainfo/dev.okibi.Okibi.metainfo.xml";

/// Where dpkg keeps what is installed.
const DPKG: &str = "var/lib/dpkg";

/// The folder that the package was installed below, in place of `/`.
fn root() -> PathBuf {
    okibi_binary().ancestors().nth(3).unwrap().to_owned()
}

/// The package that `variable` names.
fn package(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable}"))
        .into()
}

/// What a program says; it has to succeed.
fn said<A: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = A>) -> String {
    let output = Command::new(program)
        .args(args)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {text}{errors}");
    text
}

/// The files below a folder, by their paths from it.
fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(&inside).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found
}

/// The files that dpkg has installed below a root.
fn installed(root: &Path) -> BTreeSet<PathBuf> {
    let mut files = files_below(root);
    files.retain(|file| !file.starts_with(DPKG));
    files
}

/// The programs and libraries of the installed package that are linked with those of the system.
fn linked() -> Vec<PathBuf> {
    let root = root();
    let files = installed(&root).into_iter();
    let is_linked = |file: &PathBuf| LINKED.iter().any(|name| file.ends_with(name));
    let found: Vec<_> = files.filter(is_linked).map(|file| root.join(file)).collect();
    assert_eq!(found.len(), LINKED.len());
    found
}

/// The names of the libraries that a program or a library asks for.
fn libraries_of(program: &Path) -> Vec<String> {
    let text = said("readelf", [OsStr::new("--dynamic"), program.as_ref()]);
    let needed = text.lines().filter(|line| line.contains("(NEEDED)"));
    let name = |line: &str| Some(line.split_once('[')?.1.trim_end_matches(']').to_owned());
    needed.map(|line| name(line).unwrap()).collect()
}

/// The Debian package whose library of this name the loader of the system takes for `program`.
///
/// Debian has packages with another way to write the time under a new name that ends in t64, and that provide the old.
fn owner(library: &str, program: &Path) -> String {
    let found = said("ldd", [program]);
    let mut lines = found.lines().map(str::trim);
    let line = lines.find(|line| line.starts_with(library) || line.contains(&format!("/{library} ")));
    let path = line.and_then(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    let path = path.unwrap_or_else(|| panic!("{library}: {found}"));
    // The folder that holds a library may be known to dpkg by its older name.
    let other = path
        .strip_prefix("/usr")
        .map_or(format!("/usr{path}"), str::to_owned);
    let owners = [path, &other].map(|path| {
        let output = Command::new("dpkg").args(["--search", path]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    });
    let owners = owners.concat();
    let name = owners.split(':').next().unwrap();
    assert!(!name.is_empty(), "no package has {path}");
    name.trim_end_matches("t64").to_owned()
}

/// Runs dpkg on the root of a test's own.
fn dpkg(root: &Path, action: &str, what: impl AsRef<OsStr>) {
    let mut args: Vec<_> = ["--force-depends", "--force-not-root"].map(Into::into).into();
    args.push(format!("--root={}", root.display()).into());
    args.extend([action.into(), what.as_ref().to_owned()]);
    said("dpkg", args);
}

/// Makes the package of an older version, which had a file more, and returns it with its version and that file.
fn older(package: &Path, folder: &Path) -> (PathBuf, &'static str, &'static str) {
    let (version, gone) = ("0.0.1", "usr/lib/okibi/models/an-older-one/config.json");
    let unpacked = folder.join("older");
    said(
        "dpkg-deb",
        [OsStr::new("--raw-extract"), package.as_ref(), unpacked.as_ref()],
    );
    let control = unpacked.join("DEBIAN/control");
    let text = fs::read_to_string(&control).unwrap();
    let lines = text.lines().map(|line| match line.starts_with("Version: ") {
        true => format!("Version: {version}\n"),
        false => format!("{line}\n"),
    });
    fs::write(&control, lines.collect::<String>()).unwrap();
    fs::create_dir_all(unpacked.join(gone).parent().unwrap()).unwrap();
    fs::write(unpacked.join(gone), "{}").unwrap();
    let made = folder.join("older.deb");
    let args = ["--root-owner-group", "-Znone", "--build"].map(OsStr::new);
    said(
        "dpkg-deb",
        args.into_iter().chain([unpacked.as_ref(), made.as_ref()]),
    );
    (made, version, gone)
}

#[tokio::test]
#[ignore = "about an installed package, which `cargo xtask dist --test` makes and installs"]
async fn the_installed_app_starts_its_own_daemon_without_any_variable() {
    let mut desktop = Desktop::new().await;
    for variable in ["ASSETS", "DATA_DIR", "CACHE_DIR", "CONFIG", "PORT"] {
        desktop.machine.unset(&format!("OKIBI_{variable}"));
    }
    let port = desktop.machine.port().to_string();
    let settings = desktop.machine.path("config/okibi");
    fs::create_dir_all(&settings).unwrap();
    let text = format!("port = {port}\nstart_daemon = false\nlang = \"en\"\n");
    fs::write(settings.join("config.toml"), text).unwrap();

    let tray = desktop.tray().await;
    desktop.press(&tray, "Start").await;
    desktop.state(&tray, "Ready: multilingual-e5-small").await;
    let embedded = desktop
        .machine
        .run(["embed", "熾火", "--input-type", "document", "--port", &port])
        .await;
    let line: Value = serde_json::from_slice(&embedded.expect(0).stdout).unwrap();
    assert_eq!(line["vector"].as_array().unwrap().len(), 384);
    assert_eq!(line["tokens"], 7);
    desktop.press(&tray, "Stop the daemon and quit").await;
    assert!(tray.ended().await.success());
    desktop.machine.nothing_left().await;
}

#[test]
#[ignore = "about an installed package, which `cargo xtask dist --test` makes and installs"]
fn the_desktop_finds_the_app_its_icon_and_the_licenses() {
    let root = root();
    let path = root.join(ENTRY);
    assert_eq!(said("desktop-file-validate", [&path]), "");
    let entry = fs::read_to_string(&path).unwrap();
    let value = |key: &str| {
        let line = entry
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{key}=")));
        line.unwrap_or_else(|| panic!("no {key} in {entry}")).to_owned()
    };
    assert_eq!(value("Name"), "Okibi");
    assert_eq!(
        value("Comment[ja]"),
        "ローカル検索用のテキスト埋め込みモデルを常駐させます"
    );
    for key in ["Name", "GenericName", "Comment", "Keywords"] {
        assert_ne!(value(key), "");
        assert_ne!(value(&format!("{key}[ja]")), "");
    }
    assert_eq!(value("Categories"), "Utility;");
    assert!(root.join("usr/bin").join(value("Exec")).is_file());
    for file in ["32x32/apps/{}.png", "128x128/apps/{}.png", "scalable/apps/{}.svg"] {
        let file = file.replace("{}", &value("Icon"));
        assert!(
            root.join("usr/share/icons/hicolor").join(&file).is_file(),
            "{file}"
        );
    }
    for notice in ["LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.md"] {
        assert!(
            root.join("usr/share/doc/okibi").join(notice).is_file(),
            "{notice}"
        );
    }
}

#[tokio::test]
#[ignore = "about an installed package, which `cargo xtask dist --test` makes and installs"]
async fn the_desktop_knows_that_the_windows_are_the_apps() {
    let entry = fs::read_to_string(root().join(ENTRY)).unwrap();
    let class = entry
        .lines()
        .find_map(|line| line.strip_prefix("StartupWMClass="));
    let desktop = Desktop::new().await;
    desktop
        .machine
        .write_config("start_daemon = false\nlang = \"en\"\n");
    let tray = desktop.tray().await;
    desktop.press(&tray, "Status…").await;
    desktop.window("Okibi – Status").await;
    let classes = desktop.classes("Okibi – Status");
    assert!(
        classes.iter().any(|found| Some(found.as_str()) == class),
        "{classes:?}"
    );
    tray.kill().await;
}

#[test]
#[ignore = "about an installed package, which `cargo xtask dist --test` makes and installs"]
fn software_centers_find_what_the_app_is() {
    let path = root().join(METAINFO);
    said(
        "appstreamcli",
        ["validate", "--no-net", "--no-color"]
            .map(OsStr::new)
            .into_iter()
            .chain([path.as_ref()]),
    );
    let text = fs::read_to_string(&path).unwrap();
    let launched = text.split_once("<launchable type=\"desktop-id\">").unwrap().1;
    let (launched, _) = launched.split_once('<').unwrap();
    assert_eq!(Path::new(ENTRY).file_name(), Some(launched.as_ref()));
    // The same sentence in the menu and in the software center.
    let entry = fs::read_to_string(root().join(ENTRY)).unwrap();
    for (key, element) in [
        ("Comment=", "<summary>"),
        ("Comment[ja]=", "<summary xml:lang=\"ja\">"),
    ] {
        let sentence = entry.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        assert!(text.contains(&format!("{element}{sentence}</summary>")), "{key}");
    }
}

#[test]
#[ignore = "about an installed package, which `cargo xtask dist --test` makes and installs"]
fn the_debian_package_depends_on_exactly_what_its_programs_are_linked_with() {
    let deb = package("OKIBI_TEST_DEB");
    let depends = said(
        "dpkg-deb",
        [OsStr::new("--field"), deb.as_ref(), "Depends".as_ref()],
    );
    let name = |package: &str| package.split_whitespace().next().unwrap().to_owned();
    let named: Vec<_> = depends
        .trim()
        .split(", ")
        .map(|package| name(package).trim_end_matches("t64").to_owned())
        .collect();
    let needed: BTreeSet<_> = linked()
        .iter()
        .flat_map(|program| {
            libraries_of(program)
                .into_iter()
                .map(|library| owner(&library, program))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(BTreeSet::from_iter(named.clone()), needed);
    assert_eq!(named.len(), needed.len(), "a package is named twice: {depends}");
    assert!(
        depends.contains("libc6 (>= "),
        "without the oldest version: {depends}"
    );
}

#[tokio::test]
#[ignore = "about an installed package, which `cargo xtask dist --test` makes and installs"]
async fn a_daemon_lives_through_an_upgrade_and_removal_leaves_only_the_users_data() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    for inside in ["info", "updates"] {
        fs::create_dir_all(root.join(DPKG).join(inside)).unwrap();
    }
    fs::write(root.join(DPKG).join("status"), "").unwrap();
    let version = || {
        let root = format!("--root={}", root.display());
        said(
            "dpkg-query",
            [&root, "--show", "--showformat=${Version}", "okibi"],
        )
    };
    let deb = package("OKIBI_TEST_DEB");
    let (older, its_version, gone) = older(&deb, folder.path());
    dpkg(&root, "--install", older);
    assert_eq!(version(), its_version);
    assert!(root.join(gone).is_file());

    let machine = Machine::new().without("OKIBI_ASSETS");
    let okibi = root.join("usr/bin/okibi");
    let run = async |args: &[&str]| {
        let output = machine.command_of(&okibi).args(args).output().await.unwrap();
        assert!(output.status.success(), "okibi {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["start"]).await;
    let pid = machine.status().await.pid;
    let vector = run(&["embed", "熾火"]).await;

    dpkg(&root, "--install", &deb);
    assert_ne!(version(), its_version);
    assert!(!root.join(gone).exists(), "a file of the older version is left");
    // The daemon still has the older one's model in memory, whose file has another one's name now.
    assert_eq!(run(&["embed", "熾火"]).await, vector);
    assert_eq!(machine.status().await.pid, pid);
    run(&["stop"]).await;
    machine.nothing_left().await;
    // And the new one works as well.
    run(&["start"]).await;
    assert_eq!(run(&["embed", "熾火"]).await, vector);
    run(&["stop"]).await;
    machine.nothing_left().await;

    dpkg(&root, "--remove", "okibi");
    let left: Vec<_> = fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["var"], "what dpkg has of its own");
    assert_eq!(installed(&root), BTreeSet::new());
    assert!(machine.log_file().is_file(), "the user's log is gone");
}

#[test]
#[ignore = "about an installed package, which `cargo xtask dist --test` makes and installs"]
fn the_rpm_package_has_the_same_files_and_asks_for_the_libraries() {
    let rpm = package("OKIBI_TEST_RPM");
    let folder = tempfile::tempdir().unwrap();
    let script = "rpm2cpio \"$1\" | (cd \"$2\" && cpio --extract --make-directories --quiet)";
    said(
        "sh",
        ["-c", script, "sh"]
            .map(OsStr::new)
            .into_iter()
            .chain([rpm.as_ref(), folder.path().as_ref()]),
    );
    let root = root();
    let files = files_below(folder.path());
    assert_eq!(files, installed(&root));
    for file in &files {
        let (one, other) = (folder.path().join(file), root.join(file));
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
        assert_eq!(mode(&one), mode(&other), "{}", file.display());
        // The bundler writes into the tray app which kind of package it came in.
        if !file.ends_with("okibi-tray") {
            let is_same = fs::read(&one).unwrap() == fs::read(&other).unwrap();
            assert!(is_same, "{}", file.display());
        }
    }
    let asked = |what: &str| said("rpm", [OsStr::new("-qp"), what.as_ref(), rpm.as_ref()]);
    let requires = asked("--requires");
    let libraries: BTreeSet<_> = linked()
        .iter()
        .flat_map(|program| libraries_of(program))
        .collect();
    for library in &libraries {
        let line = format!("{library}()(64bit)");
        assert!(requires.lines().any(|found| found == line), "no {library}");
    }
    for line in requires.lines().filter(|line| !line.starts_with("rpmlib(")) {
        let (library, _) = line.split_once('(').unwrap();
        assert!(libraries.contains(library), "nothing is linked with {line}");
    }
    let has_version = |line: &str| line.starts_with("libc.so.6(GLIBC_2.");
    assert!(requires.lines().any(has_version), "without a version: {requires}");
}
