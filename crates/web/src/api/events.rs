//! `GET /api/v1/events`: the handshake of the WebSocket.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;
use tungstenite::handshake::derive_accept_key;

use crate::answer::ApiError;
use crate::guard::Caller;
use crate::limits::ConnectionKind;
use crate::site::WebSite;
use crate::socket;

pub(crate) async fn open(
    State(site): State<Arc<WebSite>>,
    Extension(caller): Extension<Caller>,
    mut request: Request,
) -> Result<Response, ApiError> {
    let key = check(request.headers())?;
    let place = site.limits.enter(caller.peer.key(), ConnectionKind::Socket).ok_or_else(|| {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "there are too many WebSockets; close another window")
    })?;
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(stream) = upgrade.await {
            socket::serve(&site, TokioIo::new(stream), caller.token).await;
        }
        drop(place);
    });
    let accept = HeaderValue::from_str(&derive_accept_key(&key));
    let accept = accept.map_err(|_| ApiError::bad_request("expected a key in base64"))?;
    let headers = [
        (UPGRADE, HeaderValue::from_static("websocket")),
        (CONNECTION, HeaderValue::from_static("upgrade")),
        (SEC_WEBSOCKET_ACCEPT, accept),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response())
}

/// The key of a handshake.
fn check(headers: &HeaderMap) -> Result<Vec<u8>, ApiError> {
    let has = |name: HeaderName, word: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(word))
    };
    if !has(CONNECTION, "upgrade") || !has(UPGRADE, "websocket") || !has(SEC_WEBSOCKET_VERSION, "13") {
        return Err(ApiError::new(StatusCode::UPGRADE_REQUIRED, "expected a WebSocket of version 13"));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24);
    let key = key.ok_or_else(|| ApiError::bad_request("expected the header `Sec-WebSocket-Key`"))?;
    Ok(key.as_bytes().to_vec())
}
