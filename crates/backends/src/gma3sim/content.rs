//! The show of the simulated console.

use super::address::ExecutorNumber;
use super::show::{Assignment, Cue, Function, Sequence, Show};

/// Name, colour, key function of the executor, level, and cues.
type SequenceContent = (&'static str, [u8; 3], Function, f64, &'static [&'static str]);

const PAGE_1: [SequenceContent; 8] = [
    ("Main", [255, 255, 255], Function::GoPlus, 1.0, &["Preset", "Warm", "Cold", "Bows"]),
    ("Wash", [0, 96, 255], Function::GoPlus, 0.0, &["Blue", "Amber"]),
    ("Spots", [255, 200, 0], Function::GoPlus, 0.0, &["Centre", "Sides"]),
    ("Back", [160, 0, 255], Function::GoPlus, 0.0, &["Magenta"]),
    ("Effects", [0, 200, 80], Function::Toggle, 0.5, &["Circle", "Fan"]),
    ("Strobe", [255, 0, 0], Function::Flash, 1.0, &["Strobe"]),
    ("Blinder", [255, 128, 0], Function::Temp, 1.0, &["Blinder"]),
    ("House", [96, 96, 96], Function::Toggle, 0.0, &["House"]),
];

const LOOKS: u32 = 8;

/// The show as it is loaded.
pub(super) fn show() -> Show {
    let mut show = Show { page: 1, selected: 1, ..Show::default() };
    for (number, (name, color, key, level, cues)) in (1..).zip(PAGE_1) {
        show.sequences.insert(number, sequence(name.to_owned(), color, level, cues));
        show.executors
            .insert(ExecutorNumber { page: 1, executor: 200 + number }, Assignment { sequence: number, key });
        let toggles = Assignment { sequence: number, key: Function::Toggle };
        show.executors.insert(ExecutorNumber { page: 1, executor: 100 + number }, toggles);
    }
    for look in 1..=LOOKS {
        let color = [(look * 30) as u8, 128, 255 - (look * 30) as u8];
        show.sequences.insert(10 + look, sequence(format!("Look {look}"), color, 1.0, &["Look"]));
        let toggles = Assignment { sequence: 10 + look, key: Function::Toggle };
        show.executors.insert(ExecutorNumber { page: 2, executor: 200 + look }, toggles);
    }
    show
}

fn sequence(name: String, color: [u8; 3], level: f64, cues: &[&str]) -> Sequence {
    let cues = (1..)
        .zip(cues)
        .map(|(number, name): (u32, _)| Cue { number: number.to_string(), name: (*name).to_owned() });
    Sequence { name, color, cues: cues.collect(), current: None, level, held: None }
}
