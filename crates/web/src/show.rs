//! The running show as the page sees it. The program implements [`RunningShow`].

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use crosspatch_core::{Change, HeldBack, InstanceId, Instant, Plan, Severity, Slot, Status, Value};

/// A channel, by its numbers in a plan.
pub type ChannelKey = (InstanceId, Slot);

/// A running show. No method may wait for the show's loop, except for [`report_status`](Self::report_status).
pub trait RunningShow: Send + Sync + 'static {
    /// The name of its configuration: `show.cfg`.
    fn name(&self) -> String;

    /// The newest plan.
    fn plan(&self) -> Arc<Plan>;

    /// Begins to observe the values of all channels. The first frames hold all known values. Dropping the observation ends it.
    fn observe(&self) -> Box<dyn Values>;

    /// Asks all sessions how they are doing, and waits at most a second. None if the loop does not answer.
    fn report_status(&self) -> Option<StatusSnapshot>;

    /// Sets the value of the channel written `instance.address`, as if it had emitted the value. Returns whether the plan has it.
    fn set_value(&self, channel: &str, value: Value) -> bool;

    /// The mapping lines that a plan was made of. None if they are those of another plan.
    fn lines(&self, plan: &Plan) -> Option<Arc<dyn MappingLines>>;

    /// When the show was started.
    fn started(&self) -> SystemTime;

    /// Tells the operator about the page itself: its address, or why it has none.
    fn tell(&self, severity: Severity, text: &str);
}

/// An observation of values.
pub trait Values: Send {
    /// The next frame, if it is there. Never waits.
    fn try_next_frame(&self) -> Option<Frame>;
}

/// The channels that have changed since the frame before.
#[derive(Debug)]
pub struct Frame {
    /// The plan that the numbers of the changes belong to.
    pub plan: Arc<Plan>,
    /// The changes; the last value of each channel and direction.
    pub changes: Vec<Change>,
    /// The mappings of these inputs that hold their values back.
    pub held_back: Vec<HeldBack>,
    /// Whether more changes are waiting already.
    pub has_more: bool,
}

/// How all sessions were doing at a time.
#[derive(Debug)]
pub struct StatusSnapshot {
    /// The time of the report, on the same clock as the times in it.
    pub now: Instant,
    /// The name and the answer of each instance, in the order of the plan.
    pub instances: Vec<(Arc<str>, Status)>,
}

/// The mapping lines of a configuration, numbered from 0 in the order in which they were read.
pub trait MappingLines: Send + Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of a line as written, without surrounding white space.
    fn text(&self, number: usize) -> &str;

    /// The file of a line, and its number in the file, counted from 1.
    fn place(&self, number: usize) -> (Cow<'_, str>, usize);

    /// The mappings made of a line: each from a channel to a channel.
    fn mappings(&self, number: usize) -> &[(ChannelKey, ChannelKey)];
}
