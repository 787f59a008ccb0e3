//! The plugin for grandMA3 in `contrib`, run by Lua with a stub of the console, and what crosspatch makes of what it sends.
//!
//! Without `lua5.4` (Debian's package of that name) these tests say so and pass.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crosspatch_backends::osc::wire::{Argument, OscStr, encode_message};
use crosspatch_config::compile_text;
use crosspatch_core::{Duration, Instant, Peer, Port, Registry};
use crosspatch_sim::World;
use crosspatch_transforms::FAMILIES;

const REGISTRY: Registry = crosspatch_backends::registry(FAMILIES);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join("contrib/grandma3")
}

/// A command that the plugin gave the console, and when, in tenths of a second.
type Said = (u64, String);

/// Runs the plugin in a scenario; none without Lua.
fn play(scenario: &str) -> Option<Vec<Said>> {
    let mut command = Command::new("lua5.4");
    command.arg(folder().join("test/console.lua")).arg(folder().join("crosspatch.lua"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        common::skip("lua5.4 is not installed (Debian: apt-get install lua5.4)");
        return None;
    };
    child.stdin.take().unwrap().write_all(scenario.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| line.split_once('\t').unwrap());
    Some(
        lines
            .map(|(time, said)| ((time.parse::<f64>().unwrap() * 10.0).round() as u64, said.to_owned()))
            .collect(),
    )
}

/// The address and the arguments of a SendOSC command, as the console reads it: all of it is separated by commas.
fn message(said: &str) -> Option<(String, String, Vec<String>)> {
    let text = said.strip_prefix("SendOSC 2 \"")?.strip_suffix('"').unwrap();
    assert!(!text.contains('"'), "a quote ends the command: {said}");
    let mut parts = text.split(',').map(str::to_owned);
    let (address, tags) = (parts.next().unwrap(), parts.next().unwrap());
    let values: Vec<String> = parts.collect();
    assert_eq!(tags.len(), values.len(), "{said}");
    Some((address, tags, values))
}

/// What was sent from a time on, as `/address value`.
fn sent(said: &[Said], from: u64) -> Vec<String> {
    let messages = said.iter().filter(|(time, _)| *time >= from).filter_map(|(_, said)| message(said));
    messages.map(|(address, _, values)| format!("{address} {}", values.join(","))).collect()
}

/// The bytes that the console would send.
fn packet(said: &str) -> Option<Vec<u8>> {
    let (address, tags, values) = message(said)?;
    let arguments = tags.bytes().zip(&values).map(|(tag, value)| match tag {
        b'f' => Argument::Float32(value.parse().unwrap()),
        b'i' => Argument::Int32(value.parse().unwrap()),
        b's' => Argument::String(OscStr::new(value.as_bytes())),
        _ => panic!("{said}"),
    });
    let mut bytes = Vec::new();
    encode_message(OscStr::new(address.as_bytes()), arguments.collect::<Vec<_>>().into_iter(), &mut bytes);
    Some(bytes)
}

const SHOW: &str = r#"
main = sequence { name = 'Main, "big"', color = { 255, 128, 0 }, running = true, cue = "2 Warm" }
wash = sequence { name = "Wash" }
fader = { no = 201, level = 50, object = main }
fader_202 = { no = 202, level = 0, object = wash }
page(1, { executor(fader), executor(fader_202) })
page(2, { executor { no = 201, level = 100, object = wash } })
"#;

#[test]
fn everything_is_told_at_the_start_at_a_pace_and_then_only_what_changes() {
    let Some(said) = play(&format!(
        "{SHOW} tap() pass(4.95) fader.level = 62.5 pass(1) wash.running = true wash.cuename = '1' pass(4)"
    )) else {
        return;
    };
    let first = sent(&said[..said.iter().position(|(time, _)| *time >= 50).unwrap()], 0);
    assert_eq!(&first[..2], ["/crosspatch/version 1", "/crosspatch/page 1"]);
    // 30 executors, five messages each, on page 1 and as the current page.
    assert_eq!(first.len(), 2 + 30 * 5 * 2);
    for message in [
        "/Page1/Fader201 50.00",
        "/Page1/Running201 1",
        "/Page1/Name201 Main; 'big'",
        "/Page1/Cue201 2 Warm",
        "/Page1/Color201 #ff8000",
        "/Fader201 50.00",
        "/Page1/Name215 -",
        "/Page1/Color202 #000000",
        "/Page1/Cue202 -",
    ] {
        assert!(first.iter().any(|sent| sent == message), "{message}");
    }
    for look in 0..200 {
        let count = said.iter().filter(|(time, said)| *time == look && said.starts_with("SendOSC")).count();
        assert!(count <= 22, "{count} messages at {look}");
    }
    let after = sent(&said, 50);
    assert_eq!(
        after,
        [
            "/Page1/Fader201 62.50",
            "/Fader201 62.50",
            "/Page1/Running202 1",
            "/Running202 1",
            "/Page1/Cue202 1",
            "/Cue202 1"
        ]
    );
}

#[test]
fn somebody_who_asks_is_told_everything_again() {
    let Some(said) =
        play(&format!("{SHOW} tap() pass(10) console.variables.crosspatch = 'refresh' pass(10)"))
    else {
        return;
    };
    let (first, again) = (sent(&said[..said.len() / 2 + 1], 0), sent(&said, 100));
    assert_eq!(again.len(), 302);
    assert_eq!(first[..302], again[..]);
}

#[test]
fn the_page_may_change_and_vanish_and_executors_may_come_and_go() {
    let Some(said) = play(&format!(
        "{SHOW} tap() pass(10) console.page = 2 pass(10) console.page = 9 pass(10)
         console.page = 1 fader.object = nil fader.level = 0 pass(10)
         fader.object = wash wash.deleted = true fader_202.deleted = true pass(10)
         console.pages[1] = nil pass(10)
         assert(is_at_work())"
    )) else {
        return;
    };
    let at = |from: u64, to: u64| {
        let part: Vec<Said> = said.iter().filter(|(time, _)| (from..to).contains(time)).cloned().collect();
        sent(&part, 0)
    };
    assert_eq!(
        at(100, 200),
        [
            "/crosspatch/page 2",
            "/Fader201 100.00",
            "/Running201 0",
            "/Name201 Wash",
            "/Cue201 -",
            "/Color201 #000000",
            "/Name202 -"
        ]
    );
    assert_eq!(at(200, 300), ["/crosspatch/page 0", "/Fader201 0.00", "/Name201 -"]);
    assert!(at(300, 400).contains(&"/Page1/Name201 -".to_owned()), "{:?}", at(300, 400));
    assert!(at(400, 600).contains(&"/Page1/Name202 -".to_owned()), "{:?}", at(400, 600));
    assert!(said.iter().all(|(_, said)| !said.contains("ended")), "no error ends the plugin");
}

#[test]
fn who_is_assigned_over_several_executors_is_told_on_each() {
    let Some(said) = play(&format!(
        "{SHOW} page(1, {{ executor(fader), executor {{ no = 203, exec = executor(fader) }} }}) tap() pass(5)"
    )) else {
        return;
    };
    assert!(sent(&said, 0).contains(&"/Page1/Running203 1".to_owned()));
}

#[test]
fn the_function_that_the_console_warns_of_is_used_only_where_there_is_no_other() {
    let Some(_) = play(&format!("{SHOW} tap() pass(5) assert(console.deprecated_calls == 0)")) else {
        return;
    };
    let old = SHOW.replace("name =", "is_new = false, name =");
    let said = play(&format!("{old} tap() pass(5) assert(console.deprecated_calls > 0)")).unwrap();
    assert!(sent(&said, 0).contains(&"/Page1/Running201 1".to_owned()));
}

#[test]
fn a_console_that_refuses_is_asked_again_after_a_while_and_told_everything_then() {
    let Some(said) =
        play(&format!("{SHOW} console.refuses = true tap() pass(12) console.refuses = false pass(15)"))
    else {
        return;
    };
    let refused: Vec<_> =
        said.iter().filter(|(time, said)| *time <= 120 && said.starts_with("SendOSC")).collect();
    assert_eq!(refused.len(), 3, "one attempt each five seconds: {refused:?}");
    assert_eq!(said.iter().filter(|(_, said)| said.contains("refuses SendOSC")).count(), 1);
    assert_eq!(sent(&said, 121).len(), 302);
}

#[test]
fn a_second_tap_stops_the_plugin_and_deleting_it_does_so_too() {
    let Some(said) = play(&format!(
        "{SHOW} tap() pass(5) tap() pass(1) assert(not is_at_work()) fader.level = 1 pass(5)
         tap() pass(1) assert(is_at_work()) delete() pass(1) assert(not is_at_work())"
    )) else {
        return;
    };
    let told: Vec<_> =
        said.iter().filter(|(_, said)| said.starts_with('#')).map(|(_, said)| said.as_str()).collect();
    assert_eq!(told, ["# crosspatch: started", "# crosspatch: stopped", "# crosspatch: started"]);
    let between = said.iter().filter(|(time, _)| (51..110).contains(time)).count();
    assert_eq!(between, 0);
}

#[test]
fn nobody_waits_for_an_executor_that_changes_all_the_time() {
    let Some(said) =
        play(&format!("{SHOW} tap() for step = 1, 60 do fader.level = step / 2 pass(0.1) end pass(1)"))
    else {
        return;
    };
    let all = sent(&said, 0);
    assert!(all.contains(&"/Color215 #000000".to_owned()), "the last executor is told");
    let last = all.iter().rev().find(|sent| sent.starts_with("/Page1/Fader201 ")).unwrap();
    assert_eq!(last, "/Page1/Fader201 30.00");
}

#[test]
fn what_the_plugin_sends_moves_channels_of_the_example() {
    let Some(said) =
        play(&format!("{SHOW} tap() pass(4.95) fader.level = 62.5 main.running = false pass(5)"))
    else {
        return;
    };
    let example = folder().join("../../examples/tablet-gma3.cfg");
    let plan = compile_text(&std::fs::read_to_string(example).unwrap(), REGISTRY).plan.unwrap();
    let mut world = World::new(plan);
    let console = Peer::Address(([10, 0, 0, 5], 8000).into());
    // Each peer that sends something receives answers.
    let hello = (REGISTRY.find("osc").unwrap().compose)("/hello ,i 1").unwrap();
    world.receive("tablet", Port(0), Peer::Address(([10, 0, 0, 21], 7000).into()), &hello);
    for (time, said) in &said {
        world.advance_to(Instant::START + Duration::from_millis(time * 100));
        if let Some(bytes) = packet(said) {
            world.receive("ma3", Port(0), console, &bytes);
        }
    }
    world.advance(Duration::from_secs(1));
    let transcript = world.transcript();
    for line in [
        "ma3./Page1/Fader201 = 0.5",
        "tablet.0 -> 10.0.0.21:9000 /fader/1 ,f 0.5",
        "tablet.0 -> 10.0.0.21:9000 /run/1 ,f 1",
        "tablet.0 -> 10.0.0.21:9000 /name/1 ,s \"Main; 'big'\"",
        "tablet.0 -> 10.0.0.21:9000 /color/1 ,s \"#ff8000\"",
        "tablet.0 -> 10.0.0.21:9000 /fader/1 ,f 0.625",
        "tablet.0 -> 10.0.0.21:9000 /run/1 ,f 0",
        "tablet.0 -> 10.0.0.21:9000 /name/8 ,s \"-\"",
    ] {
        assert!(transcript.contains(&format!(" {line}\n")), "{line} is not in\n{transcript}");
    }
}

#[test]
fn the_simulated_console_sends_what_the_plugin_sends() {
    // The show of the simulated console, as far as it is watched.
    let scenario = "
        local function on(numbers, list)
            local executors = {}
            for at, fields in ipairs(list) do
                fields.object = fields.object or sequence { name = fields[1], color = fields[2] }
                for _, base in ipairs(numbers) do
                    executors[#executors + 1] = executor { no = base + at, level = fields[3], object = fields.object }
                end
            end
            return executors
        end
        local list = { { 'Main', { 255, 255, 255 }, 100 }, { 'Wash', { 0, 96, 255 }, 0 }, { 'Spots', { 255, 200, 0 }, 0 },
            { 'Back', { 160, 0, 255 }, 0 }, { 'Effects', { 0, 200, 80 }, 50 }, { 'Strobe', { 255, 0, 0 }, 100 },
            { 'Blinder', { 255, 128, 0 }, 100 }, { 'House', { 96, 96, 96 }, 0 } }
        page(1, on({ 100, 200 }, list))
        tap() pass(5)
        list[1].object.running = true list[1].object.cuename = '1 Preset'
        pass(5)";
    let Some(said) = play(scenario) else { return };
    let config = "[gma3sim console]\ndestination = 127.0.0.1 8001\nsend = off\nplugin = on\n[loopback seen]\n\
                  [map]\nconsole.command > seen.x\n";
    let mut world = World::new(compile_text(config, REGISTRY).plan.unwrap());
    world.advance(Duration::from_secs(5));
    let from = Peer::Address(([10, 0, 0, 9], 7000).into());
    let go = (REGISTRY.find("osc").unwrap().compose)("/cmd ,s \"Go+ Sequence 1\"").unwrap();
    world.receive("console", Port(0), from, &go);
    world.advance(Duration::from_secs(5));
    let simulated = world.transcript().lines().filter_map(|line| line.split_once(" -> 127.0.0.1:8001 "));
    let mut simulated: Vec<Vec<u8>> =
        simulated.map(|(_, message)| (REGISTRY.find("osc").unwrap().compose)(message).unwrap()).collect();
    let mut sent: Vec<Vec<u8>> = said.iter().filter_map(|(_, said)| packet(said)).collect();
    assert_eq!(sent[..302], simulated[..302], "all, in the same order");
    // What comes later, the plugin sends in two looks: the running state first.
    sent.sort();
    simulated.sort();
    assert_eq!(sent, simulated);
}
