//! Numbers with units, as written in options.

use crosspatch_core::Duration;

/// Parses `8s`, `500ms`, `2m`, `1h` or seconds without a unit. The duration must be greater than zero and within the
/// range of the clock.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let number: f64 = text[..unit].parse().ok().filter(|number: &f64| *number > 0.0)?;
    let seconds = match &text[unit..] {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_or_are_seconds() {
        for (text, millis) in [
            ("8s", 8000),
            ("500ms", 500),
            ("2m", 120_000),
            ("2min", 120_000),
            ("1h", 3_600_000),
            ("1.5", 1500),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "-1s", "0", "5xyz", "1d", "1e300", "nan", "inf"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
