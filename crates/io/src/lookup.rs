//! Helper threads for lookups that may take long: resolving a name, and finding the owner of a port.
//!
//! Each lookup has its own thread, and equal lookups are merged. So no lookup waits for a name that never resolves. A
//! lookup queues only if as many lookups hang as there may be threads. Even then, names in the hosts file and the owner
//! of a port are found.
//!
//! Names are resolved by the system's resolver, so that they mean the same as in every other program. A non-blocking
//! library would need its own runtime and supports neither the system's name services nor its mDNS.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mio::{Token, Waker};

use crate::hosts;
use crate::port_owner::{self, Transport};

/// How many threads there are at most.
const THREADS: usize = 64;

/// A failed lookup is cached for as long as it took, but not longer than this.
const LONGEST_FAILURE: Duration = Duration::from_secs(10);

/// Looks up a name.
pub(crate) type LookUp = Arc<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync>;

/// A question for a helper thread.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LookupRequest {
    /// The addresses of a name.
    Name(Arc<str>),
    /// The program that has a port.
    PortOwner(Transport, u16),
}

/// The answer of a helper thread.
#[derive(Clone, Debug)]
pub(crate) enum LookupAnswer {
    /// The addresses of a name; none if it is unknown.
    Addresses(Arc<[IpAddr]>),
    /// The program that has a port, if it can be determined.
    PortOwner(Option<Arc<str>>),
}

/// The helper threads, as the loop sees them.
pub(crate) struct LookupHelpers {
    shared: Arc<SharedLookups>,
    look_up: LookUp,
    askers: BTreeMap<LookupRequest, Vec<Token>>,
}

struct SharedLookups {
    waker: Arc<Waker>,
    desk: Mutex<LookupState>,
}

#[derive(Default)]
struct LookupState {
    /// Questions that found no thread.
    queue: VecDeque<LookupRequest>,
    /// New questions among them, which no thread has seen.
    fresh: VecDeque<LookupRequest>,
    answers: Vec<(LookupRequest, LookupAnswer)>,
    failures: Failures,
    threads: usize,
    /// Whether a thread is examining the new ones.
    is_sorting: bool,
}

impl LookupHelpers {
    pub(crate) fn new(waker: Arc<Waker>) -> Self {
        let shared = SharedLookups { waker, desk: Mutex::default() };
        Self { shared: Arc::new(shared), look_up: Arc::new(ask_the_system), askers: BTreeMap::new() }
    }

    pub(crate) fn look_up_with(&mut self, look_up: LookUp) {
        self.look_up = look_up;
    }

    /// Asks a question for a socket. Returns false if no thread could be started.
    pub(crate) fn ask(&mut self, question: LookupRequest, asker: Token) -> bool {
        if let Some(askers) = self.askers.get_mut(&question) {
            askers.push(asker);
            return true;
        }
        let mut desk = self.shared.lock();
        if let LookupRequest::Name(name) = &question
            && desk.failures.contains(name, Instant::now())
        {
            self.askers.insert(question.clone(), vec![asker]);
            self.shared.answer(&mut desk, question, LookupAnswer::Addresses(Arc::default()));
            return true;
        }
        if desk.threads < THREADS {
            let (shared, look_up, first) = (self.shared.clone(), self.look_up.clone(), question.clone());
            if spawn(move || shared.work(&look_up, first)) {
                desk.threads += 1;
                self.askers.insert(question, vec![asker]);
                return true;
            }
        }
        if desk.threads == 0 {
            return false;
        }
        desk.fresh.push_back(question.clone());
        if !desk.is_sorting {
            let shared = self.shared.clone();
            desk.is_sorting = spawn(move || shared.sort());
        }
        self.askers.insert(question, vec![asker]);
        true
    }

    /// Withdraws a lookup. It is skipped if no thread has begun with it.
    pub(crate) fn forget(&mut self, asker: Token) {
        let mut desk = self.shared.lock();
        self.askers.retain(|question, askers| {
            askers.retain(|token| *token != asker);
            !(askers.is_empty() && desk.withdraw(question))
        });
    }

    /// The results since the last call, for each port that requested them.
    pub(crate) fn answers(&mut self) -> Vec<(Token, LookupAnswer)> {
        let answers = std::mem::take(&mut self.shared.lock().answers);
        let each = answers.into_iter().flat_map(|(question, answer)| {
            let askers = self.askers.remove(&question).unwrap_or_default();
            askers.into_iter().map(move |asker| (asker, answer.clone()))
        });
        each.collect()
    }
}

impl fmt::Debug for LookupHelpers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Helpers").field("threads", &self.shared.lock().threads).finish_non_exhaustive()
    }
}

/// A thread that waits for the system ends when that has answered. Nothing waits for the thread.
impl Drop for LookupHelpers {
    fn drop(&mut self) {
        let mut desk = self.shared.lock();
        desk.queue.clear();
        desk.fresh.clear();
    }
}

impl SharedLookups {
    fn lock(&self) -> MutexGuard<'_, LookupState> {
        // Nothing panics while it holds the lock.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, desk: &mut LookupState, question: LookupRequest, answer: LookupAnswer) {
        desk.answers.push((question, answer));
        // A waker that fails means that the loop has ended.
        let _: io::Result<()> = self.waker.wake();
    }

    /// Runs a thread: the first lookup, then the queued ones.
    fn work(&self, look_up: &LookUp, first: LookupRequest) {
        let mut next = Some(first);
        while let Some(question) = next {
            let start = Instant::now();
            let answer = match &question {
                LookupRequest::Name(name) => {
                    LookupAnswer::Addresses(look_up(name).unwrap_or_default().into())
                }
                LookupRequest::PortOwner(transport, port) => find_port_owner(*transport, *port),
            };
            let now = Instant::now();
            let mut desk = self.lock();
            if let (LookupRequest::Name(name), LookupAnswer::Addresses(found)) = (&question, &answer)
                && found.is_empty()
            {
                desk.failures.insert(name.clone(), now - start, now);
            }
            self.answer(&mut desk, question, answer);
            next = desk.queue.pop_front().or_else(|| desk.fresh.pop_front());
            if next.is_none() {
                desk.threads -= 1;
            }
        }
    }

    /// Answers the lookups that need no query to the system. The others continue to wait.
    fn sort(&self) {
        loop {
            let mut desk = self.lock();
            let Some(question) = desk.fresh.pop_front() else {
                desk.is_sorting = false;
                return;
            };
            drop(desk);
            let answer = match &question {
                LookupRequest::Name(name) => LookupAnswer::Addresses(hosts::find(name).into()),
                LookupRequest::PortOwner(transport, port) => find_port_owner(*transport, *port),
            };
            let mut desk = self.lock();
            match &answer {
                LookupAnswer::Addresses(found) if found.is_empty() => desk.queue.push_back(question),
                LookupAnswer::Addresses(_) | LookupAnswer::PortOwner(_) => {
                    self.answer(&mut desk, question, answer)
                }
            }
        }
    }
}

impl LookupState {
    /// Takes a question back; `false` if a thread has it.
    fn withdraw(&mut self, question: &LookupRequest) -> bool {
        let before = self.queue.len() + self.fresh.len();
        self.queue.retain(|waiting| waiting != question);
        self.fresh.retain(|waiting| waiting != question);
        self.queue.len() + self.fresh.len() < before
    }
}

/// Names that were not found lately, and until when that counts.
#[derive(Debug, Default)]
struct Failures(BTreeMap<Arc<str>, Instant>);

impl Failures {
    fn insert(&mut self, name: Arc<str>, took: Duration, now: Instant) {
        self.0.retain(|_, until| *until > now);
        self.0.insert(name, now + took.min(LONGEST_FAILURE));
    }

    fn contains(&self, name: &str, now: Instant) -> bool {
        self.0.get(name).is_some_and(|until| *until > now)
    }
}

/// Starts a thread, if the system has one.
fn spawn(work: impl FnOnce() + Send + 'static) -> bool {
    std::thread::Builder::new().name("look-up".into()).spawn(work).is_ok()
}

fn find_port_owner(transport: Transport, port: u16) -> LookupAnswer {
    LookupAnswer::PortOwner(port_owner::of(transport, port).map(Arc::from))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_was_not_found_is_known_as_such_for_as_long_as_that_took() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut failures = Failures::default();
        failures.insert("a".into(), second, start);
        assert!(failures.contains("a", start + second / 2));
        assert!(!failures.contains("a", start + second));
        assert!(!failures.contains("b", start));
        failures.insert("b".into(), second * 3600, start + second);
        assert!(failures.contains("b", start + second + LONGEST_FAILURE / 2));
        assert!(!failures.contains("b", start + second + LONGEST_FAILURE));
        assert_eq!(failures.0.len(), 1);
    }
}
