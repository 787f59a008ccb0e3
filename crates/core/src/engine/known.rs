//! What is known of the channels of a session.

use rustc_hash::FxHashMap;

use crate::{Slot, Text, Value};

/// The last values of every channel of a session; forgotten when a channel is no longer mapped.
///
/// Most channels are mapped in one direction only. So what was heard and what was told lie apart, and a universe that goes by
/// does not touch what the other direction would need.
#[derive(Default)]
pub(super) struct Known {
    heard: Shelf,
    told: Shelf,
    was_told_last: Vec<bool>,
}

impl Known {
    /// How many channels there are.
    pub(super) fn len(&self) -> usize {
        self.was_told_last.len()
    }

    /// Makes room for channels of which nothing is known.
    pub(super) fn resize(&mut self, channels: usize) {
        self.heard.numbers.resize(channels, NO_NUMBER);
        self.told.numbers.resize(channels, NO_NUMBER);
        self.was_told_last.resize(channels, false);
    }

    /// A value came from a channel. Returns false if there is no such channel.
    pub(super) fn hear(&mut self, slot: Slot, value: &Value) -> bool {
        let Some(was_told_last) = self.was_told_last.get_mut(slot.index()) else { return false };
        *was_told_last = false;
        self.heard.put(slot, value);
        true
    }

    /// As [`hear`](Self::hear), for a number.
    #[inline]
    pub(super) fn hear_number(&mut self, slot: Slot, number: f64) -> bool {
        let Some(was_told_last) = self.was_told_last.get_mut(slot.index()) else { return false };
        *was_told_last = false;
        self.heard.put_number(slot, number);
        true
    }

    /// A value goes to a channel.
    pub(super) fn tell(&mut self, slot: Slot, value: &Value) {
        self.was_told_last[slot.index()] = true;
        self.told.put(slot, value);
    }

    /// As [`tell`](Self::tell), for a number.
    #[inline]
    pub(super) fn tell_number(&mut self, slot: Slot, number: f64) {
        self.was_told_last[slot.index()] = true;
        self.told.put_number(slot, number);
    }

    /// The last value that came from a channel.
    pub(super) fn heard(&self, slot: Slot) -> Option<Value> {
        self.heard.get(slot)
    }

    /// The last value that went to a channel.
    pub(super) fn told(&self, slot: Slot) -> Option<Value> {
        self.told.get(slot)
    }

    /// The last value, whichever way it went.
    pub(super) fn latest(&self, slot: Slot) -> Option<Value> {
        if self.was_told_last[slot.index()] {
            self.told(slot)
        } else {
            self.heard(slot).or_else(|| self.told(slot))
        }
    }

    /// All channels that have been told something, and what.
    pub(super) fn all_told(&self) -> impl Iterator<Item = (Slot, Value)> {
        (0..self.len() as u32).map(Slot).filter_map(|slot| Some((slot, self.told(slot)?)))
    }

    /// Nothing comes from a channel any more.
    pub(super) fn forget_heard(&mut self, slot: Slot) {
        self.heard.remove(slot);
    }

    /// Nothing goes to a channel any more.
    pub(super) fn forget_told(&mut self, slot: Slot) {
        self.told.remove(slot);
        self.was_told_last[slot.index()] = false;
    }
}

/// A value for each channel that has one, with eight bytes for each channel.
///
/// Values are numbers nearly always, and a number is put here for each slot of each universe that goes by. So it is one store,
/// whatever was there before, and a hundred universes fit a processor's cache twice as often as with whole [`Value`]s. Texts
/// are kept elsewhere.
#[derive(Default)]
struct Shelf {
    /// In the order of the slots; [`NO_NUMBER`] where there is a text or nothing.
    numbers: Vec<f64>,
    texts: FxHashMap<Slot, Text>,
}

/// A level is never this.
const NO_NUMBER: f64 = f64::NAN;

impl Shelf {
    fn get(&self, slot: Slot) -> Option<Value> {
        match self.numbers[slot.index()] {
            number if number.is_nan() => self.texts.get(&slot).cloned().map(Value::Text),
            number => Some(Value::Number(number)),
        }
    }

    fn put(&mut self, slot: Slot, value: &Value) {
        match value {
            Value::Number(number) => self.put_number(slot, *number),
            Value::Text(text) => {
                self.numbers[slot.index()] = NO_NUMBER;
                self.texts.insert(slot, text.clone());
            }
        }
    }

    #[inline]
    fn put_number(&mut self, slot: Slot, number: f64) {
        self.numbers[slot.index()] = number;
        if !self.texts.is_empty() {
            self.forget_text(slot);
        }
    }

    #[cold]
    fn forget_text(&mut self, slot: Slot) {
        self.texts.remove(&slot);
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
        let mut known = Known::default();
        known.resize(2);
        assert!(!known.hear_number(Slot(2), 0.5), "there is no such channel");
        for value in [Value::number(0.0), "text".into(), Value::number(1.0), "other".into()] {
            assert!(known.hear(SLOT, &value));
            known.tell(SLOT, &value);
            assert_eq!([known.heard(SLOT), known.told(SLOT)], [Some(value.clone()), Some(value)]);
        }
        assert_eq!(known.all_told().collect::<Vec<_>>(), [(SLOT, "other".into())]);
        known.tell_number(SLOT, 0.25);
        known.forget_heard(SLOT);
        assert_eq!((known.heard(SLOT), known.told(SLOT)), (None, Some(Value::number(0.25))));
        known.forget_told(SLOT);
        assert_eq!((known.told(SLOT), known.heard(Slot(0))), (None, None));
    }

    #[test]
    fn the_latest_is_that_of_the_last_direction() {
        let mut known = Known::default();
        known.resize(2);
        known.tell_number(SLOT, 0.1);
        assert_eq!(known.latest(SLOT), Some(Value::number(0.1)));
        known.hear_number(SLOT, 0.2);
        assert_eq!(known.latest(SLOT), Some(Value::number(0.2)));
        known.tell(SLOT, &"text".into());
        assert_eq!(known.latest(SLOT), Some("text".into()));
        known.forget_told(SLOT);
        assert_eq!(known.latest(SLOT), Some(Value::number(0.2)));
    }
}
