//! The control link to a show: one connection by OSC over TCP, on which messages are only lost when the show ends.
//!
//! Messages have a length prefix, as OSC 1.0 requires on streams, and carry one float or one text each. A text ends
//! with a number.

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use crate::floods::packets::pad;

/// How long a show may leave messages unread.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longer messages than this are none of ours.
const MOST: usize = 65_536;

/// The item observed at each address.
pub(super) type ObservedAddresses = Arc<HashMap<String, ObservedItem>>;

/// An observed item, by its number.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum ObservedItem {
    /// A channel whose state is compared.
    Channel(usize),
    /// A way on which messages are counted.
    Count(usize),
}

/// An event of a link.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) struct LinkEvent {
    /// Which link, by a number that no other one has or had.
    pub(super) link: u64,
    pub(super) what: LinkEventKind,
}

/// The kinds of events.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) enum LinkEventKind {
    /// A message was received.
    Heard { seen: ObservedItem, value: f64 },
    /// The show has closed the connection.
    Closed,
}

/// A connection to a show. It is closed when this is dropped.
#[derive(Debug)]
pub(super) struct ControlLink {
    pub(super) id: u64,
    stream: TcpStream,
    /// The data for the next flush.
    pending: Vec<u8>,
}

impl ControlLink {
    /// Connects to a show and listens to it, on a thread that ends with the connection.
    pub(super) fn open(
        id: u64,
        port: u16,
        addresses: &ObservedAddresses,
        events: &Sender<LinkEvent>,
    ) -> io::Result<Self> {
        let to = SocketAddr::from(([127, 0, 0, 1], port));
        let stream = TcpStream::connect_timeout(&to, Duration::from_millis(500))?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let (read, addresses, events) = (stream.try_clone()?, Arc::clone(addresses), events.clone());
        std::thread::spawn(move || {
            // It does not matter how a connection ends: the show was killed, or the link was dropped.
            let _ = listen(id, read, &addresses, &events);
            let _ = events.send(LinkEvent { link: id, what: LinkEventKind::Closed });
        });
        Ok(Self { id, stream, pending: Vec::new() })
    }

    /// Sets a channel, with the next flush.
    pub(super) fn set(&mut self, address: &str, value: f64) {
        self.add(|message| encode(address, value as f32, message));
    }

    /// Sends a text to a channel, with the next flush.
    pub(super) fn say(&mut self, address: &str, text: &str) {
        self.add(|message| encode_text(address, text, message));
    }

    fn add(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let start = self.pending.len();
        self.pending.extend([0; 4]);
        encode(&mut self.pending);
        let len = (self.pending.len() - start - 4) as u32;
        self.pending[start..start + 4].copy_from_slice(&len.to_be_bytes());
    }

    /// Sends all values set since the last flush.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let written = self.stream.write_all(&self.pending);
        self.pending.clear();
        written
    }
}

impl Drop for ControlLink {
    fn drop(&mut self) {
        // The thread that listens has the same socket.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn listen(
    id: u64,
    stream: TcpStream,
    addresses: &ObservedAddresses,
    events: &Sender<LinkEvent>,
) -> io::Result<()> {
    let mut stream = BufReader::with_capacity(MOST, stream);
    let mut message = Vec::new();
    loop {
        let mut len = [0; 4];
        stream.read_exact(&mut len)?;
        let len = u32::from_be_bytes(len) as usize;
        if len > MOST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        message.resize(len, 0);
        stream.read_exact(&mut message)?;
        let Some((address, value)) = decode(&message).or_else(|| decode_text(&message)) else { continue };
        let Some(seen) = addresses.get(address) else { continue };
        let what = LinkEventKind::Heard { seen: *seen, value: f64::from(value) };
        if events.send(LinkEvent { link: id, what }).is_err() {
            return Ok(());
        }
    }
}

/// Writes a message with a float.
pub(super) fn encode(address: &str, value: f32, out: &mut Vec<u8>) {
    pad(address, out);
    out.extend(FLOAT);
    out.extend(value.to_be_bytes());
}

/// Writes a message with a text.
fn encode_text(address: &str, text: &str, out: &mut Vec<u8>) {
    pad(address, out);
    out.extend(TEXT);
    pad(text, out);
}

/// Decodes a message with a float; `None` for anything else.
pub(super) fn decode(message: &[u8]) -> Option<(&str, f32)> {
    let (address, rest) = unpad(message)?;
    let value = rest.strip_prefix(FLOAT)?.first_chunk()?;
    Some((address, f32::from_be_bytes(*value)))
}

/// Decodes a message with a text whose last word is a number; `None` for anything else.
fn decode_text(message: &[u8]) -> Option<(&str, f32)> {
    let (address, rest) = unpad(message)?;
    let (text, _) = unpad(rest.strip_prefix(TEXT)?)?;
    Some((address, text.rsplit(' ').next()?.parse().ok()?))
}

const FLOAT: &[u8] = b",f\0\0";
const TEXT: &[u8] = b",s\0\0";

fn unpad(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let text = bytes.split(|byte| *byte == 0).next()?;
    let rest = bytes.get((text.len() / 4 + 1) * 4..)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        for address in ["/a", "/abc", "/abcd", "/artnet/out1/set"] {
            let mut bytes = Vec::new();
            encode(address, 0.25, &mut bytes);
            assert!(bytes.len().is_multiple_of(4));
            assert_eq!(decode(&bytes), Some((address, 0.25)));
            for len in 0..bytes.len() {
                assert_eq!(decode(&bytes[..len]), None);
            }
            assert_eq!(decode_text(&bytes), None);
            bytes.clear();
            encode_text(address, "Go+ 0.25", &mut bytes);
            assert!(bytes.len().is_multiple_of(4));
            assert_eq!(decode_text(&bytes), Some((address, 0.25)));
            for len in 0..bytes.len() {
                assert_eq!(decode_text(&bytes[..len]), None);
            }
            assert_eq!(decode(&bytes), None);
        }
    }
}
