//! The fuzzer: built with the workspace's crates instrumented, run for as long as it is asked.
//!
//! Only the workspace's own crates see which way an input takes, and with them the generic code of the JSON parser,
//! which is compiled as part of them. The other libraries are those of the tests' build.

use std::{fs, process::Command};

use anyhow::{Context, Result};

use crate::{
    compiler,
    setup::{self, checksum},
    steps::step,
    workspace::{Profile, Workspace, files_below},
};

/// Seconds of a run by default.
pub(crate) const SECONDS: u64 = 600;

const PACKAGE: &str = "okibi-fuzz";

/// The program that reads what the fuzzer comes up with.
const PROGRAM: &str = "requests";

/// As [`run`], unless it ended well for as long on these sources before: then the next chore of its own is what finds
/// more.
pub(crate) fn run_on_changes(workspace: &Workspace, seconds: u64) -> Result<()> {
    let mut files = vec![workspace.root().join("Cargo.lock")];
    for folder in workspace.folders_of(PACKAGE)? {
        files.extend(files_below(&folder, &["corpus", "artifacts"])?);
    }
    let recipe = format!("{seconds}\n{}", checksum::of_files(&files)?);
    let stamp = workspace.fuzz().join("corpus/.passed");
    setup::once(&stamp, &recipe, || run(workspace, seconds))
}

/// Runs the fuzzer for this many seconds. It begins with the inputs that were worth keeping in earlier runs.
///
/// Errors: an input makes the parsing panic, take ten seconds or take 4 GB; it is kept below `fuzz/artifacts`.
pub(crate) fn run(workspace: &Workspace, seconds: u64) -> Result<()> {
    let mut build = workspace.cargo();
    build.args([
        "build",
        "--workspace",
        "--features",
        "okibi-fuzz/instrumented",
        "--bin",
        PROGRAM,
    ]);
    compiler::instrument_with(workspace, &mut build)?;
    step("fuzz: build", &mut build)?;
    let folder = workspace.fuzz();
    let (corpus, artifacts) = (folder.join("corpus").join(PROGRAM), folder.join("artifacts"));
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    }
    let mut fuzz = Command::new(workspace.executable(PROGRAM, Profile::Debug)?);
    fuzz.arg(&corpus);
    fuzz.arg(format!("-artifact_prefix={}/", artifacts.display()));
    fuzz.arg(format!("-max_total_time={seconds}"));
    fuzz.args([
        "-timeout=10",
        "-rss_limit_mb=4096",
        "-print_final_stats=1",
        "-verbosity=0",
    ]);
    step("fuzz", &mut fuzz)
}
