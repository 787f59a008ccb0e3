//! One plan in place of another: which sessions and chains go on, which end, which begin.

use std::sync::Arc;

use crate::address::unquoted;
use crate::engine::alarms::Alarms;
use crate::engine::{Engine, LastValues, Rest, Running};
use crate::{Direction, Effect, InstanceId, Instant, Kind, Outbox, Plan, PlannedInstance, Route, SessionId};

impl Engine {
    /// Replaces the running plan.
    ///
    /// Sessions whose name, backend and options are unchanged continue, with their ports and slots, provided that the
    /// plan was built on the running one. The others stop before new ones start.
    pub fn install(&mut self, now: Instant, plan: Arc<Plan>, out: &mut Outbox) {
        let mut interrupted = self.set_aside();
        let before = std::mem::replace(&mut self.plan, plan);
        let plan = self.plan.clone();
        let sessions_before: Vec<_> = self.running.iter().map(|running| running.id).collect();
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
        self.timers = Alarms::of(self.running.iter().map(|running| running.wake));
        let has_begun = self.install_chains(&before, &sessions_before);
        for id in ids() {
            if fresh[id.index()] {
                self.call(now, id, out, |session, out| session.start(now, out));
            } else if changed[id.index()] {
                self.call(now, id, out, |session, out| session.handle_rebind(now, out));
            }
        }
        self.run_hops(now, 0, out);
        interrupted.extend(self.set_aside());
        self.recall_new_targets(now, &plan, &has_begun, out);
        self.run_hops(now, 0, out);
        self.take_up(interrupted);
        if self.notes_changes {
            self.note_changes(true);
        }
    }

    /// Ends the show: every session says goodbye to its peers.
    pub fn shut_down(&mut self, now: Instant, out: &mut Outbox) {
        self.install(now, Arc::new(Plan::empty()), out);
        self.notices.retire(None, out);
    }

    fn stop(&mut self, now: Instant, leaving: &mut Running, out: &mut Outbox) {
        out.begin(leaving.id);
        leaving.session.stop(now, out);
        out.emitted.clear();
        out.spans.clear();
        out.recall = false;
        out.suspended = false;
        for notice in std::mem::take(&mut out.raised) {
            self.notices.take(now, Some(leaving.id), notice, out);
        }
        self.notices.retire(Some(leaving.id), out);
        out.push(Effect::Retire(leaving.id));
    }

    /// Sends the present value of its source, as state, to each output that has not received a value yet. Chains that
    /// have just begun receive it too: they need the state of their source even if their target has a value.
    fn recall_new_targets(&mut self, now: Instant, plan: &Plan, has_begun: &[bool], out: &mut Outbox) {
        // For chains, all sources of a target count, because three of them may be the parts of one colour.
        let mut states = Vec::new();
        for (at, planned) in plan.instances().iter().enumerate() {
            for slot in planned.channels.slots() {
                let Some(value) = self.running[at].known.last_input(slot) else { continue };
                let kind = planned.channels.kind(slot, Direction::Input);
                let is_command = value.as_text().is_some() && kind == Kind::Control;
                states.extend(plan.routes().starting_at(planned.channel(slot)).iter().filter_map(|route| {
                    let is_chain = route.target == Route::INTO_CHAINS;
                    if route.is_of_events() || (is_command && !is_chain) {
                        return None;
                    }
                    let untold = self.has_no_value(route);
                    let begins = is_chain && has_begun.get(route.slot.index()).is_some_and(|begins| *begins);
                    (untold || begins).then(|| (*route, value.clone(), untold))
                }));
            }
        }
        for (route, value, untold) in states {
            match self.running.get_mut(route.target.index()) {
                Some(target) if target.known.last_output(route.slot).is_some() => {}
                Some(target) => target.enqueue(route.slot, &value),
                None => self.recall_chain(now, route.slot, &value, untold, out),
            }
        }
        // They are states, and not passed on as values.
        for instance in self.queue.waiting.drain(..) {
            self.running[instance.index()].is_queued = false;
        }
        for at in 0..self.running.len() {
            let inbox = std::mem::take(&mut self.running[at].inbox);
            if !inbox.is_empty() {
                let instance = InstanceId(at as u32);
                self.call(now, instance, out, |session, out| session.handle_recall(now, &inbox, out));
            }
        }
    }

    /// Whether the target of a route, possibly through a chain, has not received a value.
    fn has_no_value(&self, route: &Route) -> bool {
        let end = match route.target {
            Route::INTO_CHAINS => self.chains.end(route.slot),
            _ => Some(*route),
        };
        end.is_some_and(|end| self.running[end.target.index()].known.last_output(end.slot).is_none())
    }
}

const DIRECTIONS: [Direction; 2] = [Direction::Input, Direction::Output];

fn start(id: SessionId, planned: &PlannedInstance) -> Running {
    let mut session = planned.instance.session();
    let outputs =
        planned.channels.slots().filter(|&slot| planned.channels.is_mapped(slot, Direction::Output));
    session.reserve(planned.channels.len(), outputs.count());
    for slot in planned.channels.slots() {
        for direction in DIRECTIONS {
            if planned.channels.is_mapped(slot, direction) {
                session.bind(slot, &unquoted(planned.channels.address(slot)), direction);
            }
        }
    }
    let mut known = LastValues::default();
    known.resize(planned.channels.len());
    Running {
        id,
        session,
        inbox: Vec::new(),
        events: Vec::new(),
        spans: None,
        is_queued: false,
        rest: Rest::default(),
        known,
        wake: None,
        is_woken: false,
    }
}

/// Binds the channels of a continuing session that the new plan maps for the first time, and unbinds those no longer
/// mapped.
fn rebind(running: &mut Running, before: &PlannedInstance, after: &PlannedInstance) -> bool {
    running.known.resize(after.channels.len());
    let mut changed = false;
    for slot in after.channels.slots() {
        for direction in DIRECTIONS {
            let (was, is) =
                (before.channels.is_mapped(slot, direction), after.channels.is_mapped(slot, direction));
            if was && !is {
                running.session.unbind(slot, direction);
                match direction {
                    Direction::Input => running.known.forget_input(slot),
                    Direction::Output => running.known.forget_output(slot),
                }
            } else if is && !was {
                running.session.bind(slot, &unquoted(after.channels.address(slot)), direction);
            }
            changed |= was != is;
        }
    }
    changed
}
