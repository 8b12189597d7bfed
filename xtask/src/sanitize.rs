//! The encoder's tests with AddressSanitizer, which sees every access outside of what was asked for: its kernels read and
//! write through addresses.
//!
//! The standard library is taken as it is; the crates are compiled with checks of each access.

use anyhow::{Result, ensure};

use crate::{setup, steps::step, workspace::Workspace};

/// Runs them.
///
/// Errors: the nightly toolchain is missing, which has the sanitizer, or it finds something, or a test fails.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    ensure!(
        cfg!(unix),
        "the sanitizer is part of Rust for Linux and macOS only"
    );
    setup::rust::ensure_nightly()?;
    let target = setup::rust::host()?;
    let mut tests = setup::rust::nightly("cargo");
    tests.args(["test", "--package", "okibi-encoder", "--lib", "--tests"]);
    tests.args(["--target", &target]);
    tests.current_dir(workspace.root());
    tests.env("RUSTFLAGS", "-Zsanitizer=address");
    // The tests' models live as long as the process.
    tests.env("ASAN_OPTIONS", "detect_leaks=0");
    step("tests with AddressSanitizer", &mut tests)
}
