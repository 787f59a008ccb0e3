//! `wave`: outputs an oscillating value, whose size is the source's level.
//!
//! A wave is a function of the time since the program started. Therefore waves with the same period are in phase in all lines, and
//! a reload does not shift the targets of a line against each other.

use crosspatch_core::transform::{
    ArgumentError, Arguments, LinePosition, Moment, Stage, Stateful, Transform,
};
use crosspatch_core::{Duration, Instant, Value};

pub(crate) const WAVE: Transform = Transform {
    name: "wave",
    usage: "wave sine|triangle|saw|square <period> [spread] [rate <rate>]",
    summary: "oscillates between 0 and the value of the source",
    read,
};

/// The output interval of a wave that changes continuously: a little longer than the interval of DMX frames.
const USUAL_RATE: f64 = 40.0;

/// The shortest period: a strobe at 50 Hz, which outputs a hundred values per second.
const SHORTEST: Duration = Duration::from_millis(20);

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    const FORMS: [(&str, Waveform); 4] = [
        ("sine", Waveform::Sine),
        ("triangle", Waveform::Triangle),
        ("saw", Waveform::Saw),
        ("square", Waveform::Square),
    ];
    let form = arguments.one_of("a wave form", &FORMS)?;
    let if_short = arguments.unexpected("a period of at least `20ms`");
    let period = arguments.duration("a period")?;
    if period < SHORTEST {
        return Err(if_short);
    }
    let is_spread = arguments.keyword("spread");
    let rate = if arguments.keyword("rate") { arguments.rate("a rate")? } else { USUAL_RATE };
    Ok(Stage::Stateful(Box::new(Wave {
        form,
        period: period.as_micros() as u64,
        is_spread,
        lead: 0,
        tick: (1e6 / rate) as u64,
        size: 0.0,
        due: None,
        has_spoken: false,
    })))
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Waveform {
    Sine,
    Triangle,
    Saw,
    Square,
}

impl Waveform {
    /// The level, 0 to 1, at a phase of the period, 0 up to 1. Sine and triangle begin in the middle and rise.
    fn level(self, part: f64) -> f64 {
        match self {
            Self::Sine => 0.5 + 0.5 * (part * std::f64::consts::TAU).sin(),
            Self::Triangle if part < 0.25 => 0.5 + 2.0 * part,
            Self::Triangle if part < 0.75 => 1.5 - 2.0 * part,
            Self::Triangle => 2.0 * part - 1.5,
            Self::Saw => part,
            Self::Square => f64::from(u8::from(part < 0.5)),
        }
    }
}

/// Times are in microseconds.
#[derive(Clone, Debug)]
struct Wave {
    form: Waveform,
    period: u64,
    /// Whether the targets of the line are shifted in phase.
    is_spread: bool,
    /// The phase shift from the first target.
    lead: u64,
    /// The interval between two values.
    tick: u64,
    /// The height of the wave. At 0, it pauses.
    size: f64,
    /// When the next level is due.
    due: Option<Instant>,
    has_spoken: bool,
}

impl Wave {
    /// The phase of the wave.
    fn position(&self, now: Instant) -> u64 {
        (now.as_micros() % self.period + self.lead) % self.period
    }

    fn next_tick(&self, now: Instant) -> Instant {
        Instant::from_micros((now.as_micros() / self.tick + 1) * self.tick)
    }

    /// When the level changes next: a square at its edges, so that they are exact and nothing is output between them; the other
    /// forms with each tick.
    fn next_change(&self, now: Instant) -> Instant {
        if self.form != Waveform::Square {
            return self.next_tick(now);
        }
        let (position, half) = (self.position(now), self.period.div_ceil(2));
        let edge = if position < half { half } else { self.period };
        now + Duration::from_micros(edge - position)
    }

    fn emit(&mut self, now: Instant) -> Value {
        self.has_spoken = true;
        self.due = (self.size > 0.0).then(|| self.next_change(now));
        let part = self.position(now) as f64 / self.period as f64;
        Value::Number(self.size * self.form.level(part))
    }
}

impl Stateful for Wave {
    fn handle_value(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        let size = moment.number(&value, WAVE.name)?.max(0.0);
        let was = std::mem::replace(&mut self.size, size);
        match self.due {
            // A running wave is output with the next tick, however often the source changes its size.
            Some(due) if size > 0.0 => {
                if size != was {
                    self.due = Some(due.min(self.next_tick(moment.now)));
                }
                None
            }
            None if size == was && self.has_spoken => None,
            Some(_) | None => Some(self.emit(moment.now)),
        }
    }

    fn handle_recall(&mut self, moment: &mut Moment<'_>, value: Value) -> Option<Value> {
        self.size = moment.number(&value, WAVE.name)?.max(0.0);
        Some(self.emit(moment.now))
    }

    fn handle_timeout(&mut self, moment: &mut Moment<'_>) -> Option<Value> {
        Some(self.emit(moment.now))
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.due
    }

    fn place(&mut self, place: LinePosition) {
        if self.is_spread {
            let part = f64::from(place.number) / f64::from(place.count);
            self.lead = (part * self.period as f64).round() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::{ChainRig, chain, read_stage};

    fn milliseconds(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    /// What a wave gives until `end`, rounded to three decimals.
    fn levels(rig: &mut ChainRig, end: u64) -> Vec<(u64, f64)> {
        let passed = rig.advance(milliseconds(end)).into_iter();
        passed.map(|(at, value)| (at, (value.as_number().unwrap() * 1e3).round() / 1e3)).collect()
    }

    fn at(text: &str, number: u32, count: u32) -> ChainRig {
        ChainRig::of(chain(text), LinePosition { number, count, narrow: 1 })
    }

    #[test]
    fn each_form_goes_its_way_through_a_period() {
        for (form, expected) in [
            ("sine", [0.5, 0.854, 1.0, 0.854, 0.5, 0.146, 0.0, 0.146]),
            ("triangle", [0.5, 0.75, 1.0, 0.75, 0.5, 0.25, 0.0, 0.25]),
            ("saw", [0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]),
        ] {
            let mut rig = ChainRig::new(&format!("wave {form} 800ms rate 10/s"));
            assert_eq!(rig.number(1.0), Some(expected[0]), "{form}");
            let expected: Vec<_> = (1..=8).map(|tick| (tick * 100, expected[tick as usize % 8])).collect();
            assert_eq!(levels(&mut rig, 800), expected, "{form}");
        }
    }

    #[test]
    fn a_square_speaks_at_its_edges_only() {
        let mut rig = ChainRig::new("wave square 1s");
        assert_eq!(rig.number(0.8), Some(0.8));
        assert_eq!(levels(&mut rig, 2000), [(500, 0.0), (1000, 0.8), (1500, 0.0), (2000, 0.8)]);
        let mut odd = ChainRig::new("wave square 20.001ms");
        odd.number(1.0);
        assert_eq!(odd.advance(milliseconds(2000)).len(), 199);
    }

    #[test]
    fn without_a_rate_the_target_receives_forty_values_a_second() {
        let mut rig = ChainRig::new("wave sine 10s");
        rig.number(1.0);
        assert_eq!(rig.advance(milliseconds(1000)).len(), 40);
    }

    #[test]
    fn at_zero_it_says_so_once_and_rests() {
        let mut rig = ChainRig::new("wave saw 1s");
        assert_eq!((rig.number(0.0), rig.next_timeout()), (Some(0.0), None));
        assert_eq!(rig.number(0.0), None);
        levels(&mut rig, 250);
        assert_eq!(rig.number(1.0), Some(0.25));
        assert_eq!(levels(&mut rig, 50), [(275, 0.275), (300, 0.3)]);
        assert_eq!((rig.number(0.0), rig.number(0.0), rig.next_timeout()), (Some(0.0), None, None));
        assert_eq!(levels(&mut rig, 5000), []);
    }

    #[test]
    fn a_new_size_waits_for_the_next_tick_and_shifts_nothing() {
        let mut rig = ChainRig::new("wave saw 1s");
        rig.number(0.1);
        levels(&mut rig, 510);
        for size in 0..100 {
            assert_eq!(rig.number(0.5 + f64::from(size) / 200.0), None);
        }
        assert_eq!(levels(&mut rig, 20), [(525, 0.522)]);
        let mut square = ChainRig::new("wave square 10s");
        square.number(1.0);
        levels(&mut square, 110);
        assert_eq!((square.number(0.5), square.number(0.5)), (None, None));
        assert_eq!(levels(&mut square, 4890), [(125, 0.5), (5000, 0.0)]);
    }

    #[test]
    fn what_it_says_depends_on_the_time_and_not_on_how_often_it_was_woken() {
        let (mut early, mut late) = (ChainRig::new("wave sine 3s"), ChainRig::new("wave sine 3s"));
        early.number(1.0);
        late.advance(milliseconds(1700));
        late.number(1.0);
        early.advance(milliseconds(1700));
        assert_eq!(levels(&mut early, 500), levels(&mut late, 500));
    }

    #[test]
    fn twenty_four_targets_fly_as_in_midimonsters_example() {
        for number in 0..24 {
            let mut rig = at("wave sine 7.2s spread rate 10/s", number, 24);
            rig.number(1.0);
            for (step, (_, value)) in (1..).zip(rig.advance(milliseconds(7200))) {
                let angle = f64::from((step * 5 + number * 15) % 360).to_radians();
                let level = (angle.sin() + 1.0) / 2.0;
                assert!((value.as_number().unwrap() - level).abs() < 1e-12, "target {number}, step {step}");
            }
        }
    }

    #[test]
    fn the_targets_of_a_line_follow_each_other() {
        for (number, peak) in [(0, 250), (1, 1000), (2, 750), (3, 500)] {
            let mut rig = at("wave triangle 1s spread", number, 4);
            rig.number(1.0);
            let peaks: Vec<_> =
                levels(&mut rig, 1000).into_iter().filter(|&(_, level)| level == 1.0).collect();
            assert_eq!(peaks, [(peak, 1.0)], "target {number}");
        }
        assert_eq!(at("wave square 1s spread", 1, 2).number(1.0), Some(0.0));
        assert_eq!(at("wave square 1s", 1, 2).number(1.0), Some(1.0));
    }

    #[test]
    fn sizes_may_lie_outside_of_the_range() {
        assert_eq!(ChainRig::new("offset -1 | wave square 1s").number(0.5), Some(0.0));
        assert_eq!(ChainRig::new("scale 4 | wave sine 1s").number(1.0), Some(1.0));
    }

    #[test]
    fn a_recall_sets_it_going_and_a_text_does_not() {
        let mut rig = ChainRig::new("wave square 1s");
        assert_eq!((rig.recall("on"), rig.next_timeout()), (None, None));
        assert_eq!(rig.recall(0.5), Some(0.5.into()));
        assert_eq!((rig.put("on"), rig.notices.len()), (None, 2));
        assert_eq!(levels(&mut rig, 500), [(500, 0.0)]);
        assert_eq!((rig.recall(0.0), rig.next_timeout()), (Some(0.0.into()), None));
    }

    #[test]
    fn mistakes_are_pointed_at() {
        for (text, at, message) in [
            ("wave", 4..4, "expected a wave form, found nothing"),
            ("wave sinus 1s", 5..10, "expected a wave form, found `sinus`"),
            ("wave sine", 9..9, "expected a period such as `100ms`, found nothing"),
            ("wave sine 19ms", 10..14, "expected a period of at least `20ms`, found `19ms`"),
            ("wave sine 1s sprad", 13..18, "expected nothing more, found `sprad`"),
            ("wave sine 1s rate 0/s", 18..21, "expected a rate from 0.01 to 1000, found `0`"),
        ] {
            let error = read_stage(text, &mut Vec::new()).unwrap_err();
            assert_eq!((error.at, error.message.as_str()), (at, message), "{text}");
        }
        assert_eq!(chain("wave sine 1s").inverse().unwrap_err(), 0);
    }
}
