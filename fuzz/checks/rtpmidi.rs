//! What holds of every datagram of RTP-MIDI, however broken. Shared by the fuzz target and by the test that replays its corpus.

use crosspatch_backends::rtpmidi::wire::{Journal, MidiListItem, Packet, Rtp, compose, describe};

/// Reads a datagram, and writes what was read.
pub(crate) fn check(data: &[u8]) {
    let mut line = String::new();
    describe(data, &mut line);
    assert!(!line.contains('\n'), "{line:?}");
    if let Some(bytes) = std::str::from_utf8(data).ok().and_then(compose) {
        Packet::decode(&bytes).expect("what is composed is a packet");
    }
    match Packet::decode(data) {
        Ok(Packet::Command(command)) => {
            let mut again = Vec::new();
            command.encode(&mut again);
            assert_eq!(Packet::decode(&again), Ok(Packet::Command(command)));
        }
        Ok(Packet::Rtp(rtp)) => {
            let mut errors = 0;
            for item in rtp.list.items() {
                match item {
                    Ok(MidiListItem::Message(message)) => assert!(message.encoded_len() <= data.len() + 1),
                    Ok(MidiListItem::Segment { data: segment, .. }) => assert!(segment.len() < data.len()),
                    Err(_) => errors += 1,
                }
            }
            assert!(errors <= 1, "nothing is read behind an error");
            let mut again = Vec::new();
            Rtp::encode(&rtp.header, &[], None, &mut again);
            assert!(Packet::decode(&again).is_ok());
        }
        Err(_) => {}
    }
    if let Ok(mut journal) = Journal::decode(data) {
        assert!(journal.states.len() <= 8 * data.len(), "no more states than bits");
        journal.states.sort_by_key(|state| (state.channel, state.what));
        journal.states.dedup_by_key(|state| (state.channel, state.what));
        let mut again = Vec::new();
        journal.encode(&mut again);
        let mut read = Journal::decode(&again).expect("what is encoded is a journal");
        read.states.sort_by_key(|state| (state.channel, state.what));
        assert_eq!(read, journal);
    }
}
