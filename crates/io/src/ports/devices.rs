//! Ports beside the MIDI devices of this machine: one of our own for each session, and the links of it.

use std::io;

use crosspatch_core::{Closed, Duration, Instant, Midi, MidiLink, Notice, Peer, PortSpec};
use mio::Token;

use super::{Ports, Report, Socket, State, What};
use crate::closed;
use crate::sequencer::{Incoming, Sent, Sequencer};
use crate::show::{Owner, Show};

/// How much of one port is dealt with before others have their turn.
pub(super) const AT_ONCE: usize = 128;

/// A device that took nothing is tried again after so long.
pub(super) const RETRY: Duration = Duration::from_millis(5);

impl Ports {
    /// Opens a port that has no address.
    pub(super) fn open_device(&mut self, token: Token, owner: Owner) {
        self.set_deadline(token, None);
        let Some(Socket { state: State::Waiting(spec, _), .. }) = self.sockets.get(&token) else { return };
        match &**spec {
            PortSpec::Midi(midi) => {
                let midi = midi.clone();
                self.open_sequencer(token, owner, &midi);
            }
            PortSpec::MidiLink(link) => {
                let link = link.clone();
                self.open_link(token, owner, link);
            }
            PortSpec::Jack(jack) => {
                let jack = jack.clone();
                self.open_jack(token, &jack);
            }
            PortSpec::Udp(_)
            | PortSpec::TcpConnect(_)
            | PortSpec::TcpListen(_)
            | PortSpec::WebSocketConnect(_)
            | PortSpec::WebSocketListen(_)
            | PortSpec::Lookup(_)
            | PortSpec::Machine => {}
        }
    }

    /// Makes a port of our own.
    fn open_sequencer(&mut self, token: Token, owner: Owner, spec: &Midi) {
        match Sequencer::open(spec, owner.session)
            .and_then(|sequencer| self.watch_sequencer(token, sequencer))
        {
            Ok(()) => self.report(token, What::Open),
            Err(error) => {
                let reason = Sequencer::reason(&error).unwrap_or_else(|| closed::reason(&error));
                self.fail(token, reason);
            }
        }
    }

    fn watch_sequencer(&mut self, token: Token, mut sequencer: Sequencer) -> io::Result<()> {
        sequencer.register(&self.registry, token)?;
        if let Some(socket) = self.sockets.get_mut(&token) {
            socket.state = State::Sequencer(Box::new(sequencer));
        }
        Ok(())
    }

    /// Wants a device joined to a port of our own.
    fn open_link(&mut self, token: Token, owner: Owner, link: MidiLink) {
        let own = Owner { port: link.own, ..owner };
        let own = self.table.get(&own).and_then(|entry| entry.main);
        match own.and_then(|own| Some((own, self.sockets.get_mut(&own)?))) {
            Some((own, socket)) if matches!(socket.state, State::Sequencer(_)) => {
                if let State::Sequencer(sequencer) = &mut socket.state {
                    sequencer.add_link(token, link, &mut self.claims);
                }
                if let Some(socket) = self.sockets.get_mut(&token) {
                    socket.state = State::Link(own, token);
                }
                self.queue(own, true, false);
            }
            Some(_) | None => self.fail(token, Closed::NoSuchAddress),
        }
    }

    /// Lets go of a port of our own; its links have nothing to be joined to any more.
    pub(super) fn forget_sequencer(&mut self, sequencer: &mut Sequencer) -> io::Result<()> {
        sequencer.leave(&mut self.claims);
        sequencer.deregister(&self.registry)
    }

    /// A link is not wanted any more.
    pub(super) fn drop_link(&mut self, own: Token, link: Token) {
        if let Some(Socket { state: State::Sequencer(sequencer), .. }) = self.sockets.get_mut(&own) {
            sequencer.remove_link(link, &mut self.claims);
        }
    }

    /// Sends messages from a port of our own.
    pub(super) fn send_to_devices(&mut self, token: Token, messages: &[u8], now: Instant) {
        let Some(Socket { state: State::Sequencer(sequencer), .. }) = self.sockets.get_mut(&token) else {
            return;
        };
        let had_unsent = sequencer.has_unsent();
        match sequencer.send(messages) {
            Sent::Fine => {}
            Sent::Full => {
                if !had_unsent {
                    self.report(token, What::Full);
                }
                self.set_deadline(token, Some(now + RETRY));
            }
            Sent::NotReading => self.fail(token, Closed::NotReading),
        }
    }

    /// Something has happened on a port of our own.
    pub(super) fn serve_sequencer(&mut self, token: Token, show: &mut Show<'_>) {
        let mut chunk = std::mem::take(&mut self.chunk);
        let mut has_more = true;
        for _ in 0..AT_ONCE {
            let Some(Socket { state: State::Sequencer(sequencer), owner, .. }) = self.sockets.get_mut(&token)
            else {
                has_more = false;
                break;
            };
            let owner = *owner;
            match sequencer.next(&mut chunk, &mut self.claims) {
                Ok(Some(Incoming::Data(link, bytes))) => {
                    let owner =
                        link.and_then(|link| self.sockets.get(&link)).map_or(owner, |link| link.owner);
                    show.received(owner, Peer::Only, &bytes);
                }
                Ok(Some(Incoming::Joined(link))) => self.joined(link, show),
                Ok(Some(Incoming::Gone(link))) => self.fail(link, Closed::Unplugged),
                Ok(Some(Incoming::Lost)) => {
                    let text = "more came in than could be taken up; some of it is lost";
                    show.notice(Some(owner), Notice::warning("lost", text));
                }
                Ok(None) => {
                    let deadline = if sequencer.has_unsent() {
                        Some(show.now + RETRY)
                    } else {
                        sequencer.look_again_in().map(|pause| show.now + pause)
                    };
                    self.set_deadline(token, deadline);
                    has_more = false;
                    break;
                }
                Err(error) => {
                    let reason = Sequencer::reason(&error).unwrap_or_else(|| closed::reason(&error));
                    self.fail(token, reason);
                    has_more = false;
                    break;
                }
            }
            self.apply(show);
            if self.is_busy(token, show) {
                break;
            }
        }
        self.chunk = chunk;
        if has_more {
            self.queue_greedy(token);
        }
    }

    /// A device is joined: its session is told before anything of it comes in.
    fn joined(&mut self, link: Token, show: &mut Show<'_>) {
        let Some(socket) = self.sockets.get(&link) else { return };
        let (owner, peer, main) = (socket.owner, socket.peer, socket.main);
        self.deliver(Report { owner, peer, main, token: link, what: What::Open }, show);
    }

    /// It is time to try again.
    pub(super) fn retry_sequencer(&mut self, token: Token) {
        if let Some(Socket { state: State::Sequencer(sequencer), .. }) = self.sockets.get_mut(&token) {
            sequencer.look_again();
        }
        self.queue(token, true, true);
    }

    pub(super) fn send_unsent(&mut self, token: Token, now: Instant) {
        let Some(Socket { state: State::Sequencer(sequencer), .. }) = self.sockets.get_mut(&token) else {
            return;
        };
        if sequencer.has_unsent() {
            if sequencer.send_unsent() {
                self.report(token, What::Writable);
            } else {
                self.set_deadline(token, Some(now + RETRY));
            }
        }
    }
}
