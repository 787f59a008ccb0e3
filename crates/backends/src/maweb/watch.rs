//! Selects the values to emit: the first report of each channel, and changes.
//!
//! A fader that is mapped in both directions is moved from both sides. Reports shortly after a level was sent are
//! outdated. They are dropped during the *settle* time, measured from the message to the request that the report
//! answers. Later reports pass, so that the console's true level is not lost permanently.

use std::num::NonZeroU16;
use std::ops::Range;

use crosspatch_core::{Instant, Slot, Text, Value};

use super::address::{Address, ExecutorAddress, ExecutorPart};
use super::channel::{LastValue, MappedChannel, MappedChannels};
use super::wire::{self, Color, ConsoleFamily, ExecButton, Wanted};

/// Consoles write three decimals: levels that differ by no more than rounding are the same.
const SAME_LEVEL: f64 = 0.0006;

/// The input channels, sorted like the answers.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    /// Sorted by executor and part.
    entries: Vec<WatchedPart>,
    leds: Vec<(&'static str, Slot)>,
    /// The parts of executors to read.
    wanted: Wanted,
    round: u32,
}

#[derive(Debug)]
struct WatchedPart {
    executor: ExecutorAddress,
    part: ExecutorPart,
    slot: Slot,
    /// The number of the last answer that contained the part.
    round: u32,
}

/// The source and the time of a report about executors.
#[derive(Copy, Clone, Debug)]
pub(crate) struct ExecutorReport {
    pub(crate) console: Option<ConsoleFamily>,
    /// The page, counted from 1.
    pub(crate) page: u32,
    /// When the request was sent.
    pub(crate) asked_at: Instant,
    /// Until this time, nearly the same level from the mapping is an echo.
    pub(crate) echoes_until: Instant,
}

impl Watches {
    /// Collects the inputs of the channels.
    pub(crate) fn arrange(&mut self, channels: &MappedChannels) {
        *self = Self { round: self.round, ..Self::default() };
        for channel in channels.iter().filter(|channel| channel.is_input) {
            let slot = channel.slot;
            match &channel.address {
                Address::Executor(executor, part) => {
                    self.entries.push(WatchedPart {
                        executor: *executor,
                        part: *part,
                        slot,
                        round: self.round,
                    });
                }
                Address::Led(name) => self.leds.push((name, slot)),
                Address::Key(_) | Address::Command(_) | Address::Encoder(..) | Address::Confirm(_) => {}
            }
        }
        self.entries.sort_by_key(|watch| (watch.executor, watch.part));
        for watch in &self.entries {
            match watch.part {
                ExecutorPart::Fader
                | ExecutorPart::Upper
                | ExecutorPart::Lower
                | ExecutorPart::Flash
                | ExecutorPart::Level => {
                    self.wanted.blocks = true;
                }
                ExecutorPart::Name => self.wanted.names = true,
                ExecutorPart::Cue => self.wanted.cues = true,
                ExecutorPart::Color => self.wanted.frames = true,
                ExecutorPart::Button | ExecutorPart::Run => {}
            }
        }
    }

    /// The parts of executors to read for all watched parts.
    pub(crate) fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// All watched executors, sorted, some more than once.
    pub(crate) fn executors(&self) -> impl Iterator<Item = ExecutorAddress> {
        self.entries.iter().map(|watch| watch.executor)
    }

    /// The names of all watched lamps.
    pub(crate) fn leds(&self) -> impl ExactSizeIterator<Item = &'static str> {
        self.leds.iter().map(|(name, _)| *name)
    }

    /// Handles executors that a console has described.
    pub(crate) fn handle_executors<'e>(
        &mut self,
        report: ExecutorReport,
        executors: impl Iterator<Item = &'e wire::Executor<'e>>,
        channels: &mut MappedChannels,
        emit: &mut impl FnMut(&mut MappedChannel, Value),
    ) {
        self.round = self.round.wrapping_add(1);
        let round = self.round;
        let Some(page) = page_number(report.page) else { return };
        for executor in executors {
            let range = self.range(page, executor.index, executor.width.max(1));
            for watch in &mut self.entries[range] {
                watch.round = round;
                let block = executor.blocks.get((watch.executor.index() - executor.index) as usize);
                if let Some(channel) = channels.get_mut(watch.slot) {
                    channel.handle_report(report, watch.part, executor, block, emit);
                }
            }
        }
    }

    /// Handles the requested executors that were not among those [last described](Self::handle_executors). They do not
    /// exist, as on a page that was never created. Returns whether there are any.
    pub(crate) fn handle_missing(
        &self,
        report: ExecutorReport,
        asked: &[wire::Range],
        channels: &mut MappedChannels,
        emit: &mut impl FnMut(&mut MappedChannel, Value),
    ) -> bool {
        let Some(page) = page_number(report.page) else { return true };
        let empty = wire::Executor::default();
        let mut is_missing = false;
        for range in asked {
            let watches = self.entries[self.range(page, range.start, range.count)].iter();
            for watch in watches.filter(|watch| watch.round != self.round) {
                is_missing = true;
                if let Some(channel) = channels.get_mut(watch.slot) {
                    channel.handle_report(report, watch.part, &empty, None, emit);
                }
            }
        }
        is_missing
    }

    /// Whether any channel waits for a report, even if the console repeats itself.
    pub(crate) fn await_any(&self, channels: &MappedChannels) -> bool {
        self.entries.iter().any(|watch| awaits_report(channels, watch))
    }

    /// Whether a channel of these executors waits for a report.
    pub(crate) fn await_executors(
        &self,
        page: u32,
        index: u32,
        width: u32,
        channels: &MappedChannels,
    ) -> bool {
        page_number(page).is_some_and(|page| {
            let watches = &self.entries[self.range(page, index, width)];
            watches.iter().any(|watch| awaits_report(channels, watch))
        })
    }

    /// Handles the states of lamps: off, blinking as one half, on.
    pub(crate) fn handle_leds<'a>(
        &self,
        data: impl Iterator<Item = (&'a str, &'a str)>,
        channels: &mut MappedChannels,
        emit: &mut impl FnMut(&mut MappedChannel, Value),
    ) {
        for (name, state) in data {
            let level = match state {
                "1" => 1.0,
                "b" => 0.5,
                _ => 0.0,
            };
            for (_, slot) in self.leds.iter().filter(|(led, _)| *led == name) {
                if let Some(channel) = channels.get_mut(*slot)
                    && channel.replace_last(LastValue::Number(level))
                {
                    emit(channel, Value::number(level));
                }
            }
        }
    }

    /// The places of the watched parts of `count` executors, from `index`.
    fn range(&self, page: NonZeroU16, index: u32, count: u32) -> Range<usize> {
        let place = |watch: &WatchedPart| (watch.executor.page, watch.executor.index());
        let first = self.entries.partition_point(|watch| place(watch) < (page, index));
        let end = index.saturating_add(count);
        // A linear search, because the caller visits all of them, and there are usually few.
        let len = self.entries[first..].iter().take_while(|watch| place(watch) < (page, end)).count();
        first..first + len
    }
}

fn page_number(page: u32) -> Option<NonZeroU16> {
    u16::try_from(page).ok().and_then(NonZeroU16::new)
}

fn awaits_report(channels: &MappedChannels, watch: &WatchedPart) -> bool {
    channels.get(watch.slot).is_some_and(|channel| channel.awaits_report)
}

impl MappedChannel {
    /// Handles the report of one part of an executor. `block` is the part's block within a wide executor.
    fn handle_report(
        &mut self,
        report: ExecutorReport,
        part: ExecutorPart,
        executor: &wire::Executor<'_>,
        block: Option<&wire::Block<'_>>,
        emit: &mut impl FnMut(&mut Self, Value),
    ) {
        match part {
            ExecutorPart::Fader => {
                // A wide executor may lack some of its blocks; the levels of these are unknown.
                if block.is_some() || executor.is_empty() {
                    self.handle_level(block.map_or(0.0, |block| block.fader.level()), report, emit);
                }
            }
            ExecutorPart::Upper | ExecutorPart::Lower | ExecutorPart::Flash => {
                let lamp =
                    key(report.console, part).and_then(|at| Some(is_lit(block?.buttons.get(at as usize)?)));
                self.handle_state(lamp.unwrap_or(false), report, emit);
            }
            ExecutorPart::Button | ExecutorPart::Run => self.handle_state(executor.is_running, report, emit),
            ExecutorPart::Name => self.handle_text(&executor.name.text, emit),
            ExecutorPart::Cue => self.handle_text(executor.cue().unwrap_or("").trim(), emit),
            ExecutorPart::Level => {
                let text = block.and_then(|block| block.fader.text.as_deref());
                self.handle_text(text.unwrap_or(""), emit);
            }
            ExecutorPart::Color => {
                let color = executor.frame.filter(|_| !executor.is_empty()).unwrap_or_default();
                if self.replace_last(LastValue::Color(color)) {
                    let [red, green, blue] = color.0;
                    emit(self, Value::text(format!("#{red:02x}{green:02x}{blue:02x}")));
                }
            }
        }
    }

    fn handle_level(&mut self, level: f64, report: ExecutorReport, emit: &mut impl FnMut(&mut Self, Value)) {
        let fader = &mut self.fader;
        self.awaits_report = fader.waiting.is_some() || report.asked_at < self.settles_at;
        if self.awaits_report {
            return;
        }
        let is_same =
            matches!(self.last_value, LastValue::Number(last) if (last - level).abs() <= SAME_LEVEL);
        let is_first = !std::mem::replace(&mut fader.is_reported, true) && fader.emitted != Some(level);
        if is_same && !is_first {
            return;
        }
        fader.is_consoles |= !is_same;
        (fader.on_console, fader.echoes_until) = (Some(level), report.echoes_until);
        (self.last_value, fader.emitted) = (LastValue::Number(level), Some(level));
        emit(self, Value::number(level));
    }

    fn handle_state(&mut self, is_on: bool, report: ExecutorReport, emit: &mut impl FnMut(&mut Self, Value)) {
        self.awaits_report = report.asked_at < self.settles_at;
        let state = LastValue::Number(f64::from(u8::from(is_on)));
        if !self.awaits_report && self.replace_last(state) {
            emit(self, Value::edge(is_on));
        }
    }

    fn handle_text(&mut self, text: &str, emit: &mut impl FnMut(&mut Self, Value)) {
        if !matches!(&self.last_value, LastValue::Text(last) if **last == *text) {
            let text: Text = text.into();
            self.last_value = LastValue::Text(text.clone());
            emit(self, Value::Text(text));
        }
    }

    /// Replaces the last value. Returns whether it differs.
    fn replace_last(&mut self, value: LastValue) -> bool {
        let is_new = self.last_value != value;
        if is_new {
            self.last_value = value;
        }
        is_new
    }
}

/// The number of an executor's key, in requests and in answers. A dot2 has two keys per fader.
pub(crate) fn key(console: Option<ConsoleFamily>, part: ExecutorPart) -> Option<u32> {
    match (console, part) {
        (_, ExecutorPart::Button) => Some(0),
        (Some(ConsoleFamily::Gma2) | None, ExecutorPart::Flash)
        | (Some(ConsoleFamily::Dot2), ExecutorPart::Upper) => Some(0),
        (Some(ConsoleFamily::Gma2) | None, ExecutorPart::Lower)
        | (Some(ConsoleFamily::Dot2), ExecutorPart::Lower) => Some(1),
        (Some(ConsoleFamily::Gma2) | None, ExecutorPart::Upper) => Some(2),
        (Some(ConsoleFamily::Dot2), ExecutorPart::Flash)
        | (
            _,
            ExecutorPart::Fader
            | ExecutorPart::Run
            | ExecutorPart::Name
            | ExecutorPart::Cue
            | ExecutorPart::Color
            | ExecutorPart::Level,
        ) => None,
    }
}

/// Whether the console lights a key or displays it as selected.
fn is_lit(key: &ExecButton<'_>) -> bool {
    let is_on = |lamp: Option<Color>| lamp.is_some_and(|color| color != Color::default());
    key.is_selected || is_on(key.left_led) || is_on(key.right_led)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maweb::channel::WaitingOutput;
    use crate::maweb::wire::{Block, ColoredText, CueRow, CueRows, ExecFader};

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    /// Slots and values.
    type Events = Vec<(u32, String)>;

    /// Watches and their channels: slot 0 is the first one of the list.
    struct Test {
        watches: Watches,
        channels: MappedChannels,
    }

    impl Test {
        fn new(list: &[&str]) -> Self {
            let mut test = Self { watches: Watches::default(), channels: MappedChannels::default() };
            for (slot, text) in (0..).zip(list) {
                test.add(slot, text);
            }
            test
        }

        fn add(&mut self, slot: u32, text: &str) {
            let address = text.parse().unwrap_or_else(|error| panic!("{text}: {error:?}"));
            self.channels.get_or_insert(Slot(slot), address).set_input(true);
            self.watches.arrange(&self.channels);
        }

        fn channel(&mut self, slot: u32) -> &mut MappedChannel {
            self.channels.get_mut(Slot(slot)).expect("a channel of the test")
        }

        /// A level was sent; until this time, reports are outdated.
        fn sent(&mut self, level: f64, settles_at: Instant) {
            self.channel(0).note_sent(level, settles_at);
        }

        /// Slots and values emitted for an answer of a grandMA2.
        fn events(&mut self, asked_at: u64, answer: &DescribedPage) -> Events {
            self.events_of(asked_at, answer, &[])
        }

        fn events_of(&mut self, asked_at: u64, answer: &DescribedPage, asked: &[wire::Range]) -> Events {
            let report = ExecutorReport {
                console: Some(ConsoleFamily::Gma2),
                page: answer.page,
                asked_at: at(asked_at),
                echoes_until: Instant::START,
            };
            let mut events = Vec::new();
            let emit = &mut |channel: &mut MappedChannel, value: Value| {
                events.push((channel.slot.0, value.to_string()));
            };
            self.watches.handle_executors(report, answer.executors.iter(), &mut self.channels, emit);
            self.watches.handle_missing(report, asked, &mut self.channels, emit);
            events
        }

        /// Slots and values emitted for the states of lamps.
        fn lamps(&mut self, data: &[(&str, &str)]) -> Events {
            let mut events = Vec::new();
            let emit = &mut |channel: &mut MappedChannel, value: Value| {
                events.push((channel.slot.0, value.to_string()));
            };
            self.watches.handle_leds(data.iter().copied(), &mut self.channels, emit);
            events
        }
    }

    fn executor(index: u32, level: f64) -> wire::Executor<'static> {
        let fader = ExecFader { value: level, max: 1.0, text: Some("42%".into()), ..ExecFader::default() };
        wire::Executor {
            index,
            object_type: ColoredText { text: "LT".into(), color: None },
            name: ColoredText { text: "Front".into(), color: None },
            frame: Some(Color([0xFF, 0xFF, 0x80])),
            cues: CueRows {
                background: None,
                items: vec![CueRow { text: Some("    1 Cue".into()), ..CueRow::default() }],
            },
            blocks: vec![Block { fader, ..Block::default() }],
            ..wire::Executor::default()
        }
    }

    /// A page, counted from 1, and some of its executors.
    struct DescribedPage {
        page: u32,
        executors: Vec<wire::Executor<'static>>,
    }

    fn answer(page: u32, executors: Vec<wire::Executor<'static>>) -> DescribedPage {
        DescribedPage { page, executors }
    }

    fn event(slot: u32, value: &str) -> (u32, String) {
        (slot, value.to_owned())
    }

    #[test]
    fn the_first_answer_emits_everything_zeros_included_and_later_ones_only_changes() {
        let mut test = Test::new(&["page1.fader1", "page1.run1", "page1.name1"]);
        let first = answer(1, vec![executor(0, 0.0)]);
        assert_eq!(test.events(0, &first), [event(0, "0"), event(1, "0"), event(2, "\"Front\"")]);
        assert_eq!(test.events(40, &first), []);
        assert_eq!(test.events(80, &answer(1, vec![executor(0, 0.001)])), [event(0, "0.001")]);
    }

    #[test]
    fn after_another_log_in_only_differences_are_emitted() {
        let mut test =
            Test::new(&["page1.fader1", "page1.run1", "page1.name1", "page1.color1", "page1.cue1"]);
        test.add(9, "led.store");
        let half = answer(1, vec![executor(0, 0.5)]);
        assert_eq!(test.events(0, &half).len(), 5);
        assert_eq!(test.lamps(&[("store", "1")]), [event(9, "1")]);
        test.channels.begin_connection();
        assert_eq!(test.events(40, &half), []);
        assert_eq!(test.lamps(&[("store", "1")]), []);
        test.channels.begin_connection();
        assert_eq!(test.events(80, &answer(1, vec![executor(0, 0.6)])), [event(0, "0.6")]);
        let sent = answer(1, vec![executor(0, 0.3)]);
        test.sent(0.3, at(80));
        assert_eq!(test.events(80, &sent), [], "the level that was sent");
        assert_eq!(test.events(120, &answer(1, vec![executor(0, 0.6)])), [event(0, "0.6")]);
        test.sent(0.3, at(160));
        test.channels.begin_connection();
        assert_eq!(test.events(200, &sent), [event(0, "0.3")], "a level that was never emitted");
        assert_eq!(test.events(240, &sent), []);
    }

    #[test]
    fn every_part_of_an_executor_has_its_own_value() {
        let list = [
            "page1.fader1",
            "page1.run1",
            "page1.name1",
            "page1.cue1",
            "page1.color1",
            "page1.level1",
            "page1.flash1",
        ];
        let mut test = Test::new(&list);
        let mut shown = executor(0, 0.42);
        shown.is_running = true;
        shown.blocks[0].buttons[0].left_led = Some(Color([0, 255, 0]));
        let mut events = test.events(0, &answer(1, vec![shown]));
        events.sort();
        let expected = ["0.42", "1", "\"Front\"", "\"1 Cue\"", "\"#ffff80\"", "\"42%\"", "1"];
        assert_eq!(events, (0..).zip(expected).map(|(slot, value)| event(slot, value)).collect::<Vec<_>>());
    }

    #[test]
    fn an_empty_executor_is_black_and_has_no_name_and_level_0() {
        let mut test = Test::new(&["page1.fader1", "page1.name1", "page1.color1"]);
        let frame = Some(Color([0x3D, 0x3D, 0x3D]));
        let empty = wire::Executor { frame, ..wire::Executor::default() };
        let events = test.events(0, &answer(1, vec![empty]));
        assert_eq!(events, [event(0, "0"), event(1, "\"\""), event(2, "\"#000000\"")]);
    }

    #[test]
    fn a_level_is_scaled_by_its_ends() {
        let mut test = Test::new(&["page1.fader1"]);
        let mut shown = executor(0, 0.75);
        (shown.blocks[0].fader.min, shown.blocks[0].fader.max) = (0.5, 1.0);
        assert_eq!(test.events(0, &answer(1, vec![shown])), [event(0, "0.5")]);
    }

    #[test]
    fn each_block_of_a_wide_executor_belongs_to_the_next_number() {
        let mut test =
            Test::new(&["page1.fader1", "page1.fader2", "page1.name2", "page1.fader3", "page1.fader4"]);
        let mut wide = executor(0, 0.1);
        wide.width = 3;
        wide.blocks.push(executor(0, 0.2).blocks.remove(0));
        let events = test.events(0, &answer(1, vec![wide, executor(3, 0.4)]));
        assert_eq!(events, [event(0, "0.1"), event(1, "0.2"), event(2, "\"Front\""), event(4, "0.4")]);
    }

    #[test]
    fn absurd_widths_numbers_and_pages_are_ignored() {
        let mut test = Test::new(&["page1.fader1", "page1.fader90"]);
        let mut wide = executor(0, 0.1);
        wide.width = u32::MAX;
        test.events(0, &answer(1, vec![wide.clone(), executor(u32::MAX, 1.0)]));
        assert_eq!(test.events(0, &answer(0, vec![executor(0, 0.5)])), []);
        assert_eq!(test.events(0, &answer(u32::MAX, vec![wide])), []);
    }

    #[test]
    fn an_answer_for_another_page_counts_for_that_page() {
        let mut test = Test::new(&["page1.fader1", "page2.fader1"]);
        assert_eq!(test.events(0, &answer(2, vec![executor(0, 0.5)])), [event(1, "0.5")]);
    }

    #[test]
    fn an_executor_that_was_asked_for_and_left_out_is_empty() {
        let mut test = Test::new(&["page7.fader1", "page7.fader9"]);
        let asked = [wire::Range { start: 0, count: 5, items_type: wire::ItemsType::Faders }];
        assert_eq!(test.events_of(0, &answer(7, Vec::new()), &asked), [event(0, "0")]);
    }

    #[test]
    fn reports_of_the_past_are_dropped_while_a_fader_is_moved_and_later_ones_are_emitted() {
        let mut test = Test::new(&["page1.fader1"]);
        test.events(0, &answer(1, vec![executor(0, 0.0)]));
        test.channel(0).fader.is_consoles = false;
        test.sent(0.5, at(400));
        assert_eq!(test.events(120, &answer(1, vec![executor(0, 0.0)])), [], "the past");
        assert_eq!(test.events(399, &answer(1, vec![executor(0, 0.3)])), [], "still settling");
        assert!(!test.channel(0).fader.is_consoles);
        assert_eq!(test.events(400, &answer(1, vec![executor(0, 0.5)])), [], "the level that was sent");
        test.sent(0.6, at(800));
        assert_eq!(test.events(800, &answer(1, vec![executor(0, 0.25)])), [event(0, "0.25")]);
        assert!(test.channel(0).fader.is_consoles);
    }

    #[test]
    fn reports_are_dropped_while_a_level_waits_to_be_sent() {
        let mut test = Test::new(&["page1.fader1"]);
        test.channel(0).fader.waiting = Some(WaitingOutput::Level(0.5));
        assert_eq!(test.events(90_000, &answer(1, vec![executor(0, 0.2)])), []);
        test.channel(0).fader.waiting = None;
        assert_eq!(test.events(90_300, &answer(1, vec![executor(0, 0.2)])), [event(0, "0.2")]);
    }

    #[test]
    fn rounding_to_three_decimals_is_no_change() {
        let mut test = Test::new(&["page1.fader1"]);
        test.events(0, &answer(1, vec![executor(0, 0.0)]));
        test.sent(64.0 / 127.0, at(300));
        assert_eq!(test.events(300, &answer(1, vec![executor(0, 0.504)])), []);
    }

    #[test]
    fn a_lamp_is_emitted_again_after_its_key_was_released() {
        let mut test = Test::new(&["page1.button101"]);
        let mut running = executor(100, 0.0);
        running.is_running = true;
        assert_eq!(test.events(0, &answer(1, vec![running.clone()])), [event(0, "1")]);
        test.sent(0.0, at(110));
        assert_eq!(test.events(40, &answer(1, vec![running.clone()])), []);
        assert_eq!(test.events(120, &answer(1, vec![running])), [event(0, "1")]);
    }

    #[test]
    fn a_removed_channel_is_not_emitted_and_the_others_go_on() {
        let mut test = Test::new(&["page1.fader2", "page1.fader1", "page1.name1"]);
        let shown = answer(1, vec![executor(0, 0.1), executor(1, 0.2)]);
        assert_eq!(test.events(0, &shown).len(), 3);
        test.channel(1).set_input(false);
        test.add(3, "page1.fader3");
        let shown = answer(1, vec![executor(0, 0.7), executor(1, 0.2), executor(2, 0.3)]);
        assert_eq!(test.events(40, &shown), [event(3, "0.3")]);
    }

    #[test]
    fn a_blinking_lamp_is_half_on() {
        let mut test = Test::new(&["led.clear", "led.set"]);
        let states = ["0", "b", "b", "1", "?"];
        let events: Vec<_> =
            states.iter().flat_map(|state| test.lamps(&[("clear", state), ("nothing", "1")])).collect();
        assert_eq!(events, [event(0, "0"), event(0, "0.5"), event(0, "1"), event(0, "0")]);
    }

    #[test]
    fn each_console_numbers_its_keys_differently() {
        let keys = |console| {
            [ExecutorPart::Flash, ExecutorPart::Lower, ExecutorPart::Upper]
                .map(|part| key(Some(console), part))
        };
        assert_eq!(keys(ConsoleFamily::Gma2), [Some(0), Some(1), Some(2)]);
        assert_eq!(keys(ConsoleFamily::Dot2), [None, Some(1), Some(0)]);
    }
}
