//! How universes pass: what sends them at the rate of a line passes at once, and nothing goes out faster than the rate.

#[path = "common/show.rs"]
mod show;

use crosspatch_backends::artnet::wire::compose;
use crosspatch_backends::{artnet, openpixelcontrol, sacn};
use crosspatch_core::{Backend, Duration, Peer, Port};
use crosspatch_sim::World;

/// A protocol that sends frames, an instance of it, and its channels.
struct Target {
    backend: &'static Backend,
    options: &'static str,
    channels: &'static str,
    port: u16,
    /// How many frames it sends a second at most, by default.
    rate: u64,
}

const TARGETS: [Target; 3] = [
    Target {
        backend: &sacn::BACKEND,
        options: "universe = 1\npriority = 100\ndiscovery = off\ndestination = 10.0.0.9\n",
        channels: "{1..9}",
        port: 0,
        rate: 44,
    },
    Target {
        backend: &artnet::BACKEND,
        options: "universe = 9\ndestination = 10.0.0.9\n",
        channels: "{1..9}",
        port: 0,
        rate: 44,
    },
    Target {
        backend: &openpixelcontrol::BACKEND,
        options: "destination = 10.0.0.9\n",
        channels: "strip1.channel{1..9}",
        port: 1,
        rate: 60,
    },
];

impl Target {
    /// A show in which nine channels of a universe go out by this protocol.
    fn world(&self) -> World {
        let Self { backend, options, channels, .. } = self;
        let config = format!(
            "[artnet desk]\n[{} out]\n{options}[osc tablet]\nbind = * 8000\n[map]\n\
             desk.{{1..9}} > out.{channels}\ntablet./{{1..9}} > out.{channels}\n",
            backend.name
        );
        let mut world =
            World::new(show::plan(&config, None).unwrap_or_else(|diagnostics| panic!("{diagnostics}")));
        if self.port == 1 {
            world.opened("out", Port(1), Peer::Only);
        }
        world.advance(Duration::from_secs(1));
        world.take_transcript();
        world
    }

    /// The frames of a transcript, with the times at which they went out.
    fn frames(&self, transcript: &str) -> Vec<(u64, Vec<u8>)> {
        let mark = format!(" out.{} -> ", self.port);
        let sent = transcript.lines().filter_map(|line| line.split_once(&mark));
        sent.map(|(time, packet)| {
            let seconds: f64 = time.trim_matches(['+', 's']).parse().expect("a time");
            let text = if self.port == 0 { packet.split_once(' ').expect("an address").1 } else { packet };
            let bytes = (self.backend.compose)(text).expect("a packet");
            // The slots of a universe end its packet, and so do the pixels of a strip.
            let slots = bytes.len() - if self.port == 0 { 512 } else { 9 };
            ((seconds * 1e6).round() as u64, bytes[slots..][..9].to_vec())
        })
        .collect()
    }
}

/// Numbers without a pattern.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// What became of the frames of a source.
struct Passed {
    /// When frames went out, in microseconds.
    sent: Vec<u64>,
    /// How long each frame of the source took, in microseconds, if it was not left out.
    latencies: Vec<u64>,
    /// The number of the last frame.
    last: u64,
}

impl Passed {
    fn quantile(&self, share: f64) -> u64 {
        let mut latencies = self.latencies.clone();
        latencies.sort_unstable();
        latencies[(latencies.len() as f64 * share) as usize]
    }

    /// The most frames that went out in any second.
    fn most_in_a_second(&self) -> usize {
        let in_second = |(at, start): (usize, &u64)| {
            self.sent[at..].iter().take_while(|time| **time < start + 1_000_000).count()
        };
        self.sent.iter().enumerate().map(in_second).max().unwrap_or(0)
    }
}

/// Sends universes with these pauses in microseconds: two slots count the frames, one is a strobe, the others show noise.
fn play(target: &Target, period: f64, jitter: u64, count: u64) -> Passed {
    let mut world = target.world();
    let desk = Peer::Address("10.0.0.5:6454".parse().expect("an address"));
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (mut now, mut came) = (0, Vec::new());
    for number in 0..count {
        let time = 10_000 + (number as f64 * period) as u64 + random.below(2 * jitter + 1) - jitter;
        let time = time.max(now);
        world.advance(Duration::from_micros(time - now));
        (now, _) = (time, came.push(time));
        let noise: Vec<_> = (4..=9).map(|slot| format!("{slot}={}", random.below(256))).collect();
        let [low, high, ..] = number.to_le_bytes();
        let strobe = number % 2 * 255;
        let packet = format!("ArtDmx 0:0:0 seq 0 len 10 1={low} 2={high} 3={strobe} {}", noise.join(" "));
        world.receive("desk", Port(0), desk, &compose(&packet).expect("a packet"));
    }
    world.advance(Duration::from_millis(500));
    let mut passed = Passed { sent: Vec::new(), latencies: Vec::new(), last: 0 };
    let mut next = 0;
    for (time, slots) in target.frames(&world.take_transcript()) {
        let time = time - 1_000_000;
        passed.sent.push(time);
        let number = u64::from(u16::from_le_bytes([slots[0], slots[1]]));
        // Slots of a very fast source may be held as short presses, and the number of the frame is none then.
        if number >= next && came.get(number as usize).is_some_and(|came| *came <= time) {
            passed.latencies.push(time - came[number as usize]);
            next = number + 1;
        }
        passed.last = number;
    }
    passed
}

#[test]
fn a_source_of_the_rate_of_a_line_passes_at_once_with_its_jitter() {
    for target in &TARGETS {
        for period in [1e6 / 44.0, 25_000.0, 1e6 / 30.0] {
            let passed = play(target, period, 5_000, 700);
            let (median, late) = (passed.quantile(0.5), passed.quantile(0.99));
            let name = target.backend.name;
            assert!(median <= 300 && late <= 2_000, "{name} {period}: median {median}, 99 % {late}");
            assert!(passed.latencies.len() >= 690, "{name} {period}: {} frames", passed.latencies.len());
            assert!(passed.sent.len() <= 720, "{name} {period}: {} packets", passed.sent.len());
        }
    }
}

#[test]
fn a_source_that_is_a_little_too_fast_is_not_late_but_for_the_frames_that_are_left_out() {
    for target in &TARGETS {
        for too_fast in [1.001, 1.02, 1.1] {
            let passed = play(target, 1e6 / (target.rate as f64 * too_fast), 1_000, 1_500);
            let name = target.backend.name;
            let median = passed.quantile(0.5);
            assert!(median <= 300, "{name} {too_fast}: median {median}");
            assert_eq!(passed.last, 1_499, "{name} {too_fast}");
        }
    }
}

#[test]
fn a_source_above_the_rate_is_thinned_to_it() {
    for target in &TARGETS {
        let rate = target.rate as usize;
        for a_second in [50, 75, 100, 200, 1_000] {
            let passed = play(target, 1e6 / f64::from(a_second), 200, 1_000);
            let seconds = 1_000.0 / f64::from(a_second);
            let name = target.backend.name;
            let (most, all) = (passed.most_in_a_second(), passed.sent.len());
            assert!(most <= rate + 1, "{name} at {a_second}: {most} in a second");
            assert_eq!(passed.last, 999, "{name} at {a_second}");
            let wanted = f64::from(a_second).min(rate as f64) * seconds;
            assert!(all as f64 >= wanted * 0.95, "{name} at {a_second}: {all} of {wanted}");
            assert!(all as f64 <= wanted + 12.0 + seconds, "{name} at {a_second}: {all} of {wanted}");
        }
    }
}

#[test]
fn nothing_is_repeated_between_the_frames_of_a_slow_source() {
    for target in &TARGETS {
        let passed = play(target, 1e6 / 21.0, 5_000, 700);
        let (name, all) = (target.backend.name, passed.sent.len());
        assert!(all <= 704, "{name}: {all} packets for 700");
        assert_eq!(passed.quantile(0.99), 0, "{name}");
    }
}

#[test]
fn ten_messages_of_a_bundle_are_one_frame_and_ten_messages_are_two() {
    let tablet = Peer::Address("10.0.0.6:9000".parse().expect("an address"));
    let messages: Vec<_> = (1..=9).map(|slot| format!("/{slot} ,f 1")).collect();
    let osc = crosspatch_backends::osc::BACKEND.compose;
    for target in &TARGETS {
        for (packets, expected) in [(vec![format!("[ {} ]", messages.join(" "))], 1), (messages.clone(), 2)] {
            let mut world = target.world();
            for packet in &packets {
                let packet = osc(packet).unwrap_or_else(|| panic!("{packet}"));
                world.receive("tablet", Port(0), tablet, &packet);
            }
            world.advance(Duration::from_millis(60));
            let frames = target.frames(&world.take_transcript());
            assert_eq!(frames.len(), expected, "{}: {frames:?}", target.backend.name);
            assert_eq!(frames.last().expect("a frame").1, [255; 9]);
        }
    }
}
