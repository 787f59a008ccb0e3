//! The options of an instance.

use std::sync::Arc;

use crosspatch_core::{MidiDevice, OptionSpec, Options, Scope};

use super::translate::{Dialect, OPTIONS, with_dialect};

/// The options of this backend alone.
const OWN: [OptionSpec; 4] = [
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new("name", "crosspatch", "crosspatch", "the client name that other programs see")
    },
    OptionSpec {
        scope: Scope::Global,
        ..OptionSpec::new("detect", "on", "off", "logs incoming messages as channels with their values")
    },
    OptionSpec {
        aliases: &["source"],
        ..OptionSpec::new("read", "nanoKONTROL2", "", "the device to listen to")
    },
    OptionSpec {
        aliases: &["target"],
        ..OptionSpec::new("write", "nanoKONTROL2", "", "the device to send to")
    },
];

/// All options, in the order of the manual.
pub(crate) const ALL: [OptionSpec; OWN.len() + OPTIONS.len()] = with_dialect(&OWN);

/// The options of an instance, read.
#[derive(Debug)]
pub(crate) struct Config {
    /// The name of the program and the name of the instance.
    pub(crate) client: String,
    pub(crate) name: String,
    pub(crate) read: Option<MidiDevice>,
    pub(crate) write: Option<MidiDevice>,
    pub(crate) detects: bool,
    pub(crate) dialect: Arc<Dialect>,
}

/// Reads the options.
pub(crate) fn read(options: &mut Options<'_>) -> Config {
    Config {
        client: options.text("name").unwrap_or("crosspatch").to_owned(),
        name: options.instance().to_owned(),
        read: device(options, "read"),
        write: device(options, "write"),
        detects: options.flag_or("detect", true),
        dialect: Arc::new(Dialect::read(options)),
    }
}

fn device(options: &mut Options<'_>, name: &str) -> Option<MidiDevice> {
    let (at, text) = options.all(name).last()?;
    if text.is_empty() {
        options.error(at, "expected the name of a device, found nothing");
        return None;
    }
    let Ok(device) = text.parse();
    Some(device)
}

#[cfg(test)]
mod tests {
    use crosspatch_core::Given;

    use super::*;

    #[test]
    fn options_are_read() {
        let given = [
            Given { name: "name".into(), value: "show".into(), scope: Scope::Global },
            Given { name: "detect".into(), value: "on".into(), scope: Scope::Global },
            Given::of_instance("read", "20:0"),
            Given::of_instance("write", "nano"),
            Given::of_instance("epn-tx", "short"),
        ];
        let mut options = Options::new("pads", &given, &ALL);
        let config = read(&mut options);
        assert_eq!(options.into_errors(), []);
        assert_eq!((&*config.client, &*config.name, config.detects), ("show", "pads", true));
        assert_eq!(config.read, Some(MidiDevice::Address(20, 0)));
        assert_eq!(config.write, Some(MidiDevice::Name("nano".into(), None)));
        assert!(!config.dialect.deselects);
    }

    #[test]
    fn every_mistake_is_named() {
        let given = [Given::of_instance("read", ""), Given::of_instance("pace", "fast")];
        let mut options = Options::new("pads", &given, &ALL);
        read(&mut options);
        assert_eq!(options.into_errors().len(), 2);
    }
}
