//! Two sACN instances joined by a virtual link that loses datagrams and lets them overtake each other.

#[path = "common/show.rs"]
mod show;

use crosspatch_core::Duration;
use crosspatch_sim::{Link, World};

const CONFIG: &str = "[backend sacn]
bind = 0.0.0.0 5568 local

[sacn here]
universe = 7
priority = 100

[sacn there]
universe = 7

[loopback left]
[loopback right]

[map]
left.{1..4} > here.{1..4}
left.wide > here.511+512
there.{1..4} > right.{1..4}
there.511+512 > right.wide
";

fn world(config: &str) -> World {
    World::new(show::plan(config, None).unwrap_or_else(|diagnostics| panic!("{diagnostics}")))
}

fn pass(world: &mut World, millis: u64) {
    world.advance(Duration::from_millis(millis));
}

/// The values that a channel has had, as the transcript shows them.
fn values(transcript: &str, channel: &str) -> Vec<f64> {
    let mark = format!(" {channel} = ");
    let lines = transcript.lines().filter(|line| line.contains(&mark));
    lines
        .map(|line| line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number"))
        .collect()
}

#[test]
fn the_last_look_arrives_however_bad_the_network_is() {
    for seed in 1..20 {
        let mut world = world(CONFIG);
        world.network().seed(seed);
        world.network().set_link(Link {
            delay: Duration::from_millis(5),
            jitter: Duration::from_millis(60),
            loss_percent: 30,
            piece: 0,
        });
        for step in 0..200_u32 {
            world.put(&format!("left.{}", 1 + step % 4), f64::from(step * 37 % 256) / 255.0);
            world.put("left.wide", f64::from(step * 7919 % 65_536) / 65_535.0);
            pass(&mut world, u64::from(step % 5) * 9);
        }
        pass(&mut world, 10_000);
        let transcript = world.take_transcript();
        for channel in ["1", "2", "3", "4", "wide"] {
            let sent = values(&transcript, &format!("left.{channel}"));
            let heard = values(&transcript, &format!("right.{channel}"));
            let is_same =
                sent.last().zip(heard.last()).is_some_and(|(sent, heard)| (sent - heard).abs() < 1e-5);
            assert!(is_same, "seed {seed}, channel {channel}: {:?} and {:?}", sent.last(), heard.last());
        }
    }
}

#[test]
fn steps_of_a_good_network_arrive_in_order_and_none_twice() {
    let mut world = world(CONFIG);
    world.put("left.1", 0.0);
    pass(&mut world, 2_000);
    world.take_transcript();
    for step in 1..=100_u32 {
        world.put("left.1", f64::from(step) / 255.0);
        pass(&mut world, 30);
    }
    let heard = values(&world.take_transcript(), "right.1");
    let expected: Vec<_> = (1..=100).map(|step| f64::from(step) / 255.0).collect();
    assert!(heard.iter().zip(&expected).all(|(heard, sent)| (heard - sent).abs() < 1e-5), "{heard:?}");
    assert_eq!(heard.len(), expected.len());
}

#[test]
fn a_source_that_ends_is_gone_at_once_and_what_it_held_is_kept() {
    let mut world = world(CONFIG);
    world.put("left.1", 1.0);
    pass(&mut world, 2_000);
    let without = CONFIG.replace("left.{1..4} > here.{1..4}\nleft.wide > here.511+512\n", "");
    let plan = show::plan(&without, Some(world.engine().plan())).unwrap_or_else(|text| panic!("{text}"));
    world.take_transcript();
    world.install(plan);
    pass(&mut world, 10);
    let transcript = world.take_transcript();
    assert_eq!(transcript.matches(" terminated ").count(), 3, "{transcript}");
    assert!(transcript.contains("nobody sends universe 7 any more"), "{transcript}");
    pass(&mut world, 60_000);
    assert_eq!(values(&world.take_transcript(), "right.1"), [0.0; 0]);
}

#[test]
fn ten_thousand_packets_that_mean_nothing_leave_no_trace() {
    let mut world = world(CONFIG);
    world.put("left.1", 0.5);
    pass(&mut world, 2_000);
    world.take_transcript();
    let good = crosspatch_backends::sacn::wire::compose(
        "data 7 seq 1 priority 200 cid 11*16 \"desk\" slots 255*512",
    );
    let good = good.expect("a packet");
    let from = crosspatch_core::Peer::Address("10.0.0.9:5568".parse().expect("an address"));
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..10_000 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut packet = good.clone();
        // A length, a vector or a flag is wrong; or it ends somewhere.
        let place = [16, 18, 21, 38, 43, 115, 117, 118, 119, 122][(random >> 8) as usize % 10];
        packet[place] ^= 1 << (random % 4) | 0x80;
        packet.truncate(if random & 0x10_0000 == 0 { (random >> 24) as usize % 600 } else { 638 });
        world.receive("there", crosspatch_core::Port(0), from, &packet);
    }
    pass(&mut world, 3_000);
    let transcript = world.take_transcript();
    assert_eq!(values(&transcript, "right.1"), [0.0; 0]);
    let told = transcript.lines().filter(|line| line.contains("is not sACN")).count();
    assert!((1..=7).contains(&told), "told {told} times");
}
