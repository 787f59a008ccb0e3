//! Bytes of the specification both ways, streams with everything in them, and what lies.

use proptest::prelude::*;

use super::*;

fn u7(number: u16) -> U7 {
    U7::new(number).expect("seven bits")
}

/// Every message of the tables of the MIDI 1.0 specification, with its bytes and its text.
fn tables() -> Vec<(Message<'static>, Vec<u8>, String)> {
    let mut tables = Vec::new();
    for number in 0..=15 {
        let channel = U4::masked(number);
        let (n, at) = (number as u8, format!("ch{number}"));
        tables.extend([
            (
                Message::NoteOff { channel, note: u7(60), velocity: u7(64) },
                vec![0x80 | n, 0x3c, 0x40],
                format!("note-off {at} 60 64"),
            ),
            (
                Message::NoteOn { channel, note: u7(0), velocity: u7(127) },
                vec![0x90 | n, 0x00, 0x7f],
                format!("note-on {at} 0 127"),
            ),
            (
                Message::PolyPressure { channel, note: u7(127), pressure: u7(1) },
                vec![0xa0 | n, 0x7f, 0x01],
                format!("pressure {at} 127 1"),
            ),
            (
                Message::ProgramChange { channel, program: u7(5) },
                vec![0xc0 | n, 0x05],
                format!("program {at} 5"),
            ),
            (
                Message::ChannelPressure { channel, pressure: u7(99) },
                vec![0xd0 | n, 0x63],
                format!("aftertouch {at} 99"),
            ),
            (
                Message::PitchBend { channel, bend: U14::masked(0x2001) },
                vec![0xe0 | n, 0x01, 0x40],
                format!("pitch {at} 8193"),
            ),
        ]);
        // Table III and V: every controller, the channel mode messages (120 to 127) among them.
        tables.extend((0..=127).map(|controller| {
            (
                Message::ControlChange { channel, controller: u7(controller), value: u7(127 - controller) },
                vec![0xb0 | n, controller as u8, 127 - controller as u8],
                format!("cc {at} {controller} {}", 127 - controller),
            )
        }));
    }
    let sysex = SysEx::new(&[0x47, 0x7f, 0x29, 0x00]).expect("data bytes");
    tables.extend([
        (Message::SysEx(sysex), vec![0xf0, 0x47, 0x7f, 0x29, 0x00, 0xf7], "f0 47 7f 29 00 f7".to_owned()),
        (Message::SysEx(SysEx::new(&[]).expect("no data")), vec![0xf0, 0xf7], "f0 f7".to_owned()),
        (Message::QuarterFrame(u7(0x35)), vec![0xf1, 0x35], "quarter-frame 53".to_owned()),
        (Message::SongPosition(U14::MAX), vec![0xf2, 0x7f, 0x7f], "song-position 16383".to_owned()),
        (Message::SongPosition(U14::masked(96)), vec![0xf2, 0x60, 0x00], "song-position 96".to_owned()),
        (Message::SongSelect(u7(3)), vec![0xf3, 0x03], "song 3".to_owned()),
        (Message::TuneRequest, vec![0xf6], "tune-request".to_owned()),
        (Message::Clock, vec![0xf8], "clock".to_owned()),
        (Message::Start, vec![0xfa], "start".to_owned()),
        (Message::Continue, vec![0xfb], "continue".to_owned()),
        (Message::Stop, vec![0xfc], "stop".to_owned()),
        (Message::ActiveSensing, vec![0xfe], "active-sensing".to_owned()),
        (Message::Reset, vec![0xff], "reset".to_owned()),
    ]);
    tables
}

/// What a parser makes of a stream, as text.
fn parsed(stream: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    Parser::default().push(stream, |message| {
        found.push(message.map_or_else(|error| format!("({error})"), |message| message.to_string()));
    });
    found
}

#[test]
fn every_message_of_the_tables_goes_both_ways() {
    for (message, bytes, text) in tables() {
        let mut encoded = vec![0xa5];
        message.encode(&mut encoded);
        assert_eq!(encoded[1..], bytes, "{text}");
        assert_eq!(encoded[0], 0xa5, "an encoder only appends");
        assert_eq!(Message::decode(&bytes), Ok(message), "{text}");
        assert_eq!(parsed(&bytes).join(""), text);
        assert_eq!(message.to_string(), text);
        assert_eq!(compose(&text), Some(bytes), "{text}");
    }
}

#[test]
fn every_status_byte_is_in_the_tables_or_refused() {
    let known: Vec<u8> = tables().iter().map(|(message, ..)| message.status()).collect();
    for status in 0x80..=0xff_u8 {
        let is_undefined = matches!(status, 0xf4 | 0xf5 | 0xf7 | 0xf9 | 0xfd);
        assert_eq!(known.contains(&status), !is_undefined, "{status:02x}");
        if is_undefined {
            assert_eq!(Message::decode(&[status]), Err(DecodeError::BadStatus(status)));
            assert_eq!(parsed(&[status]), [format!("({})", DecodeError::BadStatus(status))]);
        }
    }
}

#[test]
fn every_prefix_of_every_message_is_cut_and_every_extension_trails() {
    for (_, bytes, text) in tables() {
        for len in 0..bytes.len() {
            assert_eq!(Message::decode(&bytes[..len]), Err(DecodeError::Cut), "{text}");
        }
        let longer = [&bytes[..], &[0x01]].concat();
        assert!(Message::decode(&longer).is_err(), "{text}");
        assert_eq!(Message::decode(&[&bytes[..], &[0xf7]].concat()), Err(DecodeError::Trailing), "{text}");
    }
    assert_eq!(Message::decode(&[0x3c, 0x40]), Err(DecodeError::NoStatus));
    assert_eq!(Message::decode(&[0xf0, 0x01, 0x90, 0xf7]), Err(DecodeError::SysExCut));
    assert_eq!(Message::decode(&[0xf0, 0x01]), Err(DecodeError::Cut));
}

#[test]
fn data_without_a_status_byte_is_told_once_and_passed_over() {
    assert_eq!(
        parsed(&[0x01, 0x02, 0x03, 0x90, 0x3c, 0x40]),
        ["(data without a status byte)", "note-on ch0 60 64"]
    );
}

#[test]
fn running_status_goes_on_until_a_system_message_ends_it() {
    assert_eq!(
        parsed(&[0xb0, 1, 2, 3, 4, 0xf8, 5, 0xfe, 6, 0xf1, 7, 8, 9]),
        [
            "cc ch0 1 2",
            "cc ch0 3 4",
            "clock",
            "active-sensing",
            "cc ch0 5 6",
            "quarter-frame 7",
            "(data without a status byte)",
        ]
    );
    assert_eq!(
        parsed(&[0xc3, 1, 2, 0xf0, 0xf7, 3]),
        ["program ch3 1", "program ch3 2", "f0 f7", "(data without a status byte)"]
    );
}

#[test]
fn a_message_that_another_one_cuts_is_told() {
    assert_eq!(parsed(&[0x90, 0x3c, 0xb0, 7, 127]), ["(a message is incomplete)", "cc ch0 7 127"]);
    assert_eq!(
        parsed(&[0x90, 0x3c, 0xf7, 0xc0, 1]),
        ["(a message is incomplete)", "(the status byte f7 is not valid here)", "program ch0 1"]
    );
}

#[test]
fn a_sysex_that_a_status_byte_cuts_is_dropped_and_the_next_message_is_whole() {
    assert_eq!(
        parsed(&[0xf0, 1, 2, 0x90, 0x3c, 0x40, 0xf0, 3, 0xf0, 4, 0xf7]),
        [
            "(a system exclusive message is interrupted by another message)",
            "note-on ch0 60 64",
            "(a system exclusive message is interrupted by another message)",
            "f0 04 f7",
        ]
    );
}

#[test]
fn real_time_messages_stand_anywhere_even_inside_a_sysex() {
    assert_eq!(
        parsed(&[0xf0, 1, 0xf8, 2, 0xfa, 0xf9, 3, 0xf7]),
        ["clock", "start", "(the status byte f9 is not valid here)", "f0 01 02 03 f7"]
    );
    assert_eq!(parsed(&[0x90, 0xf8, 0x3c, 0xfc, 0x40]), ["clock", "stop", "note-on ch0 60 64"]);
}

#[test]
fn an_unended_sysex_of_a_megabyte_is_told_once_and_takes_no_memory() {
    let mut parser = Parser::default();
    let mut errors = Vec::new();
    parser.push(&[0xf0], |_| ());
    for _ in 0..1024 {
        parser.push(&[0x11; 1024], |message| errors.extend(message.err()));
    }
    assert_eq!(errors, [DecodeError::TooLong]);
    let mut found = Vec::new();
    parser.push(&[0xf7, 0xf0, 1, 0xf7, 0x90, 1, 2], |message| {
        found.push(message.expect("what follows is whole").to_string());
    });
    assert_eq!(found, ["f0 01 f7", "note-on ch0 1 2"]);
}

#[test]
fn the_longest_sysex_is_whole() {
    let stream = [&[0xf0][..], &[0x22; MAX_SYSEX], &[0xf7]].concat();
    let mut lens = Vec::new();
    Parser::default().push(&stream, |message| match message {
        Ok(Message::SysEx(sysex)) => lens.push(sysex.data().len()),
        other => panic!("{other:?}"),
    });
    assert_eq!(lens, [MAX_SYSEX]);
}

#[test]
fn a_parser_that_was_reset_forgets_what_had_begun() {
    let mut parser = Parser::default();
    parser.push(&[0xf0, 1, 2], |_| ());
    parser.reset();
    let mut found = 0;
    parser.push(&[0xf7, 0x90, 0x3c], |message| found += usize::from(message.is_ok()));
    assert_eq!(found, 0);
}

#[test]
fn what_is_no_whole_message_is_shown_as_bytes() {
    for (bytes, text) in [
        (&[0x90, 0x3c, 0x40, 0xb0, 7, 0][..], "note-on ch0 60 64, cc ch0 7 0"),
        (&[0x90, 0x3c, 0x40, 0x3c, 0], "bytes 90 3c 40 3c 00"),
        (&[0x90], "bytes 90"),
        (&[], "bytes"),
        (&[0xf0, 0xf8, 0xf7], "bytes f0 f8 f7"),
    ] {
        let mut line = String::new();
        describe(bytes, &mut line);
        assert_eq!(line, text);
        assert_eq!(compose(text).as_deref(), Some(bytes), "{text}");
    }
    let mut line = String::new();
    describe(&[0; 1000], &mut line);
    assert!(line.ends_with("00 ... (1000 bytes)"), "{line}");
}

#[test]
fn text_that_says_no_message_is_refused() {
    for text in [
        "",
        "cc",
        "cc ch0 7",
        "cc ch16 7 0",
        "cc ch0 128 0",
        "cc 0 7 0",
        "note-on ch0 60 +1",
        "pitch ch0 16384",
        "clock 1",
        "f0 47",
        "90 3c 40 00",
        "f0 80 f7",
        "90 3g 40",
        "hello",
        "clock,",
    ] {
        assert_eq!(compose(text), None, "{text}");
    }
}

fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let messages: Vec<_> = tables().into_iter().map(|(_, bytes, _)| bytes).collect();
    prop_oneof![
        8 => proptest::sample::select(messages),
        1 => proptest::collection::vec(0..0x80_u8, 0..40).prop_map(|data| [&[0xf0][..], &data, &[0xf7]].concat()),
    ]
}

proptest! {
    #[test]
    fn decode_of_encode_is_the_identity(bytes in any_message()) {
        let message = Message::decode(&bytes).expect("a whole message");
        let mut again = Vec::new();
        message.encode(&mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn a_stream_with_running_status_in_pieces_gives_the_same_messages(
        messages in proptest::collection::vec(any_message(), 0..20),
        piece in 1..7_usize,
    ) {
        let (mut encoder, mut stream, mut expected) = (RunningEncoder::default(), Vec::new(), Vec::new());
        for bytes in &messages {
            let message = Message::decode(bytes).expect("a whole message");
            encoder.encode(&message, &mut stream);
            expected.push(message.to_string());
        }
        let (mut parser, mut found) = (Parser::default(), Vec::new());
        for piece in stream.chunks(piece) {
            parser.push(piece, |message| found.push(message.expect("a good stream").to_string()));
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn any_bytes_are_survived_and_shown(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut line = String::new();
        describe(&bytes, &mut line);
        prop_assert_eq!(compose(&line), Some(bytes));
    }
}
