//! Reads streams of pixels: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none openpixelcontrol`.

#![no_main]

#[path = "../checks/openpixelcontrol.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
