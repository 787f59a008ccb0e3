//! The options of an instance.

use crosspatch_core::{Endpoint, OptionSpec, Options};

use super::Mode;
use super::wire::PORT;

/// The highest permitted frame rate per second.
const MAX_RATE: u32 = 1000;

/// All options, in the order of the manual.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        abbreviation: Some("dest"),
        ..OptionSpec::new("destination", "10.0.0.2 7890", "", "host and port of the server to send to")
    },
    OptionSpec::new("listen", "* 7890", "", "host and port to listen on for clients"),
    OptionSpec::new("mode", "16bit", "8bit", "the resolution of a colour, `8bit` or `16bit`"),
    OptionSpec::new("rate", "30", "60", "the maximum number of frames per second, 1 to 1000"),
];

/// The parsed options of an instance.
#[derive(Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) destination: Option<Endpoint>,
    pub(crate) listen: Option<Endpoint>,
    pub(crate) mode: Mode,
    /// The maximum number of frames sent per second.
    pub(crate) rate: u32,
}

/// Parses the options.
pub(crate) fn read(options: &mut Options<'_>) -> Option<Config> {
    let mode = options.parse_with("mode", "`8bit` or `16bit`", |text| match text {
        "8bit" => Some(Mode::Bits8),
        "16bit" => Some(Mode::Bits16),
        _ => None,
    });
    let rate = options.parse_with("rate", "a number of frames a second from 1 to 1000", |text| {
        text.parse().ok().filter(|rate| (1..=MAX_RATE).contains(rate))
    });
    let (destination, listen) = (read_endpoint(options, "destination"), read_endpoint(options, "listen"));
    if options.text("destination").is_none() && options.text("listen").is_none() {
        options.missing("expected `destination`, to send pixels, or `listen`, to receive them, or both");
        options.help("`destination = 10.0.0.2 7890` sends to a server, `listen = * 7890` is one");
        return None;
    }
    Some(Config { destination, listen, mode: mode?, rate: rate? })
}

fn read_endpoint(options: &mut Options<'_>, name: &str) -> Option<Endpoint> {
    let (at, value) = options.all(name).last()?;
    let endpoint = options.endpoint(at, Some(PORT))?;
    if name != "listen" && !endpoint.is_target() {
        options.error(at, format!("expected a host and optionally a port, found `{value}`"));
        return None;
    }
    Some(endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::test_options;

    fn read_all(given: &[(&str, &str)]) -> (Option<Config>, Vec<String>) {
        test_options::read("wall", OPTIONS, given, read)
    }

    #[test]
    fn options_are_read_and_have_defaults() {
        let (config, errors) = read_all(&[("destination", "10.11.12.1 9001")]);
        assert_eq!(errors, [""; 0]);
        let config = config.expect("a configuration");
        assert_eq!(config.destination.expect("a destination").to_string(), "10.11.12.1:9001");
        assert_eq!((config.listen, config.mode), (None, Mode::Bits8));
        assert_eq!(config.rate, 60);
        let (config, _) = read_all(&[("listen", "*"), ("mode", "16bit"), ("rate", "1000")]);
        let config = config.expect("a configuration");
        assert_eq!(config.listen.expect("an address").to_string(), "*:7890");
        assert_eq!((config.mode, config.rate), (Mode::Bits16, 1000));
    }

    #[test]
    fn every_mistake_is_named() {
        let (_, errors) = read_all(&[
            ("destination", "* 7890"),
            ("listen", "10.0.0.1 70000"),
            ("mode", "24bit"),
            ("rate", "0"),
        ]);
        assert_eq!(errors.len(), 4, "{errors:#?}");
        for bad in ["10.0.0.1 0", "10.0.0.1 7890 x", "10.0.0.1 -1", ""] {
            assert_eq!(read_all(&[("destination", bad)]).1.len(), 1, "{bad}");
        }
        for bad in ["1001", "-1", "60Hz", ""] {
            assert_eq!(read_all(&[("listen", "*"), ("rate", bad)]).1.len(), 1, "{bad}");
        }
        let (config, errors) = read_all(&[]);
        assert!(config.is_none() && errors[0].starts_with("expected `destination`"), "{errors:?}");
    }
}
