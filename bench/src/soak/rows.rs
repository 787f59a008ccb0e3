//! Rows of channels that several families have in the same way.

use super::family::{ChannelKind, PathFamily};

/// How many faders and keys go each way.
pub(super) const FADERS: u32 = 16;
pub(super) const KEYS: u32 = 4;

/// The same name at both ends.
pub(super) fn same(address: String) -> [String; 2] {
    [address.clone(), address]
}

/// Faders and keys on places that are counted from 1, both ways.
pub(super) fn both_ways(
    family: &mut PathFamily,
    steps: u32,
    out: impl Fn(u32) -> [String; 2],
    back: impl Fn(u32) -> [String; 2],
) {
    let (faders, keys) = (1..=FADERS, FADERS + 1..=FADERS + KEYS);
    family.out(ChannelKind::faders(steps), faders.clone().map(&out));
    family.out(ChannelKind::keys(), keys.clone().map(&out));
    family.back(ChannelKind::faders(steps), faders.map(&back));
    family.back(ChannelKind::keys(), keys.map(&back));
}

/// Controllers, 14-bit pitches and notes: the addresses at the subject and the peer, and those of the way back.
pub(super) fn midi_channels(family: &mut PathFamily, keys: ChannelKind, out: [&str; 2], back: [&str; 2]) {
    let ends = |[from, to]: [&str; 2], channels: Vec<String>| -> Vec<[String; 2]> {
        channels.iter().map(|channel| [format!("{from}.{channel}"), format!("{to}.{channel}")]).collect()
    };
    let controllers = |midi| (1..=FADERS - 4).map(|at| format!("ch{midi}.cc{}", at + 69)).collect();
    let pitches = |midi| (0..4).map(|at| format!("ch{}.pitch", midi + at)).collect();
    let notes = |midi| (0..KEYS).map(|at| format!("ch{midi}.note{}", at + 60)).collect();
    for (kind, channels) in [
        (ChannelKind::faders(127), &controllers as &dyn Fn(u32) -> Vec<String>),
        (ChannelKind::faders(16_383), &pitches),
        (keys, &notes),
    ] {
        family.out(kind, ends(out, channels(0)));
        family.back(kind, ends(back, channels(8)));
    }
}

/// A console, simulated by the peer: executors and keys that the remote moves, and those that are moved at the console.
pub(super) fn console(
    family: &mut PathFamily,
    model: &str,
    port: u16,
    out: &[[u32; 2]],
    out_keys: &[u32],
    back: &[[u32; 2]],
    back_keys: &[u32],
) {
    family.subject.instances = format!("[maweb {model}]\nhost = 127.0.0.1 {port}\nuser = remote\n");
    let peer = family.peer.get_or_insert_default();
    peer.instances = format!("[masim {model}]\nconsole = {model}\nlisten = 127.0.0.1 {port}\n");
    let fader = |[page, number]: &[u32; 2]| same(format!("{model}.page{page}.fader{number}"));
    let key = |number: &u32| same(format!("{model}.page1.button{number}"));
    // A console reports levels with three decimals.
    family.out(ChannelKind::faders(1000), out.iter().map(fader));
    // A key is an event: it is not pressed again for a console that has just been switched on.
    family.out(ChannelKind::keys().unsent(), out_keys.iter().map(key));
    family.back(ChannelKind::faders(1000), back.iter().map(fader));
    // The running state of an executor is polled.
    family.back(ChannelKind::keys().states_only(), back_keys.iter().map(key));
}
