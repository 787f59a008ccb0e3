//! Recognizes protocols: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none recognize`.

#![no_main]

#[path = "../checks/recognize.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
