//! The page of a show: starts it, and connects it with the show. Without a page, none of this exists.

mod view;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use crosspatch_config::{WebSettings, WrittenMappings};
use crosspatch_core::{Plan, Severity};
use crosspatch_io::{Handle, Observed};
use crosspatch_web::{Board, NoticeInput, Password, ServerSettings, WebServer};
use tracing::{debug, error, info, warn};

use view::ShowView;

/// Where the command line wants a page.
#[derive(Copy, Clone, Debug)]
pub(crate) struct WantedPage {
    /// The address to listen on.
    pub(crate) listen: SocketAddr,
    /// Whether any other port will do if this one is in use.
    pub(crate) any_port: bool,
}

/// The mapping lines of a plan, with its number.
type LinesOfPlan = (u64, Arc<WrittenMappings>);

/// The page of a show, as far as there is one. Clones are the same page.
#[derive(Clone)]
pub(crate) struct ShowPage(Arc<PageState>);

struct PageState {
    wanted: Option<WantedPage>,
    name: String,
    show: Handle,
    started: SystemTime,
    /// The mapping lines of the newest plan.
    lines: Mutex<Option<LinesOfPlan>>,
    board: OnceLock<Board>,
    server: Mutex<Option<(ServerSettings, WebServer)>>,
}

impl ShowPage {
    /// The page of a show that has not begun.
    pub(crate) fn new(wanted: Option<WantedPage>, name: String, show: Handle) -> Self {
        Self(Arc::new(PageState {
            wanted,
            name,
            show,
            started: SystemTime::now(),
            lines: Mutex::default(),
            board: OnceLock::new(),
            server: Mutex::default(),
        }))
    }

    /// A plan with these mapping lines is about to be installed.
    pub(crate) fn set_lines(&self, plan: &Plan, lines: Option<WrittenMappings>) {
        let lines = lines.map(|lines| (plan.number(), Arc::new(lines)));
        *self.0.lines.lock().unwrap_or_else(PoisonError::into_inner) = lines;
    }

    /// Starts the page, changes it or ends it, as the configuration and the command line say.
    pub(crate) fn apply(&self, configured: Option<WebSettings>) {
        let mut server = self.0.server.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = self.settings(configured);
        if server.as_ref().map(|(settings, _)| settings) == settings.as_ref() {
            return;
        }
        // The socket is closed before the next one opens.
        *server = None;
        let Some(settings) = settings else { return };
        let view = ShowView(self.clone());
        let board = self.0.board.get_or_init(Board::default).clone();
        match WebServer::start(settings.clone(), Arc::new(view), board) {
            Ok(started) => *server = Some((settings, started)),
            Err(error) => self.tell(Severity::Error, &format!("the show runs without its page: {error}")),
        }
    }

    fn settings(&self, configured: Option<WebSettings>) -> Option<ServerSettings> {
        let listen =
            self.0.wanted.map(|wanted| wanted.listen).or(configured.as_ref().map(|web| web.listen))?;
        let (mut password, mut view_password, mut allowed_hosts) = (None, None, Vec::new());
        if let Some(web) = configured {
            [password, view_password] =
                [web.password, web.view_password].map(|written| written.map(Password::new));
            allowed_hosts = web.allowed_hosts;
        }
        let any_port = self.0.wanted.is_some_and(|wanted| wanted.any_port);
        let host_name = crosspatch_io::host_name();
        Some(ServerSettings { listen, any_port, password, view_password, allowed_hosts, host_name })
    }

    /// Passes a notice of the show to the page.
    pub(crate) fn handle(&self, observed: &Observed<'_>) {
        let (Some(board), Observed::Notice { instance, notice, held }) = (self.0.board.get(), observed)
        else {
            return;
        };
        board.add(NoticeInput {
            severity: notice.severity,
            instance: instance.map(str::to_owned),
            id: notice.id,
            text: notice.text.to_string(),
            held: *held,
        });
    }

    /// Ends the page.
    pub(crate) fn end(&self) {
        *self.0.server.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Tells the operator about the page.
    fn tell(&self, severity: Severity, text: &str) {
        match severity {
            Severity::Debug => debug!(id = "web", "{text}"),
            Severity::Info => info!(id = "web", "{text}"),
            Severity::Warning => warn!(id = "web", "{text}"),
            Severity::Error => error!(id = "web", "{text}"),
        }
        if let Some(board) = self.0.board.get() {
            let text = text.to_owned();
            board.add(NoticeInput { severity, instance: None, id: "web", text, held: 0 });
        }
    }
}
