//! The options of one instance, as a backend reads them.
//!
//! Reading never stops at the first mistake: a value that does not parse is recorded with its option and replaced by a
//! default. The configuration compiler reports all of them with file, line and column.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;
use std::str::FromStr;

use crate::port::{Endpoint, EndpointError, Host, WrittenEndpoint, check_host, old_ipv4};

/// Where an option is allowed.
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
    /// Where it is allowed.
    pub scope: Scope,
    /// Other names for the same option.
    pub aliases: &'static [&'static str],
    /// The shortest abbreviation: from it on, any further letters are accepted, as MIDIMonster does (`dest`, `uni`).
    pub abbreviation: Option<&'static str>,
    /// If set, every option whose name begins so belongs here (`command.`, `/` for OSC patterns, `` for any name).
    pub family: Option<&'static str>,
    /// A value as one would write it.
    pub example: &'static str,
    /// The default; empty if there is none.
    pub default: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Whether it may be given several times.
    pub repeatable: bool,
    /// Whether its value is not to be shown.
    pub secret: bool,
    /// Whether quotes round its value are a part of the language of the option.
    pub quotes: bool,
    /// Whether its value names a file, whose text the configuration compiler reads and passes on.
    pub file: bool,
}

impl OptionSpec {
    /// A plain option of an instance that is given once. Others are written `OptionSpec { repeatable: true,
    /// ..OptionSpec::new("host", "10.0.0.1 80", "", "where the console is") }`.
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
            quotes: false,
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
    /// The index of the option among the given ones, or `None` if one is missing.
    pub option: Option<usize>,
    /// The affected bytes of its value; `None` for all.
    pub part: Option<Range<usize>>,
    /// What was expected and what was found, in lower case without a full stop.
    pub message: String,
    /// A suggestion how to fix it.
    pub help: Option<String>,
    /// Whether the instance works all the same.
    pub is_warning: bool,
}

/// Additional syntax that an option with a host and a port accepts.
#[derive(Copy, Clone, Debug, Default)]
pub struct EndpointForm {
    /// The port where none is written; without it, the port is required.
    pub default_port: Option<u16>,
    /// The schemes of accepted URLs, the preferred one first.
    pub schemes: &'static [&'static str],
    /// Whether words may follow.
    pub words: bool,
    /// Whether the host may be the name of an interface, which may contain any character.
    pub interface: bool,
}

/// A host and a port as given in an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenEndpoint<'a> {
    /// The host and port.
    pub endpoint: Endpoint,
    /// The scheme, if it was a URL.
    pub scheme: Option<&'a str>,
    /// The words after it, with [`EndpointForm::words`].
    pub words: &'a str,
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

    /// As [`parse_with`](Self::parse_with) for an option in which MIDIMonster treats unknown values as `otherwise`.
    /// Reports a warning for these.
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

    /// As [`flag`](Self::flag) for an option in which MIDIMonster treats any other word as on, or as off.
    pub fn flag_or(&mut self, name: &str, otherwise: bool) -> bool {
        let word = if otherwise { "on" } else { "off" };
        self.parse_or(name, "`on` or `off`", (word, otherwise), read_flag)
    }

    /// Reads a host and a port and nothing else, in every notation of [`WrittenEndpoint`] but a URL. `default` is the port
    /// where none is written; without it a missing port is noted as a mistake.
    pub fn endpoint(&mut self, at: usize, default: Option<u16>) -> Option<Endpoint> {
        let form = EndpointForm { default_port: default, ..EndpointForm::default() };
        self.endpoint_with(at, form).map(|given| given.endpoint)
    }

    /// Reads a host, a port and the additional syntax that `form` accepts.
    pub fn endpoint_with(&mut self, at: usize, form: EndpointForm) -> Option<GivenEndpoint<'a>> {
        let value = &*self.given[at].value;
        let written = match WrittenEndpoint::parse(value) {
            Ok(written) => written,
            Err(error) => return self.endpoint_error(at, 0, error),
        };
        if let Some(scheme) = written.scheme
            && !form.schemes.contains(&scheme)
        {
            let end = value.find("://").unwrap_or(0) + 3;
            self.error(at, format!("expected a host and a port, found the URL `{}`", split_word(value).0));
            self.part(0..end);
            let bare = &value[written.host_at.start..];
            let bare = bare.split(['/', '?', '#', ' ']).next().unwrap_or(bare);
            let bracket = if value[..written.host_at.start].ends_with('[') { "[" } else { "" };
            let meant = form.schemes.first().map_or_else(String::new, |scheme| format!("{scheme}://"));
            self.help(format!("did you mean `{meant}{bracket}{bare}`?"));
            return None;
        }
        if !matches!(written.path, "" | "/") && !written.path.starts_with("/?") {
            self.warning(at, format!("the path `{}` of the URL has no effect", written.path));
        }
        let host = self.host(at, &written, form)?;
        let Some(port) = written.port.or(form.default_port) else {
            let (word, _) = split_word(written.rest);
            let found = if word.is_empty() { "nothing".to_owned() } else { format!("`{word}`") };
            self.error(at, format!("expected a port number from 0 to 65535 after the host, found {found}"));
            if let Some((address, port)) = port_within_ipv6(&written) {
                self.help(format!("an IPv6 address with a port stands in brackets: `[{address}]:{port}`"));
            }
            return None;
        };
        let mut words = written.rest;
        if words.starts_with(';') {
            self.warning(at, format!("`{words}` is read as a comment; a comment needs a line of its own"));
            self.part(value.len() - words.len()..value.len());
            words = "";
        }
        if !words.is_empty() && !form.words {
            self.error(at, format!("expected a host and a port and nothing else, found `{words}`"));
            self.part(value.len() - words.len()..value.len());
            if written.port.is_none() {
                self.help("a host name contains no spaces");
            }
            return None;
        }
        Some(GivenEndpoint { endpoint: Endpoint { host, port }, scheme: written.scheme, words })
    }

    /// The host of an endpoint, checked as far as possible without resolving it.
    fn host(&mut self, at: usize, written: &WrittenEndpoint<'_>, form: EndpointForm) -> Option<Host> {
        let Host::Name(name) = &written.host else { return Some(written.host.clone()) };
        if form.interface {
            return Some(written.host.clone());
        }
        if written.port.is_none() && name.parse::<u16>().is_ok() {
            self.error(at, format!("expected a host before the port, found `{name}`"));
            self.part(written.host_at.clone());
            let example = self.specs.iter().find(|spec| spec.name == self.given[at].name);
            let host = example.map_or("10.0.0.1", |spec| split_word(spec.example).0);
            self.help(format!("write it after a host: `{host}:{name}`"));
            return None;
        }
        if let Err(error) = check_host(name) {
            return self.endpoint_error(at, written.host_at.start, error);
        }
        let Some(address) = old_ipv4(name) else { return Some(written.host.clone()) };
        self.warning(at, format!("`{name}` is read as `{address}`; write four decimal numbers"));
        self.part(written.host_at.clone());
        Some(Host::Address(address.into()))
    }

    fn endpoint_error<T>(&mut self, at: usize, offset: usize, error: EndpointError) -> Option<T> {
        self.error(at, error.message);
        self.part(error.part.start + offset..error.part.end + offset);
        if let Some(help) = error.help {
            self.help(help);
        }
        None
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

    /// The recorded errors and warnings.
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

/// The possible meanings of a slightly incorrect value, where these are clear, and the mistake in it.
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

/// If the last group of an IPv6 address may be meant as a port, the address before it and the port.
fn port_within_ipv6(written: &WrittenEndpoint<'_>) -> Option<(String, String)> {
    let Host::Address(address @ IpAddr::V6(_)) = written.host else { return None };
    let text = address.to_string();
    let (head, port) = text.rsplit_once(':')?;
    let head = if head.ends_with(':') { format!("{head}:") } else { head.to_owned() };
    let is_port = port.len() >= 2 && port.parse::<u16>().is_ok() && head.parse::<IpAddr>().is_ok();
    is_port.then(|| (head, port.to_owned()))
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

    fn read_with(value: &str, form: EndpointForm) -> (Option<String>, Vec<OptionError>) {
        let given = given(&[("host", value)]);
        let mut options = Options::new("ma", &given, SPECS);
        let read = options.endpoint_with(0, form);
        let shown = read.map(|read| format!("{} {}", read.endpoint, read.words).trim_end().to_owned());
        (shown, options.into_errors())
    }

    #[test]
    fn endpoints_take_a_default_port_and_hand_back_the_words() {
        let form = EndpointForm { default_port: Some(80), words: true, ..EndpointForm::default() };
        for (value, endpoint) in [
            ("10.0.0.1", "10.0.0.1:80"),
            ("::1 8080", "[::1]:8080"),
            ("10.0.0.1:8080", "10.0.0.1:8080"),
            ("* 6454 announce=10.0.0.1", "*:6454 announce=10.0.0.1"),
            ("foh.local udp", "foh.local:80 udp"),
        ] {
            assert_eq!(read_with(value, form), (Some(endpoint.to_owned()), vec![]), "{value}");
        }
        for value in
            ["", "10.0.0.1 70000", "10.0.0.1 -1", "10.0.0.1 80x", "256.1.1.1", "8080", "a..b", "ftp://a"]
        {
            let (read, errors) = read_with(value, form);
            assert!(read.is_none() && errors.len() == 1 && !errors[0].is_warning, "{value}: {errors:?}");
        }
    }

    #[test]
    fn words_urls_and_interfaces_are_only_taken_where_they_are_accepted() {
        let plain = EndpointForm { default_port: Some(80), ..EndpointForm::default() };
        for (value, help) in [
            ("http://10.0.0.1:8080/", "did you mean `10.0.0.1:8080`?"),
            ("http://[::1]/", "did you mean `[::1]`?"),
            ("8080", "write it after a host: `10.0.0.1:8080`"),
        ] {
            assert_eq!(read_with(value, plain).1[0].help.as_deref(), Some(help));
        }
        assert_eq!(read_with("10.0.0.1 80 x", plain).1[0].part, Some(12..13));
        assert!(read_with("eth0.100", plain).0.is_none());
        let interface = EndpointForm { interface: true, ..plain };
        assert_eq!(read_with("eth0.100", interface).0.as_deref(), Some("eth0.100:80"));
        let url = EndpointForm { schemes: &["http", "ws"], ..plain };
        assert_eq!(read_with("ws://10.0.0.1/?ma=1", url), (Some("10.0.0.1:80".to_owned()), vec![]));
        assert_eq!(
            read_with("https://10.0.0.1", url).1[0].help.as_deref(),
            Some("did you mean `http://10.0.0.1`?")
        );
    }

    #[test]
    fn a_doubtful_endpoint_is_read_with_a_warning() {
        let form = EndpointForm { default_port: Some(80), schemes: &["http"], ..EndpointForm::default() };
        for (value, endpoint) in [
            ("127.1", "127.0.0.1:80"),
            ("10.0.0.1 81 ; the desk", "10.0.0.1:81"),
            ("http://10.0.0.1/remote", "10.0.0.1:80"),
        ] {
            let (read, errors) = read_with(value, form);
            assert_eq!(read.as_deref(), Some(endpoint));
            assert!(errors.len() == 1 && errors[0].is_warning, "{errors:?}");
        }
        let required = read_with("::1:8080", EndpointForm::default());
        assert_eq!(
            required.1[0].help.as_deref(),
            Some("an IPv6 address with a port stands in brackets: `[::1]:8080`")
        );
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
