//! The command line of the simulated console, limited to the commands that web remotes and programs send.
//!
//! Words may be shortened as on a console (`Exec`, `Att`, `Spm`). A command without a visible effect is accepted and shown. An
//! unknown command is refused with the message of a console.

use crosspatch_core::Instant;

use super::desk::{Desk, MERGE, OVERWRITE, Programmer, REMOVE, SECOND_CUE, StoreQuestion};
use super::show::{ExecutorPosition, FIRST_BUTTON, Function, SPEED_AT_FULL, Touched};
use crate::maweb::wire::{Color, ConsoleFamily};

/// The deepest nesting of macros.
const MOST_MACROS: u32 = 8;

/// The result of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was executed.
    Done,
    /// It is a command of a console that has no effect in the simulation.
    Taken,
    /// It has to be confirmed first.
    Asks(StoreQuestion),
    /// It is invalid, with the reason.
    Refused(String),
}

impl Desk {
    /// Executes a command line.
    pub(super) fn execute(&mut self, now: Instant, line: &str) -> Outcome {
        self.execute_nested(now, line, 0)
    }

    /// Handles the answer to a question.
    pub(super) fn answer(&mut self, now: Instant, question: &StoreQuestion, button: i64) {
        match button {
            OVERWRITE => {
                self.show.clear(question.place);
                self.show.store(now, question.place);
            }
            REMOVE => drop(self.show.clear(question.place)),
            SECOND_CUE => self.show.store(now, question.place),
            // Merging has no visible effect, and any other answer cancels.
            _ => {}
        }
    }

    fn execute_nested(&mut self, now: Instant, line: &str, depth: u32) -> Outcome {
        let words = split(line);
        let Some((verb, rest)) = words.split_first() else { return Outcome::Done };
        if let Some(function) = function(verb) {
            return self.perform(now, function, rest, depth);
        }
        for (name, least, run) in COMMANDS {
            if is(verb, name, *least) {
                return run(self, now, rest, line);
            }
        }
        if TAKEN.iter().any(|(name, least)| is(verb, name, *least)) {
            return Outcome::Taken;
        }
        Outcome::Refused(format!("Error #72: COMMAND NOT EXECUTED: {line}"))
    }

    /// `Go Exec 1.5`, `Off Page Thru`, `Toggle SpecialMaster 2.2`, or a bare `Go` for the selected executor.
    fn perform(&mut self, now: Instant, function: Function, words: &[&str], depth: u32) -> Outcome {
        if words.first().is_some_and(|word| is(word, "specialmaster", 3)) {
            return self.perform_master(now, function, words);
        }
        let places = match words {
            [] => self.show.selected.into_iter().collect(),
            [first, second, ..] if is(first, "page", 2) && is(second, "thru", 2) => {
                if function == Function::Off {
                    self.show.off_everywhere(now);
                    return Outcome::Done;
                }
                self.show.places()
            }
            _ => match self.places(words) {
                Some((places, _)) => places,
                None => return refused(words),
            },
        };
        for place in places {
            if let Touched::Runs(command) = self.show.perform(now, place, function, true)
                && depth < MOST_MACROS
            {
                self.execute_nested(now, &command, depth + 1);
            }
        }
        Outcome::Done
    }

    fn perform_master(&mut self, now: Instant, function: Function, words: &[&str]) -> Outcome {
        let Some((kind, number)) = words.get(1).and_then(|word| pair(word)) else { return refused(words) };
        let level = self.show.master(kind, number);
        let target = match function {
            Function::Toggle => {
                if level > 0.0 {
                    0.0
                } else {
                    1.0
                }
            }
            Function::Off => 0.0,
            Function::On | Function::Top => 1.0,
            Function::Rate1 => 0.5,
            Function::DoubleSpeed => level * 2.0,
            Function::HalfSpeed => level / 2.0,
            Function::Learn => {
                self.show.learn(now, None, number);
                return Outcome::Done;
            }
            Function::Empty
            | Function::Black
            | Function::Flash
            | Function::Go
            | Function::GoBack
            | Function::Pause
            | Function::SelFix
            | Function::Select
            | Function::Swap
            | Function::Temp => return Outcome::Taken,
        };
        self.show.set_master(kind, number, target);
        Outcome::Done
    }

    fn page(&mut self, words: &[&str], faders: bool, buttons: bool) -> Outcome {
        let Some(target) = words.first() else { return refused(words) };
        let most = match self.show.console {
            ConsoleFamily::Gma2 => 10_000,
            ConsoleFamily::Dot2 => 99,
        };
        let turned = |page: u32| -> Option<u32> {
            let turned = match (target.strip_prefix('+'), target.strip_prefix('-')) {
                (Some(up), _) => page.saturating_add(if up.is_empty() { 1 } else { up.parse().ok()? }),
                (None, Some(down)) => {
                    page.saturating_sub(if down.is_empty() { 1 } else { down.parse().ok()? })
                }
                (None, None) => target.parse().ok()?,
            };
            Some(turned.clamp(1, most))
        };
        let (fader_page, button_page) = (turned(self.show.fader_page), turned(self.show.button_page));
        let (Some(fader_page), Some(button_page)) = (fader_page, button_page) else { return refused(words) };
        if faders {
            self.show.fader_page = fader_page;
        }
        if buttons {
            self.show.button_page = button_page;
        }
        Outcome::Done
    }

    /// `Exec 1.5 At 50`.
    fn executor_at(&mut self, now: Instant, words: &[&str]) -> Outcome {
        let Some((places, used)) = self.places(words) else { return refused(words) };
        let Some((verb, value)) = words[used..].split_first() else {
            self.show.selected = places.first().copied();
            return Outcome::Done;
        };
        if !is(verb, "at", 2) {
            return refused(&words[used..]);
        }
        for place in places {
            let Some(executor) = self.show.executor(place) else { continue };
            let before = self.show.level(executor);
            let Some(level) = level(value, before, 100.0) else { return refused(value) };
            self.show.move_fader(now, place, level);
        }
        Outcome::Done
    }

    /// `SpecialMaster 2.1 At 50`; speeds in beats per minute, rates in per cent of the fader.
    fn special_master(&mut self, words: &[&str]) -> Outcome {
        let [numbers, at, value @ ..] = words else { return refused(words) };
        let Some((kind, number)) = pair(numbers).filter(|_| is(at, "at", 2)) else { return refused(words) };
        let full = if kind == 3 { SPEED_AT_FULL } else { 100.0 };
        let before = self.show.master(kind, number);
        let Some(level) = level(value, before, full) else { return refused(value) };
        self.show.set_master(kind, number, level);
        Outcome::Done
    }

    fn label(&mut self, words: &[&str]) -> Outcome {
        let Some((places, used)) = self.places(words) else { return refused(words) };
        let Some(name) = words.get(used) else { return refused(words) };
        for place in places {
            if let Some(executor) = self.show.executor_mut(place) {
                executor.name = (*name).to_owned();
            }
        }
        Outcome::Done
    }

    /// `Appearance Exec 1.5 /r=100 /g=50 /b=0`, in per cent.
    fn appearance(&mut self, words: &[&str]) -> Outcome {
        let Some((places, used)) = self.places(words) else { return refused(words) };
        for place in places {
            let Some(executor) = self.show.executor_mut(place) else { continue };
            let mut parts = executor.color.0;
            for option in &words[used..] {
                let Some((name, value)) = option.strip_prefix('/').and_then(|text| text.split_once('='))
                else {
                    continue;
                };
                let Ok(per_cent) = value.parse::<f64>() else { continue };
                let part = (per_cent.clamp(0.0, 100.0) * 2.55).round() as u8;
                match name.to_ascii_lowercase().as_str() {
                    "r" => parts[0] = part,
                    "g" => parts[1] = part,
                    "b" => parts[2] = part,
                    _ => {}
                }
            }
            executor.color = Color(parts);
        }
        Outcome::Done
    }

    fn store(&mut self, now: Instant, words: &[&str]) -> Outcome {
        // This show has no cues, presets and groups with appearances.
        let Some((places, used)) = self.places(words) else { return Outcome::Taken };
        let option = |name: &str| words[used..].iter().any(|word| word.eq_ignore_ascii_case(name));
        for place in places {
            let is_there = self.show.executor(place).is_some();
            if is_there && option("/o") {
                self.show.clear(place);
            }
            if is_there && !option("/o") && !option("/m") {
                return Outcome::Asks(StoreQuestion {
                    title: "Store options".into(),
                    message: format!("Executor {}.{} is not empty", place.page + 1, place.index + 1),
                    buttons: vec![
                        ("Overwrite", OVERWRITE),
                        ("Merge", MERGE),
                        ("Remove", REMOVE),
                        ("Create second cue", SECOND_CUE),
                        ("Cancel", -1),
                    ],
                    place,
                });
            }
            if !option("/m") || !is_there {
                self.show.store(now, place);
            }
        }
        Outcome::Done
    }

    fn delete(&mut self, words: &[&str]) -> Outcome {
        let Some((places, _)) = self.places(words) else { return Outcome::Taken };
        for place in places {
            self.show.clear(place);
        }
        Outcome::Done
    }

    /// The executors that the words name, and the number of words used: `Exec 1.5`, `Exec 5`, `Exec 1.1 Thru 1.5 + 1.7`,
    /// `Exec *.*`, `Page 2`.
    fn places(&self, words: &[&str]) -> Option<(Vec<ExecutorPosition>, usize)> {
        let (kind, rest) = words.split_first()?;
        let first = rest.first()?;
        if is(kind, "page", 2) {
            let page = first.parse::<u32>().ok()?.checked_sub(1)?;
            let on_page = self.show.places().into_iter().filter(|place| place.page == page);
            return Some((on_page.collect(), 2));
        }
        if !is(kind, "executor", 2) {
            return None;
        }
        if *first == "*.*" || *first == "*" {
            return Some((self.show.places(), 2));
        }
        let mut places = vec![self.place(first)?];
        let mut used = 2;
        while let [joint, word, ..] = words[used..] {
            let Some(place) = self.place(word) else { break };
            match (joint, places.last().copied()) {
                ("+", _) => places.push(place),
                (joint, Some(last)) if is(joint, "thru", 2) && last.page == place.page => {
                    places.extend(
                        (last.index + 1..=place.index).map(|index| ExecutorPosition { index, ..last }),
                    );
                }
                _ => break,
            }
            used += 2;
        }
        Some((places, used))
    }

    /// `1.5`, or `5` on the page that the console shows.
    fn place(&self, word: &str) -> Option<ExecutorPosition> {
        /// No console has more numbers on a page.
        const MOST: u32 = 1_000;
        let index = |text: &str| text.parse::<u32>().ok()?.checked_sub(1).filter(|index| *index < MOST);
        if let Some((page, number)) = word.split_once('.') {
            let page = page.parse::<u32>().ok()?.checked_sub(1).filter(|page| *page < 10_000)?;
            return Some(ExecutorPosition { page, index: index(number)? });
        }
        let index = index(word)?;
        let page = if index < FIRST_BUTTON { self.show.fader_page } else { self.show.button_page };
        Some(ExecutorPosition { page: page - 1, index })
    }
}

type CommandHandler = fn(&mut Desk, Instant, &[&str], &str) -> Outcome;

/// Commands that change something, with the shortest form of each.
const COMMANDS: &[(&str, usize, CommandHandler)] = &[
    ("page", 2, |desk, _, words, _| desk.page(words, true, true)),
    ("faderpage", 6, |desk, _, words, _| desk.page(words, true, false)),
    ("buttonpage", 7, |desk, _, words, _| desk.page(words, false, true)),
    ("executor", 2, |desk, now, words, _| {
        let mut whole = vec!["executor"];
        whole.extend(words);
        desk.executor_at(now, &whole)
    }),
    ("specialmaster", 3, |desk, _, words, _| desk.special_master(words)),
    ("spm", 3, |desk, _, words, _| desk.special_master(words)),
    ("label", 2, |desk, _, words, _| desk.label(words)),
    ("appearance", 3, |desk, _, words, _| desk.appearance(words)),
    ("store", 1, |desk, now, words, _| desk.store(now, words)),
    ("delete", 3, |desk, _, words, _| desk.delete(words)),
    ("clear", 2, |desk, _, _, _| {
        desk.clear();
        Outcome::Done
    }),
    ("clearall", 6, |desk, _, _, _| {
        desk.programmer = Programmer::Empty;
        desk.attributes.clear();
        Outcome::Done
    }),
    ("highlight", 2, |desk, _, _, _| {
        desk.is_high = !desk.is_high;
        Outcome::Done
    }),
    ("solo", 4, |desk, _, _, _| {
        desk.is_solo = !desk.is_solo;
        Outcome::Done
    }),
    ("fixture", 1, select),
    ("channel", 2, select),
    ("group", 2, select),
    ("attribute", 3, |desk, _, words, _| {
        // `Attribute "PAN" At + 5` turns, a bare `Attribute "PAN"` selects.
        if let [name, at, value @ ..] = words
            && is(at, "at", 2)
        {
            let before = desk.attributes.get(&name.to_ascii_uppercase()).copied().unwrap_or(0.0);
            let Some(level) = level(value, before / 100.0, 100.0) else { return refused(value) };
            desk.turn(name, level * 100.0 - before);
        }
        Outcome::Done
    }),
];

/// Commands of a console that change nothing in the simulation.
const TAKEN: &[(&str, usize)] = &[
    ("lua", 3),
    ("assign", 2),
    ("at", 2),
    ("blind", 3),
    ("copy", 2),
    ("cue", 3),
    ("edit", 2),
    ("feature", 3),
    ("freeze", 3),
    ("full", 2),
    ("goto", 3),
    ("macro", 2),
    ("move", 2),
    ("oops", 2),
    ("preset", 3),
    ("presettype", 7),
    ("pt", 2),
    ("preview", 4),
    ("sequence", 3),
    ("update", 2),
    ("webremoteprogonly", 3),
    ("world", 2),
    ("next", 3),
    ("previous", 4),
    ("record", 3),
    ("timecode", 5),
];

fn select(desk: &mut Desk, _now: Instant, _words: &[&str], _line: &str) -> Outcome {
    desk.programmer = desk.programmer.max(Programmer::Selection);
    Outcome::Done
}

/// The commands that are also key functions.
fn function(verb: &str) -> Option<Function> {
    const VERBS: &[(&str, usize, Function)] = &[
        ("defgoforward", 6, Function::Go),
        ("defgoback", 7, Function::GoBack),
        ("defgopause", 7, Function::Pause),
        ("goback", 3, Function::GoBack),
        ("go", 2, Function::Go),
        ("off", 2, Function::Off),
        ("on", 2, Function::On),
        ("toggle", 2, Function::Toggle),
        ("pause", 3, Function::Pause),
        ("flash", 2, Function::Flash),
        ("temp", 3, Function::Temp),
        ("swop", 2, Function::Swap),
        ("top", 3, Function::Top),
        ("select", 3, Function::Select),
        ("selfix", 4, Function::SelFix),
        ("learn", 3, Function::Learn),
        ("rate1", 5, Function::Rate1),
        ("doublespeed", 7, Function::DoubleSpeed),
        ("halfspeed", 5, Function::HalfSpeed),
    ];
    VERBS.iter().find(|(name, least, _)| is(verb, name, *least)).map(|(_, _, function)| *function)
}

/// Whether a word is `name`, or an abbreviation with at least this many letters.
fn is(word: &str, name: &str, least: usize) -> bool {
    let same = |at: usize| word.as_bytes()[at].eq_ignore_ascii_case(&name.as_bytes()[at]);
    (least..=name.len()).contains(&word.len()) && (0..word.len()).all(same)
}

/// `50`, `+ 10`, `- 10`, `Full`, `Zero`, on a scale up to `full`.
fn level(words: &[&str], before: f64, full: f64) -> Option<f64> {
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    let level = match words {
        [word, ..] if is(word, "full", 2) => 1.0,
        [word, ..] if is(word, "zero", 2) => 0.0,
        ["+", value, ..] => before + number(value)? / full,
        ["-", value, ..] => before - number(value)? / full,
        [value, ..] if value.starts_with(['+', '-']) => before + number(value)? / full,
        [value, ..] => number(value)? / full,
        [] => return None,
    };
    Some(level.clamp(0.0, 1.0))
}

fn pair(word: &str) -> Option<(u32, u32)> {
    let (kind, number) = word.split_once('.')?;
    let (kind, number) = (kind.parse().ok()?, number.parse().ok()?);
    ((1..=5).contains(&kind) && (1..=50).contains(&number)).then_some((kind, number))
}

fn refused(words: &[&str]) -> Outcome {
    Outcome::Refused(format!("Error #72: COMMAND NOT EXECUTED: `{}`", words.join(" ")))
}

/// Splits a line at blanks, keeping text in quotation marks together and removing the marks. `Please` at the end is
/// the enter key written out.
fn split(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next() {
        let (word, after) = if first == '"' || first == '\'' {
            rest[1..].split_once(first).unwrap_or((&rest[1..], ""))
        } else {
            rest.split_once(char::is_whitespace).unwrap_or((rest, ""))
        };
        words.push(word);
        rest = after.trim_start();
    }
    if words.last().is_some_and(|word| word.eq_ignore_ascii_case("please")) {
        words.pop();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masim::content;

    fn desk() -> Desk {
        Desk::new(content::show(ConsoleFamily::Gma2))
    }

    fn place(page: u32, number: u32) -> ExecutorPosition {
        ExecutorPosition { page: page - 1, index: number - 1 }
    }

    fn runs(desk: &Desk, page: u32, number: u32) -> bool {
        desk.show.executor(place(page, number)).expect("something is assigned").run.is_some()
    }

    #[test]
    fn knows_the_command_lines_that_clients_send() {
        let now = Instant::START;
        for line in [
            "Page 2",
            "FaderPage +1",
            "ButtonPage 1",
            "Page 3 Please",
            "SpecialMaster 2.1 At 50",
            "SpecialMaster 3.1 At 120",
            "Learn SpecialMaster 3.1",
            "Rate1 SpecialMaster 4.1",
            "Toggle SpecialMaster 2.2",
            "Off Page Thru",
            "Highlight",
            "Clear",
            "DefGoForward",
            "DefGoBack",
            "Exec *.* At zero",
            "Label Exec 1.1 \"Main theme\"",
            "Appearance Exec 1.1 /r=100 /g=0 /b=50",
            "Attribute \"PAN\" At + 5",
            "Go Exec 1.1 Thru 1.3",
            "",
        ] {
            assert_eq!(desk().execute(now, line), Outcome::Done, "{line}");
        }
        for line in
            ["LUA 'gma.canbus.hardkey(11, true, false)'", "Att PAN", "FEA 1", "PT 2", "WebRemoteProgOnly"]
        {
            assert!(matches!(desk().execute(now, line), Outcome::Taken | Outcome::Done), "{line}");
        }
        for line in [
            "Frobnicate",
            "Exec",
            "Exec 0.1 At 5",
            "Go Exec 1.x",
            "SpecialMaster 2 At 5",
            "Page x",
            "\u{e4}\"'",
        ] {
            assert!(matches!(desk().execute(now, line), Outcome::Refused(_)), "{line}");
        }
    }

    #[test]
    fn executors_and_masters_do_as_they_are_told() {
        let mut desk = desk();
        let now = Instant::START;
        desk.execute(now, "Go Exec 1.2");
        assert!(runs(&desk, 1, 2) && runs(&desk, 1, 1));
        desk.execute(now, "exec 1.6 + 1.7 at 25");
        for number in [6, 7] {
            assert_eq!(desk.show.executor(place(1, number)).expect("a group").level, 0.25);
        }
        desk.execute(now, "Off Page Thru");
        assert!(!runs(&desk, 1, 2) && !runs(&desk, 1, 1));
        desk.execute(now, "SpecialMaster 2.1 At 40");
        desk.execute(now, "SpecialMaster 2.1 At + 10");
        assert_eq!(desk.show.master(2, 1), 0.5);
        desk.execute(now, "Page 3");
        desk.execute(now, "FaderPage -1");
        assert_eq!((desk.show.fader_page, desk.show.button_page), (2, 3));
        desk.execute(now, "Label Exec 2 \"On page two\"");
        assert_eq!(desk.show.executor(place(2, 2)).expect("a look").name, "On page two");
    }

    #[test]
    fn storing_where_something_is_asks_first() {
        let mut desk = desk();
        let now = Instant::START;
        assert_eq!(desk.execute(now, "Store Exec 1.30"), Outcome::Done);
        assert!(runs(&desk, 1, 30));
        let Outcome::Asks(question) = desk.execute(now, "Store Exec 1.30") else { panic!("no question") };
        desk.answer(now, &question, REMOVE);
        assert!(desk.show.executor(place(1, 30)).is_none());
        assert_eq!(desk.execute(now, "Store Exec 1.1 /o"), Outcome::Done);
        assert_eq!(desk.execute(now, "Delete Exec 1.1"), Outcome::Done);
        assert!(desk.show.executor(place(1, 1)).is_none());
    }
}
