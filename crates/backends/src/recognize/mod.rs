//! Recognizes the protocol of bytes, for notices about a peer that uses the wrong port or framing.
//!
//! The result is a guess from the first bytes of a packet. It is only used to explain bytes that could not be decoded;
//! nothing is rejected because of it, and decoded packets are never examined. `UnknownSenders` stores the senders
//! already reported on a datagram port, `Beginning` stores the first bytes of a stream until a packet is decoded.

mod beginning;
mod formats;
#[cfg(test)]
mod tests;
mod unknown_senders;

use std::fmt;

use crosspatch_core::{Notice, Outbox};

pub(crate) use beginning::Beginning;
pub(crate) use unknown_senders::UnknownSenders;

/// The kind of notices about other protocols. It is separate, so that a flood of invalid packets does not suppress
/// them.
pub(crate) const WRONG_PROTOCOL: &str = "wrong-protocol";

/// The maximum length of a text excerpt in a notice.
const MAX_EXCERPT: usize = 32;

/// A protocol, with its framing if it has several.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum WireFormat {
    /// OSC without framing.
    Osc,
    /// OSC with a length before each packet (OSC 1.0 over TCP).
    OscLength,
    /// OSC between SLIP END bytes (OSC 1.1 over TCP).
    OscSlip,
    /// Art-Net.
    ArtNet,
    /// Streaming ACN.
    Sacn,
    /// AppleMIDI session commands.
    AppleMidi,
    /// RTP-MIDI.
    RtpMidi,
    /// Other RTP, such as audio.
    Rtp,
    /// MIDI messages as on a cable.
    Midi,
    /// Open Pixel Control.
    OpenPixelControl,
    /// DNS, including multicast DNS.
    Dns,
    /// The first packet of an MQTT client.
    Mqtt,
    /// VISCA, over a serial line or with Sony's header for IP.
    Visca,
    /// An HTTP request.
    HttpRequest,
    /// An HTTP response.
    HttpAnswer,
    /// An HTTP request for a WebSocket.
    WebSocket,
    /// A TLS handshake or alert.
    Tls,
    /// Human-readable text.
    Text,
}

/// Returns the likely protocol of a datagram.
pub fn datagram(bytes: &[u8]) -> Option<WireFormat> {
    formats::first_of(formats::DATAGRAMS, bytes)
}

/// Returns the likely protocol of a stream that begins with these bytes. The last packet may be incomplete.
pub fn stream(bytes: &[u8]) -> Option<WireFormat> {
    formats::first_of(formats::STREAMS, bytes)
}

impl WireFormat {
    /// What the operator can do about a peer that sends this format when `wanted` is expected.
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
    /// They look like another protocol; contains the notice.
    News(Notice),
    /// They look like another protocol, and the operator was already notified.
    Old,
    /// They look like no other protocol.
    Nothing,
}

impl Diagnosis {
    /// Sends the notice about the other protocol if there is one; otherwise the notice `otherwise` of the kind `id`.
    pub(crate) fn report(self, id: &'static str, out: &mut Outbox, otherwise: impl FnOnce() -> String) {
        match self {
            Self::News(notice) => out.notice(notice),
            Self::Old => {}
            Self::Nothing => out.notice(Notice::warning(id, otherwise())),
        }
    }
}

/// The notice about a stream that begins with these bytes; `None` if it looks like `wanted`, or like no known format.
pub(crate) fn explain_stream(from: &dyn fmt::Display, bytes: &[u8], wanted: WireFormat) -> Option<Notice> {
    let found = stream(bytes).filter(|found| *found != wanted)?;
    Some(explain(from, found, wanted, bytes))
}

/// The notice about a peer that sends `found` when `wanted` is expected.
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

/// An excerpt of the beginning of a text, in backticks.
fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.trim().lines().next().unwrap_or_default();
    let shown: String = line.chars().take(MAX_EXCERPT).collect();
    let more = if shown.len() < text.trim().len() { "..." } else { "" };
    format!("`{}{more}`", shown.replace('`', "'").replace('\t', " "))
}
