//! Plays a recording again: the same events at the same times, through a fresh engine without a single socket.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::io::{self, BufRead};
use std::sync::Arc;

use crosspatch_core::{Closed, Engine, Instant, Notice, Peer, Plan, Port, Transition, Value};

use crate::observe::Observed;
use crate::record::{RecordedKind, RecordedLine};
use crate::runner::{NOTICES, Owner, Runner};

/// Why a recording cannot be played.
#[derive(Debug)]
pub enum ReplayError {
    /// It cannot be read.
    Io(io::Error),
    /// A line is invalid: its number, from 1, and the reason.
    Line(usize, String),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot read the recording: {error}"),
            Self::Line(number, what) => write!(f, "line {number} of the recording: {what}"),
        }
    }
}

impl std::error::Error for ReplayError {}

/// Plays a recording and returns one line for each event: the time and the [`Observed`](crate::Observed) event. The
/// same recording results in the same text.
///
/// `next_plan` is called wherever a plan was installed, with the running plan to build on. If it returns none, the
/// running plan remains.
///
/// # Errors
///
/// If the recording cannot be read or a line of it is invalid. A last line without an end is left out: the
/// recording was cut off there.
pub fn replay(
    recording: impl BufRead,
    next_plan: &mut dyn FnMut(&Plan) -> Option<Plan>,
) -> Result<String, ReplayError> {
    let mut transcript = String::new();
    let mut observer = |now: Instant, _: &Engine, observed: Observed<'_>| {
        writeln!(transcript, "{now} {observed}").expect("a string takes everything");
    };
    let mut runner = Runner::new(&mut observer, None);
    runner.trace(true);
    play(recording, next_plan, &mut runner)?;
    drop(runner);
    Ok(transcript)
}

fn play(
    mut recording: impl BufRead,
    next_plan: &mut dyn FnMut(&Plan) -> Option<Plan>,
    runner: &mut Runner<'_>,
) -> Result<(), ReplayError> {
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        recording.read_until(b'\n', &mut text).map_err(ReplayError::Io)?;
        if text.pop() != Some(b'\n') {
            break;
        }
        let bad = |what: String| ReplayError::Line(number, what);
        let line: RecordedLine<'_> = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        step(&line, next_plan, runner).map_err(|what| bad(what.to_owned()))?;
        take_effects(runner);
    }
    while runner.engine().is_unfinished() {
        runner.resume();
        take_effects(runner);
    }
    Ok(())
}

fn take_effects(runner: &mut Runner<'_>) {
    while runner.next_effect().is_some() {}
    runner.clear();
}

fn step(
    line: &RecordedLine<'_>,
    next_plan: &mut dyn FnMut(&Plan) -> Option<Plan>,
    runner: &mut Runner<'_>,
) -> Result<(), &'static str> {
    runner.now = Instant::from_micros(line.at);
    let peer = line.peer.as_deref().map_or(Some(Peer::Only), peer).ok_or("`peer` is no peer")?;
    match line.event {
        RecordedKind::Install => {
            if let Some(plan) = next_plan(runner.engine().plan()) {
                let transition = Transition::new(Arc::new(plan), runner.engine().plan());
                runner.install(transition);
            }
        }
        RecordedKind::Stop => runner.shut_down(),
        RecordedKind::Timeout => runner.timeout(),
        RecordedKind::Resume => runner.resume(),
        RecordedKind::Put => {
            let value = match (&line.number, &line.text) {
                (Some(number), _) => Value::number(number.parse().map_err(|_| "`number` is no number")?),
                (None, Some(text)) => Value::text(&**text),
                (None, None) => return Err("expected a `number` or a `text`"),
            };
            runner.put(line.channel.as_deref().ok_or("expected a `channel`")?, value);
        }
        RecordedKind::Open => if_known(runner, line, |runner, owner| runner.opened(owner, peer))?,
        RecordedKind::Full => if_known(runner, line, |runner, owner| runner.full(owner, peer))?,
        RecordedKind::Writable => if_known(runner, line, |runner, owner| runner.writable(owner, peer))?,
        RecordedKind::Lost => if_known(runner, line, |runner, owner| runner.lost(owner))?,
        RecordedKind::Data => {
            let data: Cow<'_, [u8]> = match (&line.text, &line.hex) {
                (Some(text), _) => text.as_bytes().into(),
                (None, Some(digits)) => from_hex(digits).ok_or("`hex` is not hexadecimal")?.into(),
                (None, None) => return Err("expected `text` or `hex`"),
            };
            if_known(runner, line, |runner, owner| {
                let planned = runner.engine().instance_of(owner.session);
                let revealed = planned.and_then(|planned| planned.instance.reveal(&data));
                runner.received(owner, peer, revealed.as_deref().unwrap_or(&data));
            })?;
        }
        RecordedKind::Close => {
            let reason = Closed::from_text(line.text.as_deref().ok_or("expected a `text`")?);
            if_known(runner, line, |runner, owner| runner.closed(owner, peer, reason))?;
        }
        RecordedKind::Notice => {
            let (id, text) = line.notice.as_deref().zip(line.text.as_deref()).ok_or("expected a `notice`")?;
            let id = NOTICES.into_iter().find(|known| *known == id).ok_or("`notice` is unknown")?;
            let notice = Notice::warning(id, text);
            match line.instance {
                Some(_) => if_known(runner, line, |runner, owner| runner.notice(Some(owner), notice))?,
                None => runner.notice(None, notice),
            }
        }
    }
    Ok(())
}

/// Does it if the plan that runs has the instance: a recording may be played through another configuration.
fn if_known(
    runner: &mut Runner<'_>,
    line: &RecordedLine<'_>,
    event: impl FnOnce(&mut Runner<'_>, Owner),
) -> Result<(), &'static str> {
    let name = line.instance.as_deref().ok_or("expected an `instance`")?;
    let port = Port(line.port.ok_or("expected a `port`")?);
    if let Some(instance) = runner.engine().plan().find(name) {
        let session = runner.engine().session_of(instance);
        event(runner, Owner { session, port });
    }
    Ok(())
}

fn peer(text: &str) -> Option<Peer> {
    match text.strip_prefix("client") {
        Some(number) => number.parse().ok().map(Peer::Connection),
        None => text.parse().ok().map(Peer::Address),
    }
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|&[high, low]| Some((nibble(high)? << 4 | nibble(low)?) as u8)).collect()
}
