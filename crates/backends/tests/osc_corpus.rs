//! Replays the corpora of the fuzzers.

#![expect(clippy::disallowed_methods, reason = "these tests read the corpora in the repository")]

#[path = "common/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/checks/osc_message.rs"]
mod message;
#[path = "../../../fuzz/checks/osc_pattern.rs"]
mod pattern;

#[test]
fn every_packet_of_the_corpus_is_survived() {
    corpus::replay("osc_message", message::check);
}

#[test]
fn every_pattern_of_the_corpus_is_survived() {
    corpus::replay("osc_pattern", pattern::check);
}
