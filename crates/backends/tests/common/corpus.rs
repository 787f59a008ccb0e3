//! Replays the corpus of a fuzzer.

use std::path::Path;

/// Checks every input of the corpus of that name.
pub(crate) fn replay(name: &str, check: fn(&[u8])) {
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
