//! Reads one file, on a thread that may be abandoned.
//!
//! Files are opened without blocking: opening a pipe without a writer would block forever.

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::time::{Duration, Instant};

/// The maximum size of a configuration.
const MOST_BYTES: u64 = 512 * 1024 * 1024;

/// The interval between two attempts to read a pipe.
const PAUSE: Duration = Duration::from_millis(5);

/// The contents of a file.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) bytes: Vec<u8>,
    /// Whether it was a pipe, which can be read only once.
    pub(super) is_pipe: bool,
    /// Whether every user of the machine may read it.
    pub(super) is_readable_by_all: bool,
}

/// Reads a file, or a pipe until its writer has closed it.
pub(super) fn read(path: &Path, patience: Duration) -> io::Result<Contents> {
    // Opening a device may have side effects, so its kind is checked first.
    is_pipe(fs::metadata(path)?.file_type())?;
    let start = Instant::now();
    let is_late = || start.elapsed() >= patience;
    let file = loop {
        match open(path) {
            // A file server is requested to release the file.
            Err(error) if error.kind() == ErrorKind::WouldBlock && !is_late() => std::thread::sleep(PAUSE),
            opened => break opened?,
        }
    };
    let metadata = file.metadata()?;
    let is_pipe = is_pipe(metadata.file_type())?;
    let mut bytes = Vec::new();
    let mut file = file.take(MOST_BYTES + 1);
    match is_pipe {
        true => drain(&mut file, &mut bytes, is_late)?,
        false => drop(file.read_to_end(&mut bytes)?),
    }
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "a configuration has at most 512 MiB"));
    }
    Ok(Contents { bytes, is_pipe, is_readable_by_all: is_readable_by_all(&metadata) })
}

/// Whether this is a pipe and not a file, or an error if it is neither.
fn is_pipe(kind: FileType) -> io::Result<bool> {
    if kind.is_file() {
        Ok(false)
    } else if is_fifo(kind) {
        Ok(true)
    } else if kind.is_dir() {
        Err(ErrorKind::IsADirectory.into())
    } else {
        Err(io::Error::new(ErrorKind::InvalidInput, "it is neither a file nor a pipe"))
    }
}

/// Reads all data of a pipe, until the time limit.
fn drain(pipe: &mut io::Take<File>, bytes: &mut Vec<u8>, is_late: impl Fn() -> bool) -> io::Result<()> {
    loop {
        match pipe.read_to_end(bytes) {
            Ok(_) if bytes.is_empty() => {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, "it is a pipe without a writer"));
            }
            Ok(_) => return Ok(()),
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Err(_) if is_late() => {
                let message = "it is a pipe whose writer does not close it";
                return Err(io::Error::new(ErrorKind::TimedOut, message));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

#[cfg(unix)]
fn is_fifo(kind: FileType) -> bool {
    use std::os::unix::fs::FileTypeExt;
    kind.is_fifo()
}

#[cfg(not(unix))]
fn is_fifo(_: FileType) -> bool {
    false
}

#[cfg(unix)]
fn is_readable_by_all(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
fn is_readable_by_all(_: &Metadata) -> bool {
    false
}
