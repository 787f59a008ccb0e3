//! Addresses of a console's channels: `page1.fader5`, `STORE`, `command.blackout`.
//!
//! The syntax of executors and keys is MIDIMonster's. Numbers of both consoles are accepted, because the kind of
//! console is only certain after its greeting. An executor that the console does not have then causes a notice.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use crosspatch_core::{AddressError, Direction};

use super::keys::{self, CommandKey};

/// The maximum number of pages of a grandMA2.
const PAGES: u16 = 10_000;

/// A channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Address {
    /// A part of an executor.
    Executor(ExecutorAddress, ExecutorPart),
    /// A key of the command section.
    Key(&'static CommandKey),
    /// A command line from the instance's options, by name.
    Command(Box<str>),
    /// The encoder of an attribute.
    Encoder(Box<str>, Resolution),
    /// A lamp of the command section.
    Led(&'static str),
    /// An answer to a pop-up, by number.
    Confirm(i32),
}

/// The position of an executor in the show.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ExecutorAddress {
    /// The page, counted from 1.
    pub(crate) page: NonZeroU16,
    /// The number on the console, counted from 1.
    pub(crate) number: NonZeroU16,
}

impl ExecutorAddress {
    /// The page, counted as in messages.
    pub(crate) fn page_index(self) -> u32 {
        u32::from(self.page.get() - 1)
    }

    /// The executor, counted as in messages.
    pub(crate) fn index(self) -> u32 {
        u32::from(self.number.get() - 1)
    }
}

/// A part of an executor.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ExecutorPart {
    /// The fader.
    Fader,
    /// The upper key above the fader.
    Upper,
    /// The lower key above the fader.
    Lower,
    /// The key below the fader.
    Flash,
    /// The key of a button executor.
    Button,
    /// Whether the executor runs.
    Run,
    /// The name.
    Name,
    /// The cue.
    Cue,
    /// The colour.
    Color,
    /// The fader's level as the console writes it.
    Level,
}

/// The resolution of an encoder's turns.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Resolution {
    /// Normal.
    Normal,
    /// Fine.
    Fine,
    /// Ultra-fine.
    Ultra,
}

impl Resolution {
    /// The value in messages.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Normal => 0,
            Self::Fine => 1,
            Self::Ultra => 2,
        }
    }
}

/// The permitted numbers for a part of an executor.
enum NumberRange {
    Faders,
    Buttons,
    All,
}

const PARTS: [(ExecutorPart, &str); 10] = [
    (ExecutorPart::Fader, "fader"),
    (ExecutorPart::Upper, "upper"),
    (ExecutorPart::Lower, "lower"),
    (ExecutorPart::Flash, "flash"),
    (ExecutorPart::Button, "button"),
    (ExecutorPart::Run, "run"),
    (ExecutorPart::Name, "name"),
    (ExecutorPart::Cue, "cue"),
    (ExecutorPart::Color, "color"),
    (ExecutorPart::Level, "level"),
];

impl ExecutorPart {
    /// The word in addresses.
    pub(crate) fn word(self) -> &'static str {
        PARTS.iter().find(|(part, _)| *part == self).map_or("", |(_, word)| word)
    }

    fn numbers(self) -> NumberRange {
        match self {
            Self::Fader | Self::Upper | Self::Lower | Self::Flash | Self::Level => NumberRange::Faders,
            Self::Button => NumberRange::Buttons,
            Self::Run | Self::Name | Self::Cue | Self::Color => NumberRange::All,
        }
    }
}

/// The first words of addresses that are not keys.
const FAMILIES: [&str; 4] = ["command", "encoder", "led", "confirm"];

/// All words of addresses.
pub(crate) const WORDS: &[&str] = &[
    "page", "fader", "upper", "lower", "flash", "button", "run", "name", "cue", "color", "level", "command.",
    "encoder.", "led.", "confirm.",
];

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::read(text).map_err(|error| match (error.suggestion.is_some(), guess(text)) {
            (false, Some(meant)) => Self::Err { help: None, ..error.suggest(meant) },
            _ => error,
        })
    }
}

impl Address {
    fn read(text: &str) -> Result<Self, AddressError> {
        if let Some(key) = keys::find(text) {
            return Ok(Self::Key(key));
        }
        let Some((first, rest)) = text.split_once('.') else { return Err(unknown_key(text)) };
        match first {
            "command" if !rest.is_empty() => Ok(Self::Command(rest.into())),
            "command" => Err(AddressError::new("expected the name of a command after `command.`")),
            "encoder" => encoder(rest),
            "led" => led(rest),
            "confirm" => match number::<i32>(rest) {
                Some(id) if id >= -1 => Ok(Self::Confirm(id)),
                _ => Err(AddressError::new(format!(
                    "expected the number of an answer after `confirm.`, found `{rest}`"
                ))
                .help("1 overwrites, 2 merges, 4 removes, 6 creates a second cue, -1 cancels")),
            },
            _ => match first.strip_prefix("page") {
                Some(page) => executor(text, page, rest),
                None => Err(unknown_first(first, rest)),
            },
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Executor(executor, part) => {
                write!(f, "page{}.{}{}", executor.page, part.word(), executor.number)
            }
            Self::Key(key) => f.write_str(key.name),
            Self::Command(name) => write!(f, "command.{name}"),
            Self::Encoder(attribute, Resolution::Normal) => write!(f, "encoder.{attribute}"),
            Self::Encoder(attribute, Resolution::Fine) => write!(f, "encoder.{attribute}.fine"),
            Self::Encoder(attribute, Resolution::Ultra) => write!(f, "encoder.{attribute}.ultra"),
            Self::Led(name) => write!(f, "led.{name}"),
            Self::Confirm(id) => write!(f, "confirm.{id}"),
        }
    }
}

impl Address {
    /// Checks that the channel can be used in this direction.
    ///
    /// # Errors
    ///
    /// Returns why it cannot be used, and what could be used in its place.
    pub(crate) fn check(&self, direction: Direction) -> Result<(), AddressError> {
        match (self, direction) {
            (Self::Executor(executor, part), Direction::Output) => match part {
                ExecutorPart::Fader
                | ExecutorPart::Upper
                | ExecutorPart::Lower
                | ExecutorPart::Flash
                | ExecutorPart::Button => Ok(()),
                ExecutorPart::Run => {
                    let key = if executor.number.get() > 100 { "button" } else { "lower" };
                    Err(AddressError::new(format!(
                        "`{self}` tells whether the executor runs and cannot be set"
                    ))
                    .suggest(format!("page{}.{key}{}", executor.page, executor.number)))
                }
                ExecutorPart::Name | ExecutorPart::Cue | ExecutorPart::Color | ExecutorPart::Level => {
                    Err(AddressError::new(format!("`{self}` is a text of the console and cannot be set")))
                }
            },
            (Self::Led(_), Direction::Output) => {
                Err(AddressError::new(format!("`{self}` is a lamp of the console and cannot be set")))
            }
            (Self::Key(key), Direction::Input) => {
                let error =
                    AddressError::new(format!("the console does not tell whether `{}` is pressed", key.name));
                let lamp = key.name.to_ascii_lowercase();
                Err(match keys::LEDS.contains(&&*lamp) {
                    true => error.suggest(format!("led.{lamp}")),
                    false => error,
                })
            }
            (Self::Command(_), Direction::Input) => Err(AddressError::new(format!(
                "`{self}` is a command line: it can only be the target of a mapping"
            ))),
            (Self::Encoder(..), Direction::Input) => Err(AddressError::new(format!(
                "`{self}` is an encoder: it can only be the target of a mapping"
            ))
            .help("the console does not tell the values of attributes")),
            (Self::Executor(..) | Self::Led(_), Direction::Input)
            | (Self::Key(_) | Self::Command(_) | Self::Encoder(..), Direction::Output)
            | (Self::Confirm(_), Direction::Input | Direction::Output) => Ok(()),
        }
    }
}

/// Parses an address that begins with a page. `page` is the text between the word and the dot, `rest` the text after
/// the dot.
fn executor(text: &str, page: &str, rest: &str) -> Result<Address, AddressError> {
    let Some(page) = number::<NonZeroU16>(page).filter(|page| page.get() <= PAGES) else {
        let message = format!("expected a page number from 1 to {PAGES}, found `{page}`");
        return Err(AddressError::new(message));
    };
    let digits = rest.find(|letter: char| letter.is_ascii_digit() || letter == '-').unwrap_or(rest.len());
    let (word, digits) = rest.split_at(digits);
    let Some((part, _)) = PARTS.iter().find(|(_, known)| *known == word) else {
        let message = format!(
            "expected `fader`, `upper`, `lower`, `flash`, `button`, `run`, `name`, `cue`, `color` or `level`, found `{word}`"
        );
        let error = AddressError::new(message);
        return Err(match nearest(word, PARTS.iter().map(|(_, known)| *known)) {
            Some(known) => error.suggest(format!("page{page}.{known}{digits}")),
            None => error,
        });
    };
    let found = number::<NonZeroU16>(digits);
    let is_fader = found.is_some_and(|number| number.get() <= 90);
    let is_button = found.is_some_and(|number| is_button_number(number.get()));
    let (fits, expected) = match part.numbers() {
        NumberRange::Faders => (is_fader, "a fader executor from 1 to 90 (1 to 22 on a dot2)"),
        NumberRange::Buttons => (
            is_button,
            "a button executor from 101 to 190 (on a dot2 101 to 122, 201 to 222, 301 to 316 and so on up to 816)",
        ),
        NumberRange::All => (is_fader || is_button, "an executor: 1 to 90 or 101 to 190 (dot2: up to 816)"),
    };
    match found {
        Some(number) if fits => Ok(Address::Executor(ExecutorAddress { page, number }, *part)),
        _ => {
            let found = if digits.is_empty() { "nothing".to_owned() } else { format!("`{digits}`") };
            let error = AddressError::new(format!("expected {expected}, found {found}"));
            Err(match found_elsewhere(*part, digits) {
                Some(meant) => error.suggest(format!("page{page}.{meant}")),
                None if text.ends_with(|last: char| last.is_ascii_digit()) => error,
                None => error.help("the number of the executor follows the word at once: `fader5`"),
            })
        }
    }
}

/// Suggests 105 for `button5`, or the button executor for `fader105`.
fn found_elsewhere(part: ExecutorPart, digits: &str) -> Option<String> {
    let number: u16 = number(digits)?;
    match part.numbers() {
        NumberRange::Buttons if (1..=90).contains(&number) => Some(format!("button{}", number + 100)),
        NumberRange::Faders if is_button_number(number) => Some(format!("button{number}")),
        NumberRange::Faders | NumberRange::Buttons | NumberRange::All => None,
    }
}

/// Button executors of a grandMA2 (101 to 190) and of a dot2 (101 to 122, 201 to 222, 301 to 316, ... 801 to 816).
fn is_button_number(number: u16) -> bool {
    match number {
        101..=190 | 201..=222 => true,
        301..=816 => (1..=16).contains(&(number % 100)),
        _ => false,
    }
}

fn encoder(rest: &str) -> Result<Address, AddressError> {
    let (attribute, resolution) = match rest.rsplit_once('.') {
        Some((attribute, "fine")) => (attribute, Resolution::Fine),
        Some((attribute, "ultra")) => (attribute, Resolution::Ultra),
        Some((_, found)) => {
            let error =
                AddressError::new(format!("expected `fine` or `ultra` after the attribute, found `{found}`"));
            return Err(error);
        }
        None => (rest, Resolution::Normal),
    };
    if attribute.is_empty() || !attribute.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        let message = format!(
            "expected an attribute such as `PAN` or `COLORRGB1` after `encoder.`, found `{attribute}`"
        );
        return Err(AddressError::new(message));
    }
    Ok(Address::Encoder(attribute.into(), resolution))
}

fn led(name: &str) -> Result<Address, AddressError> {
    if let Some(known) = keys::LEDS.iter().find(|known| **known == name) {
        return Ok(Address::Led(known));
    }
    let error = AddressError::new(format!("the console has no lamp `{name}`"));
    Err(match nearest(name, keys::LEDS.iter().copied()) {
        Some(known) => error.suggest(format!("led.{known}")),
        None => error.help(format!("lamps: {}", keys::LEDS.join(" "))),
    })
}

fn unknown_key(text: &str) -> AddressError {
    let error =
        AddressError::new(format!("expected an executor such as `page1.fader5` or a key, found `{text}`"));
    let known = keys::KEYS.iter().map(|key| key.name);
    match nearest(text, known) {
        Some(key) => error.suggest(key),
        None => error.help("`crosspatch help maweb` lists every key"),
    }
}

/// The address for a text in another notation: `fader5`, `1.103`, `page1/fader5`, `exec103`, `Go+`.
fn guess(text: &str) -> Option<String> {
    match text.to_ascii_lowercase().as_str() {
        "go" | "go+" => return Some("GO_PLUS".to_owned()),
        "go-" => return Some("GO_MINUS".to_owned()),
        _ => {}
    }
    let mut words = text.split(['.', '/', ' ']).filter(|word| !word.is_empty()).peekable();
    let first = words.peek()?;
    let page = match first.to_ascii_lowercase().strip_prefix("page") {
        Some("") => {
            words.next();
            words.next()?.to_owned()
        }
        Some(page) => {
            let page = page.to_owned();
            words.next();
            page
        }
        None if first.bytes().all(|byte| byte.is_ascii_digit()) => words.next()?.to_owned(),
        None => "1".to_owned(),
    };
    let executor: String = words.collect();
    let digits = executor.find(|letter: char| letter.is_ascii_digit())?;
    let (word, number) = executor.split_at(digits);
    let is_button = is_button_number(number.parse().ok()?);
    let part = match word.to_ascii_lowercase().as_str() {
        "" | "exec" | "executor" | "ex" | "e" if is_button => "button",
        "" | "exec" | "executor" | "ex" | "e" | "slider" => "fader",
        "btn" | "key" | "push" => "button",
        word => PARTS.iter().map(|(_, known)| *known).find(|known| *known == word)?,
    };
    let meant = format!("page{page}.{part}{number}");
    Address::read(&meant).is_ok().then_some(meant)
}

fn unknown_first(first: &str, rest: &str) -> AddressError {
    let (word, digits) =
        first.split_at(first.find(|letter: char| letter.is_ascii_digit()).unwrap_or(first.len()));
    let message = format!(
        "expected `page<number>`, `command`, `encoder`, `led` or `confirm` before the dot, found `{first}`"
    );
    let error = AddressError::new(message);
    match nearest(word, FAMILIES.into_iter().chain(["page"])) {
        Some("page") if !digits.is_empty() => error.suggest(format!("page{digits}.{rest}")),
        Some(known) if known != "page" => error.suggest(format!("{known}.{rest}")),
        _ => error,
    }
}

/// The word of `known` that is most similar to `word`, if it is similar enough for a suggestion.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let distance = |known: &'a str| (strsim::osa_distance(&lower, &known.to_lowercase()), known);
    let (distance, known) = known.map(distance).min_by_key(|(distance, _)| *distance)?;
    (distance <= (word.chars().count() / 3).max(1) && distance < word.chars().count().max(1)).then_some(known)
}

/// Parses a number in plain digits; a sign only if the type has one, and never a plus.
fn number<T: FromStr>(text: &str) -> Option<T> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Address {
        text.parse().unwrap_or_else(|error: AddressError| panic!("{text}: {error}"))
    }

    fn wrong(text: &str) -> AddressError {
        text.parse::<Address>().err().unwrap_or_else(|| panic!("`{text}` was accepted"))
    }

    #[test]
    fn what_is_shown_reads_as_the_same_address() {
        let mut addresses = vec![
            "command.blackout".to_owned(),
            "command.a.b/c".to_owned(),
            "encoder.PAN".to_owned(),
            "encoder.COLORRGB1.fine".to_owned(),
            "encoder.DIM.ultra".to_owned(),
            "confirm.-1".to_owned(),
            "confirm.6".to_owned(),
        ];
        addresses.extend(keys::KEYS.iter().map(|key| key.name.to_owned()));
        addresses.extend(keys::LEDS.iter().map(|led| format!("led.{led}")));
        for (part, word) in PARTS {
            let numbers: &[u16] = match part.numbers() {
                NumberRange::Faders => &[1, 22, 90],
                NumberRange::Buttons => &[101, 190, 201, 222, 301, 316, 801, 816],
                NumberRange::All => &[1, 90, 101, 816],
            };
            for page in [1, 2, 10_000] {
                addresses.extend(numbers.iter().map(|number| format!("page{page}.{word}{number}")));
            }
        }
        for text in addresses {
            assert_eq!(parse(&text).to_string(), text);
        }
    }

    #[test]
    fn other_spellings_become_the_canonical_one() {
        assert_eq!(parse("page01.fader005").to_string(), "page1.fader5");
        assert_eq!(parse("PLEASE").to_string(), "ENTER");
    }

    #[test]
    fn messages_count_from_zero() {
        let Address::Executor(executor, ExecutorPart::Button) = parse("page2.button103") else {
            panic!("a button")
        };
        assert_eq!((executor.page_index(), executor.index()), (1, 102));
    }

    #[test]
    fn numbers_out_of_range_are_refused_with_what_would_fit() {
        for text in [
            "page0.fader1",
            "page10001.fader1",
            "page65536.fader1",
            "page99999999999999999999.fader1",
            "page.fader1",
            "page1x.fader1",
            "page+1.fader1",
            "page-1.fader1",
            "page1.fader0",
            "page1.fader91",
            "page1.fader999",
            "page1.fader",
            "page1.fader-1",
            "page1.fader+1",
            "page1.fader5xyz",
            "page1.fader5.6",
            "page1.button0",
            "page1.button91",
            "page1.button191",
            "page1.button223",
            "page1.button300",
            "page1.button317",
            "page1.button817",
            "page1.name91",
            "page1.",
            "page1",
            "",
            ".",
            "command.",
            "command",
            "encoder.",
            "encoder.PAN.",
            "encoder.a b",
            "led.",
            "led.nothing",
            "confirm.",
            "confirm.x",
            "confirm.-2",
            "SETT.x",
        ] {
            let error = wrong(text);
            assert!(!error.message.is_empty() && !error.message.ends_with('.'), "{text}: {}", error.message);
        }
        assert_eq!(wrong("page0.fader1").message, "expected a page number from 1 to 10000, found `0`");
        assert_eq!(
            wrong("page1.fader999").message,
            "expected a fader executor from 1 to 90 (1 to 22 on a dot2), found `999`"
        );
    }

    #[test]
    fn slips_of_the_pen_get_a_suggestion() {
        for (written, meant) in [
            ("page1.fadr5", "page1.fader5"),
            ("page1.Fader5", "page1.fader5"),
            ("page2.flahs3", "page2.flash3"),
            ("page1.colour7", "page1.color7"),
            ("pge1.fader5", "page1.fader5"),
            ("Page3.button101", "page3.button101"),
            ("page1.button5", "page1.button105"),
            ("page1.fader105", "page1.button105"),
            ("comand.go", "command.go"),
            ("led.stroe", "led.store"),
            ("store", "STORE"),
            ("OPS", "OOPS"),
            ("layermode", "layerMode"),
        ] {
            assert_eq!(wrong(written).suggestion.as_deref(), Some(meant), "{written}");
        }
        assert_eq!(wrong("brightness").suggestion, None);
        assert_eq!(wrong("x").suggestion, None);
    }

    #[test]
    fn channels_that_go_one_way_say_so() {
        for (text, direction, suggestion) in [
            ("page1.name5", Direction::Output, None),
            ("page1.run5", Direction::Output, Some("page1.lower5")),
            ("page1.run105", Direction::Output, Some("page1.button105")),
            ("led.set", Direction::Output, None),
            ("STORE", Direction::Input, Some("led.store")),
            ("OOPS", Direction::Input, None),
            ("command.x", Direction::Input, None),
            ("encoder.PAN", Direction::Input, None),
        ] {
            let error = parse(text).check(direction).expect_err(text);
            assert_eq!(error.suggestion.as_deref(), suggestion, "{text}");
        }
        for text in ["page1.fader1", "page1.upper1", "page1.button101", "confirm.1"] {
            for direction in [Direction::Input, Direction::Output] {
                assert_eq!(parse(text).check(direction), Ok(()), "{text}");
            }
        }
    }
}
