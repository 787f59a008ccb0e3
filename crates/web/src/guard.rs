//! The checks that every request passes, and the headers that every answer has.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, ORIGIN, REFERRER_POLICY, UPGRADE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::answer::{ApiError, Role};
use crate::auth::Token;
use crate::limits::AddressKey;
use crate::site::WebSite;

/// Everything comes from this server, no script or style stands in the page itself, and no other page can embed it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
    connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The two ends of a connection.
#[derive(Copy, Clone, Debug)]
pub(crate) struct PeerAddresses {
    pub(crate) address: IpAddr,
    pub(crate) local: IpAddr,
}

impl PeerAddresses {
    pub(crate) fn key(&self) -> AddressKey {
        AddressKey::of(self.address)
    }
}

/// Who sent a request.
#[derive(Copy, Clone)]
pub(crate) struct Caller {
    pub(crate) peer: PeerAddresses,
    pub(crate) role: Role,
    /// The session, if a password is needed and was given.
    pub(crate) token: Option<Token>,
}

/// Finds out who sent a request, and refuses it if a page of somebody else did.
pub(crate) fn identify(site: &WebSite, peer: PeerAddresses, request: &Request) -> Result<Caller, ApiError> {
    let headers = request.headers();
    let host = single(headers, HOST)?.ok_or_else(|| ApiError::bad_request("expected the header `Host`"))?;
    let named = request.uri().authority().map_or(host, |authority| authority.as_str());
    if !site.auth.hosts.allows_host(host, peer.local) || !site.auth.hosts.allows_host(named, peer.local) {
        let message = "this name is not one of the page; add it as `allowed-host` to the section `[web]`";
        return Err(ApiError::new(StatusCode::MISDIRECTED_REQUEST, message));
    }
    let origin = single(headers, ORIGIN)?;
    if origin.is_some_and(|origin| !site.auth.hosts.allows_origin(origin, host)) {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "a page of another origin may not do this"));
    }
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let matters = !is_read || headers.contains_key(UPGRADE);
    let is_foreign = |site: &str| !matches!(site, "same-origin" | "none");
    if matters && single(headers, FETCH_SITE)?.is_some_and(is_foreign) && origin.is_none() {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "a page of another origin may not do this"));
    }
    if !site.auth.needs_password() {
        return Ok(Caller { peer, role: Role::Operate, token: None });
    }
    let bearer = single(headers, AUTHORIZATION)?.and_then(|value| value.strip_prefix("Bearer "));
    let cookie = cookie(headers, &site.cookie_name());
    if bearer.is_none() && cookie.is_some() && matters && origin.is_none() {
        // Browsers state the origin. Only they have cookies that another page could use.
        return Err(ApiError::new(StatusCode::FORBIDDEN, "expected the header `Origin` beside a cookie"));
    }
    let token = bearer.or(cookie).and_then(|text| Token::from_hex(text.trim()));
    let role = token.as_ref().and_then(|token| site.auth.sessions.role(token));
    Ok(Caller { peer, role: role.unwrap_or(Role::None), token: token.filter(|_| role.is_some()) })
}

/// The value of a header that occurs at most once.
fn single(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(&name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(ApiError::bad_request(format!("expected one header `{name}`")));
    }
    let text = first.map(|value| value.to_str()).transpose();
    text.map_err(|_| ApiError::bad_request(format!("expected text in the header `{name}`")))
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Lets a request through to its route if the caller has the role for it, and no lock forbids it.
pub(crate) async fn require(
    State((site, needed, changes)): State<(Arc<WebSite>, Role, bool)>,
    request: Request,
    next: Next,
) -> Response {
    let role = request.extensions().get::<Caller>().map_or(Role::None, |caller| caller.role);
    if role < needed {
        let (status, message) = match role {
            Role::None => (StatusCode::UNAUTHORIZED, "log in first"),
            Role::Look | Role::Operate => (StatusCode::FORBIDDEN, "your password only allows to look"),
        };
        return ApiError::new(status, message).into_response();
    }
    if changes && site.board.is_locked() {
        return ApiError::new(StatusCode::LOCKED, "the show is locked").into_response();
    }
    next.run(request).await
}

/// Adds the headers that protect the page and its data.
pub(crate) fn protect(response: &mut Response) {
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
