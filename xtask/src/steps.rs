//! The steps of a chore: run one after the other, timed, and listed at the end.

use std::{
    fmt::Write,
    process::Command,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// The steps so far, in the order in which they ended. There is one list, because there is one chore per process.
static STEPS: Mutex<Vec<(String, Duration)>> = Mutex::new(Vec::new());

/// Runs one step of a chore and says how long it took.
///
/// Errors: the command does not start or ends with anything but success.
pub(crate) fn step(name: &str, command: &mut Command) -> Result<()> {
    timed(name, || {
        let status = command.status().with_context(|| format!("run {command:?}"))?;
        if !status.success() {
            bail!("{status}");
        }
        Ok(())
    })
}

/// Runs a step while others run: prints what it prints at its end, in one piece, and only where it fails.
pub(crate) fn step_beside(name: &str, command: &mut Command) -> Result<()> {
    timed(name, || {
        let output = command.output().with_context(|| format!("run {command:?}"))?;
        if !output.status.success() {
            bail!(
                "{}\n{}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    })
}

/// Runs one step of a chore that is done in this process, and says how long it took.
pub(crate) fn timed<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {name}");
    let started = Instant::now();
    let result = work();
    let taken = started.elapsed();
    let mut steps = STEPS.lock().unwrap_or_else(PoisonError::into_inner);
    steps.push((name.to_owned(), taken));
    let result = result.with_context(|| format!("{name} failed after {:.1} s", taken.as_secs_f64()))?;
    println!("==> {name}: {:.1} s", taken.as_secs_f64());
    Ok(result)
}

/// Returns a table of the steps so far with their times; `whole` is the time of all, pauses between steps included.
pub(crate) fn table(whole: Duration) -> String {
    let steps = STEPS.lock().unwrap_or_else(PoisonError::into_inner);
    times(
        steps
            .iter()
            .map(|(name, taken)| (name.as_str(), *taken))
            .chain([("all", whole)]),
    )
}

/// Returns one line for each name, with its seconds before it.
pub(crate) fn times<'a>(rows: impl IntoIterator<Item = (&'a str, Duration)>) -> String {
    rows.into_iter().fold(String::new(), |mut text, (name, taken)| {
        // Writing into a `String` cannot fail.
        let _ = writeln!(text, "{:>8.1} s  {name}", taken.as_secs_f64());
        text
    })
}
