//! Packets: a message, or a bundle of packets (OSC 1.0, "OSC Packets" and "OSC Bundles").

use super::{DecodeError, Message, TimeTag};

/// How deep bundles may be nested. Real ones are two deep at most.
pub const MAX_DEPTH: usize = 8;

const BUNDLE: &[u8; 8] = b"#bundle\0";

/// What a datagram or a frame of a stream holds.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// One message.
    Message(Message<'a>),
    /// Several packets with one time tag.
    Bundle(Bundle<'a>),
}

impl<'a> Packet<'a> {
    /// Reads a packet that fills `bytes`. The elements of a bundle are checked one by one as they are walked over, so
    /// that a broken one does not take the others with it.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the bytes.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let Some(rest) = bytes.strip_prefix(BUNDLE) else {
            return Message::decode(bytes).map(Self::Message);
        };
        let (time, elements) = rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        Ok(Self::Bundle(Bundle { time: TimeTag(u64::from_be_bytes(*time)), elements }))
    }

    /// Appends the packet.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Message(message) => message.encode(out),
            Self::Bundle(bundle) => {
                begin_bundle(bundle.time, out);
                out.extend_from_slice(bundle.elements);
            }
        }
    }
}

/// A bundle.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Bundle<'a> {
    /// When its messages are meant to take effect.
    pub time: TimeTag,
    elements: &'a [u8],
}

impl<'a> Bundle<'a> {
    /// The packets in it.
    pub fn elements(&self) -> Elements<'a> {
        Elements { rest: self.elements }
    }
}

/// Appends the head of a bundle.
pub fn begin_bundle(time: TimeTag, out: &mut Vec<u8>) {
    out.extend_from_slice(BUNDLE);
    out.extend_from_slice(&time.0.to_be_bytes());
}

/// Appends an element of a bundle: its length, and what `encode` writes.
pub fn encode_element(out: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    encode(out);
    let len = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&len.to_be_bytes());
}

/// Walks over the elements of a bundle. After one whose length is wrong nothing more can be found.
#[derive(Copy, Clone, Debug, Default)]
pub struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    fn next_element(&mut self) -> Option<Result<&'a [u8], DecodeError>> {
        if self.rest.is_empty() {
            return None;
        }
        let element = self.rest.split_first_chunk().and_then(|(len, rest)| {
            let len = usize::try_from(i32::from_be_bytes(*len)).ok()?;
            Some((rest.get(..len)?, &rest[len..]))
        });
        let Some((element, rest)) = element else {
            self.rest = &[];
            return Some(Err(DecodeError::ElementLength));
        };
        self.rest = rest;
        Some(Ok(element))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Packet<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_element()?.and_then(Packet::decode))
    }
}

/// Walks over all messages of a packet, nested bundles included, in order and without recursion. What is broken comes as
/// an error in its place.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    first: Option<&'a [u8]>,
    open: [Elements<'a>; MAX_DEPTH],
    depth: usize,
}

impl<'a> Messages<'a> {
    /// The messages of the packet in `bytes`.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { first: Some(bytes), open: [Elements::default(); MAX_DEPTH], depth: 0 }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let bytes = match self.first.take() {
                Some(bytes) => bytes,
                None => match self.open[self.depth.checked_sub(1)?].next_element() {
                    Some(Ok(element)) => element,
                    Some(Err(error)) => return Some(Err(error)),
                    None => {
                        self.depth -= 1;
                        continue;
                    }
                },
            };
            match Packet::decode(bytes) {
                Ok(Packet::Message(message)) => return Some(Ok(message)),
                Ok(Packet::Bundle(bundle)) => {
                    let Some(place) = self.open.get_mut(self.depth) else {
                        return Some(Err(DecodeError::TooDeep));
                    };
                    *place = bundle.elements();
                    self.depth += 1;
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
