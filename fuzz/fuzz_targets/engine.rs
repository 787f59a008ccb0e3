//! Plays anything to a whole show: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none engine`.

#![no_main]

#[path = "../checks/engine.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
