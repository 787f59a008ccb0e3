//! The hot paths: the processing of a value, a packet or a message when everything is set up and without errors.
//!
//! All figures use one table: the program `hot_paths` measures nanoseconds and allocations and counts instructions
//! under callgrind, and the test `allocations` compares the allocations with the table. Each path also states the size
//! of its output, so that a path that stops working is noticed when it is measured.

mod dmx;
mod engine;
mod maweb;
mod midi;
mod osc;
mod plain;
mod rig;
mod shell;

/// A way of an event through the program, without the sockets at its ends.
pub(crate) struct Path {
    /// The family, and what happens: `osc/in-64`.
    pub(crate) name: &'static str,
    /// How many events a batch has: values of the engine's paths, packets or messages of the others.
    pub(crate) events: usize,
    /// How many values and messages come out of a batch.
    pub(crate) outcome: usize,
    /// How often a batch asks for memory. Where it is not zero, a comment says for what.
    pub(crate) allocations: usize,
    /// Sets everything up.
    pub(crate) set_up: fn() -> Batch,
}

/// Handles the next batch of events, and returns how many values and messages came out of it.
pub(crate) type Batch = Box<dyn FnMut() -> usize>;

impl Path {
    /// A path in its steady state: buffers have grown, and sessions know their peers.
    pub(crate) fn warmed_up(&self) -> Batch {
        let mut batch = (self.set_up)();
        for _ in 0..self.some_batches() {
            batch();
        }
        batch
    }

    /// Enough batches to see what happens again and again.
    pub(crate) fn some_batches(&self) -> usize {
        64_usize.div_ceil(self.events).max(4)
    }

    /// Handles `count` batches and nothing else: instructions are counted in this function.
    ///
    /// # Panics
    ///
    /// If the output differs from the table.
    #[inline(never)]
    pub(crate) fn handle_batches(&self, batch: &mut Batch, count: usize) {
        let outcome: usize = (0..count).map(|_| batch()).sum();
        assert_eq!(outcome, self.outcome * count, "what comes out of {count} batches of `{}`", self.name);
    }
}

/// All paths, family by family.
pub(crate) fn all() -> impl Iterator<Item = &'static Path> {
    [engine::PATHS, osc::PATHS, dmx::PATHS, midi::PATHS, maweb::PATHS, shell::PATHS].into_iter().flatten()
}
