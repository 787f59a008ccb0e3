//! Attacks by datagrams: those that cause much work, and those of peers that do not exist.

use std::net::{Ipv4Addr, UdpSocket};

use anyhow::{Context, Result};

use super::{Adversary, PACE};
use crate::floods::packets;

/// The universe that all nodes subscribe to.
pub(super) const CROWDED: u8 = 5;

/// As deep as bundles of 20 bytes fit into a datagram, and much deeper than a receiver may read.
const DEPTH: usize = 3000;

/// Sends bundles in which each message goes to every address.
pub(super) fn patterns(adversary: &mut Adversary) -> Result<()> {
    let message = packets::message("/p/*", adversary.random.unit() as f32);
    flood(adversary, adversary.places.datagrams, &packets::full_bundle(&message, &message), 1, 10)
}

/// Sends bundles in bundles, without a message in the end.
pub(super) fn nested_bundles(adversary: &mut Adversary) -> Result<()> {
    let nested = (0..DEPTH).fold(Vec::new(), |inner, _| packets::bundle([inner]));
    flood(adversary, adversary.places.datagrams, &nested, 4, 1)
}

/// Sends blobs to a channel.
pub(super) fn blobs(adversary: &mut Adversary) -> Result<()> {
    flood(adversary, adversary.places.datagrams, &packets::blob("/blob", 60_000), 4, 1)
}

/// Starts values in a circle that leads through a peer, which is the program itself.
pub(super) fn own_loop(adversary: &mut Adversary) -> Result<()> {
    let socket = socket(Ipv4Addr::LOCALHOST)?;
    while adversary.goes_on() {
        let message = packets::message("/a", adversary.random.unit() as f32);
        send(&socket, adversary.places.own, &message);
    }
    Ok(())
}

/// Invites the program to sessions from more peers than it accepts, which then send nothing.
pub(super) fn rtpmidi_peers(adversary: &mut Adversary) -> Result<()> {
    let mut peers = Vec::new();
    while adversary.goes_on() {
        if peers.len() < 40 {
            peers.push((socket(Ipv4Addr::LOCALHOST)?, adversary.random.next().to_be_bytes()));
        }
        let [control, data] = [adversary.places.rtpmidi, adversary.places.rtpmidi + 1];
        for (peer, names) in &peers {
            let invitation = [b"\xff\xffIN\0\0\0\x02".as_slice(), names, b"nobody\0"].concat();
            send(peer, control, &invitation);
            send(peer, data, &invitation);
        }
    }
    Ok(())
}

/// Answers polls from thousands of nodes that all subscribe to a universe that changes.
pub(super) fn artnet_subscribers(adversary: &mut Adversary) -> Result<()> {
    let hand = socket(Ipv4Addr::LOCALHOST)?;
    while adversary.goes_on() {
        let message = packets::message("/crowd", adversary.random.unit() as f32);
        send(&hand, adversary.places.datagrams, &message);
        for _ in 0..8 {
            let [a, b, ..] = adversary.random.next().to_be_bytes();
            let node = Ipv4Addr::new(127, 100 + a % 16, b, 1 + a / 16);
            send(&socket(node)?, adversary.places.artnet, &poll_reply(node));
        }
    }
    Ok(())
}

/// An ArtPollReply of a node with one output (Art-Net 4, "ArtPollReply").
fn poll_reply(node: Ipv4Addr) -> Vec<u8> {
    let mut reply = vec![0; 239];
    reply[..10].copy_from_slice(b"Art-Net\0\x00\x21");
    reply[10..14].copy_from_slice(&node.octets());
    reply[14..16].copy_from_slice(&6454_u16.to_le_bytes());
    // One port, which puts DMX out, and its universe.
    (reply[173], reply[174], reply[190]) = (1, 0x80, CROWDED);
    reply
}

/// Sends some of the same datagram every few paces.
fn flood(adversary: &Adversary, port: u16, datagram: &[u8], count: usize, paces: u32) -> Result<()> {
    let socket = socket(Ipv4Addr::LOCALHOST)?;
    while adversary.goes_on() {
        for _ in 0..count {
            send(&socket, port, datagram);
        }
        std::thread::sleep(PACE * (paces - 1));
    }
    Ok(())
}

fn socket(from: Ipv4Addr) -> Result<UdpSocket> {
    UdpSocket::bind((from, 0)).context("cannot open a socket for an attack")
}

/// Sends a datagram; it does not matter whether it is received.
fn send(socket: &UdpSocket, port: u16, datagram: &[u8]) {
    let _ = socket.send_to(datagram, (Ipv4Addr::LOCALHOST, port));
}
