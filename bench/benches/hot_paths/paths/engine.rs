//! A value from one session to another, plain, through chains, and over hops.

use crosspatch_core::{Peer, Port};

use super::rig::Show;
use super::{Batch, Path};

const VALUES: usize = 64;

/// The number of instances between two ends; with them a value takes the maximum number of hops.
const BETWEEN: usize = 15;

pub(super) const PATHS: &[Path] = &[
    path("engine/plain", || through("")),
    path("engine/one-shape", || through("| invert")),
    path("engine/three-shapes", || through("| invert | range 0.2..0.8 | offset 0.1")),
    path("engine/gamma", || through("| invert | curve 2.2 | range 0.2..0.8")),
    path("engine/s-curve", || through("| invert | curve s | steps 1001")),
    path("engine/table", || through("| table 0:0 0.5:0.2 1:1 | clamp 0..1 | scale 0.5")),
    path("engine/threshold", || keys("| threshold 0.5 hysteresis 0.1")),
    // Of a press and its release, one comes out.
    Path { events: 2 * VALUES, ..path("engine/toggle", || keys_twice("| toggle")) },
    // The channel that is named changes as well, and all of them look at it.
    path("engine/when", || through("| when desk.shift >= 0")),
    path("engine/pickup", || through("| pickup")),
    path("engine/hops", || hops(VALUES)),
    // One value, for which every hop is a call.
    Path { events: 1, outcome: 1, ..path("engine/hops-of-one", || hops(1)) },
];

/// A path on which every value comes out as one.
const fn path(name: &'static str, set_up: fn() -> Batch) -> Path {
    Path { name, events: VALUES, outcome: VALUES, allocations: 0, set_up }
}

fn through(chain: &str) -> Batch {
    batch(&format!("[plain desk]\n[plain rack]\n[map]\ndesk.{{0..63}} {chain} > rack.{{0..63}}\n"))
}

fn keys(chain: &str) -> Batch {
    batch(&format!("[plain desk]\n[plain rack]\n[map]\ndesk.key{{0..63}} {chain} > rack.{{0..63}}\n"))
}

fn keys_twice(chain: &str) -> Batch {
    let mut half = keys(chain);
    Box::new(move || half() + half())
}

fn hops(values: usize) -> Batch {
    let last = values - 1;
    let mut config = "[plain desk]\n[plain rack]\n".to_owned();
    for number in 1..=BETWEEN {
        config.push_str(&format!("[loopback bus{number}]\n"));
    }
    config.push_str(&format!("[map]\ndesk.{{0..{last}}} > bus1.{{0..{last}}}\n"));
    for number in 1..BETWEEN {
        config.push_str(&format!("bus{number}.{{0..{last}}} > bus{}.{{0..{last}}}\n", number + 1));
    }
    config.push_str(&format!("bus{BETWEEN}.{{0..{last}}} > rack.{{0..{last}}}\n"));
    batch(&config)
}

fn batch(config: &str) -> Batch {
    let mut show = Show::new(config);
    let desk = show.session("desk");
    Box::new(move || {
        show.hear(desk, Port(0), Peer::Only, b"");
        show.finish()
    })
}
