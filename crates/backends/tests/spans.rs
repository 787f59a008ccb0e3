//! Universes that pass as spans have the same effects as universes that pass as single values.
//!
//! Random maps between universes run twice: in one world spans stay whole, in the other each is broken into values where it
//! is emitted. Both transcripts, what observers see of every channel, and the states that a reconnected peer receives are
//! the same.

#[path = "common/show.rs"]
mod show;

use crosspatch_backends::artnet::wire;
use crosspatch_core::{Closed, Duration, Peer, Port, Value};
use crosspatch_sim::World;
use proptest::prelude::*;

/// How many slots the universes have here: three words of a bitmap, the last one not full.
const SLOTS: usize = 150;

/// The instances of every show; `{pace}` is empty or makes the outputs of DMX send at once.
const INSTANCES: &str = "\
[artnet a]\nuniverse = 1\nmerge = ltp
[artnet b]\nuniverse = 2
[sacn s]\nuniverse = 3
[openpixelcontrol p]\nlisten = 127.0.0.1
[loopback bus]
[artnet x]\nuniverse = 8\ndestination = 10.0.0.9\n{pace}
[sacn y]\nuniverse = 9\npriority = 100\ndiscovery = off\ndestination = 10.0.0.9\n{pace}
[openpixelcontrol q]\ndestination = 10.0.0.9
[osc o]\ndestination = 10.0.0.9 9000
";

const SOURCES: [&str; 5] = ["a.", "b.", "s.", "p.strip1.channel", "bus."];
const TARGETS: [&str; 5] = ["x.", "y.", "q.strip1.channel", "o./level/", "bus."];

/// Chains that spans pass, that flatten, that remember, and that merge.
const CHAINS: [&str; 12] = [
    "",
    "",
    "",
    "| invert",
    "| invert",
    "| curve 2.2 | range 0.2..0.8",
    "| steps 5",
    "| clamp 0.2..0.8",
    "| threshold 0.5",
    "| smooth 30ms",
    "| when a.1 > 0.5",
    "| merge htp",
];

/// Mappings of a show.
#[derive(Clone, Debug)]
enum Line {
    /// Consecutive channels: source and target, their first numbers, and how many there are.
    Range(usize, usize, usize, usize, usize, &'static str),
    /// The same as single lines, from the last channel to the first.
    Lines(usize, usize, usize, usize, usize, &'static str),
    /// 16-bit channels of universes.
    Wide(usize, usize, usize, usize),
}

impl Line {
    fn write(&self, map: &mut String) {
        match *self {
            Self::Range(source, target, from, to, len, chain) => {
                let (source, target) = (SOURCES[source], TARGETS[target]);
                map.push_str(&format!(
                    "{source}{{{from}..{}}} {chain} > {target}{{{to}..{}}}\n",
                    from + len - 1,
                    to + len - 1
                ));
            }
            Self::Lines(source, target, from, to, len, chain) => {
                for at in (0..len).rev() {
                    let (source, target) = (SOURCES[source], TARGETS[target]);
                    map.push_str(&format!("{source}{} {chain} > {target}{}\n", from + at, to + at));
                }
            }
            Self::Wide(source, target, from, to) => {
                let (source, target) = (SOURCES[source], TARGETS[target]);
                map.push_str(&format!("{source}{from}+{} > {target}{to}+{}\n", from + 1, to + 1));
            }
        }
    }
}

fn line() -> impl Strategy<Value = Line> {
    let chain = || prop::sample::select(&CHAINS[..]);
    let range = |shortest: usize| (1..40_usize, 1..40_usize, shortest..SLOTS - 40);
    prop_oneof![
        6 => (0..5_usize, 0..5_usize, range(16), chain())
            .prop_map(|(source, target, (from, to, len), chain)| Line::Range(source, target, from, to, len, chain)),
        2 => (0..5_usize, 0..5_usize, range(1), chain())
            .prop_map(|(source, target, (from, to, len), chain)| Line::Lines(source, target, from, to, len.min(40), chain)),
        2 => (0..5_usize, 0..5_usize, (1..SLOTS, 1..SLOTS), chain())
            .prop_map(|(source, target, (from, to), chain)| Line::Range(source, target, from, to, 1, chain)),
        1 => (0..3_usize, 0..2_usize, 1..SLOTS - 1, 1..SLOTS - 1)
            .prop_map(|(source, target, from, to)| Line::Wide(source, target, from, to)),
    ]
}

/// A show of those lines that fit together: one target cannot have a rule for merging and none.
fn config(lines: &[Line], is_fast: bool) -> String {
    let pace = if is_fast { "realtime = 1" } else { "" };
    let mut text = format!("{}[map]\na.1 > o./first\n", INSTANCES.replace("{pace}", pace));
    for line in lines {
        let before = text.len();
        line.write(&mut text);
        if show::plan(&text, None).is_err() {
            text.truncate(before);
        }
    }
    text
}

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// Milliseconds pass.
    Pass(u64),
    /// A source sends a frame in which some levels differ from its last one.
    Frame(usize, Change),
    /// A second source of the first universe sends a frame.
    Rival(Change),
    /// Somebody sets a channel.
    Put(usize, usize, Option<f64>),
    /// A port of an output fails and opens again.
    Reconnect(usize),
    /// Another map is installed.
    Reload(usize),
    /// An observer collects changes.
    Observe,
}

#[derive(Clone, Debug)]
enum Change {
    All(u8),
    Some(u64, usize),
    One(usize, u8),
    /// A frame of the first slots only.
    Short(usize, u8),
    /// All slots go to full and back in one moment.
    Flash,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any::<u8>().prop_map(Change::All),
        (any::<u64>(), 1..SLOTS).prop_map(|(seed, count)| Change::Some(seed, count)),
        (0..SLOTS, any::<u8>()).prop_map(|(at, level)| Change::One(at, level)),
        (1..SLOTS, any::<u8>()).prop_map(|(len, level)| Change::Short(len, level)),
        Just(Change::Flash),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::sample::select(&[0_u64, 1, 5, 11, 12, 20, 23, 23, 50, 120, 1000][..]).prop_map(Step::Pass),
        8 => (0..4_usize, change()).prop_map(|(source, change)| Step::Frame(source, change)),
        1 => change().prop_map(Step::Rival),
        2 => (0..5_usize, 1..SLOTS, prop::option::of(0.0..1.0)).prop_map(|(source, at, level)| Step::Put(source, at, level)),
        1 => (0..2_usize).prop_map(Step::Reconnect),
        1 => (0..3_usize).prop_map(Step::Reload),
        1 => Just(Step::Observe),
    ]
}

/// A world, and what its sources sent last.
struct Stage {
    world: World,
    frames: Vec<Vec<u8>>,
    sequence: u8,
}

impl Stage {
    fn new(map: &str, breaks_spans: bool) -> Self {
        let mut world = World::new(show::plan(map, None).unwrap_or_else(|text| panic!("{text}")));
        if breaks_spans {
            world.break_spans();
        }
        world.opened("p", Port(0), Peer::Connection(1));
        world.opened("q", Port(1), Peer::Only);
        Self { world, frames: vec![vec![0; SLOTS]; 5], sequence: 0 }
    }

    fn play(&mut self, step: &Step, maps: &[String]) -> String {
        match step {
            Step::Pass(millis) => self.world.advance(Duration::from_millis(*millis)),
            Step::Frame(source, change) => self.change(*source, change),
            Step::Rival(change) => self.change(4, change),
            Step::Put(source, at, level) => {
                let channel = format!("{}{at}", SOURCES[*source]);
                let value = level.map_or_else(|| Value::text("a text"), Value::number);
                if self.world.engine().plan().find_channel(&channel).is_some() {
                    self.world.put(&channel, value);
                }
            }
            Step::Reconnect(target) => {
                let name = ["x", "y"][*target];
                self.world.closed(name, Port(0), Peer::Only, Closed::Reset);
                self.world.advance(Duration::from_secs(2));
            }
            Step::Reload(map) => {
                let plan = show::plan(&maps[*map], Some(self.world.engine().plan()));
                self.world.install(plan.unwrap_or_else(|text| panic!("{text}")));
            }
            Step::Observe => {}
        }
        let mut seen = self.world.take_transcript();
        if let Step::Observe = step {
            self.world
                .engine_mut()
                .drain_changes(usize::MAX, |change| seen.push_str(&format!("{change:?}\n")));
            self.world.engine_mut().note_changes(true);
        }
        seen
    }

    fn change(&mut self, source: usize, change: &Change) {
        let mut frames = vec![self.frames[source].clone()];
        let frame = &mut frames[0];
        match *change {
            Change::All(by) => frame.iter_mut().for_each(|level| *level = level.wrapping_add(by)),
            Change::Some(mut seed, count) => {
                for _ in 0..count {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    frame[(seed >> 33) as usize % SLOTS] = (seed >> 50) as u8;
                }
            }
            Change::One(at, level) => frame[at] = level,
            Change::Short(len, level) => {
                frame.fill(level);
                frame.truncate(len);
            }
            Change::Flash => {
                let before = frame.clone();
                frame.fill(255);
                frames.push(before);
            }
        }
        for frame in frames {
            self.send(source, &frame);
            self.frames[source][..frame.len()].copy_from_slice(&frame);
        }
    }

    fn send(&mut self, source: usize, frame: &[u8]) {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let levels = frame.iter().map(u8::to_string).collect::<Vec<_>>().join(" ");
        let address = |text: &str| Peer::Address(text.parse().expect("an address"));
        match source {
            2 => {
                let text = format!("data 3 seq {} cid 07*16 \"desk\" slots {levels}", self.sequence);
                let packet = crosspatch_backends::sacn::wire::compose(&text).expect("a packet");
                self.world.receive("s", Port(0), address("10.0.0.6:5568"), &packet);
            }
            3 => {
                let mut message = vec![1, 0];
                message.extend((frame.len() as u16).to_be_bytes());
                message.extend(frame);
                self.world.receive("p", Port(0), Peer::Connection(1), &message);
            }
            _ => {
                let (name, universe) = if source == 1 { ("b", 2) } else { ("a", 1) };
                let from = if source == 4 { "10.0.0.7:6454" } else { "10.0.0.5:6454" };
                let text = format!(
                    "ArtDmx 0:0:{universe} seq 0 len {} {}",
                    frame.len().next_multiple_of(2),
                    (1..).zip(frame).map(|(at, level)| format!("{at}={level}")).collect::<Vec<_>>().join(" ")
                );
                let packet = wire::compose(&text).expect("a packet");
                self.world.receive(name, Port(0), address(from), &packet);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn spans_and_their_values_have_the_same_effects(
        maps in prop::array::uniform3(prop::collection::vec(line(), 1..6)),
        is_fast: bool,
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let maps = maps.map(|lines| config(&lines, is_fast));
        let mut stages = [false, true].map(|breaks_spans| Stage::new(&maps[0], breaks_spans));
        let seen = stages.each_mut().map(|stage| {
            stage.world.engine_mut().note_changes(true);
            // Longer than sACN gathers sources before any of them counts.
            stage.send(2, &[0; SLOTS]);
            stage.world.advance(Duration::from_secs(2));
            stage.world.take_transcript()
        });
        prop_assert_eq!(&seen[0], &seen[1]);
        for (number, step) in steps.iter().chain([&Step::Pass(3000), &Step::Observe]).enumerate() {
            let seen = stages.each_mut().map(|stage| stage.play(step, &maps));
            prop_assert!(seen[0] == seen[1], "step {number}, {step:?}\n{}", difference(&seen));
        }
    }
}

/// The first lines that differ.
fn difference([whole, broken]: &[String; 2]) -> String {
    let differing = whole.lines().zip(broken.lines()).find(|(one, other)| one != other);
    format!("{differing:#?}, of {} and {} lines", whole.lines().count(), broken.lines().count())
}
