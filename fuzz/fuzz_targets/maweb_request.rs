//! Reads requests of web remotes: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none maweb_request`.
//! The captures of the tests are a good second folder: append `fuzz/corpus/maweb_request crates/backends/tests/captures`.

#![no_main]

#[path = "../checks/maweb_request.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
