//! A backend without a protocol, for both ends of a path of which only the middle counts.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use crosspatch_core::{
    AddressError, Backend, Direction, Instance, Instant, Kind, Outbox, Peer, Port, Session, Slot, Status,
    Value,
};

thread_local! {
    static TOLD: Cell<usize> = const { Cell::new(0) };
}

/// The number of values that all sessions of this thread have received since the last call.
pub(super) fn told() -> usize {
    TOLD.take()
}

pub(super) static BACKEND: Backend = Backend {
    name: "plain",
    summary: "for each message, emits a level on every channel and an edge on every key; counts what it is told",
    manual: "",
    options: &[],
    words: &[],
    loops_back: false,
    stands_alone: false,
    configure: |_| Some(Arc::new(Plain)),
    describe: |_, _| (),
    compose: |_| None,
};

struct Plain;

impl Instance for Plain {
    fn canonical<'a>(&self, address: &'a str, _: Direction) -> Result<Cow<'a, str>, AddressError> {
        Ok(address.into())
    }

    fn kind(&self, _: &str, _: Direction) -> Kind {
        Kind::State
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(PlainSession::default())
    }
}

#[derive(Default)]
struct PlainSession {
    levels: Vec<Slot>,
    /// The channels whose addresses begin with `key`.
    keys: Vec<Slot>,
    messages: u32,
}

impl Session for PlainSession {
    fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        if direction == Direction::Input {
            let is_key = address.starts_with("key");
            if is_key { &mut self.keys } else { &mut self.levels }.push(slot);
        }
    }

    fn start(&mut self, _: Instant, _: &mut Outbox) {}

    fn handle_data(&mut self, _: Instant, _: Port, _: Peer, _: &[u8], out: &mut Outbox) {
        self.messages += 1;
        for slot in &self.levels {
            out.emit(*slot, f64::from((self.messages * 7 + slot.0 * 13) % 101) / 100.0);
        }
        for slot in &self.keys {
            out.emit(*slot, Value::edge(self.messages % 2 == 1));
        }
    }

    fn handle_values(&mut self, _: Instant, values: &[(Slot, Value)], _: &mut Outbox) {
        TOLD.set(TOLD.get() + std::hint::black_box(values).len());
    }

    fn status(&self) -> Status {
        Status::default()
    }
}
