//! A page on a free port, with a show that does what the test says, and an HTTP client that sends what it is told to.

#![expect(dead_code, reason = "every test file is a crate of its own and uses a part of this")]

use std::borrow::Cow;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use crosspatch_config::{CompileInput, MemoryFiles, WrittenMappings, compile};
use crosspatch_core::{
    Change, Condition, Direction, HeldBack, InstanceId, Plan, Severity, Slot, Status, Value,
};
use crosspatch_web::{
    Board, ChannelKey, Frame, MappingLines, Password, RunningShow, ServerSettings, StatusSnapshot, Values,
    WebServer,
};
use tungstenite::WebSocket;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The configuration of the show.
pub(crate) const CONFIGURATION: &str = "\
[loopback tablet]
[loopback desk]

[map]
tablet./fader/{1..3} > desk.fader{1..3}
tablet./mute         > desk.mute
";

/// A show that does what the test says.
pub(crate) struct FakeShow {
    plan: Mutex<Arc<Plan>>,
    lines: Mutex<Arc<WrittenMappings>>,
    pub(crate) answers: AtomicBool,
    /// What was sent to channels.
    pub(crate) sent: Mutex<Vec<(String, Value)>>,
    /// What the operator was told.
    pub(crate) told: Mutex<Vec<String>>,
    observers: Arc<Mutex<Vec<Sender<Frame>>>>,
    known: Mutex<Vec<Change>>,
    /// How many observations there are.
    pub(crate) observations: Arc<AtomicUsize>,
}

fn compiled(text: &str, previous: Option<&Plan>) -> (Arc<Plan>, Arc<WrittenMappings>) {
    let compiled = compile(&CompileInput {
        file: Path::new("show.cfg"),
        files: &MemoryFiles::default().with("show.cfg", text),
        overrides: &[],
        registry: crosspatch_backends::registry(&[]),
        previous,
        skip_missing: false,
        keeps_lines: true,
    });
    (Arc::new(compiled.plan.expect("a plan")), Arc::new(compiled.mappings.expect("lines")))
}

impl FakeShow {
    fn new() -> Self {
        let (plan, lines) = compiled(CONFIGURATION, None);
        Self {
            plan: Mutex::new(plan),
            lines: Mutex::new(lines),
            answers: AtomicBool::new(true),
            sent: Mutex::default(),
            told: Mutex::default(),
            observers: Arc::default(),
            known: Mutex::default(),
            observations: Arc::default(),
        }
    }

    /// A channel changes.
    pub(crate) fn change(&self, channel: &str, direction: Direction, value: Value, count: u32) {
        self.change_held(channel, direction, value, count, Vec::new());
    }

    pub(crate) fn change_held(
        &self,
        channel: &str,
        direction: Direction,
        value: Value,
        count: u32,
        held_back: Vec<HeldBack>,
    ) {
        let plan = self.plan();
        let (instance, slot) = plan.find_channel(channel).expect("a channel");
        let change = Change { instance, slot, direction, value, count };
        self.known.lock().expect("no panic").push(Change { count: 0, ..change.clone() });
        let frame = || Frame {
            plan: plan.clone(),
            changes: vec![change.clone()],
            held_back: held_back.clone(),
            has_more: false,
        };
        self.observers.lock().expect("no panic").retain(|observer| observer.send(frame()).is_ok());
    }

    /// Another configuration runs.
    pub(crate) fn reload(&self, text: &str) {
        let (plan, lines) = compiled(text, Some(&self.plan()));
        *self.lines.lock().expect("no panic") = lines;
        *self.plan.lock().expect("no panic") = plan;
        self.known.lock().expect("no panic").clear();
    }

    pub(crate) fn channel(&self, name: &str) -> (InstanceId, Slot) {
        self.plan().find_channel(name).expect("a channel")
    }

    pub(crate) fn was_told(&self, words: &str) -> bool {
        self.told.lock().expect("no panic").iter().any(|text| text.contains(words))
    }
}

impl RunningShow for FakeShow {
    fn name(&self) -> String {
        "show.cfg".to_owned()
    }

    fn plan(&self) -> Arc<Plan> {
        self.plan.lock().expect("no panic").clone()
    }

    fn observe(&self) -> Box<dyn Values> {
        let (sender, frames) = channel();
        let known = self.known.lock().expect("no panic");
        if !known.is_empty() {
            let changes = known.clone();
            let frame = Frame { plan: self.plan(), changes, held_back: Vec::new(), has_more: false };
            sender.send(frame).expect("a receiver");
        }
        self.observers.lock().expect("no panic").push(sender);
        self.observations.fetch_add(1, Ordering::Relaxed);
        Box::new(Frames { frames: Mutex::new(frames), observations: self.observations.clone() })
    }

    fn report_status(&self) -> Option<StatusSnapshot> {
        if !self.answers.load(Ordering::Relaxed) {
            return None;
        }
        let now = crosspatch_core::Instant::from_micros(90_000_000);
        let since = crosspatch_core::Instant::from_micros(30_000_000);
        let mut status = Status::default();
        status.add("10.0.0.5:80", "console", Condition::Waiting { reason: "refused".to_owned(), since });
        let instances = vec![("tablet".into(), Status::default()), ("desk".into(), status)];
        Some(StatusSnapshot { now, instances })
    }

    fn set_value(&self, channel: &str, value: Value) -> bool {
        self.sent.lock().expect("no panic").push((channel.to_owned(), value));
        true
    }

    fn lines(&self, _: &Plan) -> Option<Arc<dyn MappingLines>> {
        Some(Arc::new(Lines(self.lines.lock().expect("no panic").clone())))
    }

    fn started(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)
    }

    fn tell(&self, _: Severity, text: &str) {
        self.told.lock().expect("no panic").push(text.to_owned());
    }
}

struct Frames {
    frames: Mutex<Receiver<Frame>>,
    observations: Arc<AtomicUsize>,
}

impl Values for Frames {
    fn try_next_frame(&self) -> Option<Frame> {
        self.frames.lock().expect("no panic").try_recv().ok()
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.observations.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Lines(Arc<WrittenMappings>);

impl MappingLines for Lines {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn text(&self, number: usize) -> &str {
        self.0.text(number)
    }

    fn place(&self, number: usize) -> (Cow<'_, str>, usize) {
        let (file, line) = self.0.place(number);
        (file.to_string_lossy(), line)
    }

    fn mappings(&self, number: usize) -> &[(ChannelKey, ChannelKey)] {
        self.0.mappings(number)
    }
}

/// A running page.
pub(crate) struct Page {
    pub(crate) show: Arc<FakeShow>,
    pub(crate) board: Board,
    pub(crate) address: SocketAddr,
    server: Option<WebServer>,
}

/// Settings without a password, on any port.
pub(crate) fn settings() -> ServerSettings {
    ServerSettings {
        listen: "127.0.0.1:0".parse().expect("an address"),
        any_port: true,
        password: None,
        view_password: None,
        allowed_hosts: vec!["show.example".to_owned()],
        host_name: Some("foh".to_owned()),
    }
}

impl Page {
    /// A page without a password.
    pub(crate) fn start() -> Self {
        Self::start_with(settings())
    }

    /// A page with the passwords `operate me` and `look at me`.
    pub(crate) fn start_locked() -> Self {
        let password = |text| Some(Password::new(text));
        Self::start_with(ServerSettings {
            password: password("operate me"),
            view_password: password("look at me"),
            ..settings()
        })
    }

    pub(crate) fn start_with(settings: ServerSettings) -> Self {
        Self::start_on(Board::default(), settings)
    }

    /// A page that has been there before.
    pub(crate) fn start_on(board: Board, settings: ServerSettings) -> Self {
        let show = Arc::new(FakeShow::new());
        let server = WebServer::start(settings, show.clone(), board.clone()).expect("a thread");
        let mut address = None;
        until("the page listens", || {
            let told = show.told.lock().expect("no panic");
            let link =
                told.iter().find_map(|text| text.strip_prefix("the page is at http://")?.strip_suffix('/'));
            address = link.and_then(|link| link.parse().ok());
            address.is_some()
        });
        Self { show, board, address: address.expect("an address"), server: Some(server) }
    }

    pub(crate) fn request<'p>(&'p self, method: &'p str, path: &'p str) -> Request<'p> {
        Request {
            page: self,
            method,
            path,
            host: Some(self.address.to_string()),
            headers: String::new(),
            body: None,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    /// Logs in, and returns the cookie.
    pub(crate) fn log_in(&self, password: &str) -> String {
        let answer =
            self.request("POST", "/api/v1/session").json(&format!(r#"{{"password": "{password}"}}"#)).send();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let cookie = answer.header("set-cookie").expect("a cookie");
        cookie.split(';').next().expect("a pair").to_owned()
    }

    /// The origin of the page.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Opens a WebSocket with further headers. The error is the status of the answer.
    pub(crate) fn socket(&self, headers: &[(&str, &str)]) -> Result<WebSocket<TcpStream>, u16> {
        use tungstenite::client::IntoClientRequest;
        let mut request =
            format!("ws://{}/api/v1/events", self.address).into_client_request().expect("a request");
        for (name, value) in headers {
            let name: tungstenite::http::HeaderName = name.parse().expect("a name");
            request.headers_mut().insert(name, value.parse().expect("a value"));
        }
        let stream = TcpStream::connect(self.address).expect("a page");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                Err(answer.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Ends the page.
    pub(crate) fn stop(&mut self) {
        self.server = None;
    }
}

/// The next message of a type.
pub(crate) fn next(socket: &mut WebSocket<TcpStream>, kind: &str) -> serde_json::Value {
    loop {
        let message = socket.read().expect("a message");
        if let tungstenite::Message::Text(text) = message {
            let message: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            if message["type"] == kind {
                return message;
            }
        }
    }
}

/// Asks again and again, until the answer is yes.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A request to be sent.
pub(crate) struct Request<'p> {
    page: &'p Page,
    method: &'p str,
    path: &'p str,
    host: Option<String>,
    headers: String,
    body: Option<Vec<u8>>,
}

impl Request<'_> {
    pub(crate) fn host(mut self, host: Option<&str>) -> Self {
        self.host = host.map(str::to_owned);
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    pub(crate) fn json(self, body: &str) -> Self {
        self.header("content-type", "application/json").body(body.as_bytes())
    }

    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = Some(body.to_vec());
        self
    }

    pub(crate) fn send(self) -> Answer {
        let mut stream = TcpStream::connect(self.page.address).expect("a page");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let host = self.host.map_or(String::new(), |host| format!("host: {host}\r\n"));
        let len =
            self.body.as_ref().map_or(String::new(), |body| format!("content-length: {}\r\n", body.len()));
        let head = format!(
            "{} {} HTTP/1.1\r\n{host}connection: close\r\n{}{len}\r\n",
            self.method, self.path, self.headers
        );
        // The page may answer and close before everything is written.
        let _ = stream.write_all(&[head.as_bytes(), &self.body.unwrap_or_default()].concat());
        Answer::read(stream)
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of a header");
        let head = String::from_utf8(bytes[..end].to_vec()).expect("a header of text");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
        let pairs = lines.filter_map(|line| line.split_once(": "));
        let headers = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Self { status, headers, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.text());
        serde_json::from_slice(&self.body).expect("JSON")
    }
}
