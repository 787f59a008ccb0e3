//! What goes to a console, in which order and how fast.
//!
//! Levels (faders, level-carrying commands) keep the latest value only: the first goes out at once, later ones when the
//! rate allows, and the last one always. Events (edges of buttons and keys, command lines) are never merged, reordered or
//! compared with each other; they overtake levels. A key that is pressed while it is down is released first, so that the
//! console counts each press. Turns of an encoder add up. While the console is not connected, nothing is kept, except that
//! a key that was pressed before a cut is released after it.
//!
//! Three limits apply, and the tightest counts: the rate (`rate` messages a second, [`BURST`] at once), the stream being full,
//! and [`WINDOW`] unanswered messages. The last protects consoles that answer each message and are slow; where a console
//! answers no message, the limit ends by itself.

use std::collections::{BTreeSet, VecDeque};

use crosspatch_core::{Duration, Instant, Slot, Text};

use super::channel::{LastValue, MappedChannel, MappedChannels, WaitingOutput};
use crate::shared::button::Edge;

/// How many messages may go out at once after a rest.
const BURST: u32 = 20;

/// How many messages may be unanswered.
const WINDOW: u32 = 64;

/// For how long a full window stops everything; after that the answers are taken to be lost.
const WINDOW_PATIENCE: Duration = Duration::from_millis(250);

/// A console that answers nothing while the window fills this many times does not answer such messages at all.
const MOST_TIMES_FULL: u32 = 2;

/// A motor fader that is sent a level reports the nearest one of its own: half a step of seven bits away at most.
const ECHO: f64 = 0.5 / 127.0;

/// How many events may wait. At the default rate, sending them takes twenty seconds; later ones would come too late.
const MOST_EVENTS: usize = 4096;

/// A message to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OutgoingCommand {
    /// A level.
    Level(Slot, f64),
    /// A press or release.
    Edge(Slot, bool),
    /// Something that happens once, with a text or without.
    Event(Slot, Option<Text>),
    /// A turn by so much.
    Turn(Slot, f64),
}

/// What became of an event.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It will be sent, or nothing needs to be sent.
    Yes,
    /// The console is not connected.
    Offline,
    /// Too many wait already.
    TooMany,
}

/// Shapes the output. What waits in a channel's record is queued here by its slot.
#[derive(Debug)]
pub(crate) struct Shaper {
    /// Presses, releases, command lines and answers, in their order.
    events: VecDeque<OutgoingCommand>,
    /// Slots with a level or a turn that waits, by the time from which on each may be sent.
    levels: BTreeSet<(Instant, Slot)>,
    pace: MessagePace,
    window: Window,
    fader_interval: Duration,
    settle: Duration,
    is_open: bool,
    is_full: bool,
}

impl Shaper {
    /// A shaper for a console that is not connected yet.
    pub(crate) fn new(rate: u32, fader_interval: Duration, settle: Duration) -> Self {
        Self {
            events: VecDeque::new(),
            levels: BTreeSet::new(),
            pace: MessagePace::new(Duration::from_secs(1) / rate.max(1)),
            window: Window::default(),
            fader_interval,
            settle,
            is_open: false,
            is_full: false,
        }
    }

    /// The console is ready and has no state of this remote. Keys that were released during the cut are released.
    pub(crate) fn open(&mut self, channels: &MappedChannels) {
        (self.is_open, self.window) = (true, Window::default());
        let released = channels.iter().filter(|channel| channel.key.is_down && !channel.key.button.is_down());
        self.events.extend(released.map(|channel| OutgoingCommand::Edge(channel.slot, false)));
    }

    /// The connection is gone: nothing waits any more. The console received what was sent until `last_received` and perhaps
    /// nothing later, so that releases since then will be repeated.
    pub(crate) fn close(&mut self, last_received: Instant, channels: &mut MappedChannels) {
        self.is_open = false;
        self.events.clear();
        self.levels.clear();
        for MappedChannel { fader, key, .. } in channels.iter_mut() {
            (fader.waiting, fader.on_console, fader.queued) = (None, None, None);
            (fader.next_at, fader.echoes_until) = (Instant::START, Instant::START);
            key.is_down |= key.released_at.is_some_and(|at| at > last_received);
            key.is_accepted = key.is_down;
        }
    }

    /// Takes a level. `is_same` says whether it makes no difference to the console, compared with the console's level.
    pub(crate) fn level(
        &mut self,
        now: Instant,
        channel: &mut MappedChannel,
        level: f64,
        is_same: impl Fn(f64) -> bool,
    ) {
        if !self.is_open {
            return;
        }
        let fader = &channel.fader;
        let is_echo = |other: f64| now < fader.echoes_until && (other - level).abs() <= ECHO;
        if !fader.on_console.is_some_and(|other| is_same(other) || is_echo(other)) {
            self.enqueue(now, channel, WaitingOutput::Level(level));
        } else if self.cancel(channel) {
            channel.settles_at = now + self.settle;
        }
    }

    /// Takes a turn of an encoder; turns that wait add up.
    pub(crate) fn turn(&mut self, now: Instant, channel: &mut MappedChannel, by: f64) {
        let before = match channel.fader.waiting {
            Some(WaitingOutput::Turn(before)) => before,
            Some(WaitingOutput::Level(_)) | None => 0.0,
        };
        if self.is_open {
            self.enqueue(now, channel, WaitingOutput::Turn(before + by));
        }
    }

    /// Takes a press or release. Every press counts: one without a release before it is sent that release first.
    pub(crate) fn edge(&mut self, channel: &mut MappedChannel, edge: Edge) -> Taken {
        let (slot, key) = (channel.slot, &mut channel.key);
        if edge == Edge::Release {
            // However many events wait, the release of a press that was accepted goes out.
            if self.is_open && std::mem::take(&mut key.is_accepted) {
                self.events.push_back(OutgoingCommand::Edge(slot, false));
            }
            return Taken::Yes;
        }
        if !self.is_open {
            return Taken::Offline;
        }
        let is_further = edge == Edge::PressAgain && key.is_accepted;
        let is_room = self.events.len() < MOST_EVENTS;
        // The release of a press that was left out is left out, too, but not that of an earlier one that was accepted.
        key.is_accepted = is_room || is_further;
        if !is_room {
            return Taken::TooMany;
        }
        if is_further {
            self.events.push_back(OutgoingCommand::Edge(slot, false));
        }
        self.events.push_back(OutgoingCommand::Edge(slot, true));
        Taken::Yes
    }

    /// Takes something that happens once, with a text or without.
    pub(crate) fn event(&mut self, slot: Slot, text: Option<Text>) -> Taken {
        if !self.is_open {
            Taken::Offline
        } else if self.events.len() >= MOST_EVENTS {
            Taken::TooMany
        } else {
            self.events.push_back(OutgoingCommand::Event(slot, text));
            Taken::Yes
        }
    }

    /// Forgets a channel that is no longer an output; if it is pressed, it is released.
    pub(crate) fn forget(&mut self, channel: &mut MappedChannel) {
        if std::mem::take(&mut channel.key.button).is_down() {
            self.edge(channel, Edge::Release);
        }
        self.cancel(channel);
        channel.fader.on_console = None;
    }

    /// The stream is full.
    pub(crate) fn handle_full(&mut self) {
        self.is_full = true;
    }

    /// The stream has room again.
    pub(crate) fn handle_writable(&mut self) {
        self.is_full = false;
    }

    /// The console has answered a message; whether one was waiting for that.
    pub(crate) fn handle_answer(&mut self) -> bool {
        self.window.handle_answer()
    }

    /// The next message that may be sent now. It is out of the queue; [`sent`](Self::sent) is called when it was sent.
    pub(crate) fn next(&mut self, now: Instant, channels: &mut MappedChannels) -> Option<OutgoingCommand> {
        if !self.is_open || self.is_full || self.pace.ready_at() > now || !self.window.is_open(now) {
            return None;
        }
        if let Some(event) = self.events.pop_front() {
            if let OutgoingCommand::Edge(slot, pressed) = event
                && let Some(MappedChannel { key, .. }) = channels.get_mut(slot)
            {
                (key.is_down, key.released_at) = (pressed, (!pressed).then_some(now));
            }
            return Some(event);
        }
        let (_, slot) = *self.levels.first().filter(|(at, _)| *at <= now)?;
        self.levels.pop_first();
        let channel = channels.get_mut(slot)?;
        let fader = &mut channel.fader;
        (fader.queued, fader.next_at) = (None, now + self.fader_interval);
        match fader.waiting.take()? {
            WaitingOutput::Level(level) => {
                (fader.on_console, fader.echoes_until) = (Some(level), Instant::START);
                (channel.last_value, channel.settles_at) = (LastValue::Number(level), now + self.settle);
                Some(OutgoingCommand::Level(slot, level))
            }
            WaitingOutput::Turn(by) => Some(OutgoingCommand::Turn(slot, by)),
        }
    }

    /// A message was sent.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.pace.spend(now);
        self.window.spend(now);
    }

    /// When there may be something to send without anything else happening.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        if !self.is_open || self.is_full {
            return None;
        }
        let first = if self.events.is_empty() { self.levels.first()?.0 } else { Instant::START };
        let limits = self.pace.ready_at().max(self.window.opens_at().unwrap_or(Instant::START));
        Some(first.max(limits))
    }

    fn enqueue(&mut self, now: Instant, channel: &mut MappedChannel, waiting: WaitingOutput) {
        let fader = &mut channel.fader;
        fader.waiting = Some(waiting);
        if fader.queued.is_none() {
            let at = fader.next_at.max(now);
            fader.queued = Some(at);
            self.levels.insert((at, channel.slot));
        }
    }

    /// Takes back a level or turn that waits; whether there was one.
    fn cancel(&mut self, channel: &mut MappedChannel) -> bool {
        if let Some(at) = channel.fader.queued.take() {
            self.levels.remove(&(at, channel.slot));
        }
        channel.fader.waiting.take().is_some()
    }
}

/// Lets [`BURST`] messages through at once and then one per `gap`, as a clock that each message sets forward.
#[derive(Debug)]
struct MessagePace {
    gap: Duration,
    spent_until: Instant,
}

impl MessagePace {
    fn new(gap: Duration) -> Self {
        Self { gap, spent_until: Instant::START }
    }

    fn ready_at(&self) -> Instant {
        let ahead = self.gap * (BURST - 1);
        Instant::from_micros(self.spent_until.as_micros().saturating_sub(ahead.as_micros() as u64))
    }

    fn spend(&mut self, now: Instant) {
        self.spent_until = self.spent_until.max(now) + self.gap;
    }
}

/// Counts messages that wait for an answer.
#[derive(Debug, Default)]
struct Window {
    unanswered: u32,
    last_sent: Instant,
    times_full: u32,
}

impl Window {
    fn is_open(&mut self, now: Instant) -> bool {
        if self.opens_at().is_some_and(|at| at <= now) {
            self.unanswered = 0;
            self.times_full += 1;
        }
        self.opens_at().is_none()
    }

    /// When a closed window opens by itself.
    fn opens_at(&self) -> Option<Instant> {
        let is_closed = self.unanswered >= WINDOW && self.times_full < MOST_TIMES_FULL;
        is_closed.then(|| self.last_sent + WINDOW_PATIENCE)
    }

    fn spend(&mut self, now: Instant) {
        self.unanswered = self.unanswered.saturating_add(1);
        self.last_sent = now;
    }

    fn handle_answer(&mut self) -> bool {
        self.times_full = 0;
        let is_awaited = self.unanswered > 0;
        self.unanswered = self.unanswered.saturating_sub(1);
        is_awaited
    }
}

#[cfg(test)]
mod tests;
