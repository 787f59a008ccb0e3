//! `gesture`: outputs what a finger draws on a touch pad, as a text.
//!
//! A pad sends a position as two consecutive values, and some pads only send the one that has changed. After the first value of a
//! diagonal movement, the position is one where the finger never was. Therefore a change of one axis is half of a step if the
//! other axis changes immediately after it.

use crosspatch_core::transform::{
    ArgumentError, Arguments, Moment, Properties, Signal, Stage, Stateful, Transform,
};
use crosspatch_core::{Duration, Instant, Kind, Text, Value};

pub(crate) const GESTURE: Transform = Transform {
    name: "gesture",
    usage: "gesture <x channel> <y channel> [downwards]",
    summary: "reports the fields of a pad that a touch crosses, such as `14789`",
    read,
};

/// The most fields of a gesture.
const LONGEST: usize = 64;

/// How soon after one axis a change of the other belongs to the same step: the duration of some MIDI messages.
const STEP: Duration = Duration::from_millis(5);

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    let axes = [arguments.channel()?, arguments.channel()?];
    let is_downwards = arguments.keyword("downwards");
    let (path, text) = (GesturePath { fields: [0; LONGEST], len: 0 }, Text::from(""));
    let gesture = Gesture { axes, is_downwards, is_touched: false, has_moved: false, half: None, path, text };
    Ok(Stage::Stateful(Box::new(gesture)))
}

#[derive(Clone, Debug)]
struct Gesture {
    /// The references to x and y.
    axes: [usize; 2],
    /// Whether y grows downwards.
    is_downwards: bool,
    is_touched: bool,
    /// Whether the position has changed since the last touch ended.
    has_moved: bool,
    /// The field after a change of one axis, the axis and the time, while the other axis may follow.
    half: Option<(u8, usize, Instant)>,
    path: GesturePath,
    /// The last gesture.
    text: Text,
}

/// The fields that the finger has touched, as digits.
#[derive(Clone, Debug)]
struct GesturePath {
    fields: [u8; LONGEST],
    len: usize,
}

impl GesturePath {
    /// Adds a field, unless it is the last one already or the path is full.
    fn add(&mut self, field: u8) {
        if self.len < LONGEST && self.fields[..self.len].last() != Some(&field) {
            self.fields[self.len] = field;
            self.len += 1;
        }
    }

    fn as_str(&self) -> &str {
        str::from_utf8(&self.fields[..self.len]).expect("fields are digits")
    }
}

impl Gesture {
    /// The field of the current position. An axis without a value is at 0.
    fn field(&self, moment: &Moment<'_>) -> u8 {
        let third = |axis: usize| {
            let level = moment.known(self.axes[axis]).and_then(|value| value.as_number()).unwrap_or(0.0);
            ((level * 3.0) as u8).min(2)
        };
        let row = if self.is_downwards { third(1) } else { 2 - third(1) };
        b'1' + 3 * row + third(0)
    }

    fn begin(&mut self, moment: &Moment<'_>) {
        self.path.len = 0;
        // With a pad that sends the touch before the position, each gesture would begin where the last one ended.
        if self.has_moved && self.half.is_none() {
            self.path.add(self.field(moment));
        }
    }

    fn end(&mut self, moment: &Moment<'_>) -> Value {
        (self.has_moved, self.half) = (false, None);
        self.path.add(self.field(moment));
        if *self.text != *self.path.as_str() {
            self.text = self.path.as_str().into();
        }
        Value::Text(self.text.clone())
    }
}

impl Stateful for Gesture {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        moment.number(&value, GESTURE.name)?;
        let was_touched = std::mem::replace(&mut self.is_touched, value.is_pressed());
        match (was_touched, self.is_touched) {
            (false, true) => {
                self.begin(moment);
                None
            }
            (true, false) => {
                // A repeated gesture is a new one.
                moment.is_trigger = true;
                Some(self.end(moment))
            }
            (false, false) | (true, true) => None,
        }
    }

    fn handle_signal(&mut self, moment: &mut Moment<'_>, signal: Signal<'_>) -> Option<Value> {
        let Signal::Channel(reference, _) = signal else { return None };
        self.has_moved = true;
        let field = self.field(moment);
        match self.half.take() {
            Some((_, axis, at)) if axis != reference && moment.now - at <= STEP => self.path.add(field),
            before => {
                if let Some((stood, ..)) = before {
                    self.path.add(stood);
                }
                self.half = Some((field, reference, moment.now));
            }
        }
        None
    }

    fn properties(&self) -> Properties<'_> {
        Properties { kinds: (Kind::Event, Kind::Event), ..Properties::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::{ChainRig, read_stage};

    /// What a pad says.
    #[derive(Copy, Clone)]
    enum Event {
        X(f64),
        Y(f64),
        Touch(f64),
        /// Time passes, in milliseconds.
        Wait(u64),
    }
    use Event::{Touch, Wait, X, Y};

    /// The texts that come out.
    fn draw(rig: &mut ChainRig, events: &[Event]) -> Vec<String> {
        let mut texts = Vec::new();
        for event in events {
            let passed = match *event {
                X(level) => rig.channel(0, level),
                Y(level) => rig.channel(1, level),
                Touch(level) => rig.put(level),
                Wait(millis) => rig.advance(Duration::from_millis(millis)).pop().map(|(_, value)| value),
            };
            texts.extend(passed.map(|value| value.as_text().unwrap().to_owned()));
        }
        texts
    }

    fn drawn(events: &[Event]) -> String {
        draw(&mut ChainRig::new("gesture pad.x pad.y"), events).concat()
    }

    #[test]
    fn the_fields_are_those_of_a_telephone() {
        let levels = [0.0, 0.5, 1.0];
        let mut up = ChainRig::new("gesture pad.x pad.y");
        let mut down = ChainRig::new("gesture pad.x pad.y downwards");
        for (at, field) in ["7", "8", "9", "4", "5", "6", "1", "2", "3"].into_iter().enumerate() {
            let tap = [X(levels[at % 3]), Y(levels[at / 3]), Touch(1.0), Touch(0.0)];
            assert_eq!(draw(&mut up, &tap), [field]);
        }
        for (at, field) in ["1", "2", "3", "4", "5", "6", "7", "8", "9"].into_iter().enumerate() {
            let tap = [X(levels[at % 3]), Y(levels[at / 3]), Touch(1.0), Touch(0.0)];
            assert_eq!(draw(&mut down, &tap), [field]);
        }
        for (level, field) in [(0.333, "7"), (0.334, "8"), (0.666, "8"), (0.667, "9")] {
            assert_eq!(drawn(&[X(level), Y(0.0), Touch(1.0), Touch(0.0)]), field, "{level}");
        }
    }

    #[test]
    fn fields_in_a_row_are_written_once_and_in_order() {
        let events = [
            X(0.1),
            Y(0.9),
            Touch(1.0),
            Wait(20),
            Y(0.8),
            Wait(20),
            Y(0.5),
            Wait(20),
            Y(0.4),
            Wait(20),
            Y(0.1),
            Wait(20),
            X(0.5),
            Wait(20),
            X(0.9),
            Wait(20),
            Touch(0.0),
        ];
        assert_eq!(drawn(&events), "14789");
    }

    #[test]
    fn an_oblique_step_goes_over_no_field_beside_it() {
        let events = [
            X(0.1),
            Y(0.9),
            Touch(1.0),
            Wait(20),
            X(0.5),
            Wait(2),
            Y(0.5),
            Wait(20),
            Y(0.1),
            X(0.9),
            Wait(1),
            Touch(0.0),
        ];
        assert_eq!(drawn(&events), "159");
        // The same at rest in between is a corner.
        let events = [X(0.1), Y(0.9), Touch(1.0), Wait(20), X(0.5), Wait(6), Y(0.5), Wait(20), Touch(0.0)];
        assert_eq!(drawn(&events), "125");
    }

    #[test]
    fn positions_that_arrive_at_once_are_still_distinguished() {
        let both = [X(0.1), Y(0.9), Touch(1.0), X(0.1), Y(0.5), X(0.1), Y(0.1), X(0.5), Y(0.1), Touch(0.0)];
        assert_eq!(drawn(&both), "1478");
        let changed = [X(0.1), Y(0.9), Touch(1.0), Y(0.5), Y(0.1), Touch(0.0)];
        assert_eq!(drawn(&changed), "147");
    }

    #[test]
    fn a_pad_that_sends_the_touch_first_does_not_begin_where_the_last_gesture_ended() {
        let mut rig = ChainRig::new("gesture pad.x pad.y");
        let touch = |x, y| [Touch(1.0), X(x), Y(y), Wait(20), Y(0.5), Wait(20), Touch(0.0)];
        assert_eq!(draw(&mut rig, &touch(0.1, 0.9)), ["14"]);
        assert_eq!(draw(&mut rig, &touch(0.9, 0.1)), ["96"]);
        assert_eq!(
            draw(&mut rig, &[Touch(1.0), Touch(0.0)]),
            ["6"],
            "a tap where the finger was says nothing new"
        );
    }

    #[test]
    fn a_touch_between_both_halves_of_its_position_begins_at_the_whole_of_it() {
        let mut rig = ChainRig::new("gesture pad.x pad.y");
        draw(&mut rig, &[X(0.9), Y(0.1), Touch(1.0), Touch(0.0), Wait(20)]);
        assert_eq!(
            draw(&mut rig, &[X(0.1), Touch(1.0), Y(0.9), Wait(20), X(0.5), Wait(20), Touch(0.0)]),
            ["12"]
        );
        assert_eq!(draw(&mut rig, &[X(0.1), Wait(20), Touch(1.0), Y(0.5), Wait(20), Touch(0.0)]), ["14"]);
    }

    #[test]
    fn movements_without_a_touch_are_not_written_down() {
        let events = [
            X(0.1),
            Y(0.9),
            X(0.9),
            Wait(20),
            Y(0.1),
            Wait(20),
            Touch(0.9),
            Touch(1.0),
            Touch(0.0),
            Touch(0.0),
        ];
        assert_eq!(drawn(&events), "9");
    }

    #[test]
    fn a_gesture_has_at_most_sixty_four_fields() {
        let mut events = vec![X(0.1), Y(0.9), Touch(1.0)];
        for _ in 0..100 {
            events.extend([X(0.9), Wait(20), X(0.1), Wait(20)]);
        }
        events.push(Touch(0.0));
        assert_eq!(drawn(&events), "13".repeat(32));
    }

    #[test]
    fn the_same_gesture_again_is_the_same_text() {
        let mut rig = ChainRig::new("gesture pad.x pad.y");
        let mut tap = || {
            rig.put(1.0);
            let Some(Value::Text(text)) = rig.put(0.0) else { panic!("a tap gives a text") };
            text
        };
        assert!(std::ptr::eq(&*tap(), &*tap()));
    }

    #[test]
    fn each_gesture_is_a_press_of_the_button_that_is_made_of_it() {
        let mut rig = ChainRig::new(r#"gesture pad.x pad.y | match "7"=1 | toggle"#);
        let passed = [1.0, 0.0, 1.0, 0.0].map(|touch| rig.number(touch));
        assert_eq!(passed, [None, Some(1.0), None, Some(0.0)]);
    }

    #[test]
    fn a_recall_and_a_text_touch_nothing_and_there_is_no_way_back() {
        let mut rig = ChainRig::new("gesture pad.x pad.y");
        assert_eq!((rig.recall(1.0), rig.put("on"), rig.put(0.0)), (None, None, None));
        assert_eq!((rig.notices.len(), rig.chain.inverse().unwrap_err()), (1, 0));
        for text in ["gesture", "gesture pad.x", "gesture pad.x pad.y up"] {
            assert!(read_stage(text, &mut Vec::new()).is_err(), "{text}");
        }
    }
}
