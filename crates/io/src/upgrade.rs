//! The HTTP request and response before a WebSocket (RFC 6455, section 4), read leniently.
//!
//! Clients of consoles send requests without `Host` and `Origin` and with a constant key; consoles ignore the request's
//! path. So a server only requires the key, and ignores offers of extensions; a client requires status 101. Browsers
//! send the origin of the requesting page (section 10.2); pages that are not listed are refused.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;

use crosspatch_core::{Closed, Endpoint};
use mio::net::TcpStream;
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;

use crate::closed;

/// The longest head of a request or answer, and the most header lines in it.
const LONGEST: usize = 16 * 1024;
const MOST_LINES: usize = 128;

/// An upgrade that is under way.
pub(crate) struct Upgrade {
    pub(crate) stream: TcpStream,
    side: UpgradeRole,
    /// The web pages that may connect to us.
    origins: Arc<[Box<str>]>,
    head: Vec<u8>,
}

/// Our role in the handshake.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum UpgradeRole {
    /// The request was sent, and the response is pending.
    Client,
    /// We wait for the request.
    Server,
}

/// The progress of an upgrade.
pub(crate) enum Progress {
    Waiting,
    /// It is a WebSocket, and this was read already.
    Done(Vec<u8>),
    /// It has failed. A server has sent this to the peer.
    Refused(Closed),
}

/// The result of parsing a head.
#[derive(Debug, PartialEq, Eq)]
enum Head {
    Partial,
    /// Complete, with its length in bytes and, for a server, the answer.
    Good(usize, Vec<u8>),
    Bad(Closed, &'static str),
}

impl Upgrade {
    /// Sends a request.
    pub(crate) fn ask(mut stream: TcpStream, to: &Endpoint, path: &str) -> Result<Self, Closed> {
        let request = request(to, path, &generate_key());
        match stream.write(request.as_bytes()) {
            // The first bytes on a connection always fit, unless something is badly wrong with it.
            Ok(len) if len == request.len() => {
                Ok(Self { stream, side: UpgradeRole::Client, origins: Arc::default(), head: Vec::new() })
            }
            Ok(_) => Err(Closed::Reset),
            Err(error) => Err(closed::reason(&error)),
        }
    }

    /// Waits for a request, of one of these web pages if it is a browser's.
    pub(crate) fn expect(stream: TcpStream, origins: Arc<[Box<str>]>) -> Self {
        Self { stream, side: UpgradeRole::Server, origins, head: Vec::new() }
    }

    pub(crate) fn side(&self) -> UpgradeRole {
        self.side
    }

    /// The data read so far.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Reads on.
    pub(crate) fn advance(&mut self, chunk: &mut [u8]) -> Progress {
        loop {
            // Data after the head belongs to the WebSocket, so no more than a head is ever read.
            let room = chunk.len().min(LONGEST);
            match self.stream.read(&mut chunk[..room]) {
                Ok(0) => return Progress::Refused(self.ended()),
                Ok(len) => self.head.extend_from_slice(&chunk[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Progress::Waiting,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Progress::Refused(closed::reason(&error)),
            }
            let head = match self.side {
                UpgradeRole::Client => read_answer(&self.head),
                UpgradeRole::Server => read_request(&self.head, &self.origins),
            };
            match head {
                Head::Partial if self.head.len() > LONGEST => {
                    return self.refuse(Closed::NotWebSocket(0), TOO_LONG);
                }
                Head::Partial => {}
                Head::Bad(reason, answer) => return self.refuse(reason, answer),
                Head::Good(len, answer) => {
                    if self.stream.write(&answer).ok() != Some(answer.len()) && !answer.is_empty() {
                        return Progress::Refused(Closed::Reset);
                    }
                    return Progress::Done(self.head.split_off(len));
                }
            }
        }
    }

    fn refuse(&mut self, reason: Closed, answer: &str) -> Progress {
        if self.side == UpgradeRole::Server {
            // For a person whose browser has opened the wrong port. Nothing depends on it.
            let _: std::io::Result<usize> = self.stream.write(answer.as_bytes());
        }
        Progress::Refused(reason)
    }

    /// Why a peer that has closed was none.
    fn ended(&self) -> Closed {
        if self.head.is_empty() { Closed::ByPeer } else { Closed::NotWebSocket(0) }
    }
}

const TOO_LONG: &str =
    "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const NOT_HTTP: &str = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const FOREIGN_PAGE: &str = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const NO_UPGRADE: &str = "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: close\r\n\
    Content-Type: text/plain\r\nContent-Length: 33\r\n\r\nThis port only speaks WebSocket\r\n";

fn request(to: &Endpoint, path: &str, key: &str) -> String {
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut target = String::from(slash);
    for byte in path.bytes() {
        match byte {
            // Anything else would end the line or the request target.
            b'!'..=b'~' => target.push(char::from(byte)),
            _ => target.push_str(&format!("%{byte:02X}")),
        }
    }
    let host = to.to_string();
    let host = host.strip_suffix(":80").unwrap_or(&host);
    format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

fn read_answer(bytes: &[u8]) -> Head {
    let mut lines = [httparse::EMPTY_HEADER; MOST_LINES];
    let mut answer = httparse::Response::new(&mut lines);
    let mut lenient = httparse::ParserConfig::default();
    lenient
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true);
    match lenient.parse_response(&mut answer, bytes) {
        Ok(httparse::Status::Complete(len)) => match answer.code {
            Some(101) => Head::Good(len, Vec::new()),
            code => Head::Bad(Closed::NotWebSocket(code.unwrap_or(0)), ""),
        },
        Ok(httparse::Status::Partial) => Head::Partial,
        Err(_) => Head::Bad(Closed::NotWebSocket(0), ""),
    }
}

fn read_request(bytes: &[u8], origins: &[Box<str>]) -> Head {
    let mut lines = [httparse::EMPTY_HEADER; MOST_LINES];
    let mut request = httparse::Request::new(&mut lines);
    let mut lenient = httparse::ParserConfig::default();
    lenient.ignore_invalid_headers_in_requests(true).allow_multiple_spaces_in_request_line_delimiters(true);
    let len = match lenient.parse_request(&mut request, bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Head::Partial,
        Err(_) => return Head::Bad(Closed::NotWebSocket(0), NOT_HTTP),
    };
    let header = |name: &str| {
        request.headers.iter().find(|line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value)
    };
    let Some(key) = header("Sec-WebSocket-Key") else {
        return Head::Bad(Closed::NotWebSocket(0), NO_UPGRADE);
    };
    let is_welcome = |origin: &[u8]| {
        origins
            .iter()
            .any(|known| &**known == "*" || known.as_bytes().eq_ignore_ascii_case(origin.trim_ascii()))
    };
    if header("Origin").is_some_and(|origin| !is_welcome(origin)) {
        return Head::Bad(Closed::NotWebSocket(403), FOREIGN_PAGE);
    }
    let mut answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n",
        derive_accept_key(key.trim_ascii())
    );
    // Browsers that offer a subprotocol give up if none is chosen.
    let offered = header("Sec-WebSocket-Protocol").and_then(|value| value.split(|byte| *byte == b',').next());
    if let Some(protocol) = offered.and_then(|value| std::str::from_utf8(value.trim_ascii()).ok()) {
        answer.push_str(&format!("Sec-WebSocket-Protocol: {protocol}\r\n"));
    }
    answer.push_str("\r\n");
    Head::Good(len, answer.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_host_and_origin_is_answered() {
        let request = "GET /?ma=1 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\u{1}";
        let Head::Good(len, answer) = read_request(request.as_bytes(), &[]) else { panic!("it was refused") };
        assert_eq!(len, request.len() - 1);
        // The example of RFC 6455, section 1.3.
        let answer = String::from_utf8(answer).expect("text");
        assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
        assert!(!answer.contains("Sec-WebSocket-Protocol"));
    }

    #[test]
    fn every_part_of_a_head_waits_for_the_rest() {
        let request =
            "GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Protocol: one, two\r\n\r\n";
        for len in 0..request.len() {
            assert_eq!(read_request(&request.as_bytes()[..len], &[]), Head::Partial, "after {len} bytes");
        }
        let Head::Good(_, answer) = read_request(request.as_bytes(), &[]) else { panic!("it was refused") };
        assert!(String::from_utf8_lossy(&answer).contains("Sec-WebSocket-Protocol: one\r\n"));
        let answer = "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n";
        for len in 0..answer.len() {
            assert_eq!(read_answer(&answer.as_bytes()[..len]), Head::Partial, "after {len} bytes");
        }
        assert_eq!(read_answer(answer.as_bytes()), Head::Good(answer.len(), Vec::new()));
    }

    #[test]
    fn what_is_no_upgrade_is_told_by_its_status() {
        for (answer, status) in [
            ("HTTP/1.1 404 Not Found\r\n\r\n", 404),
            ("HTTP/1.0 301 Moved\r\nLocation: /x\r\n\r\n", 301),
            ("HTTP/1.1 500 \r\nBad Header: yes\r\n\r\n", 500),
            ("<html><body>hello</body></html>", 0),
            ("\u{0}\u{1}\u{2}", 0),
        ] {
            assert_eq!(
                read_answer(answer.as_bytes()),
                Head::Bad(Closed::NotWebSocket(status), ""),
                "{answer}"
            );
        }
    }

    #[test]
    fn a_browser_is_told_what_this_is() {
        let page = read_request(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", &[]);
        assert_eq!(page, Head::Bad(Closed::NotWebSocket(0), NO_UPGRADE));
        let (head, body) = NO_UPGRADE.split_once("\r\n\r\n").expect("a head and a body");
        assert!(
            head.contains(&format!("Content-Length: {}", body.len())),
            "the body has {} bytes",
            body.len()
        );
        assert_eq!(read_request(b"\x16\x03\x01\x02\x00", &[]), Head::Bad(Closed::NotWebSocket(0), NOT_HTTP));
    }

    #[test]
    fn a_page_connects_only_if_its_origin_is_allowed() {
        let is_let_in = |origin: &str, allowed: &[&str]| {
            let allowed: Vec<Box<str>> = allowed.iter().map(|origin| Box::from(*origin)).collect();
            let request = format!("GET / HTTP/1.1\r\norigin: {origin}\r\nSec-WebSocket-Key: x\r\n\r\n");
            match read_request(request.as_bytes(), &allowed) {
                Head::Good(..) => true,
                Head::Bad(Closed::NotWebSocket(403), FOREIGN_PAGE) => false,
                head @ (Head::Partial | Head::Bad(..)) => panic!("{head:?}"),
            }
        };
        let page = "http://10.0.0.9:3000";
        for (origin, allowed, expected) in [
            (page, &[][..], false),
            (page, &[page], true),
            ("HTTP://10.0.0.9:3000 ", &[page], true),
            (page, &["http://10.0.0.9"], false),
            ("http://10.0.0.9:3000.evil.example", &[page], false),
            ("null", &[page], false),
            ("null", &["null", page], true),
            ("", &[page], false),
            ("http://evil.example", &["*"], true),
        ] {
            assert_eq!(is_let_in(origin, allowed), expected, "{origin} with {allowed:?}");
        }
    }

    #[test]
    fn a_path_cannot_break_out_of_its_line() {
        let to = Endpoint::from("10.0.0.5:80".parse::<std::net::SocketAddr>().expect("an address"));
        let text = request(&to, "a b\r\nEvil: x", "k");
        assert!(text.starts_with("GET /a%20b%0D%0AEvil:%20x HTTP/1.1\r\nHost: 10.0.0.5\r\n"), "{text}");
    }
}
