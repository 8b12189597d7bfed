//! Everything that a change must pass: `cargo xtask test`.

use std::{thread, time::Instant};

use anyhow::{Result, anyhow};

use crate::{
    build, checks, clients, dist, fuzz, history,
    nextest::{self, Tests, TimedTest},
    setup::{Platforms, ensure_desktop, is_on_path, setup},
    steps::{self, step, timed},
    ui,
    workspace::{Profile, Workspace},
};

/// Seconds of the fuzzer among the tests.
const FUZZ_SECONDS: u64 = 60;

/// How many of the slowest tests are listed at the end.
const SLOWEST: usize = 10;

/// Runs the whole gate; with `filters`, only the tests named like one of them, and what comes before the tests.
///
/// At the end it lists the time of each step, the slowest tests, and when the longer chores last ran.
pub(crate) fn run(filters: &[String]) -> Result<()> {
    let started = Instant::now();
    let workspace = Workspace::find()?;
    let mut tests = Vec::new();
    let result = steps(&workspace, filters, &mut tests);
    println!("\nsteps\n{}", steps::table(started.elapsed()));
    if !tests.is_empty() {
        tests.sort_by_key(|(_, taken)| std::cmp::Reverse(*taken));
        let slowest = tests.iter().take(SLOWEST);
        println!(
            "slowest tests\n{}",
            steps::times(slowest.map(|(name, taken)| (name.as_str(), *taken)))
        );
    }
    println!("longer chores, last run\n{}", history::last_runs(&workspace));
    result
}

/// Checks what needs no build: the format, and the structure of the sources.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    step("format", workspace.cargo().args(["fmt", "--all", "--check"]))?;
    timed("structure", || checks::run(workspace))
}

fn steps(workspace: &Workspace, filters: &[String], tests: &mut Vec<TimedTest>) -> Result<()> {
    timed("set-up", || {
        setup(&workspace.assets(), Platforms::Host)?;
        ensure_desktop()
    })?;
    check(workspace)?;
    // The tray app is compiled with the pages inside.
    ui::build(workspace)?;
    let clients = thread::scope(|scope| {
        // The checks of the pages keep one processor busy, the clients the network, and the compiler waits at times.
        let beside = scope.spawn(|| {
            ui::check(workspace)?;
            if filters.is_empty() {
                clients::install(workspace)
            } else {
                Ok(None)
            }
        });
        build::debug(workspace)?;
        beside
            .join()
            .map_err(|_| anyhow!("what runs beside the build panicked"))?
    })?;
    tests.extend(nextest::run(
        workspace,
        "tests",
        Tests::Named(filters),
        |command| build::name_programs(workspace, Profile::Debug, command),
    )?);
    if !filters.is_empty() {
        return Ok(());
    }
    nextest::run_examples(workspace)?;
    if let Some(clients) = clients {
        tests.extend(clients::test(workspace, &clients)?);
    }
    fuzz::run_on_changes(workspace, FUZZ_SECONDS)?;
    if is_on_path("dpkg") {
        tests.extend(dist::test(workspace, Profile::Debug)?);
    } else {
        println!("the package is not tested: dpkg, which installs it, is missing");
    }
    Ok(())
}
