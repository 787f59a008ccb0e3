//! `timeout`: outputs a value when the source has been silent for a time.

use crosspatch_core::transform::{ArgumentError, Arguments, Moment, Stage, Stateful, Transform};
use crosspatch_core::{Duration, Instant, Value};

pub(crate) const TIMEOUT: Transform = Transform {
    name: "timeout",
    usage: "timeout <time> to <level>|\"<text>\"",
    summary: "passes values, and gives a fallback value when none has arrived for a time",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let time = arguments.duration("a time")?;
    arguments.expect_keyword("to")?;
    let fallback = match arguments.is_text_next() {
        true => Value::text(arguments.text("a text")?),
        false => Value::Number(arguments.number("a level", 0.0..=1.0)?),
    };
    Ok(Stage::Stateful(Box::new(Timeout { time, fallback, due: None, is_over: false })))
}

#[derive(Clone, Debug)]
struct Timeout {
    time: Duration,
    /// The value after the timeout.
    fallback: Value,
    due: Option<Instant>,
    is_over: bool,
}

impl Stateful for Timeout {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.is_over = false;
        self.due = (value != self.fallback).then(|| moment.now + self.time);
        Some(value)
    }

    fn handle_recall(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        match () {
            () if self.is_over => Some(self.fallback.clone()),
            () if self.due.is_some() => Some(value),
            () => self.handle_value(moment, value),
        }
    }

    fn handle_timeout(&mut self, _: &mut Moment<'_>) -> Option<Value> {
        self.due = None;
        self.is_over = true;
        Some(self.fallback.clone())
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use crosspatch_core::{Duration, Value};

    use crate::rig::{ChainRig, chain, read_stage};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn silence_is_answered_once() {
        let mut rig = ChainRig::new("timeout 5s to 0.2");
        assert_eq!(rig.advance(10 * SECOND), [], "before the first value there is no silence");
        assert_eq!((rig.number(0.7), rig.advance(4 * SECOND)), (Some(0.7), vec![]));
        assert_eq!((rig.number(0.7), rig.advance(60 * SECOND)), (Some(0.7), vec![(19_000, 0.2.into())]));
        assert_eq!(rig.next_timeout(), None);
        assert_eq!((rig.number(0.8), rig.advance(5 * SECOND).len()), (Some(0.8), 1));
    }

    #[test]
    fn where_the_level_is_reached_nothing_follows() {
        let mut rig = ChainRig::new("timeout 5s to 0");
        assert_eq!((rig.number(0.7), rig.number(0.0), rig.next_timeout()), (Some(0.7), Some(0.0), None));
    }

    #[test]
    fn texts_come_and_go() {
        let mut rig = ChainRig::new("timeout 1s to \"no signal\"");
        assert_eq!(rig.put("cue 5"), Some("cue 5".into()));
        assert_eq!(rig.advance(SECOND), [(1000, Value::text("no signal"))]);
    }

    #[test]
    fn a_recall_passes_and_does_not_restart_the_time() {
        let mut rig = ChainRig::new("timeout 5s to 0");
        assert_eq!((rig.recall(0.7), rig.advance(3 * SECOND)), (Some(0.7.into()), vec![]));
        assert_eq!((rig.recall(0.7), rig.advance(2 * SECOND)), (Some(0.7.into()), vec![(5000, 0.0.into())]));
        assert_eq!((rig.recall(0.7), rig.next_timeout()), (Some(0.0.into()), None));
    }

    #[test]
    fn there_is_no_way_back_and_no_time_without_a_level() {
        assert_eq!(chain("timeout 5s to 0").inverse().unwrap_err(), 0);
        let error = |stage: &str| read_stage(stage, &mut Vec::new()).unwrap_err();
        assert_eq!(error("timeout 5s 0").message, "expected `to`, found `0`");
        assert_eq!(error("timeout 5s to").message, "expected a level, found nothing");
        assert!(error("timeout 5s to 2").help.is_some_and(|help| help.contains(r#"to <level>|"<text>"`"#)));
    }
}
