//! Values that return as other values after they were sent: distinguishes such a feedback loop from a fast source, and
//! slows it down.
//!
//! A loop can lead through other programs and protocols and change the value on its way, so neither identity nor
//! equality reveals it. Cause and effect do: a loop stops when nothing is sent, and continues when sending continues; a
//! source is not affected. Therefore a channel that oscillates between few values, faster than most sources do, is held
//! for a moment, several times and each time for a different duration ([`examine`]). A channel found to be a loop is
//! then sent [`RATE`] times per second ([`slow`]). The operator is notified, and the decision is made again every ten
//! seconds, or as soon as no values arrive.
//!
//! A session that sends universes or pixels without a pace is wrapped in [`Guarded`]. While values arrive slower than
//! [`LONGEST_GAP`], the cost is a counter. Sessions that send messages are not wrapped: a repeated message must be sent
//! every time, however fast.

mod examine;
mod slow;

use crosspatch_core::{
    Closed, Direction, Duration, Instant, Notice, Outbox, Peer, Port, Session, Slot, SpannedValues, Status,
    Value,
};

use examine::{Examination, Verdict};
use slow::Slow;

/// How many times per second values of a loop are sent, which is the frame rate of DMX.
const RATE: u32 = 44;

/// A channel whose values are further apart than this is not examined.
const LONGEST_GAP: Duration = Duration::from_millis(5);

/// The number of moments with values in a sample.
const SAMPLE: u32 = 64;

/// The number of samples skipped after one without a loop, and its maximum. It doubles every time.
const FIRST_PATIENCE: u32 = 64;
const MOST_PATIENCE: u32 = 1024;

/// A session whose outputs are guarded against feedback.
pub(crate) struct Guarded<S> {
    session: S,
    guard: Guard,
}

/// The state of the feedback detection of a session.
struct Guard {
    /// The number of moments with values since the last check, and the number until the next one. Values of one moment
    /// cannot be the result of one another.
    moments: u32,
    look_after: u32,
    latest: Instant,
    looked_at: Instant,
    /// The number of samples to skip, now and after the next one without a loop.
    skip: u32,
    patience: u32,
    watch: Option<Box<LoopWatch>>,
}

/// The state while channels are examined or slowed down.
#[derive(Default)]
struct LoopWatch {
    examination: Option<Examination>,
    slow: Slow,
}

/// A held value.
#[derive(Clone, Debug)]
struct HeldValue {
    slot: Slot,
    value: Value,
    is_event: bool,
    generation: u8,
}

impl<S: Session> Guarded<S> {
    /// Guards a session whose channels are sent together, like the slots of a universe.
    pub(crate) fn frames(session: S) -> Self {
        let guard = Guard {
            moments: 0,
            look_after: SAMPLE,
            latest: Instant::START,
            looked_at: Instant::START,
            skip: 0,
            patience: FIRST_PATIENCE,
            watch: None,
        };
        Self { session, guard }
    }

    /// Handles values while channels are watched, or if a check may be due.
    #[inline(never)]
    fn handle_watched(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        self.guard.look(now);
        let Some(watch) = &mut self.guard.watch else { return self.session.handle_values(now, values, out) };
        let concerns = |(slot, _): &(Slot, Value)| watch.holds(*slot);
        if !values.iter().any(concerns) {
            watch.count(values);
            self.session.handle_values(now, values, out);
        } else {
            let generation = out.generation();
            let mut passed = Vec::new();
            for (number, (slot, value)) in values.iter().enumerate() {
                let held = HeldValue {
                    slot: *slot,
                    value: value.clone(),
                    is_event: out.is_event(number),
                    generation,
                };
                watch.take(now, held, &mut passed);
            }
            self.deliver(now, passed, out);
        }
        self.proceed(now, out);
    }

    /// Advances the examination and the slowed-down channels.
    fn proceed(&mut self, now: Instant, out: &mut Outbox) {
        let Some(watch) = &mut self.guard.watch else { return };
        let mut released = Vec::new();
        let verdict = watch.examination.as_mut().and_then(|it| it.proceed(now, &mut released));
        if let Some(Verdict { loops, others }) = verdict {
            watch.examination = None;
            watch.slow.acquit(&others, out);
            if loops.is_empty() {
                self.guard.skip = self.guard.patience;
                self.guard.patience = (self.guard.patience * 2).min(MOST_PATIENCE);
            } else {
                watch.slow.condemn(now, loops, out);
            }
            (self.guard.moments, self.guard.looked_at) = (0, now);
        }
        watch.slow.release(now, &mut released);
        if let Some(suspects) = watch.slow.proceed(now, watch.examination.is_some(), &mut released, out) {
            watch.examination = Some(Examination::again(now, suspects));
        }
        if watch.examination.is_none() && watch.slow.is_empty() {
            self.guard.watch = None;
            self.guard.look_after = SAMPLE;
        }
        self.deliver(now, released, out);
    }

    /// Sends all held values, and discards the state.
    fn give_up(&mut self, now: Instant, out: &mut Outbox) {
        let Some(mut watch) = self.guard.watch.take() else { return };
        let mut held = Vec::new();
        watch.slow.end(&mut held);
        held.extend(watch.examination.into_iter().flat_map(Examination::into_held));
        (self.guard.moments, self.guard.look_after) = (0, SAMPLE);
        self.deliver(now, held, out);
    }

    fn deliver(&mut self, now: Instant, held: Vec<HeldValue>, out: &mut Outbox) {
        if held.is_empty() {
            return;
        }
        let mut events: Vec<_> =
            (0_u32..).zip(&held).filter(|(_, held)| held.is_event).map(|(number, _)| number).collect();
        if let Some(before) = held.iter().filter_map(|held| held.generation.checked_sub(1)).max() {
            out.returned(before);
        }
        let values: Vec<_> = held.into_iter().map(|held| (held.slot, held.value)).collect();
        out.swap_events(&mut events);
        self.session.handle_values(now, &values, out);
        out.swap_events(&mut events);
    }
}

impl Guard {
    /// Counts a moment with values. Returns whether there is nothing to check or to watch.
    #[inline]
    fn passes(&mut self, now: Instant) -> bool {
        if now != self.latest {
            self.latest = now;
            self.moments = self.moments.saturating_add(1);
        }
        self.moments < self.look_after
    }

    /// Checks a complete sample, unless an examination is under way.
    fn look(&mut self, now: Instant) {
        let is_examining = self.watch.as_ref().is_some_and(|watch| watch.examination.is_some());
        if self.moments < SAMPLE || is_examining {
            return;
        }
        let is_fast = now.since(self.looked_at) < SAMPLE * LONGEST_GAP;
        (self.moments, self.looked_at) = (0, now);
        if !is_fast {
            (self.skip, self.patience) = (0, FIRST_PATIENCE);
        } else if self.skip > 0 {
            self.skip -= 1;
        } else {
            self.watch.get_or_insert_default().examination = Some(Examination::new(now));
            self.look_after = 0;
        }
    }
}

impl LoopWatch {
    /// Whether values of this channel are held or counted individually.
    fn holds(&self, slot: Slot) -> bool {
        self.slow.has(slot) || self.examination.as_ref().is_some_and(|it| it.suspects(slot))
    }

    /// Counts values that pass.
    fn count(&mut self, values: &[(Slot, Value)]) {
        if let Some(examination) = &mut self.examination {
            examination.count(values);
        }
    }

    /// Passes a value on, after the values held before it, or holds it.
    fn take(&mut self, now: Instant, held: HeldValue, passed: &mut Vec<HeldValue>) {
        if self.slow.has(held.slot) {
            self.slow.hold(now, held);
        } else if let Some(examination) = &mut self.examination {
            examination.take(now, held, passed);
        } else {
            passed.push(held);
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        let examination = self.examination.as_ref().map(Examination::next_timeout);
        examination.into_iter().chain(self.slow.next_timeout()).min()
    }
}

/// Notifies the operator of a loop.
fn begins(slots: Vec<Slot>) -> Notice {
    let text = format!(
        "a feedback loop: what is sent comes back and causes the next value; limited to {RATE} values a second"
    );
    Notice::warning("feedback-loop", text).about(slots)
}

/// Notifies the operator that there is no loop any more.
fn ends(slots: Vec<Slot>) -> Notice {
    Notice::info("feedback-loop", "no feedback loop any more; values are sent at once again").about(slots)
}

impl<S: Session> Session for Guarded<S> {
    fn reserve(&mut self, channels: usize, outputs: usize) {
        self.session.reserve(channels, outputs);
    }

    fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        self.session.bind(slot, address, direction);
    }

    fn unbind(&mut self, slot: Slot, direction: Direction) {
        self.session.unbind(slot, direction);
    }

    fn start(&mut self, now: Instant, out: &mut Outbox) {
        self.session.start(now, out);
    }

    fn stop(&mut self, now: Instant, out: &mut Outbox) {
        self.give_up(now, out);
        self.session.stop(now, out);
    }

    fn handle_rebind(&mut self, now: Instant, out: &mut Outbox) {
        self.give_up(now, out);
        self.session.handle_rebind(now, out);
    }

    fn handle_open(&mut self, now: Instant, port: Port, peer: Peer, out: &mut Outbox) {
        self.session.handle_open(now, port, peer, out);
    }

    fn handle_data(&mut self, now: Instant, port: Port, from: Peer, data: &[u8], out: &mut Outbox) {
        self.session.handle_data(now, port, from, data, out);
    }

    fn handle_close(&mut self, now: Instant, port: Port, peer: Peer, reason: Closed, out: &mut Outbox) {
        self.session.handle_close(now, port, peer, reason, out);
    }

    fn handle_full(&mut self, now: Instant, port: Port, peer: Peer, out: &mut Outbox) {
        self.session.handle_full(now, port, peer, out);
    }

    fn handle_writable(&mut self, now: Instant, port: Port, peer: Peer, out: &mut Outbox) {
        self.session.handle_writable(now, port, peer, out);
    }

    fn handle_loss(&mut self, now: Instant, port: Port, out: &mut Outbox) {
        self.session.handle_loss(now, port, out);
    }

    #[inline]
    fn handle_values(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        if self.guard.passes(now) {
            return self.session.handle_values(now, values, out);
        }
        self.handle_watched(now, values, out);
    }

    fn takes_spans(&self) -> bool {
        self.guard.watch.is_none() && self.session.takes_spans()
    }

    fn handle_spans(&mut self, now: Instant, batch: SpannedValues<'_>, out: &mut Outbox) {
        if !self.guard.passes(now) {
            self.guard.look(now);
            if self.guard.watch.is_some() {
                return self.handle_watched(now, &batch.to_values(), out);
            }
        }
        self.session.handle_spans(now, batch, out);
    }

    fn handle_recall(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        self.session.handle_recall(now, values, out);
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        self.proceed(now, out);
        self.session.handle_timeout(now, out);
    }

    fn handle_resume(&mut self, now: Instant, out: &mut Outbox) {
        self.session.handle_resume(now, out);
    }

    fn status(&self) -> Status {
        self.session.status()
    }

    /// The guard has timeouts of its own.
    fn has_timeouts(&self) -> bool {
        true
    }

    #[inline]
    fn next_timeout(&self) -> Option<Instant> {
        let session = self.session.next_timeout();
        match &self.guard.watch {
            None => session,
            Some(watch) => watch.next_timeout().into_iter().chain(session).min(),
        }
    }
}

#[cfg(test)]
mod tests {
    /// A method that the wrapper does not forward would use the trait's default, which does nothing.
    #[test]
    fn every_method_of_a_session_is_passed_on() {
        let methods = |text: &'static str| {
            text.lines().filter_map(|line| line.strip_prefix("    fn ")?.split('(').next())
        };
        let wrapper = include_str!("mod.rs").split_once("Session for Guarded").expect("an implementation").1;
        for method in methods(include_str!("../../../../core/src/session.rs")) {
            assert!(methods(wrapper).any(|passed| passed == method), "`{method}` is not passed on");
        }
    }
}
