//! The example configurations of MIDIMonster pass as they are, as far as the backends that they name exist.
//!
//! They are not part of the repository. The test reads them from a folder beside it, if there is one.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "the examples are files that may be missing"
)]

use std::path::{Path, PathBuf};

use crosspatch_backends::REGISTRY;
use crosspatch_config::{Document, Item, MemoryFiles, compile};

fn examples() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/compat");
    let Ok(entries) = folder.read_dir() else {
        println!("skipped: there are no examples in {}", folder.display());
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "cfg")).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).expect("a readable file"))).collect()
}

#[test]
fn every_example_is_read_without_a_stray_line_and_printed_as_it_was() {
    for (path, bytes) in examples() {
        let document = Document::parse(bytes.clone());
        for line in document.lines() {
            assert!(!matches!(line.item, Item::Stray(_)), "{}: {line:?}", path.display());
            assert!(line.faults.is_empty(), "{}: {line:?}", path.display());
        }
        assert_eq!(document.print(), bytes, "{}", path.display());
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
            | Item::Option { .. }
            | Item::Mapping(_)
            | Item::Stray(_) => None,
        });
        let missing: Vec<_> = backends.filter(|name| REGISTRY.find(name).is_none()).collect();
        let compiled = compile(&crosspatch_config::Input {
            file: &path,
            files: &MemoryFiles::default().with(&path, bytes),
            overrides: &[],
            registry: REGISTRY,
            previous: None,
        });
        if missing.is_empty() {
            assert_eq!(compiled.errors(), 0, "{}", compiled.render(false));
            continue;
        }
        for diagnostic in compiled.diagnostics {
            let is_about_a_backend = diagnostic.id == "backend-not-built";
            let is_harmless = matches!(diagnostic.severity, crosspatch_config::Severity::Warning);
            assert!(is_about_a_backend || is_harmless, "{}: {diagnostic:?}", path.display());
        }
    }
}
