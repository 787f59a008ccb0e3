//! What a value costs on its way from one session to another, plain and through chains, in CPU time and allocations:
//! `cargo bench -p crosspatch-core`.

#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark looks at the clock")]
#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::alloc::System;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use crosspatch_core::transform::{Chain, Place, read_stage};
use crosspatch_core::{
    AddressError, Backend, Direction, Engine, Instance, Outbox, Peer, Plan, PlanBuilder, Port, Session, Slot,
    Value,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

const NOW: crosspatch_core::Instant = crosspatch_core::Instant::START;

/// Values in one turn, turns in one measurement, measurements of which the middle one counts.
const VALUES: u32 = 64;
const TURNS: u32 = 20_000;
const ROUNDS: usize = 15;

/// The allocator of the system, counted.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

static PLAIN: Backend = Backend {
    name: "plain",
    summary: "emits a number on every channel for each message, and drops what it is told",
    manual: "",
    options: &[],
    words: &[],
    loops_back: false,
    stands_alone: false,
    configure: |_| None,
    describe: |_, _| (),
    compose: |_| None,
};

struct Plain;

impl Instance for Plain {
    fn canonical<'a>(&self, address: &'a str, _: Direction) -> Result<Cow<'a, str>, AddressError> {
        Ok(address.into())
    }

    fn session(&self) -> Box<dyn Session> {
        Box::new(PlainSession(0))
    }
}

struct PlainSession(u32);

impl Session for PlainSession {
    fn bind(&mut self, _: Slot, _: &str, _: Direction) {}

    fn start(&mut self, _: crosspatch_core::Instant, _: &mut Outbox) {}

    fn handle_data(&mut self, _: crosspatch_core::Instant, _: Port, _: Peer, _: &[u8], out: &mut Outbox) {
        self.0 += 1;
        for slot in 0..VALUES {
            out.emit(Slot(slot), f64::from((self.0 * 7 + slot * 13) % 101) / 100.0);
        }
    }

    fn handle_values(&mut self, _: crosspatch_core::Instant, values: &[(Slot, Value)], _: &mut Outbox) {
        std::hint::black_box(values);
    }
}

fn main() {
    let chains = [
        "",
        "invert",
        "invert | range 0.2..0.8 | offset 0.1",
        "invert | curve 2.2 | range 0.2..0.8",
        "invert | curve s | steps 5",
        "table 0:0 0.5:0.2 1:1 | clamp 0.1..0.9 | scale 0.5",
        "threshold 0.5 hysteresis 0.1",
        "toggle",
        "when desk.shift",
        "pickup",
    ];
    let mut shows: Vec<_> = chains.iter().map(|chain| Show::new(chain)).collect();
    let mut figures = vec![Vec::new(); chains.len()];
    for _ in 0..ROUNDS {
        for (show, figures) in shows.iter_mut().zip(&mut figures) {
            figures.push(show.measure());
        }
    }
    let mut plain = None;
    for (chain, figures) in chains.iter().zip(&mut figures) {
        figures.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let (nanos, allocations) = figures[ROUNDS / 2];
        let plain = *plain.get_or_insert(nanos);
        let name = if chain.is_empty() { "no chain" } else { chain };
        println!("{name:45} {nanos:6.1} ns a value, {:4.2} times, {allocations} allocations", nanos / plain);
    }
}

struct Show {
    engine: Engine,
    out: Outbox,
}

impl Show {
    fn new(chain: &str) -> Self {
        let mut show = Self { engine: Engine::new(), out: Outbox::new() };
        show.engine.install(NOW, Arc::new(plan(chain)), &mut show.out);
        show.measure();
        show
    }

    /// Nanoseconds and allocations of a value.
    fn measure(&mut self) -> (f64, f64) {
        let source = self.engine.session_of(crosspatch_core::InstanceId(0));
        let (start, allocations) = (Instant::now(), ALLOCATOR.stats().allocations);
        for _ in 0..TURNS {
            self.engine.handle_data(NOW, source, Port(0), Peer::Only, b"", &mut self.out);
            self.out.clear();
        }
        let values = f64::from(TURNS * VALUES);
        let allocations = ALLOCATOR.stats().allocations - allocations;
        (start.elapsed().as_secs_f64() * 1e9 / values, allocations as f64 / values)
    }
}

fn plan(written: &str) -> Plan {
    let mut builder = PlanBuilder::new(None);
    let source = builder.instance("desk", &PLAIN, Vec::new(), Arc::new(Plain));
    let target = builder.instance("rack", &PLAIN, Vec::new(), Arc::new(Plain));
    let mut references = Vec::new();
    let mut read = |stage: &str| read_stage(stage, &mut references).expect("a stage");
    let stages = written.split(" | ").filter(|stage| !stage.is_empty()).map(&mut read).collect();
    let listeners = vec![0; references.len()];
    let chain = Arc::new(Chain::new(written, stages, listeners));
    for slot in 0..VALUES {
        let from = (source, builder.channel(source, &slot.to_string(), Direction::Input));
        let to = (target, builder.channel(target, &slot.to_string(), Direction::Output));
        if written.is_empty() {
            builder.route(from, to);
        } else {
            // What a stage names is the next channel, so that it is known and changes.
            let named = (source, Slot((slot + 1) % VALUES));
            let references = vec![named; chain.references()];
            builder.route_through(from, to, &chain, Place::ONLY, &references);
        }
    }
    builder.build()
}
