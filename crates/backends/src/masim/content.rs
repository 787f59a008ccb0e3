//! The contents of the simulated show: an example of everything that a console can report.

use crosspatch_core::{Duration, Instant};

use super::show::{
    AssignedExecutor, AssignedObject, Cue, FIRST_BUTTON, Function, PageEntry, Playback, Priority, Show,
};
use crate::maweb::wire::ConsoleFamily;

const FADER_KEYS: [Function; 3] = [Function::Flash, Function::Go, Function::GoBack];
const GROUP_KEYS: [Function; 3] = [Function::Flash, Function::Black, Function::SelFix];
const RATE_KEYS: [Function; 3] = [Function::HalfSpeed, Function::Rate1, Function::DoubleSpeed];

/// The show of a console.
pub(super) fn show(console: ConsoleFamily) -> Show {
    let mut show = Show::new(console);
    match console {
        ConsoleFamily::Gma2 => gma2(&mut show),
        ConsoleFamily::Dot2 => dot2(&mut show),
    }
    show
}

/// Makes every executor one number wide.
pub(super) fn narrow(show: &mut Show) {
    for slot in show.pages.values_mut().flat_map(|page| page.executors.values_mut()) {
        if let PageEntry::Assigned(executor) = slot {
            executor.width = 1;
        }
    }
}

/// Removes executors with a macro, whose cue is a row without text.
pub(super) fn drop_macros(show: &mut Show) {
    for page in show.pages.values_mut() {
        page.executors.retain(|_, slot| match slot {
            PageEntry::Assigned(executor) => !matches!(executor.kind, AssignedObject::Macro { .. }),
            PageEntry::Cleared => true,
        });
    }
}

fn gma2(show: &mut Show) {
    main_faders(show);
    for (number, name, color, level) in
        [(6, "Front", 0xE8A901, 1.0), (7, "House", 0xE8A901, 0.424), (8, "Spots", 0x00FFFF, 0.584)]
    {
        let mut group = AssignedExecutor::new(AssignedObject::Group, number, name, color, GROUP_KEYS);
        group.level = level;
        show.assign(1, number, group);
    }
    let mut wide = AssignedExecutor::new(
        sequence(Priority::Super, &[("Night", 4.0), ("Dawn", 8.0), ("Day", 8.0), ("Dusk", 4.0)]),
        21,
        "Cyclorama",
        0x0080FF,
        FADER_KEYS,
    );
    wide.width = 3;
    wide.level = 1.0;
    show.assign(1, 11, wide);
    show.pages.entry(0).or_default().executors.insert(9, PageEntry::Cleared);
    for (number, kind, at, name, color, keys) in [
        (16, 2, 1, "Grand", 0xFF007F, [Function::Black, Function::Black, Function::Empty]),
        (17, 3, 1, "Spd 1", 0xFF0000, [Function::HalfSpeed, Function::Learn, Function::DoubleSpeed]),
        (18, 4, 1, "Rate 1", 0x0000FF, RATE_KEYS),
        (19, 5, 1, "Chases", 0xC0C0C0, [Function::Flash, Function::Empty, Function::Empty]),
    ] {
        let mut master = AssignedExecutor::new(AssignedObject::Special(kind, at), at, name, color, keys);
        master.is_fixed = true;
        show.assign(1, number, master);
    }
    show.set_master(3, 1, 80.6 / 225.0);
    for page in 2..=3 {
        for number in 1..=5 {
            let name = format!("Look {page}.{number}");
            let cues = [("In", 2.0), ("Build", 1.0), ("Out", 3.0)];
            let kind = sequence(Priority::Ltp, &cues);
            let mut look = AssignedExecutor::new(kind, page * 100 + number, &name, 0x80FF00, FADER_KEYS);
            look.level = 1.0;
            show.assign(page, number, look);
        }
    }
    buttons(show, 101);
    let mut held = AssignedExecutor::new(
        sequence(Priority::Ltp, &[("Blinder", 0.0)]),
        40,
        "Blinder",
        0xFFFFFF,
        one(Function::Flash),
    );
    held.level = 1.0;
    show.assign(1, 111, held);
    let strobe = AssignedExecutor::new(effect(225.0), 41, "Strobe", 0xFFFFFF, one(Function::Temp));
    show.assign(1, 112, strobe);
}

fn dot2(show: &mut Show) {
    main_faders(show);
    for (number, name) in [(6, "Front"), (7, "Wash left"), (14, "Wash right"), (22, "Haze")] {
        let kind = sequence(Priority::Ltp, &[("On", 1.0)]);
        let mut executor = AssignedExecutor::new(kind, 30 + number, name, 0x00FF80, FADER_KEYS);
        executor.level = 0.5;
        show.assign(1, number, executor);
    }
    buttons(show, 101);
    for (number, name, function) in [
        (201, "Select me", Function::Select),
        (202, "Flash me", Function::Flash),
        (301, "Wing top", Function::Go),
        (416, "Wing", Function::Toggle),
        (801, "Wing low", Function::Temp),
    ] {
        let kind = sequence(Priority::Ltp, &[("Cue", 1.0), ("Cue", 1.0)]);
        let mut executor = AssignedExecutor::new(kind, number, name, 0xFFFF80, one(function));
        executor.level = 1.0;
        show.assign(1, number, executor);
    }
    let kind = sequence(Priority::Htp, &[("Cue", 0.5)]);
    show.assign(2, 1, AssignedExecutor::new(kind, 50, "Second page", 0xFFFF80, FADER_KEYS));
    // A dot2 has two keys above its faders and none below: upper and lower.
    for page in show.pages.values_mut() {
        for (_, slot) in page.executors.range_mut(..FIRST_BUTTON) {
            if let PageEntry::Assigned(executor) = slot {
                executor.functions = [Function::Go, Function::Flash, Function::Empty];
            }
        }
    }
}

/// The first five faders: sequences with cues, one of them running, a chase, and one with the fader that starts it.
fn main_faders(show: &mut Show) {
    let mut main = AssignedExecutor::new(
        sequence(Priority::Htp, &[("Preset", 0.0), ("House to half", 5.0), ("Opening", 2.0), ("Bows", 3.0)]),
        1,
        "Main",
        0xFFFF80,
        [Function::Flash, Function::Go, Function::Top],
    );
    main.level = 1.0;
    main.run = Some(Playback { cue: 0, since: Instant::START, halted: None });
    show.assign(1, 1, main);
    for (number, name, color, keys, cues) in [
        (2, "Content", 0x00FFFF, FADER_KEYS, &[("Clip", 1.0), ("Logo", 1.0)][..]),
        (3, "Live", 0xFF0000, [Function::Go, Function::On, Function::Off], &[("Camera", 0.0)][..]),
    ] {
        show.assign(
            1,
            number,
            AssignedExecutor::new(sequence(Priority::Htp, cues), number, name, color, keys),
        );
    }
    let steps = cues(&[("Red", 0.5), ("Green", 0.5), ("Blue", 0.5)]);
    let chase = AssignedObject::Sequence { priority: Priority::Ltp, cues: steps, follows: true };
    let mut chase = AssignedExecutor::new(
        chase,
        4,
        "Chase",
        0x80FFFF,
        [Function::Toggle, Function::Pause, Function::Temp],
    );
    chase.level = 0.75;
    show.assign(1, 4, chase);
}

/// A row of buttons: effects, a macro and sequences.
fn buttons(show: &mut Show, first: u32) {
    for (at, name) in (0..).zip(["Run Down", "Run Up", "Stars", "Circle"]) {
        let mut button = AssignedExecutor::new(effect(60.0), at + 2, name, 0xFF80FF, one(Function::Toggle));
        button.level = 1.0;
        show.assign(1, first + at, button);
    }
    let kind = AssignedObject::Macro { command: "Off Page Thru".into() };
    show.assign(1, first + 4, AssignedExecutor::new(kind, 3, "All off", 0xFF0000, one(Function::Go)));
    let kind = sequence(Priority::Ltp, &[("Cue", 0.0), ("Walk-in", 4.0)]);
    let mut button = AssignedExecutor::new(kind, 12, "Walk-in", 0xFFFF80, one(Function::Go));
    button.level = 1.0;
    show.assign(1, first + 5, button);
}

fn sequence(priority: Priority, names_and_fades: &[(&str, f64)]) -> AssignedObject {
    AssignedObject::Sequence { priority, cues: cues(names_and_fades), follows: false }
}

fn cues(names_and_fades: &[(&str, f64)]) -> Vec<Cue> {
    let cue = |(number, (name, fade)): (u32, &(&str, f64))| Cue {
        number: number.to_string(),
        name: (*name).to_owned(),
        fade: Duration::from_secs_f64(*fade),
    };
    (1..).zip(names_and_fades).map(cue).collect()
}

fn effect(bpm: f64) -> AssignedObject {
    AssignedObject::Effect { bpm, fade: Duration::ZERO }
}

fn one(function: Function) -> [Function; 3] {
    [function, Function::Empty, Function::Empty]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_show_can_be_had_without_what_some_clients_do_not_survive() {
        for console in [ConsoleFamily::Gma2, ConsoleFamily::Dot2] {
            let mut show = show(console);
            let before = show.places().len();
            narrow(&mut show);
            drop_macros(&mut show);
            assert_eq!(show.places().len(), before - 1);
            for place in show.places() {
                let executor = show.executor(place).expect("assigned");
                assert_eq!(executor.width, 1);
                assert!(!matches!(executor.kind, AssignedObject::Macro { .. }));
            }
        }
    }
}
