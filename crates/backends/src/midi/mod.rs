//! MIDI: controllers, surfaces, instruments and show control.
//!
//! [`wire`] is the codec. It, the addresses and the translation between messages and values serve every backend that speaks
//! MIDI, whatever carries it.

pub mod address;
pub mod translate;
pub mod wire;
