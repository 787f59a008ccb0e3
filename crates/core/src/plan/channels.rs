//! The channels of one instance: addresses and their slots.
//!
//! Addresses live in one text with an index beside it: a million of them cost little more than their letters.

use crate::{Direction, Interned, KeyIndex, Kind, Slot};

/// The channels of one instance: slot to address and back.
#[derive(Clone, Default)]
pub struct Channels {
    text: String,
    ends: Vec<u32>,
    /// Of each channel, the directions in which it is mapped and its kind in each.
    uses: Vec<u8>,
    index: KeyIndex,
    /// The slot after the one that was looked up last.
    next: u32,
}

impl Channels {
    /// Forgets which channels are mapped and keeps their slots.
    pub(super) fn unmap(&mut self) {
        self.uses.fill(0);
        self.next = 0;
    }

    /// Marks a channel as mapped in one direction.
    pub(super) fn map(&mut self, slot: Slot, direction: Direction, kind: Kind) {
        let uses = &mut self.uses[slot.index()];
        *uses = *uses & !(KIND << shift(direction)) | (MAPPED | kind as u8) << shift(direction);
    }

    /// The kind of this channel in a direction in which it is mapped.
    pub fn kind(&self, slot: Slot, direction: Direction) -> Kind {
        let uses = self.uses.get(slot.index()).copied().unwrap_or_default();
        Kind::ALL[usize::from(uses >> shift(direction) & KIND)]
    }

    /// Returns the slot of a canonical address, and creates one if it has none yet.
    ///
    /// A configuration that is reloaded names its channels mostly in the same order as before. So the slot after the
    /// last one is checked first: this reads the text sequentially, where the index jumps through it (measured: a third
    /// of the time of a reload of a million mappings).
    pub(super) fn intern(&mut self, address: &str) -> Slot {
        let expected = self.next;
        let is_expected =
            (expected as usize) < self.ends.len() && address_of(&self.text, &self.ends, expected) == address;
        let slot = if is_expected { Slot(expected) } else { self.look_up(address) };
        self.next = slot.0 + 1;
        slot
    }

    fn look_up(&mut self, address: &str) -> Slot {
        let Self { text, ends, uses, index, .. } = self;
        let slot = match index.intern(address, |slot| address_of(text, ends, slot)) {
            Interned::Known(slot) => slot,
            Interned::New(slot) => {
                text.push_str(address);
                ends.push(text.len() as u32);
                uses.push(0);
                slot
            }
        };
        Slot(slot)
    }

    /// The slot of a canonical address.
    pub fn find(&self, address: &str) -> Option<Slot> {
        self.index.find(address, |slot| address_of(&self.text, &self.ends, slot)).map(Slot)
    }

    /// The canonical address of a slot.
    pub fn address(&self, slot: Slot) -> &str {
        address_of(&self.text, &self.ends, slot.0)
    }

    /// Whether the plan maps the channel in that direction.
    pub fn is_mapped(&self, slot: Slot, direction: Direction) -> bool {
        self.uses.get(slot.index()).is_some_and(|uses| uses >> shift(direction) & MAPPED != 0)
    }

    /// How many slots there are, those of channels that are not mapped any more included.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no channel.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Every slot.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..self.ends.len() as u32).map(Slot)
    }
}

fn address_of<'a>(text: &'a str, ends: &[u32], slot: u32) -> &'a str {
    let start = slot.checked_sub(1).map_or(0, |before| ends[before as usize]);
    &text[start as usize..ends[slot as usize] as usize]
}

/// The bits for each direction in the uses of a channel: one bit for mapped, and two for a [`Kind`].
const MAPPED: u8 = 4;
const KIND: u8 = 3;

fn shift(direction: Direction) -> u8 {
    match direction {
        Direction::Input => 0,
        Direction::Output => 3,
    }
}
