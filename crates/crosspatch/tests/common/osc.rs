//! An OSC peer on a socket of 127.0.0.1, as strict as the library that decodes for it.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use rosc::{OscMessage, OscPacket, OscType};

use super::PATIENCE;

/// A message with one number.
pub(crate) fn message(address: &str, level: f32) -> Vec<u8> {
    let message = OscMessage { addr: address.to_owned(), args: vec![OscType::Float(level)] };
    rosc::encoder::encode(&OscPacket::Message(message)).expect("a message")
}

/// A socket that sends to one port and receives the answers.
pub(crate) struct Osc {
    socket: UdpSocket,
    to: u16,
}

impl Osc {
    /// A peer of the program that listens on `to`, with its own port.
    pub(crate) fn to(to: u16) -> Self {
        Self { socket: UdpSocket::bind("127.0.0.1:0").expect("a free port"), to }
    }

    /// The port on which this peer receives.
    pub(crate) fn port(&self) -> u16 {
        self.socket.local_addr().expect("a bound socket").port()
    }

    /// Sends one number.
    pub(crate) fn send(&self, address: &str, level: f32) {
        // The port may still be closed; then the system reports that to the next call.
        let _ = self.socket.send_to(&message(address, level), ("127.0.0.1", self.to));
    }

    /// The next message, if one comes in time.
    pub(crate) fn hear(&self, patience: Duration) -> Option<(String, OscType)> {
        let deadline = Instant::now() + patience;
        let mut buffer = [0; 65_536];
        loop {
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            self.socket.set_read_timeout(Some(left)).expect("a time-out");
            let Ok(len) = self.socket.recv(&mut buffer) else { continue };
            let (_, packet) = rosc::decoder::decode_udp(&buffer[..len]).expect("good OSC");
            if let OscPacket::Message(message) = packet {
                let first = message.args.into_iter().next().unwrap_or(OscType::Nil);
                return Some((message.addr, first));
            }
        }
    }

    /// Sends a number again and again, until it comes back at `answer`. The number changes a little each time, because an
    /// unchanged value may be left out.
    pub(crate) fn until_answered(&self, address: &str, answer: &str) {
        let start = Instant::now();
        for step in 1_u16.. {
            assert!(start.elapsed() < PATIENCE, "`{address}` was never answered by `{answer}`");
            let level = f32::from(step % 1000 + 1) / 1024.0;
            self.send(address, level);
            while let Some((heard, value)) = self.hear(Duration::from_millis(30)) {
                if heard == answer && value == OscType::Float(level) {
                    return;
                }
            }
        }
    }

    /// Receives messages until one has this address and this number.
    pub(crate) fn wait_for(&self, address: &str, level: f32) {
        let start = Instant::now();
        let mut others = Vec::new();
        while start.elapsed() < PATIENCE {
            match self.hear(Duration::from_millis(100)) {
                Some((heard, OscType::Float(value))) if heard == address && value == level => return,
                Some(other) => others.push(other),
                None => {}
            }
        }
        panic!("waited in vain for {address} {level}, heard {others:?}");
    }
}
