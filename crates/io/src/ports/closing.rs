//! The end of ports and connections: by their sessions, by their peers, or because they never came about.

use crosspatch_core::{Closed, Instant, Peer, Port, SessionId};
use mio::Token;

use super::{LINGER, MOST_LINGERING, Ports, Socket, State, What};
use crate::show::Owner;

impl Ports {
    /// A port or connection is gone, or will never be: forgets the socket and reports it. The connections of a server
    /// that goes go with it, without a word each.
    pub(super) fn fail(&mut self, token: Token, reason: Closed) {
        let Some(socket) = self.sockets.get(&token) else { return };
        let Socket { owner, peer, .. } = *socket;
        match peer {
            // A client that never got as far as being one is not reported.
            Peer::Connection(number) if matches!(socket.state, State::Upgrading(_)) => {
                if let Some(entry) = self.table.get_mut(&owner) {
                    entry.connections.remove(&number);
                }
            }
            Peer::Only | Peer::Address(_) | Peer::Connection(_) => self.report(token, What::Close(reason)),
        }
        self.remove(token);
    }

    /// Forgets a socket and closes it at once.
    pub(super) fn remove(&mut self, token: Token) {
        self.set_deadline(token, None);
        if let Some(mut socket) = self.sockets.remove(&token) {
            self.lingering -= usize::from(matches!(socket.state, State::Lingering(_)));
            self.deregister(&mut socket.state);
        }
    }

    pub(super) fn close_port(&mut self, owner: Owner, now: Instant) {
        let Some(entry) = self.table.get_mut(&owner) else { return };
        let main = entry.main.take();
        let connections = std::mem::take(&mut entry.connections);
        self.leave_groups(owner, now);
        let accepted = connections.into_values().map(|accepted| accepted.token);
        for token in main.into_iter().chain(accepted) {
            if !self.is_kept_by_another(token, owner) {
                self.close_socket(token, now);
            }
        }
    }

    /// A session gives up a socket. Whether another shares it, who has it from here on.
    pub(super) fn is_kept_by_another(&mut self, token: Token, owner: Owner) -> bool {
        let Some(socket) = self.sockets.get_mut(&token) else { return false };
        let State::Udp(udp) = &mut socket.state else { return false };
        let Some(heir) = udp.move_out(owner) else { return false };
        socket.owner = heir;
        true
    }

    /// Closes a socket in good order: what waits is sent first, for a bounded time.
    pub(super) fn close_socket(&mut self, token: Token, now: Instant) {
        self.set_deadline(token, None);
        let Some(mut socket) = self.sockets.remove(&token) else { return };
        match socket.state {
            State::Connected(mut connection) => {
                connection.say_goodbye();
                if connection.is_over() || self.lingering >= MOST_LINGERING {
                    self.deregister(&mut State::Connected(connection));
                    return;
                }
                self.lingering += 1;
                socket.state = State::Lingering(connection);
                self.sockets.insert(token, socket);
                self.set_deadline(token, Some(now + LINGER));
            }
            State::Jack(mut client) => {
                if client.close() {
                    return self.deregister(&mut State::Leaving(client));
                }
                socket.state = State::Leaving(client);
                self.sockets.insert(token, socket);
            }
            State::Waiting(..) => self.helpers.forget(token),
            State::Udp(_)
            | State::Connecting(..)
            | State::Upgrading(_)
            | State::Listening(_)
            | State::Lingering(_)
            | State::Sequencer(_)
            | State::Link(..)
            | State::Leaving(_) => self.deregister(&mut socket.state),
        }
    }

    pub(super) fn retire(&mut self, session: SessionId, now: Instant) {
        let first = Owner { session, port: Port(0) };
        let last = Owner { session, port: Port(u16::MAX) };
        let owners: Vec<_> = self.table.range(first..=last).map(|(owner, _)| *owner).collect();
        for owner in owners {
            self.close_port(owner, now);
            self.table.remove(&owner);
        }
        self.claims.forget(session);
    }

    pub(super) fn deregister(&mut self, state: &mut State) {
        // What is closed right after is not watched any more, whether or not the system says so.
        let _: std::io::Result<()> = match state {
            State::Waiting(..) => Ok(()),
            State::Udp(udp) => self.registry.deregister(udp.source()),
            State::Connecting(connecting, _) => match &mut connecting.stream {
                Some(stream) => self.registry.deregister(stream),
                None => Ok(()),
            },
            State::Upgrading(upgrade) => self.registry.deregister(&mut upgrade.stream),
            State::Connected(connection) | State::Lingering(connection) => {
                self.registry.deregister(connection.source())
            }
            State::Listening(listener) => self.registry.deregister(listener.source()),
            State::Sequencer(sequencer) => self.forget_sequencer(sequencer),
            State::Jack(client) | State::Leaving(client) => client.deregister(&self.registry),
            State::Link(own, link) => {
                self.drop_link(*own, *link);
                Ok(())
            }
        };
    }
}
