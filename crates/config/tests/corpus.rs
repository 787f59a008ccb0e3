//! Replays the corpus of the fuzzer.

#![expect(clippy::disallowed_methods, reason = "the corpus is files")]

use std::path::Path;

#[path = "../../../fuzz/checks/config.rs"]
mod check;

#[test]
fn every_input_of_the_corpus_is_survived() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/config");
    let inputs = corpus.read_dir().expect("the corpus is in the repository");
    let mut replayed = 0;
    for input in inputs {
        let path = input.expect("a readable folder").path();
        check::check(&std::fs::read(&path).expect("a readable file"));
        replayed += 1;
    }
    assert!(replayed >= 10, "only {replayed} inputs in {}", corpus.display());
}
