//! `GET /api/v1/mappings`: the mapping lines as written, with the channels that they connect.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use crosspatch_core::Plan;
use serde::{Deserialize, Serialize};

use crate::answer::{ApiError, Json, offload, whole_number};
use crate::show::{ChannelKey, MappingLines};
use crate::site::WebSite;

/// The most lines of one answer.
const MAX_LIMIT: u64 = 10_000;

/// The most channels that are named on each side of a line, and the most reasons.
const MAX_NAMED: usize = 64;

#[derive(Deserialize)]
pub(crate) struct MappingQuery {
    #[serde(default)]
    search: String,
    #[serde(default, deserialize_with = "whole_number")]
    offset: u64,
    #[serde(default = "default_limit", deserialize_with = "whole_number")]
    limit: u64,
}

fn default_limit() -> u64 {
    MAX_LIMIT
}

#[derive(Default, Serialize)]
pub(crate) struct MappingList {
    total: u64,
    mappings: Vec<MappingJson>,
}

#[derive(Serialize)]
pub(crate) struct MappingJson {
    number: usize,
    file: String,
    line: usize,
    text: String,
    /// How many mappings the line makes.
    count: usize,
    from: Vec<String>,
    to: Vec<String>,
    from_ids: Vec<[u32; 2]>,
    to_ids: Vec<[u32; 2]>,
    held: Vec<String>,
}

pub(crate) async fn list(
    State(site): State<Arc<WebSite>>,
    parameters: Result<Query<MappingQuery>, QueryRejection>,
) -> Result<Json<MappingList>, ApiError> {
    let Query(parameters) = parameters?;
    site.live.look().await;
    let list = move || {
        let plan = site.show.plan();
        let lines = site.show.lines(&plan);
        lines.map_or_else(MappingList::default, |lines| describe(&site, &plan, &*lines, &parameters))
    };
    Ok(Json(offload(list).await?))
}

fn describe(site: &WebSite, plan: &Plan, lines: &dyn MappingLines, parameters: &MappingQuery) -> MappingList {
    let words: Vec<_> = parameters.search.split_whitespace().map(str::to_lowercase).collect();
    let wanted = parameters.offset..parameters.offset.saturating_add(parameters.limit.min(MAX_LIMIT));
    let (mut total, mut found) = (0, Vec::new());
    for number in 0..lines.len() {
        if !words.is_empty() {
            let text = lines.text(number).to_lowercase();
            if !words.iter().all(|word| text.contains(word.as_str())) {
                continue;
            }
        }
        if wanted.contains(&total) {
            found.push(number);
        }
        total += 1;
    }
    let mirror = site.live.mirror();
    let holds_back = mirror.holds_back();
    let mappings = found.into_iter().map(|number| {
        let pairs = lines.mappings(number);
        let (file, line) = lines.place(number);
        let (from_ids, to_ids) =
            (distinct(pairs.iter().map(|pair| pair.0)), distinct(pairs.iter().map(|pair| pair.1)));
        let held: BTreeSet<_> = pairs
            .iter()
            .filter(|_| holds_back)
            .filter_map(|&(from, to)| mirror.held(plan.number(), from, to))
            .collect();
        MappingJson {
            number,
            file: file.into_owned(),
            line,
            text: lines.text(number).to_owned(),
            count: pairs.len(),
            from: names(plan, &from_ids),
            to: names(plan, &to_ids),
            from_ids: numbers(&from_ids),
            to_ids: numbers(&to_ids),
            held: held.into_iter().take(MAX_NAMED).map(str::to_owned).collect(),
        }
    });
    MappingList { total, mappings: mappings.collect() }
}

/// The first distinct channels.
fn distinct(channels: impl Iterator<Item = ChannelKey>) -> Vec<ChannelKey> {
    let mut seen = BTreeSet::new();
    channels.filter(|channel| seen.insert(*channel)).take(MAX_NAMED).collect()
}

fn names(plan: &Plan, channels: &[ChannelKey]) -> Vec<String> {
    let name = |&(instance, slot): &ChannelKey| {
        let planned = &plan.instances()[instance.index()];
        format!("{}.{}", planned.name, planned.channels.address(slot))
    };
    channels.iter().map(name).collect()
}

fn numbers(channels: &[ChannelKey]) -> Vec<[u32; 2]> {
    channels.iter().map(|(instance, slot)| [instance.0, slot.0]).collect()
}
