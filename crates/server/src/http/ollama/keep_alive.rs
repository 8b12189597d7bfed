//! Ollama's `keep_alive`: how long a model stays in memory.

use std::time::Duration;

use serde::Deserialize;

use crate::options::KeepAlive;

/// How long a model stays: Ollama's `keep_alive`.
#[derive(Debug)]
pub(in crate::http) struct StayInMemory(pub(super) KeepAlive);

impl<'de> Deserialize<'de> for StayInMemory {
    /// Reads a number of seconds, or a text like `5m`, `1h30m`, `-1`. A negative time means forever.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "invalid value, expected a number of seconds or a time such as 5m"
        )]
        enum Written {
            Seconds(f64),
            Text(String),
        }
        let seconds = match Written::deserialize(deserializer)? {
            Written::Seconds(seconds) => Some(seconds),
            Written::Text(text) => seconds_of(&text),
        };
        let wrong =
            || serde::de::Error::custom("invalid value, expected a number of seconds or a time such as 5m");
        let seconds = seconds.filter(|seconds| seconds.is_finite()).ok_or_else(wrong)?;
        let keep = Duration::try_from_secs_f64(seconds).ok();
        let keep = keep.filter(|keep| *keep < LONGEST);
        Ok(Self(keep.map_or(KeepAlive::Always, KeepAlive::For)))
    }
}

/// A longer time than this means forever.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Seconds of a time in Go's form: numbers with `h`, `m`, `s` or `ms` behind each, or one without.
fn seconds_of(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| letter.is_ascii_alphabetic())?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let units = [("ms", 0.001), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];
        let (unit, factor) = units.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        seconds += number * factor;
    }
    (!text.is_empty()).then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep_alive_is_read_as_ollama_reads_it() {
        let read = |json: &str| serde_json::from_str::<StayInMemory>(json).map(|read| read.0).ok();
        let seconds = |seconds| Some(KeepAlive::For(Duration::from_secs(seconds)));
        assert_eq!(read("300"), seconds(300));
        assert_eq!(read("\"5m\""), seconds(300));
        assert_eq!(read("\"1h30m\""), seconds(5400));
        assert_eq!(read("0"), seconds(0));
        assert_eq!(read("-1"), Some(KeepAlive::Always));
        assert_eq!(read("\"-1m\""), Some(KeepAlive::Always));
        for wrong in ["\"\"", "\"soon\"", "\"5x\"", "[]"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
