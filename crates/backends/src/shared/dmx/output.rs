//! A universe that is sent: values change a frame, and the frame is sent when the rate allows it ([`Bucket`]).
//!
//! A DMX line carries 44 full frames per second. Between two frames only the latest level of each channel counts, with
//! one exception: a level that turns back before a frame has shown it, or before the frame that shows it can have been
//! transmitted, is a short press or a short release, and is held for one frame. The level after it follows in the next
//! frame. A trembling fader is therefore late by one frame at most, while the steps of a repeatedly pressed button are
//! queued, up to a limit. If frames follow each other anyway, a level is held only if the next one arrives within half
//! a frame: a source that sends frames of its own and is a little early is not a short press.

use crosspatch_core::{Duration, Instant, Slot, SlotSpan, Value, bits};

use super::output_slots::{LOOK_BACK, OutputSlot, PlainSlots, SlotChange, Turn};
use super::{Bucket, Place};

/// The number of frames of 512 slots per second on a DMX line.
const RATE: u32 = 44;

/// The duration of one of these frames.
pub(crate) const FRAME: Duration = Duration::from_micros(22_727);

/// The maximum number of queued steps of a button. Further ones replace the last one.
const MAX_WAITING: u8 = 8;

/// After this time without changes, a source is quiet: frames are repeated for receivers that missed the last change.
/// For sources slower than 10 frames per second, frames are repeated between theirs.
const QUIET: Duration = Duration::from_millis(100);

/// A channel whose last eight changes came in consecutive frames of a source is not a button.
const MOVING: u8 = u8::MAX;

/// The timing of the frames.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// The maximum number of frames per second in the long run; `None` if changes are sent immediately, or if another
    /// component sets the pace.
    pub(crate) a_second: Option<u32>,
    /// A level that turns back within this time after its frame is a short press.
    pub(crate) press: Duration,
    /// How many times a frame is repeated, one frame apart, after the source has become quiet.
    pub(crate) repeats: u8,
    /// The time after which an unchanged frame is sent again, if at all.
    pub(crate) keep_alive: Option<Duration>,
}

impl Pace {
    /// The pace of a universe. With `realtime`, every change is sent immediately.
    pub(crate) fn of_universe(realtime: bool, repeats: u8, keep_alive: Duration) -> Self {
        let (a_second, press) = if realtime { (None, Duration::ZERO) } else { (Some(RATE), FRAME) };
        Self { a_second, press, repeats, keep_alive: Some(keep_alive) }
    }
}

/// A frame, the steps queued for later frames, and the time of the next frame.
#[derive(Debug)]
pub(crate) struct Output {
    pace: Pace,
    bucket: Option<Bucket>,
    frame: Vec<u8>,
    /// By slot.
    channels: Vec<SentChannel>,
    plain: PlainSlots,
    /// By position in the frame: how many channels write it, and one of them.
    writers: Vec<(u16, Slot)>,
    /// Channels of consecutive slots that write consecutive positions; `None` after channels were mapped or unmapped.
    runs: Option<Vec<PlainRun>>,
    /// Steps for later frames, in order of arrival.
    waiting: Vec<PendingLevel>,
    has_changed: bool,
    repeats_left: u8,
    /// When the last frames were sent, the latest first.
    sent: [Option<Instant>; LOOK_BACK],
    /// When the last frame with a change was sent, and whether it was part of a stream of such frames.
    changed_at: Option<Instant>,
    is_stream: bool,
    /// The earliest time at which a queued step may be applied.
    step_at: Option<Instant>,
    turn: Turn,
}

/// A level that waits until the previous one has been visible.
#[derive(Copy, Clone, Debug)]
struct PendingLevel {
    slot: Slot,
    level: u16,
    /// The end of that time; `None` until the frame with the previous level has been sent.
    seen_at: Option<Instant>,
}

#[derive(Copy, Clone, Debug)]
enum SentChannel {
    Unmapped,
    /// An 8-bit channel that is the only one at this position. Its state is in [`PlainSlots`].
    Plain(u16),
    /// A 16-bit channel, or one of several at a position.
    Other(OutputSlot),
}

/// Channels of consecutive slots that write consecutive positions, each of them alone.
#[derive(Copy, Clone, Debug)]
struct PlainRun {
    first: usize,
    position: usize,
    len: usize,
}

impl Output {
    /// A frame of `len` zero slots, which is not sent before it has a value.
    pub(crate) fn new(pace: Pace, len: usize) -> Self {
        let mut plain = PlainSlots::default();
        plain.resize(len);
        Self {
            pace,
            bucket: pace.a_second.map(Bucket::new),
            frame: vec![0; len],
            channels: Vec::new(),
            plain,
            writers: vec![(0, Slot(0)); len],
            runs: None,
            waiting: Vec::new(),
            has_changed: false,
            repeats_left: 0,
            sent: [None; LOOK_BACK],
            changed_at: None,
            is_stream: false,
            step_at: None,
            turn: Turn { serial: 1, number: 1, ..Turn::default() },
        }
    }

    /// Maps a channel. Extends the frame if necessary.
    pub(crate) fn bind(&mut self, slot: Slot, place: Place) {
        if place.end() > self.frame.len() {
            self.frame.resize(place.end(), 0);
            self.writers.resize(place.end(), (0, Slot(0)));
            self.plain.resize(place.end());
        }
        if slot.index() >= self.channels.len() {
            self.channels.resize(slot.index() + 1, SentChannel::Unmapped);
        }
        self.release(slot);
        let last = place.read(&self.frame).unwrap_or(0);
        let channel = OutputSlot { place, last, before: last, changed_in: 0, waiting: 0, moves: 0 };
        let mut is_alone = place.fine.is_none();
        for position in place.positions() {
            let (count, writer) = &mut self.writers[usize::from(position)];
            *count += 1;
            is_alone &= *count == 1;
            let other = std::mem::replace(writer, slot);
            // A channel that is not alone any more.
            if let SentChannel::Plain(theirs) = self.channels[other.index()]
                && theirs == position
            {
                self.channels[other.index()] = SentChannel::Other(self.plain.load(position));
            }
        }
        self.channels[slot.index()] = if is_alone {
            self.plain.save(&channel, &self.turn);
            SentChannel::Plain(place.coarse)
        } else {
            SentChannel::Other(channel)
        };
    }

    /// Removes the mapping of a channel. Its level does not change.
    pub(crate) fn unbind(&mut self, slot: Slot) {
        self.waiting.retain(|step| step.slot != slot);
        self.step_at = self.next_step();
        self.release(slot);
    }

    /// Frees the positions of a channel, if it has any.
    fn release(&mut self, slot: Slot) {
        self.runs = None;
        let Some(channel) = self.channels.get_mut(slot.index()) else { return };
        if let Some(place) = std::mem::replace(channel, SentChannel::Unmapped).place() {
            place.positions().for_each(|position| self.writers[usize::from(position)].0 -= 1);
        }
    }

    /// Whether any channel is mapped.
    pub(crate) fn is_mapped(&self) -> bool {
        self.channels.iter().any(|channel| channel.place().is_some())
    }

    /// Whether the frame has changed since it was sent.
    pub(crate) fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// Whether there are changes that have not been sent.
    pub(crate) fn is_pending(&self) -> bool {
        self.has_changed || !self.waiting.is_empty()
    }

    /// The slots that more than one mapped channel writes, counted from 0, in ascending order.
    pub(crate) fn contested(&self) -> Vec<u16> {
        (0..).zip(&self.writers).filter(|(_, (count, _))| *count > 1).map(|(position, _)| position).collect()
    }

    /// Sets every mapped channel to this value, so that the frame is sent before other values arrive.
    pub(crate) fn begin(&mut self, now: Instant, value: f64) {
        let value = Value::number(value);
        for slot in 0..self.channels.len() as u32 {
            self.set(now, Slot(slot), &value);
        }
    }

    /// Sets values of channels. Texts have no level and are ignored.
    pub(crate) fn set_all(&mut self, now: Instant, values: &[(Slot, Value)]) {
        if now != self.turn.now {
            self.begin_turn(now);
        }
        values.iter().for_each(|(slot, value)| self.set_in_turn(*slot, value));
    }

    /// Sets the value of a channel.
    pub(crate) fn set(&mut self, now: Instant, slot: Slot, value: &Value) {
        if now != self.turn.now {
            self.begin_turn(now);
        }
        self.set_in_turn(slot, value);
    }

    /// Sets the levels of consecutive channels, as [`set_all`](Self::set_all) their values.
    pub(crate) fn set_span(&mut self, now: Instant, span: SlotSpan<'_>) {
        if now != self.turn.now {
            self.begin_turn(now);
        }
        let runs = self.runs.take().unwrap_or_else(|| self.find_runs());
        let (first, len) = (span.first.index(), span.levels.len());
        let mut next = runs.partition_point(|run| run.first + run.len <= first);
        let mut at = 0;
        while at < len {
            match runs.get(next) {
                Some(run) if run.first <= first + at => {
                    let skipped = first + at - run.first;
                    let end = len.min(at + run.len - skipped);
                    self.set_run(span.part(at..end), run.position + skipped);
                    (at, next) = (end, next + 1);
                }
                run => {
                    let end = run.map_or(len, |run| len.min(run.first - first));
                    span.part(at..end).values().for_each(|value| self.set_all(now, &[value]));
                    at = end;
                }
            }
        }
        self.runs = Some(runs);
    }

    #[cold]
    fn find_runs(&self) -> Vec<PlainRun> {
        let mut runs: Vec<PlainRun> = Vec::new();
        for (slot, channel) in self.channels.iter().enumerate() {
            let SentChannel::Plain(position) = *channel else { continue };
            let position = usize::from(position);
            match runs.last_mut() {
                Some(run) if (run.first + run.len, run.position + run.len) == (slot, position) => {
                    run.len += 1
                }
                _ => runs.push(PlainRun { first: slot, position, len: 1 }),
            }
        }
        runs
    }

    /// Sets the levels of channels that write the positions from this one on.
    fn set_run(&mut self, span: SlotSpan<'_>, position: usize) {
        self.plain.put_incoming(position, span.levels, span.nearest());
        let end = position + span.levels.len();
        for block in position / 64..end.div_ceil(64) {
            let start = block * 64;
            let wanted = span.changed(start as isize - position as isize);
            let levels = start..self.frame.len().min(start + 64);
            let (has_changed, again) =
                self.plain.set_block(block, wanted, &mut self.frame[levels], &self.turn);
            if has_changed && !self.has_changed {
                self.want();
            }
            for at in bits::each(again) {
                let slot = Slot(span.first.0 + (start + at - position) as u32);
                self.set_again(slot, self.plain.incoming(start + at).into());
            }
        }
    }

    /// A part of the loop over the values (measured: a fifth of the instructions of a value).
    #[inline(always)]
    fn set_in_turn(&mut self, slot: Slot, value: &Value) {
        let Value::Number(number) = *value else { return };
        let Some(SentChannel::Plain(position)) = self.channels.get(slot.index()) else {
            return self.set_other(slot, number);
        };
        let level = Place { coarse: *position, fine: None }.quantise(number);
        match self.plain.set(*position, level as u8, &mut self.frame, &self.turn) {
            SlotChange::None => {}
            SlotChange::Done if self.has_changed => {}
            SlotChange::Done => self.want(),
            SlotChange::Again => self.set_again(slot, level),
        }
    }

    #[inline(never)]
    fn set_other(&mut self, slot: Slot, number: f64) {
        let Some(SentChannel::Other(channel)) = self.channels.get_mut(slot.index()) else { return };
        let level = channel.place.quantise(number);
        // Another channel may have written the same slot.
        let is_there =
            |channel: &OutputSlot| channel.waiting > 0 || channel.place.read(&self.frame) == Some(level);
        if level == channel.last && channel.changed_in > 0 && is_there(channel) {
            return;
        }
        let frames_ago = self.turn.number.wrapping_sub(channel.changed_in);
        if frames_ago <= self.turn.fresh || channel.waiting > 0 {
            return self.set_again(slot, level);
        }
        channel.change(&mut self.frame, level, &self.turn);
        if !self.has_changed {
            self.want();
        }
    }

    /// The state of a mapped channel.
    fn load(&self, slot: Slot) -> Option<OutputSlot> {
        match *self.channels.get(slot.index())? {
            SentChannel::Unmapped => None,
            SentChannel::Plain(position) => Some(self.plain.load(position)),
            SentChannel::Other(channel) => Some(channel),
        }
    }

    /// Stores the state of a mapped channel.
    fn save(&mut self, slot: Slot, state: &OutputSlot) {
        match &mut self.channels[slot.index()] {
            SentChannel::Unmapped => {}
            SentChannel::Plain(_) => self.plain.save(state, &self.turn),
            SentChannel::Other(channel) => *channel = *state,
        }
    }

    /// Begins a new moment at its first value.
    #[inline(never)]
    fn begin_turn(&mut self, now: Instant) {
        let is_stream = self.is_streaming(now);
        let is_frame = is_stream && now >= self.turn.now + self.pace.press / 2;
        let reach = if is_stream { 2 } else { 0 };
        let serial = self.turn.serial + 1;
        self.turn = Turn { now, serial, fresh: self.fresh(now), reach, frame: is_frame.into(), ..self.turn };
        if self.has_changed
            && let Some(bucket) = &mut self.bucket
        {
            bucket.want(now);
        }
    }

    /// Whether frames with changes follow each other.
    fn is_streaming(&self, now: Instant) -> bool {
        self.is_stream && self.changed_at.is_some_and(|at| now < at + 2 * FRAME)
    }

    /// The number of recent frames whose levels are short presses if they turn back.
    fn fresh(&self, now: Instant) -> u32 {
        let press = if self.is_streaming(now) { self.pace.press / 2 } else { self.pace.press };
        self.sent.iter().flatten().take_while(|sent| **sent + press > now).count() as u32
    }

    /// Called at the first change since the frame was sent.
    #[inline(never)]
    fn want(&mut self) {
        self.has_changed = true;
        self.bucket.iter_mut().for_each(|bucket| bucket.want(self.turn.now));
    }

    /// Sets a level of a channel that has changed since the last frame or in a recent frame, or that has queued steps.
    #[inline(never)]
    fn set_again(&mut self, slot: Slot, level: u16) {
        let Some(mut channel) = self.load(slot) else { return };
        let turns_back = level.cmp(&channel.last) == channel.before.cmp(&channel.last);
        let is_step = level.abs_diff(channel.last) > channel.place.most() / 2;
        let frames_ago = self.turn.number.wrapping_sub(channel.changed_in) as usize;
        let Turn { reach, frame, .. } = self.turn;
        channel.moves = channel.moves << 1 | frame;
        let room = match is_step {
            // If two frames of a source are sent as one, the later level counts.
            true if channel.moves == MOVING => 0,
            true => MAX_WAITING,
            false if reach > 0 => 0,
            false => 1,
        };
        if turns_back && channel.waiting < room {
            channel.before = std::mem::replace(&mut channel.last, level);
            channel.waiting += 1;
            let sent_at = frames_ago.checked_sub(1).and_then(|at| *self.sent.get(at)?);
            let seen_at = sent_at.filter(|_| channel.waiting == 1).map(|at| at + FRAME);
            self.waiting.push(PendingLevel { slot, level, seen_at });
            self.step_at = self.step_at.into_iter().chain(seen_at).min();
        } else if channel.waiting > 0 {
            channel.last = level;
            if let Some(step) = self.waiting.iter_mut().rfind(|step| step.slot == slot) {
                step.level = level;
            }
        } else if frames_ago == 0 {
            channel.last = level;
            channel.place.write(&mut self.frame, level);
        } else {
            channel.change(&mut self.frame, level, &self.turn);
            if !self.has_changed {
                self.want();
            }
        }
        self.save(slot, &channel);
    }

    /// The current frame: the last one sent, with the changes since then.
    pub(crate) fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// Sends the frame again unchanged, because receivers may have missed it.
    pub(crate) fn refresh(&mut self) {
        if self.sent[0].is_some() {
            self.has_changed = true;
            self.bucket.iter_mut().for_each(Bucket::want_soon);
        }
    }

    /// Drops queued steps and sends only the final levels, because no receiver has seen the frames sent so far.
    pub(crate) fn restart(&mut self) {
        for PendingLevel { slot, level, .. } in std::mem::take(&mut self.waiting) {
            if let Some(channel) = self.load(slot) {
                channel.place.write(&mut self.frame, level);
                self.save(slot, &OutputSlot { waiting: 0, ..channel });
            }
        }
        self.step_at = None;
        self.refresh();
    }

    /// When the next frame is due; `None` before there is a value.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let change = self.has_changed.then(|| self.bucket.as_ref().and_then(Bucket::due));
        let change = change.map(|due| due.unwrap_or(Instant::START));
        let earliest = self.bucket.as_ref().map_or(Instant::START, Bucket::earliest);
        let step = self.step_at.map(|at| at.max(earliest));
        [change, step, self.repeat_due()].into_iter().flatten().min()
    }

    /// When the frame is repeated if there is no change.
    fn repeat_due(&self) -> Option<Instant> {
        let sent_at = self.sent[0]?;
        if self.repeats_left == 0 {
            return self.pace.keep_alive.map(|wait| sent_at + wait);
        }
        let quiet_at = self.changed_at.map_or(sent_at, |at| at + QUIET);
        Some(quiet_at.max(sent_at + FRAME))
    }

    /// The next frame, if one is due. It counts as sent, and is valid until the next call.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<&[u8]> {
        if self.next_due().is_none_or(|due| due > now) {
            return None;
        }
        // A frame that is sent anyway includes steps that may follow half a frame after the previous level.
        let early = if self.is_streaming(now) { self.pace.press / 2 } else { Duration::ZERO };
        if self.step_at.is_some_and(|step| step <= now + early) {
            self.step(now + early);
        }
        if std::mem::take(&mut self.has_changed) {
            self.repeats_left = self.pace.repeats;
            let last = self.changed_at.replace(now);
            self.is_stream = last.is_some_and(|last| now < last + 2 * FRAME);
        } else {
            self.repeats_left = self.repeats_left.saturating_sub(1);
        }
        self.plan_steps(now);
        self.turn.number = self.turn.number.wrapping_add(1).max(1);
        self.turn.serial += 1;
        self.sent.rotate_right(1);
        self.sent[0] = Some(now);
        self.bucket.iter_mut().for_each(|bucket| bucket.take(now));
        // Later values of the same moment belong to the next frame.
        self.turn.fresh = self.fresh(now);
        Some(&self.frame)
    }

    /// Applies the first queued step of each channel whose previous level has been visible at that time.
    fn step(&mut self, time: Instant) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain_mut(|step| {
            let Some(mut channel) = self.load(step.slot) else { return false };
            if channel.changed_in == self.turn.number {
                step.seen_at = None;
                return true;
            }
            if step.seen_at.is_none_or(|seen| seen > time) {
                return true;
            }
            channel.waiting -= 1;
            channel.changed_in = self.turn.number;
            channel.place.write(&mut self.frame, step.level);
            self.has_changed = true;
            self.save(step.slot, &channel);
            false
        });
        self.waiting = waiting;
    }

    /// Sets the times of the queued steps when a frame is sent.
    fn plan_steps(&mut self, now: Instant) {
        let mut waiting = std::mem::take(&mut self.waiting);
        for step in waiting.iter_mut().filter(|step| step.seen_at.is_none()) {
            if self.load(step.slot).is_some_and(|channel| channel.changed_in == self.turn.number) {
                step.seen_at = Some(now + FRAME);
            }
        }
        self.waiting = waiting;
        self.step_at = self.next_step();
    }

    fn next_step(&self) -> Option<Instant> {
        self.waiting.iter().filter_map(|step| step.seen_at).min()
    }
}

impl SentChannel {
    fn place(&self) -> Option<Place> {
        match self {
            Self::Unmapped => None,
            Self::Plain(position) => Some(Place { coarse: *position, fine: None }),
            Self::Other(channel) => Some(channel.place),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACED: Pace =
        Pace { a_second: Some(RATE), press: FRAME, repeats: 0, keep_alive: Some(Duration::from_millis(900)) };
    const REALTIME: Pace = Pace { a_second: None, press: Duration::ZERO, ..PACED };
    const FADER: Slot = Slot(0);
    const OTHER: Slot = Slot(1);

    fn output(pace: Pace) -> Output {
        let mut output = Output::new(pace, 4);
        output.bind(FADER, Place { coarse: 0, fine: None });
        output.bind(OTHER, Place { coarse: 1, fine: Some(2) });
        output
    }

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    /// The frames sent until `end`, with their times.
    fn frames(output: &mut Output, end: Instant) -> Vec<(Instant, Vec<u8>)> {
        let mut frames = Vec::new();
        while let Some(due) = output.next_due().filter(|due| *due <= end) {
            let now = frames.last().map_or(due, |(last, _)| due.max(*last));
            frames.push((now, output.take_due(now).expect("a frame that is due").to_vec()));
        }
        frames
    }

    /// The frames sent if values arrive at these times.
    fn play(output: &mut Output, values: &[(u64, Slot, f64)], end: u64) -> Vec<(u64, Vec<u8>)> {
        let mut sent = Vec::new();
        for moment in values.chunk_by(|one, other| one.0 == other.0) {
            let now = at(moment[0].0);
            sent.extend(frames(output, at(moment[0].0 - 1)));
            moment.iter().for_each(|(_, slot, value)| output.set(now, *slot, &(*value).into()));
            sent.extend(output.take_due(now).map(|frame| (now, frame.to_vec())));
        }
        sent.extend(frames(output, at(end)));
        sent.into_iter().map(|(time, frame)| (time.as_micros(), frame)).collect()
    }

    /// The times and levels of the fader in the frames sent if it gets values at these times.
    fn faded(output: &mut Output, values: &[(u64, f64)], end: u64) -> Vec<(u64, u8)> {
        let values: Vec<_> = values.iter().map(|(time, value)| (*time, FADER, *value)).collect();
        play(output, &values, end).into_iter().map(|(time, frame)| (time, frame[0])).collect()
    }

    /// The level of the fader in each frame sent until `end`.
    fn levels(output: &mut Output, end: Instant) -> Vec<u8> {
        frames(output, end).into_iter().map(|(_, frame)| frame[0]).collect()
    }

    #[test]
    fn nothing_goes_out_before_there_is_a_value_unless_a_start_level_is_given() {
        let mut output = output(PACED);
        assert_eq!((output.next_due(), output.take_due(at(5))), (None, None));
        output.set(at(5), FADER, &"text".into());
        output.set(at(5), Slot(99), &1.0.into());
        assert_eq!(output.next_due(), None, "a text has no level, and a channel that is not mapped no slot");
        output.begin(at(5), 1.0);
        assert_eq!(
            output.take_due(at(5)),
            Some(&[255, 255, 255, 0][..]),
            "a slot without a channel is none of ours"
        );
    }

    #[test]
    fn a_first_value_of_zero_is_a_value() {
        let mut output = output(PACED);
        output.set(at(0), FADER, &0.0.into());
        assert_eq!(output.take_due(at(0)), Some(&[0; 4][..]));
        output.set(at(1), FADER, &0.0.into());
        assert_eq!(output.next_due(), Some(at(900_000)), "what is the same is no change");
    }

    #[test]
    fn changes_of_one_moment_share_a_frame_and_those_of_the_next_moments_another() {
        let mut output = output(PACED);
        output.set(at(0), FADER, &0.2.into());
        output.set(at(0), OTHER, &0.5.into());
        assert_eq!(output.take_due(at(0)), Some(&[51, 0x80, 0, 0][..]));
        output.set(at(1_000), FADER, &0.5.into());
        output.set(at(2_000), OTHER, &1.0.into());
        output.set(at(3_000), FADER, &0.6.into());
        assert_eq!(output.take_due(at(11_363)), None);
        assert_eq!(output.take_due(at(11_364)), Some(&[153, 255, 255, 0][..]));
        output.unbind(FADER);
        output.set(at(12_000), FADER, &1.0.into());
        assert_eq!(output.next_due(), Some(at(11_364 + 900_000)), "then it is only kept alive");
    }

    #[test]
    fn realtime_waits_for_nothing() {
        let mut output = output(REALTIME);
        for (now, level) in [(0, 255), (1, 0), (2, 255)] {
            output.set(at(now), FADER, &(f64::from(level) / 255.0).into());
            assert_eq!(output.take_due(at(now)).map(|frame| frame[0]), Some(level as u8));
        }
    }

    #[test]
    fn a_press_of_a_moment_is_seen_for_a_frame_even_in_realtime() {
        for pace in [PACED, REALTIME] {
            let mut output = output(pace);
            let pressed =
                faded(&mut output, &[(10, 0.0), (100_000, 1.0), (100_000, 0.0), (100_001, 0.0)], 200_000);
            assert_eq!(pressed, [(10, 0), (100_000, 255), (122_727, 0)], "{pace:?}");
        }
    }

    #[test]
    fn in_realtime_a_press_is_seen_for_a_frame_however_many_others_come_between() {
        let mut output = output(REALTIME);
        let press = [(50_000, FADER, 1.0), (50_000, FADER, 0.0)];
        let others = (1..60).map(|number| (50_000 + number * 500, OTHER, number as f64 / 60.0));
        let sent = play(&mut output, &press.into_iter().chain(others).collect::<Vec<_>>(), 100_000);
        let released = sent.iter().find(|(_, frame)| frame[0] == 0).expect("a release");
        assert_eq!(released.0, 50_000 + 22_727, "{sent:?}");
    }

    #[test]
    fn a_press_that_is_over_after_a_frame_has_shown_it_is_seen_for_a_frame() {
        for (released, gone) in
            [(101_000, 122_727), (115_000, 122_727), (122_000, 122_727), (123_000, 123_000)]
        {
            let mut output = output(PACED);
            let seen = faded(&mut output, &[(10, 0.0), (100_000, 0.4), (released, 0.0)], 200_000);
            assert_eq!(seen, [(10, 0), (100_000, 102), (gone, 0)]);
        }
    }

    #[test]
    fn what_comes_beside_a_press_that_is_held_does_not_wait_for_it() {
        let mut output = output(PACED);
        let values = [(10, FADER, 0.0), (100_000, FADER, 1.0), (112_000, FADER, 0.0), (112_000, OTHER, 1.0)];
        let seen: Vec<_> = play(&mut output, &values, 200_000)
            .into_iter()
            .map(|(time, frame)| (time, frame[0], frame[1]))
            .collect();
        assert_eq!(seen, [(10, 0, 0), (100_000, 255, 0), (112_000, 255, 255), (123_364, 0, 255)]);
    }

    #[test]
    fn frames_of_a_source_that_is_early_are_no_short_presses() {
        let mut output = output(PACED);
        let flashes = (1..200_u64).map(|number| {
            let early = number * 7_919 % 10_000;
            (1_000_000 + number * 22_728 - early, (number % 2) as f64)
        });
        let flashes: Vec<_> = flashes.collect();
        let seen = faded(&mut output, &flashes, 5_600_000);
        let late = flashes.iter().zip(&seen).skip(2).filter(|((came, _), (went, _))| came != went).count();
        assert_eq!((seen.len(), late), (flashes.len(), 0));
    }

    #[test]
    fn a_short_release_is_seen_and_so_is_every_press_of_several() {
        let mut output = output(PACED);
        output.set(at(0), FADER, &1.0.into());
        assert_eq!(levels(&mut output, at(0)), [255]);
        for value in [0.0, 1.0, 0.0, 1.0] {
            output.set(at(50_000), FADER, &value.into());
        }
        assert_eq!(levels(&mut output, at(200_000)), [0, 255, 0, 255]);
    }

    #[test]
    fn steps_without_end_are_bounded_and_end_with_the_last_one() {
        let mut output = output(PACED);
        for step in 0..1000 {
            output.set(at(step), FADER, &((step % 2) as f64).into());
        }
        let seen = levels(&mut output, at(800_000));
        assert!(seen.len() <= usize::from(MAX_WAITING) + 1, "{seen:?}");
        assert_eq!(seen.last(), Some(&255));
    }

    #[test]
    fn a_fader_that_trembles_is_late_by_one_frame_and_no_more() {
        let mut output = output(PACED);
        for value in [0.5, 0.52, 0.48, 0.51, 0.47, 0.4] {
            output.set(at(0), FADER, &value.into());
        }
        assert_eq!(levels(&mut output, at(200_000)), [133, 102]);
    }

    #[test]
    fn of_a_fader_that_moves_faster_than_frames_go_out_the_latest_level_counts() {
        let mut output = output(PACED);
        let moves: Vec<_> =
            (0..1_000_u64).map(|step| (50_000 + step * 1_000, (step % 7) as f64 / 20.0)).collect();
        let seen = faded(&mut output, &moves, 2_000_000);
        for (time, level) in &seen[4..seen.len() - 1] {
            let came = moves.iter().rfind(|(came, _)| came <= time).expect("a move");
            assert_eq!(f64::from(*level), (came.1 * 255.0).round(), "at {time}");
        }
    }

    #[test]
    fn a_wide_channel_keeps_its_short_press_too() {
        let mut output = output(PACED);
        output.set(at(0), OTHER, &1.0.into());
        output.set(at(0), OTHER, &0.0.into());
        let seen: Vec<_> =
            frames(&mut output, at(200_000)).into_iter().map(|(_, frame)| frame[1..3].to_vec()).collect();
        assert_eq!(seen, [[255, 255], [0, 0]]);
    }

    #[test]
    fn a_change_is_repeated_when_its_source_is_quiet_and_then_kept_alive() {
        let mut output = output(Pace { repeats: 2, ..PACED });
        output.set(at(0), FADER, &1.0.into());
        let times: Vec<_> =
            frames(&mut output, at(1_100_000)).into_iter().map(|(time, _)| time.as_micros()).collect();
        assert_eq!(times, [0, 100_000, 122_727, 1_022_727]);
        output.refresh();
        assert_eq!(output.next_due(), Some(at(1_022_727 + 11_364)));
        let mut once = super::tests::output(Pace { keep_alive: None, ..PACED });
        once.refresh();
        assert_eq!(once.next_due(), None, "what never went out cannot be missed");
        once.set(at(0), FADER, &1.0.into());
        assert_eq!(levels(&mut once, at(1_000_000)), [255]);
        assert_eq!(once.next_due(), None);
    }

    #[test]
    fn repeats_do_not_come_between_the_frames_of_a_source() {
        for pace in [PACED, REALTIME] {
            let mut output = output(Pace { repeats: 3, ..pace });
            let frame =
                |number: u64| (50_000 + number * 47_619 + number % 3 * 5_000, (number % 200) as f64 / 200.0);
            let changes: Vec<_> = (0..210).map(frame).collect();
            let seen = faded(&mut output, &changes, changes[209].0 + 200_000);
            assert_eq!(seen.len(), 210 + 3);
        }
    }

    #[test]
    fn after_a_restart_only_the_end_counts() {
        let mut output = output(PACED);
        for value in [1.0, 0.0, 1.0, 0.5] {
            output.set(at(0), FADER, &value.into());
        }
        output.restart();
        assert_eq!(levels(&mut output, at(200_000)), [128]);
        output.restart();
        assert_eq!(levels(&mut output, at(200_000)), [128], "the same goes out again");
    }

    #[test]
    fn of_two_channels_on_one_slot_the_latest_value_counts() {
        let mut output = output(PACED);
        output.bind(Slot(2), Place { coarse: 0, fine: None });
        let mut shown = Vec::new();
        for (end, slot, value) in [(1, FADER, 1.0), (2, Slot(2), 0.2), (3, FADER, 1.0), (4, FADER, 1.0)] {
            output.set(at(end * 100_000), slot, &value.into());
            shown.extend(levels(&mut output, at(end * 100_000)));
        }
        assert_eq!(shown, [255, 51, 255]);
    }

    #[test]
    fn slots_that_two_channels_write_are_known() {
        let mut output = output(PACED);
        assert!(output.contested().is_empty());
        output.bind(Slot(2), Place { coarse: 2, fine: None });
        assert_eq!(output.contested(), [2]);
        output.unbind(OTHER);
        assert!(output.contested().is_empty());
        output.bind(Slot(9), Place { coarse: 9, fine: None });
        output.set(at(0), Slot(9), &1.0.into());
        assert_eq!(
            output.take_due(at(0)).map(<[u8]>::len),
            Some(10),
            "the frame grows for a channel behind its end"
        );
    }

    #[test]
    fn a_channel_that_is_unmapped_while_its_step_waits_brings_no_frame() {
        let mut output = output(PACED);
        output.set(at(0), FADER, &1.0.into());
        output.set(at(0), FADER, &0.0.into());
        assert_eq!(levels(&mut output, at(0)), [255]);
        output.unbind(FADER);
        assert_eq!(output.next_due(), Some(at(900_000)));
    }

    proptest! {
        /// For any values and any frame times: the rate holds, every channel ends at its last value, and each press of
        /// a button is in a frame before its release, for at least half a frame.
        #[test]
        fn the_last_value_arrives_and_no_press_is_lost(
            steps in prop::collection::vec((0..30_000_u64, any::<bool>(), 0..5_u8), 1..10),
        ) {
            let mut output = output(PACED);
            let (mut now, mut values, mut presses) = (1, Vec::new(), vec![false]);
            let (mut button, mut fader) = (None, None);
            for (pause, is_button, level) in steps {
                now += pause;
                if is_button {
                    button = Some(level % 2 == 1);
                    presses.extend(button);
                    values.push((now, FADER, f64::from(level % 2)));
                } else {
                    fader = Some(f64::from(level) / 4.0);
                    values.push((now, OTHER, f64::from(level) / 4.0));
                }
            }
            let sent = play(&mut output, &values, now + 500_000);
            prop_assert!(sent.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 11_363));
            prop_assert!(sent.windows(3).all(|three| three[2].0 - three[0].0 >= 22_727));
            let end = &sent.last().expect("a frame").1;
            prop_assert_eq!(end[0] == 255, button == Some(true));
            let wide = Place { coarse: 1, fine: Some(2) };
            prop_assert_eq!(wide.read(end), Some(wide.quantise(fader.unwrap_or(0.0))));
            let mut seen: Vec<_> = std::iter::once(false).chain(sent.iter().map(|(_, frame)| frame[0] == 255)).collect();
            seen.dedup();
            presses.dedup();
            prop_assert_eq!(seen, presses);
        }

        /// Slots that are side by side in [`PlainSlots`] and those that are single follow the same rules, by spans and by
        /// values.
        #[test]
        fn a_span_has_the_effect_of_its_values(
            realtime: bool,
            steps in prop::collection::vec((0..40_000_u64, 1..12_u32, 0..4_u8, any::<u64>()), 1..25),
        ) {
            const COUNT: u16 = 70;
            let pace = if realtime { REALTIME } else { PACED };
            // A second channel at each position, which gets no value, makes them single.
            let [mut whole, mut broken] = [1, 2].map(|writers| {
                let mut output = Output::new(pace, 80);
                for slot in 0..u32::from(COUNT * writers) {
                    output.bind(Slot(slot), Place { coarse: slot as u16 % COUNT + 5, fine: None });
                }
                output
            });
            let mut now = 0;
            for (pause, count, kind, mut seed) in steps {
                for number in 0..count {
                    // Many at a time are a source with a rate of its own.
                    now += if count > 4 { 22_727 - pause % 8 * u64::from(number % 3) } else { pause };
                    let mut levels = [0; COUNT as usize];
                    let mut changed = [u64::MAX, 0b11_1111];
                    match kind {
                        0 => levels.fill(if number % 2 == 0 { 255 } else { 0 }),
                        1 => changed = [1 << (seed % 64), seed % 64],
                        2 => changed = [seed, seed >> 58],
                        _ => {}
                    }
                    for level in levels.iter_mut().filter(|_| kind > 0) {
                        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        *level = (seed >> 62) as u8 * 80;
                    }
                    let span = SlotSpan::new(Slot(0), &levels, &changed);
                    prop_assert_eq!(frames(&mut whole, at(now)), frames(&mut broken, at(now)));
                    whole.set_span(at(now), span);
                    span.values().for_each(|(slot, value)| broken.set(at(now), slot, &value));
                    prop_assert_eq!(whole.take_due(at(now)), broken.take_due(at(now)), "at {}", now);
                    prop_assert_eq!(whole.next_due(), broken.next_due());
                }
            }
            prop_assert_eq!(frames(&mut whole, at(now + 500_000)), frames(&mut broken, at(now + 500_000)));
        }
    }
}
