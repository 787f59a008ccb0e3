//! A WebSocket: sends what is new, and receives nothing but what the page looks at.
//!
//! The protocol is that of `tungstenite`, between two buffers in memory. The bytes are read and written here, so that writing can
//! wait for a slow browser without holding anything up.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crosspatch_core::{Direction, InstanceId, Slot};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use crate::answer::ValueJson;
use crate::auth::Token;
use crate::live::{Live, lock};
use crate::show::ChannelKey;
use crate::site::WebSite;

/// The most channels that a page may look at.
const MAX_INTEREST: usize = 2000;

/// The largest message of a browser, in bytes.
const MAX_MESSAGE: usize = 64 * 1024;

/// A browser that sends more messages a second is cut off.
const MAX_MESSAGES: u32 = 100;

/// The time after which a silent browser is asked whether it is there, and after which it is given up.
const PING: Duration = Duration::from_secs(20);
const GONE: Duration = Duration::from_secs(60);

/// How long the end of a session may go unnoticed while nothing else happens.
const CHECK: Duration = Duration::from_secs(1);

/// Serves a WebSocket until it ends.
pub(crate) async fn serve(site: &Arc<WebSite>, stream: impl AsyncRead + AsyncWrite, token: Option<Token>) {
    let _attendance = site.live.attend();
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
        .read_buffer_size(4096)
        .write_buffer_size(0);
    let protocol = WebSocket::from_raw_socket(Pipe::default(), Role::Server, Some(config));
    let mut browser = PageSocket {
        protocol,
        sent: Sent { plan: site.show.plan().number(), frame: 0, notice: site.notices().last(), instances: 0 },
        interest: Vec::new(),
        token,
        is_locked: site.board.is_locked(),
    };
    // A connection that breaks needs no explanation: the browser connects again.
    let _ = browser.run(site, stream).await;
}

/// What the browser knows.
struct Sent {
    plan: u64,
    frame: u64,
    notice: u64,
    instances: u64,
}

struct PageSocket {
    protocol: WebSocket<Pipe>,
    sent: Sent,
    interest: Vec<ChannelKey>,
    /// The session that must not end.
    token: Option<Token>,
    is_locked: bool,
}

impl PageSocket {
    async fn run(&mut self, site: &Arc<WebSite>, stream: impl AsyncRead + AsyncWrite) -> io::Result<()> {
        let (mut input, mut output) = tokio::io::split(Box::pin(stream));
        let mut news = site.live.news.subscribe();
        let mut buffer = vec![0; 4096];
        let hello = serde_json::json!({ "type": "hello", "plan": self.sent.plan, "locked": self.is_locked });
        self.send(&hello.to_string())?;
        self.send_news(site)?;
        let (mut heard, mut asked) = (Instant::now(), Instant::now());
        let (mut second, mut messages) = (Instant::now(), 0);
        loop {
            let pending = std::mem::take(&mut self.protocol.get_mut().output);
            output.write_all(&pending).await?;
            if !self.protocol.can_write() {
                return Ok(());
            }
            tokio::select! {
                read = input.read(&mut buffer) => {
                    let len = read?;
                    if len == 0 {
                        return Ok(());
                    }
                    heard = Instant::now();
                    if second.elapsed() > Duration::from_secs(1) {
                        (second, messages) = (heard, 0);
                    }
                    self.protocol.get_mut().input.extend_from_slice(&buffer[..len]);
                    messages += self.receive(site)?;
                    if messages > MAX_MESSAGES {
                        return Ok(());
                    }
                }
                changed = news.changed() => {
                    changed.map_err(io::Error::other)?;
                    let began = Instant::now();
                    self.send_news(site)?;
                    site.live.spend(began.elapsed());
                }
                () = tokio::time::sleep(CHECK) => {}
            }
            if heard.elapsed() > GONE || !self.may_look(site) {
                return Ok(());
            }
            if heard.elapsed() > PING && asked.elapsed() > PING {
                asked = Instant::now();
                self.protocol.send(Message::Ping(Default::default())).map_err(broken)?;
            }
        }
    }

    /// Whether the session of the browser goes on.
    fn may_look(&self, site: &WebSite) -> bool {
        self.token.is_none_or(|token| site.auth.sessions.role(&token).is_some())
    }

    /// Reads the messages that are complete. Returns how many there were.
    fn receive(&mut self, site: &Arc<WebSite>) -> io::Result<u32> {
        let mut messages = 0;
        loop {
            match self.protocol.read() {
                Ok(Message::Text(text)) => {
                    if self.take_interest(&text) {
                        self.send_news(site)?;
                    } else {
                        let reason = "expected {\"channels\": [[instance, slot], ...]}".into();
                        let frame = CloseFrame { code: CloseCode::Policy, reason };
                        self.protocol.close(Some(frame)).map_err(broken)?;
                    }
                }
                Ok(Message::Binary(_)) => {
                    let reason = "expected text".into();
                    let frame = CloseFrame { code: CloseCode::Unsupported, reason };
                    self.protocol.close(Some(frame)).map_err(broken)?;
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => {}
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Ok(messages),
                // The answer to a close is still to be written.
                Err(Error::ConnectionClosed) => return Ok(messages),
                Err(error) => return Err(broken(error)),
            }
            messages += 1;
        }
    }

    /// Reads what the page looks at. Returns false if the message means something else.
    fn take_interest(&mut self, text: &str) -> bool {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Interest {
            channels: Vec<(u32, u32)>,
        }
        let Ok(Interest { channels }) = serde_json::from_str(text) else { return false };
        if channels.len() > MAX_INTEREST {
            return false;
        }
        let channels: BTreeSet<_> =
            channels.into_iter().map(|(instance, slot)| (InstanceId(instance), Slot(slot))).collect();
        self.interest = channels.into_iter().collect();
        self.sent.frame = 0;
        true
    }

    fn send_news(&mut self, site: &WebSite) -> io::Result<()> {
        let plan = site.show.plan().number();
        if plan != self.sent.plan {
            self.sent = Sent { plan, frame: 0, ..self.sent };
            // The numbers of the channels belong to the plan before.
            self.interest.clear();
            self.send(&serde_json::json!({ "type": "plan", "plan": plan }).to_string())?;
        }
        if let Some(message) = self.values(&site.live) {
            self.send(&message)?;
        }
        let (last, notices) = match site.notices().last() == self.sent.notice {
            true => (self.sent.notice, Vec::new()),
            false => site.notices().after(self.sent.notice),
        };
        self.sent.notice = last;
        if !notices.is_empty() {
            self.send(&serde_json::json!({ "type": "notices", "notices": notices }).to_string())?;
        }
        let is_locked = site.board.is_locked();
        if is_locked != self.is_locked {
            self.is_locked = is_locked;
            self.send(&serde_json::json!({ "type": "lock", "locked": is_locked }).to_string())?;
        }
        let (version, instances) = lock(&site.live.instances).clone();
        if version != self.sent.instances {
            self.sent.instances = version;
            self.send(&instances)?;
        }
        Ok(())
    }

    /// The message about the values that the browser looks at and has not seen.
    fn values(&mut self, live: &Live) -> Option<String> {
        #[derive(Serialize)]
        struct Values<'v> {
            r#type: &'static str,
            plan: u64,
            changes: Vec<ChangeJson<'v>>,
            held: Vec<(u32, u32, u32, u32, &'v str)>,
        }
        let mirror = live.mirror();
        let (plan, frame) = mirror.position();
        if frame == self.sent.frame || plan != self.sent.plan {
            return None;
        }
        let (mut changes, mut held) = (Vec::new(), Vec::new());
        for &channel in &self.interest {
            let (instance, slot) = channel;
            for (direction, name) in [(Direction::Input, "in"), (Direction::Output, "out")] {
                let cell = mirror.cell(plan, channel, direction);
                let Some(cell) = cell.filter(|cell| cell.frame > self.sent.frame) else { continue };
                changes.push((instance.0, slot.0, name, ValueJson(&cell.value), cell.count, cell.at));
                if direction == Direction::Input {
                    let reasons = mirror.held_from(channel).iter();
                    held.extend(reasons.map(|((to, to_slot), reason)| {
                        (instance.0, slot.0, to.0, to_slot.0, reason.as_str())
                    }));
                }
            }
        }
        self.sent.frame = frame;
        if changes.is_empty() {
            return None;
        }
        serde_json::to_string(&Values { r#type: "values", plan, changes, held }).ok()
    }

    fn send(&mut self, message: &str) -> io::Result<()> {
        self.protocol.send(Message::text(message)).map_err(broken)
    }
}

fn broken(error: Error) -> io::Error {
    if let Error::Io(error) = error { error } else { io::Error::other(error) }
}

/// The numbers of a channel, its direction, its value, how many there were, and when the last one came.
type ChangeJson<'v> = (u32, u32, &'static str, ValueJson<'v>, u32, Option<u64>);

/// Both directions of a connection, in memory.
#[derive(Default)]
struct Pipe {
    input: Vec<u8>,
    output: Vec<u8>,
}

impl io::Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = buffer.len().min(self.input.len());
        buffer[..len].copy_from_slice(&self.input[..len]);
        self.input.drain(..len);
        Ok(len)
    }
}

impl io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
