//! The stages of a mapping line: the processing of a value between its source and its target.
//!
//! ```text
//! knob.ch0.cc1 | when shift.on | curve 2.2 | smooth 80ms > art.1
//!                └─ stateful ─┘ └─ shape ─┘ └ stateful ┘
//!                └──────────────── chain ───────────────┘
//! ```
//!
//! A [`Transform`] describes a transform to the user: its name, its syntax and the reader of its arguments. Reading
//! gives a [`Stage`]: a [`Shape`] (a function of one number, without memory) or something [`Stateful`]. The stages of a
//! line are a [`Chain`], which the plan shares among all mappings of the line; each mapping runs a copy of its own, a
//! [`LiveChain`].
//!
//! Between stages a number may leave 0..=1, so that `scale 2 | offset -0.5` works as written; it is clipped after the
//! last stage. A stage returns at most one value for each call and does not allocate for it.

mod arguments;
mod chain;
mod merge;
mod place;
mod shape;

use std::fmt;

pub use arguments::{ArgumentError, Arguments, Reference, read_number};
pub use chain::{Chain, LiveChain, MAX_STAGES};
pub use merge::{JoinRule, Merge, Merging};
pub use place::LinePosition;
pub use shape::{Curve, Shape};

use crate::{Instant, Kind, Notice, Value};

/// A kind of stage, as documented for users.
#[derive(Debug)]
pub struct Transform {
    /// The word that a stage begins with.
    pub name: &'static str,
    /// How it is written: `<required>`, `[optional]`, `a|b` for either.
    pub usage: &'static str,
    /// A description in one line.
    pub summary: &'static str,
    /// Reads the arguments after the name.
    pub read: fn(&mut Arguments<'_>) -> Result<Stage, ArgumentError>,
}

/// The kind of notice that is never rate-limited, because the operator has requested each of them.
pub const PRINT: &str = "print";

/// Transforms that belong together: a folder with a manual.
#[derive(Debug)]
pub struct Family {
    /// The name of the folder.
    pub name: &'static str,
    /// The README of the folder: a section for each transform.
    pub manual: &'static str,
    /// In the order of the manual.
    pub transforms: &'static [&'static Transform],
}

/// Every transform, family by family.
pub fn transforms(families: &[&Family]) -> impl Iterator<Item = &'static Transform> {
    families.iter().flat_map(|family| family.transforms.iter().copied())
}

/// Reads a stage: the name of a transform of one of the families and its arguments. Channels that it names are added to those
/// of its chain.
///
/// # Errors
///
/// The first error in it.
pub fn read_stage(
    stage: &str,
    families: &[&Family],
    references: &mut Vec<Reference>,
) -> Result<Stage, ArgumentError> {
    let name = stage.split_whitespace().next().unwrap_or_default();
    let start = stage.len() - stage.trim_start().len();
    let Some(transform) = transforms(families).find(|transform| transform.name == name) else {
        return Err(ArgumentError {
            at: start..start + name.len(),
            message: match name {
                "" => "expected a transform, found nothing".to_owned(),
                name => format!("there is no transform `{name}`"),
            },
            words: transforms(families).map(|transform| transform.name).collect(),
            help: whole(name, families),
        });
    };
    read(transform, stage, start + name.len(), references).map_err(|error| match error.help {
        Some(_) => error,
        None => error.help(format!("it is written `{}`", transform.usage)),
    })
}

/// Reads the arguments of a stage, whose name ends at `name_end`.
fn read(
    transform: &Transform,
    stage: &str,
    name_end: usize,
    references: &mut Vec<Reference>,
) -> Result<Stage, ArgumentError> {
    let mut arguments = Arguments::new(stage, name_end, references);
    let read = (transform.read)(&mut arguments)?;
    arguments.end().map(|()| read)
}

/// A hint for a word that belongs after the name of a transform, such as `log` after `curve`.
fn whole(word: &str, families: &[&Family]) -> Option<String> {
    let is_expected = |transform: &Transform| {
        // A reader that expects one of several words lists them in its error.
        let other = read(transform, "?", 0, &mut Vec::new());
        other.is_err_and(|error| error.words.contains(&word))
    };
    let whole = |transform: &Transform| format!("{} {word}", transform.name);
    let is_right = |(transform, whole): &(&Transform, String)| {
        read(transform, whole, transform.name.len(), &mut Vec::new()).is_ok()
    };
    let expecting = transforms(families).filter(|transform| is_expected(transform));
    let (_, whole) = expecting.map(|transform| (transform, whole(transform))).find(is_right)?;
    Some(format!("it is written `{whole}`"))
}

/// One stage of a chain, in the state in which it starts.
#[derive(Debug)]
pub enum Stage {
    /// A function of a number.
    Shape(Shape),
    /// Something with a memory, or that handles texts.
    Stateful(Box<dyn Stateful>),
    /// The end of a chain that shares its target with others.
    Merge(Merge),
}

impl Stage {
    /// The stage that undoes this one on the way back of a two-way mapping, if there is one.
    ///
    /// There and back need not give the same number (`steps` has none but its steps); there, back and there again does.
    pub fn inverse(&self) -> Option<Self> {
        match self {
            Self::Shape(shape) => shape.inverse().map(Self::Shape),
            Self::Stateful(stage) => stage.inverse(),
            // The way back has one source.
            Self::Merge(_) => Some(Self::Shape(Shape::IDENTITY)),
        }
    }
}

impl Clone for Stage {
    fn clone(&self) -> Self {
        match self {
            Self::Shape(shape) => Self::Shape(shape.clone()),
            Self::Stateful(stage) => Self::Stateful(stage.boxed()),
            Self::Merge(merge) => Self::Merge(*merge),
        }
    }
}

/// A stage with a memory. Each handler returns the value for the next stage, if there is one.
///
/// A stage that needs numbers calls [`Moment::number`], which reports texts to the operator.
pub trait Stateful: Boxed + Send + Sync + fmt::Debug {
    /// A value has arrived from the previous stage, or from the source.
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value>;

    /// The present state of the source, not an event, for a target that has just been mapped. Stages that wait for
    /// events return nothing.
    fn handle_recall(&mut self, _moment: &mut Moment<'_>, _value: Value) -> Option<Value> {
        None
    }

    /// Something has happened elsewhere than at the source.
    fn handle_signal(&mut self, _moment: &mut Moment<'_>, _signal: Signal<'_>) -> Option<Value> {
        None
    }

    /// The time of `next_timeout` has come. Called again as long as that lies in the past.
    fn handle_timeout(&mut self, _moment: &mut Moment<'_>) -> Option<Value> {
        None
    }

    /// The time of the next call of `handle_timeout`.
    fn next_timeout(&self) -> Option<Instant> {
        None
    }

    /// Whether the stage blocks all values, so that its source is ignored where sources are merged.
    fn is_asleep(&self) -> bool {
        false
    }

    /// The reason why values do not pass at the moment, for display.
    fn obstacle(&self) -> Option<Obstacle> {
        None
    }

    /// The static properties of the stage.
    fn properties(&self) -> Properties<'_> {
        Properties::default()
    }

    /// Receives the stages that follow it.
    fn set_following(&mut self, _stages: &[Stage]) {}

    /// Receives the position of this copy of the stage.
    fn place(&mut self, _place: LinePosition) {}

    /// As [`Stage::inverse`].
    fn inverse(&self) -> Option<Stage> {
        None
    }
}

/// The reason why a stage does not pass values.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Obstacle {
    /// A channel that the stage names does not have the value that it would take: which reference.
    Asleep(usize),
    /// The source has to come to this level first; the name of the transform.
    Waiting(&'static str, f64),
}

/// An event for a stage that does not come from its source.
#[derive(Copy, Clone, Debug)]
pub enum Signal<'a> {
    /// A channel that the stage names ([`Arguments::channel`], [`Arguments::target`]) has a new value: which reference, and the
    /// value.
    Channel(usize, &'a Value),
    /// A member of the stage's [group](Properties::group) has called [`Moment::announce`].
    Group {
        /// Whether the member is on another mapping of the same source.
        is_of_same_source: bool,
    },
    /// An earlier stage that [is asleep](Stateful::is_asleep) has held back a value: the source has moved without this
    /// stage. No value can be returned for this.
    Missed,
}

/// The static properties of a stage. The default applies to most stages.
#[derive(Copy, Clone, Debug)]
pub struct Properties<'a> {
    /// The name that the stage shares with others it belongs together with.
    pub group: Option<&'a str>,
    /// The weakest and the strongest kind of the returned values. Received values keep their kind within these bounds.
    pub kinds: (Kind, Kind),
    /// Whether every value passes at once as it is.
    pub is_transparent: bool,
    /// Whether the stage distributes over layers, so that one side of its line may have a multiple of the other's channels.
    pub is_layered: bool,
}

impl Default for Properties<'_> {
    fn default() -> Self {
        Self { group: None, kinds: (Kind::State, Kind::Event), is_transparent: false, is_layered: false }
    }
}

/// Copies a stage of unknown type together with its state.
pub trait Boxed {
    /// The copy.
    fn boxed(&self) -> Box<dyn Stateful>;
}

impl<T: Stateful + Clone + 'static> Boxed for T {
    fn boxed(&self) -> Box<dyn Stateful> {
        Box::new(self.clone())
    }
}

/// The context of a call into a stage: its inputs beside the value, and its other outputs.
pub struct Moment<'a> {
    /// The time.
    pub now: Instant,
    known: &'a dyn Fn(usize) -> Option<Value>,
    /// The notices for the operator.
    pub notices: Vec<Notice>,
    /// Whether the stage has called [`announce`](Self::announce).
    pub has_announced: bool,
    /// Whether the value on its way is a trigger: a press that no release follows. A stage that keeps values for later keeps
    /// this with them.
    pub is_trigger: bool,
}

impl<'a> Moment<'a> {
    /// Creates a moment. `known` returns the last value of each channel that the chain names.
    pub fn new(now: Instant, known: &'a dyn Fn(usize) -> Option<Value>) -> Self {
        Self { now, known, notices: Vec::new(), has_announced: false, is_trigger: false }
    }

    /// The last value of a channel that the stage names, in either direction.
    pub fn known(&self, reference: usize) -> Option<Value> {
        (self.known)(reference)
    }

    /// Returns the number of a value. A text has none: the operator is notified, and the value ends here.
    pub fn number(&mut self, value: &Value, transform: &str) -> Option<f64> {
        if let Value::Text(text) = value {
            let shown: String = text.chars().take(40).collect();
            let text = format!(
                "expected a number at `{transform}`, found the text {shown:?}; the value was dropped"
            );
            self.notice(Notice::warning("text-where-number", text));
        }
        value.as_number()
    }

    /// Reports a notice to the operator.
    pub fn notice(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// Signals this to all other members of the stage's [group](Properties::group), when this call is over.
    pub fn announce(&mut self) {
        self.has_announced = true;
    }
}
