//! Servers: a listening socket, and the handling of running out of descriptors.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use crosspatch_core::{Duration, Limits, Listen};
use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, Socket, Type};

use crate::bounds::Bounds;
use crate::closed;
use crate::connection;

/// How many connections the kernel keeps waiting for us.
const WAITING: i32 = 1024;

/// How long no connection is accepted after there was nothing left to accept it with.
pub(crate) const PAUSE: Duration = Duration::from_millis(250);

/// A listening socket.
pub(crate) struct Listener {
    socket: TcpListener,
    /// Whether accepted connections have to request a WebSocket first.
    pub(crate) wants_upgrade: bool,
    /// The limits of its connections.
    pub(crate) limits: Limits,
    /// The memory that they may take together.
    pub(crate) bounds: Bounds,
    /// How often each client is sent a ping.
    pub(crate) ping: Option<Duration>,
    /// The web pages that may request a WebSocket.
    pub(crate) origins: Arc<[Box<str>]>,
}

/// The result of an attempt to accept.
pub(crate) enum Accepted {
    /// A connection, and the address of the peer.
    Stream(TcpStream, IpAddr),
    /// No connection is waiting.
    Nobody,
    /// A connection was waiting, and has closed.
    Gone,
    /// A connection is waiting, but there is no descriptor or memory for it.
    Exhausted(io::Error),
}

impl Listener {
    /// Listens on an address, or on every address of the machine if there is none.
    pub(crate) fn bind(ip: Option<IpAddr>, spec: &Listen, wants_upgrade: bool) -> io::Result<Self> {
        let port = spec.at.port;
        let every = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
        let socket = match ip {
            Some(ip) => listen(SocketAddr::new(ip, port), false),
            // One socket for both families where the system has that, otherwise IPv4.
            None => match listen(every, true) {
                Err(error) if closed::ipv6_may_be_missing(&error) => {
                    listen(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port), false)
                }
                listening => listening,
            },
        }?;
        let ping = spec.ping.filter(|_| wants_upgrade);
        let (limits, bounds) = (spec.limits, Bounds::of_server(&spec.limits));
        Ok(Self { socket, wants_upgrade, limits, bounds, ping, origins: spec.origins.clone() })
    }

    pub(crate) fn source(&mut self) -> &mut TcpListener {
        &mut self.socket
    }

    pub(crate) fn accept(&self) -> Accepted {
        match self.socket.accept() {
            Ok((stream, from)) => {
                connection::prepare(&stream);
                Accepted::Stream(stream, from.ip().to_canonical())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Accepted::Nobody,
            Err(error) if closed::is_exhausted(&error) => Accepted::Exhausted(error),
            // The failure of a connection that was not accepted yet does not affect the others.
            Err(_) => Accepted::Gone,
        }
    }
}

fn listen(address: SocketAddr, both: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!both)?;
    }
    // A port whose last connections the kernel still remembers is free; on Windows the option means something else.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(WAITING)?;
    Ok(TcpListener::from_std(socket.into()))
}
