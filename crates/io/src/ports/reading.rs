//! What comes in: each socket that has something is read, for a share of the time.

use crosspatch_core::{Notice, Peer};
use mio::Token;

use super::share::Share;
use super::{Ports, Socket, State, What};
use crate::batch::unmapped;
use crate::connection::Received;
use crate::losses::Step;
use crate::show::Show;

/// Of a stream, this much is given to its session at once: thousands of the shortest messages.
const STREAM_CHUNK: usize = 16 * 1024;

impl Ports {
    /// A socket has something to do.
    pub(super) fn serve(&mut self, token: Token, show: &mut Show<'_>) {
        let is_busy = self.is_busy(token, show);
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        let is_writable = std::mem::take(&mut socket.is_writable);
        // What nobody may read yet stays noted as readable.
        let is_streaming = matches!(socket.state, State::Udp(_) | State::Connected(_));
        let may_read = !is_busy && (socket.is_announced || !is_streaming);
        let is_readable = may_read && std::mem::take(&mut socket.is_readable);
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
            State::Sequencer(_) => {
                if is_writable {
                    self.send_unsent(token, show.now);
                }
                if may_read {
                    self.serve_sequencer(token, show);
                }
            }
            State::Link(..) => {}
            State::Jack(_) => {
                if is_writable {
                    self.send_unsent_to_jack(token, show.now);
                }
                if may_read {
                    self.serve_jack(token, show);
                }
            }
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
        if is_busy {
            self.queue_greedy(token);
        }
    }

    /// Whether a turn of a session that the socket is read for has been interrupted. It gets nothing more until that is done.
    pub(super) fn is_busy(&self, token: Token, show: &Show<'_>) -> bool {
        let engine = show.engine();
        engine.is_unfinished()
            && self.sockets.get(&token).is_some_and(|socket| match &socket.state {
                State::Udp(udp) => udp.owners().any(|owner| engine.is_busy(owner.session)),
                State::Connected(_) | State::Sequencer(_) | State::Jack(_) => {
                    engine.is_busy(socket.owner.session)
                }
                State::Waiting(..)
                | State::Connecting(..)
                | State::Upgrading(_)
                | State::Listening(_)
                | State::Lingering(_)
                | State::Link(..)
                | State::Leaving(_) => false,
            })
    }

    fn read_datagrams(&mut self, token: Token, show: &mut Show<'_>) {
        let mut share = Share::begin(self.clock);
        if !self.read_left_over(token, &mut share, show) {
            return self.queue_greedy(token);
        }
        let Some(mut inbox) = self.inbox.take() else { return };
        let (mut all, mut bytes) = (0, 0);
        let has_more = loop {
            let Some(Socket { state: State::Udp(udp), .. }) = self.sockets.get_mut(&token) else {
                break false;
            };
            let (count, more) = udp.receive(&mut inbox);
            all += count;
            let mut datagrams = (0..count).map(|at| inbox.datagram(at));
            let mut is_over = false;
            for (from, data) in datagrams.by_ref() {
                bytes += data.len();
                let Some(from) = from else { continue };
                self.hand_round(token, Peer::Address(unmapped(from)), data, show);
                is_over = share.is_over(data.len()) || self.is_busy(token, show);
                if is_over {
                    break;
                }
            }
            if let Some(Socket { state: State::Udp(udp), .. }) = self.sockets.get_mut(&token) {
                let rest = datagrams.filter_map(|(from, data)| Some((unmapped(from?), data.into())));
                udp.left_over.extend(rest);
            }
            self.apply(show);
            if !more || is_over {
                break more || is_over;
            }
        };
        self.inbox = Some(inbox);
        if has_more {
            self.queue_greedy(token);
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

    /// Gives the sessions of a socket what an earlier share left no time for. Returns whether all is done.
    fn read_left_over(&mut self, token: Token, share: &mut Share, show: &mut Show<'_>) -> bool {
        while let Some(Socket { state: State::Udp(udp), .. }) = self.sockets.get_mut(&token)
            && let Some((from, data)) = udp.left_over.pop_front()
        {
            self.hand_round(token, Peer::Address(from), &data, show);
            self.apply(show);
            if share.is_over(data.len()) || self.is_busy(token, show) {
                return false;
            }
        }
        true
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
        let mut share = Share::begin(self.clock);
        let mut chunk = std::mem::take(&mut self.chunk);
        let mut is_first = true;
        let has_more = loop {
            let Some(Socket { state: State::Connected(connection), owner, peer, .. }) =
                self.sockets.get_mut(&token)
            else {
                break false;
            };
            let (owner, peer) = (*owner, *peer);
            if std::mem::take(&mut is_first) {
                connection.begin_turn();
            }
            if connection.is_full_untold() {
                break true;
            }
            let length = match connection.receive(&mut chunk[..STREAM_CHUNK]) {
                Received::Bytes(bytes) => {
                    show.received(owner, peer, bytes);
                    bytes.len()
                }
                Received::Message(message) => {
                    let data = message.into_data();
                    show.received(owner, peer, &data);
                    data.len()
                }
                Received::Control => 0,
                Received::Later => break true,
                Received::Nothing => break false,
                Received::Gone(reason) => {
                    self.fail(token, reason);
                    break false;
                }
            };
            self.apply(show);
            if share.is_over(length) || self.is_busy(token, show) {
                break true;
            }
        };
        self.chunk = chunk;
        if has_more {
            self.queue_greedy(token);
        }
    }
}
