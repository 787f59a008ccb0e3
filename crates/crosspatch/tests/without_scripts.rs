//! The example that stands in for MIDIMonster's scripts does what they do, in virtual time and with real messages.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use crosspatch_config::compile_text;
use crosspatch_core::{Duration, Peer, Port, Registry};
use crosspatch_sim::World;
use crosspatch_transforms::FAMILIES;

const REGISTRY: Registry = crosspatch_backends::registry(FAMILIES);

/// The example at work.
struct Show(World);

impl Show {
    fn new() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .unwrap()
            .join("examples/without-scripts.cfg");
        let compiled = compile_text(&std::fs::read_to_string(file).unwrap(), REGISTRY);
        let mut show = Self(World::new(compiled.plan.unwrap()));
        // A surface that has sent something receives answers.
        show.send("surface", "/hello ,f 1");
        show
    }

    /// Lets a message come in and returns what goes out: target and message.
    fn send(&mut self, name: &str, message: &str) -> Vec<String> {
        let backend = REGISTRY.find("osc").unwrap();
        let bytes = (backend.compose)(message).unwrap();
        self.0.take_transcript();
        self.0.receive(name, Port(0), Peer::Address(([10, 0, 0, 9], 7000).into()), &bytes);
        self.sent()
    }

    fn advance(&mut self, milliseconds: u64) -> Vec<String> {
        self.0.take_transcript();
        self.0.advance(Duration::from_millis(milliseconds));
        self.sent()
    }

    fn sent(&mut self) -> Vec<String> {
        let transcript = self.0.take_transcript();
        let sent = transcript.lines().filter_map(|line| line.split_once(" -> "));
        sent.map(|(head, message)| {
            let name = head.split_whitespace().nth(1).unwrap().trim_end_matches(".0");
            let (_, message) = message.split_once(' ').unwrap();
            format!("{name} {}", message.replace(" ,f", ""))
        })
        .collect()
    }
}

/// The messages to one target; the wave never rests.
fn of(name: &str, mut messages: Vec<String>) -> Vec<String> {
    messages.retain(|message| message.starts_with(name));
    messages
}

#[test]
fn latching_takes_over_where_fader_and_mixer_meet() {
    let mut show = Show::new();
    assert_eq!(show.send("mixer", "/ch/01/mix/fader ,f 0.5"), [""; 0]);
    assert_eq!(show.send("surface", "/fader/1 ,f 0.2"), [""; 0]);
    assert_eq!(show.send("surface", "/fader/1 ,f 0.49"), ["mixer /ch/01/mix/fader 0.49"]);
    assert_eq!(show.send("surface", "/fader/1 ,f 0.8"), ["mixer /ch/01/mix/fader 0.8"]);
}

#[test]
fn layering_reaches_all_512_channels_with_sixteen_knobs() {
    let mut show = Show::new();
    assert_eq!(show.send("surface", "/knob/3 ,f 0.5"), ["lights /dim/3 0.5"]);
    // What MIDIMonster's script chooses: the 32nd part of the way, rounded down.
    for (layer, level) in [(1, "0.0323"), (16, "0.51"), (31, "1")] {
        show.send("surface", &format!("/layer ,f {level}"));
        let expected = format!("lights /dim/{} 0.25", layer * 16 + 7);
        assert_eq!(show.send("surface", "/knob/7 ,f 0.25"), [expected]);
    }
}

#[test]
fn flying_faders_fly_from_the_start_and_rest_when_they_are_to() {
    let mut show = Show::new();
    let messages = show.advance(7_200);
    for fader in 1..=24 {
        let address = format!("surface /4/multifader1/{fader} ");
        let levels: Vec<f64> =
            messages.iter().filter_map(|message| message.strip_prefix(&address)?.parse().ok()).collect();
        let (low, high) = levels
            .iter()
            .fold((1.0, 0.0), |(low, high): (f64, f64), level| (low.min(*level), high.max(*level)));
        assert!(
            levels.len() > 50 && low < 0.01 && high > 0.99,
            "{fader}: {low} to {high} in {}",
            levels.len()
        );
    }
    show.send("surface", "/magnitude ,f 0");
    show.advance(1_000);
    assert_eq!(show.advance(60_000), [""; 0]);
}

#[test]
fn hits_of_any_strength_are_one_and_releases_zero() {
    let mut show = Show::new();
    assert_eq!(show.send("pads", "/pad/4 ,f 0.1"), ["video /scene/4/preview 1"]);
    assert_eq!(show.send("pads", "/pad/4 ,f 0"), ["video /scene/4/preview 0"]);
    assert_eq!(show.send("surface", "/fader/3 ,f 0.01"), ["video /layer/2/visible 1"]);
    assert_eq!(show.send("surface", "/fader/3 ,f 0.7"), [""; 0]);
    assert_eq!(show.send("surface", "/fader/3 ,f 0"), ["video /layer/2/visible 0"]);
}

#[test]
fn every_hit_is_one_on_whatever_the_release_does() {
    let mut show = Show::new();
    for _ in 0..3 {
        assert_eq!(show.send("pads", "/pad/17 ,f 0.1"), ["video /scene/1/start 1"]);
        assert_eq!(of("video", show.advance(50)), ["video /scene/1/start 0"]);
        assert_eq!(show.send("pads", "/pad/17 ,f 0"), [""; 0]);
    }
}

#[test]
fn spreading_follows_the_formula_of_the_script() {
    let mut show = Show::new();
    let messages = show.send("surface", "/position ,f 0.3");
    assert_eq!(messages.len(), 11);
    for (at, message) in messages.iter().enumerate() {
        let level: f64 = message.rsplit_once(' ').unwrap().1.parse().unwrap();
        let expected = (-20.0 * (at as f64 / 10.0 - 0.3).powi(2)).exp();
        assert!((level - expected).abs() < 1e-3, "{message}, expected {expected}");
    }
}

#[test]
fn the_way_of_a_finger_presses_a_button() {
    let mut show = Show::new();
    let mut draw = |points: &[(f64, f64)]| {
        let mut sent = Vec::new();
        for (at, (x, y)) in points.iter().enumerate() {
            sent.extend(show.send("pads", &format!("/x ,f {x}")));
            sent.extend(show.send("pads", &format!("/y ,f {y}")));
            if at == 0 {
                sent.extend(show.send("pads", "/touch ,f 1"));
            }
            sent.extend(show.advance(50));
        }
        sent.extend(show.send("pads", "/touch ,f 0"));
        sent.extend(show.advance(200));
        of("video", sent)
    };
    let corner = draw(&[(0.1, 0.9), (0.1, 0.5), (0.1, 0.1), (0.5, 0.1), (0.9, 0.1)]);
    assert_eq!(corner, ["video /swipe/corner 1", "video /swipe/corner 0"]);
    let down = draw(&[(0.1, 0.9), (0.5, 0.5), (0.1, 0.1)]);
    assert_eq!(down, ["video /swipe/down 1", "video /swipe/down 0"]);
    assert_eq!(draw(&[(0.1, 0.9), (0.9, 0.9)]), [""; 0]);
}

#[test]
fn printing_tells_every_value() {
    let mut show = Show::new();
    assert_eq!(show.send("surface", "/fader/6 ,f 0.25"), ["lights /row/12 0.25"]);
    for level in 0..20 {
        show.0.put("surface./fader/6", f64::from(level) / 100.0);
    }
    assert_eq!(show.0.take_transcript().matches("info: fader 6: 0.").count(), 19);
}
