//! What holds of every packet that comes in, however broken. Shared by the fuzz target and by the test that replays its
//! corpus.

use crosspatch_backends::osc::wire::{Deframer, Framing, Messages, Packet, compose, describe};

/// Reads the bytes as a datagram, as both kinds of stream, and as the text of a message.
pub(crate) fn check(data: &[u8]) {
    if let Ok(packet) = Packet::decode(data) {
        let mut again = Vec::new();
        packet.encode(&mut again);
        assert!(data.len() >= again.len(), "nothing is added");
        assert_eq!(Packet::decode(&again), Ok(packet), "what is encoded is decoded as the same");
    }
    for message in Messages::of(data).flatten() {
        let mut again = Vec::new();
        message.encode(&mut again);
        assert!(again.len() <= data.len(), "a message is no longer than its packet");
        assert!(message.arguments().count() <= data.len());
    }
    let mut line = String::new();
    describe(data, &mut line);
    assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
    if !line.contains("...") {
        assert_eq!(compose(&line).as_deref(), Some(data), "{line}");
    }
    for framing in [Framing::Length, Framing::Slip] {
        let (front, back) = data.split_at(data.len() / 3);
        let mut deframer = Deframer::new(framing);
        let mut count = 0;
        let _ = deframer.push(front, |_| count += 1).and_then(|()| deframer.push(back, |_| count += 1));
        assert!(count <= data.len());
    }
    if let Some(packet) = std::str::from_utf8(data).ok().and_then(compose) {
        let mut line = String::new();
        describe(&packet, &mut line);
        assert!(!line.is_empty());
    }
}
