//! Bytes as other programs send them.

use std::net::SocketAddr;

use crosspatch_core::{Duration, Instant};
use proptest::prelude::*;

use super::*;

/// `oscsend localhost 7000 /fader f 0.5`.
const OSC: &[u8] = b"/fader\0\0,f\0\0\x3f\0\0\0";
/// The same, sent by an OSC 1.0 client over TCP, and in SLIP.
const OSC_LENGTH: &[u8] = b"\0\0\0\x10/fader\0\0,f\0\0\x3f\0\0\0";
const OSC_SLIP: &[u8] = b"\xc0/fader\0\0,f\0\0\x3f\0\0\0\xc0";
/// A bundle of one message with a negative number, whose first byte is SLIP's END.
const BUNDLE: &[u8] = b"#bundle\0\0\0\0\0\0\0\0\x01\0\0\0\x0c/x\0\0,f\0\0\xc0\0\0\0";
/// ArtPoll of OLA, and the beginning of an ArtDmx.
const ART_POLL: &[u8] = b"Art-Net\0\0\x20\0\x0e\0\0";
const ART_DMX: &[u8] = b"Art-Net\0\0\x50\0\x0e\0\0\0\0\0\x02\xff\0";
/// The beginning of a packet of the Python library `sacn`.
const SACN: &[u8] = b"\0\x10\0\0ASC-E1.17\0\0\0\x72\x6e\0\0\0\x04Test\0";
/// The invitation of an iPad, a clock message, and a note by `rtpmidid`.
const INVITATION: &[u8] = b"\xff\xffIN\0\0\0\x02\0\0\0\x01\0\0\0\x0bStudio\0";
const CLOCK: &[u8] = b"\xff\xffCK\0\0\0\x0b\0\0\0\0\0\0\0\0\0\0\x30\x39\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const RTP_MIDI: &[u8] = b"\x80\x61\0\x01\0\0\0\0\0\0\0\x0b\x03\x90\x3c\x7f";
/// Twenty milliseconds of PCMU.
const RTP_AUDIO: &[u8] = &[
    0x80, 0x00, 0x4a, 0x1c, 0, 0, 0, 0xa0, 0xde, 0xad, 0xbe, 0xef, 0xff, 0x7f, 0xfe, 0xfd, 0x7e, 0xff, 0xfb,
];
/// A keyboard's note, and a fader.
const NOTE: &[u8] = b"\x90\x3c\x7f\x80\x3c\x40";
/// Two red pixels, then 16-bit pixels at half brightness, each message complete.
const PIXELS: &[u8] = b"\x01\0\0\x06\xff\0\0\xff\0\0\x02\x02\0\x06\xff\xff\0\0\0\0";
/// `dig @... -p PORT example.com`, and a Bonjour query.
const DNS: &[u8] = b"\x1f\x2c\x01\x20\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01";
const MDNS: &[u8] = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x0b_apple-midi\x04_udp\x05local\0\0\x0c\0\x01";
/// The first packets of `mosquitto_sub`, and of an MQTT 3.1 client.
const MQTT: &[u8] = b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02ab";
const MQTT_31: &[u8] = b"\x10\x10\0\x06MQIsdp\x03\x02\0\x3c\0\x02ab";
/// A camera is recalled to preset 1, over IP and over a serial line.
const VISCA_IP: &[u8] = b"\x01\0\0\x07\0\0\0\x01\x81\x01\x04\x3f\x02\x01\xff";
const VISCA: &[u8] = b"\x81\x01\x04\x3f\x02\x01\xff";
const CURL: &[u8] =
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n";
const BROWSER: &[u8] =
    b"GET /?ma=1 HTTP/1.1\r\nHost: desk\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n";
const WEB_SERVER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n";
/// The first bytes of `openssl s_client`, and a server's alert.
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x01\x31\x01\0\x01\x2d\x03\x03";
const ALERT: &[u8] = b"\x15\x03\x03\0\x02\x02\x46";

const DATAGRAMS: &[(&[u8], WireFormat)] = &[
    (OSC, WireFormat::Osc),
    (BUNDLE, WireFormat::Osc),
    (OSC_LENGTH, WireFormat::OscLength),
    (OSC_SLIP, WireFormat::OscSlip),
    (ART_POLL, WireFormat::ArtNet),
    (ART_DMX, WireFormat::ArtNet),
    (SACN, WireFormat::Sacn),
    (INVITATION, WireFormat::AppleMidi),
    (CLOCK, WireFormat::AppleMidi),
    (RTP_MIDI, WireFormat::RtpMidi),
    (RTP_AUDIO, WireFormat::Rtp),
    (NOTE, WireFormat::Midi),
    (DNS, WireFormat::Dns),
    (MDNS, WireFormat::Dns),
    (MQTT, WireFormat::Mqtt),
    (VISCA_IP, WireFormat::Visca),
    (VISCA, WireFormat::Visca),
    (CURL, WireFormat::HttpRequest),
    (b"/fader 0.5\n", WireFormat::Text),
    ("{\"Szene\": \"Öffnen\"}".as_bytes(), WireFormat::Text),
    (b"GO\0", WireFormat::Text),
];

const STREAMS: &[(&[u8], WireFormat)] = &[
    (OSC, WireFormat::Osc),
    (BUNDLE, WireFormat::Osc),
    (OSC_LENGTH, WireFormat::OscLength),
    (OSC_SLIP, WireFormat::OscSlip),
    (OSC_SLIP.split_at(1).1, WireFormat::OscSlip),
    (NOTE, WireFormat::Midi),
    (PIXELS, WireFormat::OpenPixelControl),
    (MQTT, WireFormat::Mqtt),
    (MQTT_31, WireFormat::Mqtt),
    (VISCA, WireFormat::Visca),
    (CURL, WireFormat::HttpRequest),
    (BROWSER, WireFormat::WebSocket),
    (WEB_SERVER, WireFormat::HttpAnswer),
    (CLIENT_HELLO, WireFormat::Tls),
    (ALERT, WireFormat::Tls),
    (b"SSH-2.0-OpenSSH_9.6\r\n", WireFormat::Text),
];

#[test]
fn what_other_programs_send_is_recognized() {
    for (bytes, format) in DATAGRAMS {
        assert_eq!(datagram(bytes), Some(*format), "{}", bytes.escape_ascii());
    }
    for (bytes, format) in STREAMS {
        assert_eq!(stream(bytes), Some(*format), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_stream_is_recognized_by_its_first_packet_though_it_is_cut() {
    let long = [&[0, 0, 0x10, 0][..], b"/cue/text\0\0\0,s\0\0", &[b'x'; 100]].concat();
    for (bytes, format) in [
        (&long[..], WireFormat::OscLength),
        (&OSC_LENGTH[..7], WireFormat::OscLength),
        (&OSC_SLIP[..4], WireFormat::OscSlip),
        (&CURL[..4], WireFormat::HttpRequest),
        (&CLIENT_HELLO[..4], WireFormat::Tls),
        (&PIXELS[..6], WireFormat::OpenPixelControl),
        (b"\x05\0\x03\x00\x2f\x2f\x2f", WireFormat::OpenPixelControl),
    ] {
        assert_eq!(stream(bytes), Some(format), "{}", bytes.escape_ascii());
    }
}

#[test]
fn what_could_be_anything_is_not_named() {
    for bytes in
        [&b""[..], b"\0", b"/", b"\xc0", b"x", b"\0\0\0\0", b"\0\0\0\x02", b"\xff\xff", b"\x80", &[0; 40]]
    {
        assert_eq!((datagram(bytes), stream(bytes)), (None, None), "{}", bytes.escape_ascii());
    }
}

#[test]
fn colours_that_begin_like_an_address_are_pixels() {
    // 16 pixels in the grey of a slash.
    let pixels = [&[0, 0, 0, 48][..], &[b'/'; 48]].concat();
    assert_eq!(stream(&pixels), Some(WireFormat::OpenPixelControl));
}

#[test]
fn the_notice_says_what_it_is_and_what_to_do() {
    let from: SocketAddr = "10.0.0.9:7000".parse().expect("an address");
    for (found, wanted, bytes, text) in [
        (
            WireFormat::Osc,
            WireFormat::ArtNet,
            OSC,
            "10.0.0.9:7000 sends OSC where Art-Net is expected; send it to an instance of `osc`",
        ),
        (
            WireFormat::OscSlip,
            WireFormat::OscLength,
            OSC_SLIP,
            "10.0.0.9:7000 sends OSC in SLIP where OSC with a length before each packet is expected; \
             set `transport = slip` here, or OSC 1.0 at the sender",
        ),
        (
            WireFormat::Text,
            WireFormat::Osc,
            b"`Go`\nto the next cue\n",
            "10.0.0.9:7000 sends text (`'Go'...`) where OSC is expected; check protocol and port at the sender",
        ),
    ] {
        assert_eq!(explain(&from, found, wanted, bytes).text, text);
    }
}

#[test]
fn a_stranger_is_told_once_and_again_after_a_minute_of_quiet() {
    let (mut unknown_senders, start) = (UnknownSenders::default(), Instant::START);
    let from = |port: u16| SocketAddr::from(([10, 0, 0, 9], port));
    let mut explained = |seconds: u64, port: u16, bytes: &[u8]| {
        unknown_senders.explain(start + Duration::from_secs(seconds), from(port), bytes, WireFormat::ArtNet)
    };
    assert!(matches!(explained(0, 7000, OSC), Diagnosis::News(_)));
    for seconds in 1..200 {
        assert_eq!(explained(seconds, 7000 + seconds as u16, OSC), Diagnosis::Old);
    }
    assert!(matches!(explained(200, 7000, SACN), Diagnosis::News(_)), "another protocol");
    assert_eq!(explained(200, 7000, ART_POLL), Diagnosis::Nothing, "what is expected, but broken");
    assert_eq!(explained(200, 7000, b"\0"), Diagnosis::Nothing);
    assert!(matches!(explained(300, 7000, OSC), Diagnosis::News(_)));
}

#[test]
fn a_flood_of_strangers_is_forgotten_from_its_quietest_on() {
    let mut unknown_senders = UnknownSenders::default();
    let ip = |number: u32| std::net::IpAddr::from(number.to_be_bytes());
    for number in 0..10_000 {
        let now = Instant::from_micros(u64::from(number));
        assert!(unknown_senders.is_news(now, ip(number), WireFormat::Osc));
        assert!(!unknown_senders.is_news(now, ip(0), WireFormat::Osc), "one that goes on");
    }
}

#[test]
fn a_stream_is_explained_after_a_second_or_when_it_ends() {
    let (from, start) = ("client1", Instant::START);
    let mut beginning = Beginning::default();
    assert_eq!((beginning.due(), beginning.explain_end(&from, WireFormat::OscSlip)), (None, None));
    let due = beginning.add_bytes(start, OSC_LENGTH).expect("a time");
    assert_eq!((due, beginning.add_bytes(start, OSC_LENGTH)), (start + Duration::from_secs(1), None));
    assert!(!beginning.is_due(start) && beginning.is_due(due));
    assert!(
        beginning
            .explain_silence(&from, WireFormat::OscSlip)
            .is_some_and(|notice| notice.text.contains("`transport = tcp`"))
    );
    assert_eq!(beginning.explain(&from, WireFormat::OscSlip), Diagnosis::Old);
    assert_eq!((beginning.due(), beginning.add_bytes(due, OSC_LENGTH)), (None, None));

    let mut beginning = Beginning::default();
    beginning.add_bytes(start, CURL);
    assert!(
        beginning.explain_end(&from, WireFormat::OscSlip).is_some_and(|notice| notice.text.contains("HTTP"))
    );
}

#[test]
fn a_stream_that_looks_right_is_only_slow() {
    let (from, start) = ("client1", Instant::START);
    let mut beginning = Beginning::default();
    for (second, byte) in (0..).zip(&OSC_LENGTH[..12]) {
        let now = start + Duration::from_secs(second);
        beginning.add_bytes(now, &[*byte]);
        if beginning.is_due(now) {
            assert_eq!(beginning.explain_silence(&from, WireFormat::OscLength), None, "second {second}");
        }
    }
    assert_eq!(beginning.explain(&from, WireFormat::OscLength), Diagnosis::Nothing);
    beginning.settle();
    assert_eq!((beginning.due(), beginning.add_bytes(start, CURL)), (None, None));
    assert_eq!(beginning.explain(&from, WireFormat::OscLength), Diagnosis::Nothing);
}

#[test]
fn a_stream_that_nobody_knows_is_explained_by_its_length_and_does_not_grow() {
    let mut beginning = Beginning::default();
    for _ in 0..70 {
        beginning.add_bytes(Instant::START, &[0xd5; 1000]);
    }
    assert!(beginning.is_due(Instant::START));
    let text = beginning.explain_silence(&"client1", WireFormat::OscLength).expect("a notice").text;
    assert!(text.starts_with("client1 sent 70000 bytes without a packet of OSC with a length"), "{text}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), start in 0..DATAGRAMS.len()) {
        let (known, _) = DATAGRAMS[start];
        for bytes in [bytes.clone(), [known, &bytes].concat(), [&known[..bytes.len().min(known.len())], &bytes].concat()] {
            let _ = (datagram(&bytes), stream(&bytes));
        }
    }
}
