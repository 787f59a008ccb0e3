//! Every diagnostic has an explanation: those of the examples in `language/*.md` and those in the sources.

#![expect(clippy::disallowed_methods, reason = "the test reads files of the repository")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crosspatch_config::{EXPLANATIONS, explanation};

#[test]
fn every_id_is_explained_and_every_explanation_has_an_id() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    for file in files(&root.join("src")).filter(|file| !file.ends_with("report/explain.rs")) {
        sources += &std::fs::read_to_string(file).expect("a readable file");
    }
    let mut ids = BTreeSet::new();
    for call in ["Draft::error(", "Draft::warning("] {
        ids.extend(
            sources
                .split(call)
                .skip(1)
                .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next()),
        );
    }
    // Those of the tests of the sources.
    ids.remove("a");
    let mut examples = String::new();
    for file in files(&root.join("tests/language")) {
        examples += &std::fs::read_to_string(file).expect("a readable file");
    }
    for kind in ["error[", "warning["] {
        let found = examples.lines().filter_map(|line| line.strip_prefix(kind)?.split(']').next());
        ids.extend(found);
    }
    assert!(ids.len() > 50, "only {} ids were found", ids.len());
    for id in &ids {
        assert!(explanation(id).is_some(), "`{id}` has no explanation");
    }
    for (id, text) in EXPLANATIONS {
        assert!(sources.contains(&format!("\"{id}\"")), "no diagnostic is called `{id}`");
        assert!(text.ends_with('.'), "{id}: {text}");
    }
    assert!(EXPLANATIONS.is_sorted_by_key(|(id, _)| *id));
}

/// All files in a folder and in those inside it.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder of the repository") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.into_iter()
}
