//! The last values of the channels of a session.

use rustc_hash::FxHashMap;

use super::changes::{Changes, Marks};
use super::known_levels::KnownLevels;
use crate::{Direction, Slot, SlotSpan, Text, Value};

/// The last value of every channel in both directions. A value is dropped when its channel is no longer mapped.
///
/// Most channels are mapped in one direction only. Therefore inputs and outputs are stored separately, and a universe that is received
/// does not touch the memory of the other direction.
#[derive(Default)]
pub(super) struct LastValues {
    inputs: CompactValues,
    outputs: CompactValues,
    /// [`OUTPUT_LAST`] and [`OUTPUT_EVENT`] of each channel.
    marks: Vec<u8>,
    /// Recorded while there is an observer.
    pub(super) changes: Option<Box<Changes>>,
}

/// The last value went to the channel and did not come from it.
const OUTPUT_LAST: u8 = 1;
/// The last value that went to the channel was an event.
const OUTPUT_EVENT: u8 = 2;

impl LastValues {
    /// How many channels there are.
    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    /// Makes room for channels without a known value.
    pub(super) fn resize(&mut self, channels: usize) {
        self.inputs.resize(channels);
        self.outputs.resize(channels);
        self.marks.resize(channels, 0);
        if let Some(changes) = &mut self.changes {
            changes.inputs.resize(channels);
            changes.outputs.resize(channels);
        }
    }

    /// A value came from a channel. Returns false if there is no such channel.
    #[inline]
    pub(super) fn record_input(&mut self, slot: Slot, value: &Value) -> bool {
        let Some(marks) = self.marks.get_mut(slot.index()) else { return false };
        *marks &= !OUTPUT_LAST;
        self.inputs.put(slot, value);
        self.note_input(slot);
        true
    }

    /// As [`record_input`](Self::record_input), for a number.
    #[inline]
    pub(super) fn record_input_number(&mut self, slot: Slot, number: f64) -> bool {
        let Some(marks) = self.marks.get_mut(slot.index()) else { return false };
        *marks &= !OUTPUT_LAST;
        self.inputs.put_number(slot, number);
        self.note_input(slot);
        true
    }

    /// A value goes to a channel.
    #[inline]
    pub(super) fn record_output(&mut self, slot: Slot, value: &Value) {
        self.marks[slot.index()] = OUTPUT_LAST;
        self.outputs.put(slot, value);
        self.note_output(slot);
    }

    /// The last value sent to a channel was an event.
    pub(super) fn mark_event(&mut self, slot: Slot) {
        self.marks[slot.index()] |= OUTPUT_EVENT;
    }

    /// A number that is not an event goes to a channel.
    #[inline]
    pub(super) fn record_output_number(&mut self, slot: Slot, number: f64) {
        self.marks[slot.index()] = OUTPUT_LAST;
        self.outputs.put_number(slot, number);
        self.note_output(slot);
    }

    /// Values came from consecutive channels. Returns false if there are no such channels.
    pub(super) fn record_input_span(&mut self, span: &SlotSpan<'_>) -> bool {
        let first = span.first.index();
        let Some(marks) = self.marks.get_mut(first..first + span.levels.len()) else { return false };
        if marks.iter().fold(0, |all, marks| all | marks) & OUTPUT_LAST != 0 {
            span.changed_slots().for_each(|at| marks[at] &= !OUTPUT_LAST);
        }
        self.inputs.put_span(span);
        if let Some(changes) = &mut self.changes {
            note_span(&mut changes.inputs, span);
        }
        true
    }

    /// Values that are not events go to consecutive channels.
    pub(super) fn record_output_span(&mut self, span: &SlotSpan<'_>) {
        let first = span.first.index();
        let marks = &mut self.marks[first..first + span.levels.len()];
        if marks.iter().fold(0, |all, marks| all | (marks ^ OUTPUT_LAST)) != 0 {
            span.changed_slots().for_each(|at| marks[at] = OUTPUT_LAST);
        }
        self.outputs.put_span(span);
        if let Some(changes) = &mut self.changes {
            note_span(&mut changes.outputs, span);
        }
    }

    #[inline]
    fn note_input(&mut self, slot: Slot) {
        if let Some(changes) = &mut self.changes {
            note(&mut changes.inputs, slot);
        }
    }

    #[inline]
    fn note_output(&mut self, slot: Slot) {
        if let Some(changes) = &mut self.changes {
            note(&mut changes.outputs, slot);
        }
    }

    /// The last value that came from a channel.
    pub(super) fn last_input(&self, slot: Slot) -> Option<Value> {
        self.inputs.get(slot)
    }

    /// The last value that went to a channel.
    pub(super) fn last_output(&self, slot: Slot) -> Option<Value> {
        self.outputs.get(slot)
    }

    /// The last value, whichever way it went.
    pub(super) fn latest(&self, slot: Slot) -> Option<Value> {
        if self.marks[slot.index()] & OUTPUT_LAST != 0 {
            self.last_output(slot)
        } else {
            self.last_input(slot).or_else(|| self.last_output(slot))
        }
    }

    /// The last number that came from a channel; NaN after a text, or if there was no value.
    #[inline]
    pub(super) fn last_input_number(&self, slot: Slot) -> Option<f64> {
        let number = *self.inputs.numbers.get(slot.index())?;
        Some(if number.is_nan() { self.inputs.level(slot).unwrap_or(NO_NUMBER) } else { number })
    }

    /// Whether this number was the last value, whichever way it went.
    #[inline]
    pub(super) fn is_at(&self, slot: Slot, number: f64) -> bool {
        let was_output_last = self.marks[slot.index()] & OUTPUT_LAST != 0;
        let values = if was_output_last { &self.outputs } else { &self.inputs };
        let last = values.numbers[slot.index()];
        if last.is_nan() { values.level(slot) == Some(number) } else { last == number }
    }

    /// All channels that have received a value, with that value, except events.
    pub(super) fn states(&self) -> impl Iterator<Item = (Slot, Value)> {
        let is_state = |slot: &Slot| self.marks[slot.index()] & OUTPUT_EVENT == 0;
        let slots = (0..self.len() as u32).map(Slot).filter(is_state);
        slots.filter_map(|slot| Some((slot, self.last_output(slot)?)))
    }

    /// Starts recording changes, including all known values, or stops.
    pub(super) fn note_changes(&mut self, on: bool) {
        let mut changes = self.changes.take().filter(|_| on);
        if on {
            let changes = changes.get_or_insert_default();
            changes.inputs.resize(self.len());
            changes.outputs.resize(self.len());
            for slot in (0..self.len() as u32).map(Slot) {
                if self.last_input(slot).is_some() {
                    changes.inputs.mark(slot);
                }
                if self.last_output(slot).is_some() {
                    changes.outputs.mark(slot);
                }
            }
        }
        self.changes = changes;
    }

    pub(super) fn drain_changes(
        &mut self,
        left: &mut usize,
        mut each: impl FnMut(Slot, Direction, Value, u32),
    ) {
        let Some(mut changes) = self.changes.take() else { return };
        for direction in [Direction::Input, Direction::Output] {
            let marks = match direction {
                Direction::Input => &mut changes.inputs,
                Direction::Output => &mut changes.outputs,
            };
            while *left > 0
                && let Some((slot, count)) = marks.take()
            {
                let value = match direction {
                    Direction::Input => self.last_input(slot),
                    Direction::Output => self.last_output(slot),
                };
                // A reload may have taken the channel away meanwhile.
                if let Some(value) = value {
                    *left -= 1;
                    each(slot, direction, value, count);
                }
            }
        }
        self.changes = Some(changes);
    }

    /// A channel is no longer an input.
    pub(super) fn forget_input(&mut self, slot: Slot) {
        self.inputs.remove(slot);
    }

    /// A channel is no longer an output.
    pub(super) fn forget_output(&mut self, slot: Slot) {
        self.outputs.remove(slot);
        self.marks[slot.index()] = 0;
    }
}

#[cold]
fn note_span(marks: &mut Marks, span: &SlotSpan<'_>) {
    span.changed_slots().for_each(|at| marks.note(Slot(span.first.0 + at as u32)));
}

/// Out of the way of the loop over a universe, whose registers it would take.
#[inline(never)]
fn note(marks: &mut Marks, slot: Slot) {
    marks.note(slot);
}

/// A value for each channel that has one, with eight bytes for each channel.
///
/// Nearly all values are numbers, and a number is stored here for each value that is processed. So this takes a single
/// store, independent of the previous value, and twice as many universes fit the processor's cache as with complete
/// [`Value`]s. Texts, and the levels of spans, are stored elsewhere.
#[derive(Default)]
struct CompactValues {
    /// In the order of the slots; [`NO_NUMBER`] where the value is elsewhere or nowhere.
    numbers: Vec<f64>,
    texts: FxHashMap<Slot, Text>,
    levels: Option<Box<KnownLevels>>,
    /// Whether there may be texts or levels.
    has_others: bool,
}

/// A level is never this.
const NO_NUMBER: f64 = f64::NAN;

impl CompactValues {
    fn resize(&mut self, channels: usize) {
        self.numbers.resize(channels, NO_NUMBER);
        if let Some(levels) = &mut self.levels {
            levels.resize(channels);
        }
    }

    fn get(&self, slot: Slot) -> Option<Value> {
        match self.numbers[slot.index()] {
            number if number.is_nan() => {
                let text = || self.texts.get(&slot).cloned().map(Value::Text);
                self.level(slot).map(Value::Number).or_else(text)
            }
            number => Some(Value::Number(number)),
        }
    }

    /// The number of a channel whose last value was in a span.
    #[cold]
    fn level(&self, slot: Slot) -> Option<f64> {
        self.levels.as_ref()?.get(slot.index())
    }

    #[inline]
    fn put(&mut self, slot: Slot, value: &Value) {
        match value {
            Value::Number(number) => self.put_number(slot, *number),
            Value::Text(text) => {
                self.put_number(slot, NO_NUMBER);
                self.texts.insert(slot, text.clone());
                self.has_others = true;
            }
        }
    }

    #[inline]
    fn put_number(&mut self, slot: Slot, number: f64) {
        self.numbers[slot.index()] = number;
        if self.has_others {
            self.forget_other(slot);
        }
    }

    #[cold]
    fn forget_other(&mut self, slot: Slot) {
        if !self.texts.is_empty() {
            self.texts.remove(&slot);
        }
        if let Some(levels) = &mut self.levels {
            levels.remove(slot.index());
        }
        self.has_others = self.levels.is_some() || !self.texts.is_empty();
    }

    fn put_span(&mut self, span: &SlotSpan<'_>) {
        let Self { numbers, texts, levels, has_others } = self;
        *has_others = true;
        let levels = levels.get_or_insert_with(|| Box::new(KnownLevels::new(numbers.len())));
        levels.put(span, |slot, number| {
            numbers[slot] = number.unwrap_or_else(|| {
                texts.remove(&Slot(slot as u32));
                NO_NUMBER
            });
        });
    }

    fn remove(&mut self, slot: Slot) {
        self.put_number(slot, NO_NUMBER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: Slot = Slot(1);

    #[test]
    fn numbers_and_texts_replace_each_other_and_go() {
        let mut known = LastValues::default();
        known.resize(2);
        assert!(!known.record_input_number(Slot(2), 0.5), "there is no such channel");
        for value in [Value::number(0.0), "text".into(), Value::number(1.0), "other".into()] {
            assert!(known.record_input(SLOT, &value));
            known.record_output(SLOT, &value);
            assert_eq!([known.last_input(SLOT), known.last_output(SLOT)], [Some(value.clone()), Some(value)]);
        }
        assert_eq!(known.states().collect::<Vec<_>>(), [(SLOT, "other".into())]);
        known.record_output_number(SLOT, 0.25);
        known.forget_input(SLOT);
        assert_eq!((known.last_input(SLOT), known.last_output(SLOT)), (None, Some(Value::number(0.25))));
        known.forget_output(SLOT);
        assert_eq!((known.last_output(SLOT), known.last_input(Slot(0))), (None, None));
    }

    #[test]
    fn an_event_is_known_and_is_no_state_until_a_state_is_told() {
        let mut known = LastValues::default();
        known.resize(2);
        known.record_output(SLOT, &"go".into());
        known.mark_event(SLOT);
        assert_eq!((known.last_output(SLOT), known.latest(SLOT)), (Some("go".into()), Some("go".into())));
        assert_eq!(known.states().count(), 0);
        assert!(known.record_input_number(SLOT, 0.5));
        assert_eq!((known.states().count(), known.latest(SLOT)), (0, Some(Value::number(0.5))));
        known.record_output_number(SLOT, 0.25);
        assert_eq!(known.states().collect::<Vec<_>>(), [(SLOT, Value::number(0.25))]);
    }

    #[test]
    fn levels_of_spans_and_single_values_replace_each_other() {
        let mut known = LastValues::default();
        known.resize(80);
        let levels = [51; 70];
        known.record_output(Slot(3), &"text".into());
        assert!(known.record_input_span(&SlotSpan::new(Slot(2), &levels, &[0b111, 1])));
        assert!(
            !known.record_input_span(&SlotSpan::new(Slot(11), &levels, &[1])),
            "there are no such channels"
        );
        known.record_output_span(&SlotSpan::new(Slot(2), &levels, &[0b111, 1]));
        for slot in [2, 3, 4, 66].map(Slot) {
            assert_eq!(
                [known.last_input(slot), known.last_output(slot)],
                [Some(0.2.into()), Some(0.2.into())]
            );
            assert_eq!((known.latest(slot), known.is_at(slot, 0.2)), (Some(0.2.into()), true));
            assert_eq!(known.last_input_number(slot), Some(0.2));
        }
        assert_eq!((known.last_output(Slot(5)), known.last_output(Slot(67))), (None, None));
        known.record_output(Slot(3), &"text".into());
        known.record_output_number(Slot(4), 0.5);
        known.forget_output(Slot(66));
        let states: Vec<_> = known.states().collect();
        assert_eq!(states, [(Slot(2), 0.2.into()), (Slot(3), "text".into()), (Slot(4), 0.5.into())]);
        let inverted = std::sync::Arc::new(crate::LevelNumbers::through(|number| 1.0 - number));
        known.record_output_span(&SlotSpan::new(Slot(4), &[255], &[1]).with_numbers(Some(&inverted)));
        let states: Vec<_> = known.states().collect();
        assert_eq!(states, [(Slot(2), 0.2.into()), (Slot(3), "text".into()), (Slot(4), 0.0.into())]);
    }

    #[test]
    fn the_latest_is_that_of_the_last_direction() {
        let mut known = LastValues::default();
        known.resize(2);
        known.record_output_number(SLOT, 0.1);
        assert_eq!(known.latest(SLOT), Some(Value::number(0.1)));
        known.record_input_number(SLOT, 0.2);
        assert_eq!(known.latest(SLOT), Some(Value::number(0.2)));
        known.record_output(SLOT, &"text".into());
        assert_eq!(known.latest(SLOT), Some("text".into()));
        known.forget_output(SLOT);
        assert_eq!(known.latest(SLOT), Some(Value::number(0.2)));
    }
}
