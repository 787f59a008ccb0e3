//! The packets of the attacks, as bytes.
//!
//! They are built here from the formats, without the encoders of the program: OSC 1.0 (bundles, patterns, blobs), Art-Net 4
//! (`ArtDmx`), RFC 6455 (WebSocket frames) and RFC 6295 (recovery journals of RTP-MIDI).

/// The longest payload of a UDP datagram over IPv4.
pub const LONGEST: usize = 65_507;

/// How deep bundles may be nested before a receiver gives up.
const DEPTH: usize = 8;

const BUNDLE: &[u8] = b"#bundle\0\0\0\0\0\0\0\0\x01";

/// An OSC message with one float.
pub fn message(address: &str, level: f32) -> Vec<u8> {
    let mut message = Vec::new();
    pad(address, &mut message);
    pad(",f", &mut message);
    message.extend(level.to_be_bytes());
    message
}

/// An OSC message with one blob of this length, which is a multiple of four.
pub fn blob(address: &str, len: usize) -> Vec<u8> {
    let mut message = Vec::new();
    pad(address, &mut message);
    pad(",b", &mut message);
    message.extend((len as u32).to_be_bytes());
    message.resize(message.len() + len, 0x5a);
    message
}

/// A packet with its length in front, as OSC 1.0 has it in streams and bundles have it for their elements.
pub fn with_length(packet: &[u8]) -> Vec<u8> {
    [&(packet.len() as u32).to_be_bytes(), packet].concat()
}

/// A packet between the ends of SLIP, as OSC 1.1 has it in streams.
pub fn slip(packet: &[u8]) -> Vec<u8> {
    let mut stream = vec![0xc0];
    for byte in packet {
        match byte {
            0xc0 => stream.extend([0xdb, 0xdc]),
            0xdb => stream.extend([0xdb, 0xdd]),
            byte => stream.push(*byte),
        }
    }
    stream.push(0xc0);
    stream
}

/// A bundle of these packets.
pub fn bundle<Packet: AsRef<[u8]>>(packets: impl IntoIterator<Item = Packet>) -> Vec<u8> {
    let mut bundle = BUNDLE.to_vec();
    packets.into_iter().for_each(|packet| bundle.extend(with_length(packet.as_ref())));
    bundle
}

/// A bundle that is as long as a datagram can be: `packet` again and again, and `last` at the end.
pub fn full_bundle(packet: &[u8], last: &[u8]) -> Vec<u8> {
    let room = LONGEST - BUNDLE.len() - 4 - last.len();
    let copies = room / (4 + packet.len());
    bundle(std::iter::repeat_n(packet, copies).chain([last]))
}

/// A bundle that is as long as a datagram can be, of bundles within bundles that are as deep as allowed, each around one
/// `message`.
pub fn nested(message: &[u8]) -> Vec<u8> {
    let chain = (2..DEPTH).fold(bundle([message]), |inner, _| bundle([inner]));
    full_bundle(&chain, &chain)
}

/// A frame of 512 slots for an Art-Net universe.
pub fn art_dmx(universe: u16, level: u8) -> Vec<u8> {
    let mut packet = b"Art-Net\0\x00\x50\x00\x0e\x00\x00".to_vec();
    packet.extend(universe.to_le_bytes());
    packet.extend(512_u16.to_be_bytes());
    packet.resize(packet.len() + 512, level);
    packet
}

/// The request with which a client begins a WebSocket.
pub const UPGRADE: &str = "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: rbEcMmnKLLYMzAmcLOKENg==\r\n\r\n";

/// A WebSocket frame with this first byte, unmasked.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(len as u8),
        len @ 126..0x10000 => {
            frame.push(126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            frame.push(127);
            frame.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// Where an RTP packet has its sequence number.
pub const RTP_NUMBER: usize = 2;

/// An RTP packet without a command, with a journal of all controllers, keys and key pressures of all 16 channels, which have
/// this value of 7 bits. A receiver reads the journal if it has missed a packet.
pub fn journal(value: u8) -> Vec<u8> {
    let mut packet = vec![0x80, 0x61, 0, 0, 0, 0, 0, 0, 0xfe, 0xed, 0xfa, 0xce];
    // No command, and a journal: of channels, 16 of them, since the first packet.
    packet.extend([0x40, 0x2f, 0, 1]);
    let pairs = |value| (0..0x80).flat_map(move |number| [number, value]);
    for channel in 0..16_u16 {
        let mut chapters = vec![127];
        chapters.extend(pairs(value));
        chapters.extend([127, 0xf0]);
        chapters.extend(pairs(value | 1));
        chapters.push(127);
        chapters.extend(pairs(value));
        packet.extend((channel << 11 | (3 + chapters.len() as u16)).to_be_bytes());
        // Chapters C, N and A.
        packet.push(0x40 | 0x08 | 0x01);
        packet.extend(chapters);
    }
    packet
}

/// Bytes that look random and are the same each time.
pub fn rubbish(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Appends a text as OSC has it: it ends with at least one zero, at a multiple of four.
pub(crate) fn pad(text: &str, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend(text.as_bytes());
    out.resize(start + (text.len() / 4 + 1) * 4, 0);
}
