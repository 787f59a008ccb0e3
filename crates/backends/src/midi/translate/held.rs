//! Tracks the keys that a peer holds, to release them when the peer is lost.

use super::super::wire::{Message, U4, U7};

/// The keys that are down, a bit for each.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldKeys {
    channels: [u128; 16],
}

impl HeldKeys {
    /// Records a message.
    pub fn record(&mut self, message: &Message<'_>) {
        match *message {
            Message::NoteOn { channel, note, velocity } if velocity > U7::default() => {
                self.channels[usize::from(channel.get())] |= 1 << note.get();
            }
            Message::NoteOn { channel, note, .. } | Message::NoteOff { channel, note, .. } => {
                self.channels[usize::from(channel.get())] &= !(1 << note.get());
            }
            Message::PolyPressure { .. }
            | Message::ControlChange { .. }
            | Message::ProgramChange { .. }
            | Message::ChannelPressure { .. }
            | Message::PitchBend { .. }
            | Message::SysEx(_)
            | Message::QuarterFrame(_)
            | Message::SongPosition(_)
            | Message::SongSelect(_)
            | Message::TuneRequest
            | Message::Clock
            | Message::Start
            | Message::Continue
            | Message::Stop
            | Message::Reset
            | Message::ActiveSensing => {}
        }
    }

    /// Forgets all keys. Returns the messages that release those that `other` does not hold, too.
    pub fn release(&mut self, other: &Self) -> impl Iterator<Item = Message<'static>> + use<> {
        let (own, other) = (std::mem::take(self), *other);
        let keys = (0..16).flat_map(|channel| (0..128).map(move |note| (channel, note)));
        let is_down = move |&(channel, note): &(u16, u16)| {
            (own.channels[usize::from(channel)] & !other.channels[usize::from(channel)]) >> note & 1 == 1
        };
        keys.filter(is_down).map(|(channel, note)| Message::NoteOff {
            channel: U4::masked(channel),
            note: U7::masked(note),
            velocity: U7::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_are_down_and_that_nobody_else_holds_are_released() {
        let key = |channel, note| (U4::masked(channel), U7::masked(note));
        let struck =
            |(channel, note), velocity| Message::NoteOn { channel, note, velocity: U7::masked(velocity) };
        let (mut keys, mut other) = (HeldKeys::default(), HeldKeys::default());
        for (channel, note) in [(0, 0), (0, 60), (3, 127), (15, 127), (2, 5)] {
            keys.record(&struck(key(channel, note), 1));
        }
        keys.record(&struck(key(0, 60), 0));
        let (channel, note) = key(3, 127);
        keys.record(&Message::NoteOff { channel, note, velocity: U7::masked(127) });
        other.record(&struck(key(2, 5), 100));
        let released: Vec<_> = keys.release(&other).map(|message| message.to_string()).collect();
        assert_eq!(released, ["note-off ch0 0 0", "note-off ch15 127 0"]);
        assert_eq!(keys.release(&HeldKeys::default()).count(), 0);
        assert_eq!(other.release(&keys).count(), 1);
    }
}
