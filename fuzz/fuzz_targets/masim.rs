//! Talks to a simulated console: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none masim`.

#![no_main]

#[path = "../checks/masim.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
