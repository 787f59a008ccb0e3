//! What holds of every message that claims to come from a console. Shared by the fuzz target and by the test that replays
//! its corpus and the captures.

use crosspatch_backends::maweb::wire::{Answer, describe};

/// Reads `data` as an answer and checks what comes of it.
pub(crate) fn check(data: &[u8]) {
    let mut line = String::new();
    describe(data, &mut line);
    assert!(!line.contains('\n'), "a message is described in one line: {line:?}");
    let Ok(answer) = Answer::decode(data) else { return };
    assert!(!answer.to_string().is_empty());
    let mut once = Vec::new();
    answer.encode(&mut once);
    let again = Answer::decode(&once).expect("what is written can be read");
    let mut twice = Vec::new();
    again.encode(&mut twice);
    assert_eq!(String::from_utf8_lossy(&once), String::from_utf8_lossy(&twice), "writing settles at once");
}
