//! The thread of the page: listens, and serves connections.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use crosspatch_core::Severity;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tower::ServiceExt;

use crate::answer::ApiError;
use crate::api;
use crate::guard::{PeerAddresses, identify, protect};
use crate::limits::ConnectionKind;
use crate::notices::Board;
use crate::pump::pump;
use crate::settings::ServerSettings;
use crate::show::RunningShow;
use crate::site::WebSite;
use crate::stream::PatientStream;

/// A connection that sends no request for this time ends.
const HEADER_PATIENCE: Duration = Duration::from_secs(15);

/// A request whose body or answer takes longer is given up.
const REQUEST_PATIENCE: Duration = Duration::from_secs(30);

/// The longest header of a request, in bytes.
const MAX_HEADER: usize = 32 * 1024;

/// The answer if there are too many connections.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\nRetry-After: 1\r\n\r\n";

/// A running page. Dropping it ends the page.
#[derive(Debug)]
pub struct WebServer {
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl WebServer {
    /// Starts the thread of the page. An address that is in use is tried again, while the show runs.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started, or if anybody in the network could operate the show.
    pub fn start(settings: ServerSettings, show: Arc<dyn RunningShow>, board: Board) -> io::Result<Self> {
        if settings.is_open() {
            let message = format!("a page at {} needs a password", settings.listen);
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(4)
            .thread_name("web-work")
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let site = Arc::new(WebSite::new(settings, show, board));
            runtime.block_on(async {
                tokio::select! {
                    () = run(site) => {}
                    // The other end is only ever dropped.
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("web".to_owned()).spawn(run)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked has ended as well.
            let _ = thread.join();
        }
    }
}

/// Listens and serves until the future is dropped.
async fn run(site: Arc<WebSite>) {
    tokio::spawn(site.board.clone().collect());
    tokio::spawn(pump(site.clone()));
    let listener = listen(&site).await;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let site = site.clone();
                tokio::spawn(async move { serve(&site, stream, peer).await });
            }
            // There are too many open files, or the peer has gone already.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Binds the socket, as often as it takes.
async fn listen(site: &WebSite) -> TcpListener {
    let ServerSettings { listen, any_port, .. } = &site.settings;
    let (mut listen, any_port) = (*listen, *any_port);
    let mut pause = Duration::from_secs(1);
    let mut is_first = true;
    loop {
        let mut bound = TcpListener::bind(listen).await;
        let is_taken = |bound: &io::Result<_>| {
            bound.as_ref().is_err_and(|error: &io::Error| error.kind() == io::ErrorKind::AddrInUse)
        };
        if any_port && is_taken(&bound) {
            bound = TcpListener::bind(SocketAddr::new(listen.ip(), 0)).await;
        }
        match bound {
            Ok(listener) => {
                let address = listener.local_addr().unwrap_or(listen);
                site.port.store(address.port(), Ordering::Relaxed);
                site.show.tell(Severity::Info, &format!("the page is at {}", link(address)));
                return listener;
            }
            Err(_) if listen.ip() == Ipv6Addr::UNSPECIFIED && !has_ipv6() => {
                listen.set_ip(Ipv4Addr::UNSPECIFIED.into());
            }
            Err(error) => {
                if std::mem::take(&mut is_first) {
                    let reason = match error.kind() == io::ErrorKind::AddrInUse {
                        true => "the address is in use by another program".to_owned(),
                        false => error.to_string(),
                    };
                    let text =
                        format!("cannot listen on {listen}: {reason}; the page is tried again until it can");
                    site.show.tell(Severity::Warning, &text);
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(10));
            }
        }
    }
}

/// Whether this machine has IPv6.
fn has_ipv6() -> bool {
    std::net::TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok()
}

/// The link to a page that listens on this address.
fn link(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("http://localhost:{}/, and at the addresses of this machine", address.port()),
        false => format!("http://{address}/"),
    }
}

/// Serves a connection.
async fn serve(site: &Arc<WebSite>, stream: TcpStream, peer: SocketAddr) {
    let Ok(local) = stream.local_addr() else { return };
    let peer = PeerAddresses { address: peer.ip(), local: local.ip() };
    let Some(place) = site.limits.enter(peer.key(), ConnectionKind::Connection) else {
        // Whether the peer reads this is up to the peer.
        let _ = stream.try_write(FULL);
        return;
    };
    let router = api::router(site);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (router, site) = (router.clone(), site.clone());
        async move { Ok::<_, Infallible>(answer(&site, router, peer, request.map(Body::new)).await) }
    });
    // A connection that breaks needs no explanation.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(MAX_HEADER)
        .serve_connection(TokioIo::new(PatientStream::new(stream)), service)
        .with_upgrades()
        .await;
    drop(place);
}

/// Answers a request, after all checks.
async fn answer(site: &WebSite, router: Router, peer: PeerAddresses, mut request: Request) -> Response {
    let mut response = match identify(site, peer, &request) {
        Err(error) => error.into_response(),
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            match tokio::time::timeout(REQUEST_PATIENCE, router.oneshot(request)).await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => {
                    let message = "the request took too long";
                    ApiError::new(StatusCode::REQUEST_TIMEOUT, message).into_response()
                }
            }
        }
    };
    protect(&mut response);
    response
}
