//! Replays the corpora of the fuzzers.

#![expect(clippy::disallowed_methods, reason = "these tests read the corpora in the repository")]

use std::path::Path;

#[path = "../../../fuzz/checks/osc_message.rs"]
mod message;
#[path = "../../../fuzz/checks/osc_pattern.rs"]
mod pattern;

fn replay(name: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let inputs = corpus.read_dir().expect("the corpus is in the repository");
    let mut replayed = 0;
    for input in inputs {
        let path = input.expect("a readable folder").path();
        check(&std::fs::read(&path).expect("a readable file"));
        replayed += 1;
    }
    assert!(replayed >= 10, "only {replayed} inputs in {}", corpus.display());
}

#[test]
fn every_packet_of_the_corpus_is_survived() {
    replay("osc_message", message::check);
}

#[test]
fn every_pattern_of_the_corpus_is_survived() {
    replay("osc_pattern", pattern::check);
}
