//! Converts between messages and the values of channels, for every backend with MIDI channels.
//!
//! A [`Translator`] belongs to a session. It is bound to addresses, turns messages into values, and turns values into messages, no
//! faster than the device can receive them. Repeated messages are sent repeatedly. A level that the device has just sent is not
//! sent back to it unless the options say so. The two halves of a 14-bit number become one value: the upper half waits a moment
//! for the lower one, and counts as a 7-bit number if that does not arrive.

mod channel;
mod dialect;
mod held;
mod parameter;
mod pattern;
mod queue;
mod receive;
mod send;
mod show_control;
#[cfg(test)]
mod tests;
mod time_code;

use std::collections::BTreeSet;
use std::sync::Arc;

use crosspatch_core::{Direction, Duration, Instant, Outbox, Slot, Value};

use super::address::Address;
use crate::shared::echo::Echoes;

pub(crate) use dialect::with_dialect;
pub use dialect::{Dialect, Echo, Init, OPTIONS, Release};
pub use held::HeldKeys;
pub use pattern::MessagePattern;
pub use time_code::FrameRate;

use channel::MappedChannels;
use parameter::SelectedParameter;
use queue::{QueuedMessage, SendQueue};
use time_code::{Pieces, TimeCode};

/// How long the upper half of a number waits for the lower one. Over a cable a message takes 1 ms.
const HALF: Duration = Duration::from_millis(5);

/// A fader that has not moved for so long has settled.
const SETTLED: Duration = Duration::from_millis(100);

/// What goes round between two devices that send everything back is sent once more after so long.
const QUIET: Duration = Duration::from_secs(1);

/// Translates between the messages of one device and the channels of one session.
#[derive(Debug)]
pub struct Translator {
    dialect: Arc<Dialect>,
    channels: MappedChannels,
    patterns: Vec<PatternState>,
    queue: SendQueue,
    alarms: BTreeSet<(Instant, Slot, Alarm)>,
    /// The parameter that is selected on each channel, as the device has it.
    selected: [SelectedParameter; 16],
    pieces: Pieces,
    time: Option<TimeCode>,
}

/// What becomes due.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Alarm {
    /// The lower half of a number has not come.
    Half,
    /// A fader may have settled.
    Settled,
}

/// What is known of a system exclusive message of the options.
#[derive(Debug)]
struct PatternState {
    /// The channels of its values, or the one that it is itself.
    addresses: Vec<Address>,
    values: Vec<Value>,
    /// Which of them have changed since the message was put into the queue.
    is_changed: Vec<bool>,
    /// Whether one of them was the same as before.
    is_repeated: bool,
    is_queued: bool,
    /// The message as the device knows it.
    last_sent: Option<Vec<u8>>,
    /// When the device said so itself.
    received_at: Option<Instant>,
    /// What may come back of what was sent, and how often what caused the last of it had been to a peer and come back.
    echoes: Echoes,
    generation: u8,
}

impl PatternState {
    fn new(name: &Arc<str>, pattern: &MessagePattern) -> Self {
        let addresses = match pattern.names() {
            [] | [_] => vec![Address::SysEx(name.clone(), None)],
            names => names.iter().map(|part| Address::SysEx(name.clone(), Some(part.clone()))).collect(),
        };
        let len = pattern.names().len();
        Self {
            addresses,
            values: vec![Value::Number(0.0); len],
            is_changed: vec![false; len],
            is_repeated: false,
            is_queued: false,
            last_sent: None,
            received_at: None,
            echoes: Echoes::default(),
            generation: 0,
        }
    }
}

impl Translator {
    /// Translates for a device that speaks so.
    pub fn new(dialect: Arc<Dialect>) -> Self {
        Self {
            channels: MappedChannels::default(),
            patterns: dialect.sysex.iter().map(|(name, pattern)| PatternState::new(name, pattern)).collect(),
            queue: SendQueue::new(dialect.pace),
            alarms: BTreeSet::new(),
            selected: [SelectedParameter::default(); 16],
            pieces: Pieces::default(),
            time: None,
            dialect,
        }
    }

    /// Binds a slot to a canonical address, in one direction.
    pub fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        if let Ok(address) = Address::parse(address) {
            self.channels.bind(slot, address, direction);
        }
    }

    /// Takes back a [`bind`](Self::bind).
    pub fn unbind(&mut self, slot: Slot, direction: Direction) {
        self.channels.unbind(slot, direction);
    }

    /// Somebody new listens: what was sent counts for nothing, and the first messages of the options go out. The states are
    /// to be [restored](Self::restore) after that.
    pub fn begin(&mut self) {
        self.queue.clear();
        for channel in self.channels.iter_mut() {
            (channel.last_sent, channel.last_received, channel.ticket, channel.is_moving) =
                (None, None, None, false);
        }
        for pattern in &mut self.patterns {
            (pattern.last_sent, pattern.is_queued) = (None, false);
        }
        for init in &self.dialect.init {
            let item = match init {
                Init::Messages(messages) => QueuedMessage::Messages(messages.clone()),
                Init::Pause(pause) => QueuedMessage::Pause(*pause),
            };
            self.queue.push(item);
        }
    }

    /// What was sent last may not have arrived: the states are to be [restored](Self::restore).
    pub fn doubt(&mut self) {
        self.channels.iter_mut().for_each(|channel| channel.last_sent = None);
        self.patterns.iter_mut().for_each(|pattern| pattern.last_sent = None);
    }

    /// Whoever was heard is gone: what had begun comes to nothing.
    pub fn forget(&mut self) {
        self.selected = [SelectedParameter::default(); 16];
        self.pieces = Pieces::default();
        self.channels.iter_mut().for_each(|channel| channel.half = None);
    }

    /// The way out is blocked, or has become free; [`flush`](Self::flush) hands out nothing in between.
    pub fn set_blocked(&mut self, is_blocked: bool) {
        self.queue.set_blocked(is_blocked);
    }

    /// The time of [`next_timeout`](Self::next_timeout) has come. [`flush`](Self::flush) has to follow.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        while let Some(&alarm) = self.alarms.first().filter(|(at, ..)| *at <= now) {
            self.alarms.remove(&alarm);
            match alarm {
                (at, slot, Alarm::Half) => self.half_is_due(now, at, slot, out),
                (_, slot, Alarm::Settled) => self.settle(now, slot),
            }
        }
    }

    /// When `handle_timeout` and `flush` want to be called.
    pub fn next_timeout(&self) -> Option<Instant> {
        let alarm = self.alarms.first().map(|(at, ..)| *at);
        alarm.into_iter().chain(self.queue.next_timeout()).min()
    }

    /// The number of a level on a channel of 14 or 7 bits.
    fn number_of(&self, address: &Address, greatest: u16, level: f64) -> u16 {
        let level = if self.dialect.is_short && parameter::is_parameter(address) {
            super::wire::U7::of_level(level).level()
        } else {
            level
        };
        (level * f64::from(greatest)).round() as u16
    }
}
