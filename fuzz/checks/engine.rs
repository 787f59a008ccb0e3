//! What holds of the whole engine, whatever happens to it in whatever order. Shared by the fuzz target and by the test that
//! replays its corpus.
//!
//! An input is steps. The first byte of a step says what happens, the second to which instance and port, the third how long
//! the rest is; the rest is a message, a channel or a time.

use std::path::Path;

use crosspatch_backends::registry;
use crosspatch_config::{CompileInput, MemoryFiles, compile};
use crosspatch_core::{Closed, Duration, Peer, Plan, Port, Value};
use crosspatch_sim::World;
use crosspatch_transforms::FAMILIES;

/// Shows that take each other's place; some of their instances are the same.
const SHOWS: [&str; 4] = [
    "[osc desk]\nbind = 0.0.0.0 8000\ndestination = learn\n/* = f 0 1\n[loopback bus]\n\
     [map]\ndesk./{a,b,c,d} > bus.{1..4}\nbus.{1..4} <> desk./back/{1..4}\n",
    "[osc desk]\nbind = 0.0.0.0 8000\ndestination = learn\n/* = f 0 1\n\
     [maweb ma]\nhost = 10.0.0.1\nhost = 10.0.0.2 8080\ncommand.off = Off Page Thru\n\
     [map]\ndesk./fader/{1..3} <> ma.page1.fader{1..3}\ndesk./go > ma.page1.button101\ndesk./off > ma.command.off\n\
     ma.page2.button{101..103} > desk./run/{1..3}\nma.led.clear > desk./clear\n",
    "[masim console]\nlisten = 0.0.0.0 80\n[maweb ma]\nhost = 10.0.0.1\n[osc stream]\nbind = 0.0.0.0 9000\ntransport = slip\n\
     [map]\nstream./1 <> ma.page1.fader1\nconsole.page1.fader{1..2} > stream./2\n",
    "[osc desk]\nbind = 0.0.0.0 8000\ndestination = learn\n/* = f 0 1\n[loopback bus]\n\
     [map]\ndesk./a | when bus.1 resend | smooth 100ms > bus.2\nbus.{1..4} | layer desk./b <> desk./back/{1..8}\n\
     desk./a | toggle > bus.1\ndesk./b | pickup > bus.2\ndesk./c | relative offset > bus.2\n\
     desk./{a,b} | radio group > bus.{3..4}\ndesk./d | delay 3s | rate 10/s > bus.3\ndesk./d | timeout 2s to 0 > bus.4\n\
     desk./{a,b} | merge htp > bus.5\ndesk./c | start 1 | wave sine 2s > bus.6\ndesk./a | color red > bus.7\n\
     bus.7 | palette launchpad | pulse 1s > desk./lamp\nbus.6 | text \"{value}%\" > desk./text\n\
     desk./c | gesture desk./a desk./b | match \"1*\"=1 else=0 | hold 500ms > bus.1\n",
];

/// Plays the steps in `data` and checks the world after each.
pub(crate) fn check(data: &[u8]) {
    let Some((&first, mut rest)) = data.split_first() else { return };
    let mut world = World::new(show(first, None));
    while let [what, place, length, behind @ ..] = rest {
        let (part, next) = behind.split_at((*length as usize).min(behind.len()));
        rest = next;
        step(&mut world, *what, *place, part);
        let (now, due) = (world.now(), world.engine().next_timeout());
        assert!(due.is_none_or(|due| due > now), "something is still due at {now}");
        assert!(world.take_transcript().len() < 4 << 20, "a step causes without end");
    }
    world.shut_down();
    assert_eq!(world.engine().next_timeout(), None, "nothing is due when everything has ended");
}

fn step(world: &mut World, what: u8, place: u8, part: &[u8]) {
    let instances = world.engine().plan().instances();
    let instance = &instances[place as usize % instances.len()];
    let name = instance.name.to_string();
    let port = Port(u16::from(place >> 6));
    let peer = match place >> 4 & 3 {
        0 => Peer::Only,
        1 => Peer::Connection(1),
        2 => Peer::Address(([10, 0, 0, 9], 7000).into()),
        _ => Peer::Address(([0, 0, 0, 0, 0, 0, 0, 1], 7001).into()),
    };
    match what % 10 {
        0 => world.opened(&name, port, peer),
        1 => world.closed(&name, port, peer, Closed::Reset),
        2 => world.full(&name, port, peer),
        3 => world.writable(&name, port, peer),
        4 => world.advance(Duration::from_millis(u64::from(place))),
        5 => world.advance(Duration::from_secs(u64::from(place % 16))),
        6 => {
            let next = show(place, Some(world.engine().plan()));
            world.install(next);
        }
        7 if !instance.channels.is_empty() => {
            let slot = part.first().map_or(0, |&byte| byte as usize % instance.channels.len());
            let slot = instance.channels.slots().nth(slot).expect("a slot below the number of slots");
            let channel = format!("{name}.{}", instance.channels.address(slot));
            world.put(
                &channel,
                part.get(1).map_or(Value::text("text"), |&byte| Value::number(f64::from(byte) / 255.0)),
            );
        }
        _ => world.receive(&name, port, peer, part),
    }
}

fn show(number: u8, previous: Option<&Plan>) -> Plan {
    let file = Path::new("show.cfg");
    let files = MemoryFiles::default().with(file, SHOWS[number as usize % SHOWS.len()]);
    let compiled = compile(&CompileInput {
        file,
        files: &files,
        overrides: &[],
        registry: registry(FAMILIES),
        previous,
        skip_missing: false,
        keeps_lines: false,
    });
    let rendered = compiled.render(false);
    compiled.plan.unwrap_or_else(|| panic!("{rendered}"))
}
