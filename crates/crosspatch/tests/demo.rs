//! The demo and the simulator as a newcomer meets them.

mod common;

use std::path::Path;

use common::osc::Osc;
use common::{Program, free_port, run};

/// The demo on free ports, and an OSC program beside it.
fn demo() -> (Program, Osc) {
    let [console, listen, hand] = [free_port(), free_port(), free_port()];
    let osc = Osc::to(listen);
    let overrides = [
        format!("console.listen=127.0.0.1 {console}"),
        format!("desk.host=127.0.0.1 {console}"),
        format!("tablet.bind=127.0.0.1 {listen}"),
        format!("tablet.destination=learn@{}", osc.port()),
        format!("hand.bind=127.0.0.1 {hand}"),
        format!("hand.destination=127.0.0.1 {hand}"),
    ];
    let arguments = std::iter::once("demo").chain(overrides.iter().flat_map(|value| ["-i", value]));
    (Program::start(&arguments.collect::<Vec<_>>()), osc)
}

#[test]
fn the_demo_starts_moves_by_itself_and_answers_osc() {
    let (program, osc) = demo();
    program.wait_for("oscsend 127.0.0.1 8000 /fader/2 f 0.75");
    let page = program.wait_for("the page is at http://127.0.0.1:");
    let port: u16 = page.rsplit(':').next().and_then(|end| end.strip_suffix('/')?.parse().ok()).unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok(), "{page}");
    program.wait_for("logged in to the grandMA2");
    // Levels and names of the simulated show.
    program.wait_for("page1.name1 = \"Main\"");
    let before = program.lines().len();
    program.lines().wait_from(before, "page1.cue1");
    // The console receives the moves of our faders, and we receive those of other remotes.
    osc.send("/fader/2", 0.75);
    program.wait_for("/fader/2 = 0.75");
    osc.wait_for("/fader/1", 1.0);
    osc.send("/button/1", 1.0);
    program.wait_for("page1.button101 <- 1");
    osc.send("/button/1", 0.0);
    osc.send("/blackout", 1.0);
    osc.wait_for("/fader/1", 0.0);
    program.wait_for("console.page1.lower1 (asleep, `tablet./blackout` is 1)");
    osc.send("/blackout", 0.0);
    let before = program.lines().len();
    program.lines().wait_from(before, "page1.lower1 <- 1");
    program.stop();
}

#[test]
fn the_readme_says_what_the_demo_says() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let welcome = include_str!("../src/commands/demo.txt");
    assert!(readme.contains(welcome.trim_end()), "README.md does not contain\n{welcome}");
    let configuration = include_str!("../../../examples/demo.cfg");
    for (port, whose) in [("8484", "console"), ("8000", "tablet"), ("9000", "tablet")] {
        assert!(welcome.contains(port) && configuration.contains(port), "{port} of {whose}");
    }
}

#[test]
fn a_port_that_is_taken_is_a_notice_and_not_the_end() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let program = Program::start(&["sim", "gma2", "--listen", &listen.to_string()]);
    program.wait_for("in use");
    drop(taken);
    program.wait_for("is ready at");
    program.stop();
}

#[test]
fn the_configuration_of_the_demo_is_printed_and_good() {
    let (status, printed, _) = run(&["demo", "--print"]);
    assert!(status.success());
    assert_eq!(printed, include_str!("../../../examples/demo.cfg"));
}

#[test]
fn a_show_drives_each_simulated_console_in_another_process() {
    for (console, greeting) in [("gma2", "grandMA2"), ("dot2", "dot2")] {
        let (port, listen) = (free_port(), free_port());
        let sim =
            Program::start(&["sim", console, "--listen", &format!("127.0.0.1:{port}"), "-o", "latency=5"]);
        sim.wait_for("is ready at");
        let osc = Osc::to(listen);
        // A move of one remote reaches the other one; a remote does not receive its own moves again.
        let show = Program::show(&format!(
            "[maweb desk]\nhost = 127.0.0.1 {port}\n[maweb other]\nhost = 127.0.0.1 {port}\n\
             [osc tablet]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {}\n/* = f 0 1\n\
             [map]\ntablet./a > desk.page1.fader2\nother.page1.fader2 > tablet./b\n",
            osc.port()
        ));
        show.wait_for(&format!("logged in to the {greeting}"));
        osc.wait_for("/b", 0.0);
        osc.send("/a", 0.5);
        osc.wait_for("/b", 0.5);
        sim.wait_for("page1.fader2 = 0.5");
        show.stop();
        sim.stop();
    }
}

#[test]
fn a_simulator_with_options_that_are_none_says_so() {
    for arguments in [&["sim", "gma2", "--listen", "nonsense"][..], &["sim", "dot2", "-o", "latncy=5"]] {
        let (status, _, err) = run(arguments);
        assert_eq!(status.code(), Some(1), "{arguments:?}: {err}");
        assert!(err.contains("nonsense") || err.contains("latncy"), "{err}");
    }
}
