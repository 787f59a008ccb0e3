//! Packets as one line of text, and back, as the manual describes them under "Packets as text".

use std::fmt::{self, Display, Write};

use crate::midi::wire as midi;
use crate::shared::mdns::wire::{self as mdns, DnsMessage};

use super::{
    Header, Journal, JournalState, JournalSubject, MidiList, MidiListItem, Packet, Rtp, SegmentEnd,
    SessionCommand, SessionExchange, Timing,
};

/// How many bytes of what cannot be read are shown.
const MAX_SHOWN: usize = 64;

/// Shows a datagram, or its bytes if it is none of ours.
pub fn describe(bytes: &[u8], line: &mut String) {
    // Neither commands nor RTP begin with these bytes, and all that goes to the group of mDNS does.
    if let Some(message) = DnsMessage::decode(bytes).filter(|_| bytes.starts_with(&[0, 0])) {
        let _ = write!(line, "{message}");
        return;
    }
    // Writing to a `String` cannot fail.
    let _ = match Packet::decode(bytes) {
        Ok(Packet::Command(command)) => write!(line, "{command}"),
        Ok(Packet::Rtp(rtp)) => write!(line, "{rtp}"),
        Err(error) => {
            let _ = write!(line, "({error})");
            let shown = bytes.iter().take(MAX_SHOWN).try_for_each(|byte| write!(line, " {byte:02x}"));
            shown.and_then(|()| match bytes.len() {
                0..=MAX_SHOWN => Ok(()),
                len => write!(line, " ... ({len} bytes)"),
            })
        }
    };
}

/// Reads what [`describe`] shows of commands and of packets without a journal; `None` if it makes no sense.
pub fn compose(line: &str) -> Option<Vec<u8>> {
    if line.starts_with("mdns ") {
        return mdns::compose(line);
    }
    let mut out = Vec::new();
    let (head, rest) = line.split_once(['"', ':']).unwrap_or((line, ""));
    let words: Vec<_> = head.split_whitespace().collect();
    let session = |token: &str, ssrc: &str| {
        let name = rest.strip_suffix('"').map(str::to_owned);
        Some(SessionExchange { token: hex(token)?, ssrc: hex(ssrc)?, name })
    };
    let command = match *words.as_slice() {
        ["rtp", sequence, "at", time, "from", ssrc] => {
            let messages = if rest.trim().is_empty() { Vec::new() } else { midi::compose(rest)? };
            let (mut list, mut encoder) = (Vec::new(), midi::RunningEncoder::default());
            midi::Parser::default().push(&messages, |message| {
                if let Ok(message) = message {
                    if !list.is_empty() {
                        list.push(0);
                    }
                    encoder.encode(&message, &mut list);
                }
            });
            let header =
                Header { sequence: sequence.parse().ok()?, time: time.parse().ok()?, ssrc: hex(ssrc)? };
            Rtp::encode(&header, &list, None, &mut out);
            return Some(out);
        }
        ["IN", token, "from", ssrc] => SessionCommand::Invite(session(token, ssrc)?),
        ["OK", token, "from", ssrc] => SessionCommand::Accept(session(token, ssrc)?),
        ["NO", token, "from", ssrc] => SessionCommand::Reject(session(token, ssrc)?),
        ["BY", token, "from", ssrc] => SessionCommand::Bye(session(token, ssrc)?),
        ["CK", count, first, second, third, "from", ssrc] => SessionCommand::Clock(Timing {
            ssrc: hex(ssrc)?,
            count: count.parse().ok().filter(|count| *count <= 2)?,
            times: [first.parse().ok()?, second.parse().ok()?, third.parse().ok()?],
        }),
        ["RS", sequence, "from", ssrc] => {
            SessionCommand::Feedback { ssrc: hex(ssrc)?, sequence: sequence.parse().ok()? }
        }
        ["RL", limit, "from", ssrc] => {
            SessionCommand::BitRate { ssrc: hex(ssrc)?, limit: limit.parse().ok()? }
        }
        _ => return None,
    };
    command.encode(&mut out);
    Some(out)
}

fn hex(word: &str) -> Option<u32> {
    u32::from_str_radix(word, 16).ok().filter(|_| !word.starts_with('+'))
}

/// `IN 0000002a from 12345678 "desk"`, `CK 0 100 0 0 from 12345678`, `RS 17 from 12345678`.
impl Display for SessionCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, session) = match self {
            Self::Invite(session) => ("IN", session),
            Self::Accept(session) => ("OK", session),
            Self::Reject(session) => ("NO", session),
            Self::Bye(session) => ("BY", session),
            Self::Clock(Timing { ssrc, count, times: [first, second, third] }) => {
                return write!(f, "CK {count} {first} {second} {third} from {ssrc:08x}");
            }
            Self::Feedback { ssrc, sequence } => return write!(f, "RS {sequence} from {ssrc:08x}"),
            Self::BitRate { ssrc, limit } => return write!(f, "RL {limit} from {ssrc:08x}"),
        };
        write!(f, "{name} {:08x} from {:08x}", session.token, session.ssrc)?;
        match &session.name {
            Some(name) => write!(f, " \"{}\"", name.escape_debug()),
            None => Ok(()),
        }
    }
}

/// `rtp 17 at 1000 from 12345678: note-on ch0 60 127, cc ch0 7 64 | since 15: ch0 cc7=64`.
impl Display for Rtp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Header { sequence, time, ssrc } = self.header;
        write!(f, "rtp {sequence} at {time} from {ssrc:08x}:{}", self.list)?;
        match &self.journal {
            Some(Ok(journal)) => write!(f, " | {}", journal.read()),
            Some(Err(error)) => write!(f, " | ({error})"),
            None => Ok(()),
        }
    }
}

impl Display for MidiList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, item) in self.items().enumerate() {
            f.write_str(if at > 0 { ", " } else { " " })?;
            match item {
                Ok(MidiListItem::Message(message)) => message.fmt(f)?,
                Ok(MidiListItem::Segment { data, is_first, end }) => {
                    f.write_str(if is_first { "f0" } else { "..." })?;
                    data.iter().try_for_each(|byte| write!(f, " {byte:02x}"))?;
                    f.write_str(match end {
                        SegmentEnd::More => " ...",
                        SegmentEnd::Last => " f7",
                        SegmentEnd::Cancelled => " (cancelled)",
                    })?;
                }
                Err(error) => write!(f, "({error})")?,
            }
        }
        Ok(())
    }
}

impl Display for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "since {}", self.checkpoint)?;
        for (at, JournalState { channel, what, number }) in self.states.iter().enumerate() {
            let comma = if at > 0 { "," } else { ":" };
            write!(f, "{comma} ch{channel}.{what}={number}")?;
        }
        Ok(())
    }
}

impl Display for JournalSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program => f.write_str("program"),
            Self::Control(controller) => write!(f, "cc{controller}"),
            Self::Pitch => f.write_str("pitch"),
            Self::Note(note) => write!(f, "note{note}"),
            Self::Pressure => f.write_str("aftertouch"),
            Self::KeyPressure(note) => write!(f, "pressure{note}"),
        }
    }
}
