//! What holds of any bytes that are looked at. Shared by the fuzz target and by the test that replays its corpus.

use crosspatch_backends::recognize::{WireFormat, datagram, stream};
use crosspatch_backends::{artnet, osc, sacn};

/// Looks at the bytes as a datagram and as the beginning of a stream.
pub(crate) fn check(data: &[u8]) {
    let found = datagram(data);
    assert!(artnet::wire::Packet::decode(data).is_err() || found == Some(WireFormat::ArtNet));
    assert!(sacn::wire::Packet::decode(data).is_err() || found == Some(WireFormat::Sacn));
    if found == Some(WireFormat::Osc) {
        assert!(osc::wire::Messages::of(data).all(|message| message.is_ok()));
    }
    if data.is_empty() {
        assert_eq!((found, stream(data)), (None, None));
    }
}
