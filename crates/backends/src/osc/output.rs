//! What is known of a message that is sent: what it says, what the peer has been told of that, and when.
//!
//! There is one of these for every mapped message, be there a million. So it is kept small: what most messages have, which
//! is one argument, lies in it, and a time takes as much room as it has bits.

use std::num::NonZeroU64;
use std::ops::{Deref, DerefMut};

use crosspatch_core::{Duration, Instant};

use super::format::{Atom, BARE, Reading, Spec};
use super::wire::Argument;

/// What comes in so long after we sent the same message may be its echo.
const ECHO: Duration = Duration::from_secs(5);

/// What is known of a message that is sent.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) arguments: Arguments,
    pub(crate) sent_at: Time,
    pub(crate) heard_at: Time,
    /// When it is sent once more, because it may have crossed with a different value on the way.
    pub(crate) settles_at: Time,
    /// The peer that `told` is about.
    epoch: u32,
    /// How often, when it was sent last, values had gone to the peer and come back before.
    pub(crate) generation: u8,
    /// Whether any argument got a value, so that a peer that comes back needs it.
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
#[derive(Default)]
pub(crate) struct OutputArgument {
    /// What it is: the last that was told or heard, whichever came later.
    pub(crate) now: Atom,
    /// What the peer was told last, unless it has said something else since.
    pub(crate) told: Atom,
    /// Its type and range, by their number among those of the instance.
    pub(crate) spec: u32,
    /// Whether it has changed since the call began.
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
        self.is_known = self.arguments.iter().any(|argument| argument.told != Atom::Unset);
        self.settles_at = Time::NEVER;
    }

    /// Forgets what was told to another peer than the present one.
    pub(crate) fn begin_epoch(&mut self, epoch: u32) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.arguments.iter_mut().for_each(|argument| argument.told = Atom::Unset);
        }
    }

    /// Takes note of what the peer itself has said.
    pub(crate) fn hear(&mut self, now: Instant, argument: usize, specs: &[Spec], reading: &Reading) {
        let Some(known) = self.arguments.get_mut(argument) else { return };
        let Reading::Value(value) = reading else { return };
        let spec = &specs[known.spec as usize];
        if spec.kind.is_impulse() {
            return;
        }
        known.now = Atom::of(spec, value);
        if known.told != known.now {
            known.told = Atom::Unset;
        }
        self.heard_at = now.into();
    }

    /// Whether all it says is that it was sent, so that it has no state that a peer could be given.
    pub(crate) fn is_event(&self, specs: &[Spec]) -> bool {
        self.arguments.iter().all(|argument| specs[argument.spec as usize].kind.is_impulse())
    }

    /// Whether it is configured to have no arguments.
    pub(crate) fn is_bare(&self) -> bool {
        self.arguments.first().is_some_and(|argument| argument.spec == BARE)
    }

    /// How often what comes in may have gone back and forth already.
    pub(crate) fn generation_at(&self, now: Instant) -> u8 {
        match self.sent_at.get() {
            Some(sent) if now.since(sent) < ECHO => self.generation,
            Some(_) | None => 0,
        }
    }

    /// It was sent to others than the peer that said it.
    pub(crate) fn mark_reflected(&mut self, now: Instant, generation: u8) {
        (self.sent_at, self.generation) = (now.into(), generation);
    }

    /// What it says is what the peer has been told.
    pub(crate) fn mark_sent(&mut self, now: Instant, generation: u8) {
        self.generation = generation;
        for argument in &mut *self.arguments {
            argument.told = argument.now.clone();
        }
        self.sent_at = now.into();
        self.settles_at = Time::NEVER;
    }
}

impl OutputArgument {
    /// What is sent of it.
    #[inline]
    pub(crate) fn argument(&self, specs: &[Spec]) -> Argument<'_> {
        self.now.argument(&specs[self.spec as usize])
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
