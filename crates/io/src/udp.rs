//! A UDP socket: bound for one address family or both, or to a multicast group, never closed by network errors.
//!
//! Sessions that bind the same address share one socket. If each had its own, the kernel would deliver a datagram for
//! that address to one of them and not to the others; so every subscriber of the socket receives all datagrams that it
//! selects (`subscribers`).

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crosspatch_core::{Instant, Interface, Join, Udp};
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use rustc_hash::FxHashMap;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::batch::{self, Datagram, ReceiveBatch, SendBatch, mapped, unmapped};
use crate::closed;
use crate::interfaces::Nic;
use crate::losses::Losses;
use crate::membership::{Membership, Renewal};
use crate::runner::Owner;
use crate::subscribers::Subscribers;

/// The requested size of the kernel's receive buffer, for datagrams that arrive while the program is busy or stopped.
/// The system may limit it (on Linux by `net.core.rmem_max`); memory is only used while datagrams are queued.
const RECEIVE_BUFFER: usize = 4 << 20;

/// The requested size of the kernel's send buffer, for bursts.
const SEND_BUFFER: usize = 1 << 20;

/// How much waits here while the kernel takes nothing more. Beyond that, datagrams are lost, as on any network.
const BACKLOG: usize = 256 * 1024;

/// Buffers of longer datagrams are not reused.
const LARGEST_SPARE: usize = 4096;

/// An open UDP socket.
pub(crate) struct UdpPort {
    socket: UdpSocket,
    takes_v6: bool,
    takes_v4: bool,
    /// Datagrams that were received and not dealt with yet, of one batch at most.
    left_over: VecDeque<(SocketAddr, Vec<u8>)>,
    /// Memory for those, to be used again.
    spare: Vec<Vec<u8>>,
    /// Datagrams for which the kernel had no room.
    backlog: VecDeque<(SocketAddr, Box<[u8]>)>,
    backlog_bytes: usize,
    /// Whether the loop is woken when the kernel has room.
    waits_for_room: bool,
    /// Its bound address, if others may share it.
    shared_at: Option<SocketKey>,
    /// The sessions that use it.
    pub(crate) subscribers: Subscribers,
    /// Its membership, if it is the socket of a group.
    membership: Option<Membership>,
    /// The present interface for datagrams to groups: its number and its address.
    leaves_by: Option<(u32, Option<Ipv4Addr>)>,
    /// Whether the system knew no way to a group.
    has_no_way: bool,
    losses: Losses,
}

/// How many routers a datagram to a group may pass.
const GROUP_HOPS: u32 = 64;

/// The properties in which sessions have to agree to share a socket: address, port and whether it broadcasts.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
struct SocketKey {
    ip: Option<IpAddr>,
    port: u16,
    broadcast: bool,
}

impl SocketKey {
    /// None if the socket is for one session alone.
    fn of(spec: &Udp, ip: Option<IpAddr>) -> Option<Self> {
        let site = Self { ip, port: spec.bind.port, broadcast: spec.broadcast };
        (spec.shared && site.port > 0).then_some(site)
    }
}

/// The open sockets that sessions may share.
#[derive(Debug, Default)]
pub(crate) struct SharedSockets {
    tokens: FxHashMap<SocketKey, Token>,
}

impl SharedSockets {
    /// A socket is open.
    pub(crate) fn add(&mut self, udp: &UdpPort, token: Token) {
        if let Some(key) = udp.shared_at {
            self.tokens.insert(key, token);
        }
    }

    /// A socket is about to be closed.
    pub(crate) fn remove(&mut self, udp: &UdpPort, token: Token) {
        if let Some(key) = udp.shared_at.filter(|key| self.tokens.get(key) == Some(&token)) {
            self.tokens.remove(&key);
        }
    }

    /// The open socket that a session may share that opens `spec` at this address.
    pub(crate) fn find(&self, spec: &Udp, ip: Option<IpAddr>) -> Option<Token> {
        self.tokens.get(&SocketKey::of(spec, ip)?).copied()
    }
}

impl UdpPort {
    /// Binds to an address, or to every address of the machine if there is none.
    pub(crate) fn bind(spec: &Udp, ip: Option<IpAddr>, owner: Owner) -> io::Result<Self> {
        let mut port = match ip {
            Some(ip) => Self::bind_to(spec, ip, false),
            // One socket for both families where the system has that, otherwise IPv4.
            None => match Self::bind_to(spec, Ipv6Addr::UNSPECIFIED.into(), true) {
                Err(error) if closed::ipv6_may_be_missing(&error) => {
                    Self::bind_to(spec, Ipv4Addr::UNSPECIFIED.into(), false)
                }
                bound => bound,
            },
        }?;
        port.shared_at = SocketKey::of(spec, ip);
        port.subscribers.join(owner, spec.selection);
        Ok(port)
    }

    /// Opens a socket that receives datagrams to a group and a port, on the selected interfaces.
    pub(crate) fn listen(join: &Join, port: u16, nics: &[Nic], owner: Owner) -> io::Result<Self> {
        let mut membership = Membership::new(join.clone());
        let address = membership.address(port, nics)?;
        let socket = new_socket(address, false, true)?;
        socket.bind(&address.into())?;
        membership.renew(&SockRef::from(&socket), nics)?;
        let mut port = Self::of(socket, address, false);
        port.membership = Some(membership);
        port.subscribers.join(owner, None);
        Ok(port)
    }

    /// The interfaces may have changed: joins the group where it has to be joined.
    pub(crate) fn renew(&mut self, nics: &[Nic]) -> io::Result<Renewal> {
        let socket = SockRef::from(&self.socket);
        self.membership.as_mut().map_or(Ok(Renewal::Same), |membership| membership.renew(&socket, nics))
    }

    /// The group that it listens to, if it is the socket of one.
    pub(crate) fn group(&self) -> Option<&Join> {
        self.membership.as_ref().map(Membership::join)
    }

    /// The number of the port that it is bound to.
    pub(crate) fn port(&self) -> io::Result<u16> {
        self.socket.local_addr().map(|address| address.port())
    }

    fn bind_to(spec: &Udp, ip: IpAddr, both: bool) -> io::Result<Self> {
        let address = SocketAddr::new(ip, spec.bind.port);
        // The sockets of its groups have the same port.
        let socket = new_socket(address, both, spec.shared || !spec.joins.is_empty())?;
        socket.set_broadcast(spec.broadcast)?;
        socket.bind(&address.into())?;
        Ok(Self::of(socket, address, both))
    }

    fn of(socket: Socket, address: SocketAddr, both: bool) -> Self {
        let room = socket.recv_buffer_size().unwrap_or(RECEIVE_BUFFER);
        Self {
            socket: UdpSocket::from_std(socket.into()),
            takes_v6: address.is_ipv6(),
            takes_v4: address.is_ipv4() || both,
            left_over: VecDeque::new(),
            spare: Vec::new(),
            backlog: VecDeque::new(),
            backlog_bytes: 0,
            waits_for_room: false,
            shared_at: None,
            subscribers: Subscribers::default(),
            membership: None,
            leaves_by: None,
            has_no_way: false,
            losses: Losses::new(room),
        }
    }

    pub(crate) fn source(&mut self) -> &mut UdpSocket {
        &mut self.socket
    }

    /// Receives a batch. Returns the number of datagrams, and whether more may be waiting.
    pub(crate) fn receive(&self, inbox: &mut ReceiveBatch) -> (usize, bool) {
        match inbox.receive(&self.socket) {
            Ok(received) => received,
            Err(error) if error.kind() == ErrorKind::WouldBlock => (0, false),
            // Mostly an ICMP message about something that was sent before: a peer that is not there is no reason to go
            // deaf. Such an error is used up with that, and the next datagram can be read.
            Err(error) => (0, is_about_a_peer(error.kind())),
        }
    }

    /// Keeps a datagram for which this share has no time left.
    pub(crate) fn leave_over(&mut self, from: SocketAddr, data: &[u8]) {
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.extend_from_slice(data);
        self.left_over.push_back((from, copy));
    }

    /// The first datagram that an earlier share had no time for.
    pub(crate) fn take_left_over(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.left_over.pop_front()
    }

    /// Keeps the memory of a datagram that has been dealt with, unless it is large.
    pub(crate) fn recycle(&mut self, mut data: Vec<u8>) {
        if data.capacity() <= LARGEST_SPARE {
            data.clear();
            self.spare.push(data);
        }
    }

    /// The state of the loss detection.
    pub(crate) fn losses(&mut self) -> &mut Losses {
        &mut self.losses
    }

    /// The number of datagrams that the kernel has dropped since the last call.
    pub(crate) fn take_losses(&mut self, now: Instant) -> Option<u32> {
        let dropped = batch::drops(&self.socket)?;
        self.losses.take(now, dropped)
    }

    /// The address of a peer in the form that this socket needs.
    pub(crate) fn address_for(&self, to: SocketAddr) -> Option<SocketAddr> {
        match to {
            SocketAddr::V4(_) if !self.takes_v4 => None,
            SocketAddr::V6(_) if !self.takes_v6 => None,
            SocketAddr::V4(_) | SocketAddr::V6(_) if self.takes_v6 => Some(mapped(to)),
            SocketAddr::V4(_) | SocketAddr::V6(_) => Some(to),
        }
    }

    /// Whether the system knew no way to groups.
    pub(crate) fn has_no_way(&self) -> bool {
        self.has_no_way
    }

    /// Records whether the system has a route to groups. On a network without a gateway it has none.
    pub(crate) fn set_no_way(&mut self, has_no_way: bool) {
        self.has_no_way = has_no_way;
    }

    /// From here on, datagrams to groups leave through this interface, or through the one that the system chooses;
    /// through the first one if the system has no choice.
    pub(crate) fn leave_by(&mut self, interface: Option<&Interface>, nics: &[Nic]) -> io::Result<()> {
        let wanted = match interface {
            Some(interface) => {
                let nic = nics.iter().find(|nic| nic.is_meant(Some(interface)));
                let nic = nic.ok_or(ErrorKind::AddrNotAvailable)?;
                let v4 = match interface {
                    Interface::Address(IpAddr::V4(v4)) => Some(*v4),
                    Interface::Address(IpAddr::V6(_)) | Interface::Name(_) => nic.v4(),
                };
                Some((nic.index, v4))
            }
            None if self.has_no_way => {
                nics.iter().find(|nic| nic.leads_out()).map(|nic| (nic.index, nic.v4()))
            }
            None => None,
        };
        if wanted == self.leaves_by {
            return Ok(());
        }
        let socket = SockRef::from(&self.socket);
        let (index, v4) = wanted.unwrap_or_default();
        if self.takes_v4 {
            socket.set_multicast_if_v4(&v4.unwrap_or(Ipv4Addr::UNSPECIFIED))?;
        }
        if self.takes_v6 {
            socket.set_multicast_if_v6(index)?;
        }
        self.leaves_by = wanted;
        Ok(())
    }

    /// Sends datagrams. Those that the kernel does not accept are queued. Returns the last error that lost one.
    pub(crate) fn send(
        &mut self,
        outbound: &mut SendBatch,
        mut datagrams: &[Datagram],
        bytes: &[u8],
    ) -> Option<(SocketAddr, io::Error)> {
        let mut lost = None;
        let mut was_refused = false;
        while let Some(first) = datagrams.first() {
            if !self.backlog.is_empty() {
                lost = datagrams.iter().filter_map(|datagram| self.keep(datagram, bytes)).last().or(lost);
                break;
            }
            match outbound.send(&self.socket, datagrams, bytes) {
                Ok(gone) => {
                    datagrams = &datagrams[gone.max(1)..];
                    was_refused = false;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    lost = self.keep(first, bytes).or(lost);
                    datagrams = &datagrams[1..];
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The answer to an earlier datagram; this one was not tried.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused && !was_refused => {
                    was_refused = true
                }
                Err(error) => {
                    lost = Some((unmapped(first.to), error));
                    datagrams = &datagrams[1..];
                    was_refused = false;
                }
            }
        }
        lost
    }

    /// Makes the loop wake for input, and for room in the kernel as long as data is queued for it. If it always woke
    /// for room, every sent datagram would wake the loop.
    pub(crate) fn watch(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE)
    }

    /// The same, after something was sent.
    pub(crate) fn watch_again(&mut self, registry: &Registry, token: Token) {
        if self.waits_for_room == self.backlog.is_empty() {
            let interests = if self.waits_for_room {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            // If the system refuses, the next datagram tries again.
            if registry.reregister(&mut self.socket, token, interests).is_ok() {
                self.waits_for_room = !self.waits_for_room;
            }
        }
    }

    /// Keeps a datagram until the kernel has room.
    fn keep(&mut self, datagram: &Datagram, bytes: &[u8]) -> Option<(SocketAddr, io::Error)> {
        let len = datagram.bytes.len();
        if self.backlog_bytes + len > BACKLOG {
            return Some((unmapped(datagram.to), ErrorKind::WouldBlock.into()));
        }
        self.backlog.push_back((datagram.to, bytes[datagram.bytes.clone()].into()));
        self.backlog_bytes += len;
        None
    }

    /// The kernel has room again.
    pub(crate) fn send_backlog(&mut self) {
        while let Some((to, datagram)) = self.backlog.front() {
            match self.socket.send_to(datagram, *to) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // A datagram that cannot be sent is lost, as one on the network would be.
                Ok(_) | Err(_) => {}
            }
            self.backlog_bytes -= datagram.len();
            self.backlog.pop_front();
        }
    }
}

fn new_socket(address: SocketAddr, both: bool, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!both)?;
    }
    if shared {
        socket.set_reuse_address(true)?;
        #[cfg(unix)]
        socket.set_reuse_port(true)?;
    }
    // Without these a port still works, but not as far or with smaller bursts.
    let mut wishes =
        vec![socket.set_recv_buffer_size(RECEIVE_BUFFER), socket.set_send_buffer_size(SEND_BUFFER)];
    if address.is_ipv4() || both {
        wishes.push(socket.set_multicast_ttl_v4(GROUP_HOPS));
        // Otherwise Linux delivers the groups of every other program on this machine, too.
        #[cfg(target_os = "linux")]
        wishes.push(socket.set_multicast_all_v4(false));
    }
    if address.is_ipv6() {
        wishes.push(socket.set_multicast_hops_v6(GROUP_HOPS));
        #[cfg(target_os = "linux")]
        wishes.push(socket.set_multicast_all_v6(false));
    }
    drop(wishes);
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn is_about_a_peer(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crosspatch_core::{Endpoint, Port, SessionId};
    use mio::{Events, Poll};

    use super::*;

    #[test]
    fn room_in_the_kernel_wakes_only_while_something_waits_for_it() {
        let ear = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        ear.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let to = ear.local_addr().unwrap();
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let owner = Owner { session: SessionId(1), port: Port(0) };
        let mut port = UdpPort::bind(&Udp::new(Endpoint::from(here)), Some(here.ip()), owner).unwrap();
        let (mut poll, mut events) = (Poll::new().unwrap(), Events::with_capacity(8));
        port.watch(poll.registry(), Token(7)).unwrap();

        let datagram = Datagram { to, bytes: 0..5 };
        for _ in 0..3 {
            assert!(
                port.send(&mut SendBatch::default(), std::slice::from_ref(&datagram), b"hello").is_none()
            );
            port.watch_again(poll.registry(), Token(7));
            assert_eq!(ear.recv(&mut [0; 9]).unwrap(), 5);
        }
        // Whatever an event would be of has happened by the time at which the datagrams have arrived.
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        assert!(events.is_empty(), "a datagram that went out has woken the loop");

        assert!(port.keep(&datagram, b"later").is_none());
        port.watch_again(poll.registry(), Token(7));
        poll.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
        assert!(events.iter().any(|event| event.is_writable()));
        port.send_backlog();
        port.watch_again(poll.registry(), Token(7));
        assert_eq!(ear.recv(&mut [0; 9]).unwrap(), 5);
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        assert!(events.is_empty(), "nothing waits for room any more");
    }
}
