//! Matches patterns: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none osc_pattern`.

#![no_main]

#[path = "../checks/osc_pattern.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
