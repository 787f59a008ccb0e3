//! A backend that accepts any option and any address, in place of a real one.

use std::borrow::Cow;
use std::sync::Arc;

use crosspatch_core::{
    AddressError, Backend, Direction, Instance, Instant, Kind, OptionSpec, Outbox, Scope, Session, Slot,
    Status,
};

/// A backend of that name.
pub(crate) const fn stand_in(name: &'static str) -> Backend {
    const ANY: OptionSpec =
        OptionSpec { family: Some(""), repeatable: true, ..OptionSpec::new("any", "x = y", "", "anything") };
    Backend {
        name,
        summary: "",
        manual: "",
        options: &[ANY, OptionSpec { scope: Scope::Global, ..ANY }],
        words: &[],
        loops_back: false,
        stands_alone: false,
        configure: |_| Some(Arc::new(StandIn)),
        describe: |_, _| {},
        compose: |_| None,
    }
}

struct StandIn;

impl Instance for StandIn {
    fn canonical<'a>(&self, address: &'a str, _direction: Direction) -> Result<Cow<'a, str>, AddressError> {
        Ok(address.into())
    }

    fn kind(&self, _address: &str, _direction: Direction) -> Kind {
        Kind::Control
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(Self)
    }
}

impl Session for StandIn {
    fn bind(&mut self, _slot: Slot, _address: &str, _direction: Direction) {}

    fn start(&mut self, _now: Instant, _out: &mut Outbox) {}

    fn status(&self) -> Status {
        Status::default()
    }
}
