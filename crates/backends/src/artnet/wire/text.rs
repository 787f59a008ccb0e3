//! Packets as one line of text, for logs, transcripts and scenarios. The text has the important fields only.

use std::fmt::{self, Write};
use std::net::Ipv4Addr;

use crate::shared::hex;

use super::{
    ArtAddress, ArtCommand, ArtDmx, ArtPoll, ArtPollReply, ArtTimeCode, ArtTrigger, Key, PORT_IN, PORT_OUT,
    Packet, PortAddress,
};

/// Formats a packet. Bytes that are not Art-Net, and packets that are not decoded, are shown in hexadecimal.
pub fn describe(bytes: &[u8], line: &mut String) {
    match Packet::decode(bytes) {
        // Writing to a `String` cannot fail.
        Ok(packet) if !matches!(packet, Packet::Other(_)) => drop(write!(line, "{packet}")),
        Ok(_) | Err(_) => hex::show(bytes, line),
    }
}

/// Parses the text of [`describe`]; `None` if it is invalid. Fields that are not in the text get default values.
pub fn compose(line: &str) -> Option<Vec<u8>> {
    let line = line.trim();
    if let Some(digits) = line.strip_prefix("0x") {
        return hex::parse(digits);
    }
    let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
    let mut words = WordReader { rest };
    let mut out = Vec::new();
    match kind {
        "ArtPoll" => Packet::Poll(words.poll()?).encode(&mut out),
        "ArtPollReply" => words.poll_reply(&mut out)?,
        "ArtCommand" => words.command(&mut out)?,
        "ArtDmx" => words.dmx(&mut out)?,
        "ArtSync" => Packet::Sync.encode(&mut out),
        "ArtAddress" => Packet::Address(words.address()?).encode(&mut out),
        "ArtTimeCode" => Packet::TimeCode(words.time_code()?).encode(&mut out),
        "ArtTrigger" => Packet::Trigger(words.trigger()?).encode(&mut out),
        _ => return None,
    }
    words.rest.trim().is_empty().then_some(out)
}

impl fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poll(ArtPoll { targets: None }) => f.write_str("ArtPoll"),
            Self::Poll(ArtPoll { targets: Some((low, high)) }) => write!(f, "ArtPoll {low} to {high}"),
            Self::PollReply(reply) => reply.fmt(f),
            Self::Command(ArtCommand { esta, text }) => {
                write!(f, "ArtCommand 0x{esta:04x} \"{}\"", text.escape_ascii())
            }
            Self::Dmx(dmx) => dmx.fmt(f),
            Self::Sync => f.write_str("ArtSync"),
            Self::Address(ArtAddress { bind_index, command }) => {
                write!(f, "ArtAddress bind {bind_index} command 0x{command:02x}")
            }
            Self::TimeCode(time) => write!(f, "ArtTimeCode {time} type {}", time.kind),
            Self::Trigger(trigger) => trigger.fmt(f),
            Self::Other(code) => write!(f, "Art-Net packet of kind 0x{code:04x}"),
        }
    }
}

impl fmt::Display for ArtPollReply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.long_name.is_empty() { self.short_name } else { self.long_name };
        write!(f, "ArtPollReply {} bind {} \"{}\"", self.ip, self.bind_index, name.escape_ascii())?;
        self.wanted().try_for_each(|universe| write!(f, " out {universe}"))?;
        self.sent().try_for_each(|universe| write!(f, " in {universe}"))
    }
}

/// The non-zero levels, as `1=255` or, for a run of equal levels, `1..4=255`.
impl fmt::Display for ArtDmx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArtDmx {} seq {}", self.port_address, self.sequence)?;
        if self.physical != 0 {
            write!(f, " phys {}", self.physical)?;
        }
        write!(f, " len {}", self.levels.len())?;
        let mut first = 1;
        for run in self.levels.chunk_by(|one, other| one == other) {
            let last = first + run.len() - 1;
            match run[0] {
                0 => {}
                level if first == last => write!(f, " {first}={level}")?,
                level => write!(f, " {first}..{last}={level}")?,
            }
            first = last + 1;
        }
        Ok(())
    }
}

/// Hours, minutes, seconds and frames, two digits each: `01:02:03:04`.
impl fmt::Display for ArtTimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hours, minutes, seconds, frames, .. } = self;
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}:{frames:02}")
    }
}

impl ArtTimeCode {
    /// Parses hours, minutes, seconds and frames, all within their ranges.
    pub fn parse(text: &str, kind: u8) -> Option<Self> {
        let mut parts = text.split([':', ';', '.']).map(|part| part.parse::<u8>().ok());
        let mut below = |limit| parts.next().flatten().filter(|part| *part < limit);
        let (hours, minutes, seconds, frames) = (below(24)?, below(60)?, below(60)?, below(30)?);
        parts.next().is_none().then_some(Self { frames, seconds, minutes, hours, kind })
    }
}

impl fmt::Display for ArtTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Some(key) => write!(f, "ArtTrigger {} {}", key.name(), self.sub_key),
            None => write!(f, "ArtTrigger 0x{:04x} key {} subkey {}", self.oem, self.key, self.sub_key),
        }
    }
}

/// The remainder of a line.
struct WordReader<'a> {
    rest: &'a str,
}

impl<'a> WordReader<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = self.rest.trim_start().split_once(' ').unwrap_or((self.rest.trim_start(), ""));
        self.rest = rest;
        Some(word).filter(|word| !word.is_empty())
    }

    /// Parses the word after `name`, if `name` comes next.
    fn field<T: std::str::FromStr>(&mut self, name: &str) -> Option<T> {
        let before = self.rest;
        let value =
            if self.next() == Some(name) { self.next().and_then(|word| word.parse().ok()) } else { None };
        if value.is_none() {
            self.rest = before;
        }
        value
    }

    fn poll(&mut self) -> Option<ArtPoll> {
        let Some(low) = self.next() else { return Some(ArtPoll { targets: None }) };
        Some(ArtPoll { targets: Some((low.parse().ok()?, self.field("to")?)) })
    }

    fn poll_reply(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let ip: Ipv4Addr = self.next()?.parse().ok()?;
        let bind_index = self.field("bind")?;
        let name = self.quoted()?;
        let mut reply = ArtPollReply {
            short_name: &name.as_bytes()[..name.len().min(17)],
            long_name: name.as_bytes(),
            ..ArtPollReply::plain(ip, bind_index)
        };
        let wanted: Option<PortAddress> = self.field("out");
        let sent: Option<PortAddress> = self.field("in");
        let shown = wanted.or(sent);
        reply.ports = u8::from(shown.is_some());
        reply.net_switch = shown.map_or(0, PortAddress::net);
        reply.sub_switch = shown.map_or(0, PortAddress::sub);
        reply.port_types[0] = wanted.map_or(0, |_| PORT_OUT) | sent.map_or(0, |_| PORT_IN);
        reply.sw_out[0] = wanted.map_or(0, PortAddress::universe);
        reply.sw_in[0] = sent.map_or(0, PortAddress::universe);
        Packet::PollReply(reply).encode(out);
        Some(())
    }

    /// A text in quotes, without quotes inside.
    fn quoted(&mut self) -> Option<&'a str> {
        let (text, rest) = self.rest.trim_start().strip_prefix('"')?.split_once('"')?;
        self.rest = rest;
        Some(text)
    }

    fn command(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let esta = u16::from_str_radix(self.next()?.strip_prefix("0x")?, 16).ok()?;
        Packet::Command(ArtCommand { esta, text: self.quoted()?.as_bytes() }).encode(out);
        Some(())
    }

    fn dmx(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let port_address = self.next()?.parse().ok()?;
        let sequence = self.field("seq")?;
        let physical = self.field("phys").unwrap_or(0);
        let len = self.field("len").filter(|len| (1..=512).contains(len))?;
        let mut levels = vec![0; len];
        while let Some(run) = self.next() {
            let (range, level) = run.split_once('=')?;
            let (first, last) = range.split_once("..").unwrap_or((range, range));
            let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
            let first = first.checked_sub(1).filter(|first| *first < last)?;
            levels.get_mut(first..last)?.fill(level.parse().ok()?);
        }
        Packet::Dmx(ArtDmx { sequence, physical, port_address, levels: &levels }).encode(out);
        Some(())
    }

    fn address(&mut self) -> Option<ArtAddress> {
        let bind_index = self.field("bind")?;
        let command: String = self.field("command")?;
        Some(ArtAddress { bind_index, command: u8::from_str_radix(command.strip_prefix("0x")?, 16).ok()? })
    }

    fn time_code(&mut self) -> Option<ArtTimeCode> {
        let time = self.next()?;
        ArtTimeCode::parse(time, self.field("type")?)
    }

    fn trigger(&mut self) -> Option<ArtTrigger> {
        let word = self.next()?;
        match (Key::named(word), word.strip_prefix("0x")) {
            (Some(key), _) => Some(ArtTrigger::new(key, self.next()?.parse().ok()?)),
            (None, Some(oem)) => {
                let oem = u16::from_str_radix(oem, 16).ok()?;
                Some(ArtTrigger { oem, key: self.field("key")?, sub_key: self.field("subkey")? })
            }
            (None, None) => None,
        }
    }
}
