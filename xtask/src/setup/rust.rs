//! What some chores need of Rust beyond the toolchain of the project.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail};

use super::is_on_path;

/// Makes sure of the standard library for another system, by rustup.
///
/// Errors: it is missing and cannot be installed from here.
pub(crate) fn ensure_target(target: &str) -> Result<()> {
    if has_target(target)? {
        return Ok(());
    }
    let missing = format!("Rust's standard library for {target} is missing");
    rustup(&missing, &["target", "add", target])
}

/// Makes sure of a nightly toolchain, which has what is not stable yet.
///
/// Errors: as for a target.
pub(crate) fn ensure_nightly() -> Result<()> {
    let output = nightly("rustc").arg("--version").output();
    if output.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    let words = ["toolchain", "install", "nightly", "--profile", "minimal"];
    rustup("the nightly toolchain of Rust is missing", &words)
}

/// A program of the nightly toolchain.
pub(crate) fn nightly(program: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", program]);
    command
}

fn has_target(target: &str) -> Result<bool> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", target]);
    let output = rustc.output().context("run rustc")?;
    let folder = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && Path::new(folder.trim()).exists())
}

/// The system that this machine's programs are built for, as Rust calls it.
pub(crate) fn host() -> Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .context("run rustc -vV")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

/// Has rustup install what is missing, and says how where there is no rustup or it fails.
fn rustup(missing: &str, words: &[&str]) -> Result<()> {
    let advice = format!("rustup {}", words.join(" "));
    if !is_on_path("rustup") {
        bail!("{missing}, and rustup, which installs it, too; with rustup it is\n    {advice}");
    }
    println!("{missing}: {advice}");
    let status = Command::new("rustup").args(words).status();
    let status = status.with_context(|| format!("run {advice}"))?;
    if !status.success() {
        bail!(
            "{missing} and could not be installed: rustup ended with {status}\ninstall it with:\n    {advice}"
        );
    }
    Ok(())
}
