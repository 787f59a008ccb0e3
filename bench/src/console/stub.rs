//! Stubs of grandMA2 consoles: they answer polls as the captures of real consoles show, each in a thread of its own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use tungstenite::{Message, WebSocket};

/// Enough for a thread that reads and writes messages. There may be a thousand of them.
const STACK: usize = 256 << 10;

/// The messages that a console answers.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledges {
    /// Every message, moves of faders included.
    Everything,
    /// Only requests for data; not moves of faders.
    Requests,
}

/// A console of which the first fader is moved by its remote and the second at the console.
pub(crate) struct TestConsole {
    pub(crate) address: SocketAddr,
    /// When the first fader was moved.
    pub(crate) moves: Receiver<Instant>,
    /// The level of the second fader.
    pub(crate) level: Arc<Mutex<f32>>,
    polls: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl TestConsole {
    /// A console for one remote at a time.
    pub(crate) fn start(acknowledges: Acknowledges) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (moved, moves) = channel();
        let (level, polls) = (Arc::new(Mutex::new(0.0)), Arc::new(AtomicU64::new(0)));
        let is_over = Arc::new(AtomicBool::new(false));
        let mut conversation = Conversation {
            acknowledges,
            moved,
            level: level.clone(),
            polls: polls.clone(),
            answer: StubAnswer::default(),
        };
        let thread = std::thread::Builder::new().stack_size(STACK);
        let ends = is_over.clone();
        let serve = move || {
            while let Ok((stream, _)) = listener.accept()
                && !ends.load(Ordering::Relaxed)
            {
                // Without it the figures are those of the kernel's delay.
                let _ = stream.set_nodelay(true);
                if let Ok(socket) = tungstenite::accept(stream) {
                    // It ends when the client goes, which may come back.
                    let _ = conversation.serve(socket);
                }
            }
        };
        thread.spawn(serve).context("there is no room for the thread of a console")?;
        Ok(Self { address, moves, level, polls, is_over })
    }

    /// How many requests for executors were answered.
    pub(crate) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }
}

impl Drop for TestConsole {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for a remote.
        let _ = TcpStream::connect(self.address);
    }
}

/// What a console and its remote say to each other.
struct Conversation {
    acknowledges: Acknowledges,
    moved: Sender<Instant>,
    level: Arc<Mutex<f32>>,
    polls: Arc<AtomicU64>,
    answer: StubAnswer,
}

impl Conversation {
    fn serve(&mut self, mut socket: WebSocket<TcpStream>) -> tungstenite::Result<()> {
        socket.send(Message::text(r#"{"status":"server ready", "appType":"gma2"}"#))?;
        let (mut first, mut is_logged_in) = (0.0, false);
        loop {
            let Message::Text(request) = socket.read()? else { continue };
            let answer = if let Some(value) = field(&request, "\"faderValue\":") {
                first = value.parse().unwrap_or(first);
                // Where nobody is interested, nobody receives.
                let _ = self.moved.send(Instant::now());
                if self.acknowledges == Acknowledges::Requests {
                    continue;
                }
                Message::text(r#"{"realtime":false,"worldIndex":0}"#)
            } else if request.contains("\"login\"") {
                is_logged_in = true;
                Message::text(r#"{"realtime":false,"responseType":"login","result":true,"worldIndex":0}"#)
            } else if request.contains("\"playbacks\"") {
                self.polls.fetch_add(1, Ordering::Relaxed);
                let count = field(&request, "\"itemsCount\":[").and_then(|count| count.parse().ok());
                let level = *self.level.lock().unwrap_or_else(PoisonError::into_inner);
                self.answer.of(count.unwrap_or(5), [first, level])
            } else {
                let force = !is_logged_in;
                Message::text(format!(
                    r#"{{"realtime":false,"session":1,"forceLogin":{force},"worldIndex":0}}"#
                ))
            };
            socket.send(answer)?;
        }
    }
}

/// The text after a key, up to the end of the value.
fn field<'a>(request: &'a str, key: &str) -> Option<&'a str> {
    request.split_once(key)?.1.split([',', '}', ']']).next()
}

/// The last answer to a request for executors, which is written again only if something has changed: the time of the stub is
/// not that of the program which is measured, but there may be a thousand stubs.
#[derive(Default)]
struct StubAnswer {
    about: (u32, [f32; 2]),
    message: Option<Message>,
}

impl StubAnswer {
    fn of(&mut self, count: u32, levels: [f32; 2]) -> Message {
        if self.about != (count, levels) {
            (self.about, self.message) = ((count, levels), None);
        }
        self.message.get_or_insert_with(|| Message::text(executors(count, levels))).clone()
    }
}

/// The answer with the first executors of a page, in groups of five. Two of them have these levels.
pub(crate) fn executors(count: u32, levels: [f32; 2]) -> String {
    let each = |index: u32| executor(index, levels.get(index as usize).copied().unwrap_or(0.5));
    let groups = (0..count).step_by(5).map(|start| {
        let group: Vec<_> = (start..(start + 5).min(count)).map(each).collect();
        format!("[{}]", group.join(","))
    });
    format!(
        r#"{{"realtime":false,"responseType":"playbacks","responseSubType":2,"iPage":1,"itemGroups":[{{"itemsType":2,"cntPages":10000,"items":[{}]}}],"worldIndex":0}}"#,
        groups.collect::<Vec<_>>().join(",")
    )
}

fn executor(index: u32, level: f32) -> String {
    let number = index + 1;
    let button = |id: u32, word: &str| {
        format!(
            r##""button{}":{{"id":{id},"t":"{word}","s":false,"c":"#FFFFFF","bdC":"#FF7F00","leftLED":{{}},"rightLED":{{}}}}"##,
            id + 1
        )
    };
    let (flash, go, top) = (button(0, "Flash"), button(1, "Go"), button(2, "Top"));
    let per_cent = level * 100.0;
    format!(
        r##"{{"i":{{"t":"{number}","c":"#C0C0C0"}},"oType":{{"t":"HT","c":"#FFFFFF"}},"oI":{{"t":"{number}","c":"#FFFFFF"}},"tt":{{"t":"Front wash {number}","c":"#FFFFFF"}},"bC":"#000000","bdC":"#FF7F00","cues":{{"bC":"#3F1F00","items":[{{"t":"    1 Preset","c":"#FFFFFF","pgs":{{}}}},{{"t":"    2 Walk in","c":"#FFFFFF","pgs":{{}}}}]}},"combinedItems":1,"iExec":{index},"isRun":0,"executorBlocks":[{{{flash},{go},"fader":{{"bdC":"#FF7F00","tt":"Mstr","v":{level},"vT":"{per_cent:02.0}%","min":0.000,"max":1.000}},{top}}}]}}"##
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_executors_are_an_answer_of_22_kilobytes_in_groups_of_five() {
        let text = executors(30, [0.0, 0.25]);
        assert!((21_500..22_500).contains(&text.len()), "{}", text.len());
        let answer: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let groups = answer["itemGroups"][0]["items"].as_array().expect("groups");
        assert!(groups.len() == 6 && groups.iter().all(|group| group.as_array().map(Vec::len) == Some(5)));
        assert_eq!(groups[0][1]["executorBlocks"][0]["fader"]["v"], 0.25);
    }
}
