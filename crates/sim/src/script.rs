//! Reads the input lines of a transcript.

use std::fmt;

use crosspatch_core::{Backend, Closed, Duration, Instant, Peer, Port, Value};

/// The steps of a scenario, with the times at which they happen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// Times and steps, in the order of the text.
    pub steps: Vec<(Instant, ScriptStep)>,
}

/// Something that happens to a world from outside.
#[derive(Clone, Debug, PartialEq)]
pub enum ScriptStep {
    /// A port or connection is open.
    Opened(String, Port, Peer),
    /// A port or connection has closed.
    Closed(String, Port, Peer, Closed),
    /// A stream is full.
    Full(String, Port, Peer),
    /// A stream has room again.
    Writable(String, Port, Peer),
    /// Datagrams were dropped before they were read.
    Lost(String, Port),
    /// A message was received, as text.
    Received(String, Port, Peer, String),
    /// A value is put on a channel.
    Put(String, Value),
    /// The status of a session is requested.
    Status(String),
    /// The next configuration is installed.
    Reload,
    /// Nothing; time passes until here.
    End,
}

/// A line that is no transcript line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine(String);

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a line of a transcript: `{}`", self.0)
    }
}

impl Script {
    /// Reads a transcript and keeps its input lines.
    ///
    /// # Errors
    ///
    /// The first line that does not begin with a time, or is an input line with a mistake in it.
    pub fn parse(text: &str) -> Result<Self, BadLine> {
        let mut steps = Vec::new();
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            let bad = || BadLine(line.to_owned());
            let (time, event) = line.split_once(' ').ok_or_else(bad)?;
            let time = parse_time(time).ok_or_else(bad)?;
            if let Some(step) = ScriptStep::parse(event).map_err(|Malformed| bad())? {
                steps.push((time, step));
            }
        }
        Ok(Self { steps })
    }
}

/// An input line with a mistake in it.
#[derive(Debug)]
pub struct Malformed;

impl ScriptStep {
    /// Reads a line without its time; `None` if it is an output line.
    ///
    /// # Errors
    ///
    /// If it is an input line with a mistake in it.
    pub fn parse(event: &str) -> Result<Option<Self>, Malformed> {
        match event {
            "end" => return Ok(Some(Self::End)),
            "reload" => return Ok(Some(Self::Reload)),
            _ => {}
        }
        if let Some((channel, value)) = event.split_once(" := ") {
            let value = parse_value(value).ok_or(Malformed)?;
            return Ok(Some(Self::Put(channel.to_owned(), value)));
        }
        if let Some(name) = event.strip_suffix(" status").filter(|name| !name.contains(' ')) {
            return Ok(Some(Self::Status(name.to_owned())));
        }
        let mut words = event.splitn(3, ' ');
        let (Some(place), Some(verb)) = (words.next(), words.next()) else { return Ok(None) };
        let rest = words.next().unwrap_or("");
        let Some((name, port)) = place.rsplit_once('.') else { return Ok(None) };
        let Ok(port) = port.parse().map(Port) else { return Ok(None) };
        let (peer, behind) = split_peer(rest);
        let name = name.to_owned();
        Ok(Some(match verb {
            "opened" if behind.is_empty() => Self::Opened(name, port, peer),
            "full" if behind.is_empty() => Self::Full(name, port, peer),
            "writable" if behind.is_empty() => Self::Writable(name, port, peer),
            "lost" if behind.is_empty() && peer == Peer::Only => Self::Lost(name, port),
            "closed" => Self::Closed(name, port, peer, parse_reason(behind).ok_or(Malformed)?),
            "<-" => Self::Received(name, port, peer, behind.to_owned()),
            "opened" | "full" | "writable" | "lost" => return Err(Malformed),
            _ => return Ok(None),
        }))
    }
}

/// The bytes of a message in a script: `hex 00 ff`, or the text as composed by the backend.
pub(crate) fn message(backend: &Backend, text: &str) -> Vec<u8> {
    let hex = text.strip_prefix("hex").map(|digits| {
        digits.split_whitespace().map(|byte| u8::from_str_radix(byte, 16)).collect::<Result<Vec<u8>, _>>()
    });
    match hex {
        Some(Ok(bytes)) => bytes,
        Some(Err(_)) | None => (backend.compose)(text)
            .unwrap_or_else(|| panic!("the backend `{}` cannot make a message of `{text}`", backend.name)),
    }
}

fn parse_time(text: &str) -> Option<Instant> {
    let (seconds, fraction) = text.strip_prefix('+')?.strip_suffix('s')?.split_once('.')?;
    let micros = match fraction.len() {
        3 => fraction.parse::<u64>().ok()? * 1000,
        6 => fraction.parse().ok()?,
        _ => return None,
    };
    Some(Instant::START + Duration::from_secs(seconds.parse().ok()?) + Duration::from_micros(micros))
}

fn split_peer(text: &str) -> (Peer, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    if let Ok(address) = word.parse() {
        return (Peer::Address(address), rest);
    }
    match word.strip_prefix("client").and_then(|number| number.parse().ok()) {
        Some(number) => (Peer::Connection(number), rest),
        None => (Peer::Only, text),
    }
}

fn parse_value(text: &str) -> Option<Value> {
    match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(text) => Some(Value::text(text)),
        None => text.parse().ok().map(Value::number),
    }
}

/// The reasons as scripts write them, apart from those with a parameter.
const REASONS: &[(&str, Closed)] = &[
    ("by-peer", Closed::ByPeer),
    ("reset", Closed::Reset),
    ("refused", Closed::Refused),
    ("timed-out", Closed::TimedOut),
    ("unreachable", Closed::Unreachable),
    ("not-found", Closed::NameNotFound),
    ("in-use", Closed::InUse(None)),
    ("no-address", Closed::NoSuchAddress),
    ("not-permitted", Closed::NotPermitted),
    ("garbage", Closed::Garbage),
    ("too-long", Closed::TooLong),
    ("not-reading", Closed::NotReading),
    ("unplugged", Closed::Unplugged),
    ("exhausted", Closed::Exhausted),
];

fn parse_reason(word: &str) -> Option<Closed> {
    if let Some(status) = word.strip_prefix("not-websocket-") {
        return status.parse().ok().map(Closed::NotWebSocket);
    }
    REASONS.iter().find(|(name, _)| *name == word).map(|(_, reason)| reason.clone())
}

pub(crate) fn reason_word(reason: &Closed) -> String {
    if let Closed::NotWebSocket(status) = reason {
        return format!("not-websocket-{status}");
    }
    let known = REASONS.iter().find(|(_, known)| known == reason);
    known.map_or_else(|| reason.to_string(), |(word, _)| (*word).to_owned())
}
