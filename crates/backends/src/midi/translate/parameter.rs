//! Registered and non-registered parameters (RPN, NRPN): the one that data entry belongs to, for each channel
//! (MIDI 1.0 Detailed Specification 4.2, "Registered and non-registered parameter numbers").

use super::super::address::{Address, Voice};
use super::super::wire::{U7, U14};

/// Data entry, upper half.
pub(super) const DATA_MSB: u16 = 6;
/// Data entry, lower half.
pub(super) const DATA_LSB: u16 = 38;
/// Increment.
pub(super) const INCREMENT: u16 = 96;
/// Decrement.
pub(super) const DECREMENT: u16 = 97;
const NRPN_LSB: u16 = 98;
const NRPN_MSB: u16 = 99;
const RPN_LSB: u16 = 100;
const RPN_MSB: u16 = 101;

/// The selected parameter of a channel.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct SelectedParameter {
    is_registered: bool,
    msb: Option<U7>,
    lsb: Option<U7>,
}

impl SelectedParameter {
    /// Handles a controller. Returns whether it selects a parameter.
    pub(super) fn select(&mut self, controller: U7, value: U7) -> bool {
        let is_registered = match controller.get() {
            RPN_LSB | RPN_MSB => true,
            NRPN_LSB | NRPN_MSB => false,
            _ => return false,
        };
        if self.is_registered != is_registered {
            *self = Self { is_registered, msb: None, lsb: None };
        }
        match controller.get() {
            RPN_MSB | NRPN_MSB => self.msb = Some(value),
            _ => self.lsb = Some(value),
        }
        true
    }

    /// The parameter that data entry belongs to. The numbers 127 and 127 select none.
    pub(super) fn parameter(self) -> Option<Voice> {
        let number = U14::of_halves(self.msb?, self.lsb?);
        match self.is_registered {
            _ if number == U14::MAX => None,
            true => Some(Voice::Rpn(number)),
            false => Some(Voice::Nrpn(number)),
        }
    }
}

/// Whether the channel is a parameter.
pub(super) fn is_parameter(address: &Address) -> bool {
    matches!(address, Address::Voice(_, Voice::Rpn(_) | Voice::Nrpn(_)))
}

/// The controllers that set a parameter, with their values: both halves of the data, or the upper one alone. The null
/// function deselects both kinds of parameters, and is itself registered.
pub(super) fn controllers(
    is_registered: bool,
    number: U14,
    data: (U7, Option<U7>),
    deselects: bool,
) -> impl Iterator<Item = (U7, U7)> {
    let (msb, lsb) = if is_registered { (RPN_MSB, RPN_LSB) } else { (NRPN_MSB, NRPN_LSB) };
    let select = [(msb, number.msb()), (lsb, number.lsb()), (DATA_MSB, data.0)];
    let fine = data.1.map(|lsb| (DATA_LSB, lsb));
    let deselect = deselects.then_some([(RPN_MSB, U7::MAX), (RPN_LSB, U7::MAX)]).into_iter().flatten();
    select.into_iter().chain(fine).chain(deselect).map(|(controller, value)| (U7::masked(controller), value))
}
