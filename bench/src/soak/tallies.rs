//! The report of a soak on the messages that it counted.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

use super::count::{CountedPath, Tally};
use super::rig::Rig;

/// Prints a line for each end of a path, and returns the problems.
pub(super) fn print(out: &mut dyn Write, rig: &Rig) -> Result<Vec<String>> {
    writeln!(
        out,
        "\n{:<22}{:>8}{:>10}{:>10}{:>18}{:>8}{:>10}{:>10}",
        "messages", "ways", "strokes", "disturbed", "undisturbed: due", "came", "lost", "repeated"
    )?;
    let name = |end: Option<usize>| end.map(|family| rig.families.list[family].name);
    let peer = |count: &CountedPath, at: usize| name(count.spec.ends[at]);
    let families = rig.families.list.iter().map(|family| Some(family.name));
    for end in families.chain([None]) {
        for (word, at) in [("from", 0), ("to", 1)] {
            let is_mapping = |count: &&CountedPath| count.spec.ends == [None; 2];
            let ways = || rig.counts.iter().filter(|count| !is_mapping(count) && peer(count, at) == end);
            print_paths(out, &format!("{word} {}", end.unwrap_or("the subject")), ways())?;
        }
    }
    let within = rig.counts.iter().filter(|count| count.spec.ends == [None; 2]);
    print_paths(out, "mapping lines", within)?;
    print_paths(out, "all", rig.counts.iter())?;
    let is_uncounted = |count: &&CountedPath| count.judged == 0 && count.spec.may_miss;
    let uncounted = rig.counts.iter().filter(is_uncounted).count();
    if uncounted > 0 {
        writeln!(out, "not counted: {uncounted} ways through a server that missed cycles all the time")?;
    }
    Ok(rig.counts.iter().filter_map(fault).collect())
}

fn print_paths<'a>(
    out: &mut dyn Write,
    name: &str,
    ways: impl Iterator<Item = &'a CountedPath>,
) -> Result<()> {
    let (mut number, mut sum) = (0, Tally::default());
    for count in ways {
        number += 1;
        sum += count.tally;
    }
    if number > 0 {
        let Tally { strokes, disturbed, due, came, repeated } = sum;
        let lost = due - came;
        writeln!(
            out,
            "{name:<22}{number:>8}{strokes:>10}{disturbed:>10}{due:>18}{came:>8}{lost:>10}{repeated:>10}"
        )?;
    }
    Ok(())
}

/// The problem of a path, if there is one.
fn fault(count: &CountedPath) -> Option<String> {
    let (name, Tally { due, came, repeated, .. }) = (&count.spec.name, count.tally);
    if count.judged == 0 && !count.spec.may_miss {
        return Some(format!("{name} was never undisturbed, so no messages were counted"));
    }
    (came != due || repeated > 0)
        .then(|| format!("{name}: of {due} messages {came} came, and {repeated} that should not have come"))
}

/// Writes the figures of each way into a file.
pub(super) fn keep(path: &Path, counts: &[CountedPath]) -> Result<()> {
    let mut text = "way\tvolleys counted\tdue\tcame\trepeated\tstrokes\tdisturbed\n".to_owned();
    for CountedPath { spec, judged, tally, .. } in counts {
        let Tally { strokes, disturbed, due, came, repeated } = tally;
        let name = &spec.name;
        let _ = writeln!(text, "{name}\t{judged}\t{due}\t{came}\t{repeated}\t{strokes}\t{disturbed}");
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
