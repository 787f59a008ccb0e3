//! Notices about packets and streams that are not OSC, or not in the configured framing.

use std::fmt;

use crosspatch_core::{Instant, Outbox, Peer, Port};

use crate::recognize::{Diagnosis, WireFormat};

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
            (Peer::Address(address), _) => self.unknown_senders.explain(now, address, packet, wanted),
            (_, Some(link)) => link.beginning.explain(&PeerName(from), wanted),
            (_, None) => Diagnosis::Nothing,
        };
        finding
            .report("osc-garbage", out, || format!("a packet from {} is not OSC: {error}", PeerName(from)));
    }

    /// Tells of streams that have made no sense for too long.
    pub(super) fn judge(&mut self, now: Instant, out: &mut Outbox) {
        let wanted = self.wanted();
        for link in self.links.overdue(now) {
            if let Some(notice) = link.beginning.explain_silence(&PeerName(link.peer), wanted) {
                out.notice(notice);
            }
        }
        self.judge_at = self.links.next_overdue();
    }

    /// A stream has ended. Reports it if no packet could be decoded.
    pub(super) fn judge_end(&mut self, port: Port, peer: Peer, out: &mut Outbox) {
        let wanted = self.wanted();
        if let Some(link) = self.links.find(port, peer)
            && let Some(notice) = link.beginning.explain_end(&PeerName(peer), wanted)
        {
            out.notice(notice);
        }
    }

    fn wanted(&self) -> WireFormat {
        match self.config.framing {
            Framing::Datagram => WireFormat::Osc,
            Framing::Length => WireFormat::OscLength,
            Framing::Slip => WireFormat::OscSlip,
        }
    }
}

/// The peer as an operator reads it.
struct PeerName(Peer);

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Peer::Only => f.write_str("the server"),
            peer @ (Peer::Address(_) | Peer::Connection(_)) => peer.fmt(f),
        }
    }
}
