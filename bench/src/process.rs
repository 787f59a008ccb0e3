//! The programs that are measured, each in its own process, and their resource usage as reported by the system.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

/// A program that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// Where its configuration is.
    folder: Option<TempDir>,
}

/// The total and the current resource usage of a process. All zero where the system does not report it.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Usage {
    /// The time that its threads have run.
    pub(crate) cpu: Duration,
    /// The time that its threads could have run and waited for a processor, because others had it.
    pub(crate) waited: Duration,
    /// The time that they have run in hundredths of a second, outside and inside the kernel; sampled, and so only good as a proportion.
    pub(crate) ticks: [u64; 2],
    /// How often a thread of it has gone to sleep, which is how often it was woken.
    pub(crate) sleeps: u64,
    /// Its memory, in KiB.
    pub(crate) resident: u64,
    /// The most memory that it has had, in KiB.
    pub(crate) peak: u64,
    /// Its open descriptors.
    pub(crate) descriptors: usize,
}

impl Process {
    /// Runs a show of this program. The configuration is a file in a separate folder.
    pub(crate) fn show(program: &Path, configuration: &str) -> Result<Self> {
        Self::show_with_log(program, configuration, Stdio::null())
    }

    /// The same, with its log.
    pub(crate) fn show_with_log(program: &Path, configuration: &str, log: Stdio) -> Result<Self> {
        Self::show_at(Processors::Subjects, program, configuration, log)
    }

    /// Runs a show that may use all processors.
    pub(crate) fn show_on_all_processors(program: &Path, configuration: &str) -> Result<Self> {
        Self::show_at(Processors::All, program, configuration, Stdio::null())
    }

    fn show_at(processors: Processors, program: &Path, configuration: &str, log: Stdio) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder for the configuration")?;
        let file = file_in(&folder);
        std::fs::write(&file, configuration).context("cannot write the configuration")?;
        let mut command = Command::new(program);
        command.arg("run").arg(&file);
        // The benchmark reports changes of the file by a signal, where there are signals.
        #[cfg(unix)]
        command.arg("--no-watch");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = spawn(command, processors).context("cannot start the program to be measured")?;
        Ok(Self { child, folder: Some(folder) })
    }

    /// Starts a prepared command that says nothing.
    pub(crate) fn start(command: Command) -> Result<Self> {
        Self::start_with_log(command, Stdio::null())
    }

    /// The same, with what it says of mistakes.
    pub(crate) fn start_with_log(mut command: Command, log: Stdio) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child =
            spawn(command, Processors::Subjects).context("cannot start the program to be measured")?;
        Ok(Self { child, folder: None })
    }

    /// The configuration of [`show`](Self::show).
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(file_in)
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it a signal.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) -> Result<()> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).context("cannot send a signal")
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Usage {
        usage(Path::new(&format!("/proc/{}", self.child.id()))).unwrap_or_default()
    }

    /// The targets of its descriptors, sorted, without the numbers that identify sockets and pipes.
    pub(crate) fn descriptors(&self) -> Vec<String> {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        let links =
            folder.into_iter().flatten().flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
        let kind = |link: PathBuf| {
            let name = link.to_string_lossy().into_owned();
            name.split_once(":[")
                .filter(|(kind, _)| *kind != "anon_inode")
                .map_or(name.clone(), |(kind, _)| kind.to_owned())
        };
        let mut kinds: Vec<String> = links.map(kind).collect();
        kinds.sort();
        kinds
    }
}

impl Usage {
    /// What was used since `before`. Memory and descriptors are those of the end.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            waited: self.waited.saturating_sub(before.waited),
            ticks: [0, 1].map(|at| self.ticks[at] - before.ticks[at]),
            sleeps: self.sleeps - before.sleeps,
            ..*self
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn file_in(folder: &TempDir) -> PathBuf {
    folder.path().join("show.cfg")
}

fn usage(process: &Path) -> io::Result<Usage> {
    let mut usage = Usage::default();
    for task in std::fs::read_dir(process.join("task"))?.flatten() {
        let schedule = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let mut nanos = schedule.split_ascii_whitespace().map(|nanos| nanos.parse().unwrap_or(0));
        usage.cpu += Duration::from_nanos(nanos.next().unwrap_or(0));
        usage.waited += Duration::from_nanos(nanos.next().unwrap_or(0));
        let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        usage.sleeps += field(&status, "voluntary_ctxt_switches:");
    }
    let status = std::fs::read_to_string(process.join("status"))?;
    (usage.resident, usage.peak) = (field(&status, "VmRSS:"), field(&status, "VmHWM:"));
    usage.descriptors = std::fs::read_dir(process.join("fd"))?.count();
    let stat = std::fs::read_to_string(process.join("stat"))?;
    // The name may have blanks in it. User and system time are the fields 14 and 15.
    let mut ticks = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').skip(11);
    usage.ticks = [(); 2].map(|()| ticks.next().and_then(|ticks| ticks.parse().ok()).unwrap_or(0));
    Ok(usage)
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Where a program runs.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Processors {
    /// On the processor for subjects, so that the load has one of its own.
    Subjects,
    /// Where the system likes.
    All,
}

/// All processors, that for the load and that for the subject, if there are two.
#[cfg(target_os = "linux")]
fn processors() -> Option<(rustix::thread::CpuSet, [usize; 2])> {
    // Queried before the first thread is pinned.
    static KNOWN: std::sync::OnceLock<Option<(rustix::thread::CpuSet, [usize; 2])>> =
        std::sync::OnceLock::new();
    *KNOWN.get_or_init(|| {
        let allowed = rustix::thread::sched_getaffinity(None).ok()?;
        let mut known = (0..rustix::thread::CpuSet::MAX_CPU).filter(|at| allowed.is_set(*at));
        Some((allowed, [known.next()?, known.next()?]))
    })
}

/// Starts a command, and lets this thread, which makes the load, run on the processor for loads.
#[cfg(target_os = "linux")]
fn spawn(mut command: Command, processors: Processors) -> io::Result<Child> {
    use rustix::thread::{CpuSet, sched_setaffinity};
    let Some((all, [load, subject])) = self::processors() else { return command.spawn() };
    let only = |processor| {
        let mut set = CpuSet::new();
        set.set(processor);
        set
    };
    // Where that is not allowed, the figures are a little less steady.
    let _ = sched_setaffinity(None, &if processors == Processors::All { all } else { only(subject) });
    let child = command.spawn();
    let _ = sched_setaffinity(None, &only(load));
    child
}

#[cfg(not(target_os = "linux"))]
fn spawn(mut command: Command, _processors: Processors) -> io::Result<Child> {
    command.spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn what_the_system_knows_of_this_process_is_read() {
        let usage = usage(Path::new("/proc/self")).unwrap();
        assert!(usage.cpu > Duration::ZERO && usage.resident > 500 && usage.peak >= usage.resident);
        assert!(usage.descriptors > 2);
    }
}
