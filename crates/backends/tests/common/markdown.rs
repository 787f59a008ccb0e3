//! Reads the Markdown that scenarios and manuals are written in.

use std::path::{Path, PathBuf};

/// A fenced block.
pub(crate) struct Block<'a> {
    pub(crate) info: &'a str,
    pub(crate) text: &'a str,
}

/// All fenced blocks of a Markdown text.
pub(crate) fn blocks(markdown: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, usize)> = None;
    let mut at = 0;
    for line in markdown.split_inclusive('\n') {
        if let Some(info) = line.strip_prefix("```") {
            match open.take() {
                Some((info, start)) => blocks.push(Block { info, text: &markdown[start..at] }),
                None => open = Some((info.trim(), at + line.len())),
            }
        }
        at += line.len();
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// The folders of all backends with the backend's name. What backends share has no manual.
#[allow(dead_code, reason = "not every test that reads Markdown needs it")]
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
