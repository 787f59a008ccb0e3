//! Packets as one line of text, and back. The manual describes the form under "Messages as text".

use std::borrow::Cow;
use std::fmt::{self, Display, Write};

use crosspatch_core::{is_plain, parse_color};

use crate::shared::hex;

use super::{
    Argument, Bundle, Deframer, Framing, MAX_DEPTH, Message, OscStr, Packet, TimeTag, begin_bundle,
    encode_element, encode_message,
};

/// Shows a datagram, or one packet as it stands in a stream. What is no OSC is shown as its bytes, and so is what a text
/// does not say all of: padding that is not zero, data that no type tag announces.
pub fn describe(bytes: &[u8], line: &mut String) {
    hex::show_unless_read_again(bytes, line, compose, |line| match bytes.first() {
        Some(b'/' | b'#') => show(bytes, line),
        Some(0) => show_framed(Framing::Length, "tcp", bytes, line),
        Some(0xc0) => show_framed(Framing::Slip, "slip", bytes, line),
        Some(_) | None => false,
    });
}

fn show(bytes: &[u8], line: &mut String) -> bool {
    Packet::decode(bytes).is_ok_and(|packet| write!(line, "{packet}").is_ok())
}

fn show_framed(framing: Framing, word: &str, bytes: &[u8], line: &mut String) -> bool {
    let mut is_shown = false;
    let result = Deframer::new(framing).push(bytes, |packet| {
        line.push_str(word);
        line.push(' ');
        is_shown = packet.is_ok_and(|packet| show(packet, line));
    });
    result.is_ok() && is_shown
}

/// Reads what [`describe`] shows; `None` if it makes no sense.
pub fn compose(line: &str) -> Option<Vec<u8>> {
    let line = line.trim();
    let mut out = Vec::new();
    if let Some(digits) = line.strip_prefix("0x") {
        return hex::parse(digits);
    }
    let (framing, rest) = match line.split_once(char::is_whitespace) {
        Some(("tcp", rest)) => (Framing::Length, rest),
        Some(("slip", rest)) => (Framing::Slip, rest),
        Some(_) | None => (Framing::Datagram, line),
    };
    let mut reader = TextReader { rest };
    let mut read = None;
    framing.encode(&mut out, |out| read = reader.packet(0, out));
    (read.is_some() && reader.rest.trim().is_empty()).then_some(out)
}

impl Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => message.fmt(f),
            Self::Bundle(bundle) => bundle.show(0, f),
        }
    }
}

impl Display for Bundle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(0, f)
    }
}

impl Bundle<'_> {
    fn show(&self, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        if self.time != TimeTag::IMMEDIATELY {
            write!(f, " @{}", self.time)?;
        }
        for element in self.elements() {
            f.write_str(" ")?;
            match element {
                Ok(Packet::Message(message)) => message.fmt(f)?,
                Ok(Packet::Bundle(inner)) if depth < MAX_DEPTH => inner.show(depth + 1, f)?,
                Ok(Packet::Bundle(_)) => f.write_str("[...]")?,
                Err(error) => write!(f, "({error})")?,
            }
        }
        f.write_str(" ]")
    }
}

/// `/fader/1 ,f 0.25`; a message without arguments is its address alone. An address with blanks is quoted.
impl Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address().to_text() {
            Cow::Borrowed(text) if text.contains(' ') => show_quoted(text.as_bytes(), f)?,
            Cow::Borrowed(_) | Cow::Owned(_) => self.address().fmt(f)?,
        }
        match self.tags() {
            None => {
                f.write_str(" untyped 0x")?;
                return self.data().iter().try_for_each(|byte| write!(f, "{byte:02x}"));
            }
            Some([]) => return Ok(()),
            Some(tags) => write!(f, " ,{}", OscStr::new(tags))?,
        }
        for argument in self.arguments() {
            match argument {
                Argument::True
                | Argument::False
                | Argument::Nil
                | Argument::Infinitum
                | Argument::ArrayBegin
                | Argument::ArrayEnd => {}
                Argument::Int32(_)
                | Argument::Float32(_)
                | Argument::String(_)
                | Argument::Blob(_)
                | Argument::Int64(_)
                | Argument::TimeTag(_)
                | Argument::Double(_)
                | Argument::Symbol(_)
                | Argument::Char(_)
                | Argument::Rgba(_)
                | Argument::Midi(_) => write!(f, " {argument}")?,
            }
        }
        Ok(())
    }
}

/// The value as written after the type tags; for types without data the name of the type.
impl Display for Argument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Int32(number) => number.fmt(f),
            Self::Float32(number) => number.fmt(f),
            Self::Int64(number) => number.fmt(f),
            Self::Double(number) => number.fmt(f),
            Self::String(text) | Self::Symbol(text) => show_quoted(text.as_bytes(), f),
            Self::Blob(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::TimeTag(time) => time.fmt(f),
            Self::Char(code) => match u8::try_from(code) {
                Ok(byte) if byte.is_ascii_graphic() => write!(f, "'{}'", char::from(byte)),
                Ok(_) | Err(_) => code.fmt(f),
            },
            Self::Rgba(color) => write!(f, "#{color:08x}"),
            Self::Midi(bytes) => write!(f, "0x{:08x}", u32::from_be_bytes(bytes)),
            Self::True => f.write_str("true"),
            Self::False => f.write_str("false"),
            Self::Nil => f.write_str("nil"),
            Self::Infinitum => f.write_str("impulse"),
            Self::ArrayBegin => f.write_str("["),
            Self::ArrayEnd => f.write_str("]"),
        }
    }
}

/// `immediately`, or the 64 bits in hexadecimal.
impl Display for TimeTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::IMMEDIATELY { f.write_str("immediately") } else { write!(f, "0x{:016x}", self.0) }
    }
}

/// The text without quotes; blanks, quotes, control characters and what is not UTF-8 are escaped as `\x20`.
impl Display for OscStr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(self.as_bytes(), f, |c| c == '"' || c == '\\' || c.is_whitespace() || !is_plain(c))
    }
}

fn show_quoted(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    escaped(bytes, f, |c| c == '"' || c == '\\' || !is_plain(c))?;
    f.write_char('"')
}

fn escaped(bytes: &[u8], f: &mut fmt::Formatter<'_>, is_special: impl Fn(char) -> bool) -> fmt::Result {
    let hex = |bytes: &[u8], f: &mut fmt::Formatter<'_>| {
        bytes.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' if is_special(c) => write!(f, "\\{c}")?,
                _ if is_special(c) => hex(c.encode_utf8(&mut [0; 4]).as_bytes(), f)?,
                _ => f.write_char(c)?,
            }
        }
        hex(chunk.invalid(), f)?;
    }
    Ok(())
}

/// Reads the text form.
struct TextReader<'a> {
    rest: &'a str,
}

impl<'a> TextReader<'a> {
    fn packet(&mut self, depth: usize, out: &mut Vec<u8>) -> Option<()> {
        if self.next_is("[") { self.bundle(depth, out) } else { self.message(out) }
    }

    fn bundle(&mut self, depth: usize, out: &mut Vec<u8>) -> Option<()> {
        if depth >= MAX_DEPTH {
            return None;
        }
        self.word();
        let time = match self.peek().strip_prefix('@') {
            Some(time) => {
                let time = time_tag(time)?;
                self.word();
                time
            }
            None => TimeTag::IMMEDIATELY,
        };
        begin_bundle(time, out);
        while !self.next_is("]") {
            let mut read = None;
            encode_element(out, |out| read = self.packet(depth + 1, out));
            read?;
        }
        self.word();
        Some(())
    }

    fn message(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let address = self.quoted()?;
        if !address.starts_with(b"/") {
            return None;
        }
        let address = OscStr::new(&address);
        if self.next_is("untyped") {
            self.word();
            let data = hex::parse(self.word().strip_prefix("0x")?)?;
            let start = out.len();
            address.encode(out);
            out.extend_from_slice(&data);
            return Message::decode(&out[start..])
                .ok()
                .filter(|message| message.tags().is_none())
                .map(|_| ());
        }
        let tags = if self.peek().starts_with(',') { &self.word()[1..] } else { "" };
        let owned = tags.bytes().map(|tag| self.argument(tag)).collect::<Option<Vec<_>>>()?;
        let start = out.len();
        encode_message(address, owned.iter().map(Owned::borrow), out);
        Message::decode(&out[start..]).ok().map(|_| ())
    }

    fn argument(&mut self, tag: u8) -> Option<Owned> {
        Some(match tag {
            b'i' => Owned::Plain(Argument::Int32(self.word().parse().ok()?)),
            b'f' => Owned::Plain(Argument::Float32(self.word().parse().ok()?)),
            b'h' => Owned::Plain(Argument::Int64(self.word().parse().ok()?)),
            b'd' => Owned::Plain(Argument::Double(self.word().parse().ok()?)),
            b's' => Owned::String(self.quoted()?),
            b'S' => Owned::Symbol(self.quoted()?),
            b'b' => Owned::Blob(hex::parse(self.word().strip_prefix("0x")?)?),
            b't' => Owned::Plain(Argument::TimeTag(time_tag(self.word())?)),
            b'c' => Owned::Plain(Argument::Char(char_code(self.word())?)),
            b'r' => Owned::Plain(Argument::Rgba(parse_color(self.word())?)),
            b'm' => {
                Owned::Plain(Argument::Midi(hex::parse(self.word().strip_prefix("0x")?)?.try_into().ok()?))
            }
            b'T' => Owned::Plain(Argument::True),
            b'F' => Owned::Plain(Argument::False),
            b'N' => Owned::Plain(Argument::Nil),
            b'I' => Owned::Plain(Argument::Infinitum),
            b'[' => Owned::Plain(Argument::ArrayBegin),
            b']' => Owned::Plain(Argument::ArrayEnd),
            _ => return None,
        })
    }

    /// A quoted text, or a word.
    fn quoted(&mut self) -> Option<Vec<u8>> {
        let Some(inside) = self.rest.trim_start().strip_prefix('"') else {
            return unescaped(self.some_word()?);
        };
        let mut is_escaped = false;
        let end = inside.find(|c| {
            let is_end = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        })?;
        self.rest = &inside[end + 1..];
        unescaped(&inside[..end])
    }

    fn some_word(&mut self) -> Option<&'a str> {
        Some(self.word()).filter(|word| !word.is_empty())
    }

    fn word(&mut self) -> &'a str {
        let word = self.peek();
        self.rest = &self.rest.trim_start()[word.len()..];
        word
    }

    fn peek(&self) -> &'a str {
        let rest = self.rest.trim_start();
        &rest[..rest.find(char::is_whitespace).unwrap_or(rest.len())]
    }

    fn next_is(&self, word: &str) -> bool {
        self.peek() == word
    }
}

/// An argument while its message is put together.
enum Owned {
    Plain(Argument<'static>),
    String(Vec<u8>),
    Symbol(Vec<u8>),
    Blob(Vec<u8>),
}

impl Owned {
    fn borrow(&self) -> Argument<'_> {
        match self {
            Self::Plain(argument) => *argument,
            Self::String(text) => Argument::String(OscStr::new(text)),
            Self::Symbol(text) => Argument::Symbol(OscStr::new(text)),
            Self::Blob(bytes) => Argument::Blob(bytes),
        }
    }
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at + 1..];
        rest = match escape.strip_prefix('x') {
            Some(hex) => {
                bytes.extend(hex::parse(hex.get(..2)?)?);
                &hex[2..]
            }
            None => {
                let c = escape.chars().next()?;
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                &escape[c.len_utf8()..]
            }
        };
    }
    bytes.extend_from_slice(rest.as_bytes());
    (!bytes.contains(&0)).then_some(bytes)
}

/// Reads `immediately` or `0x` and hexadecimal digits.
pub(crate) fn time_tag(text: &str) -> Option<TimeTag> {
    if text == "immediately" {
        return Some(TimeTag::IMMEDIATELY);
    }
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok().map(TimeTag)
}

fn char_code(word: &str) -> Option<u32> {
    match word.strip_prefix('\'') {
        Some(quoted) => {
            let mut chars = quoted.chars();
            let c = chars.next()?;
            (chars.as_str() == "'").then_some(c.into())
        }
        None => word.parse().ok(),
    }
}
