//! Transforms that change when a value arrives, or how fast.

mod dedup;
mod delay;
mod print;
mod queue;
mod rate;
mod recall;
mod smooth;
mod start;
mod timeout;
mod wave;

use crosspatch_core::transform::Family;

pub(super) const FAMILY: Family = Family {
    name: "time",
    manual: include_str!("README.md"),
    transforms: &[
        &smooth::SMOOTH,
        &delay::DELAY,
        &rate::RATE,
        &dedup::DEDUP,
        &recall::EVENT,
        &recall::STATE,
        &timeout::TIMEOUT,
        &wave::WAVE,
        &start::START,
        &print::PRINT,
    ],
};
