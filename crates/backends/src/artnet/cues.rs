//! Channels that are not levels: the time of the show, and triggers.

use crosspatch_core::{Outbox, Slot, Value};

use super::address::{Address, TimePart};
use super::wire::{ArtTimeCode, ArtTrigger, Packet};

/// The kinds of time code with 25 and with 30 frames per second.
const EBU: u8 = 1;
const SMPTE: u8 = 3;

/// The mapped time code and trigger channels.
#[derive(Debug, Default)]
pub(crate) struct Cues {
    inputs: Vec<(Slot, Address)>,
    outputs: Vec<CueOutput>,
    last: Option<ArtTimeCode>,
}

#[derive(Debug)]
struct CueOutput {
    slot: Slot,
    address: Address,
    /// The last value sent to the channel.
    last: Option<Value>,
}

impl Cues {
    /// Maps a channel as an input.
    pub(crate) fn bind_input(&mut self, slot: Slot, address: Address) {
        self.inputs.push((slot, address));
    }

    /// Maps a channel as an output.
    pub(crate) fn bind_output(&mut self, slot: Slot, address: Address) {
        self.outputs.push(CueOutput { slot, address, last: None });
    }

    /// Removes the mapping of an input channel.
    pub(crate) fn unbind_input(&mut self, slot: Slot) {
        self.inputs.retain(|(bound, _)| *bound != slot);
    }

    /// Removes the mapping of an output channel.
    pub(crate) fn unbind_output(&mut self, slot: Slot) {
        self.outputs.retain(|output| output.slot != slot);
    }

    /// Handles a received trigger: emits a press and its release.
    pub(crate) fn handle_trigger(&self, trigger: ArtTrigger, out: &mut Outbox) {
        let Some(key) = trigger.kind() else { return };
        let address = Address::Trigger(key, trigger.sub_key);
        for (slot, _) in self.inputs.iter().filter(|(_, bound)| *bound == address) {
            out.emit(*slot, Value::edge(true));
            out.emit(*slot, Value::edge(false));
        }
    }

    /// Handles a received time. Parts that have not changed are not sent again.
    pub(crate) fn handle_time(&mut self, time: ArtTimeCode, out: &mut Outbox) {
        let before = self.last.replace(time);
        if before == Some(time) {
            return;
        }
        for (slot, address) in &self.inputs {
            match address {
                Address::TimeCode => out.emit(*slot, Value::text(time.to_string())),
                Address::TimePart(part) => {
                    let (level, most) = part_of(*part, time);
                    if before.map(|before| part_of(*part, before).0) != Some(level) {
                        out.emit(*slot, f64::from(level) / f64::from(most));
                    }
                }
                Address::Trigger(..) | Address::Dmx(_) => {}
            }
        }
    }

    /// Whether any channel is mapped as an output.
    pub(crate) fn has_outputs(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// The packet to send for a value. A state is not a press.
    pub(crate) fn set(&mut self, slot: Slot, value: &Value, is_state: bool) -> Option<Packet<'static>> {
        let output = self.outputs.iter_mut().find(|output| output.slot == slot)?;
        match output.address {
            Address::Trigger(key, number) => {
                let last = output.last.replace(value.clone());
                let is_repeated = last.as_ref() == Some(value);
                let was_pressed = last.is_some_and(|last| last.is_pressed());
                let is_press = value.is_pressed() && (!was_pressed || is_repeated) && !is_state;
                is_press.then(|| Packet::Trigger(ArtTrigger::new(key, number)))
            }
            Address::TimeCode => {
                let time = ArtTimeCode::parse(value.as_text()?, EBU)?;
                let kind = if time.frames < 25 { EBU } else { SMPTE };
                Some(Packet::TimeCode(ArtTimeCode { kind, ..time })).filter(|_| !is_state)
            }
            Address::TimePart(_) | Address::Dmx(_) => None,
        }
    }
}

/// A part of a time, and its highest value.
fn part_of(part: TimePart, time: ArtTimeCode) -> (u8, u8) {
    let last_frame = match time.kind {
        0 => 23,
        EBU => 24,
        _ => 29,
    };
    match part {
        TimePart::Hours => (time.hours, 23),
        TimePart::Minutes => (time.minutes, 59),
        TimePart::Seconds => (time.seconds, 59),
        TimePart::Frames => (time.frames, last_frame),
    }
}
