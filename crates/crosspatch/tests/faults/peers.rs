//! Consoles that misbehave, one thread each, on a port of 127.0.0.1.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tungstenite::{Message, WebSocket};

const GREETING: &str = r#"{"status":"server ready", "appType":"gma2"}"#;

/// What is wrong with a console.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Accepts the connection and says nothing.
    Silent,
    /// Upgrades to WebSocket and says nothing.
    SilentAfterUpgrade,
    /// Answers the upgrade with this HTTP status and a page.
    Status(u16),
    /// Greets and never gives a session.
    NoSession,
    /// Closes in good order after the greeting.
    ClosesPolitely,
    /// Resets the connection at once.
    Resets,
    /// Closes in the middle of a frame.
    HalfFrame,
    /// Logs the client in, answers nothing any more, and keeps the connection.
    SilentAfterLogin,
    /// Logs the client in and never reads again.
    StopsReading,
    /// Refuses the user.
    BadLogin,
    /// Refuses a session with this number.
    NoMoreSessions(i64),
    /// After the greeting sends what no WebSocket peer may send.
    BadFrames,
    /// Greets and then sends JSON that lies.
    BadJson,
}

/// A console that misbehaves until it is dropped.
pub(crate) struct BadConsole {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl BadConsole {
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (connections, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (connections, is_over) = (connections.clone(), is_over.clone());
            move || {
                for stream in listener.incoming() {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    connections.fetch_add(1, Ordering::Relaxed);
                    let is_over = is_over.clone();
                    if let Ok(stream) = stream {
                        std::thread::spawn(move || serve(stream, manner, &is_over));
                    }
                }
            }
        });
        Self { address, connections, is_over, thread: Some(thread) }
    }

    /// How many connections it has seen.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for BadConsole {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // One more connection wakes the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Serves one connection; errors of the stream only mean that the client has gone.
fn serve(mut stream: TcpStream, manner: Manner, is_over: &AtomicBool) {
    match manner {
        Manner::Silent => hold(is_over),
        Manner::Resets => {
            let _ = Socket::from(stream).set_linger(Some(Duration::ZERO));
        }
        Manner::Status(status) => {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let page = "<html><body>It works!</body></html>";
            let answer = format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n\r\n{page}", page.len());
            let _ = stream.write_all(answer.as_bytes());
        }
        _ => {
            let Ok(socket) = tungstenite::accept(stream) else { return };
            let _ = converse(socket, manner, is_over);
        }
    }
}

fn converse(
    mut socket: WebSocket<TcpStream>,
    manner: Manner,
    is_over: &AtomicBool,
) -> tungstenite::Result<()> {
    if manner == Manner::SilentAfterUpgrade {
        hold(is_over);
        return Ok(());
    }
    socket.send(Message::text(GREETING))?;
    match manner {
        Manner::ClosesPolitely => {
            socket.close(None)?;
            return drain(&mut socket);
        }
        Manner::HalfFrame => {
            // A text frame that announces 1000 bytes.
            socket.get_mut().write_all(&[0x81, 126, 3, 232, b'{', b'"'])?;
            return Ok(());
        }
        Manner::BadFrames => {
            // An unknown opcode with a length of 2^63.
            socket.get_mut().write_all(&[0x8b, 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3])?;
            hold(is_over);
            return Ok(());
        }
        Manner::BadJson => {
            for lie in [
                &"[".repeat(60_000),
                r#"{"session":1e400}"#,
                r#"{"session":"one"}"#,
                "NaN",
                r#"{"responseType":7}"#,
            ] {
                socket.send(Message::text(lie))?;
            }
        }
        _ => {}
    }
    loop {
        let Message::Text(request) = socket.read()? else { continue };
        let answer = match manner {
            Manner::NoSession => r#"{"realtime":false,"worldIndex":0}"#.to_owned(),
            Manner::NoMoreSessions(number) => format!(r#"{{"realtime":false,"session":{number}}}"#),
            _ if request.contains("\"login\"") => {
                let result = manner != Manner::BadLogin;
                socket.send(Message::text(format!(
                    r#"{{"realtime":false,"responseType":"login","result":{result},"worldIndex":0}}"#
                )))?;
                if matches!(manner, Manner::StopsReading) {
                    hold(is_over);
                    return Ok(());
                }
                continue;
            }
            Manner::SilentAfterLogin if request.contains("requestType") => continue,
            _ => r#"{"realtime":false,"session":1,"forceLogin":true,"worldIndex":0}"#.to_owned(),
        };
        socket.send(Message::text(answer))?;
    }
}

fn drain(socket: &mut WebSocket<TcpStream>) -> tungstenite::Result<()> {
    loop {
        socket.read()?;
    }
}

fn hold(is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A host that does not answer: its backlog is full, so that the system drops every further attempt to connect.
pub(crate) struct FullBacklog {
    pub(crate) address: SocketAddr,
    _listener: Socket,
    _waiting: Vec<Socket>,
}

impl FullBacklog {
    pub(crate) fn start() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        listener.bind(&any.into()).expect("a free port");
        listener.listen(0).expect("a listener");
        let address = listener.local_addr().ok().and_then(|address| address.as_socket()).expect("an address");
        let waiting = (0..4).map(|_| {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            client.set_nonblocking(true).expect("a non-blocking socket");
            let _ = client.connect(&address.into());
            client
        });
        let waiting = waiting.collect();
        Self { address, _listener: listener, _waiting: waiting }
    }
}
