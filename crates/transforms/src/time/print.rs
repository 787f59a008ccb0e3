//! `print`: reports passing values in notices.

use crosspatch_core::transform::{
    self, ArgumentError, Arguments, Moment, Properties, Stage, Stateful, Transform,
};
use crosspatch_core::{Notice, Value};

pub(crate) const PRINT: Transform = Transform {
    name: "print",
    usage: "print [\"<label>\"]",
    summary: "passes values unchanged and logs each of them",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let label = if arguments.is_empty() { None } else { Some(arguments.text("a label")?.into()) };
    Ok(Stage::Stateful(Box::new(Print { label })))
}

#[derive(Clone, Debug)]
struct Print {
    label: Option<std::sync::Arc<str>>,
}

impl Stateful for Print {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        let text = match &self.label {
            Some(label) => format!("{label}: {value}"),
            None => value.to_string(),
        };
        moment.notice(Notice::info(transform::PRINT, text));
        Some(value)
    }

    // A recall is no new value.
    fn handle_recall(&mut self, _: &mut Moment<'_>, value: Value) -> Option<Value> {
        Some(value)
    }

    fn properties(&self) -> Properties<'_> {
        Properties { is_transparent: true, ..Properties::default() }
    }

    fn inverse(&self) -> Option<Stage> {
        Some(Stage::Stateful(Box::new(self.clone())))
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::Notice;
    use crosspatch_core::transform::LinePosition;

    use crate::rig::{ChainRig, chain, read_stage};

    #[test]
    fn each_value_passes_and_is_shown_with_its_label() {
        let mut rig = ChainRig::new("print \"red knob\" | invert");
        assert_eq!((rig.number(0.25), rig.put("cue 5")), (Some(0.75), None));
        assert_eq!(
            rig.notices[..2],
            ["red knob: 0.25", "red knob: \"cue 5\""].map(|text| Notice::info("print", text))
        );
    }

    #[test]
    fn without_a_label_the_value_stands_alone() {
        let mut rig = ChainRig::new("scale 3 | print");
        assert_eq!((rig.number(0.5), &*rig.notices[0].text), (Some(1.0), "1.5"));
    }

    #[test]
    fn a_recall_passes_silently_and_the_way_back_is_shown_as_well() {
        let mut rig = ChainRig::of(chain("print \"back\"").inverse().unwrap(), LinePosition::ONLY);
        assert_eq!((rig.recall(0.5), rig.notices.len()), (Some(0.5.into()), 0));
        assert_eq!((rig.number(0.5), &*rig.notices[0].text), (Some(0.5), "back: 0.5"));
        assert!(read_stage("print red", &mut Vec::new()).is_err());
    }

    #[test]
    fn a_trigger_stays_one() {
        let mut rig = ChainRig::new("press | print | toggle");
        assert_eq!([1.0, 0.0, 1.0].map(|level| rig.number(level)), [Some(1.0), None, Some(0.0)]);
    }
}
