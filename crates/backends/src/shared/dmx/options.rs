//! Options that all DMX protocols have in common.

use std::str::FromStr;

use crosspatch_core::{Endpoint, OptionSpec, Options};

use super::loss::value_from_0_to_1;
use super::{Loss, Rule};

/// The maximum number of destinations of an instance.
const MAX_DESTINATIONS: usize = 64;

/// The `bind` that an instance uses.
pub(crate) const INTERFACE: OptionSpec = OptionSpec {
    aliases: &["iface"],
    ..OptionSpec::new("interface", "1", "0", "the number of the `bind` to use, counted from 0")
};

/// Whether the pace of a DMX line is ignored.
pub(crate) const REALTIME: OptionSpec =
    OptionSpec::new("realtime", "1", "0", "every change is sent at once, not 44 times a second at most");

/// The initial value of output channels.
pub(crate) const START: OptionSpec = OptionSpec::new(
    "start",
    "0",
    "",
    "the value to begin with, 0 to 1; without it nothing is sent before there is one",
);

/// What to report about received traffic.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detect {
    /// Only what the operator needs to know.
    #[default]
    Off,
    /// The senders of the instance's universe.
    Own,
    /// All traffic.
    Everything,
}

/// The text is not a valid word.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown;

impl FromStr for Detect {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        match text {
            "on" | "1" | "true" | "yes" => Ok(Self::Own),
            "verbose" => Ok(Self::Everything),
            "off" | "0" | "false" | "no" => Ok(Self::Off),
            _ => Err(Unknown),
        }
    }
}

impl FromStr for Rule {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        match text {
            "htp" => Ok(Self::Htp),
            "ltp" => Ok(Self::Ltp),
            _ => Err(Unknown),
        }
    }
}

/// Parses `detect`.
pub(crate) fn read_detect(options: &mut Options<'_>) -> Detect {
    options
        .parse_or("detect", "`on`, `verbose` or `off`", ("off", Detect::default()), |text| text.parse().ok())
}

/// Parses `merge`.
pub(crate) fn read_merge(options: &mut Options<'_>) -> Rule {
    options.parse("merge", "`htp` or `ltp`").unwrap_or_default()
}

/// Parses `lost`.
pub(crate) fn read_loss(options: &mut Options<'_>) -> Loss {
    let expected = "`hold`, or a value from 0 to 1 and perhaps `after 10s`";
    options.parse_with("lost", expected, Loss::parse).unwrap_or(Loss::Hold)
}

/// Parses `start`, a value from 0 to 1, if it is given.
pub(crate) fn read_start(options: &mut Options<'_>) -> Option<f64> {
    options.text("start")?;
    options.parse_with("start", "a value from 0 to 1", value_from_0_to_1)
}

/// Parses each `bind` of `backend`, and returns the one that `interface` selects, or `default` if there is no `bind`.
pub(crate) fn read_interface<T>(
    options: &mut Options<'_>,
    backend: &str,
    default: T,
    read_bind: impl Fn(&mut Options<'_>, usize) -> Option<T>,
) -> Option<T> {
    let mut binds: Vec<_> = options.all("bind").map(|(at, _)| read_bind(options, at)).collect();
    if binds.is_empty() {
        binds.push(Some(default));
    }
    let number = options.parse::<usize>("interface", "the number of a `bind`")?;
    if number >= binds.len() {
        let last = options.all("interface").last().map_or(0, |(at, _)| at);
        options.error(last, format!("expected an interface from 0 to {}, found `{number}`", binds.len() - 1));
        options.help(format!(
            "each `bind` in `[backend {backend}]` is an interface; the first one has the number 0"
        ));
        return None;
    }
    binds.swap_remove(number)
}

/// Parses each `destination`: a host with an optional port, or a word that `resolve` recognizes. `resolve` returns
/// `None` for a word that is not a host.
pub(crate) fn read_destinations(
    options: &mut Options<'_>,
    default_port: u16,
    expected: &str,
    resolve: impl Fn(Endpoint, &str) -> Option<Endpoint>,
) -> Vec<Endpoint> {
    let mut destinations = Vec::new();
    for (at, value) in options.all("destination") {
        let endpoint = options.endpoint(at, Some(default_port));
        let Some(endpoint) = endpoint.and_then(|endpoint| resolve(endpoint, value)) else { continue };
        if !endpoint.is_target() {
            options.error(at, format!("expected {expected}, found `{value}`"));
        } else if destinations.len() == MAX_DESTINATIONS {
            options.error(at, format!("expected at most {MAX_DESTINATIONS} destinations"));
        } else {
            destinations.push(endpoint);
        }
    }
    destinations
}
