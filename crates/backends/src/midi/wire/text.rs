//! Messages as one line of text, and back. The manual describes the form under "Messages as text".

use std::fmt::{self, Display, Write};

use super::{Bits, Message, Parser, SysEx};

/// The most bytes that are shown of data that is no message.
const MAX_SHOWN: usize = 256;

/// The messages that have neither channel nor data.
const PLAIN: [(&str, Message<'static>); 7] = [
    ("tune-request", Message::TuneRequest),
    ("clock", Message::Clock),
    ("start", Message::Start),
    ("continue", Message::Continue),
    ("stop", Message::Stop),
    ("active-sensing", Message::ActiveSensing),
    ("reset", Message::Reset),
];

/// Shows complete messages, separated by commas. Anything else is shown as bytes.
pub fn describe(bytes: &[u8], line: &mut String) {
    let start = line.len();
    let mut is_whole = true;
    Parser::default().push(bytes, |message| match message {
        Ok(message) => {
            let comma = if line.len() > start { ", " } else { "" };
            // Writing to a `String` cannot fail.
            let _ = write!(line, "{comma}{message}");
        }
        Err(_) => is_whole = false,
    });
    if is_whole && line.len() - start <= 4 * MAX_SHOWN && compose(&line[start..]).as_deref() == Some(bytes) {
        return;
    }
    line.truncate(start);
    line.push_str("bytes");
    for byte in bytes.iter().take(MAX_SHOWN) {
        let _ = write!(line, " {byte:02x}");
    }
    if bytes.len() > MAX_SHOWN {
        let _ = write!(line, " ... ({} bytes)", bytes.len());
    }
}

/// Parses the text form of [`describe`]. `None` if it is invalid.
pub fn compose(line: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    if let Some(bytes) = line.trim().strip_prefix("bytes") {
        return bytes.split_whitespace().map(hex).collect();
    }
    for part in line.split(',') {
        let words: Vec<_> = part.split_whitespace().collect();
        compose_one(&words, &mut out)?;
    }
    Some(out)
}

fn compose_one(words: &[&str], out: &mut Vec<u8>) -> Option<()> {
    let (&kind, numbers) = words.split_first()?;
    if let Some(bytes) = words.iter().map(|word| hex(word)).collect::<Option<Vec<_>>>() {
        Message::decode(&bytes).ok()?;
        out.extend(bytes);
        return Some(());
    }
    let message = match (kind, numbers) {
        ("note-off", &[channel, note, velocity]) => Message::NoteOff {
            channel: of_channel(channel)?,
            note: number(note)?,
            velocity: number(velocity)?,
        },
        ("note-on", &[channel, note, velocity]) => Message::NoteOn {
            channel: of_channel(channel)?,
            note: number(note)?,
            velocity: number(velocity)?,
        },
        ("pressure", &[channel, note, pressure]) => Message::PolyPressure {
            channel: of_channel(channel)?,
            note: number(note)?,
            pressure: number(pressure)?,
        },
        ("cc", &[channel, controller, value]) => Message::ControlChange {
            channel: of_channel(channel)?,
            controller: number(controller)?,
            value: number(value)?,
        },
        ("program", &[channel, program]) => {
            Message::ProgramChange { channel: of_channel(channel)?, program: number(program)? }
        }
        ("aftertouch", &[channel, pressure]) => {
            Message::ChannelPressure { channel: of_channel(channel)?, pressure: number(pressure)? }
        }
        ("pitch", &[channel, bend]) => {
            Message::PitchBend { channel: of_channel(channel)?, bend: number(bend)? }
        }
        ("quarter-frame", &[piece]) => Message::QuarterFrame(number(piece)?),
        ("song-position", &[position]) => Message::SongPosition(number(position)?),
        ("song", &[song]) => Message::SongSelect(number(song)?),
        (word, &[]) => PLAIN.iter().find(|(name, _)| *name == word)?.1,
        _ => return None,
    };
    message.encode(out);
    Some(())
}

/// Reads a byte of two hexadecimal digits.
pub(crate) fn hex(word: &str) -> Option<u8> {
    let is_byte = word.len() == 2 && word.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_byte.then(|| u8::from_str_radix(word, 16).ok()).flatten()
}

fn of_channel<const N: u32>(word: &str) -> Option<Bits<N>> {
    number(word.strip_prefix("ch")?)
}

/// Reads a number written with digits and nothing else.
pub(crate) fn number<const N: u32>(word: &str) -> Option<Bits<N>> {
    let is_plain = word.bytes().all(|digit| digit.is_ascii_digit());
    Bits::new(word.parse().ok().filter(|_| is_plain)?)
}

/// `note-on ch0 60 127`, `cc ch15 7 64`, `sysex` as its bytes: `f0 47 7f f7`.
impl Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoteOff { channel, note, velocity } => write!(f, "note-off ch{channel} {note} {velocity}"),
            Self::NoteOn { channel, note, velocity } => write!(f, "note-on ch{channel} {note} {velocity}"),
            Self::PolyPressure { channel, note, pressure } => {
                write!(f, "pressure ch{channel} {note} {pressure}")
            }
            Self::ControlChange { channel, controller, value } => {
                write!(f, "cc ch{channel} {controller} {value}")
            }
            Self::ProgramChange { channel, program } => write!(f, "program ch{channel} {program}"),
            Self::ChannelPressure { channel, pressure } => write!(f, "aftertouch ch{channel} {pressure}"),
            Self::PitchBend { channel, bend } => write!(f, "pitch ch{channel} {bend}"),
            Self::SysEx(sysex) => sysex.fmt(f),
            Self::QuarterFrame(piece) => write!(f, "quarter-frame {piece}"),
            Self::SongPosition(position) => write!(f, "song-position {position}"),
            Self::SongSelect(song) => write!(f, "song {song}"),
            Self::TuneRequest
            | Self::Clock
            | Self::Start
            | Self::Continue
            | Self::Stop
            | Self::ActiveSensing
            | Self::Reset => {
                let name = PLAIN.iter().find(|(_, message)| message == self).map_or("", |(name, _)| name);
                f.write_str(name)
            }
        }
    }
}

/// The bytes from `f0` to `f7`.
impl Display for SysEx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("f0")?;
        self.data().iter().try_for_each(|byte| write!(f, " {byte:02x}"))?;
        f.write_str(" f7")
    }
}
