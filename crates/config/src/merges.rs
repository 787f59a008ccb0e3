//! Targets whose sources are merged: one rule for all of them, and nobody past it.

use std::collections::BTreeMap;

use crosspatch_core::PlanBuilder;
use crosspatch_core::transform::Rule;
use rustc_hash::FxHashMap;

use crate::diagnostic::{Draft, quote};
use crate::flow::Channel;
use crate::loops::name;
use crate::origins::Origins;
use crate::resolve::Resolved;
use crate::source::Place;

/// A route that is told of for its line, and how many more of the line are like it.
struct Found {
    route: usize,
    /// The first route of the same target that merges.
    first: usize,
    more: usize,
}

/// Tells of targets with two rules, and of mappings that go past a merge.
pub(crate) fn check(builder: &PlanBuilder<'_>, origins: &Origins, resolved: &mut Resolved<'_>) {
    let mut merged: FxHashMap<Channel, (Rule, usize)> = FxHashMap::default();
    let (mut rules, mut bypasses) = (BTreeMap::new(), BTreeMap::new());
    for run in &origins.runs {
        let Some(merge) = run.chain.merge() else { continue };
        for route in run.first_route as usize..run.next_route as usize {
            let (_, target) = builder.route_at(route);
            let &mut (rule, first) = merged.entry(target).or_insert((merge.rule, route));
            if rule != merge.rule {
                find(&mut rules, origins.line(route, resolved), route, first);
            }
        }
    }
    if merged.is_empty() {
        return;
    }
    for route in 0..builder.route_count() {
        let (_, target) = builder.route_at(route);
        if let Some(&(_, first)) = merged.get(&target)
            && origins.chain(route).is_none_or(|chain| chain.merge().is_none())
        {
            find(&mut bypasses, origins.line(route, resolved), route, first);
        }
    }
    for (line, Found { route, first, more }) in rules {
        let target = quote(&name(builder, builder.route_at(route).1));
        let message =
            format!("expected one rule for all that is merged at {target}{}, found two", others(more));
        let draft = Draft::error("merge-rule", message).label(line, rule(origins, route));
        resolved.book.add(draft.label(origins.line(first, resolved), rule(origins, first)));
    }
    for (line, Found { route, first, more }) in bypasses {
        let target = quote(&name(builder, builder.route_at(route).1));
        let message = format!("this goes past the merge at {target}{}", others(more));
        let rule = rule(origins, first);
        let draft = Draft::warning("merge-past", message).at(line);
        let draft = draft.label(origins.line(first, resolved), format!("{rule} here"));
        resolved.book.add(draft.help(format!("to take part in it, let it end with ` | {rule}`")));
    }
}

/// The last stage of a chain that merges.
fn rule(origins: &Origins, route: usize) -> &str {
    let text = origins.chain(route).map_or("", |chain| chain.text());
    text.rsplit(" | ").next().unwrap_or_default()
}

fn find(found: &mut BTreeMap<Place, Found>, line: Place, route: usize, first: usize) {
    found.entry(line).and_modify(|found| found.more += 1).or_insert(Found { route, first, more: 0 });
}

fn others(more: usize) -> String {
    match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    }
}
