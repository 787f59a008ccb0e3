//! Input: each socket with input is read, for a share of the time.

use crosspatch_core::Peer;
use mio::Token;

use super::Ports;
use super::kind::{OpeningStage, Step};
use super::reports::ReportKind;
use super::share::Share;
use crate::runner::Runner;

impl Ports {
    /// A socket has something to do.
    pub(super) fn serve(&mut self, token: Token, runner: &mut Runner<'_>) {
        let is_busy = self.is_busy(token, runner);
        let Some(socket) = self.sockets.get_mut(&token) else { return };
        if socket.is_closing {
            if socket.kind.is_over() {
                self.remove(token);
            }
            return;
        }
        let is_writable = std::mem::take(&mut socket.is_writable);
        let reads = if socket.kind.is_for_session() {
            // A socket whose turn has not come stays marked as readable.
            !is_busy && socket.is_announced && std::mem::take(&mut socket.is_readable)
        } else {
            true
        };
        let read = socket.kind.reader();
        if is_writable {
            self.with(token, runner.now, |kind, context| kind.handle_writable(context));
        }
        if reads {
            read(self, token, runner);
        }
        if is_busy {
            self.queue_greedy(token);
        }
    }

    /// Whether a turn of a session that the socket is read for has been interrupted. The session receives no more data
    /// until it is done.
    pub(super) fn is_busy(&self, token: Token, runner: &Runner<'_>) -> bool {
        let engine = runner.engine();
        engine.is_unfinished()
            && self.sockets.get(&token).is_some_and(|socket| socket.kind.is_busy(socket.owner, engine))
    }

    /// Reads a socket step by step. Whatever a step causes is carried out before the next one.
    pub(super) fn read_steps(&mut self, token: Token, runner: &mut Runner<'_>) {
        let mut share = Share::begin(self.clock, runner.now);
        let mut chunk = std::mem::take(&mut self.chunk);
        if let Some(socket) = self.sockets.get_mut(&token) {
            socket.kind.begin_turn();
        }
        let has_more = loop {
            let step = self.with(token, runner.now, |kind, context| kind.step(&mut chunk, runner, context));
            let length = match step {
                None | Some(Step::Nothing) => break false,
                Some(Step::Later) => break true,
                Some(Step::More(length)) => length,
                Some(Step::Received(about, bytes)) => {
                    if let Some(socket) = self.sockets.get(&about) {
                        runner.received(socket.owner, Peer::Only, &bytes);
                    }
                    bytes.len()
                }
                Some(Step::Opened(about)) => {
                    if let Some(report) = self.report_of(about, ReportKind::Open) {
                        self.deliver(report, runner);
                    }
                    0
                }
                Some(Step::Gone(about, reason)) => {
                    self.fail(about, reason);
                    0
                }
                Some(Step::Accepted(kind, address, limits)) => {
                    self.admit(token, kind, address, limits, runner);
                    0
                }
                Some(Step::Become(kind, stage)) => {
                    if let Some(socket) = self.sockets.get_mut(&token) {
                        socket.kind = kind;
                        match stage {
                            OpeningStage::Opening => self.queue(token, true, false),
                            OpeningStage::Open => self.report(token, ReportKind::Open),
                            OpeningStage::Closing => self.turn_away(token, runner.now),
                        }
                    }
                    break false;
                }
            };
            self.apply(runner);
            if share.is_over(length) || self.is_busy(token, runner) {
                break true;
            }
        };
        self.chunk = chunk;
        if has_more {
            self.queue_greedy(token);
        }
    }
}
