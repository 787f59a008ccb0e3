//! How long a fader takes from an OSC controller to a console and back, beside a bare forwarder in the same run.
//!
//! `cargo bench -p crosspatch --bench fader`. The console is a stub in this process, so that both ends read one clock. The
//! bare forwarder only receives a datagram and sends a WebSocket message: nothing that does the job can be faster.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rosc::{OscMessage, OscPacket, OscType};
use tungstenite::{Message, WebSocket};

const ROUNDS: usize = 500;

/// Longer than the interval between two moves of one fader, so that every move is a first one.
const PAUSE: Duration = Duration::from_millis(30);

fn main() {
    let (bare, ours, back) = (bare(), forth(), back());
    let ratio = |at: usize| ours[at].as_secs_f64() / bare[at].as_secs_f64();
    report("bare: datagram to WebSocket", &bare);
    report("crosspatch: OSC to the console", &ours);
    report("crosspatch: the console's change to OSC, interval 0", &back);
    let line = format!(
        "ratio to the bare forwarder: median {:.2}, 99th {:.2}\n",
        ratio(ROUNDS / 2),
        ratio(ROUNDS * 99 / 100)
    );
    write(&line);
}

fn report(what: &str, sorted: &[Duration]) {
    let (median, high) = (sorted[sorted.len() / 2], sorted[sorted.len() * 99 / 100]);
    write(&format!("{what}: median {median:?}, 99th percentile {high:?}\n"));
}

fn write(text: &str) {
    use std::io::Write as _;
    // Whoever does not read the figures does not want them.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Sends a move, waits until the console has it, and does so again.
fn moves(socket: &UdpSocket, to: SocketAddr, arrived: &Receiver<Instant>) -> Vec<Duration> {
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        std::thread::sleep(PAUSE);
        while arrived.try_recv().is_ok() {}
        let start = Instant::now();
        let value = 0.1 + 0.8 * ((round * 7) % 100) as f32 / 100.0;
        socket.send_to(&osc("/fader", value), to).expect("a datagram sent");
        let end = arrived.recv_timeout(Duration::from_secs(5)).expect("the console hears of it");
        times.push(end - start);
    }
    times.sort_unstable();
    times
}

fn bare() -> Vec<Duration> {
    let input = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let at = input.local_addr().expect("an address");
    let console = Console::start();
    let stream = TcpStream::connect(console.address).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let (mut socket, _) = tungstenite::client("ws://127.0.0.1/?ma=1", stream).expect("an upgrade");
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while input.recv(&mut buffer).is_ok() {
            let text = r#"{"requestType":"playbacks_userInput","execIndex":0,"pageIndex":0,"faderValue":0.5,"type":1,"session":1}"#;
            if socket.send(Message::text(text)).is_err() {
                return;
            }
        }
    });
    moves(&UdpSocket::bind("127.0.0.1:0").expect("a socket"), at, &console.moves)
}

fn forth() -> Vec<Duration> {
    let console = Console::start();
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let show = Show::start(&console, &socket, "");
    moves(&socket, show.input, &console.moves)
}

/// The console changes a level, and the controller hears of it.
fn back() -> Vec<Duration> {
    let console = Console::start();
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let _show = Show::start(&console, &socket, "[backend maweb]\ninterval = 0\n");
    let mut times = Vec::new();
    let mut buffer = [0; 64];
    for round in 0..ROUNDS {
        std::thread::sleep(PAUSE);
        let level = ((round * 7) % 100 + 1) as f32 / 128.0;
        let expected = osc("/level", level);
        let start = Instant::now();
        *console.level.lock().unwrap_or_else(PoisonError::into_inner) = level;
        while buffer[..expected.len()] != expected {
            socket.recv(&mut buffer).expect("the change arrives");
        }
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times
}

/// The program with a show of two mappings.
struct Show {
    input: SocketAddr,
    child: Child,
    folder: tempfile::TempDir,
}

impl Show {
    fn start(console: &Console, controller: &UdpSocket, globals: &str) -> Self {
        let input =
            UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
        let answer = controller.local_addr().expect("an address").port();
        let configuration = format!(
            "{globals}[osc tablet]\nbind = 127.0.0.1 {}\ndestination = 127.0.0.1 {answer}\n/* = f 0 1\n\
             [maweb desk]\nhost = 127.0.0.1 {}\n[map]\n\
             tablet./fader > desk.page1.fader1\ndesk.page1.fader2 > tablet./level\n",
            input.port(),
            console.address.port()
        );
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("show.cfg");
        std::fs::write(&file, configuration).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_crosspatch"));
        command.arg("run").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("the program starts");
        controller.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
        // The first answer of the console always comes through.
        controller.recv(&mut [0; 64]).expect("the show runs");
        Self { input, child, folder }
    }
}

impl Drop for Show {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        debug_assert!(self.folder.path().exists());
    }
}

/// A console with two faders: it notes when the first is moved, and shows the level of the second.
struct Console {
    address: SocketAddr,
    moves: Receiver<Instant>,
    level: Arc<Mutex<f32>>,
}

impl Console {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (moved, moves) = channel();
        let level = Arc::new(Mutex::new(0.0));
        let shown = level.clone();
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client");
            stream.set_nodelay(true).expect("no delay");
            let socket = tungstenite::accept(stream).expect("an upgrade");
            // It ends when the client goes.
            let _ = converse(socket, &moved, &shown);
        });
        Self { address, moves, level }
    }
}

fn converse(
    mut socket: WebSocket<TcpStream>,
    moved: &Sender<Instant>,
    level: &Mutex<f32>,
) -> tungstenite::Result<()> {
    socket.send(Message::text(r#"{"status":"server ready", "appType":"gma2"}"#))?;
    loop {
        let Message::Text(request) = socket.read()? else { continue };
        let answer = if request.contains("faderValue") {
            // Nobody listens any more when the bench is over.
            let _ = moved.send(Instant::now());
            r#"{"realtime":false,"worldIndex":0}"#.to_owned()
        } else if request.contains("\"login\"") {
            r#"{"realtime":false,"responseType":"login","result":true,"worldIndex":0}"#.to_owned()
        } else if request.contains("\"playbacks\"") {
            let level = *level.lock().unwrap_or_else(PoisonError::into_inner);
            format!(
                r#"{{"realtime":false,"responseType":"playbacks","responseSubType":2,"iPage":1,"itemGroups":[{{"itemsType":2,"cntPages":10000,"items":[[{},{}]]}}],"worldIndex":0}}"#,
                executor(0, 0.0),
                executor(1, level)
            )
        } else {
            r#"{"realtime":false,"session":1,"forceLogin":true,"worldIndex":0}"#.to_owned()
        };
        socket.send(Message::text(answer))?;
    }
}

fn executor(index: u32, level: f32) -> String {
    format!(
        r##"{{"i":{{"t":"{}","c":"#C0C0C0"}},"tt":{{"t":"Fader"}},"combinedItems":1,"iExec":{index},"isRun":0,"executorBlocks":[{{"fader":{{"v":{level},"min":0.000,"max":1.000}}}}]}}"##,
        index + 1
    )
}

/// An OSC message with one float.
fn osc(path: &str, value: f32) -> Vec<u8> {
    let message = OscMessage { addr: path.to_owned(), args: vec![OscType::Float(value)] };
    rosc::encoder::encode(&OscPacket::Message(message)).expect("a message")
}
