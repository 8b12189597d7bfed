//! What the programs of a Linux package need of the system, read from the programs themselves.
//!
//! Tauri's bundler names only what every Tauri app is built on, and nobody would notice a library that is no longer
//! used, or a newer C library that the build machine has linked. What is opened later by its name is not seen here; of
//! the tray app that is Xlib, which GTK brings with it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// The Debian packages that Tauri's bundler names by itself, and the libraries in them, which it names for RPM.
const NAMED_BY_TAURI: [&str; 4] = [
    "libwebkit2gtk-4.1-0",
    "libgtk-3-0",
    "libwebkit2gtk-4.1.so.0()(64bit)",
    "libgtk-3.so.0()(64bit)",
];

/// A source package, which `dpkg-shlibdeps` wants to see before it says what executables need.
const CONTROL: &str = "Source: okibi\n\nPackage: okibi\nArchitecture: any\n";

/// Returns the Debian packages, with their oldest versions, that these programs and libraries are linked with.
///
/// `folder` is for what the command wants to find on disk.
pub(super) fn of_debian(folder: &Path, programs: &[PathBuf]) -> Result<Vec<String>> {
    let debian = folder.join("debian");
    fs::create_dir_all(&debian).with_context(|| format!("create {}", debian.display()))?;
    let control = debian.join("control");
    fs::write(&control, CONTROL).with_context(|| format!("write {}", control.display()))?;
    let mut command = Command::new("dpkg-shlibdeps");
    command.current_dir(folder).arg("-O").args(programs);
    let said = output(&mut command)?;
    Ok(debian_packages(&said))
}

/// Reads what `dpkg-shlibdeps -O` says.
fn debian_packages(said: &str) -> Vec<String> {
    let lists = said
        .lines()
        .filter_map(|line| line.strip_prefix("shlibs:Depends="));
    lists
        .flat_map(|list| list.split(", "))
        .filter(|package| {
            let name = package.split(' ').next().unwrap_or_default();
            !NAMED_BY_TAURI.contains(&name)
        })
        .map(str::to_owned)
        .collect()
}

/// Returns the libraries with their versions, as RPM's own generator names them on every distribution, that these
/// 64-bit programs and libraries are linked with.
pub(super) fn of_rpm(programs: &[PathBuf]) -> Result<Vec<String>> {
    let mut found = BTreeSet::<String>::new();
    for program in programs {
        let mut command = Command::new("readelf");
        command
            .env("LC_ALL", "C")
            .args(["--wide", "--dynamic", "--version-info"]);
        found.extend(rpm_capabilities(&output(command.arg(program))?));
    }
    found.retain(|library| !NAMED_BY_TAURI.contains(&library.as_str()));
    Ok(found.into_iter().collect())
}

/// Reads what `readelf --wide --dynamic --version-info` says of a 64-bit file.
fn rpm_capabilities(said: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut library = None;
    for line in said.lines() {
        let (_, needed) = line.split_once("(NEEDED)").unwrap_or_default();
        if let Some((_, name)) = needed.split_once('[') {
            found.insert(format!("{}()(64bit)", name.trim_end_matches(']')));
        } else if let Some((_, name)) = line.split_once("  File: ") {
            library = name.split_whitespace().next();
        } else if let (Some(library), Some((_, name))) = (library, line.split_once("  Name: ")) {
            let version = name.split_whitespace().next().unwrap_or_default();
            found.insert(format!("{library}({version})(64bit)"));
        }
    }
    found
}

/// What `command` says, where it succeeds.
fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).with_context(|| format!("what {command:?} says is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tauri_names_is_not_named_twice() {
        let said = "shlibs:Depends=libc6 (>= 2.35), libgtk-3-0 (>= 3.21.5), libsoup-3.0-0 (>= 3.0.3)\n";
        assert_eq!(
            debian_packages(said),
            ["libc6 (>= 2.35)", "libsoup-3.0-0 (>= 3.0.3)"]
        );
    }

    #[test]
    fn libraries_and_their_versions_are_read() {
        let said = "\
 0x0000000000000001 (NEEDED)             Shared library: [libgtk-3.so.0]
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
 0x000000000000000e (SONAME)             Library soname: [libown.so]

Version definition section '.gnu.version_d' contains 1 entry:
  000000: Rev: 1  Flags: BASE  Index: 1  Cnt: 1  Name: libown.so

Version needs section '.gnu.version_r' contains 1 entry:
 Addr: 0x0000000000001c80  Offset: 0x001c80  Link: 6 (.dynstr)
  000000: Version: 1  File: libc.so.6  Cnt: 2
  0x0010:   Name: GLIBC_2.34  Flags: none  Version: 4
  0x0020:   Name: GLIBC_2.2.5  Flags: none  Version: 3
";
        let found: Vec<_> = rpm_capabilities(said).into_iter().collect();
        assert_eq!(
            found,
            [
                "libc.so.6()(64bit)",
                "libc.so.6(GLIBC_2.2.5)(64bit)",
                "libc.so.6(GLIBC_2.34)(64bit)",
                "libgtk-3.so.0()(64bit)"
            ]
        );
    }
}
