//! The rules that recognize each protocol. The lists are sorted by certainty: formats with a signature come first; text
//! and MIDI, which random bytes often match, come last.

use super::WireFormat;
use crate::midi::wire::{Parser, SYSEX};
use crate::osc::wire::{MAX_FRAME, Messages};
use crate::rtpmidi::wire::Packet as RtpMidiPacket;
use crate::shared::mdns::wire::DnsMessage;
use crate::{artnet, openpixelcontrol as opc, sacn};

/// A format, and the rule that recognizes it.
pub(super) type FormatTest = (WireFormat, fn(&[u8]) -> bool);

/// The formats of datagrams.
pub(super) const DATAGRAMS: &[FormatTest] = &[
    (WireFormat::ArtNet, is_art_net),
    (WireFormat::Sacn, is_sacn),
    (WireFormat::Osc, is_osc),
    (WireFormat::OscLength, is_osc_with_length),
    (WireFormat::OscSlip, is_osc_in_slip),
    (WireFormat::AppleMidi, is_apple_midi),
    (WireFormat::RtpMidi, is_rtp_midi),
    (WireFormat::Mqtt, is_mqtt),
    (WireFormat::Tls, is_tls),
    (WireFormat::WebSocket, is_web_socket),
    (WireFormat::HttpRequest, is_http_request),
    (WireFormat::HttpAnswer, is_http_answer),
    (WireFormat::Visca, is_visca),
    (WireFormat::Dns, is_dns),
    (WireFormat::Text, is_text),
    (WireFormat::Midi, is_midi),
    (WireFormat::Rtp, is_rtp),
];

/// The formats of streams.
pub(super) const STREAMS: &[FormatTest] = &[
    (WireFormat::Tls, is_tls),
    (WireFormat::WebSocket, is_web_socket),
    (WireFormat::HttpRequest, is_http_request),
    (WireFormat::HttpAnswer, is_http_answer),
    (WireFormat::Mqtt, is_mqtt),
    (WireFormat::OscLength, is_osc_with_length),
    (WireFormat::OscSlip, is_osc_in_slip),
    (WireFormat::Osc, begins_as_osc),
    (WireFormat::Visca, is_visca),
    (WireFormat::Text, is_text),
    (WireFormat::OpenPixelControl, is_open_pixel_control),
    (WireFormat::Midi, is_midi),
];

/// SLIP's END (RFC 1055).
const END: u8 = 0xc0;

/// The payload type commonly used for RTP-MIDI.
const RTP_MIDI: u8 = 97;

/// The length of the fixed header of RTP (RFC 3550, clause 5.1).
const RTP_HEADER: usize = 12;

/// The first format in the list whose rule matches.
pub(super) fn first_of(rules: &[FormatTest], bytes: &[u8]) -> Option<WireFormat> {
    rules.iter().find(|(_, holds)| holds(bytes)).map(|(format, _)| *format)
}

fn is_art_net(bytes: &[u8]) -> bool {
    bytes.starts_with(artnet::wire::ID)
}

fn is_sacn(bytes: &[u8]) -> bool {
    bytes.starts_with(sacn::wire::PREAMBLE)
}

/// A complete packet whose messages are all valid.
fn is_osc(bytes: &[u8]) -> bool {
    begins_as_osc(bytes) && Messages::of(bytes).all(|message| message.is_ok())
}

/// A packet after its length, possibly incomplete.
fn is_osc_with_length(bytes: &[u8]) -> bool {
    let Some((len, rest)) = bytes.split_first_chunk() else { return false };
    let len = u32::from_be_bytes(*len) as usize;
    let is_plausible = len.is_multiple_of(4) && (4..=MAX_FRAME).contains(&len);
    is_plausible && rest.get(..len).map_or_else(|| may_become_osc(rest), is_osc)
}

/// A packet after an END, or a complete packet before one.
fn is_osc_in_slip(bytes: &[u8]) -> bool {
    let inside = bytes.iter().position(|byte| *byte != END).map_or(&[][..], |start| &bytes[start..]);
    let end = inside.iter().position(|byte| *byte == END);
    let packet = &inside[..end.unwrap_or(inside.len())];
    if inside.len() < bytes.len() { may_become_osc(packet) } else { end.is_some() && is_osc(packet) }
}

/// The head of a bundle, or a complete address and the type tags that must follow it. An incomplete address may be a
/// line of text.
fn begins_as_osc(bytes: &[u8]) -> bool {
    may_become_osc(bytes) && bytes.contains(&0)
}

/// The head of a bundle, or the beginning of an address and what must follow it.
fn may_become_osc(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"#bundle\0") {
        return true;
    }
    let address = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let is_address = address.first() == Some(&b'/')
        && (address.len() > 1 || bytes.len() == 1)
        && address.iter().all(|byte| !byte.is_ascii_control() && *byte != END);
    let padded = (address.len() / 4 + 1) * 4;
    let padding = bytes.get(address.len()..padded.min(bytes.len())).unwrap_or_default();
    is_address && padding.iter().all(|byte| *byte == 0) && bytes.get(padded).is_none_or(|byte| *byte == b',')
}

fn is_apple_midi(bytes: &[u8]) -> bool {
    matches!(RtpMidiPacket::decode(bytes), Ok(RtpMidiPacket::Command(_)))
}

fn is_rtp_midi(bytes: &[u8]) -> bool {
    is_rtp(bytes) && bytes[1] & 0x7f == RTP_MIDI
}

/// Version 2, no contributing sources, and a payload type that is assigned or dynamic (RFC 3551, clause 6).
fn is_rtp(bytes: &[u8]) -> bool {
    bytes.len() > RTP_HEADER && bytes[0] & 0xcf == 0x80 && matches!(bytes[1] & 0x7f, 0..=34 | 96..=127)
}

/// CONNECT with the protocol name (MQTT 3.1, 3.1.1 and 5, clause 3.1).
fn is_mqtt(bytes: &[u8]) -> bool {
    let Some((0x10, rest)) = bytes.split_first() else { return false };
    let len = rest.iter().take(4).take_while(|byte| **byte & 0x80 != 0).count() + 1;
    let behind = rest.get(len..).unwrap_or_default();
    behind.starts_with(b"\0\x04MQTT") || behind.starts_with(b"\0\x06MQIsdp")
}

/// A handshake that begins with a hello, or an alert (RFC 8446, clause 5.1).
fn is_tls(bytes: &[u8]) -> bool {
    match bytes {
        [0x16, 0x03, 0..=4, rest @ ..] => rest.get(2).is_none_or(|kind| matches!(kind, 1 | 2)),
        [0x15, 0x03, 0..=4, 0, 2, 1 | 2, ..] => true,
        _ => false,
    }
}

fn is_http_request(bytes: &[u8]) -> bool {
    let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"];
    let mut rests = methods.iter().filter_map(|method| bytes.strip_prefix(method.as_bytes()));
    rests.any(|rest| rest.first() == Some(&b' '))
}

fn is_web_socket(bytes: &[u8]) -> bool {
    let word = b"websocket";
    is_http_request(bytes) && bytes.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

fn is_http_answer(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.")
}

/// A message to or from a camera, alone or after Sony's header: payload type and length, and a sequence number.
fn is_visca(bytes: &[u8]) -> bool {
    match bytes {
        [0x01, 0x00 | 0x10 | 0x11 | 0x20, high, low, _, _, _, _, rest @ ..]
        | [0x02, 0x00 | 0x01, high, low, _, _, _, _, rest @ ..] => {
            rest.len() == usize::from(u16::from_be_bytes([*high, *low])) && (1..=16).contains(&rest.len())
        }
        [0x81..=0x88, 0x01 | 0x09, rest @ ..] => {
            let end = rest.iter().position(|byte| *byte == 0xff);
            end.is_some_and(|end| (1..=13).contains(&end) && rest[..end].iter().all(|byte| *byte < 0x80))
        }
        _ => false,
    }
}

/// A query or response with at least one supported record.
fn is_dns(bytes: &[u8]) -> bool {
    let is_plain = bytes.get(2..4).is_some_and(|flags| flags[0] & 0x78 == 0 && flags[1] & 0x40 == 0);
    is_plain
        && DnsMessage::decode(bytes)
            .is_some_and(|message| !message.questions.is_empty() || !message.records.is_empty())
}

/// At least two characters, without control characters other than line ends and tabs.
fn is_text(bytes: &[u8]) -> bool {
    let is_plain = |character: char| !character.is_control() || matches!(character, '\r' | '\n' | '\t');
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // The last character may be incomplete.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let text = text.strip_suffix('\0').unwrap_or(text);
    text.trim().len() > 1 && text.chars().all(is_plain)
}

/// A colour or manufacturer message, possibly incomplete, followed by the beginning of another one of the same kind.
fn is_open_pixel_control(bytes: &[u8]) -> bool {
    let Some((&[_, command, high, low], rest)) = bytes.split_first_chunk() else { return false };
    let len = usize::from(u16::from_be_bytes([high, low]));
    let is_known = |command| {
        matches!(command, opc::wire::SET_8_BIT | opc::wire::SET_16_BIT | opc::wire::SYSTEM_EXCLUSIVE)
    };
    let fits = match command {
        opc::wire::SET_8_BIT => len.is_multiple_of(3),
        opc::wire::SET_16_BIT => len.is_multiple_of(6),
        opc::wire::SYSTEM_EXCLUSIVE => len >= 2,
        _ => false,
    };
    fits && len > 0 && rest.get(len + 1).is_none_or(|command| is_known(*command))
}

/// A sequence of valid messages, of which the last may be incomplete.
fn is_midi(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0, 0);
    let has_more_than_real_time = bytes.iter().any(|byte| (0x80..=SYSEX).contains(byte));
    let has_all_data = bytes.windows(2).all(|pair| !matches!(pair, [0x80..=0xef, 0x80..0xf8]));
    if bytes.first().is_some_and(|byte| *byte >= 0x80) && has_more_than_real_time && has_all_data {
        Parser::default().push(bytes, |message| match message {
            Ok(_) => good += 1,
            Err(_) => bad += 1,
        });
    }
    good > 0 && bad == 0
}
