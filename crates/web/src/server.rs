//! The thread of the page: listens, and serves connections.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crosspatch_core::{Plan, Severity};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tower::ServiceExt;

use crate::api::{self, count_channels};
use crate::live::{self, Live};
use crate::notices::{NoticeBoard, Notices};
use crate::settings::Settings;
use crate::show::{Show, StatusReport};

/// A running page. Dropping it ends the page.
#[derive(Debug)]
pub struct Server {
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts the thread of the page. An address that is in use is tried again, while the show runs.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub fn start(settings: Settings, show: Arc<dyn Show>, board: NoticeBoard) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(4)
            .thread_name("web-work")
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let site = Arc::new(Site::new(settings, show, board));
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

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked has ended as well.
            let _ = thread.join();
        }
    }
}

/// What all requests share.
pub(crate) struct Site {
    pub(crate) settings: Settings,
    pub(crate) show: Arc<dyn Show>,
    pub(crate) board: NoticeBoard,
    pub(crate) live: Arc<Live>,
    pub(crate) status: StatusCache,
    counts: Mutex<(u64, Arc<Vec<[usize; 2]>>)>,
}

impl Site {
    pub(crate) fn new(settings: Settings, show: Arc<dyn Show>, board: NoticeBoard) -> Self {
        Self {
            settings,
            show,
            board,
            live: Arc::new(Live::new()),
            status: StatusCache::default(),
            counts: Mutex::default(),
        }
    }

    /// The latest notices.
    pub(crate) fn notices(&self) -> &Notices {
        self.board.notices()
    }

    /// How many inputs and outputs each instance of the plan has.
    pub(crate) fn channel_counts(&self, plan: &Plan) -> Arc<Vec<[usize; 2]>> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.0 != plan.number() {
            *counts = (plan.number(), Arc::new(count_channels(plan)));
        }
        counts.1.clone()
    }
}

/// The last status report. However many ask, the loop is asked a few times a second at most.
#[derive(Default)]
pub(crate) struct StatusCache(tokio::sync::Mutex<Option<(Instant, Option<Arc<StatusReport>>)>>);

impl StatusCache {
    /// For how long a report is passed on.
    const FRESH: Duration = Duration::from_millis(200);

    pub(crate) async fn ask(&self, show: &Arc<dyn Show>) -> Option<Arc<StatusReport>> {
        let mut last = self.0.lock().await;
        if let Some((_, report)) = last.as_ref().filter(|(at, _)| at.elapsed() < Self::FRESH) {
            return report.clone();
        }
        let show = show.clone();
        let report = tokio::task::spawn_blocking(move || show.report_status()).await;
        let report = report.ok().flatten().map(Arc::new);
        *last = Some((Instant::now(), report.clone()));
        report
    }
}

/// Listens and serves until the future is dropped.
async fn run(site: Arc<Site>) {
    tokio::spawn(site.board.clone().collect());
    tokio::spawn(live::pump(site.clone()));
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
async fn listen(site: &Site) -> TcpListener {
    let Settings { listen, any_port, .. } = site.settings;
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
                site.show.tell(Severity::Info, &format!("the page is at http://{address}/"));
                return listener;
            }
            Err(error) => {
                if std::mem::take(&mut is_first) {
                    let reason = match error.kind() {
                        io::ErrorKind::AddrInUse => "the address is in use by another program".to_owned(),
                        _ => error.to_string(),
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

/// Serves a connection.
async fn serve(site: &Arc<Site>, stream: TcpStream, _peer: SocketAddr) {
    let router = api::router(site);
    let service = service_fn(move |request| {
        let router = router.clone();
        async move { router.oneshot(request).await }
    });
    // A connection that breaks needs no explanation.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(15))
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}
