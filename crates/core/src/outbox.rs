//! Everything that a session can cause.
//!
//! Sessions push; the shell reads. Effects keep the order in which they were pushed, and the bytes of all messages share
//! one buffer, so that a turn allocates nothing once the buffers have grown to their usual size.

use std::ops::Range;

use crate::{Peer, Port, PortSpec, SessionId, Slot, SlotSpan, SlotSpans, SpannedValues, Value, plain};

/// How much a notice matters.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something for those who look for a cause: a message that no mapping uses.
    Debug,
    /// A change of state worth a line: connected, logged in, reloaded.
    Info,
    /// Something was lost, refused or is missing; the show continues without it.
    Warning,
    /// The operator has to act.
    Error,
}

/// A message for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The kind of notice, in `kebab-case`. Notices of one kind and session are counted and rate-limited together.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence without a full stop, in lower case, for a person who knows the show but not this program.
    pub text: String,
    /// The outputs of the session that it is about. The engine prefixes the text with their names and the sources
    /// mapped to them.
    pub outputs: Vec<Slot>,
}

impl Notice {
    /// Something for those who look for a cause.
    pub fn debug(id: &'static str, text: impl Into<String>) -> Self {
        Self::new(id, Severity::Debug, text.into())
    }

    /// A change of state.
    pub fn info(id: &'static str, text: impl Into<String>) -> Self {
        Self::new(id, Severity::Info, text.into())
    }

    /// Something lost, refused or missing.
    pub fn warning(id: &'static str, text: impl Into<String>) -> Self {
        Self::new(id, Severity::Warning, text.into())
    }

    /// An error that someone has to fix.
    pub fn error(id: &'static str, text: impl Into<String>) -> Self {
        Self::new(id, Severity::Error, text.into())
    }

    /// The same about outputs of the session.
    #[must_use]
    pub fn about(self, outputs: Vec<Slot>) -> Self {
        Self { outputs, ..self }
    }

    /// Notices contain text that peers have sent.
    fn new(id: &'static str, severity: Severity, text: String) -> Self {
        Self { id, severity, text: plain(text).into_owned(), outputs: Vec::new() }
    }
}

/// An action of the shell for a session.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Open a port. A port of the same number that is still open is closed first, without a report.
    Open(SessionId, Port, Box<PortSpec>),
    /// Close a port ([`Peer::Only`]) or one accepted connection, after sending all queued data. Not reported back.
    Close(SessionId, Port, Peer),
    /// Send a message; [`Outbox::bytes`] has it.
    Send(SessionId, Port, Peer, Range<usize>),
    /// The session has stopped: flush and close whatever it has open.
    Retire(SessionId),
    /// Show a notice to the operator. Without a session it comes from the engine. The number counts the equal notices
    /// held back before.
    Notice(Option<SessionId>, Notice, u32),
    /// A value appeared on a channel of the session. Only while [`Outbox::watch_values`] is on.
    Value(SessionId, Slot, Value),
}

/// Collects the effects of sessions during one or several turns.
#[derive(Debug, Default)]
pub struct Outbox {
    session: Option<SessionId>,
    effects: Vec<Effect>,
    bytes: Vec<u8>,
    watch_values: bool,
    breaks_spans: bool,
    // Read by the engine after each call into a session.
    pub(crate) emitted: Vec<(Slot, Value)>,
    pub(crate) spans: SlotSpans,
    pub(crate) raised: Vec<Notice>,
    pub(crate) recall: bool,
    pub(crate) suspended: bool,
    pub(crate) sent: Volume,
    pub(crate) generation: u8,
    /// The numbers of the events among the values passed to the session.
    pub(crate) events: Vec<u32>,
}

impl Outbox {
    /// An empty outbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests to open a port. The result is reported by `handle_open` or `handle_close`.
    pub fn open(&mut self, port: Port, spec: PortSpec) {
        if let Some(session) = self.session {
            self.effects.push(Effect::Open(session, port, Box::new(spec)));
        }
    }

    /// Requests to close a port ([`Peer::Only`]) or an accepted connection after all queued data has been sent.
    pub fn close(&mut self, port: Port, peer: Peer) {
        if let Some(session) = self.session {
            self.effects.push(Effect::Close(session, port, peer));
        }
    }

    /// Sends one message (a datagram, a WebSocket message, bytes of a stream), written by `encode` at the end of a
    /// buffer that others use, too: `encode` only appends.
    pub fn send(&mut self, port: Port, to: Peer, encode: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        encode(&mut self.bytes);
        debug_assert!(self.bytes.len() >= start, "an encoder only appends");
        self.sent.count(self.bytes.len() - start);
        if let Some(session) = self.session {
            self.effects.push(Effect::Send(session, port, to, start..self.bytes.len()));
        }
    }

    /// Puts a value on one of the session's channels. Numbers are brought into their range.
    pub fn emit(&mut self, slot: Slot, value: impl Into<Value>) {
        self.emitted.push((slot, value.into().normalised()));
    }

    /// Puts levels on consecutive channels of the session, each level divided by 255. Bit `n` of `changed` says whether
    /// channel `first + n` has a new value. Has the same effect as [`emit`](Self::emit) for each of those, and costs less
    /// from about sixteen of them on.
    pub fn emit_span(&mut self, first: Slot, levels: &[u8], changed: &[u64]) {
        let span = SlotSpan::new(first, levels, changed);
        if self.breaks_spans {
            self.emitted.extend(span.values());
        } else {
            self.spans.push(self.emitted.len(), &span);
        }
    }

    /// Puts values that the session has received on channels of the same numbers.
    pub fn emit_all(&mut self, received: &[(Slot, Value)]) {
        // Numbers between sessions are in their range.
        match received {
            [(slot, Value::Number(number))] => self.emitted.push((*slot, Value::Number(*number))),
            _ => self.emitted.extend_from_slice(received),
        }
    }

    /// Whether the value with this number, among those passed to `handle_values`, is an event. Events must not be sent
    /// again to a peer that reconnects. [`recall`](Self::recall) never returns events.
    #[inline]
    pub fn is_event(&self, number: usize) -> bool {
        !self.events.is_empty() && self.events.binary_search(&(number as u32)).is_ok()
    }

    /// Exchanges the numbers of the events, for a session that passes values on later than it receives them.
    pub fn swap_events(&mut self, events: &mut Vec<u32>) {
        std::mem::swap(&mut self.events, events);
    }

    /// How often the cause of this turn has gone to a peer and come back: 0 for a cause that begins here or at a peer
    /// that was sent nothing like it. A session that sends to a peer which may send everything back stores this with
    /// what it sends, and stops at a limit of its choice.
    pub fn generation(&self) -> u8 {
        self.generation
    }

    /// Marks this turn as caused by an echo of a value of that generation. The values of the turn have the next generation.
    pub fn returned(&mut self, generation: u8) {
        self.generation = self.generation.max(generation.saturating_add(1));
    }

    /// Reports a notice to the operator.
    pub fn notice(&mut self, notice: Notice) {
        self.raised.push(notice);
    }

    /// Requests the last value of every mapped output; `handle_recall` receives them within the same turn.
    pub fn recall(&mut self) {
        self.recall = true;
    }

    /// Interrupts a session that has more work than other sessions can wait for. After these have been served,
    /// [`handle_resume`](crate::Session::handle_resume) is called. The session receives no more data until it is done.
    pub fn suspend(&mut self) {
        self.suspended = true;
    }

    /// The effects since the last `clear`, in order.
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// The message that an [`Effect::Send`] refers to.
    pub fn bytes(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }

    /// The bytes of all messages; the ranges of [`Effect::Send`] count in them.
    pub fn all_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets the effects and keeps the memory.
    pub fn clear(&mut self) {
        self.effects.clear();
        self.bytes.clear();
    }

    /// Whether every value that appears on a channel becomes an [`Effect::Value`], for a monitor or a transcript.
    pub fn watch_values(&mut self, on: bool) {
        self.watch_values = on;
    }

    /// Whether values are watched.
    pub fn watches_values(&self) -> bool {
        self.watch_values
    }

    /// Whether every span is broken into values when it is emitted, for comparisons.
    pub fn break_spans(&mut self, on: bool) {
        self.breaks_spans = on;
    }

    /// Assigns the following effects to `session`.
    pub(crate) fn begin(&mut self, session: SessionId) {
        debug_assert!(
            self.emitted.is_empty() && self.spans.is_empty() && self.raised.is_empty() && !self.recall
        );
        self.session = Some(session);
    }

    pub(crate) fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// For a session outside an engine: an outbox in which everything belongs to `session`.
    pub fn of_session(session: SessionId) -> Self {
        Self { session: Some(session), ..Self::default() }
    }

    /// Discards the values emitted so far, keeps the memory, and returns their number. For measuring a session outside
    /// an engine.
    pub fn forget_emitted(&mut self) -> usize {
        let mut count = self.emitted.len();
        self.emitted.clear();
        if !self.spans.is_empty() {
            count += self.spans.iter().map(|(_, span)| span.count()).sum::<usize>();
            self.spans.clear();
        }
        count
    }

    /// Takes the values emitted so far, those of spans included. For testing a session outside an engine.
    pub fn take_emitted(&mut self) -> Vec<(Slot, Value)> {
        let (values, spans) = (std::mem::take(&mut self.emitted), std::mem::take(&mut self.spans));
        SpannedValues::new(&values, &spans).to_values()
    }
}

/// A measure of all that was ever sent.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Volume {
    messages: usize,
    bytes: usize,
}

impl Volume {
    fn count(&mut self, bytes: usize) {
        self.messages = self.messages.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(bytes);
    }

    /// The cost of what has been sent since: about a microsecond for each message and each KiB.
    pub(crate) fn since(self, before: Self) -> usize {
        self.messages.wrapping_sub(before.messages) + (self.bytes.wrapping_sub(before.bytes) >> 10)
    }
}
