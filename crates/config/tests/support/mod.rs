//! Backends that exist only to try the language out: one with every kind of option and of mistake, one with numbers for
//! addresses, one that loops back, and one that cannot do without its options.

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::{
    AddressError, Alias, Backend, Content, Direction, EndpointForm, Instance, Instant, OptionSpec, Options,
    Outbox, Planned, Registry, Scope, Session, Slot, Status,
};
use crosspatch_transforms::FAMILIES;

/// The registry of the tests.
pub(crate) const REGISTRY: Registry = Registry {
    backends: &[&BUS, &CONSOLE, &DIMMER, &STRICT],
    planned: &[
        Planned { name: "artnet", instead: "`dimmer` does the same for these tests" },
        Planned { name: "midi", instead: "`bus` does the same for these tests" },
    ],
    aliases: &[
        Alias { names: &["desk", "foh"], backend: Some("console"), why: "a desk is a `console`" },
        Alias { names: &["serial"], backend: None, why: "no backend uses serial ports" },
    ],
    families: FAMILIES,
};

const fn backend(
    name: &'static str,
    options: &'static [OptionSpec],
    configure: fn(&mut Options<'_>) -> Option<Arc<dyn Instance>>,
) -> Backend {
    Backend {
        name,
        summary: "for tests",
        manual: "",
        options,
        words: &[],
        loops_back: false,
        stands_alone: false,
        configure,
        describe: |_, _| {},
        compose: |_| None,
    }
}

const BUS: Backend = Backend {
    loops_back: true,
    stands_alone: false,
    ..backend(
        "bus",
        &[OptionSpec {
            family: Some(""),
            repeatable: true,
            ..OptionSpec::new("any", "note = x", "", "has no meaning")
        }],
        |_| Some(Arc::new(Kind::Bus)),
    )
};

const CONSOLE: Backend = Backend {
    words: &["page", "fader", "button", "key", "led"],
    ..backend("console", CONSOLE_OPTIONS, |options| {
        options.parse::<u16>("rate", "a number of polls a second");
        options.flag("quiet");
        for (at, _) in options.all("host") {
            let form = EndpointForm { default_port: Some(80), schemes: &["http"], ..EndpointForm::default() };
            options.endpoint_with(at, form);
        }
        for (at, name, value) in options.family("command.") {
            if value.contains('!') {
                let place = value.find('!').unwrap_or(0);
                options.error(at, format!("the command `{name}` shouts"));
                options.part(place..place + 1);
                options.help("leave out the `!`");
            }
        }
        if let Some((at, password)) = options.all("password").last()
            && password.len() < 8
        {
            options.warning(at, format!("the password `{password}` is short"));
        }
        Some(Arc::new(Kind::Console))
    })
};

const CONSOLE_OPTIONS: &[OptionSpec] = &[
    OptionSpec { scope: Scope::Global, ..OptionSpec::new("rate", "20", "25", "polls a second") },
    OptionSpec { scope: Scope::Global, ..OptionSpec::new("quiet", "on", "off", "says less") },
    OptionSpec { repeatable: true, ..OptionSpec::new("host", "10.0.0.1 80", "", "where the console is") },
    OptionSpec { aliases: &["login"], ..OptionSpec::new("user", "remote", "", "who logs in") },
    OptionSpec { secret: true, ..OptionSpec::new("password", "s3cret", "", "the password") },
    OptionSpec {
        secret: true,
        file: true,
        ..OptionSpec::new("password-file", "password.txt", "", "a file with the password")
    },
    OptionSpec { file: true, ..OptionSpec::new("macros", "macros.txt", "", "a file with macros") },
    OptionSpec {
        abbreviation: Some("dest"),
        ..OptionSpec::new("destination", "10.0.0.1 9000", "", "where values go")
    },
    OptionSpec {
        family: Some("command."),
        ..OptionSpec::new("command.<name>", "Off Page Thru", "", "a command line")
    },
];

const DIMMER: Backend = backend(
    "dimmer",
    &[OptionSpec { abbreviation: Some("uni"), ..OptionSpec::new("universe", "1", "0", "the universe") }],
    |options| {
        options.parse_with("universe", "a universe from 0 to 255", |text| text.parse::<u8>().ok());
        Some(Arc::new(Kind::Dimmer))
    },
);

const STRICT: Backend =
    backend("strict", &[OptionSpec::new("port", "/dev/ttyS0", "", "the line it is on")], |options| {
        if options.text("port").is_none() {
            options.missing("the option `port` is missing");
            options.help("for example `port = /dev/ttyS0`");
            return None;
        }
        Some(Arc::new(Kind::Bus))
    });

enum Kind {
    /// Any address.
    Bus,
    /// `page<n>.fader<n>`, `page<n>.button<n>`, `key.<name>` as input, `led.<name>` as output.
    Console,
    /// 1 to 512.
    Dimmer,
}

impl Instance for Kind {
    fn canonical<'a>(&self, address: &'a str, direction: Direction) -> Result<Cow<'a, str>, AddressError> {
        match self {
            Self::Bus => Ok(address.into()),
            Self::Console => console_address(address, direction),
            Self::Dimmer => match address.parse() {
                Ok(slot @ 1_u16..=512) => Ok(slot.to_string().into()),
                _ => Err(AddressError::new(format!("expected a slot from 1 to 512, found `{address}`"))),
            },
        }
    }

    fn kind(&self, _address: &str, _direction: Direction) -> crosspatch_core::Kind {
        crosspatch_core::Kind::Control
    }

    fn content(&self, address: &str, direction: Direction) -> Content {
        match (self, direction) {
            (Self::Console, Direction::Input) if address == "key.label" => Content::Text,
            (Self::Dimmer, Direction::Output) => Content::Number,
            _ => Content::Any,
        }
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(Idle)
    }
}

fn console_address(address: &str, direction: Direction) -> Result<Cow<'_, str>, AddressError> {
    let Some((head, tail)) = address.split_once('.') else {
        return Err(AddressError::new(format!("expected `page1.fader1` or `key.go`, found `{address}`")));
    };
    let number =
        |text: &str, word: &str| text.strip_prefix(word).and_then(|digits| digits.parse::<u32>().ok());
    match (head, direction) {
        ("led", Direction::Input) => {
            return Err(AddressError::new("an LED cannot be read").help("it can be the target of a mapping"));
        }
        ("key", Direction::Output) => return Err(AddressError::new("a key cannot be pressed from here")),
        ("led" | "key", _) => return Ok(address.into()),
        _ => {}
    }
    let Some(page) = number(head, "page") else {
        return Err(AddressError::new(format!("expected a page such as `page1`, found `{head}`")));
    };
    match (number(tail, "fader"), number(tail, "button")) {
        (Some(1..=90), None) | (None, Some(101..=390)) => Ok(address.into()),
        (Some(fader), _) => {
            let error = AddressError::new(format!("expected a fader from 1 to 90, found {fader}"));
            Err(if fader > 100 { error.suggest(format!("page{page}.button{fader}")) } else { error })
        }
        (None, _) => Err(AddressError::new(format!("expected a fader or a button, found `{tail}`"))),
    }
}

struct Idle;

impl Session for Idle {
    fn bind(&mut self, _slot: Slot, _address: &str, _direction: Direction) {}

    fn start(&mut self, _now: Instant, _out: &mut Outbox) {}

    fn status(&self) -> Status {
        Status::default()
    }
}
