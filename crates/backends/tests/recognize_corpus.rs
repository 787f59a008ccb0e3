//! Replays the corpus of the fuzzer, and those of the protocols that are recognized.

#![expect(clippy::disallowed_methods, reason = "this test reads the corpus in the repository")]

#[path = "../../../fuzz/checks/recognize.rs"]
mod bytes;
#[path = "common/corpus.rs"]
mod corpus;

#[test]
fn no_bytes_of_any_corpus_disturb_the_recognition() {
    for name in ["recognize", "artnet_packet", "midi", "openpixelcontrol", "osc_message", "rtpmidi", "sacn"] {
        corpus::replay(name, bytes::check);
    }
}
