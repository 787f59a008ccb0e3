//! A recording of the running program replays to the same transcript, again and again.

mod common;

use common::osc::Osc;
use common::{Program, free_port, run};

#[test]
fn what_was_recorded_replays_always_the_same() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("friday.rec");
    let path = recording.to_str().unwrap();
    let program = Program::show_with(
        &format!(
            "[osc tablet]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {}\n/* = f 0 1\n[map]\ntablet./in > tablet./out\n",
            osc.port()
        ),
        &["--record", path],
    );
    osc.until_answered("/in", "/out");
    program.signal("HUP");
    program.wait_for("reloaded");
    osc.send("/in", 0.75);
    osc.wait_for("/out", 0.75);
    let show = program.file();
    let copy = folder.path().join("show.cfg");
    std::fs::copy(&show, &copy).unwrap();
    program.stop();

    let replay = || run(&["replay", path, copy.to_str().unwrap()]);
    let (status, first, err) = replay();
    assert!(status.success(), "{err}");
    assert!(first.contains("/in ,f 0.75") && first.contains("/out ,f 0.75"), "{first}");
    assert_eq!(replay().1, first);
}

#[test]
fn what_was_said_three_times_is_three_times_in_the_replay() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("saturday.rec");
    let path = recording.to_str().unwrap();
    let program = Program::show_with(
        &format!(
            "[osc tablet]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {}\n[map]\ntablet./in > tablet./out\n\
             tablet./level > tablet./same\ntablet./pad | press > tablet./go\n\
             tablet./pad | press | text \"Go+ Sequence 1\" > tablet./cmd\n",
            osc.port()
        ),
        &["--record", path],
    );
    osc.until_answered("/in", "/out");
    for _ in 0..3 {
        osc.send("/level", 0.5);
        osc.wait_for("/same", 0.5);
        osc.send("/pad", 1.0);
        osc.wait_for("/go", 1.0);
    }
    let copy = folder.path().join("show.cfg");
    std::fs::copy(program.file(), &copy).unwrap();
    program.stop();

    let (status, replay, err) = run(&["replay", path, copy.to_str().unwrap()]);
    assert!(status.success(), "{err}");
    for message in ["/level ,f 0.5", "/same ,f 0.5", "/pad ,f 1", "/go ,f 1", "/cmd ,s \"Go+ Sequence 1\""] {
        let times = replay.lines().filter(|line| line.ends_with(message)).count();
        assert_eq!(times, 3, "{message}\n{replay}");
    }
}

#[test]
fn what_is_no_recording_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let [recording, show] = ["a.rec", "show.cfg"].map(|name| folder.path().join(name));
    std::fs::write(&show, "[loopback bus]\n[map]\nbus.a > bus.b\n").unwrap();
    let replay = || run(&["replay", recording.to_str().unwrap(), show.to_str().unwrap()]);
    assert_eq!(replay().0.code(), Some(1));
    std::fs::write(&recording, "this is a letter to my mother\n").unwrap();
    let (status, _, err) = replay();
    assert_eq!(status.code(), Some(1));
    assert!(err.contains("a.rec"), "{err}");
    std::fs::write(&show, "[lopback bus]\n").unwrap();
    let (status, out, _) = replay();
    assert_eq!(status.code(), Some(1));
    assert!(out.contains("lopback"), "{out}");
}

#[test]
fn a_recording_that_cannot_be_written_does_not_keep_a_show_from_running() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let show = format!(
        "[osc tablet]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {}\n/* = f 0 1\n[map]\ntablet./in > tablet./out\n",
        osc.port()
    );
    for path in ["/no/such/folder/a.rec", "/dev/full"] {
        let program = Program::show_with(&show, &["--record", path]);
        osc.until_answered("/in", "/out");
        osc.send("/in", 0.5);
        program.wait_for("warning: ");
        osc.until_answered("/in", "/out");
        program.stop();
    }
}
