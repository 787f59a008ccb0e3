//! Reads datagrams of RTP-MIDI: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none rtpmidi`.

#![no_main]

#[path = "../checks/rtpmidi.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
