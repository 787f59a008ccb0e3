//! Ports that are clients of a JACK server.

use crosspatch_core::{Closed, Instant, Jack, Notice, Peer};
use mio::Token;

use super::devices::{AT_ONCE, RETRY};
use super::{Ports, Report, Socket, State, What};
use crate::closed;
use crate::jack::{Incoming, JackClient, Sent};
use crate::show::Show;

impl Ports {
    /// Begins to open a client.
    pub(super) fn open_jack(&mut self, token: Token, spec: &Jack) {
        match JackClient::open(spec, &self.registry, token) {
            Ok(client) => {
                if let Some(socket) = self.sockets.get_mut(&token) {
                    socket.state = State::Jack(Box::new(client));
                }
            }
            Err(error) => self.fail(token, closed::reason(&error)),
        }
    }

    /// Sends an event through a port of a client.
    pub(super) fn send_to_jack(&mut self, token: Token, event: &[u8], now: Instant) {
        let Some(Socket { state: State::Jack(client), .. }) = self.sockets.get_mut(&token) else { return };
        let had_unsent = client.has_unsent();
        match client.send(event) {
            Sent::Fine => {}
            Sent::Full => {
                if !had_unsent {
                    self.report(token, What::Full);
                }
                self.set_deadline(token, Some(now + RETRY));
            }
            Sent::NotReading => self.lose_jack(token, Closed::NotReading, now),
        }
    }

    /// A client has something to tell, or may have room again.
    pub(super) fn serve_jack(&mut self, token: Token, show: &mut Show<'_>) {
        let mut chunk = std::mem::take(&mut self.chunk);
        if let Some(Socket { state: State::Jack(client), .. }) = self.sockets.get_mut(&token) {
            client.answer_bell();
        }
        let mut has_more = true;
        for _ in 0..AT_ONCE {
            let Some(Socket { state: State::Jack(client), owner, peer, main, .. }) =
                self.sockets.get_mut(&token)
            else {
                has_more = false;
                break;
            };
            let (owner, peer, main) = (*owner, *peer, *main);
            match client.next(&mut chunk) {
                Some(Incoming::Opened) => {
                    self.deliver(Report { owner, peer, main, token, what: What::Open }, show);
                }
                Some(Incoming::Data(event)) => show.received(owner, Peer::Only, event),
                Some(Incoming::Lost { lost, unfit }) => {
                    if lost > 0 {
                        let text = format!(
                            "{lost} messages came in faster than they could be taken; of each channel the last state counts"
                        );
                        show.notice(Some(owner), Notice::warning("lost", text));
                    }
                    if unfit > 0 {
                        let text = format!("{unfit} messages are too long for a block of the server");
                        show.notice(Some(owner), Notice::warning("lost", text));
                    }
                }
                Some(Incoming::Gone(reason)) => self.lose_jack(token, reason, show.now),
                None => {
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

    /// A client is gone. What is left of it is closed by its keeper.
    fn lose_jack(&mut self, token: Token, reason: Closed, now: Instant) {
        self.report(token, What::Close(reason));
        self.close_socket(token, now);
    }

    pub(super) fn send_unsent_to_jack(&mut self, token: Token, now: Instant) {
        let Some(Socket { state: State::Jack(client), .. }) = self.sockets.get_mut(&token) else { return };
        if client.has_unsent() {
            if client.send_unsent() {
                self.report(token, What::Writable);
            } else {
                self.set_deadline(token, Some(now + RETRY));
            }
        }
    }
}
