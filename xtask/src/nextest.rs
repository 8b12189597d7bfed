//! Running the tests: by cargo-nextest where it is installed, several programs at a time, else by `cargo test`.
//!
//! `.config/nextest.toml` says what must not run beside other tests.

use std::{fs, process::Command, time::Duration};

use anyhow::{Context, Result};

use crate::{
    compiler,
    steps::step,
    workspace::{Profile, Workspace},
};

/// Some tests of the workspace.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tests<'a> {
    /// Those with one of these in their names that need only the workspace; all of them without names.
    Named(&'a [String]),
    /// Those of this end-to-end file that are ignored otherwise, because they need more than the workspace.
    Prepared(&'a str),
}

/// The program of all end-to-end tests.
const END_TO_END: &str = "end_to_end";

/// A test with the time it took.
pub(crate) type TimedTest = (String, Duration);

/// Runs tests under the environment that `prepare` adds, and returns the time of each.
///
/// Without cargo-nextest the times are unknown, and none is returned.
pub(crate) fn run(
    workspace: &Workspace,
    step_name: &str,
    tests: Tests<'_>,
    prepare: impl FnOnce(&mut Command) -> Result<()>,
) -> Result<Vec<TimedTest>> {
    let with_nextest = has_nextest(workspace);
    let mut command = workspace.cargo();
    if with_nextest {
        command.args(["nextest", "run", "--workspace"]);
        match tests {
            Tests::Named(filters) => command.args(filters),
            Tests::Prepared(file) => {
                let filter = format!("binary({END_TO_END}) & test(/^{file}::/)");
                command.args(["--run-ignored", "only", "-E", &filter])
            }
        };
    } else {
        println!(
            "cargo-nextest is not installed (cargo install cargo-nextest --locked): the tests take longer"
        );
        command.args(["test", "--workspace"]);
        match tests {
            Tests::Named(filters) => command.arg("--").args(filters),
            Tests::Prepared(file) => {
                command.args(["--test", END_TO_END, "--", "--ignored", &format!("{file}::")])
            }
        };
    }
    // As they were built, so that they are not built again.
    compiler::check_with(workspace, &mut command)?;
    prepare(&mut command)?;
    step(step_name, &mut command)?;
    if with_nextest {
        times(workspace)
    } else {
        Ok(Vec::new())
    }
}

/// Runs the examples in the documentation, which cargo-nextest leaves to cargo.
pub(crate) fn run_examples(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo();
    command.args(["test", "--workspace", "--doc", "--quiet"]);
    compiler::check_with(workspace, &mut command)?;
    step("examples in the documentation", &mut command)
}

fn has_nextest(workspace: &Workspace) -> bool {
    let output = workspace.cargo().args(["nextest", "--version"]).output();
    output.is_ok_and(|output| output.status.success())
}

/// Reads the times of the last run from the report that `.config/nextest.toml` asks for.
fn times(workspace: &Workspace) -> Result<Vec<TimedTest>> {
    let folder = workspace.output_folder(None, Profile::Debug)?;
    let report = folder.with_file_name("nextest").join("default/junit.xml");
    let text = fs::read_to_string(&report).with_context(|| format!("read {}", report.display()))?;
    Ok(text.split("<testcase ").skip(1).filter_map(timed_test).collect())
}

/// Reads a test from the attributes of its XML element.
fn timed_test(element: &str) -> Option<TimedTest> {
    let attribute = |name: &str| {
        let (_, rest) = element.split_once(&format!("{name}=\""))?;
        rest.split('"').next()
    };
    let seconds = attribute("time")?.parse().ok()?;
    // " name" rather than "name", which also ends "classname".
    let name = element
        .strip_prefix("name=\"")
        .and_then(|rest| rest.split('"').next())?;
    Some((
        format!("{} {name}", attribute("classname")?),
        Duration::from_secs_f64(seconds),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_read_from_the_report() {
        let element =
            r#"name="ends::late" classname="okibi-listener::listener" timestamp="2026" time="1.250">"#;
        let (name, taken) = timed_test(element).unwrap();
        assert_eq!(name, "okibi-listener::listener ends::late");
        assert_eq!(taken, Duration::from_millis(1250));
    }
}
