//! Tests of the codec: bytes of the specification, rejects, prefixes, properties.

use proptest::prelude::*;

use super::*;

const CID: Cid =
    Cid([0xef, 0x07, 0xc8, 0xdd, 0x00, 0x64, 0x44, 0x01, 0xa3, 0xa2, 0x45, 0x9e, 0xf8, 0xe6, 0x14, 0x3e]);
const CID_TEXT: &str = "ef07c8dd-0064-4401-a3a2-459ef8e6143e";

/// A layer as in the tables of clause 4: flags and length, then the content.
fn layer(vector: &[u8], rest: &[&[u8]]) -> Vec<u8> {
    let body = [vector, &rest.concat()].concat();
    let length = 0x7000 | (body.len() + 2) as u16;
    [&length.to_be_bytes()[..], &body].concat()
}

fn root(vector: u8, framing: &[u8]) -> Vec<u8> {
    let head = b"\x00\x10\x00\x00\x41\x53\x43\x2d\x45\x31\x2e\x31\x37\x00\x00\x00";
    [&head[..], &layer(&[0, 0, 0, vector], &[&CID.0, framing])].concat()
}

fn name(text: &str) -> Vec<u8> {
    let mut field = text.as_bytes().to_vec();
    field.resize(64, 0);
    field
}

/// Table 4-1 with the example values from the specification's clause on the layers.
fn data_bytes() -> Vec<u8> {
    let properties = layer(&[0x02, 0xa1, 0, 0, 0, 1], &[&[0, 4], &[0x00, 255, 128, 0]]);
    let options = [101, 0x1f, 0x1a, 154, 0b1010_0000, 0, 1];
    root(4, &layer(&[0, 0, 0, 2], &[&name("Source_A"), &options, &properties]))
}

/// Table 4-2.
fn sync_bytes() -> Vec<u8> {
    root(8, &layer(&[0, 0, 0, 1], &[&[154, 0x1f, 0x1a, 0, 0]]))
}

/// Table 4-3.
fn discovery_bytes() -> Vec<u8> {
    let list = layer(&[0, 0, 0, 1], &[&[0, 1], &[0, 1, 0x9c, 0x40, 0xf9, 0xff]]);
    root(8, &layer(&[0, 0, 0, 2], &[&name("Source_A"), &[0; 4], &list]))
}

fn good() -> [(Vec<u8>, String); 3] {
    [
        (
            data_bytes(),
            format!(
                "data 1 seq 154 priority 101 sync 7962 preview force-sync cid {CID_TEXT} \"Source_A\" slots 255 128 0"
            ),
        ),
        (sync_bytes(), format!("sync 7962 seq 154 cid {CID_TEXT}")),
        (
            discovery_bytes(),
            format!("discovery page 0 of 1 cid {CID_TEXT} \"Source_A\" universes 1 40000 63999"),
        ),
    ]
}

#[test]
fn bytes_become_text_and_bytes_again() {
    for (bytes, text) in good() {
        let mut line = String::new();
        describe(&bytes, &mut line);
        assert_eq!(line, text);
        assert_eq!(compose(&text), Some(bytes), "{text}");
    }
}

#[test]
fn encoding_writes_every_byte_and_no_other() {
    for (bytes, text) in good() {
        let mut out = Vec::from([0xa5; 2048]);
        out.truncate(3);
        Packet::decode(&bytes).expect(&text).encode(&mut out);
        assert_eq!((&out[..3], &out[3..]), (&[0xa5; 3][..], &bytes[..]), "{text}");
    }
}

/// Packets as encoded by the Python library `sacn` 1.11.0.
#[test]
fn packets_that_others_make_are_read() {
    const CID: &str = "01020304-0506-0708-090a-0b0c0d0e0f10";
    let captures = [
        (
            &include_bytes!("../../../../../fuzz/corpus/sacn/data")[..],
            format!("data 7 seq 9 priority 120 cid {CID} \"Python desk\" slots 1 2 3 0*509"),
        ),
        (include_bytes!("../../../../../fuzz/corpus/sacn/sync"), format!("sync 7962 seq 200 cid {CID}")),
        (
            include_bytes!("../../../../../fuzz/corpus/sacn/discovery"),
            format!("discovery page 0 of 0 cid {CID} \"Python desk\" universes 1 7 63999"),
        ),
    ];
    for (bytes, text) in captures {
        let mut line = String::new();
        describe(bytes, &mut line);
        assert_eq!(line, text);
    }
}

#[test]
fn packets_are_as_long_as_the_specification_says() {
    let data = |slots| Data {
        cid: CID,
        name: b"",
        priority: 100,
        sync_address: 0,
        sequence: 0,
        preview: false,
        terminated: false,
        force_sync: false,
        universe: 1,
        start_code: LEVELS,
        slots,
    };
    let (mut full, mut over) = (Vec::new(), Vec::new());
    data(&[7; SLOTS]).encode(&mut full);
    assert_eq!(full.len(), 638);
    data(&[7; SLOTS + 1]).encode(&mut over);
    assert_eq!(over, full, "what does not fit is left out");
    assert_eq!(sync_bytes().len(), 49);
    let universes = (1..=600).collect();
    let mut list = Vec::new();
    Discovery { cid: CID, name: &[b'x'; 99], page: 0, last_page: 0, universes }.encode(&mut list);
    assert_eq!(list.len(), 1144);
    let Ok(Packet::Discovery(list)) = Packet::decode(&list) else { panic!("a list became something else") };
    assert_eq!((list.name.len(), list.universes.len()), (MAX_NAME, UNIVERSES_PER_PAGE));
}

#[test]
fn data_of_other_universes_is_not_selected_and_all_else_is() {
    for (universe, is_selected) in [(1, true), (2, false), (256, false)] {
        let selection = selection(universe);
        assert_eq!(selection.takes(&data_bytes()), is_selected, "{universe}");
        assert!([&sync_bytes()[..], &discovery_bytes(), b""].iter().all(|bytes| selection.takes(bytes)));
    }
}

#[test]
fn groups_are_those_of_the_specification() {
    for (universe, v4, v6) in [
        (1, "239.255.0.1", "ff18::8300:1"),
        (256, "239.255.1.0", "ff18::8300:100"),
        (LAST_UNIVERSE, "239.255.249.255", "ff18::8300:f9ff"),
        (DISCOVERY_UNIVERSE, "239.255.250.214", "ff18::8300:fad6"),
    ] {
        assert_eq!((group_v4(universe).to_string(), group_v6(universe).to_string()), (v4.into(), v6.into()));
    }
}

#[test]
fn names_that_fill_their_field_and_bytes_behind_the_end_are_let_pass() {
    let mut bytes = data_bytes();
    bytes[44..108].fill(b'n');
    bytes.extend_from_slice(&[1, 2, 3]);
    let Ok(Packet::Data(data)) = Packet::decode(&bytes) else { panic!("a packet was refused") };
    assert_eq!((data.name.len(), data.slots), (MAX_NAME, &[255, 128, 0][..]));
}

#[test]
fn what_is_wrong_is_named() {
    type Change = fn(&mut Vec<u8>);
    let cases: [(Change, DecodeError); 16] = [
        (|bytes| bytes.clear(), DecodeError::NotAcn),
        (|bytes| bytes[1] = 0x11, DecodeError::NotAcn),
        (|bytes| bytes[4] = b'B', DecodeError::NotAcn),
        (|bytes| bytes[16] = 0xf0, DecodeError::Flags(0xf)),
        (|bytes| bytes[16..18].copy_from_slice(&[0x7f, 0xff]), DecodeError::Length(0xfff)),
        (|bytes| bytes[16..18].copy_from_slice(&[0x70, 0x01]), DecodeError::Length(1)),
        (|bytes| bytes[16..18].copy_from_slice(&[0x70, 0x10]), DecodeError::Truncated),
        (|bytes| bytes[21] = 3, DecodeError::RootVector(3)),
        (|bytes| bytes[43] = 9, DecodeError::FramingVector(9)),
        (|bytes| bytes[38] = 0x00, DecodeError::Flags(0)),
        (|bytes| bytes[39] = 0xff, DecodeError::Length(0xff)),
        (|bytes| bytes[118] = 0xa2, DecodeError::Properties),
        (|bytes| bytes[122] = 2, DecodeError::Properties),
        (|bytes| bytes[124] = 5, DecodeError::Count(5)),
        (|bytes| bytes[124] = 0, DecodeError::Count(0)),
        (|bytes| bytes[123..125].copy_from_slice(&[0xff, 0xff]), DecodeError::Count(0xffff)),
    ];
    for (at, (change, error)) in cases.into_iter().enumerate() {
        let mut bytes = data_bytes();
        change(&mut bytes);
        assert_eq!(Packet::decode(&bytes), Err(error), "case {at}");
        assert!(!error.to_string().is_empty());
        let (mut line, mut again) = (String::new(), String::new());
        describe(&bytes, &mut line);
        assert!(line.starts_with("0x"), "{line}");
        if let Some(bytes) = compose(&line) {
            describe(&bytes, &mut again);
            assert_eq!(line, again);
        }
    }
}

#[test]
fn lengths_that_lie_in_any_layer_are_refused_or_do_no_harm() {
    for (bytes, lengths) in
        [(data_bytes(), &[16, 38, 115][..]), (sync_bytes(), &[16, 38]), (discovery_bytes(), &[16, 38, 112])]
    {
        let packet = Packet::decode(&bytes).expect("a packet");
        for &at in lengths {
            let right = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
            for length in (0x7000..=0x7fff).filter(|length| *length != right) {
                let mut bytes = bytes.clone();
                bytes[at..at + 2].copy_from_slice(&u16::to_be_bytes(length));
                // A length that is too long exceeds the enclosing layer; one that is too short may cut off unused
                // bytes.
                let is_longer = length > right;
                assert!(
                    !Packet::decode(&bytes)
                        .is_ok_and(|read| is_longer || read != packet && !is_part(&read, &packet)),
                    "length 0x{length:x} at {at}"
                );
            }
        }
    }
}

/// Whether a list contains only universes of another list.
fn is_part(part: &Packet<'_>, whole: &Packet<'_>) -> bool {
    match (part, whole) {
        (Packet::Discovery(part), Packet::Discovery(whole)) => whole.universes.starts_with(&part.universes),
        _ => false,
    }
}

#[test]
fn lists_that_make_no_sense_are_refused() {
    for (at, byte) in [(115, 2), (112, 0x60)] {
        let mut bytes = discovery_bytes();
        bytes[at] = byte;
        assert!(Packet::decode(&bytes).is_err(), "byte {at}");
    }
    let odd = layer(&[0, 0, 0, 1], &[&[0, 1], &[0]]);
    let odd = root(8, &layer(&[0, 0, 0, 2], &[&name(""), &[0; 4], &odd]));
    assert_eq!(Packet::decode(&odd), Err(DecodeError::UniverseList));
    let long = layer(&[0, 0, 0, 1], &[&[0, 1], &[7; 1026]]);
    let long = root(8, &layer(&[0, 0, 0, 2], &[&name(""), &[0; 4], &long]));
    assert_eq!(Packet::decode(&long), Err(DecodeError::UniverseList));
}

#[test]
fn more_slots_than_a_universe_has_are_refused() {
    let properties = layer(&[0x02, 0xa1, 0, 0, 0, 1], &[&[2, 2], &[0; 514]]);
    let bytes = root(4, &layer(&[0, 0, 0, 2], &[&name(""), &[100, 0, 0, 1, 0, 0, 1], &properties]));
    assert_eq!(Packet::decode(&bytes), Err(DecodeError::Count(514)));
}

#[test]
fn every_prefix_of_a_good_packet_is_refused() {
    for (bytes, text) in good() {
        for end in 0..bytes.len() {
            assert!(Packet::decode(&bytes[..end]).is_err(), "{text} cut at {end}");
        }
    }
}

#[test]
fn other_lines_are_no_packets() {
    for text in [
        "",
        "data",
        "data 1",
        "data 1 cid aa*16",
        "data 1 cid aa*16 \"x\"",
        "data 1 cid aa*16 \"x slots 1",
        "data 1 cid aa*16 \"\\n\" slots 1",
        "data 1 cid aa*16 \"x\" slots 256",
        "data 1 cid aa*16 \"x\" slots 0*513",
        "data 1 cid aa*16 \"x\" start dd slots 0",
        "data 70000 cid aa*16 \"x\" slots 1",
        "sync 1 seq 256 cid aa*16",
        "sync 1 cid aa*16 more",
        "discovery page 0 cid aa*16 \"x\" universes 1",
        "discovery page 0 of 0 cid aa*16 \"x\" universes x",
        "0x1",
        "rubbish 1",
    ] {
        assert_eq!(compose(text), None, "{text}");
    }
}

fn cid() -> impl Strategy<Value = Cid> {
    prop_oneof![any::<[u8; 16]>(), any::<u8>().prop_map(|byte| [byte; 16])].prop_map(Cid)
}

fn packet() -> impl Strategy<Value = Vec<u8>> {
    let name = "[ -~é]{0,24}";
    let data = (
        (cid(), name, any::<u8>(), any::<u16>(), any::<u8>()),
        (any::<[bool; 3]>(), any::<u16>(), any::<u8>(), prop::collection::vec(0..4_u8, 0..=SLOTS)),
    );
    let data = data.prop_map(
        |((cid, name, priority, sync_address, sequence), (flags, universe, start_code, slots))| {
            let [preview, terminated, force_sync] = flags;
            let name = name.as_bytes();
            let slots = &slots;
            let data = Data {
                cid,
                name,
                priority,
                sync_address,
                sequence,
                preview,
                terminated,
                force_sync,
                universe,
                start_code,
                slots,
            };
            let mut out = Vec::new();
            data.encode(&mut out);
            assert_eq!(Packet::decode(&out), Ok(Packet::Data(data)));
            out
        },
    );
    let sync = (cid(), any::<u8>(), any::<u16>()).prop_map(|(cid, sequence, address)| {
        let (mut out, sync) = (Vec::new(), Synchronization { cid, sequence, address });
        sync.encode(&mut out);
        assert_eq!(Packet::decode(&out), Ok(Packet::Synchronization(sync)));
        out
    });
    let universes = prop::collection::vec(any::<u16>(), 0..=UNIVERSES_PER_PAGE);
    let discovery = (cid(), name, any::<u8>(), any::<u8>(), universes).prop_map(
        |(cid, name, page, last_page, universes)| {
            let list = Discovery { cid, name: name.as_bytes(), page, last_page, universes: universes.into() };
            let mut out = Vec::new();
            list.encode(&mut out);
            assert_eq!(Packet::decode(&out), Ok(Packet::Discovery(list)));
            out
        },
    );
    prop_oneof![data, sync, discovery]
}

proptest! {
    /// The strategy itself checks that decoding returns what was encoded.
    #[test]
    fn decoding_what_was_encoded_is_the_identity(bytes in packet()) {
        let mut again = Vec::new();
        Packet::decode(&bytes).expect("a good packet").encode(&mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn text_says_all_of_a_packet(bytes in packet()) {
        let mut line = String::new();
        describe(&bytes, &mut line);
        prop_assert!(!line.starts_with("0x"), "{}", line);
        prop_assert_eq!(compose(&line), Some(bytes), "{}", line);
    }

    #[test]
    fn damaged_packets_do_not_panic(mut bytes in packet(), place in any::<prop::sample::Index>(), byte: u8) {
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let mut line = String::new();
        describe(&bytes, &mut line);
    }

    #[test]
    fn no_text_panics(line in "(data|sync|discovery) [0-9a-z*\" \\\\é]{0,60}") {
        compose(&line);
    }
}
