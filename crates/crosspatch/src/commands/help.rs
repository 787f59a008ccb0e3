//! `crosspatch help [BACKEND]`: the manuals.

use std::fmt::Write;

use anyhow::{Result, bail};
use crosspatch_core::Registry;

use crate::args::Help;
use crate::output;

/// Prints the manual of a backend, or what backends there are.
pub(crate) fn run(registry: &Registry, help: &Help) -> Result<()> {
    match &help.backend {
        Some(name) => output::print(manual(registry, name)?),
        None => output::print(&overview(registry)),
    }
}

fn manual(registry: &Registry, name: &str) -> Result<&'static str> {
    if let Some(backend) = registry.find(name) {
        return Ok(backend.manual);
    }
    if registry.planned.contains(&name) {
        bail!("the backend `{name}` of MIDIMonster is not part of crosspatch yet");
    }
    let names: Vec<_> = registry.backends.iter().map(|backend| backend.name).collect();
    bail!("there is no backend `{name}`; there are {}", names.join(", "))
}

fn overview(registry: &Registry) -> String {
    let mut text = String::from("Backends:\n");
    let width = registry.backends.iter().map(|backend| backend.name.len()).max().unwrap_or(0);
    for backend in registry.backends {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {:width$}  {}", backend.name, backend.summary);
    }
    text.push_str("\n`crosspatch help BACKEND` prints the manual of one of them.\n");
    text.push_str("`crosspatch --help` prints the help of the command line.\n");
    text
}

#[cfg(test)]
mod tests {
    use crosspatch_backends::REGISTRY;

    use super::*;

    #[test]
    fn every_backend_is_listed_and_has_its_manual() {
        let overview = overview(&REGISTRY);
        for backend in REGISTRY.backends {
            assert!(overview.contains(&format!("{}  ", backend.name)), "{overview}");
            assert!(manual(&REGISTRY, backend.name).unwrap().starts_with(&format!("# {}\n", backend.name)));
        }
    }

    #[test]
    fn a_backend_that_is_not_there_is_told_from_one_that_is_not_there_yet() {
        let error = |name| manual(&REGISTRY, name).unwrap_err().to_string();
        assert!(error(REGISTRY.planned[0]).contains("not part of crosspatch yet"));
        assert!(error("ocs").contains(&format!("there are {}", REGISTRY.backends[0].name)));
    }
}
