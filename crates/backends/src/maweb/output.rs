//! Messages to a console: their order and rate.
//!
//! Of levels (faders, commands with a level) only the latest value is kept: the first is sent immediately, later ones
//! when the rate allows, and the last one always. Events (edges of buttons and keys, command lines) are never merged,
//! reordered or compared with each other; they overtake levels. A key that is pressed while it is down is released
//! first, so that the console counts each press. Turns of an encoder are added. While the console is not connected,
//! nothing is queued, except the release of a key that was pressed before the disconnect.
//!
//! Three limits apply, and the tightest counts: the rate (`rate` messages per second, [`BURST`] at once), a full
//! stream, and the [`Window`], which waits for a slow console and for one that has stopped answering. Whichever counts, the
//! fader that has waited longest is next: all get the same share.

mod window;

use std::collections::{BTreeSet, VecDeque};

use crosspatch_core::{Duration, Instant, Slot, Text};

use super::channel::{MappedChannel, MappedChannels, WaitingOutput};
use crate::shared::button::Edge;
use window::Window;

/// The maximum number of messages sent at once after a pause.
const BURST: u32 = 20;

/// A motor fader reports the nearest of its own levels: at most half a step of seven bits away.
const ECHO: f64 = 0.5 / 127.0;

/// The maximum number of queued events. At the default rate, sending them takes four seconds, at 200 a second twenty; later
/// ones would be too late.
const MOST_EVENTS: usize = 4096;

/// A message to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OutgoingCommand {
    /// A level.
    Level(Slot, f64),
    /// A press or release.
    Edge(Slot, bool),
    /// A one-time event, with or without a text.
    Event(Slot, Option<Text>),
    /// A turn by this amount.
    Turn(Slot, f64),
}

/// The result of an event.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It will be sent, or nothing needs to be sent.
    Yes,
    /// The console is not connected.
    Offline,
    /// Too many events are queued.
    TooMany,
}

/// Shapes the output. The output waiting in a channel's record is queued here by slot.
#[derive(Debug)]
pub(crate) struct Shaper {
    /// Presses, releases, command lines and answers, in order.
    events: VecDeque<OutgoingCommand>,
    /// Slots with a waiting level or turn, by the earliest time to send each.
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

    /// Called when the console is ready, without any state of this remote. Sends the releases of keys that were
    /// released while it was disconnected.
    pub(crate) fn open(&mut self, channels: &MappedChannels) {
        (self.is_open, self.window) = (true, Window::default());
        let released = channels.iter().filter(|channel| channel.key.is_down && !channel.key.button.is_down());
        self.events.extend(released.map(|channel| OutgoingCommand::Edge(channel.slot, false)));
    }

    /// Called when the connection is closed; empties the queues. The console received what was sent until
    /// `last_received`, and perhaps nothing later, so later releases are repeated.
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

    /// Queues a level. `is_same` compares it with the console's level, and returns whether the console would see no
    /// difference.
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

    /// Queues a turn of an encoder; waiting turns are added.
    pub(crate) fn turn(&mut self, now: Instant, channel: &mut MappedChannel, by: f64) {
        let before = match channel.fader.waiting {
            Some(WaitingOutput::Turn(before)) => before,
            Some(WaitingOutput::Level(_)) | None => 0.0,
        };
        if self.is_open {
            self.enqueue(now, channel, WaitingOutput::Turn(before + by));
        }
    }

    /// Queues a press or release. Every press counts: a press without a previous release is preceded by that release.
    pub(crate) fn edge(&mut self, channel: &mut MappedChannel, edge: Edge) -> Taken {
        let (slot, key) = (channel.slot, &mut channel.key);
        if edge == Edge::Release {
            // The release of an accepted press is sent, however many events are queued.
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
        // The release of a dropped press is dropped, too, but not that of an earlier accepted press.
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

    /// Queues a one-time event, with or without a text.
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

    /// Removes a channel that is no longer an output. If it is pressed, it is released.
    pub(crate) fn forget(&mut self, channel: &mut MappedChannel) {
        if std::mem::take(&mut channel.key.button).is_down() {
            self.edge(channel, Edge::Release);
        }
        self.cancel(channel);
        channel.fader.on_console = None;
    }

    /// Called when the stream is full.
    pub(crate) fn handle_full(&mut self) {
        self.is_full = true;
    }

    /// Called when the stream has room again.
    pub(crate) fn handle_writable(&mut self) {
        self.is_full = false;
    }

    /// Called when the console has sent anything.
    pub(crate) fn handle_received(&mut self) {
        self.window.handle_received();
    }

    /// Called when the console has acknowledged a message. Returns whether a message was waiting for that.
    pub(crate) fn handle_acknowledgement(&mut self) -> bool {
        self.window.handle_acknowledgement()
    }

    /// Whether a question that every console answers has to be asked, to learn whether it keeps up.
    pub(crate) fn wants_question(&self) -> bool {
        self.is_open && !self.is_full && self.window.wants_question()
    }

    /// Called when such a question was asked.
    pub(crate) fn note_question(&mut self, now: Instant) {
        self.window.note_question(now);
    }

    /// Called when such a question was answered.
    pub(crate) fn handle_question_answered(&mut self) {
        self.window.handle_question_answered();
    }

    /// Removes and returns the next message that may be sent. The caller must call [`sent`](Self::sent) when it was
    /// sent.
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
                channel.note_sent(level, now + self.settle);
                Some(OutgoingCommand::Level(slot, level))
            }
            WaitingOutput::Turn(by) => Some(OutgoingCommand::Turn(slot, by)),
        }
    }

    /// Records a sent message.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.pace.spend(now);
        self.window.spend();
    }

    /// The next time at which a message may become sendable without another event.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        if !self.is_open || self.is_full {
            return None;
        }
        let first = if self.events.is_empty() { self.levels.first()?.0 } else { Instant::START };
        let at = first.max(self.pace.ready_at());
        // A closed window opens when the console sends something.
        self.window.is_open(at).then_some(at)
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

    /// Removes a waiting level or turn. Returns whether there was one.
    fn cancel(&mut self, channel: &mut MappedChannel) -> bool {
        if let Some(at) = channel.fader.queued.take() {
            self.levels.remove(&(at, channel.slot));
        }
        channel.fader.waiting.take().is_some()
    }
}

/// Passes [`BURST`] messages at once and then one per `gap`, as a clock that each message sets forward.
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

#[cfg(test)]
mod tests;
