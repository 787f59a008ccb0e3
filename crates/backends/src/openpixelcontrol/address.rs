//! Channels of an instance: a strip, and on it a colour of a pixel or the number of a channel, `strip1.red2` or
//! `strip1.channel4`. Both are the same; the first is how it is shown.

use std::fmt;

use crosspatch_core::{AddressError, Direction};

use super::options::Depth;
use crate::dmx::Place;

/// Words that addresses are built from.
pub(crate) const WORDS: &[&str] = &["strip", "channel", "red", "green", "blue"];

/// The colours of a pixel, in their order.
const COLORS: [&str; 3] = ["red", "green", "blue"];

/// A channel.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    /// 1 to 255, or 0 for all strips.
    pub(crate) strip: u8,
    /// Counted from 0.
    channel: u16,
}

impl Address {
    /// Reads an address.
    pub(crate) fn parse(text: &str, depth: Depth, direction: Direction) -> Result<Self, AddressError> {
        let wrong = |found: &str| {
            let error = AddressError::new(format!(
                "expected a channel such as `strip1.red5` or `strip1.channel13`, {found}"
            ));
            Err(error)
        };
        let Some((strip, channel)) = text.strip_prefix("strip").and_then(|rest| rest.split_once('.')) else {
            return wrong(&format!("found `{text}`"));
        };
        let Some(strip) = number(strip).and_then(|strip| u8::try_from(strip).ok()) else {
            return wrong(&format!("with a strip from 0 to 255, found `{strip}`"));
        };
        if strip == 0 && direction == Direction::Input {
            let error = AddressError::new("strip 0 means all strips, and can only be written");
            return Err(error.help("what comes in for all strips is told on each strip that is mapped"));
        }
        let split = channel.find(|c: char| c.is_ascii_digit()).unwrap_or(channel.len());
        let (kind, count) = channel.split_at(split);
        let offset = match COLORS.iter().position(|color| *color == kind) {
            Some(color) => Some((3, color as u32)),
            None if kind == "channel" => Some((1, 0)),
            None => None,
        };
        let Some((step, offset)) = offset else {
            return wrong(&format!("with `red`, `green`, `blue` or `channel`, found `{kind}`"));
        };
        let most = channels(depth);
        let last = (most - offset).div_ceil(step);
        match number(count).filter(|count| (1..=last).contains(count)) {
            Some(count) => Ok(Self { strip, channel: ((count - 1) * step + offset) as u16 }),
            None => wrong(&format!("with `{kind}` from 1 to {last}, found `{count}`")),
        }
    }

    /// Where it lies in the bytes of its strip.
    pub(crate) fn place(self, depth: Depth) -> Place {
        match depth {
            Depth::Bits8 => Place { coarse: self.channel, fine: None },
            Depth::Bits16 => Place { coarse: self.channel * 2, fine: Some(self.channel * 2 + 1) },
        }
    }

    /// Where its pixel ends in the bytes of its strip.
    pub(crate) fn pixel_end(self, depth: Depth) -> usize {
        Self { channel: self.channel / 3 * 3 + 2, ..self }.place(depth).end()
    }
}

/// How many channels a message can have, as whole pixels.
fn channels(depth: Depth) -> u32 {
    match depth {
        Depth::Bits8 => 65_535,
        Depth::Bits16 => 32_766,
    }
}

fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let color = COLORS[usize::from(self.channel % 3)];
        write!(f, "strip{}.{color}{}", self.strip, self.channel / 3 + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Address, AddressError> {
        Address::parse(text, Depth::Bits8, Direction::Output)
    }

    #[test]
    fn addresses_are_read_as_midimonster_writes_them() {
        for (text, strip, channel, shown) in [
            ("strip1.channel1", 1, 0, "strip1.red1"),
            ("strip1.channel6", 1, 5, "strip1.blue2"),
            ("strip2.green66", 2, 196, "strip2.green66"),
            ("strip0.red1", 0, 0, "strip0.red1"),
            ("strip255.blue21845", 255, 65_534, "strip255.blue21845"),
            ("strip01.red007", 1, 18, "strip1.red7"),
        ] {
            let address = parse(text).expect(text);
            assert_eq!((address.strip, address.channel, &*address.to_string()), (strip, channel, shown));
        }
    }

    #[test]
    fn slips_are_refused_with_a_reason() {
        for (text, reason) in [
            ("", "such as `strip1.red5`"),
            ("strip1", "such as `strip1.red5`"),
            ("strip.red1", "a strip from 0 to 255"),
            ("strip256.red1", "a strip from 0 to 255"),
            ("strip-1.red1", "a strip from 0 to 255"),
            ("strip1.red0", "from 1 to 21845"),
            ("strip1.red", "from 1 to 21845"),
            ("strip1.blue21846", "from 1 to 21845"),
            ("strip1.channel65536", "from 1 to 65535"),
            ("strip1.channel99999999999", "from 1 to 65535"),
            ("strip1.white1", "`red`, `green`, `blue` or `channel`"),
            ("strip1.red5xyz", "from 1 to"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.message.contains(reason), "{text}: {error}");
        }
        assert!(Address::parse("strip0.red1", Depth::Bits8, Direction::Input).is_err());
        assert!(Address::parse("strip1.channel32767", Depth::Bits16, Direction::Input).is_err());
    }

    #[test]
    fn places_are_bytes_of_the_strip() {
        let address = parse("strip1.green2").expect("an address");
        assert_eq!(address.place(Depth::Bits8), Place { coarse: 4, fine: None });
        assert_eq!(address.place(Depth::Bits16), Place { coarse: 8, fine: Some(9) });
        assert_eq!((address.pixel_end(Depth::Bits8), address.pixel_end(Depth::Bits16)), (6, 12));
        let last =
            Address::parse("strip1.channel32766", Depth::Bits16, Direction::Output).expect("an address");
        assert_eq!(last.pixel_end(Depth::Bits16), 65_532);
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(strip: u8, channel in 0..65_535_u16) {
            let address = Address { strip, channel };
            prop_assert_eq!(parse(&address.to_string()), Ok(address));
            prop_assert_eq!(parse(&format!("strip{strip}.channel{}", u32::from(channel) + 1)), Ok(address));
        }
    }
}
