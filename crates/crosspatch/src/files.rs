//! The files of a configuration, as they lie on the disk.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crosspatch_config::Files;

/// More than this is no configuration, and reading it from a device might never end.
const MOST_BYTES: u64 = 512 * 1024 * 1024;

/// Reads files and remembers what it found, so that a later look can tell whether anything has changed.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    seen: RefCell<BTreeMap<PathBuf, State>>,
}

/// What a look at a file found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// A file with so many bytes and this hash.
    File(u64, u64),
    /// A pipe or a device, which can be read only once.
    Once,
    /// Nothing that could be read.
    Unreadable(io::ErrorKind),
}

impl Disk {
    /// All files that were asked for, those that could not be read included.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.seen.borrow().keys().cloned().collect()
    }

    /// Whether any of these files is not what it was when it was read.
    pub(crate) fn has_changed(&self) -> bool {
        self.seen.borrow().iter().any(|(path, seen)| *seen != State::Once && look(path).1 != *seen)
    }
}

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let (bytes, state) = look(path);
        self.seen.borrow_mut().insert(path.to_owned(), state);
        bytes
    }

    fn is_readable_by_all(&self, path: &Path) -> bool {
        is_readable_by_all(path)
    }
}

fn look(path: &Path) -> (io::Result<Vec<u8>>, State) {
    match read(path) {
        Ok((bytes, true)) => {
            let mut hasher = DefaultHasher::new();
            bytes.hash(&mut hasher);
            let state = State::File(bytes.len() as u64, hasher.finish());
            (Ok(bytes), state)
        }
        Ok((bytes, false)) => (Ok(bytes), State::Once),
        Err(error) => {
            let state = State::Unreadable(error.kind());
            (Err(error), state)
        }
    }
}

/// The bytes of a file, and whether it is one that keeps them.
fn read(path: &Path) -> io::Result<(Vec<u8>, bool)> {
    let is_file = fs::metadata(path)?.is_file();
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 512 MiB is no configuration"));
    }
    Ok((bytes, is_file))
}

#[cfg(unix)]
fn is_readable_by_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_all(_path: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_noticed_by_its_contents() {
        let folder = tempfile::tempdir().unwrap();
        let [there, gone] = ["there.cfg", "gone.cfg"].map(|name| folder.path().join(name));
        fs::write(&there, "[map]\n").unwrap();
        let disk = Disk::default();
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
        assert!(Disk::default().read(folder.path()).is_err());
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
            assert_eq!(Disk::default().is_readable_by_all(&secret), is_public, "{mode:o}");
        }
        assert!(!Disk::default().is_readable_by_all(&folder.path().join("gone")));
    }
}
