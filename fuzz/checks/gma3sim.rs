//! What holds of a simulated grandMA3, whatever is sent to it. Shared by the fuzz target and by the test that replays its corpus.
//!
//! An input is datagrams: a byte with the length in units of four bytes, and so many bytes. The first byte of all chooses the options.

use crosspatch_config::compile_text;
use crosspatch_core::{Duration, Peer, Port, Registry};
use crosspatch_sim::World;
use crosspatch_transforms::FAMILIES;

const REGISTRY: Registry = crosspatch_backends::registry(FAMILIES);

/// One message for each sequence that a single datagram can move.
const MOST_REPORTS: usize = 16;
/// What the plugin sends in a tenth of a second, with its two messages about itself.
const MOST_OF_THE_PLUGIN: usize = 22;

/// Sends the datagrams in `data`, and looks whether the console stays calm and takes a command afterwards.
pub(crate) fn check(data: &[u8]) {
    let (first, mut rest) = data.split_first().unwrap_or((&0, &[]));
    let prefix = if first & 1 == 0 { "" } else { "gma3" };
    let version = if first & 2 == 0 { "2.4" } else { "2.5" };
    let plugin = if first & 4 == 0 { "off" } else { "on" };
    let config = format!(
        "[gma3sim console]\ndestination = 127.0.0.1 8001\nplugin = {plugin}\nprefix = {prefix}\nversion = {version}\n\
         [loopback seen]\n[map]\nconsole.page1.fader{{201..208}} > seen.f{{201..208}}\nconsole.command > seen.c\n"
    );
    let plan = compile_text(&config, REGISTRY).plan.expect("the configuration is right");
    let mut world = World::new(plan);
    world.advance(Duration::from_secs(5));
    world.take_transcript();
    let from = Peer::Address(([10, 0, 0, 9], 7000).into());
    while let Some((length, behind)) = rest.split_first() {
        let (datagram, behind) = behind.split_at(behind.len().min(usize::from(*length) * 4));
        world.receive("console", Port(0), from, datagram);
        assert!(messages(&world.take_transcript()) <= MOST_REPORTS);
        world.advance(Duration::from_millis(100));
        assert!(messages(&world.take_transcript()) <= MOST_OF_THE_PLUGIN);
        rest = behind;
    }
    let slash = if prefix.is_empty() { "" } else { "/" };
    let command = format!("{slash}{prefix}/cmd ,s \"Go+ Sequence 1\"");
    let command = (REGISTRY.find("osc").expect("OSC").compose)(&command).expect("a message");
    world.receive("console", Port(0), from, &command);
    assert_eq!(messages(&world.take_transcript()), 1, "the console takes a command");
}

/// How many messages went out. Behind the time, for a message may contain anything.
fn messages(transcript: &str) -> usize {
    let events = transcript.lines().filter_map(|line| Some(line.split_once(' ')?.1));
    events.filter(|event| event.starts_with("console.0 -> 127.0.0.1:8001 ")).count()
}
