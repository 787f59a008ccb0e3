//! Onlookers: other threads that see values as they change, at a pace of their own.
//!
//! The engine marks what changes ([`Engine::note_changes`]); here the marks are collected when an onlooker is due, and handed
//! over in frames. The loop never waits: an onlooker that does not take its frames gets the latest values in a later one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};

use crosspatch_core::{Change, Direction, Duration, Engine, HeldBack, InstanceId, Instant, Plan, Slot};
use rustc_hash::FxHashSet;

/// How many changes a frame holds at most, and how many frames may wait for an onlooker.
const MOST_CHANGES: usize = 4096;
const MOST_FRAMES: usize = 2;

/// Frames do not follow each other faster than this.
const SHORTEST: Duration = Duration::from_millis(1);

/// Which values an onlooker wants to see, and how often.
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
pub struct Frame {
    /// The plan that the numbers of the changes belong to.
    pub plan: Arc<Plan>,
    /// The changes; the last value of each channel and direction.
    pub changes: Vec<Change>,
    /// The mappings of these inputs that keep their values back.
    pub held_back: Vec<HeldBack>,
}

/// What an onlooker sees. Dropping it ends the observation.
#[derive(Debug)]
pub struct Observation {
    frames: Receiver<Frame>,
}

impl Observation {
    /// Waits for the next frame.
    ///
    /// # Errors
    ///
    /// If none comes in time, or if the show has ended.
    pub fn next_frame(&self, timeout: Duration) -> Result<Frame, RecvTimeoutError> {
        self.frames.recv_timeout(timeout)
    }

    /// The next frame, if it is there.
    ///
    /// # Errors
    ///
    /// If there is none, or if the show has ended.
    pub fn try_next_frame(&self) -> Result<Frame, TryRecvError> {
        self.frames.try_recv()
    }
}

/// The loop's end of an observation.
#[derive(Debug)]
pub(crate) struct Onlooker {
    interest: Interest,
    frames: SyncSender<Frame>,
    due: Instant,
    /// What the next frame has.
    pending: BTreeMap<Key, Change>,
    /// The channels that `interest` lists, in the running plan.
    wanted: Option<FxHashSet<(InstanceId, Slot)>>,
}

/// In the order of a frame.
type Key = (InstanceId, Slot, Direction);

impl Onlooker {
    pub(crate) fn new(interest: Interest) -> (Self, Observation) {
        let (sender, frames) = sync_channel(MOST_FRAMES);
        let onlooker =
            Self { interest, frames: sender, due: Instant::START, pending: BTreeMap::new(), wanted: None };
        (onlooker, Observation { frames })
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

    /// Sends the next frame. Returns false if nobody is there to take it.
    fn send(&mut self, now: Instant, engine: &Engine) -> bool {
        self.due = now + self.interest.every.max(SHORTEST);
        let next = self.pending.keys().nth(MOST_CHANGES).copied();
        let rest = next.map(|next| self.pending.split_off(&next)).unwrap_or_default();
        let changes: Vec<_> = self.pending.values().cloned().collect();
        let inputs = changes.iter().filter(|change| change.direction == Direction::Input);
        let held_back = inputs.flat_map(|change| engine.held_back(change.instance, change.slot)).collect();
        match self.frames.try_send(Frame { plan: engine.plan().clone(), changes, held_back }) {
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

/// All onlookers of a show.
#[derive(Default)]
pub(crate) struct Onlookers {
    all: Vec<Onlooker>,
    /// Whether something has gone into the engine since its marks were collected.
    is_stale: bool,
}

impl Onlookers {
    /// There is one more, who begins with all that is known.
    pub(crate) fn add(&mut self, mut onlooker: Onlooker, engine: &mut Engine) {
        onlooker.find_channels(engine.plan());
        self.all.push(onlooker);
        engine.note_changes(true);
        self.is_stale = true;
    }

    /// Another plan runs: what was collected has the numbers of the one before, and the engine marks everything anew.
    pub(crate) fn handle_install(&mut self, plan: &Plan) {
        for onlooker in &mut self.all {
            onlooker.pending.clear();
            onlooker.find_channels(plan);
        }
        self.is_stale = true;
    }

    /// Something goes into the engine.
    pub(crate) fn handle_event(&mut self) {
        self.is_stale = true;
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let waiting = self.all.iter().filter(|onlooker| self.is_stale || !onlooker.pending.is_empty());
        waiting.map(|onlooker| onlooker.due).min()
    }

    /// Sends the frames that are due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, engine: &mut Engine) {
        if self.next_timeout().is_none_or(|due| due > now) {
            return;
        }
        let Self { all, is_stale } = self;
        let is_all = engine.drain_changes(MOST_CHANGES, |change| {
            all.iter_mut().for_each(|onlooker| onlooker.take(&change));
        });
        *is_stale = !is_all;
        all.retain_mut(|onlooker| {
            let is_due = onlooker.due <= now && !onlooker.pending.is_empty();
            !is_due || onlooker.send(now, engine)
        });
        if all.is_empty() {
            engine.note_changes(false);
        }
    }
}
