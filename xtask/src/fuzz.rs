//! The fuzzer: installed once, and run for the requested time.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use crate::{steps::step, workspace::Workspace};

/// Seconds of a run by default.
pub(crate) const SECONDS: u64 = 600;

/// The version of cargo-fuzz.
const VERSION: &str = "0.13.1";

/// The compiler that knows instrumentation.
const TOOLCHAIN: &str = "nightly";

/// Runs the fuzzer for this many seconds. Without a nightly compiler it is skipped with a message, or an error if `required`.
pub(crate) fn run(workspace: &Workspace, seconds: u64, required: bool) -> Result<()> {
    if !has_nightly() {
        if required {
            bail!("the fuzzer needs a nightly compiler: rustup toolchain install {TOOLCHAIN}");
        }
        println!("the fuzzer is skipped: there is no nightly compiler");
        return Ok(());
    }
    let program = ensure(workspace)?;
    let mut fuzz = Command::new(program);
    fuzz.current_dir(workspace.fuzz());
    fuzz.env("RUSTUP_TOOLCHAIN", TOOLCHAIN)
        .env_remove("CARGO_TARGET_DIR");
    // Safe Rust has no use for the address sanitizer, without which it builds and runs much faster.
    fuzz.args([
        "fuzz",
        "run",
        "--fuzz-dir",
        ".",
        "--sanitizer",
        "none",
        "requests",
        "--",
    ]);
    fuzz.arg(format!("-max_total_time={seconds}"));
    fuzz.args(["-timeout=10", "-rss_limit_mb=4096"]);
    step("fuzz", &mut fuzz)
}

fn has_nightly() -> bool {
    let output = Command::new("rustup").args(["toolchain", "list"]).output();
    output.is_ok_and(|output| {
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().any(|line| line.starts_with(TOOLCHAIN))
    })
}

/// cargo-fuzz, installed among the assets.
fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let root = workspace.assets().join("tools");
    let program = root.join("bin/cargo-fuzz");
    let version = Command::new(&program).arg("--version").output();
    if version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(VERSION)) {
        return Ok(program);
    }
    let mut install = Command::new("cargo");
    install.args([
        "install",
        "cargo-fuzz",
        "--locked",
        "--version",
        VERSION,
        "--root",
    ]);
    step(
        "fuzz: cargo-fuzz",
        install.arg(&root).current_dir(std::env::temp_dir()),
    )
    .context("install cargo-fuzz")?;
    Ok(program)
}
