//! The files of the page. They are part of the program.
//!
//! `/ui/HASH/app.js` never changes, because the hash is that of all files: browsers keep it for a year. `/ui/app.js` and `/`
//! are compared by their tags each time.

use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::answer::ApiError;

/// A file of the page.
pub(crate) struct PageFile {
    name: &'static str,
    /// The hash of its bytes, between quotes.
    tag: &'static str,
    bytes: &'static [u8],
    /// Its bytes as gzip, if they are fewer.
    zipped: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/files.rs"));

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

const COMPARED: HeaderValue = HeaderValue::from_static("no-cache");

/// `GET /`.
pub(crate) async fn index(headers: HeaderMap) -> Response {
    serve("index.html", COMPARED, &headers)
}

/// `GET /ui/*`.
pub(crate) async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    match path.strip_prefix(VERSION).and_then(|rest| rest.strip_prefix('/')) {
        Some(path) => serve(path, FOR_EVER, &headers),
        None => serve(&path, COMPARED, &headers),
    }
}

fn serve(name: &str, cache: HeaderValue, headers: &HeaderMap) -> Response {
    let Ok(at) = FILES.binary_search_by_key(&name, |file| file.name) else {
        return ApiError::new(StatusCode::NOT_FOUND, format!("the page has no file `{name}`"))
            .into_response();
    };
    let file = &FILES[at];
    let tag = HeaderValue::from_static(file.tag);
    let has = |name, text: &str| {
        headers.get_all(name).iter().any(|value| value.to_str().is_ok_and(|value| value.contains(text)))
    };
    let mut response = if has(IF_NONE_MATCH, file.tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match file.zipped.filter(|_| has(ACCEPT_ENCODING, "gzip")) {
            Some(zipped) => {
                ([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))], Body::from(zipped)).into_response()
            }
            None => Body::from(file.bytes).into_response(),
        }
    };
    let answer = response.headers_mut();
    answer.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    answer.insert(CACHE_CONTROL, cache);
    answer.insert(ETAG, tag);
    answer.insert(VARY, HeaderValue::from_static("accept-encoding"));
    response
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt" | "md") | None => "text/plain; charset=utf-8",
        Some(_) => "application/octet-stream",
    }
}
