//! The examples for a grandMA3 with the simulated console, in virtual time, and the real binary between the two.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::Path;

use common::osc::Osc;
use common::{Program, free_port};
use crosspatch_backends::registry;
use crosspatch_config::compile_text;
use crosspatch_core::{Closed, Duration, Peer, Port};
use crosspatch_sim::World;
use crosspatch_transforms::FAMILIES;

const CONSOLE: &str = "[gma3sim console]\nlisten = 10.0.0.5 8000\ndestination = 10.0.0.4 8001\n";

fn example(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    std::fs::read_to_string(root.join("examples").join(name)).unwrap()
}

/// An example on the machine 10.0.0.4, with the simulated console that it expects, and what is sent while something happens.
struct Show(World);

impl Show {
    fn new(name: &str, console: &str) -> Self {
        let text = example(name).replace("bind = 0.0.0.0 8001", "bind = 10.0.0.4 8001");
        let compiled = compile_text(&format!("{CONSOLE}{console}\n{text}"), registry(FAMILIES));
        let mut show = Self(World::new(compiled.plan.unwrap()));
        show.pass(5_000);
        show
    }

    fn pass(&mut self, milliseconds: u64) -> Vec<String> {
        self.0.take_transcript();
        self.0.advance(Duration::from_millis(milliseconds));
        self.sent()
    }

    /// A message from outside, and what is sent until a little later: who, and the message.
    fn receive(&mut self, name: &str, message: &str) -> Vec<String> {
        self.receive_and_pass(name, message, 400)
    }

    fn receive_and_pass(&mut self, name: &str, message: &str, milliseconds: u64) -> Vec<String> {
        let instance = self.0.engine().plan().find(name).unwrap();
        let backend = self.0.engine().plan().instances()[instance.index()].backend;
        let bytes = (backend.compose)(message).unwrap();
        let from =
            if backend.name == "midi" { Peer::Only } else { Peer::Address(([10, 0, 0, 9], 7000).into()) };
        self.0.take_transcript();
        self.0.receive(name, Port(if backend.name == "midi" { 1 } else { 0 }), from, &bytes);
        self.0.advance(Duration::from_millis(milliseconds));
        self.sent()
    }

    fn sent(&mut self) -> Vec<String> {
        let transcript = self.0.take_transcript();
        let sent = transcript.lines().filter_map(|line| line.split_once(" -> "));
        sent.map(|(head, message)| {
            let name = head.split_whitespace().nth(1).unwrap().split('.').next().unwrap();
            format!("{name} {}", message.split_once(' ').unwrap().1)
        })
        .collect()
    }
}

/// The messages that begin so.
fn of(start: &str, mut messages: Vec<String>) -> Vec<String> {
    messages.retain(|message| message.starts_with(start));
    messages
}

#[test]
fn a_tablet_moves_faders_and_keys_and_follows_the_console() {
    let mut show = Show::new("tablet-gma3.cfg", "plugin = on");
    // A peer that sends something receives the known state of the console.
    let told = show.receive("tablet", "/key/1 ,f 1");
    for message in ["ma3 /Page1/Key201 ,i 1", "tablet /name/2 ,s \"Wash\"", "tablet /color/2 ,s \"#0060ff\""]
    {
        assert!(told.iter().any(|sent| sent == message), "{message} is not in {told:#?}");
    }
    let told = show.receive("tablet", "/key/1 ,f 0");
    assert_eq!(of("ma3", told), ["ma3 /Page1/Key201 ,i 0"]);
    let told = show.receive("tablet", "/fader/2 ,f 0.25");
    assert_eq!(of("ma3", told.clone()), ["ma3 /Page1/Fader202 ,f 25"]);
    assert!(of("tablet /run/2", told.clone()).contains(&"tablet /run/2 ,f 1".to_owned()), "{told:#?}");
    // The console reports a level late. While the user moves the fader, it is not pulled back; after that it follows
    // again.
    assert_eq!(of("tablet /fader/2", told), [""; 0]);
    let mut told = Vec::new();
    for step in 0..20 {
        told.extend(show.receive_and_pass(
            "tablet",
            &format!("/fader/2 ,f {}", 0.3 + f64::from(step) / 100.0),
            70,
        ));
    }
    assert_eq!(of("tablet /fader/2", told), [""; 0]);
    // It may receive its present level, and nothing else.
    let told = of("tablet /fader/2", show.pass(600));
    assert!(told.iter().all(|message| message == "tablet /fader/2 ,f 0.49"), "{told:?}");
    let told = show.receive("console", "/Page1/Fader202 ,i 80");
    assert_eq!(of("tablet /fader/2", told), ["tablet /fader/2 ,f 0.8"]);
}

#[test]
fn command_lines_and_the_feedback_of_sequences_pass_without_a_plugin() {
    let mut show = Show::new("tablet-gma3.cfg", "");
    let told = show.receive("tablet", "/line ,s \"Go+ Sequence 1\"");
    assert_eq!(of("ma3", told.clone()), ["ma3 /cmd ,s \"Go+ Sequence 1\""]);
    assert_eq!(of("tablet", told), ["tablet /main/cue ,s \"Main 1 Preset\""]);
    let told = show.receive("console", "/Page1/Fader201 ,i 50");
    assert_eq!(of("tablet", told), ["tablet /main/level ,f 0.5"]);
    let told = show.receive("tablet", "/blackout ,f 1");
    assert_eq!(of("console", told), ["console /14.14.1.6.1 ,si \"Off\" 1"], "only sequence 1 was running");
}

#[test]
fn lamps_say_stand_by_and_go() {
    let mut show = Show::new("cue-lights.cfg", "");
    let slots = |messages: Vec<String>| of("lamps", messages).pop().unwrap_or_default();
    assert!(slots(show.receive("qlab", "/standby ,f 1")).contains("1=255"), "the red lamp is on");
    let told = show.receive("qlab", "/lx/go");
    assert_eq!(of("ma3", told.clone()), ["ma3 /cmd ,s \"Go+ Sequence 1\""]);
    assert_eq!(of("console", told.clone()), ["console /14.14.1.6.1 ,sis \"Go+\" 1 \"Main 1 Preset\""]);
    assert!(slots(told.clone()).contains("2=255"), "the green lamp is on: {told:#?}");
}

/// The same message, and the command line that it has to become.
const CUES: [(&str, &str, &str); 5] = [
    ("qlab", "/lx/cmd ,s \"Go+ Sequence 3\"", "Go+ Sequence 3"),
    ("qlab", "/lx/go", "Go+ Sequence 1"),
    ("qlab", "/lx/go ,f 1", "Go+ Sequence 1"),
    ("band", "program ch0 4", "Goto Sequence 2 Cue 5"),
    ("band", "note-on ch0 36 90", "Go+ Sequence 1"),
];

#[test]
fn a_cue_that_is_fired_three_times_arrives_three_times() {
    for (name, message, line) in CUES {
        let mut show = Show::new("cue-lights.cfg", "");
        let told: Vec<String> = (0..3).flat_map(|_| show.receive(name, message)).collect();
        let expected = format!("ma3 /cmd ,s \"{line}\"");
        assert_eq!(of("ma3", told), [&*expected; 3], "{message}");
    }
}

#[test]
fn no_cue_is_fired_again_when_the_console_is_reachable_again() {
    for (name, message, line) in CUES {
        let mut show = Show::new("cue-lights.cfg", "");
        show.receive(name, message);
        show.0.closed("ma3", Port(0), Peer::Only, Closed::NoSuchAddress);
        assert_eq!(of("ma3", show.pass(10_000)), [""; 0], "{message}");
        // The next one arrives.
        let told = of("ma3", show.receive(name, message));
        assert_eq!(told, [format!("ma3 /cmd ,s \"{line}\"")], "{message}");
    }
}

#[test]
fn a_tablet_that_comes_back_is_told_names_and_colours_and_no_command_is_sent() {
    let mut show = Show::new("tablet-gma3.cfg", "plugin = on");
    show.receive("tablet", "/line ,s \"Go+ Sequence 1\"");
    // After a minute of silence, a peer counts as new.
    show.pass(70_000);
    let told = show.receive("tablet", "/hello ,f 1");
    for message in
        ["tablet /name/1 ,s \"Main\"", "tablet /run/1 ,f 1", "tablet /main/cue ,s \"Main 1 Preset\""]
    {
        assert!(told.iter().any(|sent| sent == message), "{message} is not in {told:#?}");
    }
    assert_eq!(of("ma3", told), [""; 0]);
}

#[test]
fn a_show_drives_the_simulated_console_in_another_process() {
    let [console, back, tablet] = [(); 3].map(|()| free_port());
    let sim = Program::start(&[
        "sim",
        "gma3",
        "--listen",
        &format!("127.0.0.1:{console}"),
        "-o",
        &format!("destination=127.0.0.1 {back}"),
    ]);
    sim.wait_for("a simulated grandMA3 is ready at");
    let osc = Osc::to(tablet);
    let text = example("tablet-gma3.cfg");
    let show = Program::show_with(
        &text,
        &[
            "-i",
            &format!("tablet.bind=127.0.0.1 {tablet}"),
            "-i",
            &format!("tablet.destination=127.0.0.1 {}", osc.port()),
            "-i",
            &format!("ma3.bind=127.0.0.1 {back}"),
            "-i",
            &format!("ma3.destination=127.0.0.1 {console}"),
        ],
    );
    show.wait_for("running");
    // The plugin reports the levels of the faders and follows them.
    osc.wait_for("/fader/1", 1.0);
    osc.send("/fader/2", 0.5);
    sim.wait_for("page1.fader202 = 0.5");
    osc.wait_for("/run/2", 1.0);
    osc.send("/key/1", 1.0);
    sim.wait_for("page1.key201 = 1");
    osc.send("/blackout", 1.0);
    sim.wait_for("command = \"Off Sequence Thru\"");
    osc.wait_for("/run/2", 0.0);
    show.stop();
    sim.stop();
}
