//! Finds the number of a key by its hash. The keys remain with their owner.
//!
//! A show may have a million addresses. Their owner stores them one after another in any layout and numbers them from
//! 0. The index adds four bytes and one byte of hash for each.

use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::FxBuildHasher;

/// The numbers of keys, from 0 without gaps.
///
/// Every method takes a function that returns the key of a number.
#[derive(Clone, Default)]
pub struct KeyIndex {
    numbers: HashTable<u32>,
}

/// The number of a key, from [`KeyIndex::intern`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Interned {
    /// The key was there already.
    Known(u32),
    /// The key is new. Its owner has to store it under this number before the next call.
    New(u32),
}

impl KeyIndex {
    /// Creates an index with room for `keys` keys.
    pub fn with_capacity(keys: usize) -> Self {
        Self { numbers: HashTable::with_capacity(keys) }
    }

    /// The number of a key.
    #[inline]
    pub fn find<'k, K: Hash + Eq + ?Sized + 'k>(
        &self,
        key: &K,
        key_of: impl Fn(u32) -> &'k K,
    ) -> Option<u32> {
        self.numbers.find(hash(key), |&number| key_of(number) == key).copied()
    }

    /// The number of a key, the next one if it is new.
    pub fn intern<'k, K: Hash + Eq + ?Sized + 'k>(
        &mut self,
        key: &K,
        key_of: impl Fn(u32) -> &'k K,
    ) -> Interned {
        if self.numbers.len() == self.numbers.capacity() {
            self.grow(&key_of);
        }
        let next = self.numbers.len() as u32;
        let entry =
            self.numbers.entry(hash(key), |&number| key_of(number) == key, |&number| hash(key_of(number)));
        match entry {
            Entry::Occupied(entry) => Interned::Known(*entry.get()),
            Entry::Vacant(entry) => {
                entry.insert(next);
                Interned::New(next)
            }
        }
    }

    /// Doubles the index. A table that grows by itself hashes its entries in the order of the table, which jumps through the
    /// text of a million keys; here it is read from front to back (measured: a third of the time that compiling a million
    /// mappings takes).
    fn grow<'k, K: Hash + ?Sized + 'k>(&mut self, key_of: &impl Fn(u32) -> &'k K) {
        let mut larger = HashTable::with_capacity((self.numbers.capacity() * 2).max(8));
        for number in 0..self.numbers.len() as u32 {
            larger.insert_unique(hash(key_of(number)), number, |&number| hash(key_of(number)));
        }
        self.numbers = larger;
    }
}

fn hash(key: &(impl Hash + ?Sized)) -> u64 {
    FxBuildHasher.hash_one(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_numbers_while_the_index_grows() {
        for mut index in [KeyIndex::default(), KeyIndex::with_capacity(1000)] {
            let mut keys: Vec<String> = Vec::new();
            for number in 0..1000_u32 {
                let key = format!("/fader/{}", number * 7);
                assert_eq!(index.find(&*key, |at| &*keys[at as usize]), None);
                assert_eq!(index.intern(&*key, |at| &*keys[at as usize]), Interned::New(number));
                keys.push(key);
            }
            for (number, key) in (0..).zip(&keys) {
                assert_eq!(index.find(&**key, |at| &*keys[at as usize]), Some(number));
                assert_eq!(index.intern(&**key, |at| &*keys[at as usize]), Interned::Known(number));
            }
        }
    }
}
