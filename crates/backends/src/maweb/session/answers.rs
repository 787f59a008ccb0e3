//! Messages of the console: states that are emitted, and answers that keep the connection going.

use crosspatch_core::{Instant, Notice, Outbox, Value};

use super::{Session, emit};
use crate::maweb::channel::MappedChannel;
use crate::maweb::poll::{Poll, PollKind};
use crate::maweb::watch::ExecutorReport;
use crate::maweb::wire::{Answer, ConsoleFamily, LastAnswer, Playbacks, PlaybacksFormat, Response};
use crate::shared::paced::Paced;

/// After this many consecutive polls without an answer, a notice is sent and the other dialect is tried.
const UNANSWERED_POLLS: u32 = 3;

impl Session {
    /// Handles an answer that differs from the last one to the same request in nothing but some executors. Returns whether
    /// it is one.
    pub(super) fn handle_repetition(&mut self, now: Instant, data: &[u8], out: &mut Outbox) -> bool {
        let Some(at) = self.poller.awaited_request() else { return false };
        let (Some(last), Some(request)) = (self.last_answers.get_mut(at), self.poller.requests().get(at))
        else {
            return false;
        };
        let page = request.page_index + 1;
        let (watches, channels) = (&self.watches, &self.channels);
        let await_any = watches.await_any(channels);
        let is_awaited = |index, width| await_any && watches.await_executors(page, index, width, channels);
        let Some(changes) = last.changes(data, watches.wanted(), is_awaited) else { return false };
        let poll = self.poller.take_executors(now);
        let report = self.executor_report(now, page, poll);
        let mut is_changed = false;
        self.watches.handle_executors(
            report,
            changes.iter(),
            &mut self.channels,
            &mut paced(&mut self.paced, now, out, &mut is_changed),
        );
        self.note_changed(now, is_changed);
        true
    }

    /// Handles any message.
    pub(super) fn handle_message(&mut self, now: Instant, data: &[u8], out: &mut Outbox) {
        match Answer::decode_wanted(data, self.watches.wanted()) {
            Ok(answer) => self.handle_answer(now, data, &answer, out),
            Err(error) => {
                let host = self.login.endpoint();
                let text = format!("the console at {host} sent something that makes no sense: {error}");
                self.notify(Notice::warning("garbage", text), out);
            }
        }
    }

    fn handle_answer(&mut self, now: Instant, data: &[u8], answer: &Answer<'_>, out: &mut Outbox) {
        self.login.handle_answer(now, answer, &mut self.steps);
        if let Some(text) = &answer.text {
            text.as_ref().clone_into(&mut self.cmdline);
        }
        if !self.login.is_ready() {
            return;
        }
        if answer.session.is_some() {
            self.shaper.handle_question_answered();
        }
        match &answer.response {
            Some(Response::Playbacks(playbacks)) => {
                let complete = self.handle_playbacks(now, playbacks, out);
                match complete.and_then(|at| self.last_answers.get_mut(at)) {
                    Some(last) if !answer.concerns_session() => last.keep(data, self.watches.wanted()),
                    Some(last) => last.forget(),
                    // It may have changed what any of them describes.
                    None => self.last_answers.iter_mut().for_each(LastAnswer::forget),
                }
            }
            Some(Response::GetData(data)) => {
                self.poller.take_leds(now);
                let data = data.iter().map(|(name, state)| (&**name, &**state));
                let mut is_changed = false;
                self.watches.handle_leds(
                    data,
                    &mut self.channels,
                    &mut paced(&mut self.paced, now, out, &mut is_changed),
                );
                self.note_changed(now, is_changed);
            }
            Some(Response::Confirmation(question)) => self.open_question(now, question, false, out),
            Some(Response::PresetConfirmation(question)) => self.open_question(now, question, true, out),
            None if answer.session.is_none() && answer.greeting.is_none() => {
                if !self.shaper.handle_acknowledgement() && answer.text.is_none() {
                    self.handle_refusal(now);
                }
            }
            Some(
                Response::Login { .. }
                | Response::PresetTypes { .. }
                | Response::PresetTypeList(_)
                | Response::Other(_),
            )
            | None => {}
        }
    }

    /// Handles executors. Returns the number of the request if the answer describes what was asked for, and nothing else.
    fn handle_playbacks(
        &mut self,
        now: Instant,
        playbacks: &Playbacks<'_>,
        out: &mut Outbox,
    ) -> Option<usize> {
        let poll = self.poller.take_executors(now);
        if playbacks.access_denied {
            if !std::mem::replace(&mut self.notified.denied, true) {
                let text = "the console does not show its executors to this user: give the user more rights";
                self.notify(Notice::error("denied", text), out);
            }
            return None;
        }
        let at = poll.and_then(|poll| match poll.what {
            PollKind::Executors(at) => Some(at),
            PollKind::Leds => None,
        });
        // An answer in the other dialect does not answer this request.
        let asked = at.and_then(|at| self.poller.requests().get(at));
        let asked = asked.filter(|request| request.dialect == playbacks.dialect);
        let page = asked.map(|request| request.page_index + 1);
        let asked = asked.filter(|_| page == Some(playbacks.page));
        let report = self.executor_report(now, playbacks.page, poll);
        let executors = playbacks.groups.iter().flat_map(|group| group.executors());
        let mut is_changed = false;
        let is_complete = {
            let (watches, channels) = (&mut self.watches, &mut self.channels);
            let emit = &mut paced(&mut self.paced, now, out, &mut is_changed);
            watches.handle_executors(report, executors.clone(), channels, emit);
            asked.is_some_and(|request| {
                let is_more = executors.into_iter().any(|executor| !request.covers(executor.index));
                let is_less = watches.handle_missing(report, &request.ranges, channels, emit);
                !is_more && !is_less
            })
        };
        self.note_changed(now, is_changed);
        if let Some(page) = page.filter(|page| *page != playbacks.page && playbacks.page > 0) {
            self.notify_other_page(page, playbacks.page, out);
        }
        self.login.learn_dialect(playbacks.dialect);
        if playbacks.dialect != self.dialect {
            self.dialect = playbacks.dialect;
            self.plan();
        }
        at.filter(|_| is_complete)
    }

    fn note_changed(&mut self, now: Instant, is_changed: bool) {
        if is_changed {
            self.poller.note_activity(now);
        }
    }

    fn executor_report(&self, now: Instant, page: u32, poll: Option<Poll>) -> ExecutorReport {
        ExecutorReport {
            console: self.login.console(),
            page,
            // An unrequested answer may be of any age.
            asked_at: poll.map_or(Instant::START, |poll| poll.sent),
            echoes_until: now + self.settings.settle,
        }
    }

    /// Handles unanswered polls while the console is alive.
    pub(super) fn handle_unanswered(&mut self, unanswered: u32, out: &mut Outbox) {
        let is_long = unanswered >= UNANSWERED_POLLS;
        if is_long && !std::mem::replace(&mut self.notified.unanswered, true) {
            let host = self.login.endpoint();
            let text =
                format!("the console at {host} does not answer when asked for executors; is a show loaded?");
            self.notify(Notice::warning("unanswered", text), out);
        }
        if is_long || self.login.must_try_dialects() {
            self.try_other_dialect();
        }
    }

    /// Handles an empty answer while only a request for executors was waiting. A console that does not know the dialect
    /// of a request answers like this. If it has answered both dialects like this, the dialect is not the reason.
    fn handle_refusal(&mut self, now: Instant) {
        if !self.login.knows_dialect() && self.refusals < 2 && self.poller.take_nothing(now) {
            self.refusals += 1;
            self.try_other_dialect();
        }
    }

    /// An old console does not answer the newer form of the request, and some newer consoles have the greeting of an
    /// old one.
    fn try_other_dialect(&mut self) {
        if self.login.console() != Some(ConsoleFamily::Dot2) {
            self.dialect = match self.dialect {
                PlaybacksFormat::Grouped => PlaybacksFormat::Flat,
                PlaybacksFormat::Flat => PlaybacksFormat::Grouped,
            };
            self.plan();
        }
    }

    fn notify_other_page(&mut self, asked: u32, answered: u32, out: &mut Outbox) {
        if self.notified.pages.contains(&asked) {
            return;
        }
        if self.notified.pages.len() >= 32 {
            self.notified.pages.pop_front();
        }
        self.notified.pages.push_back(asked);
        let text = format!(
            "the console answers with page {answered} where page {asked} was asked for: create page {asked} on the console"
        );
        self.notify(Notice::warning("page", text), out);
    }
}

/// Emits states of the console, or queues them until they may be emitted.
fn paced<'a>(
    paced: &'a mut Paced,
    now: Instant,
    out: &'a mut Outbox,
    is_changed: &'a mut bool,
) -> impl FnMut(&mut MappedChannel, Value) + 'a {
    move |channel, value| {
        *is_changed = true;
        if let Some(value) = paced.put(now, channel.slot, value) {
            emit(channel, now, value, out);
        }
    }
}
