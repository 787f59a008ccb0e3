//! Reports to sessions about their ports.

use crosspatch_core::{Closed, Notice, Peer};
use mio::Token;

use super::Ports;
use crate::runner::{Owner, Runner};

/// An event of a port for its session.
pub(super) struct PortReport {
    pub(super) owner: Owner,
    pub(super) peer: Peer,
    /// The socket of the port that it is about.
    pub(super) main: Token,
    /// The socket itself, or the token with which a port was opened that shares one.
    pub(super) token: Token,
    pub(super) what: ReportKind,
}

pub(super) enum ReportKind {
    Open,
    Close(Closed),
    Full,
    Writable,
    /// The answer to a question. The port is done with that.
    Answer(Vec<u8>),
    /// The first bytes of a client that did not request a WebSocket and never becomes a connection.
    UnknownClient(Vec<u8>),
}

impl Ports {
    /// Puts a report about a socket into the queue.
    pub(super) fn report(&mut self, token: Token, what: ReportKind) {
        if let Some(report) = self.report_of(token, what) {
            self.tools.reports.push_back(report);
        }
    }

    /// A report about a socket.
    pub(super) fn report_of(&self, token: Token, what: ReportKind) -> Option<PortReport> {
        let socket = self.sockets.get(&token)?;
        Some(PortReport { owner: socket.owner, peer: socket.peer, main: socket.main, token, what })
    }

    /// Calls a session, unless the port that the report is about is not the session's any more.
    pub(super) fn deliver(&mut self, report: PortReport, runner: &mut Runner<'_>) {
        let PortReport { owner, peer, main, token, what } = report;
        let Some(entry) = self.table.get_mut(&owner) else { return };
        if entry.main != Some(main) {
            return;
        }
        let is_open = match peer {
            Peer::Only | Peer::Address(_) => true,
            Peer::Connection(number) => entry.connections.contains_key(&number),
        };
        match what {
            // A port that was opened again may be where it was before.
            ReportKind::Open if peer == Peer::Only && entry.opening != Some(token) => {}
            ReportKind::Open if is_open => {
                let socket = if peer == Peer::Only { main } else { token };
                for token in std::iter::once(socket).chain(entry.groups.clone()) {
                    if let Some(socket) = self.sockets.get_mut(&token) {
                        socket.is_announced = true;
                        socket.kind.handle_opened(owner);
                        // Data that arrived in the meantime has not been read yet.
                        self.queue(token, true, false);
                    }
                }
                runner.opened(owner, peer);
            }
            ReportKind::Close(reason) => {
                match peer {
                    Peer::Only | Peer::Address(_) => entry.main = None,
                    Peer::Connection(number) if entry.connections.remove(&number).is_none() => return,
                    Peer::Connection(number) if matches!(reason, Closed::NotReading | Closed::TooLong) => {
                        let text = format!("client {number} is cut off: {reason}");
                        runner.notice(Some(owner), Notice::warning("cut-off", text));
                    }
                    Peer::Connection(_) => {}
                }
                runner.closed(owner, peer, reason);
            }
            ReportKind::Full => {
                if let Some(socket) = self.sockets.get_mut(&token).filter(|socket| !socket.is_closing) {
                    socket.kind.handle_full();
                    runner.full(owner, peer);
                }
            }
            ReportKind::Answer(answer) => {
                entry.main = None;
                runner.received(owner, peer, &answer);
            }
            ReportKind::UnknownClient(head) => runner.received(owner, peer, &head),
            ReportKind::Writable if self.sockets.contains_key(&token) => runner.writable(owner, peer),
            ReportKind::Open | ReportKind::Writable => {}
        }
    }
}
