//! The real binary and Art-Net programs that others wrote: OLA sends us a universe and gets it back on another one, and
//! tshark finds nothing wrong with what we send. Where they are missing, these tests say so and pass.

mod common;

use common::cable::{Cable, FAR, NEAR};
use common::ola::Ola;
use common::shark::shark;
use common::until;

const OLA: &str = "enabled = true\nip = 10.77.0.2\nalways_broadcast = false\nuse_limited_broadcast = true\nuse_loopback = false\n\
                   net = 0\nsubnet = 0\noutput_ports = 4\nshort_name = ola\nlong_name = OLA\n";

#[test]
fn ola_sends_a_universe_and_gets_it_back_on_another() {
    let Some(cable) = Cable::lay() else { return };
    let Some(ola) = Ola::start(&cable, "artnet", OLA) else { return };
    ola.run("ola_patch -d 1 -p 0 -i -u 3");
    ola.run("ola_patch -d 1 -p 0 -u 5");
    let fields = [
        "ip.src",
        "artnet.header.opcode",
        "artnet.output.sequence",
        "artnet.output.universe",
        "artnet.poll_reply.ip_address",
        "_ws.expert.message",
    ];
    let shark = shark(&cable, &fields);
    let show = cable.show(
        "[artnet in]\nuniverse = 5\n[artnet out]\nuniverse = 3\n[map]\nin.{1..4} > out.{4..1}\nin.5+6 > out.8+7\n",
    );
    // OLA polls seldom, and sends to us only when it has found us.
    until("the universe is back at OLA", || {
        ola.run("ola_set_dmx -u 5 -d 255,0,128,7,18,52");
        ola.frames(3)
            .last()
            .is_some_and(|levels| levels.starts_with(&[7, 128, 0, 255, 0, 0, 52, 18]) && levels.len() == 512)
    });
    let lines = show.lines().text();
    assert!(lines.contains("5+6 = 0.071107") && !lines.contains("warning"), "{lines}");
    show.stop();
    if let Some(shark) = shark {
        let lines = shark.lines().text();
        let ours: Vec<_> = lines.lines().filter(|line| line.starts_with(NEAR)).collect();
        for (opcode, what) in [("0x2000", "ArtPoll"), ("0x2100", "ArtPollReply"), ("0x5000", "ArtDmx")] {
            assert!(
                ours.iter().any(|line| line.contains(opcode)),
                "tshark saw no {what} of ours in\n{lines}"
            );
        }
        let named = format!(";{NEAR};");
        assert!(
            ours.iter().any(|line| line.contains(&named)),
            "no reply of ours has our address in\n{lines}"
        );
        let first = ours.iter().find(|line| line.contains("0x5000"));
        assert_eq!(first.copied(), Some(format!("{NEAR};0x5000;1;3;;").as_str()), "in\n{lines}");
        assert!(ours.iter().all(|line| line.ends_with(';')), "tshark complains in\n{lines}");
        assert!(lines.contains(FAR));
    }
}

#[test]
fn what_olad_says_about_itself_is_told_on_request() {
    let Some(cable) = Cable::lay() else { return };
    let Some(ola) = Ola::start(&cable, "artnet", OLA) else { return };
    ola.run("ola_patch -d 1 -p 0 -i -u 3");
    let show = cable.show(
        "[backend artnet]\ndetect = verbose\n[artnet rack]\nuniverse = 3\n[loopback bus]\n[map]\nbus.1 > rack.1\n",
    );
    let line = show.wait_for("sends ArtPollReply 10.77.0.2");
    assert!(line.contains("\"OLA\" out 0:0:3"), "{line}");
    show.stop();
}
