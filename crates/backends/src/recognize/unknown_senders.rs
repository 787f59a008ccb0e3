//! The senders of other protocols to a datagram port.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};

use crosspatch_core::{Duration, Instant, Outbox};

use super::{Diagnosis, WireFormat, datagram, explain};

/// The maximum number of remembered senders. Floods from forged addresses are handled by the notice limit.
const MAX_SENDERS: usize = 32;

/// The time of silence after which a sender is reported again.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// The reported senders.
#[derive(Debug, Default)]
pub(crate) struct UnknownSenders {
    reported: Vec<UnknownSender>,
}

/// A sender is a host: one-shot senders use another port each time.
#[derive(Debug)]
struct UnknownSender {
    ip: IpAddr,
    format: WireFormat,
    last_seen: Instant,
}

impl UnknownSenders {
    /// Reports a datagram that could not be decoded as `wanted`, in a notice of the kind `id`.
    #[cold]
    #[expect(clippy::too_many_arguments, reason = "the datagram, what is wrong with it, and where to say so")]
    pub(crate) fn refuse(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &[u8],
        wanted: WireFormat,
        id: &'static str,
        error: &dyn Display,
        out: &mut Outbox,
    ) {
        let finding = self.explain(now, from, bytes, wanted);
        finding.report(id, out, || format!("a packet from {from} is not {wanted}: {error}"));
    }

    /// Explains a datagram that could not be decoded as `wanted`.
    pub(crate) fn explain(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &[u8],
        wanted: WireFormat,
    ) -> Diagnosis {
        match datagram(bytes) {
            Some(found) if found != wanted => {
                if self.is_news(now, from.ip(), found) {
                    Diagnosis::News(explain(&from, found, wanted, bytes))
                } else {
                    Diagnosis::Old
                }
            }
            Some(_) | None => Diagnosis::Nothing,
        }
    }

    /// Whether to report that a host sends this format.
    pub(crate) fn is_news(&mut self, now: Instant, ip: IpAddr, format: WireFormat) -> bool {
        let known = |sender: &&mut UnknownSender| (sender.ip, sender.format) == (ip, format);
        if let Some(sender) = self.reported.iter_mut().find(known) {
            return now.since(std::mem::replace(&mut sender.last_seen, now)) > FORGOTTEN;
        }
        if self.reported.len() >= MAX_SENDERS {
            let quietest = (0..MAX_SENDERS).min_by_key(|&at| self.reported[at].last_seen).unwrap_or(0);
            self.reported.swap_remove(quietest);
        }
        self.reported.push(UnknownSender { ip, format, last_seen: now });
        true
    }
}
