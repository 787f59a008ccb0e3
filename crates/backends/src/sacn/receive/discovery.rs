//! The universes that sources announce (clause 12).

use crosspatch_core::{Duration, Instant, Notice};

use crate::sacn::wire::{Cid, Discovery};

/// A list that is not renewed for two intervals of `E131_UNIVERSE_DISCOVERY_INTERVAL` expires (clause 12.2).
const OUT_OF_DATE: Duration = Duration::from_secs(20);

/// The maximum number of sources.
const MAX_SOURCES: usize = 256;

/// The announcements of all sources.
#[derive(Debug, Default)]
pub(crate) struct Announcements {
    sources: Vec<Announcing>,
}

#[derive(Debug)]
struct Announcing {
    cid: Cid,
    name: Box<[u8]>,
    /// The last complete list.
    universes: Vec<u16>,
    /// The pages of the next list received so far, in order.
    gathered: Vec<u16>,
    /// The next expected page; `None` if a page was missed.
    next_page: Option<u8>,
    heard_at: Instant,
}

/// A change in the announcement of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    /// The source.
    pub(crate) cid: Cid,
    /// The name of the source.
    pub(crate) name: Box<[u8]>,
    /// All universes that the source sends; empty if it has fallen silent.
    pub(crate) universes: Vec<u16>,
}

impl Announcements {
    /// Handles a page. Returns the whole list if it is complete and differs from the last one.
    pub(crate) fn handle(&mut self, now: Instant, page: &Discovery<'_>) -> Option<Announced> {
        let at = match self.sources.iter().position(|source| source.cid == page.cid) {
            Some(at) => at,
            None if self.sources.len() >= MAX_SOURCES => return None,
            None => {
                let (cid, name) = (page.cid, page.name.into());
                let (universes, gathered) = (Vec::new(), Vec::new());
                self.sources.push(Announcing {
                    cid,
                    name,
                    universes,
                    gathered,
                    next_page: None,
                    heard_at: now,
                });
                self.sources.len() - 1
            }
        };
        let source = &mut self.sources[at];
        source.heard_at = now;
        if page.page == 0 {
            source.gathered.clear();
            source.next_page = Some(0);
        }
        if source.next_page.take() != Some(page.page) || page.page > page.last_page {
            return None;
        }
        source.gathered.extend_from_slice(&page.universes);
        if page.page < page.last_page {
            source.next_page = Some(page.page + 1);
            return None;
        }
        source.gathered.sort_unstable();
        source.gathered.dedup();
        let is_same = source.universes == source.gathered && *source.name == *page.name;
        std::mem::swap(&mut source.universes, &mut source.gathered);
        source.name = page.name.into();
        (!is_same).then(|| source.announced())
    }

    /// Removes a source whose list has expired, and returns it. To be called until it returns `None`.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Announced> {
        let at = self.sources.iter().position(|source| now.since(source.heard_at) >= OUT_OF_DATE)?;
        let gone = self.sources.swap_remove(at);
        Some(Announced { universes: Vec::new(), ..gone.announced() })
    }

    /// When the next list expires.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.sources.iter().map(|source| source.heard_at + OUT_OF_DATE).min()
    }
}

impl Announced {
    /// The notice for the operator.
    pub(crate) fn notice(&self) -> Notice {
        let Self { cid, name, universes } = self;
        let name = String::from_utf8_lossy(name);
        let text = match universes.as_slice() {
            [] => format!("`{name}` announces no universes any more ({cid})"),
            universes => {
                let shown: Vec<_> = universes.iter().take(40).map(ToString::to_string).collect();
                let more = if universes.len() > shown.len() { ", ..." } else { "" };
                format!("`{name}` sends universes {}{more} ({cid})", shown.join(", "))
            }
        };
        Notice::info("sacn-announced", text)
    }
}

impl Announcing {
    fn announced(&self) -> Announced {
        Announced { cid: self.cid, name: self.name.clone(), universes: self.universes.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::START + Duration::from_secs(seconds)
    }

    fn page(source: u8, page: u8, last_page: u8, universes: &[u16]) -> Discovery<'_> {
        Discovery { cid: Cid([source; 16]), name: b"desk", page, last_page, universes: universes.into() }
    }

    #[test]
    fn a_list_is_told_when_it_is_whole_and_differs() {
        let mut known = Announcements::default();
        let told = known.handle(at(0), &page(1, 0, 0, &[1, 7])).expect("a first list");
        assert_eq!((told.cid, &*told.name, told.universes), (Cid([1; 16]), &b"desk"[..], vec![1, 7]));
        assert_eq!(known.handle(at(10), &page(1, 0, 0, &[1, 7])), None);
        assert_eq!(known.handle(at(20), &page(1, 0, 0, &[7])).map(|told| told.universes), Some(vec![7]));
        assert_eq!(known.handle(at(30), &page(1, 0, 1, &[1, 2])), None);
        assert_eq!(known.handle(at(30), &page(2, 0, 0, &[9])).map(|told| told.universes), Some(vec![9]));
        assert_eq!(
            known.handle(at(30), &page(1, 1, 1, &[700])).map(|told| told.universes),
            Some(vec![1, 2, 700])
        );
    }

    #[test]
    fn a_list_with_a_missing_page_is_not_told() {
        let mut known = Announcements::default();
        for (number, last) in [(1, 1), (0, 2), (2, 2), (1, 2), (5, 2), (255, 255)] {
            assert_eq!(known.handle(at(0), &page(1, number, last, &[1])), None, "page {number} of {last}");
        }
    }

    #[test]
    fn who_falls_silent_is_told_once_and_memory_is_bounded() {
        let mut known = Announcements::default();
        known.handle(at(0), &page(1, 0, 0, &[1]));
        known.handle(at(5), &page(2, 0, 0, &[2]));
        assert_eq!((known.next_timeout(), known.expire(at(19))), (Some(at(20)), None));
        assert_eq!(known.expire(at(20)).map(|gone| (gone.cid, gone.universes)), Some((Cid([1; 16]), vec![])));
        assert_eq!(known.expire(at(20)), None);
        for number in 0..10_000_u16 {
            let [high, low] = number.to_be_bytes();
            let cid = Cid([[high, low]; 8].concat().try_into().expect("sixteen bytes"));
            known.handle(at(20), &Discovery { cid, ..page(0, 0, 0, &[1]) });
        }
        assert_eq!(known.sources.len(), MAX_SOURCES);
    }
}
