//! `/api/v1/channels`: the channels that mappings use, their last values, and sending a value.

use std::cmp::Reverse;
use std::fmt::Write;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use crosspatch_core::{Direction, InstanceId, Plan, Value};
use serde::{Deserialize, Serialize};

use crate::answer::{ApiError, Json, offload, read_json, whole_number};
use crate::live::{CellJson, Mirror};
use crate::show::ChannelKey;
use crate::site::WebSite;

/// The most channels of one answer.
const MAX_LIMIT: u64 = 1000;

/// The order of a list.
#[derive(Copy, Clone, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ListOrder {
    /// That of the plan.
    #[default]
    Plan,
    /// Only the channels that have changed while somebody looked, the last change first.
    Recent,
}

#[derive(Deserialize)]
pub(crate) struct ChannelQuery {
    #[serde(default)]
    search: String,
    #[serde(default)]
    instance: String,
    #[serde(default)]
    order: ListOrder,
    #[serde(default, deserialize_with = "whole_number")]
    offset: u64,
    #[serde(default = "default_limit", deserialize_with = "whole_number")]
    limit: u64,
}

fn default_limit() -> u64 {
    200
}

#[derive(Serialize)]
pub(crate) struct FoundChannels {
    total: u64,
    channels: Vec<ChannelJson>,
}

#[derive(Serialize)]
pub(crate) struct ChannelJson {
    id: [u32; 2],
    name: String,
    input: bool,
    output: bool,
    r#in: Option<CellJson>,
    out: Option<CellJson>,
    lines: Vec<usize>,
}

pub(crate) async fn list(
    State(site): State<Arc<WebSite>>,
    parameters: Result<Query<ChannelQuery>, QueryRejection>,
) -> Result<Json<FoundChannels>, ApiError> {
    let Query(parameters) = parameters?;
    site.live.look().await;
    let list = move || {
        let plan = site.show.plan();
        let (total, found) = match parameters.order {
            ListOrder::Plan => find(&plan, &parameters),
            ListOrder::Recent => find_recent(&plan, &parameters, &site.live.mirror()),
        };
        FoundChannels { total, channels: describe(&site, &plan, &found) }
    };
    Ok(Json(offload(list).await?))
}

pub(crate) async fn one(
    State(site): State<Arc<WebSite>>,
    Path(name): Path<String>,
) -> Result<Json<ChannelJson>, ApiError> {
    site.live.look().await;
    let plan = site.show.plan();
    let channel = plan.find_channel(&name).ok_or_else(|| unknown(&name))?;
    let described = offload(move || describe(&site, &plan, &[channel]).pop()).await?;
    described.map(Json).ok_or_else(|| unknown(&name))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValueBody {
    value: WrittenValue,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenValue {
    Number(f64),
    Text(String),
}

pub(crate) async fn set(
    State(site): State<Arc<WebSite>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    let sent: ValueBody = read_json(&headers, &body?)?;
    let value = match sent.value {
        WrittenValue::Number(number) if (0.0..=1.0).contains(&number) => Value::number(number),
        WrittenValue::Number(number) => {
            return Err(ApiError::bad_request(format!("expected a number from 0 to 1, found {number}")));
        }
        WrittenValue::Text(text) => Value::text(text),
    };
    let plan = site.show.plan();
    let (instance, slot) = plan.find_channel(&name).ok_or_else(|| unknown(&name))?;
    if !plan.instances()[instance.index()].channels.is_mapped(slot, Direction::Input) {
        let message = format!("no mapping starts from `{name}`, so a value of it would go nowhere");
        return Err(ApiError::new(StatusCode::CONFLICT, message));
    }
    match site.show.set_value(&name, value) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown(&name)),
    }
}

fn unknown(name: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, format!("there is no channel `{name}`"))
}

/// How many channels match, and those of them that were asked for.
fn find(plan: &Plan, parameters: &ChannelQuery) -> (u64, Vec<ChannelKey>) {
    let wanted = parameters.offset..parameters.offset.saturating_add(parameters.limit.min(MAX_LIMIT));
    let (mut total, mut found) = (0, Vec::new());
    for_each_match(plan, parameters, |channel| {
        if wanted.contains(&total) {
            found.push(channel);
        }
        total += 1;
    });
    (total, found)
}

/// How many of the channels that match have changed, and those of them that were asked for, the last change first.
fn find_recent(plan: &Plan, parameters: &ChannelQuery, mirror: &Mirror) -> (u64, Vec<ChannelKey>) {
    let changed = |channel| {
        let at = |direction| mirror.cell(plan.number(), channel, direction)?.at;
        at(Direction::Input).max(at(Direction::Output))
    };
    let mut all = Vec::new();
    for_each_match(plan, parameters, |channel| {
        if let Some(at) = changed(channel) {
            all.push((Reverse(at), channel));
        }
    });
    all.sort_unstable();
    let wanted = all.iter().skip(parameters.offset as usize).take(parameters.limit.min(MAX_LIMIT) as usize);
    (all.len() as u64, wanted.map(|(_, channel)| *channel).collect())
}

/// Visits the channels that mappings use and that match, in the order of the plan.
fn for_each_match(plan: &Plan, parameters: &ChannelQuery, mut visit: impl FnMut(ChannelKey)) {
    let words: Vec<_> = parameters.search.split_whitespace().map(str::to_lowercase).collect();
    let mut name = String::new();
    for (number, planned) in (0..).zip(plan.instances()) {
        if !parameters.instance.is_empty() && *planned.name != *parameters.instance {
            continue;
        }
        for slot in planned.channels.slots() {
            let is_mapped = |direction| planned.channels.is_mapped(slot, direction);
            if !is_mapped(Direction::Input) && !is_mapped(Direction::Output) {
                continue;
            }
            if !words.is_empty() {
                name.clear();
                // Writing to a string does not fail.
                let _ = write!(name, "{}.{}", planned.name, planned.channels.address(slot));
                let lower = name.to_lowercase();
                if !words.iter().all(|word| lower.contains(word.as_str())) {
                    continue;
                }
            }
            visit((InstanceId(number), slot));
        }
    }
}

fn describe(site: &WebSite, plan: &Plan, channels: &[ChannelKey]) -> Vec<ChannelJson> {
    let mut lines = vec![Vec::new(); channels.len()];
    if let Some(all) = site.show.lines(plan) {
        let mut sorted: Vec<_> = channels.iter().copied().zip(0..).collect();
        sorted.sort_unstable();
        for number in 0..all.len() {
            for &(from, to) in all.mappings(number) {
                for end in [from, to] {
                    let Ok(at) = sorted.binary_search_by_key(&end, |(channel, _)| *channel) else { continue };
                    let of_channel: &mut Vec<usize> = &mut lines[sorted[at].1 as usize];
                    if of_channel.last() != Some(&number) {
                        of_channel.push(number);
                    }
                }
            }
        }
    }
    let mirror = site.live.mirror();
    let described = channels.iter().zip(lines).map(|(&(instance, slot), lines)| {
        let planned = &plan.instances()[instance.index()];
        let cell = |direction| value_of(&mirror, plan, (instance, slot), direction);
        ChannelJson {
            id: [instance.0, slot.0],
            name: format!("{}.{}", planned.name, planned.channels.address(slot)),
            input: planned.channels.is_mapped(slot, Direction::Input),
            output: planned.channels.is_mapped(slot, Direction::Output),
            r#in: cell(Direction::Input),
            out: cell(Direction::Output),
            lines,
        }
    });
    described.collect()
}

fn value_of(mirror: &Mirror, plan: &Plan, channel: ChannelKey, direction: Direction) -> Option<CellJson> {
    mirror.cell(plan.number(), channel, direction).map(|cell| cell.json())
}
