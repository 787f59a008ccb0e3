//! Writes JSON in the format of consoles and of MA's own page.

use std::io::Write as _;

use crate::maweb::wire::Color;

/// Appends one message to a buffer.
#[derive(Debug)]
pub(in crate::maweb::wire) struct Writer<'o> {
    out: &'o mut Vec<u8>,
    needs_comma: bool,
}

impl<'o> Writer<'o> {
    /// A writer that appends to `out`.
    pub(in crate::maweb::wire) fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, needs_comma: false }
    }

    /// Writes an object with the keys that `entries` writes.
    pub(in crate::maweb::wire) fn object(&mut self, entries: impl FnOnce(&mut Self)) {
        self.brackets(b'{', b'}', entries);
    }

    /// Writes a list with the values that `items` writes, each after [`item`](Self::item).
    pub(in crate::maweb::wire) fn list(&mut self, items: impl FnOnce(&mut Self)) {
        self.brackets(b'[', b']', items);
    }

    /// Writes a key of the protocol; its value must follow.
    pub(in crate::maweb::wire) fn key(&mut self, key: &str) -> &mut Self {
        self.item();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.needs_comma = true;
        self
    }

    /// Writes a key chosen by a peer; its value must follow.
    pub(in crate::maweb::wire) fn foreign_key(&mut self, key: &str) -> &mut Self {
        self.item();
        self.text(key);
        self.out.push(b':');
        self
    }

    /// Writes a key with a text, if there is one.
    pub(in crate::maweb::wire) fn optional_text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.key(key).text(text);
        }
    }

    /// Writes a key with a colour, if there is one.
    pub(in crate::maweb::wire) fn optional_color(&mut self, key: &str, color: Option<Color>) {
        if let Some(color) = color {
            self.key(key).color(color);
        }
    }

    /// Begins a value of a list.
    pub(in crate::maweb::wire) fn item(&mut self) -> &mut Self {
        if self.needs_comma {
            self.out.push(b',');
        }
        self.needs_comma = true;
        self
    }

    /// Writes a text.
    pub(in crate::maweb::wire) fn text(&mut self, text: &str) {
        self.out.push(b'"');
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            let short = match byte {
                b'"' | b'\\' => byte,
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                0..0x20 => b'u',
                _ => continue,
            };
            self.out.extend_from_slice(&text.as_bytes()[plain..at]);
            plain = at + 1;
            self.out.extend_from_slice(&[b'\\', short]);
            if short == b'u' {
                self.out.extend_from_slice(format!("{byte:04x}").as_bytes());
            }
        }
        self.out.extend_from_slice(&text.as_bytes()[plain..]);
        self.out.push(b'"');
    }

    /// Writes a colour.
    pub(in crate::maweb::wire) fn color(&mut self, color: Color) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        self.out.extend_from_slice(b"\"#");
        for part in color.0 {
            self.out.extend_from_slice(&[DIGITS[usize::from(part >> 4)], DIGITS[usize::from(part & 15)]]);
        }
        self.out.push(b'"');
    }

    /// Writes a whole number.
    pub(in crate::maweb::wire) fn integer(&mut self, number: i64) {
        if number < 0 {
            self.out.push(b'-');
        }
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = number.unsigned_abs();
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&digits[at..]);
    }

    /// Writes a number like consoles, with three decimals; 0 if it is not finite.
    pub(in crate::maweb::wire) fn decimals(&mut self, number: f64) {
        // No level, time or speed comes near these limits, and within them every thousandth is exact.
        let thousandths = (number.clamp(-1e9, 1e9) * 1000.0).round() as i64;
        if thousandths < 0 {
            self.out.push(b'-');
        }
        let thousandths = thousandths.unsigned_abs();
        self.integer((thousandths / 1000) as i64);
        let decimals = (thousandths % 1000) as u16;
        let digit = |number: u16| b'0' + (number % 10) as u8;
        self.out.extend_from_slice(&[b'.', digit(decimals / 100), digit(decimals / 10), digit(decimals)]);
    }

    /// Writes a number like clients, with all its decimals; 0 if it is not finite.
    pub(in crate::maweb::wire) fn float(&mut self, number: f64) {
        let number = if number.is_finite() { number } else { 0.0 };
        // Writing to a vector cannot fail.
        let _ = write!(self.out, "{number}");
    }

    /// Writes a boolean.
    pub(in crate::maweb::wire) fn boolean(&mut self, on: bool) {
        self.out.extend_from_slice(if on { b"true" } else { b"false" });
    }

    fn brackets(&mut self, open: u8, close: u8, content: impl FnOnce(&mut Self)) {
        self.out.push(open);
        self.needs_comma = false;
        content(self);
        self.out.push(close);
        self.needs_comma = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_and_texts_as_consoles_do() {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        writer.list(|list| {
            for number in [0.0, 1.0, 0.4236, -0.5, -0.0004, f64::NAN, 12.0005] {
                list.item().decimals(number);
            }
            list.item().integer(i64::MIN);
            list.item().float(0.46255506607929514);
            list.item().text("a\"\\\n\u{1}\u{e4}");
            list.item().object(|object| object.key("c").color(Color([0xE8, 0xA9, 0x01])));
        });
        assert_eq!(
            String::from_utf8(out).expect("text"),
            "[0.000,1.000,0.424,-0.500,0.000,0.000,12.001,-9223372036854775808,0.46255506607929514,\
             \"a\\\"\\\\\\n\\u0001\u{e4}\",{\"c\":\"#E8A901\"}]"
        );
    }
}
