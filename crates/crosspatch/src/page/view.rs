//! The show as the page sees it.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use crosspatch_config::WrittenMappings;
use crosspatch_core::{Plan, Severity, Value};
use crosspatch_io::{Interest, Observation};
use crosspatch_web::{ChannelKey, Frame, MappingLines, RunningShow, StatusSnapshot, Values};

use super::ShowPage;

/// The least time between two frames.
const PACE: Duration = Duration::from_millis(50);

/// A loop that does not answer within this time has ended or is stopped.
const PATIENCE: Duration = Duration::from_secs(1);

/// A running show.
pub(super) struct ShowView(pub(super) ShowPage);

impl RunningShow for ShowView {
    fn name(&self) -> String {
        self.0.0.name.clone()
    }

    fn plan(&self) -> Arc<Plan> {
        self.0.0.show.plan()
    }

    fn observe(&self) -> Box<dyn Values> {
        Box::new(Frames(self.0.0.show.observe(Interest { every: PACE, channels: None })))
    }

    fn report_status(&self) -> Option<StatusSnapshot> {
        let report = self.0.0.show.report_status().recv_timeout(PATIENCE).ok()?;
        Some(StatusSnapshot { now: report.now, instances: report.instances })
    }

    fn set_value(&self, channel: &str, value: Value) -> bool {
        self.0.0.show.set_value(channel, value)
    }

    fn lines(&self, plan: &Plan) -> Option<Arc<dyn MappingLines>> {
        let lines = self.0.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, lines) = lines.as_ref()?;
        (*number == plan.number()).then(|| Arc::new(ShownLines(lines.clone())) as Arc<dyn MappingLines>)
    }

    fn started(&self) -> SystemTime {
        self.0.0.started
    }

    fn tell(&self, severity: Severity, text: &str) {
        self.0.tell(severity, text);
    }
}

struct Frames(Observation);

impl Values for Frames {
    fn try_next_frame(&self) -> Option<Frame> {
        let frame = self.0.try_next_frame().ok()?;
        let has_more = frame.is_full();
        Some(Frame { plan: frame.plan, changes: frame.changes, held_back: frame.held_back, has_more })
    }
}

struct ShownLines(Arc<WrittenMappings>);

impl MappingLines for ShownLines {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn text(&self, number: usize) -> &str {
        self.0.text(number)
    }

    fn place(&self, number: usize) -> (Cow<'_, str>, usize) {
        let (file, line) = self.0.place(number);
        (file.to_string_lossy(), line)
    }

    fn mappings(&self, number: usize) -> &[(ChannelKey, ChannelKey)] {
        self.0.mappings(number)
    }
}
