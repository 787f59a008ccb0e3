//! Every family of a soak: a path for each backend, in both directions where the protocol has both.

use anyhow::Result;

use super::family::{ChannelKind, PathFamily};
use super::ports::PortAllocator;
use super::rows::{FADERS, KEYS, both_ways, console, midi_channels, same};

/// The result of a mapping for a value.
type ExpectedValue = fn(f64) -> f64;

/// The format of the counted messages.
const MESSAGES: &str = "/*/integer/* = i 0 127\n/*/impulse/* = ,\n";

/// Where bytes that make no sense are sent to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum FuzzDestination {
    /// A port for datagrams, and how a message to it would begin.
    Udp(u16, &'static [u8]),
    /// A server.
    Tcp(u16, &'static [u8]),
}

/// The families of a machine.
#[derive(Debug)]
pub(super) struct Families {
    pub(super) list: Vec<PathFamily>,
    /// Ports of the subject.
    pub(super) targets: Vec<FuzzDestination>,
    /// The port of the subject for Art-Net, which all its universes share.
    pub(super) artnet: u16,
    /// Backends without a family, and why.
    pub(super) left_out: Vec<(String, &'static str)>,
}

impl Families {
    /// All that can be had here. `jack` is the name of a server of JACK, if there is one.
    pub(super) fn new(ports: &mut PortAllocator, jack: Option<&str>) -> Result<Self> {
        let artnet = [ports.one()?, ports.one()?];
        let mut families =
            Self { list: Vec::new(), targets: Vec::new(), artnet: artnet[0], left_out: Vec::new() };
        families.loopback();
        families.transforms();
        families.reloaded();
        families.osc_udp(ports.one()?);
        families.osc_tcp(ports.one()?);
        families.artnet(artnet);
        families.sacn([ports.one()?, ports.one()?]);
        families.openpixelcontrol([ports.one()?, ports.one()?]);
        families.rtpmidi("rtpmidi", "", [ports.two()?, ports.two()?]);
        families.rtpmidi("rtpmidi-direct", "mode = direct\n", [ports.one()?, ports.one()?]);
        families.grandma2(ports.one()?);
        families.dot2(ports.one()?);
        match jack {
            Some(server) => families.jack(server),
            None => {
                families.left_out.push(("jack".into(), "jackd is not here with its tools, or does not start"))
            }
        }
        match std::path::Path::new("/dev/snd/seq").exists() {
            true => families.midi(),
            false => families.left_out.push(("midi".into(), "there is no /dev/snd/seq")),
        }
        Ok(families)
    }

    /// The number of a family, if there is one of that name.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.list.iter().position(|family| family.name == name)
    }

    /// Notes which backends of the program have no family at all.
    pub(super) fn leave_out_others(&mut self, backends: Vec<String>) {
        for name in backends {
            let has_family = self.list.iter().any(|family| family.backends.contains(&name.as_str()));
            if !has_family && !self.left_out.iter().any(|(left_out, _)| *left_out == name) {
                self.left_out.push((name, "the soak has no path through it"));
            }
        }
    }

    fn begin(&self, name: &'static str, backends: &'static [&'static str]) -> PathFamily {
        PathFamily::new(name, backends, self.list.len())
    }

    fn loopback(&mut self) {
        const STEPS: u32 = 8;
        let mut family = self.begin("loopback", &["loopback"]);
        family.subject.instances = "[loopback chain]\n".into();
        for (kind, count) in [(ChannelKind::faders(u32::MAX), FADERS), (ChannelKind::keys(), KEYS)] {
            for _ in 0..count {
                let at = family.channels.len();
                let mut lines = format!("SET > chain.c{at}s1\n");
                for step in 1..STEPS {
                    lines += &format!("chain.c{at}s{step} > chain.c{at}s{}\n", step + 1);
                }
                lines += &format!("chain.c{at}s{STEPS} > IS");
                family.here(kind, &lines, |value| value);
            }
        }
        self.list.push(family);
    }

    fn transforms(&mut self) {
        let mut family = self.begin("transforms", &[]);
        let shapes: [(&str, ExpectedValue); 10] = [
            ("invert", |value| 1.0 - value),
            ("range 0.2..0.8", |value| 0.2 + 0.6 * value),
            ("curve 2", |value| value * value),
            ("scale 0.5 | offset 0.25", |value| 0.5 * value + 0.25),
            ("clamp 0.25..0.75", |value| value.clamp(0.25, 0.75)),
            ("invert | range 0.5..1 | curve 0.5", |value| (1.0 - 0.5 * value).sqrt()),
            // In the end these are where their source is.
            ("smooth 200ms", |value| value),
            ("delay 100ms", |value| value),
            ("rate 20/s", |value| value),
            ("dedup", |value| value),
        ];
        for (stages, expected) in shapes {
            family.here(ChannelKind::faders(1_000_000), &format!("SET | {stages} > IS"), expected);
        }
        for stages in ["invert | invert", "delay 100ms", "threshold 0.5", "debounce 20ms"] {
            family.here(ChannelKind::keys(), &format!("SET | {stages} > IS"), |value| value);
        }
        self.list.push(family);
    }

    /// Lines that are in the configuration or not, from reload to reload.
    fn reloaded(&mut self) {
        let mut family = self.begin("reloaded", &["loopback"]);
        family.subject.instances = "[loopback passing]\n".into();
        family.is_reloaded = true;
        // Moves made while there is no mapping are not received.
        family.never_rests = true;
        for (kind, count) in
            [(ChannelKind::faders(u32::MAX), FADERS), (ChannelKind::keys().states_only(), KEYS)]
        {
            for _ in 0..count {
                let at = family.channels.len();
                family.here(kind, &format!("SET > passing.c{at}\npassing.c{at} > IS"), |value| value);
            }
        }
        self.list.push(family);
    }

    fn osc_udp(&mut self, port: u16) {
        // The peer sends a message first, so that its new address is learned after each start.
        let mut family = self.begin("osc-udp", &["osc"]).between(
            format!("[osc udp]\nbind = 127.0.0.1 {port}\ndestination = learn\n{MESSAGES}"),
            format!("[osc udp]\ndestination = 127.0.0.1 {port}\nrepeat = /hello 1s\n{MESSAGES}"),
        );
        family.may_freeze = false;
        both_ways(
            &mut family,
            u32::MAX,
            |at| same(format!("udp./out/{at}")),
            |at| same(format!("udp./back/{at}")),
        );
        self.targets.push(FuzzDestination::Udp(port, b"/fader\0\0,f\0\0"));
        self.list.push(family);
    }

    fn osc_tcp(&mut self, port: u16) {
        let mut family = self.begin("osc-tcp", &["osc"]).between(
            format!("[osc tcp]\ndestination = 127.0.0.1 {port}\ntransport = slip\n{MESSAGES}"),
            format!("[osc tcp]\nbind = 127.0.0.1 {port}\ntransport = slip\n{MESSAGES}"),
        );
        both_ways(
            &mut family,
            u32::MAX,
            |at| same(format!("tcp./out/{at}")),
            |at| same(format!("tcp./back/{at}")),
        );
        self.list.push(family);
    }

    fn artnet(&mut self, [subject, peer]: [u16; 2]) {
        let show = |mine: u16, other: u16, out: u32, back: u32| {
            format!(
                "[backend artnet]\nbind = 127.0.0.1 {mine} broadcast=127.0.0.1\n\
                 [artnet artout]\nuniverse = {out}\ndestination = 127.0.0.1 {other}\n\
                 [artnet artin]\nuniverse = {back}\n"
            )
        };
        let family = self.begin("artnet", &["artnet"]);
        let mut family = family.between(show(subject, peer, 1, 2), show(peer, subject, 2, 1));
        let slot = |at| [format!("artout.{at}"), format!("artin.{at}")];
        both_ways(&mut family, 255, slot, slot);
        self.targets.push(FuzzDestination::Udp(subject, b"Art-Net\0"));
        self.list.push(family);
    }

    fn sacn(&mut self, [subject, peer]: [u16; 2]) {
        let show = |mine: u16, other: u16, out: u32, back: u32| {
            format!(
                "[backend sacn]\nbind = 127.0.0.1 {mine} local\n\
                 [sacn acnout]\nuniverse = {out}\npriority = 100\ndestination = 127.0.0.1 {other}\n\
                 unicast = 1\ndiscovery = off\n\
                 [sacn acnin]\nuniverse = {back}\nunicast = 1\n"
            )
        };
        let family = self.begin("sacn", &["sacn"]);
        let mut family = family.between(show(subject, peer, 1, 2), show(peer, subject, 2, 1));
        let slot = |at| [format!("acnout.{at}"), format!("acnin.{at}")];
        both_ways(&mut family, 255, slot, slot);
        self.targets.push(FuzzDestination::Udp(subject, b"\0\x10\0\0ASC-E1.17\0\0\0"));
        self.list.push(family);
    }

    fn openpixelcontrol(&mut self, [subject, peer]: [u16; 2]) {
        let show = |mine: u16, other: u16| {
            format!("[openpixelcontrol opc]\nlisten = 127.0.0.1 {mine}\ndestination = 127.0.0.1 {other}\n")
        };
        let family = self.begin("openpixelcontrol", &["openpixelcontrol"]);
        let mut family = family.between(show(subject, peer), show(peer, subject));
        both_ways(
            &mut family,
            255,
            |at| same(format!("opc.strip1.channel{at}")),
            |at| same(format!("opc.strip2.channel{at}")),
        );
        // A message for an unused strip, shorter than its announced length.
        self.targets.push(FuzzDestination::Tcp(subject, b"\x09\x00\x10\x00"));
        self.list.push(family);
    }

    fn rtpmidi(&mut self, name: &'static str, options: &str, [subject, peer]: [u16; 2]) {
        // In a session the subject invites the peer; without one, each sends to the other.
        let peer_option =
            if options.is_empty() { String::new() } else { format!("peer = 127.0.0.1 {subject}\n") };
        let instance = name.replace('-', "");
        let mut family = self.begin(name, &["rtpmidi"]).between(
            format!("[rtpmidi {instance}]\nbind = 127.0.0.1 {subject}\npeer = 127.0.0.1 {peer}\n{options}"),
            format!("[rtpmidi {instance}]\nbind = 127.0.0.1 {peer}\n{peer_option}{options}"),
        );
        // Without a session, states are never requested. The journal covers the last fifteen seconds and does not list
        // keys that are not held.
        family.never_rests = !options.is_empty();
        let keys = if options.is_empty() { ChannelKind::keys() } else { ChannelKind::keys().unsent() };
        midi_channels(&mut family, keys, [&instance; 2], [&instance; 2]);
        let head: &[u8] = if options.is_empty() { b"\xff\xffIN\0\0\0\x02" } else { b"\x80\x61\0" };
        self.targets.push(FuzzDestination::Udp(subject, head));
        self.list.push(family);
    }

    fn grandma2(&mut self, port: u16) {
        let mut family = self.begin("grandma2", &["maweb", "masim"]);
        let out = [[1, 1], [1, 2], [1, 4], [1, 6], [1, 7], [1, 8], [2, 1], [2, 2], [2, 3]];
        let back = [[1, 11], [2, 4], [2, 5], [3, 1], [3, 2], [3, 3], [3, 4], [3, 5]];
        console(&mut family, "gma2", port, &out, &[101, 102, 103, 104, 106], &back, &[111, 112]);
        self.list.push(family);
    }

    fn dot2(&mut self, port: u16) {
        let mut family = self.begin("dot2", &["maweb", "masim"]);
        let out = [[1, 1], [1, 2], [1, 4], [1, 6]];
        let back = [[1, 7], [1, 14], [1, 22]];
        console(&mut family, "dot2", port, &out, &[101, 102, 103, 104, 301], &back, &[202, 801]);
        self.list.push(family);
    }

    fn jack(&mut self, server: &str) {
        let show = |name: &str| {
            format!("[jack {name}]\nname = {name}\nserver = {server}\nto = midi out\nfrom = midi in\n")
        };
        let mut family = self.begin("jack", &["jack"]).between(show("subject"), show("peer"));
        family.may_freeze = false;
        // Without real time, a press may fall into a cycle for which a client is late.
        midi_channels(
            &mut family,
            ChannelKind::keys().states_only(),
            ["subject.to", "peer.from"],
            ["peer.to", "subject.from"],
        );
        self.list.push(family);
    }

    fn midi(&mut self) {
        // The subject has a port that others join, and the peer does.
        let process = std::process::id();
        let mut family = self.begin("midi", &["midi"]).between(
            format!("[backend midi]\nname = soak{process}\n[midi subject]\n"),
            format!("[midi peer]\nread = soak{process} subject\nwrite = soak{process} subject\n"),
        );
        midi_channels(&mut family, ChannelKind::keys(), ["subject", "peer"], ["peer", "subject"]);
        self.list.push(family);
    }
}
