//! What holds of every message that claims to come from a web remote. Shared by the fuzz target and by the test that replays
//! its corpus and the captures.

use crosspatch_backends::maweb::wire::Request;

/// Reads `data` as a request and checks what comes of it.
pub(crate) fn check(data: &[u8]) {
    let Ok(request) = Request::decode(data) else { return };
    assert!(!request.to_string().is_empty());
    let mut bytes = Vec::new();
    request.encode(&mut bytes);
    assert_eq!(Request::decode(&bytes), Ok(request), "what is written is read as the same");
}
