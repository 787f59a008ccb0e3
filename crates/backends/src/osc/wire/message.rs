//! One message: an address, type tags and arguments (OSC 1.0, "OSC Messages").

use std::borrow::Cow;

use super::DecodeError;

/// An OSC-string: bytes without a NUL. ASCII by the specification, UTF-8 in practice, anything from the network.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct OscStr<'a>(&'a [u8]);

impl<'a> OscStr<'a> {
    /// The bytes up to the first NUL, which would end the string on the wire.
    pub fn new(bytes: &'a [u8]) -> Self {
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        Self(&bytes[..end])
    }

    /// Its bytes.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Its text; what is not UTF-8 is replaced.
    pub fn to_text(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.0)
    }

    /// Takes a string and its padding from the front of `bytes`.
    fn decode(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), DecodeError> {
        let end = bytes.iter().position(|&byte| byte == 0).ok_or(DecodeError::Unterminated)?;
        let rest = bytes.get(padded(end)..).ok_or(DecodeError::Unterminated)?;
        Ok((Self(&bytes[..end]), rest))
    }

    /// Appends the string with its padding.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0);
        out.resize(out.len() - self.0.len() + padded(self.0.len()), 0);
    }
}

/// The length of a string on the wire, including one to four NULs.
fn padded(len: usize) -> usize {
    (len / 4 + 1) * 4
}

/// A point in time, as NTP has it: seconds since 1900 in the upper half, fractions in the lower.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeTag(pub u64);

impl TimeTag {
    /// The special value that means "immediately".
    pub const IMMEDIATELY: Self = Self(1);
}

/// An argument; the variants have the names of the specification.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Argument<'a> {
    /// `i`.
    Int32(i32),
    /// `f`.
    Float32(f32),
    /// `s`.
    String(OscStr<'a>),
    /// `b`.
    Blob(&'a [u8]),
    /// `h`.
    Int64(i64),
    /// `t`.
    TimeTag(TimeTag),
    /// `d`.
    Double(f64),
    /// `S`.
    Symbol(OscStr<'a>),
    /// `c`: the code of a character.
    Char(u32),
    /// `r`: red, green, blue and alpha, red in the highest byte.
    Rgba(u32),
    /// `m`: port, status and two data bytes.
    Midi([u8; 4]),
    /// `T`.
    True,
    /// `F`.
    False,
    /// `N`.
    Nil,
    /// `I`: Infinitum in OSC 1.0, Impulse in OSC 1.1.
    Infinitum,
    /// `[`.
    ArrayBegin,
    /// `]`.
    ArrayEnd,
}

impl<'a> Argument<'a> {
    /// The type tag.
    pub fn tag(self) -> u8 {
        match self {
            Self::Int32(_) => b'i',
            Self::Float32(_) => b'f',
            Self::String(_) => b's',
            Self::Blob(_) => b'b',
            Self::Int64(_) => b'h',
            Self::TimeTag(_) => b't',
            Self::Double(_) => b'd',
            Self::Symbol(_) => b'S',
            Self::Char(_) => b'c',
            Self::Rgba(_) => b'r',
            Self::Midi(_) => b'm',
            Self::True => b'T',
            Self::False => b'F',
            Self::Nil => b'N',
            Self::Infinitum => b'I',
            Self::ArrayBegin => b'[',
            Self::ArrayEnd => b']',
        }
    }

    /// Takes the argument that `tag` announces from the front of `data`.
    fn decode(tag: u8, data: &'a [u8]) -> Result<(Self, &'a [u8]), DecodeError> {
        let four = || data.split_first_chunk::<4>().ok_or(DecodeError::Truncated);
        let eight = || data.split_first_chunk::<8>().ok_or(DecodeError::Truncated);
        Ok(match tag {
            b'i' => four().map(|(bytes, rest)| (Self::Int32(i32::from_be_bytes(*bytes)), rest))?,
            b'f' => four().map(|(bytes, rest)| (Self::Float32(f32::from_be_bytes(*bytes)), rest))?,
            b's' => OscStr::decode(data).map(|(text, rest)| (Self::String(text), rest))?,
            b'b' => {
                let (len, rest) = four()?;
                let len = usize::try_from(i32::from_be_bytes(*len)).map_err(|_| DecodeError::BlobLength)?;
                let blob = rest.get(..len).ok_or(DecodeError::BlobLength)?;
                (Self::Blob(blob), rest.get(len.next_multiple_of(4)..).ok_or(DecodeError::BlobLength)?)
            }
            b'h' => eight().map(|(bytes, rest)| (Self::Int64(i64::from_be_bytes(*bytes)), rest))?,
            b't' => {
                eight().map(|(bytes, rest)| (Self::TimeTag(TimeTag(u64::from_be_bytes(*bytes))), rest))?
            }
            b'd' => eight().map(|(bytes, rest)| (Self::Double(f64::from_be_bytes(*bytes)), rest))?,
            b'S' => OscStr::decode(data).map(|(text, rest)| (Self::Symbol(text), rest))?,
            b'c' => four().map(|(bytes, rest)| (Self::Char(u32::from_be_bytes(*bytes)), rest))?,
            b'r' => four().map(|(bytes, rest)| (Self::Rgba(u32::from_be_bytes(*bytes)), rest))?,
            b'm' => four().map(|(bytes, rest)| (Self::Midi(*bytes), rest))?,
            b'T' => (Self::True, data),
            b'F' => (Self::False, data),
            b'N' => (Self::Nil, data),
            b'I' => (Self::Infinitum, data),
            b'[' => (Self::ArrayBegin, data),
            b']' => (Self::ArrayEnd, data),
            unknown => return Err(DecodeError::UnknownType(unknown)),
        })
    }

    /// Appends the data of the argument, without its type tag.
    pub fn encode(self, out: &mut Vec<u8>) {
        match self {
            Self::Int32(number) => out.extend_from_slice(&number.to_be_bytes()),
            Self::Float32(number) => out.extend_from_slice(&number.to_be_bytes()),
            Self::String(text) | Self::Symbol(text) => text.encode(out),
            Self::Blob(blob) => {
                let len = i32::try_from(blob.len()).unwrap_or(i32::MAX);
                out.extend_from_slice(&len.to_be_bytes());
                out.extend_from_slice(&blob[..len as usize]);
                out.resize(out.len() + (len as usize).next_multiple_of(4) - len as usize, 0);
            }
            Self::Int64(number) => out.extend_from_slice(&number.to_be_bytes()),
            Self::TimeTag(TimeTag(time)) => out.extend_from_slice(&time.to_be_bytes()),
            Self::Double(number) => out.extend_from_slice(&number.to_be_bytes()),
            Self::Char(code) => out.extend_from_slice(&code.to_be_bytes()),
            Self::Rgba(color) => out.extend_from_slice(&color.to_be_bytes()),
            Self::Midi(bytes) => out.extend_from_slice(&bytes),
            Self::True | Self::False | Self::Nil | Self::Infinitum | Self::ArrayBegin | Self::ArrayEnd => {}
        }
    }
}

/// A message whose arguments have been checked.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    address: OscStr<'a>,
    /// Without the comma; `None` from old senders that leave the type tags out.
    tags: Option<&'a [u8]>,
    data: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message that fills `bytes`. Data after the last argument is ignored.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the bytes.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        match bytes.first() {
            None => return Err(DecodeError::Empty),
            Some(b'/') => {}
            Some(_) => return Err(DecodeError::NoAddress),
        }
        if !bytes.len().is_multiple_of(4) {
            return Err(DecodeError::Misaligned);
        }
        let (address, rest) = OscStr::decode(bytes)?;
        if rest.first() != Some(&b',') {
            return Ok(Self { address, tags: None, data: rest });
        }
        let (tags, data) = OscStr::decode(rest)?;
        let tags = &tags.as_bytes()[1..];
        let len = checked_len(tags, data)?;
        Ok(Self { address, tags: Some(tags), data: &data[..len] })
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.address.encode(out);
        if let Some(tags) = self.tags {
            let start = out.len();
            out.push(b',');
            out.extend_from_slice(tags);
            out.resize(start + padded(tags.len() + 1), 0);
        }
        out.extend_from_slice(self.data);
    }

    /// The address, or address pattern.
    pub fn address(&self) -> OscStr<'a> {
        self.address
    }

    /// The type tags without the comma, unless the sender left them out.
    pub fn tags(&self) -> Option<&'a [u8]> {
        self.tags
    }

    /// The bytes after the type tags, or after the address if there are none.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The same message with the type tags that its sender left out, if its data fits them.
    pub fn tagged(&self, tags: &'a [u8]) -> Option<Self> {
        checked_len(tags, self.data).ok().map(|_| Self { tags: Some(tags), ..*self })
    }

    /// The arguments. Without type tags each four bytes are one: a float if they look like one, an integer otherwise.
    pub fn arguments(&self) -> ArgumentIter<'a> {
        ArgumentIter { tags: self.tags, data: self.data }
    }
}

/// How many bytes of `data` the arguments take.
fn checked_len(tags: &[u8], data: &[u8]) -> Result<usize, DecodeError> {
    let mut rest = data;
    let mut open = 0_usize;
    for &tag in tags {
        match tag {
            b'[' => open += 1,
            b']' => open = open.checked_sub(1).ok_or(DecodeError::Unbalanced)?,
            _ => rest = Argument::decode(tag, rest)?.1,
        }
    }
    if open > 0 { Err(DecodeError::Unbalanced) } else { Ok(data.len() - rest.len()) }
}

/// Walks over the arguments of a message, the ends of arrays included.
#[derive(Clone, Debug)]
pub struct ArgumentIter<'a> {
    tags: Option<&'a [u8]>,
    data: &'a [u8],
}

impl<'a> Iterator for ArgumentIter<'a> {
    type Item = Argument<'a>;

    fn next(&mut self) -> Option<Argument<'a>> {
        match &mut self.tags {
            Some(tags) => {
                let (&tag, rest) = tags.split_first()?;
                let (argument, data) = Argument::decode(tag, self.data).ok()?;
                *tags = rest;
                self.data = data;
                Some(argument)
            }
            None => {
                let (word, rest) = self.data.split_first_chunk()?;
                self.data = rest;
                Some(guess(*word))
            }
        }
    }
}

/// What four bytes of unknown type are. Integers below eight million are denormal as floats, small negative ones are NaN.
fn guess(word: [u8; 4]) -> Argument<'static> {
    let float = f32::from_be_bytes(word);
    if (1e-9..1e9).contains(&float.abs()) {
        Argument::Float32(float)
    } else {
        Argument::Int32(i32::from_be_bytes(word))
    }
}

/// Appends a message made of its parts. Arrays must be balanced.
pub fn encode_message<'a>(
    address: OscStr<'_>,
    arguments: impl Iterator<Item = Argument<'a>> + Clone,
    out: &mut Vec<u8>,
) {
    address.encode(out);
    encode_arguments(arguments, out);
}

/// Appends the part of a message after its address.
pub(crate) fn encode_arguments<'a>(arguments: impl Iterator<Item = Argument<'a>> + Clone, out: &mut Vec<u8>) {
    let start = out.len();
    out.push(b',');
    out.extend(arguments.clone().map(Argument::tag));
    out.resize(start + padded(out.len() - start), 0);
    arguments.for_each(|argument| argument.encode(out));
}
