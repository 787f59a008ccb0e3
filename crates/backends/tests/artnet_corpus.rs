//! Replays the corpus of the fuzzer.

#![expect(clippy::disallowed_methods, reason = "this test reads the corpus in the repository")]

#[path = "common/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/checks/artnet_packet.rs"]
mod packet;

#[test]
fn every_artnet_packet_of_the_corpus_is_survived() {
    corpus::replay("artnet_packet", packet::check);
}
