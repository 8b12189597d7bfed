//! From `okibi start` to ready.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;

use crate::{
    daemon::Okibi,
    pieces::{self, Piece},
    report::{Report, median, percentile},
};

/// Launches of each kind; the median counts.
const LAUNCHES: usize = 9;

/// Runs of `okibi status`.
const STATUSES: usize = 40;

pub(crate) fn run() -> Result<()> {
    let okibi = Okibi::new()?;
    let mut report = Report::new("launch");
    let launch = || -> Result<Duration> {
        let took = okibi.run(&["start"])?;
        okibi.run(&["stop"])?;
        Ok(took)
    };
    launch()?;
    let (mut warm, mut tokenizer, mut session) = (Vec::new(), Vec::new(), Vec::new());
    // In turn, so that other load on the machine affects all of them.
    for _ in 0..LAUNCHES {
        warm.push(launch()?);
        tokenizer.push(pieces::measure(Piece::Tokenizer)?);
        session.push(pieces::measure(Piece::Session)?);
    }
    let warm = median(&mut warm);
    let (tokenizer, session) = (median(&mut tokenizer), median(&mut session));
    let bare = tokenizer + session;
    report.time("start_warm_ms", "start to ready, files in the page cache", warm);
    report.time("bare_tokenizer_ms", "bare: tokenizer, by the library", tokenizer);
    report.time("bare_session_ms", "bare: runtime and session", session);
    report.number(
        "start_per_bare",
        "start / (bare tokenizer + session)",
        warm.as_secs_f64() / bare.as_secs_f64(),
        "x",
    );
    if forget(&okibi.files()) {
        let mut cold = Vec::new();
        for _ in 0..3 {
            forget(&okibi.files());
            cold.push(launch()?);
        }
        report.time(
            "start_cold_ms",
            "start to ready, files not in the page cache",
            median(&mut cold),
        );
    }
    let mut gaps = okibi.gaps()?;
    report.time("gap_median_ms", "handover gap, median", median(&mut gaps));
    report.time("gap_max_ms", "handover gap, longest", percentile(&mut gaps, 1.0));
    okibi.run(&["start"])?;
    let mut statuses = (0..STATUSES)
        .map(|_| okibi.run(&["status"]))
        .collect::<Result<Vec<_>>>()?;
    report.time("status_ms", "okibi status, whole process", median(&mut statuses));
    report.finish()
}

/// Drops the files from the page cache, where the OS lets a program do that.
#[cfg(target_os = "linux")]
fn forget(files: &[PathBuf]) -> bool {
    use std::os::fd::AsRawFd;
    files.iter().all(|path| {
        let Ok(file) = std::fs::File::open(path) else {
            return false;
        };
        // SAFETY: the descriptor is open for the whole call, which takes no pointer.
        unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) == 0 }
    })
}

#[cfg(not(target_os = "linux"))]
fn forget(_files: &[PathBuf]) -> bool {
    false
}
