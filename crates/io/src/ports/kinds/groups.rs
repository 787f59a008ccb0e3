//! The multicast groups of all ports, and the interfaces that they are received and sent on. Ports with the same group on the
//! same interface share its socket.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use crosspatch_core::{Duration, Host, Instant, Join, Notice, Peer, Udp};
use mio::Token;

use crate::closed;
use crate::interfaces::{self, InterfaceWatch, Nic};
use crate::membership::Renewal;
use crate::ports::{NETWORK, Ports, kind_in};
use crate::runner::{Owner, Runner};
use crate::udp::UdpPort;

/// How often interfaces are listed where the system does not report changes.
const LOOK: Duration = Duration::from_secs(5);

/// The sockets of groups, and the source of events when interfaces change.
#[derive(Default)]
pub(in crate::ports) struct Groups {
    sockets: BTreeMap<(Join, u16), Token>,
    /// The interfaces at the time of the last report.
    nics: Vec<Nic>,
    watch: Option<InterfaceWatch>,
    renew_at: Option<Instant>,
}

impl Groups {
    /// Interfaces have changed, or their addresses.
    pub(in crate::ports) fn handle_change(&mut self) {
        if let Some(watch) = &self.watch {
            watch.drain();
            self.renew_at = Some(Instant::START);
        }
    }

    /// The known interfaces.
    pub(in crate::ports) fn nics(&self) -> &[Nic] {
        &self.nics
    }

    /// When interfaces are to be looked at.
    pub(in crate::ports) fn renew_at(&self) -> Option<Instant> {
        self.renew_at
    }
}

impl Ports {
    /// Joins the groups of a port whose socket is `main`, and looks for the interface that it sends to groups by. If one
    /// cannot be joined, none is.
    pub(in crate::ports) fn join_groups(
        &mut self,
        main: Token,
        owner: Owner,
        spec: &Udp,
        now: Instant,
    ) -> io::Result<()> {
        let entry = self.table.entry(owner).or_default();
        entry.outgoing.clone_from(&spec.outgoing);
        if spec.joins.is_empty() && spec.outgoing.is_none() {
            return Ok(());
        }
        let Some(udp) = self.kind_mut::<UdpPort>(main) else { return Ok(()) };
        let port = udp.port()?;
        self.watch_interfaces()?;
        let is_outgoing = |nic: &Nic| nic.is_meant(spec.outgoing.as_ref());
        if spec.outgoing.is_some() && !self.groups.nics.iter().any(is_outgoing) {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        for join in &spec.joins {
            match self.join_group(join, port, owner, now) {
                Ok(token) => self.table.entry(owner).or_default().groups.push(token),
                Err(error) if is_optional(spec, join) && closed::ipv6_may_be_missing(&error) => {}
                Err(error) => {
                    self.leave_groups(owner, now);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// From here on, the list of interfaces is kept up to date.
    pub(in crate::ports) fn watch_interfaces(&mut self) -> io::Result<()> {
        let groups = &mut self.groups;
        if groups.watch.is_none() {
            groups.watch = InterfaceWatch::new(&self.tools.registry, NETWORK).ok();
            // Changes before the first list may not have been reported.
            groups.renew_at = Some(Instant::START);
        }
        if groups.renew_at.is_some() {
            groups.nics = interfaces::list()?;
        }
        Ok(())
    }

    fn join_group(&mut self, join: &Join, port: u16, owner: Owner, now: Instant) -> io::Result<Token> {
        let key = (join.clone(), port);
        if let Some(&token) = self.groups.sockets.get(&key) {
            if let Some(udp) = self.kind_mut::<UdpPort>(token) {
                udp.subscribers.join(owner, None);
            }
            return Ok(token);
        }
        let udp = UdpPort::listen(join, port, &self.groups.nics, owner)?;
        let token = self.add(owner, Peer::Only, None, Box::new(udp), now)?;
        self.groups.sockets.insert(key, token);
        Ok(token)
    }

    /// Closes a port, and leaves the groups that no other port uses.
    pub(in crate::ports) fn leave_groups(&mut self, owner: Owner, now: Instant) {
        let Some(entry) = self.table.get_mut(&owner) else { return };
        for token in std::mem::take(&mut entry.groups) {
            if !self.is_used_by_another(token, owner) {
                let key = self.kind_mut::<UdpPort>(token).and_then(|udp| {
                    let join = udp.group()?.clone();
                    Some((join, udp.port().ok()?))
                });
                key.and_then(|key| self.groups.sockets.remove(&key));
                self.close_socket(token, now);
            }
        }
    }

    /// Looks at the interfaces if they may have changed, and joins groups where they have to be joined.
    pub(in crate::ports) fn renew_groups(&mut self, runner: &mut Runner<'_>) {
        if self.groups.renew_at.is_none_or(|due| due > runner.now) {
            return;
        }
        let is_watched = self.groups.watch.is_some();
        let nics = interfaces::list();
        let has_to_look = !is_watched || nics.is_err();
        self.groups.renew_at = has_to_look.then(|| runner.now + LOOK);
        let Ok(nics) = nics else { return };
        self.groups.nics = nics;
        for main in self.table.values().filter_map(|entry| entry.main) {
            if let Some(udp) = kind_in::<UdpPort>(&mut self.sockets, main) {
                udp.set_no_way(false);
            }
        }
        let mut told = BTreeSet::new();
        for ((join, _), token) in &self.groups.sockets {
            let Some(owner) = self.sockets.get(token).map(|socket| socket.owner) else { continue };
            let Some(udp) = kind_in::<UdpPort>(&mut self.sockets, *token) else { continue };
            let interface = join.interface.as_ref().map_or("any".into(), ToString::to_string);
            let notice = match udp.renew(&self.groups.nics) {
                Ok(Renewal::Same) => continue,
                Ok(Renewal::Lost) => {
                    let text =
                        format!("interface {interface} is gone; its groups are joined again when it returns");
                    Notice::warning("multicast", text)
                }
                Ok(Renewal::Back) => Notice::info(
                    "multicast",
                    format!("interface {interface} is back, and its groups are joined again"),
                ),
                Err(error) => {
                    let text = format!("cannot listen to {}: {}", join.group, closed::words(&error));
                    Notice::warning("multicast", text)
                }
            };
            // However many groups there are, an interface is worth one line.
            if told.insert((owner, notice.text.clone())) {
                runner.notice(Some(owner), notice);
            }
        }
    }
}

/// Whether a port for both kinds of addresses does without a group because the machine has one kind only.
fn is_optional(spec: &Udp, join: &Join) -> bool {
    spec.bind.host == Host::Any && matches!(join.group, IpAddr::V6(_))
}
