//! What comes in: each socket that has something is read, a bounded amount at a time.

use crosspatch_core::{Notice, Peer};
use mio::Token;
use tungstenite::Message;

use super::{Ports, Socket, State, What};
use crate::batch::unmapped;
use crate::connection::Received;
use crate::losses::Step;
use crate::show::Show;

/// How many batches of datagrams one socket may have before others have their turn.
const BATCHES: usize = 4;

/// How many messages of a stream one connection may have before others have their turn.
const MESSAGES: usize = 128;

impl Ports {
    /// A socket has something to do.
    pub(super) fn serve(&mut self, token: Token, show: &mut Show<'_>) {
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        socket.is_queued = false;
        let is_writable = std::mem::take(&mut socket.is_writable);
        // What nobody may read yet stays noted as readable.
        let is_streaming = matches!(socket.state, State::Udp(_) | State::Connected(_));
        let is_readable = (socket.is_announced || !is_streaming) && std::mem::take(&mut socket.is_readable);
        match &mut socket.state {
            State::Waiting(..) => {}
            State::Udp(udp) => {
                if is_writable {
                    udp.send_backlog();
                    udp.watch_again(&self.registry, token);
                }
                if is_readable {
                    self.read_datagrams(token, show);
                }
            }
            State::Connecting(..) => self.go_on_connecting(token, show.now),
            State::Upgrading(_) => self.go_on_upgrading(token, show.now),
            State::Connected(connection) => {
                let has_room = is_writable && connection.send_waiting();
                // What is left to read says why a connection is broken.
                let is_due = is_readable || (socket.is_announced && connection.is_broken());
                if has_room {
                    self.report(token, What::Writable);
                }
                if is_due {
                    self.read_stream(token, show);
                }
            }
            State::Listening(_) => self.accept(token, show),
            State::Sequencer(_) => self.serve_sequencer(token, is_writable, show),
            State::Link(..) => {}
            State::Jack(_) => self.serve_jack(token, is_writable, show),
            State::Leaving(client) => {
                if client.close() {
                    self.remove(token);
                }
            }
            State::Lingering(connection) => {
                if connection.is_over() {
                    self.remove(token);
                }
            }
        }
    }

    fn read_datagrams(&mut self, token: Token, show: &mut Show<'_>) {
        let Some(mut inbox) = self.inbox.take() else { return };
        let (mut all, mut bytes) = (0, 0);
        let mut has_more = true;
        for _ in 0..BATCHES {
            let Some(Socket { state: State::Udp(udp), .. }) = self.sockets.get_mut(&token) else { break };
            let (count, more) = udp.receive(&mut inbox);
            all += count;
            for at in 0..count {
                bytes += inbox.datagram(at).1.len();
                if let (Some(from), data) = inbox.datagram(at) {
                    self.hand_round(token, Peer::Address(unmapped(from)), data, show);
                }
            }
            self.apply(show);
            has_more = more;
            if !more {
                break;
            }
        }
        self.inbox = Some(inbox);
        if has_more {
            self.queue(token, true, false);
        }
        let Some(Socket { state: State::Udp(udp), deadline, .. }) = self.sockets.get_mut(&token) else {
            return;
        };
        match udp.losses().handle_read(show.now, all, bytes, has_more) {
            Step::Wait(until) if deadline.is_none() => self.set_deadline(token, Some(until)),
            Step::Nothing | Step::Wait(_) => {}
            Step::Ask => self.tell_losses(token, show),
        }
    }

    /// Tells the sessions of a socket, and the operator, what the system has dropped.
    fn tell_losses(&mut self, token: Token, show: &mut Show<'_>) {
        self.set_deadline(token, None);
        let Some(Socket { state: State::Udp(udp), owner, .. }) = self.sockets.get_mut(&token) else { return };
        let Some(lost) = udp.take_losses(show.now) else { return };
        let (port, room) = (udp.port().unwrap_or_default(), udp.losses().room >> 10);
        let (owner, tenants) = (*owner, udp.tenants());
        let datagrams = if lost == 1 { "datagram was" } else { "datagrams were" };
        let text = format!(
            "{lost} {datagrams} lost on this machine at UDP port {port}: they came faster than they were read, and the \
             system keeps {room} KiB at most (`net.core.rmem_max` limits that)"
        );
        show.notice(Some(owner), Notice::warning("datagrams-lost", text));
        for tenant in tenants {
            show.lost(tenant);
        }
        self.apply(show);
    }

    /// Gives a datagram to all sessions that share the socket. Any of them may close or replace its port because of it.
    fn hand_round(&mut self, token: Token, from: Peer, data: &[u8], show: &mut Show<'_>) {
        let mut next = 0;
        while let Some(Socket { state: State::Udp(udp), .. }) = self.sockets.get(&token)
            && let Some((at, owner)) = udp.tenant_for(data, next)
        {
            next = at + 1;
            show.received(owner, from, data);
            self.take_effects(show);
        }
    }

    fn read_stream(&mut self, token: Token, show: &mut Show<'_>) {
        let mut chunk = std::mem::take(&mut self.chunk);
        let mut is_first = true;
        let mut has_more = true;
        for _ in 0..MESSAGES {
            let Some(Socket { state: State::Connected(connection), owner, peer, .. }) =
                self.sockets.get_mut(&token)
            else {
                break;
            };
            let (owner, peer) = (*owner, *peer);
            if std::mem::take(&mut is_first) {
                connection.begin_turn();
            }
            if connection.is_full_untold() {
                break;
            }
            match connection.receive(&mut chunk) {
                Received::Bytes(bytes) => show.received(owner, peer, bytes),
                Received::Message(Message::Text(text)) => show.received(owner, peer, text.as_bytes()),
                Received::Message(message) => show.received(owner, peer, &message.into_data()),
                Received::Control => continue,
                Received::Later => break,
                Received::Nothing => {
                    has_more = false;
                    break;
                }
                Received::Gone(reason) => {
                    self.fail(token, reason);
                    break;
                }
            }
            self.apply(show);
        }
        self.chunk = chunk;
        if has_more {
            self.queue(token, true, false);
        }
    }
}
