//! The requests to a console, and their times.
//!
//! A console sends its state only on request. The [`plan`] combines the executors mapped as inputs into as few requests
//! as each kind of console permits. The [`Poller`] sends one request at a time, the next one after the answer has
//! arrived and the interval is over.
//!
//! The interval is longer while nothing changes. Polls keep their phase, which differs from console to console: with a
//! thousand consoles, a poll is due every few hundred microseconds, and not a thousand at once.

use std::hash::{Hash, Hasher};

use crosspatch_core::{Duration, Instant};
use rustc_hash::FxHasher;

use super::address::ExecutorAddress;
use super::wire::{ConsoleFamily, ItemsType, PlaybacksFormat, PlaybacksRequest, Range, View};

/// A request without an answer after this time is abandoned. The keep-alive decides whether the console is lost.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// While the console's dialect is uncertain, the first polls are abandoned sooner and sent in the other dialect.
const PROBE_TIMEOUT: Duration = Duration::from_millis(400);

/// The number of polls that are abandoned early: two in each dialect.
const PROBES: u32 = 4;

/// For so long after a change, more changes are likely, and the shorter interval applies.
const ACTIVE: Duration = Duration::from_secs(1);

/// The longest time over which the polls of several consoles are spread. Nothing is gained by more: a thousand polls within
/// it are one every 40 us.
const SPREAD: Duration = Duration::from_millis(40);

/// The interval of requests for lamps, as on MA's page.
const LED_INTERVAL: Duration = Duration::from_millis(300);

/// The maximum number of executors in one request to a grandMA2. An answer contains about 750 bytes for each, 45 KB in
/// total.
const MOST_EXECUTORS: u32 = 60;

/// The maximum number of ranges in one request; MA's page uses up to six.
const MOST_RANGES: usize = 6;

/// The flat dialect permits one range per request: requesting this many unused executors costs less than another
/// request.
const WORTH_ASKING: u32 = 10;

/// The sections of a dot2 as fader indices: the core and two F-wings. Their buttons are at offsets 100 and 200.
const DOT2_SECTIONS: [(u32, u32); 3] = [(0, 6), (6, 14), (14, 22)];

/// The first indices of the button rows of the B-wings; each row has twice eight buttons, one wing after the other.
const DOT2_WING_ROWS: [u32; 6] = [300, 400, 500, 600, 700, 800];

/// Whether a console has an executor with that number.
pub(crate) fn exists(console: Option<ConsoleFamily>, number: u16) -> bool {
    match console {
        Some(ConsoleFamily::Gma2) | None => matches!(number, 1..=90 | 101..=190),
        Some(ConsoleFamily::Dot2) => match number {
            1..=22 | 101..=122 | 201..=222 => true,
            301..=816 => (1..=16).contains(&(number % 100)),
            _ => false,
        },
    }
}

/// The requests that cover `executors`, which are sorted. Executors that the console does not have are left out.
pub(crate) fn plan(
    executors: impl IntoIterator<Item = ExecutorAddress>,
    console: Option<ConsoleFamily>,
    dialect: PlaybacksFormat,
) -> Vec<PlaybacksRequest> {
    let mut pages: Vec<(u32, Vec<u32>)> = Vec::new();
    for executor in executors.into_iter().filter(|executor| exists(console, executor.number.get())) {
        let (page, index) = (executor.page_index(), executor.index());
        match pages.last_mut() {
            Some((last, indices)) if *last == page => {
                if indices.last() != Some(&index) {
                    indices.push(index);
                }
            }
            _ => pages.push((page, vec![index])),
        }
    }
    let mut requests = Vec::new();
    for (page, indices) in pages {
        match (console, dialect) {
            (Some(ConsoleFamily::Dot2), _) => plan_dot2(page, &indices, &mut requests),
            (Some(ConsoleFamily::Gma2) | None, PlaybacksFormat::Grouped) => {
                plan_gma2(page, &indices, &mut requests)
            }
            (Some(ConsoleFamily::Gma2) | None, PlaybacksFormat::Flat) => {
                plan_flat(page, &indices, &mut requests)
            }
        }
    }
    requests
}

/// Ranges of whole groups of five, up to `MOST_EXECUTORS` and `MOST_RANGES` per request, faders and buttons mixed.
fn plan_gma2(page: u32, indices: &[u32], requests: &mut Vec<PlaybacksRequest>) {
    let mut ranges: Vec<Range> = Vec::new();
    let mut asked = 0;
    for range in groups_of_five(indices, 0) {
        if ranges.len() == MOST_RANGES || asked + range.count > MOST_EXECUTORS {
            requests.push(gma2_request(page, std::mem::take(&mut ranges)));
            asked = 0;
        }
        asked += range.count;
        ranges.push(range);
    }
    requests.push(gma2_request(page, ranges));
}

fn gma2_request(page: u32, ranges: Vec<Range>) -> PlaybacksRequest {
    // Buttons alone are requested like the button view of MA's page; mixed ranges also work in the fader view.
    let has_faders = ranges.iter().any(|range| range.items_type == ItemsType::Faders);
    let (view, mode) = if has_faders { (View::Faders, 1) } else { (View::Buttons, 2) };
    request(PlaybacksFormat::Grouped, page, view, mode, ranges)
}

/// One range per request.
fn plan_flat(page: u32, indices: &[u32], requests: &mut Vec<PlaybacksRequest>) {
    for range in groups_of_five(indices, WORTH_ASKING) {
        let mode = if range.items_type == ItemsType::Faders { 1 } else { 2 };
        requests.push(request(PlaybacksFormat::Flat, page, View::None, mode, vec![range]));
    }
}

/// Covers indices with ranges that begin and end at multiples of five and contain at most `MOST_EXECUTORS`. Gaps of up
/// to `gap` are covered, too.
fn groups_of_five(indices: &[u32], gap: u32) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for &index in indices {
        let start = index / 5 * 5;
        let items_type = if index < 100 { ItemsType::Faders } else { ItemsType::Buttons };
        match ranges.last_mut() {
            Some(last)
                if last.items_type == items_type
                    && start <= last.start + last.count + gap
                    && start + 5 - last.start <= MOST_EXECUTORS =>
            {
                last.count = last.count.max(start + 5 - last.start);
            }
            _ => ranges.push(Range { start, count: 5, items_type }),
        }
    }
    ranges
}

/// The sections of the main part and the button rows of the B-wings.
fn plan_dot2(page: u32, indices: &[u32], requests: &mut Vec<PlaybacksRequest>) {
    let in_row = |row: u32| indices.iter().filter(move |index| **index / 100 == row).map(|index| index % 100);
    let (faders, lower, upper) = (in_row(0), in_row(1), in_row(2));
    let main: Vec<u32> = faders.chain(lower).chain(upper).collect();
    let sections =
        DOT2_SECTIONS.iter().filter(|(start, end)| main.iter().any(|at| (*start..*end).contains(at)));
    let reach = sections.fold(None, |reach: Option<(u32, u32)>, (start, end)| {
        Some(reach.map_or((*start, *end), |(first, _)| (first, *end)))
    });
    if let Some((start, end)) = reach {
        // The buttons above the faders are only sent together with the faders.
        let ranges = [(0, ItemsType::Faders), (100, ItemsType::Buttons), (200, ItemsType::Buttons)];
        let wanted = ranges.into_iter().filter(|(row, _)| *row == 0 || in_row(row / 100).next().is_some());
        let ranges =
            wanted.map(|(row, items_type)| Range { start: row + start, count: end - start, items_type });
        requests.push(request(PlaybacksFormat::Grouped, page, View::Faders, 1, ranges.collect()));
    }
    if let Some(last) = indices.iter().filter(|index| **index >= 300).map(|index| index % 100).max() {
        // A dot2 does not answer requests for single rows, so all six are requested.
        let count = if last < 8 { 8 } else { 16 };
        let ranges = DOT2_WING_ROWS.map(|start| Range { start, count, items_type: ItemsType::Buttons });
        requests.push(request(PlaybacksFormat::Grouped, page, View::Buttons, 2, ranges.into()));
    }
}

fn request(
    dialect: PlaybacksFormat,
    page_index: u32,
    view: View,
    mode: u32,
    ranges: Vec<Range>,
) -> PlaybacksRequest {
    PlaybacksRequest {
        dialect,
        ranges,
        page_index,
        view,
        exec_button_view_mode: Some(mode),
        buttons_view_mode: Some(0),
        session: 0,
    }
}

/// The part of an interval by which the polls of an instance of this name are later than those of others.
pub(crate) fn phase(name: &str, interval: Duration) -> Duration {
    let mut hasher = FxHasher::default();
    name.hash(&mut hasher);
    // The upper half of a product is evenly distributed. Loops wake up for whole milliseconds.
    let millis = (u128::from(hasher.finish()) * interval.min(SPREAD).as_millis()) >> 64;
    Duration::from_millis(millis as u64)
}

/// Sends the requests of a plan round robin, one at a time.
#[derive(Debug)]
pub(crate) struct Poller {
    /// The interval while something changes, and while nothing does.
    interval: Duration,
    idle_interval: Duration,
    /// The part of the interval that is inserted once, after the first poll of a connection.
    phase: Duration,
    is_first: bool,
    /// Until when the shorter interval applies.
    active_until: Instant,
    requests: Vec<PlaybacksRequest>,
    /// The record of each request.
    records: Vec<RequestRecord>,
    /// The record of the request for lamps, if lamps are requested.
    leds: Option<RequestRecord>,
    next: usize,
    next_at: Instant,
    /// When the last poll was due.
    last_due: Instant,
    in_flight: Option<Poll>,
    /// The number of consecutive requests for executors without an answer.
    unanswered: u32,
    /// The remaining number of polls that may be abandoned early.
    probes: u32,
    /// When the first early abandoned poll was sent that may still be answered.
    asked_since: Option<Instant>,
    runs: bool,
}

/// The history of a request. A request that is never answered delays the others by a time-out each time. It is
/// therefore sent less and less often.
#[derive(Copy, Clone, Debug, Default)]
struct RequestRecord {
    missed: u32,
    not_before: Instant,
}

impl RequestRecord {
    fn miss(&mut self, now: Instant) {
        self.not_before = now + ANSWER_TIMEOUT * self.missed.min(15);
        self.missed += 1;
    }
}

/// A request that waits for its answer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Poll {
    /// What was requested.
    pub(crate) what: PollKind,
    /// When it was sent.
    pub(crate) sent: Instant,
    /// When it is abandoned.
    until: Instant,
}

/// The subject of a poll.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum PollKind {
    /// The request at this index in the plan.
    Executors(usize),
    /// The lamps.
    Leds,
}

impl Poller {
    /// A poller without requests. `phase` is a part of the interval.
    pub(crate) fn new(interval: Duration, idle_interval: Duration, phase: Duration) -> Self {
        Self {
            interval,
            idle_interval,
            phase,
            is_first: true,
            active_until: Instant::START,
            requests: Vec::new(),
            records: Vec::new(),
            leds: None,
            next: 0,
            next_at: Instant::START,
            last_due: Instant::START,
            in_flight: None,
            unanswered: 0,
            probes: 0,
            asked_since: None,
            runs: false,
        }
    }

    /// Replaces the requests. The answer to a request in flight is still awaited, without a place in the plan.
    pub(crate) fn ask_for(&mut self, requests: Vec<PlaybacksRequest>, leds: bool) {
        self.records = vec![RequestRecord::default(); requests.len()];
        self.requests = requests;
        self.leds = leds.then(|| self.leds.unwrap_or_default());
        self.next = 0;
        if let Some(Poll { what: PollKind::Executors(at), .. }) = &mut self.in_flight {
            *at = usize::MAX;
        }
    }

    /// The current requests.
    pub(crate) fn requests(&self) -> &[PlaybacksRequest] {
        &self.requests
    }

    /// The request for executors that waits for its answer.
    pub(crate) fn awaited_request(&self) -> Option<usize> {
        match self.in_flight?.what {
            PollKind::Executors(at) => Some(at),
            PollKind::Leds => None,
        }
    }

    /// Starts to poll immediately.
    pub(crate) fn start(&mut self, now: Instant) {
        (self.runs, self.in_flight, self.unanswered, self.next) = (true, None, 0, 0);
        (self.probes, self.asked_since) = (0, None);
        (self.next_at, self.is_first, self.active_until) = (now, true, now + ACTIVE);
        self.records.fill(RequestRecord::default());
        self.leds = self.leds.map(|_| RequestRecord::default());
    }

    /// Abandons the first polls early, because their dialect may be wrong.
    pub(crate) fn probe(&mut self) {
        self.probes = PROBES;
    }

    /// Stops polling until the next start.
    pub(crate) fn stop(&mut self) {
        (self.runs, self.in_flight) = (false, None);
    }

    /// The next request, if one is due; it counts as sent.
    pub(crate) fn due(&mut self, now: Instant) -> Option<PollKind> {
        if !self.runs || self.in_flight.is_some() || self.next_at > now {
            return None;
        }
        let what = match &mut self.leds {
            Some(leds) if leds.not_before <= now => {
                leds.not_before = now + LED_INTERVAL;
                PollKind::Leds
            }
            Some(_) | None => {
                let count = self.requests.len();
                let mut in_turn = (0..count).map(|step| (self.next + step) % count);
                let at = in_turn.find(|at| self.records[*at].not_before <= now)?;
                self.next = at + 1;
                PollKind::Executors(at)
            }
        };
        let timeout = match what {
            PollKind::Executors(_) if self.probes > 0 => PROBE_TIMEOUT,
            PollKind::Executors(_) | PollKind::Leds => ANSWER_TIMEOUT,
        };
        self.in_flight = Some(Poll { what, sent: now, until: now + timeout });
        // A late wake-up does not move the phase; otherwise polls that were sent together would stay together.
        self.last_due = if self.next_at + self.interval > now { self.next_at } else { now };
        Some(what)
    }

    /// Called when something has changed at the console, or was sent to it: the shorter interval applies.
    pub(crate) fn note_activity(&mut self, now: Instant) {
        self.active_until = now + ACTIVE;
        if self.next_at > now && self.in_flight.is_none() {
            self.schedule(now);
        }
    }

    /// Handles received executors. Returns the request that they answer, if there is one.
    pub(crate) fn take_executors(&mut self, now: Instant) -> Option<Poll> {
        let mut poll = self.in_flight.take_if(|poll| matches!(poll.what, PollKind::Executors(_)))?;
        (self.unanswered, self.probes) = (0, 0);
        if let Some(record) = self.record(poll.what) {
            *record = RequestRecord::default();
        }
        self.schedule(now);
        // They may answer an earlier request.
        poll.sent = self.asked_since.take().unwrap_or(poll.sent);
        Some(poll)
    }

    /// Handles an empty answer. Returns whether a request for executors was waiting; if so, the next one is due
    /// immediately.
    pub(crate) fn take_nothing(&mut self, now: Instant) -> bool {
        let poll = self.in_flight.take_if(|poll| matches!(poll.what, PollKind::Executors(_)));
        if poll.is_some() {
            self.next_at = now;
        }
        poll.is_some()
    }

    /// Handles received lamps.
    pub(crate) fn take_leds(&mut self, now: Instant) {
        if self.in_flight.take_if(|poll| poll.what == PollKind::Leds).is_some() {
            if let Some(record) = &mut self.leds {
                record.missed = 0;
            }
            self.schedule(now);
        }
    }

    /// Abandons an answer that is overdue. Returns the number of consecutive requests for executors without an answer,
    /// except those that were abandoned early.
    pub(crate) fn give_up(&mut self, now: Instant) -> Option<u32> {
        let poll = self.in_flight.take_if(|poll| poll.until <= now)?;
        if self.probes > 0 && poll.what != PollKind::Leds {
            self.probes -= 1;
            self.next_at = now;
            self.asked_since.get_or_insert(poll.sent);
            return Some(self.unanswered);
        }
        self.schedule(now);
        if let Some(record) = self.record(poll.what) {
            record.miss(now);
        }
        if poll.what == PollKind::Leds {
            return None;
        }
        self.unanswered += 1;
        Some(self.unanswered)
    }

    /// Schedules the next poll. Several requests take turns; a round of them takes the idle interval if it is longer.
    fn schedule(&mut self, now: Instant) {
        let is_active = now < self.active_until;
        let round = self.requests.len().max(1) as u32;
        let gap = if is_active { self.interval } else { self.interval.max(self.idle_interval / round) };
        if std::mem::take(&mut self.is_first) {
            self.last_due += self.phase;
        }
        self.next_at = (self.last_due + gap).max(now);
    }

    fn record(&mut self, what: PollKind) -> Option<&mut RequestRecord> {
        match what {
            PollKind::Executors(at) => self.records.get_mut(at),
            PollKind::Leds => self.leds.as_mut(),
        }
    }

    /// When `give_up` and `due` have to be called.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        if !self.runs {
            return None;
        }
        if let Some(poll) = &self.in_flight {
            return Some(poll.until);
        }
        let soonest = self.records.iter().chain(&self.leds).map(|record| record.not_before).min()?;
        Some(soonest.max(self.next_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maweb::address::Address;

    fn executors(list: &[&str]) -> Vec<ExecutorAddress> {
        let mut executors: Vec<_> = list
            .iter()
            .map(|text| match text.parse() {
                Ok(Address::Executor(executor, _)) => executor,
                other => panic!("{text} is no executor: {other:?}"),
            })
            .collect();
        executors.sort_unstable();
        executors
    }

    /// Page index, view, and ranges as `start+count` with `f` for faders and `b` for buttons.
    fn shown(console: ConsoleFamily, dialect: PlaybacksFormat, list: &[&str]) -> Vec<String> {
        plan(executors(list), Some(console), dialect)
            .iter()
            .map(|request| {
                let ranges = request.ranges.iter().map(|range| {
                    let kind = if range.items_type == ItemsType::Faders { "f" } else { "b" };
                    format!(" {kind}{}+{}", range.start, range.count)
                });
                format!("{} {:?}{}", request.page_index, request.view, ranges.collect::<String>())
            })
            .collect()
    }

    #[test]
    fn a_grandma2_is_asked_in_fives_that_begin_at_fives() {
        let plan = |list| shown(ConsoleFamily::Gma2, PlaybacksFormat::Grouped, list);
        assert_eq!(plan(&["page1.fader1"]), ["0 Faders f0+5"]);
        assert_eq!(plan(&["page1.fader5", "page1.fader6"]), ["0 Faders f0+10"]);
        assert_eq!(plan(&["page1.fader1", "page1.name1", "page1.fader90"]), ["0 Faders f0+5 f85+5"]);
        assert_eq!(plan(&["page2.button103", "page2.run190"]), ["1 Buttons b100+5 b185+5"]);
        assert_eq!(plan(&["page1.fader2", "page1.button106"]), ["0 Faders f0+5 b105+5"]);
        assert_eq!(plan(&["page3.fader1", "page1.fader1"]), ["0 Faders f0+5", "2 Faders f0+5"]);
        assert_eq!(plan(&[]), [""; 0]);
    }

    #[test]
    fn executors_that_the_console_does_not_have_are_not_asked_for() {
        assert_eq!(
            shown(ConsoleFamily::Gma2, PlaybacksFormat::Grouped, &["page1.button301", "page1.button201"]),
            [""; 0]
        );
        assert_eq!(
            shown(ConsoleFamily::Dot2, PlaybacksFormat::Grouped, &["page1.fader23", "page1.button190"]),
            [""; 0]
        );
    }

    #[test]
    fn a_whole_page_is_spread_over_several_requests() {
        let all: Vec<_> = (1..=90).map(|number| format!("page1.fader{number}")).collect();
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        assert_eq!(
            shown(ConsoleFamily::Gma2, PlaybacksFormat::Grouped, &all),
            ["0 Faders f0+60", "0 Faders f60+30"]
        );
        let scattered: Vec<_> = (0..9).map(|ten| format!("page1.fader{}", ten * 10 + 1)).collect();
        let scattered: Vec<_> = scattered.iter().map(String::as_str).collect();
        assert_eq!(
            shown(ConsoleFamily::Gma2, PlaybacksFormat::Grouped, &scattered),
            ["0 Faders f0+5 f10+5 f20+5 f30+5 f40+5 f50+5", "0 Faders f60+5 f70+5 f80+5"]
        );
    }

    #[test]
    fn a_dot2_is_asked_by_sections_and_for_buttons_only_together_with_faders() {
        let plan = |list| shown(ConsoleFamily::Dot2, PlaybacksFormat::Grouped, list);
        assert_eq!(plan(&["page1.fader3"]), ["0 Faders f0+6"]);
        assert_eq!(plan(&["page1.button101"]), ["0 Faders f0+6 b100+6"]);
        assert_eq!(plan(&["page1.button214"]), ["0 Faders f6+8 b206+8"]);
        assert_eq!(plan(&["page1.fader1", "page1.button122"]), ["0 Faders f0+22 b100+22"]);
        assert_eq!(plan(&["page1.fader7", "page1.run201"]), ["0 Faders f0+14 b200+14"]);
        assert_eq!(plan(&["page2.button501"]), ["1 Buttons b300+8 b400+8 b500+8 b600+8 b700+8 b800+8"]);
        assert_eq!(
            plan(&["page1.fader1", "page1.button816"]),
            ["0 Faders f0+6", "0 Buttons b300+16 b400+16 b500+16 b600+16 b700+16 b800+16"]
        );
    }

    #[test]
    fn an_old_grandma2_is_asked_for_one_range_at_a_time() {
        let plan = |list| shown(ConsoleFamily::Gma2, PlaybacksFormat::Flat, list);
        assert_eq!(plan(&["page1.fader1", "page1.fader12"]), ["0 None f0+15"]);
        assert_eq!(
            plan(&["page1.fader1", "page1.fader41", "page1.button101"]),
            ["0 None f0+5", "0 None f40+5", "0 None b100+5"]
        );
    }

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    fn poller(interval: u64, list: &[&str], leds: bool) -> Poller {
        let interval = Duration::from_millis(interval);
        let mut poller = Poller::new(interval, interval, Duration::ZERO);
        poller.ask_for(plan(executors(list), Some(ConsoleFamily::Gma2), PlaybacksFormat::Grouped), leds);
        poller.start(at(0));
        poller
    }

    #[test]
    fn the_next_poll_waits_for_the_answer_and_for_the_interval() {
        let mut poller = poller(40, &["page1.fader1", "page2.fader1"], false);
        assert_eq!(poller.due(at(0)), Some(PollKind::Executors(0)));
        assert_eq!(poller.due(at(1000)), None);
        assert_eq!(poller.take_executors(at(10)).map(|poll| poll.sent), Some(at(0)));
        assert_eq!((poller.due(at(39)), poller.next_timeout()), (None, Some(at(40))));
        assert_eq!(poller.due(at(40)), Some(PollKind::Executors(1)));
        assert!(poller.take_executors(at(240)).is_some());
        assert_eq!(poller.due(at(240)), Some(PollKind::Executors(0)), "late answers are followed at once");
    }

    /// The times of polls of a console that answers after a millisecond, until this time.
    fn times(poller: &mut Poller, until: u64, mut changes: impl FnMut(&mut Poller, u64)) -> Vec<u64> {
        let mut times = Vec::new();
        for now in 0..until {
            changes(poller, now);
            if poller.due(at(now)).is_some() {
                times.push(now);
            } else {
                poller.take_executors(at(now));
            }
        }
        times
    }

    #[test]
    fn polls_are_less_frequent_while_nothing_changes_and_frequent_at_once_when_something_does() {
        let mut poller = Poller::new(Duration::from_millis(40), Duration::from_millis(100), Duration::ZERO);
        let plan = |list| plan(executors(list), Some(ConsoleFamily::Gma2), PlaybacksFormat::Grouped);
        poller.ask_for(plan(&["page1.fader1"]), false);
        poller.start(at(0));
        let times = times(&mut poller, 3000, |poller, now| {
            if now == 2050 {
                poller.note_activity(at(now));
            }
        });
        let gaps: Vec<_> = times.windows(2).map(|pair| (pair[0], pair[1] - pair[0])).collect();
        assert!(gaps.iter().take_while(|(at, _)| *at < 960).all(|(_, gap)| *gap == 40), "{gaps:?}");
        let idle = gaps.iter().filter(|(at, _)| (1000..1900).contains(at));
        assert!(idle.clone().all(|(_, gap)| *gap == 100) && idle.count() > 5, "{gaps:?}");
        let next = times.iter().find(|time| **time >= 2050);
        assert!(next.is_some_and(|next| *next <= 2090), "{times:?}");
        assert!(gaps.iter().filter(|(at, _)| *at >= 2050).all(|(_, gap)| *gap == 40), "{gaps:?}");

        let pages: Vec<_> = (1..=5).map(|page| format!("page{page}.fader1")).collect();
        poller.ask_for(plan(&pages.iter().map(String::as_str).collect::<Vec<_>>()), false);
        poller.start(at(10_000));
        poller.note_activity(at(0));
        assert!(poller.due(at(10_000)).is_some() && poller.take_executors(at(10_001)).is_some());
        assert_eq!(
            poller.next_timeout(),
            Some(at(10_040)),
            "five pages take turns and are not later than before"
        );
    }

    #[test]
    fn polls_of_many_consoles_are_spread_and_stay_spread_after_the_loop_was_late() {
        const CONSOLES: usize = 400;
        let interval = Duration::from_millis(40);
        let mut pollers: Vec<_> = (0..CONSOLES)
            .map(|number| {
                let mut poller = Poller::new(interval, interval, phase(&format!("desk{number}"), interval));
                poller.ask_for(plan(executors(&["page1.fader1"]), None, PlaybacksFormat::Grouped), false);
                poller.start(at(0));
                poller
            })
            .collect();
        let mut sent = vec![0_usize; 1200];
        for now in 0..1200 {
            // Nothing is handled for most of an interval.
            if (600..635).contains(&now) {
                continue;
            }
            for poller in &mut pollers {
                if poller.take_executors(at(now)).is_some() && now < 100 {
                    poller.note_activity(at(now));
                }
                sent[now as usize] += usize::from(poller.due(at(now)).is_some());
            }
        }
        let even = CONSOLES / 40;
        for range in [200..600, 800..1200] {
            let most = sent[range.clone()].iter().max();
            assert!(most <= Some(&(3 * even)), "{most:?} at once, {even} would be even");
        }
    }

    #[test]
    fn an_interval_of_zero_polls_as_soon_as_answered() {
        let mut poller = poller(0, &["page1.fader1"], false);
        assert_eq!(poller.due(at(5)), Some(PollKind::Executors(0)));
        assert!(poller.take_executors(at(6)).is_some());
        assert_eq!(poller.due(at(6)), Some(PollKind::Executors(0)));
    }

    #[test]
    fn an_answer_that_does_not_come_is_given_up_and_one_that_nobody_waits_for_is_nobodys() {
        let mut poller = poller(40, &["page1.fader1"], false);
        assert_eq!(poller.take_executors(at(0)), None);
        poller.due(at(0));
        assert_eq!((poller.give_up(at(1999)), poller.next_timeout()), (None, Some(at(2000))));
        assert_eq!(poller.give_up(at(2000)), Some(1));
        assert_eq!(poller.due(at(2000)), Some(PollKind::Executors(0)));
        assert_eq!(poller.give_up(at(4000)), Some(2));
    }

    #[test]
    fn a_request_that_is_never_answered_holds_the_others_up_less_and_less() {
        let mut poller = poller(40, &["page1.fader1", "page2.fader1"], true);
        let (mut now, mut answered, mut given_up) = (0, 0, 0);
        while now < 120_000 {
            match poller.due(at(now)) {
                Some(PollKind::Executors(0)) => {
                    answered += 1;
                    assert!(poller.take_executors(at(now)).is_some());
                }
                Some(PollKind::Executors(_) | PollKind::Leds) => {
                    now += 2000;
                    poller.give_up(at(now));
                    given_up += 1;
                }
                None => {}
            }
            now = poller.next_timeout().map_or(now, |next| next.as_micros() / 1000).max(now);
        }
        assert!(answered > 1800 && given_up < 25, "{answered} answered, {given_up} given up");
        assert_eq!(poller.give_up(at(now)), None);
    }

    #[test]
    fn while_the_dialect_is_not_known_polls_are_given_up_soon_and_a_late_answer_tells_of_the_first() {
        let mut poller = poller(1000, &["page1.fader1"], false);
        poller.probe();
        for probe in 0..3 {
            let now = at(probe * 400);
            assert_eq!(poller.due(now), Some(PollKind::Executors(0)), "the interval does not hold it up");
            assert_eq!(poller.next_timeout(), Some(at(probe * 400 + 400)));
            assert_eq!(poller.give_up(at(probe * 400 + 400)), Some(0));
        }
        poller.due(at(1200));
        assert_eq!(poller.take_executors(at(1250)).map(|poll| poll.sent), Some(at(0)));
        assert_eq!(poller.due(at(2200)), Some(PollKind::Executors(0)));
        assert_eq!((poller.give_up(at(4199)), poller.give_up(at(4200))), (None, Some(1)));

        poller.start(at(5000));
        poller.probe();
        for now in [5000, 5400, 5800, 6200] {
            poller.due(at(now));
            assert_eq!(poller.give_up(at(now + 400)), Some(0));
        }
        poller.due(at(6600));
        assert_eq!(poller.next_timeout(), Some(at(8600)), "after two of each it waits as long as ever");
    }

    #[test]
    fn lamps_are_asked_for_in_between_and_less_often() {
        let mut poller = poller(40, &["page1.fader1"], true);
        let mut asked = Vec::new();
        for step in 0..9 {
            let now = at(step * 40);
            asked.push(poller.due(now));
            poller.take_executors(now);
            poller.take_leds(now);
        }
        assert_eq!(asked.iter().filter(|what| **what == Some(PollKind::Leds)).count(), 2);
        assert_eq!((asked[0], asked[8]), (Some(PollKind::Leds), Some(PollKind::Leds)));
        assert!(asked[1..8].iter().all(|what| *what == Some(PollKind::Executors(0))));
    }

    #[test]
    fn lamps_alone_wake_nobody_in_between() {
        let mut poller = poller(40, &[], true);
        assert_eq!(poller.due(at(0)), Some(PollKind::Leds));
        poller.take_leds(at(1));
        assert_eq!(poller.next_timeout(), Some(at(300)));
    }

    #[test]
    fn nothing_mapped_means_nothing_asked() {
        let mut poller = poller(40, &[], false);
        assert_eq!((poller.due(at(0)), poller.next_timeout()), (None, None));
    }

    #[test]
    fn an_answer_to_a_request_of_an_older_plan_belongs_to_none() {
        let mut poller = poller(40, &["page1.fader1"], false);
        poller.due(at(0));
        poller.ask_for(
            plan(executors(&["page2.fader1"]), Some(ConsoleFamily::Gma2), PlaybacksFormat::Grouped),
            false,
        );
        let poll = poller.take_executors(at(1)).expect("it was waited for");
        assert!(matches!(poll.what, PollKind::Executors(at) if poller.requests().get(at).is_none()));
    }
}
