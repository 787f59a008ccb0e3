//! `GET /api/v1/notices`: what the operator should know.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use crate::answer::{ApiError, Json, whole_number};
use crate::notices::NumberedNotice;
use crate::site::WebSite;

#[derive(Deserialize)]
pub(crate) struct NoticeQuery {
    #[serde(default, deserialize_with = "whole_number")]
    after: u64,
}

#[derive(Serialize)]
pub(crate) struct NoticeList {
    last: u64,
    notices: Vec<Arc<NumberedNotice>>,
}

pub(crate) async fn list(
    State(site): State<Arc<WebSite>>,
    parameters: Result<Query<NoticeQuery>, QueryRejection>,
) -> Result<Json<NoticeList>, ApiError> {
    let (last, notices) = site.notices().after(parameters?.after);
    Ok(Json(NoticeList { last, notices }))
}
