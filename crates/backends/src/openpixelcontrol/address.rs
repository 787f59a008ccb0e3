//! Addresses of a strip's channels: `strip1.red5`, `strip1.channel13`, `strip1.color5`.
//!
//! As in MIDIMonster, a component has a number (`channel13`) or a colour and pixel (`red5`); both address the same
//! channel. An address without a strip applies to all strips.

use std::fmt;

use crosspatch_core::{AddressError, Direction};

use super::Mode;
use super::wire::ALL;

/// The words of addresses.
pub(crate) const WORDS: &[&str] = &["strip", "red", "green", "blue", "color", "channel"];

const COMPONENTS: [&str; 3] = ["red", "green", "blue"];

/// A channel of a strip.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    /// The strip, or [`ALL`].
    pub(crate) strip: u8,
    pub(crate) part: StripPart,
}

/// The addressed part of a strip. Both kinds count from 0. No message has more of either than 16 bits can count.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum StripPart {
    /// Red, green or blue of a pixel: three times the pixel number, plus 0, 1 or 2.
    Component(u16),
    /// The colour of a pixel, as text.
    Color(u16),
}

impl StripPart {
    /// The pixel, counted from 0.
    pub(crate) fn pixel(self) -> u16 {
        match self {
            Self::Component(component) => component / 3,
            Self::Color(pixel) => pixel,
        }
    }
}

impl Address {
    /// Parses an address of an instance with that resolution.
    pub(crate) fn parse(text: &str, mode: Mode) -> Result<Self, AddressError> {
        let (strip, part) = match text.split_once('.') {
            Some((strip, part)) => (read_strip(strip)?, part),
            None => (ALL, text),
        };
        let digits = part.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(part.len());
        let (word, digits) = part.split_at(digits);
        let pixels = mode.max_pixels();
        let part = if word == "channel" {
            StripPart::Component(index(word, digits, pixels * 3)?)
        } else if word == "color" {
            StripPart::Color(index(word, digits, pixels)?)
        } else if let Some(component) = COMPONENTS.iter().position(|known| *known == word) {
            StripPart::Component(index(word, digits, pixels)? * 3 + component as u16)
        } else {
            let message = format!("expected `red`, `green`, `blue`, `color` or `channel`, found `{word}`");
            return Err(AddressError::new(message)
                .help("`strip1.red5` is the red of the fifth pixel, and so is `strip1.channel13`"));
        };
        Ok(Self { strip, part })
    }

    /// Checks that the channel can be used in this direction.
    pub(crate) fn check(self, direction: Direction) -> Result<(), AddressError> {
        if direction == Direction::Input && self.strip == ALL {
            let error = AddressError::new(format!("`{self}` means all strips and can only be written"));
            return Err(error
                .suggest(Self { strip: 1, ..self }.to_string())
                .help("input for all strips arrives on each mapped strip"));
        }
        Ok(())
    }
}

fn read_strip(text: &str) -> Result<u8, AddressError> {
    let number = text.strip_prefix("strip").and_then(number);
    number.and_then(|number| u8::try_from(number).ok()).ok_or_else(|| {
        AddressError::new(format!(
            "expected a strip from `strip1` to `strip255`, or `strip0`, found `{text}`"
        ))
        .help("`strip0` are all strips at once")
    })
}

/// Parses a number that counts from 1, and returns it counted from 0.
fn index(word: &str, digits: &str, most: u16) -> Result<u16, AddressError> {
    let index = number(digits).filter(|index| (1..=most).contains(index));
    index.map(|index| index - 1).ok_or_else(|| {
        let found = if digits.is_empty() { "nothing".to_owned() } else { format!("`{digits}`") };
        AddressError::new(format!("expected a number from 1 to {most} after `{word}`, found {found}"))
    })
}

/// Whether the text consists of digits only, without a sign.
fn number(digits: &str) -> Option<u16> {
    digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.part {
            StripPart::Component(component) => COMPONENTS[usize::from(component % 3)],
            StripPart::Color(_) => "color",
        };
        write!(f, "strip{}.{word}{}", self.strip, self.part.pixel() + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Address, AddressError> {
        Address::parse(text, Mode::Bits8)
    }

    #[test]
    fn addresses_are_read_as_midimonster_writes_them() {
        for (text, strip, part, shown) in [
            ("strip1.channel6", 1, StripPart::Component(5), "strip1.blue2"),
            ("strip1.red5", 1, StripPart::Component(12), "strip1.red5"),
            ("strip2.green66", 2, StripPart::Component(196), "strip2.green66"),
            ("strip255.blue2", 255, StripPart::Component(5), "strip255.blue2"),
            ("strip0.red1", 0, StripPart::Component(0), "strip0.red1"),
            ("channel4", 0, StripPart::Component(3), "strip0.red2"),
            ("strip7.color3", 7, StripPart::Color(2), "strip7.color3"),
            ("strip1.blue21845", 1, StripPart::Component(65_534), "strip1.blue21845"),
            ("strip1.channel65535", 1, StripPart::Component(65_534), "strip1.blue21845"),
        ] {
            let address = parse(text).expect(text);
            assert_eq!((address.strip, address.part, &*address.to_string()), (strip, part, shown));
        }
    }

    #[test]
    fn slips_are_refused_with_a_reason() {
        for (text, message) in [
            ("strip256.red1", "expected a strip from `strip1` to `strip255`, or `strip0`, found `strip256`"),
            ("strip.red1", "expected a strip from `strip1` to `strip255`, or `strip0`, found `strip`"),
            ("strip+1.red1", "expected a strip from `strip1` to `strip255`, or `strip0`, found `strip+1`"),
            ("1.red1", "expected a strip from `strip1` to `strip255`, or `strip0`, found `1`"),
            ("strip1.red0", "expected a number from 1 to 21845 after `red`, found `0`"),
            ("strip1.red21846", "expected a number from 1 to 21845 after `red`, found `21846`"),
            ("strip1.red-1", "expected a number from 1 to 21845 after `red`, found `-1`"),
            ("strip1.red5xyz", "expected a number from 1 to 21845 after `red`, found `5xyz`"),
            ("strip1.channel", "expected a number from 1 to 65535 after `channel`, found nothing"),
            ("strip1.white1", "expected `red`, `green`, `blue`, `color` or `channel`, found `white`"),
            ("", "expected `red`, `green`, `blue`, `color` or `channel`, found ``"),
        ] {
            assert_eq!(parse(text).expect_err(text).message, message);
        }
        let error = Address::parse("strip1.blue10923", Mode::Bits16).expect_err("does not fit a message");
        assert_eq!(error.message, "expected a number from 1 to 10922 after `blue`, found `10923`");
    }

    #[test]
    fn all_strips_are_written_and_not_read() {
        let all = parse("red5").expect("an address");
        assert_eq!(all.check(Direction::Output), Ok(()));
        let error = all.check(Direction::Input).expect_err("nothing comes from all strips");
        assert_eq!(error.suggestion.as_deref(), Some("strip1.red5"));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(strip: u8, number in 0..21_845_u16, is_color: bool) {
            let part = if is_color { StripPart::Color(number) } else { StripPart::Component(number) };
            let address = Address { strip, part };
            prop_assert_eq!(parse(&address.to_string()), Ok(address));
        }
    }
}
