//! What holds of every message that claims to come from a console. Shared by the fuzz target and by the test that replays
//! its corpus and the captures.

use crosspatch_backends::maweb::wire::{Answer, LastAnswer, Response, Wanted, describe};

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
    check_comparison(data, &answer);
}

/// What is found by comparing an answer with itself is what was read.
fn check_comparison(data: &[u8], answer: &Answer<'_>) {
    let Some(Response::Playbacks(playbacks)) = &answer.response else { return };
    let mut last = LastAnswer::default();
    last.keep(data, Wanted::ALL);
    if let Some(none) = last.changes(data, Wanted::ALL, |_, _| false) {
        assert_eq!(none, []);
        let all = last.changes(data, Wanted::ALL, |_, _| true).expect("it can be compared again");
        let read = playbacks.groups.iter().flat_map(|group| group.executors());
        assert!(all.iter().eq(read), "{all:?}");
    }
}
