//! The routes: one table with the role that each of them needs.

mod answer;
mod channels;
mod events;
mod instances;
mod mappings;
mod notices;
mod overview;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get, put};

pub(crate) use answer::{ApiError, Json, ValueJson, offload, read_json};
pub(crate) use instances::{count_channels, describe_instances};

use crate::server::Site;
use crate::ui;

/// The largest body of a request, in bytes.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// What somebody may do.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Nothing but what everybody may.
    None,
    /// See everything.
    Look,
    /// Send values, and lock the show.
    Operate,
}

/// A route.
pub(crate) struct Endpoint {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) role: Role,
    /// Whether it changes the show, so that a lock refuses it.
    pub(crate) changes: bool,
    handler: fn() -> MethodRouter<Arc<Site>>,
}

const fn look(path: &'static str, handler: fn() -> MethodRouter<Arc<Site>>) -> Endpoint {
    Endpoint { method: "GET", path, role: Role::Look, changes: false, handler }
}

const fn open(path: &'static str, handler: fn() -> MethodRouter<Arc<Site>>) -> Endpoint {
    Endpoint { method: "GET", path, role: Role::None, changes: false, handler }
}

/// Every route.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    open("/", || get(ui::index)),
    open("/ui/{*path}", || get(ui::file)),
    look("/api/v1/show", || get(overview::show)),
    look("/api/v1/instances", || get(instances::list)),
    look("/api/v1/channels", || get(channels::list)),
    look("/api/v1/channels/{*name}", || get(channels::one)),
    Endpoint {
        method: "PUT",
        path: "/api/v1/channels/{*name}",
        role: Role::Operate,
        changes: true,
        handler: || put(channels::set),
    },
    look("/api/v1/mappings", || get(mappings::list)),
    look("/api/v1/notices", || get(notices::list)),
    look("/api/v1/events", || get(events::open)),
];

/// The router of all routes.
pub(crate) fn router(site: &Arc<Site>) -> Router {
    let routes = ENDPOINTS
        .iter()
        .fold(Router::new(), |router, endpoint| router.route(endpoint.path, (endpoint.handler)()));
    routes
        .fallback(|| async { ApiError::new(StatusCode::NOT_FOUND, "there is no such address") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take this method")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(site.clone())
}

/// Milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
