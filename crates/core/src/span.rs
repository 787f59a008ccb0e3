//! SlotSpans: levels of consecutive channels, passed on as a whole.
//!
//! A universe is five hundred values from one session to another. As a span it is its bytes and a bitmap of those that
//! have changed; a copy of both takes less time than a dozen values. A level stands for a number: a plain
//! one for the level divided by 255, one that has come through a chain of shapes for the result of the chain. So a span and
//! its values are the same numbers, to the last bit.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::value::normalise;
use crate::{Slot, Value, bits};

/// The numbers that the 256 levels of a span stand for.
pub struct LevelNumbers {
    numbers: [f64; 256],
    /// The nearest level to each.
    nearest: [u8; 256],
}

impl LevelNumbers {
    /// Those of levels that have come through a function.
    pub(crate) fn through(shape: impl Fn(f64) -> f64) -> Self {
        let numbers = std::array::from_fn(|level| normalise(shape(plain_number(level as u8))));
        // No number is negative, so this equals `round`.
        Self { numbers, nearest: numbers.map(|number| (number * 255.0 + 0.5) as u8) }
    }
}

impl fmt::Debug for LevelNumbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LevelNumbers").finish_non_exhaustive()
    }
}

/// The number that a plain level stands for.
pub(crate) fn plain_number(level: u8) -> f64 {
    f64::from(level) / 255.0
}

/// The number that a level stands for; without `numbers`, it is a plain level.
#[inline]
pub(crate) fn number_of(numbers: Option<&Arc<LevelNumbers>>, level: u8) -> f64 {
    numbers.map_or_else(|| plain_number(level), |numbers| numbers.numbers[usize::from(level)])
}

/// Whether levels stand for the same numbers, as far as this is known without a comparison.
#[inline]
pub(crate) fn is_same(one: Option<&Arc<LevelNumbers>>, other: Option<&Arc<LevelNumbers>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}

/// Consecutive slots of a session, their levels, and which of them have changed. The levels of the others mean nothing.
#[derive(Copy, Clone, Debug)]
pub struct SlotSpan<'a> {
    /// The first slot.
    pub first: Slot,
    /// The levels of this and the following slots.
    pub levels: &'a [u8],
    changed: &'a [u64],
    /// The bit of the first slot in `changed`.
    skip: usize,
    numbers: Option<&'a Arc<LevelNumbers>>,
}

impl<'a> SlotSpan<'a> {
    /// A span of plain levels. Bit `n` of `changed` belongs to level `n`.
    pub fn new(first: Slot, levels: &'a [u8], changed: &'a [u64]) -> Self {
        Self { first, levels, changed, skip: 0, numbers: None }
    }

    /// Which of the 64 slots from number `start` on have changed. It may lie before the first or after the last slot.
    #[inline]
    pub fn changed(self, start: isize) -> u64 {
        let bits = bits::window(self.changed, start + self.skip as isize);
        if start >= 0 && start as usize + 64 <= self.levels.len() {
            return bits;
        }
        let (before, end) = (-start, self.levels.len() as isize - start);
        let in_front = if before <= 0 { 0 } else { bits::first(before as usize) };
        if end <= 0 { 0 } else { bits & bits::first(end as usize) & !in_front }
    }

    /// Whether any slot has changed.
    pub fn has_changes(self) -> bool {
        self.words().any(|(_, bits)| bits != 0)
    }

    /// How many slots have changed.
    pub fn count(self) -> usize {
        self.words().map(|(_, bits)| bits.count_ones() as usize).sum()
    }

    /// The numbers of the slots that have changed, counted from the first.
    pub fn changed_slots(self) -> impl Iterator<Item = usize> {
        self.words().flat_map(|(start, bits)| bits::each(bits).map(move |at| start + at))
    }

    /// The values of the slots that have changed, in the order of the slots.
    pub fn values(self) -> impl Iterator<Item = (Slot, Value)> {
        self.changed_slots().map(move |at| {
            let number = number_of(self.numbers, self.levels[at]);
            (Slot(self.first.0 + at as u32), Value::Number(number))
        })
    }

    /// For levels that are stored as bytes: the nearest byte to the number of each level; `None` if that is the level
    /// itself.
    pub fn nearest(self) -> Option<&'a [u8; 256]> {
        self.numbers.map(|numbers| &numbers.nearest)
    }

    /// What the levels stand for; `None` for plain levels.
    pub(crate) fn numbers(self) -> Option<&'a Arc<LevelNumbers>> {
        self.numbers
    }

    /// Some of the slots, by their numbers.
    pub fn part(self, slots: Range<usize>) -> Self {
        let first = Slot(self.first.0 + slots.start as u32);
        Self { first, levels: &self.levels[slots.clone()], skip: self.skip + slots.start, ..self }
    }

    /// The same levels for other slots.
    pub fn at(self, first: Slot) -> Self {
        Self { first, ..self }
    }

    /// The same levels, which stand for other numbers.
    pub(crate) fn with_numbers(self, numbers: Option<&'a Arc<LevelNumbers>>) -> Self {
        Self { numbers, ..self }
    }

    fn words(self) -> impl Iterator<Item = (usize, u64)> {
        (0..self.levels.len()).step_by(64).map(move |start| (start, self.changed(start as isize)))
    }
}

/// Spans among values, in the order in which they were emitted. Keeps its memory when it is cleared.
#[derive(Debug, Default)]
pub struct SlotSpans {
    all: Vec<StoredSpan>,
    levels: Vec<u8>,
    changed: Vec<u64>,
}

#[derive(Debug)]
struct StoredSpan {
    /// How many of the values come before it.
    after: usize,
    first: Slot,
    levels: Range<usize>,
    changed: Range<usize>,
    numbers: Option<Arc<LevelNumbers>>,
}

impl SlotSpans {
    /// Adds a span after the first `after` values.
    pub fn push(&mut self, after: usize, span: &SlotSpan<'_>) {
        let (levels, changed) = (self.levels.len(), self.changed.len());
        self.levels.extend_from_slice(span.levels);
        let words = span.levels.len().div_ceil(64);
        match span.changed.get(span.skip / 64..span.skip / 64 + words) {
            Some(aligned) if span.skip.is_multiple_of(64) => {
                self.changed.extend_from_slice(aligned);
                if let (Some(last), rest @ 1..) = (self.changed.last_mut(), span.levels.len() % 64) {
                    *last &= bits::first(rest);
                }
            }
            _ => self.changed.extend(span.words().map(|(_, bits)| bits)),
        }
        self.all.push(StoredSpan {
            after,
            first: span.first,
            levels: levels..self.levels.len(),
            changed: changed..self.changed.len(),
            numbers: span.numbers.cloned(),
        });
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.all.clear();
        self.levels.clear();
        self.changed.clear();
    }

    /// Each span, and how many values come before it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, SlotSpan<'_>)> {
        self.all.iter().map(|stored| {
            let span = SlotSpan {
                first: stored.first,
                levels: &self.levels[stored.levels.clone()],
                changed: &self.changed[stored.changed.clone()],
                skip: 0,
                numbers: stored.numbers.as_ref(),
            };
            (stored.after, span)
        })
    }
}

/// Values and spans for a session, in order.
#[derive(Copy, Clone, Debug)]
pub struct SpannedValues<'a> {
    values: &'a [(Slot, Value)],
    spans: &'a SlotSpans,
}

/// A part of a [`SpannedValues`].
#[derive(Copy, Clone, Debug)]
pub enum Part<'a> {
    /// Values of single slots.
    Values(&'a [(Slot, Value)]),
    /// A span.
    Span(SlotSpan<'a>),
}

impl<'a> SpannedValues<'a> {
    /// Spans among values.
    pub fn new(values: &'a [(Slot, Value)], spans: &'a SlotSpans) -> Self {
        Self { values, spans }
    }

    /// Passes every part on, in order.
    #[inline]
    pub fn for_each(self, mut each: impl FnMut(Part<'a>)) {
        let mut from = 0;
        for (after, span) in self.spans.iter() {
            if after > from {
                each(Part::Values(&self.values[from..after]));
                from = after;
            }
            each(Part::Span(span));
        }
        if from < self.values.len() {
            each(Part::Values(&self.values[from..]));
        }
    }

    /// All of it as values.
    pub fn to_values(self) -> Vec<(Slot, Value)> {
        let mut all = Vec::new();
        self.for_each(|part| match part {
            Part::Values(values) => all.extend_from_slice(values),
            Part::Span(span) => all.extend(span.values()),
        });
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_span_are_those_of_its_changed_slots() {
        let (levels, changed) = ([0, 51, 255, 102], [0b1110]);
        let span = SlotSpan::new(Slot(7), &levels, &changed);
        let values: Vec<_> = span.values().collect();
        assert_eq!(values, [(Slot(8), 0.2.into()), (Slot(9), 1.0.into()), (Slot(10), 0.4.into())]);
        let part = span.part(2..3);
        assert_eq!(part.values().collect::<Vec<_>>(), [(Slot(9), 1.0.into())]);
        assert_eq!((part.changed(-3), part.changed(0), part.changed(1)), (0b1000, 1, 0));
        let inverted = Arc::new(LevelNumbers::through(|number| 1.0 - number));
        let moved = part.at(Slot(0)).with_numbers(Some(&inverted));
        assert_eq!(moved.values().collect::<Vec<_>>(), [(Slot(0), 0.0.into())]);
        assert_eq!(moved.nearest().map(|nearest| [nearest[0], nearest[255]]), Some([255, 0]));
    }

    #[test]
    fn spans_stand_among_values_in_order() {
        let mut spans = SlotSpans::default();
        spans.push(1, &SlotSpan::new(Slot(5), &[255; 70], &[1 << 63, 1]));
        spans.push(1, &SlotSpan::new(Slot(0), &[0], &[1]));
        let values = [(Slot(1), 0.1.into()), (Slot(2), 0.2.into())];
        let all: Vec<_> =
            SpannedValues::new(&values, &spans).to_values().into_iter().map(|(slot, _)| slot.0).collect();
        assert_eq!(all, [1, 68, 69, 0, 2]);
    }

    #[test]
    fn the_nearest_level_of_a_plain_number_is_the_level() {
        let plain = LevelNumbers::through(|number| number);
        assert!((0..=255).all(|level: u8| plain.nearest[usize::from(level)] == level));
    }
}
