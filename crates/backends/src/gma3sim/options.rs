//! The options of a simulated grandMA3: the columns of its OSC menu.

use crosspatch_core::{Endpoint, Host, OptionSpec, Options};
use std::net::SocketAddr;

/// All options.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("listen", "* 8000", "127.0.0.1 8000", "address and port to listen on, by UDP"),
    OptionSpec::new(
        "destination",
        "127.0.0.1 8001",
        "",
        "IP address and port that the console sends to; without it nothing is sent",
    ),
    OptionSpec::new(
        "prefix",
        "gma3",
        "",
        "`Prefix`: incoming messages must begin with `/gma3`, and all outgoing messages do",
    ),
    OptionSpec::new("fader-range", "1", "100", "`FaderRange`: the value that is 100 %"),
    OptionSpec::new("receive", "off", "on", "`Receive`: whether OSC can move faders, keys and sequences"),
    OptionSpec::new("receive-command", "off", "on", "`Receive Command`: whether `/cmd` is executed"),
    OptionSpec::new("send", "off", "on", "`Send`: whether playback actions are reported"),
    OptionSpec::new("plugin", "on", "off", "whether the console runs our plugin"),
    OptionSpec::new(
        "version",
        "2.5",
        "2.4",
        "the software version whose addresses and texts to use: `2.4` (and older) or `2.5`",
    ),
];

/// The software version of a console, as far as its OSC differs.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Up to version 2.4.
    V2_4,
    /// From version 2.5, which renumbers the pools of a show.
    V2_5,
}

impl Version {
    /// The address of the sequence pool in the console's object tree.
    pub(super) fn sequences(self) -> &'static str {
        match self {
            Self::V2_4 => "14.14.1.6",
            Self::V2_5 => "14.14.1.7",
        }
    }

    /// The separator between the name of a sequence and the number of a cue (release notes 2.5, "Changes").
    pub(super) fn delimiter(self) -> char {
        match self {
            Self::V2_4 => ' ',
            Self::V2_5 => ';',
        }
    }
}

/// The parsed options of an instance.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) name: String,
    pub(super) listen: Endpoint,
    pub(super) destination: Option<SocketAddr>,
    /// Begins with a slash; empty if there is no prefix.
    pub(super) prefix: String,
    pub(super) fader_range: f64,
    pub(super) receives: bool,
    pub(super) receives_commands: bool,
    pub(super) sends: bool,
    pub(super) has_plugin: bool,
    pub(super) version: Version,
}

impl Config {
    /// Parses the options; `None` if there is no address to listen on.
    pub(super) fn read(options: &mut Options<'_>) -> Option<Self> {
        let listen = match options.all("listen").last() {
            Some((at, _)) => options.endpoint(at, None),
            None => Some(Endpoint { host: Host::Address([127, 0, 0, 1].into()), port: 8000 }),
        };
        let destination = match options.all("destination").last() {
            Some((at, value)) => {
                let address = options
                    .endpoint(at, None)
                    .map(|endpoint| (endpoint.host != Host::Any, endpoint.address()));
                if let Some((false, _) | (_, None)) = address {
                    options
                        .error(at, format!("expected an IP address and a port to send to, found `{value}`"));
                }
                address.and_then(|(_, address)| address)
            }
            None => None,
        };
        let prefix = options.parse_with("prefix", "a word without a slash", |text| {
            let is_word = !text.contains(['/', ' ', '#', '*', '?', ',', '[', ']', '{', '}']);
            is_word.then(|| if text.is_empty() { String::new() } else { format!("/{text}") })
        });
        let fader_range = options.parse_with("fader-range", "a number above 0", |text| {
            text.parse().ok().filter(|range: &f64| *range > 0.0 && range.is_finite())
        });
        let version = options.parse_with("version", "`2.4` or `2.5`", |text| match text {
            "2.4" => Some(Version::V2_4),
            "2.5" => Some(Version::V2_5),
            _ => None,
        });
        Some(Self {
            name: options.instance().to_owned(),
            receives: options.flag("receive"),
            receives_commands: options.flag("receive-command"),
            sends: options.flag("send"),
            has_plugin: options.flag("plugin"),
            destination,
            prefix: prefix.unwrap_or_default(),
            fader_range: fader_range.unwrap_or(100.0),
            version: version.unwrap_or(Version::V2_4),
            listen: listen?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::test_options;

    fn read(given: &[(&str, &str)]) -> (Option<Config>, Vec<String>) {
        test_options::read("console", OPTIONS, given, Config::read)
    }

    #[test]
    fn a_console_without_options_listens_and_sends_nothing() {
        let (settings, errors) = read(&[]);
        assert_eq!(errors, [""; 0]);
        let settings = settings.expect("settings");
        assert_eq!((settings.listen.to_string().as_str(), settings.destination), ("127.0.0.1:8000", None));
        assert!(settings.receives && settings.receives_commands && settings.sends && !settings.has_plugin);
        assert_eq!((settings.prefix.as_str(), settings.fader_range), ("", 100.0));
    }

    #[test]
    fn every_mistake_is_named() {
        let (_, errors) = read(&[
            ("listen", "127.0.0.1"),
            ("destination", "foh.local 8001"),
            ("prefix", "/gma3"),
            ("fader-range", "0"),
            ("receive", "perhaps"),
            ("version", "1.8"),
        ]);
        assert_eq!(errors.len(), 6, "{errors:#?}");
        let (settings, errors) = read(&[("prefix", "gma3"), ("version", "2.5"), ("fader-range", "1")]);
        assert_eq!(errors, [""; 0]);
        assert_eq!(settings.map(|settings| settings.prefix).as_deref(), Some("/gma3"));
    }
}
