//! The wire format of Open Pixel Control (openpixelcontrol.org, "Specification"): a stream of messages, each a header of four
//! bytes and a block of data.
//!
//! The stream has no markers, and any bytes form some message, so a receiver that has lost synchronization cannot
//! regain it. Commands other than those for colours are passed on without decoding their data.

mod deframer;
mod text;

pub use deframer::Deframer;
pub use text::{compose, describe};

/// The default port of servers.
pub const PORT: u16 = 7890;

/// Sets 8-bit colours: red, green and blue of each pixel, one byte each ("Set 8-bit pixel colours").
pub const SET_8_BIT: u8 = 0;

/// Sets 16-bit colours: red, green and blue of each pixel, two bytes each, high byte first ("Set 16-bit pixel
/// colours").
pub const SET_16_BIT: u8 = 2;

/// A manufacturer-specific message. Its data begins with two bytes that identify the manufacturer ("System exclusive").
pub const SYSTEM_EXCLUSIVE: u8 = 255;

/// The channel for all channels.
pub const ALL: u8 = 0;

/// The maximum length of the data.
pub const MAX_DATA: usize = u16::MAX as usize;

/// The length of a header: channel, command, and length of the data, high byte first.
pub const HEADER: usize = 4;

/// A message.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The strip of pixels, 1 to 255, or [`ALL`]. The specification calls it channel.
    pub strip: u8,
    /// The kind of data.
    pub command: u8,
    /// At most [`MAX_DATA`] bytes.
    pub data: &'a [u8],
}

impl<'a> Message<'a> {
    /// Decodes the message at the beginning of a stream. Returns it with the rest, or `None` if it is incomplete.
    pub fn decode(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&[strip, command, high, low], rest) = bytes.split_first_chunk::<HEADER>()?;
        let (data, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
        Some((Self { strip, command, data }, rest))
    }

    /// Appends the encoded message. Data beyond [`MAX_DATA`] is left out.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let data = &self.data[..self.data.len().min(MAX_DATA)];
        out.extend_from_slice(&[self.strip, self.command]);
        out.extend_from_slice(&(data.len() as u16).to_be_bytes());
        out.extend_from_slice(data);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A green pixel after a red one on strip 3, then the same on all strips in 16 bits.
    const STREAM: &[u8] =
        b"\x03\x00\x00\x06\xff\x00\x00\x00\xff\x00\x00\x02\x00\x0c\xff\xff\0\0\0\0\0\0\xff\xff\0\0";

    #[test]
    fn messages_are_laid_out_as_the_specification_says() {
        let (first, rest) = Message::decode(STREAM).expect("a whole message");
        assert_eq!(first, Message { strip: 3, command: SET_8_BIT, data: &[255, 0, 0, 0, 255, 0] });
        let (second, rest) = Message::decode(rest).expect("a whole message");
        assert_eq!((second.strip, second.command, second.data.len()), (ALL, SET_16_BIT, 12));
        assert!(rest.is_empty());
        let mut out = vec![0xa5; 3];
        first.encode(&mut out);
        second.encode(&mut out);
        assert_eq!((&out[..3], &out[3..]), (&[0xa5; 3][..], STREAM));
    }

    #[test]
    fn no_part_of_a_message_is_a_message() {
        for end in 0..10 {
            assert_eq!(Message::decode(&STREAM[..end]), None, "{end}");
        }
    }

    #[test]
    fn a_message_may_be_empty_or_as_long_as_its_length_can_say_and_no_longer() {
        for (given, carried) in [(0, 0), (MAX_DATA, MAX_DATA), (MAX_DATA + 1, MAX_DATA)] {
            let (data, mut out) = (vec![7; given], Vec::new());
            Message { strip: 255, command: SYSTEM_EXCLUSIVE, data: &data }.encode(&mut out);
            let (message, rest) = Message::decode(&out).expect("a whole message");
            assert_eq!((message.data.len(), rest.len(), out.len()), (carried, 0, HEADER + carried));
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_as_the_same(
            strip: u8, command: u8, data in prop::collection::vec(any::<u8>(), 0..40), behind in prop::collection::vec(any::<u8>(), 0..9),
        ) {
            let message = Message { strip, command, data: &data };
            let mut out = Vec::new();
            message.encode(&mut out);
            out.extend_from_slice(&behind);
            prop_assert_eq!(Message::decode(&out), Some((message, &behind[..])));
        }
    }
}
