//! The options that every backend with MIDI channels has: how a device uses MIDI.

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::{AddressError, Content, Duration, Kind, OptionSpec, Options};

use super::super::address::{Address, TimeCodePart, Voice, is_name};
use super::super::wire::{U7, compose, number};
use super::pattern::MessagePattern;
use super::show_control::{ALL_DEVICES, ALL_TYPES};
use super::time_code::FrameRate;
use crosspatch_core::Direction;

/// The longest pause between messages, or in the list of initial messages.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The options that every backend with MIDI channels has.
pub const OPTIONS: [OptionSpec; 10] = [
    OptionSpec::new(
        "epn-tx",
        "short",
        "full",
        "`full` deselects an RPN or NRPN after sending to it, `short` does not",
    ),
    OptionSpec::new("epn-bits", "7", "14", "how many bits the values of RPNs and NRPNs have, `14` or `7`"),
    OptionSpec::new(
        "release",
        "note-off 64",
        "note-on",
        "how a note of value 0 is sent: `note-on` with velocity 0, or `note-off`, optionally with its velocity",
    ),
    OptionSpec::new(
        "echo",
        "settle",
        "off",
        "whether to send the device its own values back: `off`, `on`, or `settle`, when it has not moved for 100 ms",
    ),
    OptionSpec::new(
        "lost",
        "hold",
        "release",
        "what happens to the keys that a lost peer holds: `release`, or `hold` to leave them as they are",
    ),
    OptionSpec::new("pace", "1ms", "0", "the minimum time for each three bytes, for a slow device"),
    OptionSpec {
        repeatable: true,
        ..OptionSpec::new(
            "init",
            "F0 47 7F 29 60 00 04 41 09 00 01 F7",
            "",
            "messages, as text, that are sent to every new receiver; `pause 50ms` waits",
        )
    },
    OptionSpec {
        family: Some("sysex."),
        ..OptionSpec::new(
            "sysex.<name>",
            "F0 47 7F 29 {v} F7",
            "",
            "a system exclusive message with placeholders for values, for the channels `sysex.<name>`",
        )
    },
    OptionSpec::new(
        "msc",
        "5 lighting",
        "all lighting",
        "device and command format of MIDI Show Control: `all` or 0 to 127, and `lighting`, `sound`, `all` or 0 to 127",
    ),
    OptionSpec::new(
        "mtc-rate",
        "30",
        "25",
        "the frame rate of time code that is sent: `24`, `25`, `29.97`, `30`",
    ),
];

/// A backend's own options, followed by those of the dialect. `N` is the total number.
pub(crate) const fn with_dialect<const N: usize>(own: &[OptionSpec]) -> [OptionSpec; N] {
    let mut all = [OPTIONS[0]; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < own.len() { own[at] } else { OPTIONS[at - own.len()] };
        at += 1;
    }
    all
}

/// How a device uses MIDI.
#[derive(Clone, Debug, PartialEq)]
pub struct Dialect {
    /// Whether an RPN or NRPN is deselected after each value.
    pub deselects: bool,
    /// Whether the values of RPNs and NRPNs have only 7 bits.
    pub is_short: bool,
    /// The message for a note of value 0.
    pub release: Release,
    /// Whether values that the device has sent are sent back to it.
    pub echo: Echo,
    /// Whether the keys that a peer holds are released when the peer is lost.
    pub releases_lost: bool,
    /// The time that the device needs for three bytes. Zero if it is fast.
    pub pace: Duration,
    /// The messages that are sent to every new receiver.
    pub init: Vec<Init>,
    /// The system exclusive messages with their names.
    pub sysex: Vec<(Arc<str>, MessagePattern)>,
    /// The device that MIDI Show Control is for, and the kind of devices.
    pub show_control: (U7, U7),
    /// The frame rate of sent time code.
    pub rate: FrameRate,
}

/// The message for a note of value 0.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Release {
    /// A note-on with velocity 0.
    NoteOn,
    /// A note-off with this velocity.
    NoteOff(U7),
}

/// Whether values that the device has sent are sent back to it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Echo {
    /// A value is not sent back to the device that has just sent it.
    Off,
    /// Everything is sent.
    On,
    /// Nothing is sent while a control moves. Its position is sent when it has stopped.
    Settle,
}

/// A part of the messages that are sent to every new receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Init {
    /// One or more complete messages.
    Messages(Box<[u8]>),
    /// A pause.
    Pause(Duration),
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            deselects: true,
            is_short: false,
            release: Release::NoteOn,
            echo: Echo::Off,
            releases_lost: true,
            pace: Duration::ZERO,
            init: Vec::new(),
            sysex: Vec::new(),
            show_control: (ALL_DEVICES, U7::masked(1)),
            rate: FrameRate::default(),
        }
    }
}

impl Dialect {
    /// Reads the options, whose table has to hold [`OPTIONS`].
    pub fn read(options: &mut Options<'_>) -> Self {
        let default = Self::default();
        let deselects = options.parse_or("epn-tx", "`full` or `short`", ("full", true), |text| match text {
            "full" => Some(true),
            "short" => Some(false),
            _ => None,
        });
        let is_short = options.parse_with("epn-bits", "`14` or `7`", |text| match text {
            "14" => Some(false),
            "7" => Some(true),
            _ => None,
        });
        let release = options.parse_with(
            "release",
            "`note-on`, or `note-off` with an optional velocity from 0 to 127",
            parse_release,
        );
        let echo = options.parse_with("echo", "`off`, `on` or `settle`", |text| match text {
            "off" => Some(Echo::Off),
            "on" => Some(Echo::On),
            "settle" => Some(Echo::Settle),
            _ => None,
        });
        let releases_lost = options.parse_with("lost", "`release` or `hold`", |text| match text {
            "release" => Some(true),
            "hold" => Some(false),
            _ => None,
        });
        let pace = options.parse_with("pace", "a time of at most 10s such as `1ms`", parse_pause);
        let show_control = options.parse_with(
            "msc",
            "`all` or a device from 0 to 127, optionally with a command format such as `lighting`",
            parse_show_control,
        );
        let rate = options.parse_with("mtc-rate", "`24`, `25`, `29.97` or `30`", FrameRate::parse);
        Self {
            deselects,
            is_short: is_short.unwrap_or(default.is_short),
            release: release.unwrap_or(default.release),
            echo: echo.unwrap_or(default.echo),
            releases_lost: releases_lost.unwrap_or(default.releases_lost),
            pace: pace.unwrap_or(default.pace),
            init: read_init(options),
            sysex: read_sysex(options),
            show_control: show_control.unwrap_or(default.show_control),
            rate: rate.unwrap_or(default.rate),
        }
    }

    /// Checks an address and returns its canonical spelling.
    ///
    /// # Errors
    ///
    /// If the address is none, names a message that the options do not have, or cannot be used in this direction.
    pub fn canonical<'a>(&self, text: &'a str, direction: Direction) -> Result<Cow<'a, str>, AddressError> {
        let mut address = Address::parse(text)?;
        match &mut address {
            Address::SysEx(name, part) => {
                if self.sysex_of(name, part.as_deref())?.is_none() {
                    *part = None;
                }
            }
            Address::TimeCode(part) if *part != TimeCodePart::Whole && direction == Direction::Output => {
                return Err(AddressError::new(format!(
                    "expected the whole time code (`mtc`) as an output, found `{text}`"
                ))
                .suggest("mtc"));
            }
            Address::Voice(..) | Address::System(_) | Address::TimeCode(_) | Address::ShowControl(..) => {}
        }
        let shown = address.to_string();
        Ok(if shown == text { text.into() } else { shown.into() })
    }

    /// The kind of a canonical address.
    pub fn kind(&self, address: &str) -> Kind {
        match Address::parse(address) {
            Ok(Address::Voice(_, Voice::Program | Voice::AnyNote)) => Kind::Event,
            Ok(Address::Voice(..)) => Kind::Control,
            // A message without values is an event.
            Ok(Address::SysEx(name, _)) => {
                let has_values = |(known, pattern): &(Arc<str>, MessagePattern)| {
                    *known == name && !pattern.names().is_empty()
                };
                if self.sysex.iter().any(has_values) { Kind::Control } else { Kind::Event }
            }
            Ok(Address::TimeCode(TimeCodePart::Whole) | Address::System(_) | Address::ShowControl(..)) => {
                Kind::Event
            }
            Ok(Address::TimeCode(_)) | Err(_) => Kind::State,
        }
    }

    /// Whether the values of a canonical address are numbers or may be texts.
    pub fn content(&self, address: &str) -> Content {
        match Address::parse(address) {
            Ok(Address::Voice(..)) => Content::Number,
            Ok(Address::System(_) | Address::TimeCode(_) | Address::ShowControl(..) | Address::SysEx(..))
            | Err(_) => Content::Any,
        }
    }

    /// The index of the value of a message, if the message has several.
    fn sysex_of(&self, name: &str, part: Option<&str>) -> Result<Option<usize>, AddressError> {
        let Some((_, pattern)) = self.sysex.iter().find(|(known, _)| **known == *name) else {
            return Err(AddressError::new(format!(
                "expected a message of the options, found `sysex.{name}`"
            ))
            .help(format!("`sysex.{name} = F0 47 7F 29 {{v}} F7` in the instance defines it")));
        };
        let at = part.and_then(|part| pattern.names().iter().position(|known| **known == *part));
        match (pattern.names().len(), part, at) {
            (0, None, _) | (1, None, _) | (1, Some(_), Some(_)) => Ok(None),
            (_, Some(_), Some(at)) => Ok(Some(at)),
            (_, found, None) => {
                let found = found.map(|part| format!(".{part}")).unwrap_or_default();
                let expected = pattern.addresses(name);
                Err(AddressError::new(format!("expected {expected}, found `sysex.{name}{found}`")))
            }
            (_, None, Some(_)) => Ok(None),
        }
    }
}

fn parse_release(text: &str) -> Option<Release> {
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["note-on"] => Some(Release::NoteOn),
        ["note-off"] => Some(Release::NoteOff(U7::default())),
        ["note-off", velocity] => number(velocity).map(Release::NoteOff),
        _ => None,
    }
}

/// Reads `1ms`, `0.5ms`, `1s`, `320us`, or a bare 0.
fn parse_pause(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let number: f64 = text[..unit].trim().parse().ok()?;
    let seconds = match &text[unit..] {
        "us" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "" if number == 0.0 => 0.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok().filter(|pause| *pause <= LONGEST_PAUSE)
}

fn parse_show_control(text: &str) -> Option<(U7, U7)> {
    let mut words = text.split_whitespace();
    let device = match words.next()? {
        "all" => ALL_DEVICES,
        word => number(word)?,
    };
    let format = match words.next() {
        None | Some("lighting") => U7::masked(0x01),
        Some("sound") => U7::masked(0x10),
        Some("all") => ALL_TYPES,
        Some(word) => number(word)?,
    };
    words.next().is_none().then_some((device, format))
}

fn read_init(options: &mut Options<'_>) -> Vec<Init> {
    let mut init = Vec::new();
    for (at, text) in options.all("init") {
        let read = match text.strip_prefix("pause ") {
            Some(pause) => parse_pause(pause.trim()).map(Init::Pause),
            None => {
                compose(text).filter(|_| !text.starts_with("bytes")).map(|bytes| Init::Messages(bytes.into()))
            }
        };
        match read {
            Some(part) => init.push(part),
            None => options.error(
                at,
                format!("expected a message such as `F0 47 7F 29 F7`, `cc ch0 7 127` or `pause 50ms`, found `{text}`"),
            ),
        }
    }
    init
}

fn read_sysex(options: &mut Options<'_>) -> Vec<(Arc<str>, MessagePattern)> {
    let mut patterns: Vec<(Arc<str>, MessagePattern)> = Vec::new();
    for (at, option, text) in options.family("sysex.") {
        let name = option.strip_prefix("sysex.").unwrap_or(option);
        if !is_name(name) {
            options
                .error(at, format!("expected a name of letters and digits after `sysex.`, found `{name}`"));
            continue;
        }
        match MessagePattern::parse(text) {
            Err(error) => options.error(at, error),
            Ok(_) if patterns.iter().any(|(known, _)| **known == *name) => {
                options.error(at, format!("expected each message once, found `{option}` again"));
            }
            Ok(pattern) => patterns.push((name.into(), pattern)),
        }
    }
    patterns
}

#[cfg(test)]
mod tests {
    use crosspatch_core::Given;

    use super::*;

    fn read(given: &[(&str, &str)]) -> (Dialect, Vec<String>) {
        let given: Vec<_> = given.iter().map(|(name, value)| Given::of_instance(name, value)).collect();
        let mut options = Options::new("pads", &given, &OPTIONS);
        let dialect = Dialect::read(&mut options);
        (dialect, options.into_errors().into_iter().map(|error| error.message).collect())
    }

    #[test]
    fn the_table_says_the_defaults_that_hold() {
        assert_eq!(read(&[]), (Dialect::default(), Vec::new()));
    }

    #[test]
    fn options_are_read() {
        let (dialect, errors) = read(&[
            ("epn-tx", "short"),
            ("epn-bits", "7"),
            ("release", "note-off 64"),
            ("echo", "settle"),
            ("lost", "hold"),
            ("pace", "0.5ms"),
            ("init", "F0 01 F7"),
            ("init", "pause 50ms"),
            ("init", "cc ch0 7 127, clock"),
            ("sysex.led", "F0 {r} {g} F7"),
            ("msc", "5 sound"),
            ("mtc-rate", "29.97"),
        ]);
        assert_eq!(errors, [""; 0]);
        let expected = Dialect {
            deselects: false,
            is_short: true,
            release: Release::NoteOff(U7::masked(64)),
            echo: Echo::Settle,
            releases_lost: false,
            pace: Duration::from_micros(500),
            init: vec![
                Init::Messages([0xf0, 0x01, 0xf7].into()),
                Init::Pause(Duration::from_millis(50)),
                Init::Messages([0xb0, 7, 127, 0xf8].into()),
            ],
            sysex: vec![("led".into(), MessagePattern::parse("F0 {r} {g} F7").expect("a pattern"))],
            show_control: (U7::masked(5), U7::masked(0x10)),
            rate: FrameRate::Fps30Drop,
        };
        assert_eq!(dialect, expected);
    }

    #[test]
    fn every_mistake_is_named() {
        let mistakes = [
            ("epn-tx", "long"),
            ("epn-bits", "8"),
            ("release", "note-off 128"),
            ("echo", "maybe"),
            ("lost", "0"),
            ("pace", "1"),
            ("init", "F0 01"),
            ("init", "bytes 01"),
            ("init", "pause 11s"),
            ("sysex.a b", "F0 F7"),
            ("sysex.x", "F0"),
            ("msc", "128"),
            ("mtc-rate", "23"),
        ];
        let (_, errors) = read(&mistakes);
        assert_eq!(errors.len(), mistakes.len(), "{errors:#?}");
        let (_, errors) = read(&[("sysex.x", "F0 F7"), ("sysex.x", "F0 F7")]);
        assert_eq!(errors, ["expected each message once, found `sysex.x` again"]);
    }

    #[test]
    fn system_exclusive_channels_are_those_of_the_options() {
        let (dialect, _) =
            read(&[("sysex.one", "F0 {v} F7"), ("sysex.led", "F0 {r} {g} F7"), ("sysex.go", "F0 F7")]);
        let canonical = |text: &str| dialect.canonical(text, Direction::Output).map(Cow::into_owned);
        assert_eq!(canonical("sysex.one"), Ok("sysex.one".into()));
        assert_eq!(canonical("sysex.one.v"), Ok("sysex.one".into()));
        assert_eq!(canonical("sysex.led.g"), Ok("sysex.led.g".into()));
        assert_eq!(canonical("sysex.go"), Ok("sysex.go".into()));
        for (text, message) in [
            ("sysex.led", "expected `sysex.led.r`, `sysex.led.g`, found `sysex.led`"),
            ("sysex.led.b", "expected `sysex.led.r`, `sysex.led.g`, found `sysex.led.b`"),
            ("sysex.one.w", "expected `sysex.one`, found `sysex.one.w`"),
            ("sysex.go.v", "expected `sysex.go`, found `sysex.go.v`"),
            ("sysex.no", "expected a message of the options, found `sysex.no`"),
            ("mtc.hours", "expected the whole time code (`mtc`) as an output, found `mtc.hours`"),
        ] {
            assert_eq!(canonical(text).expect_err(text).message, message);
        }
        assert!(dialect.canonical("mtc.hours", Direction::Input).is_ok());
    }
}
