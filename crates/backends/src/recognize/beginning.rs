//! The first bytes of a stream, until something in it was understood.

use std::fmt::Display;

use crosspatch_core::{Duration, Instant, Notice};

use super::{Diagnosis, WRONG_PROTOCOL, WireFormat, explain_stream, stream};

/// So many bytes are kept. Requests for a WebSocket say what they are within these.
const KEPT: usize = 512;

/// A stream that makes no sense for so long, or for so many bytes, is explained.
const PATIENCE: Duration = Duration::from_secs(1);
const MAX_BYTES: usize = 64 * 1024;

/// Fewer bytes are the beginning of anything.
const FEWEST: usize = 6;

/// How a stream has begun.
#[derive(Debug, Default)]
pub(crate) enum Beginning {
    /// Nothing has come.
    #[default]
    Silent,
    /// Something has come and was not understood yet.
    Heard(UnexplainedBytes),
    /// The operator was notified of the likely protocol.
    Foreign,
    /// Something was understood. Whatever comes later belongs to the same protocol.
    Understood,
}

/// What has come.
#[derive(Debug, Default)]
pub(crate) struct UnexplainedBytes {
    bytes: Vec<u8>,
    len: usize,
    /// When it is explained, unless more has to come before.
    due: Option<Instant>,
}

impl Beginning {
    /// Bytes have come. Returns when to explain them if they stay without sense, where that has changed.
    pub(crate) fn add_bytes(&mut self, now: Instant, data: &[u8]) -> Option<Instant> {
        if let Self::Silent = self {
            *self = Self::Heard(UnexplainedBytes::default());
        }
        let Self::Heard(heard) = self else { return None };
        let kept = data.len().min(KEPT - heard.bytes.len());
        heard.bytes.extend_from_slice(&data[..kept]);
        heard.len = heard.len.saturating_add(data.len());
        let is_waiting = heard.due.is_some();
        heard.due = heard.due.or(Some(now + PATIENCE));
        heard.due.filter(|_| !is_waiting)
    }

    /// Something was understood.
    pub(crate) fn settle(&mut self) {
        *self = Self::Understood;
    }

    /// The stream cannot be decoded, and the operator was notified. Only a valid packet resets this.
    pub(crate) fn give_up(&mut self) {
        *self = Self::Foreign;
    }

    /// Whether something has come, and it is not known what.
    pub(crate) fn is_undecided(&self) -> bool {
        matches!(self, Self::Heard(_))
    }

    /// When it has made no sense for too long.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self {
            Self::Heard(heard) => heard.due,
            Self::Silent | Self::Foreign | Self::Understood => None,
        }
    }

    /// Whether it has made no sense for too long, or in too many bytes.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        match self {
            Self::Heard(UnexplainedBytes { due: Some(due), len, .. }) => *due <= now || *len >= MAX_BYTES,
            Self::Heard(_) | Self::Silent | Self::Foreign | Self::Understood => false,
        }
    }

    /// Explains a stream in which something was not understood as `wanted`.
    pub(crate) fn explain(&mut self, from: &dyn Display, wanted: WireFormat) -> Diagnosis {
        let heard = match self {
            Self::Heard(heard) => heard,
            Self::Foreign => return Diagnosis::Old,
            Self::Silent | Self::Understood => return Diagnosis::Nothing,
        };
        match explain_stream(from, &heard.bytes, wanted) {
            Some(notice) => {
                *self = Self::Foreign;
                Diagnosis::News(notice)
            }
            None => Diagnosis::Nothing,
        }
    }

    /// Explains a stream that is due. One that looks right, or has hardly begun, is slow and no more.
    pub(crate) fn explain_silence(&mut self, from: &dyn Display, wanted: WireFormat) -> Option<Notice> {
        if let Some(notice) = self.explain_end(from, wanted) {
            return Some(notice);
        }
        let Self::Heard(heard) = self else { return None };
        heard.due = None;
        if heard.len < FEWEST || stream(&heard.bytes) == Some(wanted) {
            return None;
        }
        let text = format!(
            "{from} sent {} bytes without a packet of {wanted}; check protocol and port at the other end",
            heard.len
        );
        *self = Self::Foreign;
        Some(Notice::warning(WRONG_PROTOCOL, text))
    }

    /// Explains a stream that has ended before anything in it was understood.
    pub(crate) fn explain_end(&mut self, from: &dyn Display, wanted: WireFormat) -> Option<Notice> {
        match self.explain(from, wanted) {
            Diagnosis::News(notice) => Some(notice),
            Diagnosis::Old | Diagnosis::Nothing => None,
        }
    }
}
