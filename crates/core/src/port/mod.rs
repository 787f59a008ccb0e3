//! Ports: what a session wants opened, as data.
//!
//! A session never touches a socket. It numbers its ports, describes each with a [`PortSpec`], and receives the result.
//! The shell tries **once** and reports; the session decides when and where to try again, because back-off and host
//! fail-over are protocol behaviour and belong on the virtual clock.

mod device;
mod endpoint;
mod jack;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

pub use device::{Midi, MidiDevice, MidiLink, MidiPresent};
pub use endpoint::{Endpoint, EndpointError, Host, WrittenEndpoint, check_host, old_ipv4};
pub use jack::{Jack, JackEvent, JackKind, JackPort, MAX_JACK_PORTS};

/// Who is at the other end of a port.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// The port itself, or its only possible peer (an outgoing connection, a device).
    Only,
    /// A sender or receiver of datagrams. IPv4 addresses are never written as IPv6-mapped ones.
    Address(SocketAddr),
    /// An accepted connection; the number is never reused within its port's session.
    Connection(u32),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Only => f.write_str("peer"),
            Self::Address(address) => address.fmt(f),
            Self::Connection(number) => write!(f, "client{number}"),
        }
    }
}

/// A port that a session wants opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortSpec {
    /// A UDP socket. Opens as [`Peer::Only`]; data comes from and goes to [`Peer::Address`].
    Udp(Udp),
    /// An outgoing TCP connection, `TCP_NODELAY`, delivered in pieces of any size. Its peer is [`Peer::Only`].
    TcpConnect(Connect),
    /// A TCP server. Opens as [`Peer::Only`] when it listens, then once per accepted [`Peer::Connection`].
    TcpListen(Listen),
    /// An outgoing WebSocket connection; one text or binary message per delivery. Its peer is [`Peer::Only`].
    WebSocketConnect(WebSocketConnect),
    /// A WebSocket server on any path. Opens as [`Peer::Only`] when it listens, then once per [`Peer::Connection`]. A
    /// client that does not request a WebSocket never opens; the first bytes it sent are delivered once, as data of its
    /// connection.
    WebSocketListen(Listen),
    /// A look-up of a name, nothing else. Opens as the [`Peer::Address`] found and is done with that.
    Lookup(Endpoint),
    /// Requests the identity of the machine. Delivers sixteen bytes, which stay the same until the system is
    /// reinstalled and differ from those of any other machine, and is then done.
    Machine,
    /// A MIDI port of the program, besides the devices of this machine. Its peer is [`Peer::Only`]; messages are
    /// complete, one or more at a time.
    Midi(Midi),
    /// A link between an own port and a device, open whenever the device is present. Data from the device is received
    /// here; data for it is sent through the own port. Its peer is [`Peer::Only`].
    MidiLink(MidiLink),
    /// A client of a JACK server. Its peer is [`Peer::Only`]; each delivery and each message is one
    /// [`JackEvent`](crate::JackEvent).
    Jack(Jack),
}

/// A UDP socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Udp {
    /// Where to listen.
    pub bind: Endpoint,
    /// Whether others may use the same port: other programs on this machine (`SO_REUSEADDR`, `SO_REUSEPORT`), of which
    /// one receives each unicast datagram, and other sessions of this show, which all receive every datagram if they
    /// bind to the same address.
    pub shared: bool,
    /// Whether sending to broadcast addresses is allowed.
    pub broadcast: bool,
    /// Multicast groups to join, without a limit to their number. Each is joined again when an interface returns or is
    /// added.
    pub joins: Vec<Join>,
    /// The interface through which datagrams to multicast groups leave. Without one, the system chooses, or the first
    /// interface that is up is used if the system has no route. The datagrams may pass through 64 routers and are also
    /// received on this machine.
    pub outgoing: Option<Interface>,
    /// Which datagrams are of any use; all of them without one. Others may be held back, but need not be.
    pub selection: Option<Selection>,
}

impl Udp {
    /// A socket for one session alone, without broadcast and groups.
    pub const fn new(bind: Endpoint) -> Self {
        Self { bind, shared: false, broadcast: false, joins: Vec::new(), outgoing: None, selection: None }
    }
}

/// Selects datagrams by a few of their bytes, so that each of many sessions that share a port is called only for its
/// own datagrams.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The offset of the two bytes with the kind of a datagram, and the kind that is filtered. All other kinds pass.
    pub kind: (u16, [u8; 2]),
    /// The offset of the two bytes with the receiver of a datagram of that kind, and the receiver that passes.
    pub whom: (u16, [u8; 2]),
}

impl Selection {
    /// Whether a datagram passes. Datagrams that are too short to decide do.
    pub fn takes(&self, datagram: &[u8]) -> bool {
        self.whom_in(datagram).is_none_or(|whom| whom == self.whom.1)
    }

    /// The two bytes with the receiver of a datagram, if it is of the kind and long enough.
    #[inline]
    pub fn whom_in(&self, datagram: &[u8]) -> Option<[u8; 2]> {
        let at = |place: u16| datagram.get(usize::from(place)..).and_then(<[u8]>::first_chunk::<2>);
        at(self.kind.0).filter(|kind| **kind == self.kind.1)?;
        at(self.whom.0).copied()
    }
}

/// Membership in a multicast group. The socket receives datagrams that are sent to the group and to its port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Join {
    /// The group.
    pub group: IpAddr,
    /// The interface to listen on; every one that is up without one.
    pub interface: Option<Interface>,
}

/// A network interface, as a person writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interface {
    /// The one that has this address.
    Address(IpAddr),
    /// The interface of this name, such as `eth0`.
    Name(Arc<str>),
}

impl FromStr for Interface {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::Name(text.into()), Self::Address))
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// An outgoing connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Where to.
    pub to: Endpoint,
    /// How long look-up and connection may take together.
    pub timeout: Duration,
}

/// An outgoing WebSocket connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketConnect {
    /// Where to, and how long look-up, connection and upgrade may take together.
    pub connect: Connect,
    /// The request target, such as `/?ma=1`.
    pub path: String,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Where to listen.
    pub at: Endpoint,
    /// The limits for its peers.
    pub limits: Limits,
    /// How often a WebSocket server sends a ping to each client; never if `None`, and never over plain TCP.
    pub ping: Option<Duration>,
    /// The origins of the web pages that may connect to a WebSocket server from a browser, such as
    /// `http://10.0.0.9:3000`, or `*` for all. A client without an origin is not a browser and may always connect.
    pub origins: Arc<[Box<str>]>,
}

/// The resources of this machine that the peers of a server may use, whether or not they have logged in.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many connections there may be at a time. The port closes further ones at once.
    pub connections: u32,
    /// How many of them may come from one IP address.
    pub per_address: u32,
    /// The longest message that a WebSocket server accepts, in bytes. Plain streams are delivered in pieces and need no
    /// such limit.
    pub message: usize,
    /// The number of bytes that may be queued for a connection that does not read, before its session is notified.
    /// After that, the limit is small.
    pub unsent: usize,
    /// How many bytes may wait for all connections together. Beyond that, the port cuts off the connection for which the
    /// most waits.
    pub unsent_in_all: usize,
}

/// Limits for a server of short messages on a machine with a gigabyte of memory.
impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            // Half of them, so that one address never locks out the others.
            per_address: 32,
            message: 64 << 10,
            // The whole state of a show is sent at once to a client that connects.
            unsent: 16 << 20,
            unsent_in_all: 32 << 20,
        }
    }
}

impl PortSpec {
    /// Whether it is a socket with a port of its own that other hosts send or connect to.
    pub fn listens(&self) -> bool {
        match self {
            Self::Udp(udp) => udp.bind.port != 0,
            Self::TcpListen(_) | Self::WebSocketListen(_) => true,
            Self::TcpConnect(_)
            | Self::WebSocketConnect(_)
            | Self::Lookup(_)
            | Self::Machine
            | Self::Midi(_)
            | Self::MidiLink(_)
            | Self::Jack(_) => false,
        }
    }
}

impl fmt::Display for PortSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(udp) => {
                write!(f, "udp {}", udp.bind)?;
                for Join { group, interface } in &udp.joins {
                    write!(f, " join {group}")?;
                    interface.as_ref().map_or(Ok(()), |interface| write!(f, " on {interface}"))?;
                }
                udp.outgoing.as_ref().map_or(Ok(()), |interface| write!(f, " through {interface}"))
            }
            Self::TcpConnect(connect) => write!(f, "tcp to {}", connect.to),
            Self::TcpListen(listen) => write!(f, "tcp {}", listen.at),
            Self::WebSocketConnect(socket) => write!(f, "ws://{}{}", socket.connect.to, socket.path),
            Self::WebSocketListen(listen) => write!(f, "websocket {}", listen.at),
            Self::Lookup(endpoint) => write!(f, "look-up of {endpoint}"),
            Self::Machine => f.write_str("machine"),
            Self::Midi(midi) => midi.fmt(f),
            Self::MidiLink(link) => link.fmt(f),
            Self::Jack(jack) => jack.fmt(f),
        }
    }
}

/// The reason why a port or a connection has closed or never opened, in words for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The peer closed the connection in good order.
    ByPeer,
    /// The peer reset the connection, or it broke.
    Reset,
    /// The peer does not listen on that port.
    Refused,
    /// No answer in time.
    TimedOut,
    /// No way to that host or network.
    Unreachable,
    /// The name could not be looked up.
    NameNotFound,
    /// The local address is in use; by which program, if that can be determined.
    InUse(Option<Arc<str>>),
    /// The local address does not exist on this machine (an interface is down, or the address has changed).
    NoSuchAddress,
    /// The operating system does not permit it.
    NotPermitted,
    /// The peer speaks HTTP but not WebSocket; the status code it answered, 0 if it was not even HTTP.
    NotWebSocket(u16),
    /// The peer broke the rules of the stream (WebSocket framing, invalid UTF-8).
    Garbage,
    /// A message was longer than any that we accept.
    TooLong,
    /// The peer does not read, and the send buffer for it is full.
    NotReading,
    /// The device has been removed.
    Unplugged,
    /// The machine has no more sockets, files or memory for this process.
    Exhausted,
    /// Anything else, in the words of the operating system.
    Other(Arc<str>),
}

impl Closed {
    /// The reason whose `Display` is `text`, for recordings; anything unknown is [`Closed::Other`].
    pub fn from_text(text: &str) -> Self {
        let plain = [
            Self::ByPeer,
            Self::Reset,
            Self::Refused,
            Self::TimedOut,
            Self::Unreachable,
            Self::NameNotFound,
            Self::InUse(None),
            Self::NoSuchAddress,
            Self::NotPermitted,
            Self::Garbage,
            Self::TooLong,
            Self::NotReading,
            Self::Unplugged,
            Self::Exhausted,
        ];
        let known = plain.into_iter().find(|reason| reason.to_string() == text);
        known.unwrap_or_else(|| match text.strip_prefix("the address is in use by ") {
            Some(program) => Self::InUse(Some(program.into())),
            None => Self::Other(text.into()),
        })
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByPeer => f.write_str("closed by the peer"),
            Self::Reset => f.write_str("connection lost"),
            Self::Refused => f.write_str("refused: nobody listens there"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Unreachable => f.write_str("host or network unreachable"),
            Self::NameNotFound => f.write_str("the host name could not be looked up"),
            Self::InUse(None) => f.write_str("the address is in use by another program"),
            Self::InUse(Some(program)) => write!(f, "the address is in use by {program}"),
            Self::NoSuchAddress => f.write_str("this machine does not have that address"),
            Self::NotPermitted => f.write_str("not permitted by the operating system"),
            Self::NotWebSocket(0) => f.write_str("the peer does not speak WebSocket"),
            Self::NotWebSocket(status) => {
                write!(f, "the peer answered HTTP status {status} to the WebSocket request")
            }
            Self::Garbage => f.write_str("the peer broke the rules of the connection"),
            Self::TooLong => f.write_str("the peer sent a message that is too long"),
            Self::NotReading => f.write_str("the peer does not read what it is sent"),
            Self::Unplugged => f.write_str("the device is gone"),
            Self::Exhausted => f.write_str("no more sockets or files are available to this process"),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_leaves_out_what_is_surely_for_others() {
        let selection = Selection { kind: (1, *b"ab"), whom: (4, *b"me") };
        for (datagram, takes) in [
            ("-ab-me", true),
            ("-ab-me-", true),
            ("-ab-he", false),
            ("-ac-he", true),
            ("-ab-m", true),
            ("", true),
        ] {
            assert_eq!(selection.takes(datagram.as_bytes()), takes, "{datagram}");
        }
    }
}
