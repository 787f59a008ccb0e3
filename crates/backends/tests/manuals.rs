//! The manual of every backend: fixed sections, every option in its table, examples that compile.

#![expect(clippy::disallowed_methods, reason = "these tests read the Markdown in the repository")]

#[path = "common/folders.rs"]
mod folders;
#[path = "common/markdown.rs"]
mod markdown;
#[path = "common/show.rs"]
mod show;

use std::collections::BTreeSet;

use crosspatch_backends::{ALIASES, BACKENDS, PLANNED};
use crosspatch_core::Backend;
use folders::backend_folders;
use markdown::blocks;
use show::plan;

const SECTIONS: [&str; 6] =
    ["What it talks to", "Set-up on the device", "Options", "Channels", "Examples", "Limits"];

#[test]
fn every_folder_is_registered_in_order_and_no_name_is_also_planned() {
    let folders: Vec<_> = backend_folders().into_iter().map(|(name, _)| name).collect();
    let registered: Vec<_> = BACKENDS.iter().map(|backend| backend.name.to_owned()).collect();
    assert_eq!(folders, registered);
    assert!(PLANNED.iter().all(|planned| !registered.iter().any(|name| name == planned.name)));
    let mut seen = BTreeSet::new();
    for alias in ALIASES {
        assert!(
            alias.backend.is_none_or(|backend| registered.iter().any(|name| name == backend)),
            "{alias:?}"
        );
        for name in alias.names {
            assert!(!registered.iter().any(|other| other == name) && seen.insert(name), "{name}");
            assert!(PLANNED.iter().all(|planned| planned.name != *name), "{name}");
        }
    }
}

#[test]
fn every_manual_has_the_fixed_sections_in_order() {
    for backend in BACKENDS {
        let title = backend.manual.lines().next();
        assert_eq!(title, Some(format!("# {}", backend.name).as_str()));
        let sections: Vec<_> = backend.manual.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(sections, SECTIONS, "{}", backend.name);
    }
}

#[test]
fn every_option_has_a_row_with_its_default_and_every_row_is_an_option() {
    for backend in BACKENDS {
        let mut rows = option_rows(backend);
        for spec in backend.options {
            let at = rows.iter().position(|(name, _)| *name == spec.name);
            let Some(at) = at else {
                panic!("{}: the manual has no row for the option `{}`", backend.name, spec.name)
            };
            let (_, default) = rows.remove(at);
            assert_eq!(default, spec.default, "{}: the default of `{}`", backend.name, spec.name);
        }
        assert!(rows.is_empty(), "{}: rows without an option: {rows:?}", backend.name);
    }
}

#[test]
fn every_example_compiles_without_a_word() {
    for backend in BACKENDS {
        let examples: Vec<_> =
            blocks(backend.manual).into_iter().filter(|block| block.info == "config").collect();
        assert!(!examples.is_empty(), "{}: the manual has no example", backend.name);
        for example in examples {
            if let Err(diagnostics) = plan(example.text, None) {
                panic!("{}: this example does not compile\n{}\n{diagnostics}", backend.name, example.text);
            }
        }
    }
}

/// Name and default of each row of the tables in the section about options.
fn option_rows(backend: &Backend) -> Vec<(&'static str, &'static str)> {
    let section =
        backend.manual.split("\n## ").find(|section| section.starts_with("Options")).unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with('|') && !line.contains("---"));
    rows.map(|row| {
        row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect::<Vec<_>>()
    })
    .filter(|cells| cells.len() >= 4 && cells[0] != "option")
    .map(|cells| (cells[0], cells[2]))
    .collect()
}
