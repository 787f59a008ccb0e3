//! The files of a configuration on the disk.
//!
//! A file that does not answer is an error like any other: see [`Helpers`].

mod helpers;
mod read;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crosspatch_config::Files;

pub(crate) use helpers::{Helpers, PATIENCE};
use read::Contents;

/// The minimum time limit for a file, after others have hung.
const LEAST_PATIENCE: Duration = Duration::from_millis(50);

/// Reads files and remembers their contents, to detect later changes.
#[derive(Debug)]
pub(crate) struct Disk {
    helpers: Helpers,
    seen: RefCell<BTreeMap<PathBuf, Seen>>,
    /// The time limit for the next file. Each file that hangs halves it, so that many of them take no longer than two.
    patience: Cell<Duration>,
}

/// A file that was read.
#[derive(Clone, Debug)]
struct Seen {
    state: State,
    is_readable_by_all: bool,
}

/// The state of a file when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// A file with this length and hash.
    File(u64, u64),
    /// A pipe, which can be read only once.
    Once,
    /// The file could not be read.
    Unreadable(io::ErrorKind),
}

impl Disk {
    /// A disk that has read nothing yet.
    pub(crate) fn new(helpers: Helpers) -> Self {
        Self { helpers, seen: RefCell::default(), patience: Cell::new(PATIENCE) }
    }

    /// A new disk with the same helpers.
    pub(crate) fn anew(&self) -> Self {
        Self::new(self.helpers.clone())
    }

    /// All files that were requested, including those that could not be read. Files that did not answer are excluded:
    /// any access to them would hang.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let seen = self.seen.borrow();
        let hangs = |seen: &Seen| seen.state == State::Unreadable(io::ErrorKind::TimedOut);
        seen.iter().filter(|(_, seen)| !hangs(seen)).map(|(path, _)| path.clone()).collect()
    }

    /// Whether any of these files has changed since it was read.
    pub(crate) fn has_changed(&self) -> bool {
        let seen = self.seen.borrow();
        seen.iter().any(|(path, seen)| seen.state != State::Once && State::of(&self.look(path)) != seen.state)
    }

    fn look(&self, path: &Path) -> io::Result<Contents> {
        let wanted = path.to_owned();
        let patience = self.patience.get();
        let folder = path.parent().unwrap_or(path);
        // Where possible, the reader times out a little earlier, with a better reason.
        let reading = move || read::read(&wanted, patience * 9 / 10);
        let found = self.helpers.within(patience, folder, reading).and_then(|found| found);
        if found.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            self.patience.set((patience / 2).max(LEAST_PATIENCE));
        }
        found
    }
}

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let found = self.look(path);
        let is_readable_by_all = found.as_ref().is_ok_and(|contents| contents.is_readable_by_all);
        let seen = Seen { state: State::of(&found), is_readable_by_all };
        self.seen.borrow_mut().insert(path.to_owned(), seen);
        found.map(|contents| contents.bytes)
    }

    fn is_readable_by_all(&self, path: &Path) -> bool {
        self.seen.borrow().get(path).is_some_and(|seen| seen.is_readable_by_all)
    }
}

impl State {
    fn of(found: &io::Result<Contents>) -> Self {
        match found {
            Ok(contents) if contents.is_pipe => Self::Once,
            Ok(Contents { bytes, .. }) => {
                let mut hasher = DefaultHasher::new();
                bytes.hash(&mut hasher);
                Self::File(bytes.len() as u64, hasher.finish())
            }
            Err(error) => Self::Unreadable(error.kind()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn disk() -> Disk {
        Disk::new(Helpers::default())
    }

    #[test]
    fn a_change_is_noticed_by_its_contents() {
        let folder = tempfile::tempdir().unwrap();
        let [there, gone] = ["there.cfg", "gone.cfg"].map(|name| folder.path().join(name));
        fs::write(&there, "[map]\n").unwrap();
        let disk = disk();
        assert_eq!(disk.read(&there).unwrap(), b"[map]\n");
        assert_eq!(disk.read(&gone).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(disk.paths(), [gone.clone(), there.clone()]);
        fs::write(&there, "[map]\n").unwrap();
        assert!(!disk.has_changed());
        fs::write(&there, "[mop]\n").unwrap();
        assert!(disk.has_changed());
        fs::write(&there, "[map]\n").unwrap();
        fs::write(&gone, "").unwrap();
        assert!(disk.has_changed());
        fs::remove_file(&gone).unwrap();
        assert!(!disk.has_changed());
        fs::remove_dir_all(folder.path()).unwrap();
        assert!(disk.has_changed());
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(disk().read(folder.path()).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_all_can_read_is_noticed() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, "x").unwrap();
        for (mode, is_public) in [(0o600, false), (0o640, false), (0o644, true)] {
            fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).unwrap();
            let disk = disk();
            disk.read(&secret).unwrap();
            assert_eq!(disk.is_readable_by_all(&secret), is_public, "{mode:o}");
        }
        assert!(!disk().is_readable_by_all(&folder.path().join("gone")));
    }
}
