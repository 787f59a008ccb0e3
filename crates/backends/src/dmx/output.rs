//! A universe that goes out: values change a frame, and the frame goes out when the line has room for it.
//!
//! A line of DMX carries 44 full frames a second. Between two frames the latest level of each channel counts, with one
//! exception: a level that turned back before any frame has shown it is a short press, or a short release, and is held for one
//! frame. The level it turned back to follows with the next. A fader that trembles is thus late by one frame at most, while
//! the steps of a button that is pressed again and again all wait for their turn, up to a limit.

use crosspatch_core::{Duration, Instant, Slot, Value};

use super::Place;

/// How long a frame of 512 slots takes on a line, at 44 frames a second.
pub(crate) const FRAME: Duration = Duration::from_micros(22_727);

/// So many steps of a button wait for their turn; beyond that the last one counts.
const MAX_WAITING: u8 = 8;

/// When frames go out.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Whether a change goes out at once, without regard to the frame before.
    pub(crate) realtime: bool,
    /// How often a frame is sent again, a frame apart, after the one that has brought a change.
    pub(crate) repeats: u8,
    /// How long after the last frame it is sent again although nothing has changed, if ever.
    pub(crate) keep_alive: Option<Duration>,
}

/// A frame, what waits for the next one, and when that goes out.
#[derive(Debug)]
pub(crate) struct Output {
    pace: Pace,
    frame: Vec<u8>,
    /// By slot; `None` for channels that are not mapped (any more).
    channels: Vec<Option<Channel>>,
    /// Steps for later frames, in the order in which they came.
    waiting: Vec<(Slot, u16)>,
    /// Counts the frames, that which is being put together included.
    number: u32,
    has_changed: bool,
    repeats_left: u8,
    sent_at: Option<Instant>,
    /// When the steps that wait may move up; the frame before them has been seen by then.
    step_at: Option<Instant>,
}

#[derive(Copy, Clone, Debug)]
struct Channel {
    place: Place,
    /// The level that it is going to have when nothing waits any more, and the one before that.
    last: u16,
    before: u16,
    /// The frame in which it has changed last.
    changed_in: u32,
    waiting: u8,
}

impl Output {
    /// A frame of `len` slots at zero, which is not sent before there is a value.
    pub(crate) fn new(pace: Pace, len: usize) -> Self {
        Self {
            pace,
            frame: vec![0; len],
            channels: Vec::new(),
            waiting: Vec::new(),
            number: 1,
            has_changed: false,
            repeats_left: 0,
            sent_at: None,
            step_at: None,
        }
    }

    /// A channel is mapped. The frame becomes long enough for it.
    pub(crate) fn bind(&mut self, slot: Slot, place: Place) {
        if place.end() > self.frame.len() {
            self.frame.resize(place.end(), 0);
        }
        if slot.index() >= self.channels.len() {
            self.channels.resize(slot.index() + 1, None);
        }
        let last = place.read(&self.frame).unwrap_or(0);
        let channel = Channel { place, last, before: last, changed_in: 0, waiting: 0 };
        self.channels[slot.index()] = Some(channel);
    }

    /// A channel is not mapped any more. Its level stays what it is.
    pub(crate) fn unbind(&mut self, slot: Slot) {
        self.waiting.retain(|(waiting, _)| *waiting != slot);
        if let Some(channel) = self.channels.get_mut(slot.index()) {
            *channel = None;
        }
    }

    /// Whether any channel is mapped.
    pub(crate) fn is_mapped(&self) -> bool {
        self.channels.iter().any(Option::is_some)
    }

    /// Whether anything has not gone out yet.
    pub(crate) fn is_pending(&self) -> bool {
        self.has_changed || !self.waiting.is_empty()
    }

    /// The slots that more than one mapped channel writes, counted from 0, in order.
    pub(crate) fn contested(&self) -> Vec<u16> {
        let places = self.channels.iter().flatten().map(|channel| channel.place);
        let mut slots: Vec<_> =
            places.flat_map(|place| std::iter::once(place.coarse).chain(place.fine)).collect();
        slots.sort_unstable();
        let mut contested: Vec<_> =
            slots.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        contested.dedup();
        contested
    }

    /// Gives every mapped channel this value, so that the frame goes out before there is another.
    pub(crate) fn begin(&mut self, value: f64) {
        let value = Value::number(value);
        for slot in 0..self.channels.len() as u32 {
            self.set(Slot(slot), &value);
        }
    }

    /// A value for a channel. Texts have no level and are left out.
    pub(crate) fn set(&mut self, slot: Slot, value: &Value) {
        let number = self.number;
        let Some(channel) = self.channels.get_mut(slot.index()).and_then(Option::as_mut) else { return };
        let Some(level) = value.as_number().map(|value| channel.place.quantise(value)) else { return };
        // Another channel may have written the same slot.
        let is_there =
            |channel: &Channel| channel.waiting > 0 || channel.place.read(&self.frame) == Some(level);
        if level == channel.last && channel.changed_in > 0 && is_there(channel) {
            return;
        }
        if channel.changed_in == number || channel.waiting > 0 {
            return self.set_again(slot, level);
        }
        channel.before = std::mem::replace(&mut channel.last, level);
        channel.changed_in = number;
        channel.place.write(&mut self.frame, level);
        self.has_changed = true;
    }

    /// Another level for a channel that has changed since the last frame, or of which steps wait.
    fn set_again(&mut self, slot: Slot, level: u16) {
        let Some(channel) = &mut self.channels[slot.index()] else { return };
        let turns_back = level.cmp(&channel.last) == channel.before.cmp(&channel.last);
        let is_step = level.abs_diff(channel.last) > channel.place.most() / 2;
        let room = if is_step { MAX_WAITING } else { 1 };
        if turns_back && channel.waiting < room {
            channel.before = std::mem::replace(&mut channel.last, level);
            channel.waiting += 1;
            self.waiting.push((slot, level));
        } else {
            channel.last = level;
            match self.waiting.iter_mut().rfind(|(waiting, _)| *waiting == slot) {
                Some((_, waiting)) => *waiting = level,
                None => channel.place.write(&mut self.frame, level),
            }
        }
    }

    /// The frame as it went out last, or is going to go out first.
    pub(crate) fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// The frame is to go out again as it is, because somebody may have missed it.
    pub(crate) fn refresh(&mut self) {
        self.has_changed |= self.sent_at.is_some();
    }

    /// Nobody has seen what went out: the frame goes out as it is in the end, and steps need not wait for their turn.
    pub(crate) fn restart(&mut self) {
        for (slot, level) in self.waiting.drain(..) {
            if let Some(channel) = &mut self.channels[slot.index()] {
                channel.waiting = 0;
                channel.place.write(&mut self.frame, level);
            }
        }
        self.step_at = None;
        self.refresh();
    }

    /// When the next frame is to go out; never, before there is a value.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let Some(sent_at) = self.sent_at else { return self.has_changed.then_some(Instant::START) };
        let wait = match (self.has_changed, self.repeats_left) {
            (true, _) if self.pace.realtime => Some(Duration::ZERO),
            // A source of 44 frames a second is about to send the next change: no repeats in between.
            (false, 1..) if self.pace.realtime => Some(2 * FRAME),
            (true, _) | (false, 1..) => Some(FRAME),
            (false, 0) => self.pace.keep_alive,
        };
        wait.map(|wait| sent_at + wait).into_iter().chain(self.step_at).min()
    }

    /// The next frame, if one is due. It counts as sent, and is good until the next call.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<&[u8]> {
        if self.next_due().is_none_or(|due| due > now) {
            return None;
        }
        if self.step_at.is_some_and(|step| step <= now) {
            self.step();
        }
        self.repeats_left =
            if self.has_changed { self.pace.repeats } else { self.repeats_left.saturating_sub(1) };
        self.step_at = match (self.waiting.is_empty(), self.step_at) {
            (true, _) => None,
            (false, Some(step)) if step > now => Some(step),
            (false, _) => Some(now + FRAME),
        };
        self.number = self.number.wrapping_add(1).max(1);
        self.has_changed = false;
        self.sent_at = Some(now);
        Some(&self.frame)
    }

    /// Moves up the first step that waits, of each channel.
    fn step(&mut self) {
        let Self { waiting, channels, frame, number, .. } = self;
        waiting.retain(|(slot, level)| {
            let Some(channel) = &mut channels[slot.index()] else { return false };
            if channel.changed_in == *number {
                return true;
            }
            channel.waiting -= 1;
            channel.changed_in = *number;
            channel.place.write(frame, *level);
            false
        });
        self.has_changed = true;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACED: Pace = Pace { realtime: false, repeats: 0, keep_alive: Some(Duration::from_millis(900)) };
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

    /// The frames that go out until `end`, with their times.
    fn frames(output: &mut Output, end: Instant) -> Vec<(Instant, Vec<u8>)> {
        let mut frames = Vec::new();
        while let Some(due) = output.next_due().filter(|due| *due <= end) {
            let now = frames.last().map_or(due, |(last, _)| due.max(*last));
            frames.push((now, output.take_due(now).expect("a frame that is due").to_vec()));
        }
        frames
    }

    /// The level of the fader in each frame that goes out until `end`.
    fn levels(output: &mut Output, end: Instant) -> Vec<u8> {
        frames(output, end).into_iter().map(|(_, frame)| frame[0]).collect()
    }

    #[test]
    fn nothing_goes_out_before_there_is_a_value_unless_a_start_level_is_given() {
        let mut output = output(PACED);
        assert_eq!((output.next_due(), output.take_due(at(5))), (None, None));
        output.set(FADER, &"text".into());
        output.set(Slot(99), &1.0.into());
        assert_eq!(output.next_due(), None, "a text has no level, and a channel that is not mapped no slot");
        output.begin(1.0);
        assert_eq!(
            output.take_due(at(5)),
            Some(&[255, 255, 255, 0][..]),
            "a slot without a channel is none of ours"
        );
    }

    #[test]
    fn a_first_value_of_zero_is_a_value() {
        let mut output = output(PACED);
        output.set(FADER, &0.0.into());
        assert_eq!(output.take_due(at(0)), Some(&[0; 4][..]));
        output.set(FADER, &0.0.into());
        assert_eq!(output.next_due(), Some(at(900_000)), "what is the same is no change");
    }

    #[test]
    fn changes_share_a_frame_and_frames_keep_their_distance() {
        let mut output = output(PACED);
        output.set(FADER, &1.0.into());
        output.set(OTHER, &0.5.into());
        assert_eq!(output.take_due(at(0)), Some(&[255, 0x80, 0, 0][..]));
        output.set(FADER, &0.5.into());
        output.set(FADER, &0.2.into());
        assert_eq!(output.take_due(at(22_726)), None);
        assert_eq!(output.take_due(at(22_727)), Some(&[51, 0x80, 0, 0][..]));
        output.unbind(FADER);
        output.set(FADER, &1.0.into());
        assert_eq!(output.next_due(), Some(at(22_727 + 900_000)), "then it is only kept alive");
    }

    #[test]
    fn realtime_waits_for_nothing() {
        let mut output = output(Pace { realtime: true, ..PACED });
        for (now, level) in [(0, 255), (1, 0), (2, 255)] {
            output.set(FADER, &(f64::from(level) / 255.0).into());
            assert_eq!(output.take_due(at(now)).map(|frame| frame[0]), Some(level as u8));
        }
    }

    #[test]
    fn a_short_press_is_seen_for_a_frame_even_in_realtime() {
        for realtime in [false, true] {
            let mut output = output(Pace { realtime, ..PACED });
            output.set(FADER, &0.0.into());
            assert_eq!(output.take_due(at(0)).map(|frame| frame[0]), Some(0));
            output.set(FADER, &1.0.into());
            output.set(FADER, &0.0.into());
            let pressed = frames(&mut output, at(200_000));
            assert_eq!(pressed.iter().map(|(_, frame)| frame[0]).collect::<Vec<_>>(), [255, 0]);
            assert!(pressed[1].0.since(pressed[0].0) >= FRAME);
        }
    }

    #[test]
    fn a_short_release_is_seen_and_so_is_every_press_of_several() {
        let mut output = output(PACED);
        output.set(FADER, &1.0.into());
        assert_eq!(levels(&mut output, at(0)), [255]);
        for value in [0.0, 1.0, 0.0, 1.0] {
            output.set(FADER, &value.into());
        }
        assert_eq!(levels(&mut output, at(200_000)), [0, 255, 0, 255]);
    }

    #[test]
    fn steps_without_end_are_bounded_and_end_with_the_last_one() {
        let mut output = output(PACED);
        for step in 0..1000 {
            output.set(FADER, &f64::from(step % 2).into());
        }
        let seen = levels(&mut output, at(800_000));
        assert!(seen.len() <= usize::from(MAX_WAITING) + 1, "{seen:?}");
        assert_eq!(seen.last(), Some(&255));
    }

    #[test]
    fn a_fader_that_trembles_is_late_by_one_frame_and_no_more() {
        let mut output = output(PACED);
        for value in [0.5, 0.52, 0.48, 0.51, 0.47, 0.4] {
            output.set(FADER, &value.into());
        }
        assert_eq!(levels(&mut output, at(200_000)), [133, 102]);
    }

    #[test]
    fn a_wide_channel_keeps_its_short_press_too() {
        let mut output = output(PACED);
        output.set(OTHER, &1.0.into());
        output.set(OTHER, &0.0.into());
        let seen: Vec<_> =
            frames(&mut output, at(200_000)).into_iter().map(|(_, frame)| frame[1..3].to_vec()).collect();
        assert_eq!(seen, [[255, 255], [0, 0]]);
    }

    #[test]
    fn a_change_is_repeated_and_then_kept_alive() {
        let mut output = output(Pace { repeats: 2, ..PACED });
        output.set(FADER, &1.0.into());
        let times: Vec<_> =
            frames(&mut output, at(1_000_000)).into_iter().map(|(time, _)| time.as_micros()).collect();
        assert_eq!(times, [0, 22_727, 45_454, 945_454]);
        output.refresh();
        assert_eq!(output.next_due(), Some(at(945_454 + 22_727)));
        let mut once = super::tests::output(Pace { keep_alive: None, ..PACED });
        once.refresh();
        assert_eq!(once.next_due(), None, "what never went out cannot be missed");
        once.set(FADER, &1.0.into());
        assert_eq!(levels(&mut once, at(1_000_000)), [255]);
        assert_eq!(once.next_due(), None);
    }

    #[test]
    fn in_real_time_repeats_do_not_come_between_the_frames_of_a_source() {
        let mut output = output(Pace { repeats: 2, realtime: true, keep_alive: None });
        let (mut changes, mut sent) = (0, 0);
        for millis in 0..1_000_u32 {
            // A source is never quite on time.
            if [0, 25, 45].contains(&(millis % 68)) {
                output.set(FADER, &(f64::from(millis) / 1000.0).into());
                changes += 1;
            }
            sent += usize::from(output.take_due(at(u64::from(millis) * 1000)).is_some());
        }
        assert_eq!((changes, sent), (45, 45));
        assert_eq!(frames(&mut output, at(2_000_000)).len(), 2);
    }

    #[test]
    fn after_a_restart_only_the_end_counts() {
        let mut output = output(PACED);
        for value in [1.0, 0.0, 1.0, 0.5] {
            output.set(FADER, &value.into());
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
            output.set(slot, &value.into());
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
        output.set(Slot(9), &1.0.into());
        assert_eq!(
            output.take_due(at(0)).map(<[u8]>::len),
            Some(10),
            "the frame grows for a channel behind its end"
        );
    }

    proptest! {
        /// Whatever is set and whenever frames go out: frames keep their distance, every channel ends at its last value, and
        /// each press of a button is in a frame before its release.
        #[test]
        fn the_last_value_arrives_and_no_press_is_lost(
            steps in prop::collection::vec((0..30_000_u64, any::<bool>(), 0..5_u8), 1..10),
        ) {
            let mut output = output(PACED);
            let (mut now, mut sent, mut presses) = (0, Vec::new(), vec![false]);
            let (mut button, mut fader) = (None, None);
            for (pause, is_button, level) in steps {
                now += pause;
                sent.extend(frames(&mut output, at(now)));
                if is_button {
                    button = Some(level % 2 == 1);
                    presses.extend(button);
                    output.set(FADER, &Value::edge(level % 2 == 1));
                } else {
                    fader = Some(f64::from(level) / 4.0);
                    output.set(OTHER, &(f64::from(level) / 4.0).into());
                }
            }
            sent.extend(frames(&mut output, at(now + 500_000)));
            prop_assert!(sent.windows(2).all(|pair| pair[1].0.since(pair[0].0) >= FRAME));
            let end = &sent.last().expect("a frame").1;
            prop_assert_eq!(end[0] == 255, button == Some(true));
            let wide = Place { coarse: 1, fine: Some(2) };
            prop_assert_eq!(wide.read(end), Some(wide.quantise(fader.unwrap_or(0.0))));
            let mut seen: Vec<_> = std::iter::once(false).chain(sent.iter().map(|(_, frame)| frame[0] == 255)).collect();
            seen.dedup();
            presses.dedup();
            prop_assert_eq!(seen, presses);
        }
    }
}
