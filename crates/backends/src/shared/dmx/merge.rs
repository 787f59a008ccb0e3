//! Merges several sources of one universe slot by slot: the highest priority wins, and among equal priorities the
//! highest level or the latest change.
//!
//! A protocol stores the [`Levels`] of each of its sources, decides when a source is gone, and has a [`Merger`] merge
//! the remaining ones. The protocol also sets the priorities; without any, all sources are equal.

use crosspatch_core::Instant;

use super::{Loss, SLOTS};

/// The merge rule among sources of the same priority.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The highest level of each slot ("highest takes precedence").
    #[default]
    Htp,
    /// The latest change of each slot ("latest takes precedence").
    Ltp,
}

/// The levels of one source.
#[derive(Clone, Debug)]
pub(crate) struct Levels {
    levels: [u8; SLOTS],
    len: usize,
    priority: u8,
    each: Option<Box<[u8; SLOTS]>>,
    /// When each slot last changed. While the source is the only one, `earlier` says which slots changed last.
    changed: Box<[Instant; SLOTS]>,
    earlier: Option<Box<EarlierLevels>>,
}

/// The levels of a source that is the only one, as they were before the last moment in which any of them changed. More
/// is not needed to know which of its slots changed after those of a source that appears later.
#[derive(Clone, Debug)]
struct EarlierLevels {
    levels: [u8; SLOTS],
    len: usize,
    changed_at: Instant,
}

impl Levels {
    /// A source without levels. `priority` applies to all its slots, on any scale.
    pub(crate) fn new(priority: u8) -> Self {
        Self {
            levels: [0; SLOTS],
            len: 0,
            priority,
            each: None,
            changed: Box::new([Instant::START; SLOTS]),
            earlier: None,
        }
    }

    /// Whether the source is the only one. If so, the times at which its slots change make no difference, and are not
    /// recorded one by one.
    pub(crate) fn set_alone(&mut self, is_alone: bool) {
        if is_alone && self.earlier.is_none() {
            let Self { levels, len, .. } = *self;
            self.earlier = Some(Box::new(EarlierLevels { levels, len, changed_at: Instant::START }));
        } else if let Some(earlier) = self.earlier.take_if(|_| !is_alone) {
            for at in 0..self.len {
                if self.levels[at] != earlier.levels[at] || at >= earlier.len {
                    self.changed[at] = earlier.changed_at;
                }
            }
        }
    }

    /// Handles a frame of the source. Slots after its end do not belong to the source, and slots after [`SLOTS`] are
    /// ignored. Returns whether it differs from the last frame.
    pub(crate) fn update(&mut self, now: Instant, levels: &[u8]) -> bool {
        let levels = &levels[..levels.len().min(SLOTS)];
        if levels == self.levels() {
            return false;
        }
        match &mut self.earlier {
            Some(earlier) if earlier.changed_at == now => {}
            Some(earlier) => {
                (earlier.levels, earlier.len, earlier.changed_at) = (self.levels, self.len, now);
            }
            None => {
                for (at, level) in levels.iter().enumerate() {
                    if *level != self.levels[at] || at >= self.len {
                        self.changed[at] = now;
                    }
                }
            }
        }
        self.levels[..levels.len()].copy_from_slice(levels);
        self.len = levels.len();
        true
    }

    /// Sets the priority of all slots without a priority of their own.
    pub(crate) fn set_priority(&mut self, priority: u8) {
        self.priority = priority;
    }

    /// Sets a priority for each slot. Slots with priority 0, and slots after the end, do not belong to the source. With
    /// `None`, the common priority applies again.
    pub(crate) fn set_priorities(&mut self, each: Option<&[u8]>) {
        let Some(given) = each else {
            self.each = None;
            return;
        };
        let given = &given[..given.len().min(SLOTS)];
        let each = self.each.get_or_insert_with(|| Box::new([0; SLOTS]));
        each[..given.len()].copy_from_slice(given);
        each[given.len()..].fill(0);
    }

    /// The last levels of the source.
    pub(crate) fn levels(&self) -> &[u8] {
        &self.levels[..self.len]
    }

    /// Whether a slot belongs to the source.
    pub(crate) fn has(&self, at: usize) -> bool {
        self.weight(at) > 0
    }

    /// The weight of a slot: 0 if it does not belong to the source, otherwise at least 1.
    fn weight(&self, at: usize) -> u16 {
        match &self.each {
            _ if at >= self.len => 0,
            Some(each) if each[at] == 0 => 0,
            Some(each) => u16::from(each[at]) + 1,
            None => u16::from(self.priority) + 1,
        }
    }
}

/// When the level of a slot is lost.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum MergeScope {
    /// When no source has the slot.
    Slot,
    /// When the whole universe has no source.
    Universe,
}

/// A universe with several sources.
#[derive(Debug)]
pub(crate) struct Merger {
    rule: Rule,
    loss: Loss,
    scope: MergeScope,
    /// The merged levels.
    levels: Vec<u8>,
    /// Marks the slots that no source has ever had, and counts them.
    unclaimed: Vec<bool>,
    unclaimed_count: usize,
    /// The number of slots without a source, and when it last increased.
    bare: usize,
    bare_since: Option<Instant>,
    /// Whether the slots without a source have been set to the level for lost slots.
    is_filled: bool,
}

impl Merger {
    /// A universe without levels.
    pub(crate) fn new(rule: Rule, loss: Loss, scope: MergeScope) -> Self {
        Self {
            rule,
            loss,
            scope,
            levels: Vec::new(),
            unclaimed: Vec::new(),
            unclaimed_count: 0,
            bare: 0,
            bare_since: None,
            is_filled: false,
        }
    }

    /// The merge rule.
    pub(crate) fn rule(&self) -> Rule {
        self.rule
    }

    /// Changes the merge rule for the next [`merge`](Self::merge).
    pub(crate) fn set_rule(&mut self, rule: Rule) {
        self.rule = rule;
    }

    /// The merged levels, up to the longest frame received.
    pub(crate) fn levels(&self) -> &[u8] {
        &self.levels
    }

    /// Marks the levels that are undefined, because no source has ever had the slot. Empty if there are none.
    pub(crate) fn unclaimed(&self) -> &[bool] {
        if self.unclaimed_count == 0 { &[] } else { &self.unclaimed }
    }

    /// Merges the levels of the given sources. A slot without a source keeps its level until
    /// [`fill_if_due`](Self::fill_if_due).
    pub(crate) fn merge<'a>(&mut self, now: Instant, sources: impl Iterator<Item = &'a Levels> + Clone) {
        if let Loss::Level(level, _) = self.loss {
            let bare = match self.scope {
                MergeScope::Slot => self.count_bare(sources.clone()),
                MergeScope::Universe if sources.clone().next().is_none() => self.levels.len(),
                MergeScope::Universe => 0,
            };
            if bare > self.bare {
                self.bare_since = Some(now);
            } else if bare == 0 {
                self.bare_since = None;
            }
            self.is_filled &= bare <= self.bare && bare > 0;
            self.bare = bare;
            if self.is_filled {
                self.levels.fill(level);
            }
        }
        merge(self.rule, sources.clone(), &mut self.levels);
        self.claim(sources);
    }

    fn count_bare<'a>(&self, sources: impl Iterator<Item = &'a Levels> + Clone) -> usize {
        let is_bare = |slot: &usize| !sources.clone().any(|levels| levels.has(*slot));
        (0..self.levels.len()).filter(is_bare).count()
    }

    /// Records the slots that have a source for the first time.
    fn claim<'a>(&mut self, sources: impl Iterator<Item = &'a Levels> + Clone) {
        self.unclaimed_count += self.levels.len() - self.unclaimed.len();
        self.unclaimed.resize(self.levels.len(), true);
        if self.unclaimed_count == 0 {
            return;
        }
        for (slot, unclaimed) in self.unclaimed.iter_mut().enumerate().filter(|(_, unclaimed)| **unclaimed) {
            *unclaimed = !sources.clone().any(|levels| levels.has(slot));
            self.unclaimed_count -= usize::from(!*unclaimed);
        }
    }

    /// Whether slots without a source take the level for lost slots. If so, the caller must call
    /// [`merge`](Self::merge).
    pub(crate) fn fill_if_due(&mut self, now: Instant) -> bool {
        let is_due = self.next_timeout().is_some_and(|due| due <= now);
        self.is_filled |= is_due;
        is_due
    }

    /// When slots without a source take the level for lost slots.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        match self.loss {
            Loss::Level(_, after) if !self.is_filled => self.bare_since.map(|since| since + after),
            Loss::Level(..) | Loss::Hold => None,
        }
    }
}

/// Merges the levels of all sources into `merged`, which is extended to the longest of them. A slot without a source
/// keeps its level.
fn merge<'a>(rule: Rule, sources: impl Iterator<Item = &'a Levels> + Clone, merged: &mut Vec<u8>) {
    let len = sources.clone().map(|source| source.len).max().unwrap_or(0);
    if merged.len() < len {
        merged.resize(len, 0);
    }
    let mut others = sources.clone();
    if let (Some(only @ Levels { each: None, .. }), None) = (others.next(), others.next()) {
        merged[..only.len].copy_from_slice(only.levels());
        return;
    }
    let mut best: [(u16, Instant); SLOTS] = [(0, Instant::START); SLOTS];
    for source in sources {
        for (at, level) in source.levels().iter().enumerate() {
            let (weight, changed) = (source.weight(at), source.changed[at]);
            let (most, latest) = best[at];
            let wins_among_equals = match rule {
                Rule::Htp => *level > merged[at],
                Rule::Ltp => changed > latest,
            };
            if weight > most || (weight == most && weight > 0 && wins_among_equals) {
                (best[at], merged[at]) = ((weight, changed), *level);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::Duration;
    use proptest::prelude::*;

    use super::*;

    fn source(micros: u64, priority: u8, levels: &[u8]) -> Levels {
        let mut source = Levels::new(priority);
        source.update(Instant::from_micros(micros), levels);
        source
    }

    fn merged(rule: Rule, sources: &[Levels]) -> Vec<u8> {
        let mut merged = Vec::new();
        merge(rule, sources.iter(), &mut merged);
        merged
    }

    #[test]
    fn among_equals_the_highest_level_or_the_latest_change_wins() {
        let mut sources = [source(1, 100, &[10, 200, 30]), source(2, 100, &[20, 100])];
        assert_eq!(merged(Rule::Htp, &sources), [20, 200, 30]);
        assert_eq!(merged(Rule::Ltp, &sources), [20, 100, 30]);
        sources[0].update(Instant::from_micros(3), &[10, 199, 30]);
        assert_eq!(merged(Rule::Ltp, &sources), [20, 199, 30], "only what has changed is the latest");
        sources[1].update(Instant::from_micros(4), &[20, 100]);
        assert_eq!(merged(Rule::Ltp, &sources), [20, 199, 30], "a repetition is no change");
    }

    #[test]
    fn what_a_source_changed_while_it_was_alone_is_earlier_than_what_another_brings() {
        for is_alone in [false, true] {
            let mut sources = [source(0, 100, &[0; 4]), source(0, 100, &[])];
            sources[0].set_alone(is_alone);
            for (micros, levels) in [(1, [10, 0, 0, 0]), (2, [10, 20, 0, 0]), (2, [10, 20, 30, 0])] {
                sources[0].update(Instant::from_micros(micros), &levels);
            }
            sources[0].set_alone(false);
            sources[1].update(Instant::from_micros(2), &[1, 2, 3, 4]);
            assert_eq!(merged(Rule::Ltp, &sources), [1, 20, 30, 4], "alone: {is_alone}");
            sources[0].update(Instant::from_micros(3), &[11, 20, 30, 0]);
            assert_eq!(merged(Rule::Ltp, &sources), [11, 20, 30, 4], "alone: {is_alone}");
        }
    }

    #[test]
    fn a_higher_priority_wins_with_lower_levels() {
        let mut sources = [source(1, 100, &[200, 200]), source(2, 101, &[0])];
        assert_eq!(
            merged(Rule::Htp, &sources),
            [0, 200],
            "a slot that the stronger one lacks is the other's"
        );
        sources[0].set_priority(102);
        assert_eq!(merged(Rule::Htp, &sources), [200, 200]);
        assert_eq!(merged(Rule::Htp, &[source(1, 0, &[7]), source(1, 0, &[9])]), [9], "0 is a priority, too");
    }

    #[test]
    fn each_slot_can_have_a_priority_of_its_own_and_none_gives_it_up() {
        let mut sources = [source(1, 100, &[50, 50, 50, 50]), source(2, 100, &[90, 90, 90, 90])];
        sources[1].set_priorities(Some(&[200, 0, 99]));
        assert_eq!(merged(Rule::Htp, &sources), [90, 50, 50, 50]);
        sources[1].set_priorities(None);
        assert_eq!(merged(Rule::Htp, &sources), [90, 90, 90, 90]);
    }

    #[test]
    fn a_slot_that_nobody_has_keeps_its_level() {
        let mut frame = vec![1, 2, 3];
        merge(Rule::Htp, [source(1, 100, &[9])].iter(), &mut frame);
        assert_eq!(frame, [9, 2, 3]);
        let mut alone = source(1, 100, &[7, 7]);
        alone.set_priorities(Some(&[0, 1]));
        merge(Rule::Htp, [alone].iter(), &mut frame);
        assert_eq!(frame, [9, 7, 3]);
        merge(Rule::Htp, [].iter(), &mut frame);
        assert_eq!(frame, [9, 7, 3]);
    }

    #[test]
    fn more_than_a_universe_is_cut_off() {
        let long = source(1, 100, &[1; SLOTS + 100]);
        assert_eq!(merged(Rule::Htp, &[long.clone(), long]).len(), SLOTS);
    }

    fn merger(loss: Loss, scope: MergeScope, sources: &[Levels]) -> Merger {
        let mut merger = Merger::new(Rule::Htp, loss, scope);
        merger.merge(Instant::from_micros(1), sources.iter());
        merger
    }

    #[test]
    fn what_nobody_has_takes_the_level_for_that_when_its_time_is_over() {
        let (long, short) = (source(1, 100, &[1, 2, 3]), source(1, 100, &[9]));
        let (loss, lost_at) = (Loss::Level(77, Duration::from_secs(5)), Instant::from_micros(2));
        let due = lost_at + Duration::from_secs(5);
        for (scope, left, filled) in [
            (MergeScope::Slot, &[short.clone()][..], Some([9, 77, 77])),
            (MergeScope::Universe, &[short], None),
            (MergeScope::Slot, &[], Some([77; 3])),
            (MergeScope::Universe, &[], Some([77; 3])),
        ] {
            let mut merger = merger(loss, scope, std::slice::from_ref(&long));
            assert_eq!(merger.next_timeout(), None);
            merger.merge(lost_at, left.iter());
            assert_eq!(merger.next_timeout(), filled.map(|_| due), "{scope:?}");
            assert!(!merger.fill_if_due(lost_at), "it has its time");
            assert_eq!(merger.fill_if_due(due), filled.is_some());
            merger.merge(due, left.iter());
            assert_eq!(merger.levels(), filled.unwrap_or([9, 2, 3]));
            assert_eq!(merger.next_timeout(), None, "it takes the level once");
            merger.merge(due, [&long].into_iter());
            assert_eq!(merger.levels(), [1, 2, 3]);
        }
    }

    #[test]
    fn what_is_held_has_no_time() {
        let mut merger = merger(Loss::Hold, MergeScope::Slot, &[source(1, 100, &[1, 2])]);
        merger.merge(Instant::from_micros(2), std::iter::empty());
        assert_eq!((merger.levels(), merger.next_timeout()), (&[1, 2][..], None));
    }

    #[test]
    fn levels_that_nobody_has_ever_had_are_unclaimed() {
        let mut source = source(1, 100, &[5, 5]);
        source.set_priorities(Some(&[0, 100]));
        let mut merger = merger(Loss::Hold, MergeScope::Slot, std::slice::from_ref(&source));
        assert_eq!((merger.levels(), merger.unclaimed()), (&[0, 5][..], &[true, false][..]));
        source.set_priorities(None);
        merger.merge(Instant::from_micros(2), [&source].into_iter());
        assert_eq!((merger.levels(), merger.unclaimed()), (&[5, 5][..], &[][..]));
        merger.merge(Instant::from_micros(3), std::iter::empty());
        assert!(merger.unclaimed().is_empty(), "it has had a source");
    }

    proptest! {
        /// The order of the sources makes no difference, and the result is a level of one of the sources with the
        /// highest weight.
        #[test]
        fn the_winner_is_one_of_the_strongest_in_any_order(
            ltp: bool,
            sources in prop::collection::vec((1..5_u8, prop::collection::vec(any::<u8>(), 1..4)), 1..5),
        ) {
            let rule = if ltp { Rule::Ltp } else { Rule::Htp };
            let mut sources: Vec<_> =
                (1..).zip(&sources).map(|(at, (priority, levels))| source(at, *priority, levels)).collect();
            let forwards = merged(rule, &sources);
            for (at, level) in forwards.iter().enumerate() {
                let most = sources.iter().map(|source| source.weight(at)).max();
                let strongest: Vec<_> = sources.iter().filter(|source| Some(source.weight(at)) == most).collect();
                let expected = match rule {
                    Rule::Htp => strongest.iter().map(|source| source.levels[at]).max(),
                    Rule::Ltp => strongest.last().map(|source| source.levels[at]),
                };
                prop_assert_eq!(Some(*level), expected);
            }
            sources.reverse();
            prop_assert_eq!(merged(rule, &sources), forwards);
        }
    }
}
