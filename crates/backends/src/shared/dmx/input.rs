//! A universe that is received: each frame is compared with the previous one, and only changes of mapped channels are
//! emitted.

use crosspatch_core::{Outbox, Slot, bits};

use super::Place;

/// If at least this many of consecutive channels change, they are emitted as a span.
const SHORTEST_SPAN: usize = 16;

/// The state of a received universe, and its mapped channels.
#[derive(Debug, Default)]
pub(crate) struct Input {
    /// The last levels, as long as the longest frame received so far.
    frame: Vec<u8>,
    /// Marks slots whose levels are undefined, because no source has ever had them. Slots after its end are defined.
    unclaimed: Vec<bool>,
    channels: Vec<InputChannel>,
    /// Channels that are compared together; `None` after channels were mapped or unmapped.
    runs: Option<Vec<InputRun>>,
    /// Which channels of a run have changed.
    changed: Vec<u64>,
}

#[derive(Debug)]
struct InputChannel {
    slot: Slot,
    place: Place,
    /// The last emitted level. Channels of a run have it there.
    told: Option<u16>,
}

/// Consecutive 8-bit channels at consecutive places.
#[derive(Debug)]
struct InputRun {
    /// The number of the first one, and how many there are.
    at: usize,
    len: usize,
    /// The last emitted levels, and which of the channels have any.
    told: Vec<[u8; 64]>,
    is_told: Vec<u64>,
}

impl Input {
    /// Maps a channel.
    pub(crate) fn bind(&mut self, slot: Slot, place: Place) {
        self.end_runs();
        self.channels.push(InputChannel { slot, place, told: None });
    }

    /// Removes the mapping of a channel.
    pub(crate) fn unbind(&mut self, slot: Slot) {
        self.end_runs();
        self.channels.retain(|channel| channel.slot != slot);
    }

    /// Whether no channel is mapped.
    pub(crate) fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// The last levels, up to the end of the longest frame.
    pub(crate) fn levels(&self) -> &[u8] {
        &self.frame
    }

    /// Handles a frame. Slots after the end of a short frame keep their levels. The first frame emits every mapped
    /// channel, even those at zero, because their levels were unknown before.
    pub(crate) fn update(&mut self, levels: &[u8], out: &mut Outbox) {
        if self.frame.starts_with(levels) {
            return;
        }
        self.take(levels, out);
    }

    /// As [`update`](Self::update), for a frame in which some slots are undefined, because no source has ever had them.
    pub(crate) fn update_claimed(&mut self, levels: &[u8], unclaimed: &[bool], out: &mut Outbox) {
        if self.unclaimed != unclaimed {
            self.unclaimed.clear();
            self.unclaimed.extend_from_slice(unclaimed);
            // A slot with its first source may have the level that it already seemed to have.
            self.take(levels, out);
        } else {
            self.update(levels, out);
        }
    }

    fn take(&mut self, levels: &[u8], out: &mut Outbox) {
        let known = self.frame.len().min(levels.len());
        self.frame[..known].copy_from_slice(&levels[..known]);
        self.frame.extend_from_slice(&levels[known..]);
        self.tell(out);
    }

    /// Emits every channel whose level has not been emitted, for example one that was mapped after the last frame.
    pub(crate) fn tell(&mut self, out: &mut Outbox) {
        if self.runs.is_none() {
            self.runs = Some(self.find_runs());
        }
        let Self { frame, unclaimed, channels, runs, changed } = self;
        let mut at = 0;
        for run in runs.iter_mut().flatten() {
            channels[at..run.at].iter_mut().for_each(|channel| channel.tell(frame, unclaimed, out));
            run.tell(&channels[run.at], frame, unclaimed, changed, out);
            at = run.at + run.len;
        }
        channels[at..].iter_mut().for_each(|channel| channel.tell(frame, unclaimed, out));
    }

    #[cold]
    fn find_runs(&self) -> Vec<InputRun> {
        let follows = |one: &InputChannel, next: &InputChannel| {
            (next.slot.0, next.place.coarse) == (one.slot.0 + 1, one.place.coarse + 1)
                && one.place.fine.is_none()
                && next.place.fine.is_none()
        };
        let (mut runs, mut at) = (Vec::new(), 0);
        for run in self.channels.chunk_by(follows) {
            if run.len() >= SHORTEST_SPAN {
                let words = run.len().div_ceil(64);
                let (mut told, mut is_told) = (vec![[0; 64]; words], vec![0; words]);
                for (number, channel) in run.iter().enumerate() {
                    told[number / 64][number % 64] = channel.told.unwrap_or(0) as u8;
                    is_told[number / 64] |= u64::from(channel.told.is_some()) << (number % 64);
                }
                runs.push(InputRun { at, len: run.len(), told, is_told });
            }
            at += run.len();
        }
        runs
    }

    /// Gives the channels of all runs their last emitted levels back.
    fn end_runs(&mut self) {
        for run in self.runs.take().into_iter().flatten() {
            for (number, channel) in self.channels[run.at..run.at + run.len].iter_mut().enumerate() {
                let is_told = run.is_told[number / 64] >> (number % 64) & 1 != 0;
                channel.told = is_told.then_some(run.told[number / 64][number % 64].into());
            }
        }
    }
}

impl InputChannel {
    fn tell(&mut self, frame: &[u8], unclaimed: &[bool], out: &mut Outbox) {
        let level = self.place.read(frame);
        let Some(known) = level.filter(|_| level != self.told) else { return };
        let is_unclaimed = |slot: u16| unclaimed.get(usize::from(slot)) == Some(&true);
        if self.place.positions().any(is_unclaimed) {
            return;
        }
        out.emit(self.slot, self.place.value(known));
        self.told = level;
    }
}

impl InputRun {
    fn tell(
        &mut self,
        first: &InputChannel,
        frame: &[u8],
        unclaimed: &[bool],
        changed: &mut Vec<u64>,
        out: &mut Outbox,
    ) {
        let start = usize::from(first.place.coarse);
        let levels = frame.get(start..).unwrap_or_default();
        let levels = &levels[..levels.len().min(self.len)];
        let unclaimed = unclaimed.get(start..).unwrap_or_default();
        changed.clear();
        let mut count = 0;
        for (word, (told, is_told)) in self.told.iter_mut().zip(&mut self.is_told).enumerate() {
            let rest = levels.get(word * 64..).unwrap_or_default();
            let mut last = [0; 64];
            let levels = rest.first_chunk().unwrap_or_else(|| {
                last[..rest.len()].copy_from_slice(rest);
                &last
            });
            let mut bits = (bits::differing_block(levels, told) | !*is_told) & bits::first(rest.len());
            if let Some(unclaimed) = unclaimed.get(word * 64..) {
                bits = without(bits, unclaimed);
            }
            bits::copy_block_where(bits, levels, told);
            *is_told |= bits;
            changed.push(bits);
            count += if bits == u64::MAX { 64 } else { bits.count_ones() as usize };
        }
        if count >= SHORTEST_SPAN {
            return out.emit_span(first.slot, levels, changed);
        }
        for (word, bits) in changed.iter().enumerate() {
            for at in bits::each(*bits).map(|at| word * 64 + at) {
                out.emit(Slot(first.slot.0 + at as u32), first.place.value(levels[at].into()));
            }
        }
    }
}

/// Those bits that belong to no unclaimed slot.
#[cold]
fn without(bits: u64, unclaimed: &[bool]) -> u64 {
    let claimed = bits::each(bits).filter(|at| unclaimed.get(*at) != Some(&true));
    claimed.fold(0, |bits, at| bits | 1 << at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn narrow(coarse: u16) -> Place {
        Place { coarse, fine: None }
    }

    fn told(out: &mut Outbox) -> Vec<(u32, f64)> {
        let number = |value: crosspatch_core::Value| value.as_number().expect("a level");
        out.take_emitted().into_iter().map(|(slot, value)| (slot.0, number(value))).collect()
    }

    #[test]
    fn only_mapped_channels_that_changed_are_told() {
        let (mut input, mut out) = (Input::default(), Outbox::new());
        input.bind(Slot(7), narrow(1));
        input.bind(Slot(8), narrow(2));
        input.update(&[1, 0, 255, 1], &mut out);
        assert_eq!(told(&mut out), [(7, 0.0), (8, 1.0)], "the first frame tells zeros as well");
        input.update(&[2, 0, 255, 2], &mut out);
        input.update(&[2, 0, 255, 2], &mut out);
        assert_eq!(told(&mut out), []);
        input.update(&[2, 51, 255, 2], &mut out);
        assert_eq!(told(&mut out), [(7, 0.2)]);
    }

    #[test]
    fn a_wide_channel_is_one_event_however_many_of_its_slots_change() {
        let (mut input, mut out) = (Input::default(), Outbox::new());
        input.bind(Slot(0), Place { coarse: 0, fine: Some(3) });
        input.update(&[0x80, 0, 0, 0, 9], &mut out);
        input.update(&[0x81, 0, 0, 0x01, 9], &mut out);
        let level = |level: u16| f64::from(level) / 65_535.0;
        assert_eq!(told(&mut out), [(0, level(0x8000)), (0, level(0x8101))]);
    }

    #[test]
    fn a_short_frame_says_nothing_about_what_is_behind_its_end() {
        let (mut input, mut out) = (Input::default(), Outbox::new());
        input.bind(Slot(0), narrow(3));
        input.bind(Slot(1), Place { coarse: 0, fine: Some(3) });
        input.update(&[1, 2], &mut out);
        assert_eq!(told(&mut out), [], "the level of a slot that never came is not known");
        input.update(&[0, 0, 0, 255], &mut out);
        assert_eq!(told(&mut out), [(0, 1.0), (1, 255.0 / 65_535.0)]);
        input.update(&[255], &mut out);
        assert_eq!(told(&mut out), [(1, 1.0)], "half of a wide channel may come in a short frame");
    }

    #[test]
    fn what_nobody_has_ever_had_is_not_told_and_its_first_level_is() {
        let (mut input, mut out) = (Input::default(), Outbox::new());
        input.bind(Slot(0), narrow(0));
        input.bind(Slot(1), narrow(1));
        input.bind(Slot(2), Place { coarse: 0, fine: Some(1) });
        input.update_claimed(&[255, 0], &[false, true], &mut out);
        assert_eq!(told(&mut out), [(0, 1.0)]);
        input.update_claimed(&[255, 0], &[false, false], &mut out);
        assert_eq!(told(&mut out), [(1, 0.0), (2, 65_280.0 / 65_535.0)]);
        input.update_claimed(&[255, 0], &[false, false], &mut out);
        assert_eq!(told(&mut out), []);
    }

    #[test]
    fn a_channel_that_is_mapped_later_is_told_what_is_known() {
        let (mut input, mut out) = (Input::default(), Outbox::new());
        input.update(&[0, 51], &mut out);
        input.bind(Slot(4), narrow(1));
        input.tell(&mut out);
        input.tell(&mut out);
        assert_eq!(told(&mut out), [(4, 0.2)]);
        input.unbind(Slot(4));
        input.update(&[0, 255], &mut out);
        assert!(told(&mut out).is_empty() && input.is_empty());
    }

    proptest! {
        /// For any frames, the last emitted value of a channel is its level in the latest frame that contained it.
        #[test]
        fn the_last_value_told_is_the_present_level(frames in prop::collection::vec(prop::collection::vec(0..3_u8, 0..6), 1..20)) {
            let (mut input, mut out) = (Input::default(), Outbox::new());
            for at in 0..6 {
                input.bind(Slot(at), narrow(at as u16));
            }
            let (mut model, mut heard) = ([None; 6], [None; 6]);
            for frame in &frames {
                input.update(frame, &mut out);
                for (at, level) in frame.iter().enumerate() {
                    model[at] = Some(f64::from(*level) / 255.0);
                }
                for (slot, value) in told(&mut out) {
                    prop_assert_ne!(heard[slot as usize], Some(value), "nothing is told twice");
                    heard[slot as usize] = Some(value);
                }
                prop_assert_eq!(heard, model);
            }
        }
    }
}
