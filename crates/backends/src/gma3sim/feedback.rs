//! Messages that the console sends: its own feedback (manual, "Object Playback Feedback"), and the format of all
//! messages.

use crosspatch_core::{Outbox, Peer, Port};

use super::options::{Config, Version};
use super::show::{Sequence, SequenceChange, SequenceEvent, Show};
use crate::osc::wire::{Argument, OscStr, encode_message};

/// The only socket.
pub(super) const PORT: Port = Port(0);

/// Sends one message, with the console's prefix.
pub(super) fn send(settings: &Config, path: &str, arguments: &[Argument<'_>], out: &mut Outbox) {
    let Some(destination) = settings.destination else { return };
    let address = format!("{}{path}", settings.prefix);
    out.send(PORT, Peer::Address(destination), |bytes| {
        encode_message(OscStr::new(address.as_bytes()), arguments.iter().copied(), bytes);
    });
}

/// A string argument.
pub(super) fn string(text: &str) -> Argument<'_> {
    Argument::String(OscStr::new(text.as_bytes()))
}

/// Reports changes.
pub(super) fn report(settings: &Config, show: &Show, actions: &[SequenceEvent], out: &mut Outbox) {
    if !settings.sends {
        return;
    }
    for SequenceEvent { sequence: number, what } in actions {
        let Some(sequence) = show.sequences.get(number) else { continue };
        let path = format!("/{}.{number}", settings.version.sequences());
        match what {
            SequenceChange::Fader(level) => {
                let level = Argument::Float32((level * 100.0) as f32);
                send(settings, &path, &[string("FaderMaster"), Argument::Int32(1), level], out);
            }
            SequenceChange::Key(function, pressed) => {
                let (word, pressed) = (string(function.word()), Argument::Int32(i32::from(*pressed)));
                match cue(settings.version, sequence).filter(|_| function.names_the_cue()) {
                    Some(cue) => send(settings, &path, &[word, pressed, string(&cue)], out),
                    None => send(settings, &path, &[word, pressed], out),
                }
            }
        }
    }
}

/// `Main 2 Warm`.
fn cue(version: Version, sequence: &Sequence) -> Option<String> {
    let cue = sequence.cue()?;
    Some(format!("{}{}{} {}", sequence.name, version.delimiter(), cue.number, cue.name))
}
