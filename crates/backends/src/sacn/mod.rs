//! Streaming ACN (sACN, ANSI E1.31-2018): DMX universes over IP, by multicast or from one host to another.
//!
//! [`wire`] is the codec.

mod receive;
pub mod wire;
