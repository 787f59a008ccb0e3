//! Reads packets: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none sacn`.

#![no_main]

#[path = "../checks/sacn.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
