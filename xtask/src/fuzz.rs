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

/// The programs that read what the fuzzer comes up with.
const PROGRAMS: [&str; 2] = ["requests", "weights"];

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

/// Runs the fuzzer for this many seconds, of which each program gets the same share. It begins with the committed inputs in
/// `fuzz/seeds`, and with those that were worth keeping in earlier runs.
///
/// Errors: an input makes a program panic, take ten seconds or take 4 GB; it is kept below `fuzz/artifacts`.
pub(crate) fn run(workspace: &Workspace, seconds: u64) -> Result<()> {
    let mut build = workspace.cargo();
    build.args(["build", "--workspace", "--features", "okibi-fuzz/instrumented"]);
    for program in PROGRAMS {
        build.args(["--bin", program]);
    }
    compiler::instrument_with(workspace, &mut build)?;
    step("fuzz: build", &mut build)?;
    let share = (seconds / PROGRAMS.len() as u64).max(1);
    PROGRAMS
        .into_iter()
        .try_for_each(|program| run_program(workspace, program, share))
}

fn run_program(workspace: &Workspace, program: &str, seconds: u64) -> Result<()> {
    let folder = |kind: &str| workspace.fuzz().join(kind).join(program);
    let (corpus, artifacts, seeds) = (folder("corpus"), folder("artifacts"), folder("seeds"));
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    }
    let mut fuzz = Command::new(workspace.executable(program, Profile::Debug)?);
    // What is new is written into the first folder.
    fuzz.arg(&corpus);
    if seeds.exists() {
        fuzz.arg(&seeds);
    }
    fuzz.arg(format!("-artifact_prefix={}/", artifacts.display()));
    fuzz.arg(format!("-max_total_time={seconds}"));
    fuzz.args([
        "-timeout=10",
        "-rss_limit_mb=4096",
        "-print_final_stats=1",
        "-verbosity=0",
    ]);
    step(&format!("fuzz {program}"), &mut fuzz)
}
