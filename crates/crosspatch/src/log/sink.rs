//! The output of the log: a bounded queue, and a thread that writes.
//!
//! A terminal stopped with Ctrl-S, or a pipe without a reader, blocks its writer. Only this thread writes, never the
//! one that runs the show.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// The capacity of the queue in lines.
const WAITING: usize = 4096;

/// The time limit for the last lines at the end of the program.
const FAREWELL: Duration = Duration::from_millis(200);

enum SinkMessage {
    Lines(Vec<u8>),
    Finish(Sender<()>),
}

/// Accepts lines without blocking.
#[derive(Clone, Debug)]
pub(crate) struct LogSink {
    queue: SyncSender<SinkMessage>,
    lost: Arc<AtomicU64>,
}

impl LogSink {
    /// Starts the thread that writes to `output`.
    pub(crate) fn start(output: impl Write + Send + 'static) -> Self {
        let (queue, messages) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let counter = lost.clone();
        // If the thread cannot start, the show runs without a log.
        let writer = std::thread::Builder::new().name("log".to_owned());
        let _ = writer.spawn(move || write_all(output, &messages, &counter));
        Self { queue, lost }
    }

    /// Puts lines, each with its line feed, at the end of the queue, or counts them as lost.
    pub(crate) fn put(&self, lines: Vec<u8>) {
        if self.queue.try_send(SinkMessage::Lines(lines)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits briefly until all lines so far are written.
    pub(crate) fn finish(&self) {
        let (done, written) = channel();
        if self.queue.try_send(SinkMessage::Finish(done)).is_ok() {
            let _ = written.recv_timeout(FAREWELL);
        }
    }
}

/// Writes until the last sink is dropped. Lines for a closed output are lost without a message.
fn write_all(mut output: impl Write, messages: &Receiver<SinkMessage>, lost: &AtomicU64) {
    for message in messages {
        match message {
            SinkMessage::Lines(lines) => {
                let _ = output.write_all(&lines).and_then(|()| output.flush());
            }
            SinkMessage::Finish(done) => {
                let _ = done.send(());
            }
        }
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(output, "({lost} lines are missing: the log was not read in time)");
        }
    }
}

/// One event: the formatter passes it in a single call of `write`.
impl Write for LogSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogSink {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;

    /// An output that blocks until it is opened.
    #[derive(Clone, Default)]
    struct Valve(Arc<(Mutex<Inside>, Condvar)>);

    #[derive(Default)]
    struct Inside {
        is_open: bool,
        written: Vec<u8>,
    }

    impl Valve {
        fn open(&self) {
            self.0.0.lock().unwrap().is_open = true;
            self.0.1.notify_all();
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.0.lock().unwrap().written.clone()).unwrap()
        }
    }

    impl Write for Valve {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut inside = self.0.1.wait_while(self.0.0.lock().unwrap(), |inside| !inside.is_open).unwrap();
            inside.written.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_output_that_does_not_read_blocks_nobody_and_loses_lines_with_a_count() {
        let valve = Valve::default();
        let sink = LogSink::start(valve.clone());
        // One line may have been taken out of the queue by the thread that hangs on it.
        for number in 0..WAITING + 101 {
            sink.put(format!("line {number}\n").into_bytes());
        }
        sink.finish();
        assert_eq!(valve.text(), "");
        valve.open();
        let mut lines = 0;
        while lines < WAITING + 1 {
            sink.finish();
            lines = valve.text().lines().count();
        }
        let text = valve.text();
        assert!(text.starts_with("line 0\n"), "{text}");
        let lost =
            text.lines().find_map(|line| line.strip_prefix("(")?.split_once(" lines are missing")).unwrap();
        let lost: usize = lost.0.parse().unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("line ")).count() + lost, WAITING + 101);
        assert!(lost == 100 || lost == 101, "{lost}");
    }

    #[test]
    fn an_output_that_fails_is_no_reason_to_stop() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let sink = LogSink::start(Closed);
        for _ in 0..3 * WAITING {
            sink.put(b"line\n".to_vec());
        }
        sink.finish();
        let (done, written) = channel();
        while sink.queue.try_send(SinkMessage::Finish(done.clone())).is_err() {
            std::thread::yield_now();
        }
        assert_eq!(written.recv(), Ok(()));
    }
}
