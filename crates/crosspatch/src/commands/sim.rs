//! `crosspatch sim gma2|dot2`: a simulated console, and nothing else.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::args::{Console, Log, Overrides, Sim};
use crate::output;
use crate::show::Show;
use crate::source::Source;

/// What remotes do is mapped to nowhere, so that it is seen in the log.
const CONFIGURATION: &str = "\
[masim console]
[loopback seen]
[map]
console.page{1..3}.{fader,upper,lower}{1..22} > seen.page{1..3}.{fader,upper,lower}{1..22}
console.page{1..3}.button{101..122} > seen.page{1..3}.button{101..122}
console.command > seen.command
console.commandline > seen.commandline
";

/// Runs the simulator until a signal ends it.
pub(crate) fn run(sim: &Sim, log: &Log) -> Result<ExitCode> {
    let console = match sim.console {
        Console::Gma2 => "gma2",
        Console::Dot2 => "dot2",
    };
    let listen = endpoint(&sim.listen)?;
    let instance = [format!("console.console={console}"), format!("console.listen={listen}")];
    let instance = instance.into_iter().chain(sim.options.iter().map(|option| format!("console.{option}")));
    let overrides = Overrides { backend: Vec::new(), instance: instance.collect() };
    output::print(&format!(
        "A simulated {console} listens on {listen}. Drive it from another window, for example with:\n\
         \x20 crosspatch SHOW.cfg -i INSTANCE.host=\"{listen}\"\n\n"
    ))?;
    let source = Source::embedded("sim.cfg", CONFIGURATION, &overrides);
    Show { source, watches: false, values: true, record: None }.run(log)
}

/// `ADDRESS:PORT`, `[ADDRESS]:PORT` or `PORT` as the configuration writes it, with a blank.
fn endpoint(listen: &str) -> Result<String> {
    if listen.parse::<u16>().is_ok() {
        return Ok(format!("127.0.0.1 {listen}"));
    }
    match listen.rsplit_once([':', ' ']) {
        Some((host, port)) if port.parse::<u16>().is_ok() => {
            let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            Ok(format!("{} {port}", if bare.is_empty() { "*" } else { bare }))
        }
        Some(_) | None => {
            bail!("expected a port, or an address and a port such as `127.0.0.1:8080`, found `{listen}`")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_read_as_people_write_it() {
        for (written, meant) in [
            ("8080", "127.0.0.1 8080"),
            ("10.0.0.5:80", "10.0.0.5 80"),
            ("[::1]:80", "::1 80"),
            (":8080", "* 8080"),
            ("*:8080", "* 8080"),
            ("10.0.0.5 80", "10.0.0.5 80"),
        ] {
            assert_eq!(endpoint(written).unwrap(), meant);
        }
        for wrong in ["nonsense", "10.0.0.5", "10.0.0.5:http", "", "70000"] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }
}
