//! The real binary and other mDNS implementations: the Python library `zeroconf` finds our session and its address,
//! receives its goodbye, and announces one that we find and invite. Without the library, or the permission to create a
//! virtual cable, these tests report this and pass.

mod common;

use std::process::{Command, Stdio};

use common::Program;
use common::cable::{Cable, FAR, NEAR};

/// A program in Python at the far end that uses the library `zeroconf`, with these lines. Without the library, says so.
fn python(cable: &Cable, lines: &str) -> Option<Program> {
    let has_zeroconf = Command::new("python3").args(["-c", "import zeroconf"]).stderr(Stdio::null()).status();
    if !has_zeroconf.is_ok_and(|status| status.success()) {
        common::skip("the Python library zeroconf is not installed (python3 -m pip install zeroconf)");
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("peer.py");
    let program = format!(
        "import socket, time\n\
         from zeroconf import IPVersion, ServiceBrowser, ServiceInfo, Zeroconf\n\
         SERVICE = '_apple-midi._udp.local.'\n\
         def say(*words): print(*words, flush=True)\n\
         class Listener:\n\
         \x20   def add_service(self, zc, kind, name):\n\
         \x20       info = zc.get_service_info(kind, name, 3000)\n\
         \x20       say('added', name, info and (info.server, info.port, info.parsed_addresses()))\n\
         \x20   def remove_service(self, zc, kind, name): say('removed', name)\n\
         \x20   def update_service(self, zc, kind, name): pass\n\
         zc = Zeroconf(interfaces=['{FAR}'], ip_version=IPVersion.V4Only)\n\
         {lines}\n\
         say('ready')\n\
         while True: time.sleep(1)\n"
    );
    std::fs::write(&file, program).expect("a file");
    let mut command = cable.far("python3");
    command.arg(&file);
    let program = Program::spawn(command, folder);
    program.wait_for("ready");
    Some(program)
}

const BROWSE: &str = "browser = ServiceBrowser(zc, SERVICE, Listener())";

/// By then a show that has just begun has announced itself twice, and the answer is not known from that.
const LATER: &str =
    "zc.close()\ntime.sleep(2)\nzc = Zeroconf(interfaces=['10.77.0.2'], ip_version=IPVersion.V4Only)";

/// Announces a session and reports what its port receives.
const ANNOUNCE: &str = "there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                        there.bind(('10.77.0.2', 5010))\n\
                        info = ServiceInfo(SERVICE, 'Stage Piano.' + SERVICE, port=5010, server='piano.local.',\n\
                        \x20   addresses=[socket.inet_aton('10.77.0.2')])\n\
                        zc.register_service(info)\n\
                        data, sender = there.recvfrom(2000)\n\
                        say('invited', data[2:4].decode(), data[16:-1].decode(), sender)\n\
                        zc.unregister_service(info)\n\
                        data = b''\n\
                        while data[2:4] != b'BY': data, sender = there.recvfrom(2000)\n\
                        say('bye')";

#[test]
fn the_python_library_finds_a_session_with_its_address_and_hears_its_goodbye() {
    let Some(cable) = Cable::lay() else { return };
    let Some(peer) = python(&cable, BROWSE) else { return };
    let show = cable.show(
        "[backend rtpmidi]\nmdns-name = foh-rack\nmdns-interface = cable\n\
         [rtpmidi stage]\nbind = * 5006\n[loopback bus]\n[map]\nstage.ch0.cc7 > bus.level\n",
    );
    peer.wait_for(&format!("added stage._apple-midi._udp.local. ('foh-rack.local.', 5006, ['{NEAR}'])"));
    assert!(!show.lines().text().contains("warning"), "{}", show.lines().text());
    show.stop();
    peer.wait_for("removed stage._apple-midi._udp.local.");
}

#[test]
fn two_instances_share_the_port_and_are_both_found() {
    let Some(cable) = Cable::lay() else { return };
    let Some(peer) = python(&cable, BROWSE) else { return };
    let show = cable.show(
        "[backend rtpmidi]\nmdns-name = foh-rack\nmdns-interface = cable\n\
         [rtpmidi stage]\ninvite = *\n[rtpmidi hall]\nbind = * 5006\ninvite = *\n[loopback bus]\n\
         [map]\nstage.ch0.cc7 > bus.level\nhall.ch0.cc7 > bus.other\n",
    );
    for (name, port) in [("stage", 5004), ("hall", 5006)] {
        peer.wait_for(&format!(
            "added {name}._apple-midi._udp.local. ('foh-rack.local.', {port}, ['{NEAR}'])"
        ));
    }
    show.stop();
    peer.wait_for("removed stage._apple-midi._udp.local.");
    peer.wait_for("removed hall._apple-midi._udp.local.");
}

#[test]
fn a_question_of_the_python_library_long_after_the_announcement_is_answered() {
    let Some(cable) = Cable::lay() else { return };
    let show = cable.show(
        "[backend rtpmidi]\nmdns-name = foh-rack\n\
         [rtpmidi stage]\nbind = 10.77.0.1 5004\n[loopback bus]\n[map]\nstage.ch0.cc7 > bus.level\n",
    );
    show.wait_for("running");
    let Some(peer) = python(&cable, &format!("{LATER}\n{BROWSE}")) else { return };
    peer.wait_for(&format!("added stage._apple-midi._udp.local. ('foh-rack.local.', 5004, ['{NEAR}'])"));
    show.stop();
}

#[test]
fn a_session_that_the_python_library_announces_is_invited_until_it_is_taken_back() {
    let Some(cable) = Cable::lay() else { return };
    let show = cable.show(
        "[backend rtpmidi]\nmdns-interface = cable\n\
         [rtpmidi stage]\ninvite = Stage Piano\n[loopback bus]\n[map]\nstage.ch0.cc7 > bus.level\n",
    );
    let Some(peer) = python(&cable, ANNOUNCE) else { return };
    peer.wait_for("invited IN stage");
    show.wait_for("found `Stage Piano` at 10.77.0.2:5010; inviting it");
    show.wait_for("has disappeared");
    peer.wait_for("bye");
    show.stop();
}

#[test]
fn two_shows_find_each_other_and_have_a_session() {
    let Some(cable) = Cable::lay() else { return };
    let near = cable.show(
        "[backend rtpmidi]\nmdns-name = near\nmdns-interface = cable\n\
         [rtpmidi stage]\n[loopback bus]\n[map]\nstage.ch0.cc7 > bus.level\n",
    );
    let far = cable.far_show(
        "[backend rtpmidi]\nmdns-interface = cable\n\
         [rtpmidi hall]\ninvite = *\n[loopback bus]\n[map]\nbus.level > hall.ch0.cc7\n",
    );
    far.wait_for("found `stage` at 10.77.0.1:5004; inviting it");
    far.wait_for("session with `stage`");
    near.wait_for("session with `hall`");
    far.stop();
    near.wait_for("has ended the session");
    near.stop();
}
