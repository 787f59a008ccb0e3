//! Replays the corpus of the fuzzer for the simulated grandMA3, and truncations and changes of it.

#![expect(clippy::disallowed_methods, reason = "these tests read the corpora in the repository")]

#[path = "../../../fuzz/checks/gma3sim.rs"]
mod gma3sim;

use std::path::Path;

#[test]
fn every_datagram_of_the_gma3sim_corpus_is_survived() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/gma3sim");
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(paths.len() >= 3, "{paths:?}");
    for path in paths {
        let input = std::fs::read(&path).expect("the file is there");
        gma3sim::check(&input);
        // What the fuzzer has named, it has changed enough.
        if path.file_name().is_some_and(|name| name.len() == 40) {
            continue;
        }
        for end in 0..=input.len() {
            gma3sim::check(&input[..end]);
        }
        for at in 0..input.len() {
            let mut changed = input.clone();
            changed[at] ^= [0x01, 0x20, 0x80, 0xff][at % 4];
            gma3sim::check(&changed);
        }
    }
}
