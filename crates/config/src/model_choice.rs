//! Values of the settings that are about models.

use std::{fmt, time::Duration};

use okibi_protocol::models::Variant;

/// The names of the variants.
pub(crate) const VARIANTS: [&str; Variant::ALL.len()] = {
    let mut names = [""; Variant::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Variant::ALL[at].name();
        at += 1;
    }
    names
};

/// What computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The fastest that the ONNX Runtime library has on this machine.
    Auto,
    /// The processor.
    #[default]
    Cpu,
    /// NVIDIA's graphics cards.
    Cuda,
    /// Apple's.
    CoreMl,
    /// Graphics cards on Windows.
    DirectMl,
}

impl DeviceChoice {
    /// The names that [`Self::from_name`] knows.
    pub const NAMES: [&'static str; 5] = ["auto", "cpu", "cuda", "coreml", "directml"];

    const ALL: [Self; 5] = [Self::Auto, Self::Cpu, Self::Cuda, Self::CoreMl, Self::DirectMl];

    /// The choice of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// How long a model that nobody asks for stays in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// As long as the daemon runs.
    Always,
    /// So long.
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

impl fmt::Display for KeepAlive {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => out.write_str("always"),
            Self::For(time) => write!(out, "{}s", time.as_secs()),
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
        assert_eq!(read(&read("90m").unwrap().to_string()), read("90m"));
    }

    #[test]
    fn devices_are_found_by_their_names() {
        for name in DeviceChoice::NAMES {
            assert_eq!(DeviceChoice::from_name(name).map(DeviceChoice::name), Some(name));
        }
        assert_eq!(DeviceChoice::default().name(), "cpu");
    }
}
