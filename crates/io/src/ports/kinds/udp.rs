//! UDP ports: datagrams are received and sent in batches, and sessions may share a socket.
//!
//! A batch is read at once and delivered to its subscribers datagram by datagram. So a UDP socket has its own reader,
//! which needs no dynamic call for each datagram.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use crosspatch_core::{Closed, Endpoint, Engine, Interface, Notice, Peer, Udp};
use mio::Token;

use crate::batch::{Datagram, ReceiveBatch, SendBatch, unmapped};
use crate::closed;
use crate::interfaces::Nic;
use crate::losses::LossAction as Losing;
use crate::port_owner::Transport;
use crate::ports::kind::{Context, Opener, Opening, PortKind, ReadShare, Step, Tools};
use crate::ports::reports::{PortReport, ReportKind};
use crate::ports::share::Share;
use crate::ports::{Ports, kind_in};
use crate::runner::{Owner, Runner};
use crate::udp::UdpPort;

/// The number of waiting datagrams after which they are sent.
const MOST_SENDS: usize = 256;

/// The batches of all UDP ports.
pub(in crate::ports) struct Datagrams {
    inbox: Option<Box<ReceiveBatch>>,
    outbound: SendBatch,
    /// Datagrams to be sent; their bytes are in the outbox.
    sends: Vec<Datagram>,
    /// The socket that sends them.
    on: Token,
    /// Where those of them that are for groups leave.
    through: Option<Interface>,
}

impl Datagrams {
    pub(in crate::ports) fn new() -> Self {
        Self {
            inbox: Some(Box::new(ReceiveBatch::new())),
            outbound: SendBatch::default(),
            sends: Vec::new(),
            on: Token(0),
            through: None,
        }
    }

    /// Whether some wait to be sent.
    pub(in crate::ports) fn are_waiting(&self) -> bool {
        !self.sends.is_empty()
    }
}

impl Opener for &Udp {
    fn address(&self) -> Option<&Endpoint> {
        Some(&self.bind)
    }

    fn takes(&self) -> Option<(Transport, u16)> {
        Some((Transport::Udp, self.bind.port))
    }

    fn open(&self, opening: &Opening<'_>, ports: &mut Ports) -> Result<(), Closed> {
        let opened = match opening.each().find_map(|ip| ports.tools.shared.find(self, ip)) {
            Some(shared) => ports.share(opening, shared, self),
            None => opening.first_of(|ip| UdpPort::bind(self, ip, opening.owner)).and_then(|udp| {
                ports.put(opening, udp)?;
                ports.join_groups(opening.token, opening.owner, self, opening.now)?;
                ports.set_deadline(opening.token, None);
                ports.report(opening.token, ReportKind::Open);
                Ok(())
            }),
        };
        opened.map_err(|error| closed::reason(&error))
    }
}

impl PortKind for UdpPort {
    fn register(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        self.watch(&context.tools.registry, context.token)?;
        context.tools.shared.add(self, context.token);
        Ok(())
    }

    fn deregister(&mut self, tools: &mut Tools, token: Token) -> io::Result<()> {
        tools.shared.remove(self, token);
        tools.registry.deregister(self.source())
    }

    fn is_busy(&self, _owner: Owner, engine: &Engine) -> bool {
        engine.busy().any(|session| self.subscribers.has(session))
    }

    fn reader(&self) -> ReadShare {
        Ports::read_datagrams
    }

    fn step(&mut self, _chunk: &mut [u8], _show: &mut Runner<'_>, _context: &mut Context<'_>) -> Step {
        Step::Nothing
    }

    fn handle_writable(&mut self, context: &mut Context<'_>) {
        self.send_backlog();
        self.watch_again(&context.tools.registry, context.token);
    }

    fn handle_deadline(&mut self, context: &mut Context<'_>) {
        self.losses().handle_timeout();
        context.serve_again();
    }

    fn handle_opened(&mut self, owner: Owner) {
        self.subscribers.announce(owner);
    }

    fn leave(&mut self, owner: Owner) -> Option<Owner> {
        self.subscribers.leave(owner)
    }
}

impl Ports {
    /// Gives a session that waits for its port a share in a socket that is open.
    fn share(&mut self, opening: &Opening<'_>, shared: Token, spec: &Udp) -> io::Result<()> {
        let owner = opening.owner;
        self.join_groups(shared, owner, spec, opening.now)?;
        let Some(udp) = self.kind_mut::<UdpPort>(shared) else { return Ok(()) };
        udp.subscribers.join(owner, spec.selection);
        self.remove(opening.token);
        self.table.entry(owner).or_default().main = Some(shared);
        let (peer, what) = (Peer::Only, ReportKind::Open);
        self.tools.reports.push_back(PortReport { owner, peer, main: shared, token: opening.token, what });
        Ok(())
    }

    fn read_datagrams(&mut self, token: Token, runner: &mut Runner<'_>) {
        let mut share = Share::begin(self.clock, runner.now);
        if !self.read_left_over(token, &mut share, runner) {
            return self.queue_greedy(token);
        }
        let Some(mut inbox) = self.datagrams.inbox.take() else { return };
        let (mut all, mut bytes) = (0, 0);
        let has_more = loop {
            let Some(udp) = self.kind_mut::<UdpPort>(token) else { break false };
            let (count, more) = udp.receive(&mut inbox);
            all += count;
            let mut datagrams = (0..count).map(|at| inbox.datagram(at));
            let mut is_over = false;
            for (from, data) in datagrams.by_ref() {
                bytes += data.len();
                let Some(from) = from else { continue };
                self.hand_round(token, Peer::Address(unmapped(from)), data, runner);
                is_over = share.is_over(data.len()) || self.is_busy(token, runner);
                if is_over {
                    break;
                }
            }
            if let Some(udp) = self.kind_mut::<UdpPort>(token) {
                for (from, data) in datagrams {
                    from.into_iter().for_each(|from| udp.leave_over(unmapped(from), data));
                }
            }
            self.apply(runner);
            if !more || is_over {
                break more || is_over;
            }
        };
        self.datagrams.inbox = Some(inbox);
        if has_more {
            self.queue_greedy(token);
        }
        let Some(deadline) = self.sockets.get(&token).map(|socket| socket.deadline) else { return };
        let Some(udp) = self.kind_mut::<UdpPort>(token) else { return };
        match udp.losses().handle_read(runner.now, all, bytes, has_more) {
            Losing::Wait(until) if deadline.is_none() => self.set_deadline(token, Some(until)),
            Losing::Nothing | Losing::Wait(_) => {}
            Losing::Ask => self.report_losses(token, runner),
        }
    }

    /// Delivers to the sessions of a socket the datagrams for which an earlier share had no time left. Returns whether
    /// all is done.
    fn read_left_over(&mut self, token: Token, share: &mut Share, runner: &mut Runner<'_>) -> bool {
        while let Some(udp) = self.kind_mut::<UdpPort>(token)
            && let Some((from, data)) = udp.take_left_over()
        {
            self.hand_round(token, Peer::Address(from), &data, runner);
            self.apply(runner);
            let is_over = share.is_over(data.len()) || self.is_busy(token, runner);
            if let Some(udp) = self.kind_mut::<UdpPort>(token) {
                udp.recycle(data);
            }
            if is_over {
                return false;
            }
        }
        true
    }

    /// Reports the datagrams that the system has dropped to the sessions of a socket and to the operator.
    fn report_losses(&mut self, token: Token, runner: &mut Runner<'_>) {
        self.set_deadline(token, None);
        let Some(owner) = self.sockets.get(&token).map(|socket| socket.owner) else { return };
        let Some(udp) = self.kind_mut::<UdpPort>(token) else { return };
        let Some(lost) = udp.take_losses(runner.now) else { return };
        let (port, room) = (udp.port().unwrap_or_default(), udp.losses().room >> 10);
        let subscribers = udp.subscribers.announced();
        let datagrams = if lost == 1 { "datagram was" } else { "datagrams were" };
        let text = format!(
            "{lost} {datagrams} lost on this machine at UDP port {port}: they came faster than they were read, and the \
             system keeps {room} KiB at most (`net.core.rmem_max` limits that)"
        );
        runner.notice(Some(owner), Notice::warning("datagrams-lost", text));
        for subscriber in subscribers {
            runner.lost(subscriber);
        }
        self.apply(runner);
    }

    /// Gives a datagram to all sessions that share the socket. Any of them may close or replace its port because of it.
    fn hand_round(&mut self, token: Token, from: Peer, data: &[u8], runner: &mut Runner<'_>) {
        let mut next = 0;
        while let Some(udp) = self.kind_mut::<UdpPort>(token)
            && let Some(found) = udp.subscribers.find(data, next)
        {
            next = found.next;
            runner.received(found.owner, from, data);
            self.take_effects(runner);
            if found.is_last {
                break;
            }
        }
    }

    /// Notes a datagram for the end of the batch.
    pub(in crate::ports) fn send_datagram(
        &mut self,
        runner: &mut Runner<'_>,
        owner: Owner,
        to: SocketAddr,
        bytes: std::ops::Range<usize>,
    ) {
        let Some(entry) = self.table.get(&owner) else { return };
        let Some(token) = entry.main else { return };
        let Some(udp) = kind_in::<UdpPort>(&mut self.sockets, token) else { return };
        let batch = &self.datagrams;
        let leaves_elsewhere = to.ip().is_multicast() && batch.through != entry.outgoing;
        let Some(to) = udp.address_for(to) else {
            let text = format!("cannot send to {to}: the port is bound for the other kind of addresses");
            return runner.notice(Some(owner), Notice::warning("cannot-send", text));
        };
        if batch.on != token || leaves_elsewhere || batch.sends.len() >= MOST_SENDS {
            let outgoing = entry.outgoing.clone();
            self.send_datagrams(runner);
            (self.datagrams.on, self.datagrams.through) = (token, outgoing);
        }
        self.datagrams.sends.push(Datagram { to, bytes });
    }

    /// Sends the datagrams of the batch.
    pub(in crate::ports) fn send_datagrams(&mut self, runner: &mut Runner<'_>) {
        let Self { datagrams: batch, sockets, tools, groups, .. } = self;
        if batch.sends.is_empty() {
            return;
        }
        let main = batch.on;
        let owner = sockets.get(&main).map(|socket| socket.owner);
        if let Some(udp) = kind_in::<UdpPort>(sockets, main) {
            let sent = udp.leave_by(batch.through.as_ref(), groups.nics()).map(|()| {
                let lost = udp.send(&mut batch.outbound, &batch.sends, runner.out().all_bytes());
                udp.watch_again(&tools.registry, main);
                lost
            });
            let text = match sent {
                Ok(Some((to, error))) if knows_no_way(to, &error) && self.find_a_way(main) => None,
                Ok(lost) => lost.map(|(to, error)| format!("cannot send to {to}: {}", closed::words(&error))),
                Err(error) => {
                    let through = self.datagrams.through.as_ref();
                    let interface = through.map_or("any".into(), ToString::to_string);
                    Some(format!("cannot send through interface {interface}: {}", closed::reason(&error)))
                }
            };
            if let Some(text) = text {
                runner.notice(owner, Notice::warning("cannot-send", text));
            }
        }
        self.datagrams.sends.clear();
    }

    /// The system has no route to a group. Returns whether the next datagram will have one.
    fn find_a_way(&mut self, main: Token) -> bool {
        // Where interfaces cannot be listed, there is none to be found either.
        let is_known = self.watch_interfaces().is_ok();
        let has_way = is_known && self.groups.nics().iter().any(Nic::leads_out);
        let Some(udp) = self.kind_mut::<UdpPort>(main) else { return false };
        // If that was tried already, it does not help.
        let is_new = !udp.has_no_way();
        udp.set_no_way(has_way);
        has_way && is_new
    }
}

/// Whether a datagram to a group was lost because the system has no route to groups.
fn knows_no_way(to: SocketAddr, error: &io::Error) -> bool {
    to.ip().is_multicast() && error.kind() == ErrorKind::NetworkUnreachable
}
