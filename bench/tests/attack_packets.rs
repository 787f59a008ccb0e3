//! The packets of the attacks are what they claim to be, for the program's own decoders.

use crosspatch_backends::{artnet, osc, rtpmidi};
use crosspatch_bench::floods::packets;

/// How many messages there are in a packet, all of which are good.
fn messages(packet: &[u8]) -> usize {
    assert!(packet.len() <= packets::LONGEST);
    let messages = osc::wire::Messages::of(packet);
    messages.collect::<Result<Vec<_>, _>>().expect("good messages").len()
}

#[test]
fn packets_of_osc_are_as_full_as_they_can_be() {
    let small = packets::message("/x", 0.5);
    assert_eq!(messages(&small), 1);
    assert_eq!(messages(&packets::blob("/x", 65_000)), 1);
    assert!(messages(&packets::full_bundle(&packets::message("/*", 0.5), &small)) > 4_000);
    assert!(messages(&packets::nested(&small)) > 300);
}

#[test]
fn a_journal_is_whole() {
    let packet = packets::journal(7);
    let rtp = rtpmidi::wire::Rtp::decode(&packet).expect("an RTP packet");
    let journal = rtp.journal.expect("a journal").expect("a good one").read();
    assert_eq!(journal.states.len(), 16 * 3 * 128);
}

#[test]
fn a_frame_of_art_net_is_whole() {
    let packet = packets::art_dmx(3, 255);
    assert!(artnet::wire::Packet::decode(&packet).is_ok());
}
