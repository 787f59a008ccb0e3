//! The example configurations of MIDIMonster pass as they are, as far as the backends that they name exist.
//!
//! They are not part of the repository. The test reads them from a folder beside it, if there is one.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the examples are files that may be missing"
)]

use std::path::{Path, PathBuf};

use crosspatch_config::{CompileInput, DiagnosticSeverity, Document, Item, MemoryFiles, compile};
use crosspatch_core::{Backend, Registry};
use crosspatch_transforms::FAMILIES;

#[path = "support/stand_in.rs"]
mod stand_in;

use stand_in::stand_in;

const REGISTRY: Registry = crosspatch_backends::registry(FAMILIES);

fn examples() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/compat");
    let examples = configurations(&folder);
    if examples.is_empty() {
        println!("skipped: there are no examples in {}", folder.display());
    }
    examples
}

fn configurations(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "cfg")).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).expect("a readable file"))).collect()
}

#[test]
fn every_example_is_parsed_without_an_invalid_line_and_printed_unchanged() {
    for (path, bytes) in examples() {
        let document = Document::parse(bytes.clone());
        for line in document.lines() {
            assert!(!matches!(line.item, Item::Invalid(_)), "{}: {line:?}", path.display());
            assert!(line.faults.is_empty(), "{}: {line:?}", path.display());
        }
        assert_eq!(document.print(), bytes, "{}", path.display());
    }
}

#[test]
fn every_show_of_the_repository_is_printed_unchanged() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for (path, bytes) in configurations(&folder) {
        assert_eq!(Document::parse(bytes.clone()).print(), bytes, "{}", path.display());
    }
}

#[test]
fn every_example_whose_backends_exist_compiles() {
    for (path, bytes) in examples() {
        let document = Document::parse(bytes.clone());
        let text = document.text();
        let backends = document.lines().filter_map(|line| match line.item {
            Item::Instance { backend, .. } => Some(backend.of(text).to_owned()),
            Item::Blank
            | Item::Comment(_)
            | Item::Include { .. }
            | Item::Backend { .. }
            | Item::Map
            | Item::Web(_)
            | Item::Chain { .. }
            | Item::Stages(_)
            | Item::Option { .. }
            | Item::Mapping(_)
            | Item::Invalid(_) => None,
        });
        let missing: Vec<_> = backends.filter(|name| REGISTRY.find(name).is_none()).collect();
        let compiled = compile(&CompileInput {
            file: &path,
            files: &MemoryFiles::default().with(&path, bytes),
            overrides: &[],
            registry: REGISTRY,
            previous: None,
            skip_missing: false,
            keeps_lines: false,
        });
        if missing.is_empty() {
            assert_eq!(compiled.errors(), 0, "{}", compiled.render(false));
            continue;
        }
        for diagnostic in compiled.diagnostics {
            let is_about_a_backend = diagnostic.id == "backend-not-built";
            let is_harmless = matches!(diagnostic.severity, DiagnosticSeverity::Warning);
            assert!(is_about_a_backend || is_harmless, "{}: {diagnostic:?}", path.display());
        }
    }
}

#[test]
fn every_example_has_all_its_routes() {
    const BACKENDS: &[&Backend] = &[
        &stand_in("artnet"),
        &stand_in("evdev"),
        &stand_in("loopback"),
        &stand_in("lua"),
        &stand_in("maweb"),
        &stand_in("midi"),
        &stand_in("osc"),
        &stand_in("sacn"),
    ];
    const ROUTES: &[(&str, usize)] = &[
        ("evdev.cfg", 12),
        ("flying-faders.cfg", 25),
        ("launchctl-sacn.cfg", 24),
        ("layering.cfg", 529),
        ("lua.cfg", 15),
        ("maweb-flying-faders.cfg", 6),
        ("midi-osc.cfg", 32),
        ("monster.cfg", 2),
        ("osc-artnet.cfg", 48),
        ("osc-kbd.cfg", 12),
    ];
    for (path, bytes) in examples() {
        let compiled = compile(&CompileInput {
            file: &path,
            files: &MemoryFiles::default().with(&path, bytes),
            overrides: &[],
            registry: Registry { backends: BACKENDS, planned: &[], aliases: &[], families: FAMILIES },
            previous: None,
            skip_missing: false,
            keeps_lines: false,
        });
        let shown = compiled.render(false);
        let plan = compiled.plan.unwrap_or_else(|| panic!("{shown}"));
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let expected = ROUTES.iter().find(|(known, _)| *known == name);
        assert!(expected.is_none_or(|(_, routes)| *routes == plan.mapping_count()), "{name}: {plan:?}");
    }
}
