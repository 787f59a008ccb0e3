//! Counts notices and limits their rate so that a person can read them.
//!
//! For each kind and session, the first few notices within ten seconds pass. The rest are counted; at the end of the
//! ten seconds the latest of them is reported together with their number.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::{Effect, Instant, Notice, Outbox, SessionId};

const WINDOW: Duration = Duration::from_secs(10);
const PASSED_PER_WINDOW: u32 = 5;

/// The notices reported recently.
///
/// Ten thousand sessions report at once when a show starts. So the entries are found by session, and only those that
/// hold something back have a time.
#[derive(Debug, Default)]
pub(crate) struct NoticeBook {
    entries: FxHashMap<Option<SessionId>, Vec<NoticeEntry>>,
    /// The entries that hold notices back: when they are due, and their numbers.
    due: BTreeMap<(Instant, u64), (Option<SessionId>, &'static str)>,
    last_number: u64,
}

#[derive(Debug)]
struct NoticeEntry {
    /// In the order in which the entries were made.
    number: u64,
    id: &'static str,
    since: Instant,
    passed: u32,
    held: u32,
    latest: Option<Notice>,
}

impl NoticeEntry {
    fn due(&self) -> (Instant, u64) {
        (self.since + WINDOW, self.number)
    }
}

impl NoticeBook {
    /// Reports a notice, or counts it.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        session: Option<SessionId>,
        notice: Notice,
        out: &mut Outbox,
    ) {
        let entries = self.entries.entry(session).or_default();
        let Some(entry) = entries.iter_mut().find(|entry| entry.id == notice.id) else {
            self.last_number += 1;
            entries.push(NoticeEntry {
                number: self.last_number,
                id: notice.id,
                since: now,
                passed: 1,
                held: 0,
                latest: None,
            });
            out.push(Effect::Notice(session, notice, 0));
            return;
        };
        if entry.latest.is_none() && now.since(entry.since) >= WINDOW {
            (entry.since, entry.passed) = (now, 0);
        }
        if entry.passed < PASSED_PER_WINDOW {
            entry.passed += 1;
            out.push(Effect::Notice(session, notice, 0));
        } else {
            entry.held += 1;
            if entry.latest.replace(notice).is_none() {
                self.due.insert(entry.due(), (session, entry.id));
            }
        }
    }

    /// When the next counted notice is due.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((due, _), _)| *due)
    }

    /// Reports the counted notices whose interval is over.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        while let Some(first) = self.due.first_entry()
            && first.key().0 <= now
        {
            let (session, id) = first.remove();
            let entries = self.entries.get_mut(&session).into_iter().flatten();
            for entry in entries.filter(|entry| entry.id == id) {
                if let Some(notice) = entry.latest.take() {
                    out.push(Effect::Notice(session, notice, entry.held - 1));
                }
                (entry.since, entry.passed, entry.held) = (now, 1, 0);
            }
        }
    }

    /// A session has ended or, if `None`, the show. Reports what was counted for it and forgets it.
    pub(crate) fn retire(&mut self, session: Option<SessionId>, out: &mut Outbox) {
        for mut entry in self.entries.remove(&session).into_iter().flatten() {
            if let Some(notice) = entry.latest.take() {
                self.due.remove(&entry.due());
                out.push(Effect::Notice(session, notice, entry.held - 1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(out: &mut Outbox) -> Vec<(String, u32)> {
        let mut notices = Vec::new();
        for effect in out.effects() {
            if let Effect::Notice(_, notice, held) = effect {
                notices.push((notice.text.clone(), *held));
            }
        }
        out.clear();
        notices
    }

    #[test]
    fn a_flood_becomes_five_lines_and_then_one_with_a_count() {
        let (mut book, mut out) = (NoticeBook::default(), Outbox::new());
        let session = Some(SessionId(1));
        for number in 0..1000 {
            let now = Instant::from_micros(number);
            book.take(now, session, Notice::warning("garbage", format!("packet {number}")), &mut out);
        }
        assert_eq!(told(&mut out).len(), 5);
        assert_eq!(book.next_timeout(), Some(Instant::START + WINDOW));
        book.handle_timeout(Instant::START + WINDOW, &mut out);
        assert_eq!(told(&mut out), [("packet 999".to_owned(), 994)]);
        assert_eq!(book.next_timeout(), None);
    }

    #[test]
    fn kinds_and_sessions_are_counted_apart_and_nothing_is_lost_at_the_end() {
        let (mut book, mut out) = (NoticeBook::default(), Outbox::new());
        for number in 0..7 {
            book.take(
                Instant::START,
                Some(SessionId(1)),
                Notice::warning("a", format!("{number}")),
                &mut out,
            );
            book.take(Instant::START, Some(SessionId(2)), Notice::info("b", "b"), &mut out);
        }
        assert_eq!(told(&mut out).len(), 10);
        book.retire(Some(SessionId(1)), &mut out);
        assert_eq!(told(&mut out), [("6".to_owned(), 1)]);
    }
}
