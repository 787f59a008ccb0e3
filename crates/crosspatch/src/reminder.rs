//! Repeats once a minute what is still missing, in one line for the whole show.
//!
//! `still missing: desk (10.0.0.5:80, refused: nobody listens there, 3 min), pads (nanoKONTROL2, not connected, 40 s)`
//!
//! A separate thread requests the status of the sessions, but only after a notice: an idle show is not woken.

use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use crosspatch_core::{Condition, Instant, LinkStatus, Status};
use crosspatch_io::{Handle, StatusReport};
use tracing::warn;

/// The time between two reminders.
const PAUSE: Duration = Duration::from_secs(60);

/// Connections missing for a shorter time are not mentioned: their notice has just been logged.
const NEWS: Duration = Duration::from_secs(10);

/// A loop that does not answer within this time has ended or is stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// More instances, and more links of one instance, are counted only.
const MAX_NAMED: usize = 10;

/// Starts to remind.
#[derive(Debug)]
pub(crate) struct Reminder {
    noticed: SyncSender<()>,
}

impl Reminder {
    /// Starts the thread. It ends with this value.
    ///
    /// # Errors
    ///
    /// Fails if the thread cannot be started.
    pub(crate) fn start(show: Handle) -> std::io::Result<Self> {
        let (noticed, notices) = sync_channel(1);
        let tell = |line: &str| warn!(id = "missing", "{line}");
        std::thread::Builder::new()
            .name("reminder".to_owned())
            .spawn(move || remind(&show, &notices, (PAUSE, NEWS), tell))?;
        Ok(Self { noticed })
    }

    /// A session has sent a notice: a connection may be missing from here on. Never waits.
    pub(crate) fn handle_notice(&self) {
        // A full channel has the same message already.
        let _ = self.noticed.try_send(());
    }
}

fn remind(show: &Handle, notices: &Receiver<()>, (pause, news): (Duration, Duration), tell: impl Fn(&str)) {
    while notices.recv().is_ok() {
        loop {
            std::thread::sleep(pause);
            let Ok(report) = show.report_status().recv_timeout(PATIENCE) else { break };
            if report.instances.iter().all(|(_, status)| status.condition().since().is_none()) {
                break;
            }
            if let Some(line) = reminder(&report, news) {
                tell(&line);
            }
        }
    }
}

/// The line about everything that has been missing for as long as `news`, if there is anything.
fn reminder(report: &StatusReport, news: Duration) -> Option<String> {
    let late = |status| {
        let ages = missing(status).map(|(link, reason, since)| (link, reason, report.now.since(since)));
        let late = ages.filter(|(.., age)| *age >= news);
        late.map(|(link, reason, age)| format!("{}, {reason}, {}", link.name, Age(age))).collect::<Vec<_>>()
    };
    let instances = report.instances.iter().map(|(name, status)| (name, late(status)));
    let instances: Vec<_> = instances.filter(|(_, links)| !links.is_empty()).collect();
    let shown =
        instances.into_iter().map(|(name, links)| format!("{name} ({})", list(links.into_iter(), "; ")));
    (shown.len() > 0).then(|| format!("still missing: {}", list(shown, ", ")))
}

/// The links of a session that do not work: why, and since when.
fn missing(status: &Status) -> impl Iterator<Item = (&LinkStatus, &str, Instant)> {
    status.links.iter().filter_map(|link| match &link.condition {
        Condition::Starting | Condition::Working => None,
        Condition::Waiting { reason, since } | Condition::Failing { reason, since } => {
            Some((link, reason.as_str(), *since))
        }
    })
}

/// The first of them, and how many more there are.
fn list(items: impl ExactSizeIterator<Item = String>, separator: &str) -> String {
    let more = items.len().saturating_sub(MAX_NAMED);
    let named = items.take(MAX_NAMED).chain((more > 0).then(|| format!("{more} more")));
    named.collect::<Vec<_>>().join(separator)
}

/// A duration, shown in a readable unit.
struct Age(Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            seconds @ ..60 => write!(f, "{seconds} s"),
            seconds @ 60..3600 => write!(f, "{} min", seconds / 60),
            seconds => write!(f, "{} h", seconds / 3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc::channel;

    use crosspatch_config::{CompileInput, MemoryFiles, compile};
    use crosspatch_io::Shell;

    use super::*;
    use crate::REGISTRY;

    fn at(seconds: u64) -> Instant {
        Instant::START + Duration::from_secs(seconds)
    }

    fn link(name: &str, reason: &str, since: u64) -> LinkStatus {
        let condition = Condition::Waiting { reason: reason.to_owned(), since: at(since) };
        LinkStatus { name: name.to_owned(), description: String::new(), condition }
    }

    #[test]
    fn one_line_names_everything_that_is_missing_and_for_how_long() {
        let working = LinkStatus { condition: Condition::Working, ..link("udp 0.0.0.0:8000", "", 0) };
        let instances = [
            ("desk", vec![link("10.0.0.5:80", "refused", 9 * 3600)]),
            (
                "tablet",
                vec![working.clone(), link("tcp to a:1", "lost", 9940), link("tcp to b:1", "reset", 39_995)],
            ),
            ("bus", vec![]),
            ("osc", vec![working]),
            ("wing", vec![link("APC", "not connected", 39_980)]),
        ];
        let instances = instances.map(|(name, links)| (name.into(), Status { links })).to_vec();
        let report = StatusReport { now: at(40_000), instances };
        assert_eq!(
            reminder(&report, NEWS).as_deref(),
            Some(
                "still missing: desk (10.0.0.5:80, refused, 2 h), tablet (tcp to a:1, lost, 8 h), \
                 wing (APC, not connected, 20 s)"
            )
        );
        assert!(
            reminder(&report, Duration::ZERO)
                .is_some_and(|line| line.contains("8 h; tcp to b:1, reset, 5 s)"))
        );
        assert_eq!(reminder(&report, Duration::from_secs(86_400)), None);
    }

    #[test]
    fn a_thousand_missing_peers_are_one_short_line() {
        let status = Status { links: vec![link("10.0.0.5:80", "refused", 0); 100] };
        let report = StatusReport { now: at(100), instances: vec![("desk".into(), status); 1000] };
        let line = reminder(&report, NEWS).expect("a line");
        assert!(line.ends_with("; 90 more), 990 more") && line.len() < 5000, "{line}");
    }

    #[test]
    fn a_show_is_reminded_while_something_is_missing_and_not_after_that() {
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let port = taken.local_addr().expect("an address").port();
        let text =
            format!("[osc tablet]\nbind = 127.0.0.1 {port}\n[loopback bus]\n[map]\ntablet./a > bus.b\n");
        let input = CompileInput {
            file: Path::new("show.cfg"),
            files: &MemoryFiles::default().with("show.cfg", text),
            overrides: &[],
            registry: REGISTRY,
            previous: None,
            skip_missing: false,
            keeps_lines: false,
        };
        let shell = Shell::new().expect("a poller");
        let show = shell.handle();
        show.install(compile(&input).plan.expect("a plan"));
        let (noticed, notices) = sync_channel(1);
        let (lines, told) = channel();
        let handle = show.clone();
        let run = std::thread::spawn(move || shell.run(&mut |_, _, _| {}));
        let pause = Duration::from_millis(20);
        std::thread::spawn(move || {
            remind(&handle, &notices, (pause, Duration::ZERO), |line| {
                lines.send(line.to_owned()).unwrap_or_default()
            });
        });
        assert!(told.recv_timeout(10 * pause).is_err(), "there was no notice");
        noticed.send(()).expect("a reminder");
        for _ in 0..2 {
            let line = told.recv_timeout(PATIENCE).expect("a line");
            assert!(line.starts_with(&format!("still missing: tablet (udp 127.0.0.1:{port}, ")), "{line}");
        }
        drop(taken);
        let end = std::time::Instant::now() + PATIENCE;
        while told.recv_timeout(25 * pause).is_ok() {
            assert!(std::time::Instant::now() < end, "the socket is open, and the reminders go on");
        }
        show.stop();
        run.join().expect("no panic").expect("no error");
    }
}
