//! A UDP socket: bound for one address family or both, with its multicast groups, never closed by what the network says.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crosspatch_core::{Join, Udp};
use mio::net::UdpSocket;
use socket2::{Domain, Protocol, Socket, Type};

use crate::batch::{Datagram, Inbox, Outbound, mapped, unmapped};
use crate::closed;
use crate::system;

/// What the kernel is asked to keep for us of a burst; it may keep less.
const KERNEL_BUFFER: usize = 1 << 20;

/// How much waits here while the kernel takes nothing more. Beyond that, datagrams are lost, as on any network.
const BACKLOG: usize = 256 * 1024;

/// An open UDP socket.
pub(crate) struct UdpPort {
    socket: UdpSocket,
    takes_v6: bool,
    takes_v4: bool,
    /// Datagrams for which the kernel had no room.
    backlog: VecDeque<(SocketAddr, Box<[u8]>)>,
    backlog_bytes: usize,
}

impl UdpPort {
    /// Binds to an address, or to every address of the machine if there is none.
    pub(crate) fn bind(spec: &Udp, ip: Option<IpAddr>) -> io::Result<Self> {
        let Some(ip) = ip else {
            // One socket for both families where the system has that, otherwise IPv4.
            return match Self::bind_to(spec, Ipv6Addr::UNSPECIFIED.into(), true) {
                Err(error) if closed::may_be_for_want_of_ipv6(&error) => {
                    Self::bind_to(spec, Ipv4Addr::UNSPECIFIED.into(), false)
                }
                bound => bound,
            };
        };
        Self::bind_to(spec, ip, false)
    }

    fn bind_to(spec: &Udp, ip: IpAddr, both: bool) -> io::Result<Self> {
        let address = SocketAddr::new(ip, spec.bind.port);
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(!both)?;
        }
        if spec.shared {
            socket.set_reuse_address(true)?;
            #[cfg(unix)]
            socket.set_reuse_port(true)?;
        }
        socket.set_broadcast(spec.broadcast)?;
        // A small buffer is no reason to do without the port.
        let _: io::Result<()> = socket.set_recv_buffer_size(KERNEL_BUFFER);
        let _: io::Result<()> = socket.set_send_buffer_size(KERNEL_BUFFER);
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        for join in &spec.joins {
            join_group(&socket, *join)?;
        }
        Ok(Self {
            socket: UdpSocket::from_std(socket.into()),
            takes_v6: address.is_ipv6(),
            takes_v4: address.is_ipv4() || both,
            backlog: VecDeque::new(),
            backlog_bytes: 0,
        })
    }

    pub(crate) fn source(&mut self) -> &mut UdpSocket {
        &mut self.socket
    }

    /// Receives a batch; how many datagrams came, and whether more may be waiting.
    pub(crate) fn receive(&self, inbox: &mut Inbox) -> (usize, bool) {
        match inbox.receive(&self.socket) {
            Ok(received) => received,
            Err(error) if error.kind() == ErrorKind::WouldBlock => (0, false),
            // Mostly an ICMP message about something that was sent before: a peer that is not there is no reason to go
            // deaf. Such an error is used up with that, and what waits behind it is read next.
            Err(error) => (0, is_about_a_peer(error.kind())),
        }
    }

    /// The address of a peer as this socket wants it.
    pub(crate) fn address_for(&self, to: SocketAddr) -> Option<SocketAddr> {
        match to {
            SocketAddr::V4(_) if !self.takes_v4 => None,
            SocketAddr::V6(_) if !self.takes_v6 => None,
            SocketAddr::V4(_) | SocketAddr::V6(_) if self.takes_v6 => Some(mapped(to)),
            SocketAddr::V4(_) | SocketAddr::V6(_) => Some(to),
        }
    }

    /// Sends datagrams. What the kernel does not take waits; the last error that lost one is returned.
    pub(crate) fn send(
        &mut self,
        outbound: &mut Outbound,
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

fn join_group(socket: &Socket, join: Join) -> io::Result<()> {
    match (join.group, join.interface) {
        (IpAddr::V4(group), interface) => {
            let interface = match interface {
                Some(IpAddr::V4(interface)) => interface,
                Some(IpAddr::V6(_)) => return Err(ErrorKind::AddrNotAvailable.into()),
                None => Ipv4Addr::UNSPECIFIED,
            };
            // Otherwise Linux delivers the groups of every other program on this machine, too.
            #[cfg(target_os = "linux")]
            let _: io::Result<()> = socket.set_multicast_all_v4(false);
            socket.join_multicast_v4(&group, &interface)?;
            if !interface.is_unspecified() {
                socket.set_multicast_if_v4(&interface)?;
            }
        }
        (IpAddr::V6(group), interface) => {
            let index = match interface {
                Some(interface) => system::interface_index(interface).ok_or(ErrorKind::AddrNotAvailable)?,
                None => 0,
            };
            socket.join_multicast_v6(&group, index)?;
            if index != 0 {
                socket.set_multicast_if_v6(index)?;
            }
        }
    }
    Ok(())
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
