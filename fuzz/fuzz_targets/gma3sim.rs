//! Talks to a simulated grandMA3: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none gma3sim`.

#![no_main]

#[path = "../checks/gma3sim.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
