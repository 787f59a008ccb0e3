//! Names the protocol that bytes look like, for notices about a peer that sends to the wrong port or in the wrong framing.
//!
//! It is a guess from how packets of each protocol begin, and only used to explain bytes that were not understood:
//! nothing is refused because of it. Packets that were understood are never looked at. `UnknownSenders` remembers who was
//! explained on a port for datagrams, `Beginning` the first bytes of a stream until it makes sense.

mod beginning;
mod formats;
#[cfg(test)]
mod tests;
mod unknown_senders;

use std::fmt;

use crosspatch_core::{Notice, Outbox};

pub(crate) use beginning::Beginning;
pub(crate) use unknown_senders::UnknownSenders;

/// The kind of notices about other protocols. It is one of its own, so that a flood of garbage does not hide them.
pub(crate) const WRONG_PROTOCOL: &str = "wrong-protocol";

/// The longest piece of a text that a notice shows.
const MAX_EXCERPT: usize = 32;

/// A protocol, with its framing where it has several.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum WireFormat {
    /// OSC without any framing.
    Osc,
    /// OSC with the length of each packet in front (OSC 1.0 over TCP).
    OscLength,
    /// OSC between END bytes of SLIP (OSC 1.1 over TCP).
    OscSlip,
    /// Art-Net.
    ArtNet,
    /// Streaming ACN.
    Sacn,
    /// Session commands of AppleMIDI.
    AppleMidi,
    /// MIDI in RTP.
    RtpMidi,
    /// Anything else in RTP, such as audio.
    Rtp,
    /// MIDI messages as they come over a cable.
    Midi,
    /// Open Pixel Control.
    OpenPixelControl,
    /// DNS, multicast DNS included.
    Dns,
    /// The first packet of an MQTT client.
    Mqtt,
    /// VISCA, as a serial line carries it or with Sony's header for IP.
    Visca,
    /// An HTTP request.
    HttpRequest,
    /// An HTTP answer.
    HttpAnswer,
    /// An HTTP request that asks for a WebSocket.
    WebSocket,
    /// A handshake or an alert of TLS.
    Tls,
    /// Text that a person can read.
    Text,
}

/// Says what a datagram looks like.
pub fn datagram(bytes: &[u8]) -> Option<WireFormat> {
    formats::first_of(formats::DATAGRAMS, bytes)
}

/// Says what a stream looks like that begins with these bytes, of which the last packet may be cut off.
pub fn stream(bytes: &[u8]) -> Option<WireFormat> {
    formats::first_of(formats::STREAMS, bytes)
}

impl WireFormat {
    /// What the operator can do about a peer that sends this where `wanted` is expected.
    fn advice(self, wanted: Self) -> &'static str {
        match (self, wanted) {
            (Self::OscLength, Self::OscSlip) => "set `transport = tcp` here, or SLIP at the sender",
            (Self::OscSlip, Self::OscLength) => "set `transport = slip` here, or OSC 1.0 at the sender",
            (Self::Osc, Self::OscLength) => "set OSC 1.0 over TCP at the sender, or send it over UDP",
            (Self::Osc, Self::OscSlip) => "set OSC 1.1 over TCP (SLIP) at the sender, or send it over UDP",
            (Self::OscLength | Self::OscSlip, Self::Osc) => "switch the framing off at the sender",
            (Self::Osc, _) => "send it to an instance of `osc`",
            (Self::OscLength, _) => "send it to an instance of `osc` with `transport = tcp`",
            (Self::OscSlip, _) => "send it to an instance of `osc` with `transport = slip`",
            (Self::ArtNet, _) => "send it to an instance of `artnet`, port 6454",
            (Self::Sacn, _) => "send it to an instance of `sacn`, port 5568",
            (Self::AppleMidi | Self::RtpMidi, _) => "send it to an instance of `rtpmidi`",
            (Self::OpenPixelControl, _) => {
                "send it to an instance of `openpixelcontrol` with `listen`, port 7890"
            }
            (Self::Midi, _) => "MIDI is read from devices by `midi` and in RTP by `rtpmidi`",
            (Self::Rtp, _) => "check host and port at the sender, no RTP but MIDI is read",
            (Self::Dns, _) => "use another port here or at the sender",
            (Self::Mqtt, _) => "check host and port at the sender, which needs a broker",
            (Self::Visca, _) => "check host and port at the sender, VISCA is not read",
            (Self::HttpRequest, _) => "check host and port at the sender, there is no web page here",
            (Self::HttpAnswer, _) => "check host and port, the other end is a web server",
            (Self::WebSocket, _) => "check host and port at the sender, only `masim` accepts WebSockets",
            (Self::Tls, _) => "switch encryption off at the other end",
            (Self::Text, _) => "check protocol and port at the sender",
        }
    }
}

impl fmt::Display for WireFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Osc => "OSC",
            Self::OscLength => "OSC with a length before each packet",
            Self::OscSlip => "OSC in SLIP",
            Self::ArtNet => "Art-Net",
            Self::Sacn => "sACN",
            Self::AppleMidi => "session commands of RTP-MIDI",
            Self::RtpMidi => "RTP-MIDI",
            Self::Rtp => "RTP such as audio",
            Self::Midi => "MIDI without RTP",
            Self::OpenPixelControl => "Open Pixel Control",
            Self::Dns => "DNS",
            Self::Mqtt => "MQTT",
            Self::Visca => "VISCA",
            Self::HttpRequest => "an HTTP request",
            Self::HttpAnswer => "an HTTP answer",
            Self::WebSocket => "a request for a WebSocket",
            Self::Tls => "TLS",
            Self::Text => "text",
        })
    }
}

/// The diagnosis of bytes that could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Diagnosis {
    /// They look like another protocol; this is the notice.
    News(Notice),
    /// They do, and the operator was already notified.
    Old,
    /// They look like no other protocol.
    Nothing,
}

impl Diagnosis {
    /// Raises a notice of the kind `id`: of the other protocol, or `otherwise` where there is none.
    pub(crate) fn report(self, id: &'static str, out: &mut Outbox, otherwise: impl FnOnce() -> String) {
        match self {
            Self::News(notice) => out.notice(notice),
            Self::Old => {}
            Self::Nothing => out.notice(Notice::warning(id, otherwise())),
        }
    }
}

/// The notice about a stream that begins with these bytes; none if it looks like what is `wanted`, or like nothing.
pub(crate) fn explain_stream(from: &dyn fmt::Display, bytes: &[u8], wanted: WireFormat) -> Option<Notice> {
    let found = stream(bytes).filter(|found| *found != wanted)?;
    Some(explain(from, found, wanted, bytes))
}

/// The notice about a peer that sends `found` where `wanted` is expected.
fn explain(from: &dyn fmt::Display, found: WireFormat, wanted: WireFormat, bytes: &[u8]) -> Notice {
    let bare = |one, other| match (one, other) {
        (WireFormat::Osc, WireFormat::OscLength | WireFormat::OscSlip) => " without framing",
        _ => "",
    };
    let quote = if found == WireFormat::Text { format!(" ({})", excerpt(bytes)) } else { String::new() };
    let text = format!(
        "{from} sends {found}{}{quote} where {wanted}{} is expected; {}",
        bare(found, wanted),
        bare(wanted, found),
        found.advice(wanted)
    );
    Notice::warning(WRONG_PROTOCOL, text)
}

/// The beginning of a text, in backticks.
fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.trim().lines().next().unwrap_or_default();
    let shown: String = line.chars().take(MAX_EXCERPT).collect();
    let more = if shown.len() < text.trim().len() { "..." } else { "" };
    format!("`{}{more}`", shown.replace('`', "'").replace('\t', " "))
}
