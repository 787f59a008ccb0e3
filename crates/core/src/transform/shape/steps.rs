//! A few levels for many.

/// The level of the zone that a number lies in: the first of `count` is 0, the last one 1.
pub(super) fn step(count: u32, number: f64) -> f64 {
    // Cutting off the decimals by a conversion costs a third of `floor`; what is clipped before cannot be out of range.
    let zone = (number.clamp(0.0, 1.0) * f64::from(count)) as u32;
    f64::from(zone.min(count - 1)) / f64::from(count - 1)
}

/// Returns the multiple of `step` that is nearest; of two, the one further from 0.
pub(super) fn quantize(step: f64, number: f64) -> f64 {
    (number / step).round() * step
}
