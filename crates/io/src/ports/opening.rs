//! How ports come to be: names are looked up, then the kind of the port opens it.

use std::io;
use std::net::IpAddr;

use crosspatch_core::{Closed, Duration, Host, Instant, Limits, Notice, Peer, PortSpec};
use mio::Token;

use super::kind::{Context, Opening, PortKind, Step, Tools};
use super::kinds::opener;
use super::reports::ReportKind;
use super::{AcceptedFrom, Ports, Socket};
use crate::lookup::{LookupAnswer, LookupRequest};
use crate::runner::{Owner, Runner};

/// How long it may take to find out who has a port.
const ASK_AROUND: Duration = Duration::from_secs(1);

/// A port that waits for the answer of a helper.
struct PendingOpen {
    spec: Box<PortSpec>,
    /// Whether its address is taken, and it waits for the name of the program that has it.
    is_taken: bool,
}

impl PortKind for PendingOpen {
    fn register(&mut self, _context: &mut Context<'_>) -> io::Result<()> {
        Ok(())
    }

    fn deregister(&mut self, tools: &mut Tools, token: Token) -> io::Result<()> {
        tools.helpers.forget(token);
        Ok(())
    }

    fn is_for_session(&self) -> bool {
        false
    }

    fn step(&mut self, _chunk: &mut [u8], _show: &mut Runner<'_>, _context: &mut Context<'_>) -> Step {
        Step::Nothing
    }

    fn handle_deadline(&mut self, context: &mut Context<'_>) {
        context.fail(if self.is_taken { Closed::InUse(None) } else { Closed::TimedOut });
    }
}

impl Ports {
    /// Opens a port, or begins to.
    pub(super) fn open(&mut self, owner: Owner, spec: Box<PortSpec>, now: Instant) {
        let token = self.next_token();
        let entry = self.table.entry(owner).or_default();
        (entry.main, entry.opening) = (Some(token), Some(token));
        let opener = opener(&spec);
        let deadline = now + opener.timeout();
        let host = opener.address().map(|endpoint| endpoint.host.clone());
        drop(opener);
        let waiting = PendingOpen { spec, is_taken: false };
        self.sockets.insert(token, Socket::new(owner, Peer::Only, token, Box::new(waiting)));
        self.set_deadline(token, Some(deadline));
        match host {
            None | Some(Host::Any) => self.open_at(token, None, now),
            Some(Host::Address(ip)) => self.open_at(token, Some(&[ip]), now),
            Some(Host::Name(name)) => {
                if !self.tools.helpers.ask(LookupRequest::Name(name), token) {
                    self.fail(token, Closed::Exhausted);
                }
            }
        }
    }

    pub(super) fn handle_answer(&mut self, token: Token, answer: LookupAnswer, now: Instant) {
        match answer {
            LookupAnswer::Addresses(found) if found.is_empty() => self.fail(token, Closed::NameNotFound),
            LookupAnswer::Addresses(found) => self.open_at(token, Some(&found), now),
            LookupAnswer::PortOwner(program) => self.fail(token, Closed::InUse(program)),
        }
    }

    /// Opens a port that waits for its addresses; without any, on every address of this machine.
    fn open_at(&mut self, token: Token, addresses: Option<&[IpAddr]>, now: Instant) {
        let Some(socket) = self.sockets.get(&token) else { return };
        let (owner, deadline) = (socket.owner, socket.deadline.unwrap_or(now));
        let Some(waiting) = self.kind_mut::<PendingOpen>(token) else { return };
        let spec = waiting.spec.clone();
        let opener = opener(&spec);
        let opening = Opening { token, owner, addresses, deadline, now };
        match (opener.open(&opening, self), opener.takes()) {
            (Ok(()), _) => {}
            (Err(Closed::InUse(None)), Some((transport, port))) => {
                // Finding out who has it takes too long for the loop.
                if let Some(waiting) = self.kind_mut::<PendingOpen>(token) {
                    waiting.is_taken = true;
                }
                self.set_deadline(token, Some(now + ASK_AROUND));
                if !self.tools.helpers.ask(LookupRequest::PortOwner(transport, port), token) {
                    self.fail(token, Closed::InUse(None));
                }
            }
            (Err(reason), _) => self.fail(token, reason),
        }
    }

    /// The port is open, as this.
    pub(super) fn opened(&mut self, opening: &Opening<'_>, kind: impl PortKind) -> io::Result<()> {
        self.put(opening, kind)?;
        self.set_deadline(opening.token, None);
        self.report(opening.token, ReportKind::Open);
        Ok(())
    }

    /// Replaces the port by this kind of socket, and registers it with the loop.
    pub(super) fn put(&mut self, opening: &Opening<'_>, kind: impl PortKind) -> io::Result<()> {
        if let Some(socket) = self.sockets.get_mut(&opening.token) {
            socket.kind = Box::new(kind);
        }
        self.with(opening.token, opening.now, |kind, context| kind.register(context)).unwrap_or(Ok(()))
    }

    /// Adds a socket to a port that has one already.
    pub(super) fn add(
        &mut self,
        owner: Owner,
        peer: Peer,
        main: Option<Token>,
        kind: Box<dyn PortKind>,
        now: Instant,
    ) -> io::Result<Token> {
        let token = self.next_token();
        self.sockets.insert(token, Socket::new(owner, peer, main.unwrap_or(token), kind));
        let registered = self.with(token, now, |kind, context| kind.register(context)).unwrap_or(Ok(()));
        if let Err(error) = registered {
            self.remove(token);
            return Err(error);
        }
        Ok(token)
    }

    /// A server has accepted a connection, and keeps it if it has room for one more.
    pub(super) fn admit(
        &mut self,
        server: Token,
        kind: Box<dyn PortKind>,
        address: IpAddr,
        limits: Limits,
        runner: &mut Runner<'_>,
    ) {
        let Some(owner) = self.sockets.get(&server).map(|socket| socket.owner) else { return };
        let entry = self.table.entry(owner).or_default();
        let (all, most) = (entry.connections.len(), limits.connections);
        let own = entry.connections.values().filter(|accepted| accepted.address == address).count();
        let refused = if all >= most as usize {
            Some(format!("more than {most} connections; further ones are closed"))
        } else if own >= limits.per_address as usize {
            let most = limits.per_address;
            Some(format!("more than {most} connections from {address}; further ones are closed"))
        } else {
            None
        };
        if let Some(text) = refused {
            return runner.notice(Some(owner), Notice::warning("too-many-connections", text));
        }
        let number = entry.accepted;
        let is_open = kind.is_for_session();
        let Ok(token) = self.add(owner, Peer::Connection(number), Some(server), kind, runner.now) else {
            return;
        };
        if let Some(entry) = self.table.get_mut(&owner) {
            entry.accepted += 1;
            entry.connections.insert(number, AcceptedFrom { token, address });
        }
        if is_open {
            self.report(token, ReportKind::Open);
        }
    }
}
