//! Whole messages: MIDI 1.0 Detailed Specification 4.2, tables I to VI.

use std::fmt;

use super::{U4, U7, U14};

/// The status byte that begins a system exclusive message.
pub const SYSEX: u8 = 0xf0;
/// The status byte that ends a system exclusive message (EOX).
pub const END_OF_SYSEX: u8 = 0xf7;

/// A message.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// `8n`: a key is released.
    NoteOff {
        /// The channel.
        channel: U4,
        /// The key; 60 is the middle C.
        note: U7,
        /// How fast it was released, 64 if the keyboard does not measure it.
        velocity: U7,
    },
    /// `9n`: a key is pressed. Velocity 0 means that it is released.
    NoteOn {
        /// The channel.
        channel: U4,
        /// The key; 60 is the middle C.
        note: U7,
        /// How fast it was pressed, 64 if the keyboard does not measure it.
        velocity: U7,
    },
    /// `An`: the pressure on one key (polyphonic aftertouch).
    PolyPressure {
        /// The channel.
        channel: U4,
        /// The key.
        note: U7,
        /// The pressure.
        pressure: U7,
    },
    /// `Bn`: a controller, from 120 on a channel mode message.
    ControlChange {
        /// The channel.
        channel: U4,
        /// The number of the controller.
        controller: U7,
        /// Its value.
        value: U7,
    },
    /// `Cn`: a program is selected.
    ProgramChange {
        /// The channel.
        channel: U4,
        /// The program, counted from 0.
        program: U7,
    },
    /// `Dn`: the greatest pressure on any key (aftertouch).
    ChannelPressure {
        /// The channel.
        channel: U4,
        /// The pressure.
        pressure: U7,
    },
    /// `En`: the pitch wheel, or a fader of a control surface.
    PitchBend {
        /// The channel.
        channel: U4,
        /// The position; 8192 is the middle.
        bend: U14,
    },
    /// `F0` to `F7`: a system exclusive message, whose format its manufacturer defines.
    SysEx(SysEx<'a>),
    /// `F1`: an eighth of a time code, the number of the piece in the upper three bits.
    QuarterFrame(U7),
    /// `F2`: a place in a song, in sixteenths.
    SongPosition(U14),
    /// `F3`: a song is selected.
    SongSelect(U7),
    /// `F6`: tune the oscillators.
    TuneRequest,
    /// `F8`: a 24th of a quarter note has passed.
    Clock,
    /// `FA`: the song starts from its beginning.
    Start,
    /// `FB`: the song continues.
    Continue,
    /// `FC`: the song stops.
    Stop,
    /// `FE`: active sensing. A sender that sends it repeats it every 300 ms.
    ActiveSensing,
    /// `FF`: reset to the state after power-up.
    Reset,
}

/// The data bytes between `F0` and `F7`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SysEx<'a>(&'a [u8]);

impl<'a> SysEx<'a> {
    /// The data, if none of its bytes is a status byte.
    pub fn new(data: &'a [u8]) -> Option<Self> {
        data.iter().all(|byte| *byte < 0x80).then_some(Self(data))
    }

    /// The bytes between `F0` and `F7`.
    pub fn data(self) -> &'a [u8] {
        self.0
    }
}

/// What is wrong with the bytes of a message or of a stream.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Data bytes without a status byte.
    NoStatus,
    /// A status byte that the specification leaves undefined, or `F7` with nothing to end.
    BadStatus(u8),
    /// A message that ends, or is cut by another, before it has all its data.
    Cut,
    /// A system exclusive message that is cut by another.
    SysExCut,
    /// A system exclusive message longer than [`MAX_SYSEX`](super::MAX_SYSEX).
    TooLong,
    /// Extra bytes after a whole message.
    Trailing,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStatus => f.write_str("data without a status byte"),
            Self::BadStatus(byte) => write!(f, "the status byte {byte:02x} is not valid here"),
            Self::Cut => f.write_str("a message is incomplete"),
            Self::SysExCut => f.write_str("a system exclusive message is interrupted by another message"),
            Self::TooLong => f.write_str("a system exclusive message is too long"),
            Self::Trailing => f.write_str("there are extra bytes after the message"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// How many data bytes follow a status byte. `None` for data bytes, for the undefined status bytes, and for system
/// exclusive messages, which have no fixed length.
pub const fn data_len(status: u8) -> Option<usize> {
    match status {
        0x80..=0xbf | 0xe0..=0xef | 0xf2 => Some(2),
        0xc0..=0xdf | 0xf1 | 0xf3 => Some(1),
        0xf6 | 0xf8 | 0xfa..=0xfc | 0xfe..=0xff => Some(0),
        0x00..=0x7f | SYSEX | 0xf4..=0xf5 | END_OF_SYSEX | 0xf9 | 0xfd => None,
    }
}

impl<'a> Message<'a> {
    /// Reads one whole message with its status byte; a system exclusive one reaches from `F0` to `F7`.
    ///
    /// # Errors
    ///
    /// If the bytes are less or more than one message, or not one at all.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (&status, data) = bytes.split_first().ok_or(DecodeError::Cut)?;
        if status == SYSEX {
            let (&last, data) = data.split_last().ok_or(DecodeError::Cut)?;
            let end = data.iter().position(|byte| *byte >= 0x80);
            return match end {
                Some(end) if data[end] == END_OF_SYSEX => Err(DecodeError::Trailing),
                Some(_) => Err(DecodeError::SysExCut),
                None if last == END_OF_SYSEX => Ok(Self::SysEx(SysEx(data))),
                None => Err(DecodeError::Cut),
            };
        }
        if status < 0x80 {
            return Err(DecodeError::NoStatus);
        }
        let len = data_len(status).ok_or(DecodeError::BadStatus(status))?;
        match data.iter().position(|byte| *byte >= 0x80).unwrap_or(data.len()) {
            found if found < len => Err(DecodeError::Cut),
            _ if data.len() > len => Err(DecodeError::Trailing),
            _ => {
                let data = [data.first(), data.get(1)].map(|byte| byte.copied().unwrap_or(0));
                Self::of(status, data).ok_or(DecodeError::BadStatus(status))
            }
        }
    }

    /// The message of a status byte other than system exclusive and as much of the data as belongs to it.
    pub(crate) fn of(status: u8, data: [u8; 2]) -> Option<Self> {
        let channel = U4::masked(status.into());
        let [first, second] = data.map(|byte| U7::masked(byte.into()));
        let wide = U14::of_halves(second, first);
        Some(match status {
            0x80..=0x8f => Self::NoteOff { channel, note: first, velocity: second },
            0x90..=0x9f => Self::NoteOn { channel, note: first, velocity: second },
            0xa0..=0xaf => Self::PolyPressure { channel, note: first, pressure: second },
            0xb0..=0xbf => Self::ControlChange { channel, controller: first, value: second },
            0xc0..=0xcf => Self::ProgramChange { channel, program: first },
            0xd0..=0xdf => Self::ChannelPressure { channel, pressure: first },
            0xe0..=0xef => Self::PitchBend { channel, bend: wide },
            0xf1 => Self::QuarterFrame(first),
            0xf2 => Self::SongPosition(wide),
            0xf3 => Self::SongSelect(first),
            0xf6 => Self::TuneRequest,
            0xf8 => Self::Clock,
            0xfa => Self::Start,
            0xfb => Self::Continue,
            0xfc => Self::Stop,
            0xfe => Self::ActiveSensing,
            0xff => Self::Reset,
            0x00..=0x7f | SYSEX | 0xf4..=0xf5 | END_OF_SYSEX | 0xf9 | 0xfd => return None,
        })
    }

    /// The status byte.
    pub fn status(&self) -> u8 {
        match self {
            Self::NoteOff { channel, .. } => 0x80 | channel.byte(),
            Self::NoteOn { channel, .. } => 0x90 | channel.byte(),
            Self::PolyPressure { channel, .. } => 0xa0 | channel.byte(),
            Self::ControlChange { channel, .. } => 0xb0 | channel.byte(),
            Self::ProgramChange { channel, .. } => 0xc0 | channel.byte(),
            Self::ChannelPressure { channel, .. } => 0xd0 | channel.byte(),
            Self::PitchBend { channel, .. } => 0xe0 | channel.byte(),
            Self::SysEx(_) => SYSEX,
            Self::QuarterFrame(_) => 0xf1,
            Self::SongPosition(_) => 0xf2,
            Self::SongSelect(_) => 0xf3,
            Self::TuneRequest => 0xf6,
            Self::Clock => 0xf8,
            Self::Start => 0xfa,
            Self::Continue => 0xfb,
            Self::Stop => 0xfc,
            Self::ActiveSensing => 0xfe,
            Self::Reset => 0xff,
        }
    }

    /// How many bytes the whole message has.
    pub fn encoded_len(&self) -> usize {
        if let Self::SysEx(sysex) = self {
            return sysex.data().len() + 2;
        }
        1 + data_len(self.status()).unwrap_or(0)
    }

    /// Appends the whole message with its status byte.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.status());
        self.encode_data(out);
    }

    /// Appends what follows the status byte.
    pub fn encode_data(&self, out: &mut Vec<u8>) {
        match *self {
            Self::NoteOff { note: first, velocity: second, .. }
            | Self::NoteOn { note: first, velocity: second, .. }
            | Self::PolyPressure { note: first, pressure: second, .. }
            | Self::ControlChange { controller: first, value: second, .. } => {
                out.extend([first.byte(), second.byte()]);
            }
            Self::ProgramChange { program: only, .. }
            | Self::ChannelPressure { pressure: only, .. }
            | Self::QuarterFrame(only)
            | Self::SongSelect(only) => out.push(only.byte()),
            Self::PitchBend { bend: wide, .. } | Self::SongPosition(wide) => {
                out.extend([wide.lsb().byte(), wide.msb().byte()]);
            }
            Self::SysEx(sysex) => {
                out.extend_from_slice(sysex.data());
                out.push(END_OF_SYSEX);
            }
            Self::TuneRequest
            | Self::Clock
            | Self::Start
            | Self::Continue
            | Self::Stop
            | Self::ActiveSensing
            | Self::Reset => {}
        }
    }
}

/// Writes a stream in which a channel message leaves out the status byte of the one before (running status).
#[derive(Clone, Debug, Default)]
pub struct RunningEncoder {
    status: Option<u8>,
}

impl RunningEncoder {
    /// Appends a message. Real-time messages leave the running status alone, other system messages end it.
    pub fn encode(&mut self, message: &Message<'_>, out: &mut Vec<u8>) {
        let status = message.status();
        if self.status == Some(status) {
            return message.encode_data(out);
        }
        message.encode(out);
        match status {
            0x80..=0xef => self.status = Some(status),
            0xf8.. => {}
            _ => self.status = None,
        }
    }

    /// Forgets the running status: the next message has its status byte.
    pub fn reset(&mut self) {
        self.status = None;
    }
}
