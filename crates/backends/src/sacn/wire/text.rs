//! Packets as one line of text. The manual describes the format under "Packets as text".

use std::borrow::Cow;
use std::fmt::{self, Display, Write};

use super::{Cid, Data, Discovery, LEVELS, Packet, Synchronization};
use crate::shared::{hex, runs};

/// The default priority, which the text omits (clause 6.2.3).
const USUAL_PRIORITY: u8 = 100;

/// Formats a packet. Invalid packets, and packets that the text cannot represent fully, are shown in hexadecimal.
pub fn describe(bytes: &[u8], line: &mut String) {
    hex::show_unless_read_again(bytes, line, compose, |line| {
        Packet::decode(bytes).is_ok_and(|packet| write!(line, "{packet}").is_ok())
    });
}

/// Parses the text of [`describe`]; `None` if it is invalid.
pub fn compose(line: &str) -> Option<Vec<u8>> {
    let line = line.trim();
    if let Some(digits) = line.strip_prefix("0x") {
        return hex::parse(digits);
    }
    let (kind, rest) = line.split_once(' ')?;
    let mut words = Words { rest };
    let mut out = Vec::new();
    match kind {
        "data" => data(&mut words, &mut out)?,
        "sync" => sync(&mut words, &mut out)?,
        "discovery" => discovery(&mut words, &mut out)?,
        _ => return None,
    }
    words.rest.trim().is_empty().then_some(out)
}

impl Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(data) => data.fmt(f),
            Self::Synchronization(sync) => sync.fmt(f),
            Self::Discovery(discovery) => discovery.fmt(f),
        }
    }
}

/// `data 1 seq 7 cid aa*16 "desk" slots 255 0*511`, with fields in between if they differ from the default.
impl Display for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "data {} seq {}", self.universe, self.sequence)?;
        if self.priority != USUAL_PRIORITY {
            write!(f, " priority {}", self.priority)?;
        }
        if self.sync_address != 0 {
            write!(f, " sync {}", self.sync_address)?;
        }
        let flags =
            [(self.preview, "preview"), (self.terminated, "terminated"), (self.force_sync, "force-sync")];
        for (_, word) in flags.into_iter().filter(|(is_set, _)| *is_set) {
            write!(f, " {word}")?;
        }
        write!(f, " cid {} {}", self.cid, Name(self.name))?;
        if self.start_code != LEVELS {
            write!(f, " start 0x{:02x}", self.start_code)?;
        }
        f.write_str(" slots")?;
        for run in self.slots.chunk_by(|one, other| one == other) {
            runs::show(f, run[0], run.len())?;
        }
        Ok(())
    }
}

/// `sync 7 seq 3 cid aa*16`.
impl Display for Synchronization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sync {} seq {} cid {}", self.address, self.sequence, self.cid)
    }
}

/// `discovery page 0 of 0 cid aa*16 "desk" universes 1 2 7`.
impl Display for Discovery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cid, page, last_page, .. } = self;
        write!(f, "discovery page {page} of {last_page} cid {cid} {} universes", Name(self.name))?;
        self.universes.iter().try_for_each(|universe| write!(f, " {universe}"))
    }
}

/// A name in quotes.
struct Name<'a>(&'a [u8]);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.0))
    }
}

/// The words of a line during parsing.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = self.rest.split_once(' ').unwrap_or((self.rest, ""));
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn number<T: std::str::FromStr>(&mut self) -> Option<T> {
        self.next()?.parse().ok()
    }

    /// Skips this word if it comes next.
    fn skip(&mut self, word: &str) -> bool {
        let is_next = self.rest.split(' ').next() == Some(word);
        if is_next {
            self.next();
        }
        is_next
    }

    fn cid(&mut self) -> Option<Cid> {
        self.skip("cid").then(|| self.next()?.parse().ok())?
    }

    /// Parses a name in quotes, in which only quotes and backslashes are escaped with a backslash.
    fn name(&mut self) -> Option<String> {
        let text = self.rest.strip_prefix('"')?;
        let mut name = String::new();
        let mut letters = text.char_indices();
        loop {
            match letters.next()? {
                (at, '"') => {
                    self.rest = text[at + 1..].trim_start();
                    return Some(name);
                }
                (_, '\\') => name.push(letters.next().map(|(_, c)| c).filter(|c| matches!(c, '"' | '\\'))?),
                (_, letter) => name.push(letter),
            }
        }
    }
}

fn data(words: &mut Words<'_>, out: &mut Vec<u8>) -> Option<()> {
    let universe = words.number()?;
    let sequence = if words.skip("seq") { words.number()? } else { 0 };
    let priority = if words.skip("priority") { words.number()? } else { USUAL_PRIORITY };
    let sync_address = if words.skip("sync") { words.number()? } else { 0 };
    let [preview, terminated, force_sync] =
        ["preview", "terminated", "force-sync"].map(|word| words.skip(word));
    let cid = words.cid()?;
    let name = words.name()?;
    let start_code = if words.skip("start") {
        u8::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?
    } else {
        LEVELS
    };
    let mut slots = Vec::new();
    if !words.skip("slots") {
        return None;
    }
    while let Some(word) = words.next() {
        let (level, count) = runs::parse::<u8>(word)?;
        slots.resize(slots.len() + count, level);
        if slots.len() > super::SLOTS {
            return None;
        }
    }
    let data = Data {
        cid,
        name: name.as_bytes(),
        priority,
        sync_address,
        sequence,
        preview,
        terminated,
        force_sync,
        universe,
        start_code,
        slots: &slots,
    };
    data.encode(out);
    Some(())
}

fn sync(words: &mut Words<'_>, out: &mut Vec<u8>) -> Option<()> {
    let address = words.number()?;
    let sequence = if words.skip("seq") { words.number()? } else { 0 };
    Synchronization { cid: words.cid()?, sequence, address }.encode(out);
    Some(())
}

fn discovery(words: &mut Words<'_>, out: &mut Vec<u8>) -> Option<()> {
    let page = words.skip("page").then(|| words.number())??;
    let last_page = words.skip("of").then(|| words.number())??;
    let cid = words.cid()?;
    let name = words.name()?;
    let mut universes = Vec::new();
    if !words.skip("universes") {
        return None;
    }
    while let Some(universe) = words.next() {
        universes.push(universe.parse().ok()?);
    }
    let universes = Cow::Owned(universes);
    Discovery { cid, name: name.as_bytes(), page, last_page, universes }.encode(out);
    Some(())
}
