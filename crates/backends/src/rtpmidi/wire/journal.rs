//! The recovery journal (RFC 6295, clause 5): what every packet repeats of those before it, so that no loss has a lasting
//! effect.
//!
//! A journal is shown here as the states that it conveys, whatever chapter they came in. Chapter by chapter: appendix A.2
//! (P, programs), A.3 (C, controllers), A.4 (M, parameters), A.5 (W, pitch wheel), A.6 (N, notes), A.7 (E, extras of notes),
//! A.8 (T, channel pressure), A.9 (A, key pressure).

use crate::midi::wire::{Message, U4, U7, U14};

use super::{ByteReader, DecodeError};

/// How long the header of the journal of a channel is.
const CHANNEL_HEADER: usize = 3;

/// A recovery journal that has come in and is whole. Few are ever read, because few packets are lost, and reading one takes a
/// list.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ReceivedJournal<'a>(&'a [u8]);

impl<'a> ReceivedJournal<'a> {
    /// Checks a journal.
    ///
    /// # Errors
    ///
    /// If a length in it does not fit.
    pub fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        walk(bytes, &mut |_| {}).map(|_| Self(bytes))
    }

    /// What it says.
    pub fn read(self) -> Journal {
        let mut states = Vec::new();
        let checkpoint = walk(self.0, &mut |state| states.push(state));
        Journal { checkpoint: checkpoint.unwrap_or_default(), states }
    }
}

/// A recovery journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// The first packet that the journal covers; it ends with the packet before the one that it is in.
    pub checkpoint: u16,
    /// The states of everything that has changed since then, channel by channel.
    pub states: Vec<JournalState>,
}

/// What something of a channel came to be.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct JournalState {
    /// The MIDI channel.
    pub channel: U4,
    /// What it is about.
    pub what: JournalSubject,
    /// What it came to be.
    pub number: U14,
}

/// Something of a channel that has a state, in the order of the chapters.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JournalSubject {
    /// Chapter P: the program.
    Program,
    /// Chapter C: a controller.
    Control(U7),
    /// Chapter W: the pitch wheel.
    Pitch,
    /// Chapter N: a key; the velocity, 0 when it is released.
    Note(U7),
    /// Chapter T: the greatest pressure on any key.
    Pressure,
    /// Chapter A: the pressure on one key.
    KeyPressure(U7),
}

impl JournalState {
    /// The journal entry of a message, if the journal covers its kind.
    ///
    /// Of the channel mode messages (controllers 120 to 127) only local control is a state. The others are deeds, which must not
    /// be done again.
    pub fn of(message: &Message<'_>) -> Option<Self> {
        let (channel, what, number) = match *message {
            Message::NoteOff { channel, note, .. } => (channel, JournalSubject::Note(note), 0),
            Message::NoteOn { channel, note, velocity } => {
                (channel, JournalSubject::Note(note), velocity.get())
            }
            Message::PolyPressure { channel, note, pressure } => {
                (channel, JournalSubject::KeyPressure(note), pressure.get())
            }
            Message::ControlChange { controller, .. } if is_deed(controller) => return None,
            Message::ControlChange { channel, controller, value } => {
                (channel, JournalSubject::Control(controller), value.get())
            }
            Message::ProgramChange { channel, program } => (channel, JournalSubject::Program, program.get()),
            Message::ChannelPressure { channel, pressure } => {
                (channel, JournalSubject::Pressure, pressure.get())
            }
            Message::PitchBend { channel, bend } => (channel, JournalSubject::Pitch, bend.get()),
            Message::SysEx(_)
            | Message::QuarterFrame(_)
            | Message::SongPosition(_)
            | Message::SongSelect(_)
            | Message::TuneRequest
            | Message::Clock
            | Message::Start
            | Message::Continue
            | Message::Stop
            | Message::ActiveSensing
            | Message::Reset => return None,
        };
        Some(Self { channel, what, number: U14::masked(number) })
    }

    /// The message that brings it about.
    pub fn message(&self) -> Message<'static> {
        let (channel, value) = (self.channel, U7::masked(self.number.get()));
        match self.what {
            JournalSubject::Program => Message::ProgramChange { channel, program: value },
            JournalSubject::Control(controller) => Message::ControlChange { channel, controller, value },
            JournalSubject::Pitch => Message::PitchBend { channel, bend: self.number },
            JournalSubject::Note(note) if value == U7::default() => {
                Message::NoteOff { channel, note, velocity: U7::masked(64) }
            }
            JournalSubject::Note(note) => Message::NoteOn { channel, note, velocity: value },
            JournalSubject::Pressure => Message::ChannelPressure { channel, pressure: value },
            JournalSubject::KeyPressure(note) => Message::PolyPressure { channel, note, pressure: value },
        }
    }
}

fn is_deed(controller: U7) -> bool {
    matches!(controller.get(), 120 | 121 | 123..=127)
}

impl Journal {
    /// Reads a journal.
    ///
    /// # Errors
    ///
    /// If a length in it does not fit.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        ReceivedJournal::new(bytes).map(ReceivedJournal::read)
    }

    /// Appends the journal. The states have to be in the order of their channels.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.push(0);
        out.extend(self.checkpoint.to_be_bytes());
        let mut channels = 0_u8;
        for states in self.states.chunk_by(|one, other| one.channel == other.channel) {
            encode_channel(states, out);
            channels += 1;
        }
        if let Some(last) = channels.checked_sub(1) {
            out[start] = 0x20 | last & 0x0f;
        }
    }
}

/// Hands out the states of a journal, and returns its checkpoint.
fn walk(bytes: &[u8], found: &mut impl FnMut(JournalState)) -> Result<u16, DecodeError> {
    let mut reader = ByteReader(bytes);
    let flags = reader.u8()?;
    let checkpoint = reader.u16()?;
    if flags & 0x40 != 0 {
        let len = usize::from(reader.u16()? & 0x3ff);
        reader.take(len.checked_sub(2).ok_or(DecodeError::BadJournal)?)?;
    }
    if flags & 0x20 != 0 {
        for _ in 0..=flags & 0x0f {
            let header = reader.u16()?;
            let contents = reader.u8()?;
            let len = usize::from(header & 0x3ff).checked_sub(CHANNEL_HEADER);
            let chapters = reader.take(len.ok_or(DecodeError::BadJournal)?)?;
            decode_channel(U4::masked(header >> 11), contents, chapters, found)
                .map_err(|_| DecodeError::BadJournal)?;
        }
    }
    Ok(checkpoint)
}

fn decode_channel(
    channel: U4,
    contents: u8,
    chapters: &[u8],
    found: &mut impl FnMut(JournalState),
) -> Result<(), DecodeError> {
    let mut reader = ByteReader(chapters);
    let mut add = |what, number| found(JournalState { channel, what, number: U14::masked(number) });
    let low = |byte: u8| U7::masked(byte.into());
    if contents & 0x80 != 0 {
        let [program, _, _] = reader.array()?;
        add(JournalSubject::Program, low(program).get());
    }
    if contents & 0x40 != 0 {
        for _ in 0..=reader.u8()? & 0x7f {
            let [controller, value] = reader.array()?;
            // The other two tools count, for pedals that somebody might have pressed and released in between.
            if value < 0x80 {
                add(JournalSubject::Control(low(controller)), value.into());
            }
        }
    }
    if contents & 0x20 != 0 {
        let len = usize::from(reader.u16()? & 0x3ff);
        reader.take(len.checked_sub(2).ok_or(DecodeError::BadJournal)?)?;
    }
    if contents & 0x10 != 0 {
        let [lsb, msb] = reader.array()?;
        add(JournalSubject::Pitch, U14::of_halves(low(msb), low(lsb)).get());
    }
    if contents & 0x08 != 0 {
        decode_notes(&mut reader, &mut add)?;
    }
    if contents & 0x04 != 0 {
        let len = usize::from(reader.u8()? & 0x7f) + 1;
        reader.take(2 * len)?;
    }
    if contents & 0x02 != 0 {
        add(JournalSubject::Pressure, low(reader.u8()?).get());
    }
    if contents & 0x01 != 0 {
        for _ in 0..=reader.u8()? & 0x7f {
            let [note, pressure] = reader.array()?;
            add(JournalSubject::KeyPressure(low(note)), low(pressure).get());
        }
    }
    Ok(())
}

/// Chapter N: first the keys that are down, then a bit for each that was released.
fn decode_notes(
    reader: &mut ByteReader<'_>,
    add: &mut impl FnMut(JournalSubject, u16),
) -> Result<(), DecodeError> {
    let [len, range] = reader.array()?;
    let (first, last) = (range >> 4, range & 0x0f);
    let logs = match (len & 0x7f, first, last) {
        (127, 15, 0) => 128,
        (len, ..) => len,
    };
    for _ in 0..logs {
        let [note, velocity] = reader.array()?;
        // A velocity of 0 is not allowed here; it would release what the log says is down.
        add(JournalSubject::Note(U7::masked(note.into())), u16::from(velocity & 0x7f).max(1));
    }
    for octet in first..=last {
        let bits = reader.u8()?;
        for bit in (0..8).filter(|bit| bits & 0x80 >> bit != 0) {
            add(JournalSubject::Note(U7::masked(u16::from(octet) * 8 + bit)), 0);
        }
    }
    Ok(())
}

/// Appends the journal of a channel. All S bits, and the B bit of chapter N, stay 0: a receiver has to read it whatever it
/// has lost.
fn encode_channel(states: &[JournalState], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend([0; CHANNEL_HEADER]);
    let mut contents = 0;
    let only = |what| states.iter().rfind(|state| state.what == what);
    let byte = |state: &JournalState| U7::masked(state.number.get()).byte();

    if let Some(program) = only(JournalSubject::Program) {
        contents |= 0x80;
        out.extend([byte(program), 0, 0]);
    }
    let controller =
        |what| if let JournalSubject::Control(controller) = what { Some(controller) } else { None };
    contents |= encode_logs(0x40, states, controller, out);
    if let Some(pitch) = only(JournalSubject::Pitch) {
        contents |= 0x10;
        out.extend([pitch.number.lsb().byte(), pitch.number.msb().byte()]);
    }
    contents |= encode_notes(states, out);
    if let Some(pressure) = only(JournalSubject::Pressure) {
        contents |= 0x02;
        out.push(byte(pressure));
    }
    let key = |what| if let JournalSubject::KeyPressure(note) = what { Some(note) } else { None };
    contents |= encode_logs(0x01, states, key, out);

    let channel = states.first().map_or(0, |state| state.channel.get());
    let header = channel << 11 | (out.len() - start) as u16 & 0x3ff;
    out[start..start + 2].copy_from_slice(&header.to_be_bytes());
    out[start + 2] = contents;
}

/// Appends a chapter that lists numbers with their values, behind its length less one, and returns its bit in the table of
/// contents; nothing if the list is empty.
fn encode_logs(
    bit: u8,
    states: &[JournalState],
    number: impl Fn(JournalSubject) -> Option<U7>,
    out: &mut Vec<u8>,
) -> u8 {
    let start = out.len();
    out.push(0);
    for state in states {
        if let Some(number) = number(state.what) {
            out.extend([number.byte(), U7::masked(state.number.get()).byte()]);
        }
    }
    let len = (out.len() - start - 1) / 2;
    match u8::try_from(len).unwrap_or(u8::MAX).checked_sub(1) {
        Some(last) => {
            out[start] = last;
            bit
        }
        None => {
            out.truncate(start);
            0
        }
    }
}

fn encode_notes(states: &[JournalState], out: &mut Vec<u8>) -> u8 {
    let (mut released, mut logs) = ([0_u8; 16], 0_u8);
    let start = out.len();
    out.extend([0; 2]);
    for state in states {
        let JournalSubject::Note(note) = state.what else { continue };
        let (note, velocity) = (note.byte(), U7::masked(state.number.get()).byte());
        if velocity == 0 {
            released[usize::from(note / 8)] |= 0x80 >> (note % 8);
        } else if logs < 128 {
            // The Y bit: it is worth striking the key even late.
            out.extend([note, 0x80 | velocity]);
            logs += 1;
        }
    }
    let first = released.iter().position(|bits| *bits != 0);
    let last = released.iter().rposition(|bits| *bits != 0);
    let range = match (first, last) {
        (Some(first), Some(last)) => {
            out.extend_from_slice(&released[first..=last]);
            (first << 4 | last) as u8
        }
        // Nothing was released: the first octet lies behind the last one. Of all 128 keys the length says 127.
        _ if logs == 128 => 0xf0,
        _ if logs > 0 => 0xf1,
        _ => {
            out.truncate(start);
            return 0;
        }
    };
    out[start] = logs.min(127);
    out[start + 1] = range;
    0x08
}
