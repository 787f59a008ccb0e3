//! Records all input of a show, so that it can be replayed.
//!
//! The file contains a line of JSON for each event, with the time in microseconds and the name of the instance. A
//! separate thread writes it, and the loop never waits for that thread: a recording that cannot keep up, or has no room
//! left, ends with a notice, and the show continues.
//!
//! Only the owner may read the file. Secrets that peers send are not in it: see
//! [`Instance::conceal`](crosspatch_core::Instance::conceal).

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, OnceLock};

use crosspatch_core::{Closed, Duration, Instant, Notice, Peer, Port, Value};
use serde::{Deserialize, Serialize};

/// How many events may wait for the disk.
const WAITING: usize = 16 * 1024;

/// An input of the engine.
#[derive(Debug)]
pub(crate) enum RecordedEvent<'a> {
    Install,
    Stop,
    Timeout,
    /// A slice of turns that were interrupted.
    Resume,
    Put(&'a str, &'a Value),
    Open(Peer),
    Data(Peer, &'a [u8]),
    Close(Peer, &'a Closed),
    Full(Peer),
    Writable(Peer),
    /// Datagrams were dropped before they were read.
    Lost,
    /// A notice of the shell; about an instance or about the whole show.
    Notice(&'a Notice),
}

/// An event as a line of the file has it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RecordedLine<'a> {
    /// Microseconds since the start.
    pub(crate) at: u64,
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub(crate) instance: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub(crate) peer: Option<Cow<'a, str>>,
    pub(crate) event: RecordedKind,
    /// The data, a reason, or a text value, where that is text.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub(crate) text: Option<Cow<'a, str>>,
    /// Data that is not text, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub(crate) hex: Option<Cow<'a, str>>,
    /// A number that was put on a channel, in as many digits as it takes.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub(crate) number: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub(crate) channel: Option<Cow<'a, str>>,
    /// The kind of notice.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub(crate) notice: Option<Cow<'a, str>>,
}

/// The kinds of events.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RecordedKind {
    Install,
    Stop,
    Timeout,
    Resume,
    Put,
    Open,
    Data,
    Close,
    Full,
    Writable,
    Lost,
    Notice,
}

/// How long the start of a show waits until the file is open: a pipe may have no reader, a network drive may be
/// unavailable.
const OPENING: Duration = Duration::from_secs(2);

/// How long the end of a show waits for the disk.
const LAST_LINES: Duration = Duration::from_millis(300);

/// The writing end of a recording.
#[derive(Debug)]
pub(crate) struct Recorder {
    lines: Option<SyncSender<Vec<u8>>>,
    trouble: Arc<OnceLock<String>>,
    /// Hangs up when everything has been written.
    done: Receiver<()>,
}

impl Recorder {
    /// Starts a recording in a new file.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let (opened, is_open) = mpsc::sync_channel(0);
        let (lines, waiting) = mpsc::sync_channel(WAITING);
        let trouble = Arc::new(OnceLock::new());
        let heard = trouble.clone();
        let path = path.to_owned();
        let (until_done, done) = mpsc::channel();
        std::thread::Builder::new().name("recorder".into()).spawn(move || {
            let (file, result) = match create(&path) {
                Ok(file) => (Some(file), Ok(())),
                Err(error) => (None, Err(error)),
            };
            // The recorder may have been dropped before the file was complete.
            let is_wanted = opened.send(result).is_ok();
            let Some(file) = file.filter(|_| is_wanted) else { return };
            if let Err(error) = write_all(file, &waiting) {
                let name = path.display();
                // Only the first trouble counts.
                let _: Result<(), String> =
                    heard.set(format!("the recording `{name}` cannot be written: {error}"));
            }
            drop(until_done);
        })?;
        let silence = |_| io::Error::new(io::ErrorKind::TimedOut, "it does not answer");
        is_open.recv_timeout(OPENING).map_err(silence)??;
        Ok(Self { lines: Some(lines), trouble, done })
    }

    /// Writes down an event, sooner or later.
    pub(crate) fn write(&mut self, now: Instant, port_name: Option<(&str, Port)>, event: &RecordedEvent<'_>) {
        let Some(lines) = &self.lines else { return };
        let mut text = serde_json::to_vec(&RecordedLine::new(now, port_name, event))
            .expect("a line has only texts and numbers");
        text.push(b'\n');
        match lines.try_send(text) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                let _: Result<(), String> =
                    self.trouble.set("the disk cannot keep up; the recording ends here".into());
                self.lines = None;
            }
            Err(TrySendError::Disconnected(_)) => self.lines = None,
        }
    }

    /// Why the recording has ended early, if it has.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.get().map(String::as_str)
    }
}

/// All recorded events are in the file when the show is over, unless the disk takes too long.
impl Drop for Recorder {
    fn drop(&mut self) {
        self.lines = None;
        let _: Result<(), RecvTimeoutError> = self.done.recv_timeout(LAST_LINES);
    }
}

/// Opens a file that only its owner may read.
#[cfg(unix)]
fn create(path: &Path) -> io::Result<File> {
    use std::fs::Permissions;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    const ONLY_OWNER: u32 = 0o600;
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(ONLY_OWNER).open(path)?;
    if file.metadata()?.is_file() {
        // An existing file keeps its permissions. Some file systems, such as those of USB sticks, have no owners.
        let _: io::Result<()> = file.set_permissions(Permissions::from_mode(ONLY_OWNER));
    }
    Ok(file)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).open(path)
}

fn write_all(file: File, waiting: &Receiver<Vec<u8>>) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(256 * 1024, file);
    while let Ok(line) = waiting.recv() {
        file.write_all(&line)?;
        while let Ok(line) = waiting.try_recv() {
            file.write_all(&line)?;
        }
        file.flush()?;
    }
    Ok(())
}

impl<'a> RecordedLine<'a> {
    fn new(now: Instant, port_name: Option<(&'a str, Port)>, event: &RecordedEvent<'a>) -> Self {
        let mut line = RecordedLine {
            at: now.as_micros(),
            instance: port_name.map(|(name, _)| name.into()),
            port: port_name.map(|(_, port)| port.0),
            peer: None,
            event: RecordedKind::Timeout,
            text: None,
            hex: None,
            number: None,
            channel: None,
            notice: None,
        };
        let peer = match event {
            RecordedEvent::Open(peer)
            | RecordedEvent::Data(peer, _)
            | RecordedEvent::Close(peer, _)
            | RecordedEvent::Full(peer)
            | RecordedEvent::Writable(peer) => Some(*peer),
            RecordedEvent::Install
            | RecordedEvent::Stop
            | RecordedEvent::Timeout
            | RecordedEvent::Resume
            | RecordedEvent::Put(..)
            | RecordedEvent::Lost
            | RecordedEvent::Notice(_) => None,
        };
        line.peer = peer.filter(|peer| *peer != Peer::Only).map(|peer| peer.to_string().into());
        line.event = match event {
            RecordedEvent::Install => RecordedKind::Install,
            RecordedEvent::Stop => RecordedKind::Stop,
            RecordedEvent::Timeout => RecordedKind::Timeout,
            RecordedEvent::Resume => RecordedKind::Resume,
            RecordedEvent::Put(channel, value) => {
                line.channel = Some((*channel).into());
                match value {
                    // `Debug` gives the shortest digits that read back as the same number.
                    Value::Number(number) => line.number = Some(format!("{number:?}").into()),
                    Value::Text(text) => line.text = Some((&**text).into()),
                }
                RecordedKind::Put
            }
            RecordedEvent::Open(_) => RecordedKind::Open,
            RecordedEvent::Data(_, data) => {
                match std::str::from_utf8(data) {
                    Ok(text) => line.text = Some(text.into()),
                    Err(_) => line.hex = Some(hex(data).into()),
                }
                RecordedKind::Data
            }
            RecordedEvent::Close(_, reason) => {
                line.text = Some(reason.to_string().into());
                RecordedKind::Close
            }
            RecordedEvent::Full(_) => RecordedKind::Full,
            RecordedEvent::Writable(_) => RecordedKind::Writable,
            RecordedEvent::Lost => RecordedKind::Lost,
            RecordedEvent::Notice(notice) => {
                line.notice = Some(notice.id.into());
                line.text = Some((&*notice.text).into());
                RecordedKind::Notice
            }
        };
        line
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
