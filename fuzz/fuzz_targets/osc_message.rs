//! Reads packets: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none osc_message`.

#![no_main]

#[path = "../checks/osc_message.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
