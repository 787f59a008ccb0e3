//! Determines whether values return: holds the values of fast channels for a moment, and observes the effect.
//!
//! First the values of each channel are counted. Channels that are fast enough and repeat the same few values are
//! suspects: a loop oscillates, while a fader or a measuring program does not. Then the values of the suspects are
//! held, several times in a row. Values that were already under way arrive at the beginning ([`DRAIN`]); after that a
//! source continues as before, while a loop is silent. When the held values are released, a loop continues at once
//! ([`ANSWER`]). Each pause has a different length, so that a source that sends in bursts cannot match all of them.

use crosspatch_core::{Duration, Instant, Slot, Value};
use rustc_hash::FxHashMap;

use super::{HeldValue, LONGEST_GAP, SAMPLE};

/// The time within which values that were under way arrive.
const DRAIN: Duration = Duration::from_millis(10);

/// The length of the pause in each round, during which no values may arrive.
const SILENCES: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(33), Duration::from_millis(47)];

/// The time within which a loop continues.
const ANSWER: Duration = Duration::from_millis(10);

/// The number of values of each suspect that ends a round early.
const ANSWERS: u32 = 8;

/// A channel with fewer values than this, when the fastest has [`SAMPLE`], is not a suspect.
const FEWEST: u32 = 32;

/// During a pause, other sources of the channel may send up to this fraction (an eighth) of the previous values.
const SHARE_OF_OTHERS: u64 = 8;

/// The maximum number of different values of an oscillating loop.
const MOST_DIFFERENT: usize = 4;

/// The maximum number of held values of a suspect. No more than this circulate in a loop.
const MOST_HELD: u32 = 64;

/// The state of an examination.
pub(super) struct Examination {
    since: Instant,
    stage: ExaminationStage,
    /// Channels that were suspects.
    cleared: Vec<Suspect>,
}

enum ExaminationStage {
    /// The values of all channels pass and are counted.
    Count(Counts),
    /// The values of the suspects are held.
    Hold { round: usize, suspects: Vec<Suspect>, held: Vec<HeldValue> },
    /// The values of the suspects pass and are counted.
    Free { round: usize, suspects: Vec<Suspect> },
}

/// The number of values of each channel.
#[derive(Default)]
struct Counts {
    each: FxHashMap<Slot, ChannelCount>,
    most: u32,
}

#[derive(Default)]
struct ChannelCount {
    values: u32,
    /// The first different values, and whether there are more.
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

/// A channel whose values may return. Suspects are sorted by slot.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    pub(super) slot: Slot,
    /// The number of values, and the microseconds in which they arrived.
    rate: (u32, u64),
    /// The number of values in this stage, and of those the ones after [`DRAIN`].
    values: u32,
    late: u32,
}

/// The result of an examination: the suspects that are loops, and those that are not.
pub(super) struct Verdict {
    pub(super) loops: Vec<Suspect>,
    pub(super) others: Vec<Suspect>,
}

impl Examination {
    /// A new examination.
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, stage: ExaminationStage::Count(Counts::default()), cleared: Vec::new() }
    }

    /// An examination of channels that were loops before.
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

    /// Counts values that pass and do not belong to a suspect.
    pub(super) fn count(&mut self, values: &[(Slot, Value)]) {
        if let ExaminationStage::Count(counts) = &mut self.stage {
            values.iter().for_each(|(slot, value)| counts.add(*slot, value));
        }
    }

    /// Handles a value: passes it on, after the values held before it, or holds it.
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

    /// When the current stage ends.
    pub(super) fn next_timeout(&self) -> Instant {
        self.since
            + match &self.stage {
                ExaminationStage::Count(_) => SAMPLE * LONGEST_GAP,
                ExaminationStage::Hold { round, .. } => DRAIN + SILENCES[*round],
                ExaminationStage::Free { .. } => ANSWER,
            }
    }

    /// Advances the examination after values have arrived or a stage has ended. Adds released values to `released`.
    /// Returns the verdict, if there is one.
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

    /// Returns the held values.
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
    /// The maximum number of values that may arrive during a pause.
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

/// The position of a channel in a list of suspects.
fn find(suspects: &[Suspect], slot: Slot) -> Result<usize, usize> {
    suspects.binary_search_by_key(&slot, |suspect| suspect.slot)
}
