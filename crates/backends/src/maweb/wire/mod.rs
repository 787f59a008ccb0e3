//! The messages of the MA Web Remote, in both directions: JSON objects, one per WebSocket text frame.
//!
//! MA Lighting publishes no specification. The messages follow captures from consoles, MA's own browser page, and
//! programs in use (the README beside the tests lists the origins of the captures). There are two dialects: the current
//! *grouped* one, and the *flat* one of grandMA2 3.2 and older, where a request covers one range, an answer contains
//! one group, and no field says what is running. Both use the same types here.
//!
//! Decoding is lenient: keys may be missing, doubled or unknown, numbers may be texts and texts numbers, and other data
//! may follow. A value of the wrong type counts as missing; only a message that is not a JSON object is an error.
//! Encoding follows MA's own software, including the order of the keys.
//!
//! Not implemented: the contents of pools, sheets and the command history, of which only the names are decoded.

mod answer;
mod confirmation;
mod executor;
mod flaws;
mod json;
mod last_answer;
mod password;
mod preset;
mod request;
mod wanted;

use std::borrow::Cow;
use std::fmt;

pub use answer::{Answer, Datum, Greeting, Group, Playbacks, Response};
pub use confirmation::Confirmation;
pub use executor::{Block, BottomButton, CueRow, CueRows, ExecButton, ExecFader, Executor};
pub use flaws::{Flaw, Flaws};
pub use last_answer::LastAnswer;
pub(crate) use password::{hash_password, replace_passwords};
pub use preset::{Attribute, Feature, PresetType};
pub use request::{PlaybacksRequest, Range, Request};
pub use wanted::Wanted;

/// Formats a message of either direction as one line: as it is if it is short, otherwise in words. The hash of a
/// password is left out, because it is enough to log in.
pub fn describe(bytes: &[u8], line: &mut String) {
    const SHORT: usize = 1200;
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    if !text.is_empty() && text.len() <= SHORT && !text.contains(char::is_control) {
        match replace_passwords(bytes, |_| b"***"[..].into()) {
            Some(veiled) => line.push_str(&String::from_utf8_lossy(&veiled)),
            None => line.push_str(text),
        }
    } else if let Ok(answer) = Answer::decode(bytes) {
        line.push_str(&answer.to_string());
    } else {
        line.push_str("hex");
        bytes.iter().take(64).for_each(|byte| line.push_str(&format!(" {byte:02x}")));
        if bytes.len() > 64 {
            line.push_str(&format!(" ... of {} bytes", bytes.len()));
        }
    }
}

/// Parses a message in its wire format.
pub fn compose(line: &str) -> Option<Vec<u8>> {
    let line = line.trim();
    let is_message = line.starts_with('{') || Answer::decode(line.as_bytes()).is_ok();
    is_message.then(|| line.as_bytes().to_vec())
}

/// The family of a console.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConsoleFamily {
    /// grandMA2 and grandMA2 onPC: `gma2`.
    Gma2,
    /// dot2 and dot2 onPC: `dot2`.
    Dot2,
}

impl ConsoleFamily {
    /// The family of an `appType`.
    pub fn from_app_type(app_type: &str) -> Option<Self> {
        [Self::Gma2, Self::Dot2].into_iter().find(|console| console.app_type() == app_type)
    }

    /// The `appType` of the greeting.
    pub fn app_type(self) -> &'static str {
        match self {
            Self::Gma2 => "gma2",
            Self::Dot2 => "dot2",
        }
    }
}

impl fmt::Display for ConsoleFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.app_type())
    }
}

/// The format of requests and answers for executors.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum PlaybacksFormat {
    /// Several ranges per request, `itemGroups` in the answer. grandMA2 since about 3.3, every dot2.
    #[default]
    Grouped,
    /// One range per request, one flat list in the answer, no `isRun`. grandMA2 up to 3.2.
    Flat,
}

/// The kind of executors in a range or group: `itemsType`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum ItemsType {
    /// The main executor (1), which no program requests. Unknown numbers are decoded as this.
    Main,
    /// Executors with faders: 2, in the flat dialect 1.
    Faders,
    /// Executors with one button: 3, in the flat dialect 2.
    Buttons,
}

impl ItemsType {
    fn from_number(number: i64, dialect: PlaybacksFormat) -> Self {
        match (number, dialect) {
            (2, PlaybacksFormat::Grouped) | (1, PlaybacksFormat::Flat) => Self::Faders,
            (3, PlaybacksFormat::Grouped) | (2, PlaybacksFormat::Flat) => Self::Buttons,
            (_, PlaybacksFormat::Grouped | PlaybacksFormat::Flat) => Self::Main,
        }
    }

    fn number(self, dialect: PlaybacksFormat) -> i64 {
        match (self, dialect) {
            (Self::Main, PlaybacksFormat::Grouped) => 1,
            (Self::Main, PlaybacksFormat::Flat) => 0,
            (Self::Faders, PlaybacksFormat::Grouped) | (Self::Buttons, PlaybacksFormat::Flat) => 2,
            (Self::Faders, PlaybacksFormat::Flat) => 1,
            (Self::Buttons, PlaybacksFormat::Grouped) => 3,
        }
    }
}

/// The part of the browser page that an answer is for: `view` in requests, `responseSubType` in answers.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// None (0). Unknown numbers are decoded as this.
    #[default]
    None,
    /// Main (1).
    Main,
    /// Faders (2); on a dot2 the core with both F-wings and the buttons above them.
    Faders,
    /// Buttons (3); on a dot2 the B-wings.
    Buttons,
    /// Channels (4).
    Channels,
}

impl View {
    const ALL: [Self; 5] = [Self::None, Self::Main, Self::Faders, Self::Buttons, Self::Channels];

    fn from_number(number: i64) -> Self {
        usize::try_from(number).ok().and_then(|at| Self::ALL.get(at).copied()).unwrap_or_default()
    }

    fn number(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Main => 1,
            Self::Faders => 2,
            Self::Buttons => 3,
            Self::Channels => 4,
        }
    }
}

/// The value of each byte as a hexadecimal digit; 16 if it is not one. Answers contain many colours.
const HEX_DIGITS: [u8; 256] = {
    let mut digits = [16; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        digits[digit as usize] = value;
        digits[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    digits
};

/// A colour, red, green and blue: `#E8A901`.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Color(pub [u8; 3]);

impl Color {
    /// The colour of the progress of running executors.
    pub const RUNNING: Self = Self([0, 0, 0xFF]);

    /// Parses `#RRGGBB`, in upper or lower case.
    pub fn parse(text: &str) -> Option<Self> {
        let [b'#', digits @ ..] = text.as_bytes() else { return None };
        let digits: &[u8; 6] = digits.try_into().ok()?;
        let (mut number, mut is_color) = (0, true);
        for digit in digits {
            let value = HEX_DIGITS[usize::from(*digit)];
            is_color &= value < 16;
            number = number << 4 | u32::from(value & 15);
        }
        let [_, red, green, blue] = number.to_be_bytes();
        is_color.then_some(Self([red, green, blue]))
    }

    /// The darker shade that a console uses as the background of the cues: a quarter of each component.
    #[must_use]
    pub fn shade(self) -> Self {
        Self(self.0.map(|part| part >> 2))
    }
}

/// The wire format: `#E8A901`.
impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02X}{green:02X}{blue:02X}")
    }
}

/// A text and its colour: `{"t":"MAIN_MIX","c":"#FFFFFF"}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColoredText<'a> {
    /// The text; may be empty.
    pub text: Cow<'a, str>,
    /// Its colour.
    pub color: Option<Color>,
}

impl<'a> ColoredText<'a> {
    /// A text with a colour.
    pub fn new(text: impl Into<Cow<'a, str>>, color: Color) -> Self {
        Self { text: text.into(), color: Some(color) }
    }
}

/// Formats texts of peers on one line.
struct OneLine<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut parts = text.split(char::is_control);
        self.0.write_str(parts.next().unwrap_or_default())?;
        parts.try_for_each(|part| {
            self.0.write_char(char::REPLACEMENT_CHARACTER)?;
            self.0.write_str(part)
        })
    }
}

/// Why a message could not be decoded.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// It is not UTF-8.
    NotText,
    /// It is neither a JSON object nor the greeting of an old console.
    NotAnObject,
    /// It is incomplete.
    Truncated,
    /// The JSON is incomplete or invalid at this byte.
    Malformed(usize),
    /// A request for executors with lists of starts, counts and types of different lengths.
    UnequalRanges,
    /// A request without a required field; contains the name of the key.
    Missing(&'static str),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => f.write_str("expected UTF-8 text"),
            Self::NotAnObject => f.write_str("expected a JSON object"),
            Self::Truncated => f.write_str("the message ends too early"),
            Self::Malformed(at) => write!(f, "the JSON is wrong at byte {at}"),
            Self::UnequalRanges => {
                f.write_str("expected as many values in `itemsCount` and `itemsType` as in `startIndex`")
            }
            Self::Missing(key) => write!(f, "expected a usable `{key}`"),
        }
    }
}

impl std::error::Error for DecodeError {}
