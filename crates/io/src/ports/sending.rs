//! What goes out: streams are written at once, datagrams in batches at the end of a turn.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use crosspatch_core::{Closed, Notice, Peer};
use mio::Token;

use super::{MOST_SENDS, Ports, Socket, State, What};
use crate::batch::Datagram;
use crate::closed;
use crate::connection::Written;
use crate::interfaces::Nic;
use crate::show::{Owner, Show};

impl Ports {
    /// Writes to a stream, or notes a datagram for the end of the batch. What is for nobody is lost: either the session
    /// knows that the port is closed, or it is about to be told.
    pub(super) fn send(
        &mut self,
        show: &mut Show<'_>,
        owner: Owner,
        peer: Peer,
        bytes: std::ops::Range<usize>,
    ) {
        let Some(entry) = self.table.get(&owner) else { return };
        let token = match peer {
            Peer::Only | Peer::Address(_) => entry.main,
            Peer::Connection(number) => entry.connections.get(&number).map(|accepted| accepted.token),
        };
        let Some(token) = token else { return };
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        match (&mut socket.state, peer) {
            (State::Udp(udp), Peer::Address(to)) => {
                let leaves_elsewhere = to.ip().is_multicast() && self.sends_through != entry.outgoing;
                let Some(to) = udp.address_for(to) else {
                    let text =
                        format!("cannot send to {to}: the port is bound for the other kind of addresses");
                    return show.notice(Some(owner), Notice::warning("cannot-send", text));
                };
                if self.sends_on != token || leaves_elsewhere || self.sends.len() >= MOST_SENDS {
                    let outgoing = entry.outgoing.clone();
                    self.send_datagrams(show);
                    (self.sends_on, self.sends_through) = (token, outgoing);
                }
                self.sends.push(Datagram { to, bytes });
            }
            (State::Sequencer(_), Peer::Only) => {
                self.send_to_devices(token, show.out().bytes(&bytes), show.now);
            }
            (State::Jack(_), Peer::Only) => {
                self.send_to_jack(token, show.out().bytes(&bytes), show.now);
            }
            (State::Connected(connection), Peer::Only | Peer::Connection(_)) => {
                match connection.send(show.out().bytes(&bytes)) {
                    Written::Fine => {}
                    Written::Full => self.report(token, What::Full),
                    Written::Broken => self.queue(token, true, false),
                    Written::NotReading => self.fail(token, Closed::NotReading),
                    Written::Crowded => {
                        let greediest = self.greediest(owner).unwrap_or(token);
                        self.fail(greediest, Closed::NotReading);
                        if greediest != token {
                            self.send(show, owner, peer, bytes);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// The connection of a server for which the most waits.
    fn greediest(&mut self, owner: Owner) -> Option<Token> {
        let mut greediest = None;
        for accepted in self.table.get(&owner)?.connections.values() {
            if let Some(Socket { state: State::Connected(connection), .. }) =
                self.sockets.get_mut(&accepted.token)
            {
                let found = Some((connection.unsent(), accepted.token));
                greediest = greediest.max(found);
            }
        }
        greediest.map(|(_, token)| token)
    }

    /// Sends the datagrams of the batch.
    pub(super) fn send_datagrams(&mut self, show: &mut Show<'_>) {
        if self.sends.is_empty() {
            return;
        }
        if let Some(Socket { state: State::Udp(udp), owner, .. }) = self.sockets.get_mut(&self.sends_on) {
            let owner = *owner;
            let sent = udp.leave_by(self.sends_through.as_ref(), self.groups.nics()).map(|()| {
                let lost = udp.send(&mut self.outbound, &self.sends, show.out().all_bytes());
                udp.watch_again(&self.registry, self.sends_on);
                lost
            });
            let text = match sent {
                Ok(Some((to, error))) if knows_no_way(to, &error) && self.find_a_way(self.sends_on) => None,
                Ok(lost) => lost.map(|(to, error)| format!("cannot send to {to}: {}", closed::words(&error))),
                Err(error) => {
                    let interface = self.sends_through.as_ref().map_or("any".into(), ToString::to_string);
                    Some(format!("cannot send through interface {interface}: {}", closed::reason(&error)))
                }
            };
            if let Some(text) = text {
                show.notice(Some(owner), Notice::warning("cannot-send", text));
            }
        }
        self.sends.clear();
    }

    /// The system knows no way to a group. Returns whether the next datagram will find one.
    fn find_a_way(&mut self, main: Token) -> bool {
        // Where interfaces cannot be listed, there is none to be found either.
        let is_known = self.watch_interfaces().is_ok();
        let has_way = is_known && self.groups.nics().iter().any(Nic::leads_out);
        let Some(Socket { state: State::Udp(udp), .. }) = self.sockets.get_mut(&main) else { return false };
        // If that was tried already, it does not help.
        let is_new = !udp.has_no_way();
        udp.set_no_way(has_way);
        has_way && is_new
    }
}

/// Whether a datagram to a group was lost because the system knows no way to groups.
fn knows_no_way(to: SocketAddr, error: &io::Error) -> bool {
    to.ip().is_multicast() && error.kind() == ErrorKind::NetworkUnreachable
}
