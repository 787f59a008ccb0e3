//! Tests of the codec: bytes of the specification, rejects, prefixes, properties, and another library.

use proptest::prelude::*;

use super::*;

/// The examples at the end of the OSC 1.0 specification, and one of each type.
const GOOD: &[(&[u8], &str)] = &[
    (b"/oscillator/4/frequency\0,f\0\0\x43\xdc\0\0", "/oscillator/4/frequency ,f 440"),
    (
        b"/foo\0\0\0\0,iisff\0\0\0\0\x03\xe8\xff\xff\xff\xffhello\0\0\0\x3f\x9d\xf3\xb6\x40\xb5\xb2\x2d",
        "/foo ,iisff 1000 -1 \"hello\" 1.234 5.678",
    ),
    (b"/a\0\0,\0\0\0", "/a"),
    (b"/a\0\0", "/a untyped 0x"),
    (b"/a\0\0\x3f\x80\0\0", "/a untyped 0x3f800000"),
    (b"/a\0\0,TFNI\0\0\0", "/a ,TFNI"),
    (b"/a\0\0,i[f[]]T\0\0\0\0\0\0\0\x05\x3f\0\0\0", "/a ,i[f[]]T 5 0.5"),
    (b"/a\0\0,h\0\0\x80\0\0\0\0\0\0\0", "/a ,h -9223372036854775808"),
    (b"/a\0\0,d\0\0\x3f\xd0\0\0\0\0\0\0", "/a ,d 0.25"),
    (b"/a\0\0,t\0\0\0\0\0\0\0\0\0\x01", "/a ,t immediately"),
    (b"/a\0\0,t\0\0\xd0\0\0\0\0\0\0\xff", "/a ,t 0xd0000000000000ff"),
    (b"/a\0\0,S\0\0go\0\0", "/a ,S \"go\""),
    (b"/a\0\0,s\0\0a\"\\\n\0\0\0\0", "/a ,s \"a\\\"\\\\\\x0a\""),
    (b"/a\0\0,s\0\0\xff\xc3\xa9\0", "/a ,s \"\\xff\u{e9}\""),
    (b"/a\0\0,b\0\0\0\0\0\x05\x01\x02\x03\x04\xab\0\0\0", "/a ,b 0x01020304ab"),
    (b"/a\0\0,b\0\0\0\0\0\0", "/a ,b 0x"),
    (b"/a\0\0,c\0\0\0\0\0a", "/a ,c 'a'"),
    (b"/a\0\0,c\0\0\0\0\0 ", "/a ,c 32"),
    (b"/a\0\0,r\0\0\xff\x80\0\xff", "/a ,r #ff8000ff"),
    (b"/a\0\0,m\0\0\0\x90\x3c\x7f", "/a ,m 0x00903c7f"),
    (b"/a b\0\0\0\0,\0\0\0", "\"/a b\""),
    (b"/a \"b\0\0\0,i\0\0\0\0\0\x03", "\"/a \\\"b\" ,i 3"),
    (b"/[a-z]*\0,\0\0\0", "/[a-z]*"),
    (b"#bundle\0\0\0\0\0\0\0\0\x01", "[ ]"),
    (b"#bundle\0\0\0\0\0\0\0\0\x01\0\0\0\x08/a\0\0,\0\0\0\0\0\0\x0c/b\0\0,i\0\0\0\0\0\x03", "[ /a /b ,i 3 ]"),
    (b"#bundle\0\xd0\0\0\0\0\0\0\xff\0\0\0\x08/a\0\0,\0\0\0", "[ @0xd0000000000000ff /a ]"),
    (
        b"#bundle\0\0\0\0\0\0\0\0\x01\0\0\0\x1c#bundle\0\0\0\0\0\0\0\0\x02\0\0\0\x08/a\0\0,\0\0\0",
        "[ [ @0x0000000000000002 /a ] ]",
    ),
];

#[test]
fn bytes_become_text_and_bytes_again() {
    for &(bytes, text) in GOOD {
        let mut line = String::new();
        describe(bytes, &mut line);
        assert_eq!(line, text);
        assert_eq!(compose(text).as_deref(), Some(bytes), "{text}");
    }
}

#[test]
fn blanks_of_an_address_may_also_be_escaped() {
    assert_eq!(compose("/a\\x20b"), compose("\"/a b\""));
}

#[test]
fn encoding_writes_every_byte_and_no_other() {
    for &(bytes, text) in GOOD {
        let mut out = Vec::from([0xa5; 512]);
        out.truncate(3);
        Packet::decode(bytes).expect(text).encode(&mut out);
        assert_eq!((&out[..3], &out[3..]), (&[0xa5; 3][..], bytes), "{text}");
    }
}

#[test]
fn other_spellings_are_read_too() {
    for (text, same) in [
        ("  /a   ,f  .5 ", "/a ,f 0.5"),
        ("/a ,", "/a"),
        ("/a ,s go", "/a ,s \"go\""),
        ("/a ,r #ff8000", "/a ,r #ff8000ff"),
        ("/a ,t 0x1", "/a ,t immediately"),
        ("/a ,c 97", "/a ,c 'a'"),
        ("[ @immediately /a ]", "[ /a ]"),
    ] {
        assert_eq!(compose(text), compose(same), "{text}");
        assert!(compose(same).is_some());
    }
    for text in [
        "",
        "a",
        "/a ,f",
        "/a ,f x",
        "/a ,i 5xyz",
        "/a ,q 1",
        "/a ,[f 1",
        "/a ,f] 1",
        "/a ,f 1 2",
        "/a ,s \"x",
        "/a 1",
        "/a\\x00b",
        "/a\\xzz",
        "/a ,b 0x1",
        "/a ,b zz",
        "/a ,m 0x01",
        "/a ,r #12345",
        "/a ,r #\u{e9}12345",
        "[ /a",
        "[ /a ] /b",
        "/a ]",
        "0x1",
        "0xzz",
        "tcp",
        "slip x",
        "/a ,t x",
        "/a ,\u{e9}",
    ] {
        assert_eq!(compose(text), None, "{text}");
    }
    let nested = format!("{}{}", "[ ".repeat(3000), "] ".repeat(3000));
    assert_eq!(compose(&nested), None);
}

#[test]
fn streams_are_shown_with_their_framing() {
    for (framing, word) in [(Framing::Length, "tcp"), (Framing::Slip, "slip")] {
        for &(bytes, text) in GOOD {
            let mut framed = Vec::new();
            framing.encode(&mut framed, |out| out.extend_from_slice(bytes));
            let (mut line, expected) = (String::new(), format!("{word} {text}"));
            describe(&framed, &mut line);
            assert_eq!(line, expected);
            assert_eq!(compose(&expected), Some(framed));
        }
    }
}

#[test]
fn what_a_text_would_leave_out_is_shown_as_bytes() {
    for bytes in [
        &b"/a\0x,\0\0\0"[..],
        b"/a\0\0,f\0\0\0\0\0\0\0\0\0\0",
        b"/a\0\0,f\0\0\xff\xff\xff\xff",
        b"#bundle\0\0\0\0\0\0\0\0\x01\0\0\0\x08/a\0x,\0\0\0",
        b"\0\0\0\x08/a\0\0,\0\0\0\0\0\0\x08/a\0\0,\0\0\0",
    ] {
        let mut line = "before ".to_owned();
        describe(bytes, &mut line);
        assert!(line.starts_with("before 0x"), "{line}");
        assert_eq!(compose(&line[7..]).as_deref(), Some(bytes));
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (bytes, error) in [
        (&b""[..], DecodeError::Empty),
        (b"a\0\0\0", DecodeError::NoAddress),
        (b",f\0\0", DecodeError::NoAddress),
        (b"/", DecodeError::Misaligned),
        (b"/a\0", DecodeError::Misaligned),
        (b"/abc", DecodeError::Unterminated),
        (b"/a\0\0,fff", DecodeError::Unterminated),
        (b"/a\0\0,f\0\0", DecodeError::Truncated),
        (b"/a\0\0,ff\0\0\0\0\0", DecodeError::Truncated),
        (b"/a\0\0,d\0\0\0\0\0\0", DecodeError::Truncated),
        (b"/a\0\0,s\0\0abcd", DecodeError::Unterminated),
        (b"/a\0\0,q\0\0\0\0\0\0", DecodeError::UnknownType(b'q')),
        (b"/a\0\0,[\0\0", DecodeError::Unbalanced),
        (b"/a\0\0,]\0\0", DecodeError::Unbalanced),
        (b"/a\0\0,i[i\0\0\0\0\0\0\0\x01\0\0\0\x02", DecodeError::Unbalanced),
        (b"/a\0\0,][\0", DecodeError::Unbalanced),
        (b"/a\0\0,b\0\0\xff\xff\xff\xff", DecodeError::BlobLength),
        (b"/a\0\0,b\0\0\x7f\xff\xff\xff\0\0\0\0", DecodeError::BlobLength),
        (b"/a\0\0,b\0\0\0\0\0\x05\0\0\0\0", DecodeError::BlobLength),
        (b"#bundle\0", DecodeError::Truncated),
        (b"#bundle\0\0\0\0\0", DecodeError::Truncated),
        (b"#bundlex", DecodeError::NoAddress),
    ] {
        assert_eq!(Packet::decode(bytes), Err(error), "{}", bytes.escape_ascii());
        let (mut line, mut again) = (String::new(), String::new());
        describe(bytes, &mut line);
        assert!(line.starts_with("0x"), "{line}");
        describe(&compose(&line).expect("bytes"), &mut again);
        assert_eq!(line, again);
    }
}

#[test]
fn every_prefix_of_a_good_packet_is_refused_or_a_whole_one() {
    for &(bytes, text) in GOOD {
        for end in 0..bytes.len() {
            let mut line = String::new();
            describe(&bytes[..end], &mut line);
            for message in Messages::of(&bytes[..end]).flatten() {
                // A message cut right behind its address is one from a sender that leaves the type tags out.
                let is_bare = message.tags().is_none();
                assert!(is_bare || bytes.starts_with(b"#bundle"), "{text} cut at {end}");
            }
        }
    }
}

fn messages(bytes: &[u8]) -> Vec<String> {
    Messages::of(bytes)
        .map(|message| message.map_or_else(|error| format!("({error:?})"), |message| message.to_string()))
        .collect()
}

fn nested(depth: usize) -> Vec<u8> {
    let mut packet = b"/a\0\0,\0\0\0".to_vec();
    for _ in 0..depth {
        let mut outer = Vec::new();
        begin_bundle(TimeTag::IMMEDIATELY, &mut outer);
        encode_element(&mut outer, |out| out.extend_from_slice(&packet));
        packet = outer;
    }
    packet
}

#[test]
fn bundles_are_followed_to_a_limit_and_without_recursion() {
    assert_eq!(messages(&nested(MAX_DEPTH)), ["/a"]);
    assert_eq!(messages(&nested(MAX_DEPTH + 1)), ["(TooDeep)"]);
    let deep = nested(3_000);
    assert!(deep.len() < 65_507);
    assert_eq!(messages(&deep), ["(TooDeep)"]);
    let mut line = String::new();
    describe(&deep, &mut line);
    let _ = Packet::decode(&deep).expect("a bundle").to_string();
}

#[test]
fn a_broken_element_leaves_the_others_alone() {
    let mut bundle = Vec::new();
    begin_bundle(TimeTag(0), &mut bundle);
    for element in [&b"/a\0\0,\0\0\0"[..], b"rubbish", b"", b"/b\0\0,i\0\0", b"/c\0\0,\0\0\0"] {
        encode_element(&mut bundle, |out| out.extend_from_slice(element));
    }
    bundle.extend_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    assert_eq!(messages(&bundle), ["/a", "(NoAddress)", "(Empty)", "(Truncated)", "/c", "(ElementLength)"]);
}

#[test]
fn untyped_data_is_guessed_or_read_as_configured() {
    let message =
        Message::decode(b"/a\0\0\x3f\x80\0\0\0\0\0\x05\xff\xff\xff\xff\0\0\0\0").expect("a message");
    let guessed: Vec<_> = message.arguments().collect();
    let expected = [Argument::Float32(1.0), Argument::Int32(5), Argument::Int32(-1), Argument::Int32(0)];
    assert_eq!(guessed, expected);
    let typed = message.tagged(b"fidi").map(|message| message.arguments().collect::<Vec<_>>());
    assert_eq!(typed, None);
    let typed = message.tagged(b"fif").map(|message| message.arguments().count());
    assert_eq!(typed, Some(3));
}

fn argument() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let text = prop::collection::vec(1_u8..=255, 0..9).prop_map(|text| {
        let mut out = Vec::new();
        OscStr::new(&text).encode(&mut out);
        out
    });
    let blob = prop::collection::vec(any::<u8>(), 0..9).prop_map(|blob| {
        let mut out = Vec::new();
        Argument::Blob(&blob).encode(&mut out);
        out
    });
    let fixed = |len| prop::collection::vec(any::<u8>(), len);
    prop_oneof![
        (prop::sample::select(b"ifcrm".to_vec()), fixed(4..=4)),
        (prop::sample::select(b"hdt".to_vec()), fixed(8..=8)),
        (prop::sample::select(b"sS".to_vec()), text),
        (Just(b'b'), blob),
        (prop::sample::select(b"TFNI".to_vec()), Just(vec![])),
    ]
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let address = prop::collection::vec(1_u8..=255, 0..12);
    (address, prop::collection::vec(argument(), 0..6), any::<bool>()).prop_map(
        |(address, arguments, array)| {
            let mut out = Vec::new();
            OscStr::new(&[b"/", &address[..]].concat()).encode(&mut out);
            let mut tags = vec![b','];
            tags.extend(arguments.iter().map(|(tag, _)| *tag));
            if array {
                tags.extend_from_slice(b"[]");
            }
            OscStr::new(&tags).encode(&mut out);
            out.extend(arguments.into_iter().flat_map(|(_, data)| data));
            out
        },
    )
}

fn packet() -> impl Strategy<Value = Vec<u8>> {
    message().prop_recursive(3, 12, 4, |inner| {
        (any::<u64>(), prop::collection::vec(inner, 0..4)).prop_map(|(time, elements)| {
            let mut out = Vec::new();
            begin_bundle(TimeTag(time), &mut out);
            for element in elements {
                encode_element(&mut out, |out| out.extend_from_slice(&element));
            }
            out
        })
    })
}

fn is_nan(argument: Argument<'_>) -> bool {
    matches!(argument, Argument::Float32(number) if number.is_nan())
        || matches!(argument, Argument::Double(number) if number.is_nan())
}

/// What a known-different library makes of the same bytes.
fn by_rosc(bytes: &[u8]) -> Option<Vec<rosc::OscMessage>> {
    fn flatten(packet: rosc::OscPacket, into: &mut Vec<rosc::OscMessage>) {
        match packet {
            rosc::OscPacket::Message(message) => into.push(message),
            rosc::OscPacket::Bundle(bundle) => {
                bundle.content.into_iter().for_each(|packet| flatten(packet, into));
            }
        }
    }
    let (_, packet) = rosc::decoder::decode_udp(bytes).ok()?;
    let mut messages = Vec::new();
    flatten(packet, &mut messages);
    Some(messages)
}

fn is_same(ours: Argument<'_>, theirs: &rosc::OscType) -> bool {
    use rosc::OscType;
    match (ours, theirs) {
        (Argument::Int32(ours), OscType::Int(theirs)) => ours == *theirs,
        (Argument::Float32(ours), OscType::Float(theirs)) => ours.to_bits() == theirs.to_bits(),
        (Argument::Int64(ours), OscType::Long(theirs)) => ours == *theirs,
        (Argument::Double(ours), OscType::Double(theirs)) => ours.to_bits() == theirs.to_bits(),
        (Argument::String(ours) | Argument::Symbol(ours), OscType::String(theirs)) => {
            ours.to_text() == *theirs
        }
        (Argument::Blob(ours), OscType::Blob(theirs)) => ours == theirs,
        (Argument::TimeTag(ours), OscType::Time(theirs)) => {
            ours.0 == u64::from(theirs.seconds) << 32 | u64::from(theirs.fractional)
        }
        (Argument::Char(ours), OscType::Char(theirs)) => char::from_u32(ours) == Some(*theirs),
        (Argument::Rgba(ours), OscType::Color(theirs)) => {
            ours.to_be_bytes() == [theirs.red, theirs.green, theirs.blue, theirs.alpha]
        }
        (Argument::Midi(ours), OscType::Midi(theirs)) => {
            ours == [theirs.port, theirs.status, theirs.data1, theirs.data2]
        }
        (Argument::True, OscType::Bool(theirs)) => *theirs,
        (Argument::False, OscType::Bool(theirs)) => !theirs,
        (Argument::Nil, OscType::Nil) | (Argument::Infinitum, OscType::Inf) => true,
        (Argument::ArrayBegin | Argument::ArrayEnd, OscType::Array(theirs)) => theirs.content.is_empty(),
        _ => false,
    }
}

proptest! {
    #[test]
    fn decoding_what_was_encoded_is_the_identity(bytes in packet()) {
        let packet = Packet::decode(&bytes).expect("a good packet");
        let mut again = Vec::new();
        packet.encode(&mut again);
        prop_assert_eq!(&again, &bytes);
        for message in Messages::of(&bytes) {
            let message = message.expect("a good message");
            let mut again = Vec::new();
            encode_message(message.address(), message.arguments(), &mut again);
            let mut direct = Vec::new();
            message.encode(&mut direct);
            prop_assert_eq!(&again, &direct);
        }
    }

    #[test]
    fn text_says_all_but_the_kind_of_a_nan(bytes in packet()) {
        let has_nan = Messages::of(&bytes).flatten().any(|message| message.arguments().any(is_nan));
        let mut line = String::new();
        describe(&bytes, &mut line);
        prop_assert!(has_nan || !line.starts_with("0x"), "{}", line);
        if !line.contains("...") {
            prop_assert_eq!(compose(&line), Some(bytes), "{}", line);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        messages(&bytes);
        let mut line = String::new();
        describe(&bytes, &mut line);
        prop_assert_eq!(compose(&line), Some(bytes), "{}", line);
    }

    #[test]
    fn no_text_panics(line in "[\\[\\]/@0xabfis,\" '#\\\\é-]{0,40}") {
        compose(&line);
    }

    #[test]
    fn damaged_packets_do_not_panic(mut bytes in packet(), place in any::<prop::sample::Index>(), byte: u8) {
        let place = place.index(bytes.len());
        bytes[place] = byte;
        messages(&bytes);
        let mut line = String::new();
        describe(&bytes, &mut line);
    }

    /// Known differences, all of them rosc's: symbols and strings that are not UTF-8, characters beyond Unicode, and
    /// type tags that do not match are refused or lost by it.
    #[test]
    fn rosc_finds_the_same_messages(bytes in packet()) {
        if let Some(theirs) = by_rosc(&bytes) {
            let ours: Vec<_> = Messages::of(&bytes).map(|message| message.expect("a good message")).collect();
            if theirs.len() != ours.len() {
                // It drops what it cannot read out of bundles.
                prop_assert!(theirs.len() < ours.len() && bytes.starts_with(b"#bundle"));
                return Ok(());
            }
            for (ours, theirs) in ours.iter().zip(&theirs) {
                prop_assert_eq!(ours.address().to_text(), &*theirs.addr);
                let arguments: Vec<_> =
                    ours.arguments().filter(|argument| *argument != Argument::ArrayEnd).collect();
                prop_assert_eq!(arguments.len(), theirs.args.len());
                for (ours, theirs) in arguments.into_iter().zip(&theirs.args) {
                    prop_assert!(is_same(ours, theirs), "{ours:?} {theirs:?}");
                }
            }
        }
    }

    #[test]
    fn rosc_reads_what_we_write(level: f32, number: i32, text in "[a-z]{0,9}", time: u64) {
        let mut out = Vec::new();
        let arguments = [
            Argument::Float32(level), Argument::Int32(number), Argument::String(OscStr::new(text.as_bytes())),
            Argument::True, Argument::TimeTag(TimeTag(time)), Argument::Infinitum,
        ];
        encode_message(OscStr::new(b"/a/b"), arguments.into_iter(), &mut out);
        let theirs = by_rosc(&out).expect("rosc reads it");
        prop_assert_eq!(theirs.len(), 1);
        for (ours, theirs) in arguments.into_iter().zip(&theirs[0].args) {
            prop_assert!(is_same(ours, theirs));
        }
    }
}
