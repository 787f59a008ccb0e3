//! The whole program minus its sockets: all sessions, the route table, and the turns they take.
//!
//! An event enters one session. What the session emits is routed into the inboxes of other sessions, which are called in
//! turn; what those emit is the next *hop*. When nothing is left, the turn is over and the shell reads the outbox.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::notices::NoticeBook;
use crate::{
    Closed, Direction, Duration, Effect, InstanceId, Instant, Notice, Outbox, Peer, Plan, PlannedInstance,
    Port, Session, SessionId, Slot, Value,
};

/// How many sessions in a row a value may pass through within one turn. More is a loop.
pub const MAX_HOPS: usize = 16;

/// From this hop on, a turn that has routed more than `MAX_LATE_VALUES` is a loop that multiplies.
const LATE_HOP: usize = 4;
const MAX_LATE_VALUES: usize = 100_000;
const MAX_TRAIL: usize = 1000;

/// A session that asks to be woken in the past is woken no sooner than after this time.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);

/// The engine. A value: it does nothing by itself.
pub struct Engine {
    plan: Arc<Plan>,
    running: Vec<Running>,
    instances: FxHashMap<SessionId, InstanceId>,
    sessions_started: u64,
    notices: NoticeBook,
    reported_loops: Vec<Vec<(InstanceId, Slot)>>,
    // Sessions with a filled inbox, in the order in which they got it; the second is the one being worked off.
    queue: Vec<InstanceId>,
    current: Vec<InstanceId>,
    // The channels on which values appeared in the late hops of a turn, to name a loop by.
    trail: Vec<(InstanceId, Slot)>,
    is_late: bool,
    scratch: Vec<(Slot, Value)>,
    emitted: Vec<(Slot, Value)>,
}

/// A session and what the engine keeps for it.
struct Running {
    id: SessionId,
    session: Box<dyn Session>,
    inbox: Vec<(Slot, Value)>,
    is_queued: bool,
    /// The last value that came from each channel, and the last that went to it; forgotten when no longer mapped.
    heard: Vec<Option<Value>>,
    told: Vec<Option<Value>>,
    wake: Option<Instant>,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// An engine without a show.
    pub fn new() -> Self {
        Self {
            plan: Arc::new(Plan::empty()),
            running: Vec::new(),
            instances: FxHashMap::default(),
            sessions_started: 0,
            notices: NoticeBook::default(),
            reported_loops: Vec::new(),
            queue: Vec::new(),
            current: Vec::new(),
            trail: Vec::new(),
            is_late: false,
            scratch: Vec::new(),
            emitted: Vec::new(),
        }
    }

    /// The plan that runs.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The instance that a session runs, unless it has been retired.
    pub fn instance_of(&self, session: SessionId) -> Option<&PlannedInstance> {
        Some(&self.plan.instances()[self.instances.get(&session)?.index()])
    }

    /// The session that runs an instance.
    pub fn session_of(&self, instance: InstanceId) -> SessionId {
        self.running[instance.index()].id
    }

    /// Puts a plan in place of the running one.
    ///
    /// Sessions whose name, backend and options are unchanged stay, with their ports and slots, provided that the plan was
    /// built on the running one. The others stop before new ones start.
    pub fn install(&mut self, now: Instant, plan: Arc<Plan>, out: &mut Outbox) {
        let before = std::mem::replace(&mut self.plan, plan);
        let plan = self.plan.clone();
        self.reported_loops.clear();
        let mut old: Vec<_> = std::mem::take(&mut self.running).into_iter().map(Some).collect();
        let ids = || (0..plan.instances().len() as u32).map(InstanceId);
        let kept: Vec<_> =
            ids().map(|id| plan.same_in(id, &before).map(|at| (at, old[at.index()].take()))).collect();

        for mut leaving in old.into_iter().flatten() {
            self.instances.remove(&leaving.id);
            self.stop(now, &mut leaving, out);
        }
        let mut fresh = vec![false; kept.len()];
        let mut changed = vec![false; kept.len()];
        for (id, kept) in ids().zip(kept) {
            let planned = &plan.instances()[id.index()];
            let running = match kept {
                Some((at, Some(mut running))) => {
                    changed[id.index()] = rebind(&mut running, &before.instances()[at.index()], planned);
                    running
                }
                Some((_, None)) | None => {
                    fresh[id.index()] = true;
                    self.sessions_started += 1;
                    start(SessionId(self.sessions_started), planned)
                }
            };
            self.instances.insert(running.id, id);
            self.running.push(running);
        }
        for id in ids() {
            if fresh[id.index()] {
                self.call(now, id, out, |session, out| session.start(now, out));
            } else if changed[id.index()] {
                self.call(now, id, out, |session, out| session.handle_rebind(now, out));
            }
        }
        self.run_hops(now, out);
        self.tell_known_values(now, &plan, out);
        self.run_hops(now, out);
    }

    /// Ends the show: every session says goodbye to its peers.
    pub fn shut_down(&mut self, now: Instant, out: &mut Outbox) {
        self.install(now, Arc::new(Plan::empty()), out);
    }

    /// A port has opened or accepted a connection.
    pub fn handle_open(
        &mut self,
        now: Instant,
        session: SessionId,
        port: Port,
        peer: Peer,
        out: &mut Outbox,
    ) {
        self.turn(now, session, out, |session, out| session.handle_open(now, port, peer, out));
    }

    /// Bytes came in.
    pub fn handle_data(
        &mut self,
        now: Instant,
        session: SessionId,
        port: Port,
        from: Peer,
        data: &[u8],
        out: &mut Outbox,
    ) {
        self.turn(now, session, out, |session, out| session.handle_data(now, port, from, data, out));
    }

    /// A port could not be opened, or a port or connection is gone.
    pub fn handle_close(
        &mut self,
        now: Instant,
        session: SessionId,
        port: Port,
        peer: Peer,
        reason: Closed,
        out: &mut Outbox,
    ) {
        self.turn(now, session, out, |session, out| session.handle_close(now, port, peer, reason, out));
    }

    /// A stream took less than it was given.
    pub fn handle_full(
        &mut self,
        now: Instant,
        session: SessionId,
        port: Port,
        peer: Peer,
        out: &mut Outbox,
    ) {
        self.turn(now, session, out, |session, out| session.handle_full(now, port, peer, out));
    }

    /// A stream that was full has room again.
    pub fn handle_writable(
        &mut self,
        now: Instant,
        session: SessionId,
        port: Port,
        peer: Peer,
        out: &mut Outbox,
    ) {
        self.turn(now, session, out, |session, out| session.handle_writable(now, port, peer, out));
    }

    /// Puts a value on a channel by hand, as if its session had emitted it.
    pub fn handle_value(
        &mut self,
        now: Instant,
        instance: InstanceId,
        slot: Slot,
        value: Value,
        out: &mut Outbox,
    ) {
        if self.running.get(instance.index()).is_none_or(|running| slot.index() >= running.heard.len()) {
            return;
        }
        self.call(now, instance, out, |_, out| out.emit(slot, value));
        self.run_hops(now, out);
    }

    /// The shell has something to tell the operator, about a session or about itself. Counted and rate-limited as the
    /// notices of sessions are.
    pub fn handle_notice(
        &mut self,
        now: Instant,
        session: Option<SessionId>,
        notice: Notice,
        out: &mut Outbox,
    ) {
        self.notices.take(now, session, notice, out);
    }

    /// The time of `next_timeout` has come.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        for at in 0..self.running.len() {
            if self.running[at].wake.is_some_and(|wake| wake <= now) {
                let instance = InstanceId(at as u32);
                self.call(now, instance, out, |session, out| session.handle_timeout(now, out));
                self.run_hops(now, out);
                let wake = &mut self.running[at].wake;
                *wake = wake.map(|wake| wake.max(now + SHORTEST_SLEEP));
            }
        }
        self.notices.handle_timeout(now, out);
    }

    /// When `handle_timeout` wants to be called.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.running.iter().filter_map(|running| running.wake).chain(self.notices.next_timeout()).min()
    }

    fn turn(
        &mut self,
        now: Instant,
        session: SessionId,
        out: &mut Outbox,
        event: impl FnOnce(&mut dyn Session, &mut Outbox),
    ) {
        // A socket may report after its session has been retired.
        let Some(&instance) = self.instances.get(&session) else { return };
        self.call(now, instance, out, event);
        self.run_hops(now, out);
    }

    /// One call into a session, and what it caused put where it belongs.
    fn call(
        &mut self,
        now: Instant,
        instance: InstanceId,
        out: &mut Outbox,
        event: impl FnOnce(&mut dyn Session, &mut Outbox),
    ) {
        let running = &mut self.running[instance.index()];
        out.begin(running.id);
        event(&mut *running.session, out);
        if std::mem::take(&mut out.recall) {
            let told = (0..).map(Slot).zip(&running.told);
            self.scratch.extend(told.filter_map(|(slot, value)| Some((slot, value.clone()?))));
            running.session.handle_recall(now, &self.scratch, out);
            self.scratch.clear();
            out.recall = false;
        }
        running.wake = running.session.next_timeout();
        self.collect(now, instance, out);
    }

    /// Takes what a session emitted and raised out of the outbox.
    fn collect(&mut self, now: Instant, instance: InstanceId, out: &mut Outbox) {
        if !out.raised.is_empty() {
            let session = Some(self.running[instance.index()].id);
            let mut raised = std::mem::take(&mut out.raised);
            for notice in raised.drain(..) {
                self.notices.take(now, session, notice, out);
            }
            out.raised = raised;
        }
        if !out.emitted.is_empty() {
            std::mem::swap(&mut self.emitted, &mut out.emitted);
            for at in 0..self.emitted.len() {
                let (slot, ref mut value) = self.emitted[at];
                let value = std::mem::replace(value, Value::Number(0.0));
                self.route(instance, slot, value, out);
            }
            self.emitted.clear();
        }
    }

    /// Puts a value into the inbox of every channel that it is mapped to.
    fn route(&mut self, instance: InstanceId, slot: Slot, value: Value, out: &mut Outbox) {
        let source = &mut self.running[instance.index()];
        let Some(heard) = source.heard.get_mut(slot.index()) else {
            debug_assert!(false, "a session emitted on a slot that was never bound");
            return;
        };
        if out.watches_values() {
            out.push(Effect::Value(source.id, slot, value.clone()));
        }
        *heard = Some(value.clone());
        if self.is_late && self.trail.len() < MAX_TRAIL {
            self.trail.push((instance, slot));
        }
        let channel = self.plan.instances()[instance.index()].channel(slot);
        for route in self.plan.routes().starting_at(channel) {
            let target = &mut self.running[route.target.index()];
            target.told[route.slot.index()] = Some(value.clone());
            target.inbox.push((route.slot, value.clone()));
            if !target.is_queued {
                target.is_queued = true;
                self.queue.push(route.target);
            }
        }
    }

    /// Calls every session that has got values, and those that get values from it, until nothing is left.
    fn run_hops(&mut self, now: Instant, out: &mut Outbox) {
        let mut hops = 0;
        let mut late_values = 0;
        while !self.queue.is_empty() {
            hops += 1;
            if hops > MAX_HOPS || late_values > MAX_LATE_VALUES {
                self.break_loop(now, out);
                break;
            }
            self.is_late = hops > LATE_HOP;
            std::mem::swap(&mut self.queue, &mut self.current);
            for at in 0..self.current.len() {
                let instance = self.current[at];
                let running = &mut self.running[instance.index()];
                running.is_queued = false;
                let mut inbox = std::mem::take(&mut running.inbox);
                late_values += if self.is_late { inbox.len() } else { 0 };
                self.call(now, instance, out, |session, out| session.handle_values(now, &inbox, out));
                inbox.clear();
                let running = &mut self.running[instance.index()];
                if running.inbox.is_empty() {
                    running.inbox = inbox;
                }
            }
            self.current.clear();
        }
        self.is_late = false;
        self.trail.clear();
    }

    /// Drops what still goes round and names the channels it goes through, once.
    fn break_loop(&mut self, now: Instant, out: &mut Outbox) {
        for instance in self.queue.drain(..) {
            let running = &mut self.running[instance.index()];
            running.is_queued = false;
            running.inbox.clear();
        }
        // The shortest way back from the last channel to itself.
        let Some((last, before)) = self.trail.split_last() else { return };
        let round = before
            .iter()
            .rposition(|channel| channel == last)
            .map_or(&*self.trail, |at| &self.trail[at + 1..]);
        let mut members = round.to_vec();
        members.sort_unstable();
        members.dedup();
        if self.reported_loops.contains(&members) || self.reported_loops.len() >= 64 {
            return;
        }
        self.reported_loops.push(members);
        let names: Vec<_> =
            round.iter().chain(round.first()).take(12).map(|&channel| self.name(channel)).collect();
        let text = format!("the mapping goes round in a loop: {}; the value was dropped", names.join(" > "));
        self.notices.take(now, None, Notice::warning("mapping-loop", text), out);
    }

    /// A channel as it is written in the configuration.
    fn name(&self, (instance, slot): (InstanceId, Slot)) -> String {
        let planned = &self.plan.instances()[instance.index()];
        format!("{}.{}", planned.name, planned.channels.address(slot))
    }

    fn stop(&mut self, now: Instant, leaving: &mut Running, out: &mut Outbox) {
        out.begin(leaving.id);
        leaving.session.stop(now, out);
        out.emitted.clear();
        out.recall = false;
        for notice in std::mem::take(&mut out.raised) {
            self.notices.take(now, Some(leaving.id), notice, out);
        }
        self.notices.retire(leaving.id, out);
        out.push(Effect::Retire(leaving.id));
    }

    /// Outputs that have not been told anything yet get the present value of their source, as state.
    fn tell_known_values(&mut self, now: Instant, plan: &Plan, out: &mut Outbox) {
        for (at, planned) in plan.instances().iter().enumerate() {
            for slot in planned.channels.slots() {
                let Some(value) = self.running[at].heard[slot.index()].clone() else { continue };
                for route in plan.routes().starting_at(planned.channel(slot)) {
                    let target = &mut self.running[route.target.index()];
                    if target.told[route.slot.index()].is_none() {
                        target.told[route.slot.index()] = Some(value.clone());
                        target.inbox.push((route.slot, value.clone()));
                    }
                }
            }
        }
        for at in 0..self.running.len() {
            let inbox = std::mem::take(&mut self.running[at].inbox);
            if !inbox.is_empty() {
                let instance = InstanceId(at as u32);
                self.call(now, instance, out, |session, out| session.handle_recall(now, &inbox, out));
            }
        }
    }
}

const DIRECTIONS: [Direction; 2] = [Direction::Input, Direction::Output];

fn start(id: SessionId, planned: &PlannedInstance) -> Running {
    let mut session = planned.instance.session();
    for slot in planned.channels.slots() {
        for direction in DIRECTIONS {
            if planned.channels.is_mapped(slot, direction) {
                session.bind(slot, planned.channels.address(slot), direction);
            }
        }
    }
    let unknown = vec![None; planned.channels.len()];
    Running {
        id,
        session,
        inbox: Vec::new(),
        is_queued: false,
        heard: unknown.clone(),
        told: unknown,
        wake: None,
    }
}

/// Tells a session that goes on what is mapped in the new plan and was not before, and the other way round.
fn rebind(running: &mut Running, before: &PlannedInstance, after: &PlannedInstance) -> bool {
    running.heard.resize(after.channels.len(), None);
    running.told.resize(after.channels.len(), None);
    let mut changed = false;
    for slot in after.channels.slots() {
        for direction in DIRECTIONS {
            let (was, is) =
                (before.channels.is_mapped(slot, direction), after.channels.is_mapped(slot, direction));
            if was && !is {
                running.session.unbind(slot, direction);
                let known = match direction {
                    Direction::Input => &mut running.heard,
                    Direction::Output => &mut running.told,
                };
                known[slot.index()] = None;
            } else if is && !was {
                running.session.bind(slot, after.channels.address(slot), direction);
            }
            changed |= was != is;
        }
    }
    changed
}
