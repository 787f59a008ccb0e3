//! The mapped channels: the address and the state of each slot.

use crosspatch_core::{Direction, Instant, Slot};
use rustc_hash::FxHashMap;

use super::super::address::{Address, Voice};
use super::super::wire::U7;
use crate::shared::echo::{ECHO, ECHO_OF_BUTTON, Echoes, OWN_WORD};

/// The channels by slot and by address.
#[derive(Debug, Default)]
pub(super) struct MappedChannels {
    /// Whether a channel has been found since this was reset.
    pub(super) was_found: bool,
    channels: Vec<Option<MappedChannel>>,
    slots: FxHashMap<Address, Slot>,
}

/// A mapped channel.
#[derive(Debug)]
pub(super) struct MappedChannel {
    pub(super) slot: Slot,
    pub(super) address: Address,
    pub(super) is_input: bool,
    pub(super) is_output: bool,
    /// The number that was last output on the channel, and the level that it was converted from.
    pub(super) wanted: Option<u16>,
    level: f64,
    /// Values that may return, and the generation of the last one.
    echoes: Option<Box<Echoes>>,
    pub(super) generation: u8,
    /// The last number sent to or received from the device.
    pub(super) last_sent: Option<u16>,
    /// The last number received from the device, and its time.
    pub(super) last_received: Option<(Instant, u16)>,
    /// The ticket of its last number in the queue.
    pub(super) ticket: Option<u64>,
    /// Whether that number is a repetition.
    pub(super) is_repeat: bool,
    /// The ticket of the previous number.
    pub(super) earlier: Option<u64>,
    /// Whether the device is moving the control. Nothing is sent until it has stopped.
    pub(super) is_moving: bool,
    /// The upper half of a number whose lower half has not arrived, and the time when the wait ends.
    pub(super) half: Option<(Instant, U7)>,
}

impl MappedChannels {
    pub(super) fn bind(&mut self, slot: Slot, address: Address, direction: Direction) {
        if self.channels.len() <= slot.index() {
            self.channels.resize_with(slot.index() + 1, || None);
        }
        self.slots.insert(address.clone(), slot);
        let channel = self.channels[slot.index()].get_or_insert_with(|| MappedChannel::new(slot, address));
        *channel.used(direction) = true;
    }

    pub(super) fn unbind(&mut self, slot: Slot, direction: Direction) {
        let Some(entry) = self.channels.get_mut(slot.index()) else { return };
        if let Some(channel) = entry {
            *channel.used(direction) = false;
            if !channel.is_input && !channel.is_output {
                self.slots.remove(&channel.address);
                *entry = None;
            }
        }
    }

    pub(super) fn at(&mut self, slot: Slot) -> Option<&mut MappedChannel> {
        self.channels.get_mut(slot.index())?.as_mut()
    }

    pub(super) fn find(&mut self, address: &Address) -> Option<&mut MappedChannel> {
        let slot = *self.slots.get(address)?;
        self.was_found = true;
        self.at(slot)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut MappedChannel> {
        self.channels.iter_mut().flatten()
    }
}

impl MappedChannel {
    fn new(slot: Slot, address: Address) -> Self {
        Self {
            slot,
            address,
            is_input: false,
            is_output: false,
            wanted: None,
            level: f64::NAN,
            echoes: None,
            generation: 0,
            last_sent: None,
            last_received: None,
            ticket: None,
            is_repeat: false,
            earlier: None,
            is_moving: false,
            half: None,
        }
    }

    /// Whether this is a key or a pad, and no fader.
    pub(super) fn is_key(&self) -> bool {
        matches!(self.address, Address::Voice(_, Voice::Note(_) | Voice::AnyNote))
    }

    /// Sets the number and its level. Returns whether both are unchanged.
    pub(super) fn want(&mut self, number: u16, level: f64) -> bool {
        let before = (self.wanted.replace(number), std::mem::replace(&mut self.level, level));
        before == (Some(number), level)
    }

    /// Records a sent number, which may return.
    pub(super) fn send(&mut self, now: Instant, number: u16) {
        if self.is_input {
            let within = if self.is_edge(number) { ECHO_OF_BUTTON } else { ECHO };
            self.echoes.get_or_insert_default().send(now, &number, within);
        }
    }

    /// The generation of the sent number, if this number is its echo.
    pub(super) fn echoed(&mut self, now: Instant, number: u16) -> Option<u8> {
        let is_echo = self.echoes.as_mut()?.is_echo(now, &number);
        is_echo.then_some(self.generation)
    }

    /// Whether the device has just sent this number itself. A pad or a button sends how it was hit and not how it is lit.
    pub(super) fn is_own_word(&self, now: Instant, number: u16) -> bool {
        let is_heard =
            self.last_received.is_some_and(|(at, heard)| heard == number && now.since(at) < OWN_WORD);
        is_heard && self.last_sent == Some(number) && !self.is_edge(number)
    }

    /// Whether the number may be the press or the release of a button.
    pub(super) fn is_edge(&self, number: u16) -> bool {
        self.is_key() || number == 0 || Some(number) == self.address.greatest()
    }

    fn used(&mut self, direction: Direction) -> &mut bool {
        match direction {
            Direction::Input => &mut self.is_input,
            Direction::Output => &mut self.is_output,
        }
    }
}
