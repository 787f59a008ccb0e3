//! Loopback: values sent on a channel are received on the same channel.

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::{
    AddressError, Backend, Direction, Instance, Instant, Kind, OptionSpec, Options, Outbox, Session, Slot,
    Status, Value,
};

/// The loopback backend.
pub const BACKEND: Backend = Backend {
    name: "loopback",
    summary: "passes every value on to the channel of the same name",
    manual: include_str!("README.md"),
    options: &[OptionSpec {
        family: Some(""),
        repeatable: true,
        ..OptionSpec::new("any", "note = front of house", "", "every option is accepted and ignored")
    }],
    words: &[],
    loops_back: true,
    stands_alone: false,
    configure: |_: &mut Options<'_>| Some(Arc::new(Loopback)),
    describe: |bytes, line| line.push_str(&String::from_utf8_lossy(bytes)),
    compose: |line| Some(line.as_bytes().to_vec()),
};

struct Loopback;

impl Instance for Loopback {
    fn canonical<'a>(&self, address: &'a str, _direction: Direction) -> Result<Cow<'a, str>, AddressError> {
        Ok(address.into())
    }

    fn kind(&self, _: &str, _: Direction) -> Kind {
        Kind::State
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(Self)
    }
}

impl Session for Loopback {
    fn bind(&mut self, _slot: Slot, _address: &str, _direction: Direction) {}

    fn start(&mut self, _now: Instant, _out: &mut Outbox) {}

    fn handle_values(&mut self, _now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        out.emit_all(values);
    }

    fn has_timeouts(&self) -> bool {
        false
    }

    fn status(&self) -> Status {
        Status::default()
    }

    // A state is not an event: it is already present at the other end of the loop.
    fn handle_recall(&mut self, _now: Instant, _values: &[(Slot, Value)], _out: &mut Outbox) {}
}
