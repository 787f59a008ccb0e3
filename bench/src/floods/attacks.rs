//! The attacks on a show and their targets.
//!
//! Each attack has its own instance, on its own port, and one mapping that shows when the instance has recovered:
//! [`Last`] sends a value that arrives at the end.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tungstenite::Message;

use crate::wire::{FIRST_ADDRESS, Wire, number_of};
use crate::works::{ShowPorts, artnet_to_sacn};

use super::packets;
use super::sending::{Flood, PacketBlock};

/// How many addresses or targets there are where that makes the attack.
const MANY: u32 = 30_000;

/// The universe that no flood touches.
const LAST_UNIVERSE: u16 = 200;

/// How long an instance may take to answer a remote.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where an attack is made.
#[derive(Copy, Clone, Debug)]
pub(super) struct Scene {
    /// Where the attacked instance listens.
    pub(super) at: SocketAddr,
    /// The destination of its values, which is never read.
    pub(super) away: SocketAddr,
    /// Where the last value arrives.
    pub(super) end: SocketAddr,
    /// A free port.
    pub(super) spare: u16,
}

/// Sends the value of an event, after the flood. It may fail as long as the instance is busy.
pub(super) type Last = Box<dyn Fn(u64) -> Result<()> + Send>;

/// An attack on a show.
pub(super) struct FloodAttack {
    /// The instances that it needs, and the mappings.
    pub(super) instances: String,
    pub(super) mappings: String,
    pub(super) flood: Flood,
    pub(super) last: Last,
}

/// Prepares an attack.
pub(super) type Begin = fn(&Scene) -> Result<FloodAttack>;

/// All attacks, by their names.
pub(super) const ALL: [(&str, Begin); 17] = [
    ("small OSC messages", |scene| {
        udp(
            scene,
            "/x",
            "/x",
            Flood::Datagrams(vec![packets::message("/x", 0.25), packets::message("/x", 0.75)]),
        )
    }),
    ("nested OSC bundles, 65 KB", |scene| {
        udp(scene, "/x", "/x", Flood::Datagrams(vec![packets::nested(&packets::message("/x", 0.5))]))
    }),
    ("OSC blobs, 65 KB", |scene| udp(scene, "/x", "/x", Flood::Datagrams(vec![packets::blob("/x", 65_000)]))),
    ("one OSC bundle of patterns, 30000 mapped", |scene| patterns(scene, 1)),
    ("64 OSC bundles of patterns, 30000 mapped", |scene| patterns(scene, 64)),
    ("64 OSC messages, each to 30000 targets", |scene| {
        udp(scene, "/x", &many(), Flood::Burst(packets::message("/x", 0.5), 64))
    }),
    ("OSC over TCP, lengths of zero", |scene| tcp(scene, PacketBlock::of(&[0; 4]))),
    ("OSC over TCP, small messages", |scene| {
        tcp(scene, PacketBlock::of(&packets::with_length(&packets::message("/x", 0.5))))
    }),
    ("OSC over TCP, lengths that lie", |scene| tcp(scene, PacketBlock::once(vec![0x7f, 0xff, 0xff, 0xff]))),
    ("OSC over SLIP, rubbish", slip),
    ("Art-Net, garbage", |scene| {
        let lengths = [0, 1, 2, 10, 100, 530, 1_400];
        let garbage = lengths.map(|len| [b"Art-Net\0", &packets::rubbish(len)[..]].concat());
        artnet(scene, garbage.into())
    }),
    ("Art-Net, frames of 100 mapped universes", |scene| {
        let frames =
            [0, 255].into_iter().flat_map(|level| (0..100).map(move |at| packets::art_dmx(at, level)));
        artnet(scene, frames.collect())
    }),
    ("WebSocket, JSON of 60 KB", |scene| {
        let names = "SET,".repeat(15_000);
        masim(
            scene,
            &packets::frame(0x81, format!(r#"{{"requestType":"getdata","data":"{names}"}}"#).as_bytes()),
        )
    }),
    ("WebSocket, nested JSON of 60 KB", |scene| masim(scene, &packets::frame(0x81, &[b'['; 60_000]))),
    ("WebSocket, small requests", |scene| masim(scene, &packets::frame(0x81, br#"{"session":1}"#))),
    ("WebSocket, pings", |scene| masim(scene, &packets::frame(0x89, &[b'x'; 125]))),
    ("RTP-MIDI, journals of 12 KB", rtpmidi),
];

/// An OSC instance with one mapping that is attacked.
fn osc(scene: &Scene, transport: &str, from: &str, to: &str) -> [String; 2] {
    let instances = format!(
        "[osc attacked]\nbind = 127.0.0.1 {}\ntransport = {transport}\n[osc away]\ndestination = 127.0.0.1 {}\n",
        scene.at.port(),
        scene.away.port()
    );
    let mappings =
        format!("attacked.{from} > away.{to}\nattacked./f/{FIRST_ADDRESS} > end./f/{FIRST_ADDRESS}\n");
    [instances, mappings]
}

fn many() -> String {
    format!("/a{{1..{MANY}}}")
}

fn packet(wire: Wire, event: u64) -> Vec<u8> {
    let mut packet = wire.packet();
    wire.set(&mut packet, event);
    packet
}

fn osc_message(event: u64) -> Vec<u8> {
    packet(Wire::Osc(1), event)
}

fn udp(scene: &Scene, from: &str, to: &str, flood: Flood) -> Result<FloodAttack> {
    let [instances, mappings] = osc(scene, "udp", from, to);
    Ok(FloodAttack { instances, mappings, flood, last: datagrams(scene.at, osc_message)? })
}

/// The pattern matches all addresses except that of the last value.
fn patterns(scene: &Scene, count: u64) -> Result<FloodAttack> {
    let [pattern, last] = ["/*", "/a1"].map(|address| packets::message(address, 0.5));
    udp(scene, &many(), &many(), Flood::Burst(packets::full_bundle(&pattern, &last), count))
}

fn tcp(scene: &Scene, block: PacketBlock) -> Result<FloodAttack> {
    let [instances, mappings] = osc(scene, "tcp", "/x", "/x");
    let flood = Flood::Stream { greeting: Vec::new(), block };
    let at = scene.at;
    let last: Last = Box::new(move |event| stream(&packets::with_length(&osc_message(event)), at));
    Ok(FloodAttack { instances, mappings, flood, last })
}

fn slip(scene: &Scene) -> Result<FloodAttack> {
    let [instances, mappings] = osc(scene, "slip", "/x", "/x");
    let flood = Flood::Stream { greeting: Vec::new(), block: PacketBlock::of(&packets::rubbish(64 << 10)) };
    let at = scene.at;
    let last: Last = Box::new(move |event| stream(&packets::slip(&osc_message(event)), at));
    Ok(FloodAttack { instances, mappings, flood, last })
}

fn artnet(scene: &Scene, flood: Vec<Vec<u8>>) -> Result<FloodAttack> {
    let ports = ShowPorts { input: scene.at, output: scene.away, spare: scene.spare };
    let instances =
        artnet_to_sacn(ports, 0..100, "") + &format!("\n[artnet last]\nuniverse = {LAST_UNIVERSE}\n");
    let mappings = format!("last.1+2 > end./f/{FIRST_ADDRESS}\n");
    let last = datagrams(scene.at, |event| {
        let mut packet = packets::art_dmx(LAST_UNIVERSE, 0);
        packet[18..20].copy_from_slice(&(number_of(event) << 2).to_be_bytes());
        packet
    });
    Ok(FloodAttack { instances, mappings, flood: Flood::Datagrams(flood), last: last? })
}

fn masim(scene: &Scene, message: &[u8]) -> Result<FloodAttack> {
    let instances = format!("[masim attacked]\nlisten = 127.0.0.1 {}\n", scene.at.port());
    let mappings = format!("attacked.page1.fader6 > end./f/{FIRST_ADDRESS}\n");
    let flood = Flood::Stream { greeting: packets::UPGRADE.into(), block: PacketBlock::of(message) };
    let at = scene.at;
    Ok(FloodAttack { instances, mappings, flood, last: Box::new(move |event| remote(event, at)) })
}

fn rtpmidi(scene: &Scene) -> Result<FloodAttack> {
    let instances = format!(
        "[rtpmidi attacked]\nmode = direct\nlearn = on\nbind = 127.0.0.1 {}\n[osc away]\ndestination = 127.0.0.1 {}\n",
        scene.at.port(),
        scene.away.port()
    );
    let mut mappings = format!("attacked.ch0.pitch > end./f/{FIRST_ADDRESS}\n");
    for channel in 0..16 {
        // A string takes everything.
        let _ = writeln!(mappings, "attacked.ch{channel}.cc{{0..127}} > away./c{channel}/{{0..127}}");
    }
    let flood = Flood::Numbered([10, 20].map(packets::journal), packets::RTP_NUMBER);
    let last = datagrams(scene.at, |event| packet(Wire::RtpMidi, event))?;
    Ok(FloodAttack { instances, mappings, flood, last })
}

/// Sends all datagrams from one socket, because some protocols identify their sources by it.
fn datagrams(to: SocketAddr, packet: fn(u64) -> Vec<u8>) -> Result<Last> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    Ok(Box::new(move |event| {
        socket.send_to(&packet(event), to)?;
        Ok(())
    }))
}

fn stream(bytes: &[u8], to: SocketAddr) -> Result<()> {
    use std::io::Write as _;
    Ok(TcpStream::connect(to)?.write_all(bytes)?)
}

/// Logs in as a web remote, moves a fader and says goodbye, so that the place is free again.
fn remote(event: u64, at: SocketAddr) -> Result<()> {
    let stream = TcpStream::connect(at)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut socket, _) = tungstenite::client(format!("ws://{at}/?ma=1"), stream)?;
    socket.send(Message::text(r#"{"session":0}"#))?;
    let session = loop {
        let Message::Text(answer) = socket.read()? else { continue };
        let answer: Value = serde_json::from_str(&answer)?;
        if let Some(session) = answer.get("session") {
            break session.as_i64().context("a session is a number")?;
        }
    };
    let level = f64::from(number_of(event) << 2) / 65_535.0;
    // The factory password of the consoles.
    for request in [
        format!(
            r#"{{"requestType":"login","username":"bench","password":"2807623134739142b119aff358f8a219","session":{session}}}"#
        ),
        format!(
            r#"{{"requestType":"playbacks_userInput","execIndex":5,"pageIndex":0,"faderValue":{level},"type":1,"session":{session}}}"#
        ),
        format!(r#"{{"requestType":"close","session":{session}}}"#),
    ] {
        socket.send(Message::text(request))?;
    }
    // It has read all of them when each is answered.
    for _ in 0..3 {
        socket.read()?;
    }
    Ok(())
}
