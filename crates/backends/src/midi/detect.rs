//! Tells an operator what comes in, as channels that can be mapped.

use std::collections::BTreeMap;
use std::fmt::Write;

use crosspatch_core::{Duration, Instant, Notice, Outbox};

use super::address::{Address, Voice};
use super::wire::{Message, U7};

/// Between two notices. Notices of one kind pass five times in ten seconds.
const PAUSE: Duration = Duration::from_secs(2);

/// So many different things are told at once.
const MAX_SHOWN: usize = 32;

/// What was heard since the last notice, the latest of each channel.
#[derive(Debug, Default)]
pub(crate) struct Detector {
    heard: BTreeMap<String, u16>,
    left_out: u32,
    next_at: Option<Instant>,
}

impl Detector {
    /// Takes note of a message.
    pub(crate) fn hear(&mut self, now: Instant, message: &Message<'_>, out: &mut Outbox) {
        let (channel, number) = match *message {
            Message::NoteOn { channel, note, velocity } => {
                (Address::Voice(channel, Voice::Note(note)), velocity.get())
            }
            Message::NoteOff { channel, note, .. } => {
                (Address::Voice(channel, Voice::Note(note)), U7::default().get())
            }
            Message::PolyPressure { channel, note, pressure } => {
                (Address::Voice(channel, Voice::Pressure(note)), pressure.get())
            }
            Message::ControlChange { channel, controller, value } => {
                (Address::Voice(channel, Voice::Control(controller)), value.get())
            }
            Message::ProgramChange { channel, program } => {
                (Address::Voice(channel, Voice::Program), program.get())
            }
            Message::ChannelPressure { channel, pressure } => {
                (Address::Voice(channel, Voice::Aftertouch), pressure.get())
            }
            Message::PitchBend { channel, bend } => (Address::Voice(channel, Voice::Pitch), bend.get()),
            // It comes all the time and moves nothing.
            Message::Clock | Message::ActiveSensing | Message::QuarterFrame(_) => return,
            Message::SysEx(_)
            | Message::SongPosition(_)
            | Message::SongSelect(_)
            | Message::TuneRequest
            | Message::Start
            | Message::Continue
            | Message::Stop
            | Message::Reset => return self.note(now, message.to_string(), 0, out),
        };
        self.note(now, channel.to_string(), number, out);
    }

    fn note(&mut self, now: Instant, what: String, number: u16, out: &mut Outbox) {
        if self.heard.len() >= MAX_SHOWN && !self.heard.contains_key(&what) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.heard.insert(what, number);
        if self.next_at.is_none() {
            self.tell(now, out);
        }
    }

    /// The pause is over.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        if self.next_at.is_some_and(|at| at <= now) {
            self.next_at = None;
            if !self.heard.is_empty() {
                self.tell(now, out);
            }
        }
    }

    /// When the pause is over.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.next_at
    }

    fn tell(&mut self, now: Instant, out: &mut Outbox) {
        let mut text = "heard".to_owned();
        for (at, (what, number)) in std::mem::take(&mut self.heard).iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            // Writing to a `String` cannot fail.
            let _ = if what.starts_with("ch") {
                write!(text, "{comma} `{what}` at {number}")
            } else {
                write!(text, "{comma} `{what}`")
            };
        }
        if self.left_out > 0 {
            let _ = write!(text, ", and {} more", std::mem::take(&mut self.left_out));
        }
        out.notice(Notice::info("midi-detect", text));
        self.next_at = Some(now + PAUSE);
    }
}
