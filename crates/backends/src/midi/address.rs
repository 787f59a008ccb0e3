//! Channels as a person writes them: `ch0.cc7` and `channel0.cc7` in a MIDI channel, a single word for the whole device, and
//! `sysex.<name>` for a message of the options.

use std::fmt;
use std::sync::Arc;

use crosspatch_core::AddressError;

use super::wire::{Bits, U4, U7, U14, number};

/// A channel of an instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A message of a MIDI channel.
    Voice(U4, Voice),
    /// A message of the whole device.
    System(System),
    /// The time code, or a part of it.
    TimeCode(TimeCodePart),
    /// A command of MIDI Show Control, for all cues or for one.
    ShowControl(ShowCommand, Option<Arc<str>>),
    /// A system exclusive message of the options, and the index of its value.
    SysEx(Arc<str>, Option<Arc<str>>),
}

/// A message of a MIDI channel.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Voice {
    /// `cc7`: a controller.
    Control(U7),
    /// `pair7`: the controllers 7 and 39 together, 14 bits. Numbers 0 to 31.
    Pair(Bits<5>),
    /// `note60`: the velocity of a key, 0 when it is released.
    Note(U7),
    /// `note`: the number of the last pressed key.
    AnyNote,
    /// `pressure60`: the pressure on one key.
    Pressure(U7),
    /// `aftertouch`: the greatest pressure on any key.
    Aftertouch,
    /// `pitch`: the pitch wheel, 14 bits.
    Pitch,
    /// `program`: the program.
    Program,
    /// `rpn1`: a registered parameter.
    Rpn(U14),
    /// `nrpn900`: a parameter that the manufacturer has defined.
    Nrpn(U14),
}

/// A message of the whole device.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum System {
    /// A tick of the clock, 24 a quarter note.
    Clock,
    /// Start from the beginning.
    Start,
    /// Continue.
    Continue,
    /// Stop.
    Stop,
    /// Tune the oscillators.
    TuneRequest,
    /// Reset to the state after power-up.
    Reset,
    /// The song position, in sixteenths.
    SongPosition,
    /// The song.
    Song,
}

/// A part of the time code.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeCodePart {
    /// All of it, as the text `hh:mm:ss:ff`.
    Whole,
    /// The hours, 0 to 23.
    Hours,
    /// The minutes, 0 to 59.
    Minutes,
    /// The seconds, 0 to 59.
    Seconds,
    /// The frames, 0 to 29.
    Frames,
}

/// A command of MIDI Show Control.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShowCommand {
    /// GO: start a cue.
    Go,
    /// STOP: halt a cue.
    Stop,
    /// RESUME: continue a halted cue.
    Resume,
    /// LOAD: make a cue the next one.
    Load,
    /// GO_OFF: start a cue that switches off.
    GoOff,
    /// ALL_OFF: switch everything off.
    AllOff,
    /// RESTORE: back to before ALL_OFF.
    Restore,
    /// RESET: everything to its initial state.
    Reset,
}

/// The words after the channel that have no number.
const VOICES: &[(&str, Voice)] = &[
    ("note", Voice::AnyNote),
    ("aftertouch", Voice::Aftertouch),
    ("pitch", Voice::Pitch),
    ("program", Voice::Program),
];

/// Makes the voice of a number, if it is in range.
type Numbered = fn(&str) -> Option<Voice>;

/// The words after the channel that a number follows, and the largest number.
const NUMBERED: &[(&str, u16, Numbered)] = &[
    ("cc", 127, |text| number(text).map(Voice::Control)),
    ("pair", 31, |text| number(text).map(Voice::Pair)),
    ("note", 127, |text| number(text).map(Voice::Note)),
    ("pressure", 127, |text| number(text).map(Voice::Pressure)),
    ("rpn", 16383, |text| number(text).map(Voice::Rpn)),
    ("nrpn", 16383, |text| number(text).map(Voice::Nrpn)),
];

const SYSTEM: &[(&str, System)] = &[
    ("clock", System::Clock),
    ("start", System::Start),
    ("continue", System::Continue),
    ("stop", System::Stop),
    ("tune-request", System::TuneRequest),
    ("reset", System::Reset),
    ("song-position", System::SongPosition),
    ("song", System::Song),
];

const TIME_CODE: &[(&str, TimeCodePart)] = &[
    ("mtc", TimeCodePart::Whole),
    ("mtc.hours", TimeCodePart::Hours),
    ("mtc.minutes", TimeCodePart::Minutes),
    ("mtc.seconds", TimeCodePart::Seconds),
    ("mtc.frames", TimeCodePart::Frames),
];

const SHOW_CONTROL: &[(&str, ShowCommand)] = &[
    ("go", ShowCommand::Go),
    ("stop", ShowCommand::Stop),
    ("resume", ShowCommand::Resume),
    ("load", ShowCommand::Load),
    ("go-off", ShowCommand::GoOff),
    ("all-off", ShowCommand::AllOff),
    ("restore", ShowCommand::Restore),
    ("reset", ShowCommand::Reset),
];

/// Words that addresses are built from.
pub const WORDS: &[&str] = &[
    "cc",
    "pair",
    "note",
    "pressure",
    "aftertouch",
    "pitch",
    "program",
    "rpn",
    "nrpn",
    "clock",
    "start",
    "continue",
    "stop",
    "song-position",
    "song",
    "mtc",
    "msc",
    "sysex",
];

impl ShowCommand {
    /// Whether the command may name a cue.
    pub fn has_cue(self) -> bool {
        !matches!(self, Self::AllOff | Self::Restore | Self::Reset)
    }
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// The error says which word or number was expected.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if let Some((_, system)) = SYSTEM.iter().find(|(name, _)| *name == text) {
            return Ok(Self::System(*system));
        }
        if let Some((_, part)) = TIME_CODE.iter().find(|(name, _)| *name == text) {
            return Ok(Self::TimeCode(*part));
        }
        match text.split_once('.') {
            Some(("sysex", rest)) => parse_sysex(rest),
            Some(("msc", rest)) => parse_show_control(rest),
            Some((channel, rest)) if is_channel(channel) => {
                let channel = parse_channel(channel)?;
                parse_voice(rest).map(|voice| Self::Voice(channel, voice)).map_err(|error| {
                    let suggestion = error.suggestion.map(|rest| format!("ch{channel}.{rest}"));
                    AddressError { suggestion, ..error }
                })
            }
            Some(_) | None => Err(AddressError::new(format!(
                "expected a channel such as `ch0.cc7`, `ch0.note60`, `clock`, `mtc`, `msc.go` or `sysex.<name>`, found `{text}`"
            ))),
        }
    }
}

fn is_channel(word: &str) -> bool {
    let digits = word.strip_prefix("channel").or_else(|| word.strip_prefix("ch"));
    digits.is_some_and(|digits| !digits.starts_with(|c: char| c.is_ascii_alphabetic()))
}

fn parse_channel(word: &str) -> Result<U4, AddressError> {
    let digits = word.strip_prefix("channel").or_else(|| word.strip_prefix("ch")).unwrap_or(word);
    number(digits).ok_or_else(|| {
        AddressError::new(format!("expected a channel from `ch0` to `ch15`, found `{word}`"))
            .help("channels count from 0: channel 1 of a device is `ch0`")
    })
}

fn parse_voice(text: &str) -> Result<Voice, AddressError> {
    if let Some((_, voice)) = VOICES.iter().find(|(name, _)| *name == text) {
        return Ok(*voice);
    }
    let split = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (word, digits) = text.split_at(split);
    if let Some(pair) = text.strip_prefix("cc14.") {
        return Err(AddressError::new(format!("expected `cc14` alone, found `{text}`"))
            .suggest(format!("pair{pair}"))
            .help("use `pair` for two controllers that make one 14-bit value"));
    }
    if let Some((_, most, make)) = NUMBERED.iter().find(|(name, ..)| *name == word) {
        return make(digits).ok_or_else(|| {
            let found = if digits.is_empty() { "nothing".to_owned() } else { format!("`{digits}`") };
            AddressError::new(format!("expected a number from 0 to {most} after `{word}`, found {found}"))
        });
    }
    let error = AddressError::new(format!(
        "expected `cc`, `pair`, `note`, `pressure`, `aftertouch`, `pitch`, `program`, `rpn` or `nrpn` after the channel, found `{text}`"
    ));
    let words = VOICES.iter().map(|(name, _)| *name).chain(NUMBERED.iter().map(|(name, ..)| *name));
    let near = words.map(|name| (strsim::damerau_levenshtein(name, word), name));
    // Longer words such as `pitchbend` are accepted.
    let near = near.filter(|(distance, name)| {
        *distance <= 2 && *distance < word.len() || name.len() > 2 && word.starts_with(name)
    });
    Err(match near.min() {
        Some((_, name)) => {
            let has_number = NUMBERED.iter().any(|(numbered, ..)| *numbered == name);
            error.suggest(if has_number { format!("{name}{digits}") } else { name.to_owned() })
        }
        None => error,
    })
}

fn parse_show_control(text: &str) -> Result<Address, AddressError> {
    let (word, cue) = match text.split_once('.') {
        Some((word, cue)) => (word, Some(cue)),
        None => (text, None),
    };
    let Some((_, command)) = SHOW_CONTROL.iter().find(|(name, _)| *name == word) else {
        let words: Vec<_> = SHOW_CONTROL.iter().map(|(name, _)| format!("`{name}`")).collect();
        return Err(AddressError::new(format!(
            "expected one of {} after `msc.`, found `{word}`",
            words.join(", ")
        )));
    };
    match cue {
        Some(_) if !command.has_cue() => {
            Err(AddressError::new(format!("`msc.{word}` takes no cue, found `{text}`"))
                .suggest(format!("msc.{word}")))
        }
        Some(cue) if !is_cue(cue) => Err(AddressError::new(format!(
            "expected a cue such as `12.5`, optionally with its list and path as in `12.5/2/1`, found `{cue}`"
        ))),
        cue => Ok(Address::ShowControl(*command, cue.map(Into::into))),
    }
}

/// Whether this is a cue, perhaps with a list and a path: numbers with points in them, up to three of them with slashes in
/// between.
pub(crate) fn is_cue(text: &str) -> bool {
    let is_number = |part: &str| {
        part.split('.').all(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
    };
    text.len() <= 64 && text.split('/').count() <= 3 && text.split('/').all(is_number)
}

fn parse_sysex(text: &str) -> Result<Address, AddressError> {
    let (name, slot) = match text.split_once('.') {
        Some((name, slot)) => (name, Some(slot)),
        None => (text, None),
    };
    let bad = [Some(name), slot].into_iter().flatten().find(|word| !is_name(word));
    match bad {
        Some(word) => Err(AddressError::new(format!(
            "expected the name of a message of the options after `sysex.`, found `{word}`"
        ))),
        None => Ok(Address::SysEx(name.into(), slot.map(Into::into))),
    }
}

/// Whether this can be the name of a system exclusive message or of a value in it.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// The word of a table.
fn word<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    table.iter().find(|(_, known)| known == value).map_or("", |(name, _)| name)
}

impl Address {
    /// The number of the level 1 on this channel, if it carries levels.
    pub fn greatest(&self) -> Option<u16> {
        match self {
            Self::Voice(_, Voice::Pair(_) | Voice::Pitch | Voice::Rpn(_) | Voice::Nrpn(_))
            | Self::System(System::SongPosition) => Some(U14::MAX.get()),
            Self::Voice(
                _,
                Voice::Control(_)
                | Voice::Note(_)
                | Voice::AnyNote
                | Voice::Pressure(_)
                | Voice::Aftertouch
                | Voice::Program,
            )
            | Self::System(System::Song) => Some(U7::MAX.get()),
            Self::System(_) | Self::TimeCode(_) | Self::ShowControl(..) | Self::SysEx(..) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Voice(channel, voice) => write!(f, "ch{channel}.{voice}"),
            Self::System(system) => f.write_str(word(SYSTEM, system)),
            Self::TimeCode(part) => f.write_str(word(TIME_CODE, part)),
            Self::ShowControl(command, None) => write!(f, "msc.{}", word(SHOW_CONTROL, command)),
            Self::ShowControl(command, Some(cue)) => write!(f, "msc.{}.{cue}", word(SHOW_CONTROL, command)),
            Self::SysEx(name, None) => write!(f, "sysex.{name}"),
            Self::SysEx(name, Some(slot)) => write!(f, "sysex.{name}.{slot}"),
        }
    }
}

impl fmt::Display for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control(number) => write!(f, "cc{number}"),
            Self::Pair(number) => write!(f, "pair{number}"),
            Self::Note(number) => write!(f, "note{number}"),
            Self::Pressure(number) => write!(f, "pressure{number}"),
            Self::Rpn(number) => write!(f, "rpn{number}"),
            Self::Nrpn(number) => write!(f, "nrpn{number}"),
            Self::AnyNote | Self::Aftertouch | Self::Pitch | Self::Program => f.write_str(word(VOICES, self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for (text, shown) in [
            ("ch0.cc7", "ch0.cc7"),
            ("channel15.cc127", "ch15.cc127"),
            ("ch00.cc07", "ch0.cc7"),
            ("ch0.pair31", "ch0.pair31"),
            ("ch0.note60", "ch0.note60"),
            ("ch0.note", "ch0.note"),
            ("ch0.pressure60", "ch0.pressure60"),
            ("ch0.aftertouch", "ch0.aftertouch"),
            ("ch0.pitch", "ch0.pitch"),
            ("ch0.program", "ch0.program"),
            ("ch0.rpn1", "ch0.rpn1"),
            ("channel0.nrpn16383", "ch0.nrpn16383"),
            ("clock", "clock"),
            ("song-position", "song-position"),
            ("mtc", "mtc"),
            ("mtc.frames", "mtc.frames"),
            ("msc.go", "msc.go"),
            ("msc.go.12.5", "msc.go.12.5"),
            ("msc.go-off.1/2/3", "msc.go-off.1/2/3"),
            ("msc.all-off", "msc.all-off"),
            ("sysex.mode", "sysex.mode"),
            ("sysex.led.red", "sysex.led.red"),
        ] {
            let address = Address::parse(text).expect(text);
            assert_eq!(address.to_string(), shown);
            assert_eq!(Address::parse(shown), Ok(address));
        }
    }

    #[test]
    fn slips_are_refused_with_a_reason() {
        for (text, reason, suggestion) in [
            ("", "expected a channel such as", None),
            ("cc7", "expected a channel such as", None),
            ("chair.cc7", "expected a channel such as", None),
            ("ch16.cc7", "from `ch0` to `ch15`, found `ch16`", None),
            ("ch.cc7", "from `ch0` to `ch15`, found `ch`", None),
            ("ch-1.cc7", "from `ch0` to `ch15`", None),
            ("ch0.cc128", "from 0 to 127 after `cc`, found `128`", None),
            ("ch0.cc", "found nothing", None),
            ("ch0.cc7x", "found `7x`", None),
            ("ch0.cc+7", "found `+7`", None),
            ("ch0.pair32", "from 0 to 31", None),
            ("ch0.nrpn16384", "from 0 to 16383", None),
            ("ch0.cc99999999999", "from 0 to 127", None),
            ("ch0.nots5", "after the channel", Some("ch0.note5")),
            ("ch0.pich", "after the channel", Some("ch0.pitch")),
            ("ch0.pitchbend", "after the channel", Some("ch0.pitch")),
            ("ch0.noteon60", "after the channel", Some("ch0.note60")),
            ("channel3.cc14.7", "expected `cc14` alone", Some("ch3.pair7")),
            ("ch0.aftertouch5", "after the channel", Some("ch0.aftertouch")),
            ("msc.fire", "expected one of", None),
            ("msc.go.x", "expected a cue", None),
            ("msc.go.", "expected a cue", None),
            ("msc.go.1/2/3/4", "expected a cue", None),
            ("msc.reset.5", "takes no cue", Some("msc.reset")),
            ("sysex.", "expected the name", None),
            ("sysex.a.b.c", "expected the name", None),
            ("sysex.a b", "expected the name", None),
        ] {
            let error = Address::parse(text).expect_err(text);
            assert!(error.message.contains(reason), "{text}: {error}");
            assert_eq!(error.suggestion.as_deref(), suggestion, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(text in "(ch[0-9]{1,2}|channel3|msc|sysex|mtc)?[.]?(cc|note|nrpn|pitch|go|a)?[.]?[0-9]{0,5}") {
            if let Ok(address) = Address::parse(&text) {
                let shown = address.to_string();
                prop_assert_eq!(Address::parse(&shown), Ok(address));
            }
        }
    }
}
