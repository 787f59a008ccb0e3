//! The levels of slots that no longer have a source.

use crosspatch_core::Duration;

use crate::shared::units::duration;

/// What happens to slots that no longer have a source.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// They keep their levels.
    Hold,
    /// They take this level after this time.
    Level(u8, Duration),
}

impl Loss {
    /// Parses `hold`, `0.5` or `0 after 10s`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "hold" {
            return Some(Self::Hold);
        }
        let (value, after) = match text.split_once(" after ") {
            Some((value, after)) => (value, duration(after.trim())?),
            None => (text, Duration::ZERO),
        };
        Some(Self::Level((value_from_0_to_1(value)? * 255.0).round() as u8, after))
    }
}

/// Parses a value of a channel, 0 to 1.
pub(crate) fn value_from_0_to_1(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|value| (0.0..=1.0).contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_held_or_have_a_level_and_a_time() {
        for (text, expected) in [
            ("hold", Loss::Hold),
            ("0", Loss::Level(0, Duration::ZERO)),
            ("0.5 after 500ms", Loss::Level(128, Duration::from_millis(500))),
            ("1 after 2m", Loss::Level(255, Duration::from_secs(120))),
        ] {
            assert_eq!(Loss::parse(text), Some(expected), "{text}");
        }
        for text in ["", "zero", "2", "-1", "0 after", "0 after x", "0 10s", "NaN"] {
            assert_eq!(Loss::parse(text), None, "{text}");
        }
    }
}
