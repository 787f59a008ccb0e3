//! The latest value of each channel.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crosspatch_core::{Direction, Value};
use serde::{Serialize, Serializer};

use crate::answer::{ValueJson, millis};
use crate::show::{ChannelKey, Frame};

/// The last value of a channel in one direction.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) value: Value,
    /// How many values there were since the observation began. It wraps around.
    pub(crate) count: u32,
    /// When it arrived; none if it was known when the observation began.
    pub(crate) at: Option<u64>,
    /// The frame that brought it.
    pub(crate) frame: u64,
}

/// The latest values of the channels of a plan.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    plan: u64,
    /// The number of the last frame.
    frame: u64,
    /// By instance and slot: input and output.
    cells: Vec<Vec<[Option<Cell>; 2]>>,
    /// Why mappings from an input hold its value back, and where it would go.
    held: BTreeMap<ChannelKey, Vec<(ChannelKey, String)>>,
}

impl Mirror {
    /// Takes the values of a frame.
    pub(crate) fn take(&mut self, frame: Frame) {
        let Frame { plan, changes, held_back, .. } = frame;
        if self.plan != plan.number() {
            let last = self.frame;
            let cells = vec![Vec::new(); plan.instances().len()];
            *self = Self { plan: plan.number(), frame: last, cells, held: BTreeMap::new() };
        }
        self.frame += 1;
        let now = millis(SystemTime::now());
        for change in changes {
            let Some(slots) = self.cells.get_mut(change.instance.index()) else { continue };
            if slots.len() <= change.slot.index() {
                let channels = plan.instances()[change.instance.index()].channels.len();
                slots.resize(channels.max(change.slot.index() + 1), [const { None }; 2]);
            }
            if change.direction == Direction::Input {
                self.held.remove(&(change.instance, change.slot));
            }
            let cell = &mut slots[change.slot.index()][at(change.direction)];
            let is_new = cell.as_ref().map_or(change.count > 0, |cell| cell.count != change.count);
            let time = if is_new { Some(now) } else { cell.as_ref().and_then(|cell| cell.at) };
            *cell = Some(Cell { value: change.value, count: change.count, at: time, frame: self.frame });
        }
        for held in held_back {
            self.held.entry(held.from).or_default().push((held.to, held.reason));
        }
    }

    /// The plan that the values belong to, and the number of the last frame.
    pub(crate) fn position(&self) -> (u64, u64) {
        (self.plan, self.frame)
    }

    /// The last value of a channel of a plan.
    pub(crate) fn cell(&self, plan: u64, channel: ChannelKey, direction: Direction) -> Option<&Cell> {
        let (instance, slot) = channel;
        let slots = self.cells.get(instance.index()).filter(|_| plan == self.plan)?;
        slots.get(slot.index())?[at(direction)].as_ref()
    }

    /// Whether any mapping holds a value back.
    pub(crate) fn holds_back(&self) -> bool {
        !self.held.is_empty()
    }

    /// Why the mapping between two channels of a plan holds values back.
    pub(crate) fn held(&self, plan: u64, from: ChannelKey, to: ChannelKey) -> Option<&str> {
        let held = self.held_from(from).iter().find(|(target, _)| *target == to)?;
        (plan == self.plan).then_some(held.1.as_str())
    }

    /// The mappings from an input that hold its value back: where they lead to, and why.
    pub(crate) fn held_from(&self, from: ChannelKey) -> &[(ChannelKey, String)] {
        self.held.get(&from).map_or(&[], Vec::as_slice)
    }
}

fn at(direction: Direction) -> usize {
    match direction {
        Direction::Input => 0,
        Direction::Output => 1,
    }
}

/// A cell as lists show it.
pub(crate) struct CellJson(Cell);

impl Cell {
    pub(crate) fn json(&self) -> CellJson {
        CellJson(self.clone())
    }
}

impl Serialize for CellJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'c> {
            value: ValueJson<'c>,
            at: Option<u64>,
            count: u32,
        }
        let Cell { value, at, count, .. } = &self.0;
        Fields { value: ValueJson(value), at: *at, count: *count }.serialize(serializer)
    }
}
