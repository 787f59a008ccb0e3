//! Closes ports and connections: by their sessions, by their peers, or because they could not be opened.

use crosspatch_core::{Closed, Instant, Peer, Port, SessionId};
use mio::Token;

use super::reports::ReportKind;
use super::{MOST_CLOSING, Ports};
use crate::runner::Owner;

impl Ports {
    /// A port or connection has closed or could not be opened: removes the socket and reports it. The connections of a
    /// closed server are closed with it, without separate reports.
    pub(super) fn fail(&mut self, token: Token, reason: Closed) {
        let Some(socket) = self.sockets.get(&token) else { return };
        match socket.peer {
            // A client that did not complete the upgrade is not reported.
            Peer::Connection(number) if !socket.kind.is_for_session() => {
                if let Some(entry) = self.table.get_mut(&socket.owner) {
                    entry.connections.remove(&number);
                }
            }
            Peer::Only | Peer::Address(_) | Peer::Connection(_) => {
                self.report(token, ReportKind::Close(reason))
            }
        }
        self.remove(token);
    }

    /// Forgets a socket and closes it at once.
    pub(super) fn remove(&mut self, token: Token) {
        self.set_deadline(token, None);
        if let Some(mut socket) = self.sockets.remove(&token) {
            self.closing -= usize::from(socket.is_closing);
            // A socket that is closed immediately afterwards is no longer watched, whether or not the system reports an
            // error.
            let _: std::io::Result<()> = socket.kind.deregister(&mut self.tools, token);
        }
    }

    pub(super) fn close_port(&mut self, owner: Owner, now: Instant) {
        let Some(entry) = self.table.get_mut(&owner) else { return };
        let main = entry.main.take();
        let connections = std::mem::take(&mut entry.connections);
        self.leave_groups(owner, now);
        let accepted = connections.into_values().map(|accepted| accepted.token);
        for token in main.into_iter().chain(accepted) {
            if !self.is_used_by_another(token, owner) {
                self.close_socket(token, now);
            }
        }
    }

    /// Releases a socket of a session. Returns whether another session uses it, which owns it from now on.
    pub(super) fn is_used_by_another(&mut self, token: Token, owner: Owner) -> bool {
        let Some(socket) = self.sockets.get_mut(&token) else { return false };
        let Some(next_owner) = socket.kind.leave(owner) else { return false };
        socket.owner = next_owner;
        true
    }

    /// Closes a socket gracefully: queued data is sent first, for a bounded time.
    pub(super) fn close_socket(&mut self, token: Token, now: Instant) {
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        socket.kind.close();
        if socket.kind.is_over() || self.closing >= MOST_CLOSING {
            return self.remove(token);
        }
        self.closing += usize::from(!std::mem::replace(&mut socket.is_closing, true));
        let deadline = socket.kind.longest_end().map(|longest| now + longest);
        self.set_deadline(token, deadline);
    }

    /// A client is not taken as a connection. It has the time to read why.
    pub(super) fn turn_away(&mut self, token: Token, now: Instant) {
        let Some(socket) = self.sockets.get(&token) else { return };
        if let (Peer::Connection(number), Some(entry)) = (socket.peer, self.table.get_mut(&socket.owner)) {
            entry.connections.remove(&number);
        }
        self.close_socket(token, now);
    }

    pub(super) fn retire(&mut self, session: SessionId, now: Instant) {
        let first = Owner { session, port: Port(0) };
        let last = Owner { session, port: Port(u16::MAX) };
        let owners: Vec<_> = self.table.range(first..=last).map(|(owner, _)| *owner).collect();
        for owner in owners {
            self.close_port(owner, now);
            self.table.remove(&owner);
        }
        self.tools.claims.forget(session);
    }
}
