//! `GET /api/v1/show`: the show at a glance.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;

use super::{Json, millis};
use crate::server::Site;

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

pub(crate) async fn show(State(site): State<Arc<Site>>) -> Json<Overview> {
    let plan = site.show.plan();
    Json(Overview {
        name: site.show.name(),
        version: env!("CARGO_PKG_VERSION"),
        started: millis(site.show.started()),
        plan: plan.number(),
        instances: plan.instances().len(),
        mappings: plan.mapping_count(),
        role: "operate",
        locked: false,
    })
}
