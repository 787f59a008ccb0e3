//! Two instances of `rtpmidi` over a virtual link that loses, delays and reorders, and one that is restarted, cut or silent.

#[path = "common/show.rs"]
mod show;

use crosspatch_core::{Duration, Plan};
use crosspatch_sim::{Link, World};

fn plan(config: &str) -> Plan {
    show::plan(config, None).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

/// Everything that the journal has: controllers, a pair, keys, program, pitch, pressures.
const CHANNELS: [&str; 12] = [
    "ch0.cc7",
    "ch0.cc64",
    "ch15.cc7",
    "ch0.pair1",
    "ch0.note0",
    "ch0.note60",
    "ch0.note127",
    "ch9.note36",
    "ch0.program",
    "ch0.pitch",
    "ch3.aftertouch",
    "ch3.pressure60",
];

/// `out.N` goes into the one end and comes out of the other as `in.N`; and the other way round as `up.N` and `down.N`.
fn config(here: &str, there: &str) -> String {
    let mut text = format!(
        "[rtpmidi here]\nbind = 10.0.0.1 5004\n{here}\n[rtpmidi there]\nbind = 10.0.0.2 5004\n{there}\n\
         [loopback out]\n[loopback in]\n[loopback up]\n[loopback down]\n[map]\n"
    );
    for (number, channel) in CHANNELS.iter().enumerate() {
        text.push_str(&format!("out.{number} > here.{channel}\nthere.{channel} > in.{number}\n"));
        // What one end says of a channel is not said back to it, so the other way needs channels of its own.
        let other = channel.replacen("ch", "ch1", 1).replace("ch115", "ch12").replace("ch19", "ch14");
        text.push_str(&format!("up.{number} > there.{other}\nhere.{other} > down.{number}\n"));
    }
    text
}

fn pass(world: &mut World, millis: u64) {
    world.advance(Duration::from_millis(millis));
}

/// The last value of a channel.
fn last(world: &World, channel: &str) -> Option<f64> {
    let mark = format!(" {channel} = ");
    let line = world.transcript().lines().rev().find(|line| line.contains(&mark))?;
    line.split_once(&mark)?.1.parse().ok()
}

fn count(world: &World, what: &str) -> usize {
    world.transcript().lines().filter(|line| line.contains(what)).count()
}

fn tail(world: &World) -> String {
    let lines: Vec<_> = world.transcript().lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

/// Puts `levels` on the channels of the one end, a number for each, and says what has to come out.
fn play(world: &mut World, from: &str, seed: u64) -> Vec<f64> {
    let mut levels = Vec::new();
    for (number, channel) in CHANNELS.iter().enumerate() {
        let random =
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number as u64 * 0x1234_5678_9abc) >> 33;
        let greatest = if channel.ends_with("pitch") || channel.ends_with("pair1") { 16383 } else { 127 };
        // A key is up as often as it is down.
        let is_up = channel.contains("note") && random & 1 == 0;
        let level = if is_up { 0.0 } else { (random % (greatest + 1)) as f64 / greatest as f64 };
        world.put(&format!("{from}.{number}"), level);
        levels.push(level);
    }
    levels
}

fn assert_levels(world: &World, to: &str, levels: &[f64], what: &str) {
    for (number, level) in levels.iter().enumerate() {
        let found = last(world, &format!("{to}.{number}"));
        // A key that was never struck was never told either.
        let is_right = found.map_or(*level == 0.0, |found| (found - level).abs() < 1e-5);
        assert!(is_right, "{what}: {} is {found:?}, not {level}\n{}", CHANNELS[number], tail(world));
    }
}

/// Whoever is new is told all states, and no event again: a program that is called twice would be a cue too many.
fn assert_recalled(world: &World, to: &str, levels: &[f64], what: &str) {
    let program = CHANNELS.iter().position(|channel| channel.ends_with("program")).expect("a program");
    assert_eq!(last(world, &format!("{to}.{program}")), None, "{what}");
    let mut states = levels.to_vec();
    states[program] = 0.0;
    assert_levels(world, to, &states, what);
}

fn bad_link() -> Link {
    Link {
        delay: Duration::from_millis(5),
        jitter: Duration::from_millis(30),
        loss_percent: 20,
        ..Link::default()
    }
}

#[test]
fn with_a_fifth_of_all_packets_lost_and_others_late_every_show_ends_in_the_right_state() {
    for (here, there) in [
        ("peer = 10.0.0.2 5004", ""),
        ("peer = 10.0.0.2 5004", "peer = 10.0.0.1 5004"),
        ("mode = direct\npeer = 10.0.0.2 5004", "mode = direct\npeer = 10.0.0.1 5004"),
    ] {
        for seed in 1..=40 {
            let mut world = World::new(plan(&config(here, there)));
            world.network().set_link(bad_link());
            world.network().seed(seed * 7919);
            pass(&mut world, 40_000);
            let (mut out, mut up) = (Vec::new(), Vec::new());
            for step in 0..60 {
                out = play(&mut world, "out", seed * 1000 + step);
                pass(&mut world, 3 + step % 20);
                up = play(&mut world, "up", seed * 2000 + step);
                pass(&mut world, 3 + step % 11);
            }
            pass(&mut world, 5000);
            assert_levels(&world, "in", &out, &format!("seed {seed}, {here}, {there}"));
            assert_levels(&world, "down", &up, &format!("seed {seed}, {here}, {there}"));
        }
    }
}

#[test]
fn a_session_that_is_quiet_stays_up_over_a_bad_link_and_sends_little() {
    let mut world = World::new(plan(&config("peer = 10.0.0.2 5004", "")));
    world.network().set_link(bad_link());
    pass(&mut world, 20_000);
    let began = count(&world, "info: session with");
    world.take_transcript();
    pass(&mut world, 3_600_000);
    assert!(began >= 2);
    assert_eq!(count(&world, "warning"), 0, "{}", tail(&world));
    assert!(count(&world, " -> ") < 4000, "{} packets in an hour", count(&world, " -> "));
    assert_eq!(count(&world, "rtp "), 0, "nothing has changed, so no MIDI is sent");
}

#[test]
fn both_ends_that_invite_each_other_at_once_come_into_one_session() {
    let mut world = World::new(plan(&config("peer = 10.0.0.2 5004", "peer = 10.0.0.1 5004")));
    world.network().set_link(Link { delay: Duration::from_millis(10), ..Link::default() });
    pass(&mut world, 120_000);
    assert_eq!(count(&world, "warning"), 0, "{}", tail(&world));
    let out = play(&mut world, "out", 3);
    pass(&mut world, 100);
    assert_levels(&world, "in", &out, "both invite");
}

#[test]
fn a_peer_that_is_cut_off_has_its_keys_released_and_gets_everything_when_it_is_back() {
    let mut world = World::new(plan(&config("peer = 10.0.0.2 5004", "")));
    pass(&mut world, 1000);
    world.put("out.5", 1.0);
    pass(&mut world, 10);
    assert_eq!(last(&world, "in.5"), Some(1.0));
    world.network().set_link(Link { loss_percent: 100, ..Link::default() });
    pass(&mut world, 90_000);
    assert_eq!(last(&world, "in.5"), Some(0.0), "{}", tail(&world));
    assert_eq!(count(&world, "here warning: `there` at 10.0.0.2:5004 has stopped answering"), 1);
    assert_eq!(count(&world, "there warning: `here` at 10.0.0.1:5004 has stopped answering"), 1);
    world.put("out.5", 0.5);
    world.put("out.0", 1.0);
    world.network().set_link(Link::default());
    pass(&mut world, 60_000);
    assert_eq!(last(&world, "in.0"), Some(1.0), "{}", tail(&world));
    assert!((last(&world, "in.5").expect("a level") - 64.0 / 127.0).abs() < 1e-5);
}

#[test]
fn a_peer_that_is_restarted_is_taken_up_again_with_the_full_state() {
    let both = config("peer = 10.0.0.2 5004", "");
    let mut world = World::new(plan(&both));
    pass(&mut world, 1000);
    let out = play(&mut world, "out", 9);
    pass(&mut world, 100);
    assert_levels(&world, "in", &out, "before");
    // The other end ends with a goodbye, and is another one after that.
    let restarted = both.replace("10.0.0.2 5004\n\n", "10.0.0.2 5004\nepn-tx = short\n");
    let before = world.engine().plan().clone();
    world.install(show::plan(&restarted, Some(&before)).expect("a configuration"));
    world.take_transcript();
    pass(&mut world, 60_000);
    assert_recalled(&world, "in", &out, "after");
}

/// The second configuration is another one, so that an instance of it takes the place of that of the first. As no packet gets
/// through meanwhile, it is as if it had been killed.
fn kill_and_start_again(world: &mut World, second: &str) {
    world.network().set_link(Link { loss_percent: 100, ..Link::default() });
    let before = world.engine().plan().clone();
    world.install(show::plan(second, Some(&before)).expect("a configuration"));
    pass(world, 10);
    world.network().set_link(Link { delay: Duration::from_millis(2), ..Link::default() });
}

#[test]
fn a_peer_that_died_without_a_goodbye_and_is_started_again_has_the_full_state_within_a_second() {
    for seconds in [1, 5, 8, 30, 33, 39] {
        let both = config("peer = 10.0.0.2 5004", "");
        let mut world = World::new(plan(&both));
        pass(&mut world, seconds * 1000);
        let mut out = play(&mut world, "out", 9);
        pass(&mut world, 1000);
        assert_levels(&world, "in", &out, "before");
        kill_and_start_again(
            &mut world,
            &both.replace("10.0.0.2 5004\n\n", "10.0.0.2 5004\nepn-tx = short\n"),
        );
        world.take_transcript();
        // A fader that moves is enough.
        world.put("out.0", 0.0);
        out[0] = 0.0;
        pass(&mut world, 1000);
        assert_recalled(&world, "in", &out, &format!("started again after {seconds} seconds"));
        let up = play(&mut world, "up", 10);
        pass(&mut world, 100);
        assert_levels(&world, "down", &up, "the other way");
    }
}

#[test]
fn a_program_that_a_journal_lists_is_no_news_to_a_listener_that_has_just_begun() {
    let both = config("mode = direct\npeer = 10.0.0.2 5004", "mode = direct\npeer = 10.0.0.1 5004");
    let mut world = World::new(plan(&both));
    let mut out = play(&mut world, "out", 9);
    pass(&mut world, 1000);
    assert_levels(&world, "in", &out, "before");
    kill_and_start_again(&mut world, &both.replace("10.0.0.1 5004\n[", "10.0.0.1 5004\nepn-tx = short\n["));
    world.take_transcript();
    world.put("out.0", 0.0);
    out[0] = 0.0;
    pass(&mut world, 1000);
    assert_recalled(&world, "in", &out, "started again");
    // The same program, called again, is.
    world.put("out.8", out[8]);
    pass(&mut world, 1000);
    assert_levels(&world, "in", &out, "called again");
}

#[test]
fn a_peer_that_died_while_nothing_is_sent_is_found_out_by_its_clock() {
    let both = config("peer = 10.0.0.2 5004", "");
    let mut world = World::new(plan(&both));
    let out = play(&mut world, "out", 9);
    pass(&mut world, 30_000);
    kill_and_start_again(&mut world, &both.replace("10.0.0.2 5004\n\n", "10.0.0.2 5004\nepn-tx = short\n"));
    world.take_transcript();
    pass(&mut world, 4500);
    assert_recalled(&world, "in", &out, "started again");
}

#[test]
fn a_peer_that_is_dead_is_given_up_within_six_seconds_while_something_is_sent() {
    let mut world = World::new(plan(&config("peer = 10.0.0.2 5004", "")));
    pass(&mut world, 30_500);
    world.network().set_link(Link { loss_percent: 100, ..Link::default() });
    for step in 0..60 {
        play(&mut world, "out", step);
        pass(&mut world, 100);
    }
    assert_eq!(count(&world, "here warning: `there` at 10.0.0.2:5004 has stopped answering"), 1);
}

#[test]
fn a_pause_of_three_seconds_ends_no_session() {
    for start in 0..20 {
        for (here, there) in [("peer = 10.0.0.2 5004", ""), ("peer = 10.0.0.2 5004", "peer = 10.0.0.1 5004")]
        {
            let mut world = World::new(plan(&config(here, there)));
            world.network().seed(start);
            world.network().set_link(Link { delay: Duration::from_millis(5), ..Link::default() });
            pass(&mut world, 20_000 + start * 257);
            let (mut out, mut up) = (Vec::new(), Vec::new());
            for step in 0..80 {
                let loss_percent = if (20..50).contains(&step) { 100 } else { 0 };
                let delay = Duration::from_millis(5);
                world.network().set_link(Link { delay, loss_percent, ..Link::default() });
                out = play(&mut world, "out", step);
                up = play(&mut world, "up", step + 100);
                pass(&mut world, 100);
            }
            assert_eq!(count(&world, "warning"), 0, "{}", tail(&world));
            pass(&mut world, 2000);
            assert_levels(&world, "in", &out, &format!("{start}, {here}, {there}"));
            assert_levels(&world, "down", &up, &format!("{start}, {here}, {there}"));
        }
    }
}
