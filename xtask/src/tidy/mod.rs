//! Project rules that neither the compiler nor clippy checks.
//!
//! Each rule is a function from the files of the repository (or cargo's description of it) to findings, so that a test
//! can pass a repository that breaks the rule.

mod circles;
mod documents;
mod layers;
mod modules;
mod names;
mod sources;

use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A file of the repository.
pub(crate) struct File {
    /// The path from the root, with slashes.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// Something that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    line: Option<usize>,
    message: String,
}

impl Finding {
    /// A finding about a whole file.
    pub(crate) fn file(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, message: message.into() }
    }

    /// A finding about a line, counted from zero.
    pub(crate) fn line(path: &str, at: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: Some(at + 1), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.message),
            None => write!(f, "{}: {}", self.path, self.message),
        }
    }
}

/// Checks all rules over the repository at `root`.
///
/// # Errors
///
/// Fails with the number of findings, after printing them.
pub(crate) fn run(root: &Path) -> Result<()> {
    let files = read(root)?;
    let metadata = metadata(root)?;
    let findings: Vec<_> = [
        sources::begin_with_a_sentence(&files),
        sources::are_short(&files),
        sources::leave_nothing_open(&files),
        layers::siblings_are_independent(&metadata),
        layers::the_world_is_for_tests(&metadata),
        layers::name_no_protocol(&files),
        layers::backends_are_complete(&files),
        circles::modules_form_no_circles(&files),
        names::types_have_one_meaning(&files),
        documents::links_lead_somewhere(&files),
        documents::faults_name_real_tests(&files),
        documents::documents_name_real_files(&files),
        documents::architecture_is_short(&files),
        documents::recipes_are_few(&files),
    ]
    .into_iter()
    .flatten()
    .collect();
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings in {} files", findings.len(), files.len());
    }
    Ok(())
}

/// All files that git tracks or would track.
fn read(root: &Path) -> Result<Vec<File>> {
    let listing = output(root, "git", &["ls-files", "--cached", "--others", "--exclude-standard", "-z"])?;
    let listing = String::from_utf8(listing).context("a path is not UTF-8")?;
    let files = listing.split('\0').filter(|path| !path.is_empty()).filter_map(|path| {
        // A file that was just deleted has no rules. One that is not text exists, so that documents may link to it.
        let text = String::from_utf8(std::fs::read(root.join(path)).ok()?).unwrap_or_default();
        Some(File { path: path.to_owned(), text })
    });
    Ok(files.collect())
}

fn metadata(root: &Path) -> Result<Value> {
    let json = output(root, "cargo", &["metadata", "--format-version", "1", "--no-deps", "--offline"])?;
    serde_json::from_slice(&json).context("the output of cargo metadata")
}

fn output(root: &Path, program: &str, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new(program).args(arguments).current_dir(root).output();
    let output = output.with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        bail!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_shown_as_editors_read_it() {
        assert_eq!(Finding::line("a/b.rs", 0, "too long").to_string(), "a/b.rs:1: too long");
        assert_eq!(Finding::file("a/b.rs", "too long").to_string(), "a/b.rs: too long");
    }

    #[test]
    fn this_repository_is_read_whole() {
        let root = crate::root().unwrap();
        let files = read(root).unwrap();
        assert!(files.iter().any(|file| file.path == "xtask/src/tidy/mod.rs"));
        assert!(files.iter().any(|file| file.path == "Cargo.toml"));
        assert!(metadata(root).unwrap()["packages"].as_array().unwrap().len() >= 6);
    }
}
