//! The reports of a soak: while it runs, and at the end.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use anyhow::Result;

use super::SoakOptions;
use super::attacks::ATTACKS;
use super::channel::PressCounts;
use super::ping::Findings;
use super::rig::Rig;
use super::tallies;
use crate::process::Usage;

/// The memory in KiB that all attacks, each run once, may cost the subject permanently: buffers and the reserve of the
/// allocator.
const WARMTH: u64 = 32 * 1024;

/// The maximum growth of the subject's memory after the warm-up, in KiB: the reserve of the allocator varies by about
/// as much.
const GROWTH: u64 = 4096;

/// The maximum latency of a plain mapping at any time, whatever is done to others. A good program takes a few
/// milliseconds; but the shows of a soak, its attacks and the rest of a busy machine share its processors, so that a
/// program may get none for a good part of this. Time in which the machine scheduled no thread at all, as measured by a
/// thread that only sleeps, is subtracted. A program that is blocked by one peer takes seconds.
const LATENCY: Duration = Duration::from_millis(500);

/// How many wrong states, and how many wrong counts, are written out.
const MOST_TOLD: usize = 20;

/// The measurements of the subject.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    /// When all paths were up, before any disturbance.
    pub(super) before: Usage,
    /// After a fifth of the time, and when every attack was made once.
    pub(super) warm: Option<Usage>,
    pub(super) after: Usage,
    /// The targets of its descriptors, before and after.
    pub(super) descriptors: [Vec<String>; 2],
    /// How long everything took place.
    pub(super) took: Duration,
    /// How long it took until everything was at rest.
    pub(super) settled: Duration,
    /// By phase.
    pub(super) pings: Vec<Findings>,
}

/// Prints the plan of the soak.
pub(super) fn print_start(out: &mut dyn Write, options: &SoakOptions, rig: &Rig) -> Result<()> {
    let (families, channels) = (rig.families.list.len(), rig.channels.len());
    let seconds = options.duration.as_secs();
    let (ways, seed) = (rig.counts.len(), options.seed);
    writeln!(
        out,
        "soak: {channels} channels in {families} families, messages counted on {ways} ways; {seconds} s, seed {seed}"
    )?;
    for (family, reason) in &rig.families.left_out {
        writeln!(out, "left out: {family} ({reason})")?;
    }
    Ok(())
}

/// Prints the disturbances since the last report, and the state of the subject.
pub(super) fn print_progress(
    out: &mut dyn Write,
    rig: &mut Rig,
    now: Duration,
    usage: &Usage,
    share: f64,
) -> io::Result<()> {
    let seconds = now.as_secs();
    let sets: u64 = rig.channels.iter().map(|channel| channel.sets).sum();
    let heard: u64 = rig.channels.iter().map(|channel| channel.received).sum();
    let mut counts = BTreeMap::<String, u32>::new();
    for done in rig.done.drain(..) {
        *counts.entry(done).or_default() += 1;
    }
    let done: Vec<String> = counts
        .into_iter()
        .map(|(done, count)| if count > 1 { format!("{done} ({count}x)") } else { done })
        .collect();
    writeln!(
        out,
        "{:2}:{:02}  {sets} set, {heard} heard; {}, {} descriptors, {:.1} % CPU; {}",
        seconds / 60,
        seconds % 60,
        mebibytes(usage.resident),
        usage.descriptors,
        share * 100.0,
        done.join(", ")
    )?;
    out.flush()
}

/// Prints the results, and returns whether all checks passed.
pub(super) fn print_end(out: &mut dyn Write, rig: &Rig, figures: &Figures) -> Result<bool> {
    let mut wrong = rig.faults.clone();
    for more in [table(out, rig)?, tallies::print(out, rig)?, latencies(out, &figures.pings)?] {
        wrong.extend(shortened(more));
    }
    let Figures { before, after, .. } = figures;
    // A soak that is too short for all attacks is judged as a whole.
    let warm = figures.warm.as_ref().unwrap_or(after);
    writeln!(
        out,
        "\nmemory       {} in the beginning, {} warm, {} in the end, {} at most",
        mebibytes(before.resident),
        mebibytes(warm.resident),
        mebibytes(after.resident),
        mebibytes(after.peak)
    )?;
    let [first, last] = figures.descriptors.each_ref().map(Vec::len);
    writeln!(out, "descriptors  {first} in the beginning, {last} in the end")?;
    let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64() / figures.took.as_secs_f64().max(1.0);
    writeln!(out, "CPU          {:.1} % of a processor", cpu * 100.0)?;
    writeln!(out, "settled      after {:.1} s", figures.settled.as_secs_f64())?;
    let growths = [(before, warm, WARMTH), (warm, after, GROWTH)];
    for (then, since, most) in
        growths.into_iter().filter(|(then, since, most)| since.resident > then.resident + most)
    {
        let growth = mebibytes(since.resident - then.resident);
        wrong.push(format!("memory grew by {growth}, and {} are the most", mebibytes(most)));
    }
    wrong.extend(differences(&figures.descriptors));
    match wrong.is_empty() {
        true => writeln!(out, "\neverything held")?,
        false => writeln!(out, "\nthis did not hold:")?,
    }
    for what in &wrong {
        writeln!(out, "  {what}")?;
    }
    out.flush()?;
    Ok(wrong.is_empty())
}

/// Prints a line for each family, and returns the problems.
fn table(out: &mut dyn Write, rig: &Rig) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    writeln!(
        out,
        "\n{:<18}{:>9}{:>10}{:>10}{:>22}{:>12}{:>15}{:>14}",
        "family",
        "channels",
        "set",
        "heard",
        "killed/ended/stopped",
        "back after",
        "presses, lost",
        "wrong states"
    )?;
    for (number, family) in rig.families.list.iter().enumerate() {
        let of_family = || rig.channels.iter().filter(move |channel| channel.spec.family == number);
        let sets: u64 = of_family().map(|channel| channel.sets).sum();
        let heard: u64 = of_family().map(|channel| channel.received).sum();
        let peer = rig.peers.iter().find(|peer| peer.family == number);
        let harms = peer.map_or("-".to_owned(), |peer| {
            let [killed, ended, stopped] = peer.harms;
            format!("{killed}/{ended}/{stopped}")
        });
        let back = peer.map_or("-".to_owned(), |peer| format!("{:.1} s", peer.longest_return.as_secs_f64()));
        let edges = of_family().fold(PressCounts::default(), |sum, channel| PressCounts {
            judged: sum.judged + channel.edges.judged,
            lost: sum.lost + channel.edges.lost,
        });
        let mut states = 0;
        for channel in of_family() {
            if let Some(difference) = channel.difference() {
                states += 1;
                wrong.push(format!("{} {} {difference}", family.name, channel.spec.name));
            }
        }
        for channel in of_family().filter(|channel| channel.edges.lost > 0) {
            let PressCounts { judged, lost } = channel.edges;
            let name = &channel.spec.name;
            wrong.push(format!(
                "{} {name} lost {lost} of {judged} presses that nothing disturbed",
                family.name
            ));
        }
        writeln!(
            out,
            "{:<18}{:>9}{sets:>10}{heard:>10}{harms:>22}{back:>12}{:>15}{states:>14}",
            family.name,
            of_family().count(),
            format!("{}, {}", edges.judged, edges.lost)
        )?;
    }
    for (family, reason) in &rig.families.left_out {
        writeln!(out, "{family:<18} left out: {reason}")?;
    }
    Ok(wrong)
}

/// Writes how long a plain mapping took during each attack, and returns where that was too long.
fn latencies(out: &mut dyn Write, phases: &[Findings]) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    writeln!(
        out,
        "\n{:<32}{:>9}{:>12}{:>12}{:>12}{:>12}{:>12}",
        "a plain mapping meanwhile", "pings", "p50", "p99", "max", "own max", "unanswered"
    )?;
    let names = ["no attack"].into_iter().chain(ATTACKS.iter().map(|attack| attack.name));
    let all = phases.iter().sum();
    for (name, pings) in names.zip(phases).chain([("all", &all)]).filter(|(_, pings)| pings.sent > 0) {
        let times = [pings.quantile(0.5), pings.quantile(0.99), pings.longest, pings.longest_own];
        let [p50, p99, max, own] = times.map(millis);
        writeln!(
            out,
            "{name:<32}{:>9}{p50:>9.2} ms{p99:>9.2} ms{max:>9.1} ms{own:>9.1} ms{:>12}",
            pings.sent, pings.lost
        )?;
        if name != "all" && (pings.longest_own > LATENCY || pings.lost > 0) {
            let lost = pings.lost;
            wrong.push(format!(
                "{name}: a plain mapping took {own:.0} ms at most, and {lost} pings had no answer"
            ));
        }
    }
    Ok(wrong)
}

/// The first of many mistakes of a kind.
fn shortened(mut wrong: Vec<String>) -> Vec<String> {
    let more = wrong.len().saturating_sub(MOST_TOLD);
    wrong.truncate(MOST_TOLD);
    if more > 0 {
        wrong.push(format!("and {more} more of these"));
    }
    wrong
}

/// Says which kinds of descriptors have become more or fewer.
fn differences([before, after]: &[Vec<String>; 2]) -> Vec<String> {
    let mut counts = BTreeMap::<&str, [usize; 2]>::new();
    for (at, kinds) in [before, after].into_iter().enumerate() {
        for kind in kinds {
            counts.entry(kind).or_default()[at] += 1;
        }
    }
    let differs = counts.into_iter().filter(|(_, [before, after])| before != after);
    differs.map(|(kind, [before, after])| format!("descriptors of {kind}: {before}, then {after}")).collect()
}

fn mebibytes(kibibytes: u64) -> String {
    format!("{:.1} MiB", kibibytes as f64 / 1024.0)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
