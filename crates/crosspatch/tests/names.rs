//! Names that hang, as they do when the network has no name server: instances that do not need them do not wait.

#![cfg(target_os = "linux")]

mod common;

use std::process::{Command, Stdio};

use common::Program;

/// A separate machine whose name server is a port of the show: it receives queries and never answers.
const MACHINE: &str = r#"ip link set lo up && echo nameserver 127.0.0.1 > "$0/resolv.conf" &&
    mount --bind "$0/resolv.conf" /etc/resolv.conf || exit 77
    exec "$@""#;

#[test]
fn a_name_of_the_hosts_file_is_found_at_once_however_many_names_hang() {
    for count in [8, 200] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("show.cfg");
        let silent: String = (0..count)
            .map(|number| format!("[maweb silent{number}]\nhost = silent{number}.test 80\nuser = u\n"))
            .collect();
        let server = "[osc server]\nbind = 127.0.0.1 53\n";
        let here = "[maweb here]\nhost = localhost 9\nuser = u\n";
        let map = "[map]\nserver./x > here.page1.fader1\n";
        std::fs::write(&file, format!("{server}{silent}{here}{map}")).expect("a file");
        let machine = || {
            let mut command = Command::new("unshare");
            command.args(["--map-root-user", "--mount", "--net", "sh", "-c", MACHINE]);
            command.arg(folder.path()).stdin(Stdio::null());
            command
        };
        let mut trial = machine();
        if !trial.arg("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
            return eprintln!("skipped: this needs `unshare --mount --net`, `ip` and `mount`");
        }
        let mut command = machine();
        command.arg(env!("CARGO_BIN_EXE_crosspatch")).arg("run").arg(&file);
        let program = Program::spawn(command, folder);
        program.wait_for("console at localhost:9: refused");
        // Each of these takes seconds, so none of them comes first unless `localhost` has waited for it.
        let log = program.lines().text();
        assert!(!log.contains("no answer in time"), "with {count} names:\n{log}");
        program.wait_for("silent0");
        program.stop();
    }
}
