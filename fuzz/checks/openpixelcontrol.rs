//! What holds of every stream of pixels that comes in, however broken. Shared by the fuzz target and by the test that replays
//! its corpus.

use crosspatch_backends::openpixelcontrol::wire::{Deframer, Message, compose, describe};

/// Reads the bytes as a stream, whole and in pieces, and as the text of messages.
pub(crate) fn check(data: &[u8]) {
    let (mut whole, mut again, mut rest) = (Vec::new(), Vec::new(), data);
    while let Some((message, behind)) = Message::decode(rest) {
        message.encode(&mut again);
        whole.push((message.strip, message.command, message.data.to_vec()));
        rest = behind;
    }
    assert!(data.starts_with(&again), "what is encoded is what was decoded");
    assert_eq!(again.len() + rest.len(), data.len(), "no byte is skipped");

    let piece = usize::from(data.first().copied().unwrap_or(0)) % 11 + 1;
    let (mut deframer, mut found) = (Deframer::default(), Vec::new());
    for piece in data.chunks(piece) {
        deframer.push(piece, |message| found.push((message.strip, message.command, message.data.to_vec())));
    }
    assert_eq!(found, whole, "pieces make no difference");

    let mut line = String::new();
    describe(data, &mut line);
    assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
    if !line.contains("... (") {
        assert_eq!(compose(&line).as_deref(), Some(data), "{line}");
    }
    if let Some(stream) = std::str::from_utf8(data).ok().and_then(compose) {
        let mut line = String::new();
        describe(&stream, &mut line);
        assert!(!line.is_empty());
    }
}
