//! Reads packets: `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none artnet_packet`.

#![no_main]

#[path = "../checks/artnet_packet.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
