//! The state of an outgoing message: its values, whether the peer has received them, and when.
//!
//! Every mapped message has one, and there may be a million. Therefore it is small: a single argument, which most messages
//! have, is stored inline, and a time takes eight bytes.

use std::num::NonZeroU64;
use std::ops::{Deref, DerefMut};

use crosspatch_core::{Duration, Instant, Value};

use super::format::{ArgumentReading, ArgumentSpec, Atom, BARE};
use super::wire::Argument;
use crate::shared::echo::{ECHO, ECHO_OF_BUTTON, Echoes, OWN_WORD};

/// How long after we have sent a message one of the peer's may have crossed with it.
pub(crate) const CROSSING: Duration = Duration::from_millis(500);

/// The state of an outgoing message.
#[derive(Default)]
pub(crate) struct OutputMessage {
    pub(crate) arguments: OutputArguments,
    pub(crate) sent_at: Time,
    pub(crate) received_at: Time,
    /// Values that may return, if the message comes in too.
    echoes: Option<Box<Echoes>>,
    /// When it is sent once more, because it may have crossed with a different value.
    pub(crate) settles_at: Time,
    /// The peer that `is_sent` refers to.
    epoch: u32,
    /// The generation of the value that was sent last.
    pub(crate) generation: u8,
    /// Whether any argument has a value, so that a peer that reconnects needs it.
    pub(crate) is_known: bool,
    /// Whether it is sent at the end of this call.
    pub(crate) pending: Pending,
}

/// Whether a message waits to be sent.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pending {
    #[default]
    No,
    /// Only to others than the peer that has just sent the same.
    Reflection,
    Yes,
}

/// An argument of an outgoing message.
pub(crate) struct OutputArgument {
    /// The last value sent or received, whichever is later.
    pub(crate) now: Atom,
    /// The number that `now` was converted from. NaN if it was a text, or if there is none.
    number: f64,
    /// Its type and range, by their number among those of the instance.
    pub(crate) spec: u32,
    /// Whether this value was sent to the peer last, and the peer has sent no other since.
    pub(crate) is_sent: bool,
    /// Whether it is sent at the end of this call.
    pub(crate) is_changed: bool,
}

/// The arguments of an outgoing message, at least one.
pub(crate) enum OutputArguments {
    One(OutputArgument),
    Many(Box<[OutputArgument]>),
}

/// An optional time in eight bytes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Time(Option<NonZeroU64>);

impl OutputMessage {
    /// Adds an argument, and the configured ones. `spec` returns the type of each.
    pub(crate) fn bind(&mut self, argument: u8, configured: usize, spec: impl Fn(usize) -> u32) {
        let wanted = configured.max(usize::from(argument) + 1);
        if self.arguments.len() < wanted {
            let mut all = match std::mem::take(&mut self.arguments) {
                OutputArguments::One(one) => vec![one],
                OutputArguments::Many(many) => many.into_vec(),
            };
            all.resize_with(wanted, OutputArgument::default);
            self.arguments = OutputArguments::Many(all.into());
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
        self.is_known = self.arguments.iter().any(|argument| argument.is_sent);
        self.settles_at = Time::NEVER;
    }

    /// Forgets what was sent to other peers than the current one.
    pub(crate) fn begin_epoch(&mut self, epoch: u32) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.arguments.iter_mut().for_each(|argument| argument.is_sent = false);
        }
    }

    /// Records a received argument. Returns whether it is an echo.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        argument: usize,
        specs: &[ArgumentSpec],
        reading: &ArgumentReading,
    ) -> bool {
        let Some(known) = self.arguments.get_mut(argument) else { return false };
        let spec = &specs[known.spec as usize];
        let mut is_echo = |atom: &Atom| self.echoes.as_mut().is_some_and(|echoes| echoes.is_echo(now, atom));
        let value = match reading {
            ArgumentReading::Value(value) if !spec.is_event() => value,
            ArgumentReading::Value(_) | ArgumentReading::Impulse | ArgumentReading::Nothing => {
                return is_echo(&Atom::Unset);
            }
        };
        let atom = Atom::of(spec, value);
        let is_echo = is_echo(&atom);
        known.is_sent &= known.now == atom;
        known.put(atom, value);
        self.received_at = now.into();
        is_echo
    }

    /// Whether the peer has just sent this value itself: within this turn, or shortly before if it is a level.
    pub(crate) fn is_said_by_peer(&self, now: Instant, argument: usize, value: &Value) -> bool {
        let Some(received) = self.received_at.get() else { return false };
        received == now
            || (is_level(value) && !self.arguments[argument].is_sent && now.since(received) < OWN_WORD)
    }

    /// Whether all its arguments are events, so that it has no state.
    pub(crate) fn is_event(&self, specs: &[ArgumentSpec]) -> bool {
        self.arguments.iter().all(|argument| specs[argument.spec as usize].is_event())
    }

    /// Whether it is configured to have no arguments.
    pub(crate) fn is_bare(&self) -> bool {
        self.arguments.first().is_some_and(|argument| argument.spec == BARE)
    }

    /// Records that it was sent to others than the peer that has just sent the same.
    pub(crate) fn mark_reflected(&mut self, now: Instant, generation: u8) {
        (self.sent_at, self.generation) = (now.into(), generation);
    }

    /// Records that it was sent to the peer. If the message `returns`, its values may be echoed.
    pub(crate) fn mark_sent(&mut self, now: Instant, generation: u8, returns: bool, specs: &[ArgumentSpec]) {
        self.generation = generation;
        if returns {
            let echoes = self.echoes.get_or_insert_default();
            for argument in &*self.arguments {
                echoes.send(
                    now,
                    argument.echo_atom(specs),
                    if argument.is_level() { ECHO } else { ECHO_OF_BUTTON },
                );
            }
        }
        self.arguments
            .iter_mut()
            .for_each(|argument| argument.is_sent = !matches!(argument.now, Atom::Unset));
        self.sent_at = now.into();
        self.settles_at = Time::NEVER;
    }
}

impl OutputArgument {
    /// Sets the value, converted to the argument's type.
    pub(crate) fn put(&mut self, atom: Atom, value: &Value) {
        self.now = atom;
        self.number = value.as_number().unwrap_or(f64::NAN);
    }

    /// Whether it is between the two values of a button.
    pub(crate) fn is_level(&self) -> bool {
        0.0 < self.number && self.number < 1.0
    }

    /// The value to compare with an echo. An impulse has none.
    fn echo_atom(&self, specs: &[ArgumentSpec]) -> &Atom {
        if specs[self.spec as usize].is_event() { &Atom::Unset } else { &self.now }
    }

    /// Whether it was converted from exactly this value, and not from one that only has the same result.
    pub(crate) fn is_made_of(&self, value: &Value) -> bool {
        value.as_number().is_none_or(|number| number == self.number)
    }

    /// The argument as it is sent.
    #[inline]
    pub(crate) fn argument(&self, specs: &[ArgumentSpec]) -> Argument<'_> {
        self.now.argument(&specs[self.spec as usize])
    }
}

/// Whether a value is between the two values of a button.
fn is_level(value: &Value) -> bool {
    value.as_number().is_some_and(|level| 0.0 < level && level < 1.0)
}

impl Default for OutputArgument {
    fn default() -> Self {
        Self { now: Atom::Unset, number: f64::NAN, spec: 0, is_sent: false, is_changed: false }
    }
}

impl Default for OutputArguments {
    fn default() -> Self {
        Self::One(OutputArgument::default())
    }
}

impl Deref for OutputArguments {
    type Target = [OutputArgument];

    fn deref(&self) -> &[OutputArgument] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl DerefMut for OutputArguments {
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
        assert_eq!((size_of::<Time>(), size_of::<Atom>(), size_of::<OutputMessage>()), (8, 16, 72));
    }

    #[test]
    fn keeps_every_time_from_the_start_on() {
        assert_eq!(Time::default().get(), None);
        for instant in [Instant::START, Instant::from_micros(1), Instant::from_micros(u64::MAX - 1)] {
            assert_eq!(Time::from(instant).get(), Some(instant));
        }
    }
}
