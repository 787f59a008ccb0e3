//! Encoding and decoding: bytes of the specification, packets of other devices, and invalid packets.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

fn encoded(packet: &Packet<'_>) -> Vec<u8> {
    // Bytes that are not written stay 0xa5.
    let mut out = vec![0xa5; 3];
    packet.encode(&mut out);
    assert_eq!(out[..3], [0xa5; 3]);
    out.split_off(3)
}

fn universe(text: &str) -> PortAddress {
    text.parse().expect(text)
}

/// One packet of each kind.
fn samples() -> Vec<Packet<'static>> {
    let reply = ArtPollReply {
        net_switch: 1,
        sub_switch: 2,
        short_name: b"short",
        long_name: b"a longer name",
        node_report: b"#0001 [0001] ok",
        ports: 2,
        port_types: [PORT_OUT, PORT_IN, 0, 0],
        good_input: [0, DATA_SEEN, 0, 0],
        good_output: [DATA_SEEN | MERGING | MERGING_LTP, 0, 0, 0],
        sw_in: [0, 4, 0, 0],
        sw_out: [3, 0, 0, 0],
        ..ArtPollReply::plain(Ipv4Addr::new(10, 0, 0, 9), 7)
    };
    vec![
        Packet::Poll(ArtPoll { targets: None }),
        Packet::Poll(ArtPoll { targets: Some((universe("0:0:1"), universe("2:3:4"))) }),
        Packet::PollReply(reply),
        Packet::Dmx(ArtDmx {
            sequence: 9,
            physical: 1,
            port_address: universe("1:2:3"),
            levels: &[1, 0, 255, 255],
        }),
        Packet::Command(ArtCommand { esta: 0x7ff0, text: b"name=value&" }),
        Packet::Sync,
        Packet::Address(ArtAddress { bind_index: 1, command: ArtAddress::MERGE_LTP }),
        Packet::TimeCode(ArtTimeCode { frames: 4, seconds: 3, minutes: 2, hours: 1, kind: 1 }),
        Packet::Trigger(ArtTrigger::new(Key::Macro, 5)),
        Packet::Trigger(ArtTrigger { oem: 0x1234, key: 9, sub_key: 8 }),
        Packet::Other(0x8000),
    ]
}

#[test]
fn what_is_encoded_is_decoded_as_the_same() {
    for packet in samples() {
        assert_eq!(Packet::decode(&encoded(&packet)), Ok(packet), "{packet}");
    }
}

#[test]
fn the_bytes_are_those_of_the_specification() {
    let levels = [0x11, 0x22];
    let dmx = ArtDmx { sequence: 5, physical: 1, port_address: universe("18:3:4"), levels: &levels };
    let expected = b"Art-Net\0\x00\x50\x00\x0e\x05\x01\x34\x12\x00\x02\x11\x22";
    assert_eq!(encoded(&Packet::Dmx(dmx)), expected);
    assert_eq!(encoded(&Packet::Sync), b"Art-Net\0\x00\x52\x00\x0e\0\0");
    assert_eq!(encoded(&Packet::Poll(ArtPoll { targets: None })), b"Art-Net\0\x00\x20\x00\x0e\0\0");
    let time = ArtTimeCode { frames: 4, seconds: 3, minutes: 2, hours: 1, kind: 3 };
    assert_eq!(encoded(&Packet::TimeCode(time)), b"Art-Net\0\x00\x97\x00\x0e\0\0\x04\x03\x02\x01\x03");
    let command = encoded(&Packet::Command(ArtCommand { esta: 0x7ff0, text: b"a=b" }));
    assert_eq!(command, b"Art-Net\0\x00\x24\x00\x0e\x7f\xf0\x00\x04a=b\0");
    let trigger = encoded(&Packet::Trigger(ArtTrigger::new(Key::Show, 7)));
    assert_eq!((&trigger[..18], trigger.len()), (&b"Art-Net\0\x00\x99\x00\x0e\0\0\xff\xff\x03\x07"[..], 530));
    let address = encoded(&Packet::Address(ArtAddress { bind_index: 2, command: 0x50 }));
    assert_eq!((address[13], address[106], address.len()), (2, 0x50, 107));
}

#[test]
fn every_field_of_a_reply_is_where_the_specification_has_it() {
    let reply = encoded(&samples()[2]);
    assert_eq!(reply.len(), 239);
    assert_eq!(reply[8..16], [0x00, 0x21, 10, 0, 0, 9, 0x36, 0x19]);
    assert_eq!((reply[18], reply[19]), (1, 2), "net and sub-net");
    assert_eq!(
        (&reply[26..32], &reply[44..58], &reply[108..114]),
        (&b"short\0"[..], &b"a longer name\0"[..], &b"#0001 "[..])
    );
    assert_eq!(reply[172..178], [0, 2, 0x80, 0x40, 0, 0], "ports and their types");
    assert_eq!((reply[182], reply[187], reply[190]), (0x8a, 4, 3), "state, universe in, universe out");
    assert_eq!(
        (&reply[207..213], reply[200]),
        (&[10, 0, 0, 9, 7, 8][..], 0),
        "bind address, bind index, status, style"
    );
}

#[test]
fn a_reply_of_the_first_revision_is_understood() {
    let mut reply = encoded(&samples()[2]);
    reply.truncate(207);
    let Ok(Packet::PollReply(reply)) = Packet::decode(&reply) else { panic!("it is no reply") };
    assert_eq!((reply.bind_index, reply.long_name), (0, &b"a longer name"[..]));
    assert_eq!(reply.wanted().collect::<Vec<_>>(), [universe("1:2:3")]);
    assert_eq!(reply.sent().collect::<Vec<_>>(), [universe("1:2:4")]);
}

#[test]
fn every_prefix_is_an_error_or_a_shorter_packet_and_never_a_panic() {
    for packet in samples() {
        let bytes = encoded(&packet);
        for end in 0..bytes.len() {
            if let Ok(shorter) = Packet::decode(&bytes[..end]) {
                let mut again = Vec::new();
                shorter.encode(&mut again);
                assert_eq!(Packet::decode(&again), Ok(shorter), "{packet} cut at {end}");
            }
        }
        let mut longer = bytes;
        longer.extend_from_slice(&[7; 100]);
        assert!(Packet::decode(&longer).is_ok(), "{packet} with later fields");
    }
}

#[test]
fn lengths_that_lie_and_old_versions_are_refused() {
    let dmx = |len: u16, levels: usize| {
        let mut bytes = b"Art-Net\0\x00\x50\x00\x0e\x00\x00\x00\x00".to_vec();
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.resize(bytes.len() + levels, 1);
        bytes
    };
    for (len, levels) in [(512, 4), (0, 4), (513, 513), (65_535, 512), (2, 1)] {
        assert_eq!(
            Packet::decode(&dmx(len, levels)),
            Err(DecodeError::Slots(len)),
            "{len} announced, {levels} there"
        );
    }
    assert!(matches!(Packet::decode(&dmx(3, 512)), Ok(Packet::Dmx(ArtDmx { levels: [1, 1, 1], .. }))));
    let mut old = dmx(2, 2);
    old[11] = 0;
    assert_eq!(Packet::decode(&old), Err(DecodeError::Version(0)));
    assert_eq!(Packet::decode(b"Art-Nit\0\x00\x50\x00\x0e"), Err(DecodeError::NotArtNet));
    assert_eq!(Packet::decode(b""), Err(DecodeError::NotArtNet));
}

#[test]
fn an_odd_number_of_slots_is_made_even() {
    let odd = ArtDmx { sequence: 1, physical: 0, port_address: universe("0:0:0"), levels: &[1, 2, 3] };
    let bytes = encoded(&Packet::Dmx(odd));
    assert_eq!(bytes[16..], [0, 4, 1, 2, 3, 0]);
}

#[test]
fn only_universes_of_others_are_left_out() {
    let dmx = |text: &str| ArtDmx { sequence: 1, physical: 0, port_address: universe(text), levels: &[1, 2] };
    let packet = encoded(&Packet::Dmx(dmx("1:2:3")));
    assert!(selection(universe("1:2:3")).takes(&packet));
    for other in ["1:2:4", "1:3:3", "2:2:3"] {
        assert!(!selection(universe(other)).takes(&packet), "{other}");
    }
    for packet in samples().iter().filter(|packet| !matches!(packet, Packet::Dmx(_))) {
        assert!(selection(universe("127:0:0")).takes(&encoded(packet)), "{packet}");
    }
}

#[test]
fn port_addresses_are_read_and_shown() {
    for (text, number) in [("0:0:0", 0), ("0:1:2", 0x12), ("127:15:15", 0x7fff)] {
        assert_eq!((universe(text).number(), universe(text).to_string().as_str()), (number, text));
    }
    for text in ["", "1", "1:2", "1:2:3:4", "128:0:0", "0:16:0", "0:0:16", "-1:0:0", "a:0:0"] {
        assert_eq!(text.parse::<PortAddress>(), Err(NoPortAddress), "{text}");
    }
}

#[test]
fn texts_say_what_matters_and_are_read_again() {
    for text in [
        "ArtPoll",
        "ArtPoll 0:0:1 to 2:3:4",
        "ArtPollReply 10.0.0.9 bind 7 \"node\" out 1:2:3 in 1:2:4",
        "ArtPollReply 0.0.0.0 bind 0 \"\"",
        "ArtDmx 1:2:3 seq 9 phys 1 len 4 1=1 3..4=255",
        "ArtDmx 0:0:0 seq 0 len 512",
        "ArtCommand 0x7ff0 \"name=value&\"",
        "ArtSync",
        "ArtAddress bind 1 command 0x10",
        "ArtTimeCode 01:02:03:04 type 1",
        "ArtTrigger macro 5",
        "ArtTrigger 0x1234 key 9 subkey 8",
        "0x00ff",
    ] {
        let bytes = compose(text).unwrap_or_else(|| panic!("`{text}` is not read"));
        let mut line = String::new();
        describe(&bytes, &mut line);
        assert_eq!(line, text);
    }
    for text in [
        "",
        "ArtDmx",
        "ArtDmx 0:0:0 seq 1 len 4 5=1",
        "ArtDmx 0:0:0 seq 1 len 4 0=1",
        "ArtDmx 0:0:0 seq 1 len 0",
        "ArtSync now",
        "ArtTrigger x 1",
        "0xf",
    ] {
        assert_eq!(compose(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn any_levels_survive(levels in prop::collection::vec(any::<u8>(), 2..=512), sequence: u8, number in 0..0x8000_u16) {
        let levels = &levels[..levels.len() & !1];
        let port_address = PortAddress::new((number >> 8) as u8, number as u8);
        let packet = Packet::Dmx(ArtDmx { sequence, physical: 0, port_address, levels });
        let bytes = encoded(&packet);
        prop_assert_eq!(Packet::decode(&bytes), Ok(packet));
        let mut line = String::new();
        describe(&bytes, &mut line);
        prop_assert_eq!(compose(&line), Some(bytes));
    }

    #[test]
    fn rubbish_is_survived(mut bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0..8_usize) {
        let code = [OP_POLL, OP_POLL_REPLY, OP_COMMAND, OP_DMX, OP_SYNC, OP_ADDRESS, OP_TIME_CODE, OP_TRIGGER][at];
        let mut packet = ID.to_vec();
        packet.extend_from_slice(&code.to_le_bytes());
        packet.append(&mut bytes);
        let mut line = String::new();
        describe(&packet, &mut line);
        prop_assert!(!line.is_empty() && !line.contains('\n'));
    }
}
