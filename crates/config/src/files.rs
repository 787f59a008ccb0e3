//! Input: files, which the program reads on behalf of the compiler, and options from the command line.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use crosspatch_core::Scope;

use crate::wording::quote;

/// Reads files. The compiler has no other access to the outside.
pub trait Files {
    /// Reads a whole file.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system, which is shown where the configuration names the file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Whether every user of the machine can read the file. Called only for files that contain a secret.
    fn is_readable_by_all(&self, path: &Path) -> bool;
}

/// Files in memory, for tests and for built-in configurations.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: BTreeMap<PathBuf, (Vec<u8>, bool)>,
}

impl MemoryFiles {
    /// Adds a file that only its owner can read.
    #[must_use]
    pub fn with(self, path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Self {
        self.put(path.into(), bytes.into(), false)
    }

    /// Adds a file that every user can read.
    #[must_use]
    pub fn with_public(self, path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Self {
        self.put(path.into(), bytes.into(), true)
    }

    fn put(mut self, path: PathBuf, bytes: Vec<u8>, is_public: bool) -> Self {
        self.files.insert(normalized(&path), (bytes, is_public));
        self
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.files.get(&normalized(path)).map(|(bytes, _)| bytes.clone());
        file.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    }

    fn is_readable_by_all(&self, path: &Path) -> bool {
        self.files.get(&normalized(path)).is_some_and(|(_, is_public)| *is_public)
    }
}

/// An option from the command line. It overrides the same option in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// `-b` sets a global option of a backend, `-i` one of an instance.
    pub scope: Scope,
    /// The argument as typed: `TARGET.OPTION=VALUE`.
    pub text: String,
}

/// Resolves a path that is written in `file`, relative to the folder of `file`.
pub(crate) fn beside(file: &Path, path: &str) -> PathBuf {
    let joined = file.parent().unwrap_or(Path::new("")).join(path);
    joined.components().filter(|part| *part != Component::CurDir).collect()
}

/// A path without `.` and `..`, to compare paths. It must not be used to read the file: if `a` is a symbolic link, `a/../b`
/// is not the same file as `b`.
pub(crate) fn normalized(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            Component::ParentDir | Component::Normal(_) | Component::RootDir | Component::Prefix(_) => {
                plain.push(part);
            }
        }
    }
    plain
}

/// Describes why a file could not be read.
pub(crate) fn unreadable(path: &str, error: &io::Error) -> String {
    let path = quote(path);
    let kind = error.kind();
    if kind == io::ErrorKind::NotFound {
        format!("there is no file {path}")
    } else if kind == io::ErrorKind::IsADirectory {
        format!("{path} is a folder, not a file")
    } else if kind == io::ErrorKind::PermissionDenied {
        format!("no permission to read {path}")
    } else {
        format!("cannot read {path}: {error}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_file_that_contains_them() {
        for (file, path, seen) in [
            ("show.cfg", "more.cfg", "more.cfg"),
            ("a/show.cfg", "./b/more.cfg", "a/b/more.cfg"),
            ("a/show.cfg", "../more.cfg", "a/../more.cfg"),
            ("/etc/show.cfg", "/srv/more.cfg", "/srv/more.cfg"),
        ] {
            assert_eq!(beside(Path::new(file), path), Path::new(seen), "{path} in {file}");
        }
    }

    #[test]
    fn normalizing_removes_dots() {
        for (path, plain) in
            [("a/../b", "b"), ("../b", "../b"), ("../../a/./b", "../../a/b"), ("/a/../../b", "/../b")]
        {
            assert_eq!(normalized(Path::new(path)), Path::new(plain), "{path}");
        }
    }
}
