//! Output: streams are written at once, datagrams in batches at the end of a turn.

use crosspatch_core::{Closed, Peer};
use mio::Token;

use super::Ports;
use super::kind::Admission;
use crate::runner::{Owner, Runner};

impl Ports {
    /// Sends a message, or queues a datagram for the batch at the end. A message to a closed port is lost: the session
    /// has been, or is about to be, notified that it is closed.
    pub(super) fn send(
        &mut self,
        runner: &mut Runner<'_>,
        owner: Owner,
        peer: Peer,
        bytes: std::ops::Range<usize>,
    ) {
        let Some(entry) = self.table.get(&owner) else { return };
        let token = match peer {
            Peer::Address(to) => return self.send_datagram(runner, owner, to, bytes),
            Peer::Only => entry.main,
            Peer::Connection(number) => entry.connections.get(&number).map(|accepted| accepted.token),
        };
        let Some(token) = token else { return };
        let message = runner.out().bytes(&bytes);
        let sent = self.with(token, runner.now, |kind, context| kind.send(message, context));
        if sent == Some(Admission::Crowded) {
            let greediest = self.greediest(owner).unwrap_or(token);
            self.fail(greediest, Closed::NotReading);
            if greediest != token {
                self.send(runner, owner, peer, bytes);
            }
        }
    }

    /// The connection of a server for which the most waits.
    fn greediest(&mut self, owner: Owner) -> Option<Token> {
        let mut greediest = None;
        for accepted in self.table.get(&owner)?.connections.values() {
            if let Some(socket) = self.sockets.get_mut(&accepted.token) {
                greediest = greediest.max(Some((socket.kind.unsent(), accepted.token)));
            }
        }
        greediest.map(|(_, token)| token)
    }
}
