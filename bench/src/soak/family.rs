//! A family: the paths through one protocol, as configuration lines for both shows and as channels.
//!
//! The soak accesses every channel through the instance `hand` of a show, at the addresses `/family/channel/set` and
//! `/family/channel/is`.

use super::channel::{ChannelSpec, Path, TestControl};

/// The paths through one protocol.
#[derive(Debug)]
pub(super) struct PathFamily {
    pub(super) name: &'static str,
    /// The backends that these paths use, without the OSC of the control links.
    pub(super) backends: &'static [&'static str],
    number: usize,
    /// Instances of the subject, and lines of its mapping.
    pub(super) subject: ConfigLines,
    /// The same of the peer, if it takes one.
    pub(super) peer: Option<ConfigLines>,
    pub(super) channels: Vec<ChannelSpec>,
    /// Whether the peer may be stopped for a while and go on: where nothing repeats what its sockets could not hold
    /// meanwhile, that loses values by the nature of the protocol.
    pub(super) may_freeze: bool,
    /// Whether every fader moves all the time, because values at rest are not sent again.
    pub(super) never_rests: bool,
    /// Whether reloads remove and restore the mapping of this family.
    pub(super) is_reloaded: bool,
}

/// Parts of a configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct ConfigLines {
    /// Options for all instances of a backend, and instances.
    pub(super) instances: String,
    pub(super) map: String,
}

/// The common properties of several channels.
#[derive(Copy, Clone, Debug)]
pub(super) struct ChannelKind {
    control: TestControl,
    tolerance: f64,
    keeps_edges: bool,
    may_be_unsent: bool,
}

impl ChannelKind {
    /// Faders on a path with this many steps.
    pub(super) fn faders(steps: u32) -> Self {
        // Half a step, and what the rounding of floats may add.
        let tolerance = 0.5 / f64::from(steps) + 1e-6;
        Self { control: TestControl::Fader, tolerance, keeps_edges: false, may_be_unsent: false }
    }

    /// Keys whose presses all have to arrive.
    pub(super) fn keys() -> Self {
        Self { control: TestControl::Key, tolerance: 1e-6, keeps_edges: true, may_be_unsent: false }
    }

    /// Only the state counts: polling may miss a press.
    pub(super) fn states_only(self) -> Self {
        Self { keeps_edges: false, ..self }
    }

    /// A key that is not pressed again for a show that has just started.
    pub(super) fn unsent(self) -> Self {
        Self { may_be_unsent: true, ..self }
    }
}

impl PathFamily {
    /// Creates a family whose paths only use the subject, as far as its name shows.
    pub(super) fn new(name: &'static str, backends: &'static [&'static str], number: usize) -> Self {
        Self {
            name,
            backends,
            number,
            subject: ConfigLines::default(),
            peer: None,
            channels: Vec::new(),
            may_freeze: true,
            never_rests: false,
            is_reloaded: false,
        }
    }

    /// Sets the instances of both shows.
    pub(super) fn between(mut self, subject: String, peer: String) -> Self {
        self.subject.instances = subject;
        self.peer = Some(ConfigLines { instances: peer, map: String::new() });
        self
    }

    /// Adds channels from subject to peer: the address at the subject, and that at the peer.
    pub(super) fn out(&mut self, kind: ChannelKind, ends: impl IntoIterator<Item = [String; 2]>) {
        for [said, heard] in ends {
            let name = self.name_of_next("out", kind.control);
            self.subject.map += &format!("hand./{}/{name}/set > {said}\n", self.name);
            let peer = self.peer.get_or_insert_default();
            peer.map += &format!("{heard} > hand./{}/{name}/is\n", self.name);
            self.add(name, Path::Out, kind, |value| value);
        }
    }

    /// Adds channels from peer to subject: the address at the peer, and that at the subject.
    pub(super) fn back(&mut self, kind: ChannelKind, ends: impl IntoIterator<Item = [String; 2]>) {
        for [said, heard] in ends {
            let name = self.name_of_next("back", kind.control);
            let peer = self.peer.get_or_insert_default();
            peer.map += &format!("hand./{}/{name}/set > {said}\n", self.name);
            self.subject.map += &format!("{heard} > hand./{}/{name}/is\n", self.name);
            self.add(name, Path::Back, kind, |value| value);
        }
    }

    /// Adds a channel through the subject alone: lines of its mapping, in which `SET` and `IS` stand for its ends.
    pub(super) fn here(&mut self, kind: ChannelKind, lines: &str, expected: fn(f64) -> f64) {
        let name = self.name_of_next("here", kind.control);
        let end = |end| format!("hand./{}/{name}/{end}", self.name);
        self.subject.map += &lines.replace("SET", &end("set")).replace("IS", &end("is"));
        self.subject.map.push('\n');
        self.add(name, Path::Here, kind, expected);
    }

    fn name_of_next(&self, way: &str, control: TestControl) -> String {
        let control = if control == TestControl::Fader { "fader" } else { "key" };
        format!("{way}-{control}{}", self.channels.len() + 1)
    }

    fn add(&mut self, name: String, direction: Path, kind: ChannelKind, expected: fn(f64) -> f64) {
        let ChannelKind { control, tolerance, keeps_edges, may_be_unsent: may_be_untold } = kind;
        let family = self.number;
        let rests = control == TestControl::Fader && !self.never_rests && self.channels.len() % 4 == 3;
        self.channels.push(ChannelSpec {
            name,
            family,
            direction,
            control,
            tolerance,
            expected,
            keeps_edges,
            rests,
            may_be_unsent: may_be_untold,
        });
    }
}
