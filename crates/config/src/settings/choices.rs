//! Settings that are one of a few names, and times.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

/// The language to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, VariantNames, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum LangChoice {
    /// The system's.
    #[default]
    Auto,
    /// English.
    En,
    /// Japanese.
    Ja,
}

/// Compute device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, VariantNames, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum DeviceChoice {
    /// The fastest that the ONNX Runtime library has on this machine.
    Auto,
    /// The CPU.
    #[default]
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
    /// Apple's GPU and Neural Engine.
    CoreMl,
    /// A GPU on Windows.
    DirectMl,
}

/// What computes a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, VariantNames, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum BackendChoice {
    /// Okibi itself where it knows the network and has the makers' weights, else ONNX Runtime.
    #[default]
    Auto,
    /// ONNX Runtime, which needs an export.
    Onnx,
}

/// Which notifications the tray app shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, VariantNames, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum NotificationChoice {
    /// Loads and errors.
    #[default]
    All,
    /// Errors only.
    Errors,
    /// Nothing.
    None,
}

/// When the tray app's progress window opens by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, VariantNames, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ProgressChoice {
    /// At every load that the tray starts.
    Always,
    /// When such a load takes longer than a second.
    #[default]
    Slow,
    /// Never.
    Never,
}

/// How long a model stays in memory after its last request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// As long as the daemon runs.
    Always,
    /// This long.
    For(Duration),
}

impl KeepAlive {
    /// The longest time: a year.
    const LONGEST: u64 = 365 * 24 * 3600;

    /// Reads `always`, or a number with `s`, `m` or `h` behind it (minutes without one).
    pub fn read(text: &str) -> Option<Self> {
        if text == "always" {
            return Some(Self::Always);
        }
        let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
            Some(number) => (number, text.chars().last()),
            None => (text, None),
        };
        let seconds = match unit {
            Some('s') => 1,
            Some('h') => 3600,
            _ => 60,
        };
        let seconds = number.trim().parse::<u64>().ok()?.checked_mul(seconds)?;
        (seconds <= Self::LONGEST).then(|| Self::For(Duration::from_secs(seconds)))
    }
}

/// As people write it: in the largest unit that divides the time.
impl fmt::Display for KeepAlive {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::For(time) = self else {
            return out.write_str("always");
        };
        match time.as_secs() {
            seconds if seconds > 0 && seconds.is_multiple_of(3600) => write!(out, "{}h", seconds / 3600),
            seconds if seconds > 0 && seconds.is_multiple_of(60) => write!(out, "{}m", seconds / 60),
            seconds => write!(out, "{seconds}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        let read = |text| KeepAlive::read(text);
        assert_eq!(read("always"), Some(KeepAlive::Always));
        assert_eq!(read("30"), Some(KeepAlive::For(Duration::from_secs(1800))));
        assert_eq!(read("30m"), read("30"));
        assert_eq!(read("45s"), Some(KeepAlive::For(Duration::from_secs(45))));
        assert_eq!(read("2h"), read("120m"));
        for wrong in ["", "m", "-1", "soon", "9999999h", "1.5h"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_time_is_written_as_it_was_typed() {
        for typed in ["2h", "90m", "45s", "0s", "always"] {
            assert_eq!(KeepAlive::read(typed).unwrap().to_string(), typed);
        }
    }

    #[test]
    fn the_names_that_are_offered_are_those_that_are_read() {
        fn read<T: serde::de::DeserializeOwned + Serialize + VariantNames>() {
            for name in T::VARIANTS {
                let choice: T = serde_json::from_value((*name).into()).unwrap();
                assert_eq!(serde_json::to_value(choice).unwrap(), *name);
            }
        }
        read::<LangChoice>();
        read::<DeviceChoice>();
        read::<NotificationChoice>();
        read::<ProgressChoice>();
    }
}
