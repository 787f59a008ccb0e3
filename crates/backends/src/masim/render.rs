//! Encodes the show into answers, as a console does.

use std::borrow::Cow;

use crosspatch_core::{Duration, Instant};

use super::show::{
    AssignedExecutor, AssignedObject, ExecutorPosition, FIRST_BUTTON, Function, Page, PageEntry, Priority,
    SPEED_AT_FULL, Show,
};
use crate::maweb::wire::{
    self, Block, BottomButton, Color, ColoredText, ConsoleFamily, CueRows, ExecButton, ExecFader, Group,
    ItemsType, Playbacks, PlaybacksFormat, PlaybacksRequest, Range, View,
};

const BLACK: Color = Color([0, 0, 0]);
const WHITE: Color = Color([0xFF, 0xFF, 0xFF]);
const GREY: Color = Color([0xC0, 0xC0, 0xC0]);
const DARK: Color = Color([0x80, 0x80, 0x80]);
const YELLOW: Color = Color([0xFF, 0xFF, 0]);
const FIXED: Color = Color([0xE8, 0xA9, 0x01]);
const EMPTY: Color = Color([0x40, 0x40, 0x40]);
const NEVER_USED: Color = Color([0x3D, 0x3D, 0x3D]);
const LEVEL: Color = Color([0x80, 0x80, 0]);

/// The number of executors per row of a grandMA2. Requests are counted in rows.
const ROW: u32 = 5;

/// The first and last numbers of a console's section, counted from 0.
const GMA2_FADERS: (u32, u32) = (0, 90);
const GMA2_BUTTONS: (u32, u32) = (FIRST_BUTTON, 190);
const DOT2_CORE: [(u32, u32); 3] = [(0, 22), (100, 122), (200, 222)];
const DOT2_WINGS: [(u32, u32); 6] = [(300, 316), (400, 416), (500, 516), (600, 616), (700, 716), (800, 816)];

/// How executors are drawn.
#[derive(Copy, Clone)]
struct Drawing {
    items_type: ItemsType,
    /// Whether buttons have their bottom row, and their keys.
    has_bottom: bool,
    has_blocks: bool,
}

impl Show {
    /// The answer to a request for executors.
    pub(super) fn playbacks(&self, now: Instant, request: &PlaybacksRequest) -> Playbacks<'_> {
        let groups = request.ranges.iter().map(|range| self.group(now, request, *range)).collect();
        Playbacks {
            dialect: request.dialect,
            view: request.view,
            page: request.page_index.saturating_add(1),
            // MA's page would show a name; no console was seen to send one.
            page_name: None,
            access_denied: false,
            groups,
        }
    }

    fn group(&self, now: Instant, request: &PlaybacksRequest, range: Range) -> Group<'_> {
        let (section, start, end) = self.section(request, range);
        let drawing = Drawing {
            items_type: range.items_type,
            // The mode is not documented. This one fits the two captures and the clients.
            has_bottom: request.exec_button_view_mode == Some(2) || self.console == ConsoleFamily::Dot2,
            has_blocks: request.buttons_view_mode.is_some_and(|mode| mode >= 1),
        };
        let row = match self.console {
            ConsoleFamily::Gma2 => ROW,
            ConsoleFamily::Dot2 => 1,
        };
        let mut rows = Vec::new();
        let mut index = start;
        while index < end {
            let row_end = (index + row).min(end);
            let mut items = Vec::new();
            while index < row_end {
                let executor = self.draw(now, ExecutorPosition { page: request.page_index, index }, drawing);
                index += executor.width;
                items.push(executor);
            }
            rows.push(items);
        }
        let offset = match range.items_type {
            // Executors 1 to 90 drawn as buttons carry the offset of the buttons all the same.
            ItemsType::Buttons => section.max(FIRST_BUTTON),
            ItemsType::Main | ItemsType::Faders => section,
        };
        Group { items_type: range.items_type, offset, pages: self.page_count(), rows }
    }

    /// The section that contains a range, and the requested numbers in it.
    fn section(&self, request: &PlaybacksRequest, range: Range) -> (u32, u32, u32) {
        let end = range.start.saturating_add(range.count);
        let (from, to) = match (self.console, range.items_type) {
            (_, ItemsType::Main) => (0, 0),
            (ConsoleFamily::Gma2, ItemsType::Faders) => GMA2_FADERS,
            (ConsoleFamily::Gma2, ItemsType::Buttons) => {
                let as_asked = range.start < GMA2_FADERS.1 && request.view != View::Buttons;
                if as_asked && request.dialect == PlaybacksFormat::Grouped {
                    GMA2_FADERS
                } else {
                    GMA2_BUTTONS
                }
            }
            (ConsoleFamily::Dot2, ItemsType::Faders | ItemsType::Buttons) => {
                let section = DOT2_CORE.iter().chain(&DOT2_WINGS).rfind(|(from, _)| *from <= range.start);
                let (from, to) = *section.unwrap_or(&DOT2_CORE[0]);
                // The buttons above the faders are only sent together with faders.
                let comes = from < FIRST_BUTTON
                    || from >= DOT2_WINGS[0].0
                    || request.ranges.iter().any(|range| range.items_type == ItemsType::Faders);
                if comes { (from, to) } else { (from, from) }
            }
        };
        let (start, end) = match self.console {
            ConsoleFamily::Gma2 => (range.start / ROW * ROW, end.div_ceil(ROW).saturating_mul(ROW)),
            ConsoleFamily::Dot2 => (range.start, end),
        };
        // A range that begins before the first number, as MA's page requests at its start, is moved to the first.
        let count = end - start;
        let start = start.clamp(from, to);
        (from, start, start.saturating_add(count).min(to))
    }

    fn page_count(&self) -> u32 {
        match self.console {
            ConsoleFamily::Gma2 => 10_000,
            ConsoleFamily::Dot2 => self.pages.keys().next_back().map_or(1, |last| last.saturating_add(1)),
        }
    }

    fn draw(&self, now: Instant, place: ExecutorPosition, drawing: Drawing) -> wire::Executor<'_> {
        let slot = self.pages.get(&place.page).and_then(|page: &Page| page.executors.get(&place.index));
        match slot {
            Some(PageEntry::Assigned(executor)) => self.draw_assigned(now, place.index, executor, drawing),
            Some(PageEntry::Cleared) => draw_empty(place.index, true, drawing),
            None => draw_empty(place.index, false, drawing),
        }
    }

    fn draw_assigned<'s>(
        &'s self,
        now: Instant,
        index: u32,
        executor: &'s AssignedExecutor,
        drawing: Drawing,
    ) -> wire::Executor<'s> {
        let level = self.level(executor);
        let is_running = self.is_running(executor, level);
        // On a dot2, an executor is fixed while it runs.
        let is_lit = executor.is_fixed || (self.console == ConsoleFamily::Dot2 && executor.run.is_some());
        let text = if is_lit { WHITE } else { GREY };
        let is_fader = drawing.items_type == ItemsType::Faders;
        let mut drawn = wire::Executor {
            number: ColoredText::new((index + 1).to_string(), text),
            object_type: ColoredText::new(kind_letters(&executor.kind), WHITE),
            object: ColoredText::new(object_number(executor), WHITE),
            name: ColoredText::new(&*executor.name, WHITE),
            background: Some(if is_lit { FIXED } else { BLACK }),
            frame: Some(executor.color),
            cues: self.rows(now, executor, level),
            width: executor.width,
            index,
            is_running,
            blocks: Vec::new(),
            bottom: Vec::new(),
        };
        if is_fader || drawing.has_blocks {
            drawn.blocks = (0..executor.width).map(|at| block(executor, level, at == 0)).collect();
        }
        if !is_fader && drawing.has_bottom {
            let has_fader = !matches!(executor.kind, AssignedObject::Macro { .. });
            drawn.bottom.push(BottomButton {
                fader: has_fader.then_some(level),
                fader_color: has_fader.then_some(LEVEL),
                function: ColoredText::new(executor.functions[0].word(), text),
            });
        }
        drawn
    }

    /// The value of `isRun`. For masters it means that they are not at rest.
    fn is_running(&self, executor: &AssignedExecutor, level: f64) -> bool {
        match executor.kind {
            AssignedObject::Sequence { .. }
            | AssignedObject::Effect { .. }
            | AssignedObject::Macro { .. } => executor.run.is_some(),
            AssignedObject::Group => level < 0.9995,
            AssignedObject::Special(3, _) => true,
            AssignedObject::Special(4, _) => (level - 0.5).abs() > 0.0005,
            AssignedObject::Special(..) => false,
        }
    }

    fn rows(&self, now: Instant, executor: &AssignedExecutor, level: f64) -> CueRows<'static> {
        let running = executor.position(now);
        let shown = running.map(|_| Color::RUNNING);
        let row = |text: Option<String>, progress, progress_color| wire::CueRow {
            color: text.is_some().then_some(WHITE),
            text: text.map(Cow::Owned),
            progress,
            progress_color,
        };
        let items = match &executor.kind {
            AssignedObject::Sequence { cues, .. } => {
                let (at, progress) = running.unwrap_or((0, 0.0));
                // One row, or three: the previous, the current and the next cue. At the ends of the list the rows do
                // not move.
                let count = if cues.len() == 1 { 1 } else { 3 };
                let first = at.saturating_sub(1).min(cues.len().saturating_sub(count));
                let rows = (first..first + count).map(|row_at| {
                    let text = cues.get(row_at).map(|cue| format!("{:>5} {}", cue.number, cue.name));
                    let shown = shown.filter(|_| row_at == at);
                    row(text, shown.map(|_| progress), shown)
                });
                rows.collect()
            }
            AssignedObject::Effect { bpm, fade } => {
                let color = Some(if running.is_some() { Color::RUNNING } else { DARK });
                vec![
                    row(Some(format!("{bpm:.1} BPM")), Some(bpm / SPEED_AT_FULL), color),
                    row(Some(format!("{:.1} s", fade.as_secs_f64())), Some(1.0), color),
                    row(None, running.map(|_| beat(now, executor, *bpm)), color),
                ]
            }
            AssignedObject::Macro { .. } => {
                vec![wire::CueRow { color: Some(WHITE), ..wire::CueRow::default() }]
            }
            AssignedObject::Group => vec![wire::CueRow::default()],
            AssignedObject::Special(kind, _) => vec![row(Some(master_text(*kind, level)), None, None)],
        };
        CueRows { background: Some(executor.color.shade()), items }
    }
}

fn draw_empty(index: u32, was_used: bool, drawing: Drawing) -> wire::Executor<'static> {
    let label = || ColoredText { text: Cow::Borrowed(""), color: was_used.then_some(WHITE) };
    let frame = if was_used { EMPTY } else { NEVER_USED };
    let mut drawn = wire::Executor {
        number: ColoredText::new((index + 1).to_string(), BLACK),
        object_type: label(),
        object: label(),
        name: label(),
        background: Some(EMPTY),
        frame: Some(frame),
        index,
        ..wire::Executor::default()
    };
    if drawing.items_type == ItemsType::Faders {
        let button = |id| ExecButton {
            id,
            function: Function::Empty.word().into(),
            color: Some(DARK),
            frame: was_used.then_some(EMPTY),
            ..ExecButton::default()
        };
        let fader = if was_used {
            ExecFader { frame: Some(EMPTY), text: Some("".into()), max: 1.0, ..ExecFader::default() }
        } else {
            ExecFader::default()
        };
        drawn.blocks.push(Block { buttons: [button(0), button(1), button(2)], fader });
    }
    drawn
}

/// One fader and its keys. A wide executor has one for each of its numbers; only the first has functions here.
fn block(executor: &AssignedExecutor, level: f64, is_first: bool) -> Block<'static> {
    let frame = Some(executor.color);
    let button = |id: usize| {
        let function = if is_first { executor.functions[id] } else { Function::Empty };
        let color = match (function, id) {
            (Function::Empty, _) => DARK,
            (_, 0) => YELLOW,
            _ => WHITE,
        };
        ExecButton {
            id: id as u32,
            function: function.word().into(),
            color: Some(color),
            frame,
            ..ExecButton::default()
        }
    };
    let function = match &executor.kind {
        AssignedObject::Sequence { priority: Priority::Htp, .. } => "HTP",
        AssignedObject::Special(2, 1) => "Grand",
        AssignedObject::Special(3, _) => "Speed",
        AssignedObject::Special(4, _) => "Rate",
        AssignedObject::Sequence { .. }
        | AssignedObject::Effect { .. }
        | AssignedObject::Macro { .. }
        | AssignedObject::Group
        | AssignedObject::Special(..) => "Mstr",
    };
    let text = format!("{:02}%", (level * 100.0).round() as u32);
    Block {
        buttons: [button(0), button(1), button(2)],
        fader: ExecFader {
            frame,
            function: Some(function.into()),
            value: level,
            text: Some(text.into()),
            min: 0.0,
            max: 1.0,
        },
    }
}

fn kind_letters(kind: &AssignedObject) -> &'static str {
    match kind {
        AssignedObject::Sequence { priority: Priority::Htp, .. } => "HT",
        AssignedObject::Sequence { priority: Priority::Ltp, .. } => "LT",
        AssignedObject::Sequence { priority: Priority::Super, .. } => "!T",
        AssignedObject::Effect { .. } => "  LAS",
        AssignedObject::Macro { .. } | AssignedObject::Special(1 | 2, _) => "  ",
        AssignedObject::Group => " P",
        AssignedObject::Special(3, _) => "Sp",
        AssignedObject::Special(4, _) => "Ra",
        AssignedObject::Special(..) => "Pl",
    }
}

fn object_number(executor: &AssignedExecutor) -> String {
    match executor.kind {
        AssignedObject::Special(2, 1) => String::new(),
        AssignedObject::Special(kind, number) => format!("{kind}.{number}"),
        AssignedObject::Sequence { .. }
        | AssignedObject::Effect { .. }
        | AssignedObject::Macro { .. }
        | AssignedObject::Group => executor.object.to_string(),
    }
}

fn master_text(kind: u32, level: f64) -> String {
    match kind {
        3 if level == 0.0 => "Stop".into(),
        3 => format!("{:.1} BPM", level * SPEED_AT_FULL),
        4 if (level - 0.5).abs() <= 0.0005 => "1:1".into(),
        4 => format!("{:.2}", level * 2.0),
        5 => "0".into(),
        _ => format!("{:.0}%", level * 100.0),
    }
}

/// The position of an effect within its beat.
fn beat(now: Instant, executor: &AssignedExecutor, bpm: f64) -> f64 {
    let passed = executor.run.map_or(Duration::ZERO, |run| now.since(run.since));
    (passed.as_secs_f64() * bpm / 60.0).fract()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masim::content;
    use crate::masim::show::{Cue, Function, Playback};
    use crate::maweb::wire::{Answer, Response};

    const BUTTONS: [Function; 3] = [Function::Flash, Function::Go, Function::Top];

    fn request(view: View, ranges: &[(u32, u32, ItemsType)]) -> PlaybacksRequest {
        let range = |&(start, count, items_type): &(u32, u32, ItemsType)| Range { start, count, items_type };
        PlaybacksRequest {
            dialect: PlaybacksFormat::Grouped,
            ranges: ranges.iter().map(range).collect(),
            page_index: 0,
            view,
            exec_button_view_mode: Some(2),
            buttons_view_mode: Some(0),
            session: 1,
        }
    }

    fn sequence(priority: Priority) -> AssignedObject {
        let cues = vec![Cue { number: "1".into(), name: "Cue".into(), fade: Duration::ZERO }];
        AssignedObject::Sequence { priority, cues, follows: false }
    }

    /// Executors of a real console, rendered here and compared with the console's output.
    fn assert_drawn_as(capture: &str, show: &Show, request: &PlaybacksRequest, compared: &[u32]) {
        let answer = Answer::decode(capture.as_bytes()).expect("a capture");
        let Some(Response::Playbacks(captured)) = &answer.response else { panic!("no playbacks") };
        let drawn = show.playbacks(Instant::START, request);
        for index in compared {
            let written = |playbacks: &Playbacks<'_>| {
                let mut all = playbacks.groups.iter().flat_map(|group| group.executors());
                let executor = all.find(|executor| executor.index == *index).expect("it is there");
                let rows = vec![vec![executor.clone()]];
                let group = Group { items_type: ItemsType::Faders, offset: 0, pages: 1, rows };
                let playbacks = Playbacks { groups: vec![group], ..Playbacks::default() };
                let mut bytes = Vec::new();
                Answer::to(Response::Playbacks(playbacks)).encode(&mut bytes);
                String::from_utf8(bytes).expect("text")
            };
            assert_eq!(written(&drawn), written(captured), "executor {}", index + 1);
        }
    }

    #[test]
    fn faders_are_drawn_as_a_grandma2_draws_them() {
        let mut show = Show::new(ConsoleFamily::Gma2);
        for (number, object, name, level, runs) in
            [(16, 3, "MAIN_MIX", 1.0, true), (17, 4, "CONTENT", 0.0, false)]
        {
            let mut executor =
                AssignedExecutor::new(sequence(Priority::Htp), object, name, 0xFFFF80, BUTTONS);
            executor.level = level;
            executor.run = runs.then_some(Playback { cue: 0, since: Instant::START, halted: None });
            show.assign(1, number, executor);
        }
        let keys = [Function::Flash, Function::Black, Function::SelFix];
        for (number, object, name, level) in
            [(21, 1, "ShapeShifter Base", 1.0), (22, 7, "HausWash", 0.424), (23, 16, "Mythos", 0.584)]
        {
            let mut executor = AssignedExecutor::new(AssignedObject::Group, object, name, 0xE8A901, keys);
            executor.level = level;
            show.assign(1, number, executor);
        }
        let capture = include_str!("../../tests/captures/gma2-playbacks-faders-16-25.response.json");
        let request = request(View::Faders, &[(15, 10, ItemsType::Faders)]);
        assert_drawn_as(capture, &show, &request, &[15, 16, 20, 21, 22, 23, 24]);
    }

    #[test]
    fn masters_and_cleared_executors_are_drawn_as_a_grandma2_draws_them() {
        let mut show = Show::new(ConsoleFamily::Gma2);
        let keys = [Function::Black, Function::Black, Function::Empty];
        let mut grand = AssignedExecutor::new(AssignedObject::Special(2, 1), 1, "Grand", 0xFF007F, keys);
        grand.is_fixed = true;
        show.assign(1, 9, grand);
        show.pages.entry(0).or_default().executors.insert(9, PageEntry::Cleared);
        let capture = include_str!("../../tests/captures/gma2-playbacks-faders-1-15.response.json");
        // The grand master's third key is drawn in grey here and in white on the console; no client depends on it.
        assert_drawn_as(capture, &show, &request(View::Faders, &[(0, 10, ItemsType::Faders)]), &[9]);

        for (number, kind, name, color) in [
            (16, (3, 1), "Spd 1", 0xFF0000),
            (17, (4, 8), "RESOLUME", 0x0000FF),
            (19, (5, 1), "STEP BARS", 0xC0C0C0),
        ] {
            let mut master =
                AssignedExecutor::new(AssignedObject::Special(kind.0, kind.1), 1, name, color, BUTTONS);
            master.is_fixed = true;
            show.assign(1, number, master);
        }
        show.set_master(2, 1, 0.98);
        show.set_master(3, 1, 80.6 / SPEED_AT_FULL);
        let capture = include_str!("../../tests/captures/gma2-playbacks-start0-as-buttons-90.response.json");
        let mut request = request(View::Faders, &[(0, 90, ItemsType::Buttons)]);
        request.exec_button_view_mode = Some(1);
        assert_drawn_as(capture, &show, &request, &[8, 9, 11, 15, 16, 18, 89]);
        assert_eq!(show.playbacks(Instant::START, &request).groups[0].offset, 100);
    }

    #[test]
    fn effects_and_macros_are_drawn_as_a_grandma2_draws_them() {
        let mut show = Show::new(ConsoleFamily::Gma2);
        let toggle = [Function::Toggle, Function::Empty, Function::Empty];
        let effect = |bpm| AssignedObject::Effect { bpm, fade: Duration::ZERO };
        for (number, object, name) in [(101, 2, "Run Down"), (127, 37, "G Toggle")] {
            let mut executor = AssignedExecutor::new(effect(60.0), object, name, 0xFF80FF, toggle);
            executor.level = 1.0;
            executor.run =
                (number == 127).then_some(Playback { cue: 0, since: Instant::START, halted: None });
            show.assign(1, number, executor);
        }
        let go = [Function::Go, Function::Empty, Function::Empty];
        let kind = AssignedObject::Macro { command: String::new() };
        show.assign(1, 109, AssignedExecutor::new(kind, 3, "PixelBars Off", 0xFF0000, go));
        let capture = include_str!("../../tests/captures/gma2-old-playbacks-buttons-100-60.response.json");
        let mut request = request(View::None, &[(100, 60, ItemsType::Buttons)]);
        request.dialect = PlaybacksFormat::Flat;
        assert_drawn_as(capture, &show, &request, &[100, 108, 109, 126]);
    }

    #[test]
    fn a_dot2_draws_one_executor_a_row_and_lights_what_runs() {
        let mut show = Show::new(ConsoleFamily::Dot2);
        let toggle = [Function::Toggle, Function::Empty, Function::Empty];
        for (number, object) in [(101, 2), (102, 3)] {
            let mut executor =
                AssignedExecutor::new(sequence(Priority::Ltp), object, "Sequ", 0xFFFF80, toggle);
            executor.level = 1.0;
            executor.run =
                (number == 101).then_some(Playback { cue: 0, since: Instant::START, halted: None });
            show.assign(1, number, executor);
        }
        let capture = include_str!("../../tests/captures/dot2-playbacks-0-100-200.response.json");
        let mut request = request(
            View::Faders,
            &[(0, 6, ItemsType::Faders), (100, 6, ItemsType::Buttons), (200, 6, ItemsType::Buttons)],
        );
        request.exec_button_view_mode = Some(1);
        assert_drawn_as(capture, &show, &request, &[0, 5, 100, 101, 103, 200]);
        let drawn = show.playbacks(Instant::START, &request);
        assert_eq!(drawn.groups.iter().map(|group| group.offset).collect::<Vec<_>>(), [0, 100, 200]);
        assert!(drawn.groups.iter().all(|group| group.rows.len() == 6));
        request.ranges.remove(0);
        let drawn = show.playbacks(Instant::START, &request);
        assert!(drawn.groups.iter().all(|group| group.rows.is_empty()), "buttons come only with faders");
    }

    #[test]
    fn a_wide_executor_is_one_element_with_as_many_blocks() {
        let show = content::show(ConsoleFamily::Gma2);
        let drawn = show.playbacks(Instant::START, &request(View::Faders, &[(12, 1, ItemsType::Faders)]));
        let [row] = &*drawn.groups[0].rows else { panic!("requests are widened to fives") };
        let found: Vec<_> =
            row.iter().map(|executor| (executor.index, executor.width, executor.blocks.len())).collect();
        assert_eq!(found, [(10, 3, 3), (13, 1, 1), (14, 1, 1)]);
    }

    #[test]
    fn an_answer_has_the_keys_of_a_captured_one_and_no_page_name() {
        let show = content::show(ConsoleFamily::Gma2);
        let playbacks =
            show.playbacks(Instant::START, &request(View::Faders, &[(15, 10, ItemsType::Faders)]));
        let mut written = Vec::new();
        Answer::to(Response::Playbacks(playbacks)).encode(&mut written);
        let written = String::from_utf8(written).expect("text");
        let capture = include_str!("../../tests/captures/gma2-playbacks-faders-16-25.response.json");
        let capture: String = capture.split_whitespace().collect();
        let head = |text: &str| text.split_once("\"items\":").map(|(head, _)| head.to_owned());
        assert_eq!(head(&written), head(&capture));
    }

    #[test]
    fn the_first_request_of_a_button_view_begins_at_101_as_on_a_grandma2() {
        let capture = include_str!("../../tests/captures/gma2-playbacks-buttons-101.response.json");
        let answer = Answer::decode(capture.as_bytes()).expect("a capture");
        let Some(Response::Playbacks(captured)) = &answer.response else { panic!("no playbacks") };
        let show = content::show(ConsoleFamily::Gma2);
        let request = request(View::Buttons, &[(0, 5, ItemsType::Buttons)]);
        let drawn = show.playbacks(Instant::START, &request);
        let head = |playbacks: &Playbacks<'_>| {
            let group = &playbacks.groups[0];
            let indices: Vec<_> = group.executors().map(|executor| executor.index).collect();
            (playbacks.view, playbacks.page, group.items_type, group.offset, group.pages, indices)
        };
        assert_eq!(head(&drawn), head(captured));
    }

    #[test]
    fn ranges_end_where_the_console_ends() {
        for (console, start, count, kind, length) in [
            (ConsoleFamily::Gma2, 85, 100, ItemsType::Faders, 5),
            (ConsoleFamily::Gma2, 100, 1_000, ItemsType::Buttons, 90),
            (ConsoleFamily::Gma2, 0, 50, ItemsType::Buttons, 50),
            (ConsoleFamily::Gma2, 0, 1_000, ItemsType::Buttons, 90),
            (ConsoleFamily::Gma2, 190, 5, ItemsType::Buttons, 0),
            (ConsoleFamily::Gma2, u32::MAX, u32::MAX, ItemsType::Buttons, 0),
            (ConsoleFamily::Dot2, 1, 22, ItemsType::Faders, 21),
            (ConsoleFamily::Dot2, 808, 16, ItemsType::Buttons, 8),
            (ConsoleFamily::Dot2, 5_000, 16, ItemsType::Buttons, 0),
        ] {
            let show = content::show(console);
            let drawn = show.playbacks(Instant::START, &request(View::Buttons, &[(start, count, kind)]));
            let found: u32 = drawn.groups[0].executors().map(|executor| executor.width).sum();
            assert_eq!(found, length, "{console} {start} {count}");
        }
    }

    #[test]
    fn a_cue_fades_in_its_time_and_the_next_follows_on_go() {
        let mut show = content::show(ConsoleFamily::Gma2);
        let place = ExecutorPosition { page: 0, index: 0 };
        let at = |millis: u64| Instant::from_micros(millis * 1000);
        let shown = |show: &Show, now: Instant| {
            let cues = show.rows(now, show.executor(place).expect("assigned"), 1.0);
            cues.items
                .iter()
                .map(|cue| (cue.text.clone().unwrap_or_default().trim().to_owned(), cue.progress))
                .collect::<Vec<_>>()
        };
        show.perform(at(1_000), place, Function::Go, true);
        let rows = shown(&show, at(3_500));
        assert_eq!(rows[0], ("1 Preset".into(), None));
        assert_eq!(rows[1], ("2 House to half".into(), Some(0.5)));
        assert_eq!(rows[2], ("3 Opening".into(), None));
        show.perform(at(3_500), place, Function::Pause, true);
        assert_eq!(shown(&show, at(9_000))[1].1, Some(0.5));
        show.perform(at(9_000), place, Function::Pause, true);
        assert_eq!(shown(&show, at(11_500))[1].1, Some(1.0));
        show.perform(at(12_000), place, Function::Off, true);
        assert!(shown(&show, at(12_000)).iter().all(|(_, progress)| progress.is_none()));

        let chase = ExecutorPosition { page: 0, index: 3 };
        show.perform(at(0), chase, Function::Toggle, true);
        let executor = show.executor(chase).expect("assigned");
        for (millis, cue) in [(0, 0), (600, 1), (1_100, 2), (1_600, 0), (3_600_100, 0)] {
            assert_eq!(executor.position(at(millis)).map(|(cue, _)| cue), Some(cue), "at {millis} ms");
        }
    }
}
