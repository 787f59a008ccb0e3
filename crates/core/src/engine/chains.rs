//! The chains at work: values that enter them, the channels that they watch, and the times at which they wake up.

use crate::engine::alarms::Alarms;
use crate::engine::{Engine, SHORTEST_SLEEP, enqueue};
use crate::plan::{ChainInput, PlannedChain};
use crate::transform::{LiveChain, Merging, Moment, Obstacle, PRINT};
use crate::value::normalise;
use crate::{Effect, Instant, Kind, Outbox, Plan, Route, Slot, Value};

/// How many chains are woken before others have their turn.
const WOKEN_AT_ONCE: usize = 4096;

/// How often a chain is woken for the same moment before it has to wait for the next one.
const MAX_WAKES: usize = 10_000;

/// All chains of the running plan, in its order.
#[derive(Default)]
pub(super) struct LiveChains {
    all: Vec<Working>,
    merges: Vec<Merging>,
    alarms: Alarms,
}

/// The chains of a plan that is about to run, without the state of those that continue.
pub(super) struct ChainTransition {
    pub(super) all: Vec<Working>,
    /// For each chain, the one of the plan before that it continues.
    pub(super) twins: Vec<Option<u32>>,
    pub(super) merges: Vec<Merging>,
}

/// A chain, and where its values go: side by side, because every value needs both.
pub(super) struct Working {
    live: LiveChain,
    to: Route,
    /// The merge that it feeds, and which of its sources it is.
    merge: Option<(usize, usize)>,
    /// Whether numbers take nothing but their shape in it.
    is_plain: bool,
    /// The kind of its values at the target.
    kind: Kind,
    /// Whether the last value that entered it was an event, and how often that had been to a peer and come back.
    is_event: bool,
    generation: u8,
}

impl Working {
    /// A chain between the channels that the plan names.
    pub(super) fn new(live: LiveChain, planned: &PlannedChain) -> Self {
        let (target, slot) = planned.to;
        Self {
            live,
            to: Route { target, slot },
            merge: planned.merge,
            is_plain: planned.merge.is_none() && planned.kind != Kind::Event,
            kind: planned.kind,
            is_event: planned.kind == Kind::Event,
            generation: 0,
        }
    }

    /// Whether a value of the source is an event to the target: a text that a message brings is a command.
    fn makes_event(&self, value: &Value) -> bool {
        self.kind == Kind::Event || (self.kind == Kind::Control && value.as_text().is_some())
    }
}

impl LiveChains {
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.alarms.next()
    }

    /// The reason why the values of a chain do not reach its target.
    pub(super) fn obstacle(&self, chain: usize) -> Option<Obstacle> {
        self.all[chain].live.obstacle()
    }

    /// The target and the result for a number in a chain of shapes alone, and whether other numbers give the same
    /// result. A move of the source that does not change the target, such as one between two `steps`, is not passed on;
    /// a repeated value is.
    #[inline]
    pub(super) fn shaped(&self, input: Slot, number: f64) -> Option<(Route, f64, bool)> {
        // Inputs begin with the sources of the chains.
        let working = self.all.get(input.index()).filter(|working| working.is_plain)?;
        Some((working.to, normalise(working.live.shaped(number)?), working.live.flattens()))
    }

    /// Where the chain ends whose source is this input; none for a channel that a chain names.
    pub(super) fn end(&self, input: Slot) -> Option<Route> {
        self.all.get(input.index()).map(|working| working.to)
    }
}

impl Engine {
    /// A channel that a chain begins at, or that one of its stages names, has a new value.
    #[inline]
    pub(super) fn enter_chain(
        &mut self,
        now: Instant,
        input: Slot,
        value: &Value,
        before: Option<f64>,
        out: &mut Outbox,
    ) {
        if let Value::Number(number) = value
            && let Some((to, number, flattens)) = self.chains.shaped(input, *number)
        {
            let target = &mut self.running[to.target.index()];
            let has_moved = flattens && before != value.as_number();
            if !has_moved || !target.known.is_at(to.slot, number) {
                enqueue(target, &mut self.queue, to, &Value::Number(number), false);
            }
            return;
        }
        self.enter_stateful_chain(now, input, value, out);
    }

    fn enter_stateful_chain(&mut self, now: Instant, input: Slot, value: &Value, out: &mut Outbox) {
        match self.plan.chains().input(input) {
            ChainInput::Value(chain) => {
                let working = &mut self.chains.all[chain];
                (working.is_event, working.generation) = (working.makes_event(value), out.generation);
                self.call_chain(now, chain, out, |live, _, moment| live.handle_value(moment, value.clone()));
            }
            ChainInput::Reference(chain, reference) => {
                self.call_chain(now, chain, out, |live, planned, moment| {
                    live.handle_channel(moment, planned.chain.listener(reference), reference, value)
                });
                self.withdraw_if_asleep(chain);
            }
        }
    }

    /// The present state of the source of a chain. A target that is not `untold` receives it only if it changes a
    /// merge.
    pub(super) fn recall_chain(
        &mut self,
        now: Instant,
        chain: Slot,
        value: &Value,
        untold: bool,
        out: &mut Outbox,
    ) {
        if self.chains.all[chain.index()].makes_event(value) {
            return;
        }
        let mut state = None;
        self.call_chain(now, chain.index(), out, |live, _, moment| {
            state = live.handle_recall(moment, value.clone());
            None
        });
        let working = &self.chains.all[chain.index()];
        let state = state.and_then(|state| match working.merge {
            None => Some(state).filter(|_| untold),
            Some((merge, source)) => self.chains.merges[merge].handle_recall(source, state),
        });
        if let Some(state) = state {
            self.running[working.to.target.index()].enqueue(working.to.slot, &state);
        }
    }

    /// Wakes the chains whose time has come.
    pub(super) fn wake_chains(&mut self, now: Instant, out: &mut Outbox) {
        if self.chains.next_timeout().is_none_or(|due| due > now) || self.is_crowded() {
            return;
        }
        for _ in 0..WOKEN_AT_ONCE {
            let Some(chain) = self.chains.alarms.take(now) else { break };
            let mut wakes = 0;
            while self.chains.all[chain].live.next_timeout().is_some_and(|due| due <= now)
                && wakes < MAX_WAKES
            {
                wakes += 1;
                out.generation = out.generation.max(self.chains.all[chain].generation);
                self.call_chain(now, chain, out, |live, _, moment| live.handle_timeout(moment));
            }
            let due = self.chains.all[chain].live.next_timeout();
            let due = due.map(|due| if due <= now { now + SHORTEST_SLEEP } else { due });
            self.chains.alarms.set(chain, due);
        }
        self.run_hops(now, 0, out);
    }

    /// Calls a chain and distributes the results.
    fn call_chain(
        &mut self,
        now: Instant,
        chain: usize,
        out: &mut Outbox,
        event: impl FnOnce(&mut LiveChain, &PlannedChain, &mut Moment<'_>) -> Option<Value>,
    ) {
        let planned = &self.plan.chains().all()[chain];
        let known = |reference: usize| {
            let channel @ (instance, slot) = planned.references[reference];
            let known = &self.running[instance.index()].known;
            // A pad that lights its own lamp: the last value from it is the finger, not the lamp.
            let is_own_lamp = channel == planned.to && channel == planned.from;
            if is_own_lamp { known.last_output(slot) } else { known.latest(slot) }
        };
        let mut moment = Moment::new(now, &known);
        let live = &mut self.chains.all[chain].live;
        let passed = event(live, planned, &mut moment);
        let (notices, has_announced) = (moment.notices, moment.has_announced);
        self.chains.alarms.set(chain, live.next_timeout());
        for notice in notices {
            match notice.id {
                PRINT => out.push(Effect::Notice(None, notice, 0)),
                _ => self.notices.take(now, None, notice, out),
            }
        }
        if let Some(value) = passed {
            self.leave_chain(chain, value);
        }
        if has_announced {
            self.signal_group(now, chain, out);
        }
    }

    /// A value has come through a chain.
    fn leave_chain(&mut self, chain: usize, value: Value) {
        let working = &self.chains.all[chain];
        let value = match working.merge {
            None => Some(value),
            // A chain that sleeps only passes on the end of something, which is useful only where no other source has a
            // say.
            Some((merge, _)) if working.live.is_asleep() => {
                Some(value).filter(|_| self.chains.merges[merge].is_silent())
            }
            Some((merge, source)) => self.chains.merges[merge].handle_value(source, Some(value)),
        };
        if let Some(value) = value {
            let target = &mut self.running[working.to.target.index()];
            enqueue(target, &mut self.queue, working.to, &value, working.is_event);
        }
    }

    /// A source that sleeps does not affect the value of its target.
    fn withdraw_if_asleep(&mut self, chain: usize) {
        let working = &self.chains.all[chain];
        let Some((merge, source)) = working.merge.filter(|_| working.live.is_asleep()) else { return };
        if let Some(value) = self.chains.merges[merge].handle_value(source, None) {
            let is_event = working.kind == Kind::Event;
            enqueue(
                &mut self.running[working.to.target.index()],
                &mut self.queue,
                working.to,
                &value,
                is_event,
            );
        }
    }

    /// A chain has announced itself to the others of its group.
    fn signal_group(&mut self, now: Instant, chain: usize, out: &mut Outbox) {
        let plan = self.plan.clone();
        let chains = plan.chains();
        let Some(group) = chains.all()[chain].group else { return };
        for &member in chains.group(group).iter().filter(|&&member| member != chain) {
            let is_of_same_source = chains.all()[member].from == chains.all()[chain].from;
            self.call_chain(now, member, out, |live, _, moment| live.handle_group(moment, is_of_same_source));
        }
    }

    /// Activates the chains of the plan, and returns those before it. A chain that continues another one takes over its
    /// state.
    pub(super) fn install_chains(&mut self, next: ChainTransition, before: &Plan) -> LiveChains {
        let ChainTransition { all, twins, merges } = next;
        let alarms = Alarms::default();
        let mut old = std::mem::replace(&mut self.chains, LiveChains { all, merges, alarms });
        let chains = self.plan.chains().all();
        for ((working, planned), twin) in self.chains.all.iter_mut().zip(chains).zip(&twins) {
            let Some(twin) = twin.map(|twin| twin as usize) else { continue };
            std::mem::swap(&mut working.live, &mut old.all[twin].live);
            let old_merge = before.chains().all()[twin].merge;
            if let (Some((merge, source)), Some((old_merge, old_source))) = (planned.merge, old_merge) {
                self.chains.merges[merge].adopt(source, &mut old.merges[old_merge], old_source);
            }
        }
        self.chains.alarms = Alarms::of(self.chains.all.iter().map(|working| working.live.next_timeout()));
        old
    }
}
