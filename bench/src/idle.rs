//! What shows cost in which nothing happens.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::BenchOptions;
use crate::forward::free_address;
use crate::process::Process;
use crate::report::{ReportTable, Row};

/// What is left from the start is over by then.
const SETTLING: Duration = Duration::from_secs(2);

/// Long enough for what happens once a second, and for what happens every ten.
const QUIET: Duration = Duration::from_secs(10);

/// Lets some shows do nothing.
pub(crate) fn measure(options: &BenchOptions) -> Result<ReportTable> {
    let mut shows = Vec::new();
    for (name, configuration) in configurations()? {
        shows.push((name, Process::show(&options.program, &configuration)?));
    }
    std::thread::sleep(SETTLING);
    let before: Vec<_> = shows.iter().map(|(_, show)| show.usage()).collect();
    std::thread::sleep(QUIET);
    let mut rows = Vec::new();
    for ((name, show), before) in shows.iter_mut().zip(before) {
        ensure!(show.runs(), "the show `{name}` has ended");
        let after = show.usage();
        let a_second = 1.0 / QUIET.as_secs_f64();
        let cells = [
            (after.cpu - before.cpu).as_secs_f64() * a_second * 1e3,
            (after.sleeps - before.sleeps) as f64 * a_second,
            after.resident as f64 / 1024.0,
            after.descriptors as f64,
        ];
        rows.push(Row::new(*name, cells));
    }
    Ok(ReportTable {
        title: "Idle",
        note: "Ten seconds in which nothing happens: milliseconds of CPU and wake-ups a second, MiB, and open descriptors.",
        columns: &["CPU", "wake-ups", "memory", "files"],
        rows,
    })
}

fn configurations() -> Result<Vec<(&'static str, String)>> {
    let port = || free_address().map(|address| address.port());
    let osc = format!(
        "[osc in]\nbind = 127.0.0.1 {}\n[osc out]\ndestination = 127.0.0.1 {}\n[map]\nin./f/{{1..64}} > out./f/{{1..64}}\n",
        port()?,
        port()?
    );
    let universes = format!(
        "[backend artnet]\nbind = 127.0.0.1 {}\n[backend sacn]\nbind = 127.0.0.1 {}\n[artnet in]\nuniverse = 0\n\
         [sacn out]\nuniverse = 1\npriority = 100\nunicast = 1\ndiscovery = off\nstart = 0\ndestination = 127.0.0.1 {}\n\
         [map]\nin.{{1..512}} > out.{{1..512}}\n",
        port()?,
        port()?,
        port()?
    );
    let console = format!("127.0.0.1 {}", port()?);
    let desk = format!(
        "[osc tablet]\nbind = 127.0.0.1 {}\ndestination = 127.0.0.1 {}\n[maweb desk]\nhost = {console}\nuser = tablet\n\
         [map]\ntablet./fader/{{1..8}} <> desk.page1.fader{{1..8}}\n",
        port()?,
        port()?
    );
    let simulator = format!(
        "[masim console]\nlisten = {console}\n[loopback seen]\n[map]\nconsole.page1.fader1 > seen.a\n"
    );
    Ok(vec![
        ("OSC to OSC, 64 mapped", osc),
        ("Art-Net to sACN, a universe that is kept alive", universes),
        ("a tablet and a console that is polled", desk),
        ("a simulated console that is polled", simulator),
    ])
}
