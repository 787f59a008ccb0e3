//! The steady state allocates nothing: every hot path, counted.

#[path = "../benches/hot_paths/paths/mod.rs"]
mod paths;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// The allocator of the system, counted. It counts for the whole process, so that nothing else may run here: this file has
/// one test.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_hot_path_allocates_what_its_table_says_and_most_of_them_nothing() {
    let mut wrong = Vec::new();
    for path in paths::all() {
        let (mut batch, batches) = (path.warmed_up(), path.some_batches());
        let before = ALLOCATOR.stats();
        path.handle_batches(&mut batch, batches);
        let made = ALLOCATOR.stats() - before;
        let (found, expected) = (made.allocations + made.reallocations, path.allocations * batches);
        if found != expected {
            wrong.push(format!(
                "{}: {found} allocations in {batches} batches of {} events, not {expected}",
                path.name, path.events
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
