//! A backend whose sessions record the calls of the engine and act as the test requests.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crosspatch_core::transform::{Chain, LinePosition, Reference, read_stage};
use crosspatch_core::{
    AddressError, Backend, Direction, Given, Instance, InstanceId, Instant, Kind, OptionSpec, Outbox, Part,
    Peer, Plan, PlanBuilder, Port, Scope, Session, Slot, SpannedValues, Status, Value,
};
use crosspatch_transforms::FAMILIES;

/// What sessions wrote down.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lock())
    }

    fn write(&self, line: String) {
        self.lock().push(line);
    }
}

pub(crate) static PROBE: Backend = backend("probe", false);

/// What goes out on a channel comes in on it again.
pub(crate) static BUS: Backend = backend("bus", true);

const OPTIONS: &[OptionSpec] = &[OptionSpec::new("variant", "1", "", "")];

const fn backend(name: &'static str, loops_back: bool) -> Backend {
    Backend {
        name,
        summary: "writes down every call",
        manual: "",
        options: OPTIONS,
        words: &[],
        loops_back,
        stands_alone: false,
        configure: |_| None,
        describe: |bytes, line| line.push_str(&String::from_utf8_lossy(bytes)),
        compose: |line| Some(line.as_bytes().to_vec()),
    }
}

/// How a probe's session behaves.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Keeps what it gets.
    Sink,
    /// Emits what it gets on the same channel.
    Pass,
    /// Takes spans, and emits them again if its name begins with `fr`.
    Frames,
    /// Emits the bytes `0=0.25` of a message as that value on slot 0, and `3:0,-,255` as a span of three levels of which the
    /// second has not changed; takes `back=3` for something of that generation that came
    /// back, and recalls on open.
    Device,
    /// Writes down what it gets and sends a message for each.
    Out,
    /// Emits one value of a message on slot 0 in each call.
    Slow,
}

pub(crate) struct Probe {
    pub(crate) name: String,
    pub(crate) manner: Manner,
    pub(crate) log: Log,
}

impl Instance for Probe {
    fn canonical<'a>(&self, address: &'a str, _: Direction) -> Result<Cow<'a, str>, AddressError> {
        Ok(address.into())
    }

    /// By the first letters of the address.
    fn kind(&self, address: &str, _: Direction) -> Kind {
        match address.get(..3) {
            Some("con") => Kind::Control,
            Some("eve") => Kind::Event,
            Some(_) | None => Kind::State,
        }
    }

    fn session(&self) -> Box<dyn Session> {
        let (name, manner, log) = (self.name.clone(), self.manner, self.log.clone());
        Box::new(ProbeSession { name, manner, log, wake: None, suspended: Vec::new() })
    }
}

struct ProbeSession {
    name: String,
    manner: Manner,
    log: Log,
    wake: Option<Instant>,
    suspended: Vec<f64>,
}

impl ProbeSession {
    fn write(&self, line: &str) {
        self.log.write(format!("{} {line}", self.name));
    }
}

/// Emits a span written `3:0,-,255`.
fn emit_span(text: &str, out: &mut Outbox) {
    let (first, levels) = text.split_once(':').expect("a slot and levels");
    let levels: Vec<Option<u8>> = levels.split(',').map(|level| level.parse().ok()).collect();
    let mut changed = vec![0; levels.len().div_ceil(64)];
    for at in (0..levels.len()).filter(|&at| levels[at].is_some()) {
        changed[at / 64] |= 1 << (at % 64);
    }
    let levels: Vec<_> = levels.into_iter().map(Option::unwrap_or_default).collect();
    out.emit_span(Slot(first.parse().expect("a slot")), &levels, &changed);
}

pub(crate) fn shown(values: &[(Slot, Value)]) -> String {
    values.iter().map(|(slot, value)| format!("{}={value}", slot.0)).collect::<Vec<_>>().join(" ")
}

impl Session for ProbeSession {
    fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        self.write(&format!("bind {} {address} {direction:?}", slot.0));
    }

    fn unbind(&mut self, slot: Slot, direction: Direction) {
        self.write(&format!("unbind {} {direction:?}", slot.0));
    }

    fn start(&mut self, _: Instant, _: &mut Outbox) {
        self.write("start");
    }

    fn stop(&mut self, _: Instant, out: &mut Outbox) {
        self.write("stop");
        out.send(Port(0), Peer::Only, |buf| buf.extend(b"goodbye"));
    }

    fn handle_rebind(&mut self, _: Instant, _: &mut Outbox) {
        self.write("rebind");
    }

    fn handle_open(&mut self, _: Instant, _: Port, _: Peer, out: &mut Outbox) {
        out.recall();
    }

    fn handle_data(&mut self, now: Instant, _: Port, _: Peer, data: &[u8], out: &mut Outbox) {
        if self.manner == Manner::Slow {
            let text = String::from_utf8_lossy(data);
            self.suspended = text.split(' ').rev().map(|part| part.parse().expect("a level")).collect();
            return self.handle_resume(now, out);
        }
        for part in String::from_utf8_lossy(data).split(' ') {
            match part.split_once('=') {
                Some(("back", generation)) => out.returned(generation.parse().expect("a generation")),
                Some((slot, value)) => {
                    let slot = Slot(slot.parse().expect("a slot"));
                    out.emit(slot, value.parse::<f64>().map_or_else(|_| Value::text(value), Value::number));
                }
                None if part.contains(':') => emit_span(part, out),
                None => self.wake = Some(now),
            }
        }
    }

    fn handle_values(&mut self, _: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        if self.manner == Manner::Pass {
            values.iter().for_each(|(slot, value)| out.emit(*slot, value.clone()));
        } else {
            let generation = match out.generation() {
                0 => String::new(),
                generation => format!(" of generation {generation}"),
            };
            self.write(&format!("values {}{generation}", shown(values)));
            if self.name.starts_with("fr") {
                values.iter().for_each(|(slot, value)| out.emit(*slot, value.clone()));
            }
            if self.manner == Manner::Out {
                values.iter().for_each(|_| out.send(Port(0), Peer::Only, |buf| buf.push(0)));
            }
            let events =
                (0..values.len()).filter(|&number| out.is_event(number)).map(|number| number.to_string());
            let events: Vec<_> = events.collect();
            if !events.is_empty() {
                self.write(&format!("events {}", events.join(" ")));
            }
        }
    }

    fn takes_spans(&self) -> bool {
        self.manner == Manner::Frames
    }

    fn handle_spans(&mut self, now: Instant, batch: SpannedValues<'_>, out: &mut Outbox) {
        batch.for_each(|part| match part {
            Part::Values(values) => self.handle_values(now, values, out),
            Part::Span(span) => {
                let values: Vec<_> = span.values().collect();
                self.write(&format!("span {}", shown(&values)));
                let changed: Vec<_> =
                    (0..span.levels.len()).step_by(64).map(|at| span.changed(at as isize)).collect();
                if self.name.starts_with("fr") {
                    out.emit_span(Slot(span.first.0), span.levels, &changed);
                }
            }
        });
    }

    fn handle_resume(&mut self, _: Instant, out: &mut Outbox) {
        self.suspended.pop().into_iter().for_each(|level| out.emit(Slot(0), level));
        if !self.suspended.is_empty() {
            out.suspend();
        }
    }

    fn handle_recall(&mut self, _: Instant, values: &[(Slot, Value)], _: &mut Outbox) {
        self.write(&format!("recall {}", shown(values)));
    }

    fn handle_timeout(&mut self, _: Instant, _: &mut Outbox) {
        self.write("timeout");
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.wake
    }

    fn status(&self) -> Status {
        Status::default()
    }
}

/// The chain of stages as written, and the channels that they name; none for the target.
fn chain(stages: &str) -> (Chain, Vec<Option<String>>) {
    let (mut references, mut listeners, mut named) = (Vec::new(), Vec::new(), Vec::new());
    let mut read = |(at, stage): (usize, &str)| {
        let read =
            read_stage(stage, FAMILIES, &mut references).unwrap_or_else(|error| panic!("{stage}: {error:?}"));
        named.extend(references[named.len()..].iter().map(|reference| match reference {
            Reference::Channel(at) | Reference::Known(at) => Some(stage[at.clone()].to_owned()),
            Reference::Target => None,
        }));
        listeners.resize(references.len(), at);
        read
    };
    let read = stages.split(" | ").enumerate().map(&mut read).collect();
    (Chain::new(stages, read, listeners), named)
}

/// Builds plans out of lines like `a.x | invert > b.y`; an instance is a `Pass` if its name begins with `p`, a `Device` with
/// `d`, `Frames` with `f`, an `Out` with `o`, `Slow` if it is `slow`, and a [`BUS`] if it is `bus`.
pub(crate) struct Show {
    pub(crate) log: Log,
}

impl Show {
    pub(crate) fn new() -> Self {
        Self { log: Log::default() }
    }

    pub(crate) fn plan(&self, previous: Option<&Plan>, lines: &[&str]) -> Plan {
        let mut builder = PlanBuilder::new(previous);
        let mut names: Vec<(String, InstanceId)> = Vec::new();
        let mut channel = |builder: &mut PlanBuilder<'_>, written: &str, direction| {
            let (name, address) = written.split_once('.').expect("instance.address");
            let known = names.iter().find(|(known, _)| known == name).map(|(_, id)| *id);
            let id = known.unwrap_or_else(|| {
                let id = self.instance(builder, name);
                names.push((name.to_owned(), id));
                id
            });
            (id, builder.channel(id, address, direction))
        };
        for line in lines {
            let (source, target) = line.rsplit_once(" > ").expect("a source and a target");
            let (source, stages) = source.split_once(" | ").unwrap_or((source, ""));
            let from = channel(&mut builder, source, Direction::Input);
            let to = channel(&mut builder, target, Direction::Output);
            if stages.is_empty() {
                builder.route(from, to);
                continue;
            }
            let (chain, named) = chain(stages);
            let mut named_channel = |named: &Option<String>| match named {
                Some(written) => channel(&mut builder, written, Direction::Input),
                None => to,
            };
            let references: Vec<_> = named.iter().map(&mut named_channel).collect();
            builder.route_through(from, to, &Arc::new(chain), LinePosition::ONLY, &references);
        }
        builder.build()
    }

    /// The name may carry a variant of the options, as in `desk#2`.
    fn instance(&self, builder: &mut PlanBuilder<'_>, written: &str) -> InstanceId {
        let (name, variant) = written.split_once('#').unwrap_or((written, "1"));
        let manner = match name.as_bytes()[0] {
            b'p' => Manner::Pass,
            b'b' if name == BUS.name => Manner::Pass,
            b'd' => Manner::Device,
            b'o' => Manner::Out,
            b'f' => Manner::Frames,
            b's' if name == "slow" => Manner::Slow,
            _ => Manner::Sink,
        };
        let options = vec![Given { name: "variant".into(), value: variant.into(), scope: Scope::Instance }];
        let probe = Probe { name: written.to_owned(), manner, log: self.log.clone() };
        builder.instance(name, if name == BUS.name { &BUS } else { &PROBE }, options, Arc::new(probe))
    }
}
