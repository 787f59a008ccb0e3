//! Prints the values of the channels as they change, at a readable rate.
//!
//! A fader that is moved changes a hundred times a second. The first change of a channel is shown at once, then the latest
//! value twice a second, and always the value at which it comes to rest. This is a thread of its own, which observes the
//! show twenty times a second.

use std::collections::BTreeMap;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use crosspatch_core::{Direction, Value};
use crosspatch_io::{Handle, Interest, Observation, ValueFrame};
use tracing::info;

/// Time between two looks at the show.
const PACE: Duration = Duration::from_millis(50);

/// Time between two lines of one channel.
const INTERVAL: Duration = Duration::from_millis(500);

/// Starts to print the input values. The thread ends with the show.
///
/// # Errors
///
/// Fails if the thread cannot be started.
pub(crate) fn show(of: &Handle) -> std::io::Result<()> {
    let observation = of.observe(Interest { every: PACE, channels: None });
    std::thread::Builder::new().name("values".to_owned()).spawn(move || print(&observation))?;
    Ok(())
}

fn print(observation: &Observation) {
    let mut book = Book::default();
    loop {
        let wait =
            book.next_timeout().map_or(Duration::MAX, |due| due.saturating_duration_since(Instant::now()));
        match observation.next_frame(wait.min(Duration::from_secs(3600))) {
            Ok(frame) => book.take_frame(Instant::now(), &frame),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        for ((instance, address), value) in book.due(Instant::now()) {
            info!(instance, id = "value", "{address} {value}");
        }
    }
}

/// The values to print, and when.
#[derive(Debug, Default)]
struct Book {
    channels: BTreeMap<(String, String), Entry>,
}

#[derive(Debug)]
struct Entry {
    latest: Value,
    printed: Option<Value>,
    due: Option<Instant>,
    free_at: Instant,
}

impl Book {
    /// Takes the input values. A value that a loopback passes on is printed at its source only.
    fn take_frame(&mut self, now: Instant, frame: &ValueFrame) {
        for change in frame.changes.iter().filter(|change| change.direction == Direction::Input) {
            let planned = &frame.plan.instances()[change.instance.index()];
            if !planned.backend.loops_back {
                let address = planned.channels.address(change.slot).to_owned();
                self.take(now, (planned.name.to_string(), address), change.value.clone());
            }
        }
    }

    fn take(&mut self, now: Instant, channel: (String, String), value: Value) {
        let entry = self.channels.entry(channel).or_insert_with(|| Entry {
            latest: value.clone(),
            printed: None,
            due: None,
            free_at: now,
        });
        entry.latest = value;
        entry.due = Some(entry.free_at.max(now));
    }

    /// The lines that are due. A value that has returned to the last printed one is not printed again.
    fn due(&mut self, now: Instant) -> Vec<((String, String), Value)> {
        let mut lines = Vec::new();
        for (channel, entry) in &mut self.channels {
            if entry.due.is_some_and(|due| due <= now) {
                entry.due = None;
                if entry.printed.as_ref() != Some(&entry.latest) {
                    entry.free_at = now + INTERVAL;
                    entry.printed = Some(entry.latest.clone());
                    lines.push((channel.clone(), entry.latest.clone()));
                }
            }
        }
        lines
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.channels.values().filter_map(|entry| entry.due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moving_fader_is_printed_twice_a_second_and_at_its_final_value() {
        let (mut book, start) = (Book::default(), Instant::now());
        let mut printed = Vec::new();
        for step in 0..=100 {
            let now = start + Duration::from_millis(step * 10);
            book.take(now, ("desk".to_owned(), "fader1".to_owned()), Value::number(step as f64 / 100.0));
            printed.extend(book.due(now).into_iter().map(|(_, value)| value.to_string()));
        }
        assert_eq!(printed, ["0", "0.5", "1"]);
        let due = book.next_timeout();
        assert_eq!(due, None);
        book.take(
            start + Duration::from_millis(1010),
            ("desk".to_owned(), "fader1".to_owned()),
            Value::number(0.3),
        );
        assert_eq!(book.due(start + Duration::from_millis(1010)), []);
        assert_eq!(book.next_timeout(), Some(start + Duration::from_millis(1500)));
        assert_eq!(book.due(start + Duration::from_millis(1500)).len(), 1);
    }

    #[test]
    fn channels_do_not_wait_for_each_other() {
        let (mut book, now) = (Book::default(), Instant::now());
        for name in ["a", "b"] {
            book.take(now, ("desk".to_owned(), name.to_owned()), Value::number(1.0));
        }
        assert_eq!(book.due(now).len(), 2);
    }
}
