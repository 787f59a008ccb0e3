//! What is known of the channels of a session.

use crate::{Slot, Value};

/// The last values of every channel of a session, in the order of the slots; forgotten when a channel is no longer mapped.
///
/// Most channels are mapped in one direction only. So what was heard and what was told lie apart: a universe that goes by
/// touches sixteen bytes a slot here, next to each other, and not what the other direction would need.
#[derive(Default)]
pub(super) struct Known {
    heard: Vec<Option<Value>>,
    told: Vec<Option<Value>>,
    was_told_last: Vec<bool>,
}

impl Known {
    /// How many channels there are.
    pub(super) fn len(&self) -> usize {
        self.heard.len()
    }

    /// Makes room for channels of which nothing is known.
    pub(super) fn resize(&mut self, channels: usize) {
        self.heard.resize(channels, None);
        self.told.resize(channels, None);
        self.was_told_last.resize(channels, false);
    }

    /// A value came from a channel. Returns false if there is no such channel.
    pub(super) fn hear(&mut self, slot: Slot, value: &Value) -> bool {
        let Some(heard) = self.heard.get_mut(slot.index()) else { return false };
        *heard = Some(value.clone());
        self.was_told_last[slot.index()] = false;
        true
    }

    /// As [`hear`](Self::hear), for a number.
    #[inline]
    pub(super) fn hear_number(&mut self, slot: Slot, number: f64) -> bool {
        let Some(heard) = self.heard.get_mut(slot.index()) else { return false };
        note(heard, number);
        self.was_told_last[slot.index()] = false;
        true
    }

    /// A value goes to a channel.
    pub(super) fn tell(&mut self, slot: Slot, value: &Value) {
        self.told[slot.index()] = Some(value.clone());
        self.was_told_last[slot.index()] = true;
    }

    /// As [`tell`](Self::tell), for a number.
    #[inline]
    pub(super) fn tell_number(&mut self, slot: Slot, number: f64) {
        note(&mut self.told[slot.index()], number);
        self.was_told_last[slot.index()] = true;
    }

    /// The last value that came from a channel.
    pub(super) fn heard(&self, slot: Slot) -> Option<&Value> {
        self.heard[slot.index()].as_ref()
    }

    /// The last value that went to a channel.
    pub(super) fn told(&self, slot: Slot) -> Option<&Value> {
        self.told[slot.index()].as_ref()
    }

    /// The last value, whichever way it went.
    pub(super) fn latest(&self, slot: Slot) -> Option<&Value> {
        if self.was_told_last[slot.index()] {
            self.told(slot)
        } else {
            self.heard(slot).or_else(|| self.told(slot))
        }
    }

    /// All channels that have been told something, and what.
    pub(super) fn all_told(&self) -> impl Iterator<Item = (Slot, &Value)> {
        (0..).map(Slot).zip(&self.told).filter_map(|(slot, told)| Some((slot, told.as_ref()?)))
    }

    /// Nothing comes from a channel any more.
    pub(super) fn forget_heard(&mut self, slot: Slot) {
        self.heard[slot.index()] = None;
    }

    /// Nothing goes to a channel any more.
    pub(super) fn forget_told(&mut self, slot: Slot) {
        self.told[slot.index()] = None;
        self.was_told_last[slot.index()] = false;
    }
}

/// Keeps a number. Where it follows another, which is nearly always, that is one comparison and eight bytes.
#[inline]
fn note(known: &mut Option<Value>, number: f64) {
    match known {
        Some(Value::Number(known)) => *known = number,
        Some(Value::Text(_)) | None => *known = Some(Value::Number(number)),
    }
}
