//! Describes incoming messages as channels, so that a user can map them.

use crosspatch_core::{Outbox, Peer};

use super::address::{Address, Voice};
use super::wire::Message;
use crate::shared::unmapped::Unmapped;

/// Reports that no mapping uses a message. Channels begin with `prefix`.
pub(crate) fn record_unmapped(
    unmapped: &mut Unmapped,
    prefix: &str,
    message: &Message<'_>,
    from: Peer,
    out: &mut Outbox,
) {
    if unmapped.has_room()
        && let Some((address, _)) = describe_channel(message)
    {
        unmapped.record(format!("{prefix}{address}").as_bytes(), from, out);
    }
}

/// The channel of a message, and its value. `None` for messages that arrive constantly without a change.
pub(crate) fn describe_channel(message: &Message<'_>) -> Option<(String, String)> {
    let (channel, voice, number) = match *message {
        Message::NoteOn { channel, note, velocity } => (channel, Voice::Note(note), velocity.get()),
        Message::NoteOff { channel, note, .. } => (channel, Voice::Note(note), 0),
        Message::PolyPressure { channel, note, pressure } => (channel, Voice::Pressure(note), pressure.get()),
        Message::ControlChange { channel, controller, value } => {
            (channel, Voice::Control(controller), value.get())
        }
        Message::ProgramChange { channel, program } => (channel, Voice::Program, program.get()),
        Message::ChannelPressure { channel, pressure } => (channel, Voice::Aftertouch, pressure.get()),
        Message::PitchBend { channel, bend } => (channel, Voice::Pitch, bend.get()),
        Message::Clock | Message::ActiveSensing | Message::QuarterFrame(_) => return None,
        Message::SysEx(_)
        | Message::SongPosition(_)
        | Message::SongSelect(_)
        | Message::TuneRequest
        | Message::Start
        | Message::Continue
        | Message::Stop
        | Message::Reset => return Some((message.to_string(), message.to_string())),
    };
    let address = Address::Voice(channel, voice).to_string();
    let shown = format!("{address} = {number}");
    Some((address, shown))
}
