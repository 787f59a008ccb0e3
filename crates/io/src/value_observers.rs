//! Observers: other threads that receive changed values at their own pace.
//!
//! The engine marks what changes ([`Engine::note_changes`]); here the marks are collected when an observer is due, and
//! sent in frames. The loop never waits: an observer that does not take its frames receives the latest values in a
//! later one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};

use crosspatch_core::{Change, Direction, Duration, Engine, HeldBack, InstanceId, Instant, Plan, Slot};
use rustc_hash::FxHashSet;

/// How many changes a frame holds at most, and how many frames may wait for an observer.
const MOST_CHANGES: usize = 4096;
const MOST_FRAMES: usize = 2;

/// Frames do not follow each other faster than this.
const SHORTEST: Duration = Duration::from_millis(1);

/// Which values an observer receives, and how often.
#[derive(Clone, Debug)]
pub struct Interest {
    /// The least time between two frames.
    pub every: Duration,
    /// The channels, written `instance.address`; all of them if there is no list. Those that no mapping uses are left out
    /// until a reload maps them.
    pub channels: Option<Vec<String>>,
}

/// The channels that have changed since the frame before.
#[derive(Clone, Debug)]
pub struct ValueFrame {
    /// The plan that the numbers of the changes belong to.
    pub plan: Arc<Plan>,
    /// The changes; the last value of each channel and direction.
    pub changes: Vec<Change>,
    /// The mappings of these inputs that keep their values back.
    pub held_back: Vec<HeldBack>,
}

/// The receiving end of an observation. Dropping it ends the observation.
#[derive(Debug)]
pub struct Observation {
    frames: Receiver<ValueFrame>,
}

impl ValueFrame {
    /// Whether it holds as many changes as a frame can. The next one follows soon.
    pub fn is_full(&self) -> bool {
        self.changes.len() >= MOST_CHANGES
    }
}

impl Observation {
    /// Waits for the next frame.
    ///
    /// # Errors
    ///
    /// If none comes in time, or if the show has ended.
    pub fn next_frame(&self, timeout: Duration) -> Result<ValueFrame, RecvTimeoutError> {
        self.frames.recv_timeout(timeout)
    }

    /// The next frame, if it is there.
    ///
    /// # Errors
    ///
    /// If there is none, or if the show has ended.
    pub fn try_next_frame(&self) -> Result<ValueFrame, TryRecvError> {
        self.frames.try_recv()
    }
}

/// The loop's end of an observation.
#[derive(Debug)]
pub(crate) struct ValueObserver {
    interest: Interest,
    frames: SyncSender<ValueFrame>,
    due: Instant,
    /// The contents of the next frame.
    pending: BTreeMap<FrameKey, Change>,
    /// The channels that `interest` lists, in the running plan.
    wanted: Option<FxHashSet<(InstanceId, Slot)>>,
}

/// In the order of a frame.
type FrameKey = (InstanceId, Slot, Direction);

impl ValueObserver {
    pub(crate) fn new(interest: Interest) -> (Self, Observation) {
        let (sender, frames) = sync_channel(MOST_FRAMES);
        let observer =
            Self { interest, frames: sender, due: Instant::START, pending: BTreeMap::new(), wanted: None };
        (observer, Observation { frames })
    }

    fn find_channels(&mut self, plan: &Plan) {
        let listed = self.interest.channels.as_ref();
        self.wanted =
            listed.map(|listed| listed.iter().filter_map(|channel| plan.find_channel(channel)).collect());
    }

    fn take(&mut self, change: &Change) {
        let is_wanted =
            self.wanted.as_ref().is_none_or(|wanted| wanted.contains(&(change.instance, change.slot)));
        if is_wanted {
            self.pending.insert((change.instance, change.slot, change.direction), change.clone());
        }
    }

    /// Sends the next frame. Returns false if the receiver was dropped.
    fn send(&mut self, now: Instant, engine: &Engine) -> bool {
        self.due = now + self.interest.every.max(SHORTEST);
        let next = self.pending.keys().nth(MOST_CHANGES).copied();
        let rest = next.map(|next| self.pending.split_off(&next)).unwrap_or_default();
        let changes: Vec<_> = self.pending.values().cloned().collect();
        let inputs = changes.iter().filter(|change| change.direction == Direction::Input);
        let held_back = inputs.flat_map(|change| engine.held_back(change.instance, change.slot)).collect();
        match self.frames.try_send(ValueFrame { plan: engine.plan().clone(), changes, held_back }) {
            Ok(()) => {
                self.pending = rest;
                true
            }
            Err(TrySendError::Full(_)) => {
                self.pending.extend(rest);
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    }
}

/// All value_observers of a show.
#[derive(Default)]
pub(crate) struct ValueObservers {
    all: Vec<ValueObserver>,
    /// Whether an event has reached the engine since its marks were collected.
    is_stale: bool,
}

impl ValueObservers {
    /// Adds an observer, which first receives all known values.
    pub(crate) fn add(&mut self, mut observer: ValueObserver, engine: &mut Engine) {
        observer.find_channels(engine.plan());
        self.all.push(observer);
        engine.note_changes(true);
        self.is_stale = true;
    }

    /// Another plan is installed: the collected numbers belong to the previous one, and the engine marks all values
    /// again.
    pub(crate) fn handle_install(&mut self, plan: &Plan) {
        for observer in &mut self.all {
            observer.pending.clear();
            observer.find_channels(plan);
        }
        self.is_stale = true;
    }

    /// An event reaches the engine.
    pub(crate) fn handle_event(&mut self) {
        self.is_stale = true;
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let waiting = self.all.iter().filter(|observer| self.is_stale || !observer.pending.is_empty());
        waiting.map(|observer| observer.due).min()
    }

    /// Sends the frames that are due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, engine: &mut Engine) {
        if self.next_timeout().is_none_or(|due| due > now) {
            return;
        }
        let Self { all, is_stale } = self;
        let is_all = engine.drain_changes(MOST_CHANGES, |change| {
            all.iter_mut().for_each(|observer| observer.take(&change));
        });
        *is_stale = !is_all;
        all.retain_mut(|observer| {
            let is_due = observer.due <= now && !observer.pending.is_empty();
            !is_due || observer.send(now, engine)
        });
        if all.is_empty() {
            engine.note_changes(false);
        }
    }
}
