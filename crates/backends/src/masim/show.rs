//! The show of a simulated console: pages of executors, masters, and the effects of faders and keys.
//!
//! Nothing runs by itself: a fade or a chase has a start time, and its progress is computed when it is read.

use std::collections::BTreeMap;

use crosspatch_core::{Duration, Instant};

use crate::maweb::wire::{Color, ConsoleFamily};

/// The position of an executor: page and number as messages count them, from 0.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ExecutorPosition {
    pub(super) page: u32,
    pub(super) index: u32,
}

/// The show.
#[derive(Debug)]
pub(super) struct Show {
    pub(super) console: ConsoleFamily,
    pub(super) pages: BTreeMap<u32, Page>,
    /// Levels of the special masters, by their two numbers; 0 to 1.
    masters: BTreeMap<(u32, u32), f64>,
    /// The page that the console's own screens show, counted from 1: of faders and of buttons.
    pub(super) fader_page: u32,
    pub(super) button_page: u32,
    /// The selected executor, for keys without a number.
    pub(super) selected: Option<ExecutorPosition>,
    next_object: u32,
    last_tap: Option<Instant>,
}

/// A page.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The assignments; numbers that were never used are missing.
    pub(super) executors: BTreeMap<u32, PageEntry>,
}

/// The state of a number on a page that is or was used.
#[derive(Clone, Debug)]
pub(super) enum PageEntry {
    Assigned(AssignedExecutor),
    /// Something was assigned before.
    Cleared,
}

/// An executor with something assigned.
#[derive(Clone, Debug)]
pub(super) struct AssignedExecutor {
    pub(super) kind: AssignedObject,
    pub(super) name: String,
    pub(super) color: Color,
    /// The number of the assigned object in its pool.
    pub(super) object: u32,
    /// The number of executors that it occupies.
    pub(super) width: u32,
    /// The functions of its keys. A button executor only has the first.
    pub(super) functions: [Function; 3],
    /// The position of its fader.
    pub(super) level: f64,
    pub(super) is_fixed: bool,
    /// Since when it runs, if it does.
    pub(super) run: Option<Playback>,
    /// Whether a held key has switched it on.
    is_held: bool,
}

/// The assigned object.
#[derive(Clone, Debug)]
pub(super) enum AssignedObject {
    /// A list of cues. With `follows`, each cue is followed by the next after its time, in a loop.
    Sequence { priority: Priority, cues: Vec<Cue>, follows: bool },
    /// An effect, with its speed in beats per minute.
    Effect { bpm: f64, fade: Duration },
    /// A command line.
    Macro { command: String },
    /// A group master.
    Group,
    /// A special master, by its numbers.
    Special(u32, u32),
}

/// The priority of a sequence.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Priority {
    Htp,
    Ltp,
    Super,
}

/// A cue.
#[derive(Clone, Debug)]
pub(super) struct Cue {
    pub(super) number: String,
    pub(super) name: String,
    pub(super) fade: Duration,
}

/// The playback state of an executor.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) struct Playback {
    /// The current cue.
    pub(super) cue: usize,
    /// When it began.
    pub(super) since: Instant,
    /// When its fade was halted, if it was.
    pub(super) halted: Option<Instant>,
}

/// The function of an executor's key.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Empty,
    Black,
    DoubleSpeed,
    Flash,
    Go,
    GoBack,
    HalfSpeed,
    Learn,
    Off,
    On,
    Pause,
    Rate1,
    SelFix,
    Select,
    Swap,
    Temp,
    Toggle,
    Top,
}

/// The result of an action, for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Touched {
    /// Only the state of the console has changed.
    Done,
    /// The command line of a macro has to be executed.
    Runs(String),
    /// Nothing is assigned there.
    Nothing,
}

impl Function {
    /// The name as the console writes it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Black => "Black",
            Self::DoubleSpeed => "DS",
            Self::Flash => "Flash",
            Self::Go => "Go",
            Self::GoBack => "GoBack",
            Self::HalfSpeed => "HS",
            Self::Learn => "Learn",
            Self::Off => "Off",
            Self::On => "On",
            Self::Pause => "Pause",
            Self::Rate1 => "Rate1",
            Self::SelFix => "SelFix",
            Self::Select => "Select",
            Self::Swap => "Swap",
            Self::Temp => "Temp",
            Self::Toggle => "Toggle",
            Self::Top => "Top",
        }
    }
}

impl AssignedExecutor {
    /// An executor one number wide, off, its fader down.
    pub(super) fn new(
        kind: AssignedObject,
        object: u32,
        name: &str,
        color: u32,
        functions: [Function; 3],
    ) -> Self {
        let [_, red, green, blue] = color.to_be_bytes();
        Self {
            kind,
            name: name.to_owned(),
            color: Color([red, green, blue]),
            object,
            width: 1,
            functions,
            level: 0.0,
            is_fixed: false,
            run: None,
            is_held: false,
        }
    }

    /// The current cue at a time, and the progress of its fade.
    pub(super) fn position(&self, now: Instant) -> Option<(usize, f64)> {
        let run = self.run?;
        let passed = run.halted.unwrap_or(now).since(run.since);
        let AssignedObject::Sequence { cues, follows, .. } = &self.kind else { return Some((0, 1.0)) };
        let fade = |cue: usize| cues.get(cue).map_or(Duration::ZERO, |cue| cue.fade);
        if *follows {
            let round: Duration = cues.iter().map(|cue| cue.fade).sum();
            if round.is_zero() {
                return Some((run.cue, 1.0));
            }
            let mut left = Duration::from_micros((passed.as_micros() % round.as_micros()) as u64);
            let mut cue = run.cue;
            while left >= fade(cue) {
                left -= fade(cue);
                cue = (cue + 1) % cues.len();
            }
            return Some((cue, left.as_secs_f64() / fade(cue).as_secs_f64()));
        }
        let fade = fade(run.cue);
        let progress = if passed >= fade { 1.0 } else { passed.as_secs_f64() / fade.as_secs_f64() };
        Some((run.cue, progress))
    }

    /// Goes to the next or the previous cue.
    fn step(&mut self, now: Instant, forward: bool) {
        let count = match &self.kind {
            AssignedObject::Sequence { cues, .. } => cues.len().max(1),
            AssignedObject::Effect { .. } => 1,
            AssignedObject::Macro { .. } | AssignedObject::Group | AssignedObject::Special(..) => return,
        };
        let cue = match (self.position(now), forward) {
            (None, true) => 0,
            (None, false) => count - 1,
            (Some((cue, _)), true) => (cue + 1) % count,
            (Some((cue, _)), false) => (cue + count - 1) % count,
        };
        self.run = Some(Playback { cue, since: now, halted: None });
        if self.is_htp() && self.level == 0.0 {
            self.level = 1.0;
        }
    }

    fn switch(&mut self, now: Instant, on: bool) {
        if on && self.run.is_none() {
            self.step(now, true);
        } else if !on {
            self.run = None;
            if self.is_htp() {
                self.level = 0.0;
            }
        }
    }

    fn halt(&mut self, now: Instant) {
        if let Some(run) = &mut self.run {
            match run.halted.take() {
                // A halted fade continues where it was.
                Some(halted) => {
                    run.since = Instant::from_micros(
                        now.as_micros().saturating_sub(halted.since(run.since).as_micros() as u64),
                    )
                }
                None => run.halted = Some(now),
            }
        }
    }

    fn is_htp(&self) -> bool {
        matches!(self.kind, AssignedObject::Sequence { priority: Priority::Htp, .. })
    }
}

impl Show {
    /// An empty show.
    pub(super) fn new(console: ConsoleFamily) -> Self {
        Self {
            console,
            pages: BTreeMap::new(),
            masters: BTreeMap::new(),
            fader_page: 1,
            button_page: 1,
            selected: None,
            next_object: 100,
            last_tap: None,
        }
    }

    /// Assigns an object, by page and number counted from 1.
    pub(super) fn assign(&mut self, page: u32, number: u32, executor: AssignedExecutor) {
        let executors = &mut self.pages.entry(page - 1).or_default().executors;
        executors.insert(number - 1, PageEntry::Assigned(executor));
    }

    /// The assignment at a position. Every number of a wide executor leads to the same executor.
    pub(super) fn executor(&self, place: ExecutorPosition) -> Option<&AssignedExecutor> {
        let page = self.pages.get(&place.page)?;
        match page.executors.range(..=place.index).next_back()? {
            (at, PageEntry::Assigned(executor)) if place.index < at + executor.width => Some(executor),
            (_, PageEntry::Assigned(_) | PageEntry::Cleared) => None,
        }
    }

    /// As [`executor`](Self::executor), mutable.
    pub(super) fn executor_mut(&mut self, place: ExecutorPosition) -> Option<&mut AssignedExecutor> {
        let page = self.pages.get_mut(&place.page)?;
        match page.executors.range_mut(..=place.index).next_back()? {
            (at, PageEntry::Assigned(executor)) if place.index < at + executor.width => Some(executor),
            (_, PageEntry::Assigned(_) | PageEntry::Cleared) => None,
        }
    }

    /// The position of the fader of an executor.
    pub(super) fn level(&self, executor: &AssignedExecutor) -> f64 {
        match executor.kind {
            AssignedObject::Special(kind, number) => self.master(kind, number),
            AssignedObject::Sequence { .. }
            | AssignedObject::Effect { .. }
            | AssignedObject::Macro { .. }
            | AssignedObject::Group => executor.level,
        }
    }

    /// The level of a special master.
    pub(super) fn master(&self, kind: u32, number: u32) -> f64 {
        // The grand master is open, rates are 1:1, everything else is down.
        let rest = match kind {
            2 => 1.0,
            4 => 0.5,
            _ => 0.0,
        };
        self.masters.get(&(kind, number)).copied().unwrap_or(rest)
    }

    /// Sets a special master.
    pub(super) fn set_master(&mut self, kind: u32, number: u32, level: f64) {
        self.masters.insert((kind, number), level.clamp(0.0, 1.0));
    }

    /// Moves a fader.
    pub(super) fn move_fader(&mut self, now: Instant, place: ExecutorPosition, level: f64) -> Touched {
        let level = if level.is_nan() { 0.0 } else { level.clamp(0.0, 1.0) };
        let Some(executor) = self.executor_mut(place) else { return Touched::Nothing };
        if let AssignedObject::Special(kind, number) = executor.kind {
            self.set_master(kind, number, level);
            return Touched::Done;
        }
        // A sequence with the highest-takes-precedence fader starts when it leaves zero and ends when it is back.
        if executor.is_htp() && (level > 0.0) != executor.run.is_some() {
            executor.switch(now, level > 0.0);
        }
        executor.level = level;
        Touched::Done
    }

    /// Presses or releases a key of an executor.
    pub(super) fn press(
        &mut self,
        now: Instant,
        place: ExecutorPosition,
        key: u32,
        pressed: bool,
    ) -> Touched {
        let Some(executor) = self.executor(place) else { return Touched::Nothing };
        let Some(function) = executor.functions.get(key as usize) else { return Touched::Nothing };
        self.perform(now, place, *function, pressed)
    }

    /// Performs the function of a key.
    pub(super) fn perform(
        &mut self,
        now: Instant,
        place: ExecutorPosition,
        function: Function,
        pressed: bool,
    ) -> Touched {
        let tap = self.last_tap;
        let Some(executor) = self.executor_mut(place) else { return Touched::Nothing };
        match (function, pressed) {
            (Function::Flash | Function::Temp | Function::Swap, true) => {
                // A repeated press without a release in between has no effect.
                if executor.run.is_none() {
                    executor.is_held = true;
                    let level = executor.level;
                    executor.switch(now, true);
                    executor.level = level;
                }
            }
            (Function::Flash | Function::Temp | Function::Swap, false) => {
                if std::mem::take(&mut executor.is_held) {
                    executor.run = None;
                }
            }
            (_, false) => {}
            (Function::Go, true) => {
                if let AssignedObject::Macro { command } = &executor.kind {
                    return Touched::Runs(command.clone());
                }
                executor.step(now, true);
            }
            (Function::GoBack, true) => executor.step(now, false),
            (Function::On, true) => executor.switch(now, true),
            (Function::Off, true) => executor.switch(now, false),
            (Function::Toggle, true) => executor.switch(now, executor.run.is_none()),
            (Function::Pause, true) => executor.halt(now),
            (Function::Top, true) => executor.level = 1.0,
            (Function::Select, true) => self.selected = Some(place),
            (Function::DoubleSpeed | Function::HalfSpeed, true) => {
                let factor = if function == Function::DoubleSpeed { 2.0 } else { 0.5 };
                match &mut executor.kind {
                    AssignedObject::Effect { bpm, .. } => *bpm = (*bpm * factor).clamp(1.0, SPEED_AT_FULL),
                    AssignedObject::Special(kind, number) => {
                        let (kind, number) = (*kind, *number);
                        let level = self.master(kind, number) * factor;
                        self.set_master(kind, number, level);
                    }
                    AssignedObject::Sequence { .. }
                    | AssignedObject::Macro { .. }
                    | AssignedObject::Group => {}
                }
            }
            (Function::Rate1, true) => {
                if let AssignedObject::Special(4, number) = executor.kind {
                    self.set_master(4, number, 0.5);
                }
            }
            (Function::Learn, true) => {
                if let AssignedObject::Special(3, number) = executor.kind {
                    self.learn(now, tap, number);
                }
            }
            // No visible effect.
            (Function::Empty | Function::Black | Function::SelFix, true) => {}
        }
        Touched::Done
    }

    /// Handles a tap of the learn key: two taps within three seconds set a speed.
    pub(super) fn learn(&mut self, now: Instant, tap: Option<Instant>, number: u32) {
        if let Some(tap) = tap.or(self.last_tap).filter(|tap| now.since(*tap) < Duration::from_secs(3)) {
            let seconds = now.since(tap).as_secs_f64();
            if seconds > 0.0 {
                self.set_master(3, number, 60.0 / seconds / SPEED_AT_FULL);
            }
        }
        self.last_tap = Some(now);
    }

    /// Switches everything off.
    pub(super) fn off_everywhere(&mut self, now: Instant) {
        for page in self.pages.values_mut() {
            for slot in page.executors.values_mut() {
                match slot {
                    PageEntry::Assigned(executor) => executor.switch(now, false),
                    PageEntry::Cleared => {}
                }
            }
        }
    }

    /// Stores a new sequence with one cue, or another cue in an existing sequence.
    pub(super) fn store(&mut self, now: Instant, place: ExecutorPosition) {
        if let Some(executor) = self.executor_mut(place) {
            if let AssignedObject::Sequence { cues, .. } = &mut executor.kind {
                let number = (cues.len() + 1).to_string();
                cues.push(Cue { number, name: "Cue".into(), fade: Duration::ZERO });
            }
            return;
        }
        let object = self.next_object;
        self.next_object += 1;
        let cues = vec![Cue { number: "1".into(), name: "Cue".into(), fade: Duration::ZERO }];
        let kind = AssignedObject::Sequence { priority: Priority::Ltp, cues, follows: false };
        let functions = if place.index < FIRST_BUTTON {
            [Function::Flash, Function::Go, Function::GoBack]
        } else {
            [Function::Toggle, Function::Empty, Function::Empty]
        };
        let mut executor = AssignedExecutor::new(kind, object, "Sequ", 0xFF_FF80, functions);
        executor.level = 1.0;
        executor.run = Some(Playback { cue: 0, since: now, halted: None });
        self.assign(place.page + 1, place.index + 1, executor);
    }

    /// Clears the assignment at a position. Returns whether there was one.
    pub(super) fn clear(&mut self, place: ExecutorPosition) -> bool {
        let Some(page) = self.pages.get_mut(&place.page) else { return false };
        let Some((_, slot)) = page.executors.range_mut(..=place.index).next_back() else { return false };
        let is_there = matches!(slot, PageEntry::Assigned(_));
        *slot = PageEntry::Cleared;
        is_there
    }

    /// All positions with an assignment.
    pub(super) fn places(&self) -> Vec<ExecutorPosition> {
        let places = self.pages.iter().flat_map(|(&page, content)| {
            let assigned =
                content.executors.iter().filter(|(_, slot)| matches!(slot, PageEntry::Assigned(_)));
            assigned.map(move |(&index, _)| ExecutorPosition { page, index })
        });
        places.collect()
    }
}

/// The speed of a speed master or effect with its fader at full, in beats per minute.
pub(super) const SPEED_AT_FULL: f64 = 225.0;

/// From this index on, executors have no fader.
pub(super) const FIRST_BUTTON: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masim::content;

    const MAIN: ExecutorPosition = ExecutorPosition { page: 0, index: 0 };
    const CONTENT: ExecutorPosition = ExecutorPosition { page: 0, index: 1 };

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    fn runs(show: &Show, place: ExecutorPosition) -> bool {
        show.executor(place).expect("assigned").run.is_some()
    }

    #[test]
    fn a_fader_that_takes_precedence_starts_and_ends_its_sequence() {
        let mut show = content::show(ConsoleFamily::Gma2);
        assert!(!runs(&show, CONTENT));
        show.move_fader(at(0), CONTENT, 0.3);
        assert!(runs(&show, CONTENT));
        show.move_fader(at(1), CONTENT, 0.0);
        assert!(!runs(&show, CONTENT));
        show.perform(at(2), CONTENT, Function::Go, true);
        assert_eq!(show.executor(CONTENT).map(|executor| executor.level), Some(1.0));
        show.perform(at(3), CONTENT, Function::Off, true);
        assert_eq!(show.executor(CONTENT).map(|executor| executor.level), Some(0.0));
    }

    #[test]
    fn flash_holds_on_what_was_off_and_leaves_alone_what_was_on() {
        let mut show = content::show(ConsoleFamily::Gma2);
        for (place, ran) in [(CONTENT, false), (MAIN, true)] {
            show.press(at(0), place, 0, true);
            assert!(runs(&show, place));
            show.press(at(1), place, 0, false);
            assert_eq!(runs(&show, place), ran);
        }
    }

    #[test]
    fn cues_go_round_in_both_directions() {
        let mut show = content::show(ConsoleFamily::Gma2);
        let cue = |show: &Show| show.executor(MAIN).and_then(|main| main.position(at(9))).map(|(cue, _)| cue);
        for expected in [1, 2, 3, 0] {
            show.perform(at(0), MAIN, Function::Go, true);
            assert_eq!(cue(&show), Some(expected));
        }
        show.perform(at(0), MAIN, Function::GoBack, true);
        assert_eq!(cue(&show), Some(3));
    }

    #[test]
    fn a_macro_hands_over_its_command_line_and_two_taps_give_a_speed() {
        let mut show = content::show(ConsoleFamily::Gma2);
        let all_off = ExecutorPosition { page: 0, index: 104 };
        assert_eq!(show.press(at(0), all_off, 0, true), Touched::Runs("Off Page Thru".into()));
        assert_eq!(show.press(at(0), all_off, 0, false), Touched::Done);
        assert_eq!(show.press(at(0), ExecutorPosition { page: 7, index: 0 }, 0, true), Touched::Nothing);

        let speed = ExecutorPosition { page: 0, index: 16 };
        show.press(at(1_000), speed, 1, true);
        show.press(at(1_500), speed, 1, true);
        assert!((show.master(3, 1) * SPEED_AT_FULL - 120.0).abs() < 1e-9);
    }

    #[test]
    fn every_number_of_a_wide_executor_leads_to_it_and_none_beyond() {
        let show = content::show(ConsoleFamily::Gma2);
        let name =
            |index| show.executor(ExecutorPosition { page: 0, index }).map(|executor| executor.name.as_str());
        assert_eq!(
            [name(9), name(10), name(12), name(13)],
            [None, Some("Cyclorama"), Some("Cyclorama"), None]
        );
    }
}
