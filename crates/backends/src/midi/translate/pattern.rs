//! System exclusive messages of the options: bytes, and places in them for values.
//!
//! `F0 47 7F 29 {v} F7` has one value; `F0 00 20 29 02 0D 03 03 {pad} {r} {g} {b} F7` has four. After a colon follows the format of
//! the value: `{v:14}` as two bytes, the upper seven bits first; `{v:14lsb}` the lower seven bits first; `{v:8}` as two
//! bytes of four bits each, the upper ones first; `{v:text7}` as seven characters.

use std::fmt::Write;
use std::sync::Arc;

use crosspatch_core::Value;

use super::super::address::is_name;
use super::super::wire::{Bits, MAX_SYSEX, U7, U14, hex};

/// The most characters of a text in a message.
const MAX_TEXT: usize = 255;

/// A message with placeholders for values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePattern {
    /// The pieces between `F0` and `F7`.
    parts: Vec<PatternPart>,
    /// The names of the values, in their order.
    names: Vec<Arc<str>>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum PatternPart {
    Byte(u8),
    /// The next value.
    Value(PlaceKind),
}

/// The format of a value.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum PlaceKind {
    Bits7,
    Bits14,
    Bits14LsbFirst,
    Nibbles,
    Text(usize),
}

impl PlaceKind {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "7" => Self::Bits7,
            "14" => Self::Bits14,
            "14lsb" => Self::Bits14LsbFirst,
            "8" => Self::Nibbles,
            _ => {
                let len = text.strip_prefix("text")?.parse().ok()?;
                (1..=MAX_TEXT).contains(&len).then_some(Self::Text(len))?
            }
        })
    }

    fn len(self) -> usize {
        match self {
            Self::Bits7 => 1,
            Self::Bits14 | Self::Bits14LsbFirst | Self::Nibbles => 2,
            Self::Text(len) => len,
        }
    }

    fn encode(self, value: &Value, out: &mut Vec<u8>) {
        let level = value.as_number().unwrap_or(0.0);
        match self {
            Self::Bits7 => out.push(U7::of_level(level).byte()),
            Self::Bits14 | Self::Bits14LsbFirst => {
                let number = U14::of_level(level);
                let mut halves = [number.msb().byte(), number.lsb().byte()];
                if self == Self::Bits14LsbFirst {
                    halves.reverse();
                }
                out.extend(halves);
            }
            Self::Nibbles => {
                let number = Bits::<8>::of_level(level).get() as u8;
                out.extend([number >> 4, number & 0x0f]);
            }
            Self::Text(len) => {
                let text = match value {
                    Value::Text(text) => text.to_string(),
                    Value::Number(_) => value.to_string(),
                };
                let characters = text.chars().map(|c| if (' '..='~').contains(&c) { c as u8 } else { b'?' });
                out.extend(characters.chain(std::iter::repeat(b' ')).take(len));
            }
        }
    }

    fn decode(self, bytes: &[u8]) -> Option<Value> {
        let both = |msb: u8, lsb: u8| U14::of_halves(U7::masked(msb.into()), U7::masked(lsb.into())).level();
        Some(match (self, bytes) {
            (Self::Bits7, &[byte]) => U7::masked(byte.into()).level().into(),
            (Self::Bits14, &[msb, lsb]) | (Self::Bits14LsbFirst, &[lsb, msb]) => both(msb, lsb).into(),
            (Self::Nibbles, &[high, low]) if high < 16 && low < 16 => {
                Bits::<8>::masked(u16::from(high << 4 | low)).level().into()
            }
            (Self::Text(_), bytes) => Value::text(String::from_utf8_lossy(bytes).trim_end()),
            _ => return None,
        })
    }
}

impl MessagePattern {
    /// Parses a pattern of the options.
    ///
    /// # Errors
    ///
    /// The error says what was expected and what was found.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<_> = text.split_whitespace().collect();
        let inner = match words.as_slice() {
            [first, inner @ .., last]
                if first.eq_ignore_ascii_case("f0") && last.eq_ignore_ascii_case("f7") =>
            {
                inner
            }
            _ => return Err(format!("expected bytes from `F0` to `F7`, found `{text}`")),
        };
        let mut pattern = Self { parts: Vec::new(), names: Vec::new() };
        for word in inner {
            pattern.push(word)?;
        }
        let len: usize = pattern.parts.iter().map(|part| part.len()).sum();
        if len > MAX_SYSEX {
            return Err(format!("expected at most {MAX_SYSEX} bytes, found {len}"));
        }
        Ok(pattern)
    }

    fn push(&mut self, word: &str) -> Result<(), String> {
        let Some(value) = word.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            let byte = hex(word).filter(|byte| *byte < 0x80);
            let byte = byte.ok_or_else(|| {
                format!("expected a byte from `00` to `7F` or a value such as `{{v}}`, found `{word}`")
            })?;
            self.parts.push(PatternPart::Byte(byte));
            return Ok(());
        };
        let (name, kind) = value.split_once(':').unwrap_or((value, "7"));
        let kind = PlaceKind::parse(kind).ok_or_else(|| {
            format!("expected `7`, `14`, `14lsb`, `8` or `text` and a length from 1 to {MAX_TEXT} after the colon, found `{kind}`")
        })?;
        if !is_name(name) {
            return Err(format!("expected a name of letters and digits in the braces, found `{word}`"));
        }
        if self.names.iter().any(|known| **known == *name) {
            return Err(format!("expected each value once, found `{word}` again"));
        }
        self.names.push(name.into());
        self.parts.push(PatternPart::Value(kind));
        Ok(())
    }

    /// The names of the values, in their order.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Reads the values out of a message, given without `F0` and `F7`; `None` if it is another message.
    pub fn decode(&self, mut data: &[u8]) -> Option<Vec<Value>> {
        let mut values = Vec::with_capacity(self.names.len());
        for part in &self.parts {
            let (bytes, rest) = data.split_at_checked(part.len())?;
            match part {
                PatternPart::Byte(byte) if bytes == [*byte] => {}
                PatternPart::Byte(_) => return None,
                PatternPart::Value(kind) => values.push(kind.decode(bytes)?),
            }
            data = rest;
        }
        data.is_empty().then_some(values)
    }

    /// Writes a message with these values, without `F0` and `F7`. A value that is missing is 0.
    pub fn encode(&self, values: &[Value]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut values = values.iter();
        for part in &self.parts {
            match part {
                PatternPart::Byte(byte) => out.push(*byte),
                PatternPart::Value(kind) => {
                    kind.encode(values.next().unwrap_or(&Value::Number(0.0)), &mut out)
                }
            }
        }
        out
    }

    /// The addresses of a message of that name.
    pub fn addresses(&self, name: &str) -> String {
        let mut text = String::new();
        match self.names() {
            [] | [_] => text = format!("`sysex.{name}`"),
            names => {
                for (at, value) in names.iter().enumerate() {
                    let comma = if at > 0 { ", " } else { "" };
                    // Writing to a `String` cannot fail.
                    let _ = write!(text, "{comma}`sysex.{name}.{value}`");
                }
            }
        }
        text
    }
}

impl PatternPart {
    fn len(&self) -> usize {
        match self {
            Self::Byte(_) => 1,
            Self::Value(kind) => kind.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_and_read_at_their_places() {
        for (pattern, values, data) in [
            ("F0 47 7f 29 {v} F7", vec![Value::number(1.0)], vec![0x47, 0x7f, 0x29, 0x7f]),
            ("f0 01 f7", vec![], vec![1]),
            ("F0 {a} 05 {b:14} F7", vec![Value::number(0.0), Value::number(1.0)], vec![0, 5, 0x7f, 0x7f]),
            ("F0 {v:14lsb} F7", vec![U14::masked(0x81).level().into()], vec![1, 1]),
            ("F0 {v:8} F7", vec![Bits::<8>::masked(0xa5).level().into()], vec![0x0a, 0x05]),
            ("F0 12 {t:text4} F7", vec![Value::text("Hi")], vec![0x12, b'H', b'i', b' ', b' ']),
        ] {
            let parsed = MessagePattern::parse(pattern).expect(pattern);
            assert_eq!(parsed.encode(&values), data, "{pattern}");
            assert_eq!(parsed.decode(&data), Some(values), "{pattern}");
            for len in 0..data.len() {
                assert_eq!(parsed.decode(&data[..len]), None, "{pattern}");
            }
            assert_eq!(parsed.decode(&[&data[..], &[0]].concat()), None, "{pattern}");
        }
    }

    #[test]
    fn texts_are_cut_to_their_length_and_stay_in_seven_bits() {
        let pattern = MessagePattern::parse("F0 {t:text5} F7").expect("a pattern");
        assert_eq!(pattern.encode(&[Value::text("Bühnenlicht")]), b"B?hne");
        assert_eq!(pattern.encode(&[Value::number(0.5)]), b"0.5  ");
        assert_eq!(pattern.encode(&[]), b"0    ");
        let nibbles = MessagePattern::parse("F0 {v:8} F7").expect("a pattern");
        assert_eq!(nibbles.decode(&[0x10, 0]), None);
    }

    #[test]
    fn slips_are_refused_with_a_reason() {
        for (text, reason) in [
            ("", "from `F0` to `F7`"),
            ("F0", "from `F0` to `F7`"),
            ("F0 01", "from `F0` to `F7`"),
            ("F0 80 F7", "expected a byte from `00` to `7F`"),
            ("F0 1 F7", "expected a byte"),
            ("F0 xy F7", "expected a byte"),
            ("F0 +1 F7", "expected a byte"),
            ("F0 {} F7", "expected a name"),
            ("F0 {a b} F7", "expected a byte"),
            ("F0 {v} {v} F7", "expected each value once"),
            ("F0 {v:15} F7", "expected `7`, `14`"),
            ("F0 {v:text0} F7", "expected `7`, `14`"),
            ("F0 {v:text256} F7", "expected `7`, `14`"),
            ("F0 F7 F7", "expected a byte"),
        ] {
            let error = MessagePattern::parse(text).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
        let long = format!("F0 {} F7", "00 ".repeat(MAX_SYSEX + 1));
        assert!(MessagePattern::parse(&long).expect_err("too long").contains("at most"));
    }
}
