//! The options of one instance, as a backend reads them.
//!
//! Reading never stops at the first mistake: a value that does not parse is noted with the option it came from, a default
//! takes its place, and the configuration compiler shows all of them with file, line and column.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::{Endpoint, Host};

/// Where an option may stand.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In `[backend NAME]`, for all instances.
    Global,
    /// In `[NAME INSTANCE]`.
    Instance,
}

/// An option of a backend.
#[derive(Copy, Clone, Debug)]
pub struct OptionSpec {
    /// The name as documented. With `family`, the placeholder that the manual shows, such as `command.<name>`.
    pub name: &'static str,
    /// Where it may stand.
    pub scope: Scope,
    /// Other names for the same option.
    pub aliases: &'static [&'static str],
    /// The shortest abbreviation: from it on, any further letters are accepted, as MIDIMonster does (`dest`, `uni`).
    pub abbreviation: Option<&'static str>,
    /// If set, every option whose name begins so belongs here (`command.`, `/` for OSC patterns, `` for any name).
    pub family: Option<&'static str>,
    /// A value as one would write it.
    pub example: &'static str,
    /// What holds without the option; empty if nothing does.
    pub default: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Whether it may be given several times.
    pub repeatable: bool,
    /// Whether its value is not to be shown.
    pub secret: bool,
    /// Whether its value names a file, whose text the configuration compiler reads and hands over.
    pub file: bool,
}

impl OptionSpec {
    /// An option of an instance, given once, with nothing special about it. Others are written
    /// `OptionSpec { repeatable: true, ..OptionSpec::new("host", "10.0.0.1 80", "", "where the console is") }`.
    pub const fn new(
        name: &'static str,
        example: &'static str,
        default: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            name,
            scope: Scope::Instance,
            aliases: &[],
            abbreviation: None,
            family: None,
            example,
            default,
            help,
            repeatable: false,
            secret: false,
            file: false,
        }
    }

    /// Whether an option written as `name` means this one.
    pub fn matches(&self, name: &str) -> bool {
        match self.family {
            Some(family) => name.starts_with(family),
            None => {
                name == self.name
                    || self.aliases.contains(&name)
                    || self.abbreviation.is_some_and(|short| name.starts_with(short))
            }
        }
    }
}

/// One option as given, global or of the instance, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The documented name of the option; for a family the name as written.
    pub name: String,
    /// The value without surrounding blanks; for an option that names a file, the text of that file.
    pub value: String,
    /// Where it stood.
    pub scope: Scope,
}

impl Given {
    /// An option of an instance.
    pub fn of_instance(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), scope: Scope::Instance }
    }
}

/// A mistake in an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// Which of the given options, or none if one is missing.
    pub option: Option<usize>,
    /// Which bytes of its value; all if not said.
    pub part: Option<Range<usize>>,
    /// What was expected and what was found, in lower case without a full stop.
    pub message: String,
    /// What helps.
    pub help: Option<String>,
    /// Whether the instance works all the same.
    pub is_warning: bool,
}

/// The options of one instance together with the global ones of its backend.
#[derive(Debug)]
pub struct Options<'a> {
    instance: &'a str,
    given: &'a [Given],
    specs: &'static [OptionSpec],
    errors: Vec<OptionError>,
}

impl<'a> Options<'a> {
    /// The options `given` for `instance`, already matched to `specs`.
    pub fn new(instance: &'a str, given: &'a [Given], specs: &'static [OptionSpec]) -> Self {
        Self { instance, given, specs, errors: Vec::new() }
    }

    /// The name of the instance.
    pub fn instance(&self) -> &'a str {
        self.instance
    }

    /// All values of an option with their index, global ones first.
    pub fn all(&self, name: &str) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
        debug_assert!(
            self.specs.iter().any(|spec| spec.name == name),
            "`{name}` is not in the table of options"
        );
        let (given, name) = (self.given, name.to_owned());
        given
            .iter()
            .enumerate()
            .filter(move |(_, option)| option.name == name)
            .map(|(at, option)| (at, &*option.value))
    }

    /// All options of a family with their index, written name and value: `family("command.")`.
    pub fn family(&self, prefix: &str) -> impl Iterator<Item = (usize, &'a str, &'a str)> + use<'a> {
        debug_assert!(self.specs.iter().any(|spec| spec.family == Some(prefix)), "no family `{prefix}`");
        let (given, specs, prefix) = (self.given, self.specs, prefix.to_owned());
        given
            .iter()
            .enumerate()
            .filter(move |(_, option)| {
                option.name.starts_with(&prefix)
                    && !specs.iter().any(|spec| spec.family.is_none() && spec.name == option.name)
            })
            .map(|(at, option)| (at, &*option.name, &*option.value))
    }

    /// The value of an option that is given at most once; the last one if there are several.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.all(name).last().map(|(_, value)| value)
    }

    /// The parsed value, or its default from the table of options. A value that does not parse is noted.
    ///
    /// `expected` completes the sentence "expected ...".
    pub fn parse<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        self.parse_with(name, expected, |text| text.parse().ok())
    }

    /// As [`parse`](Self::parse), with a function that reads the value.
    pub fn parse_with<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        if let Some((at, value)) = self.all(name).last() {
            if let Some(parsed) = read(value) {
                return Some(parsed);
            }
            match lenient(value).find_map(|(meant, why)| Some((read(&meant)?, meant, why))) {
                Some((parsed, meant, why)) => {
                    self.warning(at, format!("`{value}` is read as `{meant}`; {why}"));
                    return Some(parsed);
                }
                None => self.error(at, format!("expected {expected}, found `{value}`")),
            }
        }
        let default = self.specs.iter().find(|spec| spec.name == name).map_or("", |spec| spec.default);
        read(default)
    }

    /// As [`parse_with`](Self::parse_with) for an option in which MIDIMonster takes whatever it does not know for
    /// `otherwise`. That is a warning.
    pub fn parse_or<T>(
        &mut self,
        name: &str,
        expected: &str,
        otherwise: (&str, T),
        read: impl Fn(&str) -> Option<T>,
    ) -> T {
        let (word, value) = otherwise;
        let before = self.errors.len();
        let parsed = self.parse_with(name, expected, read);
        match self.errors.get_mut(before).filter(|error| !error.is_warning) {
            Some(error) => {
                error.is_warning = true;
                error.message.push_str(&format!("; it is read as `{word}`"));
                value
            }
            None => parsed.unwrap_or(value),
        }
    }

    /// As [`parse_with`](Self::parse_with) for an option that means on or off. As in MIDIMonster, any number but 0 is on, and
    /// nothing at all is off.
    pub fn flag(&mut self, name: &str) -> bool {
        match self.all(name).last() {
            Some((at, "")) => {
                self.warning(at, format!("expected `on` or `off` after `{name}`, found nothing; it is off"));
                false
            }
            Some((at, value)) if value.parse::<u64>().is_ok_and(|number| number > 1) => {
                self.warning(at, format!("expected `on` or `off`, found `{value}`; it is on"));
                true
            }
            Some(_) | None => self.parse_with(name, "`on` or `off`", read_flag).unwrap_or(false),
        }
    }

    /// As [`flag`](Self::flag), where MIDIMonster takes any other word for on, or for off.
    pub fn flag_or(&mut self, name: &str, otherwise: bool) -> bool {
        let word = if otherwise { "on" } else { "off" };
        self.parse_or(name, "`on` or `off`", (word, otherwise), read_flag)
    }

    /// Reads `HOST [PORT] [KEYWORDS]`, as MIDIMonster writes endpoints; an IPv6 address may stand in brackets. `default`
    /// is the port where none is written; without it a missing port is noted as a mistake. Returns the words behind it.
    pub fn endpoint(&mut self, at: usize, default: Option<u16>) -> Option<(Endpoint, &'a str)> {
        let value = &*self.given[at].value;
        let (host, rest) = split_word(value);
        if host.is_empty() {
            self.error(at, "expected a host and a port, found nothing");
            return None;
        }
        let (word, behind) = split_word(rest);
        let (port, rest) = match (word.parse::<u16>(), default) {
            (Ok(port), _) => (port, behind),
            (Err(_), Some(port)) if !word.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                (port, rest)
            }
            (Err(_), _) => {
                let found = if word.is_empty() { "nothing".to_owned() } else { format!("`{word}`") };
                self.error(
                    at,
                    format!("expected a port number from 0 to 65535 after the host, found {found}"),
                );
                return None;
            }
        };
        let Ok(host) = host.parse::<Host>();
        Some((Endpoint { host, port }, rest))
    }

    /// Notes a mistake in the option at that index.
    pub fn error(&mut self, at: usize, message: impl Into<String>) {
        self.note(Some(at), message.into(), false);
    }

    /// Notes something doubtful in the option at that index.
    pub fn warning(&mut self, at: usize, message: impl Into<String>) {
        self.note(Some(at), message.into(), true);
    }

    /// Notes that something is missing.
    pub fn missing(&mut self, message: impl Into<String>) {
        self.note(None, message.into(), false);
    }

    /// Notes that something is missing without which the instance works, but does little.
    pub fn missing_warning(&mut self, message: impl Into<String>) {
        self.note(None, message.into(), true);
    }

    /// Adds a hint to the mistake noted last.
    pub fn help(&mut self, help: impl Into<String>) {
        if let Some(error) = self.errors.last_mut() {
            error.help = Some(help.into());
        }
    }

    /// Narrows the mistake noted last to some bytes of the value.
    pub fn part(&mut self, part: Range<usize>) {
        if let Some(error) = self.errors.last_mut() {
            error.part = Some(part);
        }
    }

    fn note(&mut self, option: Option<usize>, message: String, is_warning: bool) {
        self.errors.push(OptionError { option, part: None, message, help: None, is_warning });
    }

    /// What was noted, mistakes and warnings.
    pub fn into_errors(self) -> Vec<OptionError> {
        self.errors
    }
}

fn read_flag(text: &str) -> Option<bool> {
    match text {
        "on" | "1" | "true" | "yes" => Some(true),
        "off" | "0" | "false" | "no" => Some(false),
        _ => None,
    }
}

/// What a value that is not quite right may mean, where that is clear, and what is wrong with it.
fn lenient(value: &str) -> impl Iterator<Item = (String, &'static str)> {
    let comment = value.find([';', '#', ',']).filter(|&at| at > 0 && value.as_bytes()[0].is_ascii_digit());
    let without_comment =
        comment.map(|at| (value[..at].trim_end().to_owned(), "a comment needs a line of its own"));
    let hexadecimal = value.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let decimal = hexadecimal.map(|number| (number.to_string(), "write it as a decimal number"));
    let lower = value.to_ascii_lowercase();
    let lower = (lower != value).then_some((lower, "write it in small letters"));
    without_comment.into_iter().chain(decimal).chain(lower)
}

fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[OptionSpec] = &[
        OptionSpec { repeatable: true, ..OptionSpec::new("host", "10.0.0.1 80", "", "where the console is") },
        OptionSpec::new("interval", "50", "40", "milliseconds between polls"),
        OptionSpec {
            family: Some("command."),
            ..OptionSpec::new("command.<name>", "Off Page Thru", "", "a command line")
        },
    ];

    fn given(options: &[(&str, &str)]) -> Vec<Given> {
        options.iter().map(|(name, value)| Given::of_instance(name, value)).collect()
    }

    #[test]
    fn endpoints_take_a_default_port_and_hand_back_the_keywords() {
        for (value, endpoint, rest) in [
            ("10.0.0.1", "10.0.0.1:80", ""),
            ("::1 8080", "[::1]:8080", ""),
            ("* 6454 announce=10.0.0.1", "*:6454", "announce=10.0.0.1"),
            ("foh.local udp", "foh.local:80", "udp"),
        ] {
            let given = given(&[("host", value)]);
            let mut options = Options::new("ma", &given, SPECS);
            let (found, behind) = options.endpoint(0, Some(80)).expect("an endpoint");
            assert_eq!((found.to_string().as_str(), behind), (endpoint, rest), "{value}");
        }
        for value in ["", "10.0.0.1 70000", "10.0.0.1 -1", "10.0.0.1 80x"] {
            let given = given(&[("host", value)]);
            let mut options = Options::new("ma", &given, SPECS);
            assert!(options.endpoint(0, Some(80)).is_none(), "{value}");
            assert_eq!(options.into_errors().len(), 1, "{value}");
        }
    }

    #[test]
    fn a_value_that_does_not_parse_is_noted_and_replaced_by_the_default() {
        let given = given(&[("interval", "5xyz")]);
        let mut options = Options::new("ma", &given, SPECS);
        assert_eq!(options.parse::<u32>("interval", "milliseconds"), Some(40));
        assert_eq!(options.into_errors()[0].message, "expected milliseconds, found `5xyz`");
    }

    #[test]
    fn a_value_that_is_clear_all_the_same_is_read_with_a_warning() {
        for (value, read) in [("50 ; slow", 50), ("50, 60", 50), ("0x32", 50)] {
            let given = given(&[("interval", value)]);
            let mut options = Options::new("ma", &given, SPECS);
            assert_eq!(options.parse::<u32>("interval", "milliseconds"), Some(read), "{value}");
            let errors = options.into_errors();
            assert!(errors.len() == 1 && errors[0].is_warning, "{errors:?}");
        }
        for value in ["50ms", "50 s", "; 50", "0xx", ""] {
            let given = given(&[("interval", value)]);
            let mut options = Options::new("ma", &given, SPECS);
            options.parse::<u32>("interval", "milliseconds");
            assert!(options.into_errors().iter().any(|error| !error.is_warning), "{value}");
        }
    }

    #[test]
    fn a_family_keeps_the_names_as_written() {
        let given = given(&[("command.blackout", "Off Page Thru"), ("host", "a"), ("host", "b")]);
        let options = Options::new("ma", &given, SPECS);
        assert_eq!(
            options.family("command.").collect::<Vec<_>>(),
            [(0, "command.blackout", "Off Page Thru")]
        );
        assert_eq!(options.all("host").collect::<Vec<_>>(), [(1, "a"), (2, "b")]);
        assert_eq!(options.text("host"), Some("b"));
    }
}
