//! Announces an instance: sends announcements, answers queries about it, and sends a goodbye at the end.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use crosspatch_core::{Duration, Instant, Interface, Notice, Outbox, Peer};
use rustc_hash::FxHasher;

use super::wire::{DnsMessage, DnsRecord, RecordData};
use super::{GROUP, SOCKET, Service, Settings, tell};

/// The time to live, in seconds, of records that contain a host name, and of other records (RFC 6762, clause 10).
const HOST_TTL: u32 = 120;
const OTHER_TTL: u32 = 4500;
/// The maximum time to live, in seconds, of records sent to a querier that does not implement multicast DNS (clause
/// 6.7).
const LEGACY_TTL: u32 = 10;
/// The time between announcements, and the minimum time between answers (clauses 8.3 and 6).
const PAUSE: Duration = Duration::from_secs(1);
const ANNOUNCEMENTS: u32 = 2;
/// The maximum number of own addresses to announce.
const MAX_ADDRESSES: usize = 8;

/// An announced instance.
pub(super) struct Announcer {
    service: &'static Service,
    instance: String,
    host: String,
    port: u16,
    /// The known addresses of this machine.
    addresses: Vec<IpAddr>,
    /// Whether our address is known only from our own packets that we received.
    learns: bool,
    /// A mark of this machine that is sent with the instance and is unique to it; `None` until the machine's identity
    /// is known.
    mark: Option<String>,
    is_ready: bool,
    due_at: Option<Instant>,
    left: u32,
    told_at: Option<Instant>,
}

impl Announcer {
    /// The announcer of an instance on the machine with that name.
    pub(super) fn new(settings: Settings<'_>, host: &str) -> Self {
        let interface = match settings.interface {
            Some(Interface::Address(address)) => Some(*address),
            Some(Interface::Name(_)) | None => None,
        };
        let addresses: Vec<_> = settings.bind.host.specific().or(interface).into_iter().collect();
        let label = settings.instance.replace('\\', "\\\\").replace('.', "\\.");
        Self {
            service: settings.service,
            instance: format!("{label}.{}", settings.service.name),
            host: format!("{host}.local"),
            port: settings.bind.port,
            learns: addresses.is_empty(),
            addresses,
            mark: None,
            is_ready: false,
            due_at: None,
            left: 0,
            told_at: None,
        }
    }

    /// The name of this machine.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Sets the identity of this machine.
    pub(super) fn identify(&mut self, now: Instant, machine: &[u8]) {
        let mut hasher = FxHasher::default();
        (machine, &self.instance, &self.host, self.port).hash(&mut hasher);
        self.mark = Some(format!("id={:016x}", hasher.finish()));
        self.begin(now);
    }

    /// Sets whether there is an instance to announce.
    pub(super) fn set_ready(&mut self, now: Instant, is_ready: bool) {
        if is_ready && !self.is_ready {
            self.is_ready = true;
            self.begin(now);
        }
        self.is_ready = is_ready;
    }

    /// Starts to announce.
    pub(super) fn begin(&mut self, now: Instant) {
        if self.is_ready && self.mark.is_some() {
            if self.learns {
                self.addresses.clear();
            }
            (self.due_at, self.left) = (Some(now), ANNOUNCEMENTS);
        }
    }

    /// Handles a query or response.
    pub(super) fn handle(&mut self, now: Instant, from: SocketAddr, message: &DnsMessage, out: &mut Outbox) {
        if !self.is_ready || self.mark.is_none() {
            return;
        }
        if message.is_answer {
            self.hear(now, from, message, out);
            return;
        }
        let records = self.records(false);
        let is_asked = |record: &&DnsRecord| message.questions.iter().any(|it| it.is_answered_by(record));
        // A question lists known answers. They are repeated after half of their time to live (clause 7.1).
        let is_unknown = |record: &&DnsRecord| {
            !message.records.iter().any(|known| {
                known.name.eq_ignore_ascii_case(&record.name)
                    && known.data == record.data
                    && known.ttl >= record.ttl / 2
            })
        };
        if !records.iter().filter(is_asked).any(|record| is_unknown(&record)) {
            return;
        }
        if from.port() != GROUP.port() {
            let records = records.into_iter();
            let answer = DnsMessage {
                id: message.id,
                is_answer: true,
                questions: message.questions.clone(),
                records: records.map(|it| DnsRecord { ttl: it.ttl.min(LEGACY_TTL), ..it }).collect(),
            };
            out.send(SOCKET, Peer::Address(from), |bytes| answer.encode(bytes));
            return;
        }
        let at = self.told_at.map_or(now, |told| now.max(told + PAUSE));
        self.due_at = Some(self.due_at.map_or(at, |due| due.min(at)));
        self.left = self.left.max(1);
    }

    /// Handles records of our names: a conflict, or our own packets, which show our address.
    fn hear(&mut self, now: Instant, from: SocketAddr, message: &DnsMessage, out: &mut Outbox) {
        let tells = |record: &&DnsRecord| {
            record.ttl > 0
                && record.name.eq_ignore_ascii_case(&self.instance)
                && matches!(record.data, RecordData::Srv(..))
        };
        if !message.records.iter().any(|record| tells(&record)) {
            return;
        }
        let is_own = message
            .records
            .iter()
            .any(|record| matches!(&record.data, RecordData::Txt(text) if Some(text) == self.mark.as_ref()));
        if !is_own {
            let Service { noun, name_notice, .. } = self.service;
            let text =
                format!("{from} also announces a {noun} with the name of this instance; rename one of them");
            out.notice(Notice::warning(name_notice, text));
        } else if self.learns && !self.addresses.contains(&from.ip()) {
            // The newest first, because an interface may have received another address.
            self.addresses.insert(0, from.ip());
            self.addresses.truncate(MAX_ADDRESSES);
            (self.due_at, self.left) = (Some(now), ANNOUNCEMENTS);
        }
    }

    /// Sends the announcements that are due, while the socket is open.
    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        if !self.is_ready || self.due_at.take_if(|at| *at <= now).is_none() {
            return;
        }
        tell(&DnsMessage { is_answer: true, records: self.records(false), ..DnsMessage::default() }, out);
        self.told_at = Some(now);
        self.left = self.left.saturating_sub(1);
        self.due_at = (self.left > 0).then(|| now + PAUSE);
    }

    /// When `handle_timeout` is due.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.due_at.filter(|_| self.is_ready)
    }

    /// Withdraws the announced records.
    pub(super) fn say_goodbye(&self, out: &mut Outbox) {
        if self.told_at.is_some() {
            tell(&DnsMessage { is_answer: true, records: self.records(true), ..DnsMessage::default() }, out);
        }
    }

    fn records(&self, is_goodbye: bool) -> Vec<DnsRecord> {
        let record = |name: &str, ttl: u32, data| {
            let ttl = if is_goodbye { 0 } else { ttl };
            DnsRecord { name: name.to_owned(), ttl, data }
        };
        let mut records = vec![
            record(self.service.name, OTHER_TTL, RecordData::Ptr(self.instance.clone())),
            record(&self.instance, HOST_TTL, RecordData::Srv(self.port, self.host.clone())),
            record(&self.instance, OTHER_TTL, RecordData::Txt(self.mark.clone().unwrap_or_default())),
        ];
        // Other instances on this machine still use its name and addresses.
        let addresses = self.addresses.iter().filter(|_| !is_goodbye);
        records.extend(addresses.map(|address| record(&self.host, HOST_TTL, RecordData::Address(*address))));
        records
    }
}
