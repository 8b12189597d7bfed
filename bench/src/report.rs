//! The table on the terminal and the JSON beside it.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

/// The results of one measurement.
pub(crate) struct Report {
    name: &'static str,
    rows: Vec<(String, String)>,
    values: Map<String, Value>,
}

impl Report {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            rows: Vec::new(),
            values: Map::new(),
        }
    }

    /// A time, in milliseconds.
    pub(crate) fn time(&mut self, key: &str, label: &str, time: Duration) {
        let millis = time.as_secs_f64() * 1e3;
        self.number(key, label, millis, "ms");
    }

    /// Any number with its unit.
    pub(crate) fn number(&mut self, key: &str, label: &str, value: f64, unit: &str) {
        let shown = if value.abs() >= 100.0 {
            format!("{value:.0} {unit}")
        } else {
            format!("{value:.2} {unit}")
        };
        self.rows.push((label.to_owned(), shown));
        self.values
            .insert(key.to_owned(), json!((value * 1e4).round() / 1e4));
    }

    /// Prints the table and writes the JSON.
    pub(crate) fn finish(self) -> Result<()> {
        let width = self.rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        println!("\n{}", self.name);
        for (label, value) in &self.rows {
            println!("  {label:<width$}  {value:>12}");
        }
        let file = write(self.name, &Value::Object(self.values))?;
        println!("  written to {}", file.display());
        Ok(())
    }
}

/// The file with the JSON of a measurement.
pub(crate) fn file(name: &str) -> PathBuf {
    target().join("bench").join(format!("{name}.json"))
}

/// Writes the JSON of a measurement; returns its file.
pub(crate) fn write(name: &str, values: &Value) -> Result<PathBuf> {
    let file = file(name);
    std::fs::create_dir_all(file.with_file_name(""))?;
    std::fs::write(&file, serde_json::to_string_pretty(values)?)
        .with_context(|| format!("write {}", file.display()))?;
    Ok(file)
}

/// Cargo's output folder.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from)
}

/// The value below which `share` (0 to 1) of the times lie.
pub(crate) fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    let at = (times.len() as f64 * share) as usize;
    times
        .get(at.min(times.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

/// The middle of the times.
pub(crate) fn median(times: &mut [Duration]) -> Duration {
    percentile(times, 0.5)
}
