//! The mapped messages of a session: from an incoming address to slots, and from a slot to a message to send.
//!
//! A message is found by a hash of its address, in constant time. An address pattern is compared with the mapped messages that
//! begin with its literal prefix, within a budget.

use std::sync::Arc;

use crosspatch_core::{Direction, Instant, Interned, KeyIndex, Outbox, Slot, Value};

use super::address::Address;
use super::format::{self, ArgumentReading, ArgumentSpec, Atom, MessageFormat};
use super::held::HeldButtons;
use super::options::Config;
use super::output::OutputMessage;
use super::pattern::{self, AddressPattern};
use super::wire::{Argument, Message, encode_arguments};

/// The longest message, which is the longest datagram.
const MAX_PACKET: usize = 65_507;

/// The cost of examining a message, and of delivering its arguments, in steps of a search.
const CANDIDATE: usize = 8;
pub(crate) const DELIVERY: usize = 64;

/// All mapped messages.
pub(crate) struct MessageTable {
    config: Arc<Config>,
    /// The addresses of the messages, with their padding, as they stand on the wire.
    heads: Vec<u8>,
    messages: Vec<MappedMessage>,
    outputs: Vec<OutputMessage>,
    /// The slots of further arguments, for messages with more than one.
    other_inputs: Vec<Vec<Option<Slot>>>,
    index: KeyIndex,
    places: Vec<ArgumentPosition>,
    /// The messages by address, for patterns, as of the last `prepare`.
    sorted: Vec<u32>,
}

/// The message and argument of a slot.
#[derive(Copy, Clone, Default)]
struct ArgumentPosition {
    message: u32,
    argument: u8,
}

/// A mapped message. There may be a million of them, so it refers to everything by number.
struct MappedMessage {
    /// Where its address begins, in groups of four bytes, and how long it is without its padding.
    head: u32,
    len: u8,
    format: Number,
    /// The slot of the first argument, which is the only one of most messages.
    input: Number,
    /// The slots of the others.
    other_inputs: Number,
    output: Number,
}

/// An optional number in four bytes.
#[derive(Copy, Clone, PartialEq, Eq)]
struct Number(u32);

/// A mapped incoming message, with its parts resolved.
pub(crate) struct IncomingMessage<'t> {
    format: Option<&'t MessageFormat>,
    specs: &'t [ArgumentSpec],
    /// The slot of the first argument, and those of the others.
    input: Option<Slot>,
    others: &'t [Option<Slot>],
    output: Option<&'t mut OutputMessage>,
}

/// A mapped outgoing message, with its parts resolved.
pub(crate) struct OutgoingMessage<'t> {
    /// The address with its padding.
    head: &'t [u8],
    specs: &'t [ArgumentSpec],
    pub(crate) output: &'t mut OutputMessage,
    /// Whether it comes in too, so that it may have echoes.
    returns: bool,
}

/// The result of a search for the messages that a pattern matches.
#[derive(Default)]
pub(crate) struct Search {
    /// The work that was done.
    pub(crate) steps: usize,
    /// The candidate at which the search continues, unless it is complete.
    pub(crate) next: Option<usize>,
}

/// An argument to send, by its slot.
pub(crate) struct OutgoingArgument<'t> {
    pub(crate) message: u32,
    pub(crate) spec: &'t ArgumentSpec,
    pub(crate) output: &'t mut OutputMessage,
    pub(crate) argument: usize,
}

impl MessageTable {
    /// A table without messages.
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            heads: Vec::new(),
            messages: Vec::new(),
            outputs: Vec::new(),
            other_inputs: Vec::new(),
            index: KeyIndex::default(),
            places: Vec::new(),
            sorted: Vec::new(),
        }
    }

    /// Reserves space for channels. Growing step by step would leave unused holes.
    pub(crate) fn reserve(&mut self, channels: usize, outputs: usize) {
        self.messages.reserve_exact(channels);
        self.places.reserve_exact(channels);
        self.sorted.reserve_exact(channels);
        self.outputs.reserve_exact(outputs);
        self.index = KeyIndex::with_capacity(channels);
    }

    /// Adds a channel.
    pub(crate) fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        let Ok(Address { path, argument }) = Address::parse(address) else {
            debug_assert!(false, "a session is bound to canonical addresses");
            return;
        };
        let message = self.intern(path);
        if self.places.len() <= slot.index() {
            self.places.resize(slot.index() + 1, ArgumentPosition::default());
        }
        self.places[slot.index()] = ArgumentPosition { message, argument };
        match direction {
            Direction::Input => self.bind_input(message, argument, slot),
            Direction::Output => self.bind_output(message, argument),
        }
    }

    fn bind_input(&mut self, message: u32, argument: u8, slot: Slot) {
        let mapped = &mut self.messages[message as usize];
        let Some(other) = usize::from(argument).checked_sub(1) else {
            mapped.input = Number::some(slot.index());
            return;
        };
        if mapped.other_inputs == Number::NONE {
            mapped.other_inputs = Number::some(self.other_inputs.len());
            self.other_inputs.push(Vec::new());
        }
        if let Some(at) = mapped.other_inputs.get() {
            let others = &mut self.other_inputs[at];
            others.resize(others.len().max(other + 1), None);
            others[other] = Some(slot);
        }
    }

    fn bind_output(&mut self, message: u32, argument: u8) {
        let record = &mut self.messages[message as usize];
        if record.output == Number::NONE {
            record.output = Number::some(self.outputs.len());
            self.outputs.push(OutputMessage::default());
        }
        if let Some(at) = record.output.get() {
            let formats = &self.config.formats;
            let configured = record.format.get().map_or(0, |format| formats.get(format).len());
            self.outputs[at].bind(argument, configured, |at| formats.spec(record.format.get(), at));
        }
    }

    /// Removes a channel.
    pub(crate) fn unbind(&mut self, slot: Slot, direction: Direction) {
        let Some(&ArgumentPosition { message, argument }) = self.places.get(slot.index()) else { return };
        match direction {
            Direction::Input => {
                let mapped = &mut self.messages[message as usize];
                match usize::from(argument).checked_sub(1) {
                    None => mapped.input = Number::NONE,
                    Some(other) => {
                        let others = mapped.other_inputs.get().map(|at| &mut self.other_inputs[at]);
                        if let Some(input) = others.and_then(|others| others.get_mut(other)) {
                            *input = None;
                        }
                    }
                }
            }
            Direction::Output => {
                if let Some(output) = self.output(message) {
                    output.unbind(argument);
                }
            }
        }
    }

    /// Sorts the added messages in advance, so that the first pattern does not have to wait for that.
    pub(crate) fn prepare(&mut self) {
        let Self { sorted, messages, heads, .. } = self;
        let known = sorted.len();
        sorted.extend(known as u32..messages.len() as u32);
        sort_added(sorted, known, |at| messages[at as usize].address(heads));
    }

    fn intern(&mut self, path: &str) -> u32 {
        let Self { config, heads, messages, index, .. } = self;
        // The address is written to its final position, and removed if it exists already.
        let head = heads.len();
        heads.extend_from_slice(config.root.as_bytes());
        heads.extend_from_slice(path.as_bytes());
        let (known, address) = heads.split_at(head);
        match index.intern(address, |at| messages[at as usize].address(known)) {
            Interned::Known(message) => {
                heads.truncate(head);
                message
            }
            Interned::New(message) => {
                messages.push(MappedMessage {
                    head: u32::try_from(head / 4).expect("all addresses of a show have less than 16 GiB"),
                    len: u8::try_from(address.len()).expect("canonical addresses have at most 255 bytes"),
                    format: config.formats.find(path).map_or(Number::NONE, Number::some),
                    input: Number::NONE,
                    other_inputs: Number::NONE,
                    output: Number::NONE,
                });
                heads.resize(head + padded(address.len()), 0);
                message
            }
        }
    }

    /// The message with exactly that address.
    pub(crate) fn find(&self, address: &[u8]) -> Option<u32> {
        self.index.find(address, |at| self.address(at))
    }

    /// Finds the messages that a pattern matches, in the order of their addresses, beginning with a candidate. Stops after a number
    /// of steps. An invalid pattern matches none.
    pub(crate) fn find_matching(
        &self,
        address: &[u8],
        first: usize,
        most_steps: usize,
        found: &mut Vec<u32>,
    ) -> Search {
        let mut search = Search::default();
        let Ok(pattern) = AddressPattern::parse(address) else { return search };
        let prefix = pattern::literal_prefix(address);
        let start = self.sorted.partition_point(|&at| self.address(at) < prefix);
        let candidates = self.sorted.get(start + first..).unwrap_or_default().iter();
        for (number, &at) in (first..).zip(candidates.take_while(|&&at| self.address(at).starts_with(prefix)))
        {
            if search.steps >= most_steps {
                search.next = Some(number);
                break;
            }
            search.steps += CANDIDATE;
            if pattern.matches(self.address(at), &mut search.steps) {
                search.steps += DELIVERY;
                found.push(at);
            }
        }
        search
    }

    /// The number of messages.
    pub(crate) fn len(&self) -> u32 {
        self.messages.len() as u32
    }

    /// The address of a message, root included.
    pub(crate) fn address(&self, message: u32) -> &[u8] {
        self.messages[message as usize].address(&self.heads)
    }

    /// The outgoing argument of a slot, if there is one.
    #[inline]
    pub(crate) fn target(&mut self, slot: Slot) -> Option<OutgoingArgument<'_>> {
        let &ArgumentPosition { message, argument } = self.places.get(slot.index())?;
        let output = &mut self.outputs[self.messages[message as usize].output.get()?];
        let argument = usize::from(argument);
        let spec = &self.config.formats.specs()[output.arguments[argument].spec as usize];
        Some(OutgoingArgument { message, spec, output, argument })
    }

    /// An incoming message.
    #[inline]
    pub(crate) fn incoming(&mut self, message: u32) -> IncomingMessage<'_> {
        let record = &self.messages[message as usize];
        let formats = &self.config.formats;
        IncomingMessage {
            format: record.format.get().map(|at| formats.get(at)),
            specs: formats.specs(),
            input: record.input.get().map(|slot| Slot(slot as u32)),
            others: record.other_inputs.get().map_or(&[], |at| &self.other_inputs[at]),
            output: record.output.get().map(|at| &mut self.outputs[at]),
        }
    }

    /// An outgoing message, if it is one.
    #[inline]
    pub(crate) fn outgoing(&mut self, message: u32) -> Option<OutgoingMessage<'_>> {
        let record = &self.messages[message as usize];
        let output = &mut self.outputs[record.output.get()?];
        let returns = record.input != Number::NONE || record.other_inputs != Number::NONE;
        Some(OutgoingMessage {
            head: record.head(&self.heads),
            specs: self.config.formats.specs(),
            output,
            returns,
        })
    }

    /// The state of an outgoing message.
    #[inline]
    pub(crate) fn output(&mut self, message: u32) -> Option<&mut OutputMessage> {
        Some(&mut self.outputs[self.messages[message as usize].output.get()?])
    }
}

impl IncomingMessage<'_> {
    /// Emits the arguments on their channels, and records the buttons that a connection holds. Returns whether any is mapped.
    #[inline]
    pub(crate) fn deliver(
        mut self,
        now: Instant,
        message: &Message<'_>,
        mut held: Option<&mut HeldButtons>,
        out: &mut Outbox,
    ) -> bool {
        let mut is_echo = false;
        // Old senders leave out the type tags. The configured types replace them.
        let configured = match (message.tags(), self.format) {
            (None, Some(format)) => format.iter().map(|spec| spec.kind.tag() as u8).collect(),
            (Some(_), _) | (None, None) => Vec::new(),
        };
        let message =
            if configured.is_empty() { None } else { message.tagged(&configured) }.unwrap_or(*message);
        let mut count = 0;
        for argument in message.arguments() {
            if !matches!(argument, Argument::ArrayBegin | Argument::ArrayEnd) {
                is_echo |= self.deliver_argument(now, count, argument, held.as_deref_mut(), out);
                count += 1;
            }
        }
        if count == 0 {
            let output = self.output.as_mut();
            is_echo =
                output.is_some_and(|output| output.receive(now, 0, self.specs, &ArgumentReading::Impulse));
            self.input.into_iter().for_each(|slot| emit_impulse(slot, out));
        }
        if let Some(output) = self.output.filter(|_| is_echo) {
            out.returned(output.generation);
        }
        self.input.is_some() || self.others.iter().any(Option::is_some)
    }

    /// Emits an argument on its channel. Returns whether it may be an echo.
    #[inline]
    fn deliver_argument(
        &mut self,
        now: Instant,
        at: usize,
        argument: Argument<'_>,
        held: Option<&mut HeldButtons>,
        out: &mut Outbox,
    ) -> bool {
        let input = match at.checked_sub(1) {
            None => self.input,
            Some(other) => self.others.get(other).copied().flatten(),
        };
        if input.is_none() && self.output.is_none() {
            return false;
        }
        let reading = format::read(self.format.and_then(|format| format.get(at)), argument);
        let output = self.output.as_mut();
        let is_echo = output.is_some_and(|output| output.receive(now, at, self.specs, &reading));
        match (input, reading) {
            (Some(slot), ArgumentReading::Value(value)) => {
                if let Some(held) = held {
                    held.record(now, slot, &value);
                }
                out.emit(slot, value);
            }
            (Some(slot), ArgumentReading::Impulse) => emit_impulse(slot, out),
            (Some(_), ArgumentReading::Nothing) | (None, _) => {}
        }
        is_echo
    }
}

impl OutgoingMessage<'_> {
    /// Whether a peer that needs all states needs this message: it has a state, and the peer has not just sent it itself as the
    /// `speaker`.
    pub(crate) fn has_state_for(&self, speaker: Option<Instant>) -> bool {
        let is_heard = speaker.is_some() && self.output.received_at.get() == speaker;
        self.output.is_known && !is_heard && !self.output.is_event(self.specs) && self.fits()
    }

    /// Records that it was sent.
    #[inline]
    pub(crate) fn mark_sent(&mut self, now: Instant, generation: u8) {
        self.output.mark_sent(now, generation, self.returns, self.specs);
    }

    /// Whether only its last state counts, so that earlier ones may be dropped.
    pub(crate) fn is_level(&self) -> bool {
        let arguments = &self.output.arguments;
        self.output.is_known && (arguments.len() > 1 || arguments[0].is_level())
    }

    /// Whether it can be sent as one packet.
    pub(crate) fn fits(&self) -> bool {
        let sizes = self.output.arguments.iter().map(|argument| match &argument.now {
            Atom::Unset | Atom::Number(_) => 9,
            Atom::Text(text) => text.len() + 5,
            Atom::Bytes(bytes) => bytes.len() + 8,
        });
        self.head.len() + 8 + sizes.sum::<usize>() <= MAX_PACKET
    }

    /// Appends the encoded message.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.head);
        // A message without arguments has one for its channel.
        let arguments = if self.output.is_bare() { &[] } else { &*self.output.arguments };
        encode_arguments(arguments.iter().map(|argument| argument.argument(self.specs)), out);
    }
}

impl MappedMessage {
    fn address<'t>(&self, heads: &'t [u8]) -> &'t [u8] {
        &heads[self.head as usize * 4..][..self.len.into()]
    }

    /// The address with its padding.
    fn head<'t>(&self, heads: &'t [u8]) -> &'t [u8] {
        &heads[self.head as usize * 4..][..padded(self.len.into())]
    }
}

impl Number {
    const NONE: Self = Self(u32::MAX);

    fn some(number: usize) -> Self {
        Self(u32::try_from(number).expect("there are fewer channels than fit into 32 bits"))
    }

    fn get(self) -> Option<usize> {
        (self != Self::NONE).then_some(self.0 as usize)
    }
}

/// Sorts numbers by their keys, of which the first `known` are in order already.
fn sort_added<'k>(numbers: &mut [u32], known: usize, key: impl Fn(u32) -> &'k [u8]) {
    let (before, added) = numbers.split_at_mut(known);
    if added.len() > before.len() / 64 {
        // The stable sort is fast for what is in order, as is most of what people and programs write.
        return numbers.sort_by_key(|&at| key(at));
    }
    // A reload adds a few to perhaps a million, which are not all compared again (measured: 40 ms).
    added.sort_by_key(|&at| key(at));
    let added = added.to_vec();
    let mut end = known;
    for (smaller, at) in added.into_iter().enumerate().rev() {
        let place = numbers[..end].partition_point(|&other| key(other) < key(at));
        numbers.copy_within(place..end, place + smaller + 1);
        numbers[place + smaller] = at;
        end = place;
    }
}

/// How long a string is on the wire: its end is marked, and it fills groups of four bytes.
fn padded(len: usize) -> usize {
    (len / 4 + 1) * 4
}

fn emit_impulse(slot: Slot, out: &mut Outbox) {
    out.emit(slot, Value::edge(true));
    out.emit(slot, Value::edge(false));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_added_gets_its_place_among_the_others(
            keys in prop::collection::vec(any::<[u8; 2]>(), 200..300),
            count in 0..4_usize,
        ) {
            let key = |at: u32| &keys[at as usize][..];
            let mut expected: Vec<_> = (0..keys.len() as u32).collect();
            expected.sort_by_key(|&at| key(at));
            let known = keys.len() - count;
            let mut numbers: Vec<_> = (0..known as u32).collect();
            numbers.sort_by_key(|&at| key(at));
            numbers.extend(known as u32..keys.len() as u32);
            sort_added(&mut numbers, known, key);
            let keys_of = |numbers: Vec<u32>| numbers.into_iter().map(|at| keys[at as usize]).collect::<Vec<_>>();
            prop_assert_eq!(keys_of(numbers), keys_of(expected));
        }
    }
}
