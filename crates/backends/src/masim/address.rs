//! Addresses of channels on a simulated console, written as for the console's client: `page1.fader5`.

use std::fmt;
use std::str::FromStr;

use crosspatch_core::{AddressError, Direction, Kind};

use super::keys;
use super::show::{ExecutorPosition, FIRST_BUTTON};
use crate::maweb::wire::ConsoleFamily;

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Address {
    /// A fader.
    Fader(ExecutorPosition),
    /// A key of an executor, by its number in messages, and its name.
    Key(ExecutorPosition, ExecKey),
    /// The name of an executor.
    Name(ExecutorPosition),
    /// The colour of an executor.
    Color(ExecutorPosition),
    /// A key of the command section.
    CommandKey(&'static str),
    /// Executes a command line.
    Command,
    /// The text being typed into the command line.
    CommandLine,
    /// An attribute in the programmer.
    Encoder(Box<str>),
}

/// A key of an executor.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ExecKey {
    Upper,
    Lower,
    Flash,
    Button,
}

impl ExecKey {
    const ALL: [Self; 4] = [Self::Upper, Self::Lower, Self::Flash, Self::Button];

    fn word(self) -> &'static str {
        match self {
            Self::Upper => "upper",
            Self::Lower => "lower",
            Self::Flash => "flash",
            Self::Button => "button",
        }
    }

    fn is_of(self, index: u32) -> bool {
        (self == Self::Button) == (index >= FIRST_BUTTON)
    }
}

/// The words of addresses.
pub(super) const WORDS: &[&str] = &[
    "page",
    "fader",
    "button",
    "upper",
    "lower",
    "flash",
    "name",
    "color",
    "command",
    "commandline",
    "encoder.",
];

/// The numbers of pages and executors on the larger console.
const PAGES: u32 = 10_000;
const NUMBERS: u32 = 816;

impl Address {
    /// The kind of the values. Keys and command lines are events in both directions; a remote sets levels by messages,
    /// and a console stores them as states.
    pub(super) fn kind(&self, direction: Direction) -> Kind {
        match (self, direction) {
            (Self::Key(..) | Self::CommandKey(_) | Self::Command, _) => Kind::Event,
            (Self::Fader(_) | Self::Encoder(_), Direction::Input) => Kind::Control,
            (Self::Fader(_) | Self::Encoder(_), Direction::Output)
            | (Self::CommandLine | Self::Name(_) | Self::Color(_), _) => Kind::State,
        }
    }

    /// Checks that a console has the channel.
    pub(super) fn check_console(&self, console: ConsoleFamily) -> Result<(), AddressError> {
        let place = match self {
            Self::Key(_, ExecKey::Flash) if console == ConsoleFamily::Dot2 => {
                return Err(AddressError::new(
                    "a dot2 has no key below its faders, only `upper` and `lower`",
                ));
            }
            Self::Fader(place) | Self::Key(place, _) | Self::Name(place) | Self::Color(place) => place,
            Self::CommandKey(_) | Self::Command | Self::CommandLine | Self::Encoder(_) => return Ok(()),
        };
        if has_executor(console, place.index) {
            return Ok(());
        }
        let range = match console {
            ConsoleFamily::Gma2 => "1 to 90 and 101 to 190",
            ConsoleFamily::Dot2 => "1 to 22, 101 to 122, 201 to 222 and 301 to 816",
        };
        let message = format!("a {console} has no executor {}", place.index + 1);
        Err(AddressError::new(message).help(format!("its executors are {range}")))
    }

    /// Checks that the channel can be used in a direction.
    pub(super) fn check(&self, direction: Direction) -> Result<(), AddressError> {
        match (self, direction) {
            (Self::Name(_) | Self::Color(_), Direction::Input) => Err(AddressError::new(format!(
                "`{self}` can only be set: clients of a console cannot change it"
            ))),
            (Self::CommandLine, Direction::Output) => {
                Err(AddressError::new("`commandline` shows what clients type and cannot be set")
                    .suggest("command"))
            }
            (
                Self::Name(_)
                | Self::Color(_)
                | Self::CommandLine
                | Self::Fader(_)
                | Self::Key(..)
                | Self::CommandKey(_)
                | Self::Command
                | Self::Encoder(_),
                Direction::Input | Direction::Output,
            ) => Ok(()),
        }
    }
}

/// Whether a console has an executor with that index.
fn has_executor(console: ConsoleFamily, index: u32) -> bool {
    let (section, number) = (index / 100, index % 100);
    match console {
        ConsoleFamily::Gma2 => section <= 1 && number < 90,
        ConsoleFamily::Dot2 => match section {
            0..=2 => number < 22,
            3..=8 => number < 16,
            _ => false,
        },
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text {
            "command" => return Ok(Self::Command),
            "commandline" => return Ok(Self::CommandLine),
            _ => {}
        }
        if let Some((key, _)) = keys::find(text) {
            return Ok(Self::CommandKey(key));
        }
        if let Some(attribute) = text.strip_prefix("encoder.") {
            return if attribute.is_empty() {
                Err(AddressError::new("expected an attribute after `encoder.`, found nothing"))
            } else {
                Ok(Self::Encoder(attribute.to_ascii_uppercase().into()))
            };
        }
        let Some((page, part)) = text.strip_prefix("page").and_then(|rest| rest.split_once('.')) else {
            return Err(AddressError::new(format!(
                "expected `page<number>.<part><number>`, `command`, `encoder.<attribute>` or a key, found `{text}`"
            )));
        };
        let page = number(page, PAGES, "a page")? - 1;
        let digits = part.find(|letter: char| letter.is_ascii_digit()).unwrap_or(part.len());
        let (word, digits) = part.split_at(digits);
        let index = number(digits, NUMBERS, "an executor")? - 1;
        let place = ExecutorPosition { page, index };
        let key = ExecKey::ALL.into_iter().find(|key| key.word() == word);
        match (word, key) {
            ("fader", _) if index < FIRST_BUTTON => Ok(Self::Fader(place)),
            ("name", _) => Ok(Self::Name(place)),
            ("color", _) => Ok(Self::Color(place)),
            (_, Some(key)) if key.is_of(index) => Ok(Self::Key(place, key)),
            ("fader", _) | (_, Some(_)) => {
                let range = if word == "button" { "101 to 816" } else { "1 to 100" };
                Err(AddressError::new(format!(
                    "expected an executor from {range} for `{word}`, found `{digits}`"
                )))
            }
            (_, None) => Err(AddressError::new(format!(
                "expected `fader`, `upper`, `lower`, `flash`, `button`, `name` or `color`, found `{word}`"
            ))),
        }
    }
}

fn number(text: &str, most: u32, what: &str) -> Result<u32, AddressError> {
    match text.parse() {
        Ok(number) if (1..=most).contains(&number) && !text.starts_with('+') => Ok(number),
        Ok(_) | Err(_) => Err(AddressError::new(format!("expected {what} from 1 to {most}, found `{text}`"))),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut place = |place: &ExecutorPosition, word: &str| {
            write!(f, "page{}.{word}{}", place.page + 1, place.index + 1)
        };
        match self {
            Self::Fader(at) => place(at, "fader"),
            Self::Key(at, key) => place(at, key.word()),
            Self::Name(at) => place(at, "name"),
            Self::Color(at) => place(at, "color"),
            Self::CommandKey(key) => f.write_str(key),
            Self::Command => f.write_str("command"),
            Self::CommandLine => f.write_str("commandline"),
            Self::Encoder(attribute) => write!(f, "encoder.{attribute}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_again() {
        for text in [
            "page1.fader5",
            "page10000.fader90",
            "page2.upper1",
            "page1.lower22",
            "page1.flash3",
            "page1.button101",
            "page1.button816",
            "page1.name5",
            "page1.color101",
            "STORE",
            "GO_PLUS",
            "7",
            "command",
            "commandline",
            "encoder.PAN",
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
        assert_eq!("page01.fader05".parse::<Address>().expect("an address").to_string(), "page1.fader5");
    }

    #[test]
    fn what_is_no_address_is_explained() {
        for (text, message) in [
            ("page0.fader1", "expected a page from 1 to 10000, found `0`"),
            ("page1.fader0", "expected an executor from 1 to 816, found `0`"),
            ("page1.fader101", "expected an executor from 1 to 100 for `fader`, found `101`"),
            ("page1.button5", "expected an executor from 101 to 816 for `button`, found `5`"),
            ("page1.fader", "expected an executor from 1 to 816, found ``"),
            ("encoder.", "expected an attribute after `encoder.`, found nothing"),
        ] {
            assert_eq!(text.parse::<Address>().expect_err(text).to_string(), message);
        }
        for text in [
            "",
            "page",
            "page1",
            "page1.",
            "page1.lever5",
            "page1.fader5x",
            "page-1.fader1",
            "fader5",
            "page+1.fader1",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
