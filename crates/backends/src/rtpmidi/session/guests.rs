//! Guests: peers that invite us and are not in the options. Decides whether there is room, and which one is removed if not.
//!
//! Anyone can send dozens of invitations with forged names and addresses. Therefore a guest that sends nothing is replaced after a
//! few seconds, and some places are reserved for known peers: those of the options, those that mDNS has found, and earlier guests.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use crosspatch_core::{Duration, Instant, Outbox, Port};

use super::RtpMidiSession;
use crate::rtpmidi::link::{CONTROL, LinkState, PeerLink};
use crate::rtpmidi::wire::SessionExchange as Invitation;

/// The most guests.
const MAX_GUESTS: usize = 32;
/// How many of the places are reserved for known peers.
const RESERVED: usize = 8;

/// A peer that starts a session sends its clock immediately. One that has been silent for this time may be replaced.
const UNPROVEN: Duration = Duration::from_secs(5);

/// Addresses of earlier guests that have sent packets.
#[derive(Debug, Default)]
pub(super) struct KnownAddresses {
    latest_last: VecDeque<IpAddr>,
}

impl KnownAddresses {
    fn add(&mut self, ip: IpAddr) {
        self.latest_last.retain(|known| *known != ip);
        if self.latest_last.len() >= MAX_GUESTS {
            self.latest_last.pop_front();
        }
        self.latest_last.push_back(ip);
    }
}

impl RtpMidiSession {
    /// The link that an invitation belongs to. Adds a guest if there is none and there is room.
    pub(super) fn link_of(
        &mut self,
        now: Instant,
        port: Port,
        from: SocketAddr,
        session: &Invitation,
        out: &mut Outbox,
    ) -> Option<usize> {
        let is_same = |link: &PeerLink| {
            let has_address =
                if port == CONTROL { link.control == Some(from) } else { link.data == Some(from) };
            let has_source = link.sources.contains(&Some(session.ssrc));
            has_address || has_source && link.control.is_some_and(|control| control.ip() == from.ip())
        };
        if let Some(at) = self.links.iter().position(is_same) {
            return Some(at);
        }
        let name = session.name.as_deref().unwrap_or_default();
        let is_accepted = self.config.joins.is_empty() || self.config.joins.iter().any(|join| join == name);
        if port != CONTROL || !is_accepted || !self.make_room(now, from.ip(), out) {
            return None;
        }
        let mut link = PeerLink::new(&self.config, None);
        link.heard_at = now;
        self.links.push(link);
        Some(self.links.len() - 1)
    }

    /// Adds the sender of a packet to the receivers. If there are too many, one is removed.
    pub(super) fn learn(&mut self, now: Instant, from: SocketAddr, out: &mut Outbox) -> usize {
        if self.guests().count() >= MAX_GUESTS
            && let Some(at) = self.weakest(|_| true)
        {
            self.dismiss(now, at, out);
        }
        let mut link = PeerLink::new(&self.config, None);
        link.heard_at = now;
        link.begin_direct(now, from, &self.config);
        self.links.push(link);
        let at = self.links.len() - 1;
        self.begin(now, at, out);
        at
    }

    /// Removes the guests whose sessions have ended. They are not invited.
    pub(super) fn forget_guests(&mut self) {
        let Self { links, acquaintances, .. } = self;
        links.retain(|link| {
            let stays = link.endpoint.is_some() || !matches!(link.state, LinkState::Pausing(_));
            if !stays && link.is_proven {
                link.control.into_iter().for_each(|address| acquaintances.add(address.ip()));
            }
            stays
        });
    }

    fn guests(&self) -> impl Iterator<Item = &PeerLink> {
        self.links.iter().filter(|link| link.endpoint.is_none())
    }

    /// Makes room for a guest from that address, if necessary by removing one that has sent nothing. Returns whether there is room.
    fn make_room(&mut self, now: Instant, ip: IpAddr, out: &mut Outbox) -> bool {
        let is_known = self.acquaintances.latest_last.contains(&ip)
            || self.links.iter().any(|link| {
                link.endpoint.is_some() && link.control.is_some_and(|control| control.ip() == ip)
            });
        let room = if is_known { MAX_GUESTS } else { MAX_GUESTS - RESERVED };
        if self.guests().count() < room {
            return true;
        }
        let may_go = |link: &PeerLink| !link.is_proven && (is_known || now.since(link.heard_at) >= UNPROVEN);
        let Some(at) = self.weakest(may_go) else { return false };
        self.dismiss(now, at, out);
        true
    }

    /// The guest to remove: one that has sent nothing, or else the one that has been silent longest.
    fn weakest(&self, may_go: impl Fn(&PeerLink) -> bool) -> Option<usize> {
        let guests = (0..self.links.len()).filter(|&at| self.links[at].endpoint.is_none());
        guests
            .filter(|&at| may_go(&self.links[at]))
            .min_by_key(|&at| (self.links[at].is_proven, self.links[at].heard_at))
    }

    fn dismiss(&mut self, now: Instant, at: usize, out: &mut Outbox) {
        self.release(now, at, out);
        let mut link = self.links.remove(at);
        link.end(now, !self.config.is_direct, out);
    }
}
