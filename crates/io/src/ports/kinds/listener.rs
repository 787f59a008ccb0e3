//! Servers: an accepted socket becomes a connection, or one that has to request a WebSocket first.

use std::io;

use crosspatch_core::{Closed, Endpoint, Listen, Notice};
use mio::{Interest, Token};

use super::connect::Upgrading;
use super::stream::Stream;
use crate::closed;
use crate::connection::Connection;
use crate::listener::{Accepted, Listener, PAUSE};
use crate::port_owner::Transport;
use crate::ports::Ports;
use crate::ports::kind::{Context, Opener, Opening, PortKind, Step, Tools};
use crate::runner::Runner;
use crate::upgrade::Upgrade;

/// A listening server of a session.
pub(super) struct ListeningServer<'s> {
    pub(super) listen: &'s Listen,
    pub(super) is_web_socket: bool,
}

impl Opener for ListeningServer<'_> {
    fn address(&self) -> Option<&Endpoint> {
        Some(&self.listen.at)
    }

    fn takes(&self) -> Option<(Transport, u16)> {
        Some((Transport::Tcp, self.listen.at.port))
    }

    fn open(&self, opening: &Opening<'_>, ports: &mut Ports) -> Result<(), Closed> {
        let listener = opening.first_of(|ip| Listener::bind(ip, self.listen, self.is_web_socket));
        let opened = listener.and_then(|listener| ports.opened(opening, listener));
        opened.map_err(|error| closed::reason(&error))
    }
}

impl PortKind for Listener {
    fn register(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        context.tools.registry.register(self.source(), context.token, Interest::READABLE)
    }

    fn deregister(&mut self, tools: &mut Tools, _token: Token) -> io::Result<()> {
        tools.registry.deregister(self.source())
    }

    fn is_for_session(&self) -> bool {
        false
    }

    fn step(&mut self, _chunk: &mut [u8], runner: &mut Runner<'_>, context: &mut Context<'_>) -> Step {
        let (stream, address) = match self.accept() {
            Accepted::Stream(stream, address) => (stream, address),
            Accepted::Gone => return Step::More(0),
            Accepted::Nobody => return Step::Nothing,
            Accepted::Exhausted(error) => {
                let text = format!("cannot accept a connection: {}", closed::words(&error));
                runner.notice(Some(context.owner), Notice::warning("cannot-accept", text));
                context.set_deadline(Some(context.now + PAUSE));
                return Step::Nothing;
            }
        };
        let bounds = self.bounds.clone();
        let kind: Box<dyn PortKind> = if self.wants_upgrade {
            let upgrade = Upgrade::expect(stream, self.origins.clone());
            Box::new(Upgrading::new(upgrade, bounds, self.ping))
        } else {
            Box::new(Stream { connection: Connection::plain(stream, bounds), ping: None })
        };
        Step::Accepted(kind, address, self.limits)
    }
}
