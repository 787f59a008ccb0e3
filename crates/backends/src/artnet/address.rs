//! Channels of an instance: slots of its universe such as `1` or `1+2`, the time code, and triggers such as
//! `trigger.macro5`.

use std::fmt;

use crosspatch_core::{AddressError, Direction, Kind};

use super::wire::Key;
use crate::shared::dmx;

/// The words of addresses.
pub(crate) const WORDS: &[&str] = &[
    "timecode",
    "timecode.hours",
    "timecode.minutes",
    "timecode.seconds",
    "timecode.frames",
    "trigger.ascii",
    "trigger.macro",
    "trigger.soft",
    "trigger.show",
];

/// A channel.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    /// A channel of the universe.
    Dmx(dmx::Address),
    /// The time of the show as text, `01:02:03:04`.
    TimeCode,
    /// A part of the time of the show, in the range of that part.
    TimePart(TimePart),
    /// A trigger with its kind and number.
    Trigger(Key, u8),
}

/// A part of a time.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TimePart {
    Hours,
    Minutes,
    Seconds,
    Frames,
}

impl TimePart {
    const ALL: [Self; 4] = [Self::Hours, Self::Minutes, Self::Seconds, Self::Frames];

    const fn name(self) -> &'static str {
        match self {
            Self::Hours => "hours",
            Self::Minutes => "minutes",
            Self::Seconds => "seconds",
            Self::Frames => "frames",
        }
    }
}

impl Address {
    /// The kind of the values: levels and received times are states; a sent time code and triggers are events.
    pub(crate) fn kind(self, direction: Direction) -> Kind {
        match (self, direction) {
            (Self::Dmx(_) | Self::TimePart(_), _) | (Self::TimeCode, Direction::Input) => Kind::State,
            (Self::TimeCode, Direction::Output) | (Self::Trigger(..), _) => Kind::Event,
        }
    }

    /// Parses an address.
    pub(crate) fn parse(text: &str, direction: Direction) -> Result<Self, AddressError> {
        if text == "timecode" {
            return Ok(Self::TimeCode);
        }
        if let Some(name) = text.strip_prefix("timecode.") {
            let Some(part) = TimePart::ALL.into_iter().find(|part| part.name() == name) else {
                let error = format!(
                    "expected `hours`, `minutes`, `seconds` or `frames` of the time code, found `{name}`"
                );
                return Err(AddressError::new(error));
            };
            if direction == Direction::Output {
                let error = AddressError::new(format!("`{text}` can only be read"));
                return Err(error
                    .suggest("timecode")
                    .help("a time code is sent as a whole, as the text `01:02:03:04`"));
            }
            return Ok(Self::TimePart(part));
        }
        if let Some(trigger) = text.strip_prefix("trigger.") {
            let digits = trigger.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(trigger.len());
            let (name, number) = trigger.split_at(digits);
            let Some(key) = Key::named(name) else {
                let error = AddressError::new(format!(
                    "expected `ascii`, `macro`, `soft` or `show` after `trigger.`, found `{name}`"
                ));
                return Err(error.help("a trigger is written like `trigger.macro5`"));
            };
            let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
            return match number.parse::<u8>() {
                Ok(number) if is_number => Ok(Self::Trigger(key, number)),
                Ok(_) | Err(_) => Err(AddressError::new(format!(
                    "expected a number from 0 to 255 after `trigger.{name}`, found `{number}`"
                ))),
            };
        }
        dmx::Address::parse(text).map(Self::Dmx)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dmx(address) => address.fmt(f),
            Self::TimeCode => f.write_str("timecode"),
            Self::TimePart(part) => write!(f, "timecode.{}", part.name()),
            Self::Trigger(key, number) => write!(f, "trigger.{}{number}", key.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for (text, shown) in [
            ("1", "1"),
            ("01+2", "1+2"),
            ("timecode", "timecode"),
            ("timecode.frames", "timecode.frames"),
            ("trigger.macro5", "trigger.macro5"),
            ("trigger.ascii065", "trigger.ascii65"),
            ("trigger.show255", "trigger.show255"),
        ] {
            let address = Address::parse(text, Direction::Input).expect(text);
            assert_eq!(address.to_string(), shown);
            assert_eq!(Address::parse(shown, Direction::Input), Ok(address));
        }
        assert!(WORDS.iter().all(|word| Address::parse(&format!("{word}1"), Direction::Input).is_ok()
            || Address::parse(word, Direction::Input).is_ok()));
    }

    #[test]
    fn slips_are_refused_with_a_reason() {
        for (text, reason) in [
            ("513", "from 1 to 512"),
            ("timecode.days", "`hours`, `minutes`"),
            ("trigger.macro", "from 0 to 255"),
            ("trigger.macro256", "from 0 to 255"),
            ("trigger.macro+5", "from 0 to 255"),
            ("trigger.key5", "`ascii`, `macro`"),
            ("trigger", "from 1 to 512"),
        ] {
            let error = Address::parse(text, Direction::Input).expect_err(text);
            assert!(error.message.contains(reason), "{text}: {error}");
        }
        let error = Address::parse("timecode.hours", Direction::Output).expect_err("it cannot be written");
        assert_eq!(error.suggestion.as_deref(), Some("timecode"));
    }
}
