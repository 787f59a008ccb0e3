//! Turns that take too long are interrupted and continue in slices, so that the shell can serve other ports and timers
//! between them.
//!
//! One message may cause any amount of work: a pattern matches thousands of addresses, a channel is mapped to thousands
//! of others. So a turn has a budget. Work beyond the budget remains in place, in order: values in the inboxes of their
//! targets, values of a source that have not been routed yet, and input that a session has not processed yet
//! ([`Outbox::suspend`]). Sessions with remaining work are served in turn, a portion each.
//!
//! The budget counts work and not time, so that a recording replays with the same interruptions.
//!
//! A session whose turn was interrupted is *busy*, and the shell reads nothing more for it until the remaining work is
//! done. This bounds the memory: there is at most one interrupted turn for each session.

use std::collections::VecDeque;

use super::{Engine, Inbox, LATE_HOP, MAX_HOPS, MAX_LATE_VALUES, Running};
use crate::{Direction, InstanceId, Instant, Outbox, SessionId, Slot, Value};

/// The work of a slice, in units of about a microsecond: a message that is sent is one, or one for each KiB of it, and
/// so are [`VALUES_PER_UNIT`] values that are passed to a session, and a span.
pub(super) const SLICE: usize = 1024;

pub(super) const VALUES_PER_UNIT: usize = 32;

/// How many values are routed before their targets are called. This and no more waits for them in memory, apart from the
/// targets of a single value.
pub(super) const ROUTED_AT_ONCE: usize = 65_536;

/// The number of values passed to a session in its first call. Later calls adapt to the cost: few values where each
/// becomes a message, complete frames where a thousand of them do.
const FIRST_PORTION: usize = 1024;
const SMALLEST_PORTION: usize = 64;
const LARGEST_PORTION: usize = 65_536;

/// The interrupted turns of all sessions.
#[derive(Default)]
pub(super) struct Slices {
    /// The sessions with a rest, in the order in which they are served.
    pub(super) waiting: VecDeque<InstanceId>,
    /// The sessions whose turns were interrupted, until nothing waits any more.
    busy: Vec<InstanceId>,
    /// The work done in this slice.
    pub(super) work: usize,
}

/// The remaining work of a session.
pub(super) struct Rest {
    pub(super) is_waiting: bool,
    is_busy: bool,
    /// The session has more to do by itself.
    pub(super) is_suspended: bool,
    /// Values that it has emitted and that have not been routed.
    unrouted: Vec<(Slot, Value)>,
    /// How many values at the beginning of its inbox it has got.
    pub(super) delivered: usize,
    /// How many sessions the values have come through, at most, and how often to a peer and back.
    pub(super) hops: usize,
    generation: u8,
    portion: usize,
}

impl Default for Rest {
    fn default() -> Self {
        Self {
            is_waiting: false,
            is_busy: false,
            is_suspended: false,
            unrouted: Vec::new(),
            delivered: 0,
            hops: 0,
            generation: 0,
            portion: FIRST_PORTION,
        }
    }
}

impl Running {
    /// Whether the cause of the remaining work has passed many sessions.
    pub(super) fn is_late(&self) -> bool {
        self.rest.hops >= LATE_HOP
    }

    /// How much waits here.
    fn left_over(&self) -> usize {
        let inbox = if self.is_queued { self.inbox.len() - self.rest.delivered } else { 0 };
        let spans = self.spans.as_ref().map_or(0, |spans| spans.len());
        inbox + spans + self.rest.unrouted.len() + usize::from(self.rest.is_suspended)
    }

    /// Forgets all values that wait here.
    pub(super) fn drop_values(&mut self) {
        self.rest.unrouted.clear();
        self.drop_inbox();
    }

    /// Discards the values in the inbox.
    fn drop_inbox(&mut self) {
        self.is_queued = false;
        self.rest.delivered = 0;
        self.inbox.clear();
        self.events.clear();
        self.spans = None;
    }

    /// Takes at most `most` of the first values out of the inbox, and the numbers of those that are events.
    fn take_portion(&mut self, most: usize, portion: &mut Inbox, events: &mut Vec<u32>) {
        let start = self.rest.delivered;
        let end = self.inbox.len().min(start.saturating_add(most));
        let values = &mut self.inbox[start..end];
        portion.extend(
            values.iter_mut().map(|(slot, value)| (*slot, std::mem::replace(value, Value::Number(0.0)))),
        );
        let first = self.events.partition_point(|&at| (at as usize) < start);
        let last = self.events.partition_point(|&at| (at as usize) < end);
        events.extend(self.events[first..last].iter().map(|at| at - start as u32));
        self.rest.delivered = end;
        if end == self.inbox.len() {
            self.drop_inbox();
        }
    }

    /// Derives the number of values in the next call from the cost of this one.
    fn learn_portion(&mut self, values: usize, work: usize) {
        let portion = &mut self.rest.portion;
        if work > SLICE {
            *portion = (*portion / 2).max(SMALLEST_PORTION);
        } else if values == *portion && work < SLICE / 4 {
            *portion = (*portion * 2).min(LARGEST_PORTION);
        }
    }
}

impl Engine {
    /// Whether turns were interrupted, so that [`resume`](Self::resume) has something to do.
    #[inline]
    pub fn is_unfinished(&self) -> bool {
        !self.slices.waiting.is_empty()
    }

    /// Whether a turn of the session was interrupted. Nothing more may be read for it until it is done.
    pub fn is_busy(&self, session: SessionId) -> bool {
        self.is_unfinished()
            && self
                .instances
                .get(&session)
                .is_some_and(|instance| self.running[instance.index()].rest.is_busy)
    }

    /// The sessions of which a turn was interrupted.
    pub fn busy(&self) -> impl Iterator<Item = SessionId> {
        self.slices.busy.iter().map(|instance| self.running[instance.index()].id)
    }

    /// Goes on with interrupted turns, for one slice.
    pub fn resume(&mut self, now: Instant, out: &mut Outbox) {
        self.slices.work = 0;
        for _ in 0..self.slices.waiting.len() {
            if self.slices.work >= SLICE {
                break;
            }
            let Some(&instance) = self.slices.waiting.front() else { break };
            self.serve(now, instance, out);
            self.slices.waiting.pop_front();
            self.running[instance.index()].rest.is_waiting = false;
            self.postpone(instance, 0, 0);
        }
        if !self.is_unfinished() {
            for instance in self.slices.busy.drain(..) {
                self.running[instance.index()].rest.is_busy = false;
            }
        }
    }

    /// Performs a part of the remaining work of a session.
    fn serve(&mut self, now: Instant, instance: InstanceId, out: &mut Outbox) {
        let is_crowded = self.is_crowded();
        let late_values = self.late_values();
        let running = &mut self.running[instance.index()];
        let mut hops = running.rest.hops;
        out.generation = running.rest.generation;
        if running.rest.hops >= MAX_HOPS || late_values > MAX_LATE_VALUES {
            self.break_loop(now, out);
        } else if running.is_queued {
            hops += 1;
            (self.queue.hops, self.is_late) = (hops, hops > LATE_HOP);
            self.deliver(now, instance, out);
        } else if is_crowded {
            // The inboxes come first.
        } else if !running.rest.unrouted.is_empty() {
            (self.queue.hops, self.is_late) = (hops, hops > LATE_HOP);
            self.emitted = std::mem::take(&mut running.rest.unrouted);
            self.slices.work += self.emitted.len().min(ROUTED_AT_ONCE) / VALUES_PER_UNIT;
            self.route(now, instance, out);
        } else if std::mem::take(&mut running.rest.is_suspended) {
            self.call(now, instance, out, |session, out| session.handle_resume(now, out));
        }
        self.run_hops(now, hops, out);
    }

    /// Passes a session its inbox, or one portion of it. Returns whether that was all.
    pub(super) fn deliver(&mut self, now: Instant, instance: InstanceId, out: &mut Outbox) -> bool {
        let running = &mut self.running[instance.index()];
        if running.spans.is_some() {
            if running.events.is_empty() {
                self.deliver_spans(now, instance, out);
                return true;
            }
            running.break_spans();
        }
        let is_whole = running.rest.delivered == 0 && running.inbox.len() <= running.rest.portion;
        let mut inbox = if is_whole {
            running.is_queued = false;
            if !running.events.is_empty() {
                std::mem::swap(&mut running.events, &mut out.events);
            }
            std::mem::take(&mut running.inbox)
        } else {
            let mut inbox = self.queue.spare.pop().unwrap_or_default();
            running.take_portion(running.rest.portion, &mut inbox, &mut out.events);
            inbox
        };
        if inbox.is_empty() {
            return true;
        }
        let is_all = is_whole || !running.is_queued;
        let before = self.slices.work;
        self.slices.work += inbox.len() / VALUES_PER_UNIT;
        self.call(now, instance, out, |session, out| session.handle_values(now, &inbox, out));
        let work = self.slices.work - before;
        self.running[instance.index()].learn_portion(inbox.len(), work);
        inbox.clear();
        self.queue.spare.push(inbox);
        out.events.clear();
        is_all
    }

    /// Keeps the remaining work of a session, if any, for later slices.
    pub(super) fn postpone(&mut self, instance: InstanceId, hops: usize, generation: u8) {
        let running = &mut self.running[instance.index()];
        if running.left_over() == 0 {
            (running.rest.hops, running.rest.generation) = (0, 0);
            return;
        }
        running.rest.hops = running.rest.hops.max(hops);
        running.rest.generation = running.rest.generation.max(generation);
        if !std::mem::replace(&mut running.rest.is_waiting, true) {
            self.slices.waiting.push_back(instance);
        }
    }

    /// Keeps values that have not been routed yet.
    pub(super) fn keep_unrouted(&mut self, instance: InstanceId, values: &[(Slot, Value)], out: &Outbox) {
        self.running[instance.index()].rest.unrouted.extend_from_slice(values);
        self.postpone(instance, self.queue.hops, out.generation);
    }

    /// Whether values of the session have not been routed yet. Values that it emits are queued after them.
    pub(super) fn has_unrouted(&self, instance: InstanceId) -> bool {
        self.is_unfinished() && !self.running[instance.index()].rest.unrouted.is_empty()
    }

    /// How much is left over of interrupted turns.
    #[inline]
    pub(super) fn left_over(&self) -> usize {
        if self.is_unfinished() { self.count_left_over() } else { 0 }
    }

    #[cold]
    fn count_left_over(&self) -> usize {
        self.slices.waiting.iter().map(|instance| self.running[instance.index()].left_over()).sum()
    }

    /// How many values wait that have come through many hops.
    #[inline]
    pub(super) fn late_values(&self) -> usize {
        if self.is_unfinished() { self.count_late_values() } else { 0 }
    }

    #[cold]
    fn count_late_values(&self) -> usize {
        let late = self.slices.waiting.iter().filter(|instance| self.running[instance.index()].is_late());
        late.map(|instance| self.running[instance.index()].left_over()).sum()
    }

    /// Whether so much waits in inboxes that nothing may be added that could come later.
    pub(super) fn is_crowded(&self) -> bool {
        let inboxes = self.slices.waiting.iter().map(|instance| &self.running[instance.index()]);
        inboxes.filter(|running| running.is_queued).map(|running| running.inbox.len()).sum::<usize>()
            >= ROUTED_AT_ONCE
    }

    /// A turn of the session is over. If it was interrupted, nothing more is read for the session for the time being.
    #[inline]
    pub(super) fn end_turn(&mut self, instance: InstanceId, left_over_before: usize) {
        if self.is_unfinished()
            && self.left_over() > left_over_before
            && !std::mem::replace(&mut self.running[instance.index()].rest.is_busy, true)
        {
            self.slices.busy.push(instance);
        }
    }

    /// Takes the values out of the inboxes while another plan is installed.
    pub(super) fn set_aside(&mut self) -> Vec<(SessionId, Inbox, Vec<u32>)> {
        let mut aside = Vec::new();
        self.slices = Slices::default();
        for running in &mut self.running {
            running.rest.is_waiting = false;
            running.break_spans();
            if std::mem::take(&mut running.is_queued) {
                let (mut inbox, mut events) = (Inbox::new(), Vec::new());
                running.take_portion(usize::MAX, &mut inbox, &mut events);
                aside.push((running.id, inbox, events));
            }
        }
        aside
    }

    /// Goes on with interrupted turns when another plan has been installed.
    pub(super) fn take_up(&mut self, aside: Vec<(SessionId, Inbox, Vec<u32>)>) {
        for (session, inbox, events) in aside {
            let Some(&instance) = self.instances.get(&session) else { continue };
            let channels = &self.plan.instances()[instance.index()].channels;
            let running = &mut self.running[instance.index()];
            for (number, (slot, value)) in (0..).zip(inbox) {
                if channels.is_mapped(slot, Direction::Output) {
                    if events.binary_search(&number).is_ok() {
                        running.events.push(running.inbox.len() as u32);
                    }
                    running.inbox.push((slot, value));
                }
            }
            running.is_queued = !running.inbox.is_empty();
        }
        for at in 0..self.running.len() {
            self.postpone(InstanceId(at as u32), 0, 0);
        }
        // A busy session remains so as long as it has remaining work.
        for (at, running) in (0..).zip(&mut self.running) {
            running.rest.is_busy &= !self.slices.waiting.is_empty();
            if running.rest.is_busy {
                self.slices.busy.push(InstanceId(at));
            }
        }
    }
}
