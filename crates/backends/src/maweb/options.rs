//! The options of an instance, and their table, which is also used by manual, help and suggestions.

use crosspatch_core::{Duration, Endpoint, EndpointForm, GivenEndpoint, OptionSpec, Options, Scope};
use rustc_hash::FxHashMap;

use super::command::CommandLine;
use super::wire::{ConsoleFamily, hash_password};

/// The port of a web remote.
const PORT: u16 = 80;

/// All options.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new(
            "interval",
            "100",
            "40",
            "milliseconds between two polls; 0 polls again as soon as answered",
        )
    },
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new(
            "idle-interval",
            "200",
            "100",
            "milliseconds between two polls while nothing changes; if only `interval` is set, as that",
        )
    },
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new("quiet", "1", "0", "1 leaves out notices that need no action")
    },
    OptionSpec {
        repeatable: true,
        ..OptionSpec::new(
            "host",
            "10.0.0.1 80",
            "",
            "address and port of the console; further hosts are tried if one fails",
        )
    },
    OptionSpec::new(
        "console",
        "dot2",
        "auto",
        "the console: `gma2`, `dot2`, or `auto` to detect it from its greeting",
    ),
    OptionSpec::new("user", "midimonster", "remote", "user to log in as; a dot2 only knows `remote`"),
    OptionSpec {
        secret: true,
        ..OptionSpec::new("password", "secret", "midimonster", "password of that user")
    },
    OptionSpec {
        secret: true,
        file: true,
        ..OptionSpec::new("password-file", "ma.password", "", "file whose first line is the password")
    },
    OptionSpec::new(
        "cmdline",
        "downgrade",
        "remote",
        "whose command keys are pressed: `remote`, `console` or `downgrade`",
    ),
    OptionSpec::new("fader-interval", "50", "10", "milliseconds between two moves of one fader"),
    OptionSpec::new(
        "rate",
        "200",
        "1000",
        "the most messages per second, for all faders, keys and commands together",
    ),
    OptionSpec::new(
        "settle",
        "500",
        "300",
        "milliseconds after our last move during which the console's report of that fader is ignored",
    ),
    OptionSpec::new("encoder-turn", "5", "1", "the amount by which a value of 1 turns an encoder"),
    OptionSpec {
        family: Some("command."),
        repeatable: true,
        ..OptionSpec::new(
            "command.<name>",
            "Off Page Thru",
            "",
            "a command line, executed through the channel of that name",
        )
    },
];

/// The side whose keys are pressed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cmdline {
    /// The web remote, which has a command line of its own.
    Remote,
    /// The console itself, through Lua; grandMA2 only.
    Console,
    /// The console where possible, otherwise the web remote.
    Downgrade,
}

/// The parsed options of an instance.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The name of the instance.
    pub(crate) name: String,
    /// The consoles, in the order of connection attempts. An empty list is an error, and nothing runs.
    pub(crate) hosts: Vec<Endpoint>,
    /// The kind of console, if configured.
    pub(crate) console: Option<ConsoleFamily>,
    /// The user.
    user: String,
    /// The MD5 of the password, in lower-case hexadecimal digits.
    pub(crate) password: String,
    /// The side whose keys are pressed.
    pub(crate) cmdline: Cmdline,
    /// The time between two polls while something changes.
    pub(crate) interval: Duration,
    /// The time between two polls while nothing changes.
    pub(crate) idle_interval: Duration,
    /// Whether notices that need no action are left out.
    pub(crate) quiet: bool,
    /// The minimum time between two moves of a fader.
    pub(crate) fader_interval: Duration,
    /// The maximum number of messages per second.
    pub(crate) rate: u32,
    /// The time during which our own moves are not reported back.
    pub(crate) settle: Duration,
    /// How far a value of 1 turns an encoder.
    pub(crate) encoder_turn: f64,
    /// The command lines, by name.
    pub(crate) commands: FxHashMap<String, CommandLine>,
}

impl Config {
    /// Parses the options.
    pub(crate) fn read(options: &mut Options<'_>) -> Self {
        let user = options.text("user").unwrap_or(DOT2_USER).to_owned();
        let password = password(options);
        let cmdline =
            options.parse_with("cmdline", "`remote`, `console` or `downgrade`", |text| match text {
                "remote" => Some(Cmdline::Remote),
                "console" => Some(Cmdline::Console),
                "downgrade" => Some(Cmdline::Downgrade),
                _ => None,
            });
        let console = options.parse_with("console", "`gma2`, `dot2` or `auto`", |text| match text {
            "auto" => Some(None),
            name => ConsoleFamily::from_app_type(name).map(Some),
        });
        let interval = millis(options, "interval", 0, 60_000);
        let idle_interval = match millis(options, "idle-interval", 0, 60_000) {
            // Whoever chooses an interval wants that one.
            _ if is_given(options, "interval") && !is_given(options, "idle-interval") => interval,
            idle_interval => idle_interval.max(interval),
        };
        let fader_interval = millis(options, "fader-interval", 0, 10_000);
        let settle = millis(options, "settle", 0, 60_000);
        let rate = options.parse_with("rate", "messages a second, from 1 to 10000", |text| {
            text.parse().ok().filter(|rate| (1..=10_000).contains(rate))
        });
        let encoder_turn = options.parse_with("encoder-turn", "a number from -1000 to 1000", |text| {
            text.parse().ok().filter(|turn: &f64| turn.abs() <= 1000.0)
        });
        let quiet = options.flag("quiet");
        let commands = commands(options);
        let hosts = hosts(options);
        Self {
            name: options.instance().to_owned(),
            hosts,
            console: console.flatten(),
            user,
            password: hash_password(&password),
            cmdline: cmdline.unwrap_or(Cmdline::Remote),
            interval,
            idle_interval,
            quiet,
            fader_interval,
            rate: rate.unwrap_or(1),
            settle,
            encoder_turn: encoder_turn.unwrap_or(1.0),
            commands,
        }
    }

    /// The user to log in as. A dot2 has only one.
    pub(crate) fn user_on(&self, console: Option<ConsoleFamily>) -> &str {
        match console {
            Some(ConsoleFamily::Dot2) => DOT2_USER,
            Some(ConsoleFamily::Gma2) | None => &self.user,
        }
    }
}

/// The user name of every remote on a dot2.
const DOT2_USER: &str = "remote";

/// The password, from one of two options.
fn password(options: &mut Options<'_>) -> String {
    let given = options.all("password").last();
    match (options.all("password-file").last(), given) {
        (Some((at, _)), Some(_)) => {
            options.error(at, "expected either `password` or `password-file`, found both");
            String::new()
        }
        (Some((_, text)), None) => text.lines().next().unwrap_or("").to_owned(),
        (None, Some((_, password))) => password.to_owned(),
        (None, None) => "midimonster".to_owned(),
    }
}

fn millis(options: &mut Options<'_>, name: &str, least: u64, most: u64) -> Duration {
    let expected = format!("milliseconds from {least} to {most}");
    let millis = options.parse_with(name, &expected, |text| {
        text.parse().ok().filter(|millis| (least..=most).contains(millis))
    });
    Duration::from_millis(millis.unwrap_or(most))
}

fn is_given(options: &Options<'_>, name: &str) -> bool {
    options.all(name).next().is_some()
}

fn hosts(options: &mut Options<'_>) -> Vec<Endpoint> {
    let mut hosts = Vec::new();
    let given: Vec<_> = options.all("host").collect();
    for &(at, value) in &given {
        let form =
            EndpointForm { default_port: Some(PORT), schemes: &["http", "ws"], ..EndpointForm::default() };
        let Some(GivenEndpoint { endpoint, .. }) = options.endpoint_with(at, form) else { continue };
        if !endpoint.is_target() {
            options.error(at, format!("expected the address and port of a console, found `{value}`"));
        } else if hosts.contains(&endpoint) {
            options.warning(at, format!("`{value}` is there twice"));
        } else {
            hosts.push(endpoint);
        }
    }
    if given.is_empty() {
        options.missing("expected a `host`: the address of the console");
        options.help("for example `host = 10.0.0.1`; without a port, it is 80");
    }
    hosts
}

fn commands(options: &mut Options<'_>) -> FxHashMap<String, CommandLine> {
    let mut commands = FxHashMap::default();
    for (at, option, line) in options.family(COMMAND_PREFIX) {
        let name = &option[COMMAND_PREFIX.len()..];
        if name.is_empty() || name.contains(char::is_whitespace) {
            options.error(
                at,
                format!("expected a name without blanks after `{COMMAND_PREFIX}`, found `{name}`"),
            );
            continue;
        }
        match CommandLine::parse(line) {
            Ok(command) => {
                if commands.insert(name.to_owned(), command).is_some() {
                    options.error(at, format!("the command `{name}` is there twice"));
                }
            }
            Err(message) => options.error(at, message),
        }
    }
    commands
}

const COMMAND_PREFIX: &str = "command.";

impl Cmdline {
    /// Whether this key can be pressed in this mode, at least on the right console.
    pub(crate) fn allows(self, key: &super::keys::CommandKey) -> Result<(), &'static str> {
        match self {
            Self::Remote if key.web.is_none() => {
                Err("is a hard key of a grandMA2, which the web remote does not have")
            }
            Self::Console if key.hardkey.is_none() => {
                Err("is a key of the web remote, which a console does not have")
            }
            Self::Remote | Self::Console | Self::Downgrade => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::test_options;
    fn read(given: &[(&str, &str)]) -> (Config, Vec<String>) {
        test_options::read("ma", OPTIONS, given, Config::read)
    }

    #[test]
    fn defaults_are_those_of_the_table() {
        let (settings, errors) = read(&[("host", "10.0.0.1")]);
        assert_eq!(errors, [""; 0]);
        assert_eq!(settings.hosts[0].to_string(), "10.0.0.1:80");
        assert_eq!(settings.password, "2807623134739142b119aff358f8a219");
        assert_eq!(settings.user_on(Some(ConsoleFamily::Gma2)), "remote");
        assert_eq!(settings.cmdline, Cmdline::Remote);
        assert_eq!(settings.interval, Duration::from_millis(40));
        assert_eq!(settings.idle_interval, Duration::from_millis(100));
        assert_eq!((settings.fader_interval, settings.rate), (Duration::from_millis(10), 1000));
        assert!(!settings.quiet);
        assert_eq!(settings.console, None);
        assert_eq!(read(&[("host", "a"), ("console", "dot2")]).0.console, Some(ConsoleFamily::Dot2));
        assert_eq!(read(&[("host", "a"), ("console", "auto")]).0.console, None);
    }

    #[test]
    fn a_chosen_interval_is_kept_while_nothing_changes_unless_another_one_is_chosen_for_that() {
        let idle_interval = |options: &[(&str, &str)]| read(options).0.idle_interval.as_millis();
        assert_eq!(idle_interval(&[("host", "a"), ("interval", "0")]), 0);
        assert_eq!(idle_interval(&[("host", "a"), ("interval", "0"), ("idle-interval", "50")]), 50);
        assert_eq!(idle_interval(&[("host", "a"), ("idle-interval", "500")]), 500);
        assert_eq!(idle_interval(&[("host", "a"), ("idle-interval", "10")]), 40);
    }

    #[test]
    fn hosts_keep_their_order_and_take_ports_and_ipv6() {
        let (settings, errors) = read(&[
            ("host", "foh.local 8080"),
            ("host", "::1"),
            ("host", "[fe80::2]:81"),
            ("host", "http://a/"),
        ]);
        let hosts: Vec<_> = settings.hosts.iter().map(ToString::to_string).collect();
        assert_eq!(hosts, ["foh.local:8080", "[::1]:80", "[fe80::2]:81", "a:80"]);
        assert_eq!(errors, [""; 0]);
    }

    #[test]
    fn passwords_are_hashed_and_read_from_the_first_line_of_a_file() {
        let hash_of = |options: &[(&str, &str)]| read(options).0.password;
        assert_eq!(hash_of(&[("host", "a"), ("password", "remote")]), "2c18e486683a3db1e645ad8523223b72");
        assert_eq!(
            hash_of(&[("host", "a"), ("password-file", "remote\r\n")]),
            "2c18e486683a3db1e645ad8523223b72"
        );
        assert_eq!(hash_of(&[("host", "a"), ("password", "")]), "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn a_dot2_is_always_remote() {
        let settings = read(&[("host", "a"), ("user", "lena")]).0;
        assert_eq!(settings.user_on(Some(ConsoleFamily::Gma2)), "lena");
        assert_eq!(settings.user_on(Some(ConsoleFamily::Dot2)), "remote");
    }

    #[test]
    fn every_mistake_is_noted_not_only_the_first() {
        let (settings, errors) = read(&[
            ("host", "10.0.0.1 70000"),
            ("host", "*"),
            ("host", "a 80 b"),
            ("console", "gma3"),
            ("cmdline", "consol"),
            ("interval", "5xyz"),
            ("fader-interval", "-1"),
            ("rate", "0"),
            ("settle", "fast"),
            ("encoder-turn", "NaN"),
            ("quiet", "maybe"),
            ("command.", "x"),
            ("command.a b", "x"),
            ("command.x", "At {valu}"),
            ("password", "a"),
            ("password-file", "b"),
        ]);
        assert!(settings.hosts.is_empty());
        assert_eq!(errors.len(), 15, "{errors:#?}");
        assert_eq!(read(&[]).1, ["expected a `host`: the address of the console"]);
    }
}
