//! `GET /healthz` for supervisors, and `GET /metrics` for Prometheus.

use std::fmt::{Display, Write};
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::answer::{ApiError, Json, millis};
use crate::instances::describe_instances;
use crate::notices::SEVERITIES;
use crate::site::WebSite;

/// Whether the show's loop answers.
pub(crate) async fn health(State(site): State<Arc<WebSite>>) -> Response {
    match site.status.ask(&site.show).await {
        Some(_) => Json(json!({ "status": "ok" })).into_response(),
        None => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the show does not answer").into_response(),
    }
}

/// The conditions of a connection, in the order of the API.
const CONDITIONS: [&str; 4] = ["working", "starting", "waiting", "failing"];

pub(crate) async fn metrics(State(site): State<Arc<WebSite>>) -> Response {
    let mut text = Exposition::default();
    let plan = site.show.plan();
    text.family("crosspatch_info", "gauge", "The version of the program.");
    text.sample("crosspatch_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.family(
        "crosspatch_start_time_seconds",
        "gauge",
        "When the show was started, in seconds since 1970.",
    );
    text.sample("crosspatch_start_time_seconds", &[], millis(site.show.started()) as f64 / 1000.0);
    text.family("crosspatch_plan_number", "gauge", "The number of the running plan. A reload changes it.");
    text.sample("crosspatch_plan_number", &[], plan.number());
    text.family("crosspatch_mappings", "gauge", "Mappings of the running plan.");
    text.sample("crosspatch_mappings", &[], plan.mapping_count());
    let report = site.status.ask(&site.show).await;
    text.family("crosspatch_up", "gauge", "Whether the show's loop answers.");
    text.sample("crosspatch_up", &[], u8::from(report.is_some()));
    let instances = report.map_or_else(Vec::new, |report| describe_instances(&site, &report));
    text.family(
        "crosspatch_instance_condition",
        "gauge",
        "1 for the condition that an instance is in, 0 for the others.",
    );
    for instance in &instances {
        for condition in CONDITIONS {
            let labels =
                [("instance", &*instance.name), ("backend", instance.backend), ("condition", condition)];
            let is_it = u8::from(instance.condition.condition == condition);
            text.sample("crosspatch_instance_condition", &labels, is_it);
        }
    }
    text.family("crosspatch_instance_links", "gauge", "Connections of an instance, by their condition.");
    for instance in &instances {
        for condition in CONDITIONS {
            let labels = [("instance", &*instance.name), ("condition", condition)];
            let links = instance.links.iter().filter(|link| link.condition.condition == condition).count();
            text.sample("crosspatch_instance_links", &labels, links);
        }
    }
    text.family("crosspatch_notices_total", "counter", "Notices for the operator.");
    for (severity, count) in SEVERITIES.into_iter().zip(site.notices().counts()) {
        text.sample("crosspatch_notices_total", &[("severity", severity)], count);
    }
    let [connections, sockets] = site.limits.counts();
    text.family("crosspatch_web_connections", "gauge", "Connections to the page, WebSockets apart.");
    text.sample("crosspatch_web_connections", &[], connections);
    text.family("crosspatch_web_sockets", "gauge", "Open WebSockets of the page.");
    text.sample("crosspatch_web_sockets", &[], sockets);
    text.family("crosspatch_locked", "gauge", "Whether the show is locked.");
    text.sample("crosspatch_locked", &[], u8::from(site.board.is_locked()));
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text.0).into_response()
}

/// The text format of Prometheus.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (number, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{text}\"", if number == 0 { '{' } else { ',' });
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }
}
