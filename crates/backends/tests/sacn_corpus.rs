//! Replays the corpus of the fuzzer.

#![expect(clippy::disallowed_methods, reason = "this test reads the corpus in the repository")]

use std::path::Path;

#[path = "../../../fuzz/checks/sacn.rs"]
mod packet;

#[test]
fn every_sacn_packet_of_the_corpus_is_survived() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/sacn");
    let inputs = corpus.read_dir().expect("the corpus is in the repository");
    let mut replayed = 0;
    for input in inputs {
        let path = input.expect("a readable folder").path();
        packet::check(&std::fs::read(&path).expect("a readable file"));
        replayed += 1;
    }
    assert!(replayed >= 10, "only {replayed} inputs in {}", corpus.display());
}
