//! Every configuration that we show to users compiles without a single warning.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// Checks a configuration in a file that only its owner may read, as its password wants it.
fn good(name: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (status, out, _) = common::run(&["check", file.to_str().unwrap()]);
    assert!(status.success() && !out.contains("warning"), "{out}");
}

#[test]
fn every_example_compiles() {
    let entries = std::fs::read_dir(root().join("examples")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "cfg"));
    assert!(files.len() >= 5, "{files:?}");
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.starts_with("; "), "{} does not begin by saying what it is", file.display());
        good(&file.file_name().unwrap().to_string_lossy(), &text);
    }
}

#[test]
fn every_configuration_in_the_documents_compiles() {
    let mut blocks = 0;
    for document in ["README.md", "docs/configuration.md", "docs/grandma3.md", "contrib/grandma3/README.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        for block in text.split("```").skip(1).step_by(2) {
            let (_, block) = block.split_once('\n').unwrap();
            if block.contains("\n[map]\n") {
                good(document.rsplit('/').next().unwrap(), block);
                blocks += 1;
            }
        }
    }
    assert!(blocks >= 2, "only {blocks} configurations were found");
}
