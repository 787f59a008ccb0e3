//! Tests of the codec. The captured packets are those of a session of macOS.

use proptest::prelude::*;

use crate::midi::wire::{DecodeError as BadMidi, Message, Parser, RunningEncoder, U4, U7, U14};

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("two digits"))
        .collect()
}

fn shown(bytes: &[u8]) -> String {
    let mut line = String::new();
    describe(bytes, &mut line);
    line
}

/// Packets and how they are shown.
const CAPTURED: [(&str, &str); 7] = [
    (
        "ffff 494e 00000002 66334873 47d81096 6d626f6f6b2d73657373696f6e00",
        r#"IN 66334873 from 47d81096 "mbook-session""#,
    ),
    (
        "ffff 434b 47d81096 02 000000 000000004400227e 00000dfaad1e5c82 0000000044002288",
        "CK 2 1140859518 15370297433218 1140859528 from 47d81096",
    ),
    ("ffff 4259 00000002 00000000 47d81096", "BY 00000000 from 47d81096"),
    (
        "8061 427a 4b9f3036 47d81096 43 903026 20 4276 00 06 08 00 66 85",
        "rtp 17018 at 1268723766 from 47d81096: note-on ch0 48 38 | since 17014: ch0.note48=0, ch0.note53=0, \
         ch0.note55=0",
    ),
    (
        "8061 429a 51d2dc87 47d81096 46 903e31 0a 403b 21 427c 00 09 08 81 67 3c25 0d50 c8 06 08 80 44 0e",
        "rtp 17050 at 1372773511 from 47d81096: note-on ch0 62 49, note-on ch0 64 59 | since 17020: ch0.note60=37, \
         ch0.note52=0, ch0.note53=0, ch0.note55=0, ch0.note57=0, ch0.note59=0, ch9.note36=0, ch9.note37=0, ch9.note38=0",
    ),
    (
        "8061 4ba5 5944067e 47d81096 43 b06c00 20 4ba0 00 09 48 00 6c7f 80 77 08",
        "rtp 19365 at 1497630334 from 47d81096: cc ch0 108 0 | since 19360: ch0.cc108=127, ch0.note60=0",
    ),
    ("ffff 5253 47d81096 4ba5 0000", "RS 19365 from 47d81096"),
];

#[test]
fn captured_packets_are_read() {
    for (hex, text) in CAPTURED {
        assert_eq!(shown(&bytes(hex)), text);
    }
}

/// Both are quoted in `rtp/rtp_test.go` of laenzlinger/go-midi-rtp.
#[test]
fn a_chapter_of_notes_by_somebody_else_has_releases_alone_or_presses_alone() {
    for (hex, text) in [
        (
            "8061 9878 2f0f1dc5 7e33a024 43 903c40 20 9872 00 06 08 00 77 08",
            "rtp 39032 at 789519813 from 7e33a024: note-on ch0 60 64 | since 39026: ch0.note60=0",
        ),
        (
            "8061 9879 2f0f2492 7e33a024 43 803c00 20 9872 00 07 08 81 f1 3c40",
            "rtp 39033 at 789521554 from 7e33a024: note-off ch0 60 0 | since 39026: ch0.note60=64",
        ),
    ] {
        assert_eq!(shown(&bytes(hex)), text);
    }
}

#[test]
fn commands_and_packets_without_a_journal_go_both_ways_as_text() {
    for text in [
        r#"IN 66334873 from 47d81096 "mbook: session""#,
        "OK 0000002a from 00000007",
        "NO 0000002a from 00000007",
        "BY ffffffff from 00000007",
        "CK 0 17 0 0 from 00000007",
        "CK 2 17 18446744073709551615 3 from 00000007",
        "RS 65535 from 00000007",
        "RL 31250 from 00000007",
        "rtp 1 at 0 from 00000007:",
        "rtp 65535 at 4294967295 from deadbeef: note-on ch0 60 127, note-on ch0 61 1, clock, cc ch3 7 0",
        "rtp 9 at 9 from deadbeef: f0 01 02 f7, note-on ch0 60 127",
    ] {
        let composed = compose(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(shown(&composed), text);
    }
    for text in
        ["", "XX", "IN 1", "IN x from 7", "CK 3 0 0 0 from 7", "RS 65536 from 7", "rtp 1 at 0 from 7: hello"]
    {
        assert_eq!(compose(text), None, "{text}");
    }
}

#[test]
fn what_is_encoded_is_what_was_captured() {
    for (hex, _) in CAPTURED {
        let wanted = bytes(hex);
        let mut encoded = vec![0xa5];
        match Packet::decode(&wanted).expect("a good packet") {
            Packet::Command(command) => command.encode(&mut encoded),
            Packet::Rtp(rtp) => {
                let (mut list, mut journal) = (Vec::new(), Vec::new());
                let mut encoder = RunningEncoder::default();
                for item in rtp.list.items() {
                    let Ok(MidiListItem::Message(message)) = item else { panic!("{item:?}") };
                    if !list.is_empty() {
                        list.push(0x0a);
                    }
                    encoder.encode(&message, &mut list);
                }
                rtp.journal.expect("a journal").expect("a good one").read().encode(&mut journal);
                Rtp::encode(&rtp.header, &list, Some(&journal), &mut encoded);
            }
        }
        // The bits that save a receiver from reading are not written: S of the second channel, B of two chapters N, and
        // the advice to strike a key late is always given.
        let ours = hex.replace("81 67 3c25", "01 67 3ca5").replace("c8 06 08 80", "48 06 08 00");
        let ours = ours.replace("6c7f 80 77", "6c7f 00 77");
        assert_eq!(encoded, [&[0xa5][..], &bytes(&ours)].concat(), "{hex}");
    }
}

#[test]
fn every_prefix_of_every_packet_is_survived_and_none_is_whole() {
    for (hex, text) in CAPTURED {
        let whole = bytes(hex);
        for len in 0..whole.len() {
            // A name may end with the packet, and feedback has two bytes that mean nothing.
            let decoded = Packet::decode(&whole[..len]);
            let is_name = text.starts_with("IN") && len >= 16;
            let is_feedback = text.starts_with("RS") && len >= 10;
            let is_cut = match decoded {
                Ok(Packet::Rtp(rtp)) => rtp.journal.is_some_and(|journal| journal.is_err()),
                other => other.is_err(),
            };
            assert_eq!(is_cut, !is_name && !is_feedback, "{text}: {len}");
            shown(&whole[..len]);
        }
    }
}

#[test]
fn what_is_wrong_is_said() {
    for (hex, error) in [
        ("", DecodeError::Cut),
        ("80", DecodeError::Cut),
        ("ffff 5858 00000000", DecodeError::BadCommand(*b"XX")),
        ("ffff 494e 00000003 00000000 00000000", DecodeError::BadSession(3)),
        (
            "ffff 434b 00000000 03 000000 00000000000000000000000000000000 0000000000000000",
            DecodeError::BadCount(3),
        ),
        ("0061 0000 00000000 00000000 00", DecodeError::BadVersion(0)),
        ("8000 0000 00000000 00000000 00", DecodeError::BadPayload(0)),
        // Two sources that there are none of, an extension and a padding that are longer than the packet.
        ("8261 0000 00000000 00000000 00", DecodeError::Cut),
        ("9061 0000 00000000 00000000 0000 0001 00", DecodeError::Cut),
        ("a061 0000 00000000 00000000 00 09", DecodeError::Cut),
        // A list that is longer than the packet, with four bits and with twelve.
        ("8061 0000 00000000 00000000 03 90 3c", DecodeError::Cut),
        ("8061 0000 00000000 00000000 8f ff 90 3c 40", DecodeError::Cut),
    ] {
        assert_eq!(Packet::decode(&bytes(hex)), Err(error), "{hex}");
    }
}

#[test]
fn a_journal_that_makes_no_sense_is_told_and_the_messages_are_read() {
    for (journal, error) in [
        // A journal that is not there; a system journal and a channel journal of an impossible length.
        ("", DecodeError::Cut),
        ("40 0000 0001", DecodeError::BadJournal),
        ("20 0000 0002 08", DecodeError::BadJournal),
        ("20 0000 03ff 08 00", DecodeError::Cut),
        // Chapters that say they are longer than their channel: controllers, parameters, notes.
        ("20 0000 0006 40 7f 07 7f", DecodeError::BadJournal),
        ("20 0000 0005 20 03 ff", DecodeError::BadJournal),
        ("20 0000 0005 20 00 01", DecodeError::BadJournal),
        ("20 0000 0005 08 7f f0", DecodeError::BadJournal),
    ] {
        assert_eq!(Journal::decode(&bytes(journal)), Err(error), "{journal}");
        let packet = bytes(&format!("8061 0001 00000000 00000007 43 b0077f {journal}"));
        assert_eq!(shown(&packet), format!("rtp 1 at 0 from 00000007: cc ch0 7 127 | ({error})"));
    }
}

fn items(list: &str) -> String {
    MidiList::new(&bytes(list)).to_string()
}

#[test]
fn delta_times_and_running_status_are_read() {
    assert_eq!(
        items("903c40 00 3d41 8100 b00701 7f 0802"),
        " note-on ch0 60 64, note-on ch0 61 65, cc ch0 7 1, cc ch0 8 2"
    );
    assert_eq!(items("f8 00 903c40 00 f8 00 3d41"), " clock, note-on ch0 60 64, clock, note-on ch0 61 65");
    let packet = bytes("8061 0000 00000000 00000000 25 8102 903c40");
    let first = Rtp::decode(&packet).expect("a packet").list;
    assert_eq!(first.to_string(), " note-on ch0 60 64");
    // The last command may be missing behind its delta time.
    assert_eq!(items("903c40 05"), " note-on ch0 60 64");
}

#[test]
fn what_makes_no_sense_in_a_list_ends_it() {
    for (list, error) in [
        ("3c40", DecodeError::Midi(BadMidi::NoStatus)),
        ("f103 00 3c40", DecodeError::Midi(BadMidi::NoStatus)),
        ("903c", DecodeError::Cut),
        ("90 3c f8", DecodeError::Midi(BadMidi::Cut)),
        ("f4", DecodeError::Midi(BadMidi::BadStatus(0xf4))),
        ("f001 90", DecodeError::Midi(BadMidi::SysExCut)),
        ("f001", DecodeError::Cut),
        ("903c40 81818181 00", DecodeError::BadDelta),
    ] {
        let list = bytes(list);
        let found: Vec<_> = MidiList::new(&list).items().collect();
        assert_eq!(found.last(), Some(&Err(error)), "{list:02x?}");
        assert!(found.iter().filter(|item| item.is_err()).count() == 1);
    }
}

#[test]
fn system_exclusive_messages_come_whole_in_segments_and_without_their_end() {
    assert_eq!(items("f00102f7"), " f0 01 02 f7");
    assert_eq!(items("f00102f5"), " f0 01 02 f7");
    assert_eq!(items("f00102f0 00 f703f0 00 f704f7"), " f0 01 02 ..., ... 03 ..., ... 04 f7");
    assert_eq!(items("f7f4"), " ... (cancelled)");
}

#[test]
fn chapters_that_are_not_used_are_stepped_over() {
    // A system journal of 3 octets; program, controller, parameters (M), pitch, a note, extras (E), pressure, key pressure.
    let journal = "60 0007 0003 ff 001a ff 85 0000 00 0740 0004 ffff 0040 01f1 3cc0 00 3c05 21 00 3d22";
    let decoded = Journal::decode(&bytes(journal)).expect("a journal");
    assert_eq!(
        decoded.to_string(),
        "since 7: ch0.program=5, ch0.cc7=64, ch0.pitch=8192, ch0.note60=64, ch0.aftertouch=33, ch0.pressure61=34"
    );
    // A controller that is counted, for pedals, has no value.
    assert_eq!(
        Journal::decode(&bytes("20 0001 0008 40 01 4081 0102")).expect("a journal").to_string(),
        "since 1: ch0.cc1=2"
    );
}

#[test]
fn a_journal_with_every_chapter_that_we_write_is_what_wireshark_reads_as_such() {
    // Of every field in these bytes Wireshark 4 says what is meant here.
    let wanted = bytes("21 0001 0010d8 0d0000 000740 3326 0177 3cf2 04 180703 19 003c33");
    let journal = Journal::decode(&wanted).expect("a journal");
    assert_eq!(
        journal.to_string(),
        "since 1: ch0.program=13, ch0.cc7=64, ch0.pitch=4915, ch0.note60=114, ch0.note61=0, ch3.aftertouch=25, \
         ch3.pressure60=51"
    );
    let mut encoded = Vec::new();
    journal.encode(&mut encoded);
    assert_eq!(encoded, wanted);
}

fn state(channel: u16, what: JournalSubject, number: u16) -> JournalState {
    JournalState { channel: U4::masked(channel), what, number: U14::masked(number) }
}

#[test]
fn all_keys_of_all_channels_fit_into_a_journal() {
    for velocity in [0, 100] {
        let states: Vec<_> = (0..16)
            .flat_map(|channel| {
                (0..128).map(move |note| state(channel, JournalSubject::Note(U7::masked(note)), velocity))
            })
            .collect();
        let journal = Journal { checkpoint: 9, states };
        let mut encoded = Vec::new();
        journal.encode(&mut encoded);
        assert_eq!(Journal::decode(&encoded), Ok(journal));
    }
}

#[test]
fn states_and_messages_are_the_same_but_for_deeds() {
    for (message, is_state) in [
        ("note-on ch1 60 127", true),
        ("note-off ch1 60 64", true),
        ("pressure ch1 60 5", true),
        ("cc ch1 7 64", true),
        ("cc ch1 122 0", true),
        ("cc ch1 123 0", false),
        ("cc ch1 120 0", false),
        ("program ch1 5", true),
        ("aftertouch ch1 5", true),
        ("pitch ch1 16383", true),
        ("clock", false),
        ("f0 01 f7", false),
    ] {
        let bytes = crate::midi::wire::compose(message).expect("a message");
        let decoded = Message::decode(&bytes).expect("a message");
        assert_eq!(
            JournalState::of(&decoded).map(|state| state.message()),
            is_state.then_some(decoded),
            "{message}"
        );
    }
}

/// The states of a journal in the order in which chapters have them.
fn any_states() -> impl Strategy<Value = Vec<JournalState>> {
    let of_channel = (
        any::<Option<u8>>(),
        proptest::collection::btree_map(0..128_u16, 0..128_u16, 0..20),
        any::<Option<u16>>(),
        proptest::collection::btree_map(0..128_u16, 0..128_u16, 0..128),
        any::<Option<u8>>(),
        proptest::collection::btree_map(0..128_u16, 0..128_u16, 0..20),
    );
    proptest::collection::btree_map(0..16_u16, of_channel, 0..16).prop_map(|channels| {
        let mut states = Vec::new();
        for (channel, (program, controls, pitch, notes, pressure, pressures)) in channels {
            let seven = |number: u8| u16::from(number & 0x7f);
            states.extend(program.map(|number| state(channel, JournalSubject::Program, seven(number))));
            states.extend(
                controls.iter().map(|(n, v)| state(channel, JournalSubject::Control(U7::masked(*n)), *v)),
            );
            states.extend(pitch.map(|number| state(channel, JournalSubject::Pitch, number)));
            let down = notes.iter().filter(|(_, velocity)| **velocity > 0);
            let up = notes.iter().filter(|(_, velocity)| **velocity == 0);
            states.extend(
                down.chain(up).map(|(n, v)| state(channel, JournalSubject::Note(U7::masked(*n)), *v)),
            );
            states.extend(pressure.map(|number| state(channel, JournalSubject::Pressure, seven(number))));
            states.extend(
                pressures
                    .iter()
                    .map(|(n, v)| state(channel, JournalSubject::KeyPressure(U7::masked(*n)), *v)),
            );
        }
        states
    })
}

proptest! {
    #[test]
    fn decode_of_encode_is_the_identity_for_journals(checkpoint: u16, states in any_states()) {
        let journal = Journal { checkpoint, states };
        let mut encoded = vec![0xa5];
        journal.encode(&mut encoded);
        prop_assert_eq!(encoded[0], 0xa5);
        prop_assert_eq!(Journal::decode(&encoded[1..]), Ok(journal));
        for len in 1..encoded.len() {
            prop_assert!(Journal::decode(&encoded[1..len]).is_err(), "a prefix of {} bytes", len);
        }
    }

    #[test]
    fn decode_of_encode_is_the_identity_for_packets(
        sequence: u16,
        time: u32,
        ssrc: u32,
        list in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let header = Header { sequence, time, ssrc };
        let mut encoded = Vec::new();
        Rtp::encode(&header, &list, None, &mut encoded);
        let wanted = Rtp { header, list: MidiList::new(&list), journal: None };
        prop_assert_eq!(Packet::decode(&encoded), Ok(Packet::Rtp(wanted)));
    }

    #[test]
    fn a_stream_of_messages_comes_out_as_it_went_in(
        stream in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let (mut encoder, mut list, mut wanted) = (RunningEncoder::default(), Vec::new(), Vec::new());
        Parser::default().push(&stream, |message| {
            if let Ok(message) = message {
                if !list.is_empty() {
                    list.push(0);
                }
                encoder.encode(&message, &mut list);
                wanted.push(message.to_string());
            }
        });
        let found: Vec<_> = MidiList::new(&list)
            .items()
            .map(|item| match item {
                Ok(MidiListItem::Message(message)) => message.to_string(),
                other => format!("{other:?}"),
            })
            .collect();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0..4_u8) {
        let front: &[u8] = match kind {
            0 => &[],
            1 => b"\xff\xffIN\0\0\0\x02",
            2 => &[0x80, 0x61, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7],
            _ => &[0x80, 0x61, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0x40, 0x2f, 0, 0],
        };
        let line = shown(&[front, &bytes].concat());
        prop_assert!(!line.contains('\n'));
    }
}
