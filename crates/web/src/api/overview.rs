//! `GET /api/v1/show`: the show at a glance. `GET /api/v1/instances`: each of its instances.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use crate::answer::{ApiError, Json, millis};
use crate::guard::Caller;
use crate::instances::{InstanceJson, describe_instances};
use crate::site::WebSite;

#[derive(Serialize)]
pub(crate) struct Overview {
    name: String,
    version: &'static str,
    started: u64,
    plan: u64,
    instances: usize,
    mappings: usize,
    role: &'static str,
    locked: bool,
}

pub(crate) async fn show(
    State(site): State<Arc<WebSite>>,
    Extension(caller): Extension<Caller>,
) -> Json<Overview> {
    let plan = site.show.plan();
    Json(Overview {
        name: site.show.name(),
        version: env!("CARGO_PKG_VERSION"),
        started: millis(site.show.started()),
        plan: plan.number(),
        instances: plan.instances().len(),
        mappings: plan.mapping_count(),
        role: caller.role.name(),
        locked: site.board.is_locked(),
    })
}

pub(crate) async fn instances(State(site): State<Arc<WebSite>>) -> Result<Json<Vec<InstanceJson>>, ApiError> {
    let Some(report) = site.status.ask(&site.show).await else {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the show does not answer"));
    };
    Ok(Json(describe_instances(&site, &report)))
}
