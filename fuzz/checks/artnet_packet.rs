//! What holds of every Art-Net packet that comes in, however broken. Shared by the fuzz target and by the test that replays its
//! corpus.

use crosspatch_backends::artnet::wire::{Packet, compose, describe};

/// Reads the bytes as a packet, and as the text of one.
pub(crate) fn check(data: &[u8]) {
    let mut line = String::new();
    describe(data, &mut line);
    assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
    if let Ok(packet) = Packet::decode(data) {
        let mut again = Vec::new();
        packet.encode(&mut again);
        match (packet, Packet::decode(&again)) {
            (Packet::Dmx(sent), Ok(Packet::Dmx(read))) => {
                assert!(read.levels.starts_with(sent.levels) && read.levels.len() <= sent.levels.len() + 1);
            }
            (packet, read) => assert_eq!(read, Ok(packet), "what is encoded is decoded as the same"),
        }
    }
    if let Some(packet) = std::str::from_utf8(data).ok().and_then(compose) {
        let mut line = String::new();
        describe(&packet, &mut line);
        assert!(!line.is_empty());
    }
}
