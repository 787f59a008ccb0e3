//! Events of the sequencer, `struct snd_seq_event`, from messages and back.

use super::split::split;

/// The length of an event; the data of a long event follows it.
pub(super) const EVENT: usize = 28;

/// A port of the sequencer.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SequencerAddress {
    pub(super) client: u8,
    pub(super) port: u8,
}

impl SequencerAddress {
    /// The port on which the kernel announces changes.
    pub(super) const ANNOUNCEMENTS: Self = Self { client: 0, port: 1 };
    /// All subscribers of the sending port.
    const SUBSCRIBERS: Self = Self { client: 254, port: 253 };
}

/// Direct delivery, without a queue.
const DIRECT: u8 = 253;
/// Flag: the data of the event follows it.
const VARIABLE: u8 = 1 << 2;
/// In the flags: the kind of length.
const LENGTH: u8 = 3 << 2;
/// In the length: where the kernel has the data; of no concern to us.
const LENGTH_BITS: u32 = 0x3fff_ffff;

/// The maximum length of a piece of a system exclusive message: a receiver's queue holds 200 events.
const LONGEST_PIECE: usize = 4096;

const NOTE: u8 = 5;
const NOTEON: u8 = 6;
const NOTEOFF: u8 = 7;
const KEYPRESS: u8 = 8;
const CONTROLLER: u8 = 10;
const PGMCHANGE: u8 = 11;
const CHANPRESS: u8 = 12;
const PITCHBEND: u8 = 13;
const CONTROL14: u8 = 14;
const NONREGPARAM: u8 = 15;
const REGPARAM: u8 = 16;
const SONGPOS: u8 = 20;
const SONGSEL: u8 = 21;
const QFRAME: u8 = 22;
const SYSEX: u8 = 130;

/// Announcements: clients and ports that start, end or change, and subscriptions.
const ANNOUNCED: std::ops::RangeInclusive<u8> = 60..=67;

/// The events that are a status byte and nothing else.
const PLAIN: [(u8, u8); 8] =
    [(0xf6, 40), (0xf8, 36), (0xf9, 37), (0xfa, 30), (0xfb, 31), (0xfc, 32), (0xfe, 42), (0xff, 41)];

/// A received event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SequencerEvent {
    /// Bytes of a message, from that port.
    Data(SequencerAddress, Vec<u8>),
    /// A client or port has appeared or disappeared, or was subscribed.
    Announcement {
        /// Whether a port has disappeared.
        is_exit: bool,
        /// Which port it is about; the client alone where its port is 255.
        about: SequencerAddress,
    },
}

/// Decodes the first event of the data; `None` if it is incomplete.
pub(super) fn decode(bytes: &[u8]) -> Option<(Option<SequencerEvent>, &[u8])> {
    let (event, rest) = bytes.split_first_chunk::<EVENT>()?;
    let source = SequencerAddress { client: event[12], port: event[13] };
    let data = &event[16..];
    if event[1] & LENGTH == VARIABLE {
        let len = (number(data, 0).cast_unsigned() & LENGTH_BITS) as usize;
        let carried = rest.get(..len)?;
        // The data is padded to complete events.
        let rest = rest.get(len.next_multiple_of(EVENT)..).unwrap_or_default();
        let event = (event[0] == SYSEX).then(|| SequencerEvent::Data(source, carried.to_vec()));
        return Some((event, rest));
    }
    if ANNOUNCED.contains(&event[0]) {
        let is_client = event[0] <= 62;
        let about = SequencerAddress { client: data[0], port: if is_client { 0xff } else { data[1] } };
        return Some((
            Some(SequencerEvent::Announcement { is_exit: matches!(event[0], 61 | 64), about }),
            rest,
        ));
    }
    let mut message = Vec::with_capacity(6);
    decode_message(event[0], data, &mut message);
    Some(((!message.is_empty()).then_some(SequencerEvent::Data(source, message)), rest))
}

fn decode_message(kind: u8, data: &[u8], out: &mut Vec<u8>) {
    let channel = data[0] & 0x0f;
    let (param, value) = (number(data, 4), number(data, 8));
    let seven = |number: i32| number.clamp(0, 127) as u8;
    let halves = |number: i32| {
        let number = number.clamp(0, 16383);
        [(number & 0x7f) as u8, (number >> 7) as u8]
    };
    let mut control = |controller: u8, value: u8| out.extend([0xb0 | channel, controller, value]);
    match kind {
        NOTE | NOTEON => out.extend([0x90 | channel, data[1] & 0x7f, data[2] & 0x7f]),
        NOTEOFF => out.extend([0x80 | channel, data[1] & 0x7f, data[2] & 0x7f]),
        KEYPRESS => out.extend([0xa0 | channel, data[1] & 0x7f, data[2] & 0x7f]),
        CONTROLLER => control(seven(param), seven(value)),
        CONTROL14 if param < 32 => {
            let [lsb, msb] = halves(value);
            control(seven(param), msb);
            control(seven(param) + 32, lsb);
        }
        CONTROL14 => control(seven(param), seven(value)),
        NONREGPARAM | REGPARAM => {
            let (at, value) = (halves(param), halves(value));
            let (msb, lsb) = if kind == REGPARAM { (101, 100) } else { (99, 98) };
            for (at, value) in [(msb, at[1]), (lsb, at[0]), (6, value[1]), (38, value[0])] {
                control(at, value);
            }
        }
        PGMCHANGE => out.extend([0xc0 | channel, seven(value)]),
        CHANPRESS => out.extend([0xd0 | channel, seven(value)]),
        PITCHBEND => {
            let [lsb, msb] = halves(value.saturating_add(8192));
            out.extend([0xe0 | channel, lsb, msb]);
        }
        SONGPOS => {
            let [lsb, msb] = halves(value);
            out.extend([0xf2, lsb, msb]);
        }
        SONGSEL => out.extend([0xf3, seven(value)]),
        QFRAME => out.extend([0xf1, seven(value)]),
        _ => out.extend(PLAIN.iter().find(|(_, known)| *known == kind).map(|(status, _)| *status)),
    }
}

/// Encodes complete messages as events from the own port `port` to all its subscribers. Each call of `event` passes one
/// event with its data.
pub(super) fn encode(port: u8, messages: &[u8], mut event: impl FnMut(Vec<u8>)) {
    for message in split(messages) {
        match message.split_first() {
            Some((0xf0, _)) => message.chunks(LONGEST_PIECE).for_each(|piece| event(long(port, piece))),
            Some((&status, data)) => encode_short(port, status, data).into_iter().for_each(&mut event),
            None => {}
        }
    }
}

fn encode_short(port: u8, status: u8, data: &[u8]) -> Option<Vec<u8>> {
    let channel = status & 0x0f;
    let (kind, body) = match (status & 0xf0, data) {
        (0x80, &[note, velocity]) => (NOTEOFF, key(channel, note, velocity)),
        (0x90, &[note, velocity]) => (NOTEON, key(channel, note, velocity)),
        (0xa0, &[note, pressure]) => (KEYPRESS, key(channel, note, pressure)),
        (0xb0, &[controller, value]) => (CONTROLLER, control(channel, controller.into(), value.into())),
        (0xc0, &[program]) => (PGMCHANGE, control(channel, 0, program.into())),
        (0xd0, &[pressure]) => (CHANPRESS, control(channel, 0, pressure.into())),
        (0xe0, &[lsb, msb]) => (PITCHBEND, control(channel, 0, wide(lsb, msb) - 8192)),
        (0xf0, &[lsb, msb]) if status == 0xf2 => (SONGPOS, control(0, 0, wide(lsb, msb))),
        (0xf0, &[song]) if status == 0xf3 => (SONGSEL, control(0, 0, song.into())),
        (0xf0, &[piece]) if status == 0xf1 => (QFRAME, control(0, 0, piece.into())),
        (0xf0, []) => (PLAIN.iter().find(|(known, _)| *known == status)?.1, [0; 12]),
        _ => return None,
    };
    Some(header(port, kind, 0, body).to_vec())
}

fn long(port: u8, piece: &[u8]) -> Vec<u8> {
    let mut body = [0; 12];
    let len = u32::try_from(piece.len()).unwrap_or(LENGTH_BITS);
    body[..4].copy_from_slice(&len.to_ne_bytes());
    [&header(port, SYSEX, VARIABLE, body), piece].concat()
}

fn header(port: u8, kind: u8, flags: u8, body: [u8; 12]) -> [u8; EVENT] {
    let mut event = [0; EVENT];
    (event[0], event[1], event[3]) = (kind, flags, DIRECT);
    event[13] = port;
    (event[14], event[15]) = (SequencerAddress::SUBSCRIBERS.client, SequencerAddress::SUBSCRIBERS.port);
    event[16..].copy_from_slice(&body);
    event
}

/// `struct snd_seq_ev_note`.
fn key(channel: u8, note: u8, velocity: u8) -> [u8; 12] {
    let mut body = [0; 12];
    body[..3].copy_from_slice(&[channel, note, velocity]);
    body
}

/// `struct snd_seq_ev_ctrl`.
fn control(channel: u8, param: u32, value: i32) -> [u8; 12] {
    let mut body = [0; 12];
    body[0] = channel;
    body[4..8].copy_from_slice(&param.to_ne_bytes());
    body[8..].copy_from_slice(&value.to_ne_bytes());
    body
}

fn wide(lsb: u8, msb: u8) -> i32 {
    i32::from(msb) << 7 | i32::from(lsb)
}

fn number(data: &[u8], at: usize) -> i32 {
    data[at..].first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends messages and reads the events back as a receiver would.
    fn around(messages: &[u8]) -> Vec<u8> {
        let mut heard = Vec::new();
        encode(3, messages, |mut event| {
            // The kernel pads the data of a long event.
            event.resize(event.len().next_multiple_of(EVENT), 0);
            let (decoded, rest) = decode(&event).expect("a whole event");
            assert!(rest.is_empty());
            let Some(SequencerEvent::Data(from, bytes)) = decoded else { panic!("no message: {decoded:?}") };
            assert_eq!(from.port, 3);
            heard.extend(bytes);
        });
        heard
    }

    #[test]
    fn every_message_goes_both_ways() {
        for status in 0x80..0xf0_u8 {
            let message = [status, 0x7f, 0x01];
            let message = if matches!(status & 0xf0, 0xc0 | 0xd0) { &message[..2] } else { &message[..] };
            assert_eq!(around(message), message);
        }
        for message in [
            &[0xf1, 0x35][..],
            &[0xf2, 0x7f, 0x7f],
            &[0xf3, 5],
            &[0xf6],
            &[0xf8],
            &[0xfa],
            &[0xfb],
            &[0xfc],
            &[0xfe],
            &[0xff],
            &[0xf0, 0xf7],
            &[0xf0, 1, 2, 3, 0xf7],
            &[0x90, 1, 2, 0xf0, 3, 0xf7, 0xf8, 0xe0, 0, 0],
        ] {
            assert_eq!(around(message), message);
        }
        let long = [&[0xf0][..], &[0x11; 10_000], &[0xf7]].concat();
        assert_eq!(around(&long), long);
        let mut pieces = 0;
        encode(0, &long, |_| pieces += 1);
        assert_eq!(pieces, 3);
    }

    #[test]
    fn what_is_no_message_is_no_event() {
        for bytes in [&[0x01, 0x02][..], &[0x90, 1], &[0x90], &[0xf4], &[0xf7], &[0xc0, 1, 2]] {
            assert!(around(bytes).is_empty(), "{bytes:x?}");
        }
        assert_eq!(around(&[0xf0, 1, 0x90, 2, 3]), [0xf0, 1, 0x90, 2, 3], "an open one stays open");
    }

    #[test]
    fn events_that_say_several_messages_are_understood() {
        let event = |kind, body| {
            let bytes = header(0, kind, 0, body);
            match decode(&bytes).expect("a whole event").0 {
                Some(SequencerEvent::Data(_, bytes)) => bytes,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(event(CONTROL14, control(1, 7, 16383)), [0xb1, 7, 127, 0xb1, 39, 127]);
        assert_eq!(event(CONTROL14, control(1, 70, 5)), [0xb1, 70, 5]);
        assert_eq!(
            event(NONREGPARAM, control(2, 900, 129)),
            [0xb2, 99, 7, 0xb2, 98, 4, 0xb2, 6, 1, 0xb2, 38, 1]
        );
        assert_eq!(event(REGPARAM, control(0, 1, 0)), [0xb0, 101, 0, 0xb0, 100, 1, 0xb0, 6, 0, 0xb0, 38, 0]);
        assert_eq!(event(PITCHBEND, control(0, 0, i32::MAX)), [0xe0, 127, 127]);
        assert_eq!(event(CONTROLLER, control(0xff, u32::MAX, -5)), [0xbf, 0, 0]);
    }

    #[test]
    fn every_prefix_and_any_bytes_are_survived() {
        let mut bytes = Vec::new();
        encode(0, &[0xf0, 1, 2, 0xf7], |event| bytes = event);
        for len in 0..bytes.len() {
            assert_eq!(decode(&bytes[..len]), None);
        }
        let mut huge = header(0, SYSEX, VARIABLE, [0xff; 12]).to_vec();
        huge.resize(100, 0);
        assert_eq!(decode(&huge), None);
        for kind in 0..=255_u8 {
            let mut rest = &header(0, kind, 0, [0xff; 12])[..];
            while let Some((_, left)) = decode(rest) {
                rest = left;
            }
        }
    }
}
