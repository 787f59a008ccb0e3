//! What holds of every packet that comes in, however broken. Shared by the fuzz target and by the test that replays its
//! corpus.

use crosspatch_backends::sacn::wire::{MAX_NAME, Packet, SLOTS, UNIVERSES_PER_PAGE, compose, describe};

/// Reads the bytes as a datagram and as the text of a packet.
pub(crate) fn check(data: &[u8]) {
    if let Ok(packet) = Packet::decode(data) {
        let mut again = Vec::new();
        packet.encode(&mut again);
        assert!(data.len() >= again.len(), "nothing is added");
        assert_eq!(Packet::decode(&again), Ok(packet.clone()), "what is encoded is decoded as the same");
        match packet {
            Packet::Data(data) => assert!(data.slots.len() <= SLOTS && data.name.len() <= MAX_NAME),
            Packet::Discovery(list) => assert!(list.universes.len() <= UNIVERSES_PER_PAGE),
            Packet::Synchronization(_) => {}
        }
    }
    let mut line = String::new();
    describe(data, &mut line);
    assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
    if !line.contains("... (") {
        assert_eq!(compose(&line).as_deref(), Some(data), "{line}");
    }
    if let Some(packet) = std::str::from_utf8(data).ok().and_then(compose) {
        let mut line = String::new();
        describe(&packet, &mut line);
        assert!(!line.is_empty());
    }
}
