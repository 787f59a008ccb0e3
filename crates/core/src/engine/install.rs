//! One plan in place of another: which sessions and chains go on, which end, which begin.

use std::sync::Arc;

use crate::engine::alarms::Alarms;
use crate::engine::transition::{NewRoute, Replaced, SessionTransition, Transition, rebind, start};
use crate::engine::{Engine, Running};
use crate::{Direction, Effect, InstanceId, Instant, Kind, Outbox, Plan, Route, SessionId};

impl Engine {
    /// Replaces the running plan.
    ///
    /// Sessions whose name, backend and options are unchanged continue, with their ports and slots, provided that the
    /// plan was built on the running one. The others stop before new ones start.
    pub fn install(&mut self, now: Instant, plan: Arc<Plan>, out: &mut Outbox) {
        let transition = Transition::new(plan, &self.plan);
        self.install_prepared(now, transition, out);
    }

    /// The same for a plan that another thread has prepared. Returns what was replaced, to be dropped by that thread.
    pub fn install_prepared(
        &mut self,
        now: Instant,
        mut transition: Transition,
        out: &mut Outbox,
    ) -> Replaced {
        if transition.from.is_some_and(|from| from != self.plan.number()) {
            transition = Transition::new(transition.plan, &self.plan);
        }
        let Transition { plan, sessions, new_routes, chains, .. } = transition;
        let mut interrupted = self.set_aside();
        let before = std::mem::replace(&mut self.plan, plan.clone());
        self.reported_loops.clear();
        let mut old: Vec<_> = std::mem::take(&mut self.running).into_iter().map(Some).collect();
        let ids = || (0..plan.instances().len() as u32).map(InstanceId);
        let mut kept: Vec<_> = sessions
            .iter()
            .map(|session| match session {
                SessionTransition::Continue(at, _) => old[at.index()].take(),
                SessionTransition::Start(_) => None,
            })
            .collect();
        let mut stopped: Vec<_> = old.into_iter().flatten().collect();
        for leaving in &mut stopped {
            self.instances.remove(&leaving.id);
            self.stop(now, leaving, out);
        }
        let mut fresh = vec![false; kept.len()];
        let mut changed = vec![false; kept.len()];
        let mut replaced = Vec::new();
        for ((id, session), kept) in ids().zip(sessions).zip(&mut kept) {
            let planned = &plan.instances()[id.index()];
            let running = match (session, kept.take()) {
                (SessionTransition::Continue(_, changes), Some(mut running)) => {
                    rebind(&mut running, planned, &changes);
                    changed[id.index()] = !changes.is_empty();
                    replaced.push(changes);
                    running
                }
                (session, _) => {
                    fresh[id.index()] = true;
                    self.sessions_started += 1;
                    let running = match session {
                        SessionTransition::Start(running) => running,
                        SessionTransition::Continue(..) => start(planned),
                    };
                    Running { id: SessionId(self.sessions_started), ..running }
                }
            };
            self.instances.insert(running.id, id);
            self.running.push(running);
        }
        self.timers = Alarms::of(self.running.iter().map(|running| running.wake));
        let has_begun: Vec<_> = chains.twins.iter().map(Option::is_none).collect();
        let old_chains = self.install_chains(chains, &before);
        for id in ids() {
            if fresh[id.index()] {
                self.call(now, id, out, |session, out| session.start(now, out));
            } else if changed[id.index()] {
                self.call(now, id, out, |session, out| session.handle_rebind(now, out));
            }
        }
        self.run_hops(now, 0, out);
        interrupted.extend(self.set_aside());
        self.recall_new_targets(now, &new_routes, &has_begun, out);
        self.run_hops(now, 0, out);
        self.take_up(interrupted);
        if self.notes_changes {
            self.note_changes(true);
        }
        Replaced::new(before, stopped, old_chains, (replaced, new_routes))
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
    fn recall_new_targets(
        &mut self,
        now: Instant,
        new_routes: &[NewRoute],
        has_begun: &[bool],
        out: &mut Outbox,
    ) {
        // For chains, all sources of a target count, because three of them may be the parts of one colour.
        let mut states = Vec::new();
        for &NewRoute { from: (instance, slot), number } in new_routes {
            let Some(value) = self.running[instance.index()].known.last_input(slot) else { continue };
            let route = self.plan.routes().at(number as usize);
            let kind = self.plan.instances()[instance.index()].channels.kind(slot, Direction::Input);
            let is_command = value.as_text().is_some() && kind == Kind::Control;
            let is_chain = route.target == Route::INTO_CHAINS;
            if route.is_of_events() || (is_command && !is_chain) {
                continue;
            }
            let untold = self.has_no_value(&route);
            if untold || is_chain && has_begun[route.slot.index()] {
                states.push((route, value, untold));
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
