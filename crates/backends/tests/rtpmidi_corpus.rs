//! Replays the corpus of the fuzzer.

#![expect(clippy::disallowed_methods, reason = "this test reads the corpus in the repository")]

use std::path::Path;

#[path = "../../../fuzz/checks/rtpmidi.rs"]
mod check;

#[test]
fn every_datagram_of_the_rtpmidi_corpus_is_survived() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/rtpmidi");
    let mut replayed = 0;
    for input in corpus.read_dir().expect("the corpus is in the repository") {
        let path = input.expect("a readable folder").path();
        check::check(&std::fs::read(&path).expect("a readable file"));
        replayed += 1;
    }
    assert!(replayed >= 20, "only {replayed} inputs in {}", corpus.display());
}
