//! What somebody does three times arrives three times, from every kind of input to every kind of output, and no event is
//! repeated for a peer that comes back.
//!
//! Every backend is in a table here: with its inputs that messages come in on and how one message looks, and with its outputs
//! and what they send. A backend whose channels are all states has nothing to arrive twice, and says so.

#[path = "common/show.rs"]
mod show;

use crosspatch_backends::BACKENDS;
use crosspatch_core::{Direction, Duration, Kind};
use crosspatch_sim::{ScriptStep, World};

/// Backends of which nothing is an event and nothing a message: universes.
const ONLY_STATES: &[&str] = &["openpixelcontrol", "sacn"];

/// An input that messages come in on.
struct Source {
    backend: &'static str,
    /// The options of the instance `src`.
    options: &'static str,
    channel: &'static str,
    /// What happens before.
    setup: &'static [&'static str],
    /// One message; `{n}` is its number, `{text}` the text that it says.
    stroke: &'static str,
}

impl Source {
    fn says_text(&self) -> bool {
        self.stroke.contains("{text}")
    }
}

const LOG_IN: &[&str] = &[
    "src.0 opened client1",
    "src.0 <- client1 {\"session\":0}",
    "src.0 <- client1 {\"requestType\":\"login\",\"username\":\"u\",\"password\":\"2807623134739142b119aff358f8a219\",\"session\":1,\"maxRequests\":10}",
];

const SOURCES: &[Source] = &[
    Source {
        backend: "artnet",
        options: "",
        channel: "trigger.macro5",
        setup: &[],
        stroke: "src.0 <- 10.0.0.5:6454 ArtTrigger macro 5",
    },
    Source {
        backend: "gma3sim",
        options: "",
        channel: "page1.key201",
        setup: &[],
        stroke: "src.0 <- 10.0.0.5:7000 /Page1/Key201 ,i 1",
    },
    Source {
        backend: "gma3sim",
        options: "",
        channel: "command",
        setup: &[],
        stroke: "src.0 <- 10.0.0.5:7000 /cmd ,s \"{text}\"",
    },
    Source {
        backend: "jack",
        options: "in = midi in",
        channel: "in.ch0.cc7",
        setup: &["src.0 opened"],
        stroke: "src.0 <- 0 cc ch0 7 127",
    },
    Source { backend: "loopback", options: "", channel: "x", setup: &[], stroke: "src.x := 1" },
    Source { backend: "loopback", options: "", channel: "x", setup: &[], stroke: "src.x := \"{text}\"" },
    Source {
        backend: "masim",
        options: "",
        channel: "page1.fader6",
        setup: LOG_IN,
        stroke: "src.0 <- client1 {\"requestType\":\"playbacks_userInput\",\"execIndex\":5,\"pageIndex\":0,\"faderValue\":1,\"type\":1,\"session\":1,\"maxRequests\":0}",
    },
    Source {
        backend: "masim",
        options: "",
        channel: "command",
        setup: LOG_IN,
        stroke: "src.0 <- client1 {\"command\":\"{text}\",\"session\":1,\"requestType\":\"command\",\"maxRequests\":0}",
    },
    Source {
        backend: "midi",
        options: "",
        channel: "ch0.note60",
        setup: &[],
        stroke: "src.0 <- note-on ch0 60 127",
    },
    Source {
        backend: "midi",
        options: "",
        channel: "ch0.cc20",
        setup: &[],
        stroke: "src.0 <- cc ch0 20 127",
    },
    Source {
        backend: "midi",
        options: "",
        channel: "ch0.program",
        setup: &[],
        stroke: "src.0 <- program ch0 127",
    },
    Source { backend: "midi", options: "", channel: "start", setup: &[], stroke: "src.0 <- start" },
    Source {
        backend: "midi",
        options: "",
        channel: "msc.go.1",
        setup: &[],
        stroke: "src.0 <- f0 7f 7f 02 01 01 31 f7",
    },
    Source {
        backend: "midi",
        options: "sysex.v = F0 01 {v} F7",
        channel: "sysex.v",
        setup: &[],
        stroke: "src.0 <- f0 01 7f f7",
    },
    Source {
        backend: "osc",
        options: "bind = 10.0.0.1 8000",
        channel: "/in",
        setup: &[],
        stroke: "src.0 <- 10.0.0.9:7000 /in ,f 1",
    },
    Source {
        backend: "osc",
        options: "bind = 10.0.0.1 8000",
        channel: "/in",
        setup: &[],
        stroke: "src.0 <- 10.0.0.9:7000 /in",
    },
    Source {
        backend: "osc",
        options: "bind = 10.0.0.1 8000\n/in = ,",
        channel: "/in",
        setup: &[],
        stroke: "src.0 <- 10.0.0.9:7000 /in",
    },
    Source {
        backend: "osc",
        options: "bind = 10.0.0.1 8000",
        channel: "/in",
        setup: &[],
        stroke: "src.0 <- 10.0.0.9:7000 /in ,s \"{text}\"",
    },
    Source {
        backend: "rtpmidi",
        options: "mode = direct\nbind = 10.0.0.1 5010\nlearn = on",
        channel: "ch0.cc7",
        setup: &[],
        stroke: "src.1 <- 10.0.0.3:6000 rtp {n} at {n}000 from 0000000b: cc ch0 7 127",
    },
];

/// An output, and what it sends.
struct Target {
    backend: &'static str,
    /// The options of the instance `dst`.
    options: &'static str,
    channel: &'static str,
    /// What happens before.
    setup: &'static [&'static str],
    /// What is in each line that goes out for a press.
    press: Option<&'static str>,
    /// A text for it, and what is in each line that goes out for that.
    text: Option<(&'static str, &'static str)>,
    /// What happens when the peer goes and comes back.
    back: &'static [&'static str],
}

const MIDI_HEARD: &[&str] = &["dst.2 opened"];
const MIDI_BACK: &[&str] = &["dst.2 closed by-peer", "dst.2 opened"];
const TCP: &str = "destination = 10.0.0.9 9000\ntransport = tcp";
const TCP_BACK: &[&str] = &["dst.1 closed by-peer", "wait", "dst.1 opened"];
const CONSOLE: &[&str] = &[
    "dst.0 opened",
    "dst.0 <- {\"status\":\"server ready\", \"appType\":\"gma2\"}",
    "dst.0 <- {\"realtime\":false,\"session\":1,\"forceLogin\":true,\"worldIndex\":0}",
    "dst.0 <- {\"realtime\":false,\"responseType\":\"login\",\"result\":true,\"worldIndex\":0}",
];
const CONSOLE_BACK: &[&str] = &[
    "dst.0 closed by-peer",
    "wait",
    "dst.0 opened",
    "dst.0 <- {\"status\":\"server ready\", \"appType\":\"gma2\"}",
    "dst.0 <- {\"realtime\":false,\"session\":1,\"forceLogin\":true,\"worldIndex\":0}",
    "dst.0 <- {\"realtime\":false,\"responseType\":\"login\",\"result\":true,\"worldIndex\":0}",
];

const TARGETS: &[Target] = &[
    Target {
        backend: "artnet",
        options: "destination = broadcast",
        channel: "trigger.show2",
        setup: &[],
        press: Some("ArtTrigger show 2"),
        text: None,
        back: &["dst.0 closed no-address", "wait"],
    },
    Target {
        backend: "artnet",
        options: "destination = broadcast",
        channel: "timecode",
        setup: &[],
        press: None,
        text: Some(("10:20:30:24", "ArtTimeCode 10:20:30:24")),
        back: &["dst.0 closed no-address", "wait"],
    },
    Target {
        backend: "gma3sim",
        options: "destination = 10.0.0.9 9000",
        channel: "page1.key201",
        setup: &[],
        press: Some("/14.14.1.6.1 ,sis \"Go+\" 1 "),
        text: None,
        back: &["dst.0 closed no-address", "wait"],
    },
    Target {
        backend: "gma3sim",
        options: "destination = 10.0.0.9 9000",
        channel: "command",
        setup: &[],
        press: None,
        text: Some(("Go+ Sequence 1", "/14.14.1.6.1 ,sis \"Go+\" 1 ")),
        back: &["dst.0 closed no-address", "wait"],
    },
    Target {
        backend: "jack",
        options: "out = midi out",
        channel: "out.ch0.note60",
        setup: &["dst.0 opened"],
        press: Some("-> 0 note-on ch0 60 127"),
        text: None,
        back: &["dst.0 closed by-peer", "wait", "dst.0 opened"],
    },
    Target {
        backend: "loopback",
        options: "",
        channel: "x",
        setup: &[],
        press: Some("dst.x = 1"),
        text: Some(("go", "dst.x = \"go\"")),
        back: &[],
    },
    Target {
        backend: "maweb",
        options: "host = 10.0.0.1",
        channel: "page1.button101",
        setup: CONSOLE,
        press: Some("\"pressed\":true"),
        text: None,
        back: CONSOLE_BACK,
    },
    Target {
        backend: "maweb",
        options: "host = 10.0.0.1",
        channel: "GO_PLUS",
        setup: CONSOLE,
        press: Some("\"keyname\":\"GO_PLUS\",\"value\":1"),
        text: None,
        back: CONSOLE_BACK,
    },
    Target {
        backend: "maweb",
        options: "host = 10.0.0.1\ncommand.go = Go Executor 1",
        channel: "command.go",
        setup: CONSOLE,
        press: Some("\"command\":\"Go Executor 1\""),
        text: None,
        back: CONSOLE_BACK,
    },
    Target {
        backend: "midi",
        options: "",
        channel: "ch0.cc7",
        setup: MIDI_HEARD,
        press: Some("cc ch0 7 127"),
        text: None,
        back: MIDI_BACK,
    },
    Target {
        backend: "midi",
        options: "",
        channel: "ch0.program",
        setup: MIDI_HEARD,
        press: Some("program ch0 127"),
        text: None,
        back: MIDI_BACK,
    },
    Target {
        backend: "midi",
        options: "",
        channel: "clock",
        setup: MIDI_HEARD,
        press: Some("-> clock"),
        text: None,
        back: MIDI_BACK,
    },
    Target {
        backend: "midi",
        options: "",
        channel: "msc.go",
        setup: MIDI_HEARD,
        press: Some("f0 7f 7f 02 01 01"),
        text: Some(("12.5", "f0 7f 7f 02 01 01 31 32 2e 35 f7")),
        back: MIDI_BACK,
    },
    Target {
        backend: "midi",
        options: "sysex.v = F0 01 {v} F7",
        channel: "sysex.v",
        setup: MIDI_HEARD,
        press: Some("f0 01 7f f7"),
        text: None,
        back: MIDI_BACK,
    },
    Target {
        backend: "osc",
        options: TCP,
        channel: "/out",
        setup: &["dst.1 opened"],
        press: Some("/out ,f 1"),
        text: Some(("Go+ Sequence 1", "/out ,s \"Go+ Sequence 1\"")),
        back: TCP_BACK,
    },
    Target {
        backend: "osc",
        options: "destination = 10.0.0.9 9000\ntransport = tcp\n/out = i 0 1",
        channel: "/out",
        setup: &["dst.1 opened"],
        press: Some("/out ,i 1"),
        text: None,
        back: TCP_BACK,
    },
    Target {
        backend: "osc",
        options: "destination = 10.0.0.9 9000\ntransport = tcp\n/out = ,",
        channel: "/out",
        setup: &["dst.1 opened"],
        press: Some("tcp /out"),
        text: None,
        back: TCP_BACK,
    },
    Target {
        backend: "rtpmidi",
        options: "mode = direct\nbind = 10.0.0.1 5011\npeer = 10.0.0.2 5010",
        channel: "ch0.cc7",
        setup: &[],
        press: Some(": cc ch0 7 127"),
        text: None,
        back: &[],
    },
];

/// A show with one mapping, at work.
struct Play {
    world: World,
    source: &'static Source,
    target: &'static Target,
    strokes: usize,
}

impl Play {
    fn new(source: &'static Source, target: &'static Target, stages: &str) -> Self {
        let config = format!(
            "[{} src]\n{}\n[{} dst]\n{}\n[map]\nsrc.{}{stages} > dst.{}\n",
            source.backend, source.options, target.backend, target.options, source.channel, target.channel
        );
        let plan = show::plan(&config, None).unwrap_or_else(|errors| panic!("{config}\n{errors}"));
        let mut play = Self { world: World::new(plan), source, target, strokes: 0 };
        for line in source.setup.iter().chain(target.setup) {
            play.step(line);
        }
        play.pass(500);
        play
    }

    fn step(&mut self, line: &str) {
        match line {
            "wait" => self.pass(1500),
            line => match ScriptStep::parse(line) {
                Ok(Some(step)) => self.world.play(&step),
                Ok(None) | Err(_) => panic!("no step: {line}"),
            },
        }
        self.pass(10);
    }

    fn pass(&mut self, millis: u64) {
        self.world.advance(Duration::from_millis(millis));
    }

    /// What has gone out since the last look.
    fn sent(&mut self, mark: &str) -> usize {
        let lines = self.world.take_transcript();
        let is_sent =
            |line: &&str| line.contains(mark) && (line.contains(" -> ") || mark.starts_with("dst."));
        lines.lines().filter(is_sent).count()
    }

    fn stroke(&mut self, text: &str) {
        self.strokes += 1;
        let stroke = self.source.stroke.replace("{n}", &self.strokes.to_string()).replace("{text}", text);
        self.step(&stroke);
    }

    /// Whether what the mapping passes on is an event, by the kinds of its ends.
    fn is_event(&self) -> bool {
        let kind = |channel: &str, direction| {
            let plan = self.world.engine().plan();
            let (instance, slot) = plan.find_channel(channel).expect("a channel of the show");
            plan.instances()[instance.index()].channels.kind(slot, direction)
        };
        let from = kind(&format!("src.{}", self.source.channel), Direction::Input);
        let to = kind(&format!("dst.{}", self.target.channel), Direction::Output);
        from.max(to) == Kind::Event || (self.source.says_text() && from == Kind::Control)
    }
}

/// Every pair, with what is said and what has to go out for it.
fn pairs() -> impl Iterator<Item = (&'static Source, &'static Target, &'static str, &'static str)> {
    SOURCES.iter().flat_map(|source| {
        TARGETS.iter().filter_map(move |target| match (source.says_text(), target.press, target.text) {
            (false, Some(mark), _) => Some((source, target, "", mark)),
            (true, _, Some((text, mark))) => Some((source, target, text, mark)),
            (false, None, _) | (true, _, None) => None,
        })
    })
}

fn named(source: &Source, target: &Target) -> String {
    format!("{} ({}) to {}.{}", source.backend, source.stroke, target.backend, target.channel)
}

#[test]
fn what_is_done_three_times_arrives_three_times_from_every_input_at_every_output() {
    for (source, target, text, mark) in pairs() {
        let mut play = Play::new(source, target, "");
        play.world.take_transcript();
        for _ in 0..3 {
            play.stroke(text);
            play.pass(100);
        }
        let transcript = play.world.transcript().to_string();
        assert_eq!(play.sent(mark), 3, "{}\n{transcript}", named(source, target));
    }
}

#[test]
fn what_is_pressed_three_times_without_a_release_triggers_three_times() {
    for (source, target, text, mark) in pairs().filter(|(source, ..)| !source.says_text()) {
        let mut play = Play::new(source, target, " | press");
        play.world.take_transcript();
        for _ in 0..3 {
            play.stroke(text);
            play.pass(100);
        }
        let transcript = play.world.transcript().to_string();
        assert_eq!(play.sent(mark), 3, "{}\n{transcript}", named(source, target));
        let back = target.back;
        back.iter().for_each(|line| play.step(line));
        play.pass(5000);
        assert_eq!(play.sent(mark), 0, "{}: a trigger is never repeated", named(source, target));
    }
}

#[test]
fn a_peer_that_comes_back_is_told_the_last_state_and_no_event() {
    for (source, target, text, mark) in pairs().filter(|(_, target, ..)| !target.back.is_empty()) {
        let mut play = Play::new(source, target, "");
        play.stroke(text);
        play.pass(1000);
        play.world.take_transcript();
        target.back.iter().for_each(|line| play.step(line));
        play.pass(5000);
        let transcript = play.world.transcript().to_string();
        let sent = play.sent(mark);
        if play.is_event() {
            assert_eq!(sent, 0, "{}\n{transcript}", named(source, target));
        } else if !source.stroke.ends_with("/in") {
            // What is pressed and released at once leaves nothing of the press.
            assert_eq!(sent, 1, "{}\n{transcript}", named(source, target));
        }
    }
}

/// The names of the kinds of an instance's channels, as its plan has them.
fn kinds(play: &Play) -> [(&'static str, &'static str); 2] {
    let kind = |name: &str, channel: &str, direction| {
        let plan = play.world.engine().plan();
        let (instance, slot) =
            plan.find_channel(&format!("{name}.{channel}")).expect("a channel of the show");
        plan.instances()[instance.index()].channels.kind(slot, direction).name()
    };
    let (source, target) = (play.source, play.target);
    [
        (source.backend, kind("src", source.channel, Direction::Input)),
        (target.backend, kind("dst", target.channel, Direction::Output)),
    ]
}

#[test]
fn every_manual_says_of_its_channels_what_they_are() {
    let channels_of = |manual: &'static str| {
        let (_, channels) = manual.split_once("## Channels").expect("a section on channels");
        channels.split_once("\n## ").map_or(channels, |(channels, _)| channels)
    };
    for (source, target, ..) in pairs() {
        for (name, kind) in kinds(&Play::new(source, target, "")) {
            let backend = BACKENDS.iter().find(|backend| backend.name == name).expect("a backend");
            assert!(
                channels_of(backend.manual).contains(kind),
                "{name} does not say which channel is a `{kind}`"
            );
        }
    }
    for backend in BACKENDS.iter().filter(|backend| ONLY_STATES.contains(&backend.name)) {
        assert!(channels_of(backend.manual).contains("**states**"), "{}", backend.name);
    }
}

#[test]
fn every_backend_is_in_the_tables() {
    for backend in BACKENDS.iter().map(|backend| backend.name) {
        let comes_in = SOURCES.iter().any(|source| source.backend == backend);
        let goes_out = TARGETS.iter().any(|target| target.backend == backend);
        let expected = match backend {
            name if ONLY_STATES.contains(&name) => (false, false),
            // A console is polled; a simulated one is told how it is.
            "maweb" => (false, true),
            "masim" => (true, false),
            _ => (true, true),
        };
        assert_eq!((comes_in, goes_out), expected, "{backend}");
    }
}

/// Two OSC peers and two MIDI devices, mapped to each other both ways, that send back whatever they are told.
const ECHOES: &str = "\
[osc a]
bind = 10.0.0.1 8000
destination = 10.0.0.8 9000
[osc b]
bind = 10.0.0.1 8001
destination = 10.0.0.9 9000
[midi m]
[midi n]
[map]
";

/// Plays peers that send back what they are told after a while; returns how many messages went out in the last minute.
fn echo(world: &mut World, delay: Duration) -> usize {
    let mut waiting: Vec<(crosspatch_core::Instant, String)> = Vec::new();
    let mut sent = 0;
    let end = world.now() + Duration::from_secs(120);
    let last_minute = world.now() + Duration::from_secs(60);
    while world.now() < end {
        for line in world.take_transcript().lines() {
            let Some((name, message)) = line.split_once(' ').and_then(|(_, line)| line.split_once(" -> "))
            else {
                continue;
            };
            sent += usize::from(world.now() >= last_minute);
            waiting.push((world.now() + delay, format!("{name} <- {message}")));
        }
        let due = waiting.partition_point(|(at, _)| *at <= world.now());
        for (_, line) in waiting.drain(..due) {
            let step = ScriptStep::parse(&line).unwrap_or_else(|_| panic!("{line}")).expect("an input line");
            world.play(&step);
        }
        world.advance(Duration::from_millis(5));
    }
    sent
}

#[test]
fn peers_that_send_everything_back_come_to_rest_however_they_are_mapped() {
    for (lines, start) in [
        ("a./x <> b./x", "a.0 <- 10.0.0.8:9000 /x ,f"),
        ("a./x | invert <> b./x", "a.0 <- 10.0.0.8:9000 /x ,f"),
        ("a./x | delay 20ms <> b./x", "a.0 <- 10.0.0.8:9000 /x ,f"),
        ("a./x <> m.ch0.cc7", "a.0 <- 10.0.0.8:9000 /x ,f"),
        ("a./x <> m.ch0.note7", "a.0 <- 10.0.0.8:9000 /x ,f"),
        ("m.ch0.pitch <> n.ch0.pitch", "m.0 <- pitch ch0"),
        ("m.ch0.cc7 <> n.ch0.cc8", "m.0 <- cc ch0 7"),
        ("m.ch0.note7 <> n.ch0.note8", "m.0 <- note-on ch0 7"),
    ] {
        for delay in [0, 2, 30, 300].map(Duration::from_millis) {
            let config = format!("{ECHOES}{lines}\n");
            let plan = show::plan(&config, None).unwrap_or_else(|errors| panic!("{errors}"));
            let mut world = World::new(plan);
            let play = |world: &mut World, line: &str| {
                let step =
                    ScriptStep::parse(line).unwrap_or_else(|_| panic!("{line}")).expect("an input line");
                world.play(&step);
                world.advance(Duration::from_millis(7));
            };
            play(&mut world, "m.2 opened");
            play(&mut world, "n.2 opened");
            let levels = match start.rsplit_once(' ') {
                Some((_, ",f")) => ["1", "0", "0.25", "0.5", "0.5", "0.75"],
                _ if start.contains("pitch") => ["16383", "0", "4000", "8000", "8000", "12000"],
                _ => ["127", "0", "32", "64", "64", "96"],
            };
            for level in levels {
                play(&mut world, &format!("{start} {level}"));
            }
            let sent = echo(&mut world, delay);
            assert_eq!(sent, 0, "{lines} with {delay:?}\n{}", world.transcript());
        }
    }
}
