//! `maweb` against the simulated console over the virtual link: both consoles, delay, cuts, and every switch of the
//! simulator.

#[path = "common/show.rs"]
mod show;

use crosspatch_core::{Duration, Plan};
use crosspatch_sim::{Link, World};

const CONSOLES: [&str; 2] = ["gma2", "dot2"];

/// Executors with faders that the simulated shows of both consoles have.
const FADERS: [u32; 6] = [1, 2, 3, 4, 6, 7];

fn plan(config: &str) -> Plan {
    show::plan(config, None).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

/// A console with some switches and a client with some options. `desk` stands for the controllers of the client,
/// `hand` for somebody at the console, `seen` for what the console's own faders do.
fn world(console: &str, switches: &str, options: &str) -> World {
    let mut config = format!(
        "[masim sim]\nconsole = {console}\nlisten = 10.0.0.1 80\n{switches}\n\
         [maweb ma]\nhost = 10.0.0.1\n{options}\n\
         [loopback desk]\n[loopback hand]\n[loopback seen]\n[map]\n\
         desk.go > ma.page1.button101\nsim.page1.button101 > seen.go\nma.page1.run1 > desk.lamp1\n\
         ma.page1.name1 > desk.name1\nma.page1.color1 > desk.color1\nma.page1.cue1 > desk.cue1\n"
    );
    for number in FADERS {
        config.push_str(&format!(
            "desk.out{number} > ma.page1.fader{number}\nma.page1.fader{number} > desk.in{number}\n\
             hand.fader{number} > sim.page1.fader{number}\nsim.page1.fader{number} > seen.fader{number}\n"
        ));
    }
    World::new(plan(&config))
}

fn link(delay: u64) -> Link {
    Link { delay: Duration::from_millis(delay), ..Link::default() }
}

fn pass(world: &mut World, millis: u64) {
    world.advance(Duration::from_millis(millis));
}

/// The last value of a channel, as the transcript shows it.
fn last(world: &World, channel: &str) -> Option<String> {
    let mark = format!(" {channel} = ");
    let line = world.transcript().lines().rev().find(|line| line.contains(&mark))?;
    line.split_once(&mark).map(|(_, value)| value.to_owned())
}

fn level(world: &World, channel: &str) -> f64 {
    let value = last(world, channel).unwrap_or_else(|| panic!("nothing on {channel}\n{}", tail(world)));
    value.parse().unwrap_or_else(|_| panic!("{channel} is {value}"))
}

/// The value that appeared last on any of the channels.
fn latest(world: &World, channels: [&str; 2]) -> Option<f64> {
    let marks = channels.map(|channel| format!(" {channel} = "));
    let of_line =
        |line: &str| marks.iter().find_map(|mark| Some(line.split_once(mark.as_str())?.1.to_owned()));
    world.transcript().lines().rev().find_map(of_line)?.parse().ok()
}

fn tail(world: &World) -> String {
    let is_told =
        |line: &&str| !line.contains("playbacks page") && !line.contains(r#""playbacks","startIndex""#);
    let lines: Vec<_> = world.transcript().lines().filter(is_told).collect();
    lines[lines.len().saturating_sub(40)..].iter().map(|line| format!("{:.200}\n", line)).collect()
}

fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() < 0.001
}

fn count(world: &World, what: &str) -> usize {
    world.transcript().lines().filter(|line| line.contains(what)).count()
}

#[test]
fn both_consoles_are_driven_and_tell_what_they_show() {
    for console in CONSOLES {
        let mut world = world(console, "", "");
        pass(&mut world, 1000);
        assert_eq!(count(&world, "ma info: logged in to the"), 1, "{console}\n{}", tail(&world));
        assert_eq!(last(&world, "desk.name1").as_deref(), Some("\"Main\""), "{console}");
        assert_eq!(last(&world, "desk.color1").as_deref(), Some("\"#ffff80\""), "{console}");
        assert_eq!(last(&world, "desk.lamp1").as_deref(), Some("1"), "{console}");
        for number in FADERS {
            let target = f64::from(number) / 10.0;
            world.put(&format!("desk.out{number}"), target);
            pass(&mut world, 5);
            assert!(is_near(level(&world, &format!("seen.fader{number}")), target), "{console} {number}");
        }
        pass(&mut world, 1000);
        for number in FADERS {
            let target = f64::from(number) / 20.0;
            world.put(&format!("hand.fader{number}"), target);
            pass(&mut world, 100);
            assert!(is_near(level(&world, &format!("desk.in{number}")), target), "{console} {number}");
        }
    }
}

#[test]
fn a_first_move_reaches_the_console_in_the_same_turn() {
    let mut world = world("gma2", "", "");
    pass(&mut world, 1003);
    let before = world.now();
    world.put("desk.out1", 0.7);
    assert_eq!(world.now(), before);
    assert!(is_near(level(&world, "seen.fader1"), 0.7));
}

#[test]
fn every_habit_of_a_console_is_coped_with() {
    for (switches, console) in [
        ("greeting = text", "gma2"),
        ("greeting = none", "gma2"),
        ("greeting = text\ndialect = old", "gma2"),
        ("dialect = old", "gma2"),
        ("greeting = text\ndialect = grouped", "gma2"),
        ("greeting = none\ndialect = grouped", "gma2"),
        ("guest = ignore", "dot2"),
        ("session-change = 7", "gma2"),
        ("session-change = 1", "dot2"),
        ("duplicate-world-index = on", "gma2"),
        ("chatty = on", "dot2"),
        ("latency = 40 200", "gma2"),
        ("latency = 40 200", "dot2"),
        ("timeout = 10", "gma2"),
    ] {
        let mut world = world(console, switches, "");
        pass(&mut world, 15_000);
        assert_eq!(count(&world, "warning"), 0, "{switches}\n{}", tail(&world));
        world.put("desk.out2", 0.25);
        pass(&mut world, 1000);
        assert!(is_near(level(&world, "seen.fader2"), 0.25), "{switches}");
        world.put("hand.fader2", 0.75);
        pass(&mut world, 1000);
        assert!(is_near(level(&world, "desk.in2"), 0.75), "{switches}\n{}", tail(&world));
        assert_eq!(last(&world, "desk.lamp1").as_deref(), Some("1"), "{switches}");
    }
}

#[test]
fn the_first_level_comes_soon_whatever_the_dialect_and_at_once_after_a_cut() {
    for switches in ["", "dialect = grouped", "dialect = old"] {
        for greeting in ["json", "text", "none"] {
            let mut world = world("gma2", &format!("greeting = {greeting}\n{switches}"), "");
            pass(&mut world, 300);
            assert_eq!(level(&world, "desk.in1"), 1.0, "{switches} {greeting}\n{}", tail(&world));
            let now = world.now();
            world.network().refuse(now, "10.0.0.1:80");
            pass(&mut world, 1_000);
            world.network().restore("10.0.0.1:80");
            world.put("hand.fader1", 0.25);
            world.take_transcript();
            pass(&mut world, 15_000);
            let log_in = world.transcript().find("ma info: logged in").expect("a log-in");
            let asked = &world.transcript()[log_in..];
            let dialects: Vec<_> = asked.lines().filter(|line| line.contains("\"playbacks\"")).collect();
            let is_grouped = |line: &&str| line.contains("\"startIndex\":[");
            assert!(
                dialects.iter().all(|line| is_grouped(line) == is_grouped(&dialects[0])),
                "the dialect is remembered: {switches} {greeting}"
            );
            assert_eq!(level(&world, "desk.in1"), 0.25, "{switches} {greeting}");
        }
    }
}

#[test]
fn a_dot2_that_does_not_greet_is_driven_when_it_is_named() {
    for greeting in ["none", "text", "json"] {
        let mut world = world("dot2", &format!("greeting = {greeting}"), "console = dot2\nuser = lena");
        pass(&mut world, 500);
        assert_eq!(count(&world, "ma info: logged in to the dot2"), 1, "{greeting}\n{}", tail(&world));
        assert_eq!(last(&world, "desk.name1").as_deref(), Some("\"Main\""), "{greeting}");
        assert_eq!(count(&world, "warning"), 0, "{greeting}");
        world.put("desk.go", 1.0);
        pass(&mut world, 50);
        assert_eq!(last(&world, "seen.go").as_deref(), Some("1"), "{greeting}");
    }
}

#[test]
fn three_presses_without_a_release_are_three_presses_on_both_ends() {
    let config = "[masim sim]\nlisten = 10.0.0.1 80\n[maweb ma]\nhost = 10.0.0.1\n\
                  [loopback desk]\n[loopback hand]\n[loopback seen]\n[map]\n\
                  desk.go > ma.page1.lower1\nsim.page1.lower1 > seen.go\nma.page1.cue1 > desk.cue\n\
                  ma.page1.run2 > desk.run2\nhand.flash > sim.page1.flash2\n";
    let mut world = World::new(plan(config));
    pass(&mut world, 500);
    assert_eq!(last(&world, "desk.cue").as_deref(), Some("\"1 Preset\""));
    for _ in 0..3 {
        world.put("desk.go", 1.0);
        pass(&mut world, 200);
    }
    let edges: Vec<_> =
        world.transcript().lines().filter_map(|line| line.split_once(" seen.go = ")).collect();
    assert_eq!(edges.iter().map(|(_, value)| *value).collect::<Vec<_>>(), ["1", "0", "1", "0", "1"]);
    // Of three rows, the one that runs is in the middle, and the first is told: the cue before it.
    pass(&mut world, 500);
    let shown = last(&world, "desk.cue");
    for _ in 0..4 {
        world.put("desk.go", 1.0);
    }
    pass(&mut world, 500);
    assert_eq!(last(&world, "desk.cue"), shown, "four more presses go round all four cues");

    for level in [1.0, 1.0, 0.0] {
        world.put("hand.flash", level);
        pass(&mut world, 200);
        assert_eq!(self::level(&world, "desk.run2"), level, "held until it is let go");
    }
}

#[test]
fn a_console_that_stops_answering_or_closes_again_and_again_is_always_taken_up_again() {
    for switches in ["mute = 40", "close-after = 40", "close-after = 40\nlatency = 30"] {
        for console in CONSOLES {
            let mut world = world(console, switches, "");
            world.put("desk.out2", 0.25);
            pass(&mut world, 90_000);
            assert!(count(&world, "ma info: logged in") > 3, "{switches}\n{}", tail(&world));
            world.put("desk.out2", 0.3);
            pass(&mut world, 25_000);
            assert!(is_near(level(&world, "seen.fader2"), 0.3), "{switches}\n{}", tail(&world));
        }
    }
}

#[test]
fn refusals_are_told_in_the_words_of_the_console_and_retried_without_haste() {
    for (console, switches, options, words, attempts) in [
        ("gma2", "remotes = off", "", "Remotes to Login Enabled", 6..=7),
        ("dot2", "remotes = off", "", "Setup > Global Settings > Web Remote", 6..=7),
        ("gma2", "sessions = 0", "", "three remotes already", 2..=3),
        ("dot2", "password = other", "", "check `password`", 6..=7),
        ("gma2", "user = somebody", "user = nobody", "check `user` and `password`", 6..=7),
    ] {
        let mut world = world(console, switches, options);
        pass(&mut world, 60_000);
        assert_eq!(count(&world, words), 1, "{switches}\n{}", tail(&world));
        let opened = count(&world, "ma opens 0");
        assert!(attempts.contains(&opened), "{switches}: {opened} attempts");
        assert_eq!(count(&world, "ma info: logged in"), 0, "{switches}");
    }
}

#[test]
fn a_user_without_rights_is_told_once() {
    let mut world = world("gma2", "access-denied = on", "");
    pass(&mut world, 10_000);
    assert_eq!(count(&world, "ma error: the console does not show its executors to this user"), 1);
}

#[test]
fn after_a_cut_the_console_has_every_level_and_the_controllers_have_what_is_different() {
    for console in CONSOLES {
        let mut world = world(console, "", "");
        world.network().set_link(link(20));
        pass(&mut world, 2000);
        for number in FADERS {
            world.put(&format!("desk.out{number}"), 0.5);
        }
        pass(&mut world, 2000);
        let now = world.now();
        world.network().refuse(now, "10.0.0.1:80");
        pass(&mut world, 1000);
        assert_eq!(count(&world, "ma warning: lost the console"), 1, "{console}\n{}", tail(&world));
        for number in FADERS {
            world.put(&format!("desk.out{number}"), f64::from(number) / 10.0);
        }
        world.put("desk.go", 1.0);
        world.put("desk.go", 0.0);
        pass(&mut world, 20_000);
        world.network().restore("10.0.0.1:80");
        world.take_transcript();
        pass(&mut world, 15_000);
        for number in FADERS {
            let target = f64::from(number) / 10.0;
            assert!(
                is_near(level(&world, &format!("seen.fader{number}")), target),
                "{console}\n{}",
                tail(&world)
            );
            assert!(
                is_near(level(&world, &format!("desk.in{number}")), target),
                "{console}\n{}",
                tail(&world)
            );
        }
        assert_eq!(last(&world, "desk.name1"), None, "a state that has not changed is not told again");
        assert_eq!(last(&world, "seen.go"), None, "a press during the cut is not made up for");
    }
}

#[test]
fn a_cable_that_is_pulled_without_a_word_is_noticed_and_a_held_button_is_let_go() {
    let mut world = world("gma2", "", "");
    pass(&mut world, 2000);
    world.put("desk.go", 1.0);
    pass(&mut world, 100);
    assert_eq!(last(&world, "seen.go").as_deref(), Some("1"));
    world.network().cut();
    pass(&mut world, 100);
    world.put("desk.go", 0.0);
    pass(&mut world, 5000);
    assert_eq!(last(&world, "seen.go").as_deref(), Some("1"));
    pass(&mut world, 5000);
    assert_eq!(count(&world, "it has stopped answering"), 1, "{}", tail(&world));
    assert_eq!(last(&world, "seen.go").as_deref(), Some("0"), "{}", tail(&world));
}

#[test]
fn the_level_that_somebody_set_at_the_console_survives_a_cut() {
    let mut world = world("gma2", "", "");
    pass(&mut world, 1000);
    world.put("desk.out6", 0.2);
    pass(&mut world, 1000);
    world.put("hand.fader6", 0.9);
    pass(&mut world, 1000);
    assert!(is_near(level(&world, "desk.in6"), 0.9));
    let now = world.now();
    world.network().reset(now);
    pass(&mut world, 20_000);
    assert_eq!(count(&world, "ma info: logged in"), 2);
    assert!(is_near(level(&world, "desk.in6"), 0.9), "{}", tail(&world));
    world.put("hand.fader6", 0.8);
    pass(&mut world, 1000);
    assert!(is_near(level(&world, "desk.in6"), 0.8), "{}", tail(&world));
}

#[test]
fn the_second_console_of_the_list_takes_over_and_gets_the_state() {
    let config = "[masim one]\nlisten = 10.0.0.1 80\n[masim two]\nconsole = dot2\nlisten = 10.0.0.2 80\n\
        [maweb ma]\nhost = 10.0.0.1\nhost = 10.0.0.2\n[loopback desk]\n[loopback seen]\n[map]\n\
        desk.out > ma.page1.fader2\nma.page1.fader2 > desk.in\none.page1.fader2 > seen.one\ntwo.page1.fader2 > seen.two\n";
    let mut world = World::new(plan(config));
    pass(&mut world, 1000);
    world.put("desk.out", 0.4);
    pass(&mut world, 1000);
    assert!(is_near(level(&world, "seen.one"), 0.4));
    let now = world.now();
    world.network().refuse(now, "10.0.0.1:80");
    pass(&mut world, 1000);
    assert_eq!(count(&world, "logged in to the dot2 at 10.0.0.2:80"), 1, "{}", tail(&world));
    assert!(is_near(level(&world, "seen.two"), 0.4), "{}", tail(&world));
    world.network().restore("10.0.0.1:80");
    let now = world.now();
    world.network().refuse(now, "10.0.0.2:80");
    pass(&mut world, 3000);
    assert_eq!(count(&world, "logged in to the grandMA2 at 10.0.0.1:80"), 2, "{}", tail(&world));
}

/// A small generator with a seed: the tests need variety, not quality.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}

#[test]
fn whatever_happens_both_sides_agree_in_the_end_and_no_button_is_stuck() {
    for seed in 1..=10 {
        let mut random = Random(seed * 0x9E37_79B9);
        let kind = CONSOLES[seed as usize % 2];
        let switches = ["", "latency = 40 200", "session-change = 9", "close-after = 90", "chatty = on"];
        let switches = switches[random.below(5) as usize];
        let mut world = world(kind, switches, "");
        let jitter = Duration::from_millis(random.below(30));
        world.network().set_link(Link {
            delay: Duration::from_millis(random.below(60)),
            jitter,
            ..Link::default()
        });
        let mut pressed = false;
        for _ in 0..150 {
            pass(&mut world, random.below(250));
            let number = FADERS[random.below(6) as usize];
            let value = random.below(1001) as f64 / 1000.0;
            match random.below(10) {
                0..6 => world.put(&format!("desk.out{number}"), value),
                6..8 => world.put(&format!("hand.fader{number}"), value),
                8 => {
                    pressed = !pressed;
                    world.put("desk.go", f64::from(u8::from(pressed)));
                }
                _ if random.below(20) == 0 => {
                    let now = world.now();
                    if random.below(2) == 0 { world.network().reset(now) } else { world.network().cut() }
                }
                _ => {}
            }
        }
        world.put("desk.go", 1.0);
        world.put("desk.go", 0.0);
        // Long enough to notice a cut, for the longest pause after it, and for a while in peace.
        pass(&mut world, 25_000);
        for number in FADERS {
            let client = latest(&world, [&format!("desk.out{number}"), &format!("desk.in{number}")]);
            let console =
                latest(&world, [&format!("sim.page1.fader{number}"), &format!("hand.fader{number}")]);
            // A fader that nobody has moved at the console is known from the client's side alone.
            let (Some(client), Some(console)) = (client, console) else { continue };
            assert!(
                is_near(client, console),
                "seed {seed} ({kind}, {switches}): fader {number} is {client} here and {console} there\n{}",
                tail(&world)
            );
        }
        if let Some(button) = last(&world, "seen.go") {
            assert_eq!(button, "0", "seed {seed} ({kind}, {switches})\n{}", tail(&world));
        }
    }
}

#[test]
fn what_a_console_tells_after_a_log_in_goes_out_in_portions_and_complete() {
    let mut config = "[masim sim]\nlisten = 10.0.0.1 80\n[maweb ma]\nhost = 10.0.0.1\n\
        [osc labels]\ndestination = 10.0.0.9 9000\n[map]\n"
        .to_owned();
    for number in (1..=15).chain(101..=160) {
        for part in ["name", "cue", "color", "run"] {
            config.push_str(&format!("ma.page1.{part}{number} > labels./{part}/{number}\n"));
        }
    }
    let mut world = World::new(plan(&config));
    pass(&mut world, 1000);
    let transcript = world.transcript();
    let sent = |line: &&str| line.contains(" labels.0 -> ");
    let times: Vec<f64> = transcript
        .lines()
        .filter(sent)
        .map(|line| line[1..line.find("s ").expect("a time")].parse().expect("seconds"))
        .collect();
    assert!(times.len() > 200, "{} messages", times.len());
    for (at, time) in times.iter().enumerate() {
        let behind = times[at..].iter().take_while(|later| *later - time < 0.0049).count();
        assert!(behind <= 2 * 64, "{behind} messages within 5 ms from {time} s on");
    }
    let told = transcript.lines().filter(|line| line.contains(" ma.page1.")).count();
    assert_eq!(times.len(), told, "everything that was told went out");
}
