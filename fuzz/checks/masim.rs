//! What holds of a simulated console, whatever its clients send. Shared by the fuzz target and by the test that replays its
//! corpus.
//!
//! An input is frames, one a line, from a client that has logged in. The first byte chooses the console.

use crosspatch_backends::registry;
use crosspatch_config::compile_text;
use crosspatch_core::{Peer, Port};
use crosspatch_sim::World;
use crosspatch_transforms::FAMILIES;

const CLIENT: Peer = Peer::Connection(1);
const LOG_IN: &[u8] = br#"{"requestType":"login","username":"remote","password":"2807623134739142b119aff358f8a219","session":1}"#;

/// Sends the frames in `data`, and looks whether each is answered once.
pub(crate) fn check(data: &[u8]) {
    let (first, frames) = data.split_first().unwrap_or((&0, &[]));
    let console = if first % 2 == 0 { "gma2" } else { "dot2" };
    let config =
        format!("[masim console]\nconsole = {console}\n[loopback log]\n[map]\nconsole.command > log.x\n");
    let plan = compile_text(&config, registry(FAMILIES)).plan.expect("the configuration is right");
    let mut world = World::new(plan);
    world.opened("console", Port(0), CLIENT);
    world.receive("console", Port(0), CLIENT, br#"{"session":0}"#);
    world.receive("console", Port(0), CLIENT, LOG_IN);
    assert!(world.take_transcript().contains("logged in"));
    for frame in frames.split(|byte| *byte == b'\n') {
        world.receive("console", Port(0), CLIENT, frame);
        let transcript = world.take_transcript();
        // Behind the time, for a frame may contain anything.
        let events = transcript.lines().filter_map(|line| Some(line.split_once(' ')?.1));
        let answers = events.filter(|event| event.starts_with("console.0 -> client1 ")).count();
        assert_eq!(answers, 1, "one frame, one answer:\n{transcript}");
    }
}
