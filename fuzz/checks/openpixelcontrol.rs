//! What holds of every stream of Open Pixel Control, however broken. Shared by the fuzz target and by the test that replays its
//! corpus.

use crosspatch_backends::openpixelcontrol::wire::{Deframer, Message, compose, describe};

/// Reads the bytes as a stream in two pieces, and as the text of messages.
pub(crate) fn check(data: &[u8]) {
    let mut rest = data;
    let mut whole = 0;
    while let Some((message, behind)) = Message::decode(rest) {
        let mut again = Vec::new();
        message.encode(&mut again);
        assert_eq!([&again[..], behind].concat(), rest, "nothing is added and nothing lost");
        rest = behind;
        whole += 1;
    }
    let (front, back) = data.split_at(data.len() / 3);
    let (mut deframer, mut count) = (Deframer::default(), 0);
    deframer.push(front, |_| count += 1);
    deframer.push(back, |_| count += 1);
    assert_eq!(count, whole, "a stream says the same however it is cut");
    let mut line = String::new();
    describe(data, &mut line);
    assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
    if !line.contains("...") {
        assert_eq!(compose(&line).as_deref(), Some(data), "{line}");
    }
    if let Some(packet) = std::str::from_utf8(data).ok().and_then(compose) {
        let mut line = String::new();
        describe(&packet, &mut line);
        assert!(!line.is_empty());
    }
}
