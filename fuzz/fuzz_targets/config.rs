//! Compiles configurations: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none config`.

#![no_main]

#[path = "../checks/config.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
