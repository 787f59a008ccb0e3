//! How a flood is sent: by one thread, as fast as it can, or a number of packets at once.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a write may wait before the thread looks whether the flood is over.
const WAIT: Duration = Duration::from_millis(50);

/// What is sent.
pub(super) enum Flood {
    /// These datagrams, in turn, without a pause.
    Datagrams(Vec<Vec<u8>>),
    /// Two datagrams in turn, without a pause. Both have a 16-bit sequence number at this offset, which increases by
    /// two, so that the datagram before each of them appears to be lost.
    Numbered([Vec<u8>; 2], usize),
    /// One datagram, sent this many times, and nothing afterwards.
    Burst(Vec<u8>, u64),
    /// A greeting, and then a block again and again. Whatever is answered is read. A connection that ends is made again.
    Stream { greeting: Vec<u8>, block: PacketBlock },
}

/// A part of a stream that is repeated, and the number of messages in it.
pub(super) struct PacketBlock {
    bytes: Vec<u8>,
    messages: u64,
}

impl PacketBlock {
    /// About 64 KiB of one message.
    pub(super) fn of(message: &[u8]) -> Self {
        let messages = ((64 << 10) / message.len()).max(1);
        Self { bytes: message.repeat(messages), messages: messages as u64 }
    }

    /// One message that ends the connection.
    pub(super) fn once(bytes: Vec<u8>) -> Self {
        Self { bytes, messages: 1 }
    }
}

impl Flood {
    /// Sends until `is_over`, and returns how many messages were sent.
    pub(super) fn send(&self, to: SocketAddr, is_over: &AtomicBool) -> io::Result<u64> {
        match self {
            Self::Datagrams(packets) => {
                let socket = UdpSocket::bind("127.0.0.1:0")?;
                let packets = packets.iter().cycle().take_while(|_| !is_over.load(Ordering::Relaxed));
                Ok(packets.map(|packet| send(&socket, packet, to)).sum())
            }
            Self::Numbered(packets, at) => {
                let socket = UdpSocket::bind("127.0.0.1:0")?;
                let (mut packets, mut sent) = (packets.clone(), 0);
                for number in (0_u16..).step_by(2).cycle().take_while(|_| !is_over.load(Ordering::Relaxed)) {
                    let packet = &mut packets[usize::from(number >> 1 & 1)];
                    packet[*at..at + 2].copy_from_slice(&number.to_be_bytes());
                    sent += send(&socket, packet, to);
                }
                Ok(sent)
            }
            Self::Burst(packet, count) => {
                let socket = UdpSocket::bind("127.0.0.1:0")?;
                Ok((0..*count).map(|_| send(&socket, packet, to)).sum())
            }
            Self::Stream { greeting, block } => {
                let mut sent = 0;
                while !is_over.load(Ordering::Relaxed) {
                    match connect(to) {
                        Ok(stream) => sent += stream_to_the_end(stream, greeting, block, is_over),
                        // No port is free at this end, or no place at the other.
                        Err(_) => std::thread::sleep(Duration::from_millis(1)),
                    }
                }
                Ok(sent)
            }
        }
    }
}

/// Sends one datagram; 0 if the kernel did not take it.
fn send(socket: &UdpSocket, packet: &[u8], to: SocketAddr) -> u64 {
    u64::from(socket.send_to(packet, to).is_ok())
}

fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_write_timeout(Some(WAIT))?;
    Ok(stream)
}

/// Writes until the flood is over or the peer closes, and reads all answers. Returns the number of messages.
fn stream_to_the_end(
    mut stream: TcpStream,
    greeting: &[u8],
    block: &PacketBlock,
    is_over: &AtomicBool,
) -> u64 {
    let Ok(answers) = stream.try_clone() else { return 0 };
    let reader = std::thread::spawn(move || drain(answers));
    let mut messages = 0;
    if write(&mut stream, greeting, is_over) {
        while write(&mut stream, &block.bytes, is_over) {
            messages += block.messages;
        }
    }
    // The reader sees the end. It may have come before.
    let _ = stream.shutdown(std::net::Shutdown::Both);
    let _ = reader.join();
    messages
}

fn drain(mut stream: TcpStream) {
    let mut buffer = vec![0; 64 << 10];
    while matches!(stream.read(&mut buffer), Ok(1..)) {}
}

/// Writes all of it, however long that takes. Returns false if the flood is over or the peer is gone.
fn write(stream: &mut TcpStream, mut bytes: &[u8], is_over: &AtomicBool) -> bool {
    while !bytes.is_empty() && !is_over.load(Ordering::Relaxed) {
        match stream.write(bytes) {
            Ok(len) => bytes = &bytes[len..],
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return false,
        }
    }
    bytes.is_empty()
}
