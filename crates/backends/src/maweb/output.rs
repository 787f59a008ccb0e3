//! What goes to a console, in which order and how fast.
//!
//! Levels (faders, level-carrying commands) keep the latest value only: the first goes out at once, later ones when the
//! rate allows, and the last one always. Events (edges of buttons and keys, command lines) are never merged, reordered or
//! compared with each other; they overtake levels. A key that is pressed while it is down is released first, so that each
//! press is one for the console. Turns of an encoder add up. Nothing is kept for a console that is not there, except that
//! what was pressed before a cut is released after it.
//!
//! Three brakes, of which the tightest counts: the rate (`rate` messages a second, [`BURST`] at once), the stream being full,
//! and [`WINDOW`] unanswered messages. The last is for consoles that answer each message and fall behind; it lets go by
//! itself where they do not answer.

use std::collections::{BTreeSet, VecDeque};

use crosspatch_core::{Duration, Instant, Slot, Text};

/// How many messages may go out at once after a rest.
const BURST: u32 = 20;

/// How many messages may be unanswered.
const WINDOW: u32 = 64;

/// For how long a full window stops everything; after that the answers are taken to be lost.
const WINDOW_PATIENCE: Duration = Duration::from_millis(250);

/// A console that lets the window fill this many times without answering anything does not answer such messages at all.
const WINDOW_STRIKES: u32 = 2;

/// A motor fader that is sent a level reports the nearest one it can stand at: half a step of seven bits away at most.
const ECHO: f64 = 0.5 / 127.0;

/// How many events may wait. At the default rate that is twenty seconds: nobody would want them any more.
const MOST_EVENTS: usize = 4096;

/// A message to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Send {
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
    /// It will be sent, or there is nothing to send.
    Yes,
    /// The console is not there.
    Offline,
    /// Too many wait already.
    TooMany,
}

/// Shapes the output.
#[derive(Debug)]
pub(crate) struct Shaper {
    slots: Vec<State>,
    events: VecDeque<Event>,
    /// Slots with a level or a turn that waits, by the time from which on each may be sent.
    levels: BTreeSet<(Instant, Slot)>,
    pace: Pace,
    window: Window,
    level_interval: Duration,
    is_open: bool,
    is_full: bool,
}

#[derive(Clone, Debug, Default)]
struct State {
    wanted: Option<Wanted>,
    /// The level that the console was told or told us last.
    known: Option<f64>,
    /// The console told it, and until then whatever is nearly the same is taken for its echo.
    echoes_until: Instant,
    next_at: Instant,
    /// Its time among the levels that wait.
    queued: Option<Instant>,
    is_pressed: bool,
    /// The last press was taken, so that its release will be, too.
    is_taken: bool,
    /// The console was told of a press and not of the release.
    is_down: bool,
    released_at: Option<Instant>,
}

#[derive(Clone, Debug)]
enum Wanted {
    Level(f64),
    Turn(f64),
}

#[derive(Clone, Debug)]
enum Event {
    Edge(Slot, bool),
    Text(Slot, Option<Text>),
}

impl Shaper {
    /// A shaper for a console that is not there yet.
    pub(crate) fn new(rate: u32, level_interval: Duration) -> Self {
        Self {
            slots: Vec::new(),
            events: VecDeque::new(),
            levels: BTreeSet::new(),
            pace: Pace::new(Duration::from_secs(1) / rate.max(1)),
            window: Window::default(),
            level_interval,
            is_open: false,
            is_full: false,
        }
    }

    /// The console is there and knows nothing: what was pressed and has been let go is released.
    pub(crate) fn open(&mut self) {
        (self.is_open, self.window) = (true, Window::default());
        for (slot, state) in (0..).map(Slot).zip(&mut self.slots) {
            if state.is_down && !state.is_pressed {
                self.events.push_back(Event::Edge(slot, false));
            }
        }
    }

    /// The console is gone: nothing waits any more. It has heard what was sent until `heard` and perhaps nothing later, so
    /// that releases since then will be repeated.
    pub(crate) fn close(&mut self, heard: Instant) {
        self.is_open = false;
        self.events.clear();
        self.levels.clear();
        for state in &mut self.slots {
            (state.wanted, state.known, state.queued) = (None, None, None);
            (state.next_at, state.echoes_until) = (Instant::START, Instant::START);
            state.is_down |= state.released_at.is_some_and(|at| at > heard);
            state.is_taken = state.is_down;
        }
    }

    /// A level. `is_same` tells whether the console would not notice a change from the level that it knows.
    pub(crate) fn level(&mut self, now: Instant, slot: Slot, level: f64, is_same: impl Fn(f64) -> bool) {
        if !self.is_open {
            return;
        }
        let state = self.state(slot);
        let is_echo = |known: f64| now < state.echoes_until && (known - level).abs() <= ECHO;
        if state.known.is_some_and(|known| is_same(known) || is_echo(known)) {
            self.cancel(slot);
        } else {
            state.wanted = Some(Wanted::Level(level));
            self.enqueue(now, slot);
        }
    }

    /// The console has told a level by itself; what comes back from the other side until `echoes_until` may be its echo.
    pub(crate) fn learn(&mut self, slot: Slot, level: f64, echoes_until: Instant) {
        let state = self.state(slot);
        (state.known, state.echoes_until) = (Some(level), echoes_until);
    }

    /// Whether a level waits to be sent.
    pub(crate) fn is_waiting(&self, slot: Slot) -> bool {
        self.slots.get(slot.index()).is_some_and(|state| state.wanted.is_some())
    }

    /// A turn of an encoder; turns that wait add up.
    pub(crate) fn turn(&mut self, now: Instant, slot: Slot, by: f64) {
        if !self.is_open {
            return;
        }
        let state = self.state(slot);
        let before = match state.wanted {
            Some(Wanted::Turn(before)) => before,
            Some(Wanted::Level(_)) | None => 0.0,
        };
        state.wanted = Some(Wanted::Turn(before + by));
        self.enqueue(now, slot);
    }

    /// A press or release. Every press counts: one without a release before it gets that release. A release without a press
    /// is none.
    pub(crate) fn edge(&mut self, slot: Slot, pressed: bool) -> Taken {
        if pressed { self.press(slot) } else { self.release(slot) }
    }

    fn press(&mut self, slot: Slot) -> Taken {
        let (is_open, waiting) = (self.is_open, self.events.len());
        let state = self.state(slot);
        let is_further = std::mem::replace(&mut state.is_pressed, true) && state.is_taken;
        if !is_open {
            return Taken::Offline;
        }
        if waiting >= MOST_EVENTS {
            // The release of a press that was left out is left out, too, but not that of an earlier one that was taken.
            state.is_taken = is_further;
            return Taken::TooMany;
        }
        state.is_taken = true;
        if is_further {
            self.events.push_back(Event::Edge(slot, false));
        }
        self.events.push_back(Event::Edge(slot, true));
        Taken::Yes
    }

    fn release(&mut self, slot: Slot) -> Taken {
        let is_open = self.is_open;
        let state = self.state(slot);
        // However many events wait, the release of a press that was taken goes out.
        if std::mem::take(&mut state.is_pressed) && is_open && std::mem::take(&mut state.is_taken) {
            self.events.push_back(Event::Edge(slot, false));
        }
        Taken::Yes
    }

    /// Whether the last edge was a press.
    pub(crate) fn is_pressed(&self, slot: Slot) -> bool {
        self.slots.get(slot.index()).is_some_and(|state| state.is_pressed)
    }

    /// Something that happens once: a press that has no release.
    pub(crate) fn fire(&mut self, slot: Slot) -> Taken {
        self.event(slot, None)
    }

    /// Something that happens once for each text.
    pub(crate) fn text(&mut self, slot: Slot, text: Text) -> Taken {
        self.event(slot, Some(text))
    }

    /// Forgets a channel that is not mapped any more; what is pressed is released.
    pub(crate) fn forget(&mut self, slot: Slot) {
        self.edge(slot, false);
        self.cancel(slot);
        self.state(slot).known = None;
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

    /// The next message that may be sent now. It is out of the queue; [`sent`](Self::sent) says that it went out.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Send> {
        if !self.is_open || self.is_full || self.pace.ready_at() > now || !self.window.is_open(now) {
            return None;
        }
        if let Some(event) = self.events.pop_front() {
            return Some(match event {
                Event::Edge(slot, pressed) => {
                    let state = self.state(slot);
                    state.is_down = pressed;
                    state.released_at = if pressed { None } else { Some(now) };
                    Send::Edge(slot, pressed)
                }
                Event::Text(slot, text) => Send::Event(slot, text),
            });
        }
        let (_, slot) = *self.levels.first().filter(|(at, _)| *at <= now)?;
        let wanted = self.state(slot).wanted.take();
        self.cancel(slot);
        let interval = self.level_interval;
        let state = self.state(slot);
        state.next_at = now + interval;
        match wanted? {
            Wanted::Level(level) => {
                (state.known, state.echoes_until) = (Some(level), Instant::START);
                Some(Send::Level(slot, level))
            }
            Wanted::Turn(by) => Some(Send::Turn(slot, by)),
        }
    }

    /// A message went out.
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
        let brakes = self.pace.ready_at().max(self.window.opens_at().unwrap_or(Instant::START));
        Some(first.max(brakes))
    }

    fn event(&mut self, slot: Slot, text: Option<Text>) -> Taken {
        if !self.is_open {
            Taken::Offline
        } else if self.events.len() >= MOST_EVENTS {
            Taken::TooMany
        } else {
            self.events.push_back(Event::Text(slot, text));
            Taken::Yes
        }
    }

    fn enqueue(&mut self, now: Instant, slot: Slot) {
        let state = self.state(slot);
        if state.queued.is_none() {
            let at = state.next_at.max(now);
            state.queued = Some(at);
            self.levels.insert((at, slot));
        }
    }

    /// Nothing of the slot waits any more.
    fn cancel(&mut self, slot: Slot) {
        let state = self.state(slot);
        state.wanted = None;
        if let Some(at) = state.queued.take() {
            self.levels.remove(&(at, slot));
        }
    }

    fn state(&mut self, slot: Slot) -> &mut State {
        if slot.index() >= self.slots.len() {
            self.slots.resize(slot.index() + 1, State::default());
        }
        &mut self.slots[slot.index()]
    }
}

/// Lets [`BURST`] messages through at once and then one per `gap`, as a clock that each message sets forward.
#[derive(Debug)]
struct Pace {
    gap: Duration,
    spent_until: Instant,
}

impl Pace {
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
    strikes: u32,
}

impl Window {
    fn is_open(&mut self, now: Instant) -> bool {
        if self.opens_at().is_some_and(|at| at <= now) {
            self.unanswered = 0;
            self.strikes += 1;
        }
        self.opens_at().is_none()
    }

    /// When a closed window opens by itself.
    fn opens_at(&self) -> Option<Instant> {
        let is_closed = self.unanswered >= WINDOW && self.strikes < WINDOW_STRIKES;
        is_closed.then(|| self.last_sent + WINDOW_PATIENCE)
    }

    fn spend(&mut self, now: Instant) {
        self.unanswered = self.unanswered.saturating_add(1);
        self.last_sent = now;
    }

    fn handle_answer(&mut self) -> bool {
        self.strikes = 0;
        let is_awaited = self.unanswered > 0;
        self.unanswered = self.unanswered.saturating_sub(1);
        is_awaited
    }
}

#[cfg(test)]
mod tests;
