//! What the console shows, and what of it becomes values: only changes, and the first of everything.
//!
//! A fader that is mapped both ways has two ends that move it. What the console reports shortly after our own move is the
//! past: such reports are held back for the *settle* time, counted from the move to the request that the report answers.
//! Later ones pass, so that the console's true level is never lost for good.

use std::num::NonZeroU16;

use crosspatch_core::{Duration, Instant, Slot, Text, Value};

use super::address::{Executor, Part};
use super::wire::{self, Color, Console, ExecButton, Playbacks, Wanted};

/// Consoles write three decimals: levels that differ by no more than rounding are the same.
const SAME_LEVEL: f64 = 0.0006;

/// After we release a key, what the console shows is passed on from this time on, even if it has not changed: pads switch
/// their own lamp off at a release.
const KEY_SETTLE: Duration = Duration::from_millis(100);

const FOREVER: Instant = Instant::from_micros(u64::MAX);

/// All that is watched on a console.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    /// In the order of executor and part.
    entries: Vec<Watch>,
    leds: Vec<Led>,
    /// Slots to be watched no more.
    removed: Vec<Slot>,
    /// What has to be read of executors.
    wanted: Wanted,
    round: u32,
}

#[derive(Debug)]
struct Watch {
    executor: Executor,
    part: Part,
    slot: Slot,
    /// What the other side of the mapping knows.
    last: Last,
    /// The first level since the log-in is passed on even if it is ours, unless it was the last one passed on.
    is_new: bool,
    /// The level that was passed on last.
    told: Option<f64>,
    /// The console's side was the last to change the level.
    is_consoles: bool,
    /// Answers to requests from before this time tell the past.
    holds_until: Instant,
    /// The number of the last answer that held it.
    round: u32,
}

#[derive(Debug, PartialEq)]
enum Last {
    Unknown,
    Number(f64),
    Text(Text),
    Color(Color),
}

#[derive(Debug)]
struct Led {
    name: &'static str,
    slot: Slot,
    last: Option<f64>,
}

/// What a request asked for, to tell executors that the answer leaves out.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Asked<'a> {
    /// The page, counted from 0.
    pub(crate) page_index: u32,
    /// The ranges.
    pub(crate) ranges: &'a [wire::Range],
}

impl Watches {
    /// Watches a part of an executor, once [`arrange`](Self::arrange) is called.
    pub(crate) fn add(&mut self, executor: Executor, part: Part, slot: Slot) {
        self.entries.push(Watch {
            executor,
            part,
            slot,
            last: Last::Unknown,
            is_new: true,
            told: None,
            is_consoles: false,
            holds_until: Instant::START,
            round: 0,
        });
    }

    /// Watches a lamp.
    pub(crate) fn add_led(&mut self, name: &'static str, slot: Slot) {
        self.leds.push(Led { name, slot, last: None });
    }

    /// Watches a channel no more, once [`arrange`](Self::arrange) is called.
    pub(crate) fn remove(&mut self, slot: Slot) {
        self.removed.push(slot);
    }

    /// Brings what was added into its order and drops what was removed, all at once: a reload may bring thousands.
    pub(crate) fn arrange(&mut self) {
        let mut removed = std::mem::take(&mut self.removed);
        removed.sort_unstable();
        let is_kept = |slot: Slot| removed.binary_search(&slot).is_err();
        self.entries.retain(|watch| is_kept(watch.slot));
        self.leds.retain(|led| is_kept(led.slot));
        self.entries.sort_by_key(|watch| (watch.executor, watch.part));
        self.wanted = Wanted::default();
        for watch in &self.entries {
            match watch.part {
                Part::Fader | Part::Upper | Part::Lower | Part::Flash | Part::Level => {
                    self.wanted.blocks = true;
                }
                Part::Name => self.wanted.names = true,
                Part::Cue => self.wanted.cues = true,
                Part::Color => self.wanted.frames = true,
                Part::Button | Part::Run => {}
            }
        }
    }

    /// What has to be read of executors for all that is watched.
    pub(crate) fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// All executors watched, in order, some more than once.
    pub(crate) fn executors(&self) -> impl Iterator<Item = Executor> {
        self.entries.iter().map(|watch| watch.executor)
    }

    /// The names of all lamps watched.
    pub(crate) fn leds(&self) -> impl ExactSizeIterator<Item = &'static str> {
        self.leds.iter().map(|led| led.name)
    }

    /// After a log-in no report can be late any more. What was told stays told: only what is different now is news, on
    /// whichever console.
    pub(crate) fn begin_anew(&mut self) {
        for watch in &mut self.entries {
            (watch.is_new, watch.holds_until) = (true, Instant::START);
        }
    }

    /// We have moved the fader: what the console reports until `until` is not news.
    pub(crate) fn note_moved(&mut self, executor: Executor, level: f64, until: Instant) {
        if let Some(watch) = self.find(executor, Part::Fader) {
            watch.last = Last::Number(level);
            watch.holds_until = until;
        }
    }

    /// The other side has set the fader, whether or not that is sent: its level is the younger one.
    pub(crate) fn note_set(&mut self, executor: Executor) {
        if let Some(watch) = self.find(executor, Part::Fader) {
            watch.is_consoles = false;
        }
    }

    /// A move of the fader waits to be sent: until then everything that the console reports is the past.
    pub(crate) fn hold(&mut self, executor: Executor) {
        if let Some(watch) = self.find(executor, Part::Fader) {
            watch.holds_until = FOREVER;
        }
    }

    /// The move that waited will not be sent.
    pub(crate) fn let_go(&mut self, executor: Executor, until: Instant) {
        if let Some(watch) = self.find(executor, Part::Fader)
            && watch.holds_until == FOREVER
        {
            watch.holds_until = until;
        }
    }

    /// We have released a key: what is shown of it is worth telling again.
    pub(crate) fn note_released(&mut self, now: Instant, executor: Executor, part: Part) {
        if let Some(watch) = self.find(executor, part) {
            watch.last = Last::Number(0.0);
            watch.holds_until = now + KEY_SETTLE;
        }
    }

    /// Whether the console's level of a fader is younger than ours: it was told to the other side, and ours is void.
    pub(crate) fn is_consoles(&self, executor: Executor) -> bool {
        self.position(executor, Part::Fader).is_ok_and(|at| self.entries[at].is_consoles)
    }

    /// Takes over what an answer tells of executors. `asked_at` is when it was asked for, `asked` what. Each level of a
    /// fader that is passed on is also handed to `level`.
    pub(crate) fn handle_playbacks(
        &mut self,
        console: Option<Console>,
        playbacks: &Playbacks<'_>,
        asked_at: Instant,
        asked: Option<Asked<'_>>,
        emit: &mut impl FnMut(Slot, Value),
    ) {
        self.round = self.round.wrapping_add(1);
        let Ok(page) = u16::try_from(playbacks.page).and_then(NonZeroU16::try_from) else { return };
        let round = self.round;
        for executor in playbacks.groups.iter().flat_map(|group| group.executors()) {
            for watch in self.range(page, executor.index, executor.width.max(1)) {
                let place = watch.executor.index() - executor.index;
                watch.round = round;
                watch.take(console, executor, place as usize, asked_at, emit);
            }
        }
        let Some(asked) = asked.filter(|asked| asked.page_index + 1 == playbacks.page) else { return };
        // What was asked for and left out does not exist there, as on a page that nobody has created.
        let empty = wire::Executor::default();
        for range in asked.ranges {
            for watch in
                self.range(page, range.start, range.count).iter_mut().filter(|watch| watch.round != round)
            {
                watch.take(console, &empty, 0, asked_at, emit);
            }
        }
    }

    /// Takes over the state of lamps: off, blinking as one half, on.
    pub(crate) fn handle_leds<'a>(
        &mut self,
        data: impl Iterator<Item = (&'a str, &'a str)>,
        emit: &mut impl FnMut(Slot, Value),
    ) {
        for (name, state) in data {
            let level = match state {
                "1" => 1.0,
                "b" => 0.5,
                _ => 0.0,
            };
            for led in self.leds.iter_mut().filter(|led| led.name == name) {
                if led.last != Some(level) {
                    led.last = Some(level);
                    emit(led.slot, Value::number(level));
                }
            }
        }
    }

    /// The watches of `count` executors from `index` on.
    fn range(&mut self, page: NonZeroU16, index: u32, count: u32) -> &mut [Watch] {
        let place = |watch: &Watch| (watch.executor.page, watch.executor.index());
        let first = self.entries.partition_point(|watch| place(watch) < (page, index));
        let end = index.saturating_add(count);
        // All of them are looked at anyway, and mostly they are a few.
        let len = self.entries[first..].iter().take_while(|watch| place(watch) < (page, end)).count();
        &mut self.entries[first..first + len]
    }

    fn position(&self, executor: Executor, part: Part) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&(executor, part), |watch| (watch.executor, watch.part))
    }

    fn find(&mut self, executor: Executor, part: Part) -> Option<&mut Watch> {
        self.position(executor, part).ok().map(|at| &mut self.entries[at])
    }
}

impl Watch {
    /// `place` is the executor's place within a wide one.
    fn take(
        &mut self,
        console: Option<Console>,
        executor: &wire::Executor<'_>,
        place: usize,
        asked_at: Instant,
        emit: &mut impl FnMut(Slot, Value),
    ) {
        let block = executor.blocks.get(place);
        match self.part {
            Part::Fader => {
                // A wide executor may come without all of its blocks; that says nothing about the levels behind them.
                if block.is_some() || executor.is_empty() {
                    self.take_level(block.map_or(0.0, |block| block.fader.level()), asked_at, emit);
                }
            }
            Part::Upper | Part::Lower | Part::Flash => {
                let lamp =
                    key(console, self.part).and_then(|at| Some(is_lit(block?.buttons.get(at as usize)?)));
                self.take_state(lamp.unwrap_or(false), asked_at, emit);
            }
            Part::Button | Part::Run => self.take_state(executor.is_running, asked_at, emit),
            Part::Name => self.take_text(&executor.name.text, emit),
            Part::Cue => self.take_text(executor.cue().unwrap_or("").trim(), emit),
            Part::Level => {
                let text = block.and_then(|block| block.fader.text.as_deref());
                self.take_text(text.unwrap_or(""), emit);
            }
            Part::Color => {
                let color = executor.frame.filter(|_| !executor.is_empty()).unwrap_or_default();
                if self.last != Last::Color(color) {
                    self.last = Last::Color(color);
                    let [red, green, blue] = color.0;
                    emit(self.slot, Value::text(format!("#{red:02x}{green:02x}{blue:02x}")));
                }
            }
        }
    }

    fn take_level(&mut self, level: f64, asked_at: Instant, emit: &mut impl FnMut(Slot, Value)) {
        if asked_at < self.holds_until {
            return;
        }
        let is_same = matches!(self.last, Last::Number(last) if (last - level).abs() <= SAME_LEVEL);
        let is_new = std::mem::take(&mut self.is_new) && self.told != Some(level);
        if is_same && !is_new {
            return;
        }
        self.is_consoles |= !is_same;
        (self.last, self.told) = (Last::Number(level), Some(level));
        emit(self.slot, Value::number(level));
    }

    fn take_state(&mut self, is_on: bool, asked_at: Instant, emit: &mut impl FnMut(Slot, Value)) {
        let state = Last::Number(f64::from(u8::from(is_on)));
        if asked_at >= self.holds_until && self.last != state {
            self.last = state;
            emit(self.slot, Value::edge(is_on));
        }
    }

    fn take_text(&mut self, text: &str, emit: &mut impl FnMut(Slot, Value)) {
        if !matches!(&self.last, Last::Text(last) if **last == *text) {
            let text: Text = text.into();
            self.last = Last::Text(text.clone());
            emit(self.slot, Value::Text(text));
        }
    }
}

/// The number of a key of an executor, both in requests and among the keys of an answer. A dot2 has two keys at a fader.
pub(crate) fn key(console: Option<Console>, part: Part) -> Option<u32> {
    match (console, part) {
        (_, Part::Button) => Some(0),
        (Some(Console::Gma2) | None, Part::Flash) | (Some(Console::Dot2), Part::Upper) => Some(0),
        (Some(Console::Gma2) | None, Part::Lower) | (Some(Console::Dot2), Part::Lower) => Some(1),
        (Some(Console::Gma2) | None, Part::Upper) => Some(2),
        (Some(Console::Dot2), Part::Flash)
        | (_, Part::Fader | Part::Run | Part::Name | Part::Cue | Part::Color | Part::Level) => None,
    }
}

/// Whether the console lights a key or draws it as selected.
fn is_lit(key: &ExecButton<'_>) -> bool {
    let is_on = |lamp: Option<Color>| lamp.is_some_and(|color| color != Color::default());
    key.is_selected || is_on(key.left_led) || is_on(key.right_led)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maweb::address::Address;
    use crate::maweb::wire::{Block, Cue, Cues, Fader, Group, ItemsType, Label};

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    fn address(text: &str) -> (Executor, Part) {
        match text.parse() {
            Ok(Address::Executor(executor, part)) => (executor, part),
            other => panic!("{text} is no executor: {other:?}"),
        }
    }

    fn watches(list: &[&str]) -> Watches {
        let mut watches = Watches::default();
        for (slot, text) in (0..).map(Slot).zip(list) {
            let (executor, part) = address(text);
            watches.add(executor, part, slot);
        }
        watches.arrange();
        watches
    }

    fn executor(index: u32, level: f64) -> wire::Executor<'static> {
        let fader = Fader { value: level, max: 1.0, text: Some("42%".into()), ..Fader::default() };
        wire::Executor {
            index,
            object_type: Label { text: "LT".into(), color: None },
            name: Label { text: "Front".into(), color: None },
            frame: Some(Color([0xFF, 0xFF, 0x80])),
            cues: Cues {
                background: None,
                items: vec![Cue { text: Some("    1 Cue".into()), ..Cue::default() }],
            },
            blocks: vec![Block { fader, ..Block::default() }],
            ..wire::Executor::default()
        }
    }

    fn answer(page: u32, executors: Vec<wire::Executor<'static>>) -> Playbacks<'static> {
        let group = Group { items_type: ItemsType::Faders, offset: 0, pages: 1, rows: vec![executors] };
        Playbacks { page, groups: vec![group], ..Playbacks::default() }
    }

    /// Slots and values that come of an answer on a grandMA2.
    fn events(watches: &mut Watches, asked_at: u64, answer: &Playbacks<'_>) -> Vec<(u32, String)> {
        let mut events = Vec::new();
        watches.handle_playbacks(Some(Console::Gma2), answer, at(asked_at), None, &mut |slot, value| {
            events.push((slot.0, value.to_string()));
        });
        events
    }

    fn event(slot: u32, value: &str) -> (u32, String) {
        (slot, value.to_owned())
    }

    #[test]
    fn the_first_answer_tells_everything_zeros_included_and_later_ones_only_changes() {
        let mut watches = watches(&["page1.fader1", "page1.run1", "page1.name1"]);
        let first = answer(1, vec![executor(0, 0.0)]);
        assert_eq!(events(&mut watches, 0, &first), [event(0, "0"), event(1, "0"), event(2, "\"Front\"")]);
        assert_eq!(events(&mut watches, 40, &first), []);
        assert_eq!(events(&mut watches, 80, &answer(1, vec![executor(0, 0.001)])), [event(0, "0.001")]);
    }

    #[test]
    fn after_another_log_in_only_what_is_different_is_told() {
        let mut watches =
            watches(&["page1.fader1", "page1.run1", "page1.name1", "page1.color1", "page1.cue1"]);
        watches.add_led("store", Slot(9));
        let lamps = |watches: &mut Watches| {
            let mut events = 0;
            watches.handle_leds([("store", "1")].into_iter(), &mut |_, _| events += 1);
            events
        };
        assert_eq!(events(&mut watches, 0, &answer(1, vec![executor(0, 0.5)])).len(), 5);
        assert_eq!(lamps(&mut watches), 1);
        watches.begin_anew();
        assert_eq!(events(&mut watches, 40, &answer(1, vec![executor(0, 0.5)])), []);
        assert_eq!(lamps(&mut watches), 0);
        watches.begin_anew();
        assert_eq!(events(&mut watches, 80, &answer(1, vec![executor(0, 0.6)])), [event(0, "0.6")]);
        let (fader, _) = address("page1.fader1");
        watches.note_moved(fader, 0.3, at(80));
        assert_eq!(events(&mut watches, 80, &answer(1, vec![executor(0, 0.3)])), [], "what we set");
        assert_eq!(events(&mut watches, 120, &answer(1, vec![executor(0, 0.6)])), [event(0, "0.6")]);
        watches.note_moved(fader, 0.3, at(160));
        watches.begin_anew();
        let ours = answer(1, vec![executor(0, 0.3)]);
        assert_eq!(events(&mut watches, 200, &ours), [event(0, "0.3")], "what others never heard of");
        assert_eq!(events(&mut watches, 240, &ours), []);
    }

    #[test]
    fn every_part_of_an_executor_is_told_apart() {
        let list = [
            "page1.fader1",
            "page1.run1",
            "page1.name1",
            "page1.cue1",
            "page1.color1",
            "page1.level1",
            "page1.flash1",
        ];
        let mut watches = watches(&list);
        let mut shown = executor(0, 0.42);
        shown.is_running = true;
        shown.blocks[0].buttons[0].left_led = Some(Color([0, 255, 0]));
        let mut events = events(&mut watches, 0, &answer(1, vec![shown]));
        events.sort();
        let expected = ["0.42", "1", "\"Front\"", "\"1 Cue\"", "\"#ffff80\"", "\"42%\"", "1"];
        assert_eq!(events, (0..).zip(expected).map(|(slot, value)| event(slot, value)).collect::<Vec<_>>());
    }

    #[test]
    fn an_empty_executor_is_black_nameless_and_down() {
        let mut watches = watches(&["page1.fader1", "page1.name1", "page1.color1"]);
        let frame = Some(Color([0x3D, 0x3D, 0x3D]));
        let empty = wire::Executor { frame, ..wire::Executor::default() };
        let events = events(&mut watches, 0, &answer(1, vec![empty]));
        assert_eq!(events, [event(0, "0"), event(1, "\"\""), event(2, "\"#000000\"")]);
    }

    #[test]
    fn a_level_is_scaled_by_its_ends() {
        let mut watches = watches(&["page1.fader1"]);
        let mut shown = executor(0, 0.75);
        (shown.blocks[0].fader.min, shown.blocks[0].fader.max) = (0.5, 1.0);
        assert_eq!(events(&mut watches, 0, &answer(1, vec![shown])), [event(0, "0.5")]);
    }

    #[test]
    fn each_block_of_a_wide_executor_belongs_to_the_next_number() {
        let mut watches =
            watches(&["page1.fader1", "page1.fader2", "page1.name2", "page1.fader3", "page1.fader4"]);
        let mut wide = executor(0, 0.1);
        wide.width = 3;
        wide.blocks.push(executor(0, 0.2).blocks.remove(0));
        let events = events(&mut watches, 0, &answer(1, vec![wide, executor(3, 0.4)]));
        assert_eq!(events, [event(0, "0.1"), event(1, "0.2"), event(2, "\"Front\""), event(4, "0.4")]);
    }

    #[test]
    fn absurd_widths_numbers_and_pages_harm_nobody() {
        let mut watches = watches(&["page1.fader1", "page1.fader90"]);
        let mut wide = executor(0, 0.1);
        wide.width = u32::MAX;
        events(&mut watches, 0, &answer(1, vec![wide.clone(), executor(u32::MAX, 1.0)]));
        assert_eq!(events(&mut watches, 0, &answer(0, vec![executor(0, 0.5)])), []);
        assert_eq!(events(&mut watches, 0, &answer(u32::MAX, vec![wide])), []);
    }

    #[test]
    fn an_answer_for_another_page_counts_for_that_page() {
        let mut watches = watches(&["page1.fader1", "page2.fader1"]);
        assert_eq!(events(&mut watches, 0, &answer(2, vec![executor(0, 0.5)])), [event(1, "0.5")]);
    }

    #[test]
    fn what_was_asked_for_and_left_out_is_empty() {
        let mut watches = watches(&["page7.fader1", "page7.fader9"]);
        let ranges = [wire::Range { start: 0, count: 5, items_type: ItemsType::Faders }];
        let asked = Some(Asked { page_index: 6, ranges: &ranges });
        let mut events = Vec::new();
        watches.handle_playbacks(None, &answer(7, Vec::new()), at(0), asked, &mut |slot, value| {
            events.push((slot.0, value.to_string()));
        });
        assert_eq!(events, [event(0, "0")]);
    }

    #[test]
    fn the_console_is_not_echoed_while_the_hand_is_on_the_fader_and_told_when_it_is_off() {
        let mut watches = watches(&["page1.fader1"]);
        events(&mut watches, 0, &answer(1, vec![executor(0, 0.0)]));
        let (fader, _) = address("page1.fader1");
        watches.note_set(fader);
        watches.note_moved(fader, 0.5, at(400));
        assert_eq!(events(&mut watches, 120, &answer(1, vec![executor(0, 0.0)])), [], "the past");
        assert_eq!(events(&mut watches, 399, &answer(1, vec![executor(0, 0.3)])), [], "still settling");
        assert!(!watches.is_consoles(fader));
        assert_eq!(events(&mut watches, 400, &answer(1, vec![executor(0, 0.5)])), [], "what we set");
        watches.note_moved(fader, 0.6, at(800));
        assert_eq!(events(&mut watches, 800, &answer(1, vec![executor(0, 0.25)])), [event(0, "0.25")]);
        assert!(watches.is_consoles(fader));
    }

    #[test]
    fn a_move_that_waits_holds_every_report_back_until_it_is_sent_or_given_up() {
        let mut watches = watches(&["page1.fader1"]);
        let (fader, _) = address("page1.fader1");
        watches.note_moved(fader, 0.5, at(300));
        watches.hold(fader);
        assert_eq!(events(&mut watches, 90_000, &answer(1, vec![executor(0, 0.2)])), []);
        watches.let_go(fader, at(90_300));
        watches.let_go(fader, at(99_999));
        assert_eq!(events(&mut watches, 90_300, &answer(1, vec![executor(0, 0.2)])), [event(0, "0.2")]);
    }

    #[test]
    fn rounding_to_three_decimals_is_no_change() {
        let mut watches = watches(&["page1.fader1"]);
        events(&mut watches, 0, &answer(1, vec![executor(0, 0.0)]));
        let (fader, _) = address("page1.fader1");
        let level = 64.0 / 127.0;
        watches.note_moved(fader, level, at(300));
        assert_eq!(events(&mut watches, 300, &answer(1, vec![executor(0, 0.504)])), []);
    }

    #[test]
    fn a_lamp_is_told_again_after_its_key_was_released() {
        let mut watches = watches(&["page1.button101"]);
        let mut running = executor(100, 0.0);
        running.is_running = true;
        assert_eq!(events(&mut watches, 0, &answer(1, vec![running.clone()])), [event(0, "1")]);
        let (executor, part) = address("page1.button101");
        watches.note_released(at(10), executor, part);
        assert_eq!(events(&mut watches, 40, &answer(1, vec![running.clone()])), []);
        assert_eq!(events(&mut watches, 120, &answer(1, vec![running])), [event(0, "1")]);
    }

    #[test]
    fn what_is_removed_is_not_told_and_the_rest_goes_on() {
        let mut watches = watches(&["page1.fader2", "page1.fader1", "page1.name1"]);
        let shown = answer(1, vec![executor(0, 0.1), executor(1, 0.2)]);
        assert_eq!(events(&mut watches, 0, &shown).len(), 3);
        watches.remove(Slot(1));
        let (third, part) = address("page1.fader3");
        watches.add(third, part, Slot(3));
        watches.arrange();
        let shown = answer(1, vec![executor(0, 0.7), executor(1, 0.2), executor(2, 0.3)]);
        assert_eq!(events(&mut watches, 40, &shown), [event(3, "0.3")]);
    }

    #[test]
    fn a_blinking_lamp_is_half_on() {
        let mut watches = Watches::default();
        watches.add_led("clear", Slot(0));
        watches.add_led("set", Slot(1));
        let mut events = Vec::new();
        for state in ["0", "b", "b", "1", "?"] {
            let data = [("clear", state), ("nothing", "1")].into_iter();
            watches.handle_leds(data, &mut |slot, value| events.push((slot.0, value.to_string())));
        }
        assert_eq!(events, [event(0, "0"), event(0, "0.5"), event(0, "1"), event(0, "0")]);
    }

    #[test]
    fn the_keys_of_both_consoles_are_counted_their_own_way() {
        let keys = |console| [Part::Flash, Part::Lower, Part::Upper].map(|part| key(Some(console), part));
        assert_eq!(keys(Console::Gma2), [Some(0), Some(1), Some(2)]);
        assert_eq!(keys(Console::Dot2), [None, Some(1), Some(0)]);
    }
}
