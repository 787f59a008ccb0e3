//! The routes: one table with the role that each of them needs.

mod channels;
mod events;
mod health;
mod mappings;
mod notices;
mod overview;
mod session;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, post, put};

use crate::answer::{ApiError, Role};
use crate::guard::require;
use crate::site::WebSite;
use crate::ui;

/// The largest body of a request, in bytes.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// The description of the API.
const DESCRIPTION: &str = include_str!("openapi.json");

/// A route.
pub(crate) struct ApiRoute {
    #[cfg_attr(not(test), expect(dead_code, reason = "the description is compared with it"))]
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) role: Role,
    /// Whether it changes the show, so that a lock refuses it.
    pub(crate) changes: bool,
    handler: fn() -> MethodRouter<Arc<WebSite>>,
}

const fn look(path: &'static str, handler: fn() -> MethodRouter<Arc<WebSite>>) -> ApiRoute {
    ApiRoute { method: "GET", path, role: Role::Look, changes: false, handler }
}

const fn open(path: &'static str, handler: fn() -> MethodRouter<Arc<WebSite>>) -> ApiRoute {
    ApiRoute { method: "GET", path, role: Role::None, changes: false, handler }
}

/// Every route.
pub(crate) const ROUTES: &[ApiRoute] = &[
    open("/", || get(ui::index)),
    open("/ui/{*path}", || get(ui::file)),
    open("/healthz", || get(health::health)),
    look("/metrics", || get(health::metrics)),
    open("/api/v1/openapi.json", || get(async || ([(CONTENT_TYPE, "application/json")], DESCRIPTION))),
    ApiRoute {
        method: "POST",
        path: "/api/v1/session",
        role: Role::None,
        changes: false,
        handler: || post(session::log_in),
    },
    ApiRoute {
        method: "DELETE",
        path: "/api/v1/session",
        role: Role::None,
        changes: false,
        handler: || delete(session::log_out),
    },
    ApiRoute {
        method: "PUT",
        path: "/api/v1/lock",
        role: Role::Operate,
        changes: false,
        handler: || put(session::lock),
    },
    look("/api/v1/show", || get(overview::show)),
    look("/api/v1/instances", || get(overview::instances)),
    look("/api/v1/channels", || get(channels::list)),
    look("/api/v1/channels/{*name}", || get(channels::one)),
    ApiRoute {
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
pub(crate) fn router(site: &Arc<WebSite>) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |router, route| {
        let guard = from_fn_with_state((site.clone(), route.role, route.changes), require);
        router.route(route.path, (route.handler)().route_layer(guard))
    });
    routes
        .fallback(|| async { ApiError::new(StatusCode::NOT_FOUND, "there is no such address") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take this method")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(site.clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The path of a route as the description writes it.
    fn described(path: &str) -> String {
        path.replace("{*", "{")
    }

    #[test]
    fn the_description_has_every_route_with_its_role_and_no_other() {
        let description: serde_json::Value = serde_json::from_str(DESCRIPTION).expect("JSON");
        let paths = description["paths"].as_object().expect("paths");
        let mut found = BTreeMap::new();
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().expect("methods") {
                if method != "parameters" {
                    let role = operation["x-role"].as_str().expect("a role").to_owned();
                    found.insert((path.clone(), method.to_uppercase()), role);
                }
            }
        }
        let routes = ROUTES
            .iter()
            .map(|route| ((described(route.path), route.method.to_owned()), route.role.name().to_owned()));
        assert_eq!(found, routes.collect());
    }

    #[test]
    fn whatever_changes_the_show_needs_the_role_for_it() {
        for route in ROUTES {
            assert!(!route.changes || route.role == Role::Operate, "{}", route.path);
            let is_data = route.path.starts_with("/api/") || route.path == "/metrics";
            let is_open = route.path.ends_with("/session") || route.path.ends_with("openapi.json");
            assert!(!is_data || is_open || route.role > Role::None, "{}", route.path);
        }
    }
}
