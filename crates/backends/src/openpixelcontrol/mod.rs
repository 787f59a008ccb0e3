//! Open Pixel Control: strips of RGB pixels over TCP.
//!
//! [`wire`] is the codec.

pub mod wire;
