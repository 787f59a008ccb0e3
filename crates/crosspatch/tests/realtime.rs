//! `run --realtime`: the loop gets a real-time priority, or the program says what is missing.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::os::unix::process::CommandExt;

use common::until;

const SHOW: &str = "[loopback bus]\n[map]\nbus.a > bus.b\n";

/// The scheduling policies of all threads, the one of the loop first: field 41 of `stat`, after the name in parentheses.
fn policies(id: u32) -> Vec<u32> {
    let mut tasks: Vec<_> = std::fs::read_dir(format!("/proc/{id}/task")).unwrap().flatten().collect();
    tasks.sort_by_key(|task| task.file_name().to_string_lossy().parse::<u32>().unwrap());
    let policy =
        |text: String| text.rsplit_once(") ").unwrap().1.split(' ').nth(38).unwrap().parse().unwrap();
    let stats = tasks.iter().filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok());
    stats.map(policy).collect()
}

#[test]
fn only_the_loop_has_the_priority_and_the_memory_is_locked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("show.cfg");
    std::fs::write(&file, SHOW).unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut command = common::command();
    let mut show = command.args(["run", "--realtime", "3"]).arg(&file).stderr(log).spawn().unwrap();
    let text = || std::fs::read_to_string(folder.path().join("log")).unwrap();
    until("the show runs or refuses", || text().contains("running") || show.try_wait().unwrap().is_some());
    if text().contains("cannot run in real time") {
        return eprintln!("skipped: real-time priorities are not permitted here");
    }
    let policies = policies(show.id());
    let locked = std::fs::read_to_string(format!("/proc/{}/status", show.id())).unwrap();
    show.kill().unwrap();
    show.wait().unwrap();
    let (fifo, normal) = (1, 0);
    assert_eq!(policies[0], fifo);
    assert!(policies.len() > 1 && policies[1..].iter().all(|policy| *policy == normal), "{policies:?}");
    let locked = locked.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
    assert_ne!(locked.trim(), "0 kB");
}

#[test]
fn without_permission_the_show_does_not_start_and_the_message_says_how_to_get_it() {
    const NOBODY: u32 = 65_534;
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let file = folder.path().join("show.cfg");
    std::fs::write(&file, SHOW).unwrap();
    let mut command = common::command();
    // Only root can become somebody else, and only root has the permission anyway.
    let output = match command.args(["run", "--realtime", "50"]).arg(&file).uid(NOBODY).output() {
        Ok(output) => output,
        Err(error) => return eprintln!("skipped: the program cannot run as `nobody`: {error}"),
    };
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("cannot run in real time") && text.contains("Limit"), "{text}");
}

#[test]
fn a_priority_is_from_1_to_99() {
    for priority in ["0", "100", "high"] {
        let (status, _, errors) = common::run(&["run", "--realtime", priority, "show.cfg"]);
        assert_eq!(status.code(), Some(2));
        assert!(errors.contains(priority), "{errors}");
    }
}
