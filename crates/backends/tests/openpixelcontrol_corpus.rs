//! Replays the corpus of the fuzzer.

#![expect(clippy::disallowed_methods, reason = "this test reads the corpus in the repository")]

#[path = "common/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/checks/openpixelcontrol.rs"]
mod stream;

#[test]
fn every_pixel_stream_of_the_corpus_is_survived() {
    corpus::replay("openpixelcontrol", stream::check);
}
