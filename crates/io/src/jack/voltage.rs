//! Control voltages: selects the samples that are reported, and turns a level into samples.

/// An input voltage.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Gauge {
    /// The smallest change that is reported.
    step: f32,
    reported: Option<f32>,
    /// The voltage at the end of the last block.
    last: f32,
}

impl Gauge {
    /// A voltage of which every change by more than `step` is reported.
    pub(super) fn new(step: f32) -> Self {
        Self { step, ..Self::default() }
    }

    /// The voltage at the end of a block, if it should be reported: it has moved far enough, or settled at another level.
    pub(super) fn change(&mut self, samples: &[f32]) -> Option<f32> {
        let voltage = samples.last().copied().filter(|voltage| voltage.is_finite())?;
        let is_settled = std::mem::replace(&mut self.last, voltage) == voltage;
        let is_due = self.reported.is_none_or(|reported| {
            (voltage - reported).abs() > self.step || (is_settled && voltage != reported)
        });
        is_due.then_some(voltage)
    }

    /// Records that the voltage was reported.
    pub(super) fn mark_reported(&mut self, voltage: f32) {
        self.reported = Some(voltage);
    }
}

/// Fills a block with a straight line from `from` to `to`, which is its last sample.
pub(super) fn ramp(from: f32, to: f32, samples: &mut [f32]) {
    let len = samples.len() as f32;
    let step = (to - from) / len;
    for (at, sample) in samples.iter_mut().enumerate() {
        *sample = from + step * (at + 1) as f32;
    }
    // The last sample is exact, whatever rounding does.
    if let Some(last) = samples.last_mut() {
        *last = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(gauge: &mut Gauge, samples: &[f32]) -> Option<f32> {
        let voltage = gauge.change(samples)?;
        gauge.mark_reported(voltage);
        Some(voltage)
    }

    #[test]
    fn a_voltage_is_reported_when_it_has_moved_or_settled() {
        let mut gauge = Gauge::new(0.1);
        assert_eq!(report(&mut gauge, &[0.0, 0.0]), Some(0.0), "at first");
        assert_eq!(report(&mut gauge, &[0.0, 0.05]), None, "noise");
        assert_eq!(report(&mut gauge, &[0.0, 0.04]), None, "noise");
        assert_eq!(report(&mut gauge, &[0.04, 0.04]), Some(0.04), "settled");
        assert_eq!(report(&mut gauge, &[0.04, 0.04]), None, "said");
        assert_eq!(report(&mut gauge, &[0.1, 0.5]), Some(0.5), "moved");
        assert_eq!(report(&mut gauge, &[f32::NAN]), None);
        assert_eq!(report(&mut gauge, &[]), None);
    }

    #[test]
    fn an_unreported_voltage_is_due_again() {
        let mut gauge = Gauge::new(0.1);
        assert_eq!(gauge.change(&[1.0]), Some(1.0));
        assert_eq!(gauge.change(&[1.0]), Some(1.0));
    }

    #[test]
    fn a_block_goes_straight_from_the_last_level_to_the_next() {
        let mut samples = [9.0; 4];
        ramp(0.0, 1.0, &mut samples);
        assert_eq!(samples, [0.25, 0.5, 0.75, 1.0]);
        ramp(1.0, 1.0, &mut samples);
        assert_eq!(samples, [1.0; 4]);
        ramp(0.1, 0.3, &mut samples);
        assert_eq!(samples[3], 0.3);
        ramp(0.0, 1.0, &mut []);
    }
}
