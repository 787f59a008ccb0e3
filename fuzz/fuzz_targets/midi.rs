//! Reads MIDI: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none midi`.

#![no_main]

#[path = "../checks/midi.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
