//! An established connection, plain TCP or WebSocket: reads a bounded amount at a time and never waits to write.
//!
//! A message is one write. Data that the kernel does not accept is buffered: the session is notified when the stream is
//! full and when it has room again. A peer that never reads is disconnected. So is a peer that provokes automatic
//! answers, the pongs of a WebSocket, and does not read them.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;

use crosspatch_core::{Closed, Duration};
use mio::net::TcpStream;
use socket2::{SockRef, TcpKeepalive};
use tungstenite::error::ProtocolError;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use crate::bounds::Bounds;
use crate::closed;

/// How much more a session may send after it was notified that the stream is full. Beyond that, the peer counts as not
/// reading.
const MOST_UNSENT: usize = 1 << 20;

/// The maximum number of queued bytes of the library's own answers to pings.
const MOST_ANSWERS: usize = 64 << 10;

/// How much one connection may read before others have their turn.
const READ_AT_ONCE: usize = 64 * 1024;

/// How much the kernel takes that it cannot send yet. Small, so that a stale value is not ahead of a fresh one by seconds.
#[cfg(any(target_os = "linux", target_os = "android"))]
const KERNEL_BACKLOG: u32 = 16 * 1024;

/// How long a peer may leave data unacknowledged. By default, the kernel retries for a quarter of an hour, and finally
/// so rarely that it takes minutes to notice a device that has been switched off and on.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LONGEST_UNANSWERED: Duration = Duration::from_secs(15);

/// A connection.
pub(crate) struct Connection {
    framing: ConnectionFraming,
    is_full: bool,
    /// Whether the session was notified of that.
    is_full_reported: bool,
    /// The most that may wait.
    limit: usize,
    /// The number of queued bytes of automatic answers.
    answers: usize,
    is_broken: bool,
    is_shut: bool,
}

enum ConnectionFraming {
    Plain(PlainStream),
    WebSocket(Box<WebSocket<Metered>>),
}

/// Bytes as they come.
struct PlainStream {
    stream: Metered,
    unsent: VecDeque<u8>,
}

/// A stream that counts its unsent bytes, and reads no more than its allowance.
struct Metered {
    stream: TcpStream,
    bounds: Bounds,
    unsent: usize,
    allowance: usize,
}

/// Input of a connection for its session.
pub(crate) enum Received<'a> {
    Bytes(&'a [u8]),
    Message(Message),
    /// A ping or a pong, which is dealt with.
    Control,
    /// Nothing more for the time being.
    Nothing,
    /// More is waiting, but it is the turn of others.
    Later,
    Gone(Closed),
}

/// The outcome of writing a message.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum WriteOutcome {
    /// It was sent, or waits in the queue.
    Fine,
    /// It is the first that was not sent completely.
    Full,
    /// The connection is broken; reading the remaining data gives the reason.
    Broken,
    /// Too much is waiting already.
    NotReading,
    /// Too much is waiting in all connections of the server together.
    Crowded,
}

impl Connection {
    /// A connection that delivers bytes as they come.
    pub(crate) fn plain(stream: TcpStream, bounds: Bounds) -> Self {
        let limit = bounds.unsent;
        let stream = Metered::new(stream, bounds);
        Self::new(ConnectionFraming::Plain(PlainStream { stream, unsent: VecDeque::new() }), limit)
    }

    /// A connection that has been upgraded to WebSocket, with the data read after the upgrade.
    pub(crate) fn web_socket(stream: TcpStream, role: Role, rest: Vec<u8>, bounds: Bounds) -> Self {
        let limit = bounds.unsent;
        let buffer = match role {
            Role::Client => 32 * 1024,
            Role::Server => 4 * 1024,
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(buffer)
            .write_buffer_size(0)
            .max_message_size(Some(bounds.message))
            .max_frame_size(Some(bounds.message))
            .accept_unmasked_frames(true);
        let stream = Metered::new(stream, bounds);
        let socket = WebSocket::from_partially_read(stream, rest, role, Some(config));
        Self::new(ConnectionFraming::WebSocket(Box::new(socket)), limit)
    }

    fn new(framing: ConnectionFraming, limit: usize) -> Self {
        Self {
            framing,
            is_full: false,
            is_full_reported: false,
            limit,
            answers: 0,
            is_broken: false,
            is_shut: false,
        }
    }

    /// It is this connection's turn to read again.
    pub(crate) fn begin_turn(&mut self) {
        self.metered().allowance = READ_AT_ONCE;
    }

    /// Reads the next message or some bytes.
    pub(crate) fn receive<'a>(&mut self, chunk: &'a mut [u8]) -> Received<'a> {
        let received = match &mut self.framing {
            ConnectionFraming::Plain(plain) => match plain.stream.read(chunk) {
                Ok(0) => Received::Gone(Closed::ByPeer),
                Ok(len) => Received::Bytes(&chunk[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Received::Nothing,
                Err(error) if error.kind() == ErrorKind::Interrupted => Received::Control,
                Err(error) => Received::Gone(closed::reason(&error)),
            },
            ConnectionFraming::WebSocket(socket) => {
                let before = socket.get_ref().unsent;
                let received = receive_message(socket);
                let after = socket.get_ref().unsent;
                self.answers = (self.answers + after.saturating_sub(before)).min(after);
                if self.answers > MOST_ANSWERS { Received::Gone(Closed::NotReading) } else { received }
            }
        };
        if !matches!(received, Received::Nothing) {
            received
        } else if self.metered().allowance == 0 {
            Received::Later
        } else if self.is_broken {
            // A failed write, for which reading gave no better reason.
            Received::Gone(Closed::Reset)
        } else {
            Received::Nothing
        }
    }

    /// Sends a message, or as much of it as the kernel takes at once.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> WriteOutcome {
        if self.is_broken || self.is_shut {
            return WriteOutcome::Fine;
        }
        if self.unsent() > self.limit {
            return WriteOutcome::NotReading;
        }
        if self.metered().bounds.are_exceeded() {
            return WriteOutcome::Crowded;
        }
        let written = match &mut self.framing {
            ConnectionFraming::Plain(plain) => plain.send(bytes),
            ConnectionFraming::WebSocket(socket) => {
                let message = match std::str::from_utf8(bytes) {
                    Ok(text) => Message::text(text),
                    Err(_) => Message::binary(bytes.to_vec()),
                };
                ignore_waiting(socket.write(message).and_then(|()| socket.flush()))
            }
        };
        if written.is_err() {
            self.is_broken = true;
            return WriteOutcome::Broken;
        }
        if self.unsent() > 0 && !self.is_full {
            self.is_full = true;
            return WriteOutcome::Full;
        }
        WriteOutcome::Fine
    }

    /// Asks the other end of a WebSocket for a sign of life. While messages wait, there is no need to.
    pub(crate) fn ping(&mut self) {
        if self.unsent() == 0
            && !self.is_broken
            && !self.is_shut
            && let ConnectionFraming::WebSocket(socket) = &mut self.framing
        {
            let ping = Message::Ping(Vec::new().into());
            self.is_broken |= ignore_waiting(socket.write(ping).and_then(|()| socket.flush())).is_err();
        }
    }

    /// The kernel may have room again: sends queued data. Returns whether the stream was full and has room again.
    pub(crate) fn send_waiting(&mut self) -> bool {
        let sent = match &mut self.framing {
            ConnectionFraming::Plain(plain) => plain.send_waiting(),
            ConnectionFraming::WebSocket(socket) => ignore_waiting(socket.flush()),
        };
        self.is_broken |= sent.is_err();
        let has_room = self.is_full && self.unsent() == 0 && !self.is_broken;
        if has_room {
            (self.is_full, self.is_full_reported) = (false, false);
            self.limit = self.metered().bounds.unsent;
        }
        has_room
    }

    /// Records that the stream was reported to the session as full.
    pub(crate) fn mark_full_reported(&mut self) {
        if self.is_full {
            self.is_full_reported = true;
            self.limit = self.unsent() + MOST_UNSENT.min(self.metered().bounds.unsent);
        }
    }

    /// Whether the stream is full and the session has not been notified. Reading more would make it answer
    /// nevertheless.
    pub(crate) fn is_full_unreported(&self) -> bool {
        self.is_full && !self.is_full_reported
    }

    /// Whether a write has failed, so that reading has to give the reason.
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Closes the connection as the protocol requires, after all queued data.
    pub(crate) fn say_goodbye(&mut self) {
        if let ConnectionFraming::WebSocket(socket) = &mut self.framing {
            self.is_broken |= ignore_waiting(socket.close(None).and_then(|()| socket.flush())).is_err();
        }
    }

    /// Continues closing: sends queued data, shuts the write direction down, and discards data from the peer. Returns
    /// whether all is done.
    pub(crate) fn is_over(&mut self) -> bool {
        self.send_waiting();
        if self.is_broken {
            return true;
        }
        let may_shut = self.unsent() == 0 && !std::mem::replace(&mut self.is_shut, true);
        if may_shut && self.metered().stream.shutdown(Shutdown::Write).is_err() {
            return true;
        }
        // A bounded number of times: who sends for ever is not read to the end.
        let mut scrap = [0; 16 * 1024];
        for _ in 0..64 {
            match self.metered().stream.read(&mut scrap) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != ErrorKind::WouldBlock,
            }
        }
        true
    }

    pub(crate) fn source(&mut self) -> &mut TcpStream {
        &mut self.metered().stream
    }

    /// How many bytes wait for the kernel.
    pub(crate) fn unsent(&mut self) -> usize {
        self.metered().unsent
    }

    fn metered(&mut self) -> &mut Metered {
        match &mut self.framing {
            ConnectionFraming::Plain(plain) => &mut plain.stream,
            ConnectionFraming::WebSocket(socket) => socket.get_mut(),
        }
    }
}

impl PlainStream {
    /// Writes, or appends to the queued data. The kernel reports when it has room again.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let gone = if self.unsent.is_empty() { write_some(&mut self.stream, bytes)? } else { 0 };
        self.unsent.extend(&bytes[gone..]);
        self.stream.set_unsent(self.unsent.len());
        Ok(())
    }

    /// Writes the queued data.
    fn send_waiting(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            let (front, _) = self.unsent.as_slices();
            let whole = front.len();
            let gone = write_some(&mut self.stream, front)?;
            self.unsent.drain(..gone);
            if gone < whole {
                break;
            }
        }
        self.stream.set_unsent(self.unsent.len());
        Ok(())
    }
}

impl Metered {
    fn new(stream: TcpStream, bounds: Bounds) -> Self {
        Self { stream, bounds, unsent: 0, allowance: READ_AT_ONCE }
    }

    fn set_unsent(&mut self, unsent: usize) {
        let before = std::mem::replace(&mut self.unsent, unsent);
        if before != unsent {
            self.bounds.count(before, unsent);
        }
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        self.set_unsent(0);
    }
}

impl Read for Metered {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let room = buf.len().min(self.allowance);
        if room == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let len = self.stream.read(&mut buf[..room])?;
        self.allowance -= len;
        Ok(len)
    }
}

/// The caller writes all its data each time, so that the rest is the unsent data.
impl Write for Metered {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.stream.write(buf);
        self.set_unsent(buf.len() - written.as_ref().copied().unwrap_or(0));
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Configures a new stream: no delay for small messages, a small kernel buffer, and keep-alives, so that a peer that
/// has lost its network does not occupy its place for ever.
pub(crate) fn prepare(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5));
    // Each of these makes a connection better, and none is worth doing without it.
    let _: io::Result<()> = socket.set_tcp_nodelay(true);
    let _: io::Result<()> = socket.set_tcp_keepalive(&keepalive);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let _: io::Result<()> = socket.set_tcp_notsent_lowat(KERNEL_BACKLOG);
        let _: io::Result<()> = socket.set_tcp_user_timeout(Some(LONGEST_UNANSWERED));
    }
}

fn write_some(stream: &mut Metered, bytes: &[u8]) -> io::Result<usize> {
    let mut gone = 0;
    while gone < bytes.len() {
        match stream.write(&bytes[gone..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(len) => gone += len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(gone)
}

fn receive_message(socket: &mut WebSocket<Metered>) -> Received<'static> {
    match socket.read() {
        Ok(message @ (Message::Text(_) | Message::Binary(_))) => Received::Message(message),
        Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Received::Control,
        Ok(Message::Close(_)) => {
            // The answer; if it cannot be sent at once, the peer has already closed.
            let _: tungstenite::Result<()> = socket.flush();
            Received::Gone(Closed::ByPeer)
        }
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Received::Nothing,
        Err(Error::Io(error)) if error.kind() == ErrorKind::Interrupted => Received::Control,
        Err(error) => Received::Gone(reason(&error)),
    }
}

fn ignore_waiting(result: tungstenite::Result<()>) -> io::Result<()> {
    match result {
        Ok(()) => Ok(()),
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        // The peer has begun to close; the remaining data contains the reason.
        Err(Error::Protocol(ProtocolError::SendAfterClosing)) => Ok(()),
        Err(Error::Io(error)) => Err(error),
        Err(error) => Err(io::Error::other(error)),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the errors of a library that may get more of them")]
fn reason(error: &Error) -> Closed {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => Closed::ByPeer,
        Error::Io(error) => closed::reason(error),
        Error::Capacity(_) => Closed::TooLong,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Closed::Reset,
        _ => Closed::Garbage,
    }
}
