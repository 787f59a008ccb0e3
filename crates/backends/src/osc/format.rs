//! What the arguments of a message mean: their types and ranges, and how they become values and back.

use std::borrow::Cow;
use std::fmt::Write;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use crosspatch_core::{Text, Value, parse_color};

use super::wire::{Argument, OscStr, TimeTag, time_tag};
use crate::shared::hex;

/// The type of an argument as configured.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum ArgumentType {
    Int32,
    Float32,
    Int64,
    Double,
    Char,
    /// `T` or `F`.
    Bool,
    String,
    Symbol,
    Blob,
    TimeTag,
    Color,
    Nil,
    Impulse,
}

/// One argument: its type and the range that is mapped to 0.0 to 1.0. Types without a range keep 0 to 1.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct ArgumentSpec {
    pub(crate) kind: ArgumentType,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// The default output argument, a float from 0 to 1. It also represents a message without arguments.
pub(crate) const UNCONFIGURED: [ArgumentSpec; 2] = [
    ArgumentSpec { kind: ArgumentType::Float32, min: 0.0, max: 1.0 },
    ArgumentSpec { kind: ArgumentType::Impulse, min: 0.0, max: 1.0 },
];

/// Their numbers among the specs of an instance.
pub(crate) const DEFAULT: u32 = 0;
pub(crate) const BARE: u32 = 1;

/// The arguments of a message, in order.
pub(crate) type MessageFormat = [ArgumentSpec];

/// A mistake in a format: where in the text, and what.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FormatError {
    pub(crate) part: Range<usize>,
    pub(crate) message: String,
}

/// The start of the words that MIDIMonster ignores: those after a pair for each argument.
pub(crate) fn ignored(text: &str) -> Option<usize> {
    let mut words = words(text);
    let (_, tags) = words.next()?;
    words.nth(2 * tags.trim_start_matches(',').chars().count()).map(|(at, _)| at)
}

/// Reads `FORMAT [MIN MAX]...`. MIDIMonster wants a pair for each argument; types without a range may leave theirs out, and
/// so may all arguments together.
pub(crate) fn parse(text: &str) -> Result<Vec<ArgumentSpec>, FormatError> {
    let mut words = words(text);
    let (at, tags) = words.next().unwrap_or((0, ""));
    let comma = usize::from(tags.starts_with(','));
    let mut specs = Vec::new();
    for (place, tag) in tags.char_indices().skip(comma) {
        let part = at + place..at + place + tag.len_utf8();
        let kind = u8::try_from(tag).ok().and_then(ArgumentType::of_tag).ok_or_else(|| FormatError {
            part: part.clone(),
            message: format!("expected types out of `i f h d s S c r b t T F N I`, found `{tag}`"),
        })?;
        if specs.len() > usize::from(super::address::MAX_ARGUMENT) {
            return Err(FormatError { part, message: "a message has at most 256 arguments".into() });
        }
        let (min, max) = kind.default_range().unwrap_or((0.0, 1.0));
        specs.push(ArgumentSpec { kind, min, max });
    }
    let limits: Vec<_> = words.collect();
    let ranged = specs.iter().filter(|spec| spec.kind.default_range().is_some()).count();
    let takes_pair: Box<dyn Fn(&ArgumentSpec) -> bool> = match limits.len() {
        0 => return Ok(specs),
        len if len == 2 * ranged => Box::new(|spec| spec.kind.default_range().is_some()),
        len if len == 2 * specs.len() => Box::new(|_| true),
        len => {
            let pairs = if ranged == 1 { "one pair".to_owned() } else { format!("{ranged} pairs") };
            return Err(FormatError {
                part: limits[0].0..text.len(),
                message: format!(
                    "expected {pairs} of minimum and maximum after `{tags}`, found {len} numbers"
                ),
            });
        }
    };
    let mut limits = limits.into_iter();
    for spec in specs.iter_mut().filter(|spec| takes_pair(spec)) {
        let (Some(min), Some(max)) = (limits.next(), limits.next()) else { break };
        if spec.kind.default_range().is_none() {
            continue;
        }
        (spec.min, spec.max) = (limit(spec.kind, min)?, limit(spec.kind, max)?);
    }
    Ok(specs)
}

fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_whitespace().map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// Reads one end of a range. Integers may be hexadecimal, as with MIDIMonster.
fn limit(kind: ArgumentType, (at, word): (usize, &str)) -> Result<f64, FormatError> {
    let hexadecimal = word.strip_prefix("0x").and_then(|digits| i64::from_str_radix(digits, 16).ok());
    let number = hexadecimal.map(|number| number as f64).or_else(|| word.parse::<f64>().ok());
    let (least, most) = match kind {
        ArgumentType::Int32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        ArgumentType::Char => (0.0, f64::from(u32::MAX)),
        ArgumentType::Int64 => (i64::MIN as f64, i64::MAX as f64),
        ArgumentType::Float32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
        ArgumentType::Double
        | ArgumentType::Bool
        | ArgumentType::String
        | ArgumentType::Symbol
        | ArgumentType::Blob
        | ArgumentType::TimeTag
        | ArgumentType::Color
        | ArgumentType::Nil
        | ArgumentType::Impulse => (f64::MIN, f64::MAX),
    };
    number.filter(|number| (least..=most).contains(number)).map(|number| kind.rounded(number)).ok_or_else(
        || FormatError {
            part: at..at + word.len(),
            message: format!(
                "expected a number that the type `{}` can represent, found `{word}`",
                kind.tag()
            ),
        },
    )
}

impl ArgumentSpec {
    /// Whether both ends of its range are the same, so that it always says the same.
    pub(crate) fn is_constant(&self) -> bool {
        self.min == self.max
    }

    /// Whether it is an event without a state to send again.
    pub(crate) fn is_event(&self) -> bool {
        self.kind.is_impulse() || self.is_constant()
    }
}

impl ArgumentType {
    fn of_tag(tag: u8) -> Option<Self> {
        Some(match tag {
            b'i' => Self::Int32,
            b'f' => Self::Float32,
            b'h' => Self::Int64,
            b'd' => Self::Double,
            b'c' => Self::Char,
            b'T' | b'F' => Self::Bool,
            b's' => Self::String,
            b'S' => Self::Symbol,
            b'b' => Self::Blob,
            b't' => Self::TimeTag,
            b'r' => Self::Color,
            b'N' => Self::Nil,
            b'I' => Self::Impulse,
            _ => return None,
        })
    }

    /// The type tag; `T` for both truth values.
    pub(crate) fn tag(self) -> char {
        match self {
            Self::Int32 => 'i',
            Self::Float32 => 'f',
            Self::Int64 => 'h',
            Self::Double => 'd',
            Self::Char => 'c',
            Self::Bool => 'T',
            Self::String => 's',
            Self::Symbol => 'S',
            Self::Blob => 'b',
            Self::TimeTag => 't',
            Self::Color => 'r',
            Self::Nil => 'N',
            Self::Impulse => 'I',
        }
    }

    /// The range where none is configured; none for types that are no numbers.
    fn default_range(self) -> Option<(f64, f64)> {
        match self {
            Self::Int32 => Some((0.0, 255.0)),
            Self::Float32 | Self::Double => Some((0.0, 1.0)),
            Self::Int64 => Some((0.0, 1024.0)),
            Self::Char => Some((0.0, 127.0)),
            Self::Bool
            | Self::String
            | Self::Symbol
            | Self::Blob
            | Self::TimeTag
            | Self::Color
            | Self::Nil
            | Self::Impulse => None,
        }
    }

    /// Whether it carries nothing but the fact that it was sent.
    pub(crate) fn is_impulse(self) -> bool {
        matches!(self, Self::Nil | Self::Impulse)
    }

    /// The nearest number that the type can have.
    fn rounded(self, number: f64) -> f64 {
        match self {
            Self::Int32 | Self::Int64 | Self::Char => number.round(),
            Self::Float32 => f64::from(number as f32),
            Self::Double
            | Self::Bool
            | Self::String
            | Self::Symbol
            | Self::Blob
            | Self::TimeTag
            | Self::Color
            | Self::Nil
            | Self::Impulse => number,
        }
    }
}

/// What an argument says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ArgumentReading {
    Value(Value),
    /// Pressed and released at once.
    Impulse,
    /// Not a number, which says nothing.
    Nothing,
}

/// Reads an argument. The configured range holds for numbers of any type; without one, that of the type received does.
#[inline]
pub(crate) fn read(spec: Option<&ArgumentSpec>, argument: Argument<'_>) -> ArgumentReading {
    let ranged = spec.filter(|spec| spec.kind.default_range().is_some());
    let number = |number: f64, received: ArgumentType| {
        if spec.is_some_and(|spec| spec.kind == ArgumentType::Bool) {
            return ArgumentReading::Value(Value::edge(number != 0.0));
        }
        let range = ranged.map(|spec| (spec.min, spec.max)).or(received.default_range());
        let (min, max) = range.unwrap_or((0.0, 1.0));
        if number.is_nan() {
            ArgumentReading::Nothing
        } else if let Some(spec) = ranged.filter(|spec| spec.is_constant()) {
            // The constant is the one thing that can be said, and anything else takes it back.
            ArgumentReading::Value(Value::edge(spec.kind.rounded(number) == spec.max))
        } else {
            ArgumentReading::Value(Value::number((number - min) / (max - min)))
        }
    };
    match argument {
        Argument::Int32(received) => number(f64::from(received), ArgumentType::Int32),
        Argument::Float32(received) => number(f64::from(received), ArgumentType::Float32),
        Argument::Int64(received) => number(received as f64, ArgumentType::Int64),
        Argument::Double(received) => number(received, ArgumentType::Double),
        Argument::Char(code) => match (spec.map(|spec| spec.kind), char::from_u32(code)) {
            (Some(ArgumentType::String | ArgumentType::Symbol), Some(c)) => text(c.encode_utf8(&mut [0; 4])),
            _ => number(f64::from(code), ArgumentType::Char),
        },
        Argument::String(received) | Argument::Symbol(received) => {
            let received = received.to_text();
            match (ranged, received.trim().parse::<f64>()) {
                (Some(spec), Ok(parsed)) => number(parsed, spec.kind),
                (Some(_), Err(_)) | (None, _) => text(&received),
            }
        }
        Argument::Blob(bytes) => text(&hex(bytes)),
        Argument::Midi(bytes) => text(&hex(&bytes)),
        Argument::TimeTag(time) => text(&time.to_string()),
        Argument::Rgba(color) if color & 0xff == 0xff => text(&format!("#{:06x}", color >> 8)),
        Argument::Rgba(color) => text(&format!("#{color:08x}")),
        Argument::True => ArgumentReading::Value(Value::edge(true)),
        Argument::False | Argument::Nil => ArgumentReading::Value(Value::edge(false)),
        Argument::Infinitum => ArgumentReading::Impulse,
        Argument::ArrayBegin | Argument::ArrayEnd => ArgumentReading::Nothing,
    }
}

fn text(text: &str) -> ArgumentReading {
    ArgumentReading::Value(Value::text(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// An argument in the units of the wire, as it is kept between messages.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Atom {
    /// Nothing has been said yet.
    #[default]
    Unset,
    Number(f64),
    Text(Text),
    /// A single pointer, where `Arc<[u8]>` is two, as blobs are rare and every argument is kept twice.
    Bytes(Arc<Box<[u8]>>),
}

impl Hash for Atom {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Unset => {}
            Self::Number(number) => number.to_bits().hash(state),
            Self::Text(text) => text.hash(state),
            Self::Bytes(bytes) => bytes.hash(state),
        }
    }
}

impl Atom {
    /// What a value is in the configured type. A text stays one whatever the type.
    pub(crate) fn of(spec: &ArgumentSpec, value: &Value) -> Self {
        match (value, spec.kind) {
            (Value::Text(text), ArgumentType::Blob) => {
                let bytes = text
                    .strip_prefix("0x")
                    .and_then(hex::parse)
                    .map_or(Cow::Borrowed(text.as_bytes()), Cow::Owned);
                Self::Bytes(Arc::new(bytes.into()))
            }
            (Value::Text(text), _) => Self::Text(text.clone()),
            (Value::Number(_), ArgumentType::String | ArgumentType::Symbol) => {
                Self::Text(value.to_string().into())
            }
            (Value::Number(_), ArgumentType::Bool | ArgumentType::Nil | ArgumentType::Impulse) => {
                Self::Number(if value.is_pressed() { 1.0 } else { 0.0 })
            }
            (Value::Number(level), ArgumentType::Blob | ArgumentType::Color) => {
                Self::Number((level * 255.0).round())
            }
            (Value::Number(_), ArgumentType::TimeTag) => Self::Number(0.0),
            (
                Value::Number(level),
                ArgumentType::Int32
                | ArgumentType::Float32
                | ArgumentType::Int64
                | ArgumentType::Double
                | ArgumentType::Char,
            ) => Self::Number(spec.kind.rounded(spec.min + level * (spec.max - spec.min))),
        }
    }

    /// The argument to send. Without a value, it is the encoding of 0.0, or an empty text.
    #[inline]
    pub(crate) fn argument(&self, spec: &ArgumentSpec) -> Argument<'_> {
        // Nearly everything that is sent is such a number.
        if let (Self::Number(number), ArgumentType::Float32) = (self, spec.kind) {
            return Argument::Float32(*number as f32);
        }
        self.other_argument(spec)
    }

    fn other_argument(&self, spec: &ArgumentSpec) -> Argument<'_> {
        let string = |text| Argument::String(OscStr::new(text));
        match (self, spec.kind) {
            (Self::Text(text), ArgumentType::Symbol) => Argument::Symbol(OscStr::new(text.as_bytes())),
            (Self::Text(text), ArgumentType::Char) => {
                text.chars().next().map_or(string(b""), |c| Argument::Char(c.into()))
            }
            (Self::Text(text), ArgumentType::Color) => {
                parse_color(text).map_or(string(text.as_bytes()), Argument::Rgba)
            }
            (Self::Text(text), ArgumentType::TimeTag) => {
                time_tag(text).map_or(string(text.as_bytes()), Argument::TimeTag)
            }
            (Self::Text(text), _) => string(text.as_bytes()),
            (Self::Bytes(bytes), _) => Argument::Blob(bytes),
            (Self::Unset, ArgumentType::Blob) => Argument::Blob(&[]),
            (Self::Unset, _) => plain(spec.kind, spec.kind.default_range().map_or(0.0, |_| spec.min)),
            (Self::Number(number), kind) => plain(kind, *number),
        }
    }
}

fn plain(kind: ArgumentType, number: f64) -> Argument<'static> {
    // `as` clips at the ends of the type, which is what is wanted of a range that goes up to them.
    match kind {
        ArgumentType::Int32 => Argument::Int32(number as i32),
        ArgumentType::Float32 => Argument::Float32(number as f32),
        ArgumentType::Int64 => Argument::Int64(number as i64),
        ArgumentType::Double => Argument::Double(number),
        ArgumentType::Char => Argument::Char(number as u32),
        ArgumentType::Bool if number > 0.0 => Argument::True,
        ArgumentType::Bool => Argument::False,
        ArgumentType::String => Argument::String(OscStr::new(b"")),
        ArgumentType::Symbol => Argument::Symbol(OscStr::new(b"")),
        ArgumentType::Blob => Argument::Blob(std::slice::from_ref(&BYTES[number as u8 as usize])),
        ArgumentType::TimeTag => Argument::TimeTag(TimeTag::IMMEDIATELY),
        ArgumentType::Color => Argument::Rgba((number as u32 * 0x0101_0100) | 0xff),
        ArgumentType::Nil => Argument::Nil,
        ArgumentType::Impulse => Argument::Infinitum,
    }
}

/// Every byte, to borrow a blob of one byte from.
static BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut at = 0;
    while at < 256 {
        bytes[at] = at as u8;
        at += 1;
    }
    bytes
};

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> ArgumentSpec {
        parse(text).expect(text)[0]
    }

    #[test]
    fn formats_are_read_with_their_ranges() {
        let ranges = |text: &str| -> Vec<_> {
            parse(text).expect(text).iter().map(|spec| (spec.kind.tag(), spec.min, spec.max)).collect()
        };
        assert_eq!(ranges("f 0.0 2.5"), [('f', 0.0, 2.5)]);
        assert_eq!(ranges("ff 0 1 -1 1"), [('f', 0.0, 1.0), ('f', -1.0, 1.0)]);
        assert_eq!(ranges("ifhd"), [('i', 0.0, 255.0), ('f', 0.0, 1.0), ('h', 0.0, 1024.0), ('d', 0.0, 1.0)]);
        assert_eq!(ranges("i 255 0"), [('i', 255.0, 0.0)]);
        assert_eq!(ranges("i 1 1"), [('i', 1.0, 1.0)]);
        assert_eq!(ranges("i 0x10 0xFF"), [('i', 16.0, 255.0)]);
        assert_eq!(ranges("si 1 5"), [('s', 0.0, 1.0), ('i', 1.0, 5.0)]);
        assert_eq!(ranges("si 0 0 1 5"), [('s', 0.0, 1.0), ('i', 1.0, 5.0)]);
        assert_eq!(ranges(",f 0 1"), [('f', 0.0, 1.0)]);
        assert_eq!(ranges(","), []);
        assert_eq!(ranges(""), []);
    }

    #[test]
    fn mistakes_in_formats_are_shown_where_they_are() {
        for (text, part, message) in [
            ("x 0 1", 0..1, "expected types"),
            ("fü", 1..3, "expected types"),
            ("f 0", 2..3, "expected one pair"),
            ("ff 0 1", 3..6, "expected 2 pairs"),
            ("f 0 1 2 3", 2..9, "expected one pair"),
            ("i 5xyz 1", 2..6, "type `i` can represent, found `5xyz`"),
            ("i 0 3000000000", 4..14, "type `i` can represent"),
            ("f 0 NaN", 4..7, "type `f` can represent"),
            ("f 0 1e39", 4..8, "type `f` can represent"),
            ("d inf 0", 2..5, "type `d` can represent"),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error.part, part, "{text}: {}", error.message);
            assert!(error.message.contains(message), "{text}: {}", error.message);
        }
        assert!(parse(&"f".repeat(257)).is_err());
    }

    #[test]
    fn numbers_are_scaled_clipped_and_never_nan() {
        let level = |spec: Option<ArgumentSpec>, argument| {
            let reading = read(spec.as_ref(), argument);
            let ArgumentReading::Value(Value::Number(level)) = reading else { panic!("{reading:?}") };
            level
        };
        let descending = Some(spec("f 10 0"));
        for (spec, argument, expected) in [
            (None, Argument::Int32(51), 0.2),
            (None, Argument::Int32(-5), 0.0),
            (None, Argument::Int64(512), 0.5),
            (None, Argument::Float32(0.25), 0.25),
            (None, Argument::Double(7.0), 1.0),
            (None, Argument::Char(127), 1.0),
            (None, Argument::True, 1.0),
            (None, Argument::Nil, 0.0),
            (descending, Argument::Float32(2.5), 0.75),
            (descending, Argument::Float32(f32::INFINITY), 0.0),
            (descending, Argument::Float32(f32::NEG_INFINITY), 1.0),
            (descending, Argument::Int32(5), 0.5),
            (Some(self::spec("i -10 10")), Argument::Double(0.0), 0.5),
            (Some(self::spec("f 0 10")), Argument::String(OscStr::new(b"5")), 0.5),
            (Some(self::spec("h -9223372036854775808 9223372036854775807")), Argument::Int64(i64::MAX), 1.0),
            (Some(self::spec("T")), Argument::Int32(1), 1.0),
        ] {
            assert_eq!(level(spec, argument), expected, "{argument:?}");
        }
        assert_eq!(read(None, Argument::Float32(f32::NAN)), ArgumentReading::Nothing);
        assert_eq!(read(None, Argument::Infinitum), ArgumentReading::Impulse);
    }

    #[test]
    fn everything_else_is_a_text() {
        let text = |argument| {
            let reading = read(None, argument);
            let ArgumentReading::Value(Value::Text(text)) = reading else { panic!("{reading:?}") };
            text.to_string()
        };
        assert_eq!(text(Argument::String(OscStr::new("Bühne".as_bytes()))), "Bühne");
        assert_eq!(text(Argument::Symbol(OscStr::new(b"\xff"))), "\u{fffd}");
        assert_eq!(text(Argument::Rgba(0xff80_00ff)), "#ff8000");
        assert_eq!(text(Argument::Rgba(0xff80_0080)), "#ff800080");
        assert_eq!(text(Argument::Blob(&[1, 0xab])), "0x01ab");
        assert_eq!(text(Argument::Midi([0, 0x90, 60, 127])), "0x00903c7f");
        assert_eq!(text(Argument::TimeTag(TimeTag::IMMEDIATELY)), "immediately");
    }

    #[test]
    fn values_become_arguments_of_the_configured_type() {
        let shown = |format: &str, value: Value| {
            let spec = spec(format);
            let atom = Atom::of(&spec, &value);
            let argument = atom.argument(&spec);
            format!("{} {argument}", char::from(argument.tag()))
        };
        for (format, value, expected) in [
            ("i", Value::number(0.2), "i 51"),
            ("i 0 127", Value::number(0.5), "i 64"),
            ("i 127 0", Value::number(0.25), "i 95"),
            ("f 0 100", Value::number(0.333), "f 33.3"),
            ("h", Value::number(0.5), "h 512"),
            ("h -9223372036854775808 9223372036854775807", Value::number(1.0), "h 9223372036854775807"),
            ("d -1 1", Value::number(0.25), "d -0.5"),
            ("c", Value::number(0.5), "c '@'"),
            ("c", Value::text("abc"), "c 'a'"),
            ("T", Value::number(1.0), "T true"),
            ("F", Value::number(0.5), "F false"),
            ("s", Value::number(0.25), "s \"0.25\""),
            ("s", Value::text("go"), "s \"go\""),
            ("S", Value::text("go"), "S \"go\""),
            ("f", Value::text("go"), "s \"go\""),
            ("r", Value::text("#ff8000"), "r #ff8000ff"),
            ("r", Value::text("#FF800010"), "r #ff800010"),
            ("r", Value::text("red"), "s \"red\""),
            ("r", Value::number(1.0), "r #ffffffff"),
            ("b", Value::text("0x01ab"), "b 0x01ab"),
            ("b", Value::text("ab"), "b 0x6162"),
            ("b", Value::number(1.0), "b 0xff"),
            ("t", Value::number(1.0), "t immediately"),
            ("t", Value::text("0x10"), "t 0x0000000000000010"),
            ("I", Value::number(1.0), "I impulse"),
            ("N", Value::number(1.0), "N nil"),
        ] {
            assert_eq!(shown(format, value), expected, "{format}");
        }
        assert_eq!(Atom::Unset.argument(&spec("i 5 9")), Argument::Int32(5));
    }
}
