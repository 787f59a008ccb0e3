//! The options of a simulated console: its model, and all known differences between real consoles.

use std::sync::Arc;

use crosspatch_core::{Duration, Endpoint, OptionSpec, Options};

use crate::maweb::wire::{ConsoleFamily, PlaybacksFormat, hash_password, replace_passwords};

/// All options.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("console", "dot2", "gma2", "the console to simulate: `gma2` or `dot2`"),
    OptionSpec::new("listen", "* 80", "127.0.0.1 8080", "address and port to listen on"),
    OptionSpec::new(
        "user",
        "guest",
        "",
        "the user that may log in; by default any user on a gma2, and `remote` on a dot2",
    ),
    OptionSpec {
        secret: true,
        ..OptionSpec::new("password", "secret", "midimonster", "password of that user")
    },
    OptionSpec::new(
        "remotes",
        "off",
        "on",
        "`off` refuses every session with -1, as a console with web remotes disabled",
    ),
    OptionSpec::new("sessions", "1", "3", "the number of sessions allowed; further ones are refused with -2"),
    OptionSpec::new(
        "timeout",
        "10",
        "30",
        "seconds without a keep-alive after which a session ends; 0 means never",
    ),
    OptionSpec::new("greeting", "text", "json", "`json`, the bare `text` of an old grandMA2, or `none`"),
    OptionSpec::new(
        "dialect",
        "old",
        "new",
        "`old` answers only the flat requests of an old grandMA2, `grouped` only those of a current one, `new` both",
    ),
    OptionSpec::new(
        "guest",
        "ignore",
        "bare",
        "the answer to requests before the log-in: a `bare` answer, or none (`ignore`)",
    ),
    OptionSpec::new("wide-executors", "off", "on", "`off` leaves wide executors out of the show"),
    OptionSpec::new("macro-executors", "off", "on", "`off` leaves executors with a macro out of the show"),
    OptionSpec::new("access-denied", "on", "off", "`on` hides all executors"),
    OptionSpec::new(
        "session-change",
        "100",
        "0",
        "the session number changes after this many messages; 0 means never",
    ),
    OptionSpec::new(
        "duplicate-world-index",
        "on",
        "off",
        "`on` writes `worldIndex` twice into answers about sessions",
    ),
    OptionSpec::new(
        "chatty",
        "on",
        "off",
        "`on` adds the text and prompt of the command line to every answer",
    ),
    OptionSpec::new(
        "latency",
        "40 200",
        "0",
        "delay of each answer in milliseconds, or a minimum and a maximum",
    ),
    OptionSpec {
        repeatable: true,
        ..OptionSpec::new(
            "origin",
            "http://10.0.0.9:3000",
            "",
            "the origin of a web page that may connect from a browser, or `*` for all; may be given several times",
        )
    },
    OptionSpec::new("ping", "10", "0", "seconds between two pings to each client; 0 means never"),
    OptionSpec::new("mute", "50", "0", "a connection gets no answers after this many; 0 means no limit"),
    OptionSpec::new(
        "close-after",
        "50",
        "0",
        "a connection is closed after this many answers; 0 means never",
    ),
];

/// The greeting of a console.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum GreetingStyle {
    Json,
    Text,
    None,
}

/// The parsed options of an instance.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) name: String,
    pub(super) console: ConsoleFamily,
    pub(super) listen: Endpoint,
    user: Option<String>,
    /// The MD5 of the password, in lower-case hexadecimal digits.
    password: String,
    pub(super) remotes: bool,
    pub(super) sessions: usize,
    pub(super) timeout: Option<Duration>,
    pub(super) greeting: GreetingStyle,
    /// The only request format that is answered; `None` if all are.
    pub(super) dialect: Option<PlaybacksFormat>,
    pub(super) ignores_guests: bool,
    pub(super) has_wide: bool,
    pub(super) has_macros: bool,
    pub(super) access_denied: bool,
    pub(super) session_change: Option<u32>,
    pub(super) duplicates_world_index: bool,
    pub(super) is_chatty: bool,
    /// The minimum and maximum delay of an answer.
    pub(super) latency: (Duration, Duration),
    pub(super) ping: Option<Duration>,
    /// The web pages that may connect.
    pub(super) origins: Arc<[Box<str>]>,
    pub(super) mute: Option<u32>,
    pub(super) close_after: Option<u32>,
}

impl Config {
    /// Parses the options. `None` if there is no address to listen on.
    pub(super) fn read(options: &mut Options<'_>) -> Option<Self> {
        let console = options.parse_with("console", "`gma2` or `dot2`", ConsoleFamily::from_app_type);
        let greeting = options.parse_with("greeting", "`json`, `text` or `none`", |text| match text {
            "json" => Some(GreetingStyle::Json),
            "text" => Some(GreetingStyle::Text),
            "none" => Some(GreetingStyle::None),
            _ => None,
        });
        let either = |options: &mut Options<'_>, name: &str, expected: &str, on: &str, off: &str| {
            let read = |text: &str| (text == on || text == off).then(|| text == on);
            options.parse_with(name, expected, read).unwrap_or(false)
        };
        let dialect = options.parse_with("dialect", "`new`, `old` or `grouped`", |text| match text {
            "new" => Some(None),
            "old" => Some(Some(PlaybacksFormat::Flat)),
            "grouped" => Some(Some(PlaybacksFormat::Grouped)),
            _ => None,
        });
        let ignores_guests = either(options, "guest", "`bare` or `ignore`", "ignore", "bare");
        let latency = options.parse_with("latency", "milliseconds, one number or two, up to 60000", latency);
        let sessions = options.parse_with("sessions", "a number from 0 to 64", |text| {
            text.parse().ok().filter(|count| *count <= 64)
        });
        let seconds = |options: &mut Options<'_>, name: &str| {
            let read = |text: &str| text.parse().ok().filter(|seconds| *seconds <= 3600);
            let seconds = options.parse_with(name, "seconds, up to 3600", read);
            seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs)
        };
        let timeout = seconds(options, "timeout");
        let count = |options: &mut Options<'_>, name: &str| {
            options.parse::<u32>(name, "a number of messages").filter(|count| *count > 0)
        };
        Some(Self {
            name: options.instance().to_owned(),
            console: console.unwrap_or(ConsoleFamily::Gma2),
            user: options.text("user").filter(|user| !user.is_empty()).map(str::to_owned),
            password: hash_password(options.text("password").unwrap_or("midimonster")),
            remotes: options.flag("remotes"),
            sessions: sessions.unwrap_or(3),
            timeout,
            greeting: greeting.unwrap_or(GreetingStyle::Json),
            dialect: dialect.flatten(),
            ignores_guests,
            has_wide: options.flag("wide-executors"),
            has_macros: options.flag("macro-executors"),
            access_denied: options.flag("access-denied"),
            session_change: count(options, "session-change"),
            duplicates_world_index: options.flag("duplicate-world-index"),
            is_chatty: options.flag("chatty"),
            latency: latency.unwrap_or_default(),
            ping: seconds(options, "ping"),
            origins: origins(options),
            mute: count(options, "mute"),
            close_after: count(options, "close-after"),
            listen: listen(options)?,
        })
    }

    /// Checks a log-in with the hash of a password. Returns the reason if it is refused.
    pub(super) fn log_in(&self, username: &str, password: &str) -> Result<(), &'static str> {
        if self.console == ConsoleFamily::Gma2 && username.eq_ignore_ascii_case("administrator") {
            return Err("the administrator cannot use a web remote");
        }
        let is_known = match (&self.user, self.console) {
            (Some(user), _) => user.eq_ignore_ascii_case(username),
            (None, ConsoleFamily::Gma2) => true,
            (None, ConsoleFamily::Dot2) => username == "remote",
        };
        if !is_known {
            return Err("there is no such user");
        }
        if password.eq_ignore_ascii_case(&self.password) { Ok(()) } else { Err("the password is wrong") }
    }

    /// A message with its passwords replaced by marks, if it has any.
    pub(super) fn conceal(&self, message: &[u8]) -> Option<Vec<u8>> {
        replace_passwords(message, |password| {
            let is_right = password.eq_ignore_ascii_case(self.password.as_bytes());
            if is_right { RIGHT.into() } else { WRONG.into() }
        })
    }

    /// A message with the mark replaced by the right password, if it has one.
    pub(super) fn reveal(&self, message: &[u8]) -> Option<Vec<u8>> {
        replace_passwords(message, |mark| {
            if mark == RIGHT { self.password.as_bytes().to_owned().into() } else { mark.into() }
        })
    }
}

/// The mark of the right password in a recording.
const RIGHT: &[u8] = b"right";
/// The mark of any other password in a recording.
const WRONG: &[u8] = b"wrong";
/// The origins of web pages, as browsers write them (RFC 6454, section 6.1).
fn origins(options: &mut Options<'_>) -> Arc<[Box<str>]> {
    let is_origin = |text: &str| {
        let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        host.is_some_and(|host| !host.is_empty() && !host.contains(['/', ' ', '@', '?', '#']))
    };
    let mut origins = Vec::new();
    let given: Vec<_> = options.all("origin").map(|(at, origin)| (at, origin.to_owned())).collect();
    for (at, origin) in given {
        if !["*", "null"].contains(&&*origin) && !is_origin(&origin) {
            let expected = "an origin such as `http://10.0.0.9:3000` without a path, `null` or `*`";
            options.error(at, format!("expected {expected}, found `{origin}`"));
        }
        origins.push(origin.into());
    }
    origins.into()
}

fn listen(options: &mut Options<'_>) -> Option<Endpoint> {
    let Some((at, _)) = options.all("listen").last() else {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 8080));
        return Some(address.into());
    };
    options.endpoint(at, Some(80))
}

fn latency(text: &str) -> Option<(Duration, Duration)> {
    let millis = |text: &str| text.parse().ok().filter(|millis| *millis <= 60_000).map(Duration::from_millis);
    let mut words = text.split_whitespace();
    let least = millis(words.next()?)?;
    let most = words.next().map_or(Some(least), millis)?;
    (words.next().is_none() && least <= most).then_some((least, most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::test_options;

    fn read(given: &[(&str, &str)]) -> (Option<Config>, Vec<String>) {
        test_options::read("console", OPTIONS, given, Config::read)
    }

    #[test]
    fn every_default_is_read_without_complaint() {
        let (settings, errors) = read(&[]);
        let settings = settings.expect("defaults");
        assert_eq!((errors.len(), settings.listen.to_string().as_str()), (0, "127.0.0.1:8080"));
        assert_eq!((settings.sessions, settings.timeout), (3, Some(Duration::from_secs(30))));
        assert!(settings.remotes && !settings.is_chatty && settings.mute.is_none());
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let (_, errors) = read(&[
            ("console", "gma3"),
            ("latency", "200 40"),
            ("timeout", "soon"),
            ("remotes", "maybe"),
            ("greeting", "hello"),
            ("sessions", "-1"),
            ("mute", "x"),
            ("listen", "127.0.0.1 80 shared"),
        ]);
        assert_eq!(errors.len(), 8, "{errors:?}");
        assert!(errors.contains(&"expected `gma2` or `dot2`, found `gma3`".to_owned()));
    }

    #[test]
    fn who_may_log_in_depends_on_the_console() {
        let (wrong, right) = (hash_password("wrong"), "2807623134739142b119aff358f8a219");
        let (settings, _) = read(&[]);
        let settings = settings.expect("a gma2");
        assert_eq!(settings.log_in("anybody", right), Ok(()));
        assert_eq!(settings.log_in("anybody", &right.to_uppercase()), Ok(()));
        assert!(settings.log_in("anybody", &wrong).is_err());
        assert!(settings.log_in("Administrator", right).is_err());
        let (settings, _) = read(&[("console", "dot2")]);
        let settings = settings.expect("a dot2");
        assert_eq!(settings.log_in("remote", right), Ok(()));
        assert!(settings.log_in("anybody", right).is_err());
    }
}
