//! What is measured: shows as users have them, and the traffic that goes through them.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::load::Traffic;
use crate::wire::{FIRST_ADDRESS, Wire};

/// A show that forwards events from one socket to another.
pub(crate) struct Forwarding {
    pub(crate) name: String,
    pub(crate) traffic: Traffic,
    /// How many universes come 44 times a second, where that is of interest.
    pub(crate) universes: Option<u64>,
    configuration: Box<dyn Fn(ShowPorts) -> String>,
}

/// Where a show listens, where it sends to, and a third port for those that need it.
#[derive(Copy, Clone, Debug)]
pub(crate) struct ShowPorts {
    pub(crate) input: SocketAddr,
    pub(crate) output: SocketAddr,
    pub(crate) spare: u16,
}

impl Forwarding {
    fn new(
        name: impl Into<String>,
        [source, sink]: [Wire; 2],
        configuration: impl Fn(ShowPorts) -> String + 'static,
    ) -> Self {
        let traffic = Traffic { source, sink, copies: 1, merges: false };
        Self { name: name.into(), traffic, universes: None, configuration: Box::new(configuration) }
    }

    /// The show, as a configuration.
    pub(crate) fn configuration(&self, ports: ShowPorts) -> String {
        (self.configuration)(ports)
    }
}

/// All of them, in the order in which they are reported.
pub(crate) fn all() -> Vec<Forwarding> {
    let mut works = Vec::new();
    for channels in [1, 64, 4_096, 100_000] {
        let name = format!("OSC to OSC, {channels} mapped");
        works.push(Forwarding::new(name, [Wire::Osc(channels); 2], move |ports| {
            osc_to_osc(ports, channels, "")
        }));
    }
    let mut fan = Forwarding::new("OSC to OSC, 1 to 64", [Wire::Osc(1); 2], |ports| {
        let last = FIRST_ADDRESS + 63;
        osc(ports) + &format!("in./f/{FIRST_ADDRESS} > out./f/{{{FIRST_ADDRESS}..{last}}}\n")
    });
    fan.traffic.copies = 64;
    works.push(fan);
    // Together they change nothing, so that the level is found again.
    let stages = " | invert | range 0.25..0.75 | range 0.75..0.25 -> 0..1";
    works.push(Forwarding::new(
        "OSC to OSC, 64 mapped, three transforms",
        [Wire::Osc(64); 2],
        move |ports| osc_to_osc(ports, 64, stages),
    ));
    works.push(Forwarding::new("OSC to OSC through fifty loopbacks", [Wire::Osc(1); 2], |ports| {
        loopbacks(ports, 50)
    }));
    let mut frames = Forwarding::new("OSC to Art-Net", [Wire::Osc(1), Wire::ArtDmx(1)], |ports| {
        format!(
            "[backend artnet]\nbind = 127.0.0.1 {}\n[osc in]\nbind = {}\n[artnet out]\nuniverse = 0\ndestination = {}\n\
             realtime = 1\n[map]\nin./f/{FIRST_ADDRESS} > out.{{1+2,512}}\n",
            ports.spare,
            blank(ports.input),
            blank(ports.output),
        )
    });
    frames.traffic.merges = true;
    works.push(frames);
    works.push(Forwarding::new("Art-Net to OSC", [Wire::ArtDmx(1), Wire::Osc(1)], |ports| {
        format!(
            "[backend artnet]\nbind = {}\n[artnet in]\nuniverse = 0\n[osc out]\ndestination = {}\n/* = f 0 1\n\
             [map]\nin.1+2 > out./f/{FIRST_ADDRESS}\n",
            blank(ports.input),
            blank(ports.output),
        )
    }));
    for universes in [1, 10, 100, 256] {
        let name = format!("Art-Net to sACN, {universes} universes of 512 slots");
        let wires = [Wire::ArtDmx(universes), Wire::E131];
        let mut work =
            Forwarding::new(name, wires, move |ports| artnet_to_sacn(ports, 0..universes, "realtime = 1\n"));
        work.universes = Some(u64::from(universes));
        works.push(work);
    }
    works.push(Forwarding::new("RTP-MIDI to RTP-MIDI", [Wire::RtpMidi; 2], |ports| {
        format!(
            "[rtpmidi in]\nmode = direct\nlearn = on\nbind = {}\n[rtpmidi out]\nmode = direct\nbind = 127.0.0.1 {}\npeer = {}\n\
             [map]\nin.ch0.pitch > out.ch0.pitch\n",
            blank(ports.input),
            ports.spare,
            blank(ports.output),
        )
    }));
    works
}

/// An address as configurations write it.
fn blank(address: SocketAddr) -> String {
    format!("{} {}", address.ip(), address.port())
}

fn osc(ports: ShowPorts) -> String {
    let (input, output) = (blank(ports.input), blank(ports.output));
    format!("[osc in]\nbind = {input}\n/* = f 0 1\n[osc out]\ndestination = {output}\n/* = f 0 1\n[map]\n")
}

/// Passes OSC messages with this many addresses through these stages.
pub(crate) fn osc_to_osc(ports: ShowPorts, channels: u32, stages: &str) -> String {
    let addresses = format!("/f/{{{FIRST_ADDRESS}..{}}}", FIRST_ADDRESS + channels - 1);
    osc(ports) + &format!("in.{addresses}{stages} > out.{addresses}\n")
}

/// Passes OSC messages through this many loopbacks, one after the other.
pub(crate) fn loopbacks(ports: ShowPorts, count: u32) -> String {
    let mut text: String = (1..=count).map(|number| format!("[loopback loop{number}]\n")).collect();
    text += &osc(ports);
    let _ = writeln!(text, "in./f/{FIRST_ADDRESS} > loop1.x\nloop{count}.x > out./f/{FIRST_ADDRESS}");
    for number in 1..count {
        let _ = writeln!(text, "loop{number}.x > loop{}.x", number + 1);
    }
    text
}

/// Passes these universes, with these options for each output.
pub(crate) fn artnet_to_sacn(
    ports: ShowPorts,
    universes: impl IntoIterator<Item = u16>,
    options: &str,
) -> String {
    let mut text = format!(
        "[backend artnet]\nbind = {}\n[backend sacn]\nbind = 127.0.0.1 {}\n",
        blank(ports.input),
        ports.spare
    );
    for universe in universes {
        let _ = writeln!(
            text,
            "[artnet in{universe}]\nnet = {}\nuniverse = {}\n[sacn out{universe}]\nuniverse = {}\npriority = 100\n{options}\
             unicast = 1\ndiscovery = off\ndestination = {}\n[map]\nin{universe}.{{1..512}} > out{universe}.{{1..512}}",
            universe >> 8,
            universe & 0xff,
            universe + 1,
            blank(ports.output),
        );
    }
    text
}
