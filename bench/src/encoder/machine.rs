//! The machine that figures are of.

use okibi_encoder::Kernel;
use serde::{Deserialize, Serialize};

/// Names the instructions that ours computes with, for tests.
const KERNEL_VARIABLE: &str = "OKIBI_KERNEL";

/// A machine, and the day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// What the processor calls itself.
    pub(crate) processor: String,
    /// The instructions that ours was computed with.
    pub(crate) kernel: String,
    pub(crate) cores: usize,
    pub(crate) system: String,
    pub(crate) date: String,
}

impl Machine {
    pub(crate) fn here() -> Self {
        Self {
            processor: processor().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            kernel: kernel().name().to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: std::env::consts::OS.to_owned(),
            date: time::OffsetDateTime::now_utc().date().to_string(),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            processor,
            kernel,
            cores,
            system,
            date,
        } = self;
        write!(
            formatter,
            "{processor}, {cores} cores, {kernel}, {system}, {date}"
        )
    }
}

/// The instructions that ours is computed with.
pub(crate) fn kernel() -> Kernel {
    let named = std::env::var(KERNEL_VARIABLE).ok();
    named
        .and_then(|name| Kernel::by_name(&name))
        .unwrap_or_else(Kernel::best)
}

/// What the processor calls itself, where the system tells it.
fn processor() -> Option<String> {
    if cfg!(target_os = "linux") {
        let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        return Some(line.split_once(':')?.1.trim().to_owned());
    }
    if cfg!(target_os = "macos") {
        let mut command = std::process::Command::new("sysctl");
        let output = command.args(["-n", "machdep.cpu.brand_string"]).output().ok()?;
        return Some(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    std::env::var("PROCESSOR_IDENTIFIER").ok()
}
