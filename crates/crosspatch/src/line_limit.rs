//! Keeps the log readable when many instances write to it: shows at most a few lines at a time of each kind of
//! information.

use std::collections::BTreeMap;

use crosspatch_core::{Duration, Instant};

/// As many lines of one kind are shown within a [`WINDOW`], whichever instances they are of.
const SHOWN: u32 = 10;
const WINDOW: Duration = Duration::from_secs(5);

/// The lines shown recently.
#[derive(Debug, Default)]
pub(crate) struct LineLimit {
    kinds: BTreeMap<&'static str, (Instant, u32)>,
}

/// The decision about a line.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// It is shown.
    Shown,
    /// It is shown, marked as the last for now.
    Last,
    /// It is shown only if all lines are.
    Hidden,
}

impl LineLimit {
    /// Decides about a line of that kind.
    pub(crate) fn admit(&mut self, now: Instant, kind: &'static str) -> Visibility {
        let (since, count) = self.kinds.entry(kind).or_insert((now, 0));
        if now.since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        match *count {
            ..SHOWN => Visibility::Shown,
            SHOWN => Visibility::Last,
            _ => Visibility::Hidden,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_of_a_kind_are_shown_in_five_seconds() {
        let (mut limit, mut now) = (LineLimit::default(), Instant::START);
        let mut shown = |now, kind| limit.admit(now, kind);
        for _ in 0..9 {
            assert_eq!(shown(now, "listening"), Visibility::Shown);
        }
        assert_eq!(shown(now, "listening"), Visibility::Last);
        assert_eq!(shown(now, "listening"), Visibility::Hidden);
        assert_eq!(shown(now, "other"), Visibility::Shown);
        now += WINDOW;
        assert_eq!(shown(now, "listening"), Visibility::Shown);
    }
}
