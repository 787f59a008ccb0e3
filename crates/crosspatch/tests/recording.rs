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

/// The MD5 of `midimonster`, which is what a remote logs in with, and that of another password.
const HASH: &str = "2807623134739142b119aff358f8a219";
const WRONG_HASH: &str = "7c1e4aa2a3f1d0f3b5f1f5bd21c0a4a7";

#[cfg(unix)]
#[test]
fn a_recording_is_for_its_owner_only_and_has_no_secret_in_it_and_replays_the_log_ins() {
    use std::os::unix::fs::PermissionsExt;

    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("friday.rec");
    let path = recording.to_str().unwrap();
    std::fs::write(&recording, "an older one").unwrap();
    std::fs::set_permissions(&recording, std::fs::Permissions::from_mode(0o644)).unwrap();
    let show =
        format!("[masim desk]\nlisten = 127.0.0.1 {port}\n[map]\ndesk.page1.fader1 > desk.page1.fader2\n");
    let program = Program::show_with(&show, &["--record", path, "--force"]);
    program.wait_for("running");
    let (mut socket, _) = loop {
        match tungstenite::connect(format!("ws://127.0.0.1:{port}/?ma=1")) {
            Ok(connected) => break connected,
            Err(_) => std::thread::yield_now(),
        }
    };
    let mut send = |text: String| socket.send(tungstenite::Message::text(text)).unwrap();
    send(r#"{"session":0}"#.to_owned());
    for (user, hash) in [("first", WRONG_HASH), ("second", HASH)] {
        let log_in = r#"{"requestType":"login","session":1,"maxRequests":10,"#;
        send(format!(r#"{log_in}"username":"{user}", "password" : "{hash}"}}"#));
        program.wait_for(&format!("logged in as `{user}`"));
    }
    let copy = folder.path().join("show.cfg");
    std::fs::copy(program.file(), &copy).unwrap();
    program.stop();

    assert_eq!(recording.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let written = std::fs::read_to_string(&recording).unwrap();
    let (status, transcript, err) = run(&["replay", path, copy.to_str().unwrap()]);
    assert!(status.success(), "{err}");
    for text in [&written, &transcript] {
        assert!(!text.contains(HASH) && !text.contains(WRONG_HASH), "{text}");
        assert!(text.contains("second"), "{text}");
    }
    assert!(transcript.contains("was not logged in as `first`: the password is wrong"), "{transcript}");
    assert!(transcript.contains(" logged in as `second`"), "{transcript}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_recording_into_a_pipe_that_nobody_reads_does_not_hold_up_the_start() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let show = format!(
        "[osc tablet]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {}\n/* = f 0 1\n[map]\ntablet./in > tablet./out\n",
        osc.port()
    );
    let program = Program::show_with(&show, &["--record", pipe.to_str().unwrap()]);
    program.wait_for("cannot be written: it does not answer");
    osc.until_answered("/in", "/out");
    program.stop();
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
    let program = Program::show_with(&show, &["--record", "/dev/full"]);
    osc.until_answered("/in", "/out");
    osc.send("/in", 0.5);
    program.wait_for("warning: ");
    osc.until_answered("/in", "/out");
    program.stop();
}

#[test]
fn a_recording_that_cannot_begin_or_would_overwrite_another_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let [old, show] = ["old.rec", "show.cfg"].map(|name| folder.path().join(name));
    std::fs::write(&show, "[loopback bus]\n[map]\nbus.a > bus.b\n").unwrap();
    std::fs::write(&old, "{\"at\":0}\n").unwrap();
    let (show, old) = (show.to_str().unwrap(), old.to_str().unwrap());
    for (path, reason) in [(old, "overwrite it with `--force`"), ("/no/such/folder/a.rec", "cannot write")] {
        let (status, _, err) = run(&["run", "--record", path, show]);
        assert!(status.code() == Some(1) && err.contains(reason), "{err}");
    }
    let (status, _, err) = run(&["replay", show, old]);
    assert!(status.code() == Some(1) && err.contains("the recording comes first"), "{err}");
}
