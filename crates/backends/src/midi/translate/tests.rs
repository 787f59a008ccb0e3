//! A translator between messages as text and values, in virtual time.

use proptest::prelude::*;

use super::super::wire::{Parser, compose, describe};
use super::*;

/// A translator whose channels are mapped both ways, slots in the order of the addresses.
struct Rig {
    translator: Translator,
    addresses: Vec<String>,
    now: Instant,
}

impl Rig {
    fn new(options: &[(&str, &str)], addresses: &[&str]) -> Self {
        let given: Vec<_> =
            options.iter().map(|(name, value)| crosspatch_core::Given::of_instance(name, value)).collect();
        let mut options = crosspatch_core::Options::new("pads", &given, &OPTIONS);
        let dialect = Dialect::read(&mut options);
        assert_eq!(options.into_errors(), []);
        let mut translator = Translator::new(Arc::new(dialect));
        for (slot, address) in (0..).map(Slot).zip(addresses) {
            translator.bind(slot, address, Direction::Input);
            translator.bind(slot, address, Direction::Output);
        }
        let addresses = addresses.iter().map(|&address| address.to_owned()).collect();
        Self { translator, addresses, now: Instant::from_micros(1_000_000) }
    }

    fn of(addresses: &[&str]) -> Self {
        Self::new(&[], addresses)
    }

    /// Hears messages; shows what is emitted.
    fn hear(&mut self, messages: &str) -> Vec<String> {
        let mut out = Outbox::new();
        let bytes = compose(messages).expect(messages);
        Parser::default().push(&bytes, |message| {
            self.translator.receive(self.now, &message.expect("whole messages"), &mut out);
        });
        self.shown(&mut out)
    }

    /// Puts values on channels; shows what is sent.
    fn set(&mut self, values: &[(u32, Value)]) -> String {
        let values: Vec<_> = values.iter().map(|(slot, value)| (Slot(*slot), value.clone())).collect();
        self.translator.set(self.now, &values, 0);
        self.flush()
    }

    fn level(&mut self, level: f64) -> String {
        self.set(&[(0, level.into())])
    }

    fn restore(&mut self, values: &[(u32, Value)]) -> String {
        let values: Vec<_> = values.iter().map(|(slot, value)| (Slot(*slot), value.clone())).collect();
        self.translator.restore(&values);
        self.flush()
    }

    fn flush(&mut self) -> String {
        let mut bytes = Vec::new();
        self.translator.flush(self.now, &mut |message| message.encode(&mut bytes));
        let mut line = String::new();
        if !bytes.is_empty() {
            describe(&bytes, &mut line);
        }
        line
    }

    /// Lets time pass; shows what is emitted and what is sent.
    fn wait(&mut self, millis: u64) -> (Vec<String>, String) {
        let (end, mut out, mut sent) = (self.now + Duration::from_millis(millis), Outbox::new(), Vec::new());
        while let Some(due) = self.translator.next_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.translator.handle_timeout(self.now, &mut out);
            sent.push(self.flush());
        }
        self.now = end;
        sent.retain(|line| !line.is_empty());
        (self.shown(&mut out), sent.join(" | "))
    }

    fn shown(&self, out: &mut Outbox) -> Vec<String> {
        let show = |(slot, value): (Slot, Value)| format!("{} = {value}", self.addresses[slot.index()]);
        out.take_emitted().into_iter().map(show).collect()
    }
}

const ALL: &[&str] = &[
    "ch0.cc7",
    "ch1.note60",
    "ch2.note",
    "ch3.pressure60",
    "ch4.aftertouch",
    "ch5.pitch",
    "ch6.program",
    "song",
    "song-position",
];

#[test]
fn every_plain_message_becomes_a_value() {
    let mut rig = Rig::of(ALL);
    for (message, values) in [
        ("cc ch0 7 127", &["ch0.cc7 = 1"][..]),
        ("cc ch0 7 0", &["ch0.cc7 = 0"]),
        ("cc ch1 7 127", &[]),
        ("note-on ch1 60 127", &["ch1.note60 = 1"]),
        ("note-on ch1 60 0", &["ch1.note60 = 0"]),
        ("note-off ch1 60 127", &["ch1.note60 = 0"]),
        ("note-on ch2 127 1", &["ch2.note = 1"]),
        ("note-off ch2 127 1", &[]),
        ("pressure ch3 60 127", &["ch3.pressure60 = 1"]),
        ("aftertouch ch4 0", &["ch4.aftertouch = 0"]),
        ("pitch ch5 16383", &["ch5.pitch = 1"]),
        ("program ch6 127", &["ch6.program = 1"]),
        ("song 127", &["song = 1"]),
        ("song-position 0", &["song-position = 0"]),
        ("active-sensing", &[]),
    ] {
        assert_eq!(rig.hear(message), values, "{message}");
    }
}

#[test]
fn every_plain_value_becomes_a_message() {
    let mut rig = Rig::of(ALL);
    let sent: Vec<_> = (0..ALL.len() as u32).map(|slot| rig.set(&[(slot, 1.0.into())])).collect();
    assert_eq!(
        sent,
        [
            "cc ch0 7 127",
            "note-on ch1 60 127",
            "note-on ch2 127 127",
            "pressure ch3 60 127",
            "aftertouch ch4 127",
            "pitch ch5 16383",
            "program ch6 127",
            "song 127",
            "song-position 16383",
        ]
    );
    assert_eq!(
        rig.set(&[(0, 0.5.into()), (1, 0.0.into()), (5, 0.5.into())]),
        "cc ch0 7 64, note-on ch1 60 0, pitch ch5 8192"
    );
    assert_eq!(rig.set(&[(0, Value::text("full")), (99, 1.0.into())]), "");
}

#[test]
fn what_is_said_again_is_sent_again_and_a_move_within_the_same_number_is_not() {
    let mut rig = Rig::of(ALL);
    // A note by its number has a test of its own: each strike releases the one before.
    for slot in (0..ALL.len() as u32).filter(|&slot| !ALL[slot as usize].ends_with("note")) {
        let strokes = [0.6, 0.6, 0.6].map(|level| rig.set(&[(slot, level.into())]));
        assert!(
            !strokes[0].is_empty() && strokes[1..].iter().all(|stroke| *stroke == strokes[0]),
            "{strokes:?}"
        );
        let together = rig.set(&[(slot, 0.6.into()), (slot, 0.6.into())]);
        assert_eq!(together, format!("{0}, {0}", strokes[0]));
        assert_eq!(rig.set(&[(slot, 0.600001.into())]), "", "{}", ALL[slot as usize]);
    }
    let mut slow = Rig::new(&[("pace", "1ms")], &["ch0.cc20"]);
    assert_eq!(
        slow.set(&[(0, 0.5.into()), (0, 0.5.into()), (0, 0.5.into()), (0, 0.25.into()), (0, 0.3.into())]),
        "cc ch0 20 64"
    );
    assert_eq!([(); 3].map(|()| slow.wait(1).1), ["cc ch0 20 64", "cc ch0 20 64", "cc ch0 20 38"]);
}

#[test]
fn a_press_and_its_release_in_one_turn_both_go_out() {
    let mut rig = Rig::of(&["ch0.note60", "ch0.cc7"]);
    let values: Vec<(u32, Value)> =
        [1.0, 0.0, 1.0, 0.0].into_iter().flat_map(|level| [(0, level.into()), (1, level.into())]).collect();
    let once = "note-on ch0 60 127, cc ch0 7 127, note-on ch0 60 0, cc ch0 7 0";
    assert_eq!(rig.set(&values), format!("{once}, {once}"));
}

#[test]
fn a_note_of_value_zero_is_sent_as_the_options_say() {
    for (release, sent) in [
        ("note-on", "note-on ch0 60 0"),
        ("note-off", "note-off ch0 60 0"),
        ("note-off 64", "note-off ch0 60 64"),
    ] {
        let mut rig = Rig::new(&[("release", release)], &["ch0.note60"]);
        rig.level(1.0);
        assert_eq!(rig.level(0.0), sent);
    }
}

#[test]
fn a_note_by_its_number_releases_the_one_before() {
    let mut rig = Rig::of(&["ch0.note"]);
    assert_eq!(rig.level(60.0 / 127.0), "note-on ch0 60 127");
    assert_eq!(rig.level(60.0 / 127.0), "note-on ch0 60 0, note-on ch0 60 127");
    assert_eq!(rig.hear("note-on ch0 99 1"), ["ch0.note = 0.779528"]);
    assert_eq!(rig.level(61.0 / 127.0), "note-on ch0 60 0, note-on ch0 61 127");
    assert_eq!(rig.level(0.0), "note-on ch0 61 0");
    assert_eq!(rig.restore(&[(0, 0.5.into())]), "", "a state strikes nothing");
}

#[test]
fn both_halves_of_a_pair_are_one_value() {
    let mut rig = Rig::of(&["ch0.pair7", "ch0.cc7", "ch0.cc39"]);
    assert_eq!(rig.hear("cc ch0 7 127, cc ch0 39 127"), ["ch0.cc7 = 1", "ch0.cc39 = 1", "ch0.pair7 = 1"]);
    assert_eq!(rig.wait(100), (vec![], String::new()));
    assert_eq!(rig.hear("cc ch0 39 0"), ["ch0.cc39 = 0", "ch0.pair7 = 0.992248"]);
    assert_eq!(rig.level(0.5), "cc ch0 7 64, cc ch0 39 0");
}

#[test]
fn an_upper_half_alone_counts_as_seven_bits_after_a_moment() {
    let mut rig = Rig::of(&["ch0.pair7"]);
    assert_eq!(rig.hear("cc ch0 7 127"), [""; 0]);
    assert_eq!(rig.wait(4).0, [""; 0]);
    assert_eq!(rig.wait(1).0, ["ch0.pair7 = 1"]);
    // One that is followed by the next is not lost.
    assert_eq!(rig.hear("cc ch0 7 0, cc ch0 7 127"), ["ch0.pair7 = 0"]);
    assert_eq!(rig.wait(9).0, ["ch0.pair7 = 1"]);
    assert_eq!(rig.wait(1000).0, [""; 0]);
}

#[test]
fn parameters_are_selected_and_set() {
    let mut rig = Rig::of(&["ch0.nrpn900", "ch0.rpn1"]);
    assert_eq!(rig.hear("cc ch0 99 7, cc ch0 98 4, cc ch0 6 127, cc ch0 38 127"), ["ch0.nrpn900 = 1"]);
    assert_eq!(rig.hear("cc ch0 97 0"), ["ch0.nrpn900 = 0.999939"]);
    assert_eq!(rig.hear("cc ch0 96 0, cc ch0 96 0"), ["ch0.nrpn900 = 1", "ch0.nrpn900 = 1"]);
    assert_eq!(rig.hear("cc ch0 38 0"), ["ch0.nrpn900 = 0.992248"]);
    assert_eq!(rig.hear("cc ch0 101 0, cc ch0 6 1"), [""; 0], "half a number selects nothing");
    assert_eq!(rig.hear("cc ch0 100 1, cc ch0 6 0, cc ch0 38 0"), ["ch0.rpn1 = 0"]);
    assert_eq!(rig.hear("cc ch0 101 127, cc ch0 100 127, cc ch0 6 127, cc ch0 38 1"), [""; 0]);
    assert_eq!(rig.hear("cc ch1 6 127, cc ch1 38 127"), [""; 0], "another channel");
    assert_eq!(
        rig.level(0.5),
        "cc ch0 99 7, cc ch0 98 4, cc ch0 6 64, cc ch0 38 0, cc ch0 101 127, cc ch0 100 127"
    );
    let mut short = Rig::new(&[("epn-tx", "short")], &["ch0.rpn1"]);
    assert_eq!(short.level(1.0), "cc ch0 101 0, cc ch0 100 1, cc ch0 6 127, cc ch0 38 127");
}

#[test]
fn parameters_of_seven_bits_need_no_lower_half() {
    let mut rig = Rig::new(&[("epn-bits", "7"), ("epn-tx", "short")], &["ch0.nrpn1"]);
    assert_eq!(rig.hear("cc ch0 99 0, cc ch0 98 1, cc ch0 6 127"), ["ch0.nrpn1 = 1"]);
    assert_eq!(rig.hear("cc ch0 38 5"), [""; 0]);
    assert_eq!(rig.hear("cc ch0 97 0"), ["ch0.nrpn1 = 0.992126"]);
    assert_eq!(rig.level(0.5), "cc ch0 99 0, cc ch0 98 1, cc ch0 6 64");
    assert_eq!(rig.level(0.501), "", "the same of 7 bits");
}

#[test]
fn what_has_no_state_is_a_press_and_a_release() {
    let taps = ["clock", "start", "continue", "stop", "tune-request", "reset"];
    let mut rig = Rig::of(&taps);
    for (slot, tap) in (0..).zip(taps) {
        assert_eq!(rig.hear(tap), [format!("{tap} = 1"), format!("{tap} = 0")]);
        rig.wait(1);
        assert_eq!(rig.set(&[(slot, 1.0.into())]), tap);
        assert_eq!(rig.set(&[(slot, 1.0.into())]), tap, "again");
        assert_eq!(rig.set(&[(slot, 0.95.into())]), "", "it is only pressed less hard");
        assert_eq!(rig.set(&[(slot, 0.0.into()), (slot, 1.0.into()), (slot, 0.0.into())]), tap);
        assert_eq!(rig.restore(&[(slot, 1.0.into())]), "", "a state starts nothing");
    }
}

#[test]
fn time_code_is_a_text_and_its_parts() {
    let mut rig = Rig::of(&["mtc", "mtc.hours", "mtc.minutes", "mtc.seconds", "mtc.frames"]);
    assert_eq!(
        rig.hear("f0 7f 7f 01 01 37 00 3b 00 f7"),
        ["mtc = \"23:00:59:00\"", "mtc.hours = 1", "mtc.minutes = 0", "mtc.seconds = 1", "mtc.frames = 0"]
    );
    let quarters = "quarter-frame 0, quarter-frame 16, quarter-frame 43, quarter-frame 51, quarter-frame 64, \
                    quarter-frame 80, quarter-frame 103, quarter-frame 115";
    assert_eq!(rig.hear(quarters), ["mtc = \"23:00:59:02\"", "mtc.frames = 0.068966"]);
    assert_eq!(rig.set(&[(0, Value::text("01:02:03:04"))]), "f0 7f 7f 01 01 21 02 03 04 f7");
    assert_eq!(rig.set(&[(0, Value::text("soon")), (0, 0.5.into())]), "");
}

#[test]
fn show_control_names_cues_or_not() {
    let mut rig = Rig::of(&["msc.go", "msc.go.12.5", "msc.stop", "msc.all-off"]);
    assert_eq!(rig.hear("f0 7f 7f 02 01 01 f7"), ["msc.go = 1", "msc.go = 0"]);
    // Cue 12.5 of list 2.
    assert_eq!(
        rig.hear("f0 7f 05 02 7f 01 31 32 2e 35 00 32 f7"),
        ["msc.go = \"12.5/2\"", "msc.go.12.5 = 1", "msc.go.12.5 = 0"]
    );
    assert_eq!(rig.hear("f0 7f 7f 02 10 01 f7"), [""; 0], "for sound");
    rig.wait(1);
    assert_eq!(rig.set(&[(0, 1.0.into()), (0, 0.0.into())]), "f0 7f 7f 02 01 01 f7");
    assert_eq!(rig.set(&[(0, Value::text("12.5/2"))]), "f0 7f 7f 02 01 01 31 32 2e 35 00 32 f7");
    assert_eq!(rig.set(&[(1, 1.0.into())]), "f0 7f 7f 02 01 01 31 32 2e 35 f7");
    assert_eq!(rig.set(&[(3, 1.0.into())]), "f0 7f 7f 02 01 08 f7");
    assert_eq!(rig.set(&[(2, Value::text("no cue"))]), "");
    let mut other = Rig::new(&[("msc", "5 all")], &["msc.go"]);
    assert_eq!(other.hear("f0 7f 06 02 01 01 f7"), [""; 0]);
    assert_eq!(other.hear("f0 7f 05 02 10 01 f7").len(), 2);
}

#[test]
fn system_exclusive_messages_carry_values() {
    let options = [
        ("sysex.mode", "F0 47 7F 29 {v} F7"),
        ("sysex.led", "F0 01 {r} {g} {b} F7"),
        ("sysex.go", "F0 02 F7"),
        ("sysex.name", "F0 03 {t:text4} F7"),
    ];
    let addresses = ["sysex.mode", "sysex.led.r", "sysex.led.g", "sysex.led.b", "sysex.go", "sysex.name"];
    let mut rig = Rig::new(&options, &addresses);
    assert_eq!(rig.hear("f0 47 7f 29 7f f7"), ["sysex.mode = 1"]);
    assert_eq!(rig.hear("f0 01 7f 00 7f f7"), ["sysex.led.r = 1", "sysex.led.g = 0", "sysex.led.b = 1"]);
    assert_eq!(rig.hear("f0 02 f7"), ["sysex.go = 1", "sysex.go = 0"]);
    assert_eq!(rig.hear("f0 03 48 69 20 20 f7"), ["sysex.name = \"Hi\""]);
    assert_eq!(rig.hear("f0 01 7f 00 f7"), [""; 0]);
    rig.wait(1);
    assert_eq!(rig.set(&[(0, 1.0.into())]), "", "it has said so itself");
    assert_eq!(rig.set(&[(0, 0.0.into())]), "f0 47 7f 29 00 f7");
    // Values that come together travel together; a press and its release do not.
    assert_eq!(rig.set(&[(1, 0.0.into()), (2, 1.0.into()), (3, 1.0.into())]), "f0 01 00 7f 7f f7");
    assert_eq!(rig.set(&[(1, 1.0.into()), (1, 0.0.into())]), "f0 01 7f 7f 7f f7, f0 01 00 7f 7f f7");
    assert_eq!(rig.set(&[(4, 1.0.into()), (4, 0.0.into())]), "f0 02 f7");
    assert_eq!(rig.set(&[(5, Value::text("Spot"))]), "f0 03 53 70 6f 74 f7");
    rig.translator.begin();
    assert_eq!(
        rig.restore(&[(1, 0.0.into()), (2, 0.0.into()), (4, 1.0.into()), (5, Value::text("Wash"))]),
        "f0 01 00 00 7f f7, f0 03 57 61 73 68 f7"
    );
}

#[test]
fn what_the_device_has_said_is_not_sent_back_to_it() {
    let mut rig = Rig::of(&["ch0.cc7", "ch0.note60", "ch0.cc32"]);
    rig.hear("cc ch0 7 100, note-on ch0 60 100, cc ch0 32 127");
    let said: [(u32, Value); 3] = [(0, (100.0 / 127.0).into()), (1, (100.0 / 127.0).into()), (2, 1.0.into())];
    assert_eq!(rig.set(&said), "");
    rig.wait(20);
    assert_eq!(rig.set(&said[..1]), "", "a fader is where it was put");
    assert_eq!(rig.set(&said[1..2]), "note-on ch0 60 100", "a pad that was hit is not lit");
    assert_eq!(rig.set(&said[2..]), "cc ch0 32 127", "nor is a button that was pressed");
    rig.wait(1000);
    assert_eq!(rig.set(&said[..1]), "cc ch0 7 100", "long after, somebody else has said so");
    assert_eq!(rig.level(0.0), "cc ch0 7 0");
}

#[test]
fn a_device_that_wants_its_values_back_gets_them() {
    let mut rig = Rig::new(&[("echo", "on")], &["ch0.cc7", "start"]);
    rig.hear("cc ch0 7 127, start");
    assert_eq!(rig.set(&[(0, 1.0.into()), (1, 1.0.into())]), "cc ch0 7 127, start");
}

#[test]
fn a_motor_fader_is_left_alone_while_it_moves_and_put_in_its_place_when_it_has_settled() {
    let mut rig = Rig::new(&[("echo", "settle")], &["ch0.pitch"]);
    rig.hear("pitch ch0 16383");
    assert_eq!(rig.level(0.5), "", "it moves");
    assert_eq!(rig.wait(99).1, "");
    rig.hear("pitch ch0 0");
    assert_eq!(rig.wait(99).1, "", "it has moved again");
    assert_eq!(rig.wait(1).1, "pitch ch0 0", "its own place, if nobody wants another");
    assert_eq!(rig.wait(1000).1, "");
    rig.hear("pitch ch0 16383");
    rig.level(0.0);
    assert_eq!(rig.wait(100).1, "pitch ch0 0");
    assert_eq!(rig.level(1.0), "pitch ch0 16383");
}

#[test]
fn a_slow_device_gets_a_message_at_a_time_and_the_latest_level() {
    let mut rig = Rig::new(&[("pace", "1ms")], &["ch0.cc7", "ch0.note60", "ch0.nrpn1"]);
    assert_eq!(rig.level(0.1), "cc ch0 7 13");
    let values: Vec<(u32, Value)> =
        vec![(0, 0.2.into()), (1, 1.0.into()), (0, 0.3.into()), (1, 0.0.into()), (0, 0.4.into())];
    assert_eq!(rig.set(&values), "");
    assert_eq!(rig.wait(10).1, "cc ch0 7 51 | note-on ch0 60 127 | note-on ch0 60 0");
    assert_eq!(rig.set(&[(2, 0.5.into())]).split(", ").count(), 6, "a parameter is set as a whole");
    assert_eq!(rig.level(0.5), "");
    assert_eq!(rig.wait(5).1, "");
    assert_eq!(rig.wait(1).1, "cc ch0 7 64");
}

#[test]
fn somebody_new_gets_the_first_messages_and_then_every_state() {
    let options = [("init", "f0 01 f7"), ("init", "pause 50ms"), ("init", "cc ch0 0 127, clock")];
    let mut rig = Rig::new(&options, &["ch0.cc7", "ch0.note60"]);
    assert_eq!(rig.set(&[(0, 0.5.into()), (1, 1.0.into())]), "cc ch0 7 64, note-on ch0 60 127");
    rig.translator.begin();
    assert_eq!(rig.restore(&[(0, 0.5.into()), (1, 1.0.into())]), "f0 01 f7");
    assert_eq!(rig.wait(49).1, "");
    assert_eq!(rig.wait(1).1, "cc ch0 0 127, clock, cc ch0 7 64, note-on ch0 60 127");
    assert_eq!(rig.restore(&[(0, 0.5.into())]), "", "it is known");
}

#[test]
fn what_had_begun_when_the_device_went_comes_to_nothing() {
    let mut rig = Rig::of(&["ch0.pair7", "ch0.nrpn1"]);
    rig.hear("cc ch0 7 127, cc ch0 99 0, cc ch0 98 1");
    rig.translator.forget();
    assert_eq!(rig.wait(10).0, [""; 0]);
    assert_eq!(rig.hear("cc ch0 6 1, cc ch0 38 1"), [""; 0]);
}

#[test]
fn a_blocked_way_out_holds_the_last_level_and_the_edges_within_bounds() {
    let mut rig = Rig::of(&["ch0.cc7", "ch0.note60", "start"]);
    rig.translator.set_blocked(true);
    for step in 0..100_000_u32 {
        let level = f64::from(step % 100) / 100.0;
        assert_eq!(
            rig.set(&[(0, level.into()), (1, Value::edge(step % 2 == 0)), (2, Value::edge(step % 2 == 0))]),
            ""
        );
    }
    assert_eq!(rig.translator.next_timeout(), None);
    rig.set(&[(0, 0.25.into()), (1, 1.0.into())]);
    rig.translator.set_blocked(false);
    let mut sent = Vec::new();
    rig.translator.flush(rig.now, &mut |message| sent.push(message.to_string()));
    assert!((500..2000).contains(&sent.len()), "{}", sent.len());
    let last = |prefix: &str| sent.iter().rfind(|line| line.starts_with(prefix)).map(String::as_str);
    assert_eq!((last("cc"), last("note")), (Some("cc ch0 7 32"), Some("note-on ch0 60 127")));
}

#[test]
fn behind_a_long_queue_a_press_is_followed_by_its_release_and_a_tap_arrives() {
    let fillers: Vec<_> = (0..1100).map(|number| format!("ch1.nrpn{number}")).collect();
    let tail = ["ch0.note60", "ch0.cc20", "ch0.cc7", "stop", "msc.go"];
    let addresses: Vec<_> = fillers.iter().map(String::as_str).chain(tail).collect();
    let mut rig = Rig::new(&[], &addresses);
    rig.translator.set_blocked(true);
    for slot in 0..1100 {
        rig.set(&[(slot, 0.5.into())]);
    }
    for level in [1.0, 0.0, 0.5, 0.0, 1.0, 0.0] {
        rig.set(&[1100, 1101, 1102, 1103].map(|slot| (slot, level.into())));
        rig.set(&[(1102, (level / 2.0 + 0.25).into())]);
    }
    for cue in ["1", "2"] {
        rig.set(&[(1104, Value::text(cue))]);
    }
    rig.translator.set_blocked(false);
    let mut sent = Vec::new();
    rig.translator.flush(rig.now, &mut |message| sent.push(message.to_string()));
    sent.retain(|line| !line.contains("ch1"));
    let expected = [
        "note-on ch0 60 127",
        "cc ch0 20 127",
        "cc ch0 7 0",
        "stop",
        "note-on ch0 60 0",
        "cc ch0 20 0",
        "cc ch0 7 32",
        "f0 7f 7f 02 01 01 32 f7",
    ];
    assert_eq!(sent, expected);
}

#[test]
fn a_channel_that_is_not_mapped_any_more_is_silent() {
    let mut rig = Rig::of(&["ch0.cc7"]);
    rig.translator.unbind(Slot(0), Direction::Input);
    assert_eq!(rig.hear("cc ch0 7 1"), [""; 0]);
    assert_eq!(rig.level(1.0), "cc ch0 7 127");
    rig.translator.unbind(Slot(0), Direction::Output);
    assert_eq!(rig.level(0.0), "");
}

proptest! {
    #[test]
    fn what_is_sent_is_heard_as_the_same_value(slot in 0..12_usize, number in 0..16384_u16) {
        let addresses = [
            "ch0.cc7", "ch1.note60", "ch3.pressure60", "ch4.aftertouch", "ch5.pitch", "ch6.program",
            "song", "song-position", "ch7.pair3", "ch8.rpn5", "ch9.nrpn16000", "sysex.wide",
        ];
        let options = [("sysex.wide", "F0 1 {v:14lsb} F7")].map(|(name, text)| (name, text.replace(" 1 ", " 01 ")));
        let options: Vec<_> = options.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let (mut one, mut other) = (Rig::new(&options, &addresses), Rig::new(&options, &addresses));
        let greatest = Address::parse(addresses[slot]).expect("an address").greatest().unwrap_or(16383);
        let value = Value::number(f64::from(number % (greatest + 1)) / f64::from(greatest));
        let sent = one.set(&[(slot as u32, value.clone())]);
        prop_assert_eq!(other.hear(&sent), [format!("{} = {value}", addresses[slot])]);
    }

    #[test]
    fn any_stream_is_survived_and_every_value_is_a_level(
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0xb0_u8), Just(0xf0), Just(0xf7)], 0..300),
    ) {
        let options = [("sysex.any", "F0 {a} {b:text2} F7")];
        let mut rig = Rig::new(&options, &["ch0.pair7", "ch0.nrpn1", "ch0.note60", "mtc", "msc.go", "sysex.any.a"]);
        let (mut parser, mut out) = (Parser::default(), Outbox::new());
        parser.push(&bytes, |message| {
            if let Ok(message) = message {
                rig.translator.receive(rig.now, &message, &mut out);
            }
        });
        for (_, value) in out.take_emitted() {
            prop_assert!(value.as_number().is_none_or(|level| (0.0..=1.0).contains(&level)));
        }
        rig.wait(1000);
        prop_assert_eq!(rig.translator.next_timeout(), None);
    }
}
