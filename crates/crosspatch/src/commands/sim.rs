//! `crosspatch sim gma2|dot2|gma3`: runs a simulated console.

use std::process::ExitCode;

use anyhow::{Result, bail};
use crosspatch_core::WrittenEndpoint;

use crate::args::{Console, LogArgs, Overrides, Sim};
use crate::output;
use crate::show::RunnableShow;
use crate::source::ConfigSource;

/// A console with a web remote. Its channels are mapped to an unused loopback, so that the log shows them.
const WEB_REMOTE: &str = "\
[masim console]
[loopback seen]
[map]
console.page{1..3}.{fader,upper,lower}{1..22} > seen.page{1..3}.{fader,upper,lower}{1..22}
console.page{1..3}.button{101..122} > seen.page{1..3}.button{101..122}
console.command > seen.command
console.commandline > seen.commandline
";

/// A console with OSC.
const OSC: &str = "\
[gma3sim console]
destination = 127.0.0.1 8001
plugin = on
[loopback seen]
[map]
console.page{1..3}.{fader,key}{101..115} > seen.page{1..3}.{fader,key}{101..115}
console.page{1..3}.{fader,key}{201..215} > seen.page{1..3}.{fader,key}{201..215}
console.command > seen.command
";

/// Runs the simulator until a signal ends it.
pub(crate) fn run(sim: &Sim, log: &LogArgs) -> Result<ExitCode> {
    let console = match sim.console {
        Console::Gma2 => "gma2",
        Console::Dot2 => "dot2",
        Console::Gma3 => "gma3",
    };
    let is_osc = sim.console == Console::Gma3;
    let default = if is_osc { "127.0.0.1:8000" } else { "127.0.0.1:8080" };
    let listen = endpoint(sim.listen.as_deref().unwrap_or(default))?;
    let mut instance = vec![format!("console.listen={listen}")];
    if !is_osc {
        instance.push(format!("console.console={console}"));
    }
    let left_out = [(sim.no_wide, "wide-executors"), (sim.no_macros, "macro-executors")];
    for (_, option) in left_out.iter().filter(|(is_set, _)| *is_set) {
        if is_osc {
            bail!("expected `--no-wide` and `--no-macros` for gma2 and dot2 only, found {console}");
        }
        instance.push(format!("console.{option}=off"));
    }
    instance.extend(sim.options.iter().map(|option| format!("console.{option}")));
    let overrides = Overrides { backend: Vec::new(), instance };
    let hint = if is_osc {
        // The port follows the last blank in the output of `endpoint`.
        let (host, port) = listen.rsplit_once(' ').unwrap_or(("127.0.0.1", "8000"));
        let host = if host == "*" { "127.0.0.1" } else { host };
        format!(
            "It sends its state to 127.0.0.1 8001, or where `-o destination=\"ADDRESS PORT\"` says. \
             Drive it from another window, for example with:\n\
             \x20 oscsend {host} {port} /Page1/Fader201 f 50\n\
             \x20 oscdump 8001\n\n"
        )
    } else {
        format!(
            "Drive it from another window, for example with:\n\
             \x20 crosspatch SHOW.cfg -i INSTANCE.host=\"{listen}\"\n\
             Executors without a name are empty, and their faders do not move.\n\n"
        )
    };
    output::print(&format!("A simulated {console}, at {listen}. {hint}"))?;
    let source = ConfigSource::embedded("sim.cfg", if is_osc { OSC } else { WEB_REMOTE }, &overrides);
    RunnableShow { source, watches: false, values: true, web: None, record: None, realtime: None }.run(log)
}

/// `ADDRESS:PORT`, `[ADDRESS]:PORT` or `PORT` as the configuration writes it, with a blank.
fn endpoint(listen: &str) -> Result<String> {
    if listen.parse::<u16>().is_ok() {
        return Ok(format!("127.0.0.1 {listen}"));
    }
    match WrittenEndpoint::parse(listen) {
        Ok(WrittenEndpoint { host, port: Some(port), scheme: None, rest: "", .. }) => {
            Ok(format!("{host} {port}"))
        }
        Ok(_) | Err(_) => {
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
