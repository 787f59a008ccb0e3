//! Attacks on servers: messages that never end, and lengths that lie.

use std::io::Write;

use anyhow::Result;

use super::super::fuzz_traffic::connect;
use super::{Adversary, web};

/// More connections than a server takes from one address.
const MANY: usize = 40;

/// The length of the sent part of a message, which is never completed.
const BEGINNING: usize = 60_000;

/// Begins long messages on as many connections as there may be, before any log-in.
pub(super) fn unfinished_messages(adversary: &mut Adversary) -> Result<()> {
    let rest = vec![7; BEGINNING];
    // A message of WebSocket that goes on in other frames; a strip of 65 535 bytes; a packet of OSC of 65 536 bytes.
    let heads: [(u16, &[u8]); 3] = [
        (adversary.places.remote, &[0x01, 126, 0xea, 0x60]),
        (adversary.places.pixels, &[1, 0, 0xff, 0xff]),
        (adversary.places.stream, &65_536_u32.to_be_bytes()),
    ];
    let mut streams = Vec::new();
    for (port, head) in heads {
        for _ in 0..MANY {
            let stream = match port == adversary.places.remote {
                true => web::remote(adversary).and_then(|remote| Ok(remote.get_ref().try_clone()?)),
                false => Ok(connect(port)?),
            };
            // Beyond the limit, they are closed at once.
            let Ok(mut stream) = stream else { continue };
            let _ = stream.write_all(head).and_then(|()| stream.write_all(&rest));
            streams.push(stream);
            if !adversary.goes_on() {
                return Ok(());
            }
        }
    }
    while adversary.goes_on() {}
    Ok(())
}

/// Sends lengths without messages: none, too small, too large, negative.
pub(super) fn lengths(adversary: &mut Adversary) -> Result<()> {
    let lengths: [&[u8]; 4] =
        [&[0; 32_768], &[0, 0, 0, 1, 0, 0, 0, 0].repeat(4096), &[0x00, 0x20, 0, 0], &[0xff; 4]];
    let mut stream = None;
    while adversary.goes_on() {
        let lies = lengths[adversary.random.below(lengths.len())];
        // A peer with too many invalid packets is disconnected, and reconnects.
        let Some(open) = stream.take().or_else(|| connect(adversary.places.stream).ok()) else { continue };
        open.set_write_timeout(Some(super::PACE * 100))?;
        stream = (&open).write_all(lies).is_ok().then_some(open);
    }
    Ok(())
}
