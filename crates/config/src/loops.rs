//! What can only be seen when all routes are there: mappings written twice, and values that would go round for ever.

use std::collections::BTreeMap;

use crosspatch_core::PlanBuilder;
use rustc_hash::FxHashMap;

use crate::diagnostic::{Draft, quote};
use crate::flow::Channel;
use crate::origins::Origins;
use crate::resolve::Resolved;
use crate::source::Place;

/// Routes that lead back to where they began: number, source and target of each.
type Round = Vec<(usize, Channel, Channel)>;

/// How many steps the search for loops may take to go back the way it came; after that it finds no more of them.
const MOST_STEPS_BACK: usize = 10_000_000;

/// Warns of routes that are there twice and of routes that form a loop. Returns the numbers of those through chains that
/// are there again.
pub(crate) fn check(builder: &PlanBuilder<'_>, origins: &Origins, resolved: &mut Resolved<'_>) -> Vec<usize> {
    let through = repeated_through(builder, origins);
    let mut again: Vec<_> = through.iter().map(|&(_, second)| second).collect();
    again.sort_unstable();
    let mut repeated = repeated(builder, origins);
    repeated.extend(through);
    repeated.sort_unstable_by_key(|&(_, second)| second);
    let lines =
        |&(first, second): &(usize, usize)| (origins.statement(second).start, origins.statement(first).start);
    for same_lines in repeated.chunk_by(|one, other| lines(one) == lines(other)) {
        report_repeated(builder, origins, same_lines, resolved);
    }
    // Loops that come from the same lines are told together.
    let mut by_lines: BTreeMap<Vec<Place>, (Round, usize)> = BTreeMap::new();
    for round in rounds(builder) {
        let mut lines: Vec<_> = round.iter().map(|&(at, ..)| origins.line(at, resolved)).collect();
        lines.sort_unstable();
        lines.dedup();
        by_lines.entry(lines).and_modify(|(_, more)| *more += 1).or_insert((round, 0));
    }
    for (lines, (round, more)) in by_lines {
        report_round(builder, lines, &round, more, resolved);
    }
    again
}

/// The first number of each instance if all channels are numbered in a row, and how many channels there are.
fn bases(builder: &PlanBuilder<'_>) -> (Vec<u32>, usize) {
    let mut channels = 0;
    let mut bases = Vec::new();
    for planned in builder.instances() {
        bases.push(channels as u32);
        channels += planned.channels.len();
    }
    (bases, channels)
}

fn routes(builder: &PlanBuilder<'_>) -> impl Iterator<Item = (Channel, Channel)> {
    (0..builder.route_count()).map(|number| builder.route_at(number))
}

/// The numbers and ends of those routes that lead through no chain.
fn plain_routes(
    builder: &PlanBuilder<'_>,
    origins: &Origins,
) -> impl Iterator<Item = (u32, (Channel, Channel))> {
    let is_plain = |&(at, _): &(u32, _)| origins.chain(at as usize).is_none();
    (0..).zip(routes(builder)).filter(is_plain)
}

/// Routes through no chain with the same ends, as pairs of route numbers, the earlier one first.
///
/// Linear in channels and routes, with three numbers of 32 bits for each: no set of a million pairs.
fn repeated(builder: &PlanBuilder<'_>, origins: &Origins) -> Vec<(usize, usize)> {
    let (bases, channels) = bases(builder);
    let number = |(instance, slot): Channel| (bases[instance.index()] + slot.0) as usize;
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
    // `seen[target]` is the place in `sorted`, plus one, of the route that went there last.
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

/// The same for routes through chains: their ends and their chains as written have to be the same, and, where the chain has
/// a memory, their place in the line.
fn repeated_through(builder: &PlanBuilder<'_>, origins: &Origins) -> Vec<(usize, usize)> {
    let (bases, _) = bases(builder);
    let number = |(instance, slot): Channel| bases[instance.index()] + slot.0;
    let mut numbers = FxHashMap::default();
    let mut sorted = Vec::new();
    for run in &origins.runs {
        let new = numbers.len() as u32;
        let count = if run.chain.is_stateful() { run.next_route - run.first_route } else { 0 };
        let chain = *numbers.entry((run.chain.text(), count)).or_insert(new);
        sorted.extend((run.first_route..run.next_route).map(|at| {
            let (source, target) = builder.route_at(at as usize);
            let place = if count > 0 { at - run.first_route } else { 0 };
            ([number(source), number(target), chain, place], at)
        }));
    }
    sorted.sort_unstable();
    let same = sorted.chunk_by(|(one, _), (other, _)| one == other);
    same.flat_map(|same| same[1..].iter().map(|&(_, again)| (same[0].1 as usize, again as usize))).collect()
}

fn report_repeated(
    builder: &PlanBuilder<'_>,
    origins: &Origins,
    pairs: &[(usize, usize)],
    resolved: &mut Resolved<'_>,
) {
    let Some(&(first, second)) = pairs.first() else { return };
    let (source, target) = builder.route_at(second);
    let chain = origins.chain(second).map_or(String::new(), |chain| format!(" | {}", chain.text()));
    let (first, second) = (origins.line(first, resolved), origins.line(second, resolved));
    // A line that maps a channel to itself both ways says it once.
    if source == target && first == second {
        return;
    }
    let route = quote(&format!("{}{chain} > {}", name(builder, source), name(builder, target)));
    let message = match pairs.len() {
        1 => format!("{route} is mapped twice; once is enough"),
        many => format!("{route} and {} more are mapped twice; once is enough", many - 1),
    };
    let draft = Draft::warning("mapping-twice", message);
    resolved.book.add(match first == second {
        true => draft.at(second),
        false => draft.label(second, "here again").label(first, "here first"),
    });
}

/// One loop for each group of channels that feed each other, as numbers of its routes in order.
fn rounds(builder: &PlanBuilder<'_>) -> Vec<Round> {
    let loops_back = |(instance, _): Channel| builder.instances()[instance.index()].backend.loops_back;
    let edges: Vec<_> = (0..)
        .zip(routes(builder))
        .filter(|&(_, (source, target))| loops_back(source) && loops_back(target))
        .map(|(at, (source, target))| (at, source, target))
        .collect();
    if edges.is_empty() {
        return Vec::new();
    }
    let (bases, channels) = bases(builder);
    let number = |(instance, slot): Channel| (bases[instance.index()] + slot.0) as usize;
    let graph =
        Graph::new(channels, edges.iter().map(|&(_, source, target)| (number(source), number(target))));
    let routes = graph.rounds().into_iter();
    routes.map(|round| round.into_iter().map(|edge| edges[edge]).collect()).collect()
}

/// Edges sorted by where they start.
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

    /// Walks the graph depth first and returns, as edge numbers, a round for each edge that leads back to a node on the
    /// way, unless the round touches one that has been found.
    fn rounds(&self) -> Vec<Vec<usize>> {
        #[derive(Copy, Clone, PartialEq)]
        enum State {
            New,
            OnTheWay,
            Done,
        }
        let nodes = self.first.len() - 1;
        let mut state = vec![State::New; nodes];
        let mut is_in_round = vec![false; nodes];
        let mut found = Vec::new();
        let mut steps_back = 0;
        for start in 0..nodes {
            if state[start] != State::New || self.edges_of(start).is_empty() {
                continue;
            }
            state[start] = State::OnTheWay;
            // The nodes on the way, how many of their edges have been taken, and the edge that led to each.
            let mut way = vec![(start, 0_usize, usize::MAX)];
            while let Some((node, taken, _)) = way.last_mut() {
                let Some(&(target, edge)) = self.edges_of(*node).get(*taken) else {
                    state[*node] = State::Done;
                    way.pop();
                    continue;
                };
                *taken += 1;
                let target = target as usize;
                match state[target] {
                    State::New => {
                        state[target] = State::OnTheWay;
                        way.push((target, 0, edge as usize));
                    }
                    State::Done => {}
                    State::OnTheWay => {
                        if is_in_round[target] || steps_back > MOST_STEPS_BACK {
                            continue;
                        }
                        let from = way.iter().rposition(|&(node, ..)| node == target).unwrap_or(0);
                        steps_back += way.len() - from;
                        if way[from..].iter().any(|&(node, ..)| is_in_round[node]) {
                            continue;
                        }
                        for &(node, ..) in &way[from..] {
                            is_in_round[node] = true;
                        }
                        let inner = way[from + 1..].iter().map(|&(.., edge)| edge);
                        found.push(inner.chain([edge as usize]).collect());
                    }
                }
            }
        }
        found
    }
}

fn report_round(
    builder: &PlanBuilder<'_>,
    mut lines: Vec<Place>,
    round: &[(usize, Channel, Channel)],
    more: usize,
    resolved: &mut Resolved<'_>,
) {
    const MOST_NAMES: usize = 8;
    let mut names: Vec<_> =
        round.iter().take(MOST_NAMES).map(|&(_, source, _)| name(builder, source)).collect();
    if round.len() > MOST_NAMES {
        names.push("...".to_owned());
    }
    names.extend(round.first().map(|&(_, source, _)| name(builder, source)));
    let others = match more {
        0 => String::new(),
        more => format!(", and {more} more like it"),
    };
    let message = format!("these mappings go round in a loop: {}{others}", names.join(" > "));
    let last = lines.pop();
    let mut draft = Draft::warning("mapping-loop", message);
    draft = last.into_iter().fold(draft, |draft, last| draft.label(last, "this line closes the loop"));
    draft = lines.into_iter().take(MOST_NAMES).fold(draft, |draft, line| draft.label(line, "part of it"));
    resolved.book.add(draft.help("a value that enters it is dropped after a few rounds"));
}

/// A channel as it is written.
pub(crate) fn name(builder: &PlanBuilder<'_>, (instance, slot): Channel) -> String {
    let planned = &builder.instances()[instance.index()];
    format!("{}.{}", planned.name, planned.channels.address(slot))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether `to` can be reached from `from` by at least one edge, found by trying everything.
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
        fn every_round_is_one_and_every_graph_with_a_round_shows_one(
            edges in prop::collection::vec((0..NODES, 0..NODES), 0..14),
        ) {
            let rounds = Graph::new(NODES, edges.iter().copied()).rounds();
            for round in &rounds {
                let targets = round.iter().map(|&edge| edges[edge].1);
                let next_sources = round.iter().cycle().skip(1).map(|&edge| edges[edge].0);
                prop_assert!(targets.zip(next_sources).all(|(target, source)| target == source), "{:?}", round);
            }
            // Every node that feeds itself is in a round, or shares a knot with one that is.
            for node in (0..NODES).filter(|&node| reaches(&edges, node, node)) {
                let is_near = |&edge: &usize| {
                    let other = edges[edge].0;
                    other == node || reaches(&edges, node, other) && reaches(&edges, other, node)
                };
                prop_assert!(rounds.iter().flatten().any(is_near), "{} of {:?} in {:?}", node, edges, rounds);
            }
        }
    }

    #[test]
    fn a_long_way_with_many_ways_back_ends_soon() {
        const LENGTH: usize = 200_000;
        let forwards = (0..LENGTH).map(|node| (node, node + 1));
        let backwards = (0..LENGTH).map(|node| (LENGTH, node));
        let edges: Vec<_> = forwards.chain(backwards).collect();
        let rounds = Graph::new(LENGTH + 1, edges.iter().copied()).rounds();
        assert_eq!(rounds.len(), 1);
    }
}
