//! Checks that need all routes: mappings that are written twice, and loops in which a value would circulate for ever.

use std::collections::BTreeMap;

use crosspatch_core::PlanBuilder;
use rustc_hash::FxHashMap;

use crate::report::diagnostic::{Diagnostics, Draft};
use crate::semantics::origins::Origins;
use crate::semantics::routes::{PlanChannel, channel_name};
use crate::syntax::source::{Location, SourceFiles};
use crate::wording::quote;

/// Routes that lead back to their first source: number, source and target of each.
type RouteLoop = Vec<(usize, PlanChannel, PlanChannel)>;

/// The most steps that the search for loops may go back along its path. After that, it finds no more loops.
const MAX_STEPS_BACK: usize = 10_000_000;

/// Warns of repeated routes and of loops. Returns the numbers of the repeated routes that pass through a chain.
pub(crate) fn check(
    builder: &PlanBuilder<'_>,
    origins: &Origins,
    sources: &SourceFiles,
    diagnostics: &mut Diagnostics,
) -> Vec<usize> {
    let through = repeated_through(builder, origins);
    let mut again: Vec<_> = through.iter().map(|&(_, second)| second).collect();
    again.sort_unstable();
    let mut repeated = repeated(builder, origins);
    repeated.extend(through);
    repeated.sort_unstable_by_key(|&(_, second)| second);
    let lines = |&(first, second): &(usize, usize)| (origins.line(second).start, origins.line(first).start);
    for same_lines in repeated.chunk_by(|one, other| lines(one) == lines(other)) {
        if let Some(draft) = repeated_draft(builder, origins, same_lines, sources) {
            diagnostics.add(draft);
        }
    }
    // Loops that come from the same lines are reported together.
    let mut by_lines: BTreeMap<Vec<Location>, (RouteLoop, usize)> = BTreeMap::new();
    for cycle in cycles(builder) {
        let mut lines: Vec<_> = cycle.iter().map(|&(at, ..)| origins.location(at, sources)).collect();
        lines.sort_unstable();
        lines.dedup();
        by_lines.entry(lines).and_modify(|(_, more)| *more += 1).or_insert((cycle, 0));
    }
    for (lines, (cycle, more)) in by_lines {
        diagnostics.add(loop_draft(builder, lines, &cycle, more));
    }
    again
}

/// Numbers all channels consecutively. Returns the first number of each instance, and the number of channels.
fn bases(builder: &PlanBuilder<'_>) -> (Vec<u32>, usize) {
    let mut channels = 0;
    let mut bases = Vec::new();
    for planned in builder.instances() {
        bases.push(channels as u32);
        channels += planned.channels.len();
    }
    (bases, channels)
}

fn routes(builder: &PlanBuilder<'_>) -> impl Iterator<Item = (PlanChannel, PlanChannel)> {
    (0..builder.route_count()).map(|number| builder.route_at(number))
}

/// The numbers and ends of the routes that pass through no chain.
fn plain_routes(
    builder: &PlanBuilder<'_>,
    origins: &Origins,
) -> impl Iterator<Item = (u32, (PlanChannel, PlanChannel))> {
    let is_plain = |&(at, _): &(u32, _)| origins.chain(at as usize).is_none();
    (0..).zip(routes(builder)).filter(is_plain)
}

/// Plain routes with the same ends, as pairs of route numbers, the earlier one first.
///
/// Takes linear time and three 32-bit numbers per channel and route, which is far less than a set of a million pairs.
fn repeated(builder: &PlanBuilder<'_>, origins: &Origins) -> Vec<(usize, usize)> {
    let (bases, channels) = bases(builder);
    let number = |(instance, slot): PlanChannel| (bases[instance.index()] + slot.0) as usize;
    // Routes sorted by source: the row of a source ends where the next one's begins.
    let mut row_ends = vec![0_u32; channels + 1];
    for (_, (source, _)) in plain_routes(builder, origins) {
        row_ends[number(source) + 1] += 1;
    }
    if row_ends.iter().all(|&routes| routes <= 1) {
        return Vec::new();
    }
    for channel in 1..row_ends.len() {
        row_ends[channel] += row_ends[channel - 1];
    }
    let mut sorted = vec![(0_u32, 0_u32); builder.route_count()];
    for (at, (source, target)) in plain_routes(builder, origins) {
        let place = &mut row_ends[number(source)];
        sorted[*place as usize] = (at, number(target) as u32);
        *place += 1;
    }
    // `seen[target]` is the index in `sorted`, plus one, of the last route to that target.
    let mut seen = vec![0_u32; channels];
    let mut found = Vec::new();
    let mut row_start = 0_u32;
    for &row_end in &row_ends[..channels] {
        for place in row_start..row_end {
            let (at, target) = sorted[place as usize];
            let seen = &mut seen[target as usize];
            if *seen > row_start {
                found.push((sorted[*seen as usize - 1].0 as usize, at as usize));
            } else {
                *seen = place + 1;
            }
        }
        row_start = row_end;
    }
    found
}

/// The same for routes through chains. They are repeated if their ends and the text of their chains are equal and, if the
/// chain is stateful, also their position in the line.
fn repeated_through(builder: &PlanBuilder<'_>, origins: &Origins) -> Vec<(usize, usize)> {
    let (bases, _) = bases(builder);
    let number = |(instance, slot): PlanChannel| bases[instance.index()] + slot.0;
    let mut numbers = FxHashMap::default();
    let mut sorted = Vec::new();
    for origin in &origins.chains {
        let new = numbers.len() as u32;
        let count = if origin.chain.is_stateful() { origin.next_route - origin.first_route } else { 0 };
        let chain = *numbers.entry((origin.chain.text(), count)).or_insert(new);
        sorted.extend((origin.first_route..origin.next_route).map(|at| {
            let (source, target) = builder.route_at(at as usize);
            let place = if count > 0 { at - origin.first_route } else { 0 };
            ([number(source), number(target), chain, place], at)
        }));
    }
    sorted.sort_unstable();
    let same = sorted.chunk_by(|(one, _), (other, _)| one == other);
    same.flat_map(|same| same[1..].iter().map(|&(_, again)| (same[0].1 as usize, again as usize))).collect()
}

fn repeated_draft(
    builder: &PlanBuilder<'_>,
    origins: &Origins,
    pairs: &[(usize, usize)],
    sources: &SourceFiles,
) -> Option<Draft> {
    let &(first, second) = pairs.first()?;
    let (source, target) = builder.route_at(second);
    let chain = origins.chain(second).map_or(String::new(), |chain| format!(" | {}", chain.text()));
    let (first, second) = (origins.location(first, sources), origins.location(second, sources));
    // A line that maps a channel to itself in both directions is reported as such.
    if source == target && first == second {
        return None;
    }
    let (source, target) = (channel_name(builder, source), channel_name(builder, target));
    let route = quote(&format!("{source}{chain} > {target}"));
    let message = match pairs.len() {
        1 => format!("{route} is mapped twice; once is enough"),
        many => format!("{route} and {} more are mapped twice; once is enough", many - 1),
    };
    let draft = Draft::warning("mapping-twice", message);
    Some(match first == second {
        true => draft.at(second),
        false => draft.label(second, "here again").label(first, "here first"),
    })
}

/// One loop for each group of channels that feed each other, its routes in order.
fn cycles(builder: &PlanBuilder<'_>) -> Vec<RouteLoop> {
    let loops_back = |(instance, _): PlanChannel| builder.instances()[instance.index()].backend.loops_back;
    let edges: Vec<_> = (0..)
        .zip(routes(builder))
        .filter(|&(_, (source, target))| loops_back(source) && loops_back(target))
        .map(|(at, (source, target))| (at, source, target))
        .collect();
    if edges.is_empty() {
        return Vec::new();
    }
    let (bases, channels) = bases(builder);
    let number = |(instance, slot): PlanChannel| (bases[instance.index()] + slot.0) as usize;
    let graph =
        Graph::new(channels, edges.iter().map(|&(_, source, target)| (number(source), number(target))));
    let routes = graph.cycles().into_iter();
    routes.map(|cycle| cycle.into_iter().map(|edge| edges[edge]).collect()).collect()
}

/// Edges sorted by their source.
struct Graph {
    first: Vec<u32>,
    /// Target and number of each edge.
    edges: Vec<(u32, u32)>,
}

impl Graph {
    fn new(nodes: usize, edges: impl Iterator<Item = (usize, usize)> + Clone) -> Self {
        let mut first = vec![0_u32; nodes + 1];
        for (source, _) in edges.clone() {
            first[source + 1] += 1;
        }
        for node in 1..first.len() {
            first[node] += first[node - 1];
        }
        let mut next = first.clone();
        let mut sorted = vec![(0, 0); first[nodes] as usize];
        for (at, (source, target)) in (0..).zip(edges) {
            sorted[next[source] as usize] = (target as u32, at);
            next[source] += 1;
        }
        Self { first, edges: sorted }
    }

    fn edges_of(&self, node: usize) -> &[(u32, u32)] {
        &self.edges[self.first[node] as usize..self.first[node + 1] as usize]
    }

    /// Searches depth first. Each edge that leads back to a node on the current path closes a cycle. Returns the edge numbers
    /// of those cycles that share no node with an earlier one.
    fn cycles(&self) -> Vec<Vec<usize>> {
        #[derive(Copy, Clone, PartialEq)]
        enum State {
            New,
            OnPath,
            Done,
        }
        let nodes = self.first.len() - 1;
        let mut state = vec![State::New; nodes];
        let mut is_in_cycle = vec![false; nodes];
        let mut found = Vec::new();
        let mut steps_back = 0;
        for start in 0..nodes {
            if state[start] != State::New || self.edges_of(start).is_empty() {
                continue;
            }
            state[start] = State::OnPath;
            // The nodes on the path, the number of their edges followed so far, and the edge that led to each.
            let mut path = vec![(start, 0_usize, usize::MAX)];
            while let Some((node, taken, _)) = path.last_mut() {
                let Some(&(target, edge)) = self.edges_of(*node).get(*taken) else {
                    state[*node] = State::Done;
                    path.pop();
                    continue;
                };
                *taken += 1;
                let target = target as usize;
                match state[target] {
                    State::New => {
                        state[target] = State::OnPath;
                        path.push((target, 0, edge as usize));
                    }
                    State::Done => {}
                    State::OnPath => {
                        if is_in_cycle[target] || steps_back > MAX_STEPS_BACK {
                            continue;
                        }
                        let from = path.iter().rposition(|&(node, ..)| node == target).unwrap_or(0);
                        steps_back += path.len() - from;
                        if path[from..].iter().any(|&(node, ..)| is_in_cycle[node]) {
                            continue;
                        }
                        for &(node, ..) in &path[from..] {
                            is_in_cycle[node] = true;
                        }
                        let inner = path[from + 1..].iter().map(|&(.., edge)| edge);
                        found.push(inner.chain([edge as usize]).collect());
                    }
                }
            }
        }
        found
    }
}

fn loop_draft(
    builder: &PlanBuilder<'_>,
    mut lines: Vec<Location>,
    cycle: &[(usize, PlanChannel, PlanChannel)],
    more: usize,
) -> Draft {
    const MAX_NAMES: usize = 8;
    let mut names: Vec<_> =
        cycle.iter().take(MAX_NAMES).map(|&(_, source, _)| channel_name(builder, source)).collect();
    if cycle.len() > MAX_NAMES {
        names.push("...".to_owned());
    }
    names.extend(cycle.first().map(|&(_, source, _)| channel_name(builder, source)));
    let others = match more {
        0 => String::new(),
        more => format!(", and {more} more like it"),
    };
    let message = format!("these mappings form a loop: {}{others}", names.join(" > "));
    let last = lines.pop();
    let mut draft = Draft::warning("mapping-loop", message);
    draft = last.into_iter().fold(draft, |draft, last| draft.label(last, "this line closes the loop"));
    draft = lines.into_iter().take(MAX_NAMES).fold(draft, |draft, line| draft.label(line, "part of it"));
    draft.help("a value that enters it is dropped after a few rounds")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether `to` can be reached from `from` by at least one edge, by exhaustive search.
    fn reaches(edges: &[(usize, usize)], from: usize, to: usize) -> bool {
        let mut known = vec![from];
        let mut at = 0;
        while let Some(&node) = known.get(at) {
            for &(_, target) in edges.iter().filter(|(source, _)| *source == node) {
                if target == to {
                    return true;
                }
                if !known.contains(&target) {
                    known.push(target);
                }
            }
            at += 1;
        }
        false
    }

    const NODES: usize = 7;

    proptest! {
        #[test]
        fn cycles_are_closed_and_none_is_missed(
            edges in prop::collection::vec((0..NODES, 0..NODES), 0..14),
        ) {
            let cycles = Graph::new(NODES, edges.iter().copied()).cycles();
            for cycle in &cycles {
                let targets = cycle.iter().map(|&edge| edges[edge].1);
                let next_sources = cycle.iter().cycle().skip(1).map(|&edge| edges[edge].0);
                prop_assert!(targets.zip(next_sources).all(|(target, source)| target == source), "{:?}", cycle);
            }
            // Every node that can reach itself is in a cycle that was found, or strongly connected to one.
            for node in (0..NODES).filter(|&node| reaches(&edges, node, node)) {
                let is_near = |&edge: &usize| {
                    let other = edges[edge].0;
                    other == node || reaches(&edges, node, other) && reaches(&edges, other, node)
                };
                prop_assert!(cycles.iter().flatten().any(is_near), "{} of {:?} in {:?}", node, edges, cycles);
            }
        }
    }

    #[test]
    fn a_long_path_with_many_edges_back_is_searched_quickly() {
        const LENGTH: usize = 200_000;
        let forwards = (0..LENGTH).map(|node| (node, node + 1));
        let backwards = (0..LENGTH).map(|node| (LENGTH, node));
        let edges: Vec<_> = forwards.chain(backwards).collect();
        let cycles = Graph::new(LENGTH + 1, edges.iter().copied()).cycles();
        assert_eq!(cycles.len(), 1);
    }
}
