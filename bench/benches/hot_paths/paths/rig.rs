//! What paths are set up with: a show in an engine, or one session of it alone.

use crosspatch_backends::{ALIASES, BACKENDS, PLANNED};
use crosspatch_core::address::unquoted;
use crosspatch_core::{
    Backend, Direction, Duration, Engine, Instant, Outbox, Peer, Plan, Port, Registry, Session, SessionId,
    Slot, SlotSpans, SpannedValues, Value,
};
use crosspatch_transforms::FAMILIES;

use super::plain;

/// A show that runs, without ports.
pub(super) struct Show {
    engine: Engine,
    out: Outbox,
    now: Instant,
}

impl Show {
    /// Compiles the configuration and starts it.
    pub(super) fn new(config: &str) -> Self {
        let mut show = Self { engine: Engine::new(), out: Outbox::new(), now: Instant::START };
        show.engine.install(show.now, plan(config).into(), &mut show.out);
        show
    }

    /// The session of an instance.
    pub(super) fn session(&self, name: &str) -> SessionId {
        self.engine.session_of(self.engine.plan().find(name).expect("the configuration has the instance"))
    }

    /// A port has opened.
    pub(super) fn open(&mut self, session: SessionId, port: Port, peer: Peer) {
        self.engine.handle_open(self.now, session, port, peer, &mut self.out);
    }

    /// Bytes came in.
    pub(super) fn hear(&mut self, session: SessionId, port: Port, from: Peer, data: &[u8]) {
        self.engine.handle_data(self.now, session, port, from, data, &mut self.out);
    }

    /// Time passes, and whatever is due meanwhile is done at its time, as the loop of the shell does it.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.engine.next_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.engine.handle_timeout(self.now, &mut self.out);
        }
        self.now = end;
    }

    /// The bytes that wait to be sent.
    pub(super) fn bytes(&self) -> &[u8] {
        self.out.all_bytes()
    }

    /// Discards the output and returns its size: messages, and values received by plain sessions.
    pub(super) fn finish(&mut self) -> usize {
        let messages = std::hint::black_box(self.out.effects()).len();
        self.out.clear();
        messages + plain::told()
    }
}

/// A session without an engine.
pub(super) struct Alone {
    session: Box<dyn Session>,
    out: Outbox,
    now: Instant,
}

impl Alone {
    /// The sessions of a backend in a configuration, with all of their channels bound.
    pub(super) fn all(config: &str, backend: &Backend) -> Vec<Self> {
        let plan = plan(config);
        let planned = plan.instances().iter().filter(|planned| planned.backend.name == backend.name);
        let alone = |(number, planned): (u64, &crosspatch_core::PlannedInstance)| {
            let mut session = planned.instance.session();
            for slot in planned.channels.slots() {
                for direction in [Direction::Input, Direction::Output] {
                    if planned.channels.is_mapped(slot, direction) {
                        session.bind(slot, &unquoted(planned.channels.address(slot)), direction);
                    }
                }
            }
            let mut alone = Self { session, out: Outbox::of_session(SessionId(number)), now: Instant::START };
            alone.session.start(alone.now, &mut alone.out);
            alone.session.handle_open(alone.now, Port(0), Peer::Only, &mut alone.out);
            alone
        };
        (1..).zip(planned).map(alone).collect()
    }

    /// The only session of a backend in a configuration.
    pub(super) fn only(config: &str, backend: &Backend) -> Self {
        let mut all = Self::all(config, backend);
        assert_eq!(all.len(), 1, "the configuration has one instance of {}", backend.name);
        all.remove(0)
    }

    /// A port has opened, or a peer has connected to one.
    pub(super) fn open(&mut self, port: Port, peer: Peer) {
        self.session.handle_open(self.now, port, peer, &mut self.out);
    }

    /// Bytes came in.
    pub(super) fn hear(&mut self, port: Port, from: Peer, data: &[u8]) {
        self.session.handle_data(self.now, port, from, data, &mut self.out);
    }

    /// Values go out.
    pub(super) fn tell(&mut self, values: &[(Slot, Value)]) {
        self.session.handle_values(self.now, values, &mut self.out);
    }

    /// Spans go out.
    pub(super) fn tell_spans(&mut self, spans: &SlotSpans) {
        self.session.handle_spans(self.now, SpannedValues::new(&[], spans), &mut self.out);
    }

    /// Time passes, and whatever is due at its end is done.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        if self.session.next_timeout().is_some_and(|due| due <= self.now) {
            self.session.handle_timeout(self.now, &mut self.out);
        }
    }

    /// Forgets what came out, and says how much it was: messages and values.
    pub(super) fn finish(&mut self) -> usize {
        let messages = std::hint::black_box(self.out.effects()).len();
        self.out.clear();
        messages + self.out.forget_emitted()
    }
}

fn plan(config: &str) -> Plan {
    let mut backends = BACKENDS.to_vec();
    backends.push(&plain::BACKEND);
    // A registry lives as long as the program.
    let registry =
        Registry { backends: backends.leak(), planned: PLANNED, aliases: ALIASES, families: FAMILIES };
    let compiled = crosspatch_config::compile_text(config, registry);
    let Some(plan) = compiled.plan else { panic!("{}", compiled.render(false)) };
    plan
}

/// A peer in the network.
pub(super) fn peer(address: &str) -> Peer {
    Peer::Address(address.parse().expect("an address and a port"))
}

/// A message as the backend would show it.
pub(super) fn compose(backend: &Backend, text: &str) -> Vec<u8> {
    (backend.compose)(text).unwrap_or_else(|| panic!("`{text}` is no message of {}", backend.name))
}
