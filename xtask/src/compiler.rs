//! This program in the place of the compiler, for the workspace's own crates alone.
//!
//! Lints, documentation and build each compile a crate to the point where they part, and `cargo clippy` and `cargo doc`
//! want every library once more in another shape than `cargo build`. So the gate builds once: cargo calls this program
//! for each crate of the workspace (`RUSTC_WORKSPACE_WRAPPER`), which has clippy compile it, and then rustdoc read it
//! with the libraries of the same build. What has not changed is neither compiled nor checked again.
//!
//! In the same way the fuzzer's build instruments the workspace's crates and takes all others as they are.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::OnceLock,
};

use anyhow::{Context, Result};

use crate::workspace::{Profile, Workspace};

/// Says that this program is called as the compiler, and for what.
const VARIABLE: &str = "OKIBI_XTASK_COMPILES";
/// The folder that the documentation is written to, which nobody reads.
const DOCUMENTATION: &str = "OKIBI_XTASK_DOCUMENTATION";

const CHECK: &str = "check";
const FUZZ: &str = "fuzz";

/// What the fuzzer needs to see which way an input takes; those of cargo-fuzz.
const INSTRUMENTED: [&str; 8] = [
    "--cfg=fuzzing",
    "-Cdebug-assertions",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // Else parts of a crate are left without instrumentation.
    "-Ccodegen-units=1",
];

/// Has `cargo` lint and document the workspace's crates as it compiles them, with every warning an error.
pub(crate) fn check_with(workspace: &Workspace, cargo: &mut Command) -> Result<()> {
    let output = workspace.output_folder(None, Profile::Debug)?;
    wrap(workspace, cargo, CHECK)?;
    cargo.env(DOCUMENTATION, output.with_file_name("checked-documentation"));
    // As `cargo clippy -- -D warnings` hands it on.
    cargo.env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");
    Ok(())
}

/// Has `cargo` compile the workspace's crates for the fuzzer.
pub(crate) fn instrument_with(workspace: &Workspace, cargo: &mut Command) -> Result<()> {
    wrap(workspace, cargo, FUZZ)
}

/// The copy of this program that was made first.
static COPY: OnceLock<PathBuf> = OnceLock::new();

fn wrap(workspace: &Workspace, cargo: &mut Command, what_for: &str) -> Result<()> {
    let folder = workspace.output_folder(None, Profile::Debug)?;
    // A copy for each purpose: cargo tells builds apart by the wrapper's path, and replaces the program itself when it
    // builds the workspace.
    let name = format!("xtask-{what_for}{}", env::consts::EXE_SUFFIX);
    let program = folder.with_file_name(&name);
    let unfinished = folder.with_file_name(format!("{name}.unfinished"));
    // The first copy of this run serves the others: cargo may have replaced the program meanwhile, and then the system
    // no longer finds it by its name.
    let this = COPY
        .get()
        .cloned()
        .map_or_else(env::current_exe, Ok)
        .context("find this program")?;
    fs::copy(&this, &unfinished).with_context(|| format!("copy to {}", unfinished.display()))?;
    fs::rename(&unfinished, &program).with_context(|| format!("rename to {}", program.display()))?;
    COPY.get_or_init(|| program.clone());
    cargo
        .env("RUSTC_WORKSPACE_WRAPPER", program)
        .env(VARIABLE, what_for);
    Ok(())
}

/// Compiles a crate, if cargo calls this program for that; `None` where a person calls it.
pub(crate) fn compile() -> Option<ExitCode> {
    let what_for = env::var(VARIABLE).ok()?;
    let mut words = env::args_os().skip(1);
    let rustc = words.next()?;
    let arguments: Vec<OsString> = words.collect();
    Some(match compile_for(&what_for, &rustc, &arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    })
}

/// Returns whether all went well.
fn compile_for(what_for: &str, rustc: &OsString, arguments: &[OsString]) -> Result<bool> {
    let beside = |program: &str| Command::new(Path::new(rustc).with_file_name(program));
    let kind = CrateKind::of(arguments);
    if what_for == FUZZ {
        let mut compiler = Command::new(rustc);
        compiler.args(arguments);
        // A build script runs without the fuzzer, whose symbols it would lack.
        if kind == CrateKind::Program {
            compiler.args(INSTRUMENTED);
        }
        return succeeds(&mut compiler);
    }
    if !succeeds(beside("clippy-driver").arg(rustc).args(arguments))? {
        return Ok(false);
    }
    if kind != CrateKind::Program {
        return Ok(true);
    }
    let mut rustdoc = beside("rustdoc");
    rustdoc.args(documented(arguments));
    rustdoc.args(["--document-private-items", "--deny=warnings", "--out-dir"]);
    rustdoc.arg(env::var_os(DOCUMENTATION).context("no folder for the documentation")?);
    succeeds(&mut rustdoc)
}

fn succeeds(command: &mut Command) -> Result<bool> {
    let status = command.status().with_context(|| format!("run {command:?}"))?;
    Ok(status.success())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CrateKind {
    /// A library or a program, as it is shipped.
    Program,
    /// Tests, build scripts, and what cargo asks the compiler itself.
    Other,
}

impl CrateKind {
    fn of(arguments: &[OsString]) -> Self {
        let mut pairs = arguments.windows(2);
        let is_named = |name: &OsString| name != "___" && name != "build_script_build";
        let is_crate = pairs.any(|pair| pair[0] == "--crate-name" && is_named(&pair[1]));
        if is_crate && !arguments.iter().any(|argument| argument == "--test") {
            Self::Program
        } else {
            Self::Other
        }
    }
}

/// The compiler's arguments that rustdoc takes too: all but those about what is written.
fn documented(arguments: &[OsString]) -> Vec<&OsString> {
    let mut kept = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        if text == "--out-dir" || text == "-C" {
            // With the value, which is a word of its own. Of the code's generation nothing matters.
            rest.next();
        } else if !text.starts_with("--emit=") && !text.starts_with("-C") {
            kept.push(argument);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn only_what_is_shipped_is_documented() {
        assert_eq!(
            CrateKind::of(&words("--crate-name okibi src/main.rs")),
            CrateKind::Program
        );
        for other in [
            "-vV",
            "- --crate-name ___ --print=cfg",
            "--crate-name okibi --test src/main.rs",
            "--crate-name build_script_build build.rs",
        ] {
            assert_eq!(CrateKind::of(&words(other)), CrateKind::Other, "{other}");
        }
    }

    #[test]
    fn rustdoc_gets_what_the_code_means_and_not_where_it_goes() {
        let line =
            words("--crate-name a --edition=2024 --emit=link -C opt-level=1 --out-dir d --extern b=c -L e");
        let kept: Vec<_> = documented(&line).into_iter().cloned().collect();
        assert_eq!(kept, words("--crate-name a --edition=2024 --extern b=c -L e"));
    }
}
