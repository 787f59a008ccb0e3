//! A JACK server without a sound card, and the cables between the two shows.

use std::io::{BufRead, BufReader, PipeReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::process::Process;

/// The connections: JACK forgets them whenever a client leaves.
const CABLES: [[&str; 2]; 2] = [["subject:to", "peer:from"], ["peer:to", "subject:from"]];

/// The maximum time until everything in a missed cycle has been sent again: 64 cycles, and a margin.
const RECOVERS: Duration = Duration::from_secs(5);

/// A server that takes longer than this to list or connect its ports is stalled, and does not report the cycles that it
/// has skipped.
const STALL: Duration = Duration::from_secs(1);

/// How long a server may take to start.
const START: Duration = Duration::from_secs(10);

/// A server, and a thread that restores its connections. Both end when this is dropped.
#[derive(Debug)]
pub(super) struct JackServer {
    name: String,
    server: Option<Process>,
    ends: Arc<AtomicBool>,
    patch_bay: Option<JoinHandle<()>>,
    missed: Arc<Mutex<MissedCycles>>,
}

/// Cycles for which a client was late, and times in which the server stood still.
#[derive(Copy, Clone, Debug, Default)]
struct MissedCycles {
    count: u32,
    last: Option<Instant>,
    /// Since when a tool has been waiting for the server.
    asked: Option<Instant>,
}

impl JackServer {
    /// Starts a server; none where JACK is not installed, or does not start. A machine has room for eight servers, and others may
    /// have them all.
    pub(super) fn start() -> Result<Option<Self>> {
        if !["jackd", "jack_connect", "jack_lsp"].into_iter().all(is_installed) {
            return Ok(None);
        }
        let name = format!("crosspatch-soak-{}", std::process::id());
        let (log, said) = std::io::pipe().context("cannot listen to a JACK server")?;
        let mut server = server(&name, said.into())?;
        let missed = Arc::<Mutex<MissedCycles>>::default();
        let counted = Arc::clone(&missed);
        // Ends with the server.
        std::thread::spawn(move || count_missed(log, &counted));
        let by = Instant::now() + START;
        while !answers(&name) {
            if !server.runs() || Instant::now() >= by {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let server = Some(server);
        let ends = Arc::new(AtomicBool::new(false));
        let (asked, of, stalls) = (Arc::clone(&ends), name.clone(), Arc::clone(&missed));
        let patch_bay = Some(std::thread::spawn(move || plug_in(&of, &asked, &stalls)));
        Ok(Some(Self { name, server, ends, patch_bay, missed }))
    }

    /// The name by which clients find the server.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The number of cycles for which a client was late, if none was recent. The contents of such a cycle are lost, and
    /// afterwards states are sent again.
    pub(super) fn missed(&self) -> Option<u32> {
        let MissedCycles { count, last, asked } =
            self.missed.lock().map(|missed| *missed).unwrap_or_default();
        let has_recovered = last.is_none_or(|last| last.elapsed() > RECOVERS);
        let stands_still = asked.is_some_and(|asked| asked.elapsed() > STALL);
        (has_recovered && !stands_still).then_some(count)
    }
}

impl Drop for JackServer {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(patch_bay) = self.patch_bay.take() {
            let _ = patch_bay.join();
        }
        // A machine has room for eight names of servers. One whose clients were killed may keep its place; the next of that
        // name gives it back when it ends.
        for server in [self.server.take(), server(&self.name, Stdio::null()).ok()] {
            let Some(mut server) = server else { continue };
            // A server that is terminated during its start does not clean up.
            let by = Instant::now() + Duration::from_secs(3);
            while server.runs() && !answers(&self.name) && Instant::now() < by {
                std::thread::sleep(Duration::from_millis(50));
            }
            let _ = server.signal(rustix::process::Signal::TERM);
            let by = Instant::now() + Duration::from_secs(3);
            while server.runs() && Instant::now() < by {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// A client that is late for a cycle loses its contents. So cycles are long, because without real time any client may
/// be late on a busy machine.
fn server(name: &str, log: Stdio) -> Result<Process> {
    let mut command = Command::new("jackd");
    command.args(["--no-realtime", "-n", name, "-d", "dummy", "-r", "48000", "-p", "1024"]);
    command.env("JACK_NO_AUDIO_RESERVATION", "1");
    Process::start_with_log(command, log)
}

/// A server reports an error for every cycle that a client missed.
fn count_missed(log: PipeReader, missed: &Mutex<MissedCycles>) {
    let lines = BufReader::new(log).lines().map_while(Result::ok);
    for _ in lines.filter(|line| line.contains("XRun") || line.contains("Process error")) {
        miss(missed);
    }
}

fn miss(missed: &Mutex<MissedCycles>) {
    if let Ok(mut missed) = missed.lock() {
        missed.count += 1;
        missed.last = Some(Instant::now());
    }
}

/// Whether a server accepts clients.
fn answers(server: &str) -> bool {
    quiet(Command::new("jack_lsp"), server)
}

/// Makes the missing connections.
///
/// A server may stall for seconds when `jack_connect` starts and ends, so the existing connections are listed first. A
/// connection made at the moment in which a client starts may never carry data, although it is listed, so ports are not
/// connected until they are listed for the second time.
fn plug_in(server: &str, ends: &AtomicBool, missed: &Mutex<MissedCycles>) {
    let mut has_settled = false;
    while !ends.load(Ordering::Relaxed) {
        let start = Instant::now();
        set_asked(missed, Some(start));
        let list = list(server);
        let are_there = CABLES.as_flattened().iter().all(|port| list.lines().any(|line| line == *port));
        if are_there && has_settled && !CABLES.into_iter().all(|cable| is_plugged_in(cable, &list)) {
            for cable in CABLES {
                let mut command = Command::new("jack_connect");
                command.args(cable);
                // A client may be away again.
                quiet(command, server);
            }
        }
        has_settled = are_there;
        set_asked(missed, None);
        if start.elapsed() > STALL {
            miss(missed);
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn set_asked(missed: &Mutex<MissedCycles>, asked: Option<Instant>) {
    if let Ok(mut missed) = missed.lock() {
        missed.asked = asked;
    }
}

/// Each port, followed by its connections, indented.
fn list(server: &str) -> String {
    let mut command = Command::new("jack_lsp");
    command.arg("-c").env("JACK_DEFAULT_SERVER", server).env("JACK_NO_START_SERVER", "1");
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

fn is_plugged_in([from, to]: [&str; 2], list: &str) -> bool {
    let after = list.lines().skip_while(|line| *line != from).skip(1);
    after.take_while(|line| line.starts_with(' ')).any(|line| line.trim() == to)
}

/// Runs one of JACK's tools, and returns whether it was content.
fn quiet(mut command: Command, server: &str) -> bool {
    command.env("JACK_DEFAULT_SERVER", server).env("JACK_NO_START_SERVER", "1");
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
