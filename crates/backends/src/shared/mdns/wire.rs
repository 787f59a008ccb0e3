//! Multicast DNS messages (RFC 6762, clause 18), as bytes and as one line of text.
//!
//! Only what finding a service needs is decoded: other kinds of records and questions are skipped.

use std::fmt::{self, Display, Write};
use std::net::IpAddr;

use simple_dns::rdata::{A, AAAA, PTR, RData, SRV, TXT};
use simple_dns::{CLASS, Name, PacketFlag, QCLASS, QTYPE, ResourceRecord, TYPE};

/// The minimum size of an item. A message must contain at least this many bytes for each item that it announces.
const MIN_ITEM: usize = 5;
const HEADER: usize = 12;

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DnsMessage {
    /// The query identifier: 0, except in queries from senders that do not implement multicast DNS (clause 6.7).
    pub(crate) id: u16,
    /// Whether it is a response and not a query.
    pub(crate) is_answer: bool,
    /// The questions.
    pub(crate) questions: Vec<Question>,
    /// The answers, or the known answers of a query (clause 7.1).
    pub(crate) records: Vec<DnsRecord>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// The name, with dots and backslashes in a label escaped by backslashes.
    pub(crate) name: String,
    /// The requested kind of record.
    pub(crate) kind: RecordKind,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DnsRecord {
    /// The name, as in [`Question::name`].
    pub(crate) name: String,
    /// The time to live in seconds; 0 withdraws the record.
    pub(crate) ttl: u32,
    /// The data of the record.
    pub(crate) data: RecordData,
}

/// The data of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RecordData {
    /// The name of an instance of a service.
    Ptr(String),
    /// The port and host of an instance.
    Srv(u16, String),
    /// The first text string of an instance, which may be empty.
    Txt(String),
    /// An address of a host.
    Address(IpAddr),
}

/// Kinds of records.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum RecordKind {
    /// All kinds, in questions only.
    Any,
    /// [`RecordData::Ptr`].
    Ptr,
    /// [`RecordData::Srv`].
    Srv,
    /// [`RecordData::Txt`].
    Txt,
    /// [`RecordData::Address`] with an IPv4 address.
    A,
    /// [`RecordData::Address`] with an IPv6 address.
    Aaaa,
}

const KINDS: [(RecordKind, &str, QTYPE); 6] = [
    (RecordKind::Any, "ANY", QTYPE::ANY),
    (RecordKind::Ptr, "PTR", QTYPE::TYPE(TYPE::PTR)),
    (RecordKind::Srv, "SRV", QTYPE::TYPE(TYPE::SRV)),
    (RecordKind::Txt, "TXT", QTYPE::TYPE(TYPE::TXT)),
    (RecordKind::A, "A", QTYPE::TYPE(TYPE::A)),
    (RecordKind::Aaaa, "AAAA", QTYPE::TYPE(TYPE::AAAA)),
];

impl RecordData {
    /// The kind of the record.
    pub(crate) fn kind(&self) -> RecordKind {
        match self {
            Self::Ptr(_) => RecordKind::Ptr,
            Self::Srv(..) => RecordKind::Srv,
            Self::Txt(_) => RecordKind::Txt,
            Self::Address(IpAddr::V4(_)) => RecordKind::A,
            Self::Address(IpAddr::V6(_)) => RecordKind::Aaaa,
        }
    }
}

impl Question {
    /// Whether a record answers the question.
    pub(crate) fn is_answered_by(&self, record: &DnsRecord) -> bool {
        self.name.eq_ignore_ascii_case(&record.name)
            && (self.kind == RecordKind::Any || self.kind == record.data.kind())
    }
}

impl DnsMessage {
    /// Decodes a datagram; `None` if it is not a message.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        // These counts are untrusted and must not reserve memory.
        let counts = bytes.get(4..HEADER)?.chunks_exact(2);
        let items: usize = counts.map(|count| usize::from(count[0]) << 8 | usize::from(count[1])).sum();
        if items * MIN_ITEM > bytes.len() - HEADER {
            return None;
        }
        let packet = simple_dns::Packet::parse(bytes).ok()?;
        let records = packet.answers.iter().chain(&packet.additional_records);
        Some(Self {
            id: packet.id(),
            is_answer: packet.has_flags(PacketFlag::RESPONSE),
            questions: packet.questions.iter().filter_map(read_question).collect(),
            records: records.filter_map(read_record).collect(),
        })
    }

    /// Appends the encoded message to `out`, or nothing if one of its names is too long.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        if let Some(bytes) = self.try_encode() {
            out.extend_from_slice(&bytes);
        }
    }

    fn try_encode(&self) -> Option<Vec<u8>> {
        let mut packet = if self.is_answer {
            let mut packet = simple_dns::Packet::new_reply(self.id);
            packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
            packet
        } else {
            simple_dns::Packet::new_query(self.id)
        };
        for Question { name, kind } in &self.questions {
            let (_, _, qtype) = KINDS.iter().find(|(other, ..)| other == kind)?;
            let class = QCLASS::CLASS(CLASS::IN);
            packet.questions.push(simple_dns::Question::new(Name::new(name).ok()?, *qtype, class, false));
        }
        // Senders of legacy queries do not know the cache-flush bit, which says that there are no other records.
        let is_unique = self.is_answer && self.questions.is_empty();
        for DnsRecord { name, ttl, data } in &self.records {
            let shown = match data {
                RecordData::Ptr(target) => RData::PTR(PTR(Name::new(target).ok()?)),
                RecordData::Srv(port, host) => {
                    RData::SRV(SRV { priority: 0, weight: 0, port: *port, target: Name::new(host).ok()? })
                }
                RecordData::Txt(text) => RData::TXT(TXT::new().with_string(text).ok()?),
                RecordData::Address(IpAddr::V4(address)) => RData::A(A::from(*address)),
                RecordData::Address(IpAddr::V6(address)) => RData::AAAA(AAAA::from(*address)),
            };
            let record = ResourceRecord::new(Name::new(name).ok()?, CLASS::IN, *ttl, shown);
            let is_unique = is_unique && data.kind() != RecordKind::Ptr;
            packet.answers.push(record.with_cache_flush(is_unique));
        }
        packet.build_bytes_vec_compressed().ok()
    }
}

fn read_question(question: &simple_dns::Question<'_>) -> Option<Question> {
    let (kind, ..) = KINDS.iter().find(|(_, _, qtype)| *qtype == question.qtype)?;
    Some(Question { name: question.qname.to_string(), kind: *kind })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "there are dozens of other kinds of records")]
fn read_record(record: &ResourceRecord<'_>) -> Option<DnsRecord> {
    let data = match &record.rdata {
        RData::PTR(PTR(target)) => RecordData::Ptr(target.to_string()),
        RData::SRV(service) => RecordData::Srv(service.port, service.target.to_string()),
        RData::TXT(text) => {
            RecordData::Txt(text.iter_raw().next().map_or_else(String::new, |(key, value)| {
                let key = String::from_utf8_lossy(key);
                value.map_or_else(
                    || key.to_string(),
                    |value| format!("{key}={}", String::from_utf8_lossy(value)),
                )
            }))
        }
        RData::A(address) => RecordData::Address(IpAddr::V4(address.address.into())),
        RData::AAAA(address) => RecordData::Address(IpAddr::V6(address.address.into())),
        _ => return None,
    };
    Some(DnsRecord { name: record.name.to_string(), ttl: record.ttl, data })
}

/// `mdns ask PTR _apple-midi._udp.local`, `mdns tell A desk.local 120 10.0.0.1`; a space in a name is shown as `\032`.
impl Display for DnsMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_answer { "mdns tell" } else { "mdns ask" })?;
        let mut comma = "";
        for Question { name, kind } in &self.questions {
            write!(f, "{comma} {} {}", kind.text(), word(name))?;
            comma = ",";
        }
        if !self.is_answer && !self.records.is_empty() {
            f.write_str(" known")?;
            comma = "";
        }
        for DnsRecord { name, ttl, data } in &self.records {
            write!(f, "{comma} {} {} {ttl}", data.kind().text(), word(name))?;
            match data {
                RecordData::Ptr(target) => write!(f, " {}", word(target))?,
                RecordData::Srv(port, host) => write!(f, " {port} {}", word(host))?,
                RecordData::Txt(text) => write!(f, " {text:?}")?,
                RecordData::Address(address) => write!(f, " {address}")?,
            }
            comma = ",";
        }
        Ok(())
    }
}

impl RecordKind {
    fn text(self) -> &'static str {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or("?", |(_, text, _)| text)
    }
}

/// A name as one word.
fn word(name: &str) -> String {
    let mut word = String::with_capacity(name.len());
    for letter in name.chars() {
        // Writing to a `String` cannot fail.
        let _ = match letter {
            ' ' | '"' | ',' | '\0'..='\x1f' | '\x7f' => write!(word, "\\{:03}", u32::from(letter)),
            _ => word.write_char(letter),
        };
    }
    word
}

/// Parses the text form of a [`DnsMessage`]. `None` if it is invalid.
pub(crate) fn compose(line: &str) -> Option<Vec<u8>> {
    let mut message = DnsMessage::default();
    let rest = match line.strip_prefix("mdns tell ") {
        Some(rest) => {
            message.is_answer = true;
            rest
        }
        None => line.strip_prefix("mdns ask ")?,
    };
    let (questions, records) = match rest.split_once(" known ") {
        Some((questions, records)) => (questions, records),
        None if message.is_answer => ("", rest),
        None => (rest, ""),
    };
    for item in questions.split(',').filter(|item| !item.is_empty()) {
        let (kind, name) = item.trim().split_once(' ')?;
        message.questions.push(Question { name: name.to_owned(), kind: read_kind(kind)? });
    }
    for item in records.split(',').filter(|item| !item.is_empty()) {
        let mut words = item.split_whitespace();
        let (kind, name) = (read_kind(words.next()?)?, words.next()?.to_owned());
        let ttl = words.next()?.parse().ok()?;
        let data = match kind {
            RecordKind::Ptr => RecordData::Ptr(words.next()?.to_owned()),
            RecordKind::Srv => RecordData::Srv(words.next()?.parse().ok()?, words.next()?.to_owned()),
            RecordKind::Txt => RecordData::Txt(words.next()?.trim_matches('"').to_owned()),
            RecordKind::A | RecordKind::Aaaa => RecordData::Address(words.next()?.parse().ok()?),
            RecordKind::Any => return None,
        };
        message.records.push(DnsRecord { name, ttl, data });
    }
    message.try_encode()
}

fn read_kind(word: &str) -> Option<RecordKind> {
    KINDS.iter().find(|(_, text, _)| *text == word).map(|(kind, ..)| *kind)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TELL: &str = "mdns tell PTR _apple-midi._udp.local 4500 iPad\\0322\\.1._apple-midi._udp.local, \
                        SRV iPad\\0322\\.1._apple-midi._udp.local 120 5004 ipad.local, TXT x.local 4500 \"id=1\", \
                        A ipad.local 120 10.0.0.9, AAAA ipad.local 120 fe80::1";
    const ASK: &str = "mdns ask PTR _apple-midi._udp.local, ANY ipad.local known PTR _apple-midi._udp.local 4000 \
                       iPad._apple-midi._udp.local";

    #[test]
    fn messages_are_shown_and_read_as_they_are_sent() {
        for line in [TELL, ASK, "mdns ask AAAA a.local"] {
            let bytes = compose(line).expect("a message");
            assert_eq!(DnsMessage::decode(&bytes).expect("a message").to_string(), line);
        }
    }

    #[test]
    fn no_beginning_of_a_message_is_a_message() {
        let bytes = compose(TELL).expect("a message");
        for end in 0..bytes.len() {
            assert_eq!(DnsMessage::decode(&bytes[..end]), None, "{end} bytes");
        }
    }

    #[test]
    fn a_name_that_points_at_itself_ends() {
        let mut bytes = compose("mdns ask PTR a.local").expect("a message");
        bytes.truncate(HEADER);
        bytes.extend([0xc0, 12, 0, 12, 0, 1]);
        assert_eq!(DnsMessage::decode(&bytes), None);
    }

    #[test]
    fn counts_beyond_the_datagram_reserve_nothing() {
        let mut bytes = vec![0, 0, 0x84, 0];
        bytes.extend([0xff; 8]);
        assert_eq!(DnsMessage::decode(&bytes), None);
    }

    #[test]
    fn a_name_that_is_too_long_is_not_sent() {
        let name = "x".repeat(64) + ".local";
        let question = Question { name, kind: RecordKind::A };
        let mut out = Vec::new();
        DnsMessage { questions: vec![question], ..DnsMessage::default() }.encode(&mut out);
        assert!(out.is_empty());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(message) = DnsMessage::decode(&bytes) {
                let _ = message.to_string();
                message.encode(&mut Vec::new());
            }
        }

        #[test]
        fn a_changed_byte_never_panics(at in 0_usize..150, byte in any::<u8>()) {
            let mut bytes = compose(TELL).expect("a message");
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Some(message) = DnsMessage::decode(&bytes) {
                let _ = message.to_string();
                message.encode(&mut Vec::new());
            }
        }
    }
}
