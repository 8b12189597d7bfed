//! Times and sizes as users read them.

use std::time::Duration;

use okibi_protocol::stage::{Measure, Unit};

use crate::lang::Lang;

/// Formats a short time: `0.42 s`, `12.3 s`, `2 min 5 s`.
pub fn seconds(time: Duration, lang: Lang) -> String {
    let seconds = time.as_secs_f64();
    // Rounded to two digits, 9.995 would be 10.00: one digit more than the next step shows.
    if seconds < 9.995 {
        phrase!(lang, "{seconds:.2} s", "{seconds:.2} 秒")
    } else if seconds < 59.95 {
        phrase!(lang, "{seconds:.1} s", "{seconds:.1} 秒")
    } else {
        long(time, lang)
    }
}

/// Formats a long time with its two largest units: `3 h 12 min`, `2 d 4 h`, `45 s`.
pub fn long(time: Duration, lang: Lang) -> String {
    let all = time.as_secs();
    let (days, hours, minutes, seconds) = (all / 86_400, all / 3600 % 24, all / 60 % 60, all % 60);
    if days > 0 {
        phrase!(lang, "{days} d {hours} h", "{days} 日 {hours} 時間")
    } else if hours > 0 {
        phrase!(lang, "{hours} h {minutes} min", "{hours} 時間 {minutes} 分")
    } else if minutes > 0 {
        phrase!(lang, "{minutes} min {seconds} s", "{minutes} 分 {seconds} 秒")
    } else {
        phrase!(lang, "{seconds} s", "{seconds} 秒")
    }
}

/// Formats a size in decimal units, as file managers show it: `71.6 MB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit < UNITS.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// Formats a measure: `12.5 MB of 71.6 MB`, `3 of 8`, `12.5 MB`.
pub fn measure(measure: &Measure, lang: Lang) -> String {
    let count = |number: u64| match measure.unit {
        Unit::Bytes => size(number),
        Unit::Items => number.to_string(),
    };
    let done = count(measure.done);
    match measure.total {
        Some(total) => {
            let total = count(total);
            phrase!(lang, "{done} of {total}", "{done} / {total}")
        }
        None => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_at_every_length() {
        let text = |millis| seconds(Duration::from_millis(millis), Lang::En);
        assert_eq!(text(0), "0.00 s");
        assert_eq!(text(423), "0.42 s");
        assert_eq!(text(9_999), "10.0 s");
        assert_eq!(text(59_990), "59 s");
        assert_eq!(text(125_000), "2 min 5 s");
        assert_eq!(long(Duration::from_secs(11_520), Lang::En), "3 h 12 min");
        assert_eq!(long(Duration::from_secs(187_200), Lang::Ja), "2 日 4 時間");
    }

    #[test]
    fn sizes_are_decimal() {
        assert_eq!(size(999), "999 B");
        assert_eq!(size(71_600_000), "71.6 MB");
        assert_eq!(size(999_960), "1.0 MB");
        let bytes = Measure {
            done: 12_500_000,
            total: Some(71_600_000),
            unit: Unit::Bytes,
        };
        assert_eq!(measure(&bytes, Lang::En), "12.5 MB of 71.6 MB");
    }
}
