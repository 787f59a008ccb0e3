//! A running instance: a client of the server that drives the strips, a server for clients that send colours, or both.

use std::collections::BTreeMap;
use std::sync::Arc;

use crosspatch_core::{
    Closed, Connect, Direction, Duration, Instant, Listen, Outbox, Peer, Port, PortSpec, Session, Slot, Value,
};

use super::address::Address;
use super::options::{Config, Depth};
use super::wire::{ALL, Deframer, Message, SET_8_BIT, SET_16_BIT};
use crate::dmx::{FRAME, Input, Output, Pace};
use crate::kept_port::KeptPort;

/// The connection to the server that drives the strips.
const CLIENT: Port = Port(0);
/// The server for clients that send colours.
const SERVER: Port = Port(1);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_CLIENTS: u32 = 64;

/// A strip is sent at least so often, so that a server that is gone without a word is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// The running state of an instance.
pub(crate) struct PixelSession {
    config: Arc<Config>,
    ports: Vec<KeptPort>,
    /// What comes in, by strip.
    inputs: BTreeMap<u8, Input>,
    /// What goes out, by strip; strip 0 first, so that the others are set behind it.
    outputs: BTreeMap<u8, Output>,
    /// The strip of each mapped output.
    strips: Vec<Option<u8>>,
    clients: BTreeMap<Peer, Deframer>,
    is_connected: bool,
    is_full: bool,
    /// Levels in the depth of this instance.
    levels: Vec<u8>,
}

impl PixelSession {
    /// The session of the instance `name`.
    pub(crate) fn new(name: &str, config: Arc<Config>) -> Self {
        let mut ports = Vec::new();
        if let Some(to) = config.destination.clone() {
            let spec = PortSpec::TcpConnect(Connect { to, timeout: CONNECT_TIMEOUT });
            ports.push(KeptPort::new(name, CLIENT, spec, "pixel-port"));
        }
        if let Some(at) = config.listen.clone() {
            let spec = PortSpec::TcpListen(Listen { at, limit: MAX_CLIENTS, ping: None });
            ports.push(KeptPort::new(name, SERVER, spec, "pixel-port"));
        }
        Self {
            config,
            ports,
            inputs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            strips: Vec::new(),
            clients: BTreeMap::new(),
            is_connected: false,
            is_full: false,
            levels: Vec::new(),
        }
    }
}

impl Session for PixelSession {
    fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        let Ok(address) = Address::parse(address, self.config.depth, direction) else { return };
        let place = address.place(self.config.depth);
        match direction {
            Direction::Input => self.inputs.entry(address.strip).or_default().bind(slot, place),
            Direction::Output => {
                let pace = Pace { realtime: self.config.realtime, repeats: 0, keep_alive: Some(KEEP_ALIVE) };
                let output = self.outputs.entry(address.strip).or_insert_with(|| Output::new(pace, 0));
                output.lengthen(address.pixel_end(self.config.depth));
                output.bind(slot, place);
                if slot.index() >= self.strips.len() {
                    self.strips.resize(slot.index() + 1, None);
                }
                self.strips[slot.index()] = Some(address.strip);
            }
        }
    }

    fn unbind(&mut self, slot: Slot, direction: Direction) {
        match direction {
            Direction::Input => self.inputs.values_mut().for_each(|input| input.unbind(slot)),
            Direction::Output => {
                self.outputs.values_mut().for_each(|output| output.unbind(slot));
                self.strips[slot.index()] = None;
            }
        }
    }

    fn start(&mut self, _now: Instant, out: &mut Outbox) {
        self.ports.iter_mut().for_each(|port| port.open(out));
    }

    fn stop(&mut self, now: Instant, out: &mut Outbox) {
        // What is not on its way yet must not be lost.
        self.outputs.values_mut().filter(|output| output.is_pending()).for_each(Output::restart);
        self.flush(now + FRAME, out);
    }

    fn handle_rebind(&mut self, _now: Instant, out: &mut Outbox) {
        self.inputs.values_mut().for_each(|input| input.tell(out));
    }

    fn handle_open(&mut self, now: Instant, port: Port, peer: Peer, out: &mut Outbox) {
        if matches!(peer, Peer::Connection(_)) {
            self.clients.insert(peer, Deframer::default());
            return;
        }
        self.ports.iter_mut().filter(|kept| kept.port() == port).for_each(|kept| kept.handle_open(out));
        if port == CLIENT {
            (self.is_connected, self.is_full) = (true, false);
            self.outputs.values_mut().for_each(Output::restart);
            out.recall();
            self.flush(now, out);
        }
    }

    fn handle_close(&mut self, now: Instant, port: Port, peer: Peer, reason: Closed, out: &mut Outbox) {
        if matches!(peer, Peer::Connection(_)) {
            self.clients.remove(&peer);
            return;
        }
        if port == CLIENT {
            self.is_connected = false;
        } else {
            self.clients.clear();
        }
        self.ports
            .iter_mut()
            .filter(|kept| kept.port() == port)
            .for_each(|kept| kept.handle_close(now, &reason, out));
    }

    fn handle_data(&mut self, _now: Instant, port: Port, from: Peer, data: &[u8], out: &mut Outbox) {
        // What the server that drives the strips may say means nothing here.
        let Some(deframer) = self.clients.get_mut(&from).filter(|_| port == SERVER) else { return };
        let (inputs, levels, depth) = (&mut self.inputs, &mut self.levels, self.config.depth);
        deframer.push(data, |message| {
            let Some(levels) = in_depth(depth, &message, levels) else { return };
            match message.strip {
                ALL => inputs.values_mut().for_each(|input| input.update(levels, out)),
                strip => inputs.get_mut(&strip).into_iter().for_each(|input| input.update(levels, out)),
            }
        });
    }

    fn handle_full(&mut self, _now: Instant, port: Port, _peer: Peer, _out: &mut Outbox) {
        self.is_full |= port == CLIENT;
    }

    fn handle_writable(&mut self, now: Instant, port: Port, _peer: Peer, out: &mut Outbox) {
        if port == CLIENT {
            self.is_full = false;
            self.flush(now, out);
        }
    }

    fn handle_values(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        for (slot, value) in values {
            let strip = self.strips.get(slot.index()).copied().flatten();
            if let Some(output) = strip.and_then(|strip| self.outputs.get_mut(&strip)) {
                output.set(*slot, value);
            }
        }
        self.flush(now, out);
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.ports.iter_mut().for_each(|port| port.handle_timeout(now, out));
        self.flush(now, out);
    }

    fn next_timeout(&self) -> Option<Instant> {
        let frames = self.outputs.values().filter(|output| self.takes_frames() && output.is_mapped());
        let frames = frames.filter_map(Output::next_due);
        self.ports.iter().filter_map(KeptPort::retry_at).chain(frames).min()
    }
}

impl PixelSession {
    /// Whether a frame can go out. Frames never queue up: while there is no room, only the latest levels count.
    fn takes_frames(&self) -> bool {
        self.is_connected && !self.is_full
    }

    /// Sends the strips whose time has come.
    fn flush(&mut self, now: Instant, out: &mut Outbox) {
        if !self.takes_frames() {
            return;
        }
        let command = self.config.depth.command();
        for (strip, output) in self.outputs.iter_mut().filter(|(_, output)| output.is_mapped()) {
            if let Some(frame) = output.take_due(now) {
                let message = Message { strip: *strip, command, data: frame };
                out.send(CLIENT, Peer::Only, |buffer| message.encode(buffer));
            }
        }
    }
}

/// The levels of a message, coarser or finer if the instance wants them so.
fn in_depth<'a>(depth: Depth, message: &Message<'a>, levels: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    levels.clear();
    match (message.command, depth) {
        (SET_8_BIT, Depth::Bits8) | (SET_16_BIT, Depth::Bits16) => return Some(message.data),
        (SET_8_BIT, Depth::Bits16) => levels.extend(message.data.iter().flat_map(|&level| [level, level])),
        (SET_16_BIT, Depth::Bits8) => levels.extend(message.data.chunks_exact(2).map(|level| level[0])),
        _ => return None,
    }
    Some(levels)
}
