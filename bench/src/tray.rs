//! The tray app: time until its icon is shown, memory, and CPU time while idle.
//!
//! On a desktop of its own: Xvfb, a session bus, a panel. No window, and so no web view, is open.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use okibi_tests::{desktop::Desktop, proc};

use crate::report::{Report, median, percentile};

/// Starts; the median counts.
const STARTS: usize = 9;

/// How long the rest of a launch may take before idling is measured.
const SETTLE: Duration = Duration::from_secs(10);

/// How long idling is measured.
const IDLE: Duration = Duration::from_secs(60);

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
        // To its end, as a second one would hand over to it.
        tray.kill().await;
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
    tokio::time::sleep(SETTLE).await;
    let processor_time = || proc::processor_time(tray.pid).context("the tray app has ended");
    let before = processor_time()?;
    tokio::time::sleep(IDLE).await;
    let used = processor_time()?.saturating_sub(before);
    report.number(
        "idle_cpu_s",
        "CPU time in 60 s of idling",
        used.as_secs_f64(),
        "s",
    );
    report.number(
        "resident_mb",
        "resident memory, no window open",
        proc::resident_bytes(tray.pid).context("the tray app has ended")? / 1e6,
        "MB",
    );
    report.finish()
}
