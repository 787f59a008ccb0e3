//! Transforms that turn values into buttons, and change how buttons behave.

mod cycle;
mod debounce;
mod double;
mod edge;
mod hold;
mod press;
mod pulse;
mod radio;
mod threshold;

use crosspatch_core::transform::Family;

pub(super) const FAMILY: Family = Family {
    name: "button",
    manual: include_str!("README.md"),
    transforms: &[
        &threshold::THRESHOLD,
        &press::PRESS,
        &press::RELEASE,
        &cycle::TOGGLE,
        &cycle::CYCLE,
        &pulse::PULSE,
        &hold::HOLD,
        &double::DOUBLE,
        &debounce::DEBOUNCE,
        &radio::RADIO,
    ],
};
