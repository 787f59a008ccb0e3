//! `/api/v1/session`: logging in and out. `/api/v1/lock`: the lock of the show.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{ORIGIN, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use crosspatch_core::Severity;
use serde::{Deserialize, Serialize};

use crate::answer::{ApiError, Json, read_json};
use crate::auth::Refusal;
use crate::guard::Caller;
use crate::site::WebSite;

/// The longest password, in characters.
const MAX_PASSWORD: usize = 1024;

#[derive(Deserialize)]
struct LogIn {
    password: String,
    /// Whether the answer has a token for the header `Authorization`, for a program, in place of a cookie.
    #[serde(default)]
    token: bool,
}

#[derive(Serialize)]
struct LoggedIn {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// `POST /api/v1/session`.
pub(crate) async fn log_in(
    State(site): State<Arc<WebSite>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let log_in: LogIn = read_json(&headers, &body?)?;
    if log_in.password.chars().count() > MAX_PASSWORD {
        return Err(ApiError::bad_request(format!(
            "expected a password of at most {MAX_PASSWORD} characters"
        )));
    }
    if !site.auth.needs_password() {
        return Ok(Json(LoggedIn { role: caller.role.name(), token: None }).into_response());
    }
    let role = match site.auth.log_in(caller.peer.key(), log_in.password).await {
        Ok(role) => role,
        Err(Refusal::Wrong) => {
            let address = caller.peer.address.to_canonical();
            site.show.tell(Severity::Warning, &format!("a log-in from {address} had a wrong password"));
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, "the password is wrong"));
        }
        Err(Refusal::TooEarly(left)) => {
            let seconds = left.as_secs() + 1;
            let message = format!("too many attempts; try again in {seconds} s");
            let mut response = ApiError::new(StatusCode::TOO_MANY_REQUESTS, message).into_response();
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(response);
        }
        Err(Refusal::Busy) => {
            return Err(ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many log-ins at once; try again",
            ));
        }
    };
    let token = site.auth.sessions.begin(role);
    let token = token.ok_or_else(|| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the system has no random numbers")
    })?;
    if log_in.token {
        return Ok(Json(LoggedIn { role: role.name(), token: Some(token.to_hex()) }).into_response());
    }
    // A proxy with TLS in front of the page shows in the origin.
    let is_secure = headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let secure = if is_secure { "; Secure" } else { "" };
    let (name, token) = (site.cookie_name(), token.to_hex());
    let cookie = format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict{secure}");
    let mut response = Json(LoggedIn { role: role.name(), token: None }).into_response();
    set_cookie(&mut response, &cookie);
    Ok(response)
}

/// `DELETE /api/v1/session`.
pub(crate) async fn log_out(
    State(site): State<Arc<WebSite>>,
    Extension(caller): Extension<Caller>,
) -> Response {
    if let Some(token) = &caller.token {
        site.auth.sessions.end(token);
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let cookie = format!("{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0", site.cookie_name());
    set_cookie(&mut response, &cookie);
    response
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lock {
    locked: bool,
}

/// `PUT /api/v1/lock`.
pub(crate) async fn lock(
    State(site): State<Arc<WebSite>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Lock>, ApiError> {
    let lock: Lock = read_json(&headers, &body?)?;
    if site.board.set_locked(lock.locked) != lock.locked {
        let done = if lock.locked { "locked" } else { "unlocked" };
        let address = caller.peer.address.to_canonical();
        site.show.tell(Severity::Info, &format!("the show was {done} from {address}"));
    }
    Ok(Json(lock))
}
