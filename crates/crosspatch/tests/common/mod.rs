//! Runs the real binary for tests: on free ports, with a configuration in a separate folder. The log is read line by
//! line, and every wait has a deadline.

#![expect(dead_code, reason = "every test file is a crate of its own and uses a part of this")]

pub(crate) mod cable;
pub(crate) mod ola;
pub(crate) mod osc;
pub(crate) mod shark;

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything may take before a test gives up. Generous: the machine may be busy with other tests, or a virtual one
/// that stands still for seconds. A test that passes never waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Says that a test is skipped because a program that others wrote is missing. Where all of them are installed, which
/// `CROSSPATCH_PEERS` in the environment says, that is a failure.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var_os("CROSSPATCH_PEERS").is_none(), "a test was skipped: {reason}");
    eprintln!("skipped: {reason}");
}

/// The program under test.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspatch"));
    command.stdin(Stdio::null()).env_remove("NO_COLOR").env_remove("CROSSPATCH_LOG");
    command
}

/// Runs the program to its end and returns its status, standard output and standard error.
pub(crate) fn run(arguments: &[&str]) -> (ExitStatus, String, String) {
    let output = command().args(arguments).output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
    (output.status, text(output.stdout), text(output.stderr))
}

/// A port that is unused by UDP and TCP on this machine, below the ephemeral range of the system.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() as u16).wrapping_mul(37);
    for _ in 0..20_000 {
        let port = 10_000 + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port of this machine is free");
}

/// Asks again and again, until the answer is yes or the patience is over.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What the program has written so far, both its outputs, line by line.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Lines {
    fn follow(&self, output: impl Read + Send + 'static) {
        let lines = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n') {
                let Ok(line) = line else { return };
                lines.0.0.lock().expect("no reader panics").push(String::from_utf8_lossy(&line).into_owned());
                lines.0.1.notify_all();
            }
        });
    }

    /// The number of lines. A wait can begin after them.
    pub(crate) fn len(&self) -> usize {
        self.0.0.lock().expect("no reader panics").len()
    }

    /// All lines so far.
    pub(crate) fn text(&self) -> String {
        self.0.0.lock().expect("no reader panics").join("\n")
    }

    /// The first line from `start` on that contains `part`, waited for.
    pub(crate) fn wait_from(&self, start: usize, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.0.0.lock().expect("no reader panics");
        loop {
            if let Some(line) = lines.iter().skip(start).find(|line| line.contains(part)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited {PATIENCE:?} in vain for `{part}` in\n{}", lines.join("\n"));
            lines = self.0.1.wait_timeout(lines, left).expect("no reader panics").0;
        }
    }
}

/// A running crosspatch, ended at the latest when the test is over.
pub(crate) struct Program {
    child: Child,
    lines: Lines,
    folder: TempDir,
}

impl Program {
    /// Runs a show with this configuration.
    pub(crate) fn show(configuration: &str) -> Self {
        Self::show_with(configuration, &[])
    }

    /// Runs a show with this configuration and further arguments.
    pub(crate) fn show_with(configuration: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the configuration");
        let file = folder.path().join("show.cfg");
        std::fs::write(&file, configuration).expect("the configuration is written");
        let mut command = command();
        command.arg("run").arg(&file).args(arguments);
        Self::spawn(command, folder)
    }

    /// Starts the program with these arguments, whatever they are.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(arguments);
        Self::spawn(command, tempfile::tempdir().expect("a folder"))
    }

    /// Starts a prepared command. The folder lives as long as the program.
    pub(crate) fn spawn(mut command: Command, folder: TempDir) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let lines = Lines::default();
        lines.follow(child.stdout.take().expect("its output is ours"));
        lines.follow(child.stderr.take().expect("its errors are ours"));
        Self { child, lines, folder }
    }

    /// Waits for a line that contains `part`, from the beginning of the log on.
    pub(crate) fn wait_for(&self, part: &str) -> String {
        self.lines.wait_from(0, part)
    }

    /// The log.
    pub(crate) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The folder of the configuration.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration file of [`show`](Self::show).
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("show.cfg")
    }

    /// Replaces the configuration as an editor does: a new file, renamed over the old one.
    pub(crate) fn rewrite(&self, configuration: &str) {
        let fresh = self.folder.path().join("show.cfg.new");
        std::fs::write(&fresh, configuration).expect("the configuration is written");
        std::fs::rename(&fresh, self.file()).expect("the configuration is replaced");
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name (`TERM`, `HUP`, `STOP`), to this process only.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(status.expect("a shell").success(), "SIG{name} could not be sent");
    }

    /// Whether the program still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }

    /// Waits for the end, and returns the status and the time it took.
    pub(crate) fn wait(&mut self) -> (ExitStatus, Duration) {
        let start = Instant::now();
        let mut status = None;
        until("the program ended", || {
            status = self.child.try_wait().expect("a child can be asked");
            status.is_some()
        });
        (status.expect("it has ended"), start.elapsed())
    }

    /// Ends the program with SIGTERM, and asserts that it goes with status 0. Returns how long that took.
    pub(crate) fn stop(mut self) -> Duration {
        self.signal("TERM");
        let (status, took) = self.wait();
        assert!(status.success(), "ended with {status} after\n{}", self.lines.text());
        took
    }

    /// The memory that the program has in use, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the program runs, on Linux");
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line for the memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already, and a stopped process is ended by nothing less.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
