//! A client of pixels and a server of them joined by a virtual link: what is written at one end is read at the other, and
//! nothing but whole frames.

#[path = "common/show.rs"]
mod show;

use crosspatch_core::Duration;
use crosspatch_sim::{Link, World};

const PIXELS: usize = 5;
const STRIPS: [u8; 3] = [1, 2, 9];

/// A world with a client and a server.
fn world(mode: &str, rate: u32) -> World {
    let mut config = format!(
        "[openpixelcontrol server]\nlisten = 10.0.0.2 7890\nmode = {mode}\n\
         [openpixelcontrol client]\ndestination = 10.0.0.2 7890\nmode = {mode}\nrate = {rate}\n\
         [loopback near]\n[loopback far]\n[map]\nnear.all.{{1..{PIXELS}}} > client.strip0.green{{1..{PIXELS}}}\n"
    );
    for strip in STRIPS {
        config += &format!(
            "near.{strip}.{{1..{PIXELS}}} > client.strip{strip}.green{{1..{PIXELS}}}\n\
             server.strip{strip}.green{{1..{PIXELS}}} > far.{strip}.{{1..{PIXELS}}}\n"
        );
    }
    let mut world =
        World::new(show::plan(&config, None).unwrap_or_else(|diagnostics| panic!("{diagnostics}")));
    pass(&mut world, 1_000);
    world
}

fn pass(world: &mut World, millis: u64) {
    world.advance(Duration::from_millis(millis));
}

/// A hundred steps at which one pixel of one strip, or of all, gets a level of 0 to 4.
fn steps(seed: u64) -> impl Iterator<Item = (Option<u8>, usize, u8)> {
    let mut random = seed | 1;
    let mut below = move |bound: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 32) % bound
    };
    (0..100).map(move |_| {
        let strip = STRIPS.get(below(4) as usize).copied();
        (strip, below(PIXELS as u64) as usize, below(5) as u8)
    })
}

/// Plays the steps and asserts that the far end has what the near end says, however the link behaves in between.
fn assert_agreement(world: &mut World, seed: u64, mut between: impl FnMut(&mut World, usize)) {
    let mut written = [[None; PIXELS]; STRIPS.len()];
    for (number, (strip, pixel, level)) in steps(seed).enumerate() {
        let level = f64::from(level) / 5.0;
        let name = strip.map_or_else(|| "all".to_owned(), |strip| strip.to_string());
        world.put(&format!("near.{name}.{}", pixel + 1), level);
        for (at, other) in STRIPS.iter().enumerate() {
            if strip.is_none_or(|strip| strip == *other) {
                written[at][pixel] = Some(level);
            }
        }
        between(world, number);
    }
    pass(world, 20_000);
    let transcript = world.transcript();
    for (strip, levels) in STRIPS.iter().zip(written) {
        for (pixel, level) in levels.into_iter().enumerate() {
            let Some(level) = level else { continue };
            let mark = format!(" far.{strip}.{} = ", pixel + 1);
            let last = transcript.lines().rev().find_map(|line| line.split_once(&mark));
            let last: f64 = last.and_then(|(_, value)| value.parse().ok()).unwrap_or(-1.0);
            assert!((last - level).abs() < 1e-5, "strip {strip}, pixel {}: {last}, not {level}", pixel + 1);
        }
    }
}

#[test]
fn what_is_written_is_read_however_the_stream_is_cut() {
    for (mode, piece, delay) in [("8bit", 1, 0), ("8bit", 7, 30), ("16bit", 5, 3), ("16bit", 0, 100)] {
        for seed in 1..20 {
            let mut world = world(mode, 60);
            world.network().set_link(Link { delay: Duration::from_millis(delay), piece, ..Link::default() });
            assert_agreement(&mut world, seed, |world, step| pass(world, (step % 4) as u64 * 5));
        }
    }
}

#[test]
fn a_connection_that_breaks_again_and_again_ends_with_the_present_state() {
    for seed in 1..20 {
        let mut world = world("8bit", 100);
        let link = Link { delay: Duration::from_millis(20), piece: 11, ..Link::default() };
        world.network().set_link(link);
        assert_agreement(&mut world, seed, |world, step| {
            pass(world, 40);
            if step % 9 == 0 {
                let now = world.now();
                world.network().reset(now);
            }
        });
    }
}

#[test]
fn frames_keep_their_distance_and_an_idle_client_sends_little() {
    let mut world = world("8bit", 20);
    for step in 0..400_u32 {
        world.put(&format!("near.{}.1", STRIPS[step as usize % 3]), f64::from(step % 101) / 101.0);
        pass(&mut world, 5);
    }
    pass(&mut world, 500);
    let frames = |world: &mut World| {
        let transcript = world.take_transcript();
        transcript.lines().filter(|line| line.contains("client.1 ->")).count()
    };
    assert!((39..=42).contains(&frames(&mut world)), "20 frames in each of two seconds");
    pass(&mut world, 60_000);
    let kept_alive = frames(&mut world);
    assert!((59..=3 * 61).contains(&kept_alive), "{kept_alive} frames in a minute");
}
