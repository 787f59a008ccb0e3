//! A chain in a test: values are passed in, time advances, and the output is compared.

use crosspatch_core::transform::{ArgumentError, Chain, LinePosition, LiveChain, Moment, Reference, Stage};
use crosspatch_core::{Duration, Instant, Notice, Value};

use crate::FAMILIES;

/// A chain with a clock and the channels that it names.
pub(super) struct ChainRig {
    pub(super) chain: Chain,
    live: LiveChain,
    now: Instant,
    /// The last value of each channel that the chain names.
    pub(super) known: Vec<Option<Value>>,
    pub(super) notices: Vec<Notice>,
    /// Whether the last call announced itself to its group.
    pub(super) has_announced: bool,
}

/// Reads a stage of any family.
pub(super) fn read_stage(stage: &str, references: &mut Vec<Reference>) -> Result<Stage, ArgumentError> {
    crosspatch_core::transform::read_stage(stage, FAMILIES, references)
}

/// The stages of a chain as written. Panics if they are invalid.
pub(super) fn chain(text: &str) -> Chain {
    let (mut references, mut listeners) = (Vec::new(), Vec::new());
    let read = |(at, stage): (usize, &str)| {
        let read = read_stage(stage, &mut references).unwrap_or_else(|error| panic!("{stage}: {error:?}"));
        listeners.resize(references.len(), at);
        read
    };
    let stages: Vec<Stage> = text.split(" | ").enumerate().map(read).collect();
    Chain::new(text, stages, listeners)
}

impl ChainRig {
    pub(super) fn new(text: &str) -> Self {
        Self::of(chain(text), LinePosition::ONLY)
    }

    pub(super) fn of(chain: Chain, place: LinePosition) -> Self {
        let live = chain.live(place);
        let known = vec![None; chain.references()];
        Self { chain, live, now: Instant::START, known, notices: Vec::new(), has_announced: false }
    }

    fn call(
        &mut self,
        event: impl FnOnce(&mut LiveChain, &Chain, &mut Moment<'_>) -> Option<Value>,
    ) -> Option<Value> {
        let Self { chain, live, now, known, notices, has_announced } = self;
        let known = |reference: usize| known[reference].clone();
        let mut moment = Moment::new(*now, &known);
        let passed = event(live, chain, &mut moment);
        notices.append(&mut moment.notices);
        *has_announced = moment.has_announced;
        passed
    }

    /// A value from the source.
    pub(super) fn put(&mut self, value: impl Into<Value>) -> Option<Value> {
        let value = value.into();
        self.call(|live, _, moment| live.handle_value(moment, value))
    }

    /// The same for chains that output numbers.
    pub(super) fn number(&mut self, value: impl Into<Value>) -> Option<f64> {
        self.put(value).and_then(|value| value.as_number())
    }

    /// The current state of the source.
    pub(super) fn recall(&mut self, value: impl Into<Value>) -> Option<Value> {
        let value = value.into();
        self.call(|live, _, moment| live.handle_recall(moment, value))
    }

    /// A new value of a channel that the chain names.
    pub(super) fn channel(&mut self, reference: usize, value: impl Into<Value>) -> Option<Value> {
        let value = value.into();
        self.known[reference] = Some(value.clone());
        self.call(|live, chain, moment| {
            live.handle_channel(moment, chain.listener(reference), reference, &value)
        })
    }

    /// Another member of the group has announced itself.
    pub(super) fn group(&mut self, is_of_same_source: bool) -> Option<Value> {
        self.call(|live, _, moment| live.handle_group(moment, is_of_same_source))
    }

    /// Lets time pass, and returns the outputs with their times in milliseconds since the start.
    pub(super) fn advance(&mut self, time: Duration) -> Vec<(u64, Value)> {
        let end = self.now + time;
        let mut passed = Vec::new();
        let mut calls = 0;
        while let Some(due) = self.live.next_timeout().filter(|due| *due <= end) {
            calls += 1;
            assert!(calls < 100_000, "the chain wakes up for ever at {}", self.now);
            self.now = self.now.max(due);
            let value = self.call(|live, _, moment| live.handle_timeout(moment));
            passed.extend(value.map(|value| (self.now.as_micros() / 1000, value)));
        }
        self.now = end;
        passed
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.live.next_timeout()
    }

    pub(super) fn is_asleep(&self) -> bool {
        self.live.is_asleep()
    }
}
