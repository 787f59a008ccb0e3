//! The options of an instance.

use crosspatch_core::{Endpoint, Host, OptionSpec, Options};

use super::wire::{PORT, SET_8_BIT, SET_16_BIT};

/// All options, as the manual lists them.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        abbreviation: Some("dest"),
        ..OptionSpec::new(
            "destination",
            "10.0.0.7 7890",
            "",
            "the server that drives the strips; enables output",
        )
    },
    OptionSpec::new(
        "listen",
        "0.0.0.0 7890",
        "",
        "where to wait for clients that send colours; enables input",
    ),
    OptionSpec::new("mode", "16bit", "8bit", "how fine the levels are: `8bit` or `16bit`"),
    OptionSpec::new("realtime", "1", "0", "every change is sent at once, not 44 times a second at most"),
];

/// The options of an instance, read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) destination: Option<Endpoint>,
    pub(crate) listen: Option<Endpoint>,
    pub(crate) depth: Depth,
    pub(crate) realtime: bool,
}

/// How fine levels are.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// A byte each.
    Bits8,
    /// Two bytes each.
    Bits16,
}

impl Depth {
    /// The command that sets such levels.
    pub(crate) const fn command(self) -> u8 {
        match self {
            Self::Bits8 => SET_8_BIT,
            Self::Bits16 => SET_16_BIT,
        }
    }
}

/// Reads the options.
pub(crate) fn read(options: &mut Options<'_>) -> Option<Config> {
    let mut endpoint = |name| match options.all(name).last() {
        Some((at, value)) => {
            let (endpoint, rest) = options.endpoint(at, Some(PORT))?;
            if !rest.is_empty()
                || (name == "destination" && (endpoint.host == Host::Any || endpoint.port == 0))
            {
                options.error(at, format!("expected a host and a port and nothing else, found `{value}`"));
                return None;
            }
            Some(Some(endpoint))
        }
        None => Some(None),
    };
    let (destination, listen) = (endpoint("destination"), endpoint("listen"));
    let depth = options.parse_with("mode", "`8bit` or `16bit`", |text| match text {
        "8bit" => Some(Depth::Bits8),
        "16bit" => Some(Depth::Bits16),
        _ => None,
    });
    let realtime = options.flag("realtime");
    if (&destination, &listen) == (&Some(None), &Some(None)) {
        options.missing("expected `destination`, to send colours, or `listen`, to receive them, or both");
        options.help("`destination = 10.0.0.7` sends to the usual port of that host, 7890");
        return None;
    }
    Some(Config {
        destination: destination?,
        listen: listen?,
        depth: depth.unwrap_or(Depth::Bits8),
        realtime,
    })
}

#[cfg(test)]
mod tests {
    use crosspatch_core::Given;

    use super::*;

    fn config(options: &[(&str, &str)]) -> (Option<Config>, Vec<String>) {
        let given: Vec<_> = options.iter().map(|(name, value)| Given::of_instance(name, value)).collect();
        let mut options = Options::new("pixels", &given, OPTIONS);
        let config = read(&mut options);
        (config, options.into_errors().into_iter().map(|error| error.message).collect())
    }

    #[test]
    fn options_are_read_with_the_usual_port() {
        let (config, errors) =
            config(&[("destination", "10.0.0.7"), ("listen", "* 9002"), ("mode", "16bit")]);
        let config = config.expect("a configuration");
        let shown =
            |endpoint: Option<Endpoint>| endpoint.map(|endpoint| endpoint.to_string()).unwrap_or_default();
        assert_eq!(
            (shown(config.destination), shown(config.listen)),
            ("10.0.0.7:7890".into(), "*:9002".into())
        );
        assert_eq!((config.depth, config.realtime, errors), (Depth::Bits16, false, vec![]));
    }

    #[test]
    fn every_mistake_is_noted() {
        for (options, part) in [
            (&[][..], "expected `destination`"),
            (&[("destination", "*")], "a host and a port and nothing else"),
            (&[("destination", "10.0.0.7 1 2")], "a host and a port and nothing else"),
            (&[("listen", "0.0.0.0 70000")], "a port number"),
            (&[("listen", "*"), ("mode", "24bit")], "`8bit` or `16bit`"),
        ] {
            let (_, errors) = config(options);
            assert!(errors.len() == 1 && errors[0].contains(part), "{options:?}: {errors:?}");
        }
    }
}
