//! How other threads talk to a running show: a new plan, a value, the end.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crosspatch_core::{Instant, Plan, Replaced, Status, Transition, Value};
use mio::Waker;

use crate::value_observers::{Interest, Observation, ValueObserver};

/// Reaches into a running [`Shell`](crate::Shell) from any thread. Clones reach the same one. Nothing here waits.
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<SharedHandle>,
}

/// How all sessions were doing at a time.
#[derive(Clone, Debug)]
pub struct StatusReport {
    /// The time of the request, on the same clock as the times in it.
    pub now: Instant,
    /// The name and the answer of each instance, in the order of the plan.
    pub instances: Vec<(Arc<str>, Status)>,
}

/// A command of a handle to the loop.
#[derive(Debug)]
pub(crate) enum LoopCommand {
    Install(Box<Transition>, SyncSender<Replaced>),
    Put(String, Value),
    Observe(ValueObserver),
    ReportStatus(SyncSender<StatusReport>),
    Trace(bool),
    Stop,
}

#[derive(Debug)]
struct SharedHandle {
    waker: Arc<Waker>,
    state: Mutex<HandleState>,
}

#[derive(Debug)]
struct HandleState {
    newest: Arc<Plan>,
    commands: Vec<LoopCommand>,
}

impl Handle {
    pub(crate) fn new(waker: Arc<Waker>) -> Self {
        let newest = Arc::new(Plan::empty());
        Self {
            shared: Arc::new(SharedHandle {
                waker,
                state: Mutex::new(HandleState { newest, commands: Vec::new() }),
            }),
        }
    }

    /// The newest plan, whether it already runs or is about to. Build the next one on it
    /// ([`PlanBuilder::new`](crosspatch_core::PlanBuilder::new)), so that unchanged parts continue.
    pub fn plan(&self) -> Arc<Plan> {
        self.state().newest.clone()
    }

    /// Replaces the newest plan. If plans arrive faster than they can be installed, all of them are installed, in order
    /// and within one turn, because each is built on the previous one.
    ///
    /// Takes its time to spare the loop as much as possible. When the plan runs, the receiver gets what was replaced.
    /// Dropping that may take long; if the receiver is dropped before, the loop does it.
    pub fn install(&self, plan: Plan) -> Receiver<Replaced> {
        let (sender, replaced) = sync_channel(1);
        let plan = Arc::new(plan);
        let transition = Box::new(Transition::new(plan.clone(), &self.plan()));
        // Both under one lock, so that the newest plan is always the last one to be installed.
        let mut state = self.state();
        let before = std::mem::replace(&mut state.newest, plan);
        state.commands.push(LoopCommand::Install(transition, sender));
        drop(state);
        self.wake();
        drop(before);
        replaced
    }

    /// Sets the value of the channel written `instance.address`, as if its session had emitted it. Returns whether the
    /// newest plan has such a channel.
    pub fn set_value(&self, channel: &str, value: impl Into<Value>) -> bool {
        let known = self.plan().find_channel(channel).is_some();
        if known {
            self.command(LoopCommand::Put(channel.to_owned(), value.into()));
        }
        known
    }

    /// Observes values as they change. The first frames contain all known values.
    pub fn observe(&self, interest: Interest) -> Observation {
        let (observer, observation) = ValueObserver::new(interest);
        self.command(LoopCommand::Observe(observer));
        observation
    }

    /// Asks all sessions how they are doing. The report arrives soon; none does if the show has ended.
    pub fn report_status(&self) -> Receiver<StatusReport> {
        let (sender, report) = sync_channel(1);
        self.command(LoopCommand::ReportStatus(sender));
        report
    }

    /// Switches on or off that every message, every value and every port is observed, in order. It costs nothing while it is
    /// off.
    pub fn trace(&self, on: bool) {
        self.command(LoopCommand::Trace(on));
    }

    /// Ends the show: every session says goodbye, and `run` returns within a second.
    pub fn stop(&self) {
        self.command(LoopCommand::Stop);
    }

    /// Takes the commands since the last call.
    pub(crate) fn take(&self, commands: &mut Vec<LoopCommand>) {
        commands.append(&mut self.state().commands);
    }

    fn command(&self, command: LoopCommand) {
        self.state().commands.push(command);
        self.wake();
    }

    fn wake(&self) {
        // If the waker fails, the loop has ended, and the command has no receiver.
        let _: io::Result<()> = self.shared.waker.wake();
    }

    fn state(&self) -> MutexGuard<'_, HandleState> {
        // Nothing panics while it holds the lock.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
