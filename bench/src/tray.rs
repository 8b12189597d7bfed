//! The tray app: how soon its icon is there, what it holds and what it uses at rest.
//!
//! On a desktop of its own: Xvfb, a session bus, a panel. A window's web view is no part of it, none is open.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use okibi_tests::desktop::Desktop;

use crate::report::{Report, median, percentile};

/// Starts; the median counts.
const STARTS: usize = 9;

/// What a launch leaves to do has so long to end before the rest is measured.
const SETTLE: Duration = Duration::from_secs(10);

/// The rest that is measured.
const REST: Duration = Duration::from_secs(60);

pub(crate) fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure())
}

#[expect(clippy::disallowed_methods, reason = "what is measured is the rest itself")]
async fn measure() -> Result<()> {
    let mut report = Report::new("tray");
    let mut desktop = Desktop::new().await;
    desktop.machine.set("OKIBI_LANG", "en");
    desktop.machine.set("OKIBI_START_DAEMON", "false");
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        // Until the icon's menu answers on the bus.
        let tray = desktop.tray().await;
        starts.push(began.elapsed());
        drop(tray);
    }
    report.time("icon_ms", "process start to icon, median", median(&mut starts));
    report.time(
        "icon_max_ms",
        "process start to icon, longest",
        percentile(&mut starts, 1.0),
    );
    desktop.machine.run(["start"]).await;
    let tray = desktop.tray().await;
    desktop.state(&tray, "Ready").await;
    std::thread::sleep(SETTLE);
    let before = processor_time(tray.pid)?;
    std::thread::sleep(REST);
    let used = processor_time(tray.pid)?.saturating_sub(before);
    report.number(
        "idle_cpu_s",
        "processor time in 60 s of rest",
        used.as_secs_f64(),
        "s",
    );
    report.number(
        "resident_mb",
        "resident memory, no window open",
        resident_mb(tray.pid)?,
        "MB",
    );
    report.number("threads", "threads", threads(tray.pid)? as f64, "");
    report.finish()
}

/// What a process has used of the processors so far, to 1 ns where the kernel counts so (/proc/PID/task/TID/schedstat).
fn processor_time(pid: u32) -> Result<Duration> {
    let mut used = Duration::ZERO;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        let nanos = text.split_whitespace().next().context("an empty schedstat")?;
        used += Duration::from_nanos(nanos.parse()?);
    }
    Ok(used)
}

/// Resident memory, in 10^6 bytes (/proc/PID/status).
fn resident_mb(pid: u32) -> Result<f64> {
    let kib: f64 = status_line(pid, "VmRSS:")?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}

fn threads(pid: u32) -> Result<u64> {
    Ok(status_line(pid, "Threads:")?.parse()?)
}

fn status_line(pid: u32, name: &str) -> Result<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|line| line.split_whitespace().next());
    Ok(value
        .with_context(|| format!("no {name} in the status"))?
        .to_owned())
}
