//! The header of RTP (RFC 3550, clause 5.1) and the MIDI command section (RFC 6295, clause 3).

use crate::midi::wire::{DecodeError as BadMidi, END_OF_SYSEX, Message, SYSEX, SysEx, data_len};

use super::journal::ReceivedJournal;
use super::{ByteReader, DecodeError};

/// The payload type that everybody uses for MIDI. It is a dynamic one, so others are read.
const PAYLOAD: u8 = 97;

/// So many bytes the list of commands of a packet can have.
pub const MAX_LIST: usize = 0xfff;

/// A longer system exclusive message is sent in segments, so that packets fit the networks that they cross.
pub const SEGMENT: usize = 1000;

/// Ends a system exclusive message that another status byte ended (RFC 6295, clause 3.2).
const DROPPED: u8 = 0xf5;
/// Ends one that is taken back.
const CANCELLED: u8 = 0xf4;

/// What the header of RTP says.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Counts the packets of a source.
    pub sequence: u16,
    /// The time of the first message, in units of 100 microseconds.
    pub time: u32,
    /// The source.
    pub ssrc: u32,
}

/// A packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Rtp<'a> {
    /// Its header.
    pub header: Header,
    /// Its messages.
    pub list: MidiList<'a>,
    /// What may have been lost before. A journal that makes no sense does not harm the messages.
    pub journal: Option<Result<ReceivedJournal<'a>, DecodeError>>,
}

/// The messages of a packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct MidiList<'a> {
    bytes: &'a [u8],
    /// The Z bit: a delta time precedes the first message as well.
    has_first_delta: bool,
}

/// Something in the list of a packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum MidiListItem<'a> {
    /// A whole message.
    Message(Message<'a>),
    /// A piece of a system exclusive message.
    Segment {
        /// The bytes without those that mark the ends.
        data: &'a [u8],
        /// Whether the message begins here.
        is_first: bool,
        /// What comes after it.
        end: SegmentEnd,
    },
}

/// What comes after a segment.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum SegmentEnd {
    /// More of the message.
    More,
    /// Nothing, the message is whole.
    Last,
    /// Nothing, and the message was never meant.
    Cancelled,
}

impl<'a> Rtp<'a> {
    /// Reads a packet. Its messages are read by [`MidiList::items`].
    ///
    /// # Errors
    ///
    /// If the header is none of RTP, or a length does not fit.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = ByteReader(bytes);
        let [flags, kind] = reader.array()?;
        if flags >> 6 != 2 {
            return Err(DecodeError::BadVersion(flags >> 6));
        }
        if kind & 0x7f < 96 {
            return Err(DecodeError::BadPayload(kind & 0x7f));
        }
        let header = Header { sequence: reader.u16()?, time: reader.u32()?, ssrc: reader.u32()? };
        reader.take(4 * usize::from(flags & 0x0f))?;
        if flags & 0x10 != 0 {
            reader.u16()?;
            let words = usize::from(reader.u16()?);
            reader.take(4 * words)?;
        }
        if flags & 0x20 != 0 {
            let padding = usize::from(*reader.0.last().ok_or(DecodeError::Cut)?);
            let len = reader.0.len().checked_sub(padding.max(1)).ok_or(DecodeError::Cut)?;
            reader.0 = &reader.0[..len];
        }

        let flags = reader.u8()?;
        let mut len = usize::from(flags & 0x0f);
        if flags & 0x80 != 0 {
            len = len << 8 | usize::from(reader.u8()?);
        }
        let list = MidiList { bytes: reader.take(len)?, has_first_delta: flags & 0x20 != 0 };
        let journal = (flags & 0x40 != 0).then(|| ReceivedJournal::new(reader.0));
        Ok(Self { header, list, journal })
    }

    /// Appends a packet with a list and a journal that are encoded already, the list without a first delta time and of at
    /// most [`MAX_LIST`] bytes.
    pub fn encode(header: &Header, list: &[u8], journal: Option<&[u8]>, out: &mut Vec<u8>) {
        debug_assert!(list.len() <= MAX_LIST, "the length has 12 bits");
        // The marker bit would tell an empty list (RFC 6295, clause 2.1); nobody sets it, and some know the byte without it.
        out.extend([0x80, PAYLOAD]);
        out.extend(header.sequence.to_be_bytes());
        out.extend(header.time.to_be_bytes());
        out.extend(header.ssrc.to_be_bytes());
        let flags = if journal.is_some() { 0x40 } else { 0 };
        match u8::try_from(list.len()) {
            Ok(len @ 0..=0x0f) => out.push(flags | len),
            _ => out.extend([0x80 | flags | (list.len() >> 8) as u8, list.len() as u8]),
        }
        out.extend_from_slice(list);
        out.extend_from_slice(journal.unwrap_or_default());
    }
}

impl<'a> MidiList<'a> {
    /// A list as it is encoded.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, has_first_delta: false }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The messages. After an error there are no more.
    pub fn items(&self) -> impl Iterator<Item = Result<MidiListItem<'a>, DecodeError>> + use<'a> {
        let mut reader = ByteReader(self.bytes);
        let mut has_delta = self.has_first_delta;
        let mut running = None;
        std::iter::from_fn(move || {
            let item = next_item(&mut reader, has_delta, &mut running).transpose();
            has_delta = true;
            if item.as_ref().is_some_and(Result::is_err) {
                reader.0 = &[];
            }
            item
        })
    }
}

/// Reads a delta time, if there is one, and what follows it. A delta time may stand at the end, alone.
fn next_item<'a>(
    reader: &mut ByteReader<'a>,
    has_delta: bool,
    running: &mut Option<u8>,
) -> Result<Option<MidiListItem<'a>>, DecodeError> {
    if has_delta && !reader.0.is_empty() {
        let len = reader.0.iter().take(4).position(|byte| *byte < 0x80);
        reader.take(len.ok_or(DecodeError::BadDelta)? + 1)?;
    }
    let Some((&first, rest)) = reader.0.split_first() else { return Ok(None) };
    if first == SYSEX || first == END_OF_SYSEX {
        *running = None;
        return read_segment(reader).map(Some);
    }
    let status = if first >= 0x80 {
        reader.0 = rest;
        first
    } else {
        running.ok_or(DecodeError::Midi(BadMidi::NoStatus))?
    };
    match status {
        0x80..=0xef => *running = Some(status),
        0xf8.. => {}
        _ => *running = None,
    }
    let bad = DecodeError::Midi(BadMidi::BadStatus(status));
    let len = data_len(status).ok_or(bad)?;
    let mut data = [0; 2];
    data[..len].copy_from_slice(reader.take(len)?);
    if data.iter().any(|byte| *byte >= 0x80) {
        return Err(DecodeError::Midi(BadMidi::Cut));
    }
    Message::of(status, data).map(|message| Some(MidiListItem::Message(message))).ok_or(bad)
}

fn read_segment<'a>(reader: &mut ByteReader<'a>) -> Result<MidiListItem<'a>, DecodeError> {
    let is_first = reader.u8()? == SYSEX;
    let len = reader.0.iter().position(|byte| *byte >= 0x80).ok_or(DecodeError::Cut)?;
    let data = reader.take(len)?;
    let end = match reader.u8()? {
        SYSEX => SegmentEnd::More,
        END_OF_SYSEX | DROPPED => SegmentEnd::Last,
        CANCELLED => SegmentEnd::Cancelled,
        _ => return Err(DecodeError::Midi(BadMidi::SysExCut)),
    };
    match SysEx::new(data) {
        Some(sysex) if is_first && end == SegmentEnd::Last => {
            Ok(MidiListItem::Message(Message::SysEx(sysex)))
        }
        _ => Ok(MidiListItem::Segment { data, is_first, end }),
    }
}

/// Appends the segment of a system exclusive message from `at` on.
pub(crate) fn encode_segment(data: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
    let end = data.len().min(at + SEGMENT);
    out.push(if at == 0 { SYSEX } else { END_OF_SYSEX });
    out.extend_from_slice(&data[at..end]);
    out.push(if end < data.len() { SYSEX } else { END_OF_SYSEX });
    end
}
