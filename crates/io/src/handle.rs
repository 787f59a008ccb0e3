//! How other threads talk to a running show: a new plan, a value, the end.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crosspatch_core::{Instant, Plan, Status, Value};
use mio::Waker;

use crate::onlookers::{Interest, Observation, Onlooker};

/// Reaches into a running [`Shell`](crate::Shell) from any thread. Clones reach the same one. Nothing here waits.
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// How all sessions were doing at a time.
#[derive(Clone, Debug)]
pub struct StatusReport {
    /// When they were asked, on the clock of the times that they name.
    pub now: Instant,
    /// The name and the answer of each instance, in the order of the plan.
    pub instances: Vec<(Arc<str>, Status)>,
}

/// What the loop has to do for a handle.
#[derive(Debug)]
pub(crate) enum Command {
    Install(Arc<Plan>),
    Put(String, Value),
    Observe(Onlooker),
    ReportStatus(SyncSender<StatusReport>),
    Trace(bool),
    Stop,
}

#[derive(Debug)]
struct Shared {
    waker: Arc<Waker>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    newest: Arc<Plan>,
    commands: Vec<Command>,
}

impl Handle {
    pub(crate) fn new(waker: Arc<Waker>) -> Self {
        let newest = Arc::new(Plan::empty());
        Self { shared: Arc::new(Shared { waker, state: Mutex::new(State { newest, commands: Vec::new() }) }) }
    }

    /// The newest plan, whether it runs already or is about to. The next one is to be built on it
    /// ([`PlanBuilder::new`](crosspatch_core::PlanBuilder::new)), so that what did not change goes on.
    pub fn plan(&self) -> Arc<Plan> {
        self.state().newest.clone()
    }

    /// Puts a plan in place of the newest one. Plans that arrive faster than they can be taken up are all installed, in
    /// order and within one turn, because each is built on the one before.
    pub fn install(&self, plan: Plan) {
        let plan = Arc::new(plan);
        // Both under one lock, so that the newest plan is always the last one to be installed.
        let mut state = self.state();
        state.newest = plan.clone();
        state.commands.push(Command::Install(plan));
        drop(state);
        self.wake();
    }

    /// Puts a value on the channel written `instance.address`, as if its session had emitted it, and returns whether
    /// the newest plan has such a channel.
    pub fn set_value(&self, channel: &str, value: impl Into<Value>) -> bool {
        let known = self.plan().find_channel(channel).is_some();
        if known {
            self.command(Command::Put(channel.to_owned(), value.into()));
        }
        known
    }

    /// Looks at values as they change. The first frames have all that is known.
    pub fn observe(&self, interest: Interest) -> Observation {
        let (onlooker, observation) = Onlooker::new(interest);
        self.command(Command::Observe(onlooker));
        observation
    }

    /// Asks all sessions how they are doing. The report arrives soon; none does if the show has ended.
    pub fn report_status(&self) -> Receiver<StatusReport> {
        let (sender, report) = sync_channel(1);
        self.command(Command::ReportStatus(sender));
        report
    }

    /// Switches on or off that every message, every value and every port is observed, in order. It costs nothing while it is
    /// off.
    pub fn trace(&self, on: bool) {
        self.command(Command::Trace(on));
    }

    /// Ends the show: every session says goodbye, and `run` returns within a second.
    pub fn stop(&self) {
        self.command(Command::Stop);
    }

    /// What has been asked for since the last call.
    pub(crate) fn take(&self, commands: &mut Vec<Command>) {
        commands.append(&mut self.state().commands);
    }

    fn command(&self, command: Command) {
        self.state().commands.push(command);
        self.wake();
    }

    fn wake(&self) {
        // A waker that fails says that the loop has ended, and then there is nobody to tell.
        let _: io::Result<()> = self.shared.waker.wake();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
