//! The whole program minus its sockets: all sessions, the route table, and the turns they take.
//!
//! An event enters one session. What the session emits is routed into the inboxes of other sessions, which are called
//! in turn; the values that those emit are the next *hop*. When none are left, the turn is over and the shell reads the
//! outbox. A turn that takes too long is interrupted and continues in slices (`slices`).

mod alarms;
mod chains;
mod changes;
mod install;
mod known;
mod known_levels;
mod lone;
mod loops;
mod names;
mod slices;
mod spans;
mod transition;

use std::cell::Cell;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use alarms::Alarms;
use chains::LiveChains;
pub use changes::{Change, HeldBack};
use known::LastValues;
use slices::{Rest, SLICE, Slices};
use spans::SpanMemory;
pub use transition::{Replaced, Transition};

use crate::notices::NoticeBook;
use crate::{
    Closed, Direction, Duration, Effect, InstanceId, Instant, Kind, Notice, Outbox, Peer, Plan,
    PlannedInstance, Port, Route, Session, SessionId, Slot, SlotSpans, Status, Value,
};

/// How many sessions in a row a value may pass through within one turn. More is a loop.
pub const MAX_HOPS: usize = 64;

/// From this hop on, a turn that has routed more than `MAX_LATE_VALUES` is a loop that multiplies.
const LATE_HOP: usize = 4;
const MAX_LATE_VALUES: usize = 100_000;

/// The minimum sleep of a session that requests a wake-up in the past.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);

/// The engine. A value: it does nothing by itself.
pub struct Engine {
    plan: Arc<Plan>,
    running: Vec<Running>,
    chains: LiveChains,
    instances: FxHashMap<SessionId, InstanceId>,
    sessions_started: u64,
    notices: NoticeBook,
    reported_loops: Vec<Vec<(InstanceId, Slot)>>,
    queue: SessionQueue,
    slices: Slices,
    // The part of the queue that is being worked off.
    current: Vec<InstanceId>,
    // The channels on which values appeared in the late hops of a turn, to name a loop by.
    trail: Vec<(InstanceId, Slot)>,
    is_late: bool,
    scratch: Vec<(Slot, Value)>,
    emitted: Vec<(Slot, Value)>,
    spans: SpanMemory,
    timers: Alarms,
    // The sessions that the `handle_timeout` that is running has woken.
    woken: Vec<InstanceId>,
    notes_changes: bool,
}

/// Values for a session, with their channels.
type Inbox = Vec<(Slot, Value)>;

/// Sessions with a filled inbox, in the order in which they got it.
#[derive(Default)]
struct SessionQueue {
    waiting: Vec<InstanceId>,
    /// How many sessions the values that are routed have come through.
    hops: usize,
    /// Empty inboxes. The one used last is reused first because it is most likely still in the cache.
    spare: Vec<Inbox>,
}

impl SessionQueue {
    /// A session is about to get a value.
    #[inline]
    fn admit(&mut self, id: InstanceId, target: &mut Running) {
        if !std::mem::replace(&mut target.is_queued, true) {
            self.waiting.push(id);
            // While a plan is installed, there may be states in it already.
            if target.inbox.is_empty() {
                target.inbox = self.spare.pop().unwrap_or_default();
            }
        } else if target.rest.is_waiting {
            target.rest.hops = target.rest.hops.max(self.hops);
        }
    }
}

/// A session and its data in the engine.
struct Running {
    id: SessionId,
    session: Box<dyn Session>,
    inbox: Inbox,
    /// The numbers of those values in the inbox that are events.
    events: Vec<u32>,
    /// The spans in the inbox. As long as there are any, none of the values has been delivered.
    spans: Option<Box<SlotSpans>>,
    is_queued: bool,
    /// The remaining work of an interrupted turn.
    rest: Rest,
    known: LastValues,
    /// Whether the session ever wants to be woken.
    has_timeouts: bool,
    wake: Option<Instant>,
    /// Whether it has been woken by the `handle_timeout` that is running.
    is_woken: bool,
}

impl Running {
    /// Reads the next wake-up time of the session. If it has just been woken, the next wake-up is after
    /// [`SHORTEST_SLEEP`] at the earliest.
    #[inline]
    fn sleep(&mut self, now: Instant) {
        self.wake = self.session.next_timeout();
        if self.is_woken {
            self.wake = self.wake.map(|wake| wake.max(now + SHORTEST_SLEEP));
        }
    }

    /// Puts a value into the inbox.
    #[inline]
    fn enqueue(&mut self, slot: Slot, value: &Value) {
        self.known.record_output(slot, value);
        self.inbox.push((slot, value.clone()));
    }

    /// Puts an event into the inbox.
    #[cold]
    fn enqueue_event(&mut self, slot: Slot, value: &Value) {
        self.events.push(self.inbox.len() as u32);
        self.enqueue(slot, value);
        self.known.mark_event(slot);
    }
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
            chains: LiveChains::default(),
            instances: FxHashMap::default(),
            sessions_started: 0,
            notices: NoticeBook::default(),
            reported_loops: Vec::new(),
            queue: SessionQueue::default(),
            slices: Slices::default(),
            current: Vec::new(),
            trail: Vec::new(),
            is_late: false,
            scratch: Vec::new(),
            emitted: Vec::new(),
            spans: SpanMemory::default(),
            timers: Alarms::default(),
            woken: Vec::new(),
            notes_changes: false,
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

    /// How the session of an instance is doing.
    pub fn status_of(&self, instance: InstanceId) -> Status {
        self.running[instance.index()].session.status()
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

    /// A port has received bytes.
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

    /// A port could not be opened, or a port or connection has closed.
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

    /// A stream has accepted less than was sent.
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

    /// Datagrams for a port were dropped before they were read.
    pub fn handle_loss(&mut self, now: Instant, session: SessionId, port: Port, out: &mut Outbox) {
        self.turn(now, session, out, |session, out| session.handle_loss(now, port, out));
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

    /// Sets the value of a channel as if its session had emitted it.
    pub fn handle_value(
        &mut self,
        now: Instant,
        instance: InstanceId,
        slot: Slot,
        value: Value,
        out: &mut Outbox,
    ) {
        if self.running.get(instance.index()).is_none_or(|running| slot.index() >= running.known.len()) {
            return;
        }
        self.take_turn(now, instance, out, |_, out| out.emit(slot, value));
    }

    /// The shell reports something to the operator, about a session or about itself. Counted and rate-limited like the
    /// notices of sessions.
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
    ///
    /// Runs one slice; whatever is still due afterwards is due at once. The session that has waited longest runs first.
    /// Of equals, the one with the lowest number runs first.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.slices.work = 0;
        while self.slices.work < SLICE
            && let Some(at) = self.timers.take(now)
        {
            let running = &mut self.running[at];
            if running.wake.is_none_or(|wake| wake > now) {
                self.timers.set(at, running.wake);
                continue;
            }
            running.is_woken = true;
            let instance = InstanceId(at as u32);
            self.woken.push(instance);
            let left_over = self.left_over();
            self.call(now, instance, out, |session, out| session.handle_timeout(now, out));
            self.run_hops(now, 0, out);
            self.end_turn(instance, left_over);
        }
        for instance in self.woken.drain(..) {
            self.running[instance.index()].is_woken = false;
        }
        self.wake_chains(now, out);
        self.notices.handle_timeout(now, out);
    }

    /// The time of the next call of `handle_timeout`.
    pub fn next_timeout(&self) -> Option<Instant> {
        [self.timers.next(), self.chains.next_timeout(), self.notices.next_timeout()]
            .into_iter()
            .flatten()
            .min()
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
        self.take_turn(now, instance, out, event);
    }

    fn take_turn(
        &mut self,
        now: Instant,
        instance: InstanceId,
        out: &mut Outbox,
        event: impl FnOnce(&mut dyn Session, &mut Outbox),
    ) {
        // Work that was due before comes first: a pulse ends before the next press begins.
        self.wake_chains(now, out);
        self.slices.work = 0;
        let left_over = self.left_over();
        self.call(now, instance, out, event);
        self.run_hops(now, 0, out);
        self.end_turn(instance, left_over);
    }

    /// Calls a session and distributes the results.
    fn call(
        &mut self,
        now: Instant,
        instance: InstanceId,
        out: &mut Outbox,
        event: impl FnOnce(&mut dyn Session, &mut Outbox),
    ) {
        let running = &mut self.running[instance.index()];
        out.begin(running.id);
        let sent = out.sent;
        event(&mut *running.session, out);
        if std::mem::take(&mut out.recall) {
            self.scratch.extend(running.known.states());
            running.session.handle_recall(now, &self.scratch, out);
            self.scratch.clear();
            out.recall = false;
        }
        if running.has_timeouts {
            running.sleep(now);
            self.timers.set(instance.index(), running.wake);
        }
        self.slices.work += out.sent.since(sent);
        if std::mem::take(&mut out.suspended) {
            running.rest.is_suspended = true;
            self.postpone(instance, 0, out.generation);
        }
        self.collect(now, instance, out);
    }

    /// Takes the emitted values and the notices of a session out of the outbox.
    fn collect(&mut self, now: Instant, instance: InstanceId, out: &mut Outbox) {
        if !out.raised.is_empty() {
            let session = Some(self.running[instance.index()].id);
            let mut raised = std::mem::take(&mut out.raised);
            for mut notice in raised.drain(..) {
                self.name_outputs(instance, &mut notice);
                self.notices.take(now, session, notice, out);
            }
            out.raised = raised;
        }
        if self.route_lone(instance, out) {
            return;
        }
        if !out.emitted.is_empty() || !out.spans.is_empty() {
            std::mem::swap(&mut self.emitted, &mut out.emitted);
            self.route(now, instance, out);
        }
    }

    /// Routes values as long as there is room, and keeps the others. Returns how much room is left.
    #[inline(never)]
    fn route_values(
        &mut self,
        now: Instant,
        instance: InstanceId,
        mut rest: &[(Slot, Value)],
        mut room: usize,
        out: &mut Outbox,
    ) -> usize {
        while let [(slot, value), others @ ..] = rest {
            if room == 0 {
                self.keep_unrouted(instance, rest, out);
                break;
            }
            rest = match self.route_run(instance, rest) {
                0 => {
                    room = room.saturating_sub(self.route_one(now, instance, *slot, value, out));
                    others
                }
                run => {
                    if self.is_late {
                        self.note_late(instance, rest[..run].iter().map(|(slot, _)| *slot));
                    }
                    if out.watches_values() {
                        let session = self.running[instance.index()].id;
                        rest[..run].iter().for_each(|(slot, value)| {
                            out.push(Effect::Value(session, *slot, value.clone()));
                        });
                    }
                    room = room.saturating_sub(run);
                    &rest[run..]
                }
            };
        }
        room
    }

    /// Routes numbers as long as each of them goes to one channel, as it is or through a chain of shapes, and all to
    /// channels of one other instance. Returns their number.
    ///
    /// A universe is five hundred values from one instance to another. Both are looked up once and not for each value.
    fn route_run(&mut self, instance: InstanceId, emitted: &[(Slot, Value)]) -> usize {
        let Self { plan, running, chains, queue, .. } = self;
        let (routes, channels) = (plan.routes(), &plan.instances()[instance.index()]);
        // Whether the last one has come through a chain that gives the same for different numbers. Part of the tuple, it would
        // cost every plain value (measured: 6 %).
        let flattens = Cell::new(false);
        let ends = emitted.iter().map_while(|(slot, value)| {
            let Value::Number(number) = *value else { return None };
            let (end, shaped) = match routes.starting_at(channels.channel(*slot)) {
                [route] if route.target == Route::INTO_CHAINS => {
                    let (end, shaped, is_flat) = chains.shaped(route.slot, number)?;
                    flattens.set(is_flat);
                    (end, shaped)
                }
                [route] => {
                    flattens.set(false);
                    (*route, number)
                }
                _ => return None,
            };
            Some((*slot, number, end, shaped))
        });
        let (mut all, mut pair) = (Some(&mut running[..]), None);
        let mut run = 0;
        // `next` is called in one place, so that it becomes a part of this loop (measured: 15 % of a plain value).
        for (slot, number, end, shaped) in ends {
            if let Some(all) = all.take() {
                // A route of a session to itself takes the general road, and routes of events lead to no instance.
                let ends = [instance.index(), end.target.index()];
                let Ok([source, target]) = all.get_disjoint_mut(ends) else { break };
                queue.admit(end.target, target);
                pair = Some((end.target, source, target));
            }
            let Some((id, source, target)) = &mut pair else { break };
            if end.target != *id {
                break;
            }
            let has_moved = flattens.get() && source.known.last_input_number(slot) != Some(number);
            if !source.known.record_input_number(slot, number) {
                break;
            }
            if !has_moved || !target.known.is_at(end.slot, shaped) {
                target.known.record_output_number(end.slot, shaped);
                target.inbox.push((end.slot, Value::Number(shaped)));
            }
            run += 1;
        }
        run
    }

    /// Routes a value to any targets, and returns how many they are.
    fn route_one(
        &mut self,
        now: Instant,
        instance: InstanceId,
        slot: Slot,
        value: &Value,
        out: &mut Outbox,
    ) -> usize {
        let source = &mut self.running[instance.index()];
        let before = source.known.last_input_number(slot);
        if !source.known.record_input(slot, value) {
            debug_assert!(false, "a session emitted on a slot that was never bound");
            return 0;
        }
        if out.watches_values() {
            out.push(Effect::Value(source.id, slot, value.clone()));
        }
        if self.is_late {
            self.note_late(instance, std::iter::once(slot));
        }
        let planned = &self.plan.instances()[instance.index()];
        let channel = planned.channel(slot);
        let is_command =
            value.as_text().is_some() && planned.channels.kind(slot, Direction::Input) == Kind::Control;
        let row = self.plan.routes().row(channel);
        for at in row.clone() {
            let route = self.plan.routes().at(at);
            match self.running.get_mut(route.target.index()) {
                Some(target) => enqueue(target, &mut self.queue, route, value, is_command),
                None if route.is_of_events() => {
                    let route = route.plain();
                    enqueue(&mut self.running[route.target.index()], &mut self.queue, route, value, true);
                }
                None => self.enter_chain(now, route.slot, value, before, out),
            }
        }
        row.len()
    }

    /// Calls every session with values in its inbox, and those that receive values from it, until none are left or the
    /// slice is over. `hops` is the number of hops that the cause of the values has already taken.
    fn run_hops(&mut self, now: Instant, hops: usize, out: &mut Outbox) {
        let mut late_values = self.late_values();
        self.queue.hops = hops;
        while !self.queue.waiting.is_empty() {
            self.queue.hops += 1;
            if self.queue.hops > MAX_HOPS || late_values > MAX_LATE_VALUES {
                self.break_loop(now, out);
                break;
            }
            self.is_late = self.queue.hops > LATE_HOP;
            std::mem::swap(&mut self.queue.waiting, &mut self.current);
            for at in 0..self.current.len() {
                let instance = self.current[at];
                late_values += if self.is_late { self.running[instance.index()].inbox.len() } else { 0 };
                if self.slices.work >= SLICE || !self.deliver(now, instance, out) {
                    self.postpone(instance, self.queue.hops - 1, out.generation);
                }
            }
            self.current.clear();
        }
        self.is_late = false;
        self.queue.hops = 0;
        if !self.is_unfinished() {
            self.trail.clear();
        }
        out.generation = 0;
    }
}

/// Puts a value into the inbox of a session, and the session into the queue of those to call.
#[inline]
fn enqueue(target: &mut Running, queue: &mut SessionQueue, route: Route, value: &Value, is_event: bool) {
    queue.admit(route.target, target);
    if is_event {
        return target.enqueue_event(route.slot, value);
    }
    target.enqueue(route.slot, value);
}
