//! How the times of many events and the figures of several rounds become one.

use std::time::Duration;

/// Of a number of times, the middle one, those that 1 % and 0.1 % exceed, and the longest; in microseconds.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Quantiles {
    pub(crate) median: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Quantiles {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let micros = |at: usize| times.get(at.min(times.len().saturating_sub(1))).map_or(0.0, micros);
        Self {
            median: micros(times.len() / 2),
            p99: micros(times.len() * 99 / 100),
            p999: micros(times.len() * 999 / 1000),
            max: micros(usize::MAX),
        }
    }
}

/// The middle one of some numbers; 0 if there is none.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}

/// A time in microseconds.
pub(crate) fn micros(time: &Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_few_and_of_many() {
        let none = Quantiles::of(Vec::new());
        assert_eq!((none.median, none.max), (0.0, 0.0));
        let all = Quantiles::of((1..=1000).rev().map(Duration::from_micros).collect());
        assert_eq!((all.median, all.p99, all.p999, all.max), (501.0, 991.0, 1000.0, 1000.0));
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }
}
