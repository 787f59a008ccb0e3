//! The mapped messages of a session: from an incoming address to slots, and from a slot to a message to send.
//!
//! One hash of the address finds a message, whether one is mapped or a hundred thousand. Addresses that are patterns are
//! held against those mapped messages that begin like them, within a budget.

use std::hash::BuildHasher;
use std::sync::Arc;

use crosspatch_core::{Direction, Duration, Instant, Outbox, Slot, Value};
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::address::Address;
use super::format::{self, Atom, DEFAULT, Format, Kind, Reading, Spec};
use super::options::Formats;
use super::pattern::{self, Pattern};
use super::wire::{Argument, Message, OscStr, encode_arguments};

/// What comes in so long after we sent the same message may be its echo.
const ECHO: Duration = Duration::from_secs(5);

/// A message is at most as long as a datagram can be.
const MAX_PACKET: usize = 65_507;

/// How much work one packet may cause by patterns; about five milliseconds.
pub(crate) const PATTERN_BUDGET: usize = 2_000_000;

/// All mapped messages.
#[derive(Default)]
pub(crate) struct Table {
    messages: Vec<Mapped>,
    index: HashTable<u32>,
    places: Vec<Place>,
    /// The messages by address, for patterns, as of the last `prepare`.
    sorted: Vec<u32>,
}

/// Where a slot is: which message, which argument.
#[derive(Copy, Clone, Default)]
struct Place {
    message: u32,
    argument: u8,
}

/// A mapped message.
pub(crate) struct Mapped {
    /// The address with its padding, as it stands on the wire.
    head: Box<[u8]>,
    len: u8,
    format: Option<Arc<Format>>,
    /// The slot of the first argument, which is the only one of most messages, and of the others.
    input: Option<Slot>,
    other_inputs: Vec<Option<Slot>>,
    output: Option<Box<Output>>,
}

/// What is known of a message that is sent.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) arguments: Vec<OutputArgument>,
    /// Whether any argument got a value, so that a peer that comes back needs it.
    pub(crate) is_known: bool,
    /// Whether it waits for the end of this call to be sent, and only to others than the peer that said it.
    pub(crate) pending: Pending,
    pub(crate) sent_at: Option<Instant>,
    pub(crate) heard_at: Option<Instant>,
    /// When it is sent once more, because it may have crossed with a different value on the way.
    pub(crate) settles_at: Option<Instant>,
    /// The peer that `told` is about.
    pub(crate) epoch: u32,
    /// How often, when it was sent last, values had gone to the peer and come back before.
    pub(crate) generation: u8,
}

/// Whether a message waits to be sent.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pending {
    #[default]
    No,
    /// Only to others than the peer that has just said the same.
    Reflection,
    Yes,
}

/// An argument of a message that is sent.
pub(crate) struct OutputArgument {
    pub(crate) spec: Spec,
    /// What it is: the last that was told or heard, whichever came later.
    pub(crate) now: Atom,
    /// What the peer was told last, unless it has said something else since.
    pub(crate) told: Atom,
    /// Whether it has changed since the call began.
    pub(crate) is_changed: bool,
}

impl OutputArgument {
    fn new(spec: Spec) -> Self {
        Self { spec, now: Atom::Unset, told: Atom::Unset, is_changed: false }
    }
}

impl Table {
    /// Announces a channel.
    pub(crate) fn bind(
        &mut self,
        root: &str,
        formats: &Formats,
        slot: Slot,
        address: &str,
        direction: Direction,
    ) {
        let Ok(Address { path, argument }) = Address::parse(address) else {
            debug_assert!(false, "a session is bound to canonical addresses");
            return;
        };
        let message = self.intern(root, path, || formats.find(path).cloned());
        if self.places.len() <= slot.index() {
            self.places.resize(slot.index() + 1, Place::default());
        }
        self.places[slot.index()] = Place { message, argument };
        let mapped = &mut self.messages[message as usize];
        match direction {
            Direction::Input => *mapped.input_mut(argument) = Some(slot),
            Direction::Output => mapped.bind_output(argument),
        }
    }

    /// Takes a channel back.
    pub(crate) fn unbind(&mut self, slot: Slot, direction: Direction) {
        let Some(&Place { message, argument }) = self.places.get(slot.index()) else { return };
        let mapped = &mut self.messages[message as usize];
        match direction {
            Direction::Input => *mapped.input_mut(argument) = None,
            Direction::Output => {
                if let Some(output) = &mut mapped.output {
                    output.unbind(argument);
                }
            }
        }
    }

    /// Puts what has been announced in order. A peer that sends a pattern does not have to wait for that.
    pub(crate) fn prepare(&mut self) {
        let messages = &self.messages;
        self.sorted.extend(self.sorted.len() as u32..messages.len() as u32);
        self.sorted.sort_unstable_by_key(|&at| messages[at as usize].address());
    }

    fn intern(&mut self, root: &str, path: &str, format: impl FnOnce() -> Option<Arc<Format>>) -> u32 {
        let mut head = Vec::with_capacity(root.len() + path.len() + 4);
        head.extend_from_slice(root.as_bytes());
        head.extend_from_slice(path.as_bytes());
        if let Some(known) = self.find(&head) {
            return known;
        }
        let address = std::mem::take(&mut head);
        OscStr::new(&address).encode(&mut head);
        let message = self.messages.len() as u32;
        self.messages.push(Mapped {
            head: head.into(),
            len: u8::try_from(address.len()).expect("canonical addresses have at most 255 bytes"),
            format: format(),
            input: None,
            other_inputs: Vec::new(),
            output: None,
        });
        let messages = &self.messages;
        self.index.insert_unique(hash(&address), message, |&at| hash(messages[at as usize].address()));
        message
    }

    /// The message with exactly that address.
    pub(crate) fn find(&self, address: &[u8]) -> Option<u32> {
        self.index.find(hash(address), |&at| self.messages[at as usize].address() == address).copied()
    }

    /// The messages whose address a pattern matches, in the order of their addresses, or none if it is no pattern. What
    /// does not fit into the budget is left out, and the budget is 0 then.
    pub(crate) fn find_matching(&self, address: &[u8], budget: &mut usize, found: &mut Vec<u32>) {
        let Ok(pattern) = Pattern::parse(address) else { return };
        let prefix = pattern::literal_prefix(address);
        let address_of = |at: u32| self.messages[at as usize].address();
        let start = self.sorted.partition_point(|&at| address_of(at) < prefix);
        let candidates = self.sorted[start..].iter().take_while(|&&at| address_of(at).starts_with(prefix));
        for &at in candidates {
            let mut steps = 8;
            if pattern.matches(address_of(at), &mut steps) {
                found.push(at);
            }
            *budget = budget.saturating_sub(steps);
            if *budget == 0 {
                return;
            }
        }
    }

    /// The message and argument of a slot, if it is one to send.
    pub(crate) fn output_of(&mut self, slot: Slot) -> Option<(u32, u8, &mut Output)> {
        let &Place { message, argument } = self.places.get(slot.index())?;
        let output = self.messages[message as usize].output.as_deref_mut()?;
        Some((message, argument, output))
    }

    /// A message.
    pub(crate) fn message(&self, message: u32) -> &Mapped {
        &self.messages[message as usize]
    }

    /// A message, to deliver something to.
    pub(crate) fn message_mut(&mut self, message: u32) -> &mut Mapped {
        &mut self.messages[message as usize]
    }

    /// What is known of a message that is sent.
    pub(crate) fn output(&mut self, message: u32) -> Option<&mut Output> {
        self.messages[message as usize].output.as_deref_mut()
    }

    /// The number of messages.
    pub(crate) fn len(&self) -> u32 {
        self.messages.len() as u32
    }
}

fn emit_impulse(slot: Slot, out: &mut Outbox) {
    out.emit(slot, Value::edge(true));
    out.emit(slot, Value::edge(false));
}

fn hash(address: &[u8]) -> u64 {
    FxBuildHasher.hash_one(address)
}

impl Mapped {
    /// Its address, root included.
    pub(crate) fn address(&self) -> &[u8] {
        &self.head[..self.len.into()]
    }

    /// Puts the arguments of an incoming message on their channels. Returns whether any is mapped.
    pub(crate) fn deliver(&mut self, now: Instant, message: &Message<'_>, out: &mut Outbox) -> bool {
        // Senders of old leave the type tags out; if they are configured, there is no need to guess.
        let configured = match (message.tags(), self.format.as_deref()) {
            (None, Some(format)) => format.iter().map(|spec| spec.kind.tag() as u8).collect(),
            (Some(_), _) | (None, None) => Vec::new(),
        };
        let message =
            if configured.is_empty() { None } else { message.tagged(&configured) }.unwrap_or(*message);
        let mut count = 0;
        for argument in message.arguments() {
            if !matches!(argument, Argument::ArrayBegin | Argument::ArrayEnd) {
                self.deliver_argument(now, count, argument, out);
                count += 1;
            }
        }
        if let (0, Some(slot)) = (count, self.input(0)) {
            emit_impulse(slot, out);
        }
        self.input.is_some() || self.other_inputs.iter().any(Option::is_some)
    }

    fn deliver_argument(&mut self, now: Instant, at: usize, argument: Argument<'_>, out: &mut Outbox) {
        let input = self.input(at);
        if input.is_none() && self.output.is_none() {
            return;
        }
        let reading = format::read(self.format.as_deref().and_then(|format| format.get(at)), argument);
        if let Some(output) = &mut self.output {
            output.hear(now, at, &reading);
        }
        match (input, reading) {
            (Some(slot), Reading::Value(value)) => out.emit(slot, value),
            (Some(slot), Reading::Impulse) => emit_impulse(slot, out),
            (Some(_), Reading::Nothing) | (None, _) => {}
        }
    }

    fn input(&self, argument: usize) -> Option<Slot> {
        match argument.checked_sub(1) {
            None => self.input,
            Some(other) => *self.other_inputs.get(other)?,
        }
    }

    fn input_mut(&mut self, argument: u8) -> &mut Option<Slot> {
        let Some(other) = usize::from(argument).checked_sub(1) else { return &mut self.input };
        if self.other_inputs.len() <= other {
            self.other_inputs.resize(other + 1, None);
        }
        &mut self.other_inputs[other]
    }

    /// Whether a peer that needs everything needs this: something that has a state, and that it did not say itself just
    /// now, if it is the `speaker` of that moment.
    pub(crate) fn has_state_for(&self, speaker: Option<Instant>) -> bool {
        self.output.as_deref().is_some_and(|output| {
            let is_heard = speaker.is_some() && output.heard_at == speaker;
            output.is_known && !output.is_event() && !is_heard && self.fits()
        })
    }

    /// It was sent to a peer that needs everything, and may cross with what that peer says.
    pub(crate) fn mark_refreshed(&mut self, now: Instant) {
        if let Some(output) = &mut self.output {
            output.sent_at = Some(now);
        }
    }

    /// How often what comes in may have gone back and forth already.
    pub(crate) fn generation(&self, now: Instant) -> u8 {
        self.output.as_deref().map_or(0, |output| match output.sent_at {
            Some(sent) if now.since(sent) < ECHO => output.generation,
            Some(_) | None => 0,
        })
    }

    /// Whether it can be sent as one packet.
    pub(crate) fn fits(&self) -> bool {
        let Some(output) = &self.output else { return true };
        let sizes = output.arguments.iter().map(|argument| match &argument.now {
            Atom::Unset | Atom::Number(_) => 9,
            Atom::Text(text) => text.len() + 5,
            Atom::Bytes(bytes) => bytes.len() + 8,
        });
        self.head.len() + 8 + sizes.sum::<usize>() <= MAX_PACKET
    }

    /// Appends the message as it is.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        let arguments = self.output.as_deref().map_or(&[][..], |output| &output.arguments);
        // The one argument of a message without arguments is there to be mapped.
        let arguments = if self.is_bare() { &[] } else { arguments };
        encode_arguments(arguments.iter().map(OutputArgument::argument), out);
    }

    fn is_bare(&self) -> bool {
        self.format.as_deref().is_some_and(<[Spec]>::is_empty)
    }

    fn bind_output(&mut self, argument: u8) {
        let format = self.format.as_deref();
        let output = self.output.get_or_insert_default();
        let wanted = format.map_or(0, <[Spec]>::len).max(usize::from(argument) + 1);
        for at in output.arguments.len()..wanted {
            let spec = match format {
                Some([]) => Spec { kind: Kind::Impulse, ..DEFAULT },
                Some(format) => format.get(at).copied().unwrap_or(DEFAULT),
                None => DEFAULT,
            };
            output.arguments.push(OutputArgument::new(spec));
        }
    }
}

impl OutputArgument {
    fn argument(&self) -> Argument<'_> {
        self.now.argument(&self.spec)
    }
}

impl Output {
    fn unbind(&mut self, argument: u8) {
        if let Some(argument) = self.arguments.get_mut(usize::from(argument)) {
            *argument = OutputArgument::new(argument.spec);
        }
        self.is_known = self.arguments.iter().any(|argument| argument.told != Atom::Unset);
        self.settles_at = None;
    }

    /// Whether all it says is that it was sent, so that it has no state that a peer could be given.
    pub(crate) fn is_event(&self) -> bool {
        self.arguments.iter().all(|argument| argument.spec.kind.is_impulse())
    }

    /// Forgets what was told to another peer than the present one.
    pub(crate) fn begin_epoch(&mut self, epoch: u32) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.arguments.iter_mut().for_each(|argument| argument.told = Atom::Unset);
        }
    }

    /// Takes note of what the peer itself has said.
    pub(crate) fn hear(&mut self, now: Instant, argument: usize, reading: &Reading) {
        let Some(known) = self.arguments.get_mut(argument) else { return };
        let Reading::Value(value) = reading else { return };
        if known.spec.kind.is_impulse() {
            return;
        }
        known.now = Atom::of(&known.spec, value);
        if known.told != known.now {
            known.told = Atom::Unset;
        }
        self.heard_at = Some(now);
    }

    /// It was sent to others than the peer that said it.
    pub(crate) fn mark_reflected(&mut self, now: Instant, generation: u8) {
        (self.sent_at, self.generation) = (Some(now), generation);
    }

    /// What it says is what the peer has been told.
    pub(crate) fn mark_sent(&mut self, now: Instant, generation: u8) {
        self.generation = generation;
        for argument in &mut self.arguments {
            argument.told = argument.now.clone();
        }
        self.sent_at = Some(now);
        self.settles_at = None;
    }
}
