//! Reads answers of consoles: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none maweb_answer`.
//! The captures of the tests are a good second folder: append `fuzz/corpus/maweb_answer crates/backends/tests/captures`.

#![no_main]

#[path = "../checks/maweb_answer.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
