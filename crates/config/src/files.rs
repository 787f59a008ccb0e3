//! Where texts come from: files, which the program reads for us, and the command line.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use crosspatch_core::Scope;

use crate::wording::quote;

/// Reads files. The only way of this crate to the world outside.
pub trait Files {
    /// The bytes of a file.
    ///
    /// # Errors
    ///
    /// Whatever the operating system says; it is shown beside the place where the file is named.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Whether every user of the machine may read the file. Asked only of files that hold a secret.
    fn is_readable_by_all(&self, path: &Path) -> bool;
}

/// Files in memory, for tests and for configurations that are built in.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: BTreeMap<PathBuf, (Vec<u8>, bool)>,
}

impl MemoryFiles {
    /// The same with a file that only its owner may read.
    #[must_use]
    pub fn with(self, path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Self {
        self.put(path.into(), bytes.into(), false)
    }

    /// The same with a file that everybody may read.
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

/// An option from the command line, which takes the place of the one in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// `-b` sets a global option of a backend, `-i` one of an instance.
    pub scope: Scope,
    /// What was typed behind it: `TARGET.OPTION=VALUE`.
    pub text: String,
}

/// A path that stands in `file`, as seen from where `file` is seen.
pub(crate) fn beside(file: &Path, path: &str) -> PathBuf {
    let joined = file.parent().unwrap_or(Path::new("")).join(path);
    joined.components().filter(|part| *part != Component::CurDir).collect()
}

/// A path without detours, to tell whether two paths are likely to mean the same file. Not for reading: `a/../b` is
/// another file than `b` where `a` is a symbolic link.
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

/// Why a file could not be read, in words.
pub(crate) fn unreadable(path: &str, error: &io::Error) -> String {
    let path = quote(path);
    let kind = error.kind();
    if kind == io::ErrorKind::NotFound {
        format!("there is no file {path}")
    } else if kind == io::ErrorKind::IsADirectory {
        format!("{path} is a folder, not a file")
    } else if kind == io::ErrorKind::PermissionDenied {
        format!("{path} may not be read by this user")
    } else {
        format!("{path} cannot be read: {error}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_file_they_stand_in() {
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
    fn detours_are_left_out() {
        for (path, plain) in
            [("a/../b", "b"), ("../b", "../b"), ("../../a/./b", "../../a/b"), ("/a/../../b", "/../b")]
        {
            assert_eq!(normalized(Path::new(path)), Path::new(plain), "{path}");
        }
    }
}
