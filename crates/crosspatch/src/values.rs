//! Prints the values of the channels as they change, in both directions, at a readable rate.
//!
//! A moving fader changes a hundred times a second. The first change of a channel is shown at once, then the latest
//! value twice a second with the number of values in between, and always the final value. A value of 0 or 1 and a text
//! are shown at once: they may be the press of a button. A separate thread observes the show twenty times a second.

use std::collections::BTreeMap;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use crosspatch_core::{Direction, HeldBack, InstanceId, Plan, Slot, Value};
use crosspatch_io::{Handle, Interest, Observation, ValueFrame};
use tracing::info;

/// Time between two looks at the show.
const PACE: Duration = Duration::from_millis(50);

/// Time between two lines of one channel.
const INTERVAL: Duration = Duration::from_millis(500);

/// Starts to print values. The thread ends with the show.
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
        for ValueLine { channel: Channel { instance, address, direction }, text } in book.due(Instant::now())
        {
            let sign = if direction == Direction::Input { "=" } else { "<-" };
            info!(instance, id = "value", "{address} {sign} {text}");
        }
    }
}

/// A channel, in one direction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Channel {
    instance: String,
    address: String,
    direction: Direction,
}

impl Channel {
    fn new(plan: &Plan, (instance, slot): (InstanceId, Slot), direction: Direction) -> Self {
        let planned = &plan.instances()[instance.index()];
        Self {
            instance: planned.name.to_string(),
            address: planned.channels.address(slot).to_owned(),
            direction,
        }
    }
}

/// A line to print.
#[derive(Debug, PartialEq, Eq)]
struct ValueLine {
    channel: Channel,
    text: String,
}

/// The values to print, and when.
#[derive(Debug, Default)]
struct Book {
    channels: BTreeMap<Channel, Entry>,
}

#[derive(Debug)]
struct Entry {
    latest: ValueState,
    printed: Option<ValueState>,
    due: Option<Instant>,
    free_at: Instant,
}

#[derive(Clone, Debug)]
struct ValueState {
    value: Value,
    /// How many values there were, as the engine counts them.
    count: u32,
    /// Why some mappings of the channel keep its values back.
    held_back: String,
}

impl Book {
    /// Takes the values of a frame. A value that a loopback passes on is printed at its input, or not at all if it goes
    /// no further: its source is already printed.
    fn take_frame(&mut self, now: Instant, frame: &ValueFrame) {
        for change in &frame.changes {
            let planned = &frame.plan.instances()[change.instance.index()];
            let leads_on = planned.channels.is_mapped(change.slot, Direction::Input);
            if planned.backend.loops_back && (change.direction == Direction::Input || !leads_on) {
                continue;
            }
            let from = (change.instance, change.slot);
            let held_back = match change.direction {
                Direction::Input => reasons(frame, from),
                Direction::Output => String::new(),
            };
            let channel = Channel::new(&frame.plan, from, change.direction);
            self.take(
                now,
                channel,
                ValueState { value: change.value.clone(), count: change.count, held_back },
            );
        }
    }

    fn take(&mut self, now: Instant, channel: Channel, latest: ValueState) {
        let is_urgent = latest.value.as_number().is_none_or(|level| level == 0.0 || level == 1.0);
        let entry = self.channels.entry(channel).or_insert_with(|| Entry {
            latest: latest.clone(),
            printed: None,
            due: None,
            free_at: now,
        });
        entry.latest = latest;
        entry.due = Some(if is_urgent { now } else { entry.free_at.max(now) });
    }

    /// The lines that are due, inputs before outputs. A value that has returned to the last printed one unseen is not
    /// printed again.
    fn due(&mut self, now: Instant) -> Vec<ValueLine> {
        let mut lines = Vec::new();
        for (channel, entry) in &mut self.channels {
            if entry.due.is_some_and(|due| due <= now) {
                entry.due = None;
                if let Some(text) = entry.print() {
                    entry.free_at = now + INTERVAL;
                    lines.push(ValueLine { channel: channel.clone(), text });
                }
            }
        }
        lines.sort_by_key(|line| line.channel.direction == Direction::Output);
        lines
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.channels.values().filter_map(|entry| entry.due).min()
    }
}

impl Entry {
    /// The text of the next line, unless it equals the last one.
    fn print(&mut self) -> Option<String> {
        let ValueState { value, count, held_back } = &self.latest;
        let more = self.printed.as_ref().map_or(0, |printed| count.wrapping_sub(printed.count));
        let is_same = |printed: &ValueState| printed.value == *value && printed.held_back == *held_back;
        if more < 2 && self.printed.as_ref().is_some_and(is_same) {
            return None;
        }
        let mut text = value.to_string();
        if more > 1 {
            text += &format!(" ({more} values)");
        }
        if !held_back.is_empty() {
            text += &format!(", held back: {held_back}");
        }
        self.printed = Some(self.latest.clone());
        Some(text)
    }
}

/// Why the mappings of a channel keep its values back: `desk.page1.fader1 (asleep, `pads.shift` is 0)`.
fn reasons(frame: &ValueFrame, from: (InstanceId, Slot)) -> String {
    let of_channel = frame.held_back.iter().filter(|held| held.from == from);
    let reason = |HeldBack { to, reason, .. }: &HeldBack| {
        let Channel { instance, address, .. } = Channel::new(&frame.plan, *to, Direction::Output);
        format!("{instance}.{address} ({reason})")
    };
    of_channel.map(reason).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(name: &str) -> Channel {
        Channel { instance: "desk".to_owned(), address: name.to_owned(), direction: Direction::Input }
    }

    /// The output of a book that has received values at these times, in milliseconds.
    fn printed(values: &[(u64, f64)]) -> Vec<(u64, String)> {
        let (mut book, start) = (Book::default(), Instant::now());
        let mut printed = Vec::new();
        let end = values.last().map_or(0, |(millis, _)| millis + 1000);
        let mut values = (1..).zip(values).peekable();
        for millis in 0..=end {
            let now = start + Duration::from_millis(millis);
            while let Some((count, (_, level))) = values.next_if(|(_, (at, _))| *at <= millis) {
                book.take(
                    now,
                    channel("fader1"),
                    ValueState { value: Value::number(*level), count, held_back: String::new() },
                );
            }
            printed.extend(book.due(now).into_iter().map(|line| (millis, line.text)));
        }
        assert_eq!(book.next_timeout(), None);
        printed
    }

    #[test]
    fn a_moving_fader_is_printed_twice_a_second_and_at_its_final_value() {
        let moves: Vec<_> = (1..100).map(|step| (step * 10, step as f64 / 128.0)).collect();
        let shown = printed(&moves);
        assert_eq!(shown.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [10, 510, 1010]);
        assert_eq!(shown[1].1, "0.398438 (50 values)");
        assert_eq!(shown[2].1, "0.773438 (48 values)");
    }

    #[test]
    fn a_button_is_printed_at_once_and_a_press_between_two_looks_shows_in_the_count() {
        let line = |at, text: &str| (at, text.to_owned());
        let shown = printed(&[(10, 1.0), (60, 0.0), (110, 1.0)]);
        assert_eq!(shown, [line(10, "1"), line(60, "0"), line(110, "1")]);
        let shown = printed(&[(10, 0.0), (60, 1.0), (60, 0.0)]);
        assert_eq!(shown, [line(10, "0"), line(60, "0 (2 values)")]);
    }

    #[test]
    fn what_holds_a_value_back_is_printed_when_it_changes() {
        let (mut book, now) = (Book::default(), Instant::now());
        let mut take = |count, held_back: &str| {
            book.take(
                now,
                channel("knob"),
                ValueState { value: Value::number(1.0), count, held_back: held_back.to_owned() },
            );
            book.due(now).pop().map(|line| line.text)
        };
        assert_eq!(take(1, "a.b (asleep)"), Some("1, held back: a.b (asleep)".to_owned()));
        assert_eq!(take(1, "a.b (asleep)"), None);
        assert_eq!(take(2, ""), Some("1".to_owned()));
    }

    #[test]
    fn channels_do_not_wait_for_each_other() {
        let (mut book, now) = (Book::default(), Instant::now());
        for name in ["a", "b"] {
            book.take(
                now,
                channel(name),
                ValueState { value: Value::number(1.0), count: 1, held_back: String::new() },
            );
        }
        assert_eq!(book.due(now).len(), 2);
    }
}
