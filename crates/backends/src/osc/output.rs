//! The state of an outgoing message: its values, whether the peer has received them, and when.
//!
//! There is one of these for every mapped message, be there a million. So it is kept small: what most messages have, which
//! is one argument, lies in it, and a time takes as much room as it has bits.

use std::num::NonZeroU64;
use std::ops::{Deref, DerefMut};

use crosspatch_core::{Duration, Instant, Value};

use super::format::{Atom, BARE, Reading, Spec};
use super::wire::Argument;
use crate::shared::echo::{ECHO, ECHO_OF_BUTTON, Echoes, OWN_WORD};

/// A message that we sent less than this ago may cross with one of the peer's.
pub(crate) const CROSSING: Duration = Duration::from_millis(500);

/// What is known of a message that is sent.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) arguments: Arguments,
    pub(crate) sent_at: Time,
    pub(crate) heard_at: Time,
    /// What may come back, of a message that comes in as well.
    echoes: Option<Box<Echoes>>,
    /// When it is sent once more, because it may have crossed with a different value on the way.
    pub(crate) settles_at: Time,
    /// The peer that `is_told` is about.
    epoch: u32,
    /// How often, when it was sent last, values had gone to the peer and come back before.
    pub(crate) generation: u8,
    /// Whether any argument has a value, so that a peer that reconnects needs it.
    pub(crate) is_known: bool,
    /// Whether it waits for the end of this call to be sent, and only to others than the peer that said it.
    pub(crate) pending: Pending,
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
    /// The last value sent or received, whichever is later.
    pub(crate) now: Atom,
    /// The number that `now` was made of; NaN if it was a text, or if nothing has been said.
    number: f64,
    /// Its type and range, by their number among those of the instance.
    pub(crate) spec: u32,
    /// Whether the peer was sent this value last, and has sent no other since.
    pub(crate) is_told: bool,
    /// Whether it waits for the end of this call.
    pub(crate) is_changed: bool,
}

/// The arguments of a message that is sent, of which there is at least one.
pub(crate) enum Arguments {
    One(OutputArgument),
    Many(Box<[OutputArgument]>),
}

/// A time, or none, in eight bytes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Time(Option<NonZeroU64>);

impl Output {
    /// Makes room for an argument, and for those that are configured. `spec` says what each of them is.
    pub(crate) fn bind(&mut self, argument: u8, configured: usize, spec: impl Fn(usize) -> u32) {
        let wanted = configured.max(usize::from(argument) + 1);
        if self.arguments.len() < wanted {
            let mut all = match std::mem::take(&mut self.arguments) {
                Arguments::One(one) => vec![one],
                Arguments::Many(many) => many.into_vec(),
            };
            all.resize_with(wanted, OutputArgument::default);
            self.arguments = Arguments::Many(all.into());
        }
        for (at, argument) in self.arguments.iter_mut().enumerate() {
            argument.spec = spec(at);
        }
    }

    /// Forgets an argument that is not mapped any more.
    pub(crate) fn unbind(&mut self, argument: u8) {
        if let Some(argument) = self.arguments.get_mut(usize::from(argument)) {
            *argument = OutputArgument { spec: argument.spec, ..OutputArgument::default() };
        }
        self.is_known = self.arguments.iter().any(|argument| argument.is_told);
        self.settles_at = Time::NEVER;
    }

    /// Forgets what was sent to other peers than the current one.
    pub(crate) fn begin_epoch(&mut self, epoch: u32) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.arguments.iter_mut().for_each(|argument| argument.is_told = false);
        }
    }

    /// Takes note of what the peer itself has said. Whether that is the echo of something that was sent.
    pub(crate) fn hear(&mut self, now: Instant, argument: usize, specs: &[Spec], reading: &Reading) -> bool {
        let Some(known) = self.arguments.get_mut(argument) else { return false };
        let spec = &specs[known.spec as usize];
        let mut is_echo = |atom: &Atom| self.echoes.as_mut().is_some_and(|echoes| echoes.hear(now, atom));
        let value = match reading {
            Reading::Value(value) if !spec.is_event() => value,
            Reading::Value(_) | Reading::Impulse | Reading::Nothing => return is_echo(&Atom::Unset),
        };
        let atom = Atom::of(spec, value);
        let is_echo = is_echo(&atom);
        known.is_told &= known.now == atom;
        known.put(atom, value);
        self.heard_at = now.into();
        is_echo
    }

    /// Whether the peer has just said itself what an argument says: within this turn, or a level a little before.
    pub(crate) fn is_said_by_peer(&self, now: Instant, argument: usize, value: &Value) -> bool {
        let Some(heard) = self.heard_at.get() else { return false };
        heard == now || (is_level(value) && !self.arguments[argument].is_told && now.since(heard) < OWN_WORD)
    }

    /// Whether all it says is that it was sent, so that it has no state that a peer could be given.
    pub(crate) fn is_event(&self, specs: &[Spec]) -> bool {
        self.arguments.iter().all(|argument| specs[argument.spec as usize].is_event())
    }

    /// Whether it is configured to have no arguments.
    pub(crate) fn is_bare(&self) -> bool {
        self.arguments.first().is_some_and(|argument| argument.spec == BARE)
    }

    /// It was sent to others than the peer that said it.
    pub(crate) fn mark_reflected(&mut self, now: Instant, generation: u8) {
        (self.sent_at, self.generation) = (now.into(), generation);
    }

    /// What it says is what the peer has been told. If the message `returns`, what it says is remembered for a while.
    pub(crate) fn mark_sent(&mut self, now: Instant, generation: u8, returns: bool, specs: &[Spec]) {
        self.generation = generation;
        if returns {
            let echoes = self.echoes.get_or_insert_default();
            for argument in &*self.arguments {
                echoes.send(
                    now,
                    argument.heard_as(specs),
                    if argument.is_level() { ECHO } else { ECHO_OF_BUTTON },
                );
            }
        }
        self.arguments
            .iter_mut()
            .for_each(|argument| argument.is_told = !matches!(argument.now, Atom::Unset));
        self.sent_at = now.into();
        self.settles_at = Time::NEVER;
    }
}

impl OutputArgument {
    /// Takes what a value is in its type.
    pub(crate) fn put(&mut self, atom: Atom, value: &Value) {
        self.now = atom;
        self.number = value.as_number().unwrap_or(f64::NAN);
    }

    /// Whether it is at neither end of a button.
    pub(crate) fn is_level(&self) -> bool {
        0.0 < self.number && self.number < 1.0
    }

    /// What its echo is taken for: of an impulse there is nothing to compare.
    fn heard_as(&self, specs: &[Spec]) -> &Atom {
        if specs[self.spec as usize].is_event() { &Atom::Unset } else { &self.now }
    }

    /// Whether what it says was made of this very value, and not of one that is only the same in its type.
    pub(crate) fn is_made_of(&self, value: &Value) -> bool {
        value.as_number().is_none_or(|number| number == self.number)
    }

    /// What is sent of it.
    #[inline]
    pub(crate) fn argument(&self, specs: &[Spec]) -> Argument<'_> {
        self.now.argument(&specs[self.spec as usize])
    }
}

/// Whether a value is neither of the ends of a button.
fn is_level(value: &Value) -> bool {
    value.as_number().is_some_and(|level| 0.0 < level && level < 1.0)
}

impl Default for OutputArgument {
    fn default() -> Self {
        Self { now: Atom::Unset, number: f64::NAN, spec: 0, is_told: false, is_changed: false }
    }
}

impl Default for Arguments {
    fn default() -> Self {
        Self::One(OutputArgument::default())
    }
}

impl Deref for Arguments {
    type Target = [OutputArgument];

    fn deref(&self) -> &[OutputArgument] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl DerefMut for Arguments {
    fn deref_mut(&mut self) -> &mut [OutputArgument] {
        match self {
            Self::One(one) => std::slice::from_mut(one),
            Self::Many(many) => many,
        }
    }
}

impl Time {
    /// No time.
    pub(crate) const NEVER: Self = Self(None);

    /// The time, if it is one.
    pub(crate) fn get(self) -> Option<Instant> {
        self.0.map(|micros| Instant::from_micros(micros.get() - 1))
    }
}

impl From<Instant> for Time {
    fn from(instant: Instant) -> Self {
        // The last microsecond of half a million years is the one before.
        Self(NonZeroU64::new(instant.as_micros().saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_small() {
        assert_eq!((size_of::<Time>(), size_of::<Atom>(), size_of::<Output>()), (8, 16, 72));
    }

    #[test]
    fn keeps_every_time_from_the_start_on() {
        assert_eq!(Time::default().get(), None);
        for instant in [Instant::START, Instant::from_micros(1), Instant::from_micros(u64::MAX - 1)] {
            assert_eq!(Time::from(instant).get(), Some(instant));
        }
    }
}
