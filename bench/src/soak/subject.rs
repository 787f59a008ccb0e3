//! The subject of the soak, with every family at once.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::SoakOptions;
use super::families::Families;
use super::family::ConfigLines;
use super::link::ControlLink;
use crate::process::{Process, Usage};

/// The subject.
#[derive(Debug)]
pub(super) struct SubjectShow {
    process: Process,
    file: PathBuf,
    texts: SubjectConfigs,
    /// The control link.
    pub(super) link: Option<ControlLink>,
}

/// The configurations of the subject.
#[derive(Clone, Debug)]
pub(super) struct SubjectConfigs {
    /// With everything that is compared in the end.
    pub(super) whole: String,
    /// With other instances, and without the family that reloads remove.
    pub(super) changed: String,
    /// With mistakes.
    pub(super) broken: String,
}

/// Ports of the subject beside those of the families.
#[derive(Copy, Clone, Debug)]
pub(super) struct SubjectPorts {
    pub(super) hand: u16,
    /// Where pings come to and go to.
    pub(super) ping: [u16; 2],
    /// Of the instance that only the changed configuration has.
    pub(super) spare: u16,
}

impl SubjectConfigs {
    /// `attacked` is the instances that are there to be attacked, and their mapping.
    pub(super) fn new(families: &Families, places: SubjectPorts, attacked: &[String; 2]) -> Self {
        let [ping, pong] = places.ping;
        let mut head = hand(places.hand);
        let _ =
            write!(head, "[osc ping]\nbind = 127.0.0.1 {ping}\n[osc pong]\ndestination = 127.0.0.1 {pong}\n");
        let [instances, lines] = attacked;
        head += instances;
        let mut map = format!("[map]\nping./ping > pong./pong\n{lines}");
        let mut passing = String::new();
        for family in &families.list {
            head += &family.subject.instances;
            *if family.is_reloaded { &mut passing } else { &mut map } += &family.subject.map;
        }
        let whole = format!("{head}{map}{passing}");
        let changed = format!(
            "{head}[osc spare]\nbind = 127.0.0.1 {}\n[loopback spare-bus]\n\
             {map}spare./fader > spare-bus.level\n",
            places.spare
        );
        let broken = format!("{whole}nobody.here > ping./ping\nping./ping >\n[nonsense of it]\n");
        Self { whole, changed, broken }
    }
}

impl SubjectShow {
    pub(super) fn start(options: &SoakOptions, texts: SubjectConfigs) -> Result<Self> {
        let process = Process::show_with_log(&options.program, &texts.whole, options.log("subject")?)?;
        let file = process.file().context("a show has a file")?;
        Ok(Self { process, file, texts, link: None })
    }

    /// Lets it read one of the configurations.
    pub(super) fn reload(&self, text: fn(&SubjectConfigs) -> &str) -> Result<()> {
        std::fs::write(&self.file, text(&self.texts)).context("cannot write the configuration")?;
        self.process.signal(Signal::HUP)
    }

    pub(super) fn runs(&mut self) -> bool {
        self.process.runs()
    }

    pub(super) fn usage(&self) -> Usage {
        self.process.usage()
    }

    /// The targets of its descriptors. libjack keeps some for every client that it has met, even for those of the patch
    /// bay, so they are not counted.
    pub(super) fn descriptors(&self) -> Vec<String> {
        let mut kinds = self.process.descriptors();
        kinds.retain(|kind| !kind.starts_with("/dev/shm/jack_"));
        kinds
    }
}

/// The configuration of a peer.
pub(super) fn peer_config(lines: &ConfigLines, port: u16) -> String {
    format!("{}{}[map]\n{}", hand(port), lines.instances, lines.map)
}

/// The instance that the control link connects to.
fn hand(port: u16) -> String {
    format!("[osc hand]\nbind = 127.0.0.1 {port}\ntransport = tcp\n")
}
