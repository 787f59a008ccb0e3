//! Replays the corpora of the fuzzer, and what a few thousand changes make of them.

#![expect(clippy::disallowed_methods, reason = "these tests read the corpora in the repository")]

#[path = "../../../fuzz/checks/engine.rs"]
mod engine;
#[path = "../../../fuzz/checks/masim.rs"]
mod masim;
#[path = "../../../fuzz/checks/maweb_answer.rs"]
mod maweb_answer;
#[path = "../../../fuzz/checks/maweb_request.rs"]
mod maweb_request;

use std::path::Path;

/// All files of a folder, in order.
fn files(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths.iter().map(|path| std::fs::read(path).expect("the file is there")).collect()
}

/// Checks every input, and so many changed ones, which are made of all inputs in turn.
fn replay(inputs: Vec<Vec<u8>>, changes: usize, check: impl Fn(&[u8])) {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 11) as usize % below
    };
    let rounds = changes.div_ceil(inputs.len());
    for input in inputs {
        check(&input);
        for _ in 0..rounds {
            let mut changed = input.clone();
            for _ in 0..=next(3) {
                let at = next(changed.len() + 1);
                match next(4) {
                    0 if at < changed.len() => changed[at] = next(256) as u8,
                    1 => drop(changed.drain(at..(at + next(9)).min(changed.len()))),
                    2 => changed.insert(at, b"{}[]\",:\\0-9eN\n"[next(14)]),
                    _ => {
                        let end = (at + next(30)).min(changed.len());
                        let copy = changed[at..end].to_vec();
                        let to = next(changed.len() + 1);
                        changed.splice(to..to, copy);
                    }
                }
            }
            check(&changed);
        }
    }
}

#[test]
fn answers_of_consoles() {
    replay(files("../../fuzz/corpus/maweb_answer"), 3000, maweb_answer::check);
    replay(files("tests/captures"), 600, maweb_answer::check);
}

#[test]
fn requests_of_web_remotes() {
    replay(files("../../fuzz/corpus/maweb_request"), 6000, maweb_request::check);
    replay(files("tests/captures"), 600, maweb_request::check);
}

#[test]
fn a_simulated_console_answers_every_frame_once() {
    replay(files("../../fuzz/corpus/masim"), 300, masim::check);
}

#[test]
fn a_whole_show_survives_anything_in_any_order() {
    replay(files("../../fuzz/corpus/engine"), 400, engine::check);
}
