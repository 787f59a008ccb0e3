//! The record of a mapped channel, one for each slot. `watch` and `output` work on these records and store no values
//! themselves.

use crosspatch_core::{Duration, Instant, Slot, Text, Value};

use super::address::Address;
use super::wire::Color;
use crate::shared::button::Button;

/// The time within which a peer returns the state of a lamp.
const ECHO_TIME: Duration = Duration::from_millis(100);

/// A mapped channel: its address, and the last values in both directions.
#[derive(Debug)]
pub(crate) struct MappedChannel {
    pub(crate) slot: Slot,
    pub(crate) address: Address,
    pub(crate) is_input: bool,
    pub(crate) is_output: bool,
    /// The last emitted or sent value, which is the current value in the mapping.
    pub(crate) last_value: LastValue,
    /// Answers to requests sent before this time are outdated.
    pub(crate) settles_at: Instant,
    /// Whether the next report has to be read although the console only repeats the last one: something was sent since, or
    /// that report was outdated.
    pub(crate) awaits_report: bool,
    /// When a state was last emitted to a channel that is also an output, and whether it was on.
    pub(crate) last_emitted: Option<(Instant, bool)>,
    pub(crate) fader: Fader,
    pub(crate) key: KeyState,
}

/// A value of any kind that was emitted or sent.
#[derive(Debug, Default, PartialEq)]
pub(crate) enum LastValue {
    #[default]
    Unknown,
    Number(f64),
    Text(Text),
    Color(Color),
}

/// The level of a fader or of a command line with a level, or the turns of an encoder.
#[derive(Debug, Default)]
pub(crate) struct Fader {
    /// The last number received from the mapping. A text does not replace it.
    pub(crate) received: Option<f64>,
    /// The level that waits to be sent. Until then, every report of the console is outdated.
    pub(crate) waiting: Option<WaitingOutput>,
    /// The time with which the slot is queued among the waiting levels.
    pub(crate) queued: Option<Instant>,
    /// The earliest time of the next level.
    pub(crate) next_at: Instant,
    /// The console's level: the last one sent to it or reported by it on this connection.
    pub(crate) on_console: Option<f64>,
    /// After a report of the console: until this time, nearly the same level from the mapping is an echo of it.
    pub(crate) echoes_until: Instant,
    /// Whether the console was the last to change the level.
    pub(crate) is_consoles: bool,
    /// The last emitted level.
    pub(crate) emitted: Option<f64>,
    /// Whether a level was reported since the log-in. The first report is emitted even if the level was sent from here,
    /// unless it was also the last one emitted.
    pub(crate) is_reported: bool,
}

/// The output that waits to be sent.
#[derive(Copy, Clone, Debug)]
pub(crate) enum WaitingOutput {
    Level(f64),
    Turn(f64),
}

/// The presses of a key.
#[derive(Debug, Default)]
pub(crate) struct KeyState {
    /// The button that holds the key down in the mapping.
    pub(crate) button: Button,
    /// Whether the last press was accepted, so that its release will be accepted, too.
    pub(crate) is_accepted: bool,
    /// Whether the console was sent a press without its release.
    pub(crate) is_down: bool,
    /// When the last release was sent.
    pub(crate) released_at: Option<Instant>,
}

impl MappedChannel {
    /// Sets whether the channel is an input. Clears the emitted values, so that the next report is emitted in any case.
    pub(crate) fn set_input(&mut self, is_input: bool) {
        (self.is_input, self.last_value, self.settles_at) = (is_input, LastValue::Unknown, Instant::START);
        (self.fader.is_consoles, self.fader.emitted, self.fader.is_reported) = (false, None, false);
    }

    /// Records a number that was sent. Answers to requests sent before `settles_at` are outdated.
    pub(crate) fn note_sent(&mut self, number: f64, settles_at: Instant) {
        (self.last_value, self.settles_at) = (LastValue::Number(number), settles_at);
        self.awaits_report = self.is_input;
    }

    /// Whether a value is an echo of the last emitted lamp state. In the same turn, it returns through a loop in the
    /// mapping. A little later, while the key is down, a peer returns the lamp that the press has lit. A lamp has one
    /// echo, and a release is never one.
    pub(crate) fn is_echo(&mut self, now: Instant, value: &Value) -> bool {
        let is_pressed = value.is_pressed();
        match self.last_emitted {
            Some((at, was_on)) if at == now => was_on == is_pressed,
            Some((at, true)) if is_pressed && self.key.button.is_down() && now.since(at) < ECHO_TIME => {
                self.last_emitted = None;
                true
            }
            Some(_) | None => false,
        }
    }
}

/// The channels of a session, by slot.
#[derive(Debug, Default)]
pub(crate) struct MappedChannels(Vec<Option<MappedChannel>>);

impl MappedChannels {
    /// The channel of a slot, created if it does not exist.
    pub(crate) fn get_or_insert(&mut self, slot: Slot, address: Address) -> &mut MappedChannel {
        if slot.index() >= self.0.len() {
            self.0.resize_with(slot.index() + 1, || None);
        }
        self.0[slot.index()].get_or_insert(MappedChannel {
            slot,
            address,
            is_input: false,
            is_output: false,
            last_value: LastValue::Unknown,
            settles_at: Instant::START,
            awaits_report: false,
            last_emitted: None,
            fader: Fader::default(),
            key: KeyState::default(),
        })
    }

    /// The channel of a slot.
    pub(crate) fn get(&self, slot: Slot) -> Option<&MappedChannel> {
        self.0.get(slot.index())?.as_ref()
    }

    /// The channel of a slot.
    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut MappedChannel> {
        self.0.get_mut(slot.index())?.as_mut()
    }

    /// All channels, sorted by slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &MappedChannel> {
        self.0.iter().flatten()
    }

    /// Called after a log-in, when no report can be outdated. Emitted values stay valid: only differences are emitted.
    pub(crate) fn begin_connection(&mut self) {
        for channel in self.iter_mut() {
            (channel.settles_at, channel.fader.is_reported) = (Instant::START, false);
        }
    }

    /// All channels, sorted by slot.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut MappedChannel> {
        self.0.iter_mut().flatten()
    }
}
