//! Simulates our plugin for the console (`contrib/grandma3`, whose README describes the protocol): sends the state of
//! executors when it changes, and all of it on request.
//!
//! Like the plugin, this compares the current state with the last one sent, every tenth of a second, so that nothing is
//! queued and only the last of many changes is sent.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use crosspatch_core::{Duration, Instant, Outbox};

use super::address::ExecutorNumber;
use super::feedback::{send, string};
use super::options::Config;
use super::show::Show;
use crate::osc::wire::Argument;

/// The version of the protocol, which the plugin sends at its start.
const PROTOCOL: i32 = 1;
/// The page that is always watched, in addition to the current one.
const PAGE: u32 = 1;
const EXECUTORS: [RangeInclusive<u32>; 2] = [101..=115, 201..=215];
const TICK: Duration = Duration::from_millis(100);
/// The maximum number of messages in a step.
const BUDGET: usize = 20;
/// The placeholder for a missing text, because the console's command accepts no empty one.
const NOTHING: &str = "-";

/// A reported property of an executor.
#[derive(Clone, Debug, PartialEq)]
enum ReportedValue {
    Number(f32),
    Flag(bool),
    Text(String),
}

/// The state of the plugin.
#[derive(Debug, Default)]
pub(super) struct Plugin {
    sent: HashMap<(bool, u32, &'static str), ReportedValue>,
    page: Option<u32>,
    has_begun: bool,
    /// Where the next step continues.
    next: usize,
    tick_at: Option<Instant>,
}

impl Plugin {
    /// Sends everything again.
    pub(super) fn refresh(&mut self, now: Instant) {
        *self = Self { tick_at: self.tick_at, ..Self::default() };
        self.mark(now);
    }

    /// Schedules a step, because something may have changed.
    pub(super) fn mark(&mut self, now: Instant) {
        self.tick_at.get_or_insert(now + TICK);
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.tick_at
    }

    /// Performs a step if it is due.
    pub(super) fn handle_timeout(&mut self, now: Instant, settings: &Config, show: &Show, out: &mut Outbox) {
        if self.tick_at.is_none_or(|at| at > now) {
            return;
        }
        self.tick_at = self.step(settings, show, out).then_some(now + TICK);
    }

    /// Sends changes, up to the budget. Returns whether there are more.
    fn step(&mut self, settings: &Config, show: &Show, out: &mut Outbox) -> bool {
        if !std::mem::replace(&mut self.has_begun, true) {
            send(settings, "/crosspatch/version", &[Argument::Int32(PROTOCOL)], out);
        }
        if self.page.replace(show.page) != Some(show.page) {
            send(settings, "/crosspatch/page", &[Argument::Int32(show.page as i32)], out);
        }
        let watched: Vec<(bool, u32)> = [false, true]
            .into_iter()
            .flat_map(|is_current| {
                EXECUTORS.into_iter().flatten().map(move |executor| (is_current, executor))
            })
            .collect();
        let mut left = BUDGET;
        for _ in 0..watched.len() {
            let (is_current, executor) = watched[self.next % watched.len()];
            let place = ExecutorNumber { page: if is_current { show.page } else { PAGE }, executor };
            for (word, told) in state(show, place) {
                if self.sent.get(&(is_current, executor, word)) == Some(&told) {
                    continue;
                }
                if left == 0 {
                    return true;
                }
                left -= 1;
                let page = if is_current { String::new() } else { format!("/Page{PAGE}") };
                send(settings, &format!("{page}/{word}{executor}"), &[told.argument()], out);
                self.sent.insert((is_current, executor, word), told);
            }
            self.next = (self.next + 1) % watched.len();
        }
        false
    }
}

impl ReportedValue {
    fn argument(&self) -> Argument<'_> {
        match self {
            Self::Number(number) => Argument::Float32(*number),
            Self::Flag(is_on) => Argument::Int32(i32::from(*is_on)),
            Self::Text(text) => string(text),
        }
    }
}

/// The reported properties of an executor, in the plugin's order.
fn state(show: &Show, place: ExecutorNumber) -> [(&'static str, ReportedValue); 5] {
    let sequence = show.sequence_at(place).and_then(|number| show.sequences.get(&number));
    let level = sequence.map_or(0.0, |sequence| (sequence.level * 10_000.0).round() / 100.0);
    let cue = sequence.and_then(|sequence| sequence.cue());
    let [red, green, blue] = sequence.map_or([0; 3], |sequence| sequence.color);
    [
        ("Fader", ReportedValue::Number(level as f32)),
        ("Running", ReportedValue::Flag(sequence.is_some_and(|sequence| sequence.current.is_some()))),
        (
            "Name",
            ReportedValue::Text(
                sequence.map_or_else(|| NOTHING.to_owned(), |sequence| plain(&sequence.name)),
            ),
        ),
        (
            "Cue",
            ReportedValue::Text(
                cue.map_or_else(|| NOTHING.to_owned(), |cue| plain(&format!("{} {}", cue.number, cue.name))),
            ),
        ),
        ("Color", ReportedValue::Text(format!("#{red:02x}{green:02x}{blue:02x}"))),
    ]
}

/// A text without characters that the console's command cannot contain: a comma would end the text, and a quote the
/// command.
fn plain(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|letter| match letter {
            ',' => ';',
            '"' => '\'',
            letter if letter.is_ascii_control() => ' ',
            letter => letter,
        })
        .collect();
    if text.trim().is_empty() { NOTHING.to_owned() } else { text }
}
