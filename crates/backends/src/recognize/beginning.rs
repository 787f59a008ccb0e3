//! The first bytes of a stream, until a packet in it was decoded.

use std::fmt::Display;

use crosspatch_core::{Duration, Instant, Notice};

use super::{Diagnosis, WRONG_PROTOCOL, WireFormat, explain_stream, stream};

/// The number of stored bytes. Requests for a WebSocket can be recognized within these.
const KEPT: usize = 512;

/// The time, and the number of bytes, after which an undecodable stream is explained.
const PATIENCE: Duration = Duration::from_secs(1);
const MAX_BYTES: usize = 64 * 1024;

/// The fewest bytes that are explained. Fewer could be the beginning of anything.
const FEWEST: usize = 6;

/// The beginning of a stream.
#[derive(Debug, Default)]
pub(crate) enum Beginning {
    /// No bytes were received.
    #[default]
    Silent,
    /// Bytes were received, and no packet was decoded yet.
    Unexplained(UnexplainedBytes),
    /// The operator was notified of the likely protocol.
    Foreign,
    /// A packet was decoded. Later bytes belong to the same protocol.
    Understood,
}

/// The bytes of a stream without a decoded packet.
#[derive(Debug, Default)]
pub(crate) struct UnexplainedBytes {
    bytes: Vec<u8>,
    len: usize,
    /// When they are explained, unless more bytes are needed.
    due: Option<Instant>,
}

impl Beginning {
    /// Adds received bytes. Returns the time to explain them, if it has changed.
    pub(crate) fn add_bytes(&mut self, now: Instant, data: &[u8]) -> Option<Instant> {
        if let Self::Silent = self {
            *self = Self::Unexplained(UnexplainedBytes::default());
        }
        let Self::Unexplained(unexplained) = self else { return None };
        let kept = data.len().min(KEPT - unexplained.bytes.len());
        unexplained.bytes.extend_from_slice(&data[..kept]);
        unexplained.len = unexplained.len.saturating_add(data.len());
        let is_waiting = unexplained.due.is_some();
        unexplained.due = unexplained.due.or(Some(now + PATIENCE));
        unexplained.due.filter(|_| !is_waiting)
    }

    /// Records that a packet was decoded.
    pub(crate) fn settle(&mut self) {
        *self = Self::Understood;
    }

    /// The stream cannot be decoded, and the operator was notified. Only a valid packet resets this.
    pub(crate) fn give_up(&mut self) {
        *self = Self::Foreign;
    }

    /// Whether bytes were received and no packet was decoded.
    pub(crate) fn is_undecided(&self) -> bool {
        matches!(self, Self::Unexplained(_))
    }

    /// When the stream will have been undecodable for too long.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self {
            Self::Unexplained(unexplained) => unexplained.due,
            Self::Silent | Self::Foreign | Self::Understood => None,
        }
    }

    /// Whether the stream has been undecodable for too long, or for too many bytes.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        match self {
            Self::Unexplained(UnexplainedBytes { due: Some(due), len, .. }) => {
                *due <= now || *len >= MAX_BYTES
            }
            Self::Unexplained(_) | Self::Silent | Self::Foreign | Self::Understood => false,
        }
    }

    /// Explains a stream with data that could not be decoded as `wanted`.
    pub(crate) fn explain(&mut self, from: &dyn Display, wanted: WireFormat) -> Diagnosis {
        let unexplained = match self {
            Self::Unexplained(unexplained) => unexplained,
            Self::Foreign => return Diagnosis::Old,
            Self::Silent | Self::Understood => return Diagnosis::Nothing,
        };
        match explain_stream(from, &unexplained.bytes, wanted) {
            Some(notice) => {
                *self = Self::Foreign;
                Diagnosis::News(notice)
            }
            None => Diagnosis::Nothing,
        }
    }

    /// Explains a stream that is due. A stream that looks valid, or has hardly begun, is only slow.
    pub(crate) fn explain_silence(&mut self, from: &dyn Display, wanted: WireFormat) -> Option<Notice> {
        if let Some(notice) = self.explain_end(from, wanted) {
            return Some(notice);
        }
        let Self::Unexplained(unexplained) = self else { return None };
        unexplained.due = None;
        if unexplained.len < FEWEST || stream(&unexplained.bytes) == Some(wanted) {
            return None;
        }
        let text = format!(
            "{from} sent {} bytes without a packet of {wanted}; check protocol and port at the other end",
            unexplained.len
        );
        *self = Self::Foreign;
        Some(Notice::warning(WRONG_PROTOCOL, text))
    }

    /// Explains a stream that ended before any packet was decoded.
    pub(crate) fn explain_end(&mut self, from: &dyn Display, wanted: WireFormat) -> Option<Notice> {
        match self.explain(from, wanted) {
            Diagnosis::News(notice) => Some(notice),
            Diagnosis::Old | Diagnosis::Nothing => None,
        }
    }
}
