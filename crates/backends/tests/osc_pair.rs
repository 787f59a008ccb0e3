//! Two OSC instances joined by a virtual link: what both ends show must be the same in the end, and there must be an end.

#[path = "common/show.rs"]
mod show;

use crosspatch_core::Duration;
use crosspatch_sim::{Link, World};

const FADERS: u32 = 6;

/// `left` and `right` are the two people who move the same faders.
fn world(near: &str, far: &str) -> World {
    let config = format!(
        "[loopback left]\n[loopback right]\n[osc far]\n{far}\n[osc near]\n{near}\n[map]\n\
         near./f{{1..{FADERS}}} <> left.{{1..{FADERS}}}\nfar./f{{1..{FADERS}}} <> right.{{1..{FADERS}}}\n"
    );
    World::new(show::plan(&config, None).unwrap_or_else(|diagnostics| panic!("{diagnostics}")))
}

fn datagrams() -> World {
    let near = "bind = 10.0.0.1 8000\ndestination = 10.0.0.2 8000";
    let mut world = world(near, "bind = 10.0.0.2 8000\ndestination = learn");
    // Whoever learns is told nothing before the other has spoken.
    world.put("left.1", 0.5);
    pass(&mut world, 2_000);
    world
}

fn streams(transport: &str) -> World {
    let near = format!("destination = 10.0.0.2 3032\ntransport = {transport}");
    let mut world = world(&near, &format!("bind = 10.0.0.2 3032\ntransport = {transport}"));
    pass(&mut world, 2_000);
    world
}

fn pass(world: &mut World, millis: u64) {
    world.advance(Duration::from_millis(millis));
}

fn link(delay: u64, piece: usize) -> Link {
    Link { delay: Duration::from_millis(delay), piece, ..Link::default() }
}

/// The last value of a channel, as the transcript shows it.
fn last(world: &World, channel: &str) -> Option<f64> {
    let mark = format!(" {channel} = ");
    let line = world.transcript().lines().rev().find(|line| line.contains(&mark))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[track_caller]
fn assert_agreement(world: &World, fader: u32) {
    let (left, right) = (last(world, &format!("left.{fader}")), last(world, &format!("right.{fader}")));
    // A level is a 32-bit float on its way.
    let is_same = left.zip(right).is_some_and(|(left, right)| (left - right).abs() < 2e-6);
    assert!(is_same, "fader {fader}: {left:?} and {right:?}\n{}", tail(world));
}

/// Whether nothing is sent any more.
#[track_caller]
fn assert_quiet(world: &mut World) {
    world.take_transcript();
    pass(world, 60_000);
    let transcript = world.take_transcript();
    assert!(!transcript.contains(" -> "), "{transcript}");
}

fn tail(world: &World) -> String {
    let lines: Vec<_> = world.transcript().lines().rev().take(60).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

fn level(step: u32) -> f64 {
    f64::from(step * 37 % 101) / 101.0
}

#[test]
fn two_people_who_move_the_same_fader_at_once_end_at_the_same_level() {
    for delay in [0, 1, 5, 20, 80] {
        for make in [datagrams as fn() -> World, || streams("tcp"), || streams("slip")] {
            let mut world = make();
            world.network().set_link(link(delay, 0));
            for step in 0..40 {
                world.put(&format!("left.{}", 1 + step % FADERS), level(step));
                world.put(&format!("right.{}", 1 + step * 5 % FADERS), level(step + 50));
                pass(&mut world, u64::from(step % 3) * 7);
            }
            pass(&mut world, 20_000);
            (1..=FADERS).for_each(|fader| assert_agreement(&world, fader));
            assert_quiet(&mut world);
        }
    }
}

#[test]
fn datagrams_that_are_lost_and_overtaken_start_nothing() {
    for seed in 1..20 {
        let mut world = datagrams();
        world.network().seed(seed);
        let jitter = Duration::from_millis(60);
        world.network().set_link(Link {
            delay: Duration::from_millis(5),
            jitter,
            loss_percent: 20,
            piece: 0,
        });
        for step in 0..100 {
            let side = if step % 3 == 0 { "left" } else { "right" };
            world.put(&format!("{side}.{}", 1 + step % FADERS), level(step));
            pass(&mut world, 9);
        }
        pass(&mut world, 20_000);
        world.network().set_link(link(5, 0));
        assert_quiet(&mut world);
        // One more move of each, and both ends agree again.
        for fader in 1..=FADERS {
            world.put(&format!("left.{fader}"), 0.123);
            world.put(&format!("left.{fader}"), level(fader));
        }
        pass(&mut world, 5_000);
        (1..=FADERS).for_each(|fader| assert_agreement(&world, fader));
    }
}

#[test]
fn a_connection_that_breaks_again_and_again_leaves_both_ends_with_the_same_state() {
    for transport in ["tcp", "slip"] {
        let mut world = streams(transport);
        world.network().set_link(link(10, 7));
        for step in 0..60 {
            world.put(&format!("left.{}", 1 + step % FADERS), level(step));
            pass(&mut world, 30);
            if step % 9 == 0 {
                let now = world.now();
                world.network().reset(now);
            }
        }
        pass(&mut world, 30_000);
        (1..=FADERS).for_each(|fader| assert_agreement(&world, fader));
        assert_quiet(&mut world);
    }
}
