//! Addresses of channels on a simulated grandMA3: `page1.fader201`.

use std::fmt;
use std::str::FromStr;

use crosspatch_core::{AddressError, Direction, Kind};

/// An executor on a page: both numbers as on the console.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ExecutorNumber {
    pub(super) page: u32,
    pub(super) executor: u32,
}

/// The number of pages in a data pool.
pub(super) const PAGES: std::ops::RangeInclusive<u32> = 1..=9999;
/// The numbers of executors: four rows of at most 98.
pub(super) const EXECUTORS: std::ops::RangeInclusive<u32> = 101..=498;

/// A channel.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Address {
    /// A fader.
    Fader(ExecutorNumber),
    /// A key.
    Key(ExecutorNumber),
    /// The name of the assigned object.
    Name(ExecutorNumber),
    /// The colour of the assigned object.
    Color(ExecutorNumber),
    /// Executes a command line.
    Command,
}

/// The words of addresses.
pub(super) const WORDS: &[&str] = &["page", "fader", "key", "name", "color", "command"];

impl Address {
    /// Checks that the channel can be used in a direction.
    pub(super) fn check(self, direction: Direction) -> Result<(), AddressError> {
        match (self, direction) {
            (Self::Name(_) | Self::Color(_), Direction::Input) => {
                Err(AddressError::new(format!("`{self}` can only be set: OSC cannot change it")))
            }
            (Self::Fader(_) | Self::Key(_) | Self::Name(_) | Self::Color(_) | Self::Command, _) => Ok(()),
        }
    }

    /// The kind of the values: a received level is a message that sets a state; keys and command lines are events.
    pub(super) fn kind(self, direction: Direction) -> Kind {
        match (self, direction) {
            (Self::Key(_) | Self::Command, _) => Kind::Event,
            (Self::Fader(_), Direction::Input) => Kind::Control,
            (Self::Fader(_) | Self::Name(_) | Self::Color(_), _) => Kind::State,
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text == "command" {
            return Ok(Self::Command);
        }
        let Some((page, part)) = text.strip_prefix("page").and_then(|rest| rest.split_once('.')) else {
            return Err(AddressError::new(format!(
                "expected `page<number>.<part><number>` or `command`, found `{text}`"
            )));
        };
        let digits = part.find(|letter: char| letter.is_ascii_digit()).unwrap_or(part.len());
        let (word, digits) = part.split_at(digits);
        let make = match word {
            "fader" => Self::Fader,
            "key" => Self::Key,
            "name" => Self::Name,
            "color" => Self::Color,
            _ => {
                let message = format!("expected `fader`, `key`, `name` or `color`, found `{word}`");
                return Err(AddressError::new(message));
            }
        };
        let page = number(page, &PAGES, "a page")?;
        Ok(make(ExecutorNumber { page, executor: number(digits, &EXECUTORS, "an executor")? }))
    }
}

fn number(text: &str, range: &std::ops::RangeInclusive<u32>, what: &str) -> Result<u32, AddressError> {
    match text.parse() {
        Ok(number) if range.contains(&number) && !text.starts_with('+') => Ok(number),
        Ok(_) | Err(_) => {
            let (first, last) = (range.start(), range.end());
            Err(AddressError::new(format!("expected {what} from {first} to {last}, found `{text}`")))
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut place = |word: &str, at: &ExecutorNumber| write!(f, "page{}.{word}{}", at.page, at.executor);
        match self {
            Self::Fader(at) => place("fader", at),
            Self::Key(at) => place("key", at),
            Self::Name(at) => place("name", at),
            Self::Color(at) => place("color", at),
            Self::Command => f.write_str("command"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_again() {
        for text in ["page1.fader201", "page9999.key498", "page2.name101", "page3.color301", "command"] {
            assert_eq!(text.parse::<Address>().expect(text).to_string(), text);
        }
        assert_eq!("page01.fader0201".parse::<Address>().expect("an address").to_string(), "page1.fader201");
    }

    #[test]
    fn what_is_no_address_is_explained() {
        for (text, message) in [
            ("page0.fader201", "expected a page from 1 to 9999, found `0`"),
            ("page1.fader5", "expected an executor from 101 to 498, found `5`"),
            ("page1.button201", "expected `fader`, `key`, `name` or `color`, found `button`"),
            ("fader201", "expected `page<number>.<part><number>` or `command`, found `fader201`"),
        ] {
            assert_eq!(text.parse::<Address>().expect_err(text).to_string(), message);
        }
        for text in ["", "page", "page1", "page1.", "page+1.fader201", "page1.fader201x", "page1.fader"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
