//! The options of an instance: the client, and its ports under names of their own.

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::{
    AddressError, Direction, JackKind, JackPort, MAX_JACK_PORTS, OptionSpec, Options, Scope,
};

use crate::midi::translate::{Dialect, OPTIONS, with_dialect};

/// The options of this backend alone.
const OWN: [OptionSpec; 5] = [
    OptionSpec::new("name", "Controller", "crosspatch", "the client name"),
    OptionSpec::new("server", "show", "", "the name of the server; by default JACK's own choice"),
    OptionSpec {
        family: Some(""),
        ..OptionSpec::new(
            "<port>",
            "cv in min -1 max 1",
            "",
            "a port with this name: `midi` or `cv`, `in` or `out`, and the range of a voltage, 0 to 1 by default",
        )
    },
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new("debug", "on", "off", "accepted for MIDIMonster files, without effect")
    },
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new("errors", "on", "off", "accepted for MIDIMonster files, without effect")
    },
];

/// All options, as the manual lists them.
pub(super) const ALL: [OptionSpec; OWN.len() + OPTIONS.len()] = with_dialect(&OWN);

/// The name of a port with that of its client fits into the 256 bytes that JACK has for it.
const LONGEST_NAME: usize = 64;

/// The resolution of incoming voltages, finer than any MIDI fader except one of 14 bits.
const STEPS: f64 = 4096.0;

/// The options of an instance, read.
#[derive(Debug)]
pub(super) struct Config {
    /// The name of the client, and that of the instance.
    pub(super) client: String,
    pub(super) name: String,
    pub(super) server: Option<String>,
    pub(super) ports: Vec<PortConfig>,
    pub(super) dialect: Arc<Dialect>,
}

/// A port.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PortConfig {
    pub(super) name: String,
    pub(super) direction: Direction,
    pub(super) kind: SignalKind,
}

/// What crosses a port.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) enum SignalKind {
    /// MIDI messages.
    Midi,
    /// A CV port, with the voltages of the levels 0 and 1.
    Cv(f64, f64),
}

/// Reads the options.
pub(super) fn read(options: &mut Options<'_>) -> Config {
    let client = name(options, "name").unwrap_or("crosspatch").to_owned();
    let server = name(options, "server").map(str::to_owned);
    options.flag_or("debug", false);
    options.flag_or("errors", false);
    Config {
        client,
        name: options.instance().to_owned(),
        server,
        ports: read_ports(options),
        dialect: Arc::new(Dialect::read(options)),
    }
}

fn name<'a>(options: &mut Options<'a>, option: &str) -> Option<&'a str> {
    let (at, text) = options.all(option).last()?;
    if !is_name(text) {
        options
            .error(at, format!("expected a name of 1 to {LONGEST_NAME} bytes without `:`, found `{text}`"));
        return None;
    }
    Some(text)
}

/// Whether JACK can have it: a colon is between the names of the client and the port.
fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len()) && !text.contains([':', '\0'])
}

fn read_ports(options: &mut Options<'_>) -> Vec<PortConfig> {
    let mut ports: Vec<PortConfig> = Vec::new();
    let own = |name: &str| name.starts_with("sysex.");
    for (at, name, text) in options.family("").filter(|(_, name, _)| !own(name)).collect::<Vec<_>>() {
        if ports.iter().any(|port| port.name == name) {
            options.error(at, format!("expected each port once, found `{name}` again"));
        } else if ports.len() == MAX_JACK_PORTS {
            options.error(at, format!("expected at most {MAX_JACK_PORTS} ports, found one more, `{name}`"));
        } else if !is_name(name) {
            let message = format!(
                "expected a name of 1 to {LONGEST_NAME} bytes without `:` for a port, found `{name}`"
            );
            options.error(at, message);
        } else {
            match parse_port(text) {
                Ok((kind, direction)) => ports.push(PortConfig { name: name.to_owned(), direction, kind }),
                Err(message) => {
                    options.error(at, message);
                    options.help(format!("`{name} = midi in` and `{name} = cv out min -1 max 1` are ports"));
                }
            }
        }
    }
    ports
}

/// Reads `midi|cv in|out [min X] [max Y]`, in any order.
fn parse_port(text: &str) -> Result<(SignalKind, Direction), String> {
    let (mut is_midi, mut direction, mut ends) = (None, None, [None, None]);
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "midi" => is_midi = Some(true),
            "cv" => is_midi = Some(false),
            "in" => direction = Some(Direction::Input),
            "out" => direction = Some(Direction::Output),
            "min" | "max" => {
                let number = words.next();
                let read = number.and_then(|text| text.parse().ok());
                // Samples have 32 bits; beyond that a voltage would be infinite.
                let end = read.filter(|end: &f64| (*end as f32).is_finite());
                let end = end.ok_or_else(|| unexpected(&format!("a number after `{word}`"), number))?;
                ends[usize::from(word == "max")] = Some(end);
            }
            found => {
                let missing = match (is_midi, direction) {
                    (None, _) => "`midi` or `cv`",
                    (_, None) => "`in` or `out`",
                    (Some(_), Some(_)) => "`min` or `max`",
                };
                return Err(unexpected(missing, Some(found)));
            }
        }
    }
    let is_midi = is_midi.ok_or_else(|| unexpected("`midi` or `cv`", None))?;
    let direction = direction.ok_or_else(|| unexpected("`in` or `out`", None))?;
    let [min, max] = [ends[0].unwrap_or(0.0), ends[1].unwrap_or(1.0)];
    match is_midi {
        true if ends != [None, None] => Err(format!(
            "expected a range with `cv` only, found `{}`",
            if ends[0].is_some() { "min" } else { "max" }
        )),
        true => Ok((SignalKind::Midi, direction)),
        false if (min as f32) < (max as f32) => Ok((SignalKind::Cv(min, max), direction)),
        false => Err(format!("expected `min` below `max`, found {min} and {max}")),
    }
}

fn unexpected(expected: &str, found: Option<&str>) -> String {
    let found = found.map_or_else(|| "nothing".to_owned(), |word| format!("`{word}`"));
    format!("expected {expected}, found {found}")
}

impl PortConfig {
    /// The port as JACK is to have it.
    pub(super) fn spec(&self) -> JackPort {
        let kind = match self.kind {
            SignalKind::Midi => JackKind::Midi,
            SignalKind::Cv(min, max) => JackKind::Cv { step_millionths: ((max - min) / STEPS * 1e6) as u32 },
        };
        JackPort { name: self.name.clone(), kind, direction: self.direction }
    }
}

impl Config {
    /// The index of the port that an address names, and the rest of the address.
    pub(super) fn find<'a>(&self, address: &'a str) -> Option<(usize, Option<&'a str>)> {
        let behind = |port: &PortConfig| {
            let rest = address.strip_prefix(&*port.name)?;
            match port.kind {
                SignalKind::Cv(..) => rest.is_empty().then_some(None),
                SignalKind::Midi if rest.is_empty() => Some(None),
                SignalKind::Midi => rest.strip_prefix('.').map(Some),
            }
        };
        let found = self.ports.iter().enumerate().filter_map(|(at, port)| Some((at, behind(port)?)));
        // Of `keys` and `keys.left` the longer name is meant.
        found.max_by_key(|(at, _)| self.ports[*at].name.len())
    }

    /// What the values of a canonical address are.
    pub(super) fn channel_kind(&self, address: &str) -> crosspatch_core::Kind {
        let midi = self.find(address).and_then(|(_, rest)| rest);
        midi.map_or(crosspatch_core::Kind::State, |rest| self.dialect.kind(rest))
    }

    /// Checks an address and returns its canonical spelling.
    pub(super) fn canonical<'a>(
        &self,
        address: &'a str,
        direction: Direction,
    ) -> Result<Cow<'a, str>, AddressError> {
        let Some((at, rest)) = self.find(address) else {
            let names: Vec<_> = self.ports.iter().map(|port| format!("`{}`", port.name)).collect();
            let expected = if names.is_empty() { "a port".to_owned() } else { names.join(", ") };
            return Err(AddressError::new(format!(
                "expected {expected} from the options, found `{address}`"
            ))
            .help("`NAME = midi in` or `NAME = cv out min 0 max 1` in the instance makes a port"));
        };
        let port = &self.ports[at];
        if port.direction != direction {
            let (is, wanted) = match port.direction {
                Direction::Input => ("in", "send to"),
                Direction::Output => ("out", "listen to"),
            };
            return Err(AddressError::new(format!(
                "cannot {wanted} `{}`, which is a port `{is}`",
                port.name
            )));
        }
        let name = &port.name;
        match (port.kind, rest) {
            (SignalKind::Cv(..), _) => Ok(address.into()),
            (SignalKind::Midi, None) => Err(AddressError::new(format!(
                "expected a channel such as `{name}.ch0.cc7`, found `{address}`"
            ))),
            (SignalKind::Midi, Some(rest)) => match self.dialect.canonical(rest, direction) {
                Ok(canonical) if canonical == rest => Ok(address.into()),
                Ok(canonical) => Ok(format!("{name}.{canonical}").into()),
                Err(error) => {
                    let suggestion = error.suggestion.map(|rest| format!("{name}.{rest}"));
                    Err(AddressError { suggestion, ..error })
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::test_options;

    fn config(given: &[(&str, &str)]) -> (Config, Vec<String>) {
        test_options::read("audio", &ALL, given, read)
    }

    #[test]
    fn options_are_read() {
        let (config, errors) = config(&[
            ("name", "Controller"),
            ("server", "show"),
            ("midi_out", "midi out"),
            ("epn-tx", "short"),
            ("cv_out", "cv out min -1 max 1"),
            ("cv_in", "cv in max 10.0"),
            ("sysex.mode", "F0 {v} F7"),
        ]);
        assert_eq!(errors, [""; 0]);
        assert_eq!((&*config.client, config.server.as_deref()), ("Controller", Some("show")));
        assert!(!config.dialect.deselects);
        assert_eq!(config.dialect.sysex.len(), 1);
        let port = |name: &str, direction, kind| PortConfig { name: name.into(), direction, kind };
        let ports = [
            port("midi_out", Direction::Output, SignalKind::Midi),
            port("cv_out", Direction::Output, SignalKind::Cv(-1.0, 1.0)),
            port("cv_in", Direction::Input, SignalKind::Cv(0.0, 10.0)),
        ];
        assert_eq!(config.ports, ports);
        assert_eq!(config.ports[2].spec().kind, JackKind::Cv { step_millionths: 2441 });
    }

    #[test]
    fn every_mistake_is_named() {
        let mistakes = [
            ("a", "", "expected `midi` or `cv`, found nothing"),
            ("a", "osc in", "expected `midi` or `cv`, found `osc`"),
            ("a", "midi", "expected `in` or `out`, found nothing"),
            ("a", "cv through", "expected `in` or `out`, found `through`"),
            ("a", "midi in min 0", "expected a range with `cv` only, found `min`"),
            ("a", "cv in 0 1", "expected `min` or `max`, found `0`"),
            ("a", "cv in min", "expected a number after `min`, found nothing"),
            ("a", "cv in max 1x", "expected a number after `max`, found `1x`"),
            ("a", "cv in max inf", "expected a number after `max`, found `inf`"),
            ("a", "cv in min 1 max 1", "expected `min` below `max`, found 1 and 1"),
            ("a:b", "midi in", "without `:` for a port, found `a:b`"),
            ("name", "a:b", "without `:`, found `a:b`"),
            ("server", "", "without `:`, found ``"),
            ("pace", "1", "a time of at most 10s"),
        ];
        for (name, value, message) in mistakes {
            let (_, errors) = config(&[(name, value)]);
            assert!(errors.len() == 1 && errors[0].contains(message), "{name} = {value}: {errors:#?}");
        }
        let (_, errors) = config(&[("a", "midi in"), ("a", "midi out")]);
        assert_eq!(errors, ["expected each port once, found `a` again"]);
    }

    #[test]
    fn addresses_begin_with_the_name_of_a_port() {
        let ports =
            [("keys", "midi in"), ("keys.left", "midi in"), ("lamps", "midi out"), ("pitch", "cv in")];
        let (config, _) = config(&ports);
        for (address, direction, shown) in [
            ("keys.ch0.cc7", Direction::Input, "keys.ch0.cc7"),
            ("keys.channel0.cc7", Direction::Input, "keys.ch0.cc7"),
            ("keys.left.ch0.note1", Direction::Input, "keys.left.ch0.note1"),
            ("lamps.clock", Direction::Output, "lamps.clock"),
            ("pitch", Direction::Input, "pitch"),
        ] {
            assert_eq!(config.canonical(address, direction).as_deref(), Ok(shown));
        }
        for (address, direction, message, suggestion) in [
            ("no.ch0.cc7", Direction::Input, "expected `keys`, `keys.left`, `lamps`, `pitch` from", None),
            ("pitch.ch0.cc7", Direction::Input, "from the options, found `pitch.ch0.cc7`", None),
            ("keys", Direction::Input, "such as `keys.ch0.cc7`, found `keys`", None),
            ("keys.ch0.pich", Direction::Input, "after the channel", Some("keys.ch0.pitch")),
            ("keys.ch0.cc7", Direction::Output, "cannot send to `keys`, which is a port `in`", None),
            ("lamps.ch0.cc7", Direction::Input, "cannot listen to `lamps`, which is a port `out`", None),
        ] {
            let error = config.canonical(address, direction).expect_err(address);
            assert!(error.message.contains(message), "{address}: {error}");
            assert_eq!(error.suggestion.as_deref(), suggestion, "{address}");
        }
    }
}
