//! Who sends another protocol to a port for datagrams.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};

use crosspatch_core::{Duration, Instant, Outbox};

use super::{Finding, Format, datagram, explain};

/// So many senders are remembered. A flood of forged addresses is left to the limit for notices.
const MAX_STRANGERS: usize = 32;

/// A sender is reported again after this time of silence.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// The senders that have been reported.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    told: Vec<Stranger>,
}

/// A sender is a host: one-shot senders use another port each time.
#[derive(Debug)]
struct Stranger {
    ip: IpAddr,
    format: Format,
    heard: Instant,
}

impl Strangers {
    /// Tells of a datagram that was not understood as `wanted`, in a notice of the kind `id`.
    #[cold]
    #[expect(clippy::too_many_arguments, reason = "the datagram, what is wrong with it, and where to say so")]
    pub(crate) fn refuse(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &[u8],
        wanted: Format,
        id: &'static str,
        error: &dyn Display,
        out: &mut Outbox,
    ) {
        let finding = self.explain(now, from, bytes, wanted);
        finding.tell(id, out, || format!("a packet from {from} is not {wanted}: {error}"));
    }

    /// Explains a datagram that was not understood as `wanted`.
    pub(crate) fn explain(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &[u8],
        wanted: Format,
    ) -> Finding {
        match datagram(bytes) {
            Some(found) if found != wanted => {
                if self.is_news(now, from.ip(), found) {
                    Finding::News(explain(&from, found, wanted, bytes))
                } else {
                    Finding::Old
                }
            }
            Some(_) | None => Finding::Nothing,
        }
    }

    /// Whether to report that a host sends this format.
    pub(crate) fn is_news(&mut self, now: Instant, ip: IpAddr, format: Format) -> bool {
        let known = |stranger: &&mut Stranger| (stranger.ip, stranger.format) == (ip, format);
        if let Some(stranger) = self.told.iter_mut().find(known) {
            return now.since(std::mem::replace(&mut stranger.heard, now)) > FORGOTTEN;
        }
        if self.told.len() >= MAX_STRANGERS {
            let quietest = (0..MAX_STRANGERS).min_by_key(|&at| self.told[at].heard).unwrap_or(0);
            self.told.swap_remove(quietest);
        }
        self.told.push(Stranger { ip, format, heard: now });
        true
    }
}
