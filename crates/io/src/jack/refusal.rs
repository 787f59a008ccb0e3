//! Why JACK did not open a client: its status, in words.

use std::ffi::c_int;

use crosspatch_core::Closed;

/// Bits of `JackStatus`.
const SERVER_FAILED: c_int = 0x10;
const SHM_FAILURE: c_int = 0x200;
const VERSION_ERROR: c_int = 0x400;

/// Why a client could not be opened.
pub(super) fn refusal(status: c_int) -> Closed {
    if status & SERVER_FAILED != 0 {
        Closed::Refused
    } else if status & VERSION_ERROR != 0 {
        Closed::Other("the server and the library of JACK are of different versions".into())
    } else if status & SHM_FAILURE != 0 {
        Closed::Other("the memory of the JACK server cannot be reached".into())
    } else {
        Closed::Other(format!("the JACK server refused the client (status {status:#x})").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_is_wrong() {
        assert_eq!(refusal(0x11), Closed::Refused);
        assert!(refusal(0x401).to_string().contains("different versions"));
        assert!(refusal(0x41).to_string().contains("0x41"));
    }
}
