//! The changes that a reload makes, in readable form.

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault};

use rustc_hash::FxHasher;

use super::{Plan, PlannedInstance};
use crate::transform::Chain;
use crate::{InstanceId, Slot};

/// The differences between a plan and the one it replaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Instances that only the new plan has.
    pub added: Vec<String>,
    /// Instances that only the old plan had.
    pub removed: Vec<String>,
    /// Instances that start anew, and why: `option `rate` changed`.
    pub restarted: Vec<(String, String)>,
    /// How many instances go on.
    pub kept: usize,
    /// How many mappings are new. One that has moved within the file is not.
    pub mappings_added: usize,
    /// The number of removed mappings.
    pub mappings_removed: usize,
}

impl Plan {
    /// Returns the differences to the plan that this one is built on. Takes time in proportion to the number of
    /// mappings.
    pub fn difference(&self, before: &Self) -> Difference {
        let mut difference = Difference::default();
        for planned in self.instances() {
            let name = planned.name.to_string();
            match before.find(&planned.name).map(|old| &before.instances()[old.index()]) {
                None => difference.added.push(name),
                Some(old) if old.is_same_as(planned) => difference.kept += 1,
                Some(old) => difference.restarted.push((name, reason(old, planned))),
            }
        }
        let is_gone = |old: &&PlannedInstance| self.find(&old.name).is_none();
        difference.removed =
            before.instances().iter().filter(is_gone).map(|old| old.name.to_string()).collect();
        (difference.mappings_added, difference.mappings_removed) =
            compare(&self.fingerprints(), &before.fingerprints());
        difference
    }

    /// A sorted number for each mapping, the same for the same mapping of another plan.
    fn fingerprints(&self) -> Vec<u64> {
        let hasher = BuildHasherDefault::<FxHasher>::default();
        let name = |(instance, slot): (InstanceId, Slot)| {
            let planned: &PlannedInstance = &self.instances()[instance.index()];
            (&*planned.name, planned.channels.address(slot))
        };
        let mut all: Vec<_> = self
            .mappings()
            .map(|mapping| {
                let chain = mapping.chain.map(Chain::text);
                hasher.hash_one((name(mapping.from), name(mapping.to), chain))
            })
            .collect();
        all.sort_unstable();
        all
    }
}

/// Why an instance cannot go on.
fn reason(old: &PlannedInstance, new: &PlannedInstance) -> String {
    if old.backend.name != new.backend.name {
        return format!("its backend was `{}`", old.backend.name);
    }
    let value = |planned: &PlannedInstance, name: &str| {
        let given = planned.options.iter().filter(|given| given.name == name);
        given.map(|given| (given.value.clone(), given.scope)).collect::<Vec<_>>()
    };
    let mut names: Vec<_> = old.options.iter().chain(&new.options).map(|given| &*given.name).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| value(old, name) != value(new, name));
    match &names[..] {
        [] => "the order of its options changed".to_owned(),
        [name] => format!("option `{name}` changed"),
        names => format!("options `{}` changed", names.join("`, `")),
    }
}

/// How many numbers only the first list has, and how many only the second. Both are sorted.
fn compare(new: &[u64], old: &[u64]) -> (usize, usize) {
    let (mut new, mut old) = (new.iter().peekable(), old.iter().peekable());
    let (mut added, mut removed) = (0, 0);
    loop {
        match (new.peek(), old.peek()) {
            (Some(one), Some(other)) if one == other => {
                new.next();
                old.next();
            }
            (Some(one), Some(other)) if one < other => {
                added += 1;
                new.next();
            }
            (_, Some(_)) => {
                removed += 1;
                old.next();
            }
            (Some(_), None) => {
                added += 1;
                new.next();
            }
            (None, None) => return (added, removed),
        }
    }
}

/// In one line: `2 mappings added, 1 removed; `desk` restarted: option `rate` changed; 3 instances kept`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        let mappings = |count: usize| format!("{count} mapping{}", if count == 1 { "" } else { "s" });
        match (self.mappings_added, self.mappings_removed) {
            (0, 0) => {}
            (0, removed) => parts.push(format!("{} removed", mappings(removed))),
            (added, 0) => parts.push(format!("{} added", mappings(added))),
            (added, removed) => parts.push(format!("{} added, {removed} removed", mappings(added))),
        }
        for (names, what) in [(&self.added, "added"), (&self.removed, "removed")] {
            if !names.is_empty() {
                parts.push(format!("`{}` {what}", names.join("`, `")));
            }
        }
        parts.extend(self.restarted.iter().map(|(name, reason)| format!("`{name}` restarted: {reason}")));
        if parts.is_empty() {
            return f.write_str("nothing changed");
        }
        match self.kept {
            0 => {}
            1 => parts.push("1 instance kept".to_owned()),
            kept => parts.push(format!("{kept} instances kept")),
        }
        f.write_str(&parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_counted_that_only_one_plan_has() {
        assert_eq!(compare(&[1, 2, 2, 3, 9], &[2, 3, 4]), (3, 1));
        assert_eq!(compare(&[], &[2, 3]), (0, 2));
        assert_eq!(compare(&[1], &[]), (1, 0));
    }

    #[test]
    fn a_person_reads_one_line() {
        let mut difference = Difference { kept: 2, ..Difference::default() };
        assert_eq!(difference.to_string(), "nothing changed");
        difference.mappings_added = 1;
        difference.restarted.push(("desk".to_owned(), "option `rate` changed".to_owned()));
        difference.removed = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(
            difference.to_string(),
            "1 mapping added; `a`, `b` removed; `desk` restarted: option `rate` changed; 2 instances kept"
        );
    }
}
