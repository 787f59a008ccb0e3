//! Files that do not answer: pipes without a writer, and a file system that is dead. Neither `check` nor the start nor a
//! reload may hang on them, and the next reload works.

#![cfg(target_os = "linux")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::osc::Osc;
use common::{Program, free_port, run};
use tempfile::TempDir;

/// How long a command may take on a busy machine. Without a bound, it takes for ever.
const SOON: Duration = Duration::from_secs(40);

/// A show that answers `/in` at `to`, with more lines before its mappings.
fn show(listen: u16, answer: u16, lines: &str, to: &str) -> String {
    format!(
        "[osc tablet]\nbind = 127.0.0.1 {listen}\ndestination = 127.0.0.1 {answer}\n/* = f 0.0 1.0\n{lines}\n\
         [map]\ntablet./in > tablet.{to}\n"
    )
}

fn pipe(path: &Path) {
    let status = Command::new("mkfifo").arg(path).status();
    assert!(status.expect("coreutils are there").success());
}

/// Asserts that `crosspatch check FILE` ends soon with an error that contains `expected`.
fn assert_refused(file: &Path, expected: &str) {
    let start = Instant::now();
    let (status, text, _) = run(&["check", file.to_str().expect("a path of letters")]);
    assert_eq!(status.code(), Some(1), "{text}");
    assert!(text.contains(expected), "`{expected}` is not in\n{text}");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_pipe_without_a_writer_holds_up_no_check_and_no_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let [file, fifo, other] = ["show.cfg", "pipe", "good.cfg"].map(|name| folder.path().join(name));
    pipe(&fifo);
    let include = show(free_port(), 9, "[include pipe]", "/out");
    let secret = "[maweb desk]\nhost = 127.0.0.1 1\nuser = u\npassword-file = pipe\n[map]\ndesk.page1.fader1 > desk.page1.fader2\n";
    for text in [include.as_str(), secret] {
        std::fs::write(&file, text).expect("a file");
        assert_refused(&file, "a pipe without a writer");
        let (status, _, log) = run(&["run", file.to_str().expect("a path of letters")]);
        assert_eq!(status.code(), Some(1), "{log}");
    }
    assert_refused(&fifo, "a pipe without a writer");
    std::fs::write(&other, include.replace("pipe", "/dev/zero")).expect("a file");
    assert_refused(&other, "neither a file nor a pipe");
}

#[test]
fn a_pipe_whose_writer_says_nothing_is_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("pipe");
    pipe(&fifo);
    let mut writer = Command::new("sh")
        .args(["-c", r#"exec 3<>"$0"; exec sleep 600"#])
        .arg(&fifo)
        .spawn()
        .expect("a shell");
    assert_refused(&fifo, "pipe");
    writer.kill().expect("it runs");
    writer.wait().expect("it has ended");
}

#[test]
fn a_configuration_may_come_through_a_pipe() {
    let text = show(free_port(), 9, "", "/out");
    let script = r#"printf '%s' "$1" | "$0" check /dev/stdin"#;
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_crosspatch"), &text])
        .output()
        .expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_reload_with_a_pipe_as_an_include_is_refused_and_the_next_one_works() {
    let listen = free_port();
    let osc = Osc::to(listen);
    let program = Program::show(&show(listen, osc.port(), "", "/out"));
    osc.until_answered("/in", "/out");
    pipe(&program.folder().join("pipe"));
    program.rewrite(&show(listen, osc.port(), "[include pipe]", "/wrong"));
    program.wait_for("a pipe without a writer");
    program.wait_for("the show goes on as it was");
    osc.until_answered("/in", "/out");
    program.rewrite(&show(listen, osc.port(), "", "/elsewhere"));
    program.wait_for("reloaded");
    osc.until_answered("/in", "/elsewhere");
    program.stop();
}

/// A folder of a file system that never answers, for programs that are started through it.
struct DeadFileSystem {
    folder: TempDir,
}

impl DeadFileSystem {
    /// Mounts a FUSE file system without a server, then becomes the program.
    const SCRIPT: &'static str = r#"exec 3<>/dev/fuse
        mount -i -n -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none "$0" || exit 77
        exec "$@""#;

    /// Without the right to mount, says that and returns nothing.
    fn new() -> Option<Self> {
        let dead = Self { folder: tempfile::tempdir().expect("a folder") };
        std::fs::create_dir(dead.path()).expect("a folder");
        let mut command = dead.command("true");
        let works = command.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        if !works {
            eprintln!("skipped: this needs `unshare --mount` and /dev/fuse");
        }
        works.then_some(dead)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("dead")
    }

    /// A command that sees the file system.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", Self::SCRIPT]);
        command.arg(self.path()).arg(program).stdin(Stdio::null());
        command
    }
}

#[test]
fn a_dead_file_system_holds_up_no_check_no_reload_and_no_end() {
    let Some(dead) = DeadFileSystem::new() else { return };
    let listen = free_port();
    let osc = Osc::to(listen);
    let include = format!("[include {}/more.cfg]", dead.path().display());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("show.cfg");

    std::fs::write(&file, show(listen, osc.port(), &include, "/out")).expect("a file");
    let start = Instant::now();
    let output =
        dead.command(env!("CARGO_BIN_EXE_crosspatch")).arg("check").arg(&file).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("does not answer"), "{text}");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());

    std::fs::write(&file, show(listen, osc.port(), "", "/out")).expect("a file");
    let mut command = dead.command(env!("CARGO_BIN_EXE_crosspatch"));
    command.arg("run").arg(&file);
    let program = Program::spawn(command, folder);
    osc.until_answered("/in", "/out");
    for to in ["/first", "/second"] {
        let before = program.lines().len();
        program.rewrite(&show(listen, osc.port(), &include, "/wrong"));
        program.lines().wait_from(before, "does not answer");
        program.lines().wait_from(before, "the show goes on as it was");
        program.rewrite(&show(listen, osc.port(), "", to));
        program.lines().wait_from(before, "reloaded");
        osc.until_answered("/in", to);
    }
    assert!(program.stop() < Duration::from_secs(20));
}
