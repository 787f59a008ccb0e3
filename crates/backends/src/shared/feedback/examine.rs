//! Whether values come back: channels that change fast are held for a moment, and what happens to them then is looked at.
//!
//! First the values of each channel are counted. Those that come fast enough, and are the same few numbers again and again, are
//! suspects: a loop oscillates, and a fader or a program that measures does not. Then, several times in a row, the suspects
//! are held for a while. What was on its way arrives at the beginning ([`DRAIN`]); after that a source goes on as before, and a loop
//! is silent. When the values are let go, a loop goes on at once ([`ANSWER`]). Each while is of another length, so that a source that
//! sends in bursts cannot match all of them.

use crosspatch_core::{Duration, Instant, Slot, Value};
use rustc_hash::FxHashMap;

use super::{HeldValue, LONGEST_GAP, SAMPLE};

/// After this, what was on its way has arrived.
const DRAIN: Duration = Duration::from_millis(10);

/// How long nothing may come in during each round.
const SILENCES: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(33), Duration::from_millis(47)];

/// A loop goes on within this time.
const ANSWER: Duration = Duration::from_millis(10);

/// The number of values of each suspect that decide.
const ANSWERS: u32 = 8;

/// A channel with fewer values than this, when the fastest has [`SAMPLE`], is no suspect.
const FEWEST: u32 = 32;

/// A source beside the loop may send so much of what came before.
const SHARE_OF_OTHERS: u64 = 8;

/// The most different values of an oscillating loop.
const MOST_DIFFERENT: usize = 4;

/// No more values of a suspect are held: so many do not go round.
const MOST_HELD: u32 = 64;

/// What is known so far.
pub(super) struct Examination {
    since: Instant,
    stage: ExaminationStage,
    /// Channels that were suspects.
    cleared: Vec<Suspect>,
}

enum ExaminationStage {
    /// Values of all channels pass and are counted.
    Count(Counts),
    /// Those of the suspects are held.
    Hold { round: usize, suspects: Vec<Suspect>, held: Vec<HeldValue> },
    /// Those of the suspects pass and are counted.
    Free { round: usize, suspects: Vec<Suspect> },
}

/// How many values came, by channel.
#[derive(Default)]
struct Counts {
    each: FxHashMap<Slot, ChannelCount>,
    most: u32,
}

#[derive(Default)]
struct ChannelCount {
    values: u32,
    /// The first different values, and whether there are more than these.
    different: [Option<Value>; MOST_DIFFERENT],
    has_many: bool,
}

impl ChannelCount {
    fn add(&mut self, value: &Value) {
        self.values += 1;
        match self.different.iter_mut().find(|known| known.as_ref().is_none_or(|known| known == value)) {
            Some(known) => *known = Some(value.clone()),
            None => self.has_many = true,
        }
    }
}

/// A channel whose values may come back. Suspects are in the order of their slots.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    pub(super) slot: Slot,
    /// How many values came, in how many microseconds.
    rate: (u32, u64),
    /// How many values have come in this stage, and how many of them after [`DRAIN`].
    values: u32,
    late: u32,
}

/// The result of an examination: the suspects that are loops, and those that are not.
pub(super) struct Verdict {
    pub(super) loops: Vec<Suspect>,
    pub(super) others: Vec<Suspect>,
}

impl Examination {
    /// Nothing is known.
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, stage: ExaminationStage::Count(Counts::default()), cleared: Vec::new() }
    }

    /// These channels were loops before.
    pub(super) fn again(now: Instant, suspects: Vec<Suspect>) -> Self {
        let stage = ExaminationStage::Free { round: SILENCES.len() - 2, suspects: counted_anew(suspects) };
        Self { since: now, stage, cleared: Vec::new() }
    }

    /// Whether values of this channel have to be passed on one by one.
    pub(super) fn suspects(&self, slot: Slot) -> bool {
        match &self.stage {
            ExaminationStage::Count(_) => false,
            ExaminationStage::Hold { suspects, .. } | ExaminationStage::Free { suspects, .. } => {
                find(suspects, slot).is_ok()
            }
        }
    }

    /// Values pass that are none of a suspect.
    pub(super) fn count(&mut self, values: &[(Slot, Value)]) {
        if let ExaminationStage::Count(counts) = &mut self.stage {
            values.iter().for_each(|(slot, value)| counts.add(*slot, value));
        }
    }

    /// A value comes, and passes with what was held before it, or is held.
    pub(super) fn take(&mut self, now: Instant, value: HeldValue, passed: &mut Vec<HeldValue>) {
        match &mut self.stage {
            ExaminationStage::Count(counts) => {
                counts.add(value.slot, &value.value);
                passed.push(value);
            }
            ExaminationStage::Free { suspects, .. } => {
                if let Ok(at) = find(suspects, value.slot) {
                    suspects[at].values += 1;
                }
                passed.push(value);
            }
            ExaminationStage::Hold { round, suspects, held } => {
                let Ok(at) = find(suspects, value.slot) else { return passed.push(value) };
                let suspect = &mut suspects[at];
                suspect.values += 1;
                suspect.late += u32::from(now >= self.since + DRAIN);
                if suspect.late > suspect.most(SILENCES[*round]) || suspect.values > MOST_HELD {
                    let slot = suspect.slot;
                    self.cleared.push(suspects.remove(at));
                    passed.extend(held.extract_if(.., |held| held.slot == slot));
                    passed.push(value);
                } else {
                    held.push(value);
                }
            }
        }
    }

    /// When something is due.
    pub(super) fn next_timeout(&self) -> Instant {
        self.since
            + match &self.stage {
                ExaminationStage::Count(_) => SAMPLE * LONGEST_GAP,
                ExaminationStage::Hold { round, .. } => DRAIN + SILENCES[*round],
                ExaminationStage::Free { .. } => ANSWER,
            }
    }

    /// Values have come, or something may be due. What is let go is put into `released`. Returns the verdict, if there is one.
    pub(super) fn proceed(&mut self, now: Instant, released: &mut Vec<HeldValue>) -> Option<Verdict> {
        let is_due = now >= self.next_timeout();
        let (next, suspects) = match &mut self.stage {
            ExaminationStage::Count(counts) if is_due || counts.most >= SAMPLE => {
                (Some(0), counts.suspects(now.since(self.since)))
            }
            ExaminationStage::Hold { suspects, .. } if suspects.is_empty() => (None, Vec::new()),
            ExaminationStage::Hold { round, suspects, held } if is_due => {
                released.append(held);
                let suspects = counted_anew(std::mem::take(suspects));
                (self.since, self.stage) = (now, ExaminationStage::Free { round: *round, suspects });
                return None;
            }
            ExaminationStage::Free { round, suspects }
                if is_due || suspects.iter().all(|suspect| suspect.values >= ANSWERS) =>
            {
                self.cleared.extend(suspects.extract_if(.., |suspect| suspect.values == 0));
                (Some(*round + 1), std::mem::take(suspects))
            }
            ExaminationStage::Count(_) | ExaminationStage::Hold { .. } | ExaminationStage::Free { .. } => {
                return None;
            }
        };
        match next.filter(|round| *round < SILENCES.len() && !suspects.is_empty()) {
            None => Some(Verdict { loops: suspects, others: std::mem::take(&mut self.cleared) }),
            Some(round) => {
                let suspects = counted_anew(suspects);
                (self.since, self.stage) =
                    (now, ExaminationStage::Hold { round, suspects, held: Vec::new() });
                None
            }
        }
    }

    /// What is held.
    pub(super) fn into_held(self) -> Vec<HeldValue> {
        match self.stage {
            ExaminationStage::Hold { held, .. } => held,
            ExaminationStage::Count(_) | ExaminationStage::Free { .. } => Vec::new(),
        }
    }
}

impl Counts {
    fn add(&mut self, slot: Slot, value: &Value) {
        let count = self.each.entry(slot).or_default();
        count.add(value);
        self.most = self.most.max(count.values);
    }

    /// The channels with enough values in this time.
    fn suspects(&self, time: Duration) -> Vec<Suspect> {
        let oscillates = |count: &ChannelCount| count.values >= FEWEST && !count.has_many;
        let mut suspects: Vec<_> = self
            .each
            .iter()
            .filter(|(_, count)| oscillates(count))
            .map(|(slot, count)| Suspect {
                slot: *slot,
                rate: (count.values, time.as_micros() as u64),
                values: 0,
                late: 0,
            })
            .collect();
        suspects.sort_unstable_by_key(|suspect| suspect.slot);
        suspects
    }
}

impl Suspect {
    /// How many values may come in a silence.
    fn most(&self, silence: Duration) -> u32 {
        let (count, micros) = self.rate;
        let expected = silence.as_micros() as u64 * u64::from(count) / micros.max(1);
        (expected / SHARE_OF_OTHERS).try_into().unwrap_or(u32::MAX)
    }
}

fn counted_anew(mut suspects: Vec<Suspect>) -> Vec<Suspect> {
    suspects.iter_mut().for_each(|suspect| (suspect.values, suspect.late) = (0, 0));
    suspects
}

/// The place of a channel among suspects.
fn find(suspects: &[Suspect], slot: Slot) -> Result<usize, usize> {
    suspects.binary_search_by_key(&slot, |suspect| suspect.slot)
}
