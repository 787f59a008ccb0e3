//! Checks the targets whose sources are merged: all of them by the same rule, and no mapping bypasses the merge.

use std::collections::BTreeMap;

use crosspatch_core::PlanBuilder;
use crosspatch_core::transform::JoinRule;
use rustc_hash::FxHashMap;

use crate::report::diagnostic::{Diagnostics, Draft};
use crate::semantics::origins::Origins;
use crate::semantics::routes::{PlanChannel, channel_name};
use crate::syntax::source::{Location, SourceFiles};
use crate::wording::quote;

/// The first route of a line with a mistake, and the number of further ones.
struct FaultyLine {
    route: usize,
    /// The first route that merges at the same target.
    first: usize,
    more: usize,
}

/// Reports targets with two rules, and mappings that bypass a merge.
pub(crate) fn check(
    builder: &PlanBuilder<'_>,
    origins: &Origins,
    sources: &SourceFiles,
    diagnostics: &mut Diagnostics,
) {
    let mut merged: FxHashMap<PlanChannel, (JoinRule, usize)> = FxHashMap::default();
    let (mut conflicts, mut bypasses) = (BTreeMap::new(), BTreeMap::new());
    let location = |route| origins.location(route, sources);
    for origin in &origins.chains {
        let Some(merge) = origin.chain.merge() else { continue };
        for route in origin.first_route as usize..origin.next_route as usize {
            let (_, target) = builder.route_at(route);
            let &mut (rule, first) = merged.entry(target).or_insert((merge.rule, route));
            if rule != merge.rule {
                add(&mut conflicts, location(route), route, first);
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
            add(&mut bypasses, location(route), route, first);
        }
    }
    let targets = |route, more| {
        let target = quote(&channel_name(builder, builder.route_at(route).1));
        if more == 0 { target } else { format!("{target} and {more} more") }
    };
    for (line, FaultyLine { route, first, more }) in conflicts {
        let message =
            format!("expected the same merge rule for all sources of {}, found two", targets(route, more));
        let draft = Draft::error("merge-rule", message).label(line, merge_stage(origins, route));
        diagnostics.add(draft.label(location(first), merge_stage(origins, first)));
    }
    for (line, FaultyLine { route, first, more }) in bypasses {
        let message = format!("this bypasses the merge at {}", targets(route, more));
        let stage = merge_stage(origins, first);
        let draft = Draft::warning("merge-past", message).at(line);
        let draft = draft.label(location(first), format!("{stage} here"));
        diagnostics.add(draft.help(format!("to merge this line too, end it with ` | {stage}`")));
    }
}

/// The last stage of a chain that merges.
fn merge_stage(origins: &Origins, route: usize) -> &str {
    let text = origins.chain(route).map_or("", |chain| chain.text());
    text.rsplit(" | ").next().unwrap_or_default()
}

fn add(lines: &mut BTreeMap<Location, FaultyLine>, line: Location, route: usize, first: usize) {
    lines.entry(line).and_modify(|faulty| faulty.more += 1).or_insert(FaultyLine { route, first, more: 0 });
}
