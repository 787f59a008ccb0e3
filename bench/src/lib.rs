//! The benchmark of crosspatch: what users pay for, measured from outside, beside the bare limit in the same run.
#![expect(dead_code, reason = "the first of its parts")]

mod process;
#[cfg(unix)]
pub mod soak;
