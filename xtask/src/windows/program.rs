//! The executables for Windows.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::needs::NEEDS;
use crate::{
    build::{OKIBI, TRAY},
    setup::is_on_path,
    steps::step,
    workspace::{Profile, Workspace},
};

/// Name executables to take in place of a fresh build.
const VARIABLES: [(&str, &str); 2] = [(OKIBI, "OKIBI_WINDOWS_EXE"), (TRAY, "OKIBI_WINDOWS_TRAY_EXE")];
const TARGET: &str = "x86_64-pc-windows-gnu";
/// The linker that the target asks for.
const LINKER: &str = "x86_64-w64-mingw32-gcc";

/// The executable `name` that a variable names, else one that is built here.
///
/// Errors: the named one is not there, or nothing here builds one.
pub(super) fn find(workspace: &Workspace, name: &str, profile: Profile) -> Result<PathBuf> {
    for (_, variable) in VARIABLES.iter().filter(|(program, _)| *program == name) {
        if let Some(named) = env::var_os(variable) {
            let named = PathBuf::from(named);
            ensure!(
                named.is_file(),
                "{variable}: there is no file {}",
                named.display()
            );
            return Ok(named);
        }
    }
    let target = (!cfg!(windows)).then_some(TARGET);
    let mut build = workspace.cargo();
    build.args(["build", "--bin", name]);
    if profile == Profile::Release {
        build.arg("--release");
    }
    if let Some(target) = target {
        ensure!(
            has_standard_library(target)?,
            "Rust's standard library for {target} is not installed: rustup target add {target}\n\n{NEEDS}"
        );
        ensure!(
            is_on_path(LINKER),
            "{LINKER} is not on the PATH; it comes with mingw-w64 (on Debian and Ubuntu: gcc-mingw-w64-x86-64 \
             and g++-mingw-w64-x86-64)\n\n{NEEDS}"
        );
        build.args(["--target", target]);
    }
    step(&format!("{name} for Windows"), &mut build)?;
    let folder = workspace.output_folder(target, profile)?;
    Ok(folder.join(format!("{name}.exe")))
}

/// Whether the toolchain in use has a standard library for `target`.
fn has_standard_library(target: &str) -> Result<bool> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", "sysroot"]).output();
    let output = output.context("run rustc --print sysroot")?;
    let sysroot = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(Path::new(&sysroot)
        .join("lib/rustlib")
        .join(target)
        .join("lib")
        .is_dir())
}
