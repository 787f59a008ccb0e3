//! `start`: outputs a value at the start, as if the source had sent it.

use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Shape, Stage, Stateful, Transform};
use crosspatch_core::{Instant, Value};

pub(crate) const START: Transform = Transform {
    name: "start",
    usage: "start <level>|\"<text>\"",
    summary: "gives an initial value until the source sends one",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let value = if arguments.is_text_next() {
        Value::text(arguments.text("a text")?)
    } else {
        Value::Number(arguments.number("a level", 0.0..=1.0)?)
    };
    Ok(Stage::Stateful(Box::new(Start { value: Some(value) })))
}

#[derive(Clone, Debug)]
struct Start {
    /// The value, until it was output.
    value: Option<Value>,
}

impl Stateful for Start {
    fn handle_value(&mut self, _: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.value = None;
        Some(value)
    }

    fn handle_recall(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.handle_value(moment, value)
    }

    fn handle_timeout(&mut self, _: &mut Moment<'_>) -> Option<Value> {
        self.value.take()
    }

    /// As soon as possible.
    fn next_timeout(&self) -> Option<Instant> {
        self.value.is_some().then_some(Instant::START)
    }

    fn inverse(&self) -> Option<Stage> {
        Some(Stage::Shape(Shape::IDENTITY))
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::transform::LinePosition;
    use crosspatch_core::{Duration, Value};

    use crate::rig::{ChainRig, chain};

    #[test]
    fn it_speaks_once_at_the_first_opportunity() {
        let mut rig = ChainRig::new("start 25% | invert");
        assert_eq!(rig.advance(Duration::from_secs(1)), [(0, Value::Number(0.75))]);
        assert_eq!((rig.next_timeout(), rig.number(0.5)), (None, Some(0.5)));
        assert_eq!(rig.advance(Duration::from_secs(1)), []);
    }

    #[test]
    fn it_says_nothing_once_the_source_has_spoken() {
        let mut rig = ChainRig::new("start 0.25");
        assert_eq!((rig.number(0.5), rig.next_timeout()), (Some(0.5), None));
        let mut recalled = ChainRig::new("start 0.25");
        assert_eq!((recalled.recall("on"), recalled.next_timeout()), (Some("on".into()), None));
    }

    #[test]
    fn it_may_be_a_text() {
        let mut rig = ChainRig::new(r##"start "#ff8000""##);
        assert_eq!(rig.advance(Duration::ZERO), [(0, Value::text("#ff8000"))]);
    }

    #[test]
    fn the_way_back_passes_unchanged() {
        let mut back = ChainRig::of(chain("start 0.25").inverse().unwrap(), LinePosition::ONLY);
        assert_eq!((back.next_timeout(), back.number(0.5)), (None, Some(0.5)));
        assert_eq!(back.put("cue 5"), Some("cue 5".into()));
    }
}
