//! Notices about packets and streams that are not OSC, or not in the configured framing.

use std::fmt;

use crosspatch_core::{Instant, Outbox, Peer, Port};

use crate::recognize::{Finding, Format};

use super::session::OscSession;
use super::wire::{DecodeError, Framing};

/// Of what makes no sense in one call, so much is explained.
const MOST_REFUSALS: usize = 8;

impl OscSession {
    /// A packet made no sense, or an element of a bundle; the first few of a call are explained. Without its bytes, the
    /// beginning of its stream is looked at.
    #[cold]
    pub(super) fn refuse(
        &mut self,
        now: Instant,
        from: Peer,
        packet: &[u8],
        error: DecodeError,
        out: &mut Outbox,
    ) {
        self.effort.refusals += 1;
        if self.effort.refusals > MOST_REFUSALS {
            return;
        }
        let wanted = self.wanted();
        let speaker = self.speaker.filter(|(_, peer)| *peer == from);
        let finding = match (from, speaker.and_then(|(port, peer)| self.links.find(port, peer))) {
            (Peer::Address(address), _) => self.strangers.explain(now, address, packet, wanted),
            (_, Some(link)) => link.beginning.explain(&Name(from), wanted),
            (_, None) => Finding::Nothing,
        };
        finding.tell("osc-garbage", out, || format!("a packet from {} is not OSC: {error}", Name(from)));
    }

    /// Tells of streams that have made no sense for too long.
    pub(super) fn judge(&mut self, now: Instant, out: &mut Outbox) {
        let wanted = self.wanted();
        for link in self.links.overdue(now) {
            if let Some(notice) = link.beginning.explain_silence(&Name(link.peer), wanted) {
                out.notice(notice);
            }
        }
        self.judge_at = self.links.next_overdue();
    }

    /// A stream has ended. Reports it if no packet could be decoded.
    pub(super) fn judge_end(&mut self, port: Port, peer: Peer, out: &mut Outbox) {
        let wanted = self.wanted();
        if let Some(link) = self.links.find(port, peer)
            && let Some(notice) = link.beginning.explain_end(&Name(peer), wanted)
        {
            out.notice(notice);
        }
    }

    fn wanted(&self) -> Format {
        match self.config.framing {
            Framing::Datagram => Format::Osc,
            Framing::Length => Format::OscLength,
            Framing::Slip => Format::OscSlip,
        }
    }
}

/// The peer as an operator reads it.
struct Name(Peer);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Peer::Only => f.write_str("the server"),
            peer @ (Peer::Address(_) | Peer::Connection(_)) => peer.fmt(f),
        }
    }
}
