//! Helper threads for what may take long: looking a name up, and finding out who has a port.
//!
//! There are few of them, they start when there is work, and equal questions are asked once. A name that never resolves
//! keeps one thread busy, whoever asks for it how often; nothing else waits for it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use mio::{Token, Waker};

use crate::occupant::{self, Transport};

/// How many threads there are at most.
const THREADS: usize = 8;

/// Looks up a name.
pub(crate) type LookUp = Arc<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync>;

/// A question for a helper.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Question {
    /// The addresses of a name.
    Name(Arc<str>),
    /// The program that has a port.
    Occupant(Transport, u16),
}

/// What a helper found out.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The addresses of a name; none if it is unknown.
    Addresses(Arc<[IpAddr]>),
    /// The program that has a port, if it can be told.
    Occupant(Option<Arc<str>>),
}

/// The helpers, as the loop sees them.
pub(crate) struct Helpers {
    shared: Arc<Shared>,
    look_up: LookUp,
    askers: BTreeMap<Question, Vec<Token>>,
    threads: usize,
}

struct Shared {
    waker: Arc<Waker>,
    desk: Mutex<Desk>,
    work: Condvar,
}

#[derive(Default)]
struct Desk {
    questions: VecDeque<Question>,
    answers: Vec<(Question, Answer)>,
    idle: usize,
    is_closed: bool,
}

impl Helpers {
    pub(crate) fn new(waker: Arc<Waker>) -> Self {
        let shared = Shared { waker, desk: Mutex::default(), work: Condvar::new() };
        Self {
            shared: Arc::new(shared),
            look_up: Arc::new(ask_the_system),
            askers: BTreeMap::new(),
            threads: 0,
        }
    }

    pub(crate) fn look_up_with(&mut self, look_up: LookUp) {
        self.look_up = look_up;
    }

    /// Asks for somebody; `false` if there is no thread to be had at all.
    pub(crate) fn ask(&mut self, question: Question, asker: Token) -> bool {
        if let Some(askers) = self.askers.get_mut(&question) {
            askers.push(asker);
            return true;
        }
        self.askers.insert(question.clone(), vec![asker]);
        let mut desk = self.shared.lock();
        desk.questions.push_back(question.clone());
        if desk.idle < desk.questions.len() && self.threads < THREADS {
            let (shared, look_up) = (self.shared.clone(), self.look_up.clone());
            let thread = std::thread::Builder::new().name("look-up".into());
            match thread.spawn(move || help(&shared, &look_up)) {
                Ok(_) => self.threads += 1,
                Err(_) if self.threads == 0 => {
                    desk.questions.clear();
                    self.askers.remove(&question);
                    return false;
                }
                Err(_) => {}
            }
        }
        self.shared.work.notify_one();
        true
    }

    /// Somebody does not want to know any more. What no thread has begun yet is not asked then.
    pub(crate) fn forget(&mut self, asker: Token) {
        let mut desk = self.shared.lock();
        self.askers.retain(|question, askers| {
            askers.retain(|token| *token != asker);
            let waiting = desk.questions.iter().position(|waiting| waiting == question);
            match waiting {
                Some(at) if askers.is_empty() => {
                    desk.questions.remove(at);
                    false
                }
                Some(_) | None => true,
            }
        });
    }

    /// What was found out since the last call, for each who asked.
    pub(crate) fn answers(&mut self) -> Vec<(Token, Answer)> {
        let answers = std::mem::take(&mut self.shared.lock().answers);
        let each = answers.into_iter().flat_map(|(question, answer)| {
            let askers = self.askers.remove(&question).unwrap_or_default();
            askers.into_iter().map(move |asker| (asker, answer.clone()))
        });
        each.collect()
    }
}

impl fmt::Debug for Helpers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Helpers").field("threads", &self.threads).finish_non_exhaustive()
    }
}

/// Threads without work end; one that waits for the system ends when that has answered, and nobody waits for it.
impl Drop for Helpers {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.work.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        // Nothing panics while it holds the lock.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A helper's life.
fn help(shared: &Shared, look_up: &LookUp) {
    let mut desk = shared.lock();
    while !desk.is_closed {
        let Some(question) = desk.questions.pop_front() else {
            desk.idle += 1;
            desk = shared.work.wait(desk).unwrap_or_else(PoisonError::into_inner);
            desk.idle -= 1;
            continue;
        };
        drop(desk);
        let answer = match &question {
            Question::Name(name) => Answer::Addresses(look_up(name).unwrap_or_default().into()),
            Question::Occupant(transport, port) => {
                Answer::Occupant(occupant::of(*transport, *port).map(Arc::from))
            }
        };
        desk = shared.lock();
        desk.answers.push((question, answer));
        // A waker that fails says that the loop has ended.
        let _: io::Result<()> = shared.waker.wake();
    }
}

fn ask_the_system(name: &str) -> io::Result<Vec<IpAddr>> {
    let mut found: Vec<IpAddr> = Vec::new();
    for address in (name, 0).to_socket_addrs()? {
        if !found.contains(&address.ip()) {
            found.push(address.ip());
        }
    }
    Ok(found)
}
