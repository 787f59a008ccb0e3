//! Control voltages: which of many samples are worth telling, and how a level becomes samples.

/// A voltage that is listened to.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Gauge {
    /// How far it has to move.
    step: f32,
    told: Option<f32>,
    /// At the end of the last block.
    last: f32,
}

impl Gauge {
    /// A voltage of which every movement by more than this counts.
    pub(super) fn new(step: f32) -> Self {
        Self { step, ..Self::default() }
    }

    /// The voltage at the end of a block if it is to be told: it has moved far enough, or has settled somewhere else.
    pub(super) fn hear(&mut self, samples: &[f32]) -> Option<f32> {
        let voltage = samples.last().copied().filter(|voltage| voltage.is_finite())?;
        let is_settled = std::mem::replace(&mut self.last, voltage) == voltage;
        let is_due = self
            .told
            .is_none_or(|told| (voltage - told).abs() > self.step || (is_settled && voltage != told));
        is_due.then_some(voltage)
    }

    /// It was told.
    pub(super) fn has_told(&mut self, voltage: f32) {
        self.told = Some(voltage);
    }
}

/// Fills a block with a straight line that leaves `from` and arrives at `to` with its last sample.
pub(super) fn ramp(from: f32, to: f32, samples: &mut [f32]) {
    let len = samples.len() as f32;
    let step = (to - from) / len;
    for (at, sample) in samples.iter_mut().enumerate() {
        *sample = from + step * (at + 1) as f32;
    }
    // Where rounding would leave it a little off, it is exact.
    if let Some(last) = samples.last_mut() {
        *last = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tell(gauge: &mut Gauge, samples: &[f32]) -> Option<f32> {
        let voltage = gauge.hear(samples)?;
        gauge.has_told(voltage);
        Some(voltage)
    }

    #[test]
    fn a_voltage_is_told_when_it_has_moved_or_settled() {
        let mut gauge = Gauge::new(0.1);
        assert_eq!(tell(&mut gauge, &[0.0, 0.0]), Some(0.0), "at first");
        assert_eq!(tell(&mut gauge, &[0.0, 0.05]), None, "noise");
        assert_eq!(tell(&mut gauge, &[0.0, 0.04]), None, "noise");
        assert_eq!(tell(&mut gauge, &[0.04, 0.04]), Some(0.04), "settled");
        assert_eq!(tell(&mut gauge, &[0.04, 0.04]), None, "said");
        assert_eq!(tell(&mut gauge, &[0.1, 0.5]), Some(0.5), "moved");
        assert_eq!(tell(&mut gauge, &[f32::NAN]), None);
        assert_eq!(tell(&mut gauge, &[]), None);
    }

    #[test]
    fn what_was_not_told_is_due_again() {
        let mut gauge = Gauge::new(0.1);
        assert_eq!(gauge.hear(&[1.0]), Some(1.0));
        assert_eq!(gauge.hear(&[1.0]), Some(1.0));
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
