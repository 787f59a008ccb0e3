//! The folders of the backends, where their manuals and scenarios are.

use std::path::{Path, PathBuf};

/// The folders of all backends with the backend's name. What backends share has no manual.
pub(crate) fn backend_folders() -> Vec<(String, PathBuf)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = std::fs::read_dir(src).expect("the source folder");
    let mut folders: Vec<_> = entries
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.join("README.md").is_file())
        .map(|path| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path))
        .collect();
    folders.sort();
    folders
}
