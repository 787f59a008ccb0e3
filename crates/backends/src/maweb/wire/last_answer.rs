//! The last answer to a request, so that only what differs from it is read in the next one.
//!
//! A console describes everything in each answer, many times a second: thirty faders take 22 KB, and usually none of them
//! has moved. Reading that much JSON takes hundreds of thousands of instructions, comparing it about two thousand.
//! Executors are therefore compared as bytes, each at its place, and only those that differ are read. The bytes between
//! them (page, groups, brackets) have to be equal; otherwise the whole message has to be read.
//!
//! This finds what reading the whole message would find, because the [reader](JsonReader) takes the same bytes for the
//! same value. Only tolerated errors are an exception: the end of a text without quotation marks depends on what follows
//! it. Messages with errors are therefore never compared.

use std::ops::Range;

use super::json::JsonReader;
use super::{DecodeError, Executor, Flaws, Wanted};

/// The last answer to one request, with the place of each executor in it.
#[derive(Debug, Default)]
pub struct LastAnswer {
    bytes: Vec<u8>,
    /// The executors, in order. Empty if the next answer cannot be compared.
    places: Vec<ExecutorPlace>,
}

/// Where an executor is described.
#[derive(Clone, Debug)]
struct ExecutorPlace {
    range: Range<usize>,
    index: u32,
    width: u32,
}

impl LastAnswer {
    /// Keeps an answer with executors, of which these parts are read. It must have been decoded before.
    pub fn keep(&mut self, answer: &[u8], wanted: Wanted) {
        self.forget();
        if let Ok(Some(places)) = places(answer, wanted) {
            self.places = places;
            self.bytes.extend_from_slice(answer);
        }
    }

    /// Forgets the answer: the next one has to be read as a whole.
    pub fn forget(&mut self) {
        self.bytes.clear();
        self.places.clear();
    }

    /// The executors that differ in this answer, and those for which `is_awaited` returns true for their index and width.
    /// The answer takes the place of the last one. `None` if it has to be decoded as a whole, and kept.
    pub fn changes<'a>(
        &mut self,
        answer: &'a [u8],
        wanted: Wanted,
        is_awaited: impl Fn(u32, u32) -> bool,
    ) -> Option<Vec<Executor<'a>>> {
        let changes = self.compare(answer, wanted, is_awaited);
        if changes.is_none() {
            self.forget();
        }
        changes
    }

    fn compare<'a>(
        &mut self,
        answer: &'a [u8],
        wanted: Wanted,
        is_awaited: impl Fn(u32, u32) -> bool,
    ) -> Option<Vec<Executor<'a>>> {
        if self.places.is_empty() {
            return None;
        }
        let is_awaited = |place: &ExecutorPlace| is_awaited(place.index, place.width);
        let is_same = self.bytes == answer;
        if is_same && !self.places.iter().any(is_awaited) {
            return Some(Vec::new());
        }
        let mut reader = JsonReader::new(answer).ok()?;
        reader.wanted = wanted;
        let mut changes = Vec::new();
        // The ends of what was compared, in the last answer and in this one.
        let (mut last_end, mut end) = (0, 0);
        for place in &mut self.places {
            let between = &self.bytes[last_end..place.range.start];
            let last = &self.bytes[place.range.clone()];
            let rest = answer[end..].strip_prefix(between)?;
            let start = answer.len() - rest.len();
            last_end = place.range.end;
            if rest.starts_with(last) && !is_awaited(place) {
                end = start + last.len();
            } else {
                reader.seek(start);
                let executor = Executor::decode(&mut reader).ok()?;
                if (executor.index, executor.width) != (place.index, place.width) {
                    return None;
                }
                end = reader.position();
                changes.push(executor);
            }
            place.range = start..end;
        }
        let is_whole = answer[end..] == self.bytes[last_end..] && reader.flaws == Flaws::default();
        if is_whole && !is_same {
            self.bytes.clear();
            self.bytes.extend_from_slice(answer);
        }
        is_whole.then_some(changes)
    }
}

/// The places of all executors of an answer. `None` if the same bytes may mean something else at another place.
fn places(answer: &[u8], wanted: Wanted) -> Result<Option<Vec<ExecutorPlace>>, DecodeError> {
    let mut reader = JsonReader::new(answer)?;
    reader.wanted = wanted;
    // A byte order mark is not part of the reader's text.
    let mut is_plain = answer.first() == Some(&b'{');
    let mut places = Vec::new();
    let mut lists = 0;
    reader.object(|reader, key| {
        match key {
            "itemGroups" => {
                lists += 1;
                reader.list(|reader| {
                    let mut lists = 0;
                    reader.object(|reader, key| {
                        if key != "items" {
                            return Ok(());
                        }
                        lists += 1;
                        rows(reader, &mut places)
                    })?;
                    is_plain &= lists <= 1;
                    Ok(())
                })?;
            }
            "items" => {
                lists += 1;
                rows(reader, &mut places)?;
            }
            _ => {}
        }
        Ok(())
    })?;
    reader.end();
    // If a key occurs twice, the last one counts. If an executor is described twice, each description counts as a change.
    let follows = |pair: &[ExecutorPlace]| pair[0].index.saturating_add(pair[0].width) <= pair[1].index;
    is_plain &= lists == 1 && places.windows(2).all(follows) && reader.flaws == Flaws::default();
    Ok(is_plain.then_some(places))
}

fn rows(reader: &mut JsonReader<'_>, places: &mut Vec<ExecutorPlace>) -> Result<(), DecodeError> {
    reader.list(|reader| {
        reader.list(|reader| {
            let start = reader.position();
            let executor = Executor::decode(reader)?;
            let (index, width) = (executor.index, executor.width);
            places.push(ExecutorPlace { range: start..reader.position(), index, width });
            Ok(())
        })
    })
}
