//! Finds the instances of a service on other machines: queries them, and keeps the answers until they expire.

use std::net::{IpAddr, SocketAddr};

use crosspatch_core::{Duration, Instant, Notice, Outbox};

use super::wire::{DnsMessage, DnsRecord, Question, RecordData, RecordKind};
use super::{Service, tell};

/// The time between the first queries, and between the last ones (RFC 6762, clause 5.2).
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// The maximum number of stored records, more than a show network has.
const MAX_RECORDS: usize = 256;

/// An instance of the service on another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DiscoveredSession {
    /// The name of the instance.
    pub(crate) name: String,
    /// The address that the instance listens on.
    pub(crate) address: SocketAddr,
}

/// The known instances on other machines.
pub(super) struct Browser {
    service: &'static Service,
    /// The names of the wanted instances; `*` is all.
    wanted: Vec<String>,
    known: Vec<CachedRecord>,
    ask_at: Option<Instant>,
    asked_at: Option<Instant>,
    pause: Duration,
}

/// A record, and when it expires.
struct CachedRecord {
    record: DnsRecord,
    until: Instant,
    /// When it is queried again, so that it does not expire.
    renew_at: Option<Instant>,
}

impl Browser {
    /// A browser for the wanted instances of a service.
    pub(super) fn new(service: &'static Service, wanted: Vec<String>) -> Self {
        Self { service, wanted, known: Vec::new(), ask_at: None, asked_at: None, pause: FIRST_PAUSE }
    }

    /// Starts to query, often at first.
    pub(super) fn begin(&mut self, now: Instant) {
        (self.ask_at, self.pause) = (Some(now), FIRST_PAUSE);
    }

    /// Handles an answer or announcement.
    pub(super) fn hear(&mut self, now: Instant, message: &DnsMessage, out: &mut Outbox) {
        for record in &message.records {
            let instance = self.service.instance_of(record);
            if instance.is_some_and(|instance| self.is_wanted(&self.service.label(instance))) {
                self.keep(now, record, out);
            }
        }
        // Addresses are needed only for the hosts of services. New ones replace all of the same kind.
        let of_hosts: Vec<_> = message.records.iter().filter(|record| self.is_address(record)).collect();
        self.known.retain(|known| {
            !of_hosts
                .iter()
                .any(|record| is_same_kind(record, &known.record) && record.data != known.record.data)
        });
        of_hosts.into_iter().for_each(|record| self.keep(now, record, out));
        if self.instances().any(|instance| self.is_lacking(instance)) {
            let at = self.asked_at.map_or(now, |asked| now.max(asked + FIRST_PAUSE));
            self.ask_at = Some(self.ask_at.map_or(at, |ask| ask.min(at)));
        }
    }

    fn is_address(&self, record: &DnsRecord) -> bool {
        matches!(record.data, RecordData::Address(_))
            && self.known.iter().any(|known| {
                matches!(&known.record.data, RecordData::Srv(_, host) if host.eq_ignore_ascii_case(&record.name))
            })
    }

    fn keep(&mut self, now: Instant, record: &DnsRecord, out: &mut Outbox) {
        // A service can have many instances and a host many addresses, but an instance has only one port and host.
        let is_same = |known: &CachedRecord| {
            is_same_kind(record, &known.record)
                && (record.data.kind() == RecordKind::Srv || record.data == known.record.data)
        };
        self.known.retain(|known| !is_same(known));
        if record.ttl == 0 {
            return;
        }
        if self.known.len() >= MAX_RECORDS {
            let text = format!("more than {MAX_RECORDS} mDNS records; further ones are ignored");
            out.notice(Notice::warning(self.service.notice, text));
            return;
        }
        let holds = Duration::from_secs(record.ttl.into());
        let (until, renew_at) = (now + holds, Some(now + holds * 4 / 5));
        self.known.push(CachedRecord { record: record.clone(), until, renew_at });
    }

    /// Sends the queries that are due, and removes expired records.
    pub(super) fn handle_timeout(&mut self, now: Instant, is_open: bool, out: &mut Outbox) {
        self.known.retain(|known| known.until > now);
        if !is_open {
            return;
        }
        let mut questions = Vec::new();
        for known in &mut self.known {
            if known.renew_at.take_if(|at| *at <= now).is_some() {
                let DnsRecord { name, data, .. } = &known.record;
                ask(&mut questions, name, data.kind());
            }
        }
        if self.ask_at.take_if(|at| *at <= now).is_some() {
            ask(&mut questions, self.service.name, RecordKind::Ptr);
            questions.extend(self.missing());
            self.asked_at = Some(now);
            self.ask_at = Some(now + self.pause);
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        if !questions.is_empty() {
            let records = if questions.iter().any(|it| it.kind == RecordKind::Ptr) {
                self.lasting(now)
            } else {
                vec![]
            };
            tell(&DnsMessage { questions, records, ..DnsMessage::default() }, out);
        }
    }

    /// When `handle_timeout` is due.
    pub(super) fn next_timeout(&self, is_open: bool) -> Option<Instant> {
        let ends = self.known.iter().map(|known| known.until);
        let renewals = self.known.iter().filter_map(|known| known.renew_at).chain(self.ask_at);
        ends.chain(renewals.filter(|_| is_open)).min()
    }

    /// The known answers: instances with more than half of their lifetime left (clause 7.1).
    fn lasting(&self, now: Instant) -> Vec<DnsRecord> {
        let instances = self.known.iter().filter(|known| known.record.data.kind() == RecordKind::Ptr);
        let left = instances.filter_map(|known| {
            let ttl = u32::try_from(known.until.since(now).as_secs()).ok()?;
            (ttl > known.record.ttl / 2).then(|| DnsRecord { ttl, ..known.record.clone() })
        });
        left.collect()
    }

    /// Whether information about an instance is missing. Called for each message; in a flood, the check ends at the
    /// first missing record.
    fn is_lacking(&self, instance: &str) -> bool {
        self.place(instance).is_none_or(|(_, host)| self.address(host).is_none())
    }

    /// The queries for missing information: the port and host of instances, and the addresses of the hosts.
    fn missing(&self) -> Vec<Question> {
        let mut questions = Vec::new();
        for instance in self.instances() {
            match self.place(instance) {
                None => ask(&mut questions, instance, RecordKind::Srv),
                Some((_, host)) if self.address(host).is_none() => {
                    ask(&mut questions, host, RecordKind::A);
                    ask(&mut questions, host, RecordKind::Aaaa);
                }
                Some(_) => {}
            }
        }
        questions
    }

    fn instances(&self) -> impl Iterator<Item = &str> {
        self.known.iter().filter_map(|known| match &known.record.data {
            RecordData::Ptr(instance) => Some(instance.as_str()),
            RecordData::Srv(..) | RecordData::Txt(_) | RecordData::Address(_) => None,
        })
    }

    fn is_wanted(&self, name: &str) -> bool {
        self.wanted.iter().any(|wanted| wanted == "*" || wanted == name)
    }

    fn place(&self, instance: &str) -> Option<(u16, &str)> {
        self.known.iter().find_map(|known| {
            let RecordData::Srv(port, host) = &known.record.data else { return None };
            known.record.name.eq_ignore_ascii_case(instance).then_some((*port, host.as_str()))
        })
    }

    /// An address of a host, preferably IPv4. Link-local addresses are excluded, because their link is unknown.
    fn address(&self, host: &str) -> Option<IpAddr> {
        let addresses = self.known.iter().filter_map(|known| {
            let RecordData::Address(address) = known.record.data else { return None };
            known.record.name.eq_ignore_ascii_case(host).then_some(address)
        });
        let has_scope = |address: &IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        addresses.filter(|address| !has_scope(address)).min_by_key(IpAddr::is_ipv6)
    }

    /// The wanted instances whose addresses are known, without those on the host `own`.
    pub(super) fn found(&self, own: Option<&str>) -> Vec<DiscoveredSession> {
        let found = self.instances().filter_map(|instance| {
            let (port, host) = self.place(instance)?;
            let is_own = own.is_some_and(|own| own.eq_ignore_ascii_case(host));
            let address = self.address(host).filter(|_| !is_own && !matches!(port, 0 | u16::MAX))?;
            Some(DiscoveredSession {
                name: self.service.label(instance),
                address: SocketAddr::new(address, port),
            })
        });
        found.collect()
    }
}

fn ask(questions: &mut Vec<Question>, name: &str, kind: RecordKind) {
    let question = Question { name: name.to_owned(), kind };
    if !questions.contains(&question) {
        questions.push(question);
    }
}

fn is_same_kind(one: &DnsRecord, other: &DnsRecord) -> bool {
    one.data.kind() == other.data.kind() && one.name.eq_ignore_ascii_case(&other.name)
}

impl Service {
    /// The instance of the service that a record belongs to.
    fn instance_of<'r>(&self, record: &'r DnsRecord) -> Option<&'r str> {
        let instance = match &record.data {
            RecordData::Ptr(instance) if record.name.eq_ignore_ascii_case(self.name) => instance,
            RecordData::Srv(..) => &record.name,
            RecordData::Ptr(_) | RecordData::Txt(_) | RecordData::Address(_) => return None,
        };
        self.has_instance(instance).then_some(instance)
    }

    fn has_instance(&self, name: &str) -> bool {
        let at = name.len().checked_sub(self.name.len() + 1).filter(|at| *at > 0);
        at.and_then(|at| name.get(at..))
            .is_some_and(|end| end[1..].eq_ignore_ascii_case(self.name) && end.starts_with('.'))
    }

    /// The displayed name of an instance: its first label, without backslashes.
    fn label(&self, instance: &str) -> String {
        let end = instance.len().saturating_sub(self.name.len() + 1);
        let mut letters = instance.get(..end).unwrap_or_default().chars();
        let mut label = String::new();
        while let Some(letter) = letters.next() {
            label.push(if letter == '\\' { letters.next().unwrap_or(letter) } else { letter });
        }
        label
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Service = Service {
        name: "_apple-midi._udp.local",
        noun: "session",
        notice: "mdns",
        garbage_notice: "garbage",
        name_notice: "name",
    };

    fn record(name: &str, ttl: u32, data: RecordData) -> DnsRecord {
        DnsRecord { name: name.to_owned(), ttl, data }
    }

    #[test]
    fn a_flood_of_instances_is_kept_within_bounds_and_told() {
        let mut browser = Browser::new(&SERVICE, vec!["*".to_owned()]);
        let (now, mut out) = (Instant::from_micros(0), Outbox::new());
        for number in 0..20_000 {
            let instance = format!("x{number}.{}", SERVICE.name);
            let records = vec![
                record(SERVICE.name, 4500, RecordData::Ptr(instance.clone())),
                record(&instance, 120, RecordData::Srv(5004, format!("h{number}.local"))),
            ];
            browser.hear(now, &DnsMessage { is_answer: true, records, ..DnsMessage::default() }, &mut out);
        }
        assert_eq!(browser.known.len(), MAX_RECORDS);
        browser.handle_timeout(Instant::from_micros(4_600_000_000), false, &mut out);
        assert!(browser.known.is_empty(), "what has ended is forgotten");
    }

    #[test]
    fn only_instances_of_the_service_count() {
        for (name, is_one) in [
            (SERVICE.name, false),
            ("._apple-midi._udp.local", false),
            ("x._apple-midi._udp.local", true),
            ("x._APPLE-midi._udp.LOCAL", true),
            ("x_apple-midi._udp.local", false),
            ("ü", false),
            ("x._http._tcp.local", false),
        ] {
            assert_eq!(SERVICE.has_instance(name), is_one, "{name}");
        }
        assert_eq!(SERVICE.label(r"Mac \\ 2\.1._apple-midi._udp.local"), r"Mac \ 2.1");
    }
}
